//! cpio archives in the `newc` form, which the kernel unpacks: `Documentation/driver-api/early-userspace/buffer-format.rst`.

use std::collections::BTreeMap;

/// One file, directory or device of an archive.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Entry<'a> {
    /// Kind and permissions, as `stat` has them.
    pub mode: u32,
    /// Major and minor number of a device.
    pub device: (u32, u32),
    /// User and group.
    pub owner: (u32, u32),
    /// Seconds since 1970.
    pub modified: u32,
    /// The content of a file; empty for anything else.
    pub content: &'a [u8],
}

impl<'a> Entry<'a> {
    /// A directory that everybody can enter.
    #[must_use]
    pub fn directory() -> Self {
        Self::of_root(0o040_755, (0, 0), &[])
    }

    /// A program.
    #[must_use]
    pub fn program(content: &'a [u8]) -> Self {
        Self::of_root(0o100_755, (0, 0), content)
    }

    /// A file.
    #[must_use]
    pub fn file(content: &'a [u8]) -> Self {
        Self::of_root(0o100_644, (0, 0), content)
    }

    /// The character device with these numbers, which only root can use.
    #[must_use]
    pub fn device(major: u32, minor: u32) -> Self {
        Self::of_root(0o020_600, (major, minor), &[])
    }

    fn of_root(mode: u32, device: (u32, u32), content: &'a [u8]) -> Self {
        Self { mode, device, owner: (0, 0), modified: 0, content }
    }
}

/// Files by path, without a leading slash.
pub type Archive<'a> = BTreeMap<String, Entry<'a>>;

/// The bytes of `archive`: by path, numbered in order. A path's directory must
/// be in it too; it sorts first.
///
/// # Errors
///
/// [`CpioError::TooLarge`] for a file of 4 GiB or more.
pub fn write(archive: &Archive<'_>) -> Result<Vec<u8>, CpioError> {
    let mut bytes = Vec::new();
    for (number, (path, entry)) in (1..).zip(archive) {
        append(&mut bytes, number, path, entry)?;
    }
    append(&mut bytes, 0, TRAILER, &Entry::of_root(0, (0, 0), &[]))?;
    Ok(bytes)
}

fn append(bytes: &mut Vec<u8>, inode: u32, path: &str, entry: &Entry<'_>) -> Result<(), CpioError> {
    let narrow =
        |length: usize| u32::try_from(length).map_err(|_| CpioError::TooLarge { found: length });
    let size = narrow(entry.content.len())?;
    let links = if entry.mode & KIND == DIRECTORY { 2 } else { 1 };
    let ((major, minor), (user, group)) = (entry.device, entry.owner);
    let name = narrow(path.len() + 1)?;
    bytes.extend_from_slice(MAGIC);
    for field in
        [inode, entry.mode, user, group, links, entry.modified, size, 0, 0, major, minor, name, 0]
    {
        bytes.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    bytes.extend_from_slice(path.as_bytes());
    bytes.push(0);
    pad(bytes);
    bytes.extend_from_slice(entry.content);
    pad(bytes);
    Ok(())
}

/// Zeros up to a multiple of four.
pub(crate) fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

/// Reads one archive and nothing but zeros after it. It takes less than the kernel does, and nothing
/// in another way.
///
/// # Errors
///
/// [`CpioError`] for anything else.
pub fn read(bytes: &[u8]) -> Result<Archive<'_>, CpioError> {
    let mut archive = BTreeMap::new();
    let mut position = 0;
    loop {
        let header = slice(bytes, position, HEADER_LEN)?;
        if header.get(..6) != Some(MAGIC) {
            return Err(CpioError::Magic { position });
        }
        let field = |index: usize| -> Result<u32, CpioError> {
            let text = header.get(6 + 8 * index..14 + 8 * index).unwrap_or_default();
            let text = std::str::from_utf8(text).ok();
            let text = text.filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
            text.and_then(|text| u32::from_str_radix(text, 16).ok())
                .ok_or(CpioError::Number { position })
        };
        let (mode, size, name) = (field(1)?, wide(field(6)?), wide(field(11)?));
        let (device, owner) = ((field(9)?, field(10)?), (field(2)?, field(3)?));
        let modified = field(5)?;
        let path = slice(bytes, position + HEADER_LEN, name)?;
        // The kernel skips what has a longer name, and takes a name to end with its first zero.
        let path = path.strip_suffix(&[0]).filter(|_| name <= LONGEST_NAME);
        let path = path.and_then(|path| std::str::from_utf8(path).ok());
        let path = path.filter(|path| !path.contains('\0'));
        let path = path.ok_or(CpioError::Name { position })?;
        let start = (position + HEADER_LEN).saturating_add(name).next_multiple_of(4);
        let content = slice(bytes, start, size)?;
        let end = start.saturating_add(size).next_multiple_of(4);
        if path == TRAILER {
            let rest = bytes.get(end..).unwrap_or_default();
            return match rest.iter().position(|byte| *byte != 0) {
                None => Ok(archive),
                Some(found) => Err(CpioError::Trailing { position: end + found }),
            };
        }
        // Of files with one number, the kernel makes one file with the content of the last.
        if mode & KIND != DIRECTORY && field(4)? > 1 {
            return Err(CpioError::HardLink { position });
        }
        // The kernel skips content of anything else, and what is of no kind.
        let kept = match mode & KIND {
            REGULAR | SYMBOLIC_LINK => true,
            DIRECTORY => content.is_empty(),
            kind => DEVICES.contains(&kind) && content.is_empty(),
        };
        if !kept {
            return Err(CpioError::Kind { position, mode });
        }
        let entry = Entry { mode, device, owner, modified, content };
        if archive.insert(path.to_owned(), entry).is_some() {
            return Err(CpioError::Duplicate { position });
        }
        position = end;
    }
}

