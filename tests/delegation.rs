//! Keys that a root key delegates: what one signs that is not good for it is refused by name, and services need no
//! root key on their disk.

use client::{
    clock,
    grant::{GrantError, grant, tell_withdrawals, withdraw},
    keys::{self, Identity},
    room::Room,
};
use protocol::{
    canonical,
    delegation::{Authority, Delegation, KeyError, KeyFlaw, KeyKind, Withdrawal},
    manifest::SignedManifest,
    message::{Body, Reply},
    refusal::{GrantFlaw, Refusal},
    salt::BucketSalt,
    sealed::FOOTER,
    storage::Ask,
    time::Time,
};
use sealing::Version;
use serde_bytes::ByteBuf;
use std::{
    fs,
    path::Path,
    sync::{Arc, mpsc},
    time::Duration,
};
use tempfile::TempDir;
use tests::{HostileHost, Instance, JOB, Parties, exposures, sales, salt};

/// A room whose data are granted.
struct Stage {
    parties: Parties,
    host: Arc<HostileHost>,
    instance: Instance,
    room: Room,
}

impl Stage {
    async fn set() -> Self {
        let parties = Parties::new();
        let host = HostileHost::new(&parties);
        let instance = parties.boot(&host).await;
        let mut room = parties.connect(&instance).await.unwrap();
        for (dataset, csv) in [("exposures", exposures(400)), ("sales", sales(300))] {
            let sealed = parties.seal(dataset, &csv, 1);
            host.keep(&sealed);
            parties.grant(&mut room, dataset, &sealed).await.unwrap();
        }
        Self { parties, host, instance, room }
    }

    async fn asks(&mut self, by: &Identity, body: Body) -> Result<Reply, Refusal> {
        match self.room.request(by, body).await.unwrap() {
            Reply::Refused(refusal) => Err(refusal),
            reply => Ok(reply),
        }
    }
}

/// A folder with some of the files of a party, and the keys that it then has.
fn folder(of: &Identity, files: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        fs::copy(of.directory().join(file), folder.path().join(file)).unwrap();
    }
    folder
}

/// The same key, delegated for other times or another kind, in a folder of its own.
fn delegated(
    of: &Identity,
    as_kind: KeyKind,
    change: impl FnOnce(&mut Delegation),
) -> (TempDir, Identity) {
    let mut delegation = of.service().unwrap().delegation().clone();
    delegation.kind = as_kind;
    change(&mut delegation);
    let folder = folder(of, &["withdrawn.json"]);
    let into = |file: String| folder.path().join(file);
    fs::copy(of.directory().join("service.key"), into(keys::key_file(as_kind))).unwrap();
    let signed = of.root().unwrap().sign(&delegation);
    fs::write(into(keys::delegation_file(as_kind)), signed).unwrap();
    let identity = Identity::load(folder.path()).unwrap();
    (folder, identity)
}

/// Another service key of a party, in a folder of its own.
fn second_service(of: &Identity) -> (TempDir, Identity) {
    let folder = folder(of, &["withdrawn.json"]);
    let key = keys::make_key(folder.path(), KeyKind::Service).unwrap();
    let delegation = keys::delegation_from_now(KeyKind::Service, "second", key, 1).unwrap();
    let file = folder.path().join(keys::delegation_file(KeyKind::Service));
    fs::write(file, of.root().unwrap().sign(&delegation)).unwrap();
    let identity = Identity::load(folder.path()).unwrap();
    (folder, identity)
}

/// The withdrawal of a service key by its party's root key.
fn taken_back(by: &Identity, key: &Identity) -> Vec<u8> {
    let key = key.service().unwrap().delegation().key;
    by.root().unwrap().sign(&Withdrawal { key, name: "service".to_owned() })
}

