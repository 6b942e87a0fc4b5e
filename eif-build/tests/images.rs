//! Images of other builders, damaged images, and what must be refused.

#![cfg(test)]

use attestation_verifier::Pcr;
use eif_build::{
    Eif, ParseError, Registers, Section,
    measure::registers,
    signature::{PcrSignature, SignatureError},
};
use std::collections::BTreeMap;

const UNSIGNED: &[u8] = include_bytes!("vectors/unsigned.eif");
const ONE_RAMDISK: &[u8] = include_bytes!("vectors/one-ramdisk.eif");
const SIGNED: &[u8] = include_bytes!("vectors/signed.eif");
const PCRS: &str = include_str!("vectors/pcrs.json");

/// Offsets in the header: sections counted, and the first entries of its two tables.
const COUNT: usize = 26;
const OFFSETS: usize = 28;
const SIZES: usize = OFFSETS + 32 * 8;
const CHECKSUM: usize = 544;
const HEADER: usize = 548;

fn expected(name: &str) -> Registers {
    let all: BTreeMap<String, BTreeMap<u8, String>> = serde_json::from_str(PCRS).unwrap();
    all[name].iter().map(|(index, pcr)| (*index, pcr.parse::<Pcr>().unwrap())).collect()
}

/// Makes the checksum right again, as whoever tampers would.
fn repaired(mut image: Vec<u8>) -> Vec<u8> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&image[..CHECKSUM]);
    crc.update(&image[HEADER..]);
    image[CHECKSUM..HEADER].copy_from_slice(&crc.finalize().to_be_bytes());
    image
}

fn tampered(change: impl FnOnce(&mut Vec<u8>)) -> ParseError {
    let mut image = UNSIGNED.to_vec();
    change(&mut image);
    Eif::parse(&repaired(image)).unwrap_err()
}

/// Where section `index` of the unsigned image begins.
fn start(index: usize) -> usize {
    let at = OFFSETS + 8 * index;
    usize::try_from(u64::from_be_bytes(UNSIGNED[at..at + 8].try_into().unwrap())).unwrap()
}

#[test]
fn agrees_with_aws_on_the_registers_of_images_that_aws_made() {
    for (name, image) in [("unsigned", UNSIGNED), ("one-ramdisk", ONE_RAMDISK), ("signed", SIGNED)]
    {
        let eif = Eif::parse(image).unwrap();
        assert_eq!(registers(&eif).unwrap(), expected(name), "{name}");
        assert_eq!(eif.command_line, b"reboot=k panic=-1 console=ttyS0");
    }
}

#[test]
fn writes_the_same_bytes_as_aws_from_the_same_sections() {
    for image in [UNSIGNED, ONE_RAMDISK, SIGNED] {
        let eif = Eif::parse(image).unwrap();
        assert_eq!(eif.to_bytes().unwrap(), image);
    }
}

#[test]
fn writes_aws_signature_section_byte_for_byte() {
    let section = Eif::parse(SIGNED).unwrap().signature.unwrap();
    assert_eq!(PcrSignature::parse(section).unwrap().to_section(), section);
}

#[test]
fn refuses_every_truncation() {
    for image in [UNSIGNED, SIGNED] {
        for length in 0..image.len() {
            let refused = Eif::parse(&image[..length]).unwrap_err();
            let named = matches!(refused, ParseError::Truncated { .. });
            assert!(named, "{length} bytes: {refused}");
        }
    }
}

#[test]
fn refuses_every_flipped_bit() {
    for image in [UNSIGNED, SIGNED] {
        for bit in 0..image.len() * 8 {
            let mut image = image.to_vec();
            image[bit / 8] ^= 1 << (bit % 8);
            Eif::parse(&image).unwrap_err();
        }
    }
}

