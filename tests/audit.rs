//! The audit log: who may read what, and that no entry can be left out, changed or moved without being named.

use client::{
    audit::{AuditError, KeptLog, SeenHead},
    close::Closing,
    keys::Identity,
    room::Room,
};
use protocol::{
    audit::{Event, Listed, LogFlaw},
    canonical,
    digest::Digest,
    limits,
    merkle::Head,
    message::{Body, Reply},
    refusal::Refusal,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{fs, sync::Arc};
use tests::{HostileHost, Instance, JOB, Parties, exposures, processes::Site, sales};

struct Stage {
    parties: Parties,
    host: Arc<HostileHost>,
    _instance: Instance,
    room: Room,
}

impl Stage {
    async fn set() -> Self {
        let parties = Parties::new();
        let host = HostileHost::new(&parties);
        let instance = parties.boot(&host).await;
        let room = parties.connect(&instance).await.unwrap();
        let mut stage = Self { parties, host, _instance: instance, room };
        for (dataset, csv) in [("exposures", exposures(400)), ("sales", sales(400))] {
            let sealed = stage.parties.seal(dataset, &csv, 1);
            stage.host.keep(&sealed);
            stage.parties.grant(&mut stage.room, dataset, &sealed).await.unwrap();
        }
        stage
    }

    fn party(&self, name: &str) -> &Identity {
        if name == "publisher" { &self.parties.publisher } else { &self.parties.retailer }
    }

    async fn answers(&mut self, job: &str) {
        let prepared = self.parties.prepare(&mut self.room, job).await;
        self.parties.run(&mut self.room, &prepared).await.unwrap();
    }

    /// The retailer asks for what it may not have.
    async fn refuses(&mut self) {
        let body = Body::Revoke { dataset: "exposures".to_owned() };
        let reply = self.room.request(&self.parties.retailer, body).await.unwrap();
        assert!(matches!(reply, Reply::Refused(Refusal::NotPermitted { .. })), "{reply:?}");
    }

    async fn log(&mut self, party: &str) -> KeptLog {
        let mut log = KeptLog::of(&self.room, self.party(party)).unwrap();
        self.extend(&mut log, party).await.unwrap();
        log
    }

    async fn extend(&mut self, log: &mut KeptLog, party: &str) -> Result<u64, AuditError> {
        let identity =
            if party == "publisher" { &self.parties.publisher } else { &self.parties.retailer };
        log.extend(&mut self.room, identity).await
    }
}

fn kinds(log: &KeptLog) -> Vec<&'static str> {
    let mut texts = log.log().texts();
    let kind = |listed: &Listed| match listed {
        Listed::Others(_) => "others",
        Listed::NotKept(_) => "not kept",
        Listed::Text(_) => match texts.next().unwrap().event {
            Event::Opened { .. } => "opened",
            Event::Granted { .. } => "granted",
            Event::Dropped { .. } => "dropped",
            Event::Withdrawn { .. } => "withdrawn",
            Event::Answered { .. } => "answered",
            Event::Refused { .. } => "refused",
            Event::Unlisted { .. } => "unlisted",
            Event::Closed {} => "closed",
            _ => "another",
        },
    };
    log.log().entries().iter().map(kind).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_party_reads_what_concerns_it_and_has_the_leaf_of_everything() {
    let mut stage = Stage::set().await;
    stage.answers(JOB).await;
    stage.refuses().await;
    let mut publisher = stage.log("publisher").await;
    let mut retailer = stage.log("retailer").await;
    assert_eq!(kinds(&publisher), ["opened", "granted", "granted", "answered", "others"]);
    assert_eq!(kinds(&retailer), ["opened", "granted", "granted", "answered", "refused"]);
    assert_eq!(publisher.differs_from(&retailer).unwrap(), None);
    let answered = publisher.log().texts().find_map(|entry| match entry.event {
        Event::Answered { asked_by, receivers, analysis, purpose, datasets, charged, .. } => {
            Some((asked_by, receivers, analysis, purpose, datasets.len(), charged.len()))
        }
        _ => None,
    });
    let both = vec!["publisher".to_owned(), "retailer".to_owned()];
    let (analysis, purpose) = ("lift".to_owned(), "measurement".to_owned());
    assert_eq!(answered, Some(("publisher".to_owned(), both, analysis, purpose, 2, 2)));
    // The same question once more costs nothing, and is an entry too.
    stage.answers(JOB).await;
    assert_eq!(stage.extend(&mut publisher, "publisher").await.unwrap(), 1);
    let last = publisher.log().texts().last().unwrap();
    assert!(matches!(last.event, Event::Answered { charged, .. } if charged.is_empty()));
    // A closed instance still gives its log, and its closing is of that log.
    let body = Body::Close {};
    let reply = stage.room.request(&stage.parties.retailer, body).await.unwrap();
    let Reply::Closed { closing } = reply else { panic!("{reply:?}") };
    stage.extend(&mut publisher, "publisher").await.unwrap();
    stage.extend(&mut retailer, "retailer").await.unwrap();
    assert_eq!(kinds(&publisher).last(), Some(&"closed"));
    let (contract, trust) = (&stage.parties.contract, stage.parties.trust());
    let closing = Closing::verify(&closing, contract, &trust, None).unwrap();
    let head = Head { size: closing.body().audit_size, root: closing.body().audit_root };
    for log in [&publisher, &retailer] {
        assert_eq!(log.log().check(&[head]), Ok(()));
        let read = KeptLog::from_bytes(&log.to_bytes(), contract).unwrap();
        assert_eq!(read.to_bytes(), log.to_bytes());
    }
    // The log of another life is another log, and an instance is not asked to go on with it.
    let again = stage.parties.boot(&stage.host).await;
    let mut room = stage.parties.connect(&again).await.unwrap();
    let refused = publisher.extend(&mut room, &stage.parties.publisher).await;
    assert!(matches!(refused, Err(AuditError::OtherInstance { .. })), "{refused:?}");
    assert!(matches!(
        KeptLog::of(&room, &stage.parties.publisher).unwrap().differs_from(&publisher),
        Err(AuditError::OtherInstance { .. })
    ));
}

/// A flood as a party would send it: over the wire, each request declined and answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_declined_requests_fills_nobodys_log() {
    let mut stage = Stage::set().await;
    let (records, share) = (|stage: &Stage| stage.host.logs().len(), limits::REFUSED_ENTRIES / 2);
    let beyond = 300;
    for sent in 0..share + beyond {
        stage.refuses().await;
        // The opening and three entries were there before.
        let told = sent.checked_sub(share).map_or(0, |more| 1 + (more + 1).ilog2());
        let expected =
            4 + sent.min(share) + usize::from(sent < share) + usize::try_from(told).unwrap();
        if sent % 512 == 0 || sent >= share {
            assert_eq!(records(&stage), expected, "after {} requests", sent + 1);
        }
    }
    // The other party is answered, and what it sends in vain has its entries.
    let before = records(&stage);
    stage.answers(JOB).await;
    let body = Body::Revoke { dataset: "sales".to_owned() };
    let reply = stage.room.request(&stage.parties.publisher, body).await.unwrap();
    assert!(matches!(reply, Reply::Refused(Refusal::NotPermitted { .. })), "{reply:?}");
    assert_eq!(records(&stage), before + 2);
    // The closing tells every party exactly how many have no entry.
    let Reply::Closed { closing } =
        stage.room.request(&stage.parties.retailer, Body::Close {}).await.unwrap()
    else {
        panic!("not closed")
    };
    let log = stage.log("publisher").await;
    let closing =
        Closing::verify(&closing, &stage.parties.contract, &stage.parties.trust(), None).unwrap();
    assert_eq!(closing.body().audit_size, log.log().size());
    let told: Vec<_> = log
        .log()
        .texts()
        .filter_map(|entry| match entry.event {
            Event::Unlisted { party, requests } => Some((party, requests)),
            _ => None,
        })
        .collect();
    let of_retailer = |requests: u64| ("retailer".to_owned(), requests);
    assert_eq!(told.first(), Some(&of_retailer(1)));
    assert_eq!(told.last(), Some(&of_retailer(u64::try_from(beyond).unwrap())));
}

