//! Images, their ramdisks and their build manifests.

use eif_build::{Eif, Measured, cpio, manifest::Manifest, measure::registers};

/// An image that parses is written to the same bytes, and can be measured and compared.
pub(super) fn image(bytes: &[u8]) {
    let _measured = Measured::of(bytes);
    let _archive = cpio::read(bytes);
    let _manifest = Manifest::parse(bytes);
    let Ok(image) = Eif::parse(bytes) else { return };
    assert_eq!(image.to_bytes().expect("what was read"), bytes);
    let _registers = registers(&image);
    let other = Eif::parse(SIGNED).expect("an image of the vectors");
    let _lines = eif_build::compare::differences(&image, &other);
}

const SIGNED: &[u8] = include_bytes!("../../../eif-build/tests/vectors/signed.eif");
