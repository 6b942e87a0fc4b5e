//! Keeps an enclave alive. An enclave that was started again is a new instance without keys.

use crate::{
    machine::Machine,
    metrics::Metrics,
    watched::{Stop, Watched, source_of},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

/// Starts another enclave whenever one ends, each time after twice the pause, until `stop` is asked
/// for. Returns whether nothing is left then.
pub(crate) async fn keep_alive(
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

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// An enclave that lived this long did not die of its configuration.
const STEADY: Duration = Duration::from_secs(60);
