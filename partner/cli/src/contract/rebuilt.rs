//! The build manifests that a contract names, held against it before a party signs.

use crate::{failure::Failure, files};
use attestation_verifier::registers;
use protocol::{
    contract::{Build, Contract},
    digest::Digest,
    sign::{Envelope, PublicKey},
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Refuses a contract unless `manifests` has the manifest of each build that names one, with the registers of the build, signed by
/// everybody who must have rebuilt it.
pub(super) fn check(contract: &Contract, manifests: &[PathBuf]) -> Result<(), Failure> {
    let read = |path: &PathBuf| Manifest::read(path, &contract.build_signers);
    let manifests: Vec<Manifest> = manifests.iter().map(read).collect::<Result<_, _>>()?;
    for build in &contract.builds {
        if let Some(named) = build.manifest {
            check_build(contract, build, named, &manifests)?;
        }
    }
    let named: BTreeSet<_> = contract.builds.iter().filter_map(|build| build.manifest).collect();
    match manifests.iter().find(|manifest| !named.contains(&manifest.digest)) {
        None => Ok(()),
        Some(stray) => Err(Failure::no(format!(
            "{}: no build of the contract names this manifest (SHA-384 {}): leave it out, or ask who wrote the contract which \
             build is meant",
            stray.path.display(),
            stray.digest
        ))),
    }
}

/// The digest by which a contract names the build manifest in `path`; `None` if it has registers alone.
pub(super) fn digest(path: &Path) -> Result<Option<Digest>, Failure> {
    let bytes = files::read(path)?;
    let json: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
    let format =
        json.as_ref().and_then(|json| json.get("format")).and_then(|format| format.as_str());
    Ok((format.map(str::as_bytes) == Some(FORMAT)).then(|| Digest::of_file(&bytes)))
}

fn check_build(
    contract: &Contract,
    build: &Build,
    named: Digest,
    manifests: &[Manifest],
) -> Result<(), Failure> {
    let name = &build.name;
    let mut of_build = manifests.iter().filter(|manifest| manifest.digest == named);
    let Some(first) = of_build.clone().next() else {
        return Err(Failure::no(format!(
            "nothing was signed: build \"{name}\" names the manifest with SHA-384 {named}, which was not given: name its \
             build-manifest.json, or each builder's .cose file, with --build-manifest"
        )));
    };
    let registers = registers::parse(&first.bytes).map_err(|why| files::named(&first.path, why))?;
    for (index, expected) in &build.pcrs {
        if registers.get(index) != Some(expected) {
            let found = registers.get(index).map_or("none".to_owned(), ToString::to_string);
            return Err(Failure::no(format!(
                "nothing was signed: PCR{index} of build \"{name}\" is {expected}, and in its manifest {} {found}: the registers in \
                 the contract are of another image",
                first.path.display()
            )));
        }
    }
    let signers: BTreeSet<_> = of_build.by_ref().filter_map(|manifest| manifest.signer).collect();
    match contract.build_signers.iter().find(|key| !signers.contains(*key)) {
        None => Ok(()),
        Some(key) => Err(Failure::no(format!(
            "nothing was signed: {key} must have rebuilt build \"{name}\", and no manifest was given that this key signed: ask for \
             that builder's .cose file, and name it with --build-manifest"
        ))),
    }
}

/// A build manifest, and who of the contract's builders signed it.
struct Manifest {
    path: PathBuf,
    /// The manifest, without a signature.
    bytes: Vec<u8>,
    digest: Digest,
    signer: Option<PublicKey>,
}

impl Manifest {
    fn read(path: &Path, builders: &[PublicKey]) -> Result<Self, Failure> {
        let file = files::read(path)?;
        let Ok(envelope) = Envelope::parse(&file) else {
            let digest = Digest::of_file(&file);
            return Ok(Self { path: path.to_owned(), bytes: file, digest, signer: None });
        };
        let signer = envelope.claimed_signer();
        if !builders.contains(&signer) {
            return Err(Failure::no(format!(
                "{}: signed by {signer}, who is not one of the contract's build_signers: give the files of those who are",
                path.display()
            )));
        }
        let manifest =
            envelope.verify_bytes(&signer, FORMAT).map_err(|why| files::named(path, why))?;
        let digest = Digest::of_file(manifest);
        Ok(Self { path: path.to_owned(), bytes: manifest.to_vec(), digest, signer: Some(signer) })
    }
}

/// Name of the format of a build manifest, which is the domain that `eif-build` signs it in, too.
const FORMAT: &[u8] = b"glovebox build manifest v1";
