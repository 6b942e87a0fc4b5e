//! From a choice to its tally: that of the table it is chosen from.

use super::question::{ChoiceOf, ChoiceQuestion};
use crate::{
    analysis::{
        Analysis, Scope,
        rules::{check_share, not_permitted},
    },
    refusal::{Asked, Refusal},
    tally::{Clamp, Tally},
};

/// The people of the population by what is offered. Permitted where the table is.
pub(super) fn tally(question: &ChoiceQuestion, scope: &Scope<'_>) -> Result<Tally, Refusal> {
    if let ChoiceOf::Quantile { share, edges, .. } = &question.of {
        check_share(*share)?;
        // Nobody has less than 0, so an edge there is no choice; nor is a single one.
        let is_clamp = edges.last().is_some_and(|edge| Clamp::up_to(*edge).is_ok());
        let offered = is_clamp && edges.len() > 1 && edges.first().is_some_and(|edge| *edge > 0);
        if !offered {
            return Err(Refusal::Malformed);
        }
    }
    let tally = question.table().tally(scope)?;
    match &question.of {
        ChoiceOf::Fullest { column, .. } if tally.is_named_by_data() => {
            Err(not_permitted(Asked::Column, &column.to_string(), None))
        }
        _ => Ok(tally),
    }
}
