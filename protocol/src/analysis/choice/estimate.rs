//! Makes the answer of a chosen place.

use super::{
    answer::ChoiceAnswer,
    question::{ChoiceOf, ChoiceQuestion},
};
use crate::{
    analysis::{
        Scope,
        table::{counted, measure_words},
    },
    proof::Proven,
    released::Chosen,
};

/// The answer to a choice; none for a place that was not offered, which no choice gives.
///
/// # Privacy
///
/// Costs nothing: a function of the chosen place, contract and job.
pub(super) fn answer(
    chosen: Chosen,
    proven: &Proven,
    asked: &ChoiceQuestion,
    scope: &Scope<'_>,
) -> Option<(ChoiceAnswer, Vec<String>)> {
    let (tally, proof) = (proven.tally(), proven.proof());
    let offered = asked.offered(scope.contract);
    let table = asked.table();
    let (quantile, of) = match &asked.of {
        ChoiceOf::Quantile { share, .. } => {
            (Some(share.value()), table.measures.first().map(measure_words)?)
        }
        ChoiceOf::Fullest { column, .. } => (None, column.to_string()),
    };
    let people_off = if chosen.noise { proof.choice()?.people_off(tally) } else { 0.0 };
    let place = usize::try_from(chosen.place).ok()?;
    let answer = ChoiceAnswer {
        counted: counted(tally, &table.rows, scope.contract),
        of,
        quantile,
        chosen: offered.get(place)?.clone(),
        offered,
        people_off,
    };
    Some((answer, Vec::new()))
}
