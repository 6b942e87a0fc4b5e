//! Reads an enclave image, strictly: one way to write each, and nothing between the sections.

use crate::layout::{
    FLAG_AARCH64, HEADER_LEN, MAGIC, MOST_SECTIONS, SECTION_HEADER_LEN, Section, VERSION, crc,
};

/// An image whose every byte is accounted for. It borrows; nothing is copied.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Eif<'a> {
    /// The kernel.
    pub kernel: &'a [u8],
    /// The kernel's command line.
    pub command_line: &'a [u8],
    /// JSON about the image, not measured.
    pub metadata: &'a [u8],
    /// cpio archives, compressed or not; at least one. The first boots (PCR1), the rest is the
    /// application (PCR2).
    pub ramdisks: Vec<&'a [u8]>,
    /// The signature section: over PCR0, with its certificate, for PCR8.
    pub signature: Option<&'a [u8]>,
    /// Whether it is for aarch64. Not measured.
    pub aarch64: bool,
    /// Memory and processors by default, not measured: whoever starts an enclave says.
    pub defaults: (u64, u64),
}

impl<'a> Eif<'a> {
    /// Parses `bytes`.
    ///
    /// # Errors
    ///
    /// [`ParseError`] for anything but one well-formed image of version 4, from first to last byte.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let header = Header::parse(bytes)?;
        let mut eif = Self {
            kernel: &[],
            command_line: &[],
            metadata: &[],
            ramdisks: Vec::new(),
            signature: None,
            aarch64: header.flags == FLAG_AARCH64,
            defaults: header.defaults,
        };
        let mut position = HEADER_LEN;
        let mut before = None;
        for (index, (offset, size)) in header.sections.into_iter().enumerate() {
            let (section, content, end) = section(bytes, index, position, offset, size)?;
            in_order(before, section)?;
            match section {
                Section::Kernel => eif.kernel = content,
                Section::CommandLine => eif.command_line = content,
                Section::Metadata => eif.metadata = content,
                Section::Ramdisk => eif.ramdisks.push(content),
                Section::Signature => eif.signature = Some(content),
            }
            before = Some(section);
            position = end;
        }
        if before < Some(Section::Ramdisk) {
            return Err(ParseError::Missing { section: after(before) });
        }
        if bytes.len() > position {
            return Err(ParseError::TrailingBytes { found: bytes.len() - position });
        }
        let (Some(head), Some(body)) = (bytes.get(..HEADER_LEN - 4), bytes.get(HEADER_LEN..))
        else {
            return Err(truncated("header", bytes.len(), HEADER_LEN));
        };
        let computed = crc(head, body);
        if header.crc != computed {
            return Err(ParseError::Checksum { found: header.crc, expected: computed });
        }
        Ok(eif)
    }
}

struct Header {
    flags: u16,
    defaults: (u64, u64),
    /// Offset and size of each section.
    sections: Vec<(u64, u64)>,
    crc: u32,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let mut rest = bytes;
        let magic = take::<4>(bytes, &mut rest)?;
        if magic != MAGIC {
            return Err(ParseError::Magic { found: magic });
        }
        let version = u16::from_be_bytes(take(bytes, &mut rest)?);
        if version != VERSION {
            return Err(ParseError::Version { found: version });
        }
        let flags = u16::from_be_bytes(take(bytes, &mut rest)?);
        if flags & !FLAG_AARCH64 != 0 {
            return Err(ParseError::Flags { found: flags });
        }
        let memory = u64::from_be_bytes(take(bytes, &mut rest)?);
        let cpus = u64::from_be_bytes(take(bytes, &mut rest)?);
        let reserved = u16::from_be_bytes(take(bytes, &mut rest)?);
        zero("the reserved field", u64::from(reserved))?;
        let count = u16::from_be_bytes(take(bytes, &mut rest)?);
        let mut offsets = [0; MOST_SECTIONS];
        let mut sizes = [0; MOST_SECTIONS];
        for entry in offsets.iter_mut().chain(&mut sizes) {
            *entry = u64::from_be_bytes(take(bytes, &mut rest)?);
        }
        let unused = u32::from_be_bytes(take(bytes, &mut rest)?);
        zero("the unused field", u64::from(unused))?;
        let crc = u32::from_be_bytes(take(bytes, &mut rest)?);

        // No section begins at 0, so the table itself says how many there are.
        let listed = offsets.iter().take_while(|offset| **offset != 0).count();
        if usize::from(count) != listed {
            return Err(ParseError::SectionCount { found: count, expected: listed });
        }
        for entry in offsets.iter().skip(listed).chain(sizes.iter().skip(listed)) {
            zero("an unused entry of the section table", *entry)?;
        }
        let sections = offsets.into_iter().zip(sizes).take(listed).collect();
        Ok(Self { flags, defaults: (memory, cpus), sections, crc })
    }
}

