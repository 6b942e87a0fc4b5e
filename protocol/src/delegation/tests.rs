use super::*;
use crate::{
    canonical,
    contract::{
        Contract,
        tests::{sample, signing_key},
    },
    message::{Body, Request},
    sign::SigningKey,
    slice::Slice,
    time::Time,
};
use zeroize::Zeroizing;

const NOW: Time = Time(1_795_435_200_000);

/// The key of the party with this seed for this kind of thing, from `from` to `until`.
fn delegate_between(seed: u8, kind: KeyKind, [from, until]: [Time; 2]) -> Delegate {
    let byte = seed + if kind == KeyKind::Service { 100 } else { 50 };
    let key = SigningKey::from_seed(&Zeroizing::new(vec![byte; 32])).unwrap();
    let delegation = Delegation { kind, name: format!("{kind}-1"), key: key.public(), from, until };
    Delegate::by(&signing_key(seed), key, &delegation).unwrap()
}

/// The same, for ever.
pub(crate) fn delegate(seed: u8, kind: KeyKind) -> Delegate {
    delegate_between(seed, kind, [Time(0), Time(u64::MAX)])
}

fn slice() -> Slice {
    Slice {
        contract: contract().digest,
        instance: contract().digest,
        dataset: "sales".to_owned(),
        purpose: "measurement".to_owned(),
        granted: crate::loss::Loss::zero(),
        period: "contract".to_owned(),
        not_after: NOW,
        job: None,
    }
}

fn contract() -> Contract {
    Contract::parse(sample().as_bytes()).unwrap()
}

fn flaw(error: KeyError) -> KeyFlaw {
    let KeyError::Unfit { party, name, why, .. } = error else { panic!("{error}") };
    assert_eq!((party.as_str(), name.as_str()), ("retailer", "service-1"));
    why
}

#[test]
fn a_delegated_key_speaks_for_its_party_while_its_time_lasts() {
    let contract = contract();
    let [from, until] = [NOW, NOW.plus_seconds(60)];
    let bytes = delegate_between(2, KeyKind::Service, [from, until]).sign(&slice());
    let open = |now| Authority::at(&contract, now).open_of::<Slice>(&bytes, "retailer");
    let (found, by) = open(from).unwrap();
    assert_eq!((found, by.party(), by.kind()), (slice(), "retailer", KeyKind::Service));
    assert_eq!((by.name(), by.until()), ("service-1", until));
    assert_eq!(by.to_string(), "retailer with its service key \"service-1\"");
    open(Time(until.0 - 1)).unwrap();
    assert_eq!(flaw(open(Time(from.0 - 1)).unwrap_err()), KeyFlaw::NotYet { from });
    for late in [until, Time(u64::MAX)] {
        let error = open(late).unwrap_err();
        assert!(error.to_string().contains("has to delegate it anew"), "{error}");
        assert_eq!(flaw(error), KeyFlaw::Expired { until });
    }
    // A receipt is checked long after.
    Authority::at_any_time(&contract).open::<Slice>(&bytes).unwrap();
}

#[test]
fn a_key_of_another_kind_or_party_is_named() {
    let contract = contract();
    let authority = Authority::at(&contract, NOW);
    let by_analyst = delegate(2, KeyKind::Analyst).sign(&slice());
    let error = authority.open::<Slice>(&by_analyst).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the analyst key \"analyst-1\" of retailer may not sign this: a key of the kind \"service\" is needed"
    );
    let bytes = delegate(2, KeyKind::Service).sign(&slice());
    let error = authority.open_of::<Slice>(&bytes, "publisher").unwrap_err();
    assert_eq!(flaw(error), KeyFlaw::OtherParty { needed: "publisher".to_owned() });
    let stranger = delegate(3, KeyKind::Service).sign(&slice());
    assert_eq!(authority.open::<Slice>(&stranger), Err(KeyError::Stranger));
}

