//! The image, the manifest that names it, and the memory it is to get.

use super::{Check, fail, ok, said, warn};
use crate::{failure::Failure, pcrs::Manifest};
use host::Image;
use sha2::{Digest, Sha384};
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// `is_nitro`: the rules of `nitro-cli` hold.
pub(super) fn checks(image: &Image, manifest: Option<&Path>, is_nitro: bool) -> Vec<Check> {
    let shown = image.eif.display();
    let again = "fetch it again, or build it again: eif-build/build.sh";
    let found = match read(&image.eif) {
        Ok(found) => found,
        Err(Flaw::System(cause)) => {
            let remedy = "fetch the image, or let the user of the host read it";
            return vec![fail("image", format!("{shown}: {}", said(&cause)), remedy)];
        }
        Err(flaw @ Flaw::Other) => {
            let remedy = "name the .eif file that eif-build wrote";
            return vec![fail("image", format!("{shown} {flaw}"), remedy)];
        }
        Err(flaw) => return vec![fail("image", format!("{shown} {flaw}"), again)],
    };
    let mib = found.bytes.div_ceil(1 << 20);
    let text = format!("{shown}, {mib} MiB, whole; `eif-build measure` shows its PCRs");
    let mut checks = vec![ok("image", text)];
    checks.extend(manifest.map(|manifest| named(&found, manifest)));
    checks.push(memory(image, found.bytes, is_nitro));
    if image.debug {
        let found = "the console is shown, and its PCRs are zero";
        let remedy = "remove debug before parties are to believe this enclave";
        checks.push(if is_nitro {
            warn("debug", found, remedy)
        } else {
            ok("debug", "the console is shown")
        });
    }
    checks
}

fn memory(image: &Image, size: u64, is_nitro: bool) -> Check {
    let (memory, needed) = (image.memory_mib, size.saturating_mul(4).div_ceil(1 << 20));
    let found = format!("memory_mib is {memory}; four times the image is {needed} MiB");
    let remedy = format!("set memory_mib = {} or more", needed.div_ceil(256).saturating_mul(256));
    match memory >= needed {
        true => ok("memory", found),
        false if is_nitro => fail("memory", found, remedy),
        false => warn("memory", found, remedy),
    }
}

/// Whether the manifest was written for this file.
fn named(found: &Found, manifest: &Path) -> Check {
    let name = "manifest";
    let manifest: Result<Manifest, Failure> = Manifest::read(manifest);
    let Manifest { eif, pcrs } = match manifest {
        Ok(manifest) => manifest,
        Err(failure) => {
            return fail(name, failure.to_string(), "name the manifest beside the image");
        }
    };
    let remedy = "name the manifest of this image; `eif-build measure EIF --manifest FILE` says \
                  what differs";
    match eif {
        None => warn(name, "it names no file, so it may be another image's", remedy),
        Some(eif) if eif.bytes == found.bytes && eif.sha384 == found.sha384 => {
            ok(name, "it is this image's, byte for byte")
        }
        // Signed twice, an image is two files with the same PCRs.
        Some(_) if pcrs.contains_key(&8) => {
            warn(name, "it is of another image, or of another signing of this one", remedy)
        }
        Some(eif) => {
            let Found { bytes, .. } = found;
            let expected = eif.bytes;
            let found = format!("it is another image's: {bytes} bytes here, {expected} there");
            let same = "it is another image's, of the same length";
            fail(name, if *bytes == expected { same.to_owned() } else { found }, remedy)
        }
    }
}

/// A whole image.
#[derive(Debug)]
struct Found {
    bytes: u64,
    /// In hexadecimal.
    sha384: String,
}

/// Why a file is not an enclave image.
///
/// Remedy: take the image again from whoever built it, or build it (`make eif`).
#[derive(Debug, thiserror::Error)]
enum Flaw {
    #[error("is not an enclave image")]
    Other,
    #[error("is not whole: found {found} bytes, expected {expected}")]
    Length { found: u64, expected: u64 },
    #[error("is damaged: its checksum is another")]
    Checksum,
    #[error("{0}")]
    System(#[from] io::Error),
}

/// Reads an image to its end, as far as damage on the way can be told; what is in it is
/// `eif-build`'s to say.
///
/// Source: `defs/mod.rs` of aws-nitro-enclaves-image-format, `EifHeader`, numbers big-endian.
fn read(eif: &Path) -> Result<Found, Flaw> {
    let mut file = File::open(eif)?;
    let mut header = Vec::new();
    file.by_ref().take(HEADER_BYTES).read_to_end(&mut header)?;
    if !header.starts_with(b".eif") {
        return Err(Flaw::Other);
    }
    let bytes = file.metadata()?.len();
    let short = Flaw::Length { found: bytes, expected: HEADER_BYTES };
    let Some((checked, checksum)) = header.split_at_checked(CHECKED) else { return Err(short) };
    let Ok(checksum) = <[u8; 4]>::try_from(checksum) else { return Err(short) };
    let sections = usize::from(u16::from_be_bytes(at(checked, COUNT).unwrap_or_default()));
    let end = |section: usize| {
        let number = |table: usize| at(checked, table + 8 * section).map(u64::from_be_bytes);
        let (offset, size) = (number(OFFSETS)?, number(SIZES)?);
        offset.checked_add(SECTION_HEADER)?.checked_add(size)
    };
    let ends: Option<Vec<u64>> = (0..sections.min(MOST_SECTIONS)).map(end).collect();
    let expected = ends.and_then(|ends| ends.into_iter().max()).ok_or(Flaw::Checksum)?;
    if bytes != expected {
        return Err(Flaw::Length { found: bytes, expected });
    }

    let (mut crc, mut sha384) = (crc32fast::Hasher::new(), Sha384::new());
    crc.update(checked);
    sha384.update(&header);
    let mut chunk = vec![0; CHUNK];
    loop {
        let length = file.read(&mut chunk)?;
        let read = chunk.get(..length).unwrap_or_default();
        if read.is_empty() {
            break;
        }
        crc.update(read);
        sha384.update(read);
    }
    if crc.finalize().to_be_bytes() != checksum {
        return Err(Flaw::Checksum);
    }
    let hex = sha384.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Found { bytes, sha384: hex })
}

fn at<const N: usize>(bytes: &[u8], place: usize) -> Option<[u8; N]> {
    bytes.get(place..)?.first_chunk().copied()
}

const HEADER_BYTES: u64 = 548;
/// The checksum is over these first bytes of the header, and everything after it.
const CHECKED: usize = 544;
const COUNT: usize = 26;
const OFFSETS: usize = 28;
const SIZES: usize = 284;
const MOST_SECTIONS: usize = 32;
const SECTION_HEADER: u64 = 12;
const CHUNK: usize = 1 << 18;
