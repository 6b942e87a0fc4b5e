//! What is declined is declined by its rule, in its owner's name, and without reading a row: where
//! it can be, no dataset is even open, and the host is asked for nothing but to keep the record of it.

use client::{keys::Identity, room::Room};
use custody::{Ledger, Owner, decide};
use protocol::{
    digest::Digest,
    job::{Job, JobId, Lift, Question, question_from_toml},
    loss::{Epsilon, Loss},
    message::{Body, Reply},
    refusal::{Asked, GrantFlaw, Limit, Refusal, WhichBudget},
    slice::{Slice, SliceReply, SliceRequest},
    tally::Clamp,
    time::Time,
};
use sealing::InMemory;
use serde_bytes::ByteBuf;
use std::sync::Arc;
use tests::{HostileHost, Instance, JOB, Parties, Terms, exposures, sales};

/// A room that is open and holds nothing.
struct Stage {
    parties: Parties,
    host: Arc<HostileHost>,
    _instance: Instance,
    room: Room,
}

impl Stage {
    async fn set(parties: Parties) -> Self {
        let host = HostileHost::new(&parties);
        let instance = parties.boot(&host).await;
        let room = parties.connect(&instance).await.unwrap();
        Self { parties, host, _instance: instance, room }
    }

    /// The usual job on datasets that nobody has granted.
    fn job(&self) -> Job {
        let (analysis, question) = question_from_toml(&named(JOB), &self.parties.contract).unwrap();
        let nobody = |name: &str| (name.to_owned(), Digest::of("test", name.as_bytes()));
        Job {
            contract: self.parties.contract.digest,
            instance: self.room.instance().digest(),
            id: JobId([7; 16]),
            not_after: client::clock::now().plus_seconds(60),
            analysis,
            question,
            datasets: ["exposures", "sales"].map(nobody).into(),
            receivers: vec!["publisher".to_owned()],
            decision: None,
            checks: None,
        }
    }

    /// Asks as the publisher, past our own client, which would refuse first and in the same words.
    async fn ask(&mut self, job: &Job) -> Refusal {
        let signed = self.parties.publisher.sign(job).unwrap();
        self.ask_signed(Party::Publisher, signed, Vec::new()).await
    }

    async fn ask_signed(&mut self, by: Party, job: Vec<u8>, slices: Vec<ByteBuf>) -> Refusal {
        let before = self.host.trace_beside_logs();
        let key = by.of(&self.parties);
        let reply = self.room.request(key, Body::Job { job, slices }).await.unwrap();
        assert_eq!(self.host.trace_beside_logs(), before, "the host was asked for something");
        self.costs_nothing().await;
        refusal(reply)
    }

    /// Nothing was spent, and nothing is stored.
    async fn costs_nothing(&mut self) {
        let reply = self.room.request(&self.parties.publisher, Body::Status {}).await;
        // A closed room has no status, and a stranger's room is not asked.
        let Reply::Status(status) = reply.unwrap() else { return };
        assert!(status.jobs.is_empty());
        assert!(status.accounts.iter().all(|account| account.spent == Loss::zero()));
    }

    /// The host gave the contract and was never asked for data.
    fn held_nothing(&self) {
        assert_eq!(self.host.trace_beside_logs(), ["contract"]);
    }

    /// Seals, keeps and grants `dataset`, without a slice.
    async fn open(&mut self, dataset: &str, version: u64) -> InMemory {
        let csv = if dataset == "exposures" { exposures(400) } else { sales(400) };
        let sealed = self.parties.seal(dataset, &csv, version);
        self.host.keep(&sealed);
        let (owner, room) = (self.parties.owner(dataset), &mut self.room);
        let (manifest, keys) = (&sealed.manifest, &sealed.keys);
        client::grant::grant(room, owner, dataset, manifest, keys, None, vec![]).await.unwrap();
        sealed
    }

    /// Opens both and gives the job that names what is open.
    async fn opened(&mut self) -> Job {
        let mut job = self.job();
        for dataset in ["exposures", "sales"] {
            let sealed = self.open(dataset, 1).await;
            job.datasets.insert(dataset.to_owned(), sealed.manifest.digest());
        }
        job
    }

