//! Canaries: every value of every row is one that occurs nowhere else. None of them may leave its
//! owner, in whatever form, but inside the encryption.

#![cfg(test)]

#[path = "disclosure/canary.rs"]
mod canary;
#[path = "disclosure/wires.rs"]
mod wires;

use canary::{Canaries, Haystack};
use client::{
    address::Address,
    close,
    job::{Custodies, JobError, Options},
    keys::Identity,
    open,
    room::Room,
    store::Store,
};
use custody::{Ledger, RoomBeliever, Service};
use enclave::{Booted, Host, StreamHost, UnixTransport, serve};
use host::{Config, Enclave};
use nsm::Nsm;
use privacy::sampler::Exact;
use protocol::{message::Body, result::LiftResult};
use sealing::Version;
use std::{
    collections::BTreeMap,
    error::Error,
    fmt::Debug,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};
use tests::{JOB, Parties, Terms, repository, salt};
use tokio::net::TcpListener;
use wires::{Tap, log_everything};

/// Everything but the command line, in one process, so that every byte on every wire and every line
/// of every log is seen.
#[tokio::test(flavor = "multi_thread")]
async fn canaries_in_every_column_of_every_row_appear_in_no_output_log_or_error() {
    let log = log_everything();
    let mut hay = Haystack::default();
    let canaries = Canaries::plant(ROWS);
    // Half the budget, so that a second job finds none.
    let parties = Parties::with_terms(Terms { epsilon: 1.2, ..Terms::default() });
    let rows = parties.folder.path().join("rows");
    std::fs::create_dir(&rows).unwrap();
    let (exposures, sales) = (rows.join("exposures.csv"), rows.join("sales.csv"));
    std::fs::write(&exposures, canaries.exposures()).unwrap();
    std::fs::write(&sales, canaries.sales()).unwrap();

    // Owners seal.
    let sealed = parties.folder.path().join("sealed");
    std::fs::create_dir(&sealed).unwrap();
    let mut files = BTreeMap::new();
    for (dataset, path) in [("exposures", &exposures), ("sales", &sales)] {
        let owner = parties.owner(dataset).service().unwrap();
        let stem = sealed.join(dataset);
        let options = sealing::Options::default();
        let salt = salt();
        let contract = &parties.contract;
        let version = Version { contract, dataset, owner, salt: &salt, number: 1 };
        let done = sealing::seal(path, &version, &stem, &options, &mut |_, _| {});
        let done = done.unwrap();
        hay.debug("what sealing says", &done);
        files.insert(dataset, done);
    }
    errors_of_sealing(&parties, &canaries, &rows, &mut hay);

    // The real host, between two taps.
    let wires = Tap::default();
    let contract = parties.folder.path().join("contract.toml.signed");
    std::fs::write(&contract, &parties.signed).unwrap();
    let dir = parties.folder.path().join("host");
    let mut config =
        Config::simulated(&contract, &dir, "127.0.0.1:0".parse().unwrap(), Enclave::External);
    config.trace = Some(dir.join("trace.jsonl"));
    let host = host::start(config).await.unwrap();
    let tapped = parties.folder.path().join("tapped.sock");
    wires.clone().unix(&tapped, &dir.join("run/host.sock"));
    let address = wires.clone().tcp(host.address()).await;
    let module = Arc::clone(&parties.module);
    let nsm: Arc<dyn Nsm> = module;
    let link: Arc<dyn Host> = Arc::new(StreamHost::unix(tapped));
    let attested = Booted::boot(nsm, link).unwrap().contract().await.unwrap().attest().unwrap();
    let seed = attested.noise_seed().unwrap();
    let serving = attested.open(Box::new(Exact::from_seed(*seed)), 4 << 30).unwrap();
    hay.debug("the enclave's own words", &serving);
    let listener = UnixTransport::bind(&dir.join("run/enclave.sock")).unwrap();
    let enclave = tokio::spawn(serve(Arc::new(serving), listener));

    // Upload and grant.
    let trust = parties.trust();
    let mut store = Store::new(&address);
    let mut room = Room::connect(&address, &parties.contract, &trust, &[]).await.unwrap();
    for (dataset, done) in &files {
        let root = done.manifest.manifest().root;
        let status = store.upload(&done.files.sealed, root, |_, _| {}).await.unwrap();
        hay.debug("an upload", &status);
        let (owner, keys) = (parties.owner(dataset), sealing::read_keys(&done.files.keys).unwrap());
        let granted =
            client::grant::grant(&mut room, owner, dataset, &done.manifest, &keys, None, vec![]);
        hay.debug("a grant", &granted.await.unwrap());
    }

    // Ask, with the retailer's custody behind a socket and the publisher's own ledger.
    let mut own = Ledger::open(&parties.publisher).unwrap();
    let (url, events) = custody(&parties, &address, &wires).await;
    let addresses = BTreeMap::from([("retailer".to_owned(), url)]);
    let options = Options {
        receivers: Some(vec!["publisher".to_owned(), "retailer".to_owned()]),
        outbox: Some(parties.publisher.directory().join("jobs")),
        ..Options::default()
    };
    let asking = client::job::prepare(&mut room, &parties.publisher, JOB, &options);
    let prepared = asking.await.unwrap();
    hay.debug("a prepared job", &(&prepared, prepared.preview()));
    let mut custodies = Custodies { addresses, own: Some(&mut own) };
    let mut steps = Vec::new();
    let mut tell = |step: client::job::Step<'_>| steps.push(format!("{step:?}"));
    let ran = client::job::run(&mut room, &parties.publisher, &prepared, &mut custodies, &mut tell);
    hay.debug("a job", &ran.await.unwrap());
    hay.debug("its steps", &steps);
    for (name, party) in [("publisher", &parties.publisher), ("retailer", &parties.retailer)] {
        let package = store.result(prepared.name(), name).await.unwrap();
        let opened =
            open::open(&package, party, &parties.contract, prepared.name(), &trust).unwrap();
        hay.add("result.json", opened.result_bytes.clone());
        hay.add("the receipt", opened.receipt.clone());
        hay.debug("an opened result", &opened);
        let result: LiftResult = opened.result.clone().of().unwrap();
        assert!(result.answer.outcomes.iter().all(|outcome| outcome.diff_in_means.is_some()));
    }

    // What goes wrong is told without values too.
    let again = JOB.replace("test = [\"test\"]", "test = [\"other\"]");
    let options = Options::default();
    let second = client::job::prepare(&mut room, &parties.publisher, &again, &options);
    let second = second.await.unwrap();
    let refused =
        client::job::run(&mut room, &parties.publisher, &second, &mut custodies, &mut |_| {}).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, JobError::Refused(_) | JobError::Declined { .. }), "{refused}");
    hay.error("a refused job", &refused);
    let wrong = JOB.replace("\"spend\"", "\"note\"");
    let refused = client::job::prepare(&mut room, &parties.publisher, &wrong, &options).await;
    hay.error("a template", &refused.unwrap_err());
    let mut altered = std::fs::read(&files["sales"].files.sealed).unwrap();
    altered[5000] ^= 1;
    hay.error("a file that does not open", &broken(&parties, &mut room, &mut store, altered).await);
    let package = store.result(prepared.name(), "retailer").await.unwrap();
    let stolen =
        open::open(&package, &parties.publisher, &parties.contract, prepared.name(), &trust);
    hay.error("another's result", &stolen.unwrap_err());

    // Close, settle, and look at every byte there is.
    let status = room.request(&parties.publisher, Body::Status {}).await.unwrap();
    hay.debug("a status", &status);
    let closing = close::close(&mut room, &parties.publisher, &mut store).await.unwrap();
    let now = client::clock::now();
    let settled = own.credit(&closing, &parties.contract, "publisher", now).unwrap();
    hay.debug("a closing", &(&closing, settled));
    hay.debug("a budget", &own.report(&parties.contract, "publisher", now).unwrap());
    hay.add("what custody tells", events.lock().unwrap().join("\n").into_bytes());
    hay.debug("health", &store.health().await.unwrap());
    drop(own);
    enclave.abort();
    host.shutdown().await;
    hay.folder("what the host keeps", &dir);
    hay.folder("what the owners hand over", &sealed);
    hay.folder("the publisher's folder", parties.publisher.directory());
    hay.folder("the retailer's folder", parties.retailer.directory());
    hay.add("all wires", wires.bytes());
    hay.add("all logs", log.lock().unwrap().clone());
    // An empty haystack has no needle.
    for (what, least) in [
        ("what the host keeps", 60_000),
        ("what the owners hand over", 60_000),
        ("the publisher's folder", 4_000),
        ("the retailer's folder", 4_000),
        ("result.json", 1_000),
        ("the receipt", 1_000),
        ("all wires", 200_000),
        ("all logs", 1_000),
        ("what custody tells", 10),
        ("bad rows", 100),
    ] {
        let found = hay.size(what);
        assert!(found >= least, "only {found} bytes of {what} were searched");
    }
    canaries.appear_nowhere_in(&hay);
}

