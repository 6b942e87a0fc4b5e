//! The platform registers of an image, as Nitro computes them when it boots it.

use crate::{
    kernel,
    parse::Eif,
    signature::{PcrSignature, SignatureError},
    unpacked,
};
use attestation_verifier::Pcr;
use ring::digest::{Context, SHA384};
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
/// here.
#[must_use]
pub fn warnings(eif: &Eif<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    match kernel::check(eif.kernel) {
        Err(flaw) => lines.push(flaw.to_string()),
        // In no register, and Nitro goes by it.
        Ok(()) if eif.aarch64 => lines.push(
            "the header says aarch64, and the kernel is one for x86-64: no such machine starts it"
                .to_owned(),
        ),
        Ok(()) => {}
    }
    match std::str::from_utf8(eif.command_line) {
        Err(_) => lines.push("the command line is not UTF-8".to_owned()),
        Ok(line) => {
            lines.extend(kernel::check_command_line(line).err().map(|flaw| flaw.to_string()))
        }
    }
    lines.extend(unpacked::doubts(&eif.ramdisks));
    lines
}

/// PCR0 to PCR2 of these sections.
fn unsigned(kernel: &[u8], command_line: &[u8], ramdisks: &[&[u8]]) -> Registers {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{kernel::tests::bz_image, layout::DEFAULTS, ramdisk};

    #[test]
    fn warns_of_a_kernel_a_command_line_and_a_ramdisk_that_are_none() {
        let (kernel, boot) = (bz_image(), ramdisk::application(b"").unwrap());
        let good = Eif {
            kernel: &kernel,
            command_line: kernel::COMMAND_LINE.as_bytes(),
            metadata: b"{}",
            ramdisks: vec![&boot],
            signature: None,
            aarch64: false,
            defaults: DEFAULTS,
        };
        assert!(warnings(&good).is_empty());
        let other = warnings(&Eif { aarch64: true, ..good.clone() });
        assert!(other.len() == 1 && other[0].starts_with("the header says aarch64"), "{other:?}");
        let bad = Eif { kernel: b"ELF", command_line: b"a\nb", ramdisks: vec![b"?"], ..good };
        assert_eq!(warnings(&bad).len(), 3);
    }
}
