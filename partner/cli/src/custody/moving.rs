//! Moving the ledger to another machine: the old one hands out nothing any more, and one place alone can take it, once.

use crate::{document, failure::Failure, files, say, words::counted};
use client::{clock, keys::Identity};
use custody::{Ledger, expect_ledger, take_ledger};
use protocol::{digest::Digest, text::in_shell};
use std::{path::PathBuf, process::ExitCode};

/// Make this folder the place that a ledger may be moved to, and print its name
///
/// Run it beside the keys on the new machine, before `custody move` on the old one. Keeps a secret in the folder: only a folder with
/// this secret takes the ledger, and taking it uses the secret up.
#[derive(Debug, clap::Args)]
pub(crate) struct Expect {
    /// Directory with the party's keys, and without a ledger
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Expect {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let identity = Identity::load(&self.dir)?;
        let place = expect_ledger(identity.directory())?;
        document::fields(&serde_json::json!({"place": place}))?;
        say::result(place)?;
        say::note(format_args!(
            "Where the ledger is, stop what uses it and run: glovebox custody move --to {place} -o ledger.moved"
        ));
        Ok(ExitCode::SUCCESS)
    }
}

/// Move the ledger to the place with this name: it hands out nothing here any more, for ever
///
/// Writes the ledger's last change, then the file for the new place. A backup of the ledger that is put back here hands out nothing
/// either. To take it back, move it from the new place to this one.
#[derive(Debug, clap::Args)]
pub(crate) struct Move {
    /// The place, as `glovebox custody expect` printed it there
    #[arg(long, value_name = "NAME")]
    to: Digest,

    /// File to write, for the new place
    #[arg(short, long, value_name = "FILE", default_value = "ledger.moved")]
    output: PathBuf,

    /// Directory with the party's keys and ledger
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Move {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let identity = Identity::load(&self.dir)?;
        files::refuse_present(&self.output)?;
        let folder = self.output.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            return Err(Failure::unclear(format!(
                "{}: its folder is not there, and nothing was moved: make it, or name another file with -o",
                self.output.display()
            )));
        }
        let mut ledger = Ledger::open(&identity)?;
        let generation = ledger.move_to(self.to, &self.output, clock::now())?;
        document::fields(&serde_json::json!({
            "file": self.output, "place": self.to, "generation": generation,
        }))?;
        say::result(self.output.display())?;
        say::note(format_args!(
            "This ledger has made its last change (number {generation}) and hands out nothing here any more. At the new place: glovebox custody take {}",
            in_shell(&self.output.display().to_string())
        ));
        say::note(
            "Remove the keys here once the new place has the ledger. Nobody can prove that no other copy of them exists.",
        );
        Ok(ExitCode::SUCCESS)
    }
}

/// Take the ledger that was moved to this folder
///
/// Only this folder takes the file, and only once. The file is not encrypted: it says who asked what. A ledger that comes in another
/// way is a backup: see partner/KEYS.md.
#[derive(Debug, clap::Args)]
pub(crate) struct Take {
    /// The file that `glovebox custody move` wrote
    file: PathBuf,

    /// Directory with the party's keys, which expects the ledger
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Take {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let identity = Identity::load(&self.dir)?;
        let arrived = take_ledger(&identity, &self.file)?;
        let path = arrived.ledger.path();
        document::fields(&serde_json::json!({"file": path, "generation": arrived.generation}))?;
        say::result(path.display())?;
        say::note(format_args!(
            "The ledger is here, with all it recorded ({}). {} is of no more use: remove it.",
            counted(arrived.generation, "change", "changes"),
            self.file.display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}
