//! Attacks that must never succeed: something for nothing, or an answer where there should be none.

use std::sync::Arc;

use client::custody::{LedgerError, Owner, prepay};
use protocol::{
    job::{Filter, GroupBy, Question, Statistic, TableMeasure, TableQuestion},
    loss::{Delta, Epsilon, Loss, Rho},
    refusal::Refusal,
};
use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use tests::{HostileHost, JOB, Parties};

use super::{
    Found,
    stage::{No, Person, Room, crowd, target},
};

pub(crate) fn all() -> Vec<Found> {
    let mut room = Room::new();
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
    Found { id, what, tries, successes, guessing: 0.0, bound: 0.0 }
}

/// A5: values that would overflow, divide by nothing or name what is not there, in the target's rows.
/// The attacker wins where that changes whether, or how, a job is answered.
fn forced_error(room: &mut Room) -> Found {
    let mut hostile = crowd();
    let mut bad = target(i64::MAX);
    bad.exposures = vec![(i32::MIN, i32::MAX), (-1, -1), (0, 7), (99, 99)];
    bad.sales = vec![(i64::MAX, i32::MAX, ""), (i64::MIN, -1, "\u{7f}"), (i64::MAX, i32::MIN, "x")];
    hostile.push(bad);
    differing(room, "A5", "rows that overflow or name what is not there", 200, &crowd(), &hostile)
}

/// A25: is a job refused for one dataset and answered for its neighbour?
fn oracle(room: &mut Room) -> Found {
    let mut with = crowd();
    with.push(target(5));
    let full = std::env::var_os("GLOVEBOX_TEST_FULL").is_some();
    let tries = if full { 10_000 } else { 1_000 };
    differing(
        room,
        "A25",
        "refused or answered: random jobs on neighbouring data",
        tries,
        &crowd(),
        &with,
    )
}

/// How many random jobs are answered for one world and not, or differently refused, for the other.
fn differing(
    room: &mut Room,
    id: &'static str,
    what: &'static str,
    tries: u32,
    one: &[Person],
    other: &[Person],
) -> Found {
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    let (mut successes, mut answered) = (0, 0);
    for _ in 0..tries {
        let question = random(&mut rng);
        let outcome = |room: &mut Room, world: &[Person]| {
            // Small enough that the same job is paid for in both worlds, or in neither.
            room.refill(1);
            let analyst = "retailer";
            room.asked(world, analyst, "reach", Question::Table(question.clone())).err()
        };
        let (first, second) = (outcome(room, one), outcome(room, other));
        answered += u32::from(first.is_none());
        successes += u32::from(first != second || first == Some(No::Fault));
    }
    // An oracle that always says no would be silent.
    assert!(answered > tries / 10 && answered < tries, "{answered} of {tries} were answered");
    Found { id, what, tries, successes, guessing: 0.0, bound: 0.0 }
}

/// Any job that an analyst could sign, sensible or not.
fn random(rng: &mut ChaCha20Rng) -> TableQuestion {
    let mut one_of = |of: u32| rng.next_u32() % of;
    let columns =
        ["exposures.arm", "exposures.town", "sales.store", "sales.spend", "sales.illness"];
    let column = |at: u32| columns[usize::try_from(at).unwrap()].to_owned();
    let mut group_by = Vec::new();
    for _ in 0..one_of(3) {
        group_by.push(match one_of(4) {
            0 => GroupBy::Matched,
            1 => GroupBy::Bins {
                measure: "m".to_owned(),
                edges: vec![1, 5, 5 + i64::from(one_of(9))],
            },
            _ => GroupBy::Column(column(one_of(5))),
        });
    }
    let mut rows = Vec::new();
    for _ in 0..one_of(3) {
        rows.push(match one_of(3) {
            0 => {
                let value = |at: u32| format!("town-{at}");
                let values = vec![value(one_of(9)), value(one_of(9))];
                Filter::OneOf { column: column(1), values }
            }
            1 => Filter::Between {
                column: "sales.bought".to_owned(),
                least: i64::from(one_of(30)),
                most: i64::from(one_of(30)),
            },
            _ => {
                Filter::Between { column: column(3), least: i64::MIN, most: i64::from(one_of(50)) }
            }
        });
    }
    let mut measures = Vec::new();
    if one_of(2) == 0 {
        let (column, statistic) = match one_of(3) {
            0 => ("sales".to_owned(), Statistic::Rows),
            1 => (column(2), Statistic::Distinct),
            _ => (column(3 + one_of(2)), Statistic::Sum),
        };
        let clamp = [0, 1, 20, 1 << 22][usize::try_from(one_of(4)).unwrap()];
        let name = "m".to_owned();
        measures.push(TableMeasure {
            name,
            column,
            statistic,
            clamp,
            squares: one_of(2) == 0,
            scale: 0,
        });
    }
    TableQuestion {
        group_by,
        rows,
        measures,
        cells_per_person: one_of(5),
        confidence: 950_000,
        epsilon: Epsilon::new([0.1, 1.0, 3.0][usize::try_from(one_of(3)).unwrap()]).unwrap(),
        delta: Delta::new(1e-6).unwrap(),
        selection_delta: u64::from(one_of(2)) * 1_000_000,
        split: protocol::proof::Split { n: 400, sum: 400, products: 200 },
        min_cell: one_of(100),
    }
}

