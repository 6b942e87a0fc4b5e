//! An owner's list of opt-outs: it takes people out from the next job on, without sealing again; and it is part of
//! the version, so that nothing that rested on an older list passes for an answer on a newer one.

use client::{
    grant::{GrantError, GrantTarget, Handing, own_manifest},
    job::{JobError, Options, Prepared, Ran},
    opt_outs,
    receipt_check::ReceiptFiles,
    room::Room,
};
use custody::Ledger;
use protocol::{
    canonical,
    identity::{Identifier, match_key},
    loss::Loss,
    manifest::SignedManifest,
    message::{Body, Reply},
    opt_outs::OptOuts,
    refusal::{GrantFlaw, Refusal},
    result::LiftResult,
    slice::{SliceReply, SliceRequest},
};
use sealing::InMemory;
use std::{ops::Range, sync::Arc};
use tests::{HostileHost, Instance, JOB, Parties, Terms, exposures, sales};

/// A room whose datasets are granted and paid for.
struct Stage {
    parties: Parties,
    host: Arc<HostileHost>,
    _instance: Instance,
    room: Room,
    people: InMemory,
    sales: InMemory,
}

impl Stage {
    async fn set() -> Self {
        Self::of(400).await
    }

    /// So many people, all of whom are in both datasets.
    async fn of(count: u32) -> Self {
        let parties = Parties::with_terms(Terms { epsilon: 9.0, ..Terms::default() });
        let host = HostileHost::new(&parties);
        let instance = parties.boot(&host).await;
        let mut room = parties.connect(&instance).await.unwrap();
        let people = parties.seal("exposures", &exposures(count), 1);
        let sales = parties.seal("sales", &sales(count), 1);
        for (dataset, sealed) in [("exposures", &people), ("sales", &sales)] {
            host.keep(sealed);
            parties.grant(&mut room, dataset, sealed).await.unwrap();
        }
        Self { parties, host, _instance: instance, room, people, sales }
    }

    /// The publisher makes the list of this number of these people, and has its manifest name the newest list.
    fn opt_out(&mut self, number: u64, people: Range<u32>) {
        keep(&self.parties, number, people);
        self.people.manifest = newest(&self.parties, &self.people);
    }

    async fn grant(&mut self) -> Result<(), GrantError> {
        self.parties.grant(&mut self.room, "exposures", &self.people).await.map(drop)
    }

    async fn ask(&mut self) -> Result<(Prepared, Ran), JobError> {
        let prepared = self.parties.prepare(&mut self.room, JOB).await;
        let ran = self.parties.run(&mut self.room, &prepared).await?;
        Ok((prepared, ran))
    }

    fn opened(&self, ran: &Ran) -> client::open::Opened {
        let (party, contract) = (&self.parties.publisher, &self.parties.contract);
        let sealed = ran.sealed.as_ref().unwrap();
        client::open::open(sealed, party, contract, ran.job, &self.parties.trust()).unwrap()
    }

    /// How many people were counted, in all cells that are shown.
    fn counted(&self, ran: &Ran) -> i64 {
        let result: LiftResult = self.opened(ran).result.of().unwrap();
        result.answer.cells.iter().filter_map(|cell| cell.n).sum()
    }

    /// What the instance says was spent on the publisher's dataset.
    async fn spent(&mut self) -> Loss {
        let status = self.room.status(&self.parties.publisher).await.unwrap();
        let of_people = status.accounts.iter().filter(|account| account.dataset == "exposures");
        of_people.fold(Loss::zero(), |sum, account| sum.plus(&account.spent))
    }
}

/// The publisher's root key signs a list.
fn keep(parties: &Parties, number: u64, people: Range<u32>) {
    let key = |person| match_key(Identifier::Email, &format!("person{person}@example.com"));
    let keys = people.map(|person| key(person).unwrap()).collect();
    let (owner, lineage) = (&parties.publisher, "exposures");
    let list = OptOuts::new(lineage, number, [7; OptOuts::NONCE], &keys).unwrap();
    let signed = owner.root().unwrap().sign(&list);
    opt_outs::keep(owner.directory(), &owner.root_key(), lineage, &signed).unwrap();
}