    /// Signed slices for the whole budget of both datasets, as `edit` has them.
    fn slices(&self, edit: impl Fn(&mut Slice)) -> Vec<ByteBuf> {
        let slice = |dataset: &str| {
            let mut slice = self.parties.slice(&self.room, dataset);
            edit(&mut slice);
            self.parties.owner(dataset).sign(&slice).unwrap().into()
        };
        ["exposures", "sales"].map(slice).into()
    }
}

#[derive(Clone, Copy)]
enum Party {
    Publisher,
    Retailer,
}

impl Party {
    fn of(self, parties: &Parties) -> &Identity {
        match self {
            Self::Publisher => &parties.publisher,
            Self::Retailer => &parties.retailer,
        }
    }
}

fn refusal(reply: Reply) -> Refusal {
    let Reply::Refused(refusal) = reply else { panic!("{reply:?}") };
    refusal
}

/// A sentence for people that names all of `words`.
fn says(refusal: &Refusal, words: &[&str]) {
    let sentence = refusal.to_string();
    for word in words {
        assert!(sentence.contains(word), "\"{sentence}\" does not say \"{word}\"");
    }
}

fn permits_no(what: Asked, name: &str, owner: Option<&str>) -> Refusal {
    Refusal::NotPermitted { what, name: name.to_owned(), owner: owner.map(str::to_owned) }
}

#[tokio::test]
async fn a_missing_grant() {
    let mut stage = Stage::set(Parties::new()).await;
    let mut job = stage.job();
    let refused = stage.ask(&job).await;
    let withheld = |dataset: &str, owner: &str| Refusal::KeyWithheld {
        dataset: dataset.to_owned(),
        owner: owner.to_owned(),
    };
    assert_eq!(refused, withheld("exposures", "publisher"));
    says(&refused, &["publisher", "exposures", "grant"]);
    stage.held_nothing();
    // The other owner's, once the first has granted.
    let sealed = stage.open("exposures", 1).await;
    job.datasets.insert("exposures".to_owned(), sealed.manifest.digest());
    job.id = JobId([1; 16]);
    let refused = stage.ask(&job).await;
    assert_eq!(refused, withheld("sales", "retailer"));
    says(&refused, &["retailer", "sales"]);
}

#[tokio::test]
async fn an_expired_contract() {
    let expired: Time = "2026-01-01T00:00:00Z".parse().unwrap();
    let terms = Terms { expires: expired.to_string(), ..Terms::default() };
    let mut stage = Stage::set(Parties::with_terms(terms)).await;
    let refused = stage.ask(&stage.job()).await;
    assert_eq!(refused, Refusal::ContractExpired { expired });
    says(&refused, &["contract", "2026-01-01", "every party must sign"]);
    // No keys are taken under it either.
    let sealed = stage.parties.seal("sales", &sales(100), 1);
    stage.host.keep(&sealed);
    let to = stage.parties.to(&stage.room, "sales");
    let not_after = client::clock::now().plus_seconds(60);
    let mut generator = client::keys::generator().unwrap();
    let grant = to.seal("sales", &sealed.manifest, &sealed.keys, not_after, &mut generator);
    let body = Body::Grant { grant: grant.unwrap(), slices: Vec::new() };
    let reply = stage.room.request(&stage.parties.retailer, body).await.unwrap();
    assert_eq!(refusal(reply), Refusal::ContractExpired { expired });
    stage.held_nothing();
}

#[tokio::test]
async fn an_expired_job() {
    let mut stage = Stage::set(Parties::new()).await;
    let not_after = Time(client::clock::now().0 - 1);
    let refused = stage.ask(&Job { not_after, ..stage.job() }).await;
    assert_eq!(refused, Refusal::JobExpired { not_after });
    says(&refused, &["job", "submit it again"]);
    stage.held_nothing();
}

