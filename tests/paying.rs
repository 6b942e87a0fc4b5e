//! Who pays for what, once: jobs, the owners' ledgers and the instance, over sockets.

use client::{
    job::{Custodies, JobError, Ran},
    keys::Identity,
    room::Room,
};
use custody::{Door, Ledger, LedgerError, RoomBeliever, Service, prepay, serve};
use protocol::{
    job::JobName,
    loss::{Epsilon, Loss},
    message::{Body, Reply},
    receipt::Account,
    refusal::Refusal,
    result::{LiftResult, SAME_FIGURES},
};
use sealing::InMemory;
use serde_bytes::ByteBuf;
use std::{collections::BTreeMap, fs, sync::Arc};
use tests::{HostileHost, Instance, JOB, Parties, Terms, exposures, sales};
use tokio::net::TcpListener;

/// A room in which both datasets are open; both owners have ledgers, nothing is prepaid.
struct Stage {
    parties: Parties,
    instance: Instance,
    room: Room,
    own: Ledger,
    sales: InMemory,
}

impl Stage {
    async fn set(terms: Terms) -> Self {
        let parties = Parties::with_terms(terms);
        let host = HostileHost::new(&parties);
        let instance = parties.boot(&host).await;
        let mut room = parties.connect(&instance).await.unwrap();
        let files = [("exposures", exposures(400)), ("sales", sales(400))];
        let [exposures, sales] = files.map(|(dataset, csv)| parties.seal(dataset, &csv, 1));
        for (dataset, sealed) in [("exposures", &exposures), ("sales", &sales)] {
            host.keep(sealed);
            let (owner, manifest) = (parties.owner(dataset), &sealed.manifest);
            let none = Vec::new();
            client::grant::grant(&mut room, owner, dataset, manifest, &sealed.keys, None, none)
                .await
                .unwrap();
        }
        let own = Ledger::open(&parties.publisher).unwrap();
        Self { parties, instance, room, own, sales }
    }

    /// The retailer's custody, as its operator runs it.
    async fn custody(&self) -> BTreeMap<String, String> {
        let parties = &self.parties;
        let load = || Arc::new(Identity::load(parties.retailer.directory()).unwrap());
        let ledger = Ledger::open(&parties.retailer).unwrap();
        let contract = parties.contract.clone();
        let room = self.instance.address.clone();
        let believer = RoomBeliever::new(room, contract.clone(), parties.trust(), load());
        let service = Service::new(contract, load(), ledger, believer, |_| {}).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(serve(listener, &Door::Plain, Arc::new(service), std::future::pending()));
        BTreeMap::from([("retailer".to_owned(), url)])
    }

    /// The publisher asks, and pays from its own ledger.
    async fn ask(
        &mut self,
        job: &str,
        addresses: &BTreeMap<String, String>,
    ) -> Result<Ran, JobError> {
        let prepared = self.parties.prepare(&mut self.room, job).await;
        let addresses = addresses.clone();
        let mut custodies = Custodies { addresses, own: Some(&mut self.own) };
        let publisher = &self.parties.publisher;
        client::job::run(&mut self.room, publisher, &prepared, &mut custodies, &mut |_| {}).await
    }

    /// The retailer prepays up to `epsilon` in all, with a grant.
    async fn prepay(&mut self, epsilon: f64) {
        let owner = self.parties.custody_of("retailer");
        let mut ledger = Ledger::open(&self.parties.retailer).unwrap();
        let (what, now) = (("sales", "measurement"), client::clock::now());
        let (instance, epsilon) = (self.room.instance(), Epsilon::new(epsilon).unwrap());
        let slice = prepay(&mut ledger, &owner, instance, what, epsilon, None, now).unwrap();
        let (owner, sealed) = (&self.parties.retailer, &self.sales);
        let (manifest, keys, slices) = (&sealed.manifest, &sealed.keys, vec![slice]);
        client::grant::grant(&mut self.room, owner, "sales", manifest, keys, None, slices)
            .await
            .unwrap();
    }

    /// What the publisher's ledger has handed out, and for how many jobs.
    fn handed_out(&self) -> (Loss, usize) {
        let now = client::clock::now();
        let report = self.own.report(&self.parties.contract, "publisher", now).unwrap();
        let line = report.budgets.into_iter().find(|line| line.dataset == "exposures").unwrap();
        (line.lifetime_used, line.jobs.len())
    }

