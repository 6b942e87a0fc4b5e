//! Reads CBOR one item at a time, borrowing from the input.
//!
//! Nothing here allocates, recurses or looks at more than the next item, so a length field can
//! claim what it likes. Accepted: RFC 8949 with shortest-form heads and unchunked strings, which
//! is what NSM emits; maps and arrays may be indefinite, as NSM's payload has been since 2025.

use std::fmt;

/// A cursor over CBOR bytes.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// Where `rest` begins in the whole input, for error messages.
    offset: usize,
}

/// The next item; of a container, only its head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Item<'a> {
    Unsigned(u64),
    /// The value is -1 - n.
    Negative(u64),
    Bytes(&'a [u8]),
    Text(&'a str),
    Array(Entries),
    Map(Entries),
    Tag,
    Bool(bool),
    Null,
    /// `undefined`, floats, other simple values, and a stray break.
    Other,
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

    /// The next item of whatever kind.
    pub(crate) fn item(&mut self) -> Result<Item<'a>, CborError> {
        let offset = self.offset;
        let at = move |flaw| CborError { offset, flaw };
        let [head] = self.array::<1>()?;
        let (major, low) = (head >> 5, head & 31);
        if low == 31 {
            return match major {
                2 | 3 => Err(at(Flaw::Chunked)),
                4 => Ok(Item::Array(Entries::UntilBreak)),
                5 => Ok(Item::Map(Entries::UntilBreak)),
                7 => Ok(Item::Other),
                _ => Err(at(Flaw::Reserved)),
            };
        }
        // The argument, and the least one that needs a head of this length.
        let (argument, least) = match low {
            0..24 => (u64::from(low), 0),
            24 => (u64::from(u8::from_be_bytes(self.array()?)), 24),
            25 => (u64::from(u16::from_be_bytes(self.array()?)), 1 << 8),
            26 => (u64::from(u32::from_be_bytes(self.array()?)), 1 << 16),
            27 => (u64::from_be_bytes(self.array()?), 1 << 32),
            _ => return Err(at(Flaw::Reserved)),
        };
        if major < 7 && argument < least {
            return Err(at(Flaw::NotShortest));
        }
        Ok(match (major, low) {
            (0, _) => Item::Unsigned(argument),
            (1, _) => Item::Negative(argument),
            (2, _) => Item::Bytes(self.take(argument)?),
            (3, _) => {
                let text = std::str::from_utf8(self.take(argument)?);
                Item::Text(text.map_err(|_| at(Flaw::NotUtf8))?)
            }
            (4, _) => Item::Array(Entries::Left(argument)),
            (5, _) => Item::Map(Entries::Left(argument)),
            (6, _) => Item::Tag,
            (_, 20 | 21) => Item::Bool(low == 21),
            (_, 22) => Item::Null,
            (_, 24) if argument < 32 => return Err(at(Flaw::Reserved)),
            _ => Item::Other,
        })
    }

    pub(crate) fn unsigned(&mut self) -> Result<u64, CborError> {
        self.expect(Kind::Unsigned, |item| match item {
            Item::Unsigned(value) => Some(value),
            _ => None,
        })
    }

    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        self.expect(Kind::Bytes, |item| match item {
            Item::Bytes(bytes) => Some(bytes),
            _ => None,
        })
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, CborError> {
        self.expect(Kind::Text, |item| match item {
            Item::Text(text) => Some(text),
            _ => None,
        })
    }

    pub(crate) fn open_array(&mut self) -> Result<Entries, CborError> {
        self.expect(Kind::Array, |item| match item {
            Item::Array(entries) => Some(entries),
            _ => None,
        })
    }

    pub(crate) fn open_map(&mut self) -> Result<Entries, CborError> {
        self.expect(Kind::Map, |item| match item {
            Item::Map(entries) => Some(entries),
            _ => None,
        })
    }

    /// A byte string, or nothing where the encoder wrote null.
    pub(crate) fn bytes_or_null(&mut self) -> Result<Option<&'a [u8]>, CborError> {
        self.expect(Kind::Bytes, |item| match item {
            Item::Bytes(bytes) => Some(Some(bytes)),
            Item::Null => Some(None),
            _ => None,
        })
    }

    /// Whether the container has another entry; consumes the break.
    pub(crate) fn another(&mut self, entries: &mut Entries) -> Result<bool, CborError> {
        match entries {
            Entries::Left(left) => match left.checked_sub(1) {
                Some(fewer) => {
                    *left = fewer;
                    Ok(true)
                }
                None => Ok(false),
            },
            Entries::UntilBreak => match self.rest.split_first() {
                Some((&BREAK, rest)) => {
                    (self.rest, self.offset) = (rest, self.offset + 1);
                    Ok(false)
                }
                Some(_) => Ok(true),
                None => Err(self.flaw(Flaw::Truncated)),
            },
        }
    }

    /// A reader over the content of a byte string, which knows where in the input it is.
    pub(crate) fn nested(&mut self) -> Result<(&'a [u8], Self), CborError> {
        let content = self.bytes()?;
        Ok((content, Self { rest: content, offset: self.offset - content.len() }))
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

    fn expect<T>(
        &mut self,
        expected: Kind,
        pick: impl FnOnce(Item<'a>) -> Option<T>,
    ) -> Result<T, CborError> {
        let offset = self.offset;
        pick(self.item()?).ok_or(CborError { offset, flaw: Flaw::Unexpected { expected } })
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

/// Appends the shortest head of a major type.
pub(crate) fn write_head(out: &mut Vec<u8>, major: u8, argument: usize) {
    let major = major << 5;
    if let Ok(short) = u8::try_from(argument) {
        if short < 24 {
            out.push(major | short);
        } else {
            out.extend([major | 24, short]);
        }
    } else if let Ok(short) = u16::try_from(argument) {
        out.push(major | 25);
        out.extend(short.to_be_bytes());
    } else if let Ok(short) = u32::try_from(argument) {
        out.push(major | 26);
        out.extend(short.to_be_bytes());
    } else {
        out.push(major | 27);
        out.extend(u64::try_from(argument).unwrap_or(u64::MAX).to_be_bytes());
    }
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
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{flaw} at byte {offset}")]
pub struct CborError {
    /// Offset in the whole input.
    pub offset: usize,
    /// What is wrong there.
    pub flaw: Flaw,
}

/// What is wrong with CBOR bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// The input ends inside an item.
    #[error("the input ends early")]
    Truncated,
    /// Bytes follow the last item.
    #[error("bytes follow the end")]
    Trailing,
    /// A head that RFC 8949 reserves.
    #[error("reserved encoding")]
    Reserved,
    /// A head longer than its argument needs.
    #[error("a length or integer is not in its shortest form")]
    NotShortest,
    /// A string in chunks.
    #[error("a string is chunked")]
    Chunked,
    /// Text that is not UTF-8.
    #[error("text is not utf-8")]
    NotUtf8,
    /// An item of another kind.
    #[error("found another item than {expected}")]
    Unexpected {
        /// The kind that belongs here.
        expected: Kind,
    },
    /// An array with more or fewer items than the format has.
    #[error("the array does not have {expected} items")]
    ArrayLength {
        /// The number it should have.
        expected: u64,
    },
    /// Map keys are not in ascending order, or one occurs twice (deterministic maps only).
    #[error("map keys are not strictly ascending")]
    Unsorted,
    /// Containers within containers, too many (deterministic maps only).
    #[error("nested too deeply")]
    TooDeep,
}

/// Kinds of CBOR item.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// Major type 0.
    Unsigned,
    /// Major type 2.
    Bytes,
    /// Major type 3.
    Text,
    /// Major type 4, untagged.
    Array,
    /// Major type 5, untagged.
    Map,
    /// Integer, string, array, map, bool or null.
    Plain,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unsigned => "an unsigned integer",
            Self::Bytes => "a byte string",
            Self::Text => "a text string",
            Self::Array => "an untagged array",
            Self::Map => "an untagged map",
            Self::Plain => "an integer, string, array, map, bool or null",
        })
    }
}