#[tokio::test]
async fn an_analysis_that_is_not_in_the_contract() {
    let mut stage = Stage::set(Parties::new()).await;
    let refused = stage.ask(&Job { analysis: "profiling".to_owned(), ..stage.job() }).await;
    assert_eq!(refused, permits_no(Asked::Analysis, "profiling", None));
    says(&refused, &["contract", "analysis", "profiling"]);
    stage.held_nothing();
}

/// A contract with a second purpose: what was handed over for one is not spent on the other.
#[tokio::test]
async fn a_purpose_without_budget_cannot_spend_that_of_another() {
    let mut parties = Parties::new();
    parties.rewrite(|text| {
        let text = text.replace("[\"measurement\"]", "[\"measurement\", \"research\"]");
        let budget = "[[dataset.budget]]\npurpose = \"measurement\"";
        let research = "[[dataset.budget]]\npurpose = \"research\"\nlegal_basis = \"consent\"\nperiod = \"contract\"\n\
                        epsilon = 2.0\ndelta = 1e-6\nlifetime_epsilon = 2.0\n";
        let text = text.replace(budget, &format!("{research}{budget}"));
        let at = text.find("[[analysis]]").unwrap();
        let end = text.find("[[build]]").unwrap();
        let analysis = text[at..end]
            .replace("name = \"lift\"", "name = \"study\"")
            .replace("purpose = \"measurement\"", "purpose = \"research\"");
        format!("{}{analysis}{}", &text[..end], &text[end..])
    });
    let mut stage = Stage::set(parties).await;
    let job = Job { analysis: "study".to_owned(), ..stage.opened().await };
    let signed = stage.parties.publisher.sign(&job).unwrap();
    let slices = stage.slices(|_| {});
    let refused = stage.ask_signed(Party::Publisher, signed.clone(), slices).await;
    let Refusal::NeedsSlice { dataset, owner, left, .. } = &refused else { panic!("{refused}") };
    assert_eq!((dataset.as_str(), owner.as_str()), ("exposures", "publisher"));
    assert_eq!(*left, Loss::zero());
    // Nor for a purpose that the dataset has no budget for, however its owner signs.
    let slices = stage.slices(|slice| slice.purpose = "advertising".to_owned());
    let refused = stage.ask_signed(Party::Publisher, signed, slices).await;
    assert_eq!(refused, Refusal::BadSlice);
}

/// Owners do not sign such a slice by accident: custody names the rule.
#[tokio::test]
async fn a_purpose_without_budget_is_prepaid_by_no_custody() {
    let stage = Stage::set(Parties::new()).await;
    let mut ledger = Ledger::open(&stage.parties.retailer).unwrap();
    let party = owner(&stage);
    let (instance, epsilon) = (stage.room.instance(), Epsilon::new(0.5).unwrap());
    let now = client::clock::now();
    let wrong = ("sales", "advertising");
    let error = custody::prepay(&mut ledger, &party, instance, wrong, epsilon, None, now);
    let custody::LedgerError::Refused(refused) = error.unwrap_err() else { panic!() };
    assert_eq!(*refused, permits_no(Asked::Purpose, "advertising", Some("retailer")));
    says(&refused, &["purpose", "advertising", "a rule of retailer"]);
    stage.held_nothing();
}

#[tokio::test]
async fn an_unlisted_column() {
    let mut stage = Stage::set(Parties::new()).await;
    // A feature, a match key, a column of the other dataset, and none at all.
    for column in ["note", "email", "history", "salary"] {
        let mut job = stage.job();
        lift(&mut job).outcomes[0].column = column.to_owned();
        let refused = stage.ask(&job).await;
        assert_eq!(
            refused,
            permits_no(Asked::Column, &format!("sales.{column}"), Some("retailer"))
        );
        says(&refused, &["column", column, "a rule of retailer"]);
    }
    stage.held_nothing();
    // A measure of the contract that this analysis does not list.
    let mut parties = Parties::new();
    parties.rewrite(|text| {
        text.replace("measures = [\"bought\", \"spend\"]", "measures = [\"bought\"]")
    });
    let spend = stage.job().question;
    let mut stage = Stage::set(parties).await;
    let job = Job {
        contract: stage.parties.contract.digest,
        instance: stage.room.instance().digest(),
        id: JobId([3; 16]),
        not_after: client::clock::now().plus_seconds(60),
        analysis: "lift".to_owned(),
        question: spend,
        datasets: std::collections::BTreeMap::new(),
        receivers: vec!["publisher".to_owned()],
        decision: None,
        checks: None,
    };
    assert_eq!(stage.ask(&job).await, permits_no(Asked::Column, "sales.spend", Some("retailer")));
    stage.held_nothing();
}

