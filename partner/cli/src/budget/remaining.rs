//! A budget in the words of somebody who plans campaigns: how many more jobs fit, how far one person moves
//! them, and from which audience on they are worth having.

use crate::{outline::Outline, say, words};
use custody::{BudgetLine, JobLine};
use protocol::{
    contract::{Contract, Role},
    page::{
        Text,
        number::{self, whole},
    },
    proof::{Choice, Figure, Leaves, Steps, Sums, Vectors},
    tally::{Clamp, Measure, Quantity, Tally},
    units::Scale,
};

/// Says who used the budget, and how many more jobs the rest of it pays for.
pub(crate) fn remaining(line: &BudgetLine, contract: &Contract) -> Outline {
    let mut page = Outline::default();
    for debit in &line.debits {
        let charge = words::charge(&debit.loss, Some(line.delta));
        let text = Text::fixed(charge);
        page.sentence(
            1,
            match &debit.analyst {
                Some(_) => text.and(" for ").quote(debit),
                None => text.and(" ").and(&debit.analysis),
            },
        );
    }
    for of in &line.decisions {
        let charge = words::charge(&of.loss, Some(line.delta));
        let jobs = words::counted(of.jobs, "job", "jobs");
        let text = Text::fixed(format!("of all that, {charge} in {jobs} "));
        page.sentence(
            1,
            match &of.decision {
                Some(decision) => text.and("to decide “").quote(decision).and("”"),
                None => text.and("that name no decision"),
            },
        );
    }
    if !line.returned.is_zero() {
        let charge = words::charge(&line.returned, Some(line.delta));
        let text = format!("{charge} came back at closings, and counts as left");
        page.sentence(1, Text::fixed(text));
    }
    for job in latest(line) {
        page.gap();
        page.sentence(1, room_for(line, job));
        match &job.proof.leaves {
            Leaves::Place(choice) => page.sentence(2, Text::fixed(chosen(choice, job))),
            Leaves::Steps(steps) => page.sentence(2, Text::fixed(trained(steps))),
            Leaves::Figures(vectors) => {
                let person = person(job, vectors, contract);
                page.sentence(2, Text::fixed(format!("One person changes {person}.")));
                page.sentence(2, Text::fixed(reliable(job, vectors, contract)));
            }
        }
    }
    // A check says itself what it repeats.
    let resembles = |job: &&JobLine| job.resembles.is_some() && job.checks.is_none();
    let mut careful: Vec<_> = line.jobs.iter().filter(resembles).collect();
    let more = careful.len().saturating_sub(FLAGGED);
    careful.truncate(FLAGGED);
    if !careful.is_empty() {
        page.gap();
    }
    for job in careful {
        let earlier = job.resembles.map(|earlier| earlier.to_string()).unwrap_or_default();
        let text = Text::fixed(format!("CAREFUL: job {} of ", job.name)).quote(&job.analyst);
        page.sentence(
            1,
            text.and(format!(
                " ({}) asked the same as job {earlier}, or nearly the same.",
                number::moment(job.time)
            )),
        );
    }
    if more > 0 {
        page.sentence(1, Text::fixed(format!("({more} more such jobs: --json lists them.)")));
    }
    page
}

/// Says how many more jobs like this one the rest pays for.
pub(crate) fn room_for(line: &BudgetLine, job: &JobLine) -> Text {
    let (now, ever) = jobs_that_fit(line, job);
    let jobs = if now == 1 { "job" } else { "jobs" };
    let text = Text::fixed(format!("Room for {now} more {jobs} like ")).quote(&job.analyst);
    let mut end = format!(
        "\" of {} (job {}) before {}, {ever} for life.",
        number::moment(job.time),
        job.name,
        number::moment(line.period_ends),
    );
    if runs_out_of_delta(line, job) {
        end += match &job.proof.leaves {
            Leaves::Steps(_) => {
                " The selection_delta, which caps what drawn steps lose, runs out first, not its epsilon."
            }
            Leaves::Place(_) | Leaves::Figures(_) => {
                " The selection_delta, for groups whose values are private, runs out first, not its epsilon."
            }
        };
    }
    text.and("'s \"").quote(&job.analysis).and(end)
}

/// Says what one person changes in a private choice, and how good the choice is.
fn chosen(choice: &Choice, job: &JobLine) -> String {
    let epsilon = real(choice.epsilon_millionths) / 1e6;
    let off = whole(rounded(choice.people_off(&job.tally)));
    format!(
        "Only the chosen place leaves: one person changes the odds of each by a factor of at most \
         e^{epsilon:.3}. With 95 % probability it is at most {off} people off the best one offered."
    )
}

