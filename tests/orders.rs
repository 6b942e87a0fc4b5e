//! Standing orders: what an instance says of runs that are brought to it, and six weeks that nobody attends.

use crate::party;
use client::{clock, keys::Identity, room::Room};
use custody::{Ledger, RunEnd};
use protocol::{
    contract::Contract,
    delegation::Authority,
    digest::Digest,
    job::{JobId, question_from_toml},
    loss::Loss,
    message::{Body, Reply},
    order::{Order, OrderFile, Run, Window, question_digest},
    policy,
    refusal::{Refusal, RunFlaw},
    time::Time,
};
use std::sync::Arc;
use tests::{HostileHost, Instance, JOB, Parties, processes::Site, running::until};

/// A room that is open and holds nothing, and an order of the publisher.
struct Stage {
    parties: Parties,
    _instance: Instance,
    room: Room,
    file: OrderFile,
}

impl Stage {
    async fn set(at: Time) -> Self {
        let parties = Parties::new();
        let host: Arc<HostileHost> = HostileHost::new(&parties);
        let instance = parties.boot(&host).await;
        let room = parties.connect(&instance).await.unwrap();
        let contract = &parties.contract;
        let (analysis, question) = question_from_toml(JOB, contract).unwrap();
        let priced = policy::price(contract, &analysis, &question).unwrap();
        let order = Order {
            contract: contract.digest,
            id: JobId([3; 16]),
            name: "weekly".to_owned(),
            purpose: contract.analyses[&analysis].purpose.clone(),
            receivers: contract.analyses[&analysis].receivers.clone(),
            analysis,
            attempts: 1,
            price: priced.proof().cost.clone(),
            runs: vec![Window {
                at,
                until: at.plus_seconds(3600),
                question: question_digest(&question),
            }],
            decision: None,
        };
        let key = parties.publisher.analyst().unwrap();
        let authority = Authority::at(contract, clock::now());
        let file = OrderFile::sign(&authority, key, &order, &[question]).unwrap();
        Self { parties, _instance: instance, room, file }
    }

    fn run(&self, number: u32) -> Run {
        let nobody = |name: &str| (name.to_owned(), Digest::of("test", name.as_bytes()));
        Run {
            order: self.file.signed().as_bytes().to_vec(),
            number,
            question: self.file.question(1).unwrap().clone(),
            instance: self.room.instance().digest(),
            datasets: ["exposures", "sales"].map(nobody).into(),
        }
    }

    async fn brings(&mut self, run: &Run) -> Refusal {
        let body = Body::Run { run: run.to_bytes(), slices: Vec::new() };
        self.asks(body).await
    }

    async fn asks(&mut self, body: Body) -> Refusal {
        let publisher: &Identity = &self.parties.publisher;
        match self.room.request(publisher, body).await.unwrap() {
            Reply::Refused(refusal) => refusal,
            other => panic!("{other:?}"),
        }
    }
}

