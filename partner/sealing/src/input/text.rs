//! CSV: a header, and fields between commas, semicolons, tabs or bars.

use super::{
    super::{Reading, SealError, lines, output::REJECT_COLUMNS},
    Header, Take,
    chunk::{Chunk, MARK, is_header},
    plain::{Next, Plain},
    unreadable,
};
use csv::ByteRecord;
use protocol::contract::Dataset;
use std::{
    io::{Cursor, Read},
    path::Path,
    sync::Arc,
};

type Bytes = Box<dyn Read>;

/// The rows behind the header.
pub(super) struct Text {
    rows: Rows,
    separator: u8,
    /// The names of the columns as the file has them.
    names: Arc<ByteRecord>,
    /// Whether each row ends with where it comes from and why it was rejected.
    is_of_rejects: bool,
    /// Memory for a row.
    record: ByteRecord,
}

enum Rows {
    Plain(Plain),
    Quoted(csv::Reader<lines::Lines<Bytes>>),
    End,
}

impl Text {
    /// Reads the header of `bytes`. The separator is the one that `sep=` names, else the one that
    /// makes the contract's columns of it.
    pub(super) fn open(
        path: &Path,
        mut bytes: Bytes,
        dataset: &Dataset,
        reading: &Reading,
    ) -> Result<(Header, Self), SealError> {
        let mut head = Vec::new();
        let failed = |cause: std::io::Error| unreadable(path, &cause);
        Read::by_ref(&mut bytes).take(HEADER_BYTES).read_to_end(&mut head).map_err(failed)?;
        if head.starts_with(MARK) {
            head.drain(..MARK.len());
        }
        let (hint, hint_bytes) = separator_hint(&head);
        head.drain(..hint_bytes);
        let candidates = hint.map_or_else(|| SEPARATORS.to_vec(), |separator| vec![separator]);
        let mut best: Option<(Header, u8, Option<SealError>)> = None;
        for separator in candidates {
            let header = Header::new(names(path, &head, separator)?, dataset, reading);
            let (header, flaw) = match header {
                Ok(header) => {
                    let flaw = header.columns(dataset).err();
                    (header, flaw)
                }
                // A name that was given is found with the right separator only.
                Err(flaw) => (plain(path, &head, separator, dataset)?, Some(flaw)),
            };
            let better = best.as_ref().is_none_or(|(known, _, known_flaw)| match known_flaw {
                None => false,
                Some(_) => flaw.is_none() || header.names.len() > known.names.len(),
            });
            if better {
                best = Some((header, separator, flaw));
            }
        }
        let Some((header, separator, flaw)) = best else {
            return Err(SealError::Format { path: path.to_owned(), found: "an empty file" });
        };
        if let Some(flaw) = flaw {
            return Err(flaw);
        }
        let before = u64::from(hint_bytes > 0);
        let builder = || {
            let mut builder = csv::ReaderBuilder::new();
            builder.flexible(true).delimiter(separator).buffer_capacity(READ_BYTES);
            builder
        };
        let is_of_rejects = header.is_of_rejects;
        let mut first = builder().from_reader(head.as_slice());
        let mut names = first.byte_headers().map_err(|cause| unreadable(path, &cause))?.clone();
        let end = usize::try_from(first.position().byte()).unwrap_or(head.len());
        // A header that may not be whole, and rows that say where they come from, are read by the other reader.
        let is_whole = end < head.len();
        let rows = if is_whole && !is_of_rejects {
            let lines = memchr::memchr_iter(b'\n', head.get(..end).unwrap_or_default()).count();
            let before = before + u64::try_from(lines).unwrap_or(u64::MAX);
            Rows::Plain(Plain::new(head.split_off(end.min(head.len())), bytes, before))
        } else {
            let whole: Bytes = Box::new(Cursor::new(head).chain(bytes));
            let mut reader = builder().from_reader(lines::Lines::after(whole, before));
            names = reader.byte_headers().map_err(|cause| unreadable(path, &cause))?.clone();
            Rows::Quoted(reader)
        };
        if is_of_rejects {
            names.truncate(names.len().saturating_sub(REJECT_COLUMNS.len()));
        }
        let (names, record) = (Arc::new(names), ByteRecord::new());
        Ok((header, Self { rows, separator, names, is_of_rejects, record }))
    }

    /// Calls `take` with all rows, and `progress` each time.
    pub(super) fn chunks(
        mut self,
        path: &Path,
        columns: &[usize],
        take: &mut Take<'_>,
        progress: &mut dyn FnMut(),
    ) -> Result<(), SealError> {
        let mut used = None;
        while let Some(chunk) = self.chunk(path, columns, used.take())? {
            used = take(chunk)?;
            progress();
        }
        Ok(())
    }

