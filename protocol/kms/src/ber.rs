//! Reads the part of BER (X.690) that KMS writes: tags of one byte, lengths of at most two, and constructed elements
//! whose length is not said before but ended by two zeros. It never recurses: whoever reads says what comes next.

use crate::error::EnvelopeError;

/// A place in some bytes, up to where the element ends that is being read.
#[derive(Debug)]
pub(crate) struct Ber<'a> {
    input: &'a [u8],
    at: usize,
    /// Where the element ends; `None` if two zeros will say so.
    end: Option<usize>,
}

impl<'a> Ber<'a> {
    /// A reader of all of `input`.
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { input, at: 0, end: Some(input.len()) }
    }

    /// The content of the next element, which must be primitive and have this tag.
    pub(crate) fn primitive(
        &mut self,
        tag: u8,
        what: &'static str,
    ) -> Result<&'a [u8], EnvelopeError> {
        let start = self.at;
        match self.header(tag, what)? {
            Some(length) => self.take(length, what),
            None => Err(EnvelopeError::NotThis { expected: what, at: start }),
        }
    }

    /// The content of the next element, which must be primitive, have this tag and be of `N` bytes.
    pub(crate) fn array<const N: usize>(
        &mut self,
        tag: u8,
        what: &'static str,
    ) -> Result<&'a [u8; N], EnvelopeError> {
        let start = self.at;
        let content = self.primitive(tag, what)?;
        content.try_into().map_err(|_| EnvelopeError::NotThis { expected: what, at: start })
    }

    /// What `read` makes of the content of the next element, which must be constructed and have this tag. All of it must
    /// be read.
    pub(crate) fn constructed<T>(
        &mut self,
        tag: u8,
        what: &'static str,
        read: impl FnOnce(&mut Self) -> Result<T, EnvelopeError>,
    ) -> Result<T, EnvelopeError> {
        let start = self.at;
        let length = self.header(tag, what)?;
        let within = self.limit();
        let end = length.map(|length| self.at.saturating_add(length));
        if end.is_some_and(|end| end > within) {
            return Err(EnvelopeError::NotThis { expected: what, at: start });
        }
        let mut inside = Self { input: self.bounded(end.unwrap_or(within)), at: self.at, end };
        let value = read(&mut inside)?;
        if inside.more() {
            return Err(EnvelopeError::NotThis { expected: END, at: inside.at });
        }
        if end.is_none() {
            inside.exactly(&END_OF_CONTENTS, END)?;
        }
        self.at = inside.at;
        Ok(value)
    }

    /// These very bytes.
    pub(crate) fn exactly(
        &mut self,
        bytes: &[u8],
        what: &'static str,
    ) -> Result<(), EnvelopeError> {
        let start = self.at;
        match self.take(bytes.len(), what)? == bytes {
            true => Ok(()),
            false => Err(EnvelopeError::NotThis { expected: what, at: start }),
        }
    }

    /// Whether the next element has this tag.
    pub(crate) fn has(&self, tag: u8) -> bool {
        self.rest().first() == Some(&tag)
    }

    /// Whether anything follows in the element that is being read.
    pub(crate) fn more(&self) -> bool {
        match self.end {
            Some(end) => self.at < end,
            None => !self.rest().starts_with(&END_OF_CONTENTS),
        }
    }

    /// Tag and length; `None` for a length that two zeros will end.
    fn header(&mut self, tag: u8, what: &'static str) -> Result<Option<usize>, EnvelopeError> {
        let wrong = EnvelopeError::NotThis { expected: what, at: self.at };
        if !self.has(tag) {
            return Err(wrong);
        }
        let (length, bytes) = match self.rest().get(1..).unwrap_or_default() {
            [short @ 0..=0x7f, ..] => (Some(usize::from(*short)), 2),
            [0x80, ..] if tag & CONSTRUCTED != 0 => (None, 2),
            [0x81, long @ 0x80..=0xff, ..] => (Some(usize::from(*long)), 3),
            [0x82, high @ 1..=0xff, low, ..] => {
                (Some(usize::from(u16::from_be_bytes([*high, *low]))), 4)
            }
            _ => return Err(wrong),
        };
        self.at += bytes;
        Ok(length)
    }

    fn take(&mut self, length: usize, what: &'static str) -> Result<&'a [u8], EnvelopeError> {
        let (taken, _) = self
            .rest()
            .split_at_checked(length)
            .ok_or(EnvelopeError::NotThis { expected: what, at: self.at })?;
        self.at += length;
        Ok(taken)
    }

    fn rest(&self) -> &'a [u8] {
        self.bounded(self.limit()).get(self.at..).unwrap_or_default()
    }

    fn limit(&self) -> usize {
        self.end.unwrap_or(self.input.len())
    }

    fn bounded(&self, end: usize) -> &'a [u8] {
        self.input.get(..end).unwrap_or(self.input)
    }
}

/// In place of anything else.
const END: &str = "the end of what is around it";
const END_OF_CONTENTS: [u8; 2] = [0, 0];
const CONSTRUCTED: u8 = 0x20;
