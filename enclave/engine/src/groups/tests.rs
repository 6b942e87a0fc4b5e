//! Tallies of every kind over small hostile tables: against what they mean, and without one person.

mod claims;
mod credits;
#[path = "../../../../tests/support/meaning.rs"]
#[expect(unreachable_pub, reason = "shared by several tests")]
pub(crate) mod meaning;
mod opt_outs;
mod random;
pub(crate) mod room;
mod several;

use std::collections::{BTreeMap, BTreeSet};

use privacy::{Names, Totals};
use proptest::prelude::*;
use protocol::identity::Identifier;
use protocol::released::Place;
use protocol::sealed::MISSING;
use protocol::tally::{
    Clamp, Condition, Dimension, Measure, Population, Product, Quantity, Side, Table, Tally,
};

use crate::fault::Fault;
use meaning::{Answer, meaning};
use room::{Row, ordered, run, run_with, table};

/// What the engine says.
fn answer(tally: &Tally, tables: &[Vec<Row>]) -> Answer {
    let tables: Vec<_> = tables.iter().map(|rows| vec![table(rows)]).collect();
    named(tally, &run(tally, &tables).unwrap())
}

fn named(tally: &Tally, totals: &Totals) -> Answer {
    let cells = totals.people.len();
    let columns = totals.sums.iter().chain(&totals.products);
    assert!(columns.clone().all(|column| column.len() == cells));
    assert_eq!(columns.count(), tally.measures.len() + tally.products.len());
    let name = |at: usize| match &totals.cells {
        _ if at + 1 == cells => None,
        Names::Data(names) => Some(names[at].clone()),
        Names::Public => {
            let mut at = u64::try_from(at).unwrap();
            let mut places: Vec<_> = tally
                .dimensions
                .iter()
                .rev()
                .map(|dimension| {
                    let places = dimension.places().unwrap();
                    let place = at % places;
                    at /= places;
                    Place::Index(place.try_into().unwrap())
                })
                .collect();
            places.reverse();
            Some(places)
        }
    };
    if let Names::Data(names) = &totals.cells {
        assert_eq!(names.len() + 1, cells);
        assert!(names.is_sorted_by(|a, b| a < b));
    } else {
        assert_eq!(Some(u64::try_from(cells).unwrap()), tally.cell_count());
    }
    let at = |columns: &[Vec<i64>], at: usize| columns.iter().map(|it| it[at]).collect::<Vec<_>>();
    (0..cells)
        .map(|it| (name(it), (totals.people[it], at(&totals.sums, it), at(&totals.products, it))))
        .filter(|(_, figures)| figures.0 != 0)
        .collect()
}

/// The rows as the naive reference reads them.
fn meant(tally: &Tally, tables: &[Vec<Row>]) -> Vec<Vec<meaning::Row>> {
    let sides = tally.sides().map(|(side, _)| side).zip(tables);
    sides.map(|(side, rows)| rows.iter().map(|row| row.meant(side)).collect()).collect()
}

/// How two answers differ: in how many cells, all of them by no more than the proof says.
fn moved(tally: &Tally, with: &Answer, without: &Answer) -> Result<usize, TestCaseError> {
    let nobody = (0, vec![0; tally.measures.len()], vec![0; tally.products.len()]);
    let names: BTreeSet<_> = with.keys().chain(without.keys()).collect();
    let mut cells = 0;
    for name in names {
        let before = without.get(name).unwrap_or(&nobody);
        let after = with.get(name).unwrap_or(&nobody);
        cells += usize::from(before != after);
        prop_assert!((0..=1).contains(&(after.0 - before.0)));
        for ((after, before), measure) in after.1.iter().zip(&before.1).zip(&tally.measures) {
            let ends = measure.clamp.least()..=measure.clamp.most();
            prop_assert!(ends.contains(&(after - before)));
        }
        for ((after, before), product) in after.2.iter().zip(&before.2).zip(&tally.products) {
            let reach = product.reach(&tally.measures).unwrap();
            prop_assert!((after - before).unsigned_abs() <= reach);
        }
    }
    Ok(cells)
}

