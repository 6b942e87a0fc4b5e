//! `glovebox audit kpis`: what kept audit logs come to, in numbers for whoever answers for a room.

use super::{
    meant::{self, Named},
    words::{Sums, paid_in},
};
use crate::{
    common_args::CommonArgs,
    document,
    failure::Failure,
    files, result_files, say,
    words::{self, counted},
};
use attestation_verifier::receipt::output_digest;
use client::audit::KeptLog;
use protocol::{
    audit::{Entry, Event, Listed},
    citation::Unit,
    contract::Contract,
    job::Decision,
    loss::Loss,
    refusal::Refusal,
    result::JobResult,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::ExitCode,
};

/// Sum up kept audit logs: how many questions were answered, what was refused by which rule, how near answers came to the smallest
/// cell, how long it took, and what was spent on what
///
/// Offline, of what this party may read: entries for others are counted and no more. Which figures were near the smallest cell is in no
/// log; it is counted in those results of the party's folder that an entry names. Numbers are as good as the logs: `glovebox audit
/// check` says whether these are whole.
#[derive(Debug, clap::Args)]
pub(crate) struct Kpis {
    /// Logs that `glovebox audit list` kept [default: all in the party's folder]
    #[arg(value_name = "FILE")]
    logs: Vec<PathBuf>,

    #[command(flatten)]
    common: CommonArgs,
}

impl Kpis {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(None)?;
        let contract = files::Paper::read(&common.contract)?.contract;
        let named = Named::of(&self.logs, &contract)?;
        if let Some(other) = named.proofs.first() {
            return Err(Failure::unclear(format!(
                "{} is no audit log: expected files that `glovebox audit list` kept",
                other.display()
            )));
        }
        let logs =
            if named.logs.is_empty() { meant::kept(&common, &contract)? } else { named.logs };
        let mut kpis = Numbers::default();
        logs.iter().for_each(|log| kpis.add(&log.kept));
        let results = files::in_folder(&common.dir, result_files::RESULTS);
        for folder in result_files::folders(&results)? {
            // A folder from which the result was taken says nothing.
            if let Ok(bytes) = files::read(&folder.join("result.json")) {
                kpis.look_into(&bytes);
            }
        }
        document::fields(&kpis.as_json(&contract))?;
        kpis.print(&contract)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What the logs come to.
#[derive(Default)]
struct Numbers {
    logs: u64,
    entries: u64,
    unread: u64,
    answered: u64,
    free: u64,
    /// Prices that were asked and that nobody paid.
    never_paid: u64,
    /// Jobs that were refused by a rule, by its name, and how many requests that are no job.
    refused: BTreeMap<String, u64>,
    other_refused: u64,
    /// Requests that were refused without an entry, by party: at least so many.
    unlisted: BTreeMap<String, u64>,
    /// Milliseconds from a price to the answer that it was paid for.
    waited: Vec<u64>,
    /// What was charged, and for how many answers.
    spent: BTreeMap<Spending, (Loss, u64)>,
    /// The results that entries name, and which of them were found.
    outputs: BTreeSet<[u8; 48]>,
    near: Near,
}

/// What a charge was for.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
struct Spending {
    purpose: String,
    analysis: String,
    asked_by: String,
    dataset: String,
    /// `None` of answers whose jobs named none.
    decision: Option<Decision>,
}

/// Counts of people in the results that were found.
#[derive(Default)]
struct Near {
    results: u64,
    /// Results with a count that is near the number from which counts are shown, or is withheld.
    near: u64,
    /// Counts that are shown, and less than two standard deviations of their noise above that number.
    shown: u64,
    /// Figures that are withheld, and cells.
    withheld: u64,
    withheld_cells: u64,
}

impl Numbers {
    fn add(&mut self, kept: &KeptLog) {
        let unread = kept.log().entries().iter().filter(|entry| !matches!(entry, Listed::Text(_)));
        self.logs += 1;
        self.entries += kept.log().size();
        self.unread += counting(unread.count());
        self.count(kept.log().texts().collect());
    }

