//! Custody over TLS: who answers must hold the key that the contract pins.

use super::*;
use client::{
    http::{Http, HttpError},
    keys::CustodyKey,
};
use hyper::{Method, StatusCode};
use protocol::contract::{Contract, CustodyAddress};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

struct Nobody;

impl Believe for Nobody {
    async fn believe(&self, _: Digest) -> Result<Witnessed, client::room::RoomError> {
        Err(client::room::RoomError::KeyMismatch)
    }
}

/// A custody behind `door`.
async fn custody(door: Door) -> SocketAddr {
    let room = fixture();
    let retailer = room.retailer.clone();
    let ledger = Ledger::open(&retailer).unwrap();
    let service = Service::new(room.contract.clone(), retailer, ledger, Nobody, drop).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let _keys = room;
        serve(listener, &door, Arc::new(service), std::future::pending()).await
    });
    address
}

fn key() -> CustodyKey {
    CustodyKey::read_or_make(tempfile::tempdir().unwrap().path()).unwrap()
}

async fn health(address: &CustodyAddress) -> Result<StatusCode, HttpError> {
    let mut http = Http::to(address);
    let answer = http.send(Method::GET, "/v1/health", bytes::Bytes::new(), 1000).await?;
    Ok(answer.status)
}

#[tokio::test]
async fn only_the_key_that_is_pinned_is_spoken_to() {
    let (ours, other) = (key(), key());
    let address = custody(Door::tls(&ours).unwrap()).await.to_string();
    let right = CustodyAddress::pinned(&address, ours.public()).unwrap();
    assert_eq!(health(&right).await.unwrap(), StatusCode::OK);

    let wrong = CustodyAddress::pinned(&address, other.public()).unwrap();
    let refused = health(&wrong).await.unwrap_err();
    assert!(matches!(refused, HttpError::OtherKey { .. }), "{refused}");
    let words = refused.to_string();
    for key in [ours.public(), other.public()] {
        assert!(words.contains(&key.to_string()), "{words}");
    }
    assert!(words.contains("nothing was sent"), "{words}");

    // A custody in the clear is not spoken to where a key is pinned.
    let plain = custody(Door::Plain).await.to_string();
    let address = CustodyAddress::pinned(&plain, ours.public()).unwrap();
    assert!(matches!(health(&address).await, Err(HttpError::Tls(_))));
    assert_eq!(health(&format!("http://{plain}").parse().unwrap()).await.unwrap(), StatusCode::OK);
}

#[tokio::test]
async fn a_stranger_without_tls_learns_nothing_and_stops_nobody() {
    let ours = key();
    let address = custody(Door::tls(&ours).unwrap()).await;
    let mut silent = Vec::new();
    for _ in 0..300 {
        // More than there are places: who does not shake hands makes way.
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let pinned = CustodyAddress::pinned(&address.to_string(), ours.public()).unwrap();
    let answered = tokio::time::timeout(Duration::from_secs(20), health(&pinned)).await;
    assert_eq!(answered.unwrap().unwrap(), StatusCode::OK);
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"GET /v1/health HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(20), plain.read_to_end(&mut said)).await;
    let _cut = read.expect("nobody hangs for long");
    assert!(!String::from_utf8_lossy(&said).contains("HTTP"), "{said:?}");
}

/// The fixture's contract with this custody of the retailer.
fn contract(custody: &str) -> Contract {
    let room = fixture();
    let party = |custody| room.retailer.party_toml("retailer", custody).unwrap();
    room.edited(&party(None), &party(Some(custody)))
}

#[test]
fn a_custody_starts_under_the_key_that_its_contract_pins_and_in_the_clear_at_home_only() {
    let dir = tempfile::tempdir().unwrap();
    let [home, away]: [SocketAddr; 2] =
        ["127.0.0.1:7501", "0.0.0.0:7501"].map(|at| at.parse().unwrap());
    let of = |contract: &Contract, at| Door::of(contract, "retailer", dir.path(), at);
    let other = key().public();
    let pins_other = contract(&format!("https://custody.example:7501#{other}"));
    let plain = contract("http://127.0.0.1:7501");

    let missing = of(&pins_other, away).unwrap_err().to_string();
    assert!(missing.contains("custody.key is missing"), "{missing}");
    assert!(matches!(of(&plain, home), Ok(Door::Plain)));
    let open = of(&plain, away).unwrap_err();
    assert!(matches!(open, DoorError::InTheClear { .. }), "{open}");

    let ours = CustodyKey::read_or_make(dir.path()).unwrap().public();
    let refused = of(&pins_other, away).unwrap_err().to_string();
    assert!(
        refused.contains(&ours.to_string()) && refused.contains(&other.to_string()),
        "{refused}"
    );
    let pins_ours = contract(&format!("https://custody.example:7501#{ours}"));
    assert!(matches!(of(&pins_ours, away), Ok(Door::Tls(key, _)) if key == ours));
    assert!(of(&plain, away).is_err(), "others would ask in the clear");
}