/// Whoever flips a bit can repair the checksum as well. Then the registers say so, but for bits
/// that no register covers: the metadata and the header's defaults.
#[test]
fn a_flipped_bit_with_a_repaired_checksum_is_refused_or_changes_the_registers() {
    let before = registers(&Eif::parse(UNSIGNED).unwrap()).unwrap();
    // The architecture; memory and processors, which whoever starts it decides; the metadata.
    let header = [7].into_iter().chain(8..24);
    let unmeasured: Vec<usize> = header.chain(start(2) + 12..start(3)).collect();
    for bit in (0..UNSIGNED.len() * 8).filter(|bit| !(CHECKSUM..HEADER).contains(&(bit / 8))) {
        let mut image = UNSIGNED.to_vec();
        image[bit / 8] ^= 1 << (bit % 8);
        let image = repaired(image);
        let same = Eif::parse(&image).is_ok_and(|eif| {
            assert_eq!(eif.to_bytes().unwrap(), image, "bit {bit}");
            registers(&eif).unwrap() == before
        });
        assert!(!same || unmeasured.contains(&(bit / 8)), "bit {bit}");
    }
}

/// Another certificate, self-signed and unchecked as it is, gives another PCR8. A few letters around
/// the certificate mean nothing. One bit of each byte.
#[test]
fn a_flipped_bit_in_the_signature_is_refused_or_changes_pcr8() {
    let signed = Eif::parse(SIGNED).unwrap();
    let before = registers(&signed).unwrap();
    let length = signed.signature.unwrap().len();
    let mut unnoticed = 0;
    for byte in SIGNED.len() - length..SIGNED.len() {
        let mut image = SIGNED.to_vec();
        image[byte] ^= 1 << (byte % 8);
        if let Ok(found) = registers(&Eif::parse(&repaired(image)).unwrap()) {
            assert!((0..=2).all(|index| found[&index] == before[&index]), "byte {byte}");
            unnoticed += usize::from(found == before);
        }
    }
    assert!(unnoticed * 50 < length, "{unnoticed} of {length} change nothing");
}

#[test]
fn refuses_another_magic_and_another_version() {
    assert_eq!(tampered(|i| i[0] = b'x'), ParseError::Magic { found: *b"xeif" });
    for version in [0, 3, 5] {
        let refused = tampered(|i| i[5] = u8::try_from(version).unwrap());
        assert_eq!(refused, ParseError::Version { found: version });
    }
}

#[test]
fn refuses_unknown_flags_and_reserved_bits() {
    assert_eq!(tampered(|i| i[7] = 2), ParseError::Flags { found: 2 });
    assert_eq!(tampered(|i| i[6] = 1), ParseError::Flags { found: 256 });
    for (byte, what) in [
        (25, "the reserved field"),
        (543, "the unused field"),
        (OFFSETS + 31 * 8, "an unused entry of the section table"),
        (SIZES + 31 * 8, "an unused entry of the section table"),
        (start(1) + 3, "a section's flags"),
    ] {
        let refused = tampered(|i| i[byte] = 1);
        assert!(matches!(refused, ParseError::NotZero { what: w, .. } if w == what), "{refused}");
    }
}

#[test]
fn refuses_a_count_that_is_not_that_of_the_table() {
    for count in [0, 4, 6, 32, 33] {
        let refused = tampered(|i| i[COUNT + 1] = u8::try_from(count).unwrap());
        assert_eq!(refused, ParseError::SectionCount { found: count, expected: 5 });
    }
    let most = tampered(|i| i[COUNT..COUNT + 2].fill(0xff));
    assert_eq!(most, ParseError::SectionCount { found: u16::MAX, expected: 5 });
}

#[test]
fn refuses_sections_that_overlap_and_gaps_between_them() {
    let second = start(1);
    let entry = OFFSETS + 8..OFFSETS + 16;
    let at = |offset: usize| {
        let entry = entry.clone();
        let offset = u64::try_from(offset).unwrap();
        tampered(move |i| i[entry].copy_from_slice(&offset.to_be_bytes()))
    };
    let overlap = ParseError::Overlap { index: 1, found: second - 1, expected: second };
    assert_eq!(at(second - 1), overlap);
    assert_eq!(at(second + 1), ParseError::Gap { index: 1, found: second + 1, expected: second });
    let far = ParseError::Gap { index: 1, found: usize::MAX, expected: second };
    assert_eq!(at(usize::MAX), far);
    let gap = tampered(|i| i.insert(second, 0));
    assert_eq!(gap, ParseError::UnknownSection { index: 1, found: 0 });
}

