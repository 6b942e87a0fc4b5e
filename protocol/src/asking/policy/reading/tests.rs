//! A kind that is wrong, or worse: whatever its tally names beyond the analysis, it is refused for.

use super::*;
use crate::{
    contract::tests::table::with_table,
    job::question_from_toml,
    policy,
    tally::{Clamp, Product},
};

mod several;

const LIFT: &str = r#"
[lift.assignment]
test = ["mens"]
control = ["none"]
[lift.window]
start = "2026-10-01"
end = "2026-10-31"
[[lift.outcome]]
name = "spend"
type = "value"
cap_per_user = 100
[lift.privacy]
epsilon = 1
delta = 1e-6
"#;

const TABLE: &str = r#"
[table]
group_by = ["matched", "exposures.arm", "sales.store"]
cells_per_person = 3
[[table.where]]
column = "exposures.arm"
in = ["none", "mens"]
[[table.where]]
column = "sales.bought"
first = "2026-10-01"
last = "2026-10-31"
[[table.measure]]
name = "spent"
column = "sales.spend"
statistic = "sum"
cap_per_user = 99.5
bins = [10]
[[table.measure]]
name = "stores"
column = "sales.store"
statistic = "distinct"
cap_per_user = 5
[[table.measure]]
name = "purchases"
column = "sales"
statistic = "rows"
cap_per_user = 5
[table.privacy]
epsilon = 1
delta = 1e-6
selection_delta = 1e-9
"#;

/// With a column of each role that no analysis lists.
fn contract() -> Contract {
    let more = "[[dataset.column]]\nname = \"wave\"\nrole = \"group\"\ndomain = [\"a\", \"b\"]\n\
                [[dataset.column]]\nname = \"town\"\nrole = \"label\"\n\
                [[dataset.column]]\nname = \"age\"\nrole = \"measure\"\n\
                [[dataset.column]]\nname = \"seen\"\nrole = \"date\"\n\
                [[dataset.column]]\nname = \"score\"\nrole = \"feature\"\n";
    let history = "[[dataset.column]]\nname = \"history\"";
    let text = with_table().replacen(history, &format!("{more}{history}"), 1);
    Contract::parse(text.as_bytes()).unwrap()
}

fn check(contract: &Contract, terms: &Terms, tally: &Tally) -> Result<(), Refusal> {
    super::check(contract, terms, tally).map(drop)
}

/// The tally that the contract permits, after `change`.
fn changed(text: &str, change: impl Fn(&mut Tally)) -> Result<(), Refusal> {
    let contract = contract();
    let (name, question) = question_from_toml(text, &contract).unwrap();
    let mut tally = policy::price(&contract, &name, &question).unwrap().tally().clone();
    change(&mut tally);
    check(&contract, &contract.analyses[&name], &tally)
}

fn not(name: &str, owner: &str) -> Result<(), Refusal> {
    // A column is named with its dataset.
    let what = if name.contains('.') { Asked::Column } else { Asked::Rows };
    Err(not_permitted(what, name, Some(owner.to_owned())))
}

fn between(column: &str) -> Condition {
    Condition::Between { column: column.to_owned(), least: 0, most: 1 }
}

fn one_of(column: &str, codes: &[i32]) -> Condition {
    Condition::OneOf { column: column.to_owned(), codes: codes.to_vec() }
}

fn group(side: Side, column: &str, values: u32) -> Dimension {
    Dimension::Group { side, column: column.to_owned(), values }
}

fn label(side: Side, column: &str) -> Dimension {
    Dimension::Label { side, column: column.to_owned() }
}

fn measure(side: Side, of: Quantity) -> Measure {
    Measure { side, of, rows: Vec::new(), clamp: Clamp::ONE }
}

fn sum(column: &str) -> Quantity {
    Quantity::Sum { column: column.to_owned() }
}

fn distinct(column: &str) -> Quantity {
    Quantity::Distinct { column: column.to_owned() }
}

#[test]
fn what_an_analysis_lists_may_be_read() {
    for text in [LIFT, TABLE] {
        assert_eq!(changed(text, |_| {}), Ok(()));
        assert_eq!(changed(text, |tally| tally.products.push(Product::square(0))), Ok(()));
        assert_eq!(changed(text, |tally| tally.dimensions.clear()), Ok(()));
    }
}

