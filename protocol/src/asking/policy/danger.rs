//! A job at a price or under a name that does not follow from it: for tests of noise and ledger, which need questions
//! that no contract permits. Nothing that ships names this module; `tests/architecture.rs` sees to it.

use super::Admitted;
use crate::{job::JobName, proof::Proven};

/// `admitted`, but for the question and price of `proven`.
#[must_use]
pub fn with_proof(admitted: Admitted, proven: Proven) -> Admitted {
    Admitted { proven, ..admitted }
}

/// `admitted`, under another name: one question may stand for many jobs.
#[must_use]
pub fn with_name(admitted: Admitted, name: JobName) -> Admitted {
    Admitted { name, ..admitted }
}