const BREAK: u8 = 0xff;

#[cfg(test)]
mod tests {
    use super::*;

    fn item(input: &[u8]) -> Result<Item<'_>, Flaw> {
        Reader::new(input).item().map_err(|error| error.flaw)
    }

    #[test]
    fn writes_the_shortest_head_and_reads_it_back() {
        for (argument, length) in [
            (0, 1),
            (23, 1),
            (24, 2),
            (255, 2),
            (256, 3),
            (65_535, 3),
            (65_536, 5),
            (4_294_967_295, 5),
            (4_294_967_296, 9),
        ] {
            let mut out = Vec::new();
            write_head(&mut out, 0, argument);
            assert_eq!(out.len(), length, "{argument}");
            let value = u64::try_from(argument).unwrap();
            assert_eq!(item(&out), Ok(Item::Unsigned(value)));
            out.pop();
            assert_eq!(item(&out), Err(Flaw::Truncated));
        }
    }

    /// RFC 8949, section 3 and appendix A.
    #[test]
    fn refuses_heads_that_are_longer_than_needed_reserved_or_chunked() {
        for longer in [
            &[0x18, 23][..],
            &[0x19, 0, 255],
            &[0x1a, 0, 0, 255, 255],
            &[0x1b, 0, 0, 0, 0, 255, 255, 255, 255],
            &[0x58, 1, 0],
            &[0x98, 1, 0],
            &[0xd8, 18, 0],
        ] {
            assert_eq!(item(longer), Err(Flaw::NotShortest), "{longer:x?}");
        }
        for reserved in [&[0x1c][..], &[0x1f], &[0x3f], &[0xdf], &[0xfc], &[0xf8, 24]] {
            assert_eq!(item(reserved), Err(Flaw::Reserved), "{reserved:x?}");
        }
        assert_eq!(item(&[0x5f, 0x41, 0, 0xff]), Err(Flaw::Chunked));
        assert_eq!(item(&[0x7f, 0x61, 0x61, 0xff]), Err(Flaw::Chunked));
        assert_eq!(item(&[0x61, 0xff]), Err(Flaw::NotUtf8));
        assert_eq!(item(&[0x5b, 0x40, 0, 0, 0, 0, 0, 0, 0]), Err(Flaw::Truncated));
    }

    #[test]
    fn tells_kinds_apart() {
        assert_eq!(item(&[0x29]), Ok(Item::Negative(9)));
        assert_eq!(item(&[0xf4]), Ok(Item::Bool(false)));
        assert_eq!(item(&[0xf5]), Ok(Item::Bool(true)));
        assert_eq!(item(&[0xf6]), Ok(Item::Null));
        for other in
            [&[0xf7][..], &[0xf8, 32], &[0xf9, 0, 0], &[0xfb, 0, 0, 0, 0, 0, 0, 0, 0], &[0xff]]
        {
            assert_eq!(item(other), Ok(Item::Other), "{other:x?}");
        }
        assert_eq!(item(&[0xd2, 0]), Ok(Item::Tag));
    }

    #[test]
    fn errors_say_where_in_the_whole_input() {
        // ['', h'01ff']: inside the second string, the item after 1.
        let mut reader = Reader::new(&[0x82, 0x60, 0x42, 0x01, 0xff]);
        let mut entries = reader.open_array().unwrap();
        assert!(reader.another(&mut entries).unwrap());
        reader.text().unwrap();
        let (content, mut inside) = reader.nested().unwrap();
        assert_eq!((content, inside.offset()), (&[0x01, 0xff][..], 3));
        inside.unsigned().unwrap();
        assert_eq!(inside.end(), Err(CborError { offset: 4, flaw: Flaw::Trailing }));
        assert_eq!(inside.bytes().unwrap_err().offset, 4);
        assert_eq!(reader.end(), Ok(()));
    }

    #[test]
    fn containers_end_at_their_count_or_their_break() {
        let mut reader = Reader::new(&[0x9f, 0x01, 0xff, 0x80, 0x9f]);
        let mut entries = reader.open_array().unwrap();
        assert!(reader.another(&mut entries).unwrap());
        reader.unsigned().unwrap();
        assert!(!reader.another(&mut entries).unwrap());
        let mut entries = reader.open_array().unwrap();
        assert!(!reader.another(&mut entries).unwrap());
        let mut entries = reader.open_array().unwrap();
        assert_eq!(reader.another(&mut entries).unwrap_err().flaw, Flaw::Truncated);
    }
}
