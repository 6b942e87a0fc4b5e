//! Reads CBOR one item at a time, borrowing from the input.
//!
//! Nothing here allocates, recurses or looks at more than the next item, so a length field can
//! claim what it likes. Accepted: RFC 8949 with shortest-form heads and unchunked strings, which
//! is what NSM emits; maps and arrays may be indefinite, as NSM's payload has been since 2025.

/// A cursor over CBOR bytes.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Where `rest` begins in the whole input, for error messages.
    offset: usize,
}

/// The head of an item: its first byte, and the integer or length it announces.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Head {
    first: u8,
    pub(crate) argument: u64,
}

/// What is left of a container: a count, or everything up to the break.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Entries {
    Left(u64),
    UntilBreak,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        Self { rest: input, offset: 0 }
    }

    pub(crate) fn offset(&self) -> usize {
        self.offset
    }

    /// The first byte of the next item, which tells its kind: the major type is its upper three
    /// bits.
    pub(crate) fn peek(&self) -> Result<u8, CborError> {
        self.rest.first().copied().ok_or(self.flaw(Flaw::Truncated))
    }

    /// The head of the next item: RFC 8949, section 3.
    pub(crate) fn head(&mut self) -> Result<Head, CborError> {
        let start = self.clone();
        let [first] = self.array()?;
        // The argument, and the least one that needs a head of this length.
        let (argument, least) = match first & LOW_BITS {
            low @ 0..24 => (u64::from(low), 0),
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.array()?), 1 << 32),
            _ => match first {
                0x5f | 0x7f => return Err(start.flaw(Flaw::Chunked)),
                0x9f | 0xbf | BREAK => (0, 0),
                _ => return Err(start.flaw(Flaw::Reserved)),
            },
        };
        match first {
            ..0xe0 if argument < least => Err(start.flaw(Flaw::NotShortest)),
            0xf8 if argument < 32 => Err(start.flaw(Flaw::Reserved)),
            _ => Ok(Head { first, argument }),
        }
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, CborError> {
        Ok(self.head_of(0, Kind::Unsigned)?.argument)
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let length = self.head_of(2, Kind::Bytes)?.argument;
        self.take(length)
    }

    /// A byte string, or nothing where the encoder wrote null.
    pub(crate) fn bytes_or_null(&mut self) -> Result<Option<&'a [u8]>, CborError> {
        if self.peek()? == NULL { self.head().map(|_| None) } else { self.bytes().map(Some) }
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, CborError> {
        let start = self.clone();
        let length = self.head_of(3, Kind::Text)?.argument;
        std::str::from_utf8(self.take(length)?).map_err(|_| start.flaw(Flaw::NotUtf8))
    }

    pub(crate) fn open_array(&mut self) -> Result<Entries, CborError> {
        self.head_of(4, Kind::Array).map(Entries::of)
    }

    pub(crate) fn open_map(&mut self) -> Result<Entries, CborError> {
        self.head_of(5, Kind::Map).map(Entries::of)
    }

    /// Whether the container has another entry; consumes the break.
    pub(crate) fn another(&mut self, entries: &mut Entries) -> Result<bool, CborError> {
        match entries {
            Entries::Left(0) => Ok(false),
            Entries::Left(left) => {
                *left -= 1;
                Ok(true)
            }
            Entries::UntilBreak if self.peek()? == BREAK => self.head().map(|_| false),
            Entries::UntilBreak => Ok(true),
        }
    }

    /// A reader over the content of a byte string, which knows where in the input it is.
    pub(crate) fn nested(&mut self) -> Result<Self, CborError> {
        let rest = self.bytes()?;
        Ok(Self { rest, offset: self.offset - rest.len() })
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), CborError> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.flaw(Flaw::Trailing)) }
    }

    pub(crate) fn flaw(&self, flaw: Flaw) -> CborError {
        CborError { offset: self.offset, flaw }
    }

    /// A reader over what was read since an earlier state of this one.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let read = earlier.rest.len().saturating_sub(self.rest.len());
        Self { rest: earlier.rest.get(..read).unwrap_or_default(), offset: earlier.offset }
    }

    /// The bytes not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    fn head_of(&mut self, major: u8, expected: Kind) -> Result<Head, CborError> {
        let start = self.clone();
        let head = self.head()?;
        let fits = head.first >> 5 == major;
        if fits { Ok(head) } else { Err(start.flaw(Flaw::Unexpected { expected })) }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], CborError> {
        let split =
            usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let (taken, rest) = split.ok_or(self.flaw(Flaw::Truncated))?;
        (self.rest, self.offset) = (rest, self.offset + taken.len());
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CborError> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(self.flaw(Flaw::Truncated))?;
        (self.rest, self.offset) = (rest, self.offset + N);
        Ok(*taken)
    }
}

impl Entries {
    fn of(head: Head) -> Self {
        let endless = head.first & LOW_BITS == INDEFINITE;
        if endless { Self::UntilBreak } else { Self::Left(head.argument) }
    }
}

/// Appends the shortest head of a major type.
pub(crate) fn write_head(out: &mut Vec<u8>, major: u8, argument: usize) {
    let argument = u64::try_from(argument).unwrap_or(u64::MAX);
    let bytes @ [.., last] = argument.to_be_bytes();
    let (low, width) = match argument {
        0..24 => (last, 0),
        24..=0xff => (24, 1),
        0x100..=0xffff => (25, 2),
        0x1_0000..=0xffff_ffff => (26, 4),
        _ => (27, 8),
    };
    out.push(major << 5 | low);
    out.extend(bytes.iter().skip(8 - width));
}

/// Appends a byte string.
pub(crate) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_head(out, 2, bytes.len());
    out.extend(bytes);
}

/// Appends a text string.
pub(crate) fn write_text(out: &mut Vec<u8>, text: &str) {
    write_head(out, 3, text.len());
    out.extend(text.as_bytes());
}

/// Where and why bytes are not the CBOR they should be.
///
/// Remedy: take the document again as it was produced; it was cut off or changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{flaw} at byte {offset}")]
pub struct CborError {
    /// Offset in the whole input.
    pub offset: usize,
    /// What is wrong there.
    pub flaw: Flaw,
}

worded! {
    /// What is wrong with CBOR bytes.
    Flaw {
        Truncated, "the input ends early";
        Trailing, "bytes follow the end";
        Reserved, "reserved encoding";
        NotShortest, "a length or integer is not in its shortest form";
        Chunked, "a string is chunked";
        NotUtf8, "text is not utf-8";
        Unexpected { expected: Kind }, "found another item than {expected}";
        ArrayLength { expected: u64 }, "the array does not have {expected} items";
        /// In deterministic maps only.
        Unsorted, "map keys are not strictly ascending";
        /// In deterministic maps only.
        TooDeep, "nested too deeply";
    }
}

worded! {
    /// Kinds of CBOR item.
    Kind {
        Unsigned, "an unsigned integer";
        Bytes, "a byte string";
        Text, "a text string";
        Array, "an untagged array";
        Map, "an untagged map";
        Plain, "an integer, string, array, map, bool or null";
    }
}

pub(crate) const NULL: u8 = 0xf6;
const BREAK: u8 = 0xff;
/// The lower five bits of a first byte hold a small argument, or say how long the argument is.
const LOW_BITS: u8 = 0x1f;
const INDEFINITE: u8 = 31;

#[cfg(test)]
mod tests;