/// The manifest of a version as its owner grants it now.
fn newest(parties: &Parties, sealed: &InMemory) -> SignedManifest {
    let bytes = sealed.manifest.as_bytes().to_vec();
    let (contract, owner) = (&parties.contract, &parties.publisher);
    own_manifest(bytes, contract, "exposures", owner, None).unwrap()
}

fn flaw(refused: Result<(), GrantError>) -> GrantFlaw {
    match refused {
        Err(GrantError::Refused(refusal)) => match *refusal {
            Refusal::BadGrant { why, .. } => why,
            other => panic!("refused for another reason: {other}"),
        },
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_on_the_list_are_out_from_the_next_job_on_and_the_question_is_another_one() {
    let mut stage = Stage::of(4000).await;
    let (before, ran) = stage.ask().await.unwrap();
    let all = stage.counted(&ran);
    // The noise on all cells together has a standard deviation of about 50.
    assert!((3500..=4500).contains(&all), "{all}: 4,000 people");
    let paid = stage.spent().await;
    // The same question of the same version costs nothing.
    stage.ask().await.unwrap();
    assert_eq!(stage.spent().await, paid);

    stage.opt_out(5, 0..3000);
    stage.grant().await.unwrap();
    let (after, ran) = stage.ask().await.unwrap();
    let rest = stage.counted(&ran);
    assert!((500..=1500).contains(&rest), "{rest}: 1,000 people");
    assert_eq!(stage.spent().await, paid.plus(&paid), "another question, which is paid");
    let versions = |prepared: &Prepared| prepared.admitted().job().datasets.clone();
    assert_ne!(versions(&before)["exposures"], versions(&after)["exposures"]);
    assert_eq!(versions(&before)["sales"], versions(&after)["sales"]);

    // The receipt names the list, and its words say so.
    let opened = stage.opened(&ran);
    let (contract, trust) = (&stage.parties.contract, stage.parties.trust());
    let none = ReceiptFiles::default();
    let checked = client::receipt_check::check(contract, &opened.receipt, none, &trust).unwrap();
    let list = checked.data.iter().find(|data| data.dataset == "exposures").unwrap().opt_outs;
    assert_eq!(list, stage.people.manifest.manifest().opt_outs);
    let words: Vec<_> = checked.words(contract).iter().map(|term| term.text.raw()).collect();
    let says = words.iter().filter(|text| text.contains("Without who opted out")).count();
    assert_eq!(says, 1, "{words:?}");

    // Who comes back counts again: a newer list says so.
    stage.opt_out(6, 0..0);
    stage.grant().await.unwrap();
    let (_, ran) = stage.ask().await.unwrap();
    let all = stage.counted(&ran);
    assert!((3500..=4500).contains(&all), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_takes_no_older_list_and_none_where_there_was_one() {
    let mut stage = Stage::set().await;
    let without = stage.people.manifest.clone();
    stage.opt_out(5, 0..10);
    let older = stage.people.manifest.clone();
    stage.grant().await.unwrap();
    stage.opt_out(6, 0..20);
    stage.grant().await.unwrap();
    let newest = stage.people.manifest.clone();
    for rolled_back in [&without, &older] {
        stage.people.manifest = rolled_back.clone();
        assert_eq!(flaw(stage.grant().await), GrantFlaw::OlderOptOuts);
    }
    // Nor with a newer version of the table.
    let again = stage.parties.seal("exposures", &exposures(400), 2);
    stage.host.keep(&again);
    let kept = std::mem::replace(&mut stage.people, again);
    assert_eq!(flaw(stage.grant().await), GrantFlaw::OlderOptOuts);
    stage.people.manifest = self::newest(&stage.parties, &stage.people);
    stage.grant().await.unwrap();
    // And the older version does not come back with the newest list.
    stage.people = kept;
    stage.people.manifest = newest;
    assert_eq!(flaw(stage.grant().await), GrantFlaw::Older);
}

#[tokio::test(flavor = "multi_thread")]
async fn refuses_a_list_that_is_not_the_one_of_the_manifest_or_not_the_owners() {
    let mut stage = Stage::set().await;
    stage.opt_out(5, 0..10);
    let (named, root) =
        (stage.people.manifest.manifest().opt_outs.unwrap(), &stage.parties.publisher);
    let good = opt_outs::named_by(root.directory(), &root.root_key(), "exposures", &named).unwrap();
    let list = OptOuts::open(&good, &root.root_key(), "exposures").unwrap();
    let other_keys = [match_key(Identifier::Email, "person1@example.com").unwrap()].into();
    let other = OptOuts::new("exposures", 5, [7; OptOuts::NONCE], &other_keys).unwrap();
    let by_another = stage.parties.retailer.root().unwrap().sign(&list);
    let wrong = [root.root().unwrap().sign(&other), by_another, b"no list".to_vec(), Vec::new()];
    for bytes in wrong {
        let reply = offer(&mut stage, Some(&bytes)).await;
        assert_eq!(reply, Some(GrantFlaw::OptOuts));
    }
    assert_eq!(offer(&mut stage, None).await, Some(GrantFlaw::Keys), "the list is missing");
    assert_eq!(offer(&mut stage, Some(&good)).await, None);
}

/// Grants `exposures` past our own client, with these bytes as its list.
async fn offer(stage: &mut Stage, list: Option<&[u8]>) -> Option<GrantFlaw> {
    let to = stage.parties.to(&stage.room, "exposures");
    let (manifest, keys) = (&stage.people.manifest, &stage.people.keys);
    let not_after = client::clock::now().plus_seconds(3600);
    let mut generator = client::keys::generator().unwrap();
    let handing = Handing { keys, opt_outs: list };
    let grant = to.seal("exposures", manifest, handing, not_after, &mut generator).unwrap();
    let body = Body::Grant { grant, slices: Vec::new() };
    match stage.room.request(&stage.parties.publisher, body).await.unwrap() {
        Reply::Granted { .. } => None,
        Reply::Refused(Refusal::BadGrant { why, .. }) => Some(why),
        other => panic!("{other:?}"),
    }
}

/// What is wrong with a job is known before it is sent, and the instance says the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_reads_no_dataset_whose_list_is_older_than_the_contract_wants() {
    let mut parties = Parties::new();
    parties.rewrite(|text| {
        let named = "name = \"exposures\"\n";
        assert!(text.contains(named));
        text.replacen(named, &format!("{named}opt_outs_within_days = 7\n"), 1)
    });
    let host = HostileHost::new(&parties);
    let instance = parties.boot(&host).await;
    let mut room = parties.connect(&instance).await.unwrap();
    let people = parties.seal("exposures", &exposures(400), 1);
    let sales = parties.seal("sales", &sales(400), 1);
    for (dataset, sealed) in [("exposures", &people), ("sales", &sales)] {
        host.keep(sealed);
        parties.grant(&mut room, dataset, sealed).await.unwrap();
    }
    let mut stage = Stage { parties, host, _instance: instance, room, people, sales };
    let now = client::clock::now().0 / 1000;
    let refused = Refusal::OldOptOuts {
        dataset: "exposures".to_owned(),
        owner: "publisher".to_owned(),
        days: 7,
    };
    let said = async |stage: &mut Stage| {
        let options = Options::default();
        let (room, publisher) = (&mut stage.room, &stage.parties.publisher);
        match client::job::prepare(room, publisher, JOB, &options).await {
            Ok(_) => None,
            Err(JobError::Refused(refusal)) => Some(*refusal),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(said(&mut stage).await.as_ref(), Some(&refused), "there is no list");
    let day = 86_400;
    for (number, is_refused) in
        [(now - 8 * day, true), (now - 6 * day, false), (now + 2 * day, true)]
    {
        stage.opt_out(number, 0..10);
        stage.grant().await.unwrap();
        assert_eq!(said(&mut stage).await.is_some(), is_refused, "{number}");
        if !is_refused {
            stage.ask().await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custody_pays_for_no_job_on_an_older_list_and_remembers_the_newest() {
    let mut stage = Stage::set().await;
    let mut ledger = Ledger::open(&stage.parties.publisher).unwrap();
    let mut decide = |stage: &Stage, prepared: &Prepared, people: &SignedManifest| {
        let manifests = [people, &stage.sales.manifest];
        let request = SliceRequest {
            owner: "publisher".to_owned(),
            time: client::clock::now(),
            id: [1; 16],
            job: prepared.as_bytes().to_vec(),
            manifests: manifests.map(|manifest| manifest.as_bytes().to_vec().into()).into(),
            only_asks: false,
        };
        let owner = stage.parties.custody_of("publisher");
        let (instance, now) = (stage.room.instance(), client::clock::now());
        match custody::decide(&mut ledger, &owner, instance, &request, now).unwrap() {
            SliceReply::Granted { .. } => None,
            SliceReply::Refused(refusal) => Some(refusal),
            other => panic!("{other:?}"),
        }
    };
    let older = Some(Refusal::OlderOptOuts {
        dataset: "exposures".to_owned(),
        owner: "publisher".to_owned(),
    });
    let first = stage.people.manifest.clone();
    let on_none = stage.parties.prepare(&mut stage.room, JOB).await;
    assert_eq!(decide(&stage, &on_none, &first), None);

    // A list that lies in the owner's folder counts at once, before it is granted anywhere.
    stage.opt_out(5, 0..10);
    assert_eq!(decide(&stage, &on_none, &first), older);
    stage.grant().await.unwrap();
    let on_first = stage.parties.prepare(&mut stage.room, JOB).await;
    let with_first = stage.people.manifest.clone();
    assert_eq!(decide(&stage, &on_first, &with_first), None);
    assert_eq!(decide(&stage, &on_none, &first), older);

    // One that only the ledger saw, too: the folder was lost, or is on another machine.
    let folder = stage.parties.publisher.directory().join(opt_outs::FOLDER);
    std::fs::remove_dir_all(folder).unwrap();
    assert_eq!(decide(&stage, &on_none, &first), older);
    assert_eq!(decide(&stage, &on_first, &with_first), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_one_padded_size_leave_the_same_trace_and_grants_of_one_length() {
    let mut traces = Vec::new();
    for people in [0..1, 0..60, 0..65] {
        let mut stage = Stage::set().await;
        stage.opt_out(5, people);
        stage.grant().await.unwrap();
        let (_, ran) = stage.ask().await.unwrap();
        let sealed = ran.sealed.map(|sealed| sealed.len());
        let to: GrantTarget<'_> = stage.parties.to(&stage.room, "exposures");
        let manifest = stage.people.manifest.manifest();
        let owner = &stage.parties.publisher;
        let named = &manifest.opt_outs.unwrap();
        let list =
            opt_outs::named_by(owner.directory(), &owner.root_key(), "exposures", named).unwrap();
        let handing = Handing { keys: &stage.people.keys, opt_outs: Some(&list) };
        let not_after = client::clock::now().plus_seconds(60);
        let mut generator = client::keys::generator().unwrap();
        let grant =
            to.seal("exposures", &stage.people.manifest, handing, not_after, &mut generator);
        let length = canonical::to_vec(&grant.unwrap()).len();
        traces.push((stage.host.trace(), sealed, length));
    }
    assert_eq!(traces[0], traces[1]);
    assert_eq!(
        traces[0].0, traces[2].0,
        "what is read and kept is the same whatever list there is"
    );
    assert_eq!(traces[2].2 - traces[0].2, 192 * 32 + 1, "the step of the grid, in the grant alone");
}
