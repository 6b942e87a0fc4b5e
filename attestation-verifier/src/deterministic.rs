//! Reads deterministic CBOR (RFC 8949, section 4.2.1), the form of everything Glovebox signs.
//!
//! Narrower than the RFC: no tags, floats, `undefined` or other simple values.

use crate::{
    CborError, Flaw, Kind,
    cbor::{Entries, Item, Reader},
};

/// Reads a map with text keys in ascending order. Values are passed on checked, not interpreted.
pub(crate) fn map<'a, E: From<CborError>>(
    reader: &mut Reader<'a>,
    mut entry: impl FnMut(&'a str, Reader<'a>) -> Result<(), E>,
) -> Result<(), E> {
    let offset = reader.offset();
    let Entries::Left(count) = reader.open_map()? else {
        return Err(CborError { offset, flaw: Flaw::Unexpected { expected: Kind::Map } }.into());
    };
    let mut last: &[u8] = &[];
    for _ in 0..count {
        let start = reader.clone();
        let key = reader.text()?;
        last = ascending(last, &start, reader)?;
        let start = reader.clone();
        skip(reader, DEEPEST)?;
        entry(key, reader.since(&start))?;
    }
    Ok(())
}

/// Reads past one item.
pub(crate) fn skip(reader: &mut Reader<'_>, depth: u8) -> Result<(), CborError> {
    let start = reader.clone();
    match reader.item()? {
        Item::Array(Entries::Left(count)) => {
            let depth = depth.checked_sub(1).ok_or(start.flaw(Flaw::TooDeep))?;
            (0..count).try_for_each(|_| skip(reader, depth))
        }
        Item::Map(Entries::Left(count)) => {
            let depth = depth.checked_sub(1).ok_or(start.flaw(Flaw::TooDeep))?;
            let mut last: &[u8] = &[];
            (0..count).try_for_each(|_| {
                let start = reader.clone();
                skip(reader, depth)?;
                last = ascending(last, &start, reader)?;
                skip(reader, depth)
            })
        }
        Item::Array(Entries::UntilBreak)
        | Item::Map(Entries::UntilBreak)
        | Item::Tag
        | Item::Other => Err(start.flaw(Flaw::Unexpected { expected: Kind::Plain })),
        Item::Unsigned(_)
        | Item::Negative(_)
        | Item::Bytes(_)
        | Item::Text(_)
        | Item::Bool(_)
        | Item::Null => Ok(()),
    }
}

/// Writes one item that was read before, for people: RFC 8949, section 8.
pub(crate) fn print(reader: &mut Reader<'_>, out: &mut String) -> Result<(), CborError> {
    let printed = match reader.item()? {
        Item::Array(Entries::Left(count)) => return print_all(reader, count, false, out),
        Item::Map(Entries::Left(count)) => return print_all(reader, count, true, out),
        Item::Unsigned(value) => value.to_string(),
        Item::Negative(value) => (-1 - i128::from(value)).to_string(),
        Item::Bytes(bytes) => {
            let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            format!("h'{hex}'")
        }
        Item::Text(text) => format!("{text:?}"),
        Item::Bool(value) => value.to_string(),
        _ => "null".to_owned(),
    };
    out.push_str(&printed);
    Ok(())
}

fn print_all(
    reader: &mut Reader<'_>,
    count: u64,
    pairs: bool,
    out: &mut String,
) -> Result<(), CborError> {
    out.push(if pairs { '{' } else { '[' });
    for nth in 0..count {
        out.push_str(if nth > 0 { ", " } else { "" });
        print(reader, out)?;
        if pairs {
            out.push_str(": ");
            print(reader, out)?;
        }
    }
    out.push(if pairs { '}' } else { ']' });
    Ok(())
}

/// The encoded key between two readers, which must sort after the last one.
fn ascending<'a>(last: &[u8], start: &Reader<'a>, end: &Reader<'a>) -> Result<&'a [u8], CborError> {
    let key = end.since(start).rest();
    if key > last { Ok(key) } else { Err(start.flaw(Flaw::Unsorted)) }
}

/// Containers within containers that are read.
pub(crate) const DEEPEST: u8 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(input: &[u8]) -> Result<(), Flaw> {
        let mut reader = Reader::new(input);
        skip(&mut reader, DEEPEST).and_then(|()| reader.end()).map_err(|error| error.flaw)
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
}
