//! `glovebox result`: read an answer.

mod export;
pub(crate) mod given;
mod parquet;
mod show;

use crate::{
    common_args::CommonArgs, document, failure::Failure, files, job::named::JobWord,
    profile::RoomWord, result_files, say,
};
use ::page::terminal;
use client::{
    keys::Identity,
    store::Store,
    view::{self, Otherwise},
};
use given::{Given, GivenFiles};
use protocol::{
    analysis::margin::{Better, Margin, MarginScale, MarginTest},
    page::{Provenance, Source},
    units::Millionths,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Read an answer
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ResultCommand {
    Open(Open),
    View(View),
    Show(show::Show),
    Export(export::Export),
}

impl ResultCommand {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Open(open) => open.run().await,
            Self::View(view) => view.run(),
            Self::Show(show) => show.run(),
            Self::Export(export) => export.run(),
        }
    }
}

/// Open a result, believe it only with its receipt, and show it
///
/// Prints a table; writes result.json (the enclave's exact bytes), receipt.cbor, released.cbor (the figures that
/// were released), report.html and asked.json (who asked what).
#[derive(Debug, clap::Args)]
pub(crate) struct Open {
    /// The sealed result, named JOB.sealed; if it is not given, it is fetched from the room's host
    file: Option<PathBuf>,

    /// The job's name, as `job submit` prints it; its first digits are enough, as `audit list` prints them
    #[arg(long, value_name = "HEX", required_unless_present = "file")]
    job: Option<JobWord>,

    /// The room: its address, or its name in the party's folder [default: the usual room there]
    #[arg(long, conflicts_with = "file")]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,

    /// Directory to write into
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
}

impl Open {
    async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let (contract, trust) = (common.contract()?, common.trust()?);
        let identity = Identity::load(&common.dir)?;
        let party = identity.party_in(&contract)?;
        let given = self.file.as_deref().map(files::read).transpose()?;
        let named = || self.file.as_deref().and_then(Path::file_stem)?.to_str()?.parse().ok();
        let job = self.job.as_ref().map(|job| job.among_known(&common, &contract)).transpose()?;
        let job = job.or_else(named);
        let job = job.ok_or_else(|| Failure::unclear("which job is meant? Name it with --job"))?;
        let sealed = match (given, common.known_address()) {
            (Some(sealed), _) => sealed,
            (None, Some(room)) => match Store::new(room).result(job, party).await {
                Err(error) if error.is_not_found() => {
                    return Err(Failure::unclear(format!(
                        "the host has no result of job {job} for {party}: it has not run yet, or \
                         {party} is not one of its receivers"
                    )));
                }
                found => found?,
            },
            (None, None) => return Err(Failure::unclear("expected a file, or --room")),
        };
        result_files::open(&sealed, &identity, &common, &trust, job, &self.output)?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Ask the same figures otherwise, offline and for nothing: at another confidence, or against a margin
///
/// Checks the receipt, then estimates the answer again from the released figures. The output is
/// derived at home, and says so: no receipt is about it. A margin that the job does not name was chosen
/// afterwards, which the output says, too.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("otherwise").required(true).multiple(true).args(["confidence", "outcome"]))]
#[command(group = clap::ArgGroup::new("margin").requires("outcome").args(["equivalence", "non_inferiority", "superiority"]))]
pub(crate) struct View {
    /// The folder of an opened result: result.json, receipt.cbor and released.cbor
    #[arg(default_value = ".")]
    folder: PathBuf,

    /// Confidence of the intervals, such as 0.9
    #[arg(long, value_name = "SHARE")]
    confidence: Option<f64>,

    /// Outcome of a lift to test against a margin
    #[arg(long, value_name = "NAME", requires = "margin")]
    outcome: Option<String>,

    /// Is the change smaller than this, up or down? 5% is of the control mean, 0.2 in units of the outcome
    #[arg(long, value_name = "MARGIN")]
    equivalence: Option<String>,

    /// Is any loss smaller than this?
    #[arg(long, value_name = "MARGIN")]
    non_inferiority: Option<String>,

    /// Is the gain larger than this?
    #[arg(long, value_name = "MARGIN")]
    superiority: Option<String>,

