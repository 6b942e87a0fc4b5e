//! Writes Thrift's compact protocol, as far as Parquet's metadata need it.
//!
//! Source: <https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md>.

/// A struct that is being written. Fields must come in ascending order, each at most 15 above the one before.
#[derive(Default)]
pub(super) struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

impl Struct {
    pub(super) fn i16(self, id: u8, value: i16) -> Self {
        self.integer(id, I16, value.into())
    }

    pub(super) fn i32(self, id: u8, value: i32) -> Self {
        self.integer(id, I32, value.into())
    }

    pub(super) fn i64(self, id: u8, value: i64) -> Self {
        self.integer(id, I64, value)
    }

    pub(super) fn bytes(mut self, id: u8, value: &[u8]) -> Self {
        self.field(id, BINARY);
        self.binary(value);
        self
    }

    pub(super) fn structure(mut self, id: u8, inner: Self) -> Self {
        self.field(id, STRUCT);
        self.bytes.extend(inner.finish());
        self
    }

    pub(super) fn structures(mut self, id: u8, elements: Vec<Self>) -> Self {
        self.list(id, STRUCT, elements.len());
        elements.into_iter().for_each(|element| self.bytes.extend(element.finish()));
        self
    }

    pub(super) fn integers(mut self, id: u8, elements: &[i32]) -> Self {
        self.list(id, I32, elements.len());
        elements.iter().for_each(|element| self.zigzag((*element).into()));
        self
    }

    /// A list of one byte string.
    pub(super) fn single(mut self, id: u8, element: &[u8]) -> Self {
        self.list(id, BINARY, 1);
        self.binary(element);
        self
    }

    pub(super) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(STOP);
        self.bytes
    }

    fn integer(mut self, id: u8, kind: u8, value: i64) -> Self {
        self.field(id, kind);
        self.zigzag(value);
        self
    }

    fn field(&mut self, id: u8, kind: u8) {
        let above = id.saturating_sub(self.last);
        debug_assert!((1..=15).contains(&above), "fields ascend");
        self.bytes.push(above << 4 | kind);
        self.last = id;
    }

    fn list(&mut self, id: u8, kind: u8, length: usize) {
        self.field(id, LIST);
        match u8::try_from(length) {
            Ok(short @ ..15) => self.bytes.push(short << 4 | kind),
            _ => {
                self.bytes.push(0xf0 | kind);
                self.varint(u64::try_from(length).unwrap_or(u64::MAX));
            }
        }
    }

    fn binary(&mut self, value: &[u8]) {
        self.varint(u64::try_from(value.len()).unwrap_or(u64::MAX));
        self.bytes.extend_from_slice(value);
    }

    fn zigzag(&mut self, value: i64) {
        self.varint((value << 1 ^ value >> 63).cast_unsigned());
    }

    fn varint(&mut self, mut value: u64) {
        let low = |value: u64| u8::try_from(value & 0x7f).unwrap_or_default();
        while value > 0x7f {
            self.bytes.push(low(value) | 0x80);
            value >>= 7;
        }
        self.bytes.push(low(value));
    }
}

const STOP: u8 = 0;
const I16: u8 = 4;
const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_of_the_protocol() {
        let inner = Struct::default().i32(2, -1);
        let written = Struct::default()
            .i16(1, 1)
            .i64(3, 300)
            .bytes(4, b"ab")
            .structure(5, inner)
            .integers(6, &[0, 3])
            .single(7, b"c")
            .structures(8, (0..16).map(|_| Struct::default()).collect())
            .finish();
        let expected = [
            &[0x14, 0x02, 0x26, 0xd8, 0x04, 0x18, 0x02, b'a', b'b', 0x1c, 0x25, 0x01, 0x00][..],
            &[0x19, 0x25, 0x00, 0x06, 0x19, 0x18, 0x01, b'c', 0x19, 0xfc, 0x10],
            &[0; 16],
            &[0],
        ];
        assert_eq!(written, expected.concat());
    }
}
