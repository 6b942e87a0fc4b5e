//! How an enclave image is written.

use crate::{
    layout::{FLAG_AARCH64, HEADER_LEN, MAGIC, MOST_SECTIONS, Section, VERSION, crc},
    parse::Eif,
};

impl Eif<'_> {
    /// The bytes of the image with these sections: the only ones that read back as it.
    ///
    /// # Errors
    ///
    /// [`WriteError`] if there are more ramdisks than the header has room for, or none.
    pub fn to_bytes(&self) -> Result<Vec<u8>, WriteError> {
        let fixed = [
            (Section::Kernel, self.kernel),
            (Section::CommandLine, self.command_line),
            (Section::Metadata, self.metadata),
        ];
        let ramdisks = self.ramdisks.iter().map(|bytes| (Section::Ramdisk, *bytes));
        let signature = self.signature.map(|bytes| (Section::Signature, bytes));
        let sections: Vec<_> = fixed.into_iter().chain(ramdisks).chain(signature).collect();
        let count = u16::try_from(sections.len()).unwrap_or(u16::MAX);
        if self.ramdisks.is_empty() || sections.len() > MOST_SECTIONS {
            return Err(WriteError { found: self.ramdisks.len(), most: MOST_SECTIONS - 4 });
        }

        let (mut offsets, mut sizes) = ([0_u64; MOST_SECTIONS], [0_u64; MOST_SECTIONS]);
        let mut body = Vec::new();
        for ((section, bytes), (offset, size)) in
            sections.iter().zip(offsets.iter_mut().zip(sizes.iter_mut()))
        {
            *offset = long(HEADER_LEN + body.len());
            *size = long(bytes.len());
            body.extend_from_slice(&section.code().to_be_bytes());
            body.extend_from_slice(&[0; 2]);
            body.extend_from_slice(&size.to_be_bytes());
            body.extend_from_slice(bytes);
        }

        let mut image = Vec::with_capacity(HEADER_LEN + body.len());
        image.extend_from_slice(&MAGIC);
        image.extend_from_slice(&VERSION.to_be_bytes());
        let flags = if self.aarch64 { FLAG_AARCH64 } else { 0 };
        image.extend_from_slice(&flags.to_be_bytes());
        let (memory, processors) = self.defaults;
        image.extend_from_slice(&memory.to_be_bytes());
        image.extend_from_slice(&processors.to_be_bytes());
        image.extend_from_slice(&[0; 2]);
        image.extend_from_slice(&count.to_be_bytes());
        for entry in offsets.iter().chain(&sizes) {
            image.extend_from_slice(&entry.to_be_bytes());
        }
        image.extend_from_slice(&[0; 4]);
        image.extend_from_slice(&crc(&image, &body).to_be_bytes());
        image.append(&mut body);
        Ok(image)
    }
}

/// The sections do not fit.
///
/// Remedy: give one to so many ramdisks.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("found {found} ramdisks, expected 1 to {most}")]
pub struct WriteError {
    /// Ramdisks that were given.
    pub found: usize,
    /// Ramdisks that fit.
    pub most: usize,
}

#[expect(clippy::as_conversions, reason = "usize is at most 64 bits wide")]
fn long(length: usize) -> u64 {
    length as u64
}