/// The section that must begin at `position`: its kind, its content and where it ends.
fn section(
    bytes: &[u8],
    index: usize,
    position: usize,
    offset: u64,
    size: u64,
) -> Result<(Section, &[u8], usize), ParseError> {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX);
    if offset < position {
        return Err(ParseError::Overlap { index, found: offset, expected: position });
    }
    if offset > position {
        return Err(ParseError::Gap { index, found: offset, expected: position });
    }
    let at = bytes.get(position..).unwrap_or_default();
    let mut rest = at;
    let short = |_| truncated("section header", at.len(), SECTION_HEADER_LEN);
    let code = u16::from_be_bytes(take(at, &mut rest).map_err(short)?);
    let flags = u16::from_be_bytes(take(at, &mut rest).map_err(short)?);
    let own_size = u64::from_be_bytes(take(at, &mut rest).map_err(short)?);
    let section = Section::of(code).ok_or(ParseError::UnknownSection { index, found: code })?;
    zero("a section's flags", u64::from(flags))?;
    if own_size != size {
        return Err(ParseError::SizesDiffer { index, found: own_size, expected: size });
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let content = rest.get(..size).ok_or_else(|| truncated("section", rest.len(), size))?;
    Ok((section, content, position + SECTION_HEADER_LEN + size))
}

/// Kernel, command line, metadata, ramdisks, signature.
fn in_order(before: Option<Section>, section: Section) -> Result<(), ParseError> {
    let next = after(before);
    let another_ramdisk = before == Some(Section::Ramdisk) && section == Section::Ramdisk;
    if section == next && before != Some(Section::Signature) || another_ramdisk {
        Ok(())
    } else if before.is_some_and(|before| section == before) {
        Err(ParseError::Duplicate { section })
    } else {
        Err(ParseError::OutOfOrder { found: section, expected: next })
    }
}

fn after(before: Option<Section>) -> Section {
    match before {
        None => Section::Kernel,
        Some(Section::Kernel) => Section::CommandLine,
        Some(Section::CommandLine) => Section::Metadata,
        Some(Section::Metadata) => Section::Ramdisk,
        Some(Section::Ramdisk | Section::Signature) => Section::Signature,
    }
}

fn take<const N: usize>(whole: &[u8], rest: &mut &[u8]) -> Result<[u8; N], ParseError> {
    let (taken, left) =
        rest.split_first_chunk::<N>().ok_or(truncated("header", whole.len(), HEADER_LEN))?;
    *rest = left;
    Ok(*taken)
}

fn zero(what: &'static str, found: u64) -> Result<(), ParseError> {
    if found == 0 { Ok(()) } else { Err(ParseError::NotZero { what, found }) }
}

fn truncated(what: &'static str, found: usize, expected: usize) -> ParseError {
    ParseError::Truncated { what, found, expected }
}

/// Why bytes are no image.
///
/// Remedy: take the image again from whoever built it: it was cut off, changed, or is of a shape that no enclave is
/// started from.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the text says it: found, expected")]
pub enum ParseError {
    #[error("the {what} is cut off: found {found} bytes, expected {expected}")]
    Truncated { what: &'static str, found: usize, expected: usize },
    #[error(
        "not an enclave image file (EIF): it begins with {found:02x?}, expected {MAGIC:02x?} (\".eif\")"
    )]
    Magic { found: [u8; 4] },
    #[error("found version {found} of the format, expected {VERSION}")]
    Version { found: u16 },
    #[error("found flags {found:#06x}, expected 0 or 1 (aarch64)")]
    Flags { found: u16 },
    #[error("{what} is {found}, expected 0")]
    NotZero { what: &'static str, found: u64 },
    #[error("the header counts {found} sections, its table lists {expected}")]
    SectionCount { found: u16, expected: usize },
    #[error(
        "section {index} begins at byte {found}, inside the one before, which ends at {expected}"
    )]
    Overlap { index: usize, found: usize, expected: usize },
    #[error(
        "section {index} begins at byte {found}, expected {expected}, where the one before ends"
    )]
    Gap { index: usize, found: usize, expected: usize },
    #[error("section {index} is of kind {found}, expected 1 to 5")]
    UnknownSection { index: usize, found: u16 },
    #[error("section {index} says it has {found} bytes, the header says {expected}")]
    SizesDiffer { index: usize, found: u64, expected: u64 },
    #[error("found a {found} section, expected {expected}")]
    OutOfOrder { found: Section, expected: Section },
    #[error("found a second {section} section, expected one")]
    Duplicate { section: Section },
    #[error("found no {section} section, expected one")]
    Missing { section: Section },
    #[error("found {found} bytes after the last section, expected none")]
    TrailingBytes { found: usize },
    #[error("found checksum {found:08x}, expected {expected:08x}: the file is damaged")]
    Checksum { found: u32, expected: u32 },
}