/// The rows of whom `is_kept` says so.
fn kept(
    tally: &Tally,
    tables: &[Vec<Row>],
    is_kept: impl Fn(Option<(char, u8)>) -> bool,
) -> Vec<Vec<Row>> {
    let sides = (0..).map(Side).zip(tables);
    let of_side = |(side, rows): (Side, &Vec<Row>)| {
        rows.iter().filter(|row| is_kept(row.id(tally, side))).cloned().collect()
    };
    sides.map(of_side).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_the_meaning(tables in room::tables(), tally in room::tally(64..65)) {
        let (expected, fits) = meaning(&tally, &meant(&tally, &tables));
        prop_assume!(fits);
        prop_assert_eq!(answer(&tally, &tables), expected);
    }

    /// The sensitivity that noise is scaled to: all rows of one id in all tables move at most *m*
    /// cells, a head count by at most 1, a sum by at most its clamp, a product by at most both.
    #[test]
    fn one_person_moves_few_cells_by_little(
        tables in room::tables(), tally in room::tally(1..5), email in 0..4_u8, phone in 1..4_u8,
    ) {
        let all = answer(&tally, &tables);
        let who = Some(if email == 0 { ('p', phone) } else { ('e', email) });
        let rest = answer(&tally, &kept(&tally, &tables, |id| id != who));
        prop_assert!(moved(&tally, &all, &rest)? <= tally.cells_per_person.try_into().unwrap());
    }

    /// What a person adds depends on nobody else: the whole is the sum of its people, each of whom alone
    /// is in as many cells as may be kept.
    #[test]
    fn the_whole_is_the_sum_of_its_people(tables in room::tables(), tally in room::tally(1..5)) {
        let (sides, tally) = ((0..).map(Side).zip(&tables), &tally);
        let ids: BTreeSet<_> =
            sides.flat_map(|(side, rows)| rows.iter().filter_map(move |row| row.id(tally, side))).collect();
        let mut sum = Answer::new();
        for id in ids {
            let own = kept(tally, &tables, |of| of == Some(id));
            let alone = answer(tally, &own);
            let most = tally.cells_per_person.try_into().unwrap();
            let all = meaning(tally, &meant(tally, &own)).0.len();
            prop_assert_eq!(alone.len(), all.min(most));
            for (name, (people, sums, products)) in alone {
                prop_assert_eq!(people, 1);
                let total = sum.entry(name).or_insert((0, vec![0; sums.len()], vec![0; products.len()]));
                total.0 += people;
                total.1.iter_mut().zip(sums).for_each(|(total, it)| *total += it);
                total.2.iter_mut().zip(products).for_each(|(total, it)| *total += it);
            }
        }
        prop_assert_eq!(answer(tally, &tables), sum);
    }

    /// Nor does it depend on the order of rows, or on where one batch ends and the next begins.
    #[test]
    fn the_order_of_rows_does_not_matter(
        tables in room::tables(), tally in room::tally(1..5), cut: prop::sample::Index,
    ) {
        let expected = answer(&tally, &tables);
        let mixed = |rows: &Vec<Row>| {
            let mut rows = rows.clone();
            rows.reverse();
            let (first, last) = rows.split_at(cut.index(rows.len() + 1));
            vec![table(last), table(first), table(&[])]
        };
        let found = run(&tally, &tables.iter().map(mixed).collect::<Vec<_>>()).unwrap();
        prop_assert_eq!(named(&tally, &found), expected);
    }

    /// Nor on how counting is shared out.
    #[test]
    fn threads_and_ranges_of_keys_do_not_matter(
        tables in room::tables(), tally in room::tally(1..5), parts in 1..40_usize,
    ) {
        let tables: Vec<_> = tables.iter().map(|rows| [table(rows)]).collect();
        let tables: Vec<_> = tables.iter().map(|rows| &rows[..]).take(tally.tables.len()).collect();
        let tables = ordered(&tables);
        let found = |threads, parts| named(&tally, &run_with(&tally, &tables, threads, parts).unwrap());
        let expected = found(1, 1);
        for (threads, parts) in [(1, parts), (2, parts), (8, parts), (8, 1000)] {
            prop_assert_eq!(found(threads, parts), expected.clone());
        }
    }

    /// Which cells are kept says nothing about what was measured in them.
    #[test]
    fn measures_do_not_choose_cells(tables in room::tables(), mut tally in room::tally(1..3)) {
        let is_bins = |it: &Dimension| matches!(it, Dimension::Bins { .. } | Dimension::BinsPerGroup { .. });
        tally.dimensions.retain(|dimension| !is_bins(dimension));
        let on_numbers = |it: &Condition| matches!(it, Condition::Between { column, .. } if column == "number");
        for table in &mut tally.tables {
            table.rows.retain(|it| !on_numbers(it));
        }
        let people = |tables: &[Vec<Row>]| {
            let answer = answer(&tally, tables).into_iter();
            answer.map(|(name, figures)| (name, figures.0)).collect::<BTreeMap<_, _>>()
        };
        let other = |rows: &Vec<Row>| {
            let change = |(at, row): (i64, &Row)| Row { number: at.wrapping_mul(row.number), ..row.clone() };
            (0..).zip(rows).map(change).collect::<Vec<_>>()
        };
        prop_assert_eq!(people(&tables), people(&tables.iter().map(other).collect::<Vec<_>>()));
    }
}

