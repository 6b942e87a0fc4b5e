//! The audit log that an instance leaves at its host: it is there before a reply leaves, gives each party what the instance would,
//! and shows whoever changes it.

#[path = "left_logs/written.rs"]
mod written;

use client::{
    audit::{AuditError, BadRecord, KeptLog, Reading, StoredLog, StoredLogError},
    close::Closing,
    keys::Identity,
    receipt_check::{self, ReceiptFiles},
    room::{Room, RoomError},
};
use protocol::{
    audit::{Event, Listed, LogFlaw},
    digest::Digest,
    merkle::Head,
    message::{Body, Reply},
    refusal::Refusal,
    storage::{Answer, Ask, Failure},
};
use serde_json::Value;
use std::{collections::BTreeMap, fs, sync::Arc};
use tests::{HostileHost, Instance, JOB, Parties, exposures, processes::Site, sales};

/// What a host has of one instance's log.
#[derive(Clone)]
struct Left {
    opening: Vec<u8>,
    records: Vec<Vec<u8>>,
}

impl Left {
    fn of(host: &HostileHost, instance: Digest) -> Self {
        let mut logs: BTreeMap<String, Vec<u8>> = host.logs();
        let opening = logs.remove(&format!("logs/{instance}/opening")).unwrap();
        let next = |number| logs.get(&format!("logs/{instance}/{number}")).cloned();
        let records = (0..).map_while(next).collect();
        Self { opening, records }
    }