/// Says what one person changes in a training.
fn trained(steps: &Steps) -> String {
    let count = steps.count;
    match steps.sums {
        Sums::Everybody { step, .. } => format!(
            "{count} steps of a training left: in each, one person is in {} of all sums, and noise has a standard deviation of {} \
             times what one person changes one of them at most.",
            step.cells,
            number::size(step.sigma.value() / real(step.linf.max(1)))
        ),
        Sums::Drawn(drawn) => format!(
            "{count} steps of a training left: a person is in each with a chance of {}, and noise on every sum has a standard \
             deviation of {} times what one person changes all of them together.",
            number::size(drawn.rate()),
            number::size(drawn.multiplier())
        ),
    }
}

/// The latest job of each analysis, newest first. A private choice and a table of one analysis are
/// two jobs here.
pub(crate) fn latest(line: &BudgetLine) -> impl Iterator<Item = &JobLine> {
    let first = |at: usize, job: &JobLine| {
        let kind = |job: &JobLine| job.proof.choice().is_some();
        let same = |newer: &JobLine| newer.analysis == job.analysis && kind(newer) == kind(job);
        !line.jobs.iter().take(at).any(same)
    };
    line.jobs.iter().enumerate().filter(move |(at, job)| first(*at, job)).map(|(_, job)| job)
}

/// Whether δ allows fewer such jobs than ρ does.
fn runs_out_of_delta(line: &BudgetLine, job: &JobLine) -> bool {
    let plain = job.proof.cost.clone().with_delta(0);
    line.remaining.times(&job.proof.cost) < line.remaining.times(&plain)
}

/// One job that was charged, for machines.
pub(super) fn job_as_json(job: &JobLine) -> serde_json::Value {
    serde_json::json!({
        "job": job.name.to_string(), "analyst": job.analyst, "analysis": job.analysis,
        "purpose": job.purpose, "time": job.time.to_string(),
        "rho": job.proof.cost.rho().value(),
        "resembles": job.resembles.map(|id| id.to_string()),
        "decision": job.decision, "checks": job.checks.map(|id| id.to_string()),
    })
}

/// One job that was charged, with what the rest of the budget pays for, as JSON.
pub(super) fn as_json(line: &BudgetLine, job: &JobLine, contract: &Contract) -> serde_json::Value {
    let (now, ever) = jobs_that_fit(line, job);
    let vectors = job.proof.vectors();
    let sums = vectors.map(|vectors| vectors.sums.as_slice()).unwrap_or_default();
    let measures = job.tally.measures.iter().zip(sums).enumerate().map(|(at, (measure, figure))| {
        let (name, unit) = named(at, measure, &job.tally, contract);
        serde_json::json!({
            "name": name, "one_person_moves": real(figure.linf) / unit, "in_cells": figure.cells,
            "smallest_audience": for_a_mean(measure, figure),
        })
    });
    let measures: Vec<_> = measures.collect();
    serde_json::json!({
        "analysis": job.analysis, "analyst": job.analyst, "job": job.name.to_string(),
        "left_this_period": now, "left_for_life": ever,
        "one_person_moves_people": vectors.map(|vectors| vectors.people.linf),
        "in_cells": vectors.map(|vectors| vectors.people.cells),
        "smallest_audience": vectors.map(|vectors| smallest_audience(job, vectors)),
        "choice_is_off_by": job.proof.choice().map(|choice| rounded(choice.people_off(&job.tally))),
        "measures": measures,
        "resembles": job.resembles.map(|id| id.to_string()),
    })
}

/// How many more jobs of the same cost the budget pays for: in the period, and for life.
fn jobs_that_fit(line: &BudgetLine, job: &JobLine) -> (u64, u64) {
    let times = |rest: &protocol::loss::Loss| rest.times(&job.proof.cost).unwrap_or(0);
    (times(&line.remaining), times(&line.lifetime_remaining))
}