#[test]
fn datasets_are_those_of_the_analysis_each_in_its_place() {
    for text in [LIFT, TABLE] {
        let population = |tally: &mut Tally| "sales".clone_into(&mut tally.tables[0].dataset);
        assert_eq!(changed(text, population), not("sales", "retailer"));
        let joined =
            |to: &'static str| move |tally: &mut Tally| to.clone_into(&mut tally.tables[1].dataset);
        assert_eq!(changed(text, joined("exposures")), not("exposures", "publisher"));
        let nowhere = Err(not_permitted(Asked::Rows, "payroll", None));
        assert_eq!(changed(text, joined("payroll")), nowhere);
        // Who refused there would not be known.
        assert_eq!(changed(text, |tally| tally.tables.truncate(1)), Err(Refusal::Malformed));
    }
}

/// An analysis of one dataset lists no other, whoever else is a party of the contract.
#[test]
fn a_dataset_is_not_joined_to_an_analysis_without_one() {
    let alone = with_table()
        .replacen("joined = \"sales\"\n", "", 1)
        .replacen("group_by = [\"exposures.arm\", \"sales.store\"]\n", "", 1)
        .replacen("filters = [\"exposures.arm\", \"sales.bought\", \"sales.spend\"]\n", "", 1)
        .replacen("measures = [\"sales.spend\", \"sales.store\"]\n", "", 1);
    let contract = Contract::parse(alone.as_bytes()).unwrap();
    let people = "[table.privacy]\nepsilon = 1\ndelta = 1e-6\n";
    let (_, question) = question_from_toml(people, &contract).unwrap();
    let mut tally = policy::price(&contract, "reach", &question).unwrap().tally().clone();
    let terms = &contract.analyses["reach"];
    assert_eq!(check(&contract, terms, &tally), Ok(()));
    tally.tables.push(Table { dataset: "sales".to_owned(), rows: Vec::new() });
    assert_eq!(check(&contract, terms, &tally), not("sales", "retailer"));
    tally.tables.truncate(1);
    tally.dimensions = vec![Dimension::Matched];
    let matched = not_permitted(Asked::Column, "matched", None);
    assert_eq!(check(&contract, terms, &tally), Err(matched));
    tally.dimensions = vec![label(Side::JOINED, "store")];
    assert_eq!(check(&contract, terms, &tally), Err(Refusal::Malformed));
}

/// Whatever a kind says: what one person's total counts as is the owner's to bound.
#[test]
fn no_total_counts_as_more_than_the_cap_of_its_column() {
    let capped = |cap: &str| {
        let spend = "name = \"spend\"\nrole = \"measure\"\nscale = 2";
        let text = with_table().replacen(spend, &format!("{spend}\ncap = {cap}"), 1);
        Contract::parse(text.as_bytes()).unwrap()
    };
    for (question, clamp) in [(LIFT, 10_000), (TABLE, 9_950)] {
        let open = capped("100");
        let (name, question) = question_from_toml(question, &open).unwrap();
        let mut tally = policy::price(&open, &name, &question).unwrap().tally().clone();
        let terms = &open.analyses[&name];
        assert_eq!(check(&open, terms, &tally), Ok(()));
        let narrow = capped("99.49");
        let over =
            |found| Err(Refusal::OverLimit { limit: Limit::CapOfColumn, found, most: 9_949 });
        assert_eq!(check(&narrow, terms, &tally), over(clamp));
        assert_eq!(policy::price(&narrow, &name, &question).map(drop), over(clamp));
        // Below zero as above it.
        let of = tally.measures.iter().position(|measure| measure.of == sum("spend")).unwrap();
        tally.measures[of].clamp = Clamp::new(-10_001, 5).unwrap();
        assert_eq!(
            check(&open, terms, &tally),
            Err(Refusal::OverLimit { limit: Limit::CapOfColumn, found: 10_001, most: 10_000 })
        );
    }
}

