//! What a host keeps of an audit log.

use super::{Folder, room};
use crate::{
    audit::{Entry, Event, Listed},
    canonical,
    hpke::RecipientSecret,
    key::DataKey,
    limits,
    merkle::{MerkleLog, leaf_hash},
    sign,
    stored_log::{LogOpening, LogPage, LogRecord, Recorded, seal_key},
};
use std::collections::BTreeMap;

#[test]
fn logs() {
    let mut folder = Folder::open("logs-v1");
    let (contract, instance) = (room::contract().digest, room::instance());
    let secrets: [(&str, RecipientSecret, u8); 2] =
        [("publisher", room::recipient(1), 0x11), ("retailer", room::recipient(2), 0x12)];
    let key = |byte: u8| DataKey::take(&mut [byte; DataKey::LEN]);
    let mut rng = room::rng(12);
    let mut seal = |(party, secret, byte): &(&str, RecipientSecret, u8)| {
        let to = (*party, &secret.public());
        let sealed = seal_key((contract, instance), to, &key(*byte), &mut rng).unwrap();
        ((*party).to_owned(), sealed)
    };
    let opening = LogOpening { contract, instance, keys: secrets.iter().map(&mut seal).collect() };
    let bytes = folder.file("opening.cbor", &canonical::to_vec(&opening));
    let read: LogOpening = canonical::from_slice_within(&bytes, limits::LOG_OPENING).unwrap();
    let keys: BTreeMap<_, _> = secrets
        .iter()
        .map(|(party, secret, _)| ((*party).to_owned(), read.key(party, secret).unwrap()))
        .collect();
    assert_eq!(keys["retailer"], key(0x12));

    let events =
        [Event::Opened { instance, contract }, Event::Dropped { dataset: "sales".to_owned() }];
    let (mut log, mut page) = (MerkleLog::new(), LogPage::default());
    for (number, event) in (0..).zip(events) {
        let text = Entry { number, salt: [9; 16], time: room::NOW, event }.to_bytes();
        let leaf = leaf_hash(&text);
        log.append(leaf);
        let what = Recorded { leaf, head: log.head(), time: room::NOW, text: Some(&text) };
        let reads = |party: &str| number == 0 || party == "retailer";
        let own = key(0x20 + u8::try_from(number).unwrap());
        let record = LogRecord::seal(instance, what, &own, &keys, reads).unwrap();
        let made = room::receipts().sign(&record);
        let bytes = folder.file(&format!("record-{number}.cose"), &made);
        let read: LogRecord = sign::open(&bytes, &room::receipts().public()).unwrap();
        assert_eq!(read, record);
        let retailers = read.read("retailer", &keys["retailer"]).unwrap();
        assert_eq!(retailers.listed, Listed::Text(text.clone()));
        let publishers = read.read("publisher", &keys["publisher"]).unwrap().listed;
        let expected = if number == 0 { Listed::Text(text) } else { Listed::Others(leaf) };
        assert_eq!(publishers, expected);
        page.add(bytes);
    }
    let bytes = folder.file("page.cbor", &canonical::to_vec(&page));
    assert_eq!(canonical::from_slice_within::<LogPage>(&bytes, limits::LOG_PAGE).unwrap(), page);
    folder.finish();
}