/// Halts the host at every question that `is`: says when it came to one, and goes on once the sender is dropped.
fn halt(host: &HostileHost, is: fn(&Ask) -> bool) -> (mpsc::Receiver<()>, mpsc::Sender<()>) {
    let ((came, comes), (go, goes)) = (mpsc::channel(), mpsc::channel());
    host.misbehave(move |ask, answer| {
        if is(ask) {
            came.send(()).unwrap_or_default();
            goes.recv().unwrap_or_default();
        }
        answer
    });
    (comes, go)
}

fn why(found: Result<Reply, Refusal>) -> KeyFlaw {
    match found {
        Err(Refusal::Key { party, why, .. }) => {
            assert_eq!(party, "publisher");
            why
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_key_that_is_not_good_for_a_request_is_refused_by_what_it_lacks() {
    let mut stage = Stage::set().await;
    let now = clock::now();
    let publisher = Identity::load(stage.parties.publisher.directory()).unwrap();
    let before = now.plus_seconds(3600);
    let (_folder, early) = delegated(&publisher, KeyKind::Service, |it| it.from = before);
    assert_eq!(why(stage.asks(&early, Body::Status {}).await), KeyFlaw::NotYet { from: before });
    let over = Time(now.0 - 1000);
    let (_folder, late) = delegated(&publisher, KeyKind::Service, |it| it.until = over);
    let refused = stage.asks(&late, Body::Status {}).await;
    let said = refused.clone().unwrap_err().to_string();
    assert!(said.contains("the service key \"service\" of publisher expired at"), "{said}");
    assert_eq!(why(refused), KeyFlaw::Expired { until: over });
    // An analyst key asks for the status and for jobs, and for nothing else.
    let (_folder, analyst) = delegated(&publisher, KeyKind::Analyst, |_| {});
    stage.asks(&analyst, Body::Status {}).await.unwrap();
    let needed = KeyKind::Service;
    for body in [Body::Close {}, Body::Revoke { dataset: "exposures".to_owned() }] {
        assert_eq!(why(stage.asks(&analyst, body).await), KeyFlaw::OtherKind { needed });
    }
    // A job that a service key signed is nobody's.
    let prepared = stage.parties.prepare(&mut stage.room, JOB).await;
    let job = prepared.admitted().job().clone();
    let (_folder, service) = delegated(&publisher, KeyKind::Service, |_| {});
    let as_analyst = analyst.sign(&job).unwrap();
    let body = |job: Vec<u8>| Body::Job { job, slices: Vec::new() };
    assert!(matches!(stage.asks(&service, body(as_analyst)).await, Ok(Reply::Result { .. })));
    let stranger = tempfile::tempdir().unwrap();
    let stranger = Identity::create(stranger.path(), "publisher", None).unwrap();
    assert_eq!(stage.asks(&stranger, Body::Status {}).await, Err(Refusal::Stranger));
}

#[tokio::test]
async fn what_a_withdrawn_key_signs_is_refused_here_and_by_every_instance_that_is_granted_to() {
    let mut stage = Stage::set().await;
    let publisher = Identity::load(stage.parties.publisher.directory()).unwrap();
    let stolen = folder(&publisher, &["service.key", "service.delegation", "withdrawn.json"]);
    let thief = Identity::load(stolen.path()).unwrap();
    stage.asks(&thief, Body::Status {}).await.unwrap();

    // Another party cannot take it back, and who has the root key can, whoever brings the word.
    let key = publisher.service().unwrap().delegation().key;
    let withdrawal = Withdrawal { key, name: "service".to_owned() };
    let by_retailer = stage.parties.retailer.root().unwrap().sign(&withdrawal);
    let retailer = Identity::load(stage.parties.retailer.directory()).unwrap();
    withdraw(&mut stage.room, &retailer, by_retailer).await.unwrap();
    stage.asks(&thief, Body::Status {}).await.unwrap();
    let signed = publisher.root().unwrap().sign(&withdrawal);
    client::withdrawals::keep(publisher.directory(), &signed).unwrap();
    withdraw(&mut stage.room, &retailer, signed).await.unwrap();
    assert_eq!(why(stage.asks(&thief, Body::Status {}).await), KeyFlaw::Withdrawn);
    assert_eq!(why(stage.asks(&publisher, Body::Close {}).await), KeyFlaw::Withdrawn);

    // A new key takes its place; a new instance hears of the old one with the grant.
    keys::set_aside(publisher.directory(), KeyKind::Service).unwrap();
    let fresh = keys::make_key(publisher.directory(), KeyKind::Service).unwrap();
    let delegation = keys::delegation_from_now(KeyKind::Service, "second", fresh, 1).unwrap();
    let file = publisher.directory().join(keys::delegation_file(KeyKind::Service));
    fs::write(file, publisher.root().unwrap().sign(&delegation)).unwrap();
    let publisher = Identity::load(publisher.directory()).unwrap();
    stage.asks(&publisher, Body::Status {}).await.unwrap();
    let instance = stage.parties.boot(&stage.host).await;
    let mut room = stage.parties.connect(&instance).await.unwrap();
    // What cannot be undone: an instance that has not heard of it.
    assert!(matches!(room.request(&thief, Body::Status {}).await, Ok(Reply::Status(_))));
    let retailer = Identity::load(stage.parties.retailer.directory()).unwrap();
    tell_withdrawals(&mut room, &retailer).await.unwrap();
    assert!(matches!(room.request(&thief, Body::Status {}).await, Ok(Reply::Status(_))));
    let started = stage.parties.boot(&stage.host).await;
    let mut fresh = stage.parties.connect(&started).await.unwrap();
    tell_withdrawals(&mut fresh, &publisher).await.unwrap();
    let Ok(Reply::Refused(refused)) = fresh.request(&thief, Body::Status {}).await else {
        panic!()
    };
    assert_eq!(why(Err(refused)), KeyFlaw::Withdrawn);
    let csv = stage.parties.folder.path().join("again.csv");
    fs::write(&csv, exposures(400)).unwrap();
    let (contract, key) = (&stage.parties.contract, publisher.service().unwrap());
    let options = sealing::Options::default();
    let salt = salt();
    let version = Version { contract, dataset: "exposures", owner: key, salt: &salt, number: 2 };
    let sealed = sealing::in_memory(&csv, &version, &options, &mut |_, _| {}).unwrap();
    stage.host.keep(&sealed);
    let (manifest, columns) = (&sealed.manifest, &sealed.keys);
    grant(&mut room, &publisher, "exposures", manifest, columns, None, vec![]).await.unwrap();
    let Ok(Reply::Refused(refused)) = room.request(&thief, Body::Status {}).await else { panic!() };
    assert_eq!(why(Err(refused)), KeyFlaw::Withdrawn);
}

/// The manifest is of a key that stays good: who asked for the grant is asked again too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_grant_of_a_key_that_is_withdrawn_while_the_file_is_fetched_does_not_open() {
    let mut stage = Stage::set().await;
    let publisher = Identity::load(stage.parties.publisher.directory()).unwrap();
    let sealed = stage.parties.seal("exposures", &exposures(300), 2);
    stage.host.keep(&sealed);
    let (folder, thief) = second_service(&publisher);
    let told = taken_back(&publisher, &thief);
    let (soon, mut generator) = (clock::now().plus_seconds(60), keys::generator().unwrap());
    let to = stage.parties.to(&stage.room, "exposures");
    let (manifest, columns) = (&sealed.manifest, &sealed.keys);
    let grant = to.seal("exposures", manifest, columns, soon, &mut generator).unwrap();
    let (came, go) = halt(&stage.host, |ask| matches!(ask, Ask::Read { .. }));
    let mut room = stage.parties.connect(&stage.instance).await.unwrap();
    let body = Body::Grant { grant, slices: Vec::new() };
    let granting = tokio::spawn(async move { room.request(&thief, body).await.unwrap() });
    came.recv().unwrap();
    withdraw(&mut stage.room, &publisher, told).await.unwrap();
    drop(go);
    let Reply::Refused(refused) = granting.await.unwrap() else { panic!("granted") };
    drop(folder);
    assert_eq!(why(Err(refused)), KeyFlaw::Withdrawn);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_that_waits_while_its_key_is_withdrawn_is_refused() {
    let mut stage = Stage::set().await;
    let publisher = Identity::load(stage.parties.publisher.directory()).unwrap();
    let prepared = stage.parties.prepare(&mut stage.room, JOB).await;
    let (folder, thief) = second_service(&publisher);
    let told = taken_back(&publisher, &thief);
    let job = Body::Job { job: prepared.as_bytes().to_vec(), slices: Vec::new() };
    let withdrawal = Body::Withdraw { withdrawal: told };
    let revoke = Body::Revoke { dataset: "exposures".to_owned() };
    // A job is under way; the withdrawal waits for it, and what the thief asks waits for both.
    let (came, go) = halt(&stage.host, |ask| matches!(ask, Ask::Put { .. }));
    let mut asked = Vec::new();
    let from = [stage.parties.publisher.directory(), publisher.directory(), folder.path()];
    for (body, from) in [job, withdrawal, revoke].into_iter().zip(from) {
        let mut room = stage.parties.connect(&stage.instance).await.unwrap();
        let by = Identity::load(from).unwrap();
        let asking = tokio::spawn(async move { room.request(&by, body).await.unwrap() });
        if asked.is_empty() {
            came.recv().unwrap();
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        asked.push(asking);
    }
    drop(go);
    let mut replies = Vec::new();
    for asking in asked {
        replies.push(asking.await.unwrap());
    }
    let [Reply::Result { .. }, Reply::Withdrawn {}, Reply::Refused(refused)] = replies.as_slice()
    else {
        panic!("{replies:?}")
    };
    assert_eq!(why(Err(refused.clone())), KeyFlaw::Withdrawn);
    stage.host.behave();
    let status = stage.asks(&publisher, Body::Status {}).await.unwrap();
    let Reply::Status(status) = status else { panic!("{status:?}") };
    assert!(status.datasets.iter().any(|open| open.dataset == "exposures"), "granted still");
}

#[tokio::test]
async fn a_grant_with_another_salt_or_that_outlives_its_key_opens_nothing() {
    let mut stage = Stage::set().await;
    let sealed = stage.parties.seal("sales", &sales(300), 2);
    stage.host.keep(&sealed);
    let retailer = Identity::load(stage.parties.retailer.directory()).unwrap();
    let mut generator = keys::generator().unwrap();
    let other = BucketSalt::take(&mut [7; BucketSalt::LEN]);
    let soon = clock::now().plus_seconds(60);
    let to = stage.parties.to(&stage.room, "sales");
    let to = client::grant::GrantTarget { salt: &other, ..to };
    let grant = to.seal("sales", &sealed.manifest, &sealed.keys, soon, &mut generator).unwrap();
    assert!(grant.columns.iter().any(|column| column == FOOTER));
    let bad = |why| Err(Refusal::BadGrant { dataset: "sales".to_owned(), why });
    let body = Body::Grant { grant, slices: Vec::new() };
    assert_eq!(stage.asks(&retailer, body).await, bad(GrantFlaw::Salt));

    let (_folder, brief) = delegated(&retailer, KeyKind::Service, |it| it.until = soon);
    let to = stage.parties.to(&stage.room, "sales");
    let later = soon.plus_seconds(1);
    let grant = to.seal("sales", &sealed.manifest, &sealed.keys, later, &mut generator).unwrap();
    let body = Body::Grant { grant, slices: Vec::new() };
    assert_eq!(stage.asks(&brief, body).await, bad(GrantFlaw::OutlivesKey));
    // Our own client has no salt but the contract's, and asks for no more than the key lasts.
    let salts = retailer.directory().join("salts");
    copy_all(&salts, &brief.directory().join("salts"));
    let (manifest, keys) = (&sealed.manifest, &sealed.keys);
    let room = &mut stage.room;
    let granted = client::grant::grant(room, &brief, "sales", manifest, keys, None, vec![]).await;
    assert_eq!(granted.unwrap().not_after, soon);
    fs::remove_dir_all(brief.directory().join("salts")).unwrap();
    let none = client::grant::grant(room, &brief, "sales", manifest, keys, None, vec![]).await;
    assert!(matches!(none, Err(GrantError::Salt(_))));
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A job that runs by itself, on a machine that has neither the root key nor the service key.
#[tokio::test]
async fn an_analyst_needs_the_analyst_key_alone_and_the_receipt_names_it() {
    let mut stage = Stage::set().await;
    let files = ["analyst.key", "analyst.delegation", "recipient.key", "withdrawn.json"];
    let folder = folder(&stage.parties.publisher, &files);
    let analyst = Identity::load(folder.path()).unwrap();
    assert!(analyst.root().is_err() && analyst.service().is_err());
    let options = client::job::Options::default();
    let prepared = client::job::prepare(&mut stage.room, &analyst, JOB, &options).await.unwrap();
    let mut nobody = client::job::Custodies::default();
    let ran =
        client::job::run(&mut stage.room, &analyst, &prepared, &mut nobody, &mut |_| {}).await;
    let sealed = ran.unwrap().sealed.unwrap();
    let (contract, trust) = (&stage.parties.contract, stage.parties.trust());
    let opened = client::open::open(&sealed, &analyst, contract, prepared.name(), &trust).unwrap();
    let by = opened.asked.signed_by();
    assert_eq!((by.party(), by.kind(), by.name()), ("publisher", KeyKind::Analyst, "analyst"));
    assert_eq!(opened.result.analyst_key, "analyst");
}

/// A root key may say of any key that it is its own. The key itself signed for its party alone: nothing of it, asked again by
/// who claims the key, is the word of who claims it.
#[tokio::test]
async fn nothing_that_another_partys_key_signed_counts_as_the_word_of_who_delegates_that_key() {
    let mut stage = Stage::set().await;
    let publisher = Identity::load(stage.parties.publisher.directory()).unwrap();
    let retailer = Identity::load(stage.parties.retailer.directory()).unwrap();
    let root = retailer.root().unwrap();
    let claimed = |theirs: &[u8], key: &Delegation| {
        let (_, signed): (ByteBuf, ByteBuf) = canonical::from_slice(theirs).unwrap();
        canonical::to_vec(&(ByteBuf::from(root.sign(key)), signed))
    };
    let prepared = stage.parties.prepare(&mut stage.room, JOB).await;
    let theirs = prepared.as_bytes().to_vec();
    let job = claimed(&theirs, publisher.analyst().unwrap().delegation());
    let body = Body::Job { job, slices: Vec::new() };
    assert_eq!(stage.asks(&retailer, body).await, Err(Refusal::Stranger));
    // The manifest of the publisher's dataset as the retailer's.
    let sealed = stage.parties.seal("exposures", &exposures(300), 2);
    let key = publisher.service().unwrap().delegation();
    let manifest = claimed(sealed.manifest.as_bytes(), key);
    let authority = Authority::at(&stage.parties.contract, clock::now());
    SignedManifest::open(sealed.manifest.as_bytes().to_vec(), &authority, "publisher").unwrap();
    let refused = SignedManifest::open(manifest, &authority, "retailer").unwrap_err();
    assert_eq!(refused, KeyError::Stranger);
    // The very job, by whom it is.
    let body = Body::Job { job: theirs, slices: Vec::new() };
    let answered = stage.asks(&publisher, body).await;
    assert!(matches!(answered, Ok(Reply::Result { .. })), "{answered:?}");
}
