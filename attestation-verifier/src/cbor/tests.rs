use super::*;

fn head(input: &[u8]) -> Result<u64, Flaw> {
    Reader::new(input).head().map(|head| head.argument).map_err(|error| error.flaw)
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
        assert_eq!(head(&out), Ok(u64::try_from(argument).unwrap()));
        out.pop();
        assert_eq!(head(&out), Err(Flaw::Truncated));
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
        assert_eq!(head(longer), Err(Flaw::NotShortest), "{longer:x?}");
    }
    for reserved in [&[0x1c][..], &[0x1f], &[0x3f], &[0xdf], &[0xfc], &[0xf8, 24], &[0xf8, 31]] {
        assert_eq!(head(reserved), Err(Flaw::Reserved), "{reserved:x?}");
    }
    assert_eq!(head(&[0xf8, 32]), Ok(32), "the first simple value that is not reserved");
    assert_eq!(head(&[0x5f, 0x41, 0, 0xff]), Err(Flaw::Chunked));
    assert_eq!(head(&[0x7f, 0x61, 0x61, 0xff]), Err(Flaw::Chunked));
    let flaw = |error: CborError| error.flaw;
    assert_eq!(Reader::new(&[0x61, 0xff]).text().map_err(flaw), Err(Flaw::NotUtf8));
    let endless = [0x5b, 0x40, 0, 0, 0, 0, 0, 0, 0];
    assert_eq!(Reader::new(&endless).bytes().map_err(flaw), Err(Flaw::Truncated));
}

#[test]
fn tells_kinds_apart() {
    let others = [
        &[0x29][..],
        &[0xf4],
        &[0xf5],
        &[0xf7],
        &[0xf8, 32],
        &[0xf9, 0, 0],
        &[0xfb, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0xff],
        &[0xd2, 0],
    ];
    let kinds = [&[0x01][..], &[0x40], &[0x60], &[0x80], &[0xa0], &[0x9f, 0xff], &[0xbf, 0xff]];
    for input in kinds.into_iter().chain(others) {
        let (reader, is) = (Reader::new(input), |firsts: &[u8]| firsts.contains(&input[0]));
        assert_eq!(reader.clone().unsigned().is_ok(), is(&[0x01]), "{input:x?}");
        assert_eq!(reader.clone().bytes().is_ok(), is(&[0x40]), "{input:x?}");
        assert_eq!(reader.clone().text().is_ok(), is(&[0x60]), "{input:x?}");
        assert_eq!(reader.clone().open_array().is_ok(), is(&[0x80, 0x9f]), "{input:x?}");
        assert_eq!(reader.clone().open_map().is_ok(), is(&[0xa0, 0xbf]), "{input:x?}");
        assert_eq!(reader.clone().bytes_or_null().is_ok(), is(&[0x40]), "{input:x?}");
    }
    assert_eq!(Reader::new(&[0xf6]).bytes_or_null(), Ok(None));
    assert_eq!(Reader::new(&[0x40]).bytes_or_null(), Ok(Some(&[][..])));
}

#[test]
fn errors_say_where_in_the_whole_input() {
    // ['', h'01ff']: inside the second string, the item after 1.
    let mut reader = Reader::new(&[0x82, 0x60, 0x42, 0x01, 0xff]);
    let mut entries = reader.open_array().unwrap();
    assert!(reader.another(&mut entries).unwrap());
    reader.text().unwrap();
    let mut inside = reader.nested().unwrap();
    assert_eq!((inside.rest(), inside.offset()), (&[0x01, 0xff][..], 3));
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
