//! Tells which line of a file a byte is on, while something else reads the file.
//!
//! The CSV reader's own line numbers fall behind at blank lines and at `\r\n`.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

/// Passes bytes on and remembers the line ends that have not been asked about.
pub(super) struct Lines<R> {
    inner: R,
    read: u64,
    after_return: bool,
    /// Offset of each `\n`, and whether a `\r` stands before it.
    ends: VecDeque<(u64, bool)>,
    passed: u64,
}

impl<R> Lines<R> {
    /// Of a file from which `before` lines were taken already.
    pub(super) fn after(inner: R, before: u64) -> Self {
        Self { inner, read: 0, after_return: false, ends: VecDeque::new(), passed: before }
    }

    /// The line, from 1, of the first byte from `offset` on that is not a line end. Offsets must not
    /// go back.
    pub(super) fn line_of(&mut self, mut offset: u64) -> u64 {
        while let Some((end, after_return)) = self.ends.front() {
            let blank = *end == offset || (*after_return && *end == offset + 1);
            if !blank && *end >= offset {
                break;
            }
            offset = offset.max(*end + 1);
            self.passed += 1;
            self.ends.pop_front();
        }
        self.passed + 1
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let taken = self.inner.read(buffer)?;
        let bytes = buffer.get(..taken).unwrap_or_default();
        let is_return = |at: usize| bytes.get(at) == Some(&b'\r');
        for at in memchr::memchr_iter(b'\n', bytes) {
            let after_return = at.checked_sub(1).map_or(self.after_return, is_return);
            self.ends.push_back((self.read + length(at), after_return));
        }
        if let Some(last) = taken.checked_sub(1) {
            self.after_return = is_return(last);
        }
        self.read += length(taken);
        Ok(taken)
    }
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_and_returns_count() {
        let text = b"a\r\n\r\nb\n\n\nc\nd";
        let mut lines = Lines::after(text.as_slice(), 0);
        lines.read_to_end(&mut Vec::new()).unwrap();
        // The reader's offsets: where a record's reading began, line ends and all.
        assert_eq!([0, 2, 6, 10].map(|offset| lines.line_of(offset)), [1, 3, 6, 7]);
    }
}