/// In the conditions of both datasets and of a measure alike.
#[test]
fn conditions_read_what_is_listed_for_conditions() {
    let condition = |text, condition: Condition, joined: bool| {
        let of_table = changed(text, |tally| {
            let table = &mut tally.tables[usize::from(joined)];
            table.rows.push(condition.clone());
        });
        let side = if joined { Side::JOINED } else { Side::POPULATION };
        let of_measure = changed(text, |tally| {
            for measure in &mut tally.measures {
                measure.side = Side::JOINED;
                measure.rows.push(condition.clone());
            }
        });
        if side == Side::JOINED {
            assert_eq!(of_table, of_measure);
        }
        of_table
    };
    for text in [LIFT, TABLE] {
        assert_eq!(condition(text, between("bought"), true), Ok(()));
        assert_eq!(condition(text, between("margin"), true), not("sales.margin", "retailer"));
        // Listed, but to be added up or to tell groups apart.
        assert_eq!(condition(text, between("visit"), true), not("sales.visit", "retailer"));
        assert_eq!(condition(text, one_of("store", &[0]), true), not("sales.store", "retailer"));
        for (column, of_others) in [("wave", one_of("wave", &[0])), ("age", between("age"))] {
            let named = format!("exposures.{column}");
            assert_eq!(condition(text, of_others, false), not(&named, "publisher"));
        }
        for column in ["seen", "score", "email", "history", "nothing"] {
            let named = format!("exposures.{column}");
            assert_eq!(condition(text, between(column), false), not(&named, "publisher"));
        }
    }
    // A lift lists its arm as the arm, and not to choose rows by.
    assert_eq!(condition(LIFT, one_of("arm", &[0]), false), not("exposures.arm", "publisher"));
    assert_eq!(condition(LIFT, between("spend"), true), not("sales.spend", "retailer"));
    assert_eq!(condition(TABLE, between("spend"), true), Ok(()));
    assert_eq!(condition(TABLE, one_of("arm", &[0, 2]), false), Ok(()));
    // Listed for conditions, but not of this form.
    assert_eq!(condition(TABLE, between("arm"), false), not("exposures.arm", "publisher"));
    assert_eq!(condition(TABLE, one_of("spend", &[0]), true), not("sales.spend", "retailer"));
    for code in [-1, 3] {
        let owner = Some("publisher".to_owned());
        let refused = Err(not_permitted(Asked::Value, &code.to_string(), owner));
        assert_eq!(condition(TABLE, one_of("arm", &[0, code]), false), refused);
    }
}

#[test]
fn a_condition_of_a_measure_is_of_the_measures_own_dataset() {
    let of_population = |condition: Condition| {
        changed(TABLE, move |tally| {
            let rows = vec![condition.clone()];
            tally.measures.push(Measure { rows, ..measure(Side::POPULATION, Quantity::Rows) });
        })
    };
    assert_eq!(of_population(one_of("arm", &[0])), Ok(()));
    assert_eq!(of_population(between("age")), not("exposures.age", "publisher"));
    // Listed of the other dataset.
    assert_eq!(of_population(between("bought")), not("exposures.bought", "publisher"));
}

#[test]
fn dimensions_read_what_is_listed_to_tell_cells_apart() {
    let of = |text, dimension: Dimension| {
        changed(text, move |tally| tally.dimensions.push(dimension.clone()))
    };
    let (ours, theirs) = (Side::POPULATION, Side::JOINED);
    assert_eq!(of(TABLE, group(ours, "arm", 3)), Ok(()));
    assert_eq!(of(TABLE, label(theirs, "store")), Ok(()));
    assert_eq!(of(TABLE, group(ours, "wave", 2)), not("exposures.wave", "publisher"));
    assert_eq!(of(TABLE, label(ours, "town")), not("exposures.town", "publisher"));
    assert_eq!(of(TABLE, label(theirs, "arm")), not("sales.arm", "retailer"));
    // Roles: a public list is not read as private values, nor the other way round, nor an amount as either.
    assert_eq!(of(TABLE, label(ours, "arm")), not("exposures.arm", "publisher"));
    assert_eq!(of(TABLE, group(theirs, "store", 3)), not("sales.store", "retailer"));
    assert_eq!(of(TABLE, label(theirs, "spend")), not("sales.spend", "retailer"));
    // Another number of values than the public list has.
    for values in [2, 4] {
        assert_eq!(of(TABLE, group(ours, "arm", values)), not("exposures.arm", "publisher"));
    }
    // What a lift lists as its arm says only in which arm somebody is; a table lists no arm.
    assert_eq!(of(LIFT, group(ours, "arm", 3)), not("exposures.arm", "publisher"));
    let arm = |column: &str, test: i32| Dimension::Arm {
        column: column.to_owned(),
        test: vec![test],
        control: vec![1],
    };
    assert_eq!(of(LIFT, arm("arm", 0)), Ok(()));
    assert_eq!(of(LIFT, arm("wave", 0)), not("exposures.wave", "publisher"));
    assert_eq!(of(TABLE, arm("arm", 0)), not("exposures.arm", "publisher"));
    let owner = Some("publisher".to_owned());
    assert_eq!(of(LIFT, arm("arm", 7)), Err(not_permitted(Asked::Value, "7", owner)));
}

