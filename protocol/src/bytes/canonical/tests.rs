use super::*;
use ciborium::Value;
use proptest::prelude::*;
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Pair {
    longer: u32,
    a: u32,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Texts(Vec<String>);

#[test]
fn shorter_keys_come_first() {
    let bytes = to_vec(&Pair { longer: 1, a: 2 });
    assert_eq!(bytes, *b"\xa2\x61a\x02\x66longer\x01");
    assert_eq!(from_slice::<Pair>(&bytes).unwrap(), Pair { longer: 1, a: 2 });
}

#[test]
fn refuses_a_second_encoding_of_the_same_value() {
    for other in [
        &b"\xa2\x66longer\x01\x61a\x02"[..],
        b"\xbf\x61a\x02\x66longer\x01\xff",
        b"\xa2\x61a\x18\x02\x66longer\x01",
        b"\xa2\x61a\x02\x61a\x02",
    ] {
        assert_eq!(from_slice::<Pair>(other).unwrap_err(), ParseError::NotCanonical);
    }
}

#[test]
fn refuses_unknown_fields_and_trailing_bytes() {
    let malformed = from_slice::<Pair>(b"\xa3\x61a\x02\x61b\x03\x66longer\x01").unwrap_err();
    assert!(matches!(malformed, ParseError::Malformed { .. }));
    assert_eq!(
        from_slice::<Pair>(b"\xa2\x61a\x02\x66longer\x01\x00").unwrap_err(),
        ParseError::Trailing { bytes: 1 },
    );
}

#[test]
fn refuses_what_is_longer_or_has_more_in_it_than_its_kind() {
    let texts = to_vec(&Texts(vec![String::new(); 100]));
    let within = |bytes, items| from_slice_within::<Texts>(&texts, Size { bytes, items });
    within(102, 101).unwrap();
    let found = texts.len();
    assert_eq!(within(101, 101), Err(ParseError::TooLong { found, most: 101 }));
    assert_eq!(within(102, 100), Err(ParseError::TooMany { most: 100 }));
    // A head alone says that more come than may.
    let head = [&[0x9a][..], &u32::MAX.to_be_bytes()].concat();
    let most = Size { bytes: 10, items: 10 };
    assert_eq!(from_slice_within::<Texts>(&head, most), Err(ParseError::TooMany { most: 10 }));
}

#[test]
fn refuses_what_lies_too_deep_and_what_is_in_no_message() {
    let deep = [vec![0x81; 1 << 20], vec![0x00]].concat();
    assert!(matches!(from_slice::<Texts>(&deep), Err(ParseError::Malformed { .. })));
    let tags = [vec![0xc1; 1 << 20], vec![0x00]].concat();
    for bytes in [&tags[..], b"\xf9\x3c\x00", b"\xf7", b"\xf8\x20", b"\xfc", b"\x62a", b""] {
        let refused = from_slice::<Texts>(bytes).unwrap_err();
        assert!(matches!(refused, ParseError::Malformed { .. }), "{refused}");
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        ".{0,30}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..300).prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 8, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..8).prop_map(Value::Array);
        let map = prop::collection::btree_map("[a-z]{0,30}", inner, 0..8);
        let map = map.prop_map(|map| {
            Value::Map(map.into_iter().rev().map(|(key, value)| (key.into(), value)).collect())
        });
        prop_oneof![list, map]
    })
}

/// As a tree, whose maps are sorted by their encoded keys.
fn by_a_tree(value: &mut Value) {
    let encoded = |key: &Value| {
        let mut bytes = Vec::new();
        ciborium::into_writer(key, &mut bytes).unwrap();
        bytes
    };
    match value {
        Value::Array(items) => items.iter_mut().for_each(by_a_tree),
        Value::Map(entries) => {
            entries.iter_mut().for_each(|(_, value)| by_a_tree(value));
            entries.sort_by_cached_key(|(key, _)| encoded(key));
        }
        _ => {}
    }
}

proptest! {
    #[test]
    fn agrees_with_sorting_a_tree(value in values()) {
        let mut tree = value.clone();
        by_a_tree(&mut tree);
        let mut expected = Vec::new();
        ciborium::into_writer(&tree, &mut expected).unwrap();
        let bytes = to_vec(&value);
        prop_assert_eq!(&bytes, &expected);
        scan(&bytes, limits::MESSAGE).unwrap();
    }

    #[test]
    fn survives_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = scan(&bytes, limits::MESSAGE);
        let _ = from_slice::<Pair>(&bytes);
    }
}
