//! The build manifest: which registers an image has, and what it was built from.
//!
//! Canonical JSON (one line, keys sorted, no spaces), so that two builders who agree write the
//! same bytes. `attestation-verifier verify --build` reads its `pcrs`.

use crate::{digest::sha384, measure::Registers};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use coset::{CborSerializable, CoseSign1, CoseSign1Builder, Header, HeaderBuilder, iana};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// What is said of one build.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever writes a manifest must say everything")]
pub struct Manifest {
    /// The kernel's command line.
    pub command_line: String,
    /// The image. When it is signed, another at each signing: see `eif_unsigned`.
    pub eif: File,
    /// The image without its signature section, as an unsigned build writes it: the same from every
    /// builder, and all of the image that no register covers is in it.
    pub eif_unsigned: File,
    /// [`FORMAT`].
    pub format: String,
    /// What went in, by name.
    pub inputs: BTreeMap<String, File>,
    /// How the kernel was built, in the words of its build.
    pub kernel: BTreeMap<String, Word>,
    /// The registers, by index.
    #[serde(with = "registers")]
    pub pcrs: Registers,
    /// The commit that was built.
    pub source_commit: String,
    /// What `rustc -vV` says.
    pub toolchain: String,
    /// The version of Glovebox.
    pub version: String,
}

/// A file, by size and digest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct File {
    /// Its length.
    pub bytes: u64,
    /// Its SHA-384, hexadecimal.
    pub sha384: String,
}

impl File {
    /// Names `content`.
    #[must_use]
    pub fn of(content: &[u8]) -> Self {
        // A file of more than 2^64 bytes is not in memory.
        let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        Self { bytes, sha384: sha384(content) }
    }
}

/// A value in the kernel's own description.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(untagged)]
#[expect(clippy::exhaustive_enums, reason = "JSON without tables and lists")]
pub enum Word {
    /// Yes or no.
    Flag(bool),
    /// A count.
    Number(u64),
    /// A text.
    Text(String),
}

impl Manifest {
    /// The canonical encoding.
    ///
    /// # Panics
    ///
    /// Never: texts and numbers encode.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("invariant: texts and numbers encode")
    }

    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] unless it is the one encoding of a manifest of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| {
            ManifestError::Malformed { line: error.line(), column: error.column() }
        })?;
        if manifest.format != FORMAT {
            return Err(ManifestError::Format);
        }
        let indices: Vec<u8> = manifest.pcrs.keys().copied().collect();
        if indices != [0, 1, 2] && indices != [0, 1, 2, 8] {
            return Err(ManifestError::Registers);
        }
        if manifest.to_bytes() != bytes {
            return Err(ManifestError::NotCanonical);
        }
        Ok(manifest)
    }

    /// Whether JSON says of itself that it is a manifest, of whichever version, so that a damaged one is
    /// not taken for something simpler.
    #[must_use]
    pub fn is_meant(json: &[u8]) -> bool {
        let json = serde_json::from_slice::<serde_json::Value>(json);
        json.is_ok_and(|json| json.get("format").is_some())
    }

    /// A `COSE_Sign1` over the canonical encoding, by the Ed25519 key with this seed (the
    /// `root.key` of `glovebox init`), as the parties' other signatures are made.
    ///
    /// # Errors
    ///
    /// [`ManifestError::Key`] if the seed does not have 32 bytes.
    pub fn sign(&self, seed: &Zeroizing<Vec<u8>>) -> Result<Vec<u8>, ManifestError> {
        let key = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| ManifestError::Key)?;
        CoseSign1Builder::new()
            .protected(header(key.public_key().as_ref()))
            .payload(self.to_bytes())
            .create_signature(TAG, |bytes| key.sign(bytes).as_ref().to_vec())
            .build()
            .to_vec()
            .map_err(|_| ManifestError::Forged)
    }

    /// The manifest in `message`, if the holder of `signer` (base64) signed it.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] if somebody else signed, or something else.
    pub fn open(message: &[u8], signer: &str) -> Result<Self, ManifestError> {
        let key = BASE64.decode(signer).map_err(|_| ManifestError::Key)?;
        if key.len() != 32 {
            return Err(ManifestError::Key);
        }
        let cose = CoseSign1::from_slice(message).map_err(|_| ManifestError::Forged)?;
        let same = cose.clone().to_vec().ok().as_deref() == Some(message);
        if !same || cose.protected.header != header(&key) || !cose.unprotected.is_empty() {
            return Err(ManifestError::Forged);
        }
        let verifying = UnparsedPublicKey::new(&ED25519, &key);
        cose.verify_signature(TAG, |signature, bytes| verifying.verify(bytes, signature))
            .map_err(|_| ManifestError::Forged)?;
        Self::parse(cose.payload.as_deref().unwrap_or_default())
    }

    /// The fields that `other` has otherwise, each input and each word of the kernel's build by its name.
    #[must_use]
    pub fn differing(&self, other: &Self) -> Vec<String> {
        let fields = |manifest: &Self| {
            let value = serde_json::to_value(manifest).unwrap_or_default();
            let mut fields = BTreeMap::new();
            for (name, value) in value.as_object().into_iter().flatten() {
                match value.as_object() {
                    Some(parts) => fields.extend(parts.iter().map(|(part, value)| {
                        (format!("{name}.{}", part.escape_debug()), value.clone())
                    })),
                    None => drop(fields.insert(name.clone(), value.clone())),
                }
            }
            fields
        };
        let (ours, theirs) = (fields(self), fields(other));
        let names: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
        names.into_iter().filter(|name| ours.get(*name) != theirs.get(*name)).cloned().collect()
    }

    /// The fields that no image can confirm or refute: what the builder says, and who rebuilds can
    /// check.
    #[must_use]
    pub fn claims(&self) -> Vec<String> {
        let others = self.inputs.keys().filter(|name| !PROGRAMS.contains(&name.as_str()));
        let others = others.map(|name| format!("inputs.{}", name.escape_debug()));
        let fixed = ["kernel", "source_commit", "toolchain", "version"].map(str::to_owned);
        // Which of many signings of the same image this is.
        let signing = self.pcrs.contains_key(&8).then(|| "eif".to_owned());
        signing.into_iter().chain(others).chain(fixed).collect()
    }
}

