//! Rows of CSV that were taken apart.

use csv::ByteRecord;

/// Rows of CSV.
#[derive(Default)]
pub(super) struct Lines {
    /// What the fields are in.
    text: Text,
    /// Where in it each field of each row begins and ends.
    places: Vec<(usize, usize)>,
    rows: Vec<Line>,
    pub(super) separator: u8,
    /// Which field each sealed column is.
    pub(super) columns: Vec<usize>,
}

/// Text that was found to be UTF-8 as a whole, or was not looked at.
enum Text {
    Utf8(String),
    Bytes(Vec<u8>),
}

impl Default for Text {
    fn default() -> Self {
        Self::Bytes(Vec::new())
    }
}

impl Text {
    fn of(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|error| Self::Bytes(error.into_bytes()), Self::Utf8)
    }

    fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Utf8(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    fn fields<'a>(&'a self, places: &'a [(usize, usize)]) -> Fields<'a> {
        let (bytes, text) = match self {
            Self::Utf8(text) => (text.as_bytes(), Some(text.as_str())),
            Self::Bytes(bytes) => (bytes.as_slice(), None),
        };
        Fields { bytes, text, places }
    }
}

/// What is known of a row of CSV beside its fields.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) origin: Option<String>,
    pub(super) is_header: bool,
    /// Where its fields end among all.
    end: usize,
}

impl Lines {
    /// Lets go of all rows; gives the memory for text, empty.
    pub(super) fn clear(&mut self) -> Vec<u8> {
        self.places.clear();
        self.rows.clear();
        let mut memory = std::mem::take(&mut self.text).into_bytes();
        memory.clear();
        memory
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Row number `at`, from 0.
    pub(super) fn row(&self, at: usize) -> Option<(&Line, Fields<'_>)> {
        let line = self.rows.get(at)?;
        let before = at.checked_sub(1).and_then(|before| self.rows.get(before));
        let places = self.places.get(before.map_or(0, |before| before.end)..line.end)?;
        Some((line, self.text.fields(places)))
    }

    /// Adds a row.
    pub(super) fn push(
        &mut self,
        record: &ByteRecord,
        number: u64,
        origin: Option<String>,
        is_header: bool,
    ) {
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        let mut end = bytes.len();
        bytes.extend_from_slice(record.as_slice());
        self.text = Text::Bytes(bytes);
        for field in record {
            self.places.push((end, end + field.len()));
            end += field.len();
        }
        self.rows.push(Line { number, origin, is_header, end: self.places.len() });
    }

    /// Takes the lines of `text` apart, each of which is a record, and the first of which is behind so many others.
    pub(super) fn split(
        &mut self,
        text: Vec<u8>,
        before: u64,
        is_header: impl Fn(Fields<'_>) -> bool,
    ) {
        self.clear();
        self.text = Text::of(text);
        let bytes = match &self.text {
            Text::Utf8(text) => text.as_bytes(),
            Text::Bytes(bytes) => bytes,
        };
        let (mut start, mut number) = (0, before);
        while start < bytes.len() {
            let rest = bytes.get(start..).unwrap_or_default();
            let length = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or_default();
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            number += 1;
            if !line.is_empty() {
                let first = self.places.len();
                let (mut begin, end) = (start, start + line.len());
                for separator in memchr::memchr_iter(self.separator, line) {
                    self.places.push((begin, start + separator));
                    begin = start + separator + 1;
                }
                self.places.push((begin, end));
                let places = self.places.get(first..).unwrap_or_default();
                let is_header = is_header(self.text.fields(places));
                let end = self.places.len();
                self.rows.push(Line { number, origin: None, is_header, end });
            }
            start += length + 1;
        }
    }
}

/// The fields of a row of CSV.
#[derive(Clone, Copy)]
pub(in super::super) struct Fields<'a> {
    bytes: &'a [u8],
    /// The same, if it is known to be text.
    text: Option<&'a str>,
    /// Where each field begins and ends.
    places: &'a [(usize, usize)],
}

impl<'a> Fields<'a> {
    pub(in super::super) fn len(self) -> usize {
        self.places.len()
    }

    pub(in super::super) fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        self.places.iter().map(move |(start, end)| self.bytes.get(*start..*end).unwrap_or_default())
    }

    /// A field, if there is one; and none inside, if it is not UTF-8.
    pub(in super::super) fn text(self, at: usize) -> Option<Option<&'a str>> {
        let (start, end) = *self.places.get(at)?;
        Some(match self.text {
            // In UTF-8 no byte of a longer letter is a separator, so that a field ends where a letter does.
            Some(text) => text.get(start..end),
            None => std::str::from_utf8(self.bytes.get(start..end)?).ok(),
        })
    }

    /// From the beginning of the first to the end of the last.
    pub(in super::super) fn all(self) -> &'a [u8] {
        let start = self.places.first().map_or(0, |(start, _)| *start);
        let end = self.places.last().map_or(0, |(_, end)| *end);
        self.bytes.get(start..end).unwrap_or_default()
    }
}
