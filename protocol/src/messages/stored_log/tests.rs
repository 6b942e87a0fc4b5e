use super::*;
use crate::{
    merkle::MerkleLog,
    sign::{self, SignatureError, SigningKey},
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use zeroize::Zeroizing;

fn key(byte: u8) -> DataKey {
    DataKey::take(&mut [byte; DataKey::LEN])
}

fn keys() -> BTreeMap<String, DataKey> {
    [("publisher".to_owned(), key(1)), ("retailer".to_owned(), key(2))].into()
}

fn instance() -> Digest {
    Digest::of("test", b"instance")
}

fn head(text: &[u8]) -> Head {
    let mut log = MerkleLog::new();
    log.append(leaf_hash(b"the entry before"));
    log.append(leaf_hash(text));
    log.head()
}

/// The record of entry 1, which the publisher may read.
fn record(text: &[u8]) -> LogRecord {
    let (leaf, head) = (leaf_hash(text), head(text));
    let what = Recorded { leaf, head, time: Time(1_800_000_000_000), text: Some(text) };
    LogRecord::seal(instance(), what, &key(9), &keys(), |party| party == "publisher").unwrap()
}

#[test]
fn a_reader_gets_the_text_and_everybody_the_leaf() {
    let (text, record) = (b"an entry".as_slice(), record(b"an entry"));
    let read = record.read("publisher", &key(1)).unwrap();
    assert_eq!(read.listed, Listed::Text(text.to_vec()));
    assert_eq!((read.head, read.time), (head(text), Time(1_800_000_000_000)));
    let read = record.read("retailer", &key(2)).unwrap();
    assert_eq!((read.listed, read.head), (Listed::Others(leaf_hash(text)), head(text)));
    assert_eq!(record.read("retailer", &key(1)), Err(RecordFlaw::NotOpen));
    assert_eq!(record.read("agency", &key(1)), Err(RecordFlaw::NoPlace));
}

#[test]
fn places_of_two_parties_cannot_be_swapped() {
    let mut swapped = record(b"an entry");
    let publishers = swapped.places["publisher"].clone();
    swapped.places.insert("retailer".to_owned(), publishers);
    assert_eq!(swapped.read("retailer", &key(2)), Err(RecordFlaw::NotOpen));
    // Even to who has both keys: a place says whose it is.
    assert_eq!(swapped.read("retailer", &key(1)), Err(RecordFlaw::NotOpen));
}

/// What a host sees of a record: its length, and nothing of entry, readers or text.
#[test]
fn every_record_of_a_room_has_the_same_length() {
    let length = |record: &LogRecord| canonical::to_vec(record).len();
    let usual = length(&record(b"an entry"));
    assert_eq!(length(&record(b"")), usual);
    assert_eq!(length(&record(&vec![0xff; limits::LOG_TEXT])), usual);
    let long = vec![0; limits::LOG_TEXT + 1];
    let too_long = record(&long);
    assert_eq!(length(&too_long), usual);
    let listed = too_long.read("publisher", &key(1)).unwrap().listed;
    assert_eq!(listed, Listed::NotKept(leaf_hash(&long)));
    let head = head(b"");
    let what = Recorded { leaf: head.root, head, time: Time(u64::MAX), text: None };
    let nobodys = LogRecord::seal(instance(), what, &key(9), &keys(), |_| false).unwrap();
    assert_eq!(length(&nobodys), usual);
    let empty = Recorded { head: Head { size: 0, root: head.root }, ..what };
    let refused = LogRecord::seal(instance(), empty, &key(9), &keys(), |_| true);
    assert_eq!(refused, Err(Unsealable));
}

#[test]
fn the_largest_record_of_the_largest_room_fits_its_limit() {
    let names = (0..limits::SIGNERS).map(|n| (format!("{n:0>64}"), key(1))).collect();
    let head = Head { size: u64::MAX, root: head(b"").root };
    let what = Recorded { leaf: head.root, head, time: Time(u64::MAX), text: Some(b"x") };
    let largest = LogRecord::seal(instance(), what, &key(9), &names, |_| true).unwrap();
    let signer = SigningKey::from_seed(&Zeroizing::new(vec![3; 32])).unwrap();
    let signed = signer.sign(&largest);
    assert_eq!(sign::open::<LogRecord>(&signed, &signer.public()).unwrap(), largest);
    let other = SigningKey::from_seed(&Zeroizing::new(vec![4; 32])).unwrap().public();
    let refused = sign::open::<LogRecord>(&signed, &other);
    assert!(matches!(refused, Err(SignatureError::OtherSigner { .. })), "{refused:?}");
    assert!(limits::LOG_PAGE_BYTES > signed.len());
}

#[test]
fn a_changed_record_does_not_open() {
    let whole = record(b"an entry");
    for at in [0, 3, whole.text.len() - 1] {
        let mut changed = whole.clone();
        changed.text[at] ^= 1;
        assert_eq!(changed.read("publisher", &key(1)), Err(RecordFlaw::NotOpen));
        // Who may not read the text sees no difference: the signature is over all of it.
        changed.read("retailer", &key(2)).unwrap();
    }
    let mut moved = whole.clone();
    moved.number += 1;
    assert_eq!(moved.read("publisher", &key(1)), Err(RecordFlaw::NotOpen));
    let mut of_another = whole;
    of_another.instance = Digest::of("test", b"another instance");
    assert_eq!(of_another.read("retailer", &key(2)), Err(RecordFlaw::NotOpen));
}

#[test]
fn each_party_opens_its_own_key_of_its_own_instance() {
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let (ours, theirs) = (RecipientSecret::generate(&mut rng), RecipientSecret::generate(&mut rng));
    let contract = Digest::of("test", b"contract");
    let mut seal = |party: &str, secret: &RecipientSecret, own: u8| {
        let to = (party, &secret.public());
        seal_key((contract, instance()), to, &key(own), &mut rng).unwrap()
    };
    let (one, two) = (seal("publisher", &ours, 1), seal("retailer", &theirs, 2));
    let keys = [("publisher".to_owned(), one.clone()), ("retailer".to_owned(), two.clone())];
    let opening = LogOpening { contract, instance: instance(), keys: keys.into() };
    assert_eq!(opening.key("publisher", &ours), Ok(key(1)));
    assert_eq!(opening.key("retailer", &theirs), Ok(key(2)));
    assert_eq!(opening.key("retailer", &ours), Err(RecordFlaw::NotOpen));
    assert_eq!(opening.key("agency", &ours), Err(RecordFlaw::NoPlace));
    let keys = [("publisher".to_owned(), two), ("retailer".to_owned(), one)].into();
    let swapped = LogOpening { keys, ..opening.clone() };
    assert_eq!(swapped.key("publisher", &ours), Err(RecordFlaw::NotOpen));
    let elsewhere = LogOpening { instance: contract, ..opening };
    assert_eq!(elsewhere.key("publisher", &ours), Err(RecordFlaw::NotOpen));
}
