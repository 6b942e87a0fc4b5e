//! Trusted time: signed by the hypervisor, and continued by the monotonic clock in between.

use nsm::{Nsm, NsmError};
use protocol::time::Time;
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The instance's clock. It never goes backwards.
pub(crate) struct Clock {
    last: Mutex<Reading>,
}

struct Reading {
    signed: Time,
    at: Instant,
    shown: Time,
}

impl Clock {
    /// Starts the clock with the module's time.
    pub(crate) fn start(nsm: &dyn Nsm) -> Result<Self, NsmError> {
        let signed = Time(nsm::own(nsm)?.time_millis);
        Ok(Self { last: Mutex::new(Reading { signed, at: Instant::now(), shown: signed }) })
    }

    /// The time. If the last reading is older than a minute, the module is asked.
    pub(crate) fn now(&self, nsm: &dyn Nsm) -> Result<Time, NsmError> {
        let age = self.last.lock().unwrap_or_else(PoisonError::into_inner).at.elapsed();
        if age > OLDEST { self.signed(nsm) } else { Ok(self.between()) }
    }

    /// The time, asked of the module.
    pub(crate) fn signed(&self, nsm: &dyn Nsm) -> Result<Time, NsmError> {
        let signed = Time(nsm::own(nsm)?.time_millis);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.signed = signed;
        last.at = Instant::now();
        last.shown = last.shown.max(signed);
        Ok(last.shown)
    }

    fn between(&self) -> Time {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = u64::try_from(last.at.elapsed().as_millis()).unwrap_or(0);
        last.shown = last.shown.max(Time(last.signed.0.saturating_add(passed)));
        last.shown
    }
}

const OLDEST: Duration = Duration::from_secs(60);
