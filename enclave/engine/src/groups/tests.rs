//! Tallies of every kind over small hostile tables: against what they mean, and without one person.

mod room;

use std::collections::{BTreeMap, BTreeSet};

use privacy::{Names, Totals};
use proptest::prelude::*;
use protocol::released::Place;
use protocol::sealed::MISSING;
use protocol::tally::{
    Clamp, Condition, Dimension, Measure, Product, Quantity, Side, Table, Tally,
};

use crate::engine::Fault;
use room::{Row, run, table};

/// People, sums and products.
type Figures = (i64, Vec<i64>, Vec<i64>);
/// By name; whoever did not agree is in a cell without one. Empty cells are left out.
type Answer = BTreeMap<Option<Vec<Place>>, Figures>;

/// What a tally means if nobody has more cells than may be kept; and whether that is so.
fn meaning(tally: &Tally, population: &[Row], joined: &[Row]) -> (Answer, bool) {
    let by_person = |side: Side, rows: &[Row]| {
        let mut people: BTreeMap<_, Vec<Row>> = BTreeMap::new();
        for row in rows.iter().filter(|row| row.row != 0) {
            people.entry(row.id(side)).or_default().push(row.clone());
        }
        people.remove(&None);
        people
    };
    let counts = |table: &Table, row: &Row| table.rows.iter().all(|it| meets(it, row));
    let (own, others) = (by_person(Side::Population, population), by_person(Side::Joined, joined));
    let (mut answer, mut fits) = (Answer::new(), true);
    for (id, own) in own {
        let other =
            tally.joined.as_ref().and_then(|_| others.get(&id)).cloned().unwrap_or_default();
        let agreed = own.iter().chain(&other).all(|row| row.agreed == 1);
        let counting = |table: Option<&Table>, rows: Vec<Row>| -> Vec<Row> {
            rows.into_iter().filter(|row| table.is_some_and(|it| counts(it, row))).collect()
        };
        let own = counting(Some(&tally.population), own);
        let other = counting(tally.joined.as_ref(), other);
        // Who refuses counts whatever conditions there are, so that these say nothing about refusers.
        if own.is_empty() && agreed {
            continue;
        }
        let nobody = || (0, vec![0; tally.measures.len()], vec![0; tally.products.len()]);
        if !agreed {
            answer.entry(None).or_insert_with(nobody).0 += 1;
            continue;
        }
        let cells = cells(tally, &own, &other);
        fits &= cells.len() <= tally.cells_per_person.try_into().unwrap();
        for (name, own, other) in cells {
            let figures = answer.entry(Some(name)).or_insert_with(nobody);
            figures.0 += 1;
            let value = |measure: &Measure| {
                let rows = if measure.side == Side::Population { &own } else { &other };
                measure.clamp.apply(made_of(measure, rows))
            };
            let values: Vec<_> = tally.measures.iter().map(value).collect();
            figures.1.iter_mut().zip(&values).for_each(|(sum, value)| *sum += value);
            for (sum, product) in figures.2.iter_mut().zip(&tally.products) {
                let at = |at: u32| values[usize::try_from(at).unwrap()];
                let exact = i128::from(at(product.one)) * i128::from(at(product.other));
                // The nearest multiple, of two the larger.
                let unit = 1_i128 << product.coarse;
                *sum += i64::try_from((2 * exact + unit).div_euclid(2 * unit)).unwrap();
            }
        }
    }
    (answer, fits)
}

