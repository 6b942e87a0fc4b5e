//! Whose answer is it? A receiver gets the answer to the very job that it looks for, or none, whatever
//! another party and the host do together; and it is told who asked.

use client::{
    job::{Options, Ran},
    keys::{Identity, generator},
    open::{OpenError, Opened, open, unseal},
    room::Room,
};
use protocol::{
    canonical,
    delegation::Authority,
    hpke,
    job::{Job, JobName, SignedJob},
    message::{Answered, AnsweredJob, Body, Package, Reply, result_binding},
    receipt::Delivery,
    storage::{Answer, Ask, Failure},
};
use std::sync::Arc;
use tests::{HostileHost, Instance, JOB, Parties, exposures, sales};

/// A room in which both parties may ask, and both read.
struct Stage {
    parties: Parties,
    host: Arc<HostileHost>,
    _instance: Instance,
    room: Room,
}

impl Stage {
    async fn set() -> Self {
        let mut parties = Parties::new();
        parties.rewrite(|text| {
            text.replace("analysts = [\"publisher\"]", "analysts = [\"publisher\", \"retailer\"]")
        });
        let host = HostileHost::new(&parties);
        let instance = parties.boot(&host).await;
        let mut room = parties.connect(&instance).await.unwrap();
        for (dataset, csv) in [("exposures", exposures(400)), ("sales", sales(400))] {
            let sealed = parties.seal(dataset, &csv, 1);
            host.keep(&sealed);
            parties.grant(&mut room, dataset, &sealed).await.unwrap();
        }
        Self { parties, host, _instance: instance, room }
    }

    fn party(&self, name: &str) -> &Identity {
        if name == "publisher" { &self.parties.publisher } else { &self.parties.retailer }
    }

    /// The job of `analyst` for both to read.
    async fn prepared(&mut self, analyst: &str, job: &str) -> SignedJob {
        let receivers = Some(vec!["publisher".to_owned(), "retailer".to_owned()]);
        let options = Options { receivers, ..Options::default() };
        let (room, parties) = (&mut self.room, &self.parties);
        let identity = if analyst == "publisher" { &parties.publisher } else { &parties.retailer };
        let prepared = client::job::prepare(room, identity, job, &options).await.unwrap();
        SignedJob::open(&Authority::at_any_time(&parties.contract), prepared.as_bytes().to_vec())
            .unwrap()
    }

    fn sign(&self, analyst: &str, job: &Job) -> SignedJob {
        let authority = Authority::at_any_time(&self.parties.contract);
        SignedJob::sign(&authority, self.party(analyst).analyst().unwrap(), job).unwrap()
    }

    async fn run(&mut self, job: &SignedJob) -> Reply {
        let body = Body::Job { job: job.as_bytes().to_vec(), slices: Vec::new() };
        let key = if job.analyst() == "publisher" {
            &self.parties.publisher
        } else {
            &self.parties.retailer
        };
        self.room.request(key, body).await.unwrap()
    }

    /// What `reader` makes of what the host keeps for it.
    fn opens(&self, reader: &str, job: JobName) -> Result<Opened, OpenError> {
        self.opens_package(reader, job, &self.host.result(job, reader).unwrap())
    }

    fn opens_package(
        &self,
        reader: &str,
        job: JobName,
        package: &[u8],
    ) -> Result<Opened, OpenError> {
        open(package, self.party(reader), &self.parties.contract, job, &self.parties.trust())
    }

    /// A package that anybody can make: sealed to `reader` in the place of `job`.
    fn forged(&self, reader: &str, job: JobName, package: &Package) -> Vec<u8> {
        let contract = &self.parties.contract;
        let binding = result_binding(contract.digest, job, reader);
        let plain = canonical::to_vec(package);
        let parts: [(&[u8], &[u8]); 1] = [(&binding, &plain)];
        let key = &contract.parties[reader].recipient_key;
        let sealed = hpke::seal(key, &binding, &parts, &mut generator().unwrap()).unwrap();
        canonical::to_vec(&sealed)
    }
}

