//! The two COSE messages of this protocol (RFC 9052, sections 4.1 and 4.2), byte for byte.
//!
//! Every signature's protected header says `EdDSA` and whose key it is, and nothing else; there is no
//! unprotected header. So a message is fixed bytes around a key, a payload and a signature.

use super::PublicKey;
use crate::{canonical::scan, limits};

/// `[protected, {}, payload, signature]`.
pub(super) fn write_one(signer: &PublicKey, payload: &[u8], signature: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + limits::ENVELOPE);
    out.push(LIST_OF_FOUR);
    write_header(&mut out, signer);
    write_bytes(&mut out, payload);
    write_bytes(&mut out, signature);
    out
}

/// Signer, payload and signature of what [`write_one`] writes.
pub(super) fn read_one(bytes: &[u8]) -> Option<(PublicKey, &[u8], &[u8])> {
    let mut rest = bytes.strip_prefix(&[LIST_OF_FOUR])?;
    let signer = read_header(&mut rest)?;
    let payload = read_bytes(&mut rest)?;
    let signature = read_signature(&mut rest)?;
    rest.is_empty().then_some((signer, payload, signature))
}

/// What one signer signs; `context` is the `external_aad`.
pub(super) fn one(signer: &PublicKey, context: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 2 * limits::ENVELOPE);
    out.push(LIST_OF_FOUR);
    write_text(&mut out, "Signature1");
    write_protected(&mut out, signer);
    write_bytes(&mut out, context);
    write_bytes(&mut out, payload);
    out
}

/// `[h'', {}, payload, [[protected, {}, signature], ..]]`.
pub(super) fn write_several(payload: &[u8], signatures: &[(PublicKey, Vec<u8>)]) -> Vec<u8> {
    let length = payload.len() + (1 + signatures.len()) * limits::ENVELOPE;
    let mut out = Vec::with_capacity(length);
    out.extend([LIST_OF_FOUR, EMPTY_BYTES, EMPTY_MAP]);
    write_bytes(&mut out, payload);
    write_head(&mut out, scan::LIST, signatures.len());
    for (signer, signature) in signatures {
        out.push(LIST_OF_THREE);
        write_header(&mut out, signer);
        write_bytes(&mut out, signature);
    }
    out
}

type Several<'a> = (&'a [u8], Vec<(PublicKey, &'a [u8])>);

/// Payload and signatures of what [`write_several`] writes. No key signs twice.
pub(super) fn read_several(bytes: &[u8]) -> Option<Several<'_>> {
    let mut rest = bytes.strip_prefix(&[LIST_OF_FOUR, EMPTY_BYTES, EMPTY_MAP])?;
    let payload = read_bytes(&mut rest)?;
    let (kind, number) = scan::head(&mut rest).ok()?;
    let number = usize::try_from(number).ok()?;
    if kind != scan::LIST || number > limits::SIGNERS || payload.len() > limits::CONTRACT {
        return None;
    }
    let mut signatures = Vec::with_capacity(number);
    for _ in 0..number {
        rest = rest.strip_prefix(&[LIST_OF_THREE])?;
        let signer = read_header(&mut rest)?;
        if signatures.iter().any(|(key, _)| *key == signer) {
            return None;
        }
        signatures.push((signer, read_signature(&mut rest)?));
    }
    rest.is_empty().then_some((payload, signatures))
}

/// What one of several signers signs.
pub(super) fn of_several(signer: &PublicKey, tag: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + 2 * limits::ENVELOPE);
    out.push(LIST_OF_FIVE);
    write_text(&mut out, "Signature");
    out.push(EMPTY_BYTES);
    write_protected(&mut out, signer);
    write_bytes(&mut out, tag.as_bytes());
    write_bytes(&mut out, payload);
    out
}

/// The protected header, and the unprotected one, which is empty.
fn write_header(out: &mut Vec<u8>, signer: &PublicKey) {
    write_protected(out, signer);
    out.push(EMPTY_MAP);
}

fn write_protected(out: &mut Vec<u8>, signer: &PublicKey) {
    out.extend(PROTECTED);
    out.extend(signer.as_bytes());
}

