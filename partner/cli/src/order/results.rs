//! `glovebox order results`: the answers to the runs of an order, over time.

use super::series::{Answer, Point, Series, keys, level};
use crate::{common_args::CommonArgs, document, failure::Failure, files, profile::RoomWord, say};
use ::page::{html, terminal};
use client::{
    keys::Identity,
    receipt_check::{self, Checked, ReceiptFiles},
    trust::Trust,
    view,
};
use custody::Ledger;
use protocol::{
    contract::Contract,
    order::OrderFile,
    page::{Block, Page, Provenance, Source},
    receipt::output,
};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Show the answers of an order as a series: a table, a picture over time, and which changes noise does not explain
///
/// Reads the folders of results that the party's service fetched, or that `glovebox result open` wrote, and believes those whose
/// receipts hold. Writes NAME.html and NAME.csv.
#[derive(Debug, clap::Args)]
pub(crate) struct Results {
    /// The order's name, as it was accepted here
    order: String,

    /// Folder in which each result has a folder [default: results, in the party's folder]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,

    /// Folder to write into
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,

    /// The room, in the party's folder [default: the usual room there]
    #[arg(long)]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,
}

impl Results {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let (contract, trust) = (common.contract()?, common.trust()?);
        let identity = Identity::load(&common.dir)?;
        let ledger = Ledger::open(&identity)?;
        let line = super::decide::named(&ledger, &contract, &self.order)?;
        let from = self.from.clone().unwrap_or_else(|| common.dir.join("results"));
        let answers = answers(&from, &line.file, &contract, &trust)?;
        let series = Series::of(line.file.order(), answers);
        let page = series.page(trust.is_simulated());
        let name = &line.file.order().name;
        document::fields(&serde_json::json!({
            "name": name, "html": self.output.join(format!("{name}.html")),
            "csv": self.output.join(format!("{name}.csv")), "page": page,
        }))?;
        let drawn = html::page(&page).map_err(Failure::unclear)?;
        files::write(&self.output.join(format!("{name}.html")), drawn.as_bytes())?;
        files::write(&self.output.join(format!("{name}.csv")), series.csv()?.as_bytes())?;
        let summary = terminal::whole(&page).map_err(Failure::unclear)?;
        say::result(summary.trim_end())?;
        say::note(format_args!("Written: {name}.html and {name}.csv in {}", self.output.display()));
        Ok(ExitCode::SUCCESS)
    }
}

/// The answers to runs of the order among the folders of `from`. A folder whose receipt does not hold is left out, and said.
fn answers(
    from: &Path,
    file: &OrderFile,
    contract: &Contract,
    trust: &Trust,
) -> Result<Vec<Answer>, Failure> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(from).map_err(Failure::reading(from))?;
    for entry in entries {
        let folder = entry.map_err(Failure::reading(from))?.path();
        if !folder.join("receipt.cbor").exists() {
            continue;
        }
        let read = |name: &str| files::read(&folder.join(name));
        let (receipt, result, released) =
            (read("receipt.cbor")?, read("result.json")?, read("released.cbor")?);
        let beside = ReceiptFiles { result: Some(&result), released: Some(&released) };
        let checked = match receipt_check::check(contract, &receipt, beside, trust) {
            Ok(checked) => checked,
            Err(why) => {
                say::note(format_args!("{} is left out: {why}", folder.display()));
                continue;
            }
        };
        if let Some((answer, from)) = answer(&checked, &result, file, trust) {
            found.push((answer, checked, from));
        }
    }
    let level = level(file.order(), keys(found.iter().map(|(answer, ..)| answer)).len());
    let widened = found.into_iter().map(|(mut answer, checked, from)| {
        let wide = view::at_confidence(contract, &checked, level).ok();
        answer.wide = wide.map(|viewed| points(&viewed.page(&from))).unwrap_or_default();
        answer
    });
    Ok(widened.collect())
}

/// What one result adds to the series, if it answers a run of the order, without its wide intervals; and what its page is of.
fn answer(
    checked: &Checked,
    bytes: &[u8],
    file: &OrderFile,
    trust: &Trust,
) -> Option<(Answer, Provenance)> {
    let run = checked.job.run().filter(|run| run.name.order == file.signed().name())?;
    let result = checked.result.as_ref()?;
    let from = Provenance {
        simulated: trust.is_simulated(),
        asked_by: result.asked_by.clone(),
        asker: None,
        output: output(bytes),
        source: Source::Derived,
    };
    let answer = Answer {
        number: run.name.number,
        at: run.at,
        instance: checked.job.job().instance,
        job: checked.job.name(),
        points: points(&result.page(&from)),
        wide: Vec::new(),
        flags: result.flags.clone(),
    };
    Some((answer, from))
}

/// Every estimate with an interval that a page has, by the heading of its section and its name.
fn points(page: &Page) -> Vec<Point> {
    let mut points = Vec::new();
    for section in &page.sections {
        for block in &section.blocks {
            let Block::Intervals(picture) = block else { continue };
            for row in &picture.rows {
                points.push(Point {
                    of: section.heading.raw(),
                    name: row.name.raw(),
                    figure: row.figure.raw(),
                    words: row.words.raw(),
                    unit: row.unit.clone(),
                    estimate: row.estimate,
                    ends: row.ends,
                });
            }
        }
    }
    points
}
