//! A kind that counts the people of several datasets, as none of the kinds that there are reads them.

use super::*;
use crate::{
    analysis::uses::{Amount, Lists, Section, Use},
    identity::Identifier,
};

const fn dataset(key: &'static str, reads: &'static [Reading]) -> Use {
    let (lists, amount) = (Lists::Dataset, Amount::One);
    Use { key, noun: key, title: key, lists, amount, reads }
}

const fn columns(key: &'static str, of: &'static str, reads: &'static [Reading]) -> Use {
    let lists = Lists::Columns { of: Some(of), roles: &[] };
    Use { key, noun: key, title: key, lists, amount: Amount::Any, reads }
}

const fn section(uses: &'static [Use]) -> Section {
    Section { kind: "several", title: "several", cell: "a set of datasets", besides: "", uses }
}

const ALL: &[Reading] = &[Reading::Union, Reading::Match];
static TOLD: Section = section(&[dataset("one", ALL), dataset("other", ALL)]);
static COUNTED: Section =
    section(&[dataset("one", &[Reading::Union]), dataset("other", &[Reading::Union])]);
static HALF: Section = section(&[dataset("one", ALL), dataset("other", &[Reading::Match])]);

fn union(
    section: &'static Section,
    by: Identifier,
    dimensions: &[Dimension],
) -> Result<(), Refusal> {
    let contract = contract();
    let datasets = [("one", "exposures"), ("other", "sales")];
    let terms = Terms::listing(section, &datasets, &[], 1);
    let table = |(_, name): &(_, &str)| Table { dataset: (*name).to_owned(), rows: Vec::new() };
    let tally = Tally {
        population: Population::Union { by },
        tables: datasets.iter().map(table).collect(),
        dimensions: dimensions.to_vec(),
        measures: Vec::new(),
        products: Vec::new(),
        cells_per_person: 1,
        ids_per_person: contract.ids_per_person,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    };
    check(&contract, &terms, &tally)
}

#[test]
fn people_are_counted_together_only_where_each_dataset_is_listed_for_it() {
    let membership = &[Dimension::Membership { datasets: 2 }];
    let by = Identifier::Email;
    assert_eq!(union(&TOLD, by, membership), Ok(()));
    assert_eq!(union(&COUNTED, by, &[]), Ok(()));
    // In which of them somebody is, is more than how many there are.
    assert_eq!(union(&COUNTED, by, membership), not("exposures", "publisher"));
    assert_eq!(union(&HALF, by, &[]), not("sales", "retailer"));
    // By a key that not all of them have.
    assert_eq!(union(&TOLD, Identifier::Hashed, membership), not("exposures", "publisher"));
    // Neither of these kinds lists it.
    for text in [LIFT, TABLE] {
        let union = |tally: &mut Tally| tally.population = Population::Union { by };
        assert_eq!(changed(text, union), not("exposures", "publisher"));
        let membership = |tally: &mut Tally| {
            tally.dimensions.push(Dimension::Membership { datasets: 2 });
        };
        assert_eq!(changed(text, membership), not("exposures", "publisher"));
    }
}

/// Rows of all datasets are rows of each.
#[test]
fn rows_of_all_datasets_are_counted_only_where_each_is_listed_for_it() {
    const ROWS: &[Reading] = &[Reading::Union, Reading::Rows];
    const BINS: &[Reading] = &[Reading::Union, Reading::Rows, Reading::Bins];
    static BOTH: Section = section(&[dataset("one", BINS), dataset("other", BINS)]);
    static COUNTED: Section = section(&[dataset("one", ROWS), dataset("other", ROWS)]);
    static HALF: Section = section(&[dataset("one", BINS), dataset("other", &[Reading::Union])]);
    let contract = contract();
    let found = |section: &'static Section, dimensions: &[Dimension]| {
        let datasets = [("one", "exposures"), ("other", "sales")];
        let terms = Terms::listing(section, &datasets, &[], 1);
        let table = |(_, name): &(_, &str)| Table { dataset: (*name).to_owned(), rows: Vec::new() };
        let tally = Tally {
            population: Population::Union { by: Identifier::Email },
            tables: datasets.iter().map(table).collect(),
            dimensions: dimensions.to_vec(),
            measures: vec![measure(Side::POPULATION, Quantity::RowsOfAll)],
            products: Vec::new(),
            cells_per_person: 1,
            ids_per_person: contract.ids_per_person,
            contrast: None,
            weights: Vec::new(),
            spread: Vec::new(),
            program: None,
        };
        check(&contract, &terms, &tally)
    };
    let bins = &[Dimension::Known, Dimension::Bins { measure: 0, edges: vec![2] }];
    assert_eq!(found(&BOTH, bins), Ok(()));
    assert_eq!(found(&COUNTED, &[]), Ok(()));
    assert_eq!(found(&COUNTED, bins), not("exposures", "publisher"));
    assert_eq!(found(&HALF, &[]), not("sales", "retailer"));
}

