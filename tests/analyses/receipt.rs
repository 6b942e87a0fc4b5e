//! A sample in a room, with noise: its receipt, and what is derived from it at home.

use super::{counted::runtime, forged::Forger, sample::Sample};
use client::{
    receipt_check::{self, Checked, ReceiptFiles, ReceiptFlaw},
    view::{self, ViewError},
};
use protocol::units::Millionths;
use protocol::{
    policy::price,
    result::{DERIVED, JobResult},
};
use rehearsal::{Rehearsal, Rehearsed};
use serde_json::{Number, Value};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

#[test]
fn a_receipt_derives_every_figure_again() {
    for sample in Sample::all() {
        let name = sample.name();
        let done = rehearsed(&sample);
        let checked =
            check(&done, &done.result_bytes).unwrap_or_else(|why| panic!("{name}: {why}"));
        let derived = derived(&done, &checked);
        assert_eq!(derived.answer, done.result.answer, "{name}");
        assert_eq!(derived.flags, done.result.flags, "{name}");
    }
}

/// A room that attests a figure which does not follow from what was released has signed everything else as it should
/// be: only what is derived again can tell.
#[test]
fn a_room_that_attests_another_figure_is_found_out() {
    for sample in Sample::all() {
        let name = sample.name();
        let forger = Forger::new(&sample);
        let honest = forger.honest.to_json().unwrap();
        forger.check(&honest).unwrap_or_else(|why| panic!("{name}: {why}"));
        let whole: Value = serde_json::from_slice(&honest).unwrap();
        let mut numbers = Vec::new();
        walk(&whole["answer"], "/answer", &mut numbers);
        assert!(!numbers.is_empty(), "{name}: an answer without a figure");
        for path in numbers {
            let mut changed = whole.clone();
            let figure = changed.pointer_mut(&path).unwrap();
            let other = figure.as_i64().map(|it| Number::from(it + 1));
            let other = other.or_else(|| Number::from_f64(figure.as_f64().unwrap() + 0.5));
            *figure = Value::Number(other.unwrap());
            let changed = serde_json::to_vec_pretty(&changed).unwrap();
            let found = forger.check(&changed).expect_err(&format!("{name}: another {path}"));
            let expected = ReceiptFlaw::OtherAnswer { field: "answer" };
            assert_eq!(found.flaw(), &expected, "{name}: another {path}");
        }
    }
}

#[test]
fn another_confidence_is_derived_at_home_where_there_are_intervals() {
    for sample in Sample::all() {
        let name = sample.name();
        let done = rehearsed(&sample);
        let checked =
            check(&done, &done.result_bytes).unwrap_or_else(|why| panic!("{name}: {why}"));
        let viewed = view::at_confidence(&done.contract, &checked, OTHER_CONFIDENCE.value());
        let question = &checked.admitted.job().question;
        match question.at_confidence(OTHER_CONFIDENCE) {
            None => assert_eq!(viewed, Err(ViewError::NoIntervals), "{name}"),
            Some(other) => {
                assert_ne!(
                    &other, question,
                    "{name}: the sample's job asks for another confidence"
                );
                let viewed = viewed.unwrap_or_else(|why| panic!("{name}: {why}"));
                let marked = viewed.flags.iter().any(|flag| flag.starts_with(DERIVED));
                assert!(marked, "{name}: not marked as derived: {:?}", viewed.flags);
                assert_ne!(viewed.answer, done.result.answer, "{name}");
                // What the instance has left is its word alone, in the result.
                let left = |viewed: &JobResult| {
                    let charged = viewed.privacy.charged.iter();
                    charged.map(|it| it.rho_left_in_instance.is_some()).collect::<Vec<_>>()
                };
                assert!(left(&viewed).iter().all(|known| *known), "{name}");
                let beside = ReceiptFiles { result: None, released: Some(&done.released) };
                let alone =
                    receipt_check::check(&done.contract, &done.receipt, beside, &done.trust);
                let alone = alone.unwrap();
                let viewed = view::at_confidence(&done.contract, &alone, OTHER_CONFIDENCE.value());
                assert!(left(&viewed.unwrap()).iter().all(|known| !known), "{name}");
                // Of the same figures, for nothing.
                let priced = price(&done.contract, &checked.admitted.job().analysis, &other);
                let tally = checked.admitted.proven().tally();
                assert_eq!(priced.unwrap().tally(), tally, "{name}");
            }
        }
    }
}

/// The sample in a room: the same in all tests.
fn rehearsed(sample: &Sample) -> Arc<Rehearsed> {
    static ALL: Mutex<BTreeMap<&str, Arc<Rehearsed>>> = Mutex::new(BTreeMap::new());
    let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(all.entry(sample.name()).or_insert_with(|| Arc::new(rehearse(sample))))
}

fn rehearse(sample: &Sample) -> Rehearsed {
    let contract = sample.paper();
    let data = contract.datasets.keys().map(|name| (name.clone(), sample.rows(name))).collect();
    let rehearsal = Rehearsal::new(&sample.contract, &sample.job, &data);
    let done = runtime().block_on(rehearsal.run(&mut |_| {}));
    done.unwrap_or_else(|error| panic!("{}: {error}", sample.name()))
}

fn check(done: &Rehearsed, result: &[u8]) -> Result<Checked, receipt_check::ReceiptError> {
    let beside = ReceiptFiles { result: Some(result), released: Some(&done.released) };
    receipt_check::check(&done.contract, &done.receipt, beside, &done.trust)
}

/// The result once more, as the file holds it.
fn derived(done: &Rehearsed, checked: &Checked) -> JobResult {
    let released = checked.released.as_ref().unwrap();
    let (time, left) = (checked.body.time, BTreeMap::new());
    let key = checked.job.signed_by().name();
    let result = JobResult::new(&done.contract, &checked.admitted, key, released, &left, time);
    as_written(&result.unwrap())
}

fn as_written(result: &JobResult) -> JobResult {
    JobResult::from_json(&result.to_json().unwrap()).unwrap()
}

/// Where there are numbers in `value`.
fn walk(value: &Value, path: &str, numbers: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, it)| walk(it, &format!("{path}/{name}"), numbers));
        }
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(at, it)| walk(it, &format!("{path}/{at}"), numbers));
        }
        Value::Number(_) => numbers.push(path.to_owned()),
        _ => {}
    }
}

/// In millionths; no sample asks for it.
const OTHER_CONFIDENCE: Millionths = Millionths(870_000);