#[test]
fn refuses_a_length_that_reaches_past_the_end_without_allocating_it() {
    let last = start(4);
    let refused = tampered(|i| {
        i[SIZES + 32..SIZES + 40].fill(0xff);
        i[last + 4..last + 12].fill(0xff);
    });
    let found = UNSIGNED.len() - last - 12;
    let expected = ParseError::Truncated { what: "section", found, expected: usize::MAX };
    assert_eq!(refused, expected);
}

#[test]
fn refuses_two_sizes_for_one_section() {
    let refused = tampered(|i| i[SIZES + 7] ^= 1);
    assert_eq!(refused, ParseError::SizesDiffer { index: 0, found: 33, expected: 32 });
}

#[test]
fn refuses_sections_of_unknown_kind_twice_or_in_another_order() {
    let kind = |index: usize, code: u8| tampered(|i| i[start(index) + 1] = code);
    assert_eq!(kind(2, 0), ParseError::UnknownSection { index: 2, found: 0 });
    assert_eq!(kind(2, 6), ParseError::UnknownSection { index: 2, found: 6 });
    assert_eq!(kind(1, 1), ParseError::Duplicate { section: Section::Kernel });
    let swapped = ParseError::OutOfOrder { found: Section::Ramdisk, expected: Section::Metadata };
    assert_eq!(kind(2, 3), swapped);
    let early = ParseError::OutOfOrder { found: Section::CommandLine, expected: Section::Kernel };
    assert_eq!(kind(0, 2), early);
    let late = ParseError::OutOfOrder { found: Section::Kernel, expected: Section::Signature };
    assert_eq!(kind(4, 1), late);
}

#[test]
fn refuses_an_image_without_a_ramdisk_and_one_with_two_signatures() {
    let cut = tampered(|i| {
        i.truncate(start(3));
        i[COUNT + 1] = 3;
        i[OFFSETS + 24..OFFSETS + 40].fill(0);
        i[SIZES + 24..SIZES + 40].fill(0);
    });
    assert_eq!(cut, ParseError::Missing { section: Section::Ramdisk });
    let mut image = SIGNED.to_vec();
    let ramdisk = start(4);
    image[ramdisk + 1] = 4;
    let twice = Eif::parse(&repaired(image)).unwrap_err();
    assert_eq!(twice, ParseError::Duplicate { section: Section::Signature });
}

#[test]
fn refuses_bytes_after_the_last_section_and_a_wrong_checksum() {
    let refused = tampered(|i| i.extend_from_slice(b"more"));
    assert_eq!(refused, ParseError::TrailingBytes { found: 4 });
    let mut image = UNSIGNED.to_vec();
    let last = image.len() - 1;
    image[last] ^= 1;
    assert!(matches!(Eif::parse(&image), Err(ParseError::Checksum { .. })));
}

#[test]
fn refuses_a_signature_for_another_image() {
    let signed = Eif::parse(SIGNED).unwrap();
    let mut other = signed.clone();
    other.command_line = b"init=/bin/sh";
    let refused = registers(&other).unwrap_err();
    assert!(matches!(refused, SignatureError::OtherImage { .. }), "{refused}");
    let with = |section: &[u8]| PcrSignature::parse(section).unwrap_err();
    assert_eq!(with(&[0x80]), SignatureError::Count { found: 0 });
    assert_eq!(with(&[0x81].repeat(100_000)), SignatureError::Malformed);
    // A list of 2^64 - 1 entries, of which none follows.
    assert_eq!(with(&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255]), SignatureError::Malformed);
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(
        flips in proptest::collection::vec((0..SIGNED.len(), proptest::num::u8::ANY), 1..40),
        cut in 0..SIGNED.len(),
    ) {
        let mut image = SIGNED.to_vec();
        for (at, byte) in flips {
            image[at] = byte;
        }
        for image in [repaired(image.clone()), image[..cut].to_vec()] {
            if let Ok(eif) = Eif::parse(&image) {
                assert_eq!(eif.to_bytes().unwrap(), image);
                let _either = registers(&eif);
                let _lines = eif_build::compare::differences(&eif, &Eif::parse(SIGNED).unwrap());
            }
        }
    }
}