/// Who is in how many cells is counted before any is left out, of every shape of tally that may count it.
#[test]
fn people_are_counted_by_how_many_cells_they_would_be_in() {
    let counted = std::cell::Cell::new(0_u32);
    let config = ProptestConfig { cases: 4 * CASES, ..ProptestConfig::default() };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    let cases = (room::tally(1..3), room::tables());
    let result = runner.run(&cases, |(mut tally, tables)| {
        let is_whole = tally.population == Population::First
            && tally.tables.len() == 1
            && !tally.is_named_by_data();
        if !is_whole {
            return Ok(());
        }
        tally.spread = vec![1, 2, 4];
        let meant: Vec<_> = tables[0].iter().map(|row| row.meant(Side::POPULATION)).collect();
        let expected = meaning::spread(&tally, &meant);
        let batches: Vec<_> = tables.iter().map(|rows| vec![table(rows)]).collect();
        prop_assert_eq!(run(&tally, &batches).unwrap().spread, expected.clone());
        counted.set(counted.get() + u32::from(expected[1..].iter().any(|people| *people > 0)));
        Ok(())
    });
    result.unwrap();
    assert!(counted.get() > 20, "{}", counted.get());
}

const CASES: u32 = 256;

fn both(tally: &Tally, population: &[Row], joined: &[Row]) -> Result<Totals, Fault> {
    run(tally, &[population, joined].map(|rows| vec![table(rows)]))
}

fn groups(dimensions: Vec<Dimension>, measures: Vec<Measure>, cells_per_person: u32) -> Tally {
    let table = |dataset: &str| Table { dataset: dataset.to_owned(), rows: Vec::new() };
    Tally {
        population: Population::First,
        tables: vec![table("exposures"), table("sales")],
        dimensions,
        measures,
        products: Vec::new(),
        cells_per_person,
        ids_per_person: 1,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    }
}

fn sum(side: Side, clamp: u32) -> Measure {
    let clamp = Clamp::up_to(clamp).unwrap();
    Measure { side, of: Quantity::Sum { column: "number".to_owned() }, rows: Vec::new(), clamp }
}

fn label(side: Side) -> Dimension {
    Dimension::Label { side, column: "label".to_owned() }
}

fn row(email: u8, label: u32, number: i64) -> Row {
    Row { row: 1, email, phone: 0, group: 0, label, number, day: 0, agreed: 1 }
}

/// Other engines clamped what a row holds, and not what an expression makes of it: ten rows of a
/// person then move a sum by ten clamps.
#[test]
fn the_clamp_comes_after_everything_else() {
    let tally = groups(Vec::new(), vec![sum(Side::JOINED, 100)], 1);
    let sales = vec![row(1, 0, 60); 10];
    let found = both(&tally, &[row(1, 0, 0)], &sales).unwrap();
    assert_eq!(found.sums, [[100, 0]]);
    // And before it nothing is cut: what was returned is taken off.
    let sales = [row(1, 0, 500), row(1, 0, -450)];
    let found = both(&tally, &[row(1, 0, 0)], &sales).unwrap();
    assert_eq!(found.sums, [[50, 0]]);
}