    /// What a party makes of it that has `kept` already.
    fn read_into(
        &self,
        kept: Option<KeptLog>,
        parties: &Parties,
        identity: &Identity,
        instance: Digest,
    ) -> Result<KeptLog, AuditError> {
        let trust = parties.trust();
        let stored = StoredLog::open(&self.opening, identity, &parties.contract, &trust, instance)?;
        let mut kept = kept.unwrap_or_else(|| KeptLog::of_stored(&stored));
        let mut reading = Reading::begin(&mut kept, &stored)?;
        for record in self.records.iter().skip(usize::try_from(reading.wanted()).unwrap()) {
            reading.push(record)?;
        }
        reading.end()?;
        Ok(kept)
    }
}

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
        let room = parties.connect(&instance).await.unwrap();
        let mut stage = Self { parties, host, instance, room };
        for (dataset, csv) in [("exposures", exposures(400)), ("sales", sales(400))] {
            let sealed = stage.parties.seal(dataset, &csv, 1);
            stage.host.keep(&sealed);
            stage.parties.grant(&mut stage.room, dataset, &sealed).await.unwrap();
        }
        stage
    }

    /// The head that a receipt of the answer to `job` has.
    async fn answers(&mut self, job: &str) -> Head {
        let prepared = self.parties.prepare(&mut self.room, job).await;
        let ran = self.parties.run(&mut self.room, &prepared).await.unwrap();
        let package = client::open::unseal(
            &ran.sealed.unwrap(),
            &self.parties.publisher,
            &self.parties.contract,
            ran.job,
        );
        let (contract, trust) = (&self.parties.contract, self.parties.trust());
        let receipt = package.unwrap().receipt;
        let checked = receipt_check::check(contract, &receipt, ReceiptFiles::default(), &trust);
        let body = checked.unwrap().body;
        Head { size: body.audit_size, root: body.audit_root }
    }

    /// The retailer asks for what it may not have.
    async fn refuses(&mut self) -> Refusal {
        let body = Body::Revoke { dataset: "exposures".to_owned() };
        let reply = self.room.request(&self.parties.retailer, body).await.unwrap();
        let Reply::Refused(refusal) = reply else { panic!("{reply:?}") };
        refusal
    }

    fn digest(&self) -> Digest {
        self.room.instance().digest()
    }

    fn left(&self) -> Left {
        Left::of(&self.host, self.digest())
    }

    fn read(&self, left: &Left, party: &str) -> Result<KeptLog, AuditError> {
        left.read_into(None, &self.parties, self.party(party), self.digest())
    }

    fn party(&self, name: &str) -> &Identity {
        if name == "publisher" { &self.parties.publisher } else { &self.parties.retailer }
    }

    /// What the instance itself says.
    async fn told(&mut self, party: &str) -> KeptLog {
        let parties = &self.parties;
        let identity = if party == "publisher" { &parties.publisher } else { &parties.retailer };
        let mut log = KeptLog::of(&self.room, identity).unwrap();
        log.extend(&mut self.room, identity).await.unwrap();
        log
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_instance_leaves_each_party_what_it_would_have_told() {
    let mut stage = Stage::set().await;
    let first = stage.answers(JOB).await;
    assert!(matches!(stage.refuses().await, Refusal::NotPermitted { .. }));
    let second = stage.answers(&JOB.replace("50.0", "40.0")).await;
    let told = [stage.told("publisher").await, stage.told("retailer").await];
    stage.instance.kill();
    for log in told {
        let read = stage.read(&stage.left(), log.party()).unwrap();
        assert_eq!(read.log().entries(), log.log().entries());
        assert_eq!(read.heads().last().unwrap().head, log.heads().last().unwrap().head);
        read.log().check(&[first, second]).unwrap();
        // It is a file as any, and what was taken out of it comes back.
        let contract = &stage.parties.contract;
        let kept = KeptLog::from_bytes(&read.to_bytes(), contract).unwrap();
        let identity = stage.party(log.party());
        let again = stage.left().read_into(Some(kept), &stage.parties, identity, stage.digest());
        assert_eq!(again.unwrap().log().entries(), log.log().entries());
    }
    // Whom an entry does not concern has its salted hash, and no word of it.
    let publishers = stage.read(&stage.left(), "publisher").unwrap();
    let hidden = publishers.log().entries().iter().filter(|e| matches!(e, Listed::Others(_)));
    assert_eq!(hidden.count(), 1, "the retailer's refusal");
}

/// The records are there when a reply comes, whatever the reply is.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_at_the_host_before_each_reply() {
    let mut stage = Stage::set().await;
    assert_eq!(stage.left().records.len(), 3, "opened, and two grants");
    stage.refuses().await;
    assert_eq!(stage.left().records.len(), 4);
    stage.answers(JOB).await;
    assert_eq!(stage.left().records.len(), 5);
    client::grant::revoke(&mut stage.room, &stage.parties.publisher, "exposures").await.unwrap();
    assert_eq!(stage.left().records.len(), 6);
    let reply = stage.room.request(&stage.parties.retailer, Body::Close {}).await.unwrap();
    let Reply::Closed { closing } = reply else { panic!("{reply:?}") };
    let (contract, trust) = (&stage.parties.contract, stage.parties.trust());
    let closing = Closing::verify(&closing, contract, &trust, None).unwrap();
    let read = stage.read(&stage.left(), "retailer").unwrap();
    let head = Head { size: closing.body().audit_size, root: closing.body().audit_root };
    assert_eq!((head.size, read.heads().last().unwrap().head), (7, head));
    assert_eq!(read.log().texts().last().unwrap().event, Event::Closed {});
    // All of them look the same to the host, whatever they say.
    let lengths: Vec<_> = stage.left().records.iter().map(Vec::len).collect();
    assert!(lengths.iter().all(|length| *length == lengths[0]), "{lengths:?}");
}

