//! The bytes of a table: what kind of file they are, and how they become text.

use super::super::SealError;
use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use std::{
    cell::Cell,
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    rc::Rc,
};

/// A table's bytes.
pub(super) enum Source {
    /// Text in UTF-8, from the first byte on.
    Text(Box<dyn Read>),
    Parquet(Whole),
    ArrowFile(Whole),
    ArrowStream(Box<dyn Read>),
}

/// Bytes that can be read in any order.
pub(super) enum Whole {
    File(File),
    Memory(Bytes),
}

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Parquet,
    ArrowFile,
    ArrowStream,
    Gzip,
    Utf8,
    Utf16 { big: bool },
}

impl Kind {
    /// Whether files of both kinds can be parts of one table.
    pub(super) fn is_like(self, other: Self) -> bool {
        let text = |kind| matches!(kind, Self::Gzip | Self::Utf8 | Self::Utf16 { .. });
        self == other || text(self) && text(other)
    }
}

impl Source {
    /// Opens `path`, or standard input for `-`. `read` grows with the bytes taken from it.
    pub(super) fn open(path: &Path, read: &Rc<Cell<u64>>) -> Result<Self, SealError> {
        let failed = |cause| SealError::Io { path: path.to_owned(), cause };
        if is_standard_input(path) {
            let mut input: Box<dyn Read> = Box::new(io::stdin().lock());
            let head = head(&mut input).map_err(failed)?;
            let kind = kind(path, &head)?;
            let whole: Box<dyn Read> = Box::new(io::Cursor::new(head).chain(input));
            return match kind {
                Kind::Parquet => Ok(Self::Parquet(Whole::Memory(all(whole).map_err(failed)?))),
                Kind::ArrowFile => Ok(Self::ArrowFile(Whole::Memory(all(whole).map_err(failed)?))),
                kind => Self::stream(path, kind, counted(whole, read)),
            };
        }
        let mut file = File::open(path).map_err(failed)?;
        let head = head(&mut file).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        match kind(path, &head)? {
            Kind::Parquet => Ok(Self::Parquet(Whole::File(file))),
            Kind::ArrowFile => Ok(Self::ArrowFile(Whole::File(file))),
            kind => Self::stream(path, kind, counted(Box::new(file), read)),
        }
    }

    fn stream(path: &Path, kind: Kind, input: Box<dyn Read>) -> Result<Self, SealError> {
        Ok(match kind {
            Kind::ArrowStream => Self::ArrowStream(input),
            Kind::Utf16 { big } => Self::Text(Box::new(Utf16::new(input, big))),
            Kind::Gzip => {
                let mut inner: Box<dyn Read> = Box::new(MultiGzDecoder::new(input));
                let failed = |cause| SealError::Io { path: path.to_owned(), cause };
                let head = head(&mut inner).map_err(failed)?;
                let kind = self::kind(path, &head)?;
                let whole: Box<dyn Read> = Box::new(io::Cursor::new(head).chain(inner));
                match kind {
                    Kind::Utf8 | Kind::Utf16 { .. } => return Self::stream(path, kind, whole),
                    _ => return Err(format(path, "a gzip archive of something other than CSV")),
                }
            }
            _ => Self::Text(input),
        })
    }
}

/// Whether `path` stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// What kind of file begins with `head`.
pub(super) fn kind(path: &Path, head: &[u8]) -> Result<Kind, SealError> {
    match head {
        [] => return Err(format(path, "an empty file")),
        [b'P', b'A', b'R', b'1', ..] => return Ok(Kind::Parquet),
        [0x1f, 0x8b, ..] => return Ok(Kind::Gzip),
        [0xff, 0xff, 0xff, 0xff, ..] => return Ok(Kind::ArrowStream),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Err(format(path, "UTF-32 text")),
        [0xff, 0xfe, ..] => return Ok(Kind::Utf16 { big: false }),
        [0xfe, 0xff, ..] => return Ok(Kind::Utf16 { big: true }),
        head if head.starts_with(b"ARROW1") => return Ok(Kind::ArrowFile),
        _ => {}
    }
    for (magic, found) in OTHERS {
        if head.starts_with(magic) {
            return Err(format(path, found));
        }
    }
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "parquet" => return Err(format(path, "a file named .parquet that is not Parquet")),
        "arrow" | "arrows" | "feather" | "ipc" => {
            return Err(format(path, "a file named as Arrow that is not Arrow"));
        }
        _ => {}
    }
    match zeros(head) {
        (0, 0) => Ok(Kind::Utf8),
        // Nearly every character of a header is ASCII: one of its two bytes is zero.
        (0, odd) if odd * 4 > head.len() => Ok(Kind::Utf16 { big: false }),
        (even, 0) if even * 4 > head.len() => Ok(Kind::Utf16 { big: true }),
        _ => Err(format(path, "bytes that are not text (there are zeros among them)")),
    }
}