#[test]
fn a_person_with_very_many_cells_in_either_table_counts_in_few() {
    let tally =
        groups(vec![label(Side::POPULATION), label(Side::JOINED)], vec![sum(Side::JOINED, 100)], 3);
    let rows: Vec<_> = (0..100_000).map(|at| row(1, at, i64::MAX)).collect();
    let found = both(&tally, &rows, &rows).unwrap();
    assert_eq!(found.people, [1, 1, 1, 0]);
    assert_eq!(found.sums, [[100, 100, 100, 0]]);
}

/// Of twelve cells one is kept, and over many people each about as often: a deviation of more than 6.5
/// standard deviations happens less than once in 10⁹ runs, over all twelve.
#[test]
fn which_cells_are_kept_is_a_fair_sample() {
    let tally = groups(vec![label(Side::JOINED)], Vec::new(), 1);
    let people = 250;
    let own: Vec<_> = (0..people).map(|email| row(email, 0, 0)).skip(1).collect();
    let each = |email: u8| (1..=12).map(move |label| row(email, label, 0));
    let sales: Vec<_> = (1..people).flat_map(each).collect();
    let found = both(&tally, &own, &sales).unwrap();
    let expected = f64::from(people - 1) / 12.0;
    assert_eq!(found.people.len(), 13);
    for count in found.people.iter().take(12) {
        let count = f64::from(i32::try_from(*count).unwrap());
        assert!((count - expected).abs() < 6.5 * expected.sqrt(), "{count} of {expected}");
    }
}

#[test]
fn bins_hold_from_their_edge_to_the_next() {
    let bins = Dimension::Bins { measure: 0, edges: vec![1, 100] };
    let tally = groups(vec![bins], vec![sum(Side::JOINED, 100)], 1);
    let own: Vec<_> = (1..=5).map(|email| row(email, 0, 0)).collect();
    let sales = [row(1, 0, -3), row(2, 0, 1), row(3, 0, 99), row(4, 0, 100_000)];
    let found = both(&tally, &own, &sales).unwrap();
    // The fifth is not found, and has spent nothing.
    assert_eq!(found.people, [2, 2, 1, 0]);
    assert_eq!(found.sums, [[0, 100, 100, 0]]);
}

