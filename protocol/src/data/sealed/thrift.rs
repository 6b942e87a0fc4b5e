//! Reads Thrift's compact protocol without allocating, as far as Parquet's footers need it.
//!
//! Source: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

/// What is left to read. Every method fails where the bytes end or are not of the asked kind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
}

/// The type of a field or element, as the wire has it.
pub(super) type Kind = u8;

/// The bytes are not what the caller expects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Malformed;

pub(super) type Parsed<T> = Result<T, Malformed>;

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads a struct: `each` gets the fields in ascending order and must read or skip each.
    pub(super) fn structure(
        &mut self,
        mut each: impl FnMut(&mut Self, i64, Kind) -> Parsed<()>,
    ) -> Parsed<()> {
        let mut last = 0;
        loop {
            let header = self.byte()?;
            let kind = header & 0x0f;
            if kind == STOP {
                return if header == STOP { Ok(()) } else { Err(Malformed) };
            }
            let id = match header >> 4 {
                0 => self.zigzag()?,
                delta => last + i64::from(delta),
            };
            // Writers emit fields in order; another order could hide a field given twice.
            if id <= last || id > i64::from(i16::MAX) {
                return Err(Malformed);
            }
            last = id;
            each(self, id, kind)?;
        }
    }

    /// A list of structs: calls `each` for every element, of which there are at most `most`.
    pub(super) fn structures(
        &mut self,
        kind: Kind,
        most: usize,
        mut each: impl FnMut(&mut Self) -> Parsed<()>,
    ) -> Parsed<()> {
        let (length, element) = self.list(kind)?;
        if element != STRUCT || length > most {
            return Err(Malformed);
        }
        (0..length).try_for_each(|_| each(self))
    }

    /// A list that must hold exactly one byte string.
    pub(super) fn single(&mut self, kind: Kind) -> Parsed<&'a [u8]> {
        match self.list(kind)? {
            (1, BINARY) => self.bytes(BINARY),
            _ => Err(Malformed),
        }
    }

    /// An integer of 16 to 64 bits.
    pub(super) fn integer(&mut self, kind: Kind) -> Parsed<i64> {
        if (I16..=I64).contains(&kind) { self.zigzag() } else { Err(Malformed) }
    }

    /// An integer that cannot be negative.
    pub(super) fn natural(&mut self, kind: Kind) -> Parsed<u64> {
        self.integer(kind)?.try_into().map_err(|_| Malformed)
    }

    /// A boolean, which the compact protocol keeps in the kind.
    pub(super) fn boolean(kind: Kind) -> Parsed<bool> {
        match kind {
            TRUE => Ok(true),
            FALSE => Ok(false),
            _ => Err(Malformed),
        }
    }

    /// A byte string.
    pub(super) fn bytes(&mut self, kind: Kind) -> Parsed<&'a [u8]> {
        if kind != BINARY {
            return Err(Malformed);
        }
        let length = self.varint()?;
        self.take(length)
    }

    /// A struct inside a field.
    pub(super) fn inner(
        &mut self,
        kind: Kind,
        each: impl FnMut(&mut Self, i64, Kind) -> Parsed<()>,
    ) -> Parsed<()> {
        if kind == STRUCT { self.structure(each) } else { Err(Malformed) }
    }

    /// Passes over a value of any kind.
    pub(super) fn skip(&mut self, kind: Kind) -> Parsed<()> {
        self.skip_nested(kind, MAX_DEPTH)
    }

    fn skip_nested(&mut self, kind: Kind, depth: u8) -> Parsed<()> {
        let depth = depth.checked_sub(1).ok_or(Malformed)?;
        match kind {
            TRUE | FALSE => Ok(()),
            I8 => self.byte().map(drop),
            I16..=I64 => self.varint().map(drop),
            DOUBLE => self.take(8).map(drop),
            BINARY => self.bytes(kind).map(drop),
            LIST | SET => {
                let (length, element) = self.list(kind)?;
                (0..length).try_for_each(|_| match element {
                    TRUE | FALSE => self.byte().map(drop),
                    _ => self.skip_nested(element, depth),
                })
            }
            STRUCT => self.structure(|cursor, _, kind| cursor.skip_nested(kind, depth)),
            _ => Err(Malformed),
        }
    }

    /// Length and element kind. No element takes less than a byte, so a length beyond the rest lies.
    fn list(&mut self, kind: Kind) -> Parsed<(usize, Kind)> {
        if !matches!(kind, LIST | SET) {
            return Err(Malformed);
        }
        let header = self.byte()?;
        let length = match header >> 4 {
            15 => self.varint()?,
            short => u64::from(short),
        };
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        if length > self.rest.len() { Err(Malformed) } else { Ok((length, header & 0x0f)) }
    }

    fn zigzag(&mut self) -> Parsed<i64> {
        let raw = self.varint()?;
        let half = i64::try_from(raw >> 1).map_err(|_| Malformed)?;
        Ok(if raw & 1 == 0 { half } else { -half - 1 })
    }

    fn varint(&mut self) -> Parsed<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(Malformed);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn byte(&mut self) -> Parsed<u8> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*first)
    }

    fn take(&mut self, length: u64) -> Parsed<&'a [u8]> {
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }
}

const STOP: Kind = 0;
const TRUE: Kind = 1;
const FALSE: Kind = 2;
const I8: Kind = 3;
const I16: Kind = 4;
const I64: Kind = 6;
const DOUBLE: Kind = 7;
const BINARY: Kind = 8;
const LIST: Kind = 9;
const SET: Kind = 10;
const STRUCT: Kind = 12;
const MAX_DEPTH: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_integers_lists_and_strings() {
        // 1: i32 = -2, 3: binary "ab", 4: list<struct> of two empty structs, stop.
        let bytes = [0x15, 3, 0x28, 2, b'a', b'b', 0x19, 0x2c, 0, 0, 0];
        let (mut number, mut text, mut count) = (0, None, 0);
        let mut cursor = Cursor::new(&bytes);
        let read = cursor.structure(|c, id, kind| {
            match id {
                1 => number = c.integer(kind)?,
                3 => text = Some(c.bytes(kind)?),
                4 => c.structures(kind, 2, |c| {
                    count += 1;
                    c.structure(|_, _, _| Err(Malformed))
                })?,
                _ => c.skip(kind)?,
            }
            Ok(())
        });
        assert_eq!((read, number, text, count), (Ok(()), -2, Some(b"ab".as_slice()), 2));
        assert!(cursor.rest().is_empty());
    }

    #[test]
    fn refuses_fields_out_of_order_and_lists_longer_than_the_bytes() {
        let skip = |bytes: &[u8]| Cursor::new(bytes).skip(STRUCT);
        assert_eq!(skip(&[0x15, 2, 0x05, 2, 2, 0]), Err(Malformed));
        assert_eq!(skip(&[0x19, 0xfc, 0xff, 0xff, 0x03, 0]), Err(Malformed));
        assert_eq!(skip(&[0x1c; 64]), Err(Malformed));
    }

    proptest! {
        #[test]
        fn hostile_bytes_end_in_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut cursor = Cursor::new(&bytes);
            let _ = cursor.skip(STRUCT);
            prop_assert!(cursor.rest().len() <= bytes.len());
        }
    }
}
