//! A stored file is deleted for its owner alone.

use crate::{
    alone::delegate,
    operator::contract_until,
    support::{Room, blob, http, json},
};
use protocol::{
    contract::Contract,
    delegation::{Delegate, KeyKind},
    deletion::Deletion,
    manifest::Manifest,
    merkle::{Root, root_of},
    sealed::Declared,
    time::Time,
};
use std::{fs, net::SocketAddr};

/// A service key of the party whose root key has this seed; the contract's only party has 1.
fn service(root: u8) -> Delegate {
    delegate(root, KeyKind::Service)
}

fn manifest(root: Root, by: &Delegate) -> Vec<u8> {
    by.sign(&Manifest {
        lineage: "seen".to_owned(),
        version: 1,
        root,
        size: 70_000,
        declared: Declared::of(2048),
        columns: Vec::new(),
        aad_prefix: Vec::new(),
        opt_outs: None,
    })
}

async fn upload(at: SocketAddr, bytes: &[u8]) {
    let upload = format!("/v1/uploads/{}", root_of(bytes));
    let begun = json(at, "POST", &format!("{upload}?size={}", bytes.len()), b"").await;
    assert_eq!(begun.0, 200);
    assert_eq!(json(at, "PATCH", &format!("{upload}?offset=0"), bytes).await.0, 200);
}

#[tokio::test]
async fn a_file_is_deleted_as_its_owner_signed_now_and_for_nobody_else() {
    let room = Room::new();
    let signed = contract_until("2099-01-01T00:00:00Z");
    fs::write(room.contract(), &signed).unwrap();
    let contract = Contract::open(&signed).unwrap().digest;
    let host = room.host().await;
    let (at, bytes, now) = (host.address(), blob(70_000), host::now());
    let root = root_of(&bytes);
    let stored = || room.path("blobs/datasets").join(root.to_string()).exists();
    let owners = format!("/v1/owners/{root}");
    let (owner, stranger) = (service(1), service(7));
    let deletion =
        |by: &Delegate, contract, root, time| by.sign(&Deletion { contract, root, time });
    let delete =
        async |signed: &[u8]| http(at, "DELETE", &format!("/v1/datasets/{root}"), signed).await.0;
    let honest = deletion(&owner, contract, root, now);

    // Nobody owns what is not there, nor what nobody has spoken for.
    assert_eq!(http(at, "PUT", &owners, &manifest(root, &owner)).await.0, 404);
    upload(at, &bytes).await;
    assert_eq!(delete(&honest).await, 403);
    for signed in [manifest(root, &stranger), manifest(root_of(b"other"), &owner), b"?".to_vec()] {
        let (status, problem) = json(at, "PUT", &owners, &signed).await;
        assert_eq!((status, problem["code"].as_str().unwrap()), (403, "forbidden"));
    }
    for _ in 0..2 {
        assert_eq!(http(at, "PUT", &owners, &manifest(root, &owner)).await.0, 204);
    }

    for signed in [
        deletion(&stranger, contract, root, now),
        deletion(&owner, contract, root_of(b"other"), now),
        deletion(&owner, another_contract(), root, now),
        deletion(&owner, contract, root, Time(now.0 - 301_000)),
        deletion(&owner, contract, root, now.plus_seconds(310)),
        manifest(root, &owner),
        vec![0; 10_000],
    ] {
        let status = delete(&signed).await;
        assert!(matches!(status, 400 | 403) && stored(), "{status}");
    }
    assert_eq!(delete(&honest).await, 204);
    assert!(!stored() && fs::read_dir(room.path("owners")).unwrap().next().is_none());
    assert_eq!(delete(&honest).await, 403);
    // It may come again, and is then anybody's who signs its manifest first.
    upload(at, &bytes).await;
    assert_eq!(delete(&honest).await, 403);
    assert!(stored());
}

/// The digest of another contract.
fn another_contract() -> protocol::digest::Digest {
    Contract::open(&contract_until("2098-06-01T00:00:00Z")).unwrap().digest
}