    async fn accounts(&mut self) -> Vec<Account> {
        self.room.status(&self.parties.publisher).await.unwrap().accounts
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_estimate_from_the_same_figures_costs_nothing_and_says_so() {
    let mut stage = Stage::set(Terms::default()).await;
    let custody = stage.custody().await;
    let first = stage.ask(JOB, &custody).await.unwrap();
    let (spent, handed_out) = (stage.accounts().await, stage.handed_out());
    let other = JOB.replace("version = 1", "version = 1\nconfidence = 0.8");
    let second = stage.ask(&other, &custody).await.unwrap();
    assert_eq!((stage.accounts().await, stage.handed_out()), (spent, handed_out));
    let open = |ran: &Ran| {
        let (party, contract) = (&stage.parties.publisher, &stage.parties.contract);
        let (sealed, trust) = (ran.sealed.as_ref().unwrap(), stage.parties.trust());
        // The receipt is checked, too.
        let opened = client::open::open(sealed, party, contract, ran.job, &trust).unwrap();
        let result: LiftResult = opened.result.of().unwrap();
        result
    };
    let [one, two] = [open(&first), open(&second)];
    assert_eq!([&one.job, &two.job], [&first.job.to_string(), &second.job.to_string()]);
    assert!(one.flags.iter().all(|flag| !flag.starts_with(SAME_FIGURES)));
    // The other flag is of arms so small that noise hides who is in both.
    assert_eq!(two.flags.last(), Some(&format!("{SAME_FIGURES}{}", first.job)));
    let estimate = |at: &LiftResult| {
        let difference = at.answer.outcomes[0].diff_in_means.as_ref().unwrap();
        (difference.ate, difference.se, difference.ci)
    };
    let ((ate, se, wide), (same_ate, same_se, narrow)) = (estimate(&one), estimate(&two));
    assert_eq!((ate.to_bits(), se.to_bits()), (same_ate.to_bits(), same_se.to_bits()));
    assert_ne!(wide, narrow);
}

/// DESIGN: a refusal costs nothing. Nobody, not even the owner that would have agreed.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_one_owner_declines_costs_no_other_owner() {
    let mut stage = Stage::set(Terms { epsilon: 1.5, ..Terms::default() }).await;
    {
        let owner = stage.parties.custody_of("retailer");
        let mut ledger = Ledger::open(&stage.parties.retailer).unwrap();
        let (what, now) = (("sales", "measurement"), client::clock::now());
        let (instance, epsilon) = (stage.room.instance(), Epsilon::new(1.4).unwrap());
        prepay(&mut ledger, &owner, instance, what, epsilon, None, now).unwrap();
    }
    let custody = stage.custody().await;
    let refused = stage.ask(JOB, &custody).await.unwrap_err();
    let said = "retailer's custody says: retailer's budget on \"sales\"";
    assert!(refused.to_string().starts_with(said), "{refused}");
    let JobError::Declined { refusal, .. } = refused else { panic!("{refused}") };
    assert!(matches!(*refusal, Refusal::BudgetExhausted { ref owner, .. } if owner == "retailer"));
    assert_eq!(stage.handed_out(), (Loss::zero(), 0));
    // Nor did the retailer note a job that it did not pay for: a smaller one passes.
    stage.ask(&JOB.replace("epsilon = 1.0", "epsilon = 0.2"), &custody).await.unwrap();
    assert_eq!(stage.handed_out().1, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_for_which_an_owner_has_no_custody_costs_nobody() {
    let mut stage = Stage::set(Terms::default()).await;
    for addresses in [
        BTreeMap::new(),
        // Nobody listens there.
        BTreeMap::from([("retailer".to_owned(), "http://127.0.0.1:9".to_owned())]),
    ] {
        let failed = stage.ask(JOB, &addresses).await.unwrap_err();
        let expected = |error: &JobError| match error {
            JobError::Unpaid(unpaid) => unpaid.owner == "retailer" && addresses.is_empty(),
            JobError::CustodyUnreachable { owner, .. } => owner == "retailer",
            _ => false,
        };
        assert!(expected(&failed), "{failed}");
        assert_eq!(stage.handed_out(), (Loss::zero(), 0));
    }
}

/// Whoever asks is told how far what was prepaid goes, what would pass, and the command by which its owner pays for more.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_prepaid_and_is_spent_is_said_with_what_passes_and_what_pays_for_more() {
    let mut stage = Stage::set(Terms { epsilon: 3.0, ..Terms::default() }).await;
    let unpaid = |failed: JobError| match failed {
        JobError::Unpaid(unpaid) => unpaid,
        other => panic!("{other}"),
    };
    let nothing = unpaid(stage.ask(JOB, &BTreeMap::new()).await.unwrap_err());
    let said = nothing.to_string();
    let command = "`glovebox grant sales --prepay 1 --purpose measurement`";
    assert!(
        said.starts_with("retailer has prepaid nothing on \"sales\" for measurement"),
        "{said}"
    );
    assert!(said.contains(command) && !said.contains("passes"), "{said}");
    stage.prepay(1.2).await;
    stage.ask(JOB, &BTreeMap::new()).await.unwrap();

    let other = JOB.replace("50.0", "40.0");
    let some = unpaid(stage.ask(&other, &BTreeMap::new()).await.unwrap_err());
    let passing = some.passing();
    assert!(passing > 0.5 && passing < 0.8, "{some}");
    let said = some.to_string();
    assert!(
        said.contains("retailer prepaid epsilon 1.200") && said.contains("this costs 1.000"),
        "{said}"
    );
    assert!(said.contains(&format!("up to epsilon {passing:.3} passes")), "{said}");
    let smaller = |epsilon: f64| other.replace("epsilon = 1.0", &format!("epsilon = {epsilon:.3}"));
    stage.ask(&smaller(passing + 0.002), &BTreeMap::new()).await.unwrap_err();
    // The sum that the command names pays for it, and less does not.
    let (_, sum) = said.split_once("--prepay ").unwrap();
    let sum: f64 = sum.split_once(' ').unwrap().0.parse().unwrap();
    stage.prepay(sum - 0.002).await;
    stage.ask(&other, &BTreeMap::new()).await.unwrap_err();
    stage.prepay(sum).await;
    stage.ask(&other, &BTreeMap::new()).await.unwrap();

    let dear = unpaid(
        stage
            .ask(&other.replace("epsilon = 1.0", "epsilon = 2.9"), &BTreeMap::new())
            .await
            .unwrap_err(),
    );
    let said = dear.to_string();
    assert!(
        said.contains("can prepay no more than the contract allows in this period, epsilon 3"),
        "{said}"
    );
    assert!(!said.contains("--prepay"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_job_runs_on_what_was_countersigned_for_another() {
    let mut stage = Stage::set(Terms::default()).await;
    let countersigned = stage.parties.prepare(&mut stage.room, JOB).await;
    let other = stage.parties.prepare(&mut stage.room, &JOB.replace("50.0", "40.0")).await;
    let slices: Vec<_> = ["exposures", "sales"]
        .map(|dataset| {
            let mut slice = stage.parties.slice(&stage.room, dataset);
            slice.job = Some(countersigned.name());
            slice.granted = countersigned.admitted().cost().clone();
            ByteBuf::from(stage.parties.owner(dataset).sign(&slice).unwrap())
        })
        .into();
    let key = &stage.parties.publisher;
    let ask = |job: &client::job::Prepared| Body::Job {
        job: job.as_bytes().to_vec(),
        slices: slices.clone(),
    };
    let reply = stage.room.request(key, ask(&other)).await.unwrap();
    assert!(matches!(reply, Reply::Refused(Refusal::NeedsSlice { .. })), "{reply:?}");
    // Its slices came with another's job, and are its own all the same.
    let body = Body::Job { job: countersigned.as_bytes().to_vec(), slices: Vec::new() };
    let reply = stage.room.request(key, body).await.unwrap();
    assert!(matches!(reply, Reply::Result { .. }), "{reply:?}");
}

/// A retry after the hour that a job is good for is signed anew, and is still the job that was paid.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_signed_anew_is_paid_with_the_slices_it_had() {
    let mut stage = Stage::set(Terms::default()).await;
    let first = stage.parties.prepare(&mut stage.room, JOB).await;
    let slices: Vec<_> = ["exposures", "sales"]
        .map(|dataset| {
            let mut slice = stage.parties.slice(&stage.room, dataset);
            slice.job = Some(first.name());
            slice.granted = first.admitted().cost().clone();
            ByteBuf::from(stage.parties.owner(dataset).sign(&slice).unwrap())
        })
        .into();
    let mut anew = first.admitted().job().clone();
    anew.not_after = anew.not_after.plus_seconds(1);
    let key = &stage.parties.publisher;
    let signed = key.sign(&anew).unwrap();
    assert_ne!(signed, first.as_bytes());
    let body = Body::Job { job: signed, slices: slices.clone() };
    let reply = stage.room.request(key, body).await.unwrap();
    assert!(matches!(reply, Reply::Result { .. }), "{reply:?}");
    // Of the retailer's it would be another job, whoever signs for whom.
    assert_eq!(JobName::of("publisher", &anew), first.name());
    assert_ne!(JobName::of("retailer", &anew), first.name());
}

/// Ledger and counter restored together look whole; the instance knows better.
#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_restored_whole_is_found_out_by_the_instance_that_it_paid() {
    let mut stage = Stage::set(Terms::default()).await;
    let custody = stage.custody().await;
    let directory = stage.parties.publisher.directory().to_owned();
    let backup = fresh(&stage.parties);
    stage.ask(JOB, &custody).await.unwrap();
    let elsewhere = stage.parties.folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    stage.own = begin(&elsewhere, &stage.parties);
    for name in ["custody.sqlite", "custody.generation"] {
        fs::copy(backup.join(name), directory.join(name)).unwrap();
    }
    stage.own = Ledger::open(&stage.parties.publisher).unwrap();
    assert!(!stage.own.is_restored().unwrap());
    let refused = stage.ask(&JOB.replace("50.0", "40.0"), &custody).await.unwrap_err();
    let JobError::Ledger(cause) = &refused else { panic!("{refused}") };
    let cause = cause.downcast_ref::<LedgerError>();
    assert!(matches!(cause, Some(LedgerError::Restored { .. })), "{refused}");
}

/// A folder with a new ledger in it.
fn fresh(parties: &Parties) -> std::path::PathBuf {
    let folder = parties.folder.path();
    let free = (0..).map(|n| folder.join(format!("fresh-{n}"))).find(|path| !path.exists());
    let path = free.unwrap();
    fs::create_dir(&path).unwrap();
    drop(begin(&path, parties));
    path
}

/// A new ledger of the publisher's.
fn begin(folder: &std::path::Path, parties: &Parties) -> Ledger {
    Ledger::begin(folder, &parties.publisher.root_key()).unwrap()
}
