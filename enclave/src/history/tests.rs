use super::*;
use crate::room;
use protocol::tally::{Condition, Population, Table};

fn tally(codes: &[i32]) -> Tally {
    let rows = vec![Condition::OneOf { column: "town".to_owned(), codes: codes.to_vec() }];
    Tally {
        population: Population::First,
        tables: vec![Table { dataset: "exposures".to_owned(), rows }],
        dimensions: Vec::new(),
        measures: Vec::new(),
        products: Vec::new(),
        cells_per_person: 1,
        ids_per_person: 1,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    }
}

#[test]
fn names_the_latest_job_about_nearly_the_same_people() {
    let (mut history, contract) = (History::default(), room::contract());
    let name = |number| JobName::from([number; 32]);
    let mut note = |number: u8, codes: &[i32]| {
        let tally = tally(codes);
        let place = history.note(name(number), ("publisher", "measurement"), &tally, Time(1));
        history.resembled(&contract, &tally, place)
    };
    assert_eq!(note(1, &[1, 2]), None, "never itself");
    assert_eq!(note(2, &[1, 2, 3]), Some(name(1)));
    assert_eq!(note(3, &[7]), None);
    assert_eq!(note(4, &[1, 2, 3, 4]), Some(name(2)));
    assert_eq!(note(1, &[1]), Some(name(1)), "a name that was used before hides nothing");
    assert_eq!(note(5, &[5, 6]), None);
    assert_eq!(note(6, &[1, 2, 3]), Some(name(4)));
    assert_eq!(note(7, &[7]), Some(name(3)), "the very same question");
}
