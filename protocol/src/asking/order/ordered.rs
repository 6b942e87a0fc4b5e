//! What an order says of one run, without its job.

use super::RunName;
use crate::{
    loss::Loss,
    refusal::{Refusal, RunFlaw},
    time::Time,
};

/// What an order says of one of its runs, beside its job.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "plain facts")]
pub struct OrderedRun {
    /// The order and the number of the run.
    pub name: RunName,
    /// What people call the order.
    pub order_name: String,
    /// When it may begin.
    pub at: Time,
    /// From then on it is missed.
    pub until: Time,
    /// Instances that may get its slices.
    pub attempts: u8,
    /// The most that one attempt may cost each dataset.
    pub price: Loss,
}

impl OrderedRun {
    /// The refusal of this run for `why`.
    #[must_use]
    pub fn refused(&self, why: RunFlaw) -> Refusal {
        Refusal::Run { order: self.order_name.clone(), number: self.name.number, why }
    }

    /// Checks that the run may begin at `now`.
    ///
    /// # Errors
    ///
    /// [`RunFlaw::Early`] and [`RunFlaw::Late`].
    pub fn check_time(&self, now: Time) -> Result<(), Refusal> {
        if now < self.at {
            return Err(self.refused(RunFlaw::Early { at: self.at }));
        }
        if now >= self.until {
            return Err(self.refused(RunFlaw::Late { until: self.until }));
        }
        Ok(())
    }

    /// Checks that an attempt at the run costs no more than its order says.
    ///
    /// # Errors
    ///
    /// [`RunFlaw::OverPrice`].
    pub fn check_price(&self, cost: &Loss) -> Result<(), Refusal> {
        if cost.fits(&self.price) { Ok(()) } else { Err(self.refused(RunFlaw::OverPrice)) }
    }
}
