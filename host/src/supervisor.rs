//! Keeps an enclave alive. An enclave that was started again is a new instance without keys.

use crate::{
    FAREWELL,
    machine::{Death, Machine},
    metrics::Metrics,
    schedule::Schedules,
    service::Service,
    watched::{Stop, Watched, source_of},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

/// What whoever keeps an enclave needs.
#[derive(Debug)]
pub(crate) struct Kept {
    watched: Watched,
    metrics: Arc<Metrics>,
    service: Arc<Service>,
    /// How long an enclave stays after its run was answered.
    linger: Duration,
}

impl Kept {
    pub(crate) fn of(
        watched: &Watched,
        metrics: &Arc<Metrics>,
        service: &Arc<Service>,
        linger_seconds: u64,
    ) -> Self {
        Self {
            watched: watched.clone(),
            metrics: Arc::clone(metrics),
            service: Arc::clone(service),
            linger: Duration::from_secs(linger_seconds),
        }
    }

    /// Keeps an enclave alive until `stop` is asked for, all the time or for the runs that are due; nothing if somebody else
    /// does.
    pub(crate) fn supervise(
        self,
        machine: Option<Machine>,
        schedules: Option<Arc<Schedules>>,
        stop: Stop,
    ) -> JoinSet<bool> {
        let mut supervisor = JoinSet::new();
        match (machine, schedules) {
            (None, _) => {}
            (Some(machine), None) => {
                supervisor.spawn(keep_alive(machine, self.watched, self.metrics, stop));
            }
            (Some(machine), Some(schedules)) => {
                let runs = OnTime { machine, kept: self, schedules };
                supervisor.spawn(runs.keep(stop));
            }
        }
        supervisor
    }
}

/// Starts another enclave whenever one ends, each time after twice the pause, until `stop` is asked
/// for. Returns whether nothing is left then.
async fn keep_alive(
    machine: Machine,
    watched: Watched,
    metrics: Arc<Metrics>,
    mut stop: Stop,
) -> bool {
    let mut pause = FIRST_PAUSE;
    loop {
        let began = Instant::now();
        watched.starting();
        let lived = machine.live(&watched, &mut stop).await;
        watched.gone();
        match lived {
            Ok(()) => return true,
            Err(death) => {
                let (served, cause) = (watched.has_served(), source_of(&death));
                metrics.died(death.cause(), served);
                let what = if served { "ended" } else { "did not start" };
                let again_in_ms = pause.as_millis();
                tracing::warn!(again_in_ms, "the enclave {what}: {death}{cause}");
            }
        }
        if began.elapsed() > STEADY {
            pause = FIRST_PAUSE;
        }
        tokio::select! {
            () = sleep(pause) => {}
            () = stop.asked() => break,
        }
        pause = LONGEST_PAUSE.min(pause * 2);
    }
    let cleared = machine.clear().await;
    if let Err(death) = &cleared {
        tracing::error!("the enclave may still run: {death}{}", source_of(death));
    }
    cleared.is_ok()
}

/// Runs an enclave for each run of a standing order, from the time when it is due until it was answered or missed.
struct OnTime {
    machine: Machine,
    kept: Kept,
    schedules: Arc<Schedules>,
}

impl OnTime {
    /// Does so until `stop` is asked for. Returns whether nothing is left then.
    async fn keep(self, mut stop: Stop) -> bool {
        let mut pause = FIRST_PAUSE;
        while !stop.is_asked() {
            let run = tokio::select! {
                run = self.schedules.next() => run,
                () = stop.asked() => break,
            };
            let order = run.order.short();
            tracing::info!(%order, run = run.number, "an enclave is started for a run that is due");
            let Err(death) = self.once(&mut stop).await else {
                pause = FIRST_PAUSE;
                continue;
            };
            let (served, cause) = (self.kept.watched.has_served(), source_of(&death));
            self.kept.metrics.died(death.cause(), served);
            let again_in_ms = pause.as_millis();
            tracing::warn!(again_in_ms, "the enclave of a run: {death}{cause}");
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.asked() => break,
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        }
        let cleared = self.machine.clear().await;
        if let Err(death) = &cleared {
            tracing::error!("the enclave may still run: {death}{}", source_of(death));
        }
        cleared.is_ok()
    }

    /// One life of an enclave. It ends once nothing is due any more, and is told first, so that it leaves its closing.
    async fn once(&self, stop: &mut Stop) -> Result<(), Death> {
        let Kept { watched, service, linger, .. } = &self.kept;
        service.let_stay();
        let (end, ended) = watch::channel(false);
        let mut ended = Stop(ended);
        let ending = async {
            let quiet = async {
                self.schedules.quiet().await;
                sleep(*linger).await;
            };
            tokio::select! {
                () = quiet => {}
                () = stop.asked() => {}
            }
            service.ask_to_leave();
            if !watched.farewell(FAREWELL).await {
                tracing::warn!(
                    "the instance left no closing: what was handed to it and not spent is lost"
                );
            }
            end.send_replace(true);
            std::future::pending::<()>().await;
        };
        let lived = tokio::select! {
            lived = self.machine.live(watched, &mut ended) => lived,
            () = ending => Ok(()),
        };
        watched.gone();
        lived
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// An enclave that lived this long did not die of its configuration.
const STEADY: Duration = Duration::from_secs(60);
