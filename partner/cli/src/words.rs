//! Charges and deliveries as people read them.

use protocol::{
    contract::Contract,
    loss::{Delta, Loss},
    receipt::Delivery,
};
use sealing::plural;

/// Says to whom how many answers to whose jobs were sealed.
pub(crate) fn delivery(delivery: &Delivery) -> String {
    let Delivery { asked_by, receiver, charged, free } = delivery;
    format!("to {receiver}, for jobs of {asked_by}: {charged} charged, {free} for nothing")
}

/// So many of something, in words.
pub(crate) fn counted<N>(number: N, one: &'static str, more: &'static str) -> String
where
    N: Copy + std::fmt::Display + TryInto<u64>,
{
    let word = plural(number.try_into().unwrap_or(u64::MAX), one, more);
    format!("{number} {word}")
}

/// A loss as it is charged to a budget: its ε at the budget's δ, and its ρ for experts.
pub(crate) fn charge(loss: &Loss, delta: Option<Delta>) -> String {
    let rho = loss.rho();
    match delta {
        Some(delta) => format!("epsilon {:.3} (rho {:.6})", rho.epsilon(delta), rho.value()),
        None => format!("rho {:.6}", rho.value()),
    }
}

/// The δ of a budget, if the contract has that budget.
pub(crate) fn delta_of(contract: &Contract, dataset: &str, purpose: &str) -> Option<Delta> {
    Some(contract.datasets.get(dataset)?.budgets.get(purpose)?.delta)
}