/// The cells of one person, with the rows that belong to each.
fn cells(tally: &Tally, own: &[Row], other: &[Row]) -> Vec<(Vec<Place>, Vec<Row>, Vec<Row>)> {
    let dimensions = &tally.dimensions;
    let arm_of = |test: &[i32], control: &[i32]| {
        let is_in = |codes: &[i32]| own.iter().any(|row| codes.contains(&row.group));
        let elsewhere = |row: &Row| !test.contains(&row.group) && !control.contains(&row.group);
        match (is_in(test), is_in(control), own.iter().any(elsewhere)) {
            (true, false, false) => 0,
            (false, true, false) => 1,
            (true, _, _) | (_, true, _) => 2,
            _ => 3,
        }
    };
    let place = |dimension: &Dimension, row: Option<&Row>| match dimension {
        Dimension::Label { .. } => Place::Label(row.map_or([0; 32], Row::label)),
        Dimension::Group { values, .. } => {
            let code = row.and_then(|row| u32::try_from(row.group).ok());
            Place::Index(code.filter(|code| code < values).unwrap_or(*values))
        }
        _ => unreachable!(),
    };
    let is_of = |dimension: &Dimension, which: Side| match dimension {
        Dimension::Label { side, .. } | Dimension::Group { side, .. } => *side == which,
        _ => false,
    };
    let tuples = |which: Side, rows: &[Row]| {
        let name = |row: Option<&Row>| {
            let of_side = dimensions.iter().filter(|it| is_of(it, which));
            of_side.map(|dimension| place(dimension, row)).collect::<Vec<_>>()
        };
        let mut tuples: BTreeMap<_, Vec<Row>> = BTreeMap::new();
        for row in rows {
            tuples.entry(name(Some(row))).or_default().push(row.clone());
        }
        if tuples.is_empty() {
            tuples.insert(name(None), Vec::new());
        }
        tuples
    };
    let (own, other) = (tuples(Side::Population, own), tuples(Side::Joined, other));
    let is_found = other.values().any(|rows| !rows.is_empty());
    let total = |measure: &Measure| {
        let tuples = if measure.side == Side::Population { &own } else { &other };
        let total: i128 = tuples.values().map(|rows| made_of(measure, rows)).sum();
        i128::from(measure.clamp.apply(total))
    };
    let mut cells = Vec::new();
    for (left, own) in &own {
        for (right, other) in &other {
            let (mut left, mut right) = (left.iter(), right.iter());
            let name = dimensions.iter().map(|dimension| match dimension {
                Dimension::Matched => Place::Index(is_found.into()),
                Dimension::Arm { test, control, .. } => Place::Index(arm_of(test, control)),
                Dimension::Bins { measure, edges } => {
                    let total = total(&tally.measures[usize::try_from(*measure).unwrap()]);
                    let below = edges.iter().filter(|edge| i128::from(**edge) <= total);
                    Place::Index(below.count().try_into().unwrap())
                }
                it if is_of(it, Side::Population) => *left.next().unwrap(),
                _ => *right.next().unwrap(),
            });
            cells.push((name.collect(), own.clone(), other.clone()));
        }
    }
    cells
}

/// What a measure makes of rows, before it is clamped.
fn made_of(measure: &Measure, rows: &[Row]) -> i128 {
    let rows = rows.iter().filter(|row| measure.rows.iter().all(|it| meets(it, row)));
    match &measure.of {
        Quantity::Rows => rows.count().try_into().unwrap(),
        Quantity::Sum { .. } => {
            rows.map(|it| i128::from(it.number.clamp(-(1 << 40), 1 << 40))).sum()
        }
        Quantity::Distinct { column } if column == "label" => {
            let labels: BTreeSet<_> = rows.map(Row::label).filter(|it| *it != [0; 32]).collect();
            labels.len().try_into().unwrap()
        }
        Quantity::Distinct { .. } => {
            let codes = rows.map(|row| row.group).filter(|it| (0..3).contains(it));
            codes.collect::<BTreeSet<_>>().len().try_into().unwrap()
        }
    }
}

fn meets(condition: &Condition, row: &Row) -> bool {
    match condition {
        Condition::OneOf { codes, .. } => (0..3).contains(&row.group) && codes.contains(&row.group),
        Condition::Between { column, least, most } if column == "day" => {
            row.day != MISSING && *least <= row.day.into() && i64::from(row.day) <= *most
        }
        Condition::Between { least, most, .. } => (*least..=*most).contains(&row.number),
    }
}