/// The signer that a protected header names, with the empty unprotected header behind it.
fn read_header(rest: &mut &[u8]) -> Option<PublicKey> {
    let (key, after) = rest.strip_prefix(&PROTECTED)?.split_first_chunk::<{ PublicKey::LEN }>()?;
    *rest = after.strip_prefix(&[EMPTY_MAP])?;
    Some(PublicKey::from(*key))
}

fn read_signature<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    read_bytes(rest).filter(|signature| signature.len() == SIGNATURE)
}

pub(super) fn read_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (kind, length) = scan::head(rest).ok()?;
    let length = usize::try_from(length).ok().filter(|_| kind == scan::BYTES)?;
    let (bytes, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(bytes)
}

pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_head(out, scan::BYTES, bytes.len());
    out.extend_from_slice(bytes);
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    write_head(out, scan::TEXT, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// The shortest head.
fn write_head(out: &mut Vec<u8>, kind: u8, argument: usize) {
    let kind = kind << 5;
    let argument = u64::try_from(argument).unwrap_or(u64::MAX);
    let [.., a, b, c, d] = argument.to_be_bytes();
    match argument {
        0..=23 => out.push(kind | d),
        24..=0xff => out.extend([kind | 24, d]),
        0x100..=0xffff => out.extend([kind | 25, c, d]),
        0x1_0000..=0xffff_ffff => out.extend([kind | 26, a, b, c, d]),
        _ => {
            out.push(kind | 27);
            out.extend(argument.to_be_bytes());
        }
    }
}

/// A byte string of 38: the map `{1: -8, 4: key}`, that is the algorithm `EdDSA` and, as the key's
/// identity, the 32 bytes of the key that follow.
const PROTECTED: [u8; 8] = [0x58, 38, 0xa2, 0x01, 0x27, 0x04, 0x58, 0x20];
const LIST_OF_THREE: u8 = 0x83;
const LIST_OF_FOUR: u8 = 0x84;
const LIST_OF_FIVE: u8 = 0x85;
const EMPTY_BYTES: u8 = 0x40;
const EMPTY_MAP: u8 = 0xa0;
const SIGNATURE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign::{Jointly, SigningKey};
    use coset::{CborSerializable, CoseSign, CoseSign1, iana};
    use zeroize::Zeroizing;

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap()
    }

    /// What we write, an implementation of COSE by others reads, to the same, and writes to the same.
    #[test]
    fn another_implementation_reads_one_signature() {
        for length in [0, 1, 23, 24, 255, 256, 65_535, 65_536] {
            let (signer, payload) = (key(1).public(), vec![7; length]);
            let signature = key(1).sign_raw(&one(&signer, b"order v1", &payload));
            let bytes = write_one(&signer, &payload, &signature);
            assert_eq!(read_one(&bytes), Some((signer, &payload[..], &signature[..])));
            let message = CoseSign1::from_slice(&bytes).unwrap();
            assert_eq!(message.clone().to_vec().unwrap(), bytes);
            assert_eq!(message.protected.header.key_id, signer.as_bytes());
            let algorithm = coset::Algorithm::Assigned(iana::Algorithm::EdDSA);
            assert_eq!(message.protected.header.alg, Some(algorithm));
            message
                .verify_signature(b"order v1", |signature, bytes| signer.verify(bytes, signature))
                .unwrap();
        }
    }

    #[test]
    fn another_implementation_reads_several_signatures() {
        for number in [0, 1, 2, 30] {
            let mut joint = Jointly::unsigned("contract v1", b"text");
            (1..=number).for_each(|seed| joint.add(&key(seed)));
            let bytes = joint.to_vec();
            let message = CoseSign::from_slice(&bytes).unwrap();
            assert_eq!(message.clone().to_vec().unwrap(), bytes);
            let signers = Jointly::parse("contract v1", &bytes).unwrap().signers().unwrap();
            assert_eq!(signers.len(), usize::from(number));
            for (at, signer) in signers.iter().enumerate() {
                message
                    .verify_signature(at, b"contract v1", |signature, bytes| {
                        signer.verify(bytes, signature)
                    })
                    .unwrap();
            }
        }
    }
}
