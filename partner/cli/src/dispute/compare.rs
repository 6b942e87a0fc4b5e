//! `glovebox dispute compare`: whether two answers to one question agree within the noise of both.

use super::{Case, named::Names};
use crate::{
    common_args::{Common, CommonArgs},
    document,
    failure::Failure,
    files::Paper,
    result::given::{Given, GivenFiles},
    say, unchecked, verify,
    words::counted,
};
use client::{
    receipt_check::{self, Checked, ReceiptFiles},
    trust::Trust,
};
use protocol::{
    job::JobName,
    page::number::size,
    released::{Agreement, Amount, Compared, FALSE_ALARM, OnlyInOne, Released},
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Say whether two answers to the same question on the same data agree within the noise of both
///
/// Checks both receipts first. Then every released figure of the one is held against that of the other: on the same data they differ by
/// the noise of both and nothing else. What is further apart than noise explains is named. Of two honest answers something is found
/// apart in at most one comparison of a thousand, over all figures together. Exit code: 0 they agree, 1 they do not, or a
/// receipt does not hold, 2 nothing can be said, since they are no two draws of one question, or nothing in them can be compared.
#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    /// The answer that is doubted: the folder of an opened result, or a file of `glovebox dispute write`
    one: PathBuf,

    /// The answer to the same question that was paid for again (`glovebox dispute ask`)
    other: PathBuf,

    #[command(flatten)]
    common: CommonArgs,
}

impl Compare {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(None)?;
        let trust = common.trust()?;
        let [one, other] =
            [answer(&self.one, &common, &trust)?, answer(&self.other, &common, &trust)?];
        same_question(&one, &other).map_err(Failure::unclear)?;
        let [first, second] = [released(&one, &self.one)?, released(&other, &self.other)?];
        let rows = one.data.iter().fold(0_u64, |sum, of| sum.saturating_add(of.declared.rows));
        let proven = one.admitted.proven();
        let found = Agreement::of(proven, [first, second], rows).ok_or_else(|| {
            Failure::unclear(
                "these are no releases with noise of one question: a rehearsal has none".to_owned(),
            )
        })?;
        let contract = Paper::read(&common.contract)?.contract;
        let names = Names::of(&contract, &one.job.job().question, proven.tally());
        let report =
            Report { found: &found, names: &names, jobs: [one.job.name(), other.job.name()] };
        let checks = checks(&one, &other) || checks(&other, &one);
        document::fields(&report.as_json(checks, trust.is_simulated()))?;
        report.print(checks)?;
        unchecked::say(&unchecked::of_a_comparison(&contract, &trust))?;
        report.verdict().exit()
    }
}

/// The answer in a folder or a file, checked.
fn answer(path: &Path, common: &Common, trust: &Trust) -> Result<Checked, Failure> {
    if path.is_dir() {
        return Ok(Given::read_with(&GivenFiles::of(path), common, trust)?.checked);
    }
    if !path.exists() {
        return Err(Failure::unclear(format!(
            "{} is not there: expected the folder of an opened result, or a file of `glovebox dispute write`",
            path.display()
        )));
    }
    let case = Case::read(path)?;
    let contract = Paper::read(&common.contract)?.contract;
    let beside =
        ReceiptFiles { result: Some(case.result.as_bytes()), released: Some(&case.released) };
    receipt_check::check(&contract, &case.receipt, beside, trust).map_err(|error| {
        match verify::print(error.checks()) {
            Ok(()) => error.into(),
            Err(failure) => failure,
        }
    })
}

