//! `measure`: the registers of an image, and whether they are those of a build.

use crate::{failure::Failure, files::read};
use attestation_verifier::registers;
use eif_build::{
    Measured,
    manifest::{self, File, Manifest},
    measure::Registers,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
};

/// Compute the registers of an image, from any builder
///
/// Prints the registers, then each section and its size. With a manifest, compares everything that
/// is in an image, and names the rest, which only rebuilding can check.
///
/// Exits with 1 if the file is damaged, its signature does not hold, or it is not the image that
/// the manifest names.
#[derive(Debug, clap::Args)]
pub(crate) struct Measure {
    /// The image
    image: PathBuf,

    /// Build manifest to compare with; or JSON that names the registers alone, such as `nitro-cli
    /// build-enclave` prints
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
        let measured = match Measured::of(&bytes) {
            Ok(measured) => measured,
            Err(flaw) => {
                let flaw = flaw.to_string();
                self.refuse(&File::of(&bytes), &flaw, manifest.is_some(), out)?;
                return Ok(false);
            }
        };
        let differences = manifest.as_ref().map(|expected| match expected {
            Expected::Manifest(manifest) => measured.differences(manifest),
            Expected::Registers(registers) => measured.other_registers(registers),
        });
        let claims = manifest.as_ref().map(Expected::claims).unwrap_or_default();
        let yes = differences.as_ref().is_none_or(Vec::is_empty);
        if self.json {
            let pcrs: BTreeMap<String, String> = measured
                .registers
                .iter()
                .map(|(i, pcr)| (i.to_string(), pcr.to_string()))
                .collect();
            let section = |(kind, File { bytes, sha384, .. }): &(String, File)| json!({"kind": kind, "bytes": bytes, "sha384": sha384});
            let answer = json!({
                "format": FORMAT,
                "intact": true,
                "pcrs": pcrs,
                "eif": measured.eif,
                "eif_unsigned": measured.eif_unsigned,
                "sections": measured.sections.iter().map(section).collect::<Vec<_>>(),
                "differences": differences.unwrap_or_default(),
                "claims": claims,
                "warnings": measured.warnings,
            });
            writeln!(out, "{answer}")?;
            return Ok(yes);
        }
        for (index, pcr) in &measured.registers {
            writeln!(out, "PCR{index} {pcr}  {}", manifest::meaning(*index))?;
        }
        for (kind, File { bytes, sha384, .. }) in &measured.sections {
            let short = sha384.get(..SHORT).unwrap_or_default();
            writeln!(out, "section {kind:<12} {bytes:>10} bytes  sha384 {short}")?;
        }
        for line in &measured.warnings {
            writeln!(out, "warning: {line}")?;
        }
        if let Some(differences) = &differences {
            if !claims.is_empty() {
                writeln!(out, "only claimed, not in the image: {}", claims.join(", "))?;
            }
            for line in differences {
                writeln!(out, "differs: {line}")?;
            }
            let verdict = match (manifest, yes) {
                (Some(Expected::Registers(_)), true) => "an image with these registers",
                (Some(Expected::Registers(_)), false) => "not an image with these registers",
                (_, true) => "the image of the manifest",
                (_, false) => "not the image of the manifest",
            };
            writeln!(out, "{verdict}")?;
        }
        Ok(yes)
    }

    /// Says why there is nothing to measure.
    fn refuse(
        &self,
        eif: &File,
        flaw: &str,
        manifest: bool,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        if self.json {
            let answer = json!({
                "format": FORMAT,
                "intact": false,
                "pcrs": {},
                "eif": eif,
                "eif_unsigned": null,
                "sections": [],
                "differences": [flaw],
                "claims": [],
                "warnings": [],
            });
            writeln!(out, "{answer}")?;
            return Ok(());
        }
        writeln!(out, "differs: {flaw}")?;
        if manifest {
            writeln!(out, "not the image of the manifest")?;
        }
        Ok(())
    }

    fn expected(&self, path: &Path) -> Result<Expected, Failure> {
        let bytes = read(path)?;
        let manifest = match &self.signed_by {
            Some(key) => Manifest::open(&bytes, key),
            None if Manifest::is_meant(&bytes) => Manifest::parse(&bytes),
            None => {
                let registers = registers::parse(&bytes)
                    .map_err(|cause| Failure::Registers { path: path.to_owned(), cause })?;
                if !(0..3).all(|index| registers.contains_key(&index)) {
                    return Err(Failure::FewRegisters { path: path.to_owned() });
                }
                return Ok(Expected::Registers(registers));
            }
        };
        let manifest =
            manifest.map_err(|cause| Failure::Manifest { path: path.to_owned(), cause })?;
        Ok(Expected::Manifest(Box::new(manifest)))
    }
}

/// What an image is compared with.
enum Expected {
    Manifest(Box<Manifest>),
    /// The registers of a build of which nothing else is known.
    Registers(Registers),
}

impl Expected {
    fn claims(&self) -> Vec<String> {
        match self {
            Self::Manifest(manifest) => manifest.claims(),
            Self::Registers(_) => Vec::new(),
        }
    }
}

const FORMAT: &str = "eif-build measure v1";
/// Digits of a digest that a person compares by eye.
const SHORT: usize = 16;