/// Nothing that was decided leaves before its record is kept. What was paid stays paid, and a retry is answered for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_keeps_no_record_gets_no_reply_and_nobody_pays_twice() {
    let mut stage = Stage::set().await;
    let prepared = stage.parties.prepare(&mut stage.room, JOB).await;
    let no_log = |why: Failure| {
        move |ask: &Ask, answer: Answer| match ask {
            Ask::Put { name, .. } if name.log_of().is_some() => Answer::Failed { why },
            _ => answer,
        }
    };
    let recorded = stage.left().records.len();
    for why in [Failure::Full, Failure::Io, Failure::Conflict] {
        stage.host.misbehave(no_log(why));
        let refused = stage.parties.run(&mut stage.room, &prepared).await.unwrap_err();
        assert!(refused.may_pass_later(), "{refused}");
        assert!(refused.to_string().contains("no reply leaves"), "{refused}");
        assert_eq!(stage.host.objects().len(), 0, "a result has left before its record");
        assert_eq!(stage.refuses().await, Refusal::LogNotStored);
        let status = stage.room.status(&stage.parties.publisher).await.unwrap_err();
        let RoomError::Refused(status) = status else { panic!("{status}") };
        assert_eq!(*status, Refusal::LogNotStored, "its head is of entries that nobody has");
    }
    // Who asks for the log gets it, pending entries too.
    let told = stage.told("publisher").await;
    stage.host.behave();
    let ran = stage.parties.run(&mut stage.room, &prepared).await.unwrap();
    assert_eq!(ran.not_stored, Vec::<String>::new());
    let accounts = stage.room.status(&stage.parties.publisher).await.unwrap().accounts;
    let deliveries = stage.room.status(&stage.parties.publisher).await.unwrap().deliveries;
    assert!(deliveries.iter().all(|counted| (counted.charged, counted.free) == (1, 0)));
    let charged = stage.told("retailer").await.log().texts().find_map(|entry| match entry.event {
        Event::Answered { charged, .. } => Some(charged),
        _ => None,
    });
    for charge in charged.unwrap() {
        let account = accounts.iter().find(|account| account.dataset == charge.dataset).unwrap();
        assert_eq!(account.spent, charge.loss, "paid once");
    }
    let read = stage.read(&stage.left(), "publisher").unwrap();
    assert!(stage.left().records.len() > recorded);
    assert_eq!(read.differs_from(&told).unwrap(), None);
    assert!(read.log().size() >= told.log().size());
    assert_eq!(stage.host.objects().len(), 2);
}

/// A host may end an instance at any time; that it keeps no log must not keep back what an owner did not spend.
#[tokio::test(flavor = "multi_thread")]
async fn a_closing_leaves_all_the_same_and_names_what_the_host_lost() {
    let mut stage = Stage::set().await;
    let kept = stage.left();
    stage.host.misbehave(|ask, answer| match ask {
        Ask::Put { name, .. } if name.log_of().is_some() => Answer::Failed { why: Failure::Full },
        _ => answer,
    });
    assert_eq!(stage.refuses().await, Refusal::LogNotStored);
    let reply = stage.room.request(&stage.parties.retailer, Body::Close {}).await.unwrap();
    let Reply::Closed { closing } = reply else { panic!("{reply:?}") };
    let (contract, trust) = (&stage.parties.contract, stage.parties.trust());
    let closing = Closing::verify(&closing, contract, &trust, None).unwrap();
    let head = Head { size: closing.body().audit_size, root: closing.body().audit_root };
    let read = stage.read(&kept, "publisher").unwrap();
    let short = LogFlaw::Short { first: 3, found: 3, expected: 5 };
    assert_eq!(read.log().check(&[head]), Err(short));
    // The closed instance still tells its whole log.
    stage.told("publisher").await.log().check(&[head]).unwrap();
}