/// Every way in which a kept log can be other than the one that heads were seen of.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_dropped_changed_moved_or_added_is_named() {
    let mut stage = Stage::set().await;
    let mut log = stage.log("publisher").await;
    for cap in ["50.0", "40.0", "30.0"] {
        stage.answers(&JOB.replace("50.0", cap)).await;
        stage.refuses().await;
        stage.extend(&mut log, "publisher").await.unwrap();
    }
    let contract = &stage.parties.contract;
    let whole = log.log().entries().to_vec();
    let size = u64::try_from(whole.len()).unwrap();
    assert_eq!(size, 9);
    let heads: Vec<_> = log.heads().iter().map(|seen| seen.head).collect();
    assert_eq!(heads.iter().map(|head| head.size).collect::<Vec<_>>(), [3, 5, 7, 9]);
    let with = |entries: &[Listed]| -> Result<KeptLog, AuditError> {
        KeptLog::from_bytes(&edited(&log, entries), contract)
    };
    with(&whole).unwrap();
    // Every entry's flaw names it, or the two heads between which it lies.
    let names = |flaw: &LogFlaw, at: u64| match flaw {
        LogFlaw::Place { number, .. } => *number == at,
        LogFlaw::Root { from, to, .. } => (*from..=*to).contains(&at),
        LogFlaw::Short { first, .. } => *first == at || at + 1 == size,
        _ => false,
    };
    for at in 0..whole.len() {
        let place = u64::try_from(at).unwrap();
        let mut tampered = vec![("dropped", whole.clone()), ("changed", whole.clone())];
        tampered[0].1.remove(at);
        tampered[1].1[at] = match &whole[at] {
            Listed::Others(_) => Listed::Others(whole[0].leaf()),
            _ => Listed::Others(whole[(at + 1) % whole.len()].leaf()),
        };
        if at + 1 < whole.len() {
            let mut moved = whole.clone();
            moved.swap(at, at + 1);
            tampered.push(("moved", moved));
            let mut twice = whole.clone();
            twice.insert(at, whole[at].clone());
            tampered.push(("replayed", twice));
            tampered.push(("cut off", whole[..=at].to_vec()));
        }
        for (what, entries) in tampered {
            match with(&entries) {
                Err(AuditError::Flaw(flaw)) => {
                    // What is for others says no place: then the next entry that does is named.
                    let named = (place..=place + 2).any(|at| names(&flaw, at));
                    assert!(named, "{what} at {at}: {flaw}");
                }
                other => panic!("{what} at {at}: {other:?}"),
            }
        }
    }
    // An entry that no head vouches for is no entry of the log, and the file says truly whose log it is.
    let added: Vec<_> = whole.iter().cloned().chain([whole[4].clone()]).collect();
    let of_others = |entry: &Listed| Listed::Others(entry.leaf());
    let unvouched: Vec<_> = whole.iter().cloned().chain([of_others(&whole[4])]).collect();
    for entries in [added, unvouched] {
        with(&entries).unwrap_err();
    }
    let mut file: File = canonical::from_slice(&log.to_bytes()).unwrap();
    file.instance = Digest::of("another instance", b"");
    let relabelled = KeptLog::from_bytes(&canonical::to_vec(&file), contract);
    let flaw = relabelled.unwrap_err();
    assert!(matches!(flaw, AuditError::Flaw(LogFlaw::Beginning { .. })), "{flaw}");
    let mut file: File = canonical::from_slice(&log.to_bytes()).unwrap();
    file.party = "mallory".to_owned();
    let flaw = KeptLog::from_bytes(&canonical::to_vec(&file), contract).unwrap_err();
    assert!(matches!(flaw, AuditError::NoParty { .. }), "{flaw}");
    // A text that was taken out of the file comes back from the instance.
    let hidden: Vec<_> = whole
        .iter()
        .enumerate()
        .map(|(at, entry)| if at == 0 { entry.clone() } else { of_others(entry) })
        .collect();
    let mut hidden = with(&hidden).unwrap();
    assert_eq!(stage.extend(&mut hidden, "publisher").await.unwrap(), 0);
    assert_eq!(hidden.log().entries(), whole);
    let contract = &stage.parties.contract;
    // Somebody who leaves out heads as well is caught by the head of any receipt or closing.
    let forked = Head { size: 5, root: heads[3].root };
    assert!(matches!(log.log().check(&[forked]), Err(LogFlaw::Root { from: 0, to: 4, .. })));
    let beyond = Head { size: size + 1, root: heads[3].root };
    assert!(matches!(log.log().check(&[beyond]), Err(LogFlaw::Short { first: 9, .. })));
    KeptLog::from_bytes(b"", contract).unwrap_err();
    let bytes = log.to_bytes();
    for end in (0..bytes.len()).step_by(97) {
        KeptLog::from_bytes(&bytes[..end], contract).unwrap_err();
    }
}