#[tokio::test]
async fn an_arm_that_is_not_in_the_domain() {
    let mut stage = Stage::set(Parties::new()).await;
    let mut job = stage.job();
    lift(&mut job).test = vec!["everybody".to_owned()];
    let refused = stage.ask(&job).await;
    assert_eq!(refused, permits_no(Asked::Arm, "everybody", Some("publisher")));
    says(&refused, &["arm", "everybody", "a rule of publisher"]);
    stage.held_nothing();
}

#[tokio::test]
async fn an_analyst_that_is_not_listed() {
    let mut stage = Stage::set(Parties::new()).await;
    let signed = stage.parties.retailer.sign(&stage.job()).unwrap();
    let refused = stage.ask_signed(Party::Retailer, signed, Vec::new()).await;
    assert_eq!(refused, permits_no(Asked::Analyst, "retailer", None));
    says(&refused, &["analyst", "retailer"]);
    // Nor by sending a job that the analyst signed.
    let signed = stage.parties.publisher.sign(&stage.job()).unwrap();
    let refused = stage.ask_signed(Party::Retailer, signed, Vec::new()).await;
    assert_eq!(refused, Refusal::Malformed);
    stage.held_nothing();
}

#[tokio::test]
async fn a_receiver_that_is_not_listed() {
    let mut parties = Parties::new();
    parties.rewrite(|text| {
        text.replace("receivers = [\"publisher\", \"retailer\"]", "receivers = [\"publisher\"]")
    });
    let mut stage = Stage::set(parties).await;
    for name in ["retailer", "stranger"] {
        let receivers = vec!["publisher".to_owned(), name.to_owned()];
        let refused = stage.ask(&Job { receivers, ..stage.job() }).await;
        assert_eq!(refused, permits_no(Asked::Receiver, name, None));
        says(&refused, &["receiver", name]);
    }
    stage.held_nothing();
}

/// The instance holds no loss: it asks for the owner's custody.
#[tokio::test]
async fn a_job_that_nobody_paid_for() {
    let mut stage = Stage::set(Parties::new()).await;
    let job = stage.opened().await;
    let refused = stage.ask(&job).await;
    let Refusal::NeedsSlice { dataset, owner, cost, left, .. } = &refused else {
        panic!("{refused}")
    };
    assert_eq!((dataset.as_str(), owner.as_str()), ("exposures", "publisher"));
    assert!(*left == Loss::zero() && !cost.fits(left));
    says(&refused, &["publisher", "exposures", "custody must countersign"]);
}

/// The log's head is in every receipt and closing: what was declined cannot be left out later.
#[tokio::test]
async fn each_request_that_is_declined_leaves_a_leaf_of_the_audit_log() {
    let mut stage = Stage::set(Parties::new()).await;
    let job = stage.opened().await;
    let mut sizes = Vec::new();
    for _ in 0..3 {
        let key = &stage.parties.publisher;
        sizes.push(stage.room.status(key).await.unwrap().audit_size);
        stage.ask(&job).await;
    }
    assert_eq!((sizes[1], sizes[2]), (sizes[0] + 1, sizes[0] + 2));
}