/// Zero bytes at even and at odd places of the start of `head`.
fn zeros(head: &[u8]) -> (usize, usize) {
    let start = head.get(..head.len().min(LOOKED_AT)).unwrap_or(head);
    let count = |odd| {
        let places = start.iter().enumerate().filter(|(at, _)| at % 2 == odd);
        // As if all of the file were like its start.
        places.filter(|(_, byte)| **byte == 0).count() * head.len() / start.len().max(1)
    };
    (count(0), count(1))
}

fn format(path: &Path, found: &'static str) -> SealError {
    SealError::Format { path: path.to_owned(), found }
}

/// The first bytes.
fn head(input: &mut (impl Read + ?Sized)) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    input.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(head)
}

/// The first bytes of the file at `path`.
pub(super) fn head_of(path: &Path) -> Result<Vec<u8>, SealError> {
    let file = File::open(path).and_then(|mut file| head(&mut file));
    file.map_err(|cause| SealError::Io { path: path.to_owned(), cause })
}

fn all(mut input: impl Read) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    input.read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

fn counted(inner: Box<dyn Read>, read: &Rc<Cell<u64>>) -> Box<dyn Read> {
    Box::new(Counted { inner, read: read.clone() })
}

/// Passes bytes on and counts them.
struct Counted {
    inner: Box<dyn Read>,
    read: Rc<Cell<u64>>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.inner.read(buffer)?;
        self.read.set(self.read.get() + u64::try_from(taken).unwrap_or_default());
        Ok(taken)
    }
}

/// Turns UTF-16 into UTF-8.
struct Utf16 {
    inner: Box<dyn Read>,
    big: bool,
    /// Bytes that are not a whole character yet.
    pending: Vec<u8>,
    text: io::Cursor<Vec<u8>>,
}

impl Utf16 {
    fn new(inner: Box<dyn Read>, big: bool) -> Self {
        Self { inner, big, pending: Vec::new(), text: io::Cursor::default() }
    }

    /// Decodes some more; false at the end.
    fn refill(&mut self) -> io::Result<bool> {
        let wrong = || io::Error::new(io::ErrorKind::InvalidData, "not valid UTF-16");
        let before = self.pending.len();
        Read::by_ref(&mut self.inner).take(HEAD_BYTES).read_to_end(&mut self.pending)?;
        let ended = self.pending.len() == before;
        if ended && before > 0 {
            return Err(wrong());
        }
        let (pairs, _) = self.pending.as_chunks::<2>();
        let mut units: Vec<u16> = pairs
            .iter()
            .map(
                |pair| if self.big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) },
            )
            .collect();
        // The first half of a character waits for the second.
        if units.last().is_some_and(|unit| (0xd800..0xdc00).contains(unit)) {
            units.pop();
        }
        let text = String::from_utf16(&units).map_err(|_| wrong())?;
        self.pending.drain(..units.len() * 2);
        self.text = io::Cursor::new(text.into_bytes());
        Ok(!ended)
    }
}

impl Read for Utf16 {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let taken = self.text.read(buffer)?;
            if taken > 0 || buffer.is_empty() || !self.refill()? {
                return Ok(taken);
            }
        }
    }
}

const HEAD_BYTES: u64 = 64 << 10;
/// Bytes of the start that are looked at for zeros: a header and some rows.
const LOOKED_AT: usize = 1024;
const OTHERS: [(&[u8], &str); 14] = [
    (b"PARE", "encrypted Parquet (adopt takes sealed files)"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive (unpack it)"),
    (b"BZh", "a bzip2 archive (unpack it)"),
    (b"\xfd7zXZ", "an xz archive (unpack it)"),
    (b"\x04\x22\x4d\x18", "an LZ4 archive (unpack it)"),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet or document"),
    (b"ORC", "ORC"),
    (b"Obj\x01", "Avro"),
    (b"FEA1", "Feather of version 1 (write version 2)"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "a PDF document"),
    (b"{", "JSON"),
    (b"<", "HTML or XML"),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time.
    struct Slow(io::Cursor<Vec<u8>>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(1);
            self.0.read(&mut buffer[..most])
        }
    }

    #[test]
    fn utf16_is_decoded_wherever_a_read_ends() {
        let text = "e-mail,größe\r\n\u{1f600}@x.com,1\n".repeat(5000);
        for big in [false, true] {
            let bytes = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
            let encoded: Vec<u8> = text.encode_utf16().flat_map(bytes).collect();
            let mut read = String::new();
            let slow = Slow(io::Cursor::new(encoded.clone()));
            Utf16::new(Box::new(slow), big).read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
            let torn = io::Cursor::new(encoded[..encoded.len() - 1].to_vec());
            Utf16::new(Box::new(torn), big).read_to_string(&mut read).unwrap_err();
        }
    }

    #[test]
    fn text_without_a_mark_is_recognised() {
        let path = Path::new("a.csv");
        let little: Vec<u8> = "email,spend\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "email,spend\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(kind(path, &little).unwrap(), Kind::Utf16 { big: false });
        assert_eq!(kind(path, &big).unwrap(), Kind::Utf16 { big: true });
        assert_eq!(kind(path, b"email,spend\n").unwrap(), Kind::Utf8);
        kind(path, b"email,spend\nann\0@x.com,\0\0").unwrap_err();
    }
}
