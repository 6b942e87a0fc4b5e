//! `compare`: where two images differ.

use crate::{failure::Failure, files::read};
use eif_build::{Eif, compare};
use std::{
    io::Write,
    path::{Path, PathBuf},
};

/// Say where two images differ
///
/// Exits with 0 if they are the same bytes, 1 if they differ, 2 if one of them is not an image.
#[derive(Debug, clap::Args)]
pub(crate) struct Compare {
    /// The first image
    a: PathBuf,

    /// The second image
    b: PathBuf,
}

impl Compare {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<bool, Failure> {
        let (first, second) = (read(&self.a)?, read(&self.b)?);
        let (a, b) = (parse(&self.a, &first)?, parse(&self.b, &second)?);
        if first == second {
            writeln!(out, "the same, byte for byte")?;
            return Ok(true);
        }
        for line in compare::differences(&a, &b) {
            writeln!(out, "{line}")?;
        }
        match compare::differing_registers(&a, &b) {
            Ok(none) if none.is_empty() => writeln!(out, "all PCRs are the same")?,
            Ok(differing) => {
                let names: Vec<String> = differing.iter().map(|i| format!("PCR{i}")).collect();
                writeln!(out, "not the same: {}", names.join(", "))?;
            }
            Err(flaw) => writeln!(out, "PCRs cannot be told: {flaw}")?,
        }
        Ok(false)
    }
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<Eif<'a>, Failure> {
    Eif::parse(bytes).map_err(|cause| Failure::Image { path: path.to_owned(), cause })
}