#[test]
fn a_withdrawn_key_is_refused_for_ever_whatever_delegations_it_has() {
    let contract = contract();
    let key = delegate(2, KeyKind::Service);
    let withdrawal = Withdrawal { key: key.delegation().key, name: "service-1".to_owned() };
    let mut withdrawn = Withdrawn::default();
    // Nobody takes back the key of somebody else.
    let theirs = signing_key(1).sign(&withdrawal);
    assert_eq!(withdrawn.take(&contract, &theirs).unwrap().0, "publisher");
    let open = |withdrawn: &Withdrawn, key: &Delegate| {
        let authority = Authority::at(&contract, NOW).without(withdrawn);
        authority.open::<Slice>(&key.sign(&slice())).map(|(_, by)| by.name().to_owned())
    };
    assert_eq!(open(&withdrawn, &key).unwrap(), "service-1");
    let stranger = signing_key(3).sign(&withdrawal);
    assert_eq!(withdrawn.take(&contract, &stranger), Err(KeyError::Stranger));
    for _ in 0..2 {
        let (party, what) = withdrawn.take(&contract, &signing_key(2).sign(&withdrawal)).unwrap();
        assert_eq!((party.as_str(), what), ("retailer", withdrawal.clone()));
    }
    assert_eq!(flaw(open(&withdrawn, &key).unwrap_err()), KeyFlaw::Withdrawn);
    let anew = delegate_between(2, KeyKind::Service, [NOW, NOW.plus_seconds(1)]);
    assert_eq!(flaw(open(&withdrawn, &anew).unwrap_err()), KeyFlaw::Withdrawn);
    let many =
        (0..=u8::MAX).map(|byte| Withdrawal { key: [byte; 32].into(), name: "x".to_owned() });
    let mut taken = many.map(|it| withdrawn.take(&contract, &signing_key(2).sign(&it)));
    let party = "retailer".to_owned();
    assert_eq!(taken.find_map(Result::err), Some(KeyError::TooMany { party }));
}

/// Whoever waits for a lock or a file is asked again afterwards.
#[test]
fn a_key_that_was_good_is_asked_again_whether_it_is_still() {
    let contract = contract();
    let [from, until] = [NOW, NOW.plus_seconds(60)];
    let key = delegate_between(2, KeyKind::Service, [from, until]);
    let at = |now| Authority::at(&contract, now);
    let (_, by) = at(NOW).open::<Slice>(&key.sign(&slice())).unwrap();
    at(NOW).still(&by).unwrap();
    assert_eq!(at(NOW).of(&key), Ok(by.clone()));
    assert_eq!(flaw(at(until).still(&by).unwrap_err()), KeyFlaw::Expired { until });
    assert_eq!(flaw(at(until).of(&key).unwrap_err()), KeyFlaw::Expired { until });
    assert_eq!(flaw(at(Time(0)).of(&key).unwrap_err()), KeyFlaw::NotYet { from });
    let withdrawal = Withdrawal { key: key.delegation().key, name: "service-1".to_owned() };
    let mut withdrawn = Withdrawn::default();
    withdrawn.take(&contract, &signing_key(1).sign(&withdrawal)).unwrap();
    at(NOW).without(&withdrawn).still(&by).unwrap();
    withdrawn.take(&contract, &signing_key(2).sign(&withdrawal)).unwrap();
    let known = at(NOW).without(&withdrawn);
    assert_eq!(flaw(known.still(&by).unwrap_err()), KeyFlaw::Withdrawn);
    assert_eq!(flaw(known.of(&key).unwrap_err()), KeyFlaw::Withdrawn);
    assert_eq!(at(NOW).of(&delegate(3, KeyKind::Service)), Err(KeyError::Stranger));
}