/// The programs themselves: the demo, with canaries for its data.
#[test]
fn the_programs_print_and_keep_no_canary() {
    let folder = tempfile::tempdir().unwrap();
    let (data, room) = (folder.path().join("data"), folder.path().join("room"));
    std::fs::create_dir(&data).unwrap();
    let canaries = Canaries::plant(ROWS);
    std::fs::write(data.join("publisher.csv"), canaries.publisher()).unwrap();
    std::fs::write(data.join("retailer.csv"), canaries.retailer()).unwrap();
    let template = repository("tests/data/hillstrom/lift.toml");
    std::fs::copy(template, data.join("lift.toml")).unwrap();
    let port = tests::running::free_port();
    let test = std::env::current_exe().unwrap();
    let programs = test.parent().and_then(Path::parent).unwrap();
    assert!(programs.join("glovebox").exists(), "no programs in {programs:?}: `make build` first");
    let demo = Command::new("sh")
        .arg(repository("tests/demo.sh"))
        .env("GLOVEBOX_BIN", programs)
        .env("GLOVEBOX_DATA", &data)
        .env("GLOVEBOX_ROOM", &room)
        .env("GLOVEBOX_PORT", port.to_string())
        .env("RUST_LOG", "trace")
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&[demo.stdout.clone(), demo.stderr.clone()].concat()).into_owned();
    assert!(demo.status.success(), "{said}");
    let mut hay = Haystack::default();
    hay.add("what the programs print", said.into_bytes());
    hay.folder("what the programs keep", &room);
    for file in ["report.html", "result.json", "receipt.cbor", "host.log", "custody.log"] {
        let bytes = std::fs::read(room.join(file)).unwrap();
        assert!(!bytes.is_empty(), "{file}");
    }
    assert!(hay.size("what the programs keep") > 150_000);
    canaries.appear_nowhere_in(&hay);
}

