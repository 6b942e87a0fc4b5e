//! Contracts that are not what they look like.

use client::{keys::Identity, room::RoomError};
use enclave::{BootError, Booted, Host};
use nsm::Nsm;
use protocol::{
    contract::{Contract, ContractError, Flaw, OpenContractError, TAG},
    message::{Body, Reply},
    refusal::Refusal,
    sign::Jointly,
};
use std::sync::Arc;
use tests::{HostileHost, Parties};

#[test]
fn refuses_two_parties_with_one_key() {
    let parties = Parties::new();
    let (publisher, retailer) = (&parties.publisher, &parties.retailer);
    let signing = |of: &Identity| of.root_key().to_string();
    let recipient = |of: &Identity| of.recipient().unwrap().public().to_string();
    for (from, to) in
        [(signing(retailer), signing(publisher)), (recipient(retailer), recipient(publisher))]
    {
        let text = parties.text().replace(&from, &to);
        let error = Contract::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.flaw, Flaw::SharedKey("publisher".to_owned()));
        assert!(text.lines().nth(error.line - 1).unwrap().contains(&to), "{error}");
    }
}

#[test]
fn refuses_names_that_look_alike() {
    let parties = Parties::new();
    let add = |name: &str| {
        let folder = tempfile::tempdir().unwrap();
        let third = Identity::create(folder.path(), "third", None).unwrap();
        let party = third.party_toml(name, None).unwrap() + "[[dataset]]";
        let text = parties.text().replacen("[[dataset]]", &party, 1);
        Contract::parse(text.as_bytes()).map_err(|ContractError { flaw, .. }| flaw)
    };
    for second in ["retailer", "retai1er", "reta1ler", "re-tailer", "retailer_"] {
        let (first, second) = ("retailer".to_owned(), second.to_owned());
        assert_eq!(add(&second).unwrap_err(), Flaw::Duplicate { first, second });
    }
    // A Cyrillic e, a capital, a space at the end.
    for name in ["r\u{435}tailer", "Retailer", "retailer "] {
        assert_eq!(add(name).unwrap_err(), Flaw::Name(name.to_owned()));
    }
    // A zero-width space.
    assert!(matches!(add("ret\u{200b}ailer").unwrap_err(), Flaw::Hidden(_)));
    assert!(add("broker").is_ok());
}

#[tokio::test]
async fn refuses_a_contract_that_somebody_has_not_signed() {
    let parties = Parties::new();
    for signers in [vec![], vec![&parties.publisher], vec![&parties.publisher; 2]] {
        let mut joint = Jointly::unsigned(TAG, parties.text().as_bytes());
        signers.iter().for_each(|signer| joint.add(&signer.root().unwrap()));
        let refused = boot(&parties, joint.to_vec()).await;
        let BootError::Contract(OpenContractError::Unsigned { missing }) = refused else {
            panic!("{refused}");
        };
        assert_eq!(missing.last().unwrap(), "retailer");
    }
    // Signed by both, and changed afterwards.
    let mut changed = parties.signed.clone();
    let at = changed.windows(8).position(|bytes| bytes == b"min_cell").unwrap();
    let at = at + "min_cell = ".len();
    assert_eq!(changed[at], b'1');
    changed[at] = b'2';
    let refused = boot(&parties, changed).await;
    assert!(matches!(refused, BootError::Contract(OpenContractError::Signature(_))), "{refused}");
}

#[tokio::test]
async fn refuses_a_contract_signed_by_a_stranger() {
    let parties = Parties::new();
    let folder = tempfile::tempdir().unwrap();
    let stranger = Identity::create(folder.path(), "stranger", None).unwrap();
    let mut joint = Jointly::parse(TAG, &parties.signed).unwrap();
    joint.add(&stranger.root().unwrap());
    let refused = boot(&parties, joint.to_vec()).await;
    let BootError::Contract(OpenContractError::Stranger { key }) = refused else {
        panic!("{refused}");
    };
    assert_eq!(key, stranger.root_key());
    // Instead of the retailer, which the contract names.
    let mut joint = Jointly::unsigned(TAG, parties.text().as_bytes());
    joint.add(&parties.publisher.root().unwrap());
    joint.add(&stranger.root().unwrap());
    let refused = boot(&parties, joint.to_vec()).await;
    assert!(
        matches!(refused, BootError::Contract(OpenContractError::Stranger { .. })),
        "{refused}"
    );
}

/// A contract in which "retailer" is somebody else. It opens a room, for those whom it names.
#[tokio::test]
async fn a_contract_that_names_somebody_else_serves_neither_party_of_the_real_one() {
    let real = Parties::new();
    let host = HostileHost::new(&real);
    let instance = real.boot(&host).await;
    let impostor = Parties::new();
    let mut other = Parties::new();
    other.module = Arc::clone(&real.module);
    let (key, recipient) =
        (impostor.retailer.root_key(), impostor.retailer.recipient().unwrap().public());
    let text = real.text();
    let text = text.replace(&real.retailer.root_key().to_string(), &key.to_string());
    let text = text
        .replace(&real.retailer.recipient().unwrap().public().to_string(), &recipient.to_string());
    other.contract = Contract::parse(text.as_bytes()).unwrap();
    let mut joint = Jointly::unsigned(TAG, text.as_bytes());
    joint.add(&real.publisher.root().unwrap());
    joint.add(&impostor.retailer.root().unwrap());
    other.signed = joint.to_vec();
    // The retailer finds that it is no party of that contract before it grants anything.
    assert!(real.retailer.party_in(&other.contract).is_err());
    let forged_host = HostileHost::new(&other);
    let forged = other.boot(&forged_host).await;
    let refused = real.connect(&forged).await.unwrap_err();
    assert!(matches!(refused, RoomError::OtherContract { .. }), "{refused}");
    // The impostor is a stranger in the real room, which goes on.
    let mut room = real.connect(&instance).await.unwrap();
    let reply = room.request(&impostor.retailer, Body::Close {}).await.unwrap();
    assert_eq!(reply, Reply::Refused(Refusal::Stranger));
    let status = room.status(&real.retailer).await.unwrap();
    assert!(status.datasets.is_empty());
}

/// Why an enclave does not come up with `contract`.
async fn boot(parties: &Parties, contract: Vec<u8>) -> BootError {
    let mut parties = Parties { module: Arc::clone(&parties.module), ..Parties::new() };
    parties.signed = contract;
    let host: Arc<dyn Host> = HostileHost::new(&parties);
    let module = Arc::clone(&parties.module);
    let nsm: Arc<dyn Nsm> = module;
    Booted::boot(nsm, host).unwrap().contract().await.unwrap_err()
}