fn is_answered(reply: &Reply) -> bool {
    matches!(reply, Reply::Result { not_stored, .. } if not_stored.is_empty())
}

fn other() -> String {
    JOB.replace("50.0", "40.0")
}

/// A partner sees the job when its custody is asked, and asks one of its own under the same id before.
#[tokio::test(flavor = "multi_thread")]
async fn a_partner_that_asks_first_under_the_same_id_takes_nobodys_answer() {
    let mut stage = Stage::set().await;
    let job = stage.prepared("publisher", JOB).await;
    let mut squat = stage.prepared("retailer", &other()).await.job().clone();
    squat.id = job.job().id;
    let squat = stage.sign("retailer", &squat);
    assert_ne!(squat.name(), job.name());
    assert!(is_answered(&stage.run(&squat).await));
    let reply = stage.run(&job).await;
    assert!(is_answered(&reply), "{reply:?}");
    for reader in ["publisher", "retailer"] {
        let opened = stage.opens(reader, job.name()).unwrap();
        assert_eq!((opened.asked.analyst(), opened.asked.name()), ("publisher", job.name()));
        assert_eq!(opened.result.asked_by.as_str(), "publisher");
        assert!(!opened.is_repeated());
        // Who opens the other one is told whose it is.
        let opened = stage.opens(reader, squat.name()).unwrap();
        assert_eq!(
            (opened.asked.analyst(), opened.result.asked_by.as_str()),
            ("retailer", "retailer")
        );
    }
    // The very same question under the same id: the same answer, and another name all the same.
    let copied = stage.sign("retailer", job.job());
    assert_ne!(copied.name(), job.name());
    assert!(is_answered(&stage.run(&copied).await));
    let opened = stage.opens("publisher", copied.name()).unwrap();
    assert_eq!((opened.asked.analyst(), opened.checked.job.analyst()), ("retailer", "publisher"));
    assert!(opened.is_repeated());
    let status = stage.room.status(&stage.parties.retailer).await.unwrap();
    let mut jobs = [&squat, &job, &copied]
        .map(|job| AnsweredJob { job: job.name(), asked_by: job.analyst().to_owned() });
    jobs.sort_by_key(|answered| answered.job);
    assert_eq!(status.jobs, jobs);
}

/// Host and one party put a genuine result of another question in the place of an answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_answer_to_something_else_is_not_believed_in_the_place_of_a_job() {
    let mut stage = Stage::set().await;
    let job = stage.prepared("publisher", JOB).await;
    let decoy = stage.prepared("retailer", &other()).await;
    for asked in [&job, &decoy] {
        assert!(is_answered(&stage.run(asked).await));
    }
    let genuine = stage.host.result(decoy.name(), "retailer").unwrap();
    let (retailer, contract) = (&stage.parties.retailer, &stage.parties.contract);
    let genuine = unseal(&genuine, retailer, contract, decoy.name()).unwrap();
    let mut same_id = decoy.job().clone();
    same_id.id = job.job().id;
    let lies = [
        ("the decoy as it is", decoy.clone()),
        ("the decoy under the id of the job", stage.sign("retailer", &same_id)),
        ("the job, signed by another", stage.sign("retailer", job.job())),
        ("the job itself", job.clone()),
    ];
    for reader in ["publisher", "retailer"] {
        for (what, asked) in &lies {
            let asked_bytes = asked.as_bytes().to_vec();
            let package = Package::padded(answered(&genuine), asked_bytes);
            let forged = stage.forged(reader, job.name(), &package);
            let refused = stage.opens_package(reader, job.name(), &forged).unwrap_err();
            match refused {
                OpenError::OtherJob { found, ref analyst, .. } => {
                    assert_eq!((found, analyst.as_str()), (asked.name(), "retailer"), "{what}");
                }
                OpenError::OtherQuestion { found, .. } => {
                    assert_eq!((*what, found), ("the job itself", decoy.name()));
                }
                other => panic!("{what}: {other}"),
            }
        }
        let package = Package::padded(answered(&genuine), vec![1, 2]);
        let forged = stage.forged(reader, job.name(), &package);
        let refused = stage.opens_package(reader, job.name(), &forged).unwrap_err();
        assert!(matches!(refused, OpenError::NoJob { .. }), "{refused}");
        // And what is there by right is believed.
        assert_eq!(stage.opens(reader, job.name()).unwrap().asked.analyst(), "publisher");
    }
}

