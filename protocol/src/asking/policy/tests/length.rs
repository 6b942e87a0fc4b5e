//! How long a job may wait, whom and what it may name, and how large its sums, its answer and its receipt may be.

use super::*;
use crate::{
    canonical,
    delegation::{Authority, KeyKind, tests::delegate},
    digest::Digest,
    job::{Filter, GroupBy, JobId},
    limits,
    manifest::Manifest,
    merkle::Root,
    sealed::{self, Declared},
    sign::Signed,
};

const NOW: Time = Time(1_795_435_200_000);

fn job(contract: &Contract, datasets: &BTreeMap<String, SignedManifest>) -> Job {
    Job {
        contract: contract.digest,
        instance: Digest::of("test", b""),
        id: JobId([0; 16]),
        not_after: NOW.plus_seconds(3600),
        analysis: "reach".to_owned(),
        question: read(TABLE).unwrap(),
        datasets: datasets.iter().map(|(name, it)| (name.clone(), it.digest())).collect(),
        receivers: vec![contract.analyses["reach"].receivers[0].clone()],
        decision: None,
        checks: None,
    }
}

/// Manifests that are longer by `more` bytes than they need be.
fn manifests(contract: &Contract, more: usize) -> BTreeMap<String, SignedManifest> {
    manifests_of(contract, more, |_| Declared::of(1000))
}

/// Manifests of datasets with sizes as `declared` says.
fn manifests_of(
    contract: &Contract,
    more: usize,
    declared: impl Fn(&str) -> Declared,
) -> BTreeMap<String, SignedManifest> {
    let authority = Authority::at_any_time(contract);
    let manifest = |name: &str| {
        let dataset = &contract.datasets[name];
        let manifest = Manifest {
            lineage: dataset.lineage.clone(),
            version: 1,
            root: Root([0; 48]),
            size: 0,
            declared: declared(name),
            columns: sealed::layout(dataset),
            aad_prefix: vec![0; more],
            opt_outs: None,
        };
        let (seed, owner) =
            if dataset.owner == "publisher" { (1, "publisher") } else { (2, "retailer") };
        let bytes = delegate(seed, KeyKind::Service).sign(&manifest);
        SignedManifest::open(bytes, &authority, owner).unwrap()
    };
    ["exposures", "sales"].map(|name| (name.to_owned(), manifest(name))).into()
}

#[test]
fn refuses_a_job_that_may_wait_for_more_than_a_day() {
    let contract = contract();
    let manifests = manifests(&contract, 0);
    let waits = |seconds: u64| {
        let not_after = NOW.plus_seconds(seconds);
        let job = Job { not_after, ..job(&contract, &manifests) };
        admit(&contract, &job, "publisher", &manifests, NOW).map(drop)
    };
    assert_eq!((waits(0), waits(86_400)), (Ok(()), Ok(())));
    let (limit, found, most) = (Limit::Wait, 86_401, 86_400);
    assert_eq!(waits(86_401), Err(Refusal::OverLimit { limit, found, most }));
    assert!(matches!(waits(u64::MAX / 2000), Err(Refusal::OverLimit { limit: Limit::Wait, .. })));
}

#[test]
fn refuses_a_job_that_is_over_or_names_its_receivers_or_datasets_wrongly() {
    let contract = contract();
    let manifests = manifests(&contract, 0);
    let good = job(&contract, &manifests);
    let refused = |job: &Job| admit(&contract, job, "publisher", &manifests, NOW).map(drop);
    assert_eq!(refused(&good), Ok(()));
    let not_after = Time(NOW.0 - 1);
    assert_eq!(refused(&Job { not_after, ..good.clone() }), Err(Refusal::JobExpired { not_after }));
    let one = good.receivers[0].clone();
    for receivers in [vec![], vec![one.clone(), one]] {
        assert_eq!(refused(&Job { receivers, ..good.clone() }), Err(Refusal::Malformed));
    }
    let mut more = good.clone();
    more.datasets.insert("another".to_owned(), good.datasets["sales"]);
    assert_eq!(refused(&more), Err(Refusal::Malformed));
    let mut fewer = good;
    fewer.datasets.remove("sales");
    assert_eq!(refused(&fewer), Err(Refusal::Malformed));
}

/// Nobody reads a longer one, so nobody signs it either; what it asks is looked at after its length.
#[test]
fn refuses_a_job_longer_than_anybody_reads() {
    let contract = contract();
    let manifests = manifests(&contract, 0);
    let with = |unknown: String| {
        let mut job = job(&contract, &manifests);
        let Question::Table(table) = &mut job.question else { panic!("a table") };
        let values = |filter: &mut Filter| match filter {
            Filter::OneOf { values, .. } => *values = vec![unknown.clone()],
            Filter::Between { .. } => {}
        };
        table.rows.iter_mut().for_each(values);
        let length = canonical::to_vec(&job).len();
        (length, admit(&contract, &job, "publisher", &manifests, NOW).unwrap_err())
    };
    let most = limits::JOB.bytes;
    let longer = |bytes: usize| "x".repeat(most - with("x".repeat(60_000)).0 + 60_000 + bytes);
    let (length, refused) = with(longer(0));
    let unknown = not_permitted(Asked::Value, &longer(0), None);
    assert_eq!((length, refused), (most, unknown));
    let found = u64::try_from(most).unwrap();
    let (limit, found, most) = (Limit::Job, found + 1, found);
    assert_eq!(with(longer(1)).1, Refusal::OverLimit { limit, found, most });
}

