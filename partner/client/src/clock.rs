//! The clock of the party's own machine, which that party trusts.

use attestation_verifier::Timestamp;
use protocol::time::Time;
use std::time::{SystemTime, UNIX_EPOCH};

/// The present time by this machine's clock.
#[must_use]
pub fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

/// The same time in the verifier's type.
#[must_use]
pub fn timestamp(time: Time) -> Timestamp {
    Timestamp::from_millis(time.0)
}