/// Without this the searches above might look for the wrong thing.
#[test]
fn the_search_finds_every_canary_in_every_form() {
    let canaries = Canaries::plant(20);
    for (rows, columns) in [
        (canaries.exposures(), 2),
        (canaries.sales(), 4),
        (canaries.publisher(), 3),
        (canaries.retailer(), 4),
    ] {
        let mut hay = Haystack::default();
        hay.add("rows", rows.into_bytes());
        assert_eq!(canaries.found_in(&hay).len(), 20 * columns);
    }
    Canaries::plant(2).are_each_found_in_every_form();
}

/// Rows that cannot be sealed are named by line and column, never by value.
fn errors_of_sealing(parties: &Parties, canaries: &Canaries, rows: &Path, hay: &mut Haystack) {
    let good = canaries.sales();
    for (at, (from, to)) in
        [("@", " at "), (".99", ".9999"), (",", ";"), (",27", ",x27")].iter().enumerate()
    {
        let path = rows.join(format!("bad-{at}.csv"));
        let (header, body) = good.split_once('\n').unwrap();
        std::fs::write(&path, format!("{header}\n{}", body.replace(from, to))).unwrap();
        let options = sealing::Options::default();
        let owner = parties.retailer.service().unwrap();
        let salt = salt();
        let contract = &parties.contract;
        let version = Version { contract, dataset: "sales", owner, salt: &salt, number: 1 };
        let bad = sealing::in_memory(&path, &version, &options, &mut |_, _| {});
        hay.error(
            "bad rows",
            &bad.err().unwrap_or_else(|| panic!("{from} became {to}, and was sealed")),
        );
    }
}

/// Why a file that was altered by its own owner is not taken.
async fn broken(
    parties: &Parties,
    room: &mut Room,
    store: &mut Store,
    file: Vec<u8>,
) -> client::grant::GrantError {
    let path = parties.folder.path().join("altered.sealed");
    std::fs::write(&path, &file).unwrap();
    let keys = sealing::read_keys(&parties.folder.path().join("sealed/sales.keys")).unwrap();
    let bytes = std::fs::read(parties.folder.path().join("sealed/sales.manifest")).unwrap();
    let authority = protocol::delegation::Authority::at_any_time(&parties.contract);
    let opened =
        |bytes| protocol::manifest::SignedManifest::open(bytes, &authority, "retailer").unwrap();
    let honest = opened(bytes);
    let mut manifest = honest.manifest().clone();
    manifest.version += 1;
    manifest.root = protocol::merkle::root_of(&file);
    let manifest = opened(parties.retailer.sign(&manifest).unwrap());
    store.upload(&path, manifest.manifest().root, |_, _| {}).await.unwrap();
    client::grant::grant(room, &parties.retailer, "sales", &manifest, &keys, None, vec![])
        .await
        .unwrap_err()
}

/// The retailer's custody, behind a tap; and what it tells its operator.
async fn custody(
    parties: &Parties,
    room: &Address,
    wires: &Tap,
) -> (String, Arc<Mutex<Vec<String>>>) {
    let load = || Arc::new(Identity::load(parties.retailer.directory()).unwrap());
    let ledger = Ledger::open(&parties.retailer).unwrap();
    let contract = parties.contract.clone();
    let believer = RoomBeliever::new(room.clone(), contract.clone(), parties.trust(), load());
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let tell = move |event| told.lock().unwrap().push(format!("{event:?}"));
    let service = Service::new(contract, load(), ledger, believer, tell).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(custody::serve(
        listener,
        &custody::Door::Plain,
        Arc::new(service),
        std::future::pending(),
    ));
    let tapped = wires.clone().tcp(address).await;
    (format!("http://{}", tapped.authority()), events)
}

impl Haystack {
    fn debug(&mut self, what: &str, value: &dyn Debug) {
        self.add(what, format!("{value:?} {value:#?}").into_bytes());
    }

    /// An error as people see it, as a log might, and all its causes.
    fn error(&mut self, what: &str, error: &dyn Error) {
        let mut cause = Some(error);
        while let Some(error) = cause {
            self.add(what, format!("{error} {error:?} {error:#?}").into_bytes());
            cause = error.source();
        }
    }
}

const ROWS: u32 = 600;
