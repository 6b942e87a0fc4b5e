use crate::{document, failure::Failure, files, reading::ReadingArgs, say, seal};
use ::page::{html, terminal};
use protocol::{
    page::{Provenance, Source},
    receipt::output,
};
use rehearsal::{Rehearsal, RehearsalError, Rehearsed};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Run a job on your own files in a simulated room, in one process
///
/// No partner, cloud account or budget is needed, and none is touched. What it prints is SIMULATED.
#[derive(Debug, clap::Args)]
pub(crate) struct Try {
    /// The contract, signed or not; throw-away keys and builds replace its own, which may be
    /// missing
    #[arg(long, value_name = "FILE")]
    contract: PathBuf,

    /// The job's TOML: protocol/spec/job-v1.md, and its kind's page, protocol/src/analysis/KIND/README.md
    #[arg(long, value_name = "FILE")]
    job: PathBuf,

    /// A dataset's table, once for each dataset
    #[arg(long, value_name = "NAME=FILE", required = true)]
    data: Vec<String>,

    #[command(flatten)]
    reading: ReadingArgs,

    /// Whether to add noise. Only this command can leave it off, to check numbers
    #[arg(long, value_enum, default_value_t = Noise::On)]
    noise: Noise,

    /// Also write result.json and report.html into this directory
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Noise {
    On,
    Off,
}

impl Try {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        for file in self.kept() {
            files::refuse_present(&file)?;
        }
        // The contract may have no keys and builds: it is given others.
        let (text, _) = files::contract_text(&self.contract)?;
        let text = String::from_utf8(text).map_err(Failure::unclear)?;
        let job = files::read_text(&self.job)?;
        let data = self.data.iter().map(|text| {
            let pair =
                text.split_once('=').map(|(name, path)| (name.to_owned(), PathBuf::from(path)));
            pair.ok_or_else(|| Failure::unclear(format!("--data {text}: expected NAME=FILE")))
        });
        let data = data.collect::<Result<BTreeMap<_, _>, _>>()?;
        say::note("SIMULATED: throw-away keys and a simulated enclave, in this process.");
        let mut rehearsal = Rehearsal::new(&text, &job, &data);
        rehearsal.noise = self.noise == Noise::On;
        rehearsal.sealing = self.reading.options(None)?;
        let done = rehearsal.run(&mut |step| say::note(step)).await;
        let done = done.map_err(|error| match error {
            RehearsalError::Contract(why) => files::named(&self.contract, why),
            other => other.into(),
        })?;
        for sealed in &done.sealed {
            say::note(format_args!("{}:", sealed.name));
            seal::tell(&sealed.count, sealed.padded);
        }
        if let Some(directory) = &self.output {
            keep(&done, directory)?;
        }
        let page = done.result.page(&provenance(&done));
        document::fields(&serde_json::json!({
            "simulated": true, "job": done.result.job, "result": done.result, "page": page,
        }))?;
        let page = terminal::summary(&page).map_err(Failure::unclear)?;
        say::result(page.trim_end())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Try {
    /// The files that are written.
    fn kept(&self) -> impl Iterator<Item = PathBuf> {
        self.output.iter().flat_map(|directory| [RESULT, REPORT].map(|name| directory.join(name)))
    }
}

/// Where the result of a trial comes from: a trial leaves no receipt.
fn provenance(done: &Rehearsed) -> Provenance {
    Provenance {
        simulated: true,
        asked_by: done.analyst.clone(),
        asker: None,
        output: output(&done.result_bytes),
        source: Source::Trial,
    }
}

/// Writes result.json and report.html, marked as a trial's. A trial has no receipt to keep.
fn keep(done: &Rehearsed, directory: &Path) -> Result<(), Failure> {
    let page = done.result.page(&provenance(done));
    let page = html::page(&page).map_err(Failure::unclear)?;
    files::write_bytes_new(&directory.join(RESULT), &done.result_bytes)?;
    files::write_bytes_new(&directory.join(REPORT), page.as_bytes())?;
    say::note(format_args!("In the folder {}: result.json, report.html", directory.display()));
    Ok(())
}

const RESULT: &str = "result.json";
const REPORT: &str = "report.html";