/// Forty ways of a host to give another log than was left, each named.
#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_host_makes_of_a_log_is_named() {
    let mut stage = Stage::set().await;
    let mut heads = Vec::new();
    for cap in ["50.0", "40.0", "30.0"] {
        heads.push(stage.answers(&JOB.replace("50.0", cap)).await);
        stage.refuses().await;
    }
    let left = stage.left();
    let size = left.records.len();
    assert_eq!(size, 9);
    let whole = stage.read(&left, "retailer").unwrap();
    whole.log().check(&heads).unwrap();
    // Another instance of the same parties, contract and build.
    let other = stage.parties.boot(&stage.host).await;
    let mut room = stage.parties.connect(&other).await.unwrap();
    let body = Body::Revoke { dataset: "exposures".to_owned() };
    room.request(&stage.parties.retailer, body).await.unwrap();
    let foreign = Left::of(&stage.host, room.instance().digest());
    let mut tried = 0;
    let mut bad = |what: &str, left: &Left, at: usize| {
        tried += 1;
        let number = u64::try_from(at).unwrap();
        for party in ["publisher", "retailer"] {
            match stage.read(left, party).unwrap_err() {
                AuditError::Stored(StoredLogError::Record { number: found, why }) => {
                    assert_eq!(found, number, "{what} at {at}: {why}");
                    match (what, &why) {
                        ("changed" | "foreign", BadRecord::NotSigned(_)) => {}
                        ("dropped" | "moved" | "replayed", BadRecord::OtherPlace { .. }) => {}
                        _ => panic!("{what} at {at}: {why}"),
                    }
                }
                other => panic!("{what} at {at}: {other}"),
            }
        }
    };
    for at in 0..size {
        let mut changed = left.clone();
        let middle = changed.records[at].len() / 2;
        changed.records[at][middle] ^= 1;
        bad("changed", &changed, at);
        if at + 1 < size {
            let mut dropped = left.clone();
            dropped.records.remove(at);
            bad("dropped", &dropped, at);
            let mut moved = left.clone();
            moved.records.swap(at, at + 1);
            bad("moved", &moved, at);
        }
        let mut replayed = left.clone();
        replayed.records.insert(at + 1, left.records[at].clone());
        bad("replayed", &replayed, at + 1);
        let mut swapped = left.clone();
        swapped.records[at].clone_from(&foreign.records[at % foreign.records.len()]);
        bad("foreign", &swapped, at);
    }
    // What is cut off at the end is signed and in order. Receipts, closings and heads that were seen before name it.
    for kept in 1..size {
        tried += 1;
        let cut = Left { records: left.records[..kept].to_vec(), ..left.clone() };
        let read = stage.read(&cut, "retailer").unwrap();
        let missing = heads.iter().find(|head| head.size > u64::try_from(kept).unwrap());
        let first = u64::try_from(kept).unwrap();
        if let Some(head) = missing {
            let short = LogFlaw::Short { first, found: first, expected: head.size };
            assert_eq!(read.log().check(&heads), Err(short));
        }
        // A party that had read all of it sees what is missing itself; what it has is not asked for again.
        let (parties, publisher) = (&stage.parties, &stage.parties.publisher);
        let known = stage.read(&left, "publisher").unwrap();
        let first = first.max(known.log().first_without_text());
        let read = cut.read_into(Some(known), parties, publisher, stage.digest());
        match read.unwrap_err() {
            AuditError::Flaw(LogFlaw::Short { first: found, expected, .. }) => {
                assert_eq!((found, expected), (first, 9));
            }
            other => panic!("{other}"),
        }
    }
    let nothing = Left { records: Vec::new(), ..left.clone() };
    let flaw = stage.read(&nothing, "retailer").unwrap_err();
    assert!(matches!(flaw, AuditError::Stored(StoredLogError::Nothing)), "{flaw}");
    // The opening: another instance's, changed, cut off, or an attested word of another kind.
    let opening = |bytes: Vec<u8>| {
        let left = Left { opening: bytes, ..left.clone() };
        stage.read(&left, "publisher").unwrap_err()
    };
    let flaw = opening(foreign.opening.clone());
    assert!(matches!(flaw, AuditError::Stored(StoredLogError::OtherInstance { .. })), "{flaw}");
    for at in [9, left.opening.len() / 3, left.opening.len() - 1] {
        let mut changed = left.opening.clone();
        changed[at] ^= 1;
        let flaw = opening(changed);
        assert!(
            matches!(
                flaw,
                AuditError::Stored(StoredLogError::Malformed(_) | StoredLogError::NotBelieved(_))
            ),
            "{flaw}"
        );
    }
    let flaw = opening(left.opening[..99].to_vec());
    assert!(matches!(flaw, AuditError::Stored(StoredLogError::Malformed(_))), "{flaw}");
    let reply = stage.room.request(&stage.parties.retailer, Body::Close {}).await.unwrap();
    let Reply::Closed { closing } = reply else { panic!("{reply:?}") };
    let closed = Left { opening: closing, ..left.clone() };
    let flaw = stage.read(&closed, "publisher").unwrap_err();
    assert!(matches!(flaw, AuditError::Stored(StoredLogError::NoOpening)), "{flaw}");
    assert!(tried >= 40, "{tried}");
}