    /// Less of the outcome is better, as of refunds
    #[arg(long, requires = "margin", conflicts_with = "equivalence")]
    less_is_better: bool,

    #[command(flatten)]
    common: CommonArgs,
}

impl View {
    fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(None)?;
        let confidence = self.confidence.map(share).transpose().map_err(Failure::unclear)?;
        let margin = self.margin().map_err(Failure::unclear)?;
        let otherwise = Otherwise { confidence, margin };
        let given = GivenFiles::of(&self.folder);
        let Given { contract, checked, from, .. } = Given::read(&given, &common)?;
        let viewed = view::view(&contract, &checked, &otherwise).map_err(Failure::unclear)?;
        let from = Provenance { source: Source::Derived, ..from };
        let page = viewed.page(&from);
        document::fields(&serde_json::json!({"result": viewed, "page": page}))?;
        let page = terminal::summary(&page).map_err(Failure::unclear)?;
        say::result(page.trim_end())?;
        say::note(
            "\nThe receipt holds for result.json in this folder. What is printed here was derived from the same \
             figures at home.",
        );
        Ok(ExitCode::SUCCESS)
    }

    /// The outcome that is tested, and its margin.
    fn margin(&self) -> Result<Option<(String, Margin)>, String> {
        let asked = [
            ("--equivalence", MarginTest::Equivalence, &self.equivalence),
            ("--non-inferiority", MarginTest::NonInferiority, &self.non_inferiority),
            ("--superiority", MarginTest::Superiority, &self.superiority),
        ];
        let mut given =
            asked.into_iter().filter_map(|(flag, test, text)| Some((flag, test, text.as_ref()?)));
        let Some((outcome, (flag, test, text))) = self.outcome.clone().zip(given.next()) else {
            return Ok(None);
        };
        let better = if self.less_is_better { Better::Less } else { Better::More };
        let margin = margin(test, text, better);
        let margin = margin.map_err(|expected| format!("{flag}: found {text}, {expected}"))?;
        Ok(Some((outcome, margin)))
    }
}

/// Reads a margin: `5%` of the control mean, or `0.2` in units of the outcome.
fn margin(test: MarginTest, text: &str, better: Better) -> Result<Margin, &'static str> {
    let percent = text.trim().strip_suffix('%');
    let number = percent.unwrap_or(text).trim().parse::<f64>();
    let number =
        number.map_err(|_| "expected 5% of the control mean, or 0.2 in units of the outcome")?;
    match percent {
        Some(_) => Margin::new(test, MarginScale::Relative, number / 100.0, better),
        None => Margin::new(test, MarginScale::Absolute, number, better),
    }
}

/// Reads a share above 0 and below 1, as the user gave it.
fn share(given: f64) -> Result<f64, String> {
    if Millionths::nearest(given).is_some() {
        return Ok(given);
    }
    Err(if (1.0..100.0).contains(&given) {
        format!("--confidence: found {given}; write {} for {given} %", given / 100.0)
    } else {
        format!("--confidence: found {given}, expected a number above 0 and below 1, such as 0.9")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_margin_in_percent_is_of_the_control_mean() {
        let of = |text| margin(MarginTest::NonInferiority, text, Better::Less);
        let relative = of("5%").unwrap();
        assert_eq!((relative.scale, relative.millionths), (MarginScale::Relative, 50_000));
        let absolute = of("0.2").unwrap();
        assert_eq!((absolute.scale, absolute.millionths), (MarginScale::Absolute, 200_000));
        assert_eq!(absolute.bounds(), [None, Some(0.2)]);
        for text in ["five", "", "%", "-1", "0", "nan", "200000000000%"] {
            assert!(of(text).is_err(), "{text}");
        }
        assert!(margin(MarginTest::Equivalence, "100%", Better::More).is_err());
    }

    #[test]
    fn a_confidence_is_a_share_and_no_percentage() {
        assert_eq!(share(0.9), Ok(0.9));
        let percent = share(90.0).unwrap_err();
        assert!(percent.ends_with("found 90; write 0.9 for 90 %"), "{percent}");
        for given in [0.0, -1.0, 100.0, f64::NAN, 0.999_999_9] {
            assert!(share(given).unwrap_err().contains("above 0 and below 1"), "{given}");
        }
    }
}