/// How many people saw something how often, in each channel.
#[test]
fn bins_per_group_are_of_what_a_person_has_in_the_group() {
    let channel =
        Dimension::Group { side: Side::POPULATION, column: "group".to_owned(), values: 3 };
    let bins = Dimension::BinsPerGroup { measure: 0, edges: vec![2, 3] };
    let side = Side::POPULATION;
    let clamp = Clamp::up_to(10).unwrap();
    let seen = Measure { side, of: Quantity::Rows, rows: Vec::new(), clamp };
    let mut tally = groups(vec![channel, bins], vec![seen], 2);
    let rows = [(1, 0), (1, 0), (1, 0), (1, 1), (2, 1), (2, 1), (3, 1), (3, 1), (4, 0)];
    let rows = rows.map(|(email, group)| Row { group, ..row(email, 0, 0) });
    let found = both(&tally, &rows, &[]).unwrap();
    // Once, twice, oftener; of each channel, of none, and who did not agree.
    assert_eq!(found.people, [1, 0, 1, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(found.sums, [[1, 0, 3, 1, 4, 0, 0, 0, 0, 0, 0, 0, 0]]);
    // Over all channels they are in two bins; in one cell each the total is that of the cell.
    tally.dimensions.swap(0, 1);
    assert_eq!(both(&tally, &rows, &[]).unwrap().people, [1, 1, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0]);
    tally.cells_per_person = 1;
    assert_eq!(both(&tally, &rows, &[]).unwrap().people.iter().sum::<i64>(), 4);
}

#[test]
fn refuses_a_table_too_many_or_too_few_or_in_the_place_of_another() {
    let mut tally = groups(Vec::new(), Vec::new(), 1);
    let rows = [table(&[row(1, 0, 0)])];
    let two = ordered(&[&rows, &rows]);
    let found = |tally: &Tally, tables: &[_]| run_with(tally, tables, 1, 1).map(drop);
    assert_eq!(found(&tally, &two[..1]), Err(Fault::Tables));
    tally.tables.truncate(1);
    assert_eq!(found(&tally, &two), Err(Fault::Tables));
    assert_eq!(found(&tally, &two[1..]), Err(Fault::Tables));
    assert_eq!(found(&tally, &two[..1]), Ok(()));
    tally.tables.clear();
    assert_eq!(found(&tally, &[]), Err(Fault::Tables));
}

#[test]
fn refuses_columns_of_another_role() {
    let wrong = |column: &str| {
        let (dataset, column) = ("sales".to_owned(), column.to_owned());
        Err(Fault::Layout { dataset, column })
    };
    let rows = [row(1, 0, 0)];
    let found = |tally: &Tally| both(tally, &rows, &rows).map(drop);
    let side = Side::JOINED;
    let name = |column: &str| column.to_owned();
    let dimension = Dimension::Label { side, column: name("group") };
    assert_eq!(found(&groups(vec![dimension], Vec::new(), 1)), wrong("group"));
    let dimension = Dimension::Group { side, column: name("number"), values: 3 };
    assert_eq!(found(&groups(vec![dimension], Vec::new(), 1)), wrong("number"));
    let of = Quantity::Sum { column: name("label") };
    let measure = Measure { side, of, rows: Vec::new(), clamp: Clamp::up_to(1).unwrap() };
    assert_eq!(found(&groups(Vec::new(), vec![measure], 1)), wrong("label"));
    let of = Quantity::Distinct { column: name("day") };
    let measure = Measure { side, of, rows: Vec::new(), clamp: Clamp::up_to(1).unwrap() };
    assert_eq!(found(&groups(Vec::new(), vec![measure], 1)), wrong("day"));
    let of = Quantity::Distinct { column: name("secret") };
    let measure = Measure { side, of, rows: Vec::new(), clamp: Clamp::up_to(1).unwrap() };
    assert_eq!(found(&groups(Vec::new(), vec![measure], 1)), wrong("secret"));
}

#[test]
fn refuses_sums_that_could_overflow() {
    let mut tally = groups(Vec::new(), vec![sum(Side::JOINED, 1 << 31)], 1);
    tally.products = vec![Product::square(0)];
    let two = [row(1, 0, 0), row(2, 0, 0)];
    let expected = Err(Fault::Range { clamp: 1 << 62, rows: 2 });
    assert_eq!(both(&tally, &two, &two).map(drop), expected);
    // In coarser units it fits.
    tally.products[0].coarse = 1;
    assert!(both(&tally, &two, &two).is_ok());
}

/// Of two groups, one got back what the other was paid.
#[test]
fn with_a_floor_a_total_can_be_negative_and_without_one_it_is_nothing() {
    let totals = |clamp: Clamp| {
        let mut measure = sum(Side::POPULATION, 1);
        measure.clamp = clamp;
        let tally = groups(vec![label(Side::POPULATION)], vec![measure], 2);
        let rows = [row(1, 1, 600), row(2, 1, 50), row(2, 2, 90), row(1, 2, -750)];
        let totals = both(&tally, &rows, &rows).unwrap();
        // Names are in the order of their bytes, which here is from the second to the first.
        let mut sums = totals.sums[0][..2].to_vec();
        sums.reverse();
        sums
    };
    let signed = totals(Clamp::new(-10_000, 10_000).unwrap());
    assert_eq!(signed, [650, -660]);
    assert_eq!(totals(Clamp::new(-100, 500).unwrap()), [550, -10]);
    assert_eq!(totals(Clamp::up_to(10_000).unwrap()), [650, 90]);
}

fn rows_of(side: Side) -> Measure {
    Measure { side, of: Quantity::Rows, rows: Vec::new(), clamp: Clamp::up_to(100).unwrap() }
}
