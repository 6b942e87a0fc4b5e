//! A contract opens with every party's signature and no other.

use super::*;

fn signed(seeds: &[u8]) -> Vec<u8> {
    let mut joint = Jointly::unsigned(TAG, sample().as_bytes());
    seeds.iter().for_each(|&seed| joint.add(&signing_key(seed)));
    joint.to_vec()
}

#[test]
fn opens_only_when_every_party_has_signed() {
    assert_eq!(Contract::open(&signed(&[1, 2])).unwrap().digest, parse(&sample()).unwrap().digest);
    for (seeds, who) in
        [(vec![1], "retailer"), (vec![2], "publisher"), (vec![], "publisher, retailer")]
    {
        let error = Contract::open(&signed(&seeds)).unwrap_err();
        assert_eq!(error.to_string(), format!("not signed by {who}"));
    }
}

#[test]
fn does_not_open_with_a_signature_of_somebody_else() {
    let error = Contract::open(&signed(&[1, 2, 3])).unwrap_err();
    assert!(matches!(error, OpenContractError::Stranger { key } if key == signing_key(3).public()));
}

#[test]
fn does_not_open_after_a_byte_of_it_has_changed() {
    let bytes = signed(&[1, 2]);
    for at in (0..bytes.len()).step_by(7) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        Contract::open(&bytes).unwrap_err();
    }
}
