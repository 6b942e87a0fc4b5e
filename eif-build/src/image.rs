//! The layout of an enclave image, and how one is written.

use crate::parse::{Eif, FLAG_AARCH64};
use std::fmt;

/// The kinds of section. They stand in this order, and only ramdisks may repeat.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Section {
    /// The kernel.
    Kernel,
    /// Its command line.
    CommandLine,
    /// JSON, not measured.
    Metadata,
    /// A cpio archive, compressed or not.
    Ramdisk,
    /// CBOR with a signature over PCR0 and the signer's certificate.
    Signature,
}

impl Section {
    /// The number that stands for it in a section's header.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Kernel => 1,
            Self::CommandLine => 2,
            Self::Ramdisk => 3,
            Self::Signature => 4,
            Self::Metadata => 5,
        }
    }

    pub(crate) fn of(code: u16) -> Option<Self> {
        let all = [Self::Kernel, Self::CommandLine, Self::Ramdisk, Self::Signature, Self::Metadata];
        all.into_iter().find(|section| section.code() == code)
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kernel => "kernel",
            Self::CommandLine => "command line",
            Self::Metadata => "metadata",
            Self::Ramdisk => "ramdisk",
            Self::Signature => "signature",
        })
    }
}

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

/// The checksum: over the header before it and everything after it.
pub(crate) fn crc(header: &[u8], body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(header);
    crc.update(body);
    crc.finalize()
}

/// The sections do not fit.
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

/// ".eif"
pub(crate) const MAGIC: [u8; 4] = *b".eif";
pub(crate) const VERSION: u16 = 4;
/// Slots for sections in the header.
pub(crate) const MOST_SECTIONS: usize = 32;
/// Length of the file's header in bytes; its last four are the checksum.
pub(crate) const HEADER_LEN: usize = 548;
pub(crate) const SECTION_HEADER_LEN: usize = 12;
/// Bytes of memory and processors, as AWS's tool writes them. Whoever starts the enclave says how
/// much it gets.
pub(crate) const DEFAULTS: (u64, u64) = (1 << 30, 2);
