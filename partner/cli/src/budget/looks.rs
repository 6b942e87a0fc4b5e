//! A budget in the words of somebody who plans campaigns: how many more looks, how far one person moves
//! them, and from which audience on they are worth having.

use crate::{
    say,
    table::wrap,
    words::{self, whole},
};
use client::custody::{BudgetLine, JobLine};
use protocol::{
    contract::{Contract, Role},
    proof::Figure,
    tally::{Measure, Quantity, Side, Tally},
};
use std::fmt::{self, Write};

/// Who used the budget, and what is left of it in looks.
pub(super) fn looks(page: &mut String, line: &BudgetLine, contract: &Contract) -> fmt::Result {
    for debit in &line.debits {
        let rho = debit.loss.rho().value();
        let by = match &debit.analyst {
            Some(analyst) => {
                let s = if debit.jobs == 1 { "" } else { "s" };
                format!("{} \"{}\" job{s} of {analyst}", debit.jobs, debit.analysis)
            }
            None => debit.analysis.clone(),
        };
        wrap(page, "  used by ", &format!("{by}: rho {rho:.6}"))?;
    }
    for job in &line.latest {
        let (now, ever) = left(line, job);
        let looks = if now == 1 { "look" } else { "looks" };
        let mut text = format!(
            "{now} more {looks} like {}'s \"{}\" of {} (job {}) before {}, {ever} for life.",
            job.analyst,
            job.analysis,
            words::moment(job.time),
            job.id,
            words::moment(line.period_ends),
        );
        if let Some(earlier) = job.resembles {
            write!(
                text,
                " CAREFUL: it asked about nearly the same people as job {earlier}, one condition apart."
            )?;
        }
        writeln!(page)?;
        wrap(page, "  ", &text)?;
        let person = person(job, contract);
        wrap(page, "    ", &format!("One person changes {person}."))?;
        wrap(page, "    ", &reliable(job, contract))?;
    }
    Ok(())
}

/// The same for machines.
pub(super) fn as_json(line: &BudgetLine, job: &JobLine) -> serde_json::Value {
    let (now, ever) = left(line, job);
    let people = &job.proof.people;
    serde_json::json!({
        "analysis": job.analysis, "analyst": job.analyst, "job": job.id.to_string(),
        "left_this_period": now, "left_for_life": ever,
        "one_person_moves_people": people.linf, "in_cells": people.cells,
        "smallest_audience": smallest_audience(people),
        "resembles": job.resembles.map(|id| id.to_string()),
    })
}

/// How many more jobs of the same cost fit: into the period, and for life.
fn left(line: &BudgetLine, job: &JobLine) -> (u64, u64) {
    let times = |left: &protocol::loss::Loss| left.times(&job.proof.cost).unwrap_or(0);
    (times(&line.left), times(&line.lifetime_left))
}

/// What one person changes at most, figure by figure.
fn person(job: &JobLine, contract: &Contract) -> String {
    let cells = |figure: &Figure| match figure.cells {
        1 => String::new(),
        cells => format!(" in each of {cells} groups"),
    };
    let people = &job.proof.people;
    let mut parts = vec![format!("a head count by at most {}{}", people.linf, cells(people))];
    for (measure, figure) in job.tally.measures.iter().zip(&job.proof.sums) {
        let (name, unit) = named(measure, &job.tally, contract);
        let most = words::figure(real(figure.linf) / unit, 0.0);
        parts.push(format!("the total of {name} by {most}{}", cells(figure)));
    }
    parts.join(", ")
}

/// From how many people on its figures are worth having.
fn reliable(job: &JobLine, contract: &Contract) -> String {
    let least = smallest_audience(&job.proof.people);
    let mut text = format!(
        "Noise moves a head count by less than a tenth (19 times in 20) from {} people on",
        whole(least)
    );
    let mut means: Vec<(i64, Vec<String>)> = Vec::new();
    for (measure, figure) in job.tally.measures.iter().zip(&job.proof.sums) {
        let (name, _) = named(measure, &job.tally, contract);
        // Half the 95 % interval of a total, over what a hundredth of the cap makes of n people.
        let least = Z95 * figure.sigma.value() * 100.0 / f64::from(measure.clamp);
        let least = rounded(least);
        match means.iter_mut().find(|(from, _)| *from == least) {
            Some((_, names)) => names.push(name),
            None => means.push((least, vec![name])),
        }
    }
    for (least, names) in means {
        let (names, least) = (names.join(" or "), whole(least));
        text +=
            &format!("; the mean of {names} by less than a hundredth of its cap from {least} on");
    }
    text + "."
}

/// From how many people on noise moves a head count by less than a tenth, 19 times in 20.
fn smallest_audience(people: &Figure) -> i64 {
    rounded(Z95 * people.sigma.value() * 10.0)
}

/// What is added up, and how many units of it make one.
fn named(measure: &Measure, tally: &Tally, contract: &Contract) -> (String, f64) {
    let table = match measure.side {
        Side::Population => Some(&tally.population),
        Side::Joined => tally.joined.as_ref(),
    };
    let dataset = table.map(|table| table.dataset.as_str()).unwrap_or_default();
    match &measure.of {
        Quantity::Rows => (format!("rows of \"{dataset}\""), 1.0),
        Quantity::Distinct { column } => {
            (format!("different values of \"{}\"", say::name(column)), 1.0)
        }
        Quantity::Sum { column } => {
            let found = contract.datasets.get(dataset).and_then(|found| found.column(column));
            let scale = match found.map(|column| &column.role) {
                Some(Role::Measure(scale)) => *scale,
                _ => 0,
            };
            (format!("\"{}\"", say::name(column)), 10_f64.powi(i32::from(scale)))
        }
    }
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "shown to people")]
fn rounded(number: f64) -> i64 {
    number.ceil() as i64
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: u64) -> f64 {
    number as f64
}

/// Of the normal distribution, two-sided.
const Z95: f64 = 1.96;