/// As parties use it: the programs in processes of their own, the enclave and then its host killed by `kill -9`.
#[test]
fn what_a_killed_enclave_decided_is_listed_checked_and_taken_along() {
    let mut site = Site::open();
    site.grant();
    site.ok(&site.submit_of(0));
    site.open_result(0, "publisher");
    site.open_result(0, "retailer");
    let killed = site.instance();
    site.kill_enclave();
    let list = |line: &str| {
        let text = site.ok(&format!("audit list ROOM UNDER {line} --json"));
        serde_json::from_str::<Value>(&text).unwrap()["result"].take()
    };
    for party in ["publisher", "retailer"] {
        let listed = list(&format!("--dir {party}"));
        assert_ne!(listed["instance"], killed.as_str(), "the one that serves");
        let left = listed["left"].as_array().unwrap();
        assert_eq!(left.len(), 1, "{listed:#}");
        assert_eq!(left[0]["instance"], killed.as_str());
        assert_eq!(left[0]["answered"], 1, "{listed:#}");
        assert_eq!(left[0]["charged"].as_array().unwrap().len(), 2);
        assert!(left[0]["added"].as_u64().unwrap() >= 4);
        let said = site.ok(&format!("audit check {party}/result-0 UNDER --dir {party}"));
        assert!(said.contains("attested by the receipt"), "{said}");
    }
    let words = site.ok("audit list ROOM UNDER --dir retailer");
    for word in ["left at the host:", "exposures was granted", "asked by publisher"] {
        assert!(words.contains(word), "{word}: {words}");
    }
    let short: String = killed.chars().take(8).collect();
    let named = list(&format!("--instance {short} --dir retailer"));
    assert_eq!((&named["left"][0]["added"], &named["instance"]), (&0.into(), &Value::Null));
    // It is there after the host was killed too, and travels with the room.
    site.kill_host();
    site.start_host();
    fs::remove_dir_all(site.path("publisher/audit")).unwrap();
    site.ok("audit list ROOM UNDER --dir publisher");
    site.ok("room export UNDER --dir publisher -o taken");
    assert!(site.path(&format!("taken/audit/{killed}.audit")).exists());
    tampered(&mut site, &killed);
}

/// A hostile operator changes what is on its disk.
fn tampered(site: &mut Site, instance: &str) {
    let folder = site.path(&format!("host/blobs/logs/{instance}"));
    let at = |name: &str| folder.join(name);
    let names = fs::read_dir(at("")).unwrap().count() - 1;
    let whole: Vec<_> = (0..names).map(|n| fs::read(at(&n.to_string())).unwrap()).collect();
    let again = |site: &Site| {
        fs::remove_dir_all(site.path("retailer/audit")).unwrap();
        site.run("audit list ROOM UNDER --dir retailer")
    };
    fs::write(at("2"), &whole[1]).unwrap();
    let said = again(site);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(
        said.err.contains("record 2 of the log at the host is in truth record 1"),
        "{}",
        said.err
    );
    fs::write(at("2"), &whole[2][..99]).unwrap();
    let said = again(site);
    assert!(said.err.contains("record 2 of the log at the host is not one that"), "{}", said.err);
    // What was cut off is named by the receipt: its answer is the last entry but what came after.
    fs::remove_file(at("2")).unwrap();
    let said = again(site);
    assert_eq!(said.code, Some(0));
    assert!(!said.err.contains("MISSING"), "no result was opened into the folder: {}", said.err);
    let said = site.run("audit check retailer/result-0 UNDER --dir retailer");
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(said.out.contains("entry 2 and what follows is missing"), "{}{}", said.out, said.err);
    // So it is as soon as it is listed, also if the host says nothing of the whole log.
    fs::create_dir(site.path("retailer/results")).unwrap();
    fs::rename(site.path("retailer/result-0"), site.path("retailer/results/0")).unwrap();
    let named = |site: &Site, kept: u64| {
        let said = again(site);
        let named = format!("{kept} are kept here, and the host gives no more");
        assert!(said.code == Some(0) && said.err.contains(&named), "{}{}", said.out, said.err);
    };
    named(site, 2);
    fs::write(at("2"), &whole[2]).unwrap();
    let (log, hidden) = (at(""), site.path("hidden"));
    fs::rename(&log, &hidden).unwrap();
    site.kill_host();
    site.start_host();
    named(site, 0);
    fs::rename(&hidden, &log).unwrap();
    site.kill_host();
    site.start_host();
    let said = again(site);
    assert!(said.code == Some(0) && !said.err.contains("MISSING"), "{}{}", said.out, said.err);
    site.ok("audit check retailer/results/0 UNDER --dir retailer");
}
