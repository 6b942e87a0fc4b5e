use super::*;

#[test]
fn reads_lengths_of_one_two_and_three_bytes() {
    for (head, length) in [(vec![4, 5], 5), (vec![4, 0x81, 200], 200), (vec![4, 0x82, 1, 0], 256)] {
        let input = [head, vec![7; length], vec![9]].concat();
        let mut der = Der::new(&input);
        assert_eq!(der.expect(OCTET_STRING).unwrap().content.len(), length);
        assert_eq!(der.end(), Err(NotDer));
    }
}

#[test]
fn refuses_long_indefinite_and_overrunning_lengths_and_high_tags() {
    let refused: [&[u8]; 9] = [
        &[],
        &[4],
        &[4, 1],
        &[4, 0x80, 0, 0],
        &[4, 0x81, 1, 7],
        &[4, 0x81, 0x80],
        &[4, 0x82, 0, 1, 7],
        &[4, 0x84, 0xff, 0xff, 0xff, 0xff],
        &[0x1f, 1, 7],
    ];
    for input in refused {
        assert!(Der::new(input).element().is_err(), "{input:?}");
    }
}

#[test]
fn refuses_integers_that_are_negative_empty_or_padded() {
    for input in [&[2, 1, 0x80][..], &[2, 0], &[2, 2, 0, 0x7f]] {
        assert_eq!(Der::new(input).unsigned(), Err(NotDer));
    }
    assert_eq!(Der::new(&[2, 2, 0, 0x80]).unsigned(), Ok(&[0, 0x80][..]));
    assert_eq!(Der::new(&[2, 1, 0]).unsigned(), Ok(&[0][..]));
}

#[test]
fn a_written_default_is_not_der() {
    assert_eq!(Der::new(&[1, 1, 0]).flag(), Err(NotDer));
    assert_eq!(Der::new(&[1, 1, 1]).flag(), Err(NotDer));
    assert_eq!(Der::new(&[1, 1, 0xff]).flag(), Ok(true));
    assert_eq!(Der::new(&[4, 0]).flag(), Ok(false));
}

#[test]
fn refuses_identifiers_without_an_end_or_with_an_empty_digit() {
    let refused: [&[u8]; 6] = [
        &[6, 0],
        &[6, 1, 0x80],
        &[6, 2, 0x81, 0x80],
        &[6, 2, 1, 0xff],
        &[6, 2, 0x80, 1],
        &[4, 1, 1],
    ];
    for input in refused {
        assert_eq!(Der::new(input).identifier(), Err(NotDer), "{input:x?}");
    }
    for input in [&[6, 1, 0][..], &[6, 3, 0x55, 0x81, 0], &[6, 4, 0x81, 0x80, 0x80, 0x7f]] {
        assert_eq!(Der::new(input).identifier(), Ok(&input[2..]), "{input:x?}");
    }
}