/// Refuses answers that are no two of one question on the same data, by what differs.
fn same_question(one: &Checked, other: &Checked) -> Result<(), String> {
    let [asked, again] = [one.job.job(), other.job.job()];
    if one.job.name() == other.job.name() {
        return Err(format!(
            "both are the answer to job {}, and so one draw of noise (a free repeat gives the same again): ask for another one \
             with `glovebox dispute ask`",
            one.job.name()
        ));
    }
    if asked.analysis != again.analysis || asked.question != again.question {
        return Err(format!(
            "they ask different questions (jobs {} and {}): only two answers to the same one differ by noise alone",
            one.job.name(),
            other.job.name()
        ));
    }
    let differs = |(name, of): &(&String, &_)| again.datasets.get(*name) != Some(of);
    match asked.datasets.iter().find(differs) {
        Some((dataset, of)) => Err(format!(
            "they are of different versions of {dataset} ({} and {}): what differs may be the data",
            of.short(),
            again.datasets.get(dataset).map_or_else(|| "none".to_owned(), |of| of.short())
        )),
        None if one.body.tally == other.body.tally && one.body.proof == other.body.proof => Ok(()),
        None => Err("their receipts have another tally or proof: only answers to the same one differ by noise alone".to_owned()),
    }
}

fn released<'c>(of: &'c Checked, path: &Path) -> Result<&'c Released, Failure> {
    of.released.as_ref().ok_or_else(|| {
        Failure::unclear(format!(
            "{} has no released.cbor, whose figures are compared: take it from where the result was opened",
            path.display()
        ))
    })
}

/// Whether `one` states that it checks `other`.
fn checks(one: &Checked, other: &Checked) -> bool {
    one.job.job().checks == Some(other.job.name())
}

/// What the comparison comes to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Agree,
    Apart,
    Copy,
    Nothing,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Agree => "agree",
            Self::Apart => "apart",
            Self::Copy => "copy",
            Self::Nothing => "nothing_to_compare",
        }
    }

    fn exit(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Agree => Ok(ExitCode::SUCCESS),
            Self::Apart => Ok(ExitCode::FAILURE),
            Self::Copy => Err(Failure::unclear(
                "the second answer has the same noise as the first: it is a free repeat of it, or a copy, and proves \
                 nothing. Ask for another draw with `glovebox dispute ask`"
                    .to_owned(),
            )),
            Self::Nothing => Err(Failure::unclear(
                "no figure with noise of a known width is in both: of a choice, and of the steps of a training after the \
                 first sum, two draws differ by more than their noise"
                    .to_owned(),
            )),
        }
    }
}

/// A comparison that is told.
struct Report<'a> {
    found: &'a Agreement,
    names: &'a Names<'a>,
    jobs: [JobName; 2],
}

