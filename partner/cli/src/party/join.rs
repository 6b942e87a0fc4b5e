use crate::{document, failure::Failure, files, profile, say};
use client::{address::Address, keys::Identity};
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Write a room into the party's folder, so that commands there need no flags
///
/// Copies the contract, and a root that is believed instead of AWS's, into rooms/ and writes rooms/NAME.toml. Nothing
/// is sent, and nothing is agreed to that the contract does not say.
#[derive(Debug, clap::Args)]
pub(crate) struct Join {
    /// What commands call the room: a-z first, then a-z, 0-9, '-' and '_'
    name: String,

    /// Address of the room
    #[arg(value_name = "URL")]
    room: Address,

    /// The contract, signed by every party
    #[arg(long, value_name = "FILE")]
    contract: PathBuf,

    /// Believe another root than AWS's in this room, in PEM or DER: whoever has its key can read everything
    #[arg(long, value_name = "FILE")]
    danger_root: Option<PathBuf>,

    /// The party's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Join {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let name = &self.name;
        if !profile::is_name(name) {
            return Err(Failure::unclear(format!(
                "the name of a room: found \"{}\", expected a-z first, then a-z, 0-9, '-' or '_', at most 32 letters",
                say::name(name)
            )));
        }
        let contract = files::signed_contract(&self.contract)?;
        let identity = Identity::load(&self.dir)?;
        let party = identity.party_in(&contract)?;
        let trust = files::trust(self.danger_root.as_deref())?;
        let path = profile::room_file(&self.dir, name);
        if path.exists() {
            return Err(Failure::unclear(format!(
                "{} exists already, and nothing was changed: remove it first, or take another name",
                path.display()
            )));
        }
        let keep = |from: &Path, end: &str| {
            let kept = format!("{}/{name}.{end}", profile::ROOMS);
            files::write_private(&self.dir.join(&kept), &files::read(from)?).map(|()| kept)
        };
        let signed = keep(&self.contract, "signed")?;
        let root = match &self.danger_root {
            Some(root) => format!("danger_root = \"{}\"\n", keep(root, "root")?),
            None => String::new(),
        };
        let text = format!(
            "# Written by `glovebox party join`. Paths are seen from the party's folder.\n\
             url = \"{}\"\ncontract = \"{signed}\"\n{root}",
            self.room
        );
        files::write_private(&path, text.as_bytes())?;
        say::simulated(trust.is_simulated());
        document::fields(&serde_json::json!({
            "room": name, "party": party, "contract": contract.digest, "simulated": trust.is_simulated(), "file": path,
        }))?;
        say::result(format_args!(
            "{name}: {party} in the contract \"{}\" ({}) at {}  {}",
            contract.name,
            contract.digest.short(),
            self.room,
            path.display()
        ))?;
        let others = profile::names(&self.dir)?.len();
        if others > 1 && profile::usual(&self.dir).is_err() {
            say::note(format_args!(
                "The folder has {others} rooms: commands ask which one is meant, until `room = \"{name}\"` in {} says it.",
                self.dir.join(profile::PROFILE).display()
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}
