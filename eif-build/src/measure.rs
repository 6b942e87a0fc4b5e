//! The platform registers of an image, as Nitro computes them when it boots it.

use crate::{
    cpio, kernel,
    parse::Eif,
    ramdisk,
    signature::{PcrSignature, SignatureError},
};
use attestation_verifier::Pcr;
use ring::digest::{Context, SHA384, digest};
use std::collections::BTreeMap;

/// The registers by index: 0, 1, 2, and 8 if the image is signed.
pub type Registers = BTreeMap<u8, Pcr>;

/// The registers of `eif`.
///
/// PCR0: kernel, command line, all ramdisks. PCR1: kernel, command line, first ramdisk. PCR2: the
/// other ramdisks. PCR8: the signing certificate, DER. Metadata and the header are in none.
///
/// # Errors
///
/// [`SignatureError`] if the image is signed and the signature is not one over its PCR0 by the key
/// in its certificate.
///
/// # Source
///
/// "Where to find an enclave's measurements" in the AWS Nitro Enclaves user guide; the extension
/// with 48 zero bytes is `tpm_extend_finalize_reset` in `aws-nitro-enclaves-image-format` 0.8.1.
pub fn registers(eif: &Eif<'_>) -> Result<Registers, SignatureError> {
    let mut registers = unsigned(eif.kernel, eif.command_line, &eif.ramdisks);
    if let Some(section) = eif.signature {
        let pcr0 = registers.get(&0).copied().unwrap_or(Pcr::DEBUG);
        let certificate = PcrSignature::parse(section)?.verify(pcr0)?;
        registers.insert(8, extended([certificate.as_slice()]));
    }
    Ok(registers)
}

/// What a reader of the registers should know of `eif`, in words; none of an image that was packed
/// here. Paths are compared as written: symbolic links in a ramdisk are not followed.
#[must_use]
pub fn warnings(eif: &Eif<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Err(flaw) = kernel::check(eif.kernel) {
        lines.push(flaw.to_string());
    }
    match std::str::from_utf8(eif.command_line) {
        Err(_) => lines.push("the command line is not UTF-8".to_owned()),
        Ok(line) => lines.extend(kernel::check_command_line(line).err().map(|it| it.to_string())),
    }
    let mut first_in = BTreeMap::<String, usize>::new();
    for (index, disk) in eif.ramdisks.iter().enumerate() {
        let bytes = ramdisk::uncompressed(disk);
        let Some(Ok(archive)) = bytes.as_deref().map(cpio::read) else {
            lines.push(format!("the files of ramdisk {index} cannot be told"));
            continue;
        };
        for path in archive.keys() {
            if path.split('/').any(|part| part == "..") {
                lines.push(format!("ramdisk {index} has a path with `..` in it: {path:?}"));
                continue;
            }
            // The kernel unpacks them over each other, by names that may be written in many ways.
            let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
            let name = parts.collect::<Vec<_>>().join("/");
            match first_in.get(&name) {
                Some(first) if !name.is_empty() => lines.push(format!(
                    "ramdisk {index} replaces {name:?} of ramdisk {first}: PCR1 does not cover it"
                )),
                _ => drop(first_in.insert(name, index)),
            }
        }
    }
    lines
}

/// PCR0 to PCR2 of these sections.
pub(crate) fn unsigned(kernel: &[u8], command_line: &[u8], ramdisks: &[&[u8]]) -> Registers {
    let boot = [kernel, command_line];
    let (first, others) = ramdisks.split_at(ramdisks.len().min(1));
    BTreeMap::from([
        (0, extended(boot.into_iter().chain(ramdisks.iter().copied()))),
        (1, extended(boot.into_iter().chain(first.iter().copied()))),
        (2, extended(others.iter().copied())),
    ])
}

/// SHA-384(48 zero bytes, SHA-384(parts)).
fn extended<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Pcr {
    let mut inner = Context::new(&SHA384);
    parts.into_iter().for_each(|part| inner.update(part));
    let mut outer = Context::new(&SHA384);
    outer.update(Pcr::DEBUG.as_bytes());
    outer.update(inner.finish().as_ref());
    register(outer.finish().as_ref())
}

fn register(bytes: &[u8]) -> Pcr {
    let mut register = [0; Pcr::LEN];
    register.copy_from_slice(bytes);
    Pcr::from(register)
}

/// SHA-384, in hexadecimal: how inputs are named in a build manifest.
#[must_use]
pub fn sha384(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA384, bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cpio::{Archive, Entry},
        kernel::{COMMAND_LINE, tests::bz_image},
    };

    #[test]
    fn warns_of_a_later_ramdisk_that_replaces_pid_1() {
        let disk = |path: &str| {
            cpio::write(&Archive::from([(path.to_owned(), Entry::program(b"x"))])).unwrap()
        };
        let (kernel, boot) = (bz_image(), disk("init"));
        let of = |kernel: &[u8], command_line: &[u8], second: &[u8]| {
            let ramdisks = vec![boot.as_slice(), second];
            let (metadata, signature) = (b"{}".as_slice(), None);
            let (aarch64, defaults) = (false, (1, 1));
            warnings(&Eif {
                kernel,
                command_line,
                metadata,
                ramdisks,
                signature,
                aarch64,
                defaults,
            })
        };
        let line = COMMAND_LINE.as_bytes();
        assert!(of(&kernel, line, &disk("enclave")).is_empty());
        for path in ["init", "./init", "/init", "x/..//init"] {
            let found = of(&kernel, line, &disk(path));
            let expected = "ramdisk 1 replaces \"init\" of ramdisk 0: PCR1 does not cover it";
            let odd = "ramdisk 1 has a path with `..` in it: \"x/..//init\"";
            assert_eq!(found, [if path.contains("..") { odd } else { expected }], "{path}");
        }
        assert_eq!(of(b"ELF", b"a\nb", b"?").len(), 3);
    }
}