impl Report<'_> {
    fn verdict(&self) -> Verdict {
        let judged = self.found.only_in_one.iter().any(|only| only.gap.is_some());
        match self.found {
            found if found.is_a_copy => Verdict::Copy,
            found if found.is_apart() => Verdict::Apart,
            found if found.compared.is_empty() && !judged => Verdict::Nothing,
            _ => Verdict::Agree,
        }
    }

    fn as_json(&self, checks: bool, simulated: bool) -> serde_json::Value {
        let compared = self.found.compared.iter().map(|of| {
            let [one, other] = of.values.map(|value| self.value(value, of.which.amount));
            let by = |amount: f64| self.scaled(amount, of.which.amount);
            serde_json::json!({
                "figure": self.names.name(&of.which), "one": one, "other": other,
                "difference": by(real(of.difference())), "noise_sd": by(of.noise_sd),
                "allowed": by(of.allowed), "apart": of.is_apart(),
            })
        });
        let alone = self.found.only_in_one.iter().map(|of| {
            let [one, other] = of.values.map(|value| Some(self.value(value?, of.which.amount)));
            let gap = of.gap.map(|gap| gap.map(|amount| self.scaled(amount, of.which.amount)));
            serde_json::json!({
                "figure": self.names.name(&of.which), "one": one, "other": other,
                "difference_at_least": gap.map(|[least, _]| least),
                "allowed": gap.map(|[_, allowed]| allowed), "apart": of.is_apart(),
            })
        });
        let verdict = self.verdict();
        let agrees = match verdict {
            Verdict::Agree => Some(true),
            Verdict::Apart => Some(false),
            Verdict::Copy | Verdict::Nothing => None,
        };
        let [one, other] = self.jobs.map(|job| job.to_string());
        serde_json::json!({
            "simulated": simulated, "one": one, "other": other, "states_the_check": checks,
            "verdict": verdict.word(), "agrees": agrees, "false_alarm": FALSE_ALARM,
            "figures": compared.collect::<Vec<_>>(), "only_in_one": alone.collect::<Vec<_>>(),
        })
    }

    fn print(&self, checks: bool) -> Result<(), Failure> {
        let found = self.found;
        let [one, other] =
            self.jobs.map(|job| job.to_string().chars().take(12).collect::<String>());
        let states = if checks { "; the one states that it checks the other" } else { "" };
        say::result(format_args!(
            "job {one} beside job {other}, the same question on the same data{states}"
        ))?;
        for of in found.compared.iter().filter(|of| of.is_apart()) {
            self.apart(of)?;
        }
        let (apart, alone): (Vec<_>, Vec<_>) =
            found.only_in_one.iter().partition(|only| only.is_apart());
        apart.iter().try_for_each(|only| self.hidden(only))?;
        let fine = alone.len();
        if fine > 0 {
            let figures = counted(fine, "figure is", "figures are");
            say::result(format_args!(
                "{figures} in one answer alone, or of other people in each, as happens near the smallest cell; --json lists them"
            ))?;
        }
        let widest = found.compared.iter().map(|of| real(of.difference()) / of.allowed);
        let widest = widest.fold(0.0, f64::max);
        let bad = found.compared.iter().filter(|of| of.is_apart()).count() + apart.len();
        let count = counted(found.compared.len(), "figure", "figures");
        match self.verdict() {
            Verdict::Agree => say::result(format_args!(
                "THEY AGREE: {count} compared, none further apart than the noise of both explains (the widest comes to {} % of what \
                 is allowed)",
                (widest * 100.0).round()
            )),
            Verdict::Apart => say::result(format_args!(
                "THEY DO NOT AGREE: {} further apart than the noise of both explains, of {count} compared and {} in one alone. \
                 Honest answers are told apart so in at most one comparison of {}",
                counted(bad, "figure is", "figures are"),
                found.only_in_one.len(),
                (1.0 / FALSE_ALARM).round()
            )),
            Verdict::Copy | Verdict::Nothing => Ok(()),
        }
    }

    fn apart(&self, of: &Compared) -> Result<(), Failure> {
        let [one, other] = of.values.map(|value| size(self.value(value, of.which.amount)));
        let by = |amount: f64| size(self.scaled(amount, of.which.amount));
        say::result(format_args!(
            "APART: {}: {one} and {other}, {} apart; noise explains {}",
            say::name(self.names.name(&of.which)),
            by(real(of.difference())),
            by(of.allowed)
        ))
    }

    fn hidden(&self, of: &OnlyInOne) -> Result<(), Failure> {
        let Some([least, allowed]) = of.gap else { return Ok(()) };
        let shown = of.values.iter().flatten().next().copied().unwrap_or(0);
        say::result(format_args!(
            "APART: {}: {} in one, withheld as too small in the other, at least {} less; noise explains {}",
            say::name(self.names.name(&of.which)),
            size(self.value(shown, of.which.amount)),
            size(least),
            size(allowed)
        ))
    }

    /// A value in units of its column, or in those of the tally if these have no name.
    fn value(&self, value: i128, amount: Amount) -> f64 {
        let sign = if value < 0 { -1.0 } else { 1.0 };
        self.scaled(sign * real(value.unsigned_abs()), amount)
    }

    fn scaled(&self, value: f64, amount: Amount) -> f64 {
        value / self.names.units(amount).unwrap_or(1.0)
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: u128) -> f64 {
    number as f64
}
