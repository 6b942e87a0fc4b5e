//! CSV without quotes, cut into lines by one thread and into fields by others.
//!
//! Nearly all of a large table is such text, and no automaton is needed for it: a record is a line. Where a quote or a
//! carriage return that ends no line comes, the rest of the table is left to the CSV reader.

use super::cut::{Fields, Lines};
use std::io::{self, Read};

/// Text behind the header.
pub(super) struct Plain {
    bytes: Box<dyn Read>,
    /// What was read and not given out.
    pending: Vec<u8>,
    /// Lines before that.
    before: u64,
    is_over: bool,
}

/// Whole lines.
pub(super) struct Block {
    bytes: Vec<u8>,
    /// Lines before these.
    before: u64,
}

/// What comes next.
pub(super) enum Next {
    Block(Block),
    /// Text that only the CSV reader can read: what was read of it, what was not, and how many lines are before it.
    Quoted(Vec<u8>, Box<dyn Read>, u64),
    End,
}

impl Plain {
    /// Behind `before` lines; `pending` is what was read already.
    pub(super) fn new(pending: Vec<u8>, bytes: Box<dyn Read>, before: u64) -> Self {
        Self { bytes, pending, before, is_over: false }
    }

    /// The next lines, or what stands in the way; `memory` is used for what comes behind them.
    pub(super) fn next(mut self, mut memory: Vec<u8>) -> io::Result<(Next, Option<Self>)> {
        while !self.is_over && self.pending.len() < BLOCK {
            let room = u64::try_from(BLOCK).unwrap_or(u64::MAX);
            let taken = Read::by_ref(&mut self.bytes).take(room).read_to_end(&mut self.pending)?;
            self.is_over = taken == 0;
        }
        if self.pending.is_empty() {
            return Ok((Next::End, None));
        }
        let end = match memchr::memrchr(b'\n', &self.pending) {
            _ if self.is_over => self.pending.len(),
            Some(last) => last + 1,
            // So long a line is either quoted text or not a line of a table.
            None => 0,
        };
        let whole = self.pending.get(..end).unwrap_or_default();
        if end == 0 || !is_plain(whole) {
            return Ok((Next::Quoted(self.pending, self.bytes, self.before), None));
        }
        memory.clear();
        memory.reserve(2 * BLOCK);
        memory.extend_from_slice(self.pending.get(end..).unwrap_or_default());
        self.pending.truncate(end);
        let block =
            Block { bytes: std::mem::replace(&mut self.pending, memory), before: self.before };
        let lines = memchr::memchr_iter(b'\n', &block.bytes).count();
        self.before += u64::try_from(lines).unwrap_or(u64::MAX);
        Ok((Next::Block(block), Some(self)))
    }
}

/// Whether each record is a line.
fn is_plain(lines: &[u8]) -> bool {
    memchr::memchr2_iter(b'"', b'\r', lines).all(|at| {
        let behind = lines.get(at + 1);
        lines.get(at) == Some(&b'\r') && behind == Some(&b'\n')
    })
}

impl Block {
    /// Takes the lines apart, into the memory of `lines`.
    pub(super) fn split(self, lines: &mut Lines, is_header: impl Fn(Fields<'_>) -> bool) {
        lines.split(self.bytes, self.before, is_header);
    }
}

/// Bytes that are given out together.
const BLOCK: usize = 128 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    /// A line's number and its fields.
    type Record = (u64, Vec<Vec<u8>>);

    /// All records and the lines that they are on, as far as they are plain, and what is left.
    fn read(text: &[u8]) -> (Vec<Record>, Option<Vec<u8>>) {
        let mut records = Vec::new();
        let mut plain = Some(Plain::new(Vec::new(), Box::new(io::Cursor::new(text.to_vec())), 1));
        while let Some(this) = plain.take() {
            match this.next(Vec::new()).unwrap() {
                (Next::Block(block), next) => {
                    let mut lines = Lines::default();
                    lines.separator = b',';
                    block.split(&mut lines, |_| false);
                    for (line, fields) in (0..lines.len()).filter_map(|at| lines.row(at)) {
                        records.push((line.number, fields.iter().map(<[u8]>::to_vec).collect()));
                    }
                    plain = next;
                }
                (Next::Quoted(mut pending, mut rest, _), _) => {
                    rest.read_to_end(&mut pending).unwrap();
                    return (records, Some(pending));
                }
                (Next::End, _) => return (records, None),
            }
        }
        (records, None)
    }

    #[test]
    fn plain_text_is_cut_as_the_csv_reader_cuts_it() {
        let long: String = (0..40_000).map(|n| format!("{n},b,,{}\n", n % 7)).collect();
        for text in ["", "a", "a,b\n", "\n\na,b\r\n\r\n,\n,,c", "a,b\n\n", &long] {
            let (records, rest) = read(text.as_bytes());
            assert!(rest.is_none(), "{}", text.len());
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(crate::lines::Lines::after(text.as_bytes(), 1));
            let mut expected = Vec::new();
            let mut record = csv::ByteRecord::new();
            while reader.read_byte_record(&mut record).unwrap() {
                let byte = record.position().unwrap().byte();
                let line = reader.get_mut().line_of(byte);
                expected.push((line, record.iter().map(<[u8]>::to_vec).collect()));
            }
            assert_eq!(records, expected);
        }
    }

    #[test]
    fn what_is_not_plain_is_left_whole() {
        let long = "a,b\n".repeat(50_000);
        for odd in ["\"a\",b\n", "a\rb\n", "a,b\r"] {
            let text = format!("{long}{odd}c,d\n");
            let (records, rest) = read(text.as_bytes());
            let rest = rest.unwrap();
            assert!(rest.ends_with(format!("{odd}c,d\n").as_bytes()));
            assert_eq!(records.len() * 4 + rest.len(), text.len());
        }
    }
}
