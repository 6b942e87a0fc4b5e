//! A second reader of EIF images, written from their published layout and from nothing of ours.
//!
//! Source: `aws-nitro-enclaves-image-format`, `src/defs/mod.rs`; all numbers are big-endian.

use attestation_verifier::Pcr;
use ring::digest::{SHA384, digest};
use std::collections::BTreeMap;

/// An image's bytes.
#[derive(Clone)]
pub(crate) struct Image(pub(crate) Vec<u8>);

/// What a section holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    Kernel,
    CommandLine,
    Ramdisk,
    Other,
}

impl Image {
    /// Where each section's content lies, in order.
    pub(crate) fn sections(&self) -> Vec<(Kind, std::ops::Range<usize>)> {
        let count = self.number::<2>(26);
        (0..count)
            .map(|index| {
                let at = self.number::<8>(28 + 8 * index);
                let kind = match self.number::<2>(at) {
                    1 => Kind::Kernel,
                    2 => Kind::CommandLine,
                    3 => Kind::Ramdisk,
                    _ => Kind::Other,
                };
                let start = at + 12;
                (kind, start..start + self.number::<8>(at + 4))
            })
            .collect()
    }

    /// PCR0 to PCR2: all that boots, kernel and first ramdisk, and the other ramdisks.
    pub(crate) fn pcrs(&self) -> BTreeMap<u8, Pcr> {
        let (mut all, mut system, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        let mut first = true;
        for (kind, range) in self.sections() {
            let content = &self.0[range];
            match kind {
                Kind::Other => continue,
                Kind::Ramdisk if !std::mem::take(&mut first) => rest.extend_from_slice(content),
                _ => system.extend_from_slice(content),
            }
            all.extend_from_slice(content);
        }
        [(0, all), (1, system), (2, rest)].map(|(index, bytes)| (index, extended(&bytes))).into()
    }

    /// The image with one bit changed in its last section of that kind, and a checksum to match.
    pub(crate) fn flipped(&self, kind: Kind, find: &[u8]) -> Self {
        let (_, range) = self.sections().into_iter().rfind(|(found, _)| *found == kind).unwrap();
        let content = &self.0[range.clone()];
        let at = content.windows(find.len()).position(|window| window == find).unwrap();
        let mut other = self.clone();
        // From a small letter to a capital or back.
        other.0[range.start + at + find.len() - 1] ^= 0x20;
        other.check();
        other
    }

    /// Writes the checksum that belongs to the bytes.
    fn check(&mut self) {
        let (before, after) = (&self.0[..CHECKSUM], &self.0[CHECKSUM + 4..]);
        let sum = crc32(before.iter().chain(after));
        self.0[CHECKSUM..CHECKSUM + 4].copy_from_slice(&sum.to_be_bytes());
    }

    fn number<const N: usize>(&self, at: usize) -> usize {
        self.0[at..at + N].iter().fold(0, |number, byte| (number << 8) | usize::from(*byte))
    }
}

fn extended(bytes: &[u8]) -> Pcr {
    let inner = digest(&SHA384, bytes);
    let register = [&[0; Pcr::LEN][..], inner.as_ref()].concat();
    let mut pcr = [0; Pcr::LEN];
    pcr.copy_from_slice(digest(&SHA384, &register).as_ref());
    Pcr::from(pcr)
}

/// ISO 3309, as in zlib.
fn crc32<'b>(bytes: impl Iterator<Item = &'b u8>) -> u32 {
    let table: Vec<u32> = (0..256_u32)
        .map(|byte| (0..8).fold(byte, |sum, _| (sum >> 1) ^ ((sum & 1) * 0xedb8_8320)))
        .collect();
    let step = |sum: u32, byte: &u8| {
        let index = usize::try_from((sum ^ u32::from(*byte)) & 0xff).unwrap();
        (sum >> 8) ^ table[index]
    };
    !bytes.fold(u32::MAX, step)
}

/// Of the header's last field.
const CHECKSUM: usize = 544;