/// A9: questions that leave a bound out, or make it meaningless.
fn missing_bounds(room: &mut Room) -> Found {
    let world = crowd();
    let job = |cap: &str, more: &str| {
        format!(
            "[job]\nanalysis = \"reach\"\n[table]\n[[table.measure]]\nname = \"m\"\n\
             column = \"sales.spend\"\nstatistic = \"sum\"\n{cap}\n[table.privacy]\n{more}\n"
        )
    };
    let privacy = "epsilon = 1\ndelta = 1e-6";
    let jobs = [
        job("", privacy),
        job("cap_per_user = 0", privacy),
        job("cap_per_user = -1", privacy),
        job("cap_per_user = inf", privacy),
        job("cap_per_user = nan", privacy),
        job("cap_per_user = 1e12", privacy),
        job("cap_per_user = 10", "epsilon = inf\ndelta = 1e-6"),
        job("cap_per_user = 10", "epsilon = 1"),
        job("cap_per_user = 10", "delta = 1e-6"),
        job("cap_per_user = 10", "epsilon = 1\ndelta = 0.5"),
    ];
    let answered = jobs.iter().filter(|job| {
        room.refill(1);
        room.ask(&world, "publisher", job).is_ok()
    });
    let answered = u32::try_from(answered.count()).unwrap();
    never("A9", "questions without a bound on a person, or without a price", 10, answered)
}

/// A14: restart the enclave, or bring back an old ledger, and spend again.
fn rollback() -> Found {
    let parties = Parties::new();
    let directory = parties.retailer.directory().to_owned();
    let mut gained = 0;
    let spend = |ledger: &mut client::custody::Ledger, instance: u8| {
        let instance = instance_of(&parties, instance);
        let owner = owner(&parties);
        let now = client::clock::now();
        let epsilon = Epsilon::new(0.5).unwrap();
        prepay(ledger, &owner, &instance, ("sales", "measurement"), epsilon, None, now)
    };
    // A new instance knows nothing of what the old one had been handed.
    let mut restarted = Room::new();
    restarted.restart();
    let job = "[job]\nanalysis = \"reach\"\n[table]\n[table.privacy]\nepsilon = 1\ndelta = 1e-6\n";
    let asked = restarted.ask(&crowd(), "publisher", job);
    gained += u32::from(!matches!(asked, Err(No::Refused(Refusal::NeedsSlice { .. }))));
    // An old backup of the ledger hands out nothing.
    let mut ledger = client::custody::Ledger::open(&directory).unwrap();
    spend(&mut ledger, 1).unwrap();
    drop(ledger);
    let files = ["custody.sqlite", "custody.sqlite-wal", "custody.sqlite-shm"];
    let backup = files.map(|file| std::fs::read(directory.join(file)).ok());
    let mut ledger = client::custody::Ledger::open(&directory).unwrap();
    spend(&mut ledger, 2).unwrap();
    drop(ledger);
    for (file, bytes) in files.into_iter().zip(backup) {
        let path = directory.join(file);
        match bytes {
            Some(bytes) => std::fs::write(path, bytes).unwrap(),
            None => drop(std::fs::remove_file(path)),
        }
    }
    let mut ledger = client::custody::Ledger::open(&directory).unwrap();
    let again = spend(&mut ledger, 3);
    gained += u32::from(!matches!(again, Err(LedgerError::Restored { .. })));
    never("A14", "rollback: a restarted enclave, an old backup of the ledger", 2, gained)
}

/// A15: many instances of one state, each asking for all there is.
fn fork() -> Found {
    let parties = Parties::new();
    let mut ledger = client::custody::Ledger::open(parties.retailer.directory()).unwrap();
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
    let job = |body: &str, more: &str| {
        format!(
            "[job]\nanalysis = \"reach\"\n[table]\n{body}\n[table.privacy]\nepsilon = 2\n\
             delta = 1e-6\n{more}\n"
        )
    };
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
        room.refill(1);
        successes += u32::from(room.ask(&world, "publisher", &job(body, "")).is_ok());
    }
    for seed in 0..200 {
        tries += 1;
        room.refill(seed);
        let stores = job("group_by = [\"sales.store\"]", "selection_delta = 1e-6");
        let result = room.ask(&world, "publisher", &stores).unwrap();
        let protocol::result::JobResult::Table(table) = result else { panic!("a table") };
        assert!(table.cells.iter().any(|cell| cell.names == ["main street"]));
        successes += u32::from(table.cells.iter().any(|cell| cell.names == ["clinic"]));
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
    let mut successes = 0;
    for text in strange {
        let value = format!(
            "[job]\nanalysis = \"reach\"\n[table]\n[[table.where]]\ncolumn = \"exposures.town\"\n\
             in = [\"{text}\"]\n[table.privacy]\nepsilon = 1\ndelta = 1e-6\n"
        );
        let column = value
            .replacen("\"exposures.town\"", &format!("\"exposures.{text}\""), 1)
            .replacen(&format!("in = [\"{text}\"]"), "in = [\"town-0\"]", 1);
        for job in [value, column] {
            room.refill(1);
            successes += u32::from(room.ask(&world, "publisher", &job).is_ok());
        }
    }
    never("A20", "text in values and column names that is more than text", 20, successes)
}

fn owner(parties: &Parties) -> Owner<'_> {
    Owner { party: "retailer", key: parties.retailer.signing(), contract: &parties.contract }
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