/// What a register stands for.
#[must_use]
pub fn meaning(index: u8) -> &'static str {
    match index {
        0 => "the whole image",
        1 => "kernel, command line and boot ramdisk",
        2 => "the application",
        8 => "the signing certificate",
        _ => "not of the image",
    }
}

fn header(key: &[u8]) -> Header {
    HeaderBuilder::new().algorithm(iana::Algorithm::EdDSA).key_id(key.to_vec()).build()
}

mod registers {
    use crate::measure::Registers;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::collections::BTreeMap;

    /// By number is by text too: an index has one digit.
    pub(super) fn serialize<S: Serializer>(pcrs: &Registers, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(pcrs.iter().map(|(index, pcr)| (index.to_string(), pcr.to_string())))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Registers, D::Error> {
        let texts = BTreeMap::<u8, String>::deserialize(from)?;
        let read =
            |(index, text): (u8, String)| Ok((index, text.parse().map_err(D::Error::custom)?));
        texts.into_iter().map(read).collect()
    }
}

/// Why there is no manifest to go by.
///
/// Remedy: give the build manifest as `eif-build` wrote it, byte for byte.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the text says it: found, expected")]
pub enum ManifestError {
    #[error("not a build manifest: line {line}, column {column} is not what a manifest has there")]
    Malformed { line: usize, column: usize },
    #[error("not a build manifest of this version, expected \"{FORMAT}\"")]
    Format,
    #[error(
        "not a build manifest: expected PCRs 0, 1 and 2, PCR8 if the image is signed, no others"
    )]
    Registers,
    #[error("not canonical: expected one line of JSON, keys sorted, no spaces, nothing after it")]
    NotCanonical,
    #[error("expected an Ed25519 key: 32 bytes, a public one in base64")]
    Key,
    #[error("the manifest is not signed by the key that was named")]
    Forged,
}

/// The inputs that are in the image as they are.
pub const PROGRAMS: [&str; 3] = ["enclave", "init", "kernel"];
/// Name and version of the format.
pub const FORMAT: &str = "glovebox build manifest v1";
/// The domain of the signature; the same words.
const TAG: &[u8] = FORMAT.as_bytes();

#[cfg(test)]
mod tests {
    use super::*;
    use attestation_verifier::Pcr;

