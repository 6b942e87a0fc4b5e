//! How far the figures of a question came, so that what was paid for is never paid again.

use privacy::{Paid, Release};
use protocol::job::JobName;

/// How far the figures of a tally came that was paid for.
pub(crate) enum Progress {
    /// Nothing was computed, because something inside failed.
    Paid(Box<Paid>, First),
    /// The figures are there: whatever else is estimated from them costs nothing.
    Released(Box<Release>, First),
}

/// The job that paid for figures.
#[derive(Clone, Copy)]
pub(crate) struct First {
    pub(crate) job: JobName,
    /// Its place in the history.
    pub(crate) place: u64,
}