/// An owner's custody decides from the job and the manifests alone: nothing is granted here.
#[tokio::test]
async fn an_exhausted_budget() {
    let terms = Terms { epsilon: 1.5, ..Terms::default() };
    let mut stage = Stage::set(Parties::with_terms(terms)).await;
    let sealed = [("exposures", exposures(100)), ("sales", sales(100))]
        .map(|(name, csv)| (name, stage.parties.seal(name, &csv, 1).manifest));
    let mut ledger = Ledger::open(&stage.parties.retailer).unwrap();
    let mut ask = |stage: &Stage, id: u8, epsilon: f64| {
        let mut job = stage.job();
        job.id = JobId([id; 16]);
        lift(&mut job).epsilon = Epsilon::new(epsilon).unwrap();
        job.datasets = sealed.clone().map(|(name, it)| (name.to_owned(), it.digest())).into();
        let request = SliceRequest {
            owner: "retailer".to_owned(),
            time: client::clock::now(),
            id: [id; 16],
            job: stage.parties.publisher.sign(&job).unwrap(),
            manifests: sealed.iter().map(|(_, it)| it.as_bytes().to_vec().into()).collect(),
            only_asks: false,
        };
        let now = client::clock::now();
        decide(&mut ledger, &owner(stage), stage.room.instance(), &request, now).unwrap()
    };
    assert!(matches!(ask(&stage, 1, 1.0), SliceReply::Granted { .. }));
    let SliceReply::Refused(refused) = ask(&stage, 2, 1.2) else { panic!("paid twice") };
    let Refusal::BudgetExhausted { dataset, owner, purpose, budget, cost, left, .. } = &refused
    else {
        panic!("{refused}");
    };
    assert_eq!((dataset.as_str(), owner.as_str()), ("sales", "retailer"));
    assert_eq!((purpose.as_str(), *budget), ("measurement", WhichBudget::Contract));
    assert!(!cost.fits(left));
    says(&refused, &["retailer's budget", "sales", "measurement", "does not suffice"]);
    // A smaller question still fits, as the refusal says.
    assert!(matches!(ask(&stage, 3, 0.1), SliceReply::Granted { .. }));
    stage.held_nothing();
    // An owner that signs for more than the contract has is not believed by the instance.
    let job = stage.opened().await;
    let signed = stage.parties.publisher.sign(&job).unwrap();
    let double = |slice: &mut Slice| slice.granted = slice.granted.plus(&slice.granted);
    let slices = stage.slices(double);
    let refused = stage.ask_signed(Party::Publisher, signed, slices).await;
    assert_eq!(refused, Refusal::BadSlice);
}

/// Amounts of some ten million dollars at the least epsilon there is.
#[tokio::test]
async fn noise_too_wide_to_be_drawn() {
    let mut stage = Stage::set(Parties::new()).await;
    let mut job = stage.opened().await;
    lift(&mut job).epsilon = Epsilon::new(0.001).unwrap();
    lift(&mut job).outcomes[1].clamp = Clamp::up_to(1 << 31).unwrap();
    let refused = stage.ask(&job).await;
    let Refusal::Undrawable { figure, cap, scale, largest, least, .. } = refused.clone() else {
        panic!("{refused}");
    };
    assert_eq!((figure.as_str(), cap, scale.decimals()), ("spend", 1 << 31, 2));
    says(
        &refused,
        &["\"spend\"", "epsilon 0.001", "a cap of 21474836.48", "the cap can be", "or more"],
    );
    // What it says would do, does.
    let largest = u32::try_from(largest.unwrap()).unwrap();
    lift(&mut job).outcomes[1].clamp = Clamp::up_to(largest).unwrap();
    assert!(!matches!(stage.ask(&job).await, Refusal::Undrawable { .. }));
    lift(&mut job).outcomes[1].clamp = Clamp::up_to(largest + 1).unwrap();
    assert!(matches!(stage.ask(&job).await, Refusal::Undrawable { .. }));
    lift(&mut job).outcomes[1].clamp = Clamp::up_to(1 << 31).unwrap();
    lift(&mut job).epsilon = least.unwrap();
    assert!(!matches!(stage.ask(&job).await, Refusal::Undrawable { .. }));
}