/// A host that holds something else in the place of an answer is told of, and the answer is not lost.
#[tokio::test(flavor = "multi_thread")]
async fn bytes_in_the_place_of_an_answer_are_no_success() {
    let mut stage = Stage::set().await;
    let prepared = stage.parties.prepare(&mut stage.room, JOB).await;
    stage.host.misbehave(|ask, answer| match ask {
        Ask::Put { name, .. } if name.as_str().ends_with("/retailer") => {
            Answer::Failed { why: Failure::Conflict }
        }
        _ => answer,
    });
    let ran: Ran = stage.parties.run(&mut stage.room, &prepared).await.unwrap();
    assert_eq!(ran.not_stored, ["retailer"]);
    stage.opens_package("publisher", ran.job, &ran.sealed.unwrap()).unwrap();
    let status = stage.room.status(&stage.parties.publisher).await.unwrap();
    assert_eq!(status.jobs, [], "its results are not all stored");
    stage.host.behave();
    let again = stage.parties.run(&mut stage.room, &prepared).await.unwrap();
    // The host here keeps what it was first told, in spite of what it said.
    assert!(again.not_stored.is_empty());
    let status = stage.room.status(&stage.parties.publisher).await.unwrap();
    assert_eq!(status.jobs.len(), 1);
}

/// Owners countersign what costs them; what does not is counted where they see it.
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_cost_nothing_are_counted_by_who_asked_and_who_reads() {
    let mut stage = Stage::set().await;
    let paid = stage.prepared("publisher", JOB).await;
    let same = stage.prepared("retailer", JOB).await;
    let estimate = JOB.replace("version = 1", "version = 1\nconfidence = 0.8");
    let estimate = stage.prepared("retailer", &estimate).await;
    let mut entries = Vec::new();
    for job in [&paid, &same, &estimate] {
        assert!(is_answered(&stage.run(job).await));
        entries.push(stage.room.status(&stage.parties.retailer).await.unwrap().audit_size);
    }
    // Each left a leaf of the audit log.
    assert_eq!((entries[1], entries[2]), (entries[0] + 1, entries[0] + 2));
    // A retry is no other delivery.
    assert!(is_answered(&stage.run(&same).await));
    let delivery = |asked_by: &str, receiver: &str, charged, free| Delivery {
        asked_by: asked_by.to_owned(),
        receiver: receiver.to_owned(),
        charged,
        free,
    };
    let expected = [
        delivery("publisher", "publisher", 1, 0),
        delivery("publisher", "retailer", 1, 0),
        delivery("retailer", "publisher", 0, 2),
        delivery("retailer", "retailer", 0, 2),
    ];
    let key = &stage.parties.publisher;
    let status = stage.room.status(key).await.unwrap();
    assert_eq!(status.deliveries, expected);
    let Reply::Closed { closing } = stage.room.request(key, Body::Close {}).await.unwrap() else {
        panic!("no closing")
    };
    let (contract, trust) = (&stage.parties.contract, stage.parties.trust());
    let closing = client::close::Closing::verify(&closing, contract, &trust, None).unwrap();
    assert_eq!(closing.body().deliveries, expected);
}

fn answered(package: &Package) -> Answered {
    let Package { result, receipt, released, .. } = package.clone();
    Answered { result, receipt, released }
}
