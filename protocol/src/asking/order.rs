//! A standing order: a question that is asked again and again, signed once by its analyst and accepted once by each owner.
//!
//! An order says each of its runs: from when to when it may begin, and by its digest what it asks. Whoever signs it has worked
//! out recurrence, time zone and periods before, so that nobody who obeys it needs a calendar.

mod accepted;
mod name;
mod ordered;
mod run;
mod signed;

use crate::{
    contract::{self, Contract},
    delegation::{ByDelegate, KeyKind},
    digest::Digest,
    job::{Decision, JobId, Question},
    limits::{self, Size, at_most},
    loss::Loss,
    refusal::OrderFlaw,
    sign::Signed,
    time::Time,
};
use serde::{Deserialize, Serialize};

pub use accepted::{Acceptance, Cancellation, Schedule};
pub use name::{OrderName, RunName};
pub use ordered::OrderedRun;
pub use run::Run;
pub use signed::{OrderFile, SignedOrder};

/// A standing order under one contract.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever orders says all of it")]
pub struct Order {
    /// Digest of the contract: an order ends with it.
    pub contract: Digest,
    /// Random number that the analyst chose.
    pub id: JobId,
    /// What people call it: a name as in a contract.
    pub name: String,
    /// Name of the analysis in the contract.
    pub analysis: String,
    /// What the data is used for: the purpose of the analysis.
    pub purpose: String,
    /// Parties that get the results.
    #[serde(deserialize_with = "at_most::<{ limits::PARTIES }, _, _>")]
    pub receivers: Vec<String>,
    /// Instances that may get the slices of one run, each debited: 1 to [`limits::ATTEMPTS`].
    pub attempts: u8,
    /// The most that one attempt at a run may cost each dataset.
    pub price: Loss,
    /// The runs, in the order of time; the first has number 1.
    #[serde(deserialize_with = "at_most::<{ limits::RUNS }, _, _>")]
    pub runs: Vec<Window>,
    /// The decision that the answers serve, in the analyst's words; `None` if it named none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
}

/// When one run may begin, and what it asks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever orders says all of it")]
pub struct Window {
    /// The instant that the run is scheduled for.
    pub at: Time,
    /// From then on it is missed.
    pub until: Time,
    /// Digest of its question ([`question_digest`]).
    pub question: Digest,
}

impl Signed for Order {
    const TAG: &'static str = "glovebox order v1";
    const SIZE: Size = limits::ORDER;
}

impl ByDelegate for Order {
    const KINDS: &'static [KeyKind] = &[KeyKind::Analyst];
}

impl Order {
    /// The window of the run with this number.
    #[must_use]
    pub fn window(&self, number: u32) -> Option<&Window> {
        let index = usize::try_from(number).ok()?.checked_sub(1)?;
        self.runs.get(index)
    }

    /// The runs with their numbers.
    pub fn numbered(&self) -> impl Iterator<Item = (u32, &Window)> {
        (1..).zip(&self.runs)
    }

    /// The most that the whole order may cost each dataset: every attempt at every run.
    #[must_use]
    pub fn price_in_all(&self) -> Loss {
        let attempts = self.runs.len().saturating_mul(usize::from(self.attempts));
        std::iter::repeat_n(&self.price, attempts).fold(Loss::zero(), |sum, one| sum.plus(one))
    }

    /// Checks what can be seen without the questions.
    ///
    /// # Errors
    ///
    /// [`OrderFlaw`].
    pub fn check(&self, contract: &Contract) -> Result<(), OrderFlaw> {
        if !contract::is_name(&self.name) {
            return Err(OrderFlaw::Name);
        }
        if !(1..=limits::ATTEMPTS).contains(&self.attempts) {
            return Err(OrderFlaw::Attempts { found: self.attempts });
        }
        if self.runs.is_empty() || self.runs.len() > limits::RUNS {
            return Err(OrderFlaw::Runs { found: self.runs.len().try_into().unwrap_or(u64::MAX) });
        }
        let purpose = contract.analyses.get(&self.analysis).map(|analysis| &analysis.purpose);
        if purpose.is_some_and(|purpose| *purpose != self.purpose) {
            return Err(OrderFlaw::Purpose);
        }
        let mut before = None;
        for (number, window) in self.numbered() {
            let longest = window.at.plus_seconds(LONGEST_WINDOW_SECONDS);
            if window.until <= window.at || window.until > longest || before >= Some(window.at) {
                return Err(OrderFlaw::Window { number });
            }
            if window.until > contract.expires {
                return Err(OrderFlaw::AfterContract { number, expires: contract.expires });
            }
            before = Some(window.at);
        }
        Ok(())
    }
}

/// The digest by which an order names the question of a run.
#[must_use]
pub fn question_digest(question: &Question) -> Digest {
    Digest::of("glovebox order question v1", &crate::canonical::to_vec(question))
}

/// The longest that a run may wait, in seconds: a day, as any job.
pub const LONGEST_WINDOW_SECONDS: u64 = 86_400;

#[cfg(test)]
mod tests;