/// What ledger, receipt and refusals are made of.
#[test]
fn an_admitted_job_says_who_asks_what_for_and_of_which_datasets() {
    let contract = contract();
    let manifests = manifests(&contract, 0);
    let asked = job(&contract, &manifests);
    let admitted = admit(&contract, &asked, "publisher", &manifests, NOW).unwrap();
    assert_eq!((admitted.job(), admitted.name()), (&asked, JobName::of("publisher", &asked)));
    assert_eq!((admitted.analyst(), admitted.purpose()), ("publisher", "measurement"));
    assert_eq!(admitted.datasets(), ["exposures", "sales"]);
    assert_eq!(admitted.cost(), &admitted.proven().proof().cost);
}

#[test]
fn a_cap_is_refused_that_as_many_rows_could_add_up_past_what_a_sum_holds() {
    let contract = contract();
    // 2⁶² divided by the rows of a file that declares 2⁴⁰, whichever dataset is the larger one.
    let large_rows = Declared::of(1 << 40).shape().rows();
    let most = u32::try_from((1_u64 << 62) / large_rows).unwrap();
    let over = i64::from(most) + 1;
    for large in ["exposures", "sales"] {
        let rows = |name: &str| Declared::of(if name == large { 1 << 40 } else { 1024 });
        let manifests = manifests_of(&contract, 0, rows);
        let with = |clamp: Clamp| {
            let mut job = job(&contract, &manifests);
            let Question::Table(table) = &mut job.question else { panic!("a table") };
            table.measures[0].clamp = clamp;
            admit(&contract, &job, "publisher", &manifests, NOW).map(drop)
        };
        assert_eq!(with(Clamp::up_to(most).unwrap()), Ok(()));
        let refused = Err(Refusal::OverLimit {
            limit: Limit::Cap,
            found: u64::from(most) + 1,
            most: u64::from(most),
        });
        assert_eq!(with(Clamp::new(0, over).unwrap()), refused);
        assert_eq!(with(Clamp::new(-over, 1).unwrap()), refused, "down as well as up");
    }
}

/// Two measures and a head count make three figures of each cell, of 2¹⁶ that an answer may have.
#[test]
fn an_answer_of_too_many_figures_is_refused_before_it_is_paid_for() {
    let contract = contract();
    let manifests = manifests(&contract, 0);
    let bins = |measure: &str, edges: i64| GroupBy::Bins {
        measure: measure.to_owned(),
        edges: (1..=edges).collect(),
    };
    let with = |edges: i64| {
        let mut job = job(&contract, &manifests);
        let Question::Table(table) = &mut job.question else { panic!("a table") };
        table.group_by = vec![bins("spent", 171), bins("purchases", edges)];
        let priced = price(&contract, "reach", &job.question).map(drop);
        let admitted = admit(&contract, &job, "publisher", &manifests, NOW).map(drop);
        assert_eq!(priced, admitted);
        admitted
    };
    // 172 times 127 and the cell for who did not agree: 21,845, times three 65,535.
    assert_eq!(with(126), Ok(()));
    let (limit, found, most) = (Limit::Cells, 172 * 128 + 1, 21_845);
    assert_eq!(with(127), Err(Refusal::OverLimit { limit, found, most }));
}

/// The bound is never below what must be in a receipt, and the longest manifests there are stay within it.
#[test]
fn the_longest_manifests_leave_room_for_a_receipt_that_the_verifier_reads() {
    let contract = contract();
    let small = manifests(&contract, 0);
    let admitted = admit(&contract, &job(&contract, &small), "publisher", &small, NOW).unwrap();
    let longest = receipt_length::longest(admitted.job(), small.values(), admitted.proven());
    // Longer than what must be in it.
    let parts = canonical::to_vec(admitted.job()).len()
        + canonical::to_vec(admitted.proven().tally()).len()
        + canonical::to_vec(admitted.proven().proof()).len()
        + small.values().map(|it| it.as_bytes().len()).sum::<usize>();
    assert!(parts < longest && longest < limits::RECEIPT.bytes, "{parts} {longest}");
    // Manifests of the longest that is signed fit; the rest is the policy's arithmetic.
    let room = limits::RECEIPT.bytes - longest;
    let more = Manifest::SIZE.bytes - 4096;
    let large = manifests(&contract, more);
    let admitted = admit(&contract, &job(&contract, &large), "publisher", &large, NOW);
    assert!(2 * more < room, "{room}");
    admitted.unwrap();
}
