use super::*;
use crate::{canonical, merkle::root_of};

#[test]
fn every_message_comes_back_as_it_was() {
    let name = ObjectName::result("job-1", "result-acme").unwrap();
    let blob = root_of(b"blob");
    for ask in [
        Ask::Contract {},
        Ask::Size { blob },
        Ask::Read { blob, length: MAX_READ, offset: u64::MAX },
        Ask::Put { of: None, name: name.clone(), bytes: vec![0; 100_000].into() },
        Ask::Fetch { name },
    ] {
        let frame = encode_frame(&ask).unwrap();
        // The encoding is the deterministic one of the rest of this crate, made without its detour.
        assert_eq!(frame[4..], canonical::to_vec(&("storage-v1 ask", &ask)));
        assert_eq!(decode_frame(&frame, MAX_BODY).unwrap(), Some((ask, frame.len())));
    }
    for answer in [
        Answer::Contract { bytes: b"[contract]".to_vec().into() },
        Answer::Size { bytes: 7 },
        Answer::Range { bytes: Body::default() },
        Answer::Stored {},
        Answer::Object { bytes: vec![9; 5000].into() },
        Answer::Failed { why: Failure::Conflict },
    ] {
        let frame = encode_frame(&answer).unwrap();
        assert_eq!(decode_frame(&frame, MAX_BODY).unwrap(), Some((answer, frame.len())));
    }
}

/// Written out by hand from RFC 8949, so that the wire cannot drift with a library.
#[test]
fn a_frame_has_the_bytes_of_the_specification() {
    let ask = Ask::Fetch { name: ObjectName::closing("a1").unwrap() };
    let expected = [
        &[0, 0, 0, 41, 0x82, 0x6e][..],
        b"storage-v1 ask",
        &[0xa1, 0x65],
        b"fetch",
        &[0xa1, 0x64],
        b"name",
        &[0x6b],
        b"closings/a1",
    ];
    let expected = expected.concat();
    assert_eq!(expected.len(), 4 + 41);
    assert_eq!(encode_frame(&ask).unwrap(), expected);
}

#[test]
fn waits_for_every_byte_of_a_frame_and_leaves_the_next_one() {
    let first = encode_frame(&Ask::Contract {}).unwrap();
    for end in 0..first.len() {
        assert_eq!(decode_frame::<Ask>(&first[..end], MAX_BODY).unwrap(), None);
    }
    let two = [first.clone(), first.clone()].concat();
    assert_eq!(decode_frame(&two, MAX_BODY).unwrap(), Some((Ask::Contract {}, first.len())));
}

#[test]
fn refuses_a_length_above_the_limit_before_the_body_came() {
    let flaw = decode_frame::<Ask>(&[0, 0, 4, 1], 1024).unwrap_err();
    assert_eq!(flaw, FrameError::TooLong { length: 1025, max: 1024 });
    let name = ObjectName::closing("a").unwrap();
    let bytes = Body(vec![0; MAX_BODY]);
    let flaw = encode_frame(&Ask::Put { of: None, name, bytes }).unwrap_err();
    assert!(matches!(flaw, FrameError::TooLong { max: MAX_BODY, .. }));
}

#[test]
fn refuses_an_answer_where_an_ask_is_due() {
    let mut frame = encode_frame(&Answer::Stored {}).unwrap();
    assert_eq!(decode_body::<Ask>(&frame[4..]).unwrap_err(), FrameError::Malformed);
    frame = encode_frame(&Ask::Contract {}).unwrap();
    // The version inside the tag: "storage-v1 ask" becomes "storage-v2 ask".
    let at = frame.iter().position(|byte| *byte == b'1').unwrap();
    frame[at] = b'2';
    let flaw = decode_body::<Ask>(&frame[4..]).unwrap_err();
    assert_eq!(flaw, FrameError::WrongKind { expected: "storage-v1 ask" });
}

#[test]
fn refuses_a_byte_behind_the_message() {
    let mut body = encode_frame(&Ask::Contract {}).unwrap().split_off(4);
    body.push(0);
    assert_eq!(decode_body::<Ask>(&body).unwrap_err(), FrameError::NotCanonical);
}

#[test]
fn refuses_a_length_written_longer_than_need_be() {
    let body = encode_frame(&Ask::Contract {}).unwrap().split_off(4);
    // The tag's text of 14 bytes with a length of one byte (0x78 14) in place of 0x6e.
    let longer = [&[body[0], 0x78, 14], &body[2..]].concat();
    assert_eq!(decode_body::<Ask>(&longer).unwrap_err(), FrameError::NotCanonical);
}

#[test]
fn refuses_an_unknown_field_an_unknown_question_and_a_nested_bomb() {
    let with = |message: ciborium::Value| {
        let mut body = Vec::new();
        ciborium::into_writer(&("storage-v1 ask", message), &mut body).unwrap();
        decode_body::<Ask>(&body).unwrap_err()
    };
    let map = |key: &str, value| ciborium::Value::Map(vec![(key.into(), value)]);
    assert_eq!(with(map("contract", map("more", 1.into()))), FrameError::Malformed);
    assert_eq!(with(map("delete", map("name", "closings/a".into()))), FrameError::Malformed);
    assert_eq!(with(map("fetch", map("name", "../a".into()))), FrameError::Malformed);
    let nested = [&[0x82, 0x6e][..], b"storage-v1 ask", &[0x81; 100_000]].concat();
    assert_eq!(decode_body::<Ask>(&nested).unwrap_err(), FrameError::Malformed);
}

#[test]
fn refuses_names_that_are_no_safe_path() {
    for text in [
        "",
        "results",
        "results/a",
        "results//b",
        "results/a/",
        "results/a/b/c",
        "results/../closings",
        "results/a/..",
        "results/a/b.cbor",
        "results/A/b",
        "results/a/-b",
        "results/a/b\0",
        "results/a/ü",
        "/results/a/b",
        "closings/a/b",
        "logs/a",
        "logs/a/",
        "logs/a/b",
        "logs/a/01",
        "logs/a/-1",
        "logs/a/+1",
        "logs/../opening",
        "logs/a/1/2",
        "logs/a/18446744073709551616",
        "closings/",
        "datasets/a",
    ] {
        assert_eq!(text.parse::<ObjectName>(), Err(InvalidName { length: text.len() }), "{text}");
    }
    ObjectName::closing(&"a".repeat(97)).unwrap_err();
    ObjectName::closing(&"a".repeat(96)).unwrap();
    ObjectName::result("a/b", "c").unwrap_err();
    assert_eq!(ObjectName::log_record("a", u64::MAX).unwrap().log_of(), Some("a"));
    assert_eq!(ObjectName::log_opening("a").unwrap().as_str(), "logs/a/opening");
    assert_eq!(ObjectName::closing("a").unwrap().log_of(), None);
}

#[test]
fn a_body_prints_its_length_only() {
    let ask = Ask::Put {
        of: None,
        name: ObjectName::closing("a").unwrap(),
        bytes: b"canary".to_vec().into(),
    };
    assert_eq!(
        format!("{ask:?}"),
        r#"Put { of: None, name: ObjectName("closings/a"), bytes: Body(6 bytes) }"#
    );
}
