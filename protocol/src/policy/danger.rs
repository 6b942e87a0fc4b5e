//! A job at a price that does not follow from it: for tests of noise and ledger, which need questions
//! that no contract permits. Nothing that ships names this module; `tests/architecture.rs` sees to it.

use super::Admitted;
use crate::proof::Proven;

/// `admitted`, but for the question and price of `proven`.
#[must_use]
pub fn with_proof(admitted: Admitted, proven: Proven) -> Admitted {
    Admitted { proven, ..admitted }
}
