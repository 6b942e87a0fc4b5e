//! An order in words.

use crate::{document, failure::Failure, say};
use protocol::{
    contract::Contract,
    loss::Loss,
    order::OrderFile,
    page::number,
    policy::{admit_order, datasets_of_order},
};
use std::fmt::Write;

/// What an order asks, when, and what it costs at most, if the contract permits it.
pub(super) fn page(contract: &Contract, file: &OrderFile) -> Result<String, Failure> {
    let proven = admit_order(contract, file).map_err(Failure::no)?;
    let (order, signed) = (file.order(), file.signed());
    document::fields(&serde_json::json!({
        "name": order.name, "order": signed.name().to_string(), "analyst": signed.analyst(),
        "analysis": order.analysis, "purpose": order.purpose, "decision": order.decision, "receivers": order.receivers,
        "attempts": order.attempts, "rho": order.price.rho().value(),
        "rho_in_all": order.price_in_all().rho().value(), "questions": file.questions(),
        "runs": order.runs.iter().map(|run| {
            serde_json::json!({"at": run.at.to_string(), "until": run.until.to_string()})
        }).collect::<Vec<_>>(),
    }))?;
    let mut page = String::new();
    let wrote = |done: Result<(), std::fmt::Error>| done.map_err(Failure::unclear);
    wrote(writeln!(
        page,
        "order \"{}\" {} of {}\n  asks {} for \"{}\"; read by {}",
        say::name(&order.name),
        signed.name().short(),
        say::name(signed.analyst()),
        say::name(&order.analysis),
        say::name(&order.purpose),
        say::name(order.receivers.join(" and ")),
    ))?;
    let attempts = order.runs.len().saturating_mul(usize::from(order.attempts));
    for name in datasets_of_order(&proven) {
        let Some(dataset) = contract.datasets.get(&name) else { continue };
        let Some(budget) = dataset.budgets.get(&order.purpose) else { continue };
        let epsilon = |loss: &Loss| number::size(loss.rho().epsilon(budget.delta));
        wrote(writeln!(
            page,
            "  {} of {}: epsilon {} an attempt; {} runs of {} attempts at most, in all epsilon {} at delta {}; its budget \
             for life is {}",
            say::name(&name),
            say::name(&dataset.owner),
            epsilon(&order.price),
            order.runs.len(),
            order.attempts,
            epsilon(&order.price_in_all()),
            budget.delta,
            budget.lifetime_epsilon,
        ))?;
        let life = budget.lifetime().times(&order.price).unwrap_or(u64::MAX);
        if life < u64::try_from(attempts).unwrap_or(u64::MAX) {
            wrote(writeln!(
                page,
                "  CAREFUL: the budget of {} for life has room for {life} attempts",
                say::name(&name)
            ))?;
        }
    }
    for (number, window) in order.numbered() {
        let which = file
            .questions()
            .iter()
            .position(|question| Some(question) == file.question(number))
            .map_or(0, |index| index + 1);
        wrote(writeln!(
            page,
            "  run {number:>3}  from {} until {}  question {which}",
            window.at, window.until
        ))?;
    }
    for (number, question) in (1..).zip(file.questions()) {
        let text = serde_json::to_string(question).map_err(Failure::unclear)?;
        wrote(writeln!(page, "  question {number}: {}", say::name(text)))?;
    }
    Ok(page.trim_end().to_owned())
}
