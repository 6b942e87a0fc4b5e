//! The result of a job as its receiver reads it: `result.json`, format `glovebox-result-v2`.
//!
//! The fields at the top are the same for every kind of question; `answer` has those of one kind.
//! Every figure is an estimate from released (noisy) totals. A number that cannot be estimated is
//! null, with a flag that says why. Amounts are in units of the amount (dollars, not cents).

use crate::{
    analysis::{Answer, Question, Scope},
    contract::Contract,
    loss::Loss,
    policy::Admitted,
    proof::Leaves,
    released::Released,
    time::Time,
};
use std::collections::BTreeMap;

pub use super::answered::{Answered, ChargeReport, PrivacyReport};
pub use crate::analysis::{
    choice::ChoiceAnswer,
    lift::{
        ArmResult, CellCount, DiffInMeans, Economics, LiftAnswer, MatchRate, MatchRates, NoiseSd,
        OutcomeResult, RelativeLift, SampleRatio,
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
    /// The result of an admitted job that the key called `analyst_key` signed, at `time`. `remaining` is what the
    /// instance may still spend on each dataset for the purpose.
    ///
    /// None if what was released is not what the question leaves.
    ///
    /// # Privacy
    ///
    /// Costs nothing: a function of what was released, contract and job.
    #[must_use]
    pub fn new(
        contract: &Contract,
        admitted: &Admitted,
        analyst_key: &str,
        released: &Released,
        remaining: &BTreeMap<String, Loss>,
        time: Time,
    ) -> Option<Self> {
        let question = &admitted.job().question;
        Self::of_question(contract, admitted, question, analyst_key, released, remaining, time)
    }

    /// The result with the answer to another question about the same figures, which differs only in
    /// its view of them, such as [`Question::at_confidence`]. `None` if that question has another
    /// tally.
    #[must_use]
    pub fn of_question(
        contract: &Contract,
        admitted: &Admitted,
        question: &Question,
        analyst_key: &str,
        released: &Released,
        remaining: &BTreeMap<String, Loss>,
        time: Time,
    ) -> Option<Self> {
        let (job, proven) = (admitted.job(), admitted.proven());
        let scope = Scope::of(contract, &job.analysis)?;
        let (answer, mut flags) = question.estimate(released, proven, &scope)?;
        if proven.tally().joined().is_some()
            && !contract.unused_match_keys(&job.analysis).is_empty()
        {
            flags.push("match_keys_unused".to_owned());
        }
        let joined = proven.tally().joined();
        let matched_by = joined.map(|table| contract.claims(&table.dataset).to_vec());
        Some(Self {
            format: FORMAT.to_owned(),
            noise: released.is_noisy(),
            contract: contract.digest,
            contract_name: contract.name.clone(),
            job: admitted.name().to_string(),
            asked_by: admitted.analyst().to_owned(),
            analyst_key: analyst_key.to_owned(),
            analysis: job.analysis.clone(),
            purpose: admitted.purpose().to_owned(),
            time,
            privacy: PrivacyReport::new(contract, admitted, released.is_noisy(), remaining),
            matched_by: matched_by.unwrap_or_default(),
            flags,
            answer,
        })
    }

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
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected a result of format {FORMAT}")]
pub struct InvalidResult;

impl PrivacyReport {
    fn new(
        contract: &Contract,
        admitted: &Admitted,
        is_noisy: bool,
        remaining: &BTreeMap<String, Loss>,
    ) -> Self {
        let proof = admitted.proven().proof();
        let mechanism = match proof.leaves {
            _ if !is_noisy => "none",
            Leaves::Place(_) => PERMUTE_AND_FLIP,
            Leaves::Figures(_) | Leaves::Steps(_) => "discrete_gaussian",
        };
        let owner = |dataset| contract.datasets.get(dataset).map(|found| found.owner.clone());
        let charged = admitted.datasets().iter().map(|dataset| ChargeReport {
            dataset: dataset.clone(),
            owner: owner(dataset).unwrap_or_default(),
            rho: admitted.cost().rho().value(),
            rho_left_in_instance: remaining.get(dataset).map(|loss| loss.rho().value()),
        });
        let ids = contract.ids_per_person;
        let price = admitted.job().question.price();
        #[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
        let selection_delta = admitted.cost().delta() as f64 / 1e15;
        Self {
            mechanism: mechanism.to_owned(),
            unit: format!(
                "everything that one person has in all datasets: all rows of up to {ids} identifier{}",
                if ids == 1 { "" } else { "s" }
            ),
            epsilon: price.epsilon.value(),
            delta: price.delta.value(),
            selection_delta,
            rho: admitted.cost().rho().value(),
            min_cell: proof.threshold,
            charged: charged.collect(),
        }
    }
}

/// The mechanism of a choice in a [`PrivacyReport`].
pub const PERMUTE_AND_FLIP: &str = "permute_and_flip";

/// Begins the flag of a job that asks the same as an earlier job of the same instance, or nearly the same: of
/// other versions of the data, at another price or with one condition changed. The earlier job's name follows.
pub const NEAR_DUPLICATE: &str = "near_duplicate:";

/// Begins the flag of a job whose figures an earlier job of the same instance had paid for, whose
/// name follows: they are the same figures, and nothing was paid again.
pub const SAME_FIGURES: &str = "same_figures:";

/// Begins the flag of a result that was derived at home from released figures; what was asked otherwise
/// follows.
pub const DERIVED: &str = "derived:";

/// The name of this format.
pub const FORMAT: &str = "glovebox-result-v2";
