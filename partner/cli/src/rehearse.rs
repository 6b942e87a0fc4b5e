use crate::{
    failure::Failure,
    files::{self, Paper},
    say, table,
};
use rehearsal::Rehearsal;
use std::{collections::BTreeMap, io::Write, path::PathBuf, process::ExitCode};

/// Run a job on your own files in a simulated room, in one process
///
/// No partner, cloud account or budget is needed, and none is touched. What it prints is SIMULATED.
#[derive(Debug, clap::Args)]
pub(crate) struct Try {
    /// The contract, signed or not; its keys and builds are replaced by throw-away ones
    #[arg(long, value_name = "FILE")]
    contract: PathBuf,

    /// The job's TOML, whose every key is in protocol/spec/job-v1.md
    #[arg(long, value_name = "FILE")]
    job: PathBuf,

    /// A dataset's table, once for each dataset
    #[arg(long, value_name = "NAME=FILE", required = true)]
    data: Vec<String>,

    /// Whether to add noise; off is for checking numbers, and only possible here
    #[arg(long, value_enum, default_value_t = Noise::On)]
    noise: Noise,

    /// Print the result's exact bytes
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Noise {
    On,
    Off,
}

impl Try {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let text = Paper::read(&self.contract)?.text;
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
        let done = rehearsal.run(&mut |step| say::note(step)).await?;
        if self.json {
            std::io::stdout().lock().write_all(&done.result_bytes)?;
            say::result("")?;
        } else {
            let page = table::page(&done.result, true).map_err(Failure::unclear)?;
            say::result(page.trim_end())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