/// Says what one person changes at most, figure by figure.
fn person(job: &JobLine, vectors: &Vectors, contract: &Contract) -> String {
    let cells = |figure: &Figure| match figure.cells {
        1 => String::new(),
        cells => format!(" in each of {cells} groups"),
    };
    let people = &vectors.people;
    let mut parts = vec![format!("a head count by at most {}{}", people.linf, cells(people))];
    for (at, (measure, figure)) in job.tally.measures.iter().zip(&vectors.sums).enumerate() {
        let (name, unit) = named(at, measure, &job.tally, contract);
        let most = number::figure(real(figure.linf) / unit, 0.0);
        parts.push(format!("the total of {name} by {most}{}", cells(figure)));
    }
    parts.join(", ")
}

/// Says from which audience on the figures of a job are worth having.
fn reliable(job: &JobLine, vectors: &Vectors, contract: &Contract) -> String {
    let least = smallest_audience(job, vectors);
    let mut text = format!(
        "Noise moves a head count by less than a tenth (with 95 % probability) from {} people on",
        whole(least)
    );
    let mut means: Vec<(i64, Vec<String>)> = Vec::new();
    for (at, (measure, figure)) in job.tally.measures.iter().zip(&vectors.sums).enumerate() {
        let (name, _) = named(at, measure, &job.tally, contract);
        let least = for_a_mean(measure, figure);
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

/// The smallest audience in which noise moves a head count by less than a tenth, with 95 %
/// probability.
fn smallest_audience(job: &JobLine, vectors: &Vectors) -> i64 {
    rounded(Z95 * vectors.sd_of_people(&job.tally) * 10.0)
}

/// The smallest audience in which noise moves a mean by less than a hundredth of its cap, with 95 %
/// probability.
fn for_a_mean(measure: &Measure, figure: &Figure) -> i64 {
    // Half the 95 % interval of a total, divided by what each person adds to it: a hundredth of the
    // cap.
    rounded(Z95 * figure.sigma.value() * 100.0 / real(measure.clamp.reach()))
}

/// The name of what is added up, which is the measure at this place, and how many of its units make one.
fn named(at: usize, measure: &Measure, tally: &Tally, contract: &Contract) -> (String, f64) {
    let dataset = tally.dataset(measure.side);
    match &measure.of {
        Quantity::Rows => (format!("rows of \"{dataset}\""), 1.0),
        Quantity::Credit { column: None, parts } => {
            (format!("rows of \"{dataset}\""), f64::from(*parts))
        }
        Quantity::RowsOfAll => ("rows of all datasets".to_owned(), 1.0),
        Quantity::Distinct { column } => {
            (format!("different values of \"{}\"", say::name(column)), 1.0)
        }
        // The 0 or 1 of a binary outcome, whatever decimals its column has: of any other outcome of a design, squares are
        // added up too.
        Quantity::Sum { column }
            if tally.compares_arms()
                && measure.clamp == Clamp::ONE
                && tally.square_of(at).is_none() =>
        {
            (format!("people with \"{}\"", say::name(column)), 1.0)
        }
        Quantity::Sum { column } | Quantity::Credit { column: Some(column), .. } => {
            let found = contract.datasets.get(dataset).and_then(|found| found.column(column));
            let scale = match found.map(|column| &column.role) {
                Some(Role::Measure(scale)) => *scale,
                _ => Scale::WHOLE,
            };
            let parts = match &measure.of {
                Quantity::Credit { parts, .. } => f64::from(*parts),
                _ => 1.0,
            };
            (format!("\"{}\"", say::name(column)), scale.units_per_one() * parts)
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

/// Two-sided 95 % quantile of the normal distribution.
const Z95: f64 = 1.96;
/// How many flagged jobs a page lists.
const FLAGGED: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever buys counts as 1, whatever decimals the column has that says so.
    #[test]
    fn a_binary_outcome_is_people_and_has_no_decimals() {
        let sample = include_str!("../../../../protocol/src/analysis/lift/sample/contract.toml");
        let job = include_str!("../../../../protocol/src/analysis/lift/sample/job.toml");
        let own = "name = \"visit\"";
        assert!(job.contains(own));
        let job = job.replacen(own, "name = \"buyers\"\ncolumn = \"spend\"", 1);
        let contract = rehearsal::with_throw_away_keys(sample).unwrap().unwrap();
        let (analysis, question) = protocol::job::question_from_toml(&job, &contract).unwrap();
        let proven = protocol::policy::price(&contract, &analysis, &question).unwrap();
        let tally = proven.tally();
        let named = |at: usize| named(at, &tally.measures[at], tally, &contract);
        assert_eq!(named(0), ("people with \"spend\"".to_owned(), 1.0));
        assert_eq!(named(2), ("\"spend\"".to_owned(), 100.0));
    }
}