    /// Counts what this party may read of one log.
    fn count(&mut self, entries: Vec<Entry>) {
        let paid = paid_in(&entries);
        let sums = Sums::of(entries.iter().cloned());
        self.answered += sums.answered;
        self.free += sums.free;
        self.never_paid += sums.unpaid.saturating_sub(counting(paid.len()));
        for (party, requests) in sums.unlisted {
            *self.unlisted.entry(party).or_default() += requests;
        }
        let times: BTreeMap<u64, u64> =
            entries.iter().map(|entry| (entry.number, entry.time.0)).collect();
        self.waited.extend(
            paid.iter().filter_map(|(from, to)| times.get(to)?.checked_sub(*times.get(from)?)),
        );
        for entry in entries {
            match entry.event {
                Event::Refused { refusal: Refusal::NeedsSlice { .. }, .. } => {}
                Event::Refused { analysis: Some(_), refusal, .. } => {
                    *self.refused.entry(refusal.kind()).or_default() += 1;
                }
                Event::Refused { .. } => self.other_refused += 1,
                Event::Answered { asked_by, analysis, charged, output, decision, .. } => {
                    self.outputs.insert(*output.as_bytes());
                    for charge in charged {
                        let spending = Spending {
                            purpose: charge.purpose,
                            analysis: analysis.clone(),
                            asked_by: asked_by.clone(),
                            dataset: charge.dataset,
                            decision: decision.clone(),
                        };
                        let sum = self.spent.entry(spending).or_insert_with(|| (Loss::zero(), 0));
                        *sum = (sum.0.plus(&charge.loss), sum.1 + 1);
                    }
                }
                _ => {}
            }
        }
    }

    /// Counts the figures of a result whose bytes an entry names, once.
    fn look_into(&mut self, bytes: &[u8]) {
        if !self.outputs.remove(&output_digest(bytes)) {
            return;
        }
        let Ok(result) = JobResult::from_json(bytes) else { return };
        let shown_from = decimal(result.shown_from());
        let (mut shown, mut withheld, mut cells) = (0, 0, 0);
        for figure in result.answer.citations() {
            let spread = figure.noise_sd.or(figure.standard_error).unwrap_or(0.0);
            let is_near = |value: f64| value - shown_from < 2.0 * spread;
            let is_count = figure.unit == Unit::People && !figure.withheld;
            shown += u64::from(is_count && figure.value.is_some_and(is_near));
            withheld += u64::from(figure.withheld);
            // Several figures of one group tell of the same cells.
            cells = figure.withheld_cells.max(cells);
        }
        self.near.results += 1;
        self.near.near += u64::from((shown, withheld, cells) != (0, 0, 0));
        self.near.shown += shown;
        self.near.withheld += withheld;
        self.near.withheld_cells += cells;
    }

    fn refused_jobs(&self) -> u64 {
        self.refused.values().sum()
    }

    fn asked(&self) -> u64 {
        self.answered + self.refused_jobs() + self.never_paid
    }

    /// The share of the questions that were answered, in thousandths; none if nobody asked anything.
    fn success(&self) -> Option<u64> {
        (self.answered * 1000).checked_div(self.asked())
    }

    /// The median of the times, as the name of the bucket that it is in: those times are not rounded in the log, and a bucket says
    /// enough.
    fn median(&self) -> Option<&'static Bucket> {
        let mut waited = self.waited.clone();
        waited.sort_unstable();
        let median = waited.get(waited.len().checked_sub(1)? / 2)?;
        BUCKETS.iter().find(|bucket| bucket.seconds.is_none_or(|most| *median <= most * 1000))
    }

    fn as_json(&self, contract: &Contract) -> serde_json::Value {
        let spent = self.spent.iter().map(|(of, (loss, answers))| {
            let delta = words::delta_of(contract, &of.dataset, &of.purpose);
            serde_json::json!({
                "purpose": of.purpose, "analysis": of.analysis, "asked_by": of.asked_by,
                "dataset": of.dataset, "decision": of.decision, "answers": answers, "rho": loss.rho().value(),
                "epsilon": delta.map(|delta| loss.rho().epsilon(delta)),
            })
        });
        serde_json::json!({
            "logs": self.logs, "entries": self.entries, "for_others": self.unread,
            "asked": self.asked(), "answered": self.answered, "answered_for_nothing": self.free,
            "never_paid": self.never_paid, "refused": self.refused,
            "requests_refused": self.other_refused,
            "refused_without_entry": self.unlisted,
            "success_thousandths": self.success(),
            "waited": {
                "answers": self.waited.len(),
                "median_at_most_seconds": self.median().and_then(|bucket| bucket.seconds),
            },
            "near_threshold": {
                "results": self.near.results, "near": self.near.near,
                "shown": self.near.shown, "withheld": self.near.withheld,
                "withheld_cells": self.near.withheld_cells,
                "results_not_here": self.outputs.len(),
            },
            "spent": spent.collect::<Vec<_>>(),
        })
    }