fn slice(bytes: &[u8], start: usize, length: usize) -> Result<&[u8], CpioError> {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.get(..length).ok_or(CpioError::Truncated { found: rest.len(), expected: length })
}

#[expect(clippy::as_conversions, reason = "32 bits fit into usize on every machine we build on")]
fn wide(field: u32) -> usize {
    field as usize
}

/// Why bytes are not such an archive.
///
/// Remedy: give a ramdisk that `eif-build` or the kernel's own tools wrote.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the text says it: found, expected")]
pub enum CpioError {
    #[error("a file has {found} bytes, expected less than 4 GiB")]
    TooLarge { found: usize },
    #[error("the archive is cut off: found {found} bytes, expected {expected}")]
    Truncated { found: usize, expected: usize },
    #[error("no entry of a newc archive at byte {position}")]
    Magic { position: usize },
    #[error("the entry at byte {position} has a field that is not a hexadecimal number")]
    Number { position: usize },
    #[error(
        "the entry at byte {position} has a name that is not UTF-8 ending in its only zero, or has \
         more than {LONGEST_NAME} bytes"
    )]
    Name { position: usize },
    #[error("the entry at byte {position} may be one file with another (a hard link)")]
    HardLink { position: usize },
    #[error(
        "the entry at byte {position} with mode {mode:o} is not a file, link, empty folder or device"
    )]
    Kind { position: usize, mode: u32 },
    #[error("the entry at byte {position} names a path a second time")]
    Duplicate { position: usize },
    #[error("found another byte than zero after the archive, at {position}")]
    Trailing { position: usize },
}

const MAGIC: &[u8] = b"070701";
const TRAILER: &str = "TRAILER!!!";
const HEADER_LEN: usize = 110;
/// `PATH_MAX` of Linux, with the final zero.
const LONGEST_NAME: usize = 4096;
/// The bits of a mode that say what it is.
pub(crate) const KIND: u32 = 0o170_000;
const DIRECTORY: u32 = 0o040_000;
const REGULAR: u32 = 0o100_000;
pub(crate) const SYMBOLIC_LINK: u32 = 0o120_000;
/// Character, block, pipe, socket.
const DEVICES: [u32; 4] = [0o020_000, 0o060_000, 0o010_000, 0o140_000];

#[cfg(test)]
mod tests {
    use super::*;

    fn archive() -> Archive<'static> {
        BTreeMap::from([
            ("init".to_owned(), Entry::program(b"hello")),
            ("etc".to_owned(), Entry::directory()),
            ("etc/x".to_owned(), Entry::file(b"")),
            ("dev/console".to_owned(), Entry::device(5, 1)),
        ])
    }

    #[test]
    fn reads_back_what_it_writes_and_writes_it_the_same_way() {
        let bytes = write(&archive()).unwrap();
        assert_eq!(bytes.len() % 4, 0);
        assert_eq!(read(&bytes).unwrap(), archive());
        assert_eq!(write(&read(&bytes).unwrap()).unwrap(), bytes);
    }

    /// Laid out by hand after the kernel's `buffer-format.rst`.
    #[test]
    fn writes_the_bytes_that_the_kernel_document_prescribes() {
        let one = BTreeMap::from([("a".to_owned(), Entry::file(b"xyz"))]);
        let expected = concat!(
            "070701", "00000001", "000081a4", "00000000", "00000000", "00000001", "00000000",
            "00000003", "00000000", "00000000", "00000000", "00000000", "00000002", "00000000",
            "a\0", "xyz\0",
        );
        assert!(write(&one).unwrap().starts_with(expected.as_bytes()));
    }

    #[test]
    fn refuses_every_truncation() {
        let bytes = write(&archive()).unwrap();
        for length in 0..bytes.len() - 3 {
            read(&bytes[..length]).unwrap_err();
        }
    }

    #[test]
    fn refuses_a_path_that_comes_twice_and_bytes_that_follow() {
        let one = write(&BTreeMap::from([("a".to_owned(), Entry::file(b""))])).unwrap();
        let entry = &one[..HEADER_LEN + 2];
        let twice = [entry, &one].concat();
        assert_eq!(read(&twice), Err(CpioError::Duplicate { position: entry.len() }));
        let followed = [one.as_slice(), b"\0\0x"].concat();
        assert_eq!(read(&followed), Err(CpioError::Trailing { position: one.len() + 2 }));
    }

    /// What the kernel would unpack as another file than is written, or not at all.
    #[test]
    fn refuses_names_and_links_that_the_kernel_takes_for_others() {
        let one = |path: &str| write(&BTreeMap::from([(path.to_owned(), Entry::file(b""))]));
        let name = Err(CpioError::Name { position: 0 });
        assert_eq!(read(&one("init\0x").unwrap()), name);
        assert_eq!(read(&one(&"a".repeat(LONGEST_NAME)).unwrap()), name);
        read(&one(&"a".repeat(LONGEST_NAME - 1)).unwrap()).unwrap();
        let mut linked = one("init").unwrap();
        // c_nlink, the fifth field.
        linked[6 + 4 * 8 + 7] = b'2';
        assert_eq!(read(&linked), Err(CpioError::HardLink { position: 0 }));
    }

    /// The kernel never creates it, so a reader must not show it.
    #[test]
    fn refuses_content_of_what_is_no_file() {
        for mode in [0o000_755, 0o040_755, 0o020_600, 0o170_644] {
            let entry = Entry { mode, ..Entry::file(b"x") };
            let bytes = write(&Archive::from([("init".to_owned(), entry)])).unwrap();
            assert_eq!(read(&bytes), Err(CpioError::Kind { position: 0, mode }));
        }
    }
}
