//! From a chosen place to what a receiver reads.

use privacy::Chosen;
use protocol::contract::Contract;
use protocol::job::{ChoiceOf, ChoiceQuestion};
use protocol::policy::Admitted;
use protocol::result::{CHOICE_FORMAT, ChoiceResult};
use protocol::time::Time;

use crate::report::{names, privacy_report};
use crate::table::{counted, measure_words};

/// The result of a choice; none for a place that was not offered, which no choice gives.
///
/// # Privacy
///
/// Costs nothing: a function of the chosen place, contract and job.
#[must_use]
pub fn choice_result(
    chosen: &Chosen,
    admitted: &Admitted,
    asked: &ChoiceQuestion,
    contract: &Contract,
    now: Time,
) -> Option<ChoiceResult> {
    let job = admitted.job();
    let (tally, proof) = (admitted.proven().tally(), admitted.proven().proof());
    let offered = asked.offered(contract);
    let table = asked.table();
    let (quantile, of) = match &asked.of {
        ChoiceOf::Quantile { share, .. } => {
            (Some(f64::from(*share) / 1e6), table.measures.first().map(measure_words)?)
        }
        ChoiceOf::Fullest { column, .. } => (None, column.to_string()),
    };
    let people_off = if chosen.is_noisy() { proof.choice?.people_off(tally) } else { 0.0 };
    Some(ChoiceResult {
        format: CHOICE_FORMAT.to_owned(),
        noise: chosen.is_noisy(),
        contract: contract.digest,
        contract_name: contract.name.clone(),
        job: admitted.name().to_string(),
        asked_by: admitted.analyst().to_owned(),
        analysis: job.analysis.clone(),
        purpose: admitted.purpose().to_owned(),
        time: now,
        counted: counted(tally, &table.rows, contract),
        of,
        quantile,
        chosen: offered.get(chosen.place())?.clone(),
        offered,
        people_off,
        privacy: privacy_report(chosen.paid(), chosen.is_noisy(), contract, job),
        flags: names(&[(
            "match_keys_unused",
            tally.joined.is_some() && !contract.unused_match_keys(&job.analysis).is_empty(),
        )]),
    })
}
