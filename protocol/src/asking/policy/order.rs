//! Decides about a standing order before any of its runs: each question is one that its analyst may ask.

use super::{check_receivers, price};
use crate::{
    analysis::rules::not_permitted,
    contract::Contract,
    order::{Order, OrderFile, question_digest},
    proof::Proven,
    refusal::{Asked, OrderFlaw, Refusal},
};
use std::collections::BTreeSet;

/// Checks that the contract permits every run of `file`, as far as that can be known before there are an instance and data:
/// each run is admitted once more, like any job, when it is paid and when it is begun.
///
/// # Privacy
///
/// Costs nothing: there are no rows to read.
///
/// # Errors
///
/// [`Refusal`] naming the rule and whose it is; [`OrderFlaw::OverPrice`] of a question that costs more than the order says.
pub fn admit_order(contract: &Contract, file: &OrderFile) -> Result<Vec<Proven>, Refusal> {
    let (order, analyst) = (file.order(), file.signed().analyst());
    let unknown = || not_permitted(Asked::Analysis, &order.analysis, None);
    let analysis = contract.analyses.get(&order.analysis).ok_or_else(unknown)?;
    if !analysis.analysts.iter().any(|name| name == analyst) {
        return Err(not_permitted(Asked::Analyst, analyst, None));
    }
    check_receivers(&order.receivers, analysis)?;
    let mut all = Vec::new();
    for question in file.questions() {
        let proven = price(contract, &order.analysis, question)?;
        if !proven.proof().cost.fits(&order.price) {
            let number = first_with(order, &question_digest(question));
            return Err(Refusal::BadOrder { why: OrderFlaw::OverPrice { number } });
        }
        all.push(proven);
    }
    Ok(all)
}

/// The datasets that an order reads: each is charged for every attempt at every run.
#[must_use]
pub fn datasets_of_order(proven: &[Proven]) -> BTreeSet<String> {
    proven.iter().flat_map(|one| one.tally().datasets().map(str::to_owned)).collect()
}

fn first_with(order: &Order, question: &crate::digest::Digest) -> u32 {
    let mut numbered = order.numbered();
    numbered.find(|(_, window)| window.question == *question).map_or(0, |(number, _)| number)
}
