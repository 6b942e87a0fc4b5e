use crate::{
    document,
    failure::Failure,
    passphrase::{self, PassphraseArgs},
    say,
};
use client::keys::{self, RootFile};
use std::{path::PathBuf, process::ExitCode};

/// Set, change or remove the passphrase of the root key
///
/// Asks for the present passphrase, if there is one, and twice for the new one. A passphrase protects the file on a stolen
/// disk and in a backup. It does not protect a key that is in use on a machine that somebody else controls, and copies of the
/// file that were made before stay as they were: delete them.
#[derive(Debug, clap::Args)]
pub(crate) struct Protect {
    /// Take the passphrase away
    #[arg(long, conflicts_with = "new_passphrase_file")]
    remove: bool,

    #[command(flatten)]
    passphrase: PassphraseArgs,

    /// For scripts, a file with the new passphrase on its first line, which its owner alone may read [default: asked on the
    /// terminal]
    #[arg(long, value_name = "FILE")]
    new_passphrase_file: Option<PathBuf>,

    /// Directory with the root key
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Protect {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let file = RootFile::read(&self.dir)?;
        let path = file.path().to_owned();
        if self.remove && !file.is_protected() {
            return Err(Failure::no(format!(
                "{} is under no passphrase: there is none to take away",
                path.display()
            )));
        }
        if self.passphrase.is_named() && !file.is_protected() {
            return Err(Failure::unclear(format!(
                "{} is under no passphrase, so there is none to read with --passphrase-file: leave it out, and name the \
                 file of the new passphrase with --new-passphrase-file",
                path.display()
            )));
        }
        let old = self.passphrase.of(&file)?;
        let new = if self.remove {
            None
        } else {
            let from = self.new_passphrase_file.as_deref();
            Some(passphrase::to_set(from, &path, "--new-passphrase-file")?)
        };
        keys::protect(&self.dir, old.as_ref(), new.as_ref())?;
        let state = if new.is_some() { "under the new passphrase" } else { "under no passphrase" };
        document::fields(&serde_json::json!({"file": path, "protected": new.is_some()}))?;
        say::result(format_args!("{} is {state}", path.display()))?;
        if new.is_some() {
            say::note(
                "Without the passphrase the key is lost: keep it where you keep what must not be lost. Copies of the file \
                 that were made before stay as they were: delete them.",
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
