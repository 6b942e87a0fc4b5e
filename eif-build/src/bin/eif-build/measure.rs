//! `measure`: the registers of an image, and whether they are those of a build.

use crate::{failure::Failure, files::read};
use attestation_verifier::registers;
use eif_build::{
    Measured,
    manifest::{self, File, Manifest, ManifestError},
    measure::Registers,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::PathBuf,
};

/// Compute the registers of an image, from any builder
///
/// Prints the registers, then each section and its size. With a manifest, compares everything that
/// is in an image, and names the rest, which only rebuilding can check. With manifests that several
/// builders signed, says whether all of them built the same.
///
/// Exits with 1 if the file is damaged, its signature does not hold, it is not the image that the
/// manifest names, or the builders did not build the same.
#[derive(Debug, clap::Args)]
pub(crate) struct Measure {
    /// The image
    image: PathBuf,

    /// Build manifest to compare with; or JSON that names the registers alone, such as `nitro-cli
    /// build-enclave` prints. Repeat for the signed manifests (.cose) of several builders
    #[arg(long = "manifest", value_name = "JSON")]
    manifests: Vec<PathBuf>,

    /// The manifest is a signed one (.cose), and this public key (base64) must have signed it. Repeat
    /// for several builders: each must have signed one of the manifests, and nobody else any
    #[arg(long, value_name = "KEY", requires = "manifests")]
    signed_by: Vec<String>,

    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

impl Measure {
    pub(crate) fn run(&self, out: &mut impl Write) -> Result<bool, Failure> {
        let bytes = read(&self.image)?;
        let (manifest, mut differing) = match self.signed_by.as_slice() {
            [] => (self.unsigned()?, Vec::new()),
            keys => {
                let signed = self.signed(keys)?;
                let differing = signed.differing();
                (Some(Expected::Manifest(Box::new(signed.first))), differing)
            }
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
        let differences = differences.map(|mut of_image| {
            of_image.append(&mut differing);
            of_image
        });
        let yes = differences.as_ref().is_none_or(Vec::is_empty);
        if self.json {
            writeln!(out, "{}", as_json(&measured, differences, claims))?;
            return Ok(yes);
        }
        registers_and_sections(&measured, out)?;
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
            if yes {
                for key in &self.signed_by {
                    writeln!(out, "signed by {key}")?;
                }
            }
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

    /// The manifest, or the registers, that nobody signed.
    fn unsigned(&self) -> Result<Option<Expected>, Failure> {
        let path = match self.manifests.as_slice() {
            [] => return Ok(None),
            [path] => path,
            several => return Err(Failure::SeveralUnsigned { found: several.len() }),
        };
        let bytes = read(path)?;
        if Manifest::is_meant(&bytes) {
            let manifest = Manifest::parse(&bytes)
                .map_err(|cause| Failure::Manifest { path: path.to_owned(), cause })?;
            return Ok(Some(Expected::Manifest(Box::new(manifest))));
        }
        let registers = registers::parse(&bytes)
            .map_err(|cause| Failure::Registers { path: path.to_owned(), cause })?;
        if !(0..3).all(|index| registers.contains_key(&index)) {
            return Err(Failure::FewRegisters { path: path.to_owned() });
        }
        Ok(Some(Expected::Registers(registers)))
    }

    /// The manifests, each signed by one of `keys`, and every key has signed one.
    fn signed(&self, keys: &[String]) -> Result<Signed, Failure> {
        let mut unseen: BTreeSet<&String> = keys.iter().collect();
        if let Some(key) =
            keys.iter().find(|key| keys.iter().filter(|other| other == key).count() > 1)
        {
            return Err(Failure::KeyTwice { key: key.clone() });
        }
        let mut manifests = Vec::new();
        for path in &self.manifests {
            let bytes = read(path)?;
            let mut cause = ManifestError::Forged;
            let opened = keys.iter().find_map(|key| match Manifest::open(&bytes, key) {
                Ok(manifest) => Some((key, manifest)),
                Err(ManifestError::Forged) => None,
                Err(other) => {
                    cause = other;
                    None
                }
            });
            let (key, manifest) =
                opened.ok_or_else(|| Failure::Manifest { path: path.clone(), cause })?;
            unseen.remove(key);
            manifests.push((path.clone(), manifest));
        }
        if let Some(key) = unseen.first() {
            return Err(Failure::NotSigned { key: (*key).clone() });
        }
        let mut manifests = manifests.into_iter();
        let Some((at, first)) = manifests.next() else {
            return Err(Failure::NotSigned { key: keys.first().cloned().unwrap_or_default() });
        };
        Ok(Signed { at, first, others: manifests.collect() })
    }
}

/// What was measured, and how it compares, as JSON.
fn as_json(
    measured: &Measured,
    differences: Option<Vec<String>>,
    claims: Vec<String>,
) -> serde_json::Value {
    let registers = measured.registers.iter();
    let pcrs: BTreeMap<String, String> =
        registers.map(|(index, pcr)| (index.to_string(), pcr.to_string())).collect();
    let section = |(kind, File { bytes, sha384, .. }): &(String, File)| json!({"kind": kind, "bytes": bytes, "sha384": sha384});
    json!({
        "format": FORMAT,
        "intact": true,
        "pcrs": pcrs,
        "eif": measured.eif,
        "eif_unsigned": measured.eif_unsigned,
        "sections": measured.sections.iter().map(section).collect::<Vec<_>>(),
        "differences": differences.unwrap_or_default(),
        "claims": claims,
        "warnings": measured.warnings,
    })
}

fn registers_and_sections(measured: &Measured, out: &mut impl Write) -> Result<(), Failure> {
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
    Ok(())
}

/// Manifests of several builders.
struct Signed {
    at: PathBuf,
    first: Manifest,
    others: Vec<(PathBuf, Manifest)>,
}

impl Signed {
    /// What the builders' manifests say otherwise of each other, a line for each manifest.
    fn differing(&self) -> Vec<String> {
        let others = self.others.iter().filter(|(_, other)| *other != self.first);
        let lines = others.map(|(path, other)| {
            let (one, two) = (self.at.display(), path.display());
            format!(
                "{one} and {two} are not of the same build: {}",
                self.first.differing(other).join(", ")
            )
        });
        lines.collect()
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
