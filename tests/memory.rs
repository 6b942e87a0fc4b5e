//! What strangers, parties and hosts send cannot fill anybody's memory: programs as they ship, in processes
//! of their own that may have no more than a small enclave has, under bodies that are small on the wire and
//! large in memory.
//!
//! The limit is a memory cgroup where one can be made, and one on the address space otherwise; nobody may
//! even come near it.
#![expect(clippy::print_stdout, reason = "shows what was measured")]

mod confined;
mod corpus;
mod liar;

use client::keys::Identity;
use confined::Confined;
use corpus::{corpus, envelope, post};
use liar::Liar;
use protocol::{
    canonical, limits,
    message::{Body, Request},
};
use serde_bytes::ByteBuf;
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tests::{believing_anyone, processes::Site, running::until};

/// A room whose owners have granted, and prepaid a job.
fn prepaid() -> Site {
    let site = Site::open();
    for owner in ["publisher", "retailer"] {
        site.ok(&format!("{} --prepay 1 --purpose measurement", Site::grant_of(owner)));
    }
    site
}

#[test]
fn strangers_and_parties_cannot_kill_an_enclave_of_a_gibibyte_whose_budget_is_prepaid() {
    let site = prepaid();
    let (instance, pid) = (site.instance(), site.enclave_pid());
    let enclave = Confined::new(pid, GIBIBYTE);
    let before = enclave.peak_kib();
    // Bodies whose last byte does not come, as many as there are places.
    let held: Vec<_> = (0..limits::INSTANCE_PLACES)
        .filter_map(|_| {
            let mut stream = greet(site.address())?;
            let whole = post("/v1/request", limits::REQUEST.bytes);
            stream.write_all(whole.as_bytes()).ok()?;
            stream.write_all(&vec![0x80; limits::REQUEST.bytes - 1]).ok()?;
            Some(stream)
        })
        .collect();
    assert!(held.len() > limits::INSTANCE_PLACES / 2, "{} got a place", held.len());
    let publisher = Identity::load(&site.path("publisher")).unwrap();
    let public = publisher.root_key();
    let mut bodies = corpus(&public);
    bodies.extend(of_a_party(&publisher));
    for (what, body) in bodies {
        four_at_once(|| said(&mut greet(site.address())?, "/v1/request", &body).map(drop));
        four_at_once(|| said(&mut greet(site.address())?, "/v1/attest", &body).map(drop));
        let grown = enclave.peak_kib() - before;
        assert!(grown < ROOM_KIB, "{what}: the enclave grew by {grown} KiB");
    }
    drop(held);
    assert_eq!(site.enclave_pid(), pid, "the enclave lives");
    // What was prepaid still pays for an honest job, with no custody there.
    let mut site = site;
    site.kill_custody();
    an_honest_job(&site);
    assert!(site.account("exposures").1 > 0.0 && site.account("sales").1 > 0.0);
    assert_eq!(site.instance(), instance);
    println!("the enclave's peak: {before} KiB before, {} KiB after", enclave.peak_kib());
}

#[test]
fn strangers_cannot_fill_custody_nor_keep_jobs_and_health_from_it() {
    let site = Site::open();
    site.grant();
    let custody = Confined::new(site.custody_pid(), GIBIBYTE);
    custody.allow_descriptors(1024);
    let address = site.custody_address();
    let before = custody.peak_kib();
    let publisher = Identity::load(&site.path("publisher")).unwrap();
    for (what, body) in corpus(&publisher.root_key()) {
        four_at_once(|| said(&mut TcpStream::connect(address).ok()?, "/v1/slice", &body).map(drop));
        let grown = custody.peak_kib() - before;
        assert!(grown < ROOM_KIB, "{what}: custody grew by {grown} KiB");
    }
    let head = post("/v1/slice", limits::SLICE_REQUEST.bytes);
    let hanging: Vec<_> = (0..1100)
        .map(|number| {
            let mut stream = TcpStream::connect(address).unwrap();
            let mut said = head.clone().into_bytes();
            if number % 4 == 0 {
                said.resize(head.len() + limits::SLICE_REQUEST.bytes - 1, 0x80);
            }
            // Whoever is cut already takes nothing any more.
            let _ = stream.write_all(&said);
            stream
        })
        .collect();
    let began = Instant::now();
    assert!(health(address).contains("serving"));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    an_honest_job(&site);
    drop(hanging);
    let grown = custody.peak_kib() - before;
    assert!(grown < ROOM_KIB + 64 * 1024, "custody grew by {grown} KiB");
    assert!((site.ledger("retailer").used - tests::processes::price()).abs() < 1e-9);
    println!("custody's peak: {before} KiB before, {} KiB after", custody.peak_kib());
}