/// What the engine says.
fn answer(tally: &Tally, population: &[Row], joined: &[Row]) -> Answer {
    named(tally, &run(tally, &[table(population)], &[table(joined)]).unwrap())
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

fn without(rows: &[Row], side: Side, who: &Option<(char, u8)>) -> Vec<Row> {
    rows.iter().filter(|row| row.id(side) != *who).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_agrees_with_the_meaning(
        (population, joined) in room::tables(), tally in room::tally(64..65),
    ) {
        let (expected, fits) = meaning(&tally, &population, &joined);
        prop_assume!(fits);
        prop_assert_eq!(answer(&tally, &population, &joined), expected);
    }

    /// The sensitivity that noise is scaled to: all rows of one id in both tables move at most *m*
    /// cells, a head count by at most 1, a sum by at most its clamp, a product by at most both.
    #[test]
    fn one_person_moves_few_cells_by_little(
        (population, joined) in room::tables(), tally in room::tally(1..5), email in 0..4_u8, phone in 1..4_u8,
    ) {
        let all = answer(&tally, &population, &joined);
        let who = Some(if email == 0 { ('p', phone) } else { ('e', email) });
        let rest = answer(
            &tally,
            &without(&population, Side::Population, &who),
            &without(&joined, Side::Joined, &who),
        );
        prop_assert!(moved(&tally, &all, &rest)? <= tally.cells_per_person.try_into().unwrap());
    }

    /// What a person adds depends on nobody else: the whole is the sum of its people, each of whom alone
    /// is in as many cells as may be kept.
    #[test]
    fn the_whole_is_the_sum_of_its_people(
        (population, joined) in room::tables(), tally in room::tally(1..5),
    ) {
        let ids: BTreeSet<_> = population.iter().filter_map(|row| row.id(Side::Population)).collect();
        let mut sum = Answer::new();
        for id in ids {
            let only = |rows: &[Row], side| {
                rows.iter().filter(|row| row.id(side) == Some(id)).cloned().collect::<Vec<_>>()
            };
            let (own, other) = (only(&population, Side::Population), only(&joined, Side::Joined));
            let alone = answer(&tally, &own, &other);
            let most = tally.cells_per_person.try_into().unwrap();
            let all = meaning(&tally, &own, &other).0.len();
            prop_assert_eq!(alone.len(), all.min(most));
            for (name, (people, sums, products)) in alone {
                prop_assert_eq!(people, 1);
                let total = sum.entry(name).or_insert((0, vec![0; sums.len()], vec![0; products.len()]));
                total.0 += people;
                total.1.iter_mut().zip(sums).for_each(|(total, it)| *total += it);
                total.2.iter_mut().zip(products).for_each(|(total, it)| *total += it);
            }
        }
        prop_assert_eq!(answer(&tally, &population, &joined), sum);
    }

    /// Nor does it depend on the order of rows, or on where one batch ends and the next begins.
    #[test]
    fn the_order_of_rows_does_not_matter(
        (population, joined) in room::tables(), tally in room::tally(1..5), cut: prop::sample::Index,
    ) {
        let expected = answer(&tally, &population, &joined);
        let mixed = |rows: &[Row]| {
            let mut rows = rows.to_vec();
            rows.reverse();
            let (first, last) = rows.split_at(cut.index(rows.len() + 1));
            [table(last), table(first), table(&[])]
        };
        let found = run(&tally, &mixed(&population), &mixed(&joined)).unwrap();
        prop_assert_eq!(named(&tally, &found), expected);
    }

    /// Which cells are kept says nothing about what was measured in them.
    #[test]
    fn measures_do_not_choose_cells((population, joined) in room::tables(), mut tally in room::tally(1..3)) {
        tally.dimensions.retain(|dimension| !matches!(dimension, Dimension::Bins { .. }));
        let on_numbers = |it: &Condition| matches!(it, Condition::Between { column, .. } if column == "number");
        tally.population.rows.retain(|it| !on_numbers(it));
        if let Some(joined) = &mut tally.joined {
            joined.rows.retain(|it| !on_numbers(it));
        }
        let people = |population: &[Row], joined: &[Row]| {
            let answer = answer(&tally, population, joined).into_iter();
            answer.map(|(name, figures)| (name, figures.0)).collect::<BTreeMap<_, _>>()
        };
        let other = |rows: &[Row]| {
            let change = |(at, row): (i64, &Row)| Row { number: at.wrapping_mul(row.number), ..row.clone() };
            (0..).zip(rows).map(change).collect::<Vec<_>>()
        };
        prop_assert_eq!(people(&population, &joined), people(&other(&population), &other(&joined)));
    }
}

const CASES: u32 = 256;

fn groups(dimensions: Vec<Dimension>, measures: Vec<Measure>, cells_per_person: u32) -> Tally {
    let table = |dataset: &str| Table { dataset: dataset.to_owned(), rows: Vec::new() };
    Tally {
        population: table("exposures"),
        joined: Some(table("sales")),
        dimensions,
        measures,
        products: Vec::new(),
        cells_per_person,
        ids_per_person: 1,
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
    let tally = groups(Vec::new(), vec![sum(Side::Joined, 100)], 1);
    let sales = vec![row(1, 0, 60); 10];
    let found = run(&tally, &[table(&[row(1, 0, 0)])], &[table(&sales)]).unwrap();
    assert_eq!(found.sums, [[100, 0]]);
    // And before it nothing is cut: what was returned is taken off.
    let sales = [row(1, 0, 500), row(1, 0, -450)];
    let found = run(&tally, &[table(&[row(1, 0, 0)])], &[table(&sales)]).unwrap();
    assert_eq!(found.sums, [[50, 0]]);
}

#[test]
fn a_person_with_very_many_cells_in_either_table_counts_in_few() {
    let tally =
        groups(vec![label(Side::Population), label(Side::Joined)], vec![sum(Side::Joined, 100)], 3);
    let rows: Vec<_> = (0..100_000).map(|at| row(1, at, i64::MAX)).collect();
    let found = run(&tally, &[table(&rows)], &[table(&rows)]).unwrap();
    assert_eq!(found.people, [1, 1, 1, 0]);
    assert_eq!(found.sums, [[100, 100, 100, 0]]);
}

/// Of twelve cells one is kept, and over many people each about as often: a deviation of more than 6.5
/// standard deviations happens less than once in 10⁹ runs, over all twelve.
#[test]
fn which_cells_are_kept_is_a_fair_sample() {
    let tally = groups(vec![label(Side::Joined)], Vec::new(), 1);
    let people = 250;
    let own: Vec<_> = (0..people).map(|email| row(email, 0, 0)).skip(1).collect();
    let each = |email: u8| (1..=12).map(move |label| row(email, label, 0));
    let sales: Vec<_> = (1..people).flat_map(each).collect();
    let found = run(&tally, &[table(&own)], &[table(&sales)]).unwrap();
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
    let tally = groups(vec![bins], vec![sum(Side::Joined, 100)], 1);
    let own: Vec<_> = (1..=5).map(|email| row(email, 0, 0)).collect();
    let sales = [row(1, 0, -3), row(2, 0, 1), row(3, 0, 99), row(4, 0, 100_000)];
    let found = run(&tally, &[table(&own)], &[table(&sales)]).unwrap();
    // The fifth is not found, and has spent nothing.
    assert_eq!(found.people, [2, 2, 1, 0]);
    assert_eq!(found.sums, [[0, 100, 100, 0]]);
}

#[test]
fn refuses_a_table_too_many_or_too_few() {
    let mut tally = groups(Vec::new(), Vec::new(), 1);
    let rows = [table(&[row(1, 0, 0)])];
    assert_eq!(room::run_with(&tally, &rows, None).map(drop), Err(Fault::Joined));
    tally.joined = None;
    assert_eq!(room::run_with(&tally, &rows, Some(&rows)).map(drop), Err(Fault::Joined));
    room::run_with(&tally, &rows, None).unwrap();
}

#[test]
fn refuses_columns_of_another_role() {
    let wrong = |column: &str| {
        let (dataset, column) = ("sales".to_owned(), column.to_owned());
        Err(Fault::Layout { dataset, column })
    };
    let rows = [table(&[row(1, 0, 0)])];
    let found = |tally: &Tally| run(tally, &rows, &rows).map(drop);
    let side = Side::Joined;
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
    let mut tally = groups(Vec::new(), vec![sum(Side::Joined, 1 << 31)], 1);
    tally.products = vec![Product::square(0)];
    let two = table(&[row(1, 0, 0), row(2, 0, 0)]);
    let expected = Err(Fault::Range { clamp: 1 << 62, rows: 2 });
    assert_eq!(
        run(&tally, std::slice::from_ref(&two), std::slice::from_ref(&two)).map(drop),
        expected
    );
    // In coarser units it fits.
    tally.products[0].coarse = 1;
    assert!(run(&tally, std::slice::from_ref(&two), std::slice::from_ref(&two)).is_ok());
}

/// Of two groups, one got back what the other was paid.
#[test]
fn with_a_floor_a_total_can_be_negative_and_without_one_it_is_nothing() {
    let totals = |clamp: Clamp| {
        let mut measure = sum(Side::Population, 1);
        measure.clamp = clamp;
        let tally = groups(vec![label(Side::Population)], vec![measure], 2);
        let rows = [table(&[row(1, 1, 600), row(2, 1, 50), row(2, 2, 90), row(1, 2, -750)])];
        let totals = run(&tally, &rows, &rows).unwrap();
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