    fn print(&self, contract: &Contract) -> Result<(), Failure> {
        say::result(format_args!(
            "{} of {}, {} of them for others and not counted below",
            counted(self.entries, "entry", "entries"),
            counted(self.logs, "log", "logs"),
            self.unread
        ))?;
        let success = self.success().map_or_else(
            || "nobody asked anything".to_owned(),
            |share| format!("{}.{} % were answered", share / 10, share % 10),
        );
        say::result(format_args!(
            "{}: {success} ({} of {} for nothing); {} refused, {} priced and never paid",
            counted(self.asked(), "question", "questions"),
            self.free,
            self.answered,
            self.refused_jobs(),
            self.never_paid
        ))?;
        for (rule, count) in &self.refused {
            say::result(format_args!("  refused by {rule}: {count}"))?;
        }
        if self.other_refused > 0 {
            let requests = counted(self.other_refused, "request that is", "requests that are");
            say::result(format_args!("  beside them {requests} no question, refused"))?;
        }
        for (party, count) in &self.unlisted {
            let requests = counted(*count, "request", "requests");
            say::result(format_args!(
                "  at least {requests} of {party} refused without an entry, which no number here counts"
            ))?;
        }
        match self.median() {
            Some(bucket) => say::result(format_args!(
                "from price to answer: half of {} took {}",
                counted(self.waited.len(), "paid question", "paid questions"),
                bucket.words
            ))?,
            None => {
                say::result("from price to answer: no question was priced first and paid then")?
            }
        }
        self.print_near()?;
        for (of, (loss, answers)) in &self.spent {
            let delta = words::delta_of(contract, &of.dataset, &of.purpose);
            let decision = of.decision.as_ref();
            let decision = decision
                .map_or_else(String::new, |words| format!(", to decide \"{}\"", say::name(words)));
            say::result(format_args!(
                "for {}{decision}, {} of {}: {} charged to {}, in {}",
                of.purpose,
                of.analysis,
                of.asked_by,
                words::charge(loss, delta),
                of.dataset,
                counted(*answers, "answer", "answers")
            ))?;
        }
        Ok(())
    }

    fn print_near(&self) -> Result<(), Failure> {
        let Near { results, near, shown, withheld, withheld_cells } = &self.near;
        let not_here = match self.outputs.len() {
            0 => String::new(),
            some => format!("; {} not in this folder", counted(some, "result is", "results are")),
        };
        say::result(format_args!(
            "near the smallest cell: {near} of {}: {} shown within two noise deviations of it, {} and {} withheld{not_here}",
            counted(*results, "result", "results"),
            counted(*shown, "head count", "head counts"),
            counted(*withheld, "figure", "figures"),
            counted(*withheld_cells, "cell", "cells"),
        ))
    }
}

/// A length of time, in public steps.
struct Bucket {
    /// The most seconds; none of the last one.
    seconds: Option<u64>,
    words: &'static str,
}

/// The same for everybody, so that a median says no more than its step.
const BUCKETS: [Bucket; 7] = [
    Bucket { seconds: Some(1), words: "at most a second" },
    Bucket { seconds: Some(10), words: "at most 10 seconds" },
    Bucket { seconds: Some(60), words: "at most a minute" },
    Bucket { seconds: Some(600), words: "at most 10 minutes" },
    Bucket { seconds: Some(3_600), words: "at most an hour" },
    Bucket { seconds: Some(86_400), words: "at most a day" },
    Bucket { seconds: None, words: "more than a day" },
];

fn counting(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn decimal(people: i64) -> f64 {
    i32::try_from(people).map_or(f64::MAX, f64::from)
}

#[cfg(test)]
mod tests;
