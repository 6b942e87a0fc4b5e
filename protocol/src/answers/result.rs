//! The result of a job as its receiver reads it: `result.json`, format `glovebox-result-v2`.
//!
//! The fields at the top are the same for every kind of question; `answer` has those of one kind.
//! Every figure is an estimate from released (noisy) totals. A number that cannot be estimated is
//! null, with a flag that says why. Amounts are in units of the amount (dollars, not cents).

use crate::analysis::Answer;

pub use super::answered::{Answered, ChargeReport, PrivacyReport};
pub use crate::analysis::{
    choice::ChoiceAnswer,
    lift::{
        ArmResult, BreakdownResult, CellCount, CupedResult, DiffInMeans, Economics, Heterogeneity,
        LateResult, LeftOut, LiftAnswer, MarginResult, MatchRate, MatchRates, NoiseSd,
        OutcomeResult, PartResult, RelativeLift, ReleasedAs, SampleRatio, SegmentRatio,
    },
    table::{
        CountRange, Estimate, MatchedShare, MeasureEstimate, OtherCells, OtherTotal,
        SpreadEstimate, TableAnswer, TableCell,
    },
};

/// The result of a job, of any kind unless one is named.
pub type JobResult<A = Answer> = Answered<A>;
/// The result of a lift job.
pub type LiftResult = JobResult<LiftAnswer>;
/// The result of a table job.
pub type TableResult = JobResult<TableAnswer>;
/// The result of a choice job.
pub type ChoiceResult = JobResult<ChoiceAnswer>;

impl JobResult {
    /// The result as one of a kind; `None` if it is of another kind.
    #[must_use]
    pub fn of<A: TryFrom<Answer>>(self) -> Option<JobResult<A>> {
        let answer = A::try_from(self.answer.clone()).ok()?;
        Some(self.map(|_| answer))
    }

    /// Reads `result.json`.
    ///
    /// # Errors
    ///
    /// [`InvalidResult`] if it is not of this format, or not whole.
    pub fn from_json(bytes: &[u8]) -> Result<Self, InvalidResult> {
        let result: Self = serde_json::from_slice(bytes).map_err(|_| InvalidResult)?;
        if result.format == FORMAT { Ok(result) } else { Err(InvalidResult) }
    }

    /// The bytes of `result.json`.
    #[must_use]
    pub fn to_json(&self) -> Option<Vec<u8>> {
        let mut json = serde_json::to_vec_pretty(self).ok()?;
        json.push(b'\n');
        Some(json)
    }
}

/// The bytes are not a result of this format.
///
/// Remedy: give result.json as `glovebox result open` wrote it, with a program of the version that wrote it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a result of format {FORMAT}")]
pub struct InvalidResult;

/// The mechanism of a choice in a [`PrivacyReport`].
pub const PERMUTE_AND_FLIP: &str = "permute_and_flip";
/// The mechanism of a dense model: noise on sums over people who are drawn.
pub const SAMPLED_GAUSSIAN: &str = "sampled_discrete_gaussian";

/// Begins the flag of a job that asks the same as an earlier job of the same instance, or nearly the same: of
/// other versions of the data, at another price or with one condition changed. The earlier job's name follows.
pub const NEAR_DUPLICATE: &str = "near_duplicate:";

/// Begins the flag of a job whose figures an earlier job of the same instance had paid for, whose
/// name follows: they are the same figures, and nothing was paid again.
pub const SAME_FIGURES: &str = "same_figures:";

/// Begins the flag of a result that was derived at home from released figures; what was asked otherwise
/// follows.
pub const DERIVED: &str = "derived:";

/// Begins the flag of an answer with a margin that its job does not have; the outcome's name follows.
pub const DERIVED_MARGIN: &str = "derived:margin=";

/// The name of this format.
pub const FORMAT: &str = "glovebox-result-v2";