    fn manifest() -> Manifest {
        Manifest {
            command_line: "console=ttyS0".to_owned(),
            eif: File::of(b"eif"),
            eif_unsigned: File::of(b"eif"),
            format: FORMAT.to_owned(),
            inputs: BTreeMap::from([("kernel".to_owned(), File::of(b"kernel"))]),
            kernel: BTreeMap::from([
                ("pinned".to_owned(), Word::Flag(true)),
                ("size".to_owned(), Word::Number(6)),
            ]),
            pcrs: [0, 1, 2].map(|index| (index, Pcr::from([index; 48]))).into(),
            source_commit: "0".repeat(40),
            toolchain: "rustc 1.95.0".to_owned(),
            version: "0.1.0".to_owned(),
        }
    }

    #[test]
    fn reads_back_what_it_writes_and_refuses_every_other_way_to_write_it() {
        let bytes = manifest().to_bytes();
        assert_eq!(Manifest::parse(&bytes), Ok(manifest()));
        let text = String::from_utf8(bytes).unwrap();
        for other in [
            format!("{text}\n"),
            text.replacen(':', ": ", 1),
            text.replace(&"02".repeat(48), &"0A".repeat(48)),
        ] {
            assert_eq!(
                Manifest::parse(other.as_bytes()),
                Err(ManifestError::NotCanonical),
                "{other}"
            );
        }
        let padded = text.replacen("\"2\":", "\"02\":", 1);
        assert!(matches!(Manifest::parse(padded.as_bytes()), Err(ManifestError::Malformed { .. })));
        let unknown = text.replacen("{\"command_line\"", "{\"a\":1,\"command_line\"", 1);
        assert!(matches!(
            Manifest::parse(unknown.as_bytes()),
            Err(ManifestError::Malformed { .. })
        ));
        let later = text.replace("manifest v1", "manifest v2");
        assert_eq!(Manifest::parse(later.as_bytes()), Err(ManifestError::Format));
    }

    #[test]
    fn opens_what_the_named_builder_signed_and_no_flipped_bit_of_it() {
        let seed = Zeroizing::new(vec![7; 32]);
        let public = Ed25519KeyPair::from_seed_unchecked(&seed).unwrap();
        let public = BASE64.encode(public.public_key());
        let signed = manifest().sign(&seed).unwrap();
        assert_eq!(Manifest::open(&signed, &public), Ok(manifest()));
        let stranger = BASE64.encode([1; 32]);
        assert_eq!(Manifest::open(&signed, &stranger), Err(ManifestError::Forged));
        for bit in 0..signed.len() * 8 {
            let mut signed = signed.clone();
            signed[bit / 8] ^= 1 << (bit % 8);
            Manifest::open(&signed, &public).unwrap_err();
        }
    }

    #[test]
    fn refuses_registers_that_no_image_has_and_fewer_than_every_image_has() {
        let with = |indices: &[u8]| {
            let pcrs = indices.iter().map(|index| (*index, Pcr::from([*index; 48]))).collect();
            Manifest::parse(&Manifest { pcrs, ..manifest() }.to_bytes()).map(drop)
        };
        assert_eq!(with(&[0, 1, 2]), Ok(()));
        assert_eq!(with(&[0, 1, 2, 8]), Ok(()));
        for indices in [&[][..], &[0, 1], &[0, 1, 2, 3], &[0, 1, 2, 10], &[0, 1, 2, 8, 16]] {
            assert_eq!(with(indices), Err(ManifestError::Registers), "{indices:?}");
        }
    }

    #[test]
    fn names_as_claims_what_is_not_in_the_image() {
        let mut manifest = manifest();
        manifest.inputs.insert("Cargo.lock".to_owned(), File::of(b"lock"));
        let unsigned = ["inputs.Cargo.lock", "kernel", "source_commit", "toolchain", "version"];
        assert_eq!(manifest.claims(), unsigned);
        manifest.pcrs.insert(8, Pcr::from([8; 48]));
        assert_eq!(manifest.claims()[..2], ["eif", "inputs.Cargo.lock"]);
        manifest.inputs.insert("\u{1b}[2J".to_owned(), File::of(b""));
        assert_eq!(manifest.claims()[1], "inputs.\\u{1b}[2J");
    }
}
