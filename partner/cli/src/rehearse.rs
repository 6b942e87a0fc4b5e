use crate::{failure::Failure, files, reading::ReadingArgs, result_files, say, seal};
use ::page::{html, terminal};
use protocol::{
    page::{Provenance, Source},
    receipt::output,
};
use rehearsal::{Rehearsal, RehearsalError, Rehearsed};
use std::{
    collections::BTreeMap,
    io::Write,
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

    /// Print the result's exact bytes
    #[arg(long)]
    json: bool,

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
        if self.json {
            let mut out = std::io::stdout().lock();
            out.write_all(&done.result_bytes)?;
            out.flush()?;
        } else {
            let page = done.result.page(&provenance(&done));
            let page = terminal::summary(&page).map_err(Failure::unclear)?;
            say::result(page.trim_end())?;
        }
        Ok(ExitCode::SUCCESS)
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
    result_files::refuse_another(directory, &done.result.job)?;
    files::write_private(&directory.join("result.json"), &done.result_bytes)?;
    files::write_private(&directory.join("report.html"), page.as_bytes())?;
    say::note(format_args!("In the folder {}: result.json, report.html", directory.display()));
    Ok(())
}
