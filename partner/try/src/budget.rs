//! Whether the budgets of a contract have room for a job.

use crate::RehearsalError;
use client::job::Prepared;
use protocol::{
    contract::{Contract, Period},
    loss::{Delta, Epsilon},
};

/// Checks that every dataset's owner could pay. Here each owner has handed over one whole period,
/// and nobody can countersign more.
pub(crate) fn within(contract: &Contract, prepared: &Prepared) -> Result<(), RehearsalError> {
    let (purpose, asked) = (prepared.admitted().purpose(), prepared.preview());
    for name in &asked.datasets {
        let Some(dataset) = contract.datasets.get(name) else { continue };
        let Some(budget) = dataset.budgets.get(purpose) else { continue };
        if !asked.cost.fits(&budget.per_period()) {
            return Err(RehearsalError::OverBudget {
                dataset: name.clone(),
                owner: dataset.owner.clone(),
                purpose: purpose.to_owned(),
                passing: budget.per_period().rho().passing(asked.delta),
                budget: words(budget.epsilon, budget.delta, budget.selection_delta),
                period: match budget.period {
                    Period::Day => "a day",
                    Period::Week => "a week",
                    Period::Month => "a month",
                    _ => "in all",
                },
                asked: words(asked.epsilon, asked.delta, asked.cost.delta()),
            });
        }
    }
    Ok(())
}

/// A price in words, with its δ for selection where there is one.
fn words(epsilon: Epsilon, delta: Delta, selection: u64) -> String {
    let beside = Delta::try_from(selection).map(|delta| format!(" and selection_delta {delta}"));
    format!("epsilon {epsilon} (delta {delta}){}", beside.unwrap_or_default())
}