#[tokio::test]
async fn too_many_outcomes() {
    let mut stage = Stage::set(Parties::new()).await;
    let mut job = stage.job();
    lift(&mut job).outcomes = vec![lift(&mut job).outcomes[0].clone(); 17];
    let refused = stage.ask(&job).await;
    assert_eq!(refused, Refusal::OverLimit { limit: Limit::Outcomes, found: 17, most: 16 });
    stage.held_nothing();
}

#[tokio::test]
async fn another_version() {
    let mut stage = Stage::set(Parties::new()).await;
    let job = stage.opened().await;
    stage.open("sales", 2).await;
    let refused = stage.ask(&job).await;
    let (dataset, owner) = ("sales".to_owned(), "retailer".to_owned());
    assert_eq!(refused, Refusal::OtherVersion { dataset, owner });
    says(&refused, &["another version", "sales", "retailer"]);
}

#[tokio::test]
async fn a_job_for_another_room_or_contract() {
    let mut stage = Stage::set(Parties::new()).await;
    let other = Digest::of("test", b"other");
    assert_eq!(stage.ask(&Job { instance: other, ..stage.job() }).await, Refusal::Elsewhere);
    assert_eq!(stage.ask(&Job { contract: other, ..stage.job() }).await, Refusal::Elsewhere);
    stage.held_nothing();
}

#[tokio::test]
async fn somebody_elses_dataset() {
    let mut stage = Stage::set(Parties::new()).await;
    let sealed = stage.parties.seal("sales", &sales(100), 1);
    stage.host.keep(&sealed);
    let to = stage.parties.to(&stage.room, "sales");
    let not_after = client::clock::now().plus_seconds(60);
    let mut generator = client::keys::generator().unwrap();
    let grant =
        to.seal("sales", &sealed.manifest, &sealed.keys, not_after, &mut generator).unwrap();
    for (dataset, owner) in [("sales", Some("retailer")), ("payroll", None)] {
        let grant = protocol::grant::Grant { dataset: dataset.to_owned(), ..grant.clone() };
        let body = Body::Grant { grant, slices: Vec::new() };
        let reply = stage.room.request(&stage.parties.publisher, body).await.unwrap();
        let refused = refusal(reply);
        assert_eq!(refused, permits_no(Asked::Dataset, dataset, owner));
        says(&refused, &["dataset", dataset]);
    }
    // The owner's own grant, of too few columns: the rule is the contract's list.
    let mut grant = grant;
    grant.columns.retain(|column| column != "spend");
    let body = Body::Grant { grant, slices: Vec::new() };
    let reply = stage.room.request(&stage.parties.retailer, body).await.unwrap();
    let (dataset, why) = ("sales".to_owned(), GrantFlaw::Columns);
    assert_eq!(refusal(reply), Refusal::BadGrant { dataset, why });
    stage.held_nothing();
}

#[tokio::test]
async fn a_stranger_and_a_closed_room() {
    let mut stage = Stage::set(Parties::new()).await;
    let folder = tempfile::tempdir().unwrap();
    let stranger = Identity::create(folder.path(), "stranger", None).unwrap();
    let reply = stage.room.request(&stranger, Body::Close {}).await.unwrap();
    assert_eq!(refusal(reply), Refusal::Stranger);
    stage.held_nothing();
    let closed = stage.room.request(&stage.parties.retailer, Body::Close {}).await.unwrap();
    assert!(matches!(closed, Reply::Closed { .. }), "{closed:?}");
    let refused = stage.ask(&stage.job()).await;
    assert_eq!(refused, Refusal::Closed);
    says(&refused, &["closed", "destroyed its keys"]);
}

/// The job, with its analysis named.
fn named(job: &str) -> String {
    format!("[job]\nanalysis = \"lift\"\n{job}")
}

fn owner(stage: &Stage) -> Owner<'_> {
    stage.parties.custody_of("retailer")
}

/// What the job asks, to be changed.
fn lift(job: &mut Job) -> &mut Lift {
    match &mut job.question {
        Question::Lift(lift) => lift,
        _ => panic!("the stage asks for lift"),
    }
}
