//! From an admitted job and what was released for it to its result.

use crate::{
    analysis::{Question, Scope},
    contract::Contract,
    loss::Loss,
    policy::Admitted,
    proof::{Leaves, Steps, Sums},
    released::Released,
    result::{ChargeReport, FORMAT, JobResult, PERMUTE_AND_FLIP, PrivacyReport, SAMPLED_GAUSSIAN},
    time::Time,
};
use std::collections::BTreeMap;

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
            privacy: PrivacyReport::of(contract, admitted, released.is_noisy(), remaining),
            matched_by: matched_by.unwrap_or_default(),
            flags,
            answer,
        })
    }
}

impl PrivacyReport {
    fn of(
        contract: &Contract,
        admitted: &Admitted,
        is_noisy: bool,
        remaining: &BTreeMap<String, Loss>,
    ) -> Self {
        let proof = admitted.proven().proof();
        let mechanism = match proof.leaves {
            _ if !is_noisy => "none",
            Leaves::Place(_) => PERMUTE_AND_FLIP,
            Leaves::Steps(Steps { sums: Sums::Drawn(_), .. }) => SAMPLED_GAUSSIAN,
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
