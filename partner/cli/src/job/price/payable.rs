//! Whether any budget of the contract ever pays for a question.

use super::Priced;
use crate::{failure::refused::OverBudget, say};
use protocol::{analysis, contract::Period, loss::Delta};

impl Priced {
    /// Says why no budget of the contract ever pays for the job, if that is so.
    pub(crate) fn unpayable(&self) -> Option<OverBudget> {
        let (name, dataset, period, _) =
            self.charged().find(|(.., times, life)| 0 == *times.min(life))?;
        let budget = dataset.budgets.get(&self.purpose)?;
        let analysis::Price { epsilon, delta, selection_delta, .. } = self.question.price();
        let least = budget.per_period().rho().min(budget.lifetime().rho());
        let over = |text, passing| OverBudget {
            text,
            dataset: name.to_owned(),
            owner: dataset.owner.clone(),
            purpose: self.purpose.clone(),
            passing,
        };
        let of = format!("of {} of {}", say::name(name), say::name(&dataset.owner));
        if selection_delta > budget.selection_delta {
            let text = format!(
                "cannot be paid: beside epsilon it costs a delta of {}, for groups that the data name or for a cap on drawn \
                 steps, and the budget {of} has a selection_delta of {}",
                in_full(selection_delta),
                in_full(budget.selection_delta)
            );
            // No epsilon passes as long as the job asks for more of this delta.
            return Some(over(text, 0.0));
        }
        let (span, has) = match (period, budget.period) {
            (1.., _) => ("the whole life", budget.lifetime_epsilon),
            (0, Period::Day) => ("a day", budget.epsilon),
            (0, Period::Week) => ("a week", budget.epsilon),
            (0, Period::Month) => ("a month", budget.epsilon),
            (0, _) => ("the whole contract", budget.epsilon),
        };
        let at = if delta == budget.delta {
            String::new()
        } else {
            format!(" (asked at delta {delta}, the budget's delta is {})", budget.delta)
        };
        let text = format!("cannot be paid: epsilon {epsilon}, and {span} {of} has {has}{at}");
        Some(over(text, least.passing(delta)))
    }
}

/// A δ in units of 10⁻¹⁵.
fn in_full(delta: u64) -> String {
    Delta::try_from(delta).map_or_else(|_| "0".to_owned(), |delta| delta.to_string())
}
