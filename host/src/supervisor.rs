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

/// What keeps an enclave alive.
#[derive(Debug)]
pub(crate) struct Keeper {
    watched: Watched,
    metrics: Arc<Metrics>,
    service: Arc<Service>,
    /// How long an enclave stays after its run was answered.
    linger: Duration,
}

impl Keeper {
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
                supervisor.spawn(self.keep_alive(machine, stop));
            }
            (Some(machine), Some(schedules)) => {
                let runs = OnTime { machine, keeper: self, schedules };
                supervisor.spawn(runs.keep(stop));
            }
        }
        supervisor
    }

    /// Starts another enclave whenever one ends, each time after twice the pause, until `stop` is asked
    /// for. Returns whether nothing is left then.
    async fn keep_alive(self, machine: Machine, mut stop: Stop) -> bool {
        let mut pause = FIRST_PAUSE;
        loop {
            let began = Instant::now();
            self.watched.starting();
            let lived = machine.live(&self.watched, &mut stop).await;
            self.watched.gone();
            match lived {
                Ok(()) => return true,
                Err(death) => self.died(&death, pause),
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
        is_cleared(&machine).await
    }

    /// Counts an enclave that ended by itself, and says why.
    fn died(&self, death: &Death, pause: Duration) {
        let (served, cause) = (self.watched.has_served(), source_of(death));
        self.metrics.died(death.cause(), served);
        let what = if served { "ended" } else { "did not start" };
        let again_in_ms = pause.as_millis();
        tracing::warn!(again_in_ms, "the enclave {what}: {death}{cause}");
    }
}

/// Ends what may be left of an enclave; whether nothing is left.
async fn is_cleared(machine: &Machine) -> bool {
    let cleared = machine.clear().await;
    if let Err(death) = &cleared {
        tracing::error!("the enclave may still run: {death}{}", source_of(death));
    }
    cleared.is_ok()
}

/// Runs an enclave for each run of a standing order, from the time when it is due until it was answered or missed.
struct OnTime {
    machine: Machine,
    keeper: Keeper,
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
            self.keeper.died(&death, pause);
            tokio::select! {
                () = sleep(pause) => {}
                () = stop.asked() => break,
            }
            pause = LONGEST_PAUSE.min(pause * 2);
        }
        is_cleared(&self.machine).await
    }

    /// One life of an enclave. It ends once nothing is due any more, and is told first, so that it leaves its closing.
    async fn once(&self, stop: &mut Stop) -> Result<(), Death> {
        let Keeper { watched, service, linger, .. } = &self.keeper;
        service.let_stay();
        watched.starting();
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
