//! The machine's clock, for the operator: the enclave has its own.

use protocol::time::Time;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time of this machine.
#[must_use]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Time(0).plus_seconds(since.as_secs())
}
