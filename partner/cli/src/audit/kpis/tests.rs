use super::*;
use crate::audit::words::tests::{answered, log, priced};
use protocol::digest::Digest;

fn of(events: Vec<Event>) -> Numbers {
    let mut numbers = Numbers::default();
    numbers.count(log(events));
    numbers
}

fn refused(analysis: Option<&str>, refusal: Refusal) -> Event {
    let (party, request) = ("agency".to_owned(), Digest::of("request", b""));
    Event::Refused { party, request, analysis: analysis.map(str::to_owned), refusal }
}

#[test]
fn what_was_answered_is_a_share_of_all_questions_and_a_price_alone_is_one() {
    let numbers = of(vec![
        priced("agency", 5),
        answered("agency", 5),
        answered("agency", 0),
        refused(Some("lift"), Refusal::RateLimited),
        refused(None, Refusal::Malformed),
        priced("agency", 7),
    ]);
    // Two answers of four questions: one was refused, one priced and never paid; what is no question does not count.
    assert_eq!((numbers.asked(), numbers.answered, numbers.free), (4, 2, 1));
    assert_eq!((numbers.never_paid, numbers.other_refused), (1, 1));
    assert_eq!(numbers.success(), Some(500));
    assert_eq!(numbers.refused, BTreeMap::from([(Refusal::RateLimited.kind(), 1)]));
    assert_eq!(of(Vec::new()).success(), None);
}

#[test]
fn spending_is_told_apart_by_purpose_analysis_analyst_and_dataset() {
    let numbers = of(vec![answered("agency", 5), answered("agency", 7), answered("brand", 5)]);
    let spent: Vec<_> = numbers
        .spent
        .iter()
        .map(|(of, (loss, answers))| (of.asked_by.as_str(), loss.rho().value(), *answers))
        .collect();
    let rho = |millionths: u64| protocol::loss::Rho(millionths).value();
    assert_eq!(spent, [("agency", rho(12), 2), ("brand", rho(5), 1)]);
}

/// Whoever reads the median learns its step and no more.
#[test]
fn the_median_is_told_by_public_steps_alone() {
    let mut numbers = of(vec![priced("agency", 5), answered("agency", 5)]);
    assert_eq!(
        (numbers.waited.as_slice(), numbers.median().unwrap().seconds),
        (&[1000][..], Some(1))
    );
    for (waited, seconds) in [
        (vec![1001], Some(10)),
        (vec![1, 2, 10_000, 10_001, 99_999], Some(10)),
        // Of an even number the earlier one of the middle.
        (vec![1, 60_001], Some(1)),
        (vec![86_400_001], None),
    ] {
        numbers.waited.clone_from(&waited);
        assert_eq!(numbers.median().unwrap().seconds, seconds, "{waited:?}");
    }
    numbers.waited.clear();
    assert!(numbers.median().is_none());
}

#[test]
fn a_result_is_looked_into_only_if_an_entry_names_its_bytes_and_once() {
    let mut numbers = of(vec![answered("agency", 5)]);
    assert_eq!(numbers.outputs.len(), 1);
    numbers.look_into(b"{}");
    assert_eq!((numbers.near.results, numbers.outputs.len()), (0, 1));
    let sample = include_bytes!("../../../../../tests/vectors/analyses/table/result.json");
    numbers.outputs.insert(output_digest(sample));
    numbers.look_into(sample);
    numbers.look_into(sample);
    assert_eq!((numbers.near.results, numbers.outputs.len()), (1, 1));
}
