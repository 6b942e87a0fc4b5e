//! `measure`: the registers of an image, and whether they are those of a build.

use crate::failure::{Failure, read};
use eif_build::{
    Eif, Registers,
    manifest::{self, File, Manifest},
    measure,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

/// Compute the registers of an image, from any builder
///
/// Exits with 1 if the file is damaged, its signature does not hold, or it is not the image that
/// the manifest names.
#[derive(Debug, clap::Args)]
pub(crate) struct Measure {
    /// The image
    image: PathBuf,

    /// Build manifest to compare with
    #[arg(long, value_name = "JSON")]
    manifest: Option<PathBuf>,

    /// The manifest is a signed one (.cose), and this public key (base64) must have signed it
    #[arg(long, value_name = "KEY", requires = "manifest")]
    signed_by: Option<String>,

    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

impl Measure {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<bool, Failure> {
        let bytes = read(&self.image)?;
        let manifest = match &self.manifest {
            Some(path) => Some(self.expected(path)?),
            None => None,
        };
        let file = File::of(&bytes);
        let (registers, warnings, flaw) = match registers(&bytes) {
            Ok((registers, warnings)) => (registers, warnings, None),
            Err(flaw) => (Registers::new(), Vec::new(), Some(flaw)),
        };
        let differences = match (&flaw, &manifest) {
            (Some(flaw), _) => vec![flaw.clone()],
            (None, Some(manifest)) => manifest.differences(&registers, &file),
            (None, None) => Vec::new(),
        };
        if self.json {
            let pcrs: BTreeMap<String, String> =
                registers.iter().map(|(i, pcr)| (i.to_string(), pcr.to_string())).collect();
            let answer = json!({
                "format": "eif-build measure v1",
                "intact": flaw.is_none(),
                "pcrs": pcrs,
                "eif": file,
                "differences": differences,
                "warnings": warnings,
            });
            writeln!(out, "{answer}")?;
        } else {
            for (index, pcr) in &registers {
                writeln!(out, "PCR{index} {pcr}  {}", manifest::meaning(*index))?;
            }
            for line in &warnings {
                writeln!(out, "warning: {line}")?;
            }
            for line in &differences {
                writeln!(out, "differs: {line}")?;
            }
            if manifest.is_some() {
                let word = if differences.is_empty() { "the image of" } else { "not the image of" };
                writeln!(out, "{word} the manifest")?;
            }
        }
        Ok(differences.is_empty())
    }

    fn expected(&self, path: &Path) -> Result<Manifest, Failure> {
        let bytes = read(path)?;
        match &self.signed_by {
            Some(key) => Manifest::open(&bytes, key),
            None => Manifest::parse(&bytes),
        }
        .map_err(|cause| Failure::Manifest { path: path.to_owned(), cause })
    }
}

fn registers(bytes: &[u8]) -> Result<(Registers, Vec<String>), String> {
    let eif = Eif::parse(bytes).map_err(|flaw| flaw.to_string())?;
    let registers = measure::registers(&eif).map_err(|flaw| flaw.to_string())?;
    Ok((registers, measure::warnings(&eif)))
}
