use super::*;
use crate::fixture::{Fixture, salt};
use protocol::{delegation::Withdrawal, hpke::RecipientSecret};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn all_keys() -> BTreeMap<String, DataKey> {
    let columns = ["email", "spend", "margin", FOOTER];
    let keys = columns.iter().zip(1..).map(|(c, n)| ((*c).to_owned(), DataKey::take(&mut [n; 32])));
    keys.collect()
}

#[test]
fn releases_the_columns_that_the_contract_uses_and_no_others() {
    let room = Fixture::new();
    let instance = room.instance(1);
    let salt = salt();
    let (contract, owner) = (&room.contract, room.retailer.root_key());
    let to = GrantTarget { contract, instance: &instance, owner, salt: &salt };
    let manifest = room.manifest("sales");
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let grant = to.seal("sales", &manifest, &all_keys(), Time(5), &mut rng).unwrap();
    let mut expected = vec!["email", "spend", FOOTER];
    expected.sort_unstable();
    assert_eq!(grant.columns, expected);
    let secret = RecipientSecret::generate(&mut ChaCha20Rng::from_seed([1; 32]));
    let owner = room.retailer.root_key();
    let binding = Binding {
        contract: room.contract.digest,
        instance: instance.digest(),
        owner: &owner,
        dataset: "sales",
        manifest: manifest.digest(),
        not_after: Time(5),
    };
    let opened = binding.open(&secret, &grant.columns, false, &grant.keys).unwrap();
    assert_eq!(opened.salt.digest(), room.contract.bucket_salt);
    assert_eq!(opened.keys["spend"], all_keys()["spend"]);
}

#[test]
fn refuses_somebody_elses_dataset_and_an_incomplete_keys_file() {
    let room = Fixture::new();
    let instance = room.instance(1);
    let mut rng = ChaCha20Rng::from_seed([9; 32]);
    let salt = salt();
    let (contract, owner) = (&room.contract, room.publisher.root_key());
    let to = GrantTarget { contract, instance: &instance, owner, salt: &salt };
    let theirs = to.seal("sales", &room.manifest("sales"), &all_keys(), Time(5), &mut rng);
    let theirs = theirs.unwrap_err().to_string();
    assert!(
        theirs.contains("\"sales\" belongs to retailer, and these are the keys of publisher"),
        "{theirs}"
    );
    assert!(theirs.contains("--dir"), "{theirs}");
    let nothing = own_dataset(contract, "slaes", "retailer").unwrap_err().to_string();
    assert_eq!(nothing, "the contract has no dataset \"slaes\": it has exposures, sales, visits");
    let to = GrantTarget { owner: room.retailer.root_key(), ..to };
    let mut keys = all_keys();
    keys.remove("spend");
    let missing = to.seal("sales", &room.manifest("sales"), &keys, Time(5), &mut rng).unwrap_err();
    assert!(matches!(missing, GrantError::KeyMissing { column } if column == "spend"));
    let unused = to.seal("visits", &room.manifest("visits"), &all_keys(), Time(5), &mut rng);
    assert!(matches!(unused.unwrap_err(), GrantError::Unused { .. }));
}

#[test]
fn the_owner_signs_anew_what_a_withdrawn_key_signed_only_of_its_own_file() {
    let room = Fixture::new();
    let (contract, owner) = (&room.contract, &room.retailer);
    let bytes = room.manifest("sales").as_bytes().to_vec();
    let root = room.manifest("sales").manifest().root.to_string();
    let withdrawal =
        Withdrawal { key: owner.service().unwrap().delegation().key, name: "service".to_owned() };
    withdrawals::keep(owner.directory(), &owner.root().unwrap().sign(&withdrawal)).unwrap();
    for sealed in [None, Some("another")] {
        let refused = own_manifest(bytes.clone(), contract, "sales", owner, sealed).unwrap_err();
        assert!(matches!(refused, GrantError::WithdrawnSigner { .. }), "{refused}");
        assert!(refused.to_string().contains("a key that retailer withdrew"), "{refused}");
    }
    let again = own_manifest(bytes, contract, "sales", owner, Some(&root)).unwrap();
    assert_eq!(again.digest(), room.manifest("sales").digest());
}

#[test]
fn names_the_dataset_whose_manifest_was_given() {
    let room = Fixture::new();
    let bytes = room.manifest("exposures").as_bytes().to_vec();
    let refused = own_manifest(bytes.clone(), &room.contract, "sales", &room.retailer, None);
    assert!(matches!(refused.unwrap_err(), GrantError::ManifestSignature { .. }), "another's");
    let manifest = SignedManifest::open(
        room.retailer.sign(room.manifest("exposures").manifest()).unwrap(),
        &Authority::at_any_time(&room.contract),
        "retailer",
    );
    let bytes = manifest.unwrap().as_bytes().to_vec();
    let refused = own_manifest(bytes, &room.contract, "sales", &room.retailer, None).unwrap_err();
    let expected = "this is the manifest of \"exposures\"; name that of \"sales\"";
    assert_eq!(refused.to_string(), expected);
}

#[test]
fn an_owner_never_names_an_older_list_of_opt_outs_than_the_manifest_does() {
    use protocol::opt_outs::OptOuts;
    let room = Fixture::new();
    let (owner, lineage) = (&room.retailer, room.manifest("sales").manifest().lineage.clone());
    let list = |number| OptOuts::new(&lineage, number, [7; 32], &BTreeSet::new()).unwrap();
    let signed = owner.root().unwrap().sign(&list(5));
    opt_outs::keep(owner.directory(), &owner.root_key(), &lineage, &signed).unwrap();
    for (named, expected) in [(None, 5), (Some(4), 5), (Some(5), 5), (Some(6), 6)] {
        let opt_outs = named.map(|number| list(number).named());
        let manifest = Manifest { opt_outs, ..room.manifest("sales").manifest().clone() };
        let bytes = owner.sign(&manifest).unwrap();
        let found = own_manifest(bytes, &room.contract, "sales", owner, None).unwrap();
        assert_eq!(found.manifest().opt_outs, Some(list(expected).named()), "{named:?}");
    }
}

#[test]
fn what_is_handed_over_is_not_printed() {
    let keys = all_keys();
    let handing = Handing { keys: &keys, opt_outs: Some(&[123, 45, 67]) };
    assert_eq!(format!("{handing:?}"), "Handing { has_list: true, .. }");
}
