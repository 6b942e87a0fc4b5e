//! Reads deterministic CBOR (RFC 8949, section 4.2.1), the form of everything Glovebox signs.
//!
//! Narrower than the RFC: no tags, floats, `undefined` or other simple values.

use std::fmt::{Arguments, Write as _};

use crate::{
    CborError, Flaw, Kind,
    cbor::{Entries, NULL, Reader},
    pcr::Hex,
};

/// Reads a map with text keys in ascending order. Values are passed on checked, not interpreted.
pub(crate) fn map<'a>(
    reader: &mut Reader<'a>,
    mut entry: impl FnMut(&'a str, Reader<'a>),
) -> Result<(), CborError> {
    let start = reader.clone();
    let Entries::Left(count) = reader.open_map()? else {
        return Err(start.flaw(Flaw::Unexpected { expected: Kind::Map }));
    };
    let mut last: &[u8] = &[];
    for _ in 0..count {
        let start = reader.clone();
        let key = reader.text()?;
        last = ascending(last, &start, reader)?;
        let start = reader.clone();
        walk(reader, DEEPEST, &mut |_| ())?;
        entry(key, reader.since(&start));
    }
    Ok(())
}

/// One item in diagnostic notation, for people: RFC 8949, section 8.
pub(crate) fn print(mut item: Reader<'_>) -> Result<String, CborError> {
    let mut out = String::new();
    // Writing to a string does not fail.
    walk(&mut item, DEEPEST, &mut |text| out.write_fmt(text).unwrap_or_default())?;
    Ok(out)
}

/// Reads past one item, saying it in diagnostic notation.
fn walk(
    reader: &mut Reader<'_>,
    depth: u8,
    say: &mut dyn FnMut(Arguments<'_>),
) -> Result<(), CborError> {
    let start = reader.clone();
    let plain = start.flaw(Flaw::Unexpected { expected: Kind::Plain });
    let is_map = match reader.peek()? {
        0x80..0xa0 => false,
        0xa0..0xc0 => true,
        first => {
            match first {
                0x00..0x20 => say(format_args!("{}", reader.unsigned()?)),
                0x20..0x40 => say(format_args!("{}", -1 - i128::from(reader.head()?.argument))),
                0x40..0x60 => say(format_args!("h'{}'", Hex(reader.bytes()?))),
                0x60..0x80 => say(format_args!("{:?}", reader.text()?)),
                FALSE | TRUE => say(format_args!("{}", reader.head().map(|_| first == TRUE)?)),
                NULL => say(format_args!("{}", reader.head().map(|_| "null")?)),
                _ => return Err(plain),
            }
            return Ok(());
        }
    };
    let entries = if is_map { reader.open_map()? } else { reader.open_array()? };
    let Entries::Left(count) = entries else { return Err(plain) };
    let depth = depth.checked_sub(1).ok_or(start.flaw(Flaw::TooDeep))?;
    say(format_args!("{}", if is_map { '{' } else { '[' }));
    let mut last: &[u8] = &[];
    for nth in 0..count {
        say(format_args!("{}", if nth > 0 { ", " } else { "" }));
        let start = reader.clone();
        walk(reader, depth, say)?;
        if is_map {
            last = ascending(last, &start, reader)?;
            say(format_args!(": "));
            walk(reader, depth, say)?;
        }
    }
    say(format_args!("{}", if is_map { '}' } else { ']' }));
    Ok(())
}

/// The encoded key between two readers, which must sort after the last one.
fn ascending<'a>(last: &[u8], start: &Reader<'a>, end: &Reader<'a>) -> Result<&'a [u8], CborError> {
    let key = end.since(start).rest();
    if key > last { Ok(key) } else { Err(start.flaw(Flaw::Unsorted)) }
}

const FALSE: u8 = 0xf4;
const TRUE: u8 = 0xf5;
/// Containers within containers that are read.
const DEEPEST: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(input: &[u8]) -> Result<(), Flaw> {
        let mut reader = Reader::new(input);
        let walked = walk(&mut reader, DEEPEST, &mut |_| ());
        walked.and_then(|()| reader.end()).map_err(|error| error.flaw)
    }

    #[test]
    fn keys_ascend_by_their_encoding() {
        // {"b": 0, "aa": 0}: the shorter key first, whatever its letters.
        assert_eq!(skipped(&[0xa2, 0x61, b'b', 0, 0x62, b'a', b'a', 0]), Ok(()));
        assert_eq!(skipped(&[0xa2, 0x62, b'a', b'a', 0, 0x61, b'b', 0]), Err(Flaw::Unsorted));
        assert_eq!(skipped(&[0xa2, 0x61, b'b', 0, 0x61, b'b', 0]), Err(Flaw::Unsorted));
    }

    #[test]
    fn refuses_tags_floats_indefinite_lengths_and_deep_nesting() {
        let plain = Flaw::Unexpected { expected: Kind::Plain };
        for input in [&[0xc1, 0][..], &[0xf9, 0, 0], &[0xf7], &[0x9f, 0xff], &[0xbf, 0xff], &[0xff]]
        {
            assert_eq!(skipped(input), Err(plain), "{input:x?}");
        }
        assert_eq!(skipped(&[&[0x81; 16][..], &[0]].concat()), Ok(()));
        assert_eq!(skipped(&[&[0x81; 17][..], &[0]].concat()), Err(Flaw::TooDeep));
        assert_eq!(skipped(&[0x81; 20_000]), Err(Flaw::TooDeep));
        assert_eq!(skipped(&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255]), Err(Flaw::Truncated));
    }

    /// RFC 8949, appendix A.
    #[test]
    fn prints_diagnostic_notation() {
        for (input, text) in [
            (&[0x18, 0x64][..], "100"),
            (&[0x38, 0x63], "-100"),
            (&[0x3b, 255, 255, 255, 255, 255, 255, 255, 255], "-18446744073709551616"),
            (&[0x44, 1, 2, 3, 4], "h'01020304'"),
            (&[0x62, 0x22, 0x5c], r#""\"\\""#),
            (&[0x83, 0xf4, 0xf5, 0xf6], "[false, true, null]"),
            (&[0xa2, 1, 2, 3, 0x80], "{1: 2, 3: []}"),
        ] {
            assert_eq!(print(Reader::new(input)).unwrap(), text);
        }
    }
}