    /// The next rows, in the memory of `used`; none at the end.
    fn chunk(
        &mut self,
        path: &Path,
        columns: &[usize],
        used: Option<Chunk>,
    ) -> Result<Option<Chunk>, SealError> {
        let mut lines = used.and_then(Chunk::into_lines).unwrap_or_default();
        (lines.separator, lines.columns) = (self.separator, columns.to_vec());
        let is_plain = matches!(self.rows, Rows::Plain(_));
        let plain = is_plain.then(|| std::mem::replace(&mut self.rows, Rows::End));
        if let Some(Rows::Plain(plain)) = plain {
            let (next, plain) =
                plain.next(lines.clear()).map_err(|cause| unreadable(path, &cause))?;
            match next {
                Next::Block(block) => {
                    self.rows = plain.map_or(Rows::End, Rows::Plain);
                    return Ok(Some(Chunk::of_block(block, lines, self.names.clone())));
                }
                Next::Quoted(pending, bytes, before) => {
                    let whole: Bytes = Box::new(Cursor::new(pending).chain(bytes));
                    let reader = csv::ReaderBuilder::new()
                        .has_headers(false)
                        .flexible(true)
                        .delimiter(self.separator)
                        .buffer_capacity(READ_BYTES)
                        .from_reader(lines::Lines::after(whole, before));
                    self.rows = Rows::Quoted(reader);
                }
                Next::End => return Ok(None),
            }
        }
        let Rows::Quoted(reader) = &mut self.rows else { return Ok(None) };
        lines.clear();
        for _ in 0..CHUNK_ROWS {
            if !reader.read_byte_record(&mut self.record).map_err(|e| unreadable(path, &e))? {
                break;
            }
            let record = &mut self.record;
            let byte = record.position().map_or(0, csv::Position::byte);
            let number = reader.get_mut().line_of(byte);
            let is_header = (record.len() == self.names.len() || self.is_of_rejects)
                && is_header(record.iter(), &self.names);
            let origin = self.is_of_rejects.then(|| origin_of(record));
            lines.push(record, number, origin, is_header);
        }
        Ok((lines.len() > 0).then(|| Chunk::of_lines(lines)))
    }
}

/// Takes the last two fields of a rejected row off, and gives the first of them: where the row comes
/// from. Empty if there is no such place, since fields were added or taken away behind the others.
fn origin_of(record: &mut ByteRecord) -> String {
    let fields = record.len().saturating_sub(REJECT_COLUMNS.len());
    let place = record.get(fields).and_then(|field| std::str::from_utf8(field).ok());
    let place = place.filter(|place| is_place(place)).unwrap_or_default().to_owned();
    if !place.is_empty() {
        record.truncate(fields);
    }
    place
}

/// Whether `text` is what [`super::super::BadRow::place`] writes.
fn is_place(text: &str) -> bool {
    let at = text.rsplit(", ").next().unwrap_or(text);
    let is_number = |text: &str| text.parse::<u64>().is_ok();
    match at.split(' ').collect::<Vec<_>>()[..] {
        ["line" | "row", number] => is_number(number),
        ["lines", first, "to", last] => is_number(first) && is_number(last),
        _ => false,
    }
}

/// The header as the file has it.
fn plain(path: &Path, head: &[u8], separator: u8, dataset: &Dataset) -> Result<Header, SealError> {
    Header::new(names(path, head, separator)?, dataset, &Reading::default())
}

/// The fields of the first line.
fn names(path: &Path, head: &[u8], separator: u8) -> Result<Vec<String>, SealError> {
    let mut reader =
        csv::ReaderBuilder::new().flexible(true).delimiter(separator).from_reader(head);
    let header = reader.byte_headers().map_err(|cause| unreadable(path, &cause))?;
    let names = header.iter().map(|name| std::str::from_utf8(name).map(str::to_owned));
    let found = "a first line that is not UTF-8 (perhaps Windows-1252 or Latin-1: export as UTF-8)";
    names.collect::<Result<_, _>>().map_err(|_| SealError::Format { path: path.to_owned(), found })
}

/// The separator that a line such as `sep=;` in front of the header names, and the line's length.
fn separator_hint(head: &[u8]) -> (Option<u8>, usize) {
    let length = head.iter().position(|byte| *byte == b'\n').map_or(head.len(), |at| at + 1);
    let line = head.get(..length).unwrap_or_default().trim_ascii_end();
    // A tab at the end was trimmed.
    let line = if line == b"sep=" { b"sep=\t" } else { line };
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [s, e, p, b'=', separator] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") => {
            (Some(*separator), length)
        }
        _ => (None, 0),
    }
}

const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// A header is shorter.
const HEADER_BYTES: u64 = 64 << 10;
/// Bytes that are read at a time.
const READ_BYTES: usize = 256 << 10;
/// Rows that are looked at together.
const CHUNK_ROWS: usize = 1024;