fn flaw(refusal: Refusal) -> RunFlaw {
    match refusal {
        Refusal::Run { why, .. } => why,
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn an_instance_refuses_runs_out_of_their_time_by_the_modules_clock() {
    let now = clock::now();
    for (at, early) in [(now.plus_seconds(600), true), (Time(now.0 - 7_200_000), false)] {
        let mut stage = Stage::set(at).await;
        let run = stage.run(1);
        let until = at.plus_seconds(3600);
        let expected = if early { RunFlaw::Early { at } } else { RunFlaw::Late { until } };
        assert_eq!(flaw(stage.brings(&run).await), expected);
    }
}

#[tokio::test]
async fn an_instance_takes_no_other_run_than_the_order_has_and_no_run_as_a_job() {
    let mut stage = Stage::set(Time(clock::now().0 - 1000)).await;
    let run = stage.run(1);
    // In its time it is admitted as far as the data goes.
    assert!(matches!(stage.brings(&run).await, Refusal::KeyWithheld { .. }));
    assert_eq!(flaw(stage.brings(&stage.run(2)).await), RunFlaw::NoSuchRun { runs: 1 });
    let elsewhere = Run { instance: Digest::of("test", b"other"), ..run.clone() };
    assert_eq!(stage.brings(&elsewhere).await, Refusal::Elsewhere);
    let mut other = run.clone();
    other.question =
        question_from_toml(&JOB.replace("epsilon = 1.0", "epsilon = 0.9"), &stage.parties.contract)
            .unwrap()
            .1;
    assert_eq!(flaw(stage.brings(&other).await), RunFlaw::OtherQuestion);
    let submitted = Body::Job { job: run.to_bytes(), slices: Vec::new() };
    assert_eq!(flaw(stage.asks(submitted).await), RunFlaw::Submitted);
    let mut cut = run.to_bytes();
    cut.truncate(cut.len() - 1);
    let body = Body::Run { run: cut, slices: Vec::new() };
    assert_eq!(stage.asks(body).await, Refusal::Malformed);
}

/// `make demo-weekly`, which asserts what it shows: six runs due, five answered each in an instance of its own, one after an outage of the
/// host, one missed because an owner was away, and a seventh that both owners refuse.
#[test]
fn six_weeks_that_nobody_attends() {
    let folder = tempfile::tempdir().unwrap();
    let said = tests::running::weekly_demo(&folder.path().join("room"));
    assert!(said.contains("Six weeks in"), "{said}");
}

/// `kill -9` of enclave, host and either service, at points of a run that are spread over it: no run is debited more often than its order says, each
/// debit has its instance, and every run is answered or told as missed, by all.
///
/// `GLOVEBOX_POINTS=60` makes it sixty points; each takes some seconds.
#[test]
fn whoever_is_killed_at_any_point_of_a_run_no_budget_is_gained() {
    let points =
        std::env::var("GLOVEBOX_POINTS").ok().and_then(|text| text.parse().ok()).unwrap_or(4);
    let mut site = Site::new();
    site.start_host();
    site.upload();
    party::join(&site);
    site.stop_host();
    for (name, dataset) in [("publisher", "exposures"), ("retailer", "sales")] {
        let rules =
            format!("instances = 16\nresults = \"results\"\n{}", party::granting(&site, dataset));
        party::rules(&site, name, &rules);
    }
    site.start_scheduled_host();
    let serve = |site: &Site, name: &str| site.begin(&format!("party serve --dir {name}"));
    let mut services = ["publisher", "retailer"].map(|name| Some(serve(&site, name)));
    let file = ordered(&site, points);
    for run in &file.order().runs {
        let number =
            u32::try_from(file.order().runs.iter().take_while(|other| other.at < run.at).count())
                .unwrap();
        // The points of a run lie within the three seconds after it began, whoever is killed at it.
        let step = (u64::from(number) * 7 + 3) % u64::from(points);
        let point = run.at.0 + step * 3000 / u64::from(points);
        until("the point has come", || clock::now().0 >= point);
        match number % 4 {
            0 => site.strike_enclave(),
            1 => {
                site.kill_host();
                site.start_scheduled_host();
            }
            victim => {
                let which = usize::try_from(victim - 2).unwrap();
                let name = ["publisher", "retailer"][which];
                // Dropping a process kills it; only then may another one run in its folder.
                services[which] = None;
                services[which] = Some(serve(&site, name));
            }
        }
    }
    let last = file.order().runs.last().unwrap().until;
    let name = file.signed().name();
    let ledger = |party: &str| {
        let identity = Identity::load(&site.path(party)).unwrap();
        Ledger::open(&identity).unwrap()
    };
    until("every run has ended for both", || {
        let ended = |party: &&str| {
            let ends = ledger(party).run_ends(name).unwrap();
            u32::try_from(ends.len()).unwrap() == points
        };
        ["publisher", "retailer"].iter().all(ended) || clock::now() > last.plus_seconds(20)
    });
    drop(services);
    let signed = std::fs::read(site.path("contract.toml.signed")).unwrap();
    let contract = Contract::open(&signed).unwrap();
    for party in ["publisher", "retailer"] {
        let ledger = ledger(party);
        let (ends, attempts) = (ledger.run_ends(name).unwrap(), ledger.attempts(name).unwrap());
        for number in 1..=points {
            let of_run = attempts.iter().filter(|attempt| attempt.number == number);
            let paid = of_run.filter(|attempt| !attempt.given_back).count();
            assert!(paid <= 2, "{party}, run {number}: {attempts:?}");
            assert!(ends.contains_key(&number), "{party}, run {number} ended in silence");
        }
        // What was used is what attempts paid for, and nothing came back that was spent.
        let paid = attempts.iter().filter(|attempt| !attempt.given_back);
        let paid = paid.fold(Loss::zero(), |sum, _| sum.plus(&file.order().price));
        let report = ledger.report(&contract, party, clock::now()).unwrap();
        let used = report.budgets.into_iter().next().unwrap().lifetime_used;
        // An instance that spent on one run of two gives nothing of the other back as an attempt, and its closing credits it.
        assert!(used.fits(&paid), "{party}: {used:?}, {paid:?}");
        let answered = ends.values().filter(|end| matches!(end, RunEnd::Answered { .. })).count();
        assert!(answered * 2 >= usize::try_from(points).unwrap(), "{party}: {ends:?}");
    }
}

/// An order of `points` runs, seven seconds apart, which both parties accepted and the host knows.
fn ordered(site: &Site, points: u32) -> OrderFile {
    let signed = std::fs::read(site.path("contract.toml.signed")).unwrap();
    let contract = Contract::open(&signed).unwrap();
    let publisher = Identity::load(&site.path("publisher")).unwrap();
    let job = "[lift]\nversion = 1\n[lift.assignment]\ncolumn = \"arm\"\ntest = [\"mens\"]\ncontrol = [\"none\"]\n\
               [[lift.outcome]]\nname = \"visit\"\ntype = \"binary\"\n[lift.privacy]\nepsilon = 0.1\ndelta = 1e-6\n";
    let (analysis, question) = question_from_toml(job, &contract).unwrap();
    let priced = policy::price(&contract, &analysis, &question).unwrap();
    let begins = clock::now().plus_seconds(8);
    let window = |number: u32| {
        let at = begins.plus_seconds(7 * u64::from(number));
        Window { at, until: at.plus_seconds(25), question: question_digest(&question) }
    };
    let order = Order {
        contract: contract.digest,
        id: JobId([4; 16]),
        name: "often".to_owned(),
        purpose: contract.analyses[&analysis].purpose.clone(),
        receivers: vec!["publisher".to_owned(), "retailer".to_owned()],
        analysis,
        attempts: 2,
        price: priced.proof().cost.clone(),
        runs: (0..points).map(window).collect(),
        decision: None,
    };
    let authority = Authority::at(&contract, clock::now());
    let file =
        OrderFile::sign(&authority, publisher.analyst().unwrap(), &order, &[question]).unwrap();
    std::fs::write(site.path("often.order"), file.to_bytes()).unwrap();
    for party in ["publisher", "retailer"] {
        site.ok(&format!("order accept often.order --dir {party}"));
    }
    site.ok("order schedule often --dir publisher");
    file
}