/// Several datasets under one key: a union reads some of them, in the contract's order.
#[test]
fn a_union_reads_some_of_the_datasets_that_are_listed() {
    const LIST: Use = Use { amount: Amount::TwoOrMore, ..dataset("datasets", ALL) };
    static LISTED: Section = section(&[LIST]);
    let mut contract = contract();
    let third = contract.datasets["sales"].clone();
    contract.datasets.insert("visits".to_owned(), third);
    let datasets = ["exposures", "sales", "visits"].map(|name| ("datasets", name));
    let terms = Terms::listing(&LISTED, &datasets, &[], 1);
    assert_eq!(terms.words(&LIST), "exposures, sales, visits");
    assert_eq!(terms.dataset(&LIST), Some("exposures"));
    assert!(terms.permits_dataset("visits", Reading::Match));
    let found = |population, names: &[&str]| {
        let table = |name: &&str| Table { dataset: (*name).to_owned(), rows: Vec::new() };
        let tally = Tally {
            population,
            tables: names.iter().map(table).collect(),
            dimensions: Vec::new(),
            measures: Vec::new(),
            products: Vec::new(),
            cells_per_person: 1,
            ids_per_person: contract.ids_per_person,
            contrast: None,
            weights: Vec::new(),
            spread: Vec::new(),
            program: None,
        };
        check(&contract, &terms, &tally)
    };
    let union = Population::Union { by: Identifier::Email };
    for some in [&["exposures", "sales", "visits"][..], &["exposures", "visits"], &["sales"]] {
        assert_eq!(found(union, some), Ok(()), "{some:?}");
    }
    assert_eq!(found(union, &["sales", "exposures"]), not("exposures", "publisher"));
    assert_eq!(found(union, &["sales", "sales"]), not("sales", "retailer"));
    let nowhere = Err(not_permitted(Asked::Rows, "payroll", None));
    assert_eq!(found(union, &["sales", "payroll"]), nowhere);
    // What is joined is read whole, or nobody would know who refused there.
    let all = ["exposures", "sales", "visits"];
    assert_eq!(found(Population::First, &all), Ok(()));
    assert_eq!(found(Population::First, &all[..2]), Err(Refusal::Malformed));
    assert_eq!(found(Population::First, &["exposures", "visits"]), not("visits", "retailer"));
}

/// A start is listed for that, and the day that is compared with it for conditions.
#[test]
fn a_start_is_read_from_a_date_that_is_listed_for_it() {
    static OUTCOMES: Section = section(&[
        dataset("one", &[]),
        dataset("other", ALL),
        columns("start", "one", &[Reading::Start]),
        columns("date", "other", &[Reading::Condition]),
    ]);
    let contract = contract();
    let found = |starts: &[&str], dates: &[&str], start: &str, column: &str| {
        let named = |dataset: &str, columns: &[&str]| -> Vec<_> {
            columns.iter().map(|column| ColumnRef::new(dataset, column)).collect()
        };
        let (starts, dates) = (named("exposures", starts), named("sales", dates));
        let columns = [("start", &starts[..]), ("date", &dates[..])];
        let datasets = [("one", "exposures"), ("other", "sales")];
        let terms = Terms::listing(&OUTCOMES, &datasets, &columns, 1);
        let table = |(_, name): &(_, &str)| Table { dataset: (*name).to_owned(), rows: Vec::new() };
        let mut tally = Tally {
            population: Population::First,
            tables: datasets.iter().map(table).collect(),
            dimensions: vec![Dimension::Matched],
            measures: Vec::new(),
            products: Vec::new(),
            cells_per_person: 1,
            ids_per_person: contract.ids_per_person,
            contrast: None,
            weights: Vec::new(),
            spread: Vec::new(),
            program: None,
        };
        let (column, start) = (column.to_owned(), start.to_owned());
        let since = Condition::SinceStart { column, side: Side(0), start, first: 0, last: 30 };
        tally.tables[1].rows = vec![since];
        check(&contract, &terms, &tally)
    };
    assert_eq!(found(&["seen"], &["bought"], "seen", "bought"), Ok(()));
    assert_eq!(found(&[], &["bought"], "seen", "bought"), not("exposures.seen", "publisher"));
    assert_eq!(found(&["seen"], &[], "seen", "bought"), not("sales.bought", "retailer"));
    // Of days, both of them.
    assert_eq!(found(&["age"], &["bought"], "age", "bought"), not("exposures.age", "publisher"));
    assert_eq!(found(&["seen"], &["spend"], "seen", "spend"), not("sales.spend", "retailer"));
}