#[test]
fn a_host_cannot_fill_the_memory_of_who_asks_it() {
    let site = Site::open();
    for (what, body) in corpus::replies() {
        let liar = Liar::answering(body);
        let room = format!("https://{}", liar.address());
        for line in [
            format!("verify {room} UNDER"),
            format!("result open --job {} --room {room} UNDER --dir publisher", "ab".repeat(32)),
        ] {
            let began = Instant::now();
            let (said, peak) = Confined::run(&site, &line, GIBIBYTE);
            assert!(matches!(said.code, Some(1..=9)), "{what}: {line}: {said:?}");
            assert!(peak < CLIENT_KIB, "{what}: {line}: {peak} KiB");
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "{what}: {line}: {:?}",
                began.elapsed()
            );
        }
    }
}

/// The three servers, to somebody who says nothing, or not all of it: each ends it by itself.
#[test]
fn every_server_cuts_who_is_slow() {
    let site = Site::open();
    let (host, custody) = (site.address(), site.custody_address());
    let half = "POST /v1/slice HTTP/1.1\r\nhost: e\r\n";
    let mut slow: Vec<(&str, Box<dyn Read>)> = Vec::new();
    for (name, address) in [("host", host), ("custody", custody)] {
        let silent = TcpStream::connect(address).unwrap();
        let mut halfway = TcpStream::connect(address).unwrap();
        halfway.write_all(half.as_bytes()).unwrap();
        for stream in [silent, halfway] {
            stream.set_read_timeout(Some(SLOWEST)).unwrap();
            slow.push((name, Box::new(stream)));
        }
    }
    let mut late = greet(host).unwrap();
    late.write_all(post("/v1/request", 1000).as_bytes()).unwrap();
    late.sock.set_read_timeout(Some(SLOWEST)).unwrap();
    slow.push(("enclave", Box::new(late)));
    for (name, mut stream) in slow {
        let mut rest = Vec::new();
        let ended = stream.read_to_end(&mut rest);
        let kind = ended.as_ref().err().map(std::io::Error::kind);
        assert_ne!(kind, Some(std::io::ErrorKind::WouldBlock), "{name} still waits");
    }
    site.ok("verify ROOM UNDER");
}

/// Bodies that a party signed: what is in them is large all the same.
fn of_a_party(party: &Identity) -> Vec<(String, Vec<u8>)> {
    let request = |body| {
        let instance = protocol::digest::Digest::of("test", b"no instance");
        party.sign(&Request { instance, id: [7; 16], body }).unwrap()
    };
    let slices = vec![Vec::new().into(); 200_000];
    vec![
        ("slices of nothing".to_owned(), request(Body::Job { job: Vec::new(), slices })),
        ("a long job".to_owned(), request(Body::Job { job: vec![0; 200_000], slices: Vec::new() })),
        ("maps, signed".to_owned(), {
            let payload = [&[0x99, 0xff, 0xff][..], &b"\xa1\x00\x00".repeat(65_535)].concat();
            let delegation = std::fs::read(party.directory().join("service.delegation")).unwrap();
            let key = party.service().unwrap().delegation().key;
            let signed = envelope(&key, &payload, &[0; 64]);
            canonical::to_vec(&(ByteBuf::from(delegation), ByteBuf::from(signed)))
        }),
    ]
}

/// Under a name that nobody chose.
fn an_honest_job(site: &Site) {
    let line = site.submit_of(1);
    let (line, _) = line.split_once(" --id ").unwrap_or((&line, ""));
    site.ok(line);
}

fn four_at_once(send: impl Fn() -> Option<()> + Sync) {
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(&send);
        }
    });
}

/// Sends `body` and reads what comes, if anything does.
fn said(stream: &mut (impl Read + Write), path: &str, body: &[u8]) -> Option<Vec<u8>> {
    stream.write_all(post(path, body.len()).as_bytes()).ok()?;
    // Whoever refuses by length does not read on.
    let _ = stream.write_all(body);
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said);
    Some(said)
}

fn health(address: SocketAddr) -> String {
    let mut said = String::new();
    until("custody answers", || {
        let Ok(mut stream) = TcpStream::connect(address) else { return false };
        let ask = b"GET /v1/health HTTP/1.1\r\nhost: e\r\nconnection: close\r\n\r\n";
        said.clear();
        stream.write_all(ask).is_ok() && stream.read_to_string(&mut said).is_ok_and(|read| read > 0)
    });
    said
}

type Tls = rustls::StreamOwned<rustls::ClientConnection, TcpStream>;

/// A TLS connection to the enclave, if it still has a place.
fn greet(address: SocketAddr) -> Option<Tls> {
    let name = rustls::pki_types::ServerName::try_from("enclave").unwrap();
    let connection = rustls::ClientConnection::new(Arc::new(believing_anyone()), name).unwrap();
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(SLOWEST)).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, stream);
    stream.flush().ok()?;
    Some(stream)
}

const GIBIBYTE: u64 = 1 << 30;
/// How much a server may grow under all of this.
const ROOM_KIB: u64 = 96 * 1024;
/// What a client may have in all, while a host answers with 64 MiB.
const CLIENT_KIB: u64 = 320 * 1024;
/// The longest that any server waits for a header or a body, and more.
const SLOWEST: Duration = Duration::from_secs(50);
