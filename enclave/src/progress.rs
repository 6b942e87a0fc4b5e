//! How far the figures of a question are, so that nothing is paid twice.

use privacy::{Paid, Release, Steps};
use protocol::job::JobName;

/// How far the figures of a paid tally are.
pub(crate) enum Progress {
    /// The tally is paid and nothing was computed, because something inside failed.
    Paid(Box<Paid>, PayingJob),
    /// A training is paid, and some of its steps were drawn: it goes on from there.
    Trained(Box<Steps>, PayingJob),
    /// The figures are released: anything else that is estimated from them costs nothing.
    Released(Box<Release>, PayingJob),
}

/// The first job that paid for the figures.
#[derive(Clone, Copy)]
pub(crate) struct PayingJob {
    pub(crate) job: JobName,
    /// The job's place in the history.
    pub(crate) place: u64,
}