/// Neither a day that rows are chosen by nor one that a window begins with tells cells apart by itself.
#[test]
fn an_earliest_day_is_read_from_a_day_that_is_listed_for_it() {
    static DAYS: Section = section(&[
        dataset("one", &[]),
        columns("earliest", "one", &[Reading::Earliest]),
        columns("other", "one", &[Reading::Condition, Reading::Start, Reading::Only]),
    ]);
    let contract = contract();
    let found = |listed: &str, other: &str, column: &str| {
        let [listed, other] = [listed, other].map(|column| [ColumnRef::new("exposures", column)]);
        let datasets = [("one", "exposures")];
        let listed: [(&'static str, &[ColumnRef]); 2] = [("earliest", &listed), ("other", &other)];
        let terms = Terms::listing(&DAYS, &datasets, &listed, 1);
        let column = column.to_owned();
        let tally = Tally {
            population: Population::First,
            tables: vec![Table { dataset: "exposures".to_owned(), rows: Vec::new() }],
            dimensions: vec![Dimension::Earliest { side: Side(0), column, edges: vec![7] }],
            measures: Vec::new(),
            products: Vec::new(),
            cells_per_person: 1,
            ids_per_person: contract.ids_per_person,
            contrast: None,
            weights: Vec::new(),
            spread: Vec::new(),
            program: None,
        };
        check(&contract, &terms, &tally)
    };
    assert_eq!(found("seen", "arm", "seen"), Ok(()));
    assert_eq!(found("arm", "seen", "seen"), not("exposures.seen", "publisher"));
    assert_eq!(found("age", "seen", "age"), not("exposures.age", "publisher"));
}

/// More than a group: that somebody has no other value, too.
#[test]
fn an_only_value_is_read_from_a_column_that_is_listed_for_it() {
    static GROUPED: Section =
        section(&[dataset("one", &[]), columns("only", "one", &[Reading::Only])]);
    let contract = contract();
    let found = |listed: &str, column: &str, values| {
        let listed = [ColumnRef::new("exposures", listed)];
        let datasets = [("one", "exposures")];
        let terms = Terms::listing(&GROUPED, &datasets, &[("only", &listed)], 1);
        let tally = Tally {
            population: Population::First,
            tables: vec![Table { dataset: "exposures".to_owned(), rows: Vec::new() }],
            dimensions: vec![Dimension::Only { side: Side(0), column: column.to_owned(), values }],
            measures: Vec::new(),
            products: Vec::new(),
            cells_per_person: 1,
            ids_per_person: contract.ids_per_person,
            contrast: None,
            weights: Vec::new(),
            spread: Vec::new(),
            program: None,
        };
        check(&contract, &terms, &tally)
    };
    assert_eq!(found("arm", "arm", Some(3)), Ok(()));
    assert_eq!(found("town", "town", None), Ok(()));
    assert_eq!(found("arm", "wave", Some(2)), not("exposures.wave", "publisher"));
    for values in [None, Some(2), Some(4)] {
        assert_eq!(found("arm", "arm", values), not("exposures.arm", "publisher"));
    }
    assert_eq!(found("town", "town", Some(3)), not("exposures.town", "publisher"));
    assert_eq!(found("age", "age", None), not("exposures.age", "publisher"));
    // Groups alone are not enough.
    let only = Dimension::Only { side: Side(0), column: "arm".to_owned(), values: Some(3) };
    let table = changed(TABLE, |tally| tally.dimensions.push(only.clone()));
    assert_eq!(table, not("exposures.arm", "publisher"));
}