/// A delegation is the root key's word alone, so anybody can delegate anybody's key. What the key signs is signed for one
/// root key: who delegates another party's key can show as its own nothing of what that key ever signed.
#[test]
fn what_another_partys_key_signed_cannot_be_claimed_by_delegating_the_key() {
    let contract = contract();
    let authority = Authority::at(&contract, NOW);
    for kind in [KeyKind::Analyst, KeyKind::Service] {
        let theirs = delegate(2, kind);
        let claim = Delegation { name: "mine".to_owned(), ..theirs.delegation().clone() };
        let claim = signing_key(1).sign(&claim);
        let claimed = |theirs: &[u8]| {
            let (_, signed) = crate::sign::pair::read(theirs).unwrap();
            crate::sign::pair::write(&claim, signed)
        };
        if kind == KeyKind::Service {
            let bytes = theirs.sign(&slice());
            assert_eq!(authority.open::<Slice>(&bytes).unwrap().1.party(), "retailer");
            assert_eq!(authority.open::<Slice>(&claimed(&bytes)), Err(KeyError::Stranger));
            Delegated::parse(&claimed(&bytes)).unwrap().of_anybody::<Slice>().unwrap_err();
        }
        let request = Request { instance: contract.digest, id: [1; 16], body: Body::Status {} };
        let bytes = theirs.sign(&request);
        assert_eq!(authority.open::<Request>(&bytes).unwrap().1.party(), "retailer");
        assert_eq!(authority.open::<Request>(&claimed(&bytes)), Err(KeyError::Stranger));
        // Nor what a key signs by itself, for nobody.
        let alone = signing_key(2 + if kind == KeyKind::Service { 100 } else { 50 });
        let plain = crate::sign::pair::write(&claim, &alone.sign(&request));
        assert_eq!(authority.open::<Request>(&plain), Err(KeyError::Stranger));
    }
}

#[test]
fn no_byte_of_it_can_be_another_and_no_part_be_exchanged() {
    let contract = contract();
    let authority = Authority::at(&contract, NOW);
    let bytes = delegate(2, KeyKind::Service).sign(&slice());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        authority.open::<Slice>(&changed).unwrap_err();
        authority.open::<Slice>(&bytes[..at]).unwrap_err();
    }
    authority.open::<Slice>(&[&bytes[..], &[0]].concat()).unwrap_err();
    // The key of one with the delegation of another; and a root key, which signs nothing of this by itself.
    let parts = Delegated::parse(&bytes).unwrap();
    let other = delegate(1, KeyKind::Service).sign(&slice());
    let mixed = crate::sign::pair::write(&other[3..3 + 16], &bytes);
    authority.open::<Slice>(&mixed).unwrap_err();
    assert_eq!(parts.payload(), canonical::to_vec(&slice()));
    let plain = signing_key(2).sign(&slice());
    assert_eq!(authority.open::<Slice>(&plain), Err(KeyError::Malformed));
    let own = Delegation {
        kind: KeyKind::Service,
        name: "service-1".to_owned(),
        key: signing_key(2).public(),
        from: Time(0),
        until: Time(u64::MAX),
    };
    let hidden = "a\u{202e}b".to_owned();
    let hidden = Delegation { name: hidden, key: signing_key(9).public(), ..own.clone() };
    let bytes = Delegate::by(&signing_key(2), signing_key(9), &hidden).unwrap().sign(&slice());
    assert_eq!(authority.open::<Slice>(&bytes), Err(KeyError::Malformed));
    // Nobody delegates a root key, its own or another party's: what services sign with is another key.
    for (root, key) in [(2, 2), (1, 2)] {
        let own = Delegation { key: signing_key(key).public(), ..own.clone() };
        let key = Delegate::by(&signing_key(root), signing_key(key), &own).unwrap();
        assert_eq!(authority.open::<Slice>(&key.sign(&slice())), Err(KeyError::Malformed));
        assert_eq!(authority.of(&key), Err(KeyError::Malformed));
    }
    // A delegation of one key does not go with another.
    let of_another = signing_key(2).sign(&Delegation { key: [9; 32].into(), ..hidden });
    Delegate::new(signing_key(4), of_another).unwrap_err();
}
