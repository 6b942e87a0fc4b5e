//! `glovebox build`: the party's list of builds that it no longer believes.

use crate::{document, failure::Failure, files, say};
use attestation_verifier::Pcr;
use client::withdrawn;
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

/// Keep the list of builds that this party no longer believes
#[derive(Debug, clap::Subcommand)]
pub(crate) enum BuildCommand {
    Withdraw(Withdraw),
    Withdrawn(Withdrawn),
}

impl BuildCommand {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Withdraw(withdraw) => withdraw.run(),
            Self::Withdrawn(withdrawn) => withdrawn.run(),
        }
    }
}

/// Stop believing a build, in every command, from now on
///
/// Whatever the contract says: no room, receipt or closing of such a build is believed.
#[derive(Debug, clap::Args)]
pub(crate) struct Withdraw {
    /// The build's registers, {"pcrs": {"0": HEX, ..}} or as nitro-cli prints them; or registers N=HEX
    #[arg(required = true, value_name = "FILE|N=HEX")]
    build: Vec<String>,

    /// Directory with the party's keys and its list
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Withdraw {
    fn run(&self) -> Result<ExitCode, Failure> {
        let build = match self.build.as_slice() {
            [file] if !file.contains('=') => {
                let registers = files::registers(file.as_ref())?.into_iter();
                named(&registers.map(|(index, pcr)| format!("{index}={pcr}")).collect::<Vec<_>>())?
            }
            registers => named(registers)?,
        };
        let new = withdrawn::withdraw(&self.dir, &build)?;
        let list = self.dir.join(withdrawn::WITHDRAWN);
        document::fields(&serde_json::json!({"before": !new, "file": list}))?;
        say::result(format_args!(
            "{}  {}",
            if new { "withdrawn" } else { "withdrawn before" },
            list.display()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn named(registers: &[String]) -> Result<BTreeMap<u8, Pcr>, Failure> {
    let mut build = BTreeMap::new();
    for text in registers {
        let pair = text
            .split_once('=')
            .and_then(|(index, hex)| Some((index.parse::<u8>().ok()?, hex.parse::<Pcr>().ok()?)));
        let (index, pcr) = pair.ok_or_else(|| {
            Failure::unclear(format!(
                "{}: expected a file, or N=HEX with 96 digits",
                say::name(text)
            ))
        })?;
        if build.insert(index, pcr).is_some() {
            return Err(Failure::unclear(format!("register {index} is there twice: name it once")));
        }
    }
    Ok(build)
}

/// Show the builds that this party no longer believes
#[derive(Debug, clap::Args)]
pub(crate) struct Withdrawn {
    /// Directory with the party's keys and its list
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Begin an empty list beside keys that have none: says that no build was ever withdrawn
    #[arg(long)]
    none_so_far: bool,
}

impl Withdrawn {
    fn run(&self) -> Result<ExitCode, Failure> {
        if self.none_so_far {
            withdrawn::begin(&self.dir)?;
        }
        let builds = withdrawn::read(&self.dir)?.unwrap_or_default();
        let all = builds.iter().map(|build| {
            let registers = build.iter().map(|(index, pcr)| (index.to_string(), pcr.to_string()));
            serde_json::json!({"pcrs": registers.collect::<BTreeMap<_, _>>()})
        });
        document::fields(&serde_json::json!({"builds": all.collect::<Vec<_>>()}))?;
        if builds.is_empty() {
            say::note("No build is withdrawn.");
        }
        for build in builds {
            let registers = build.iter().map(|(index, pcr)| format!("{index}={pcr}"));
            say::result(registers.collect::<Vec<_>>().join(" "))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
