//! The passphrase of a root key: asked on the terminal, or read from a file that scripts name.

mod terminal;

use crate::failure::Failure;
use client::{
    files,
    keys::{Passphrase, RootFile},
};
use protocol::sign::SigningKey;
use std::{
    io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Where the passphrase of a root key comes from, if it has one.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct PassphraseArgs {
    /// For scripts, a file with the passphrase of root.key on its first line, which its owner alone may read [default:
    /// asked on the terminal]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseArgs {
    /// The root key in `directory`. Who has one under a passphrase is asked for it.
    pub(crate) fn root(&self, directory: &Path) -> Result<SigningKey, Failure> {
        let file = RootFile::read(directory)?;
        let passphrase = self.of(&file)?;
        Ok(file.open(passphrase.as_ref())?)
    }

    /// The passphrase of `file`, if it has one.
    pub(crate) fn of(&self, file: &RootFile) -> Result<Option<Passphrase>, Failure> {
        let path = file.path().display();
        match (&self.passphrase_file, file.is_protected()) {
            (None, false) => Ok(None),
            (Some(_), false) => Err(Failure::unclear(format!(
                "{path} is under no passphrase: leave out --passphrase-file, or set one with `glovebox keys passphrase`"
            ))),
            (Some(from), true) => Ok(Some(Passphrase::new(first_line(from)?)?)),
            (None, true) => {
                let asked = terminal::ask(&format!("Passphrase of {path}: "));
                let missing = format!("{path} is under a passphrase");
                Ok(Some(Passphrase::new(
                    asked.map_err(|why| unasked(&missing, &why, "--passphrase-file"))?,
                )?))
            }
        }
    }

    /// Whether a file is named.
    pub(crate) fn is_named(&self) -> bool {
        self.passphrase_file.is_some()
    }
}

/// A new passphrase for `path`: from a file that `option` names, or asked twice.
pub(crate) fn to_set(
    from: Option<&Path>,
    path: &Path,
    option: &str,
) -> Result<Passphrase, Failure> {
    if let Some(from) = from {
        return Ok(Passphrase::to_set(first_line(from)?)?);
    }
    let path = path.display();
    let missing = format!("{path} is to be put under a passphrase");
    let ask = |words: &str| {
        let asked = terminal::ask(&format!("{words} for {path}: "));
        asked.map_err(|why| unasked(&missing, &why, option))
    };
    let passphrase = Passphrase::to_set(ask("New passphrase")?)?;
    if passphrase.is(&Passphrase::new(ask("The same again,")?)?) {
        Ok(passphrase)
    } else {
        Err(Failure::unclear("the two passphrases differ: nothing was changed"))
    }
}

/// Why nothing could be asked, and what to do.
fn unasked(missing: &str, why: &io::Error, option: &str) -> Failure {
    if why.kind() == io::ErrorKind::Interrupted {
        return Failure::unclear("stopped on the terminal: nothing was done");
    }
    Failure::unclear(format!(
        "{missing}, and no terminal can be asked for it ({why}): run this on a terminal, or name a file that only you \
         can read with {option}"
    ))
}

/// The first line of a private file, without its end.
fn first_line(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let bytes = match files::read_private(path).map_err(Failure::reading(path))? {
        Ok(bytes) => bytes,
        Err(mode) => {
            return Err(Failure::unclear(format!(
                "{path} can be read by others (mode {mode:o}), expected 600: run `chmod 600` on it, and choose another \
                 passphrase (`glovebox keys passphrase`) if others had access",
                path = path.display()
            )));
        }
    };
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let no_text = |_| {
        Failure::unclear(format!(
            "{} is not text in UTF-8: write the passphrase into its first line as text",
            path.display()
        ))
    };
    Ok(Zeroizing::new(std::str::from_utf8(line).map_err(no_text)?.to_owned()))
}
