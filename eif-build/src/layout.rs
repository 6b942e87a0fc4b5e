//! The layout of an enclave image: its sections, their numbers, and the sizes of headers.

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

/// The checksum: over the header before it and everything after it.
pub(crate) fn crc(header: &[u8], body: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(header);
    crc.update(body);
    crc.finalize()
}

/// The only flag.
pub(crate) const FLAG_AARCH64: u16 = 1;
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
