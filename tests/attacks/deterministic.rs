//! Attacks that must never succeed: something for nothing, or an answer where there should be none.

use std::sync::Arc;

use custody::{LedgerError, Owner, prepay};
use protocol::{
    loss::{Epsilon, Loss, Rho},
    message::{Body, Reply},
    refusal::Refusal,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use serde_bytes::ByteBuf;
use tests::{HostileHost, JOB, Parties};

use super::{
    Found,
    data::{crowd, target},
    jobs::{Dice, neighbours, random},
    stage::{Room, Width},
};

pub(crate) fn all() -> Vec<Found> {
    let mut room = Room::new(Width::Paid);
    vec![
        forced_error(&mut room),
        missing_bounds(&mut room),
        rollback(),
        fork(),
        length(),
        secret_column(&mut room),
        injection(&mut room),
        oracle(&mut room),
    ]
}

fn never(id: &'static str, what: &'static str, tries: u32, successes: u32) -> Found {
    Found { id, what: what.to_owned(), tries, successes, guessing: 0.0, bound: 0.0 }
}

/// A5: values that would overflow, divide by nothing or name what is not there, in the target's rows.
/// The attacker wins where that changes whether, or how, a job is answered. Only jobs that are accepted
/// read rows, so they alone are tries.
fn forced_error(room: &mut Room) -> Found {
    let what = "rows that overflow or name what is not there";
    let (accepted, successes) = differing(room, 1_500, true);
    never("A5", what, accepted, successes)
}

/// A25: is a job refused for one dataset and answered for its neighbour?
fn oracle(room: &mut Room) -> Found {
    let (accepted, successes) = differing(room, 10_000, false);
    let what = format!("refused or answered: random jobs, {accepted} accepted and run on both");
    Found { what, ..never("A25", "", 10_000, successes) }
}

/// How many of so many random jobs, lifts and tables, are accepted; and how many are answered for one world
/// and not, or differently refused, for its neighbour. Every job that is accepted is run on both.
fn differing(room: &mut Room, jobs: u32, hostile: bool) -> (u32, u32) {
    let mut dice = [5, 6].map(|seed| Dice(ChaCha20Rng::from_seed([seed; 32])));
    let [asked, worlds] = &mut dice;
    let (mut successes, mut accepted, mut lifts) = (0, 0_u32, 0);
    let mut pair = neighbours(worlds, hostile);
    for _ in 0..jobs {
        let (analysis, question) = random(asked);
        let mut decided = || {
            room.refill();
            room.paid("retailer", analysis, question.clone())
        };
        match (decided(), decided()) {
            (Ok(first), Ok(second)) => {
                accepted += 1;
                lifts += u32::from(analysis == "lift");
                let seed = u64::from(accepted);
                let one = room.run(&pair.0, &first, seed).err();
                let other = room.run(&pair.1, &second, seed).err();
                successes += u32::from((one, other) != (None, None));
                if accepted.is_multiple_of(20) {
                    pair = neighbours(worlds, hostile);
                }
            }
            (first, second) => successes += u32::from(first.err() != second.err()),
        }
    }
    // A room that always says no would be silent.
    assert!((jobs / 20..jobs / 2).contains(&accepted), "{accepted} of {jobs} were accepted");
    assert!((accepted / 10..accepted).contains(&lifts), "{lifts} of {accepted} were lifts");
    (accepted, successes)
}

/// A9: questions that leave a bound out, or make it meaningless.
fn missing_bounds(room: &mut Room) -> Found {
    let world = crowd();
    let measure = |cap: &str| {
        format!(
            "[[table.measure]]\nname = \"m\"\ncolumn = \"sales.spend\"\nstatistic = \"sum\"\n{cap}"
        )
    };
    let privacy = "epsilon = 1\ndelta = 1e-6";
    let jobs = [
        ("", privacy),
        ("cap_per_user = 0", privacy),
        ("cap_per_user = -1", privacy),
        ("cap_per_user = inf", privacy),
        ("cap_per_user = nan", privacy),
        ("cap_per_user = 1e12", privacy),
        ("cap_per_user = 10", "epsilon = inf\ndelta = 1e-6"),
        ("cap_per_user = 10", "epsilon = 1"),
        ("cap_per_user = 10", "delta = 1e-6"),
        ("cap_per_user = 10", "epsilon = 1\ndelta = 0.5"),
    ];
    let jobs = jobs.map(|(cap, privacy)| job("", &measure(cap), privacy));
    let mut answered = |job: &str| {
        room.refill();
        room.ask(&world, "publisher", job, 1).is_ok()
    };
    assert!(answered(&job("", &measure("cap_per_user = 10"), privacy)), "bounded, it is answered");
    let answered = jobs.iter().filter(|job| answered(job)).count();
    let answered = u32::try_from(answered).unwrap();
    never("A9", "questions without a bound on a person, or without a price", 10, answered)
}

/// A14: restart the enclave, or bring back an old ledger, and spend again.
fn rollback() -> Found {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let restarted = runtime.block_on(restarted());
    let what = "rollback: a restarted enclave, an old backup of the ledger";
    never("A14", what, 4, restarted + restored())
}

/// Kills an enclave that was handed the whole budget, starts it again, has the owners grant their keys
/// anew, and asks with all that the first one was handed. How many jobs are answered?
async fn restarted() -> u32 {
    let parties = Parties::new();
    let host = HostileHost::new(&parties);
    let sealed = [("exposures", tests::exposures(400)), ("sales", tests::sales(400))]
        .map(|(dataset, csv)| (dataset, parties.seal(dataset, &csv, 1)));
    sealed.iter().for_each(|(_, sealed)| host.keep(sealed));
    let first = parties.boot(&host).await;
    let mut room = parties.connect(&first).await.unwrap();
    let mut slices = Vec::new();
    for (dataset, sealed) in &sealed {
        parties.grant(&mut room, dataset, sealed).await.unwrap();
        let slice = parties.slice(&room, dataset);
        slices.push(ByteBuf::from(parties.owner(dataset).sign(&slice).unwrap()));
    }
    let old = parties.prepare(&mut room, JOB).await;
    parties.run(&mut room, &old).await.unwrap();
    first.kill();

    let second = parties.boot(&host).await;
    let mut room = parties.connect(&second).await.unwrap();
    for (dataset, sealed) in &sealed {
        let (owner, manifest, keys) = (parties.owner(dataset), &sealed.manifest, &sealed.keys);
        let keys_only =
            client::grant::grant(&mut room, owner, dataset, manifest, keys, None, vec![]);
        keys_only.await.unwrap();
    }
    let new = parties.prepare(&mut room, JOB).await;
    let mut gained = 0;
    for (job, slices, expected) in [
        (&old, slices.clone(), Refusal::Elsewhere),
        (&new, slices, Refusal::BadSlice),
        (&new, Vec::new(), nothing_left(&parties)),
    ] {
        let body = Body::Job { job: job.as_bytes().to_vec(), slices };
        let reply = room.request(&parties.publisher, body).await.unwrap();
        match reply {
            Reply::Refused(refusal) => assert_eq!(refusal, expected),
            _ => gained += 1,
        }
    }
    gained
}

/// What an instance says that was handed nothing: the usual job costs ε = 1.
fn nothing_left(parties: &Parties) -> Refusal {
    let (epsilon, delta) = (Epsilon::new(1.0), protocol::loss::Delta::new(1e-6));
    Refusal::NeedsSlice {
        dataset: "exposures".to_owned(),
        owner: parties.contract.datasets["exposures"].owner.clone(),
        cost: Loss::zcdp(Rho::from_epsilon(epsilon.unwrap(), delta.unwrap())),
        left: Loss::zero(),
        others: vec![parties.contract.datasets["sales"].owner.clone()],
    }
}

/// Restores an owner's ledger from a backup. Does it hand out what it had handed out since?
fn restored() -> u32 {
    let parties = Parties::new();
    let file = parties.retailer.directory().join("custody.sqlite");
    let spend = |ledger: &mut custody::Ledger, instance: u8| {
        let instance = instance_of(&parties, instance);
        let owner = owner(&parties);
        let now = client::clock::now();
        let epsilon = Epsilon::new(0.5).unwrap();
        prepay(ledger, &owner, &instance, ("sales", "measurement"), epsilon, None, now)
    };
    let mut ledger = custody::Ledger::open(&parties.retailer).unwrap();
    spend(&mut ledger, 1).unwrap();
    drop(ledger);
    let backup = std::fs::read(&file).unwrap();
    let mut ledger = custody::Ledger::open(&parties.retailer).unwrap();
    spend(&mut ledger, 2).unwrap();
    drop(ledger);
    std::fs::write(&file, backup).unwrap();
    let mut ledger = custody::Ledger::open(&parties.retailer).unwrap();
    let again = spend(&mut ledger, 3);
    u32::from(!matches!(again, Err(LedgerError::Restored { .. })))
}

/// A15: many instances of one state, each asking for all there is.
fn fork() -> Found {
    let parties = Parties::new();
    let mut ledger = custody::Ledger::open(&parties.retailer).unwrap();
    let now = client::clock::now();
    let budget = &parties.contract.datasets["sales"].budgets["measurement"];
    let epsilon = Epsilon::new(budget.epsilon.value() / 2.0).unwrap();
    let mut handed = Loss::zero();
    let instances = 20;
    for number in 0..instances {
        let instance = instance_of(&parties, number);
        let owner = owner(&parties);
        let what = ("sales", "measurement");
        let slice = prepay(&mut ledger, &owner, &instance, what, epsilon, None, now);
        if slice.is_ok() {
            handed = handed.plus(&Loss::zcdp(Rho::from_epsilon(epsilon, budget.delta)));
        }
    }
    assert!(!handed.is_zero());
    let successes = u32::from(!handed.fits(&budget.per_period()));
    never(
        "A15",
        "a fork: twenty instances, each asks for half the budget",
        instances.into(),
        successes,
    )
}

/// A18: is anything that leaves longer when the target is in the data?
fn length() -> Found {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let tries = 6;
    let mut seen = Vec::new();
    for trial in 0..tries {
        let people = 400 + trial % 2;
        seen.push(runtime.block_on(async {
            let parties = Parties::new();
            let host: Arc<HostileHost> = HostileHost::new(&parties);
            let instance = parties.boot(&host).await;
            let mut room = parties.connect(&instance).await.unwrap();
            let tables = [("exposures", tests::exposures(people)), ("sales", tests::sales(people))];
            for (dataset, csv) in tables {
                let sealed = parties.seal(dataset, &csv, 1);
                host.keep(&sealed);
                parties.grant(&mut room, dataset, &sealed).await.unwrap();
            }
            let prepared = parties.prepare(&mut room, JOB).await;
            let ran = parties.run(&mut room, &prepared).await.unwrap();
            (host.trace(), ran.sealed.map(|sealed| sealed.len()))
        }));
    }
    let successes = seen.iter().filter(|it| **it != seen[0]).count();
    let successes = u32::try_from(successes).unwrap();
    never("A18", "length of what leaves, and what the host is asked for", tries, successes)
}

/// A19: group by, filter by or add up what the contract does not list; and a label of one person only.
fn secret_column(room: &mut Room) -> Found {
    let mut world = crowd();
    world.push(target(5));
    let privacy = "epsilon = 2\ndelta = 1e-6";
    let mut tries = 0;
    let mut successes = 0;
    for body in [
        "group_by = [\"sales.illness\"]",
        "group_by = [\"sales.email\"]",
        "group_by = [\"exposures.email\"]",
        "group_by = [\"illness\"]",
        "[[table.where]]\ncolumn = \"sales.illness\"\nin = [\"some\"]",
        "[[table.where]]\ncolumn = \"sales.store\"\nin = [\"clinic\"]",
        "[[table.measure]]\nname = \"m\"\ncolumn = \"sales.illness\"\nstatistic = \"distinct\"\ncap_per_user = 1",
        "[[table.measure]]\nname = \"m\"\ncolumn = \"sales.email\"\nstatistic = \"distinct\"\ncap_per_user = 1",
    ] {
        tries += 1;
        room.refill();
        successes += u32::from(room.ask(&world, "publisher", &job(body, "", privacy), 1).is_ok());
    }
    for seed in 0..200 {
        tries += 1;
        room.refill();
        let selected = format!("{privacy}\nselection_delta = 1e-6");
        let stores = job("group_by = [\"sales.store\"]", "", &selected);
        let result = room.ask(&world, "publisher", &stores, seed).unwrap();
        let table: protocol::result::TableResult = result.of().unwrap();
        assert!(table.answer.cells.iter().any(|cell| cell.names == ["main street"]));
        successes += u32::from(table.answer.cells.iter().any(|cell| cell.names == ["clinic"]));
    }
    never(
        "A19",
        "group by, filter by or add up what is not listed; a label of one",
        tries,
        successes,
    )
}

/// A20: text that would be read as something else: by SQL, by a path, by a template.
fn injection(room: &mut Room) -> Found {
    let world = crowd();
    let strange = [
        "town-0' OR '1'='1",
        "town-0\\\"] ; drop table sales; --",
        "town-0, town-7",
        "town-*",
        "${sales.illness}",
        "{{sales.illness}}",
        "../sales.illness",
        "town-0\\u0000",
        "TOWN-0",
        "town-0 ",
    ];
    let mut answered = |column: &str, value: &str| {
        let rows = format!("[[table.where]]\ncolumn = \"{column}\"\nin = [\"{value}\"]");
        room.refill();
        room.ask(&world, "publisher", &job("", &rows, "epsilon = 1\ndelta = 1e-6"), 1).is_ok()
    };
    assert!(answered("exposures.town", "town-0"), "plain text is answered");
    let answered = strange.iter().map(|text| {
        let column = format!("exposures.{text}");
        u32::from(answered("exposures.town", text)) + u32::from(answered(&column, "town-0"))
    });
    let successes = answered.sum();
    never("A20", "text in values and column names that is more than text", 20, successes)
}

/// A table of these groups and these rows or measures.
fn job(groups: &str, more: &str, privacy: &str) -> String {
    format!("[job]\nanalysis = \"reach\"\n[table]\n{groups}\n{more}\n[table.privacy]\n{privacy}\n")
}

fn owner(parties: &Parties) -> Owner<'_> {
    parties.custody_of("retailer")
}

/// An instance under the parties' contract, which its owner is taken to believe.
fn instance_of(parties: &Parties, number: u8) -> client::room::Instance {
    let secret =
        protocol::hpke::RecipientSecret::generate(&mut ChaCha20Rng::from_seed([number; 32]));
    let statement = attestation_verifier::receipt::Statement {
        contract: *parties.contract.digest.as_bytes(),
        hpke: secret.public().to_vec(),
        receipt: [number; 32],
        tls: vec![number; 44],
    };
    client::room::Instance::parse(&statement.encode()).unwrap()
}