#[test]
fn bins_are_of_measures_that_are_listed_for_them() {
    let bins = |measure| Dimension::Bins { measure, edges: vec![1] };
    let of = |text, measure| changed(text, move |tally| tally.dimensions.push(bins(measure)));
    for measure in 0..3 {
        assert_eq!(of(TABLE, measure), Ok(()));
    }
    assert_eq!(of(TABLE, 3), Err(Refusal::Malformed));
    let per_group = |measure| Dimension::BinsPerGroup { measure, edges: vec![1] };
    let of_groups =
        |text, measure| changed(text, move |tally| tally.dimensions.push(per_group(measure)));
    assert_eq!(of_groups(TABLE, 2), Ok(()));
    assert_eq!(of_groups(TABLE, 3), Err(Refusal::Malformed));
    assert_eq!(of_groups(LIFT, 0), not("sales.spend", "retailer"));
    // A lift compares totals, and says of nobody how large they are.
    assert_eq!(of(LIFT, 0), not("sales.spend", "retailer"));
}

#[test]
fn measures_read_what_is_listed_to_be_added_up() {
    let of = |text, side, of: Quantity| {
        changed(text, move |tally| tally.measures.push(measure(side, of.clone())))
    };
    let (ours, theirs) = (Side::POPULATION, Side::JOINED);
    for text in [LIFT, TABLE] {
        assert_eq!(of(text, theirs, sum("spend")), Ok(()));
        assert_eq!(of(text, theirs, sum("margin")), not("sales.margin", "retailer"));
        assert_eq!(of(text, ours, sum("age")), not("exposures.age", "publisher"));
        // Listed of the other dataset.
        assert_eq!(of(text, ours, sum("spend")), not("exposures.spend", "publisher"));
        // Neither is a label summed, nor are the different values of an amount counted.
        assert_eq!(of(text, theirs, sum("store")), not("sales.store", "retailer"));
        assert_eq!(of(text, theirs, distinct("spend")), not("sales.spend", "retailer"));
        assert_eq!(of(text, theirs, sum("bought")), not("sales.bought", "retailer"));
        assert_eq!(of(text, ours, distinct("arm")), not("exposures.arm", "publisher"));
    }
    assert_eq!(of(TABLE, theirs, distinct("store")), Ok(()));
    assert_eq!(of(LIFT, theirs, distinct("store")), not("sales.store", "retailer"));
    // A table counts rows; a lift does not say that it does.
    for (side, dataset, owner) in [(ours, "exposures", "publisher"), (theirs, "sales", "retailer")]
    {
        assert_eq!(of(TABLE, side, Quantity::Rows), Ok(()));
        assert_eq!(of(LIFT, side, Quantity::Rows), not(dataset, owner));
    }
}

#[test]
fn a_person_is_in_as_many_cells_and_has_as_many_ids_as_the_contract_says() {
    for (text, most) in [(LIFT, 1), (TABLE, 3)] {
        for found in [0, most + 1, u32::MAX] {
            let refused = changed(text, |tally| tally.cells_per_person = found);
            let (limit, found, most) = (Limit::CellsPerPerson, found.into(), most.into());
            assert_eq!(refused, Err(Refusal::OverLimit { limit, found, most }));
        }
        for found in [0, 2] {
            let refused = changed(text, |tally| tally.ids_per_person = found);
            assert_eq!(refused, Err(Refusal::Malformed));
        }
    }
}
