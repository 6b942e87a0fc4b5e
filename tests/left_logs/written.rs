//! Logs that a hostile instance leaves: it has the keys of an attested statement, and writes what it likes.

use super::Left;
use attestation_verifier::receipt::{
    BodyKind, Statement, encode, nonce_for, payload, signing_input, user_data_for,
};
use client::{
    audit::{AuditError, BadRecord, KeptLog, StoredLogError},
    close::Closing,
};
use nsm::Nsm;
use protocol::{
    audit::{Entry, Event, LogFlaw},
    canonical,
    digest::Digest,
    key::DataKey,
    merkle::{Head, MerkleLog, Root, leaf_hash},
    receipt::{ClosingBody, output},
    sign::SigningKey,
    stored_log::{LogOpening, LogRecord, RecordFlaw, Recorded, seal_key},
    time::Time,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::collections::BTreeMap;
use tests::Parties;
use zeroize::Zeroizing;

/// An instance that says what it is told to.
struct Writer {
    parties: Parties,
    statement: Vec<u8>,
    signer: SigningKey,
    keys: BTreeMap<String, DataKey>,
}

/// A log that it writes: entries, each as the leaf that it claims and the text that it gives.
#[derive(Clone)]
struct Written {
    log: MerkleLog,
    records: Vec<Vec<u8>>,
}

impl Writer {
    fn new() -> Self {
        let parties = Parties::new();
        let signer = SigningKey::from_seed(&Zeroizing::new(vec![3; 32])).unwrap();
        let statement = Statement {
            contract: *parties.contract.digest.as_bytes(),
            hpke: vec![7; Statement::HPKE_LEN],
            receipt: *signer.public().as_bytes(),
            tls: b"no connection is made with it".to_vec(),
        }
        .encode();
        let key = |party: &str, byte| (party.to_owned(), DataKey::take(&mut [byte; DataKey::LEN]));
        let keys = [key("publisher", 1), key("retailer", 2)].into();
        Self { parties, statement, signer, keys }
    }

    fn instance(&self) -> Digest {
        Digest::from(user_data_for(&self.statement))
    }

    fn attested(&self, kind: BodyKind, body: &[u8]) -> Vec<u8> {
        let (user_data, nonce) = (user_data_for(&self.statement), nonce_for(kind, body));
        let document = self.parties.module.attest(Some(&user_data), Some(&nonce)).unwrap();
        let payload = payload(kind, body, &document, &self.statement);
        let signature = self.signer.sign_raw(&signing_input(&payload));
        encode(&payload, signature.as_slice().try_into().unwrap())
    }

    /// The opening with each party's key sealed to the party that `to` says.
    fn opening(&self, contract: Digest, to: impl Fn(&str) -> String) -> Vec<u8> {
        let (mut rng, instance) = (ChaCha20Rng::from_seed([1; 32]), self.instance());
        let sealed = self.keys.iter().map(|(party, key)| {
            let sealed_to = to(party);
            let recipient = &self.parties.contract.parties[&sealed_to].recipient_key;
            let to = (party.as_str(), recipient);
            let sealed = seal_key((contract, instance), to, key, &mut rng).unwrap();
            (party.clone(), sealed)
        });
        let body = LogOpening { contract, instance, keys: sealed.collect() };
        self.attested(BodyKind::Log, &canonical::to_vec(&body))
    }

    fn left(&self, written: &Written) -> Left {
        let opening = self.opening(self.parties.contract.digest, str::to_owned);
        Left { opening, records: written.records.clone() }
    }

    fn read(&self, left: &Left, party: &str) -> Result<KeptLog, AuditError> {
        let parties = &self.parties;
        let identity = if party == "publisher" { &parties.publisher } else { &parties.retailer };
        left.read_into(None, parties, identity, self.instance())
    }

    fn flaw(&self, written: &Written) -> AuditError {
        self.read(&self.left(written), "publisher").unwrap_err()
    }

    /// The text of an entry.
    fn text(&self, number: u64, event: Event) -> Vec<u8> {
        Entry { number, salt: [9; 16], time: Time(1_800_000_000_000), event }.to_bytes()
    }

    fn opened(&self) -> Event {
        Event::Opened { instance: self.instance(), contract: self.parties.contract.digest }
    }

    /// An honest log of this many entries, the first of which says that it was opened.
    fn log(&self, entries: u64) -> Written {
        let mut written = Written { log: MerkleLog::new(), records: Vec::new() };
        for number in 0..entries {
            let event = if number == 0 { self.opened() } else { dropped("exposures") };
            self.append(&mut written, &self.text(number, event));
        }
        written
    }

    fn append(&self, to: &mut Written, text: &[u8]) {
        self.append_as(to, text, leaf_hash(text), None, self.instance(), &self.keys);
    }

    /// Appends a record that claims `leaf`, and the head `claims` in place of the log's own.
    fn append_as(
        &self,
        to: &mut Written,
        text: &[u8],
        leaf: Root,
        claims: Option<Head>,
        instance: Digest,
        keys: &BTreeMap<String, DataKey>,
    ) {
        to.log.append(leaf);
        let head = claims.unwrap_or_else(|| to.log.head());
        let what = Recorded { leaf, head, time: Time(1_800_000_000_000), text: Some(text) };
        let key = DataKey::take(&mut [u8::try_from(to.records.len()).unwrap(); DataKey::LEN]);
        let record = LogRecord::seal(instance, what, &key, keys, |_| true).unwrap();
        to.records.push(self.signer.sign(&record));
    }
}

fn dropped(dataset: &str) -> Event {
    Event::Dropped { dataset: dataset.to_owned() }
}

fn bad(flaw: AuditError) -> (u64, BadRecord) {
    match flaw {
        AuditError::Stored(StoredLogError::Record { number, why }) => (number, why),
        other => panic!("{other}"),
    }
}

#[test]
fn what_an_instance_writes_against_the_format_is_named_as_its_own_doing() {
    let it = Writer::new();
    let three = it.log(3);
    it.read(&it.left(&three), "publisher").unwrap();
    let text = it.text(3, dropped("sales"));
    let with = |edit: &dyn Fn(&mut Written)| {
        let mut written = three.clone();
        edit(&mut written);
        it.flaw(&written)
    };
    // A leaf that is not of the text.
    let lie = |written: &mut Written| {
        let (leaf, instance) = (leaf_hash(b"another text"), it.instance());
        it.append_as(written, &text, leaf, None, instance, &it.keys);
    };
    assert_eq!(bad(with(&lie)), (3, BadRecord::Flaw(RecordFlaw::OtherText)));
    // A head that is not of the records.
    let lie = |written: &mut Written| {
        let head = Head { size: 4, root: leaf_hash(b"another log") };
        it.append_as(written, &text, leaf_hash(&text), Some(head), it.instance(), &it.keys);
    };
    assert_eq!(bad(with(&lie)), (3, BadRecord::OtherLog));
    // A place that a record has already, and one that is left out.
    for size in [3, 5] {
        let lie = |written: &mut Written| {
            let head = Head { size, root: written.log.head().root };
            it.append_as(written, &text, leaf_hash(&text), Some(head), it.instance(), &it.keys);
        };
        assert_eq!(bad(with(&lie)), (3, BadRecord::OtherPlace { found: size - 1 }));
    }
    // Another instance's name under its own signature.
    let elsewhere = Digest::of("test", b"another instance");
    let lie = |written: &mut Written| {
        it.append_as(written, &text, leaf_hash(&text), None, elsewhere, &it.keys);
    };
    assert_eq!(bad(with(&lie)), (3, BadRecord::OtherInstance { found: elsewhere }));
    // Nothing for one of the parties, or another party's key for it.
    let keys = [("retailer".to_owned(), it.keys["retailer"].clone())].into();
    let lie = |written: &mut Written| {
        it.append_as(written, &text, leaf_hash(&text), None, it.instance(), &keys);
    };
    assert_eq!(bad(with(&lie)), (3, BadRecord::Flaw(RecordFlaw::NoPlace)));
    let keys = [("publisher".to_owned(), it.keys["retailer"].clone())].into();
    let lie = |written: &mut Written| {
        it.append_as(written, &text, leaf_hash(&text), None, it.instance(), &keys);
    };
    assert_eq!(bad(with(&lie)), (3, BadRecord::Flaw(RecordFlaw::NotOpen)));
}

#[test]
fn entries_that_cannot_stand_where_they_stand_are_named() {
    let it = Writer::new();
    let flaw = |entries: &[(u64, Event)]| {
        let mut written = it.log(0);
        for (number, event) in entries {
            it.append(&mut written, &it.text(*number, event.clone()));
        }
        match it.flaw(&written) {
            AuditError::Flaw(flaw) => flaw,
            other => panic!("{other}"),
        }
    };
    let sales = || dropped("sales");
    // An entry again, an entry that is missing, two that changed places.
    let again = flaw(&[(0, it.opened()), (1, sales()), (1, sales())]);
    assert_eq!(again, LogFlaw::Place { number: 2, found: 1 });
    let missing = flaw(&[(0, it.opened()), (2, sales())]);
    assert_eq!(missing, LogFlaw::Place { number: 1, found: 2 });
    let moved = flaw(&[(0, it.opened()), (2, sales()), (1, sales())]);
    assert_eq!(moved, LogFlaw::Place { number: 1, found: 2 });
    // No beginning, another instance's, a second one, and an end before the end.
    assert!(matches!(flaw(&[(0, sales())]), LogFlaw::Beginning { .. }));
    let contract = it.parties.contract.digest;
    let others = Event::Opened { instance: Digest::of("test", b"another"), contract };
    assert!(matches!(flaw(&[(0, others)]), LogFlaw::Beginning { .. }));
    assert_eq!(flaw(&[(0, it.opened()), (1, it.opened())]), LogFlaw::Life { number: 1 });
    let ended = flaw(&[(0, it.opened()), (1, Event::Closed {}), (2, sales())]);
    assert_eq!(ended, LogFlaw::Life { number: 1 });
}

#[test]
fn an_opening_that_is_not_this_rooms_opens_nothing() {
    let it = Writer::new();
    let (three, contract) = (it.log(3), it.parties.contract.digest);
    let with = |opening: Vec<u8>| {
        let left = Left { opening, ..it.left(&three) };
        match it.read(&left, "publisher").unwrap_err() {
            AuditError::Stored(why) => why,
            other => panic!("{other}"),
        }
    };
    let other =
        |party: &str| if party == "publisher" { "retailer" } else { "publisher" }.to_owned();
    let swapped = with(it.opening(contract, other));
    assert!(matches!(swapped, StoredLogError::Key(RecordFlaw::NotOpen)), "{swapped}");
    let elsewhere = with(it.opening(Digest::of("test", b"contract"), str::to_owned));
    assert!(matches!(elsewhere, StoredLogError::NotBelieved(_)), "{elsewhere}");
    let empty = LogOpening { contract, instance: it.instance(), keys: BTreeMap::new() };
    let empty = with(it.attested(BodyKind::Log, &canonical::to_vec(&empty)));
    assert!(matches!(empty, StoredLogError::Key(RecordFlaw::NoPlace)), "{empty}");
    let named = LogOpening {
        contract,
        instance: Digest::of("test", b"another instance"),
        keys: BTreeMap::new(),
    };
    let named = with(it.attested(BodyKind::Log, &canonical::to_vec(&named)));
    assert!(matches!(named, StoredLogError::OtherInstance { .. }), "{named}");
    let body = it.left(&three).opening;
    let no_opening = with(it.attested(BodyKind::Log, &canonical::to_vec(&(contract, body.len()))));
    assert!(matches!(no_opening, StoredLogError::Malformed(_)), "{no_opening}");
}

/// Each of two logs is in order by itself. Whoever has a head of the other one sees that there are two, and from which entry on.
#[test]
fn an_instance_that_writes_two_logs_is_named_by_any_head_of_the_other() {
    let it = Writer::new();
    let mut one = it.log(4);
    let mut two = one.clone();
    it.append(&mut one, &it.text(4, dropped("sales")));
    it.append(&mut two, &it.text(4, dropped("exposures")));
    let fork = (one.log.head(), two.log.head());
    for number in 5..7 {
        it.append(&mut one, &it.text(number, dropped("sales")));
        it.append(&mut two, &it.text(number, dropped("sales")));
    }
    let publishers = it.read(&it.left(&one), "publisher").unwrap();
    let retailers = it.read(&it.left(&two), "retailer").unwrap();
    assert_eq!(publishers.differs_from(&retailers).unwrap(), Some(4));
    publishers.log().check(&[fork.0]).unwrap();
    let flaw = publishers.log().check(&[it.log(4).log.head(), fork.1]).unwrap_err();
    assert!(matches!(flaw, LogFlaw::Root { from: 4, to: 4, .. }), "{flaw}");
    // Who had seen one log and is given the other keeps what it had, and is told.
    let (parties, kept) = (&it.parties, Some(publishers.clone()));
    let mut hidden = it.left(&two);
    hidden.records.truncate(7);
    let other = hidden.read_into(None, parties, &parties.publisher, it.instance()).unwrap();
    assert_eq!(publishers.differs_from(&other).unwrap(), Some(4));
    // All texts are there: nothing is asked for again, and the log is as it was.
    let again = hidden.read_into(kept, parties, &parties.publisher, it.instance()).unwrap();
    assert_eq!(again.differs_from(&publishers).unwrap(), None);
    // A closing for another log.
    let closing = |head: Head| {
        let body = ClosingBody {
            contract: parties.contract.digest,
            output: output(b""),
            instance: it.instance(),
            accounts: Vec::new(),
            deliveries: Vec::new(),
            time: Time(1_800_000_000_000),
            audit_size: head.size,
            audit_root: head.root,
        };
        let attested = it.attested(BodyKind::Closing, &canonical::to_vec(&body));
        let closing = Closing::verify(&attested, &parties.contract, &parties.trust(), None);
        let closing = closing.unwrap();
        Head { size: closing.body().audit_size, root: closing.body().audit_root }
    };
    publishers.log().check(&[closing(one.log.head())]).unwrap();
    let flaw = publishers.log().check(&[closing(two.log.head())]).unwrap_err();
    assert!(matches!(flaw, LogFlaw::Root { .. }), "{flaw}");
    // A log that goes on after the head that a closing has, and one that does not reach it.
    let stale = publishers.log().until(5).check(&[closing(one.log.head())]).unwrap_err();
    assert_eq!(stale, LogFlaw::Short { first: 5, found: 5, expected: 7 });
}

/// An instance that goes on as another log does not get past whoever reads on.
#[test]
fn a_log_that_goes_on_differently_is_not_taken_for_the_kept_one() {
    let it = Writer::new();
    let (one, parties) = (it.log(3), &it.parties);
    let kept = it.read(&it.left(&one), "publisher").unwrap();
    let mut other = it.log(1);
    it.append(&mut other, &it.text(1, dropped("sales")));
    for number in 2..5 {
        it.append(&mut other, &it.text(number, dropped("exposures")));
    }
    let read = it.left(&other).read_into(Some(kept), parties, &parties.publisher, it.instance());
    assert_eq!(bad(read.unwrap_err()), (3, BadRecord::OtherLog));
}