/// The kept log with other entries under the same heads.
fn edited(log: &KeptLog, entries: &[Listed]) -> Vec<u8> {
    let mut file: File = canonical::from_slice(&log.to_bytes()).unwrap();
    file.entries = entries.to_vec();
    canonical::to_vec(&file)
}

/// A kept log, as its page has it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    contract: Digest,
    instance: Digest,
    party: String,
    heads: Vec<SeenHead>,
    entries: Vec<Listed>,
}

/// As a party uses it, the programs in processes of their own.
#[test]
fn a_party_lists_the_log_and_checks_it_with_receipts_and_the_closing() {
    let site = Site::open();
    site.grant();
    site.ok(&site.submit_of(0));
    site.open_result(0, "publisher");
    let list = |party: &str| {
        let text = site.ok(&format!("audit list ROOM UNDER --dir {party} --json"));
        serde_json::from_str::<Value>(&text).unwrap()["result"].take()
    };
    let listed = list("retailer");
    assert_eq!((&listed["answered"], &listed["answered_for_nothing"]), (&1.into(), &0.into()));
    assert_eq!(listed["charged"].as_array().unwrap().len(), 2);
    let instance = site.instance();
    let kept = |party: &str| format!("{party}/audit/{instance}.audit");
    let words = site.ok("audit list ROOM UNDER --dir publisher");
    for word in ["the instance began", "exposures was granted", "asked by publisher", "charged"] {
        assert!(words.contains(word), "{word}: {words}");
    }
    site.ok(&site.submit_of(1));
    site.open_result(1, "retailer");
    list("retailer");
    site.ok("close ROOM UNDER --dir retailer --yes");
    let listed = list("retailer");
    assert_eq!(listed["entries"].as_array().unwrap().len(), 8, "{listed:#}");
    assert_eq!(
        (&listed["asked_before_paying"], &listed["refused"]),
        (&2.into(), &serde_json::json!({}))
    );
    let check = format!(
        "audit check {} publisher/result-0 retailer/result-1/receipt.cbor --with {} UNDER --dir retailer",
        kept("retailer"),
        kept("publisher")
    );
    let said = site.ok(&check);
    for from in ["attested by the receipt", "attested by the closing", "told publisher"] {
        assert!(said.contains(from), "{from}: {said}");
    }
    assert_eq!(said.matches(": holds").count(), 7, "{said}");
    // A log without its last entry is not the one that the closing is of.
    let path = site.path(&kept("retailer"));
    let whole = fs::read(&path).unwrap();
    // Nor one whose answer is hidden from its own receiver, though every leaf is there.
    let mut file: File = canonical::from_slice(&whole).unwrap();
    for entry in file.entries.iter_mut().skip(1) {
        *entry = Listed::NotKept(entry.leaf());
    }
    fs::write(&path, canonical::to_vec(&file)).unwrap();
    let said = site.run(&check);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(said.out.contains("was taken out"), "{}", said.out);
    let mut file: File = canonical::from_slice(&whole).unwrap();
    file.heads.pop();
    file.entries.pop();
    fs::write(&path, canonical::to_vec(&file)).unwrap();
    let said = site.run(&check);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert!(said.out.contains("entry 7 and what follows is missing"), "{}", said.out);
    fs::write(&path, b"no log").unwrap();
    assert_eq!(site.run(&check).code, Some(2));
}
