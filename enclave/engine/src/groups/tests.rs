//! Tallies of every kind over small hostile tables: against what they mean, and without one person.

mod room;

use std::collections::{BTreeMap, BTreeSet};

use privacy::{Names, Totals};
use proptest::prelude::*;
use protocol::identity::Identifier;
use protocol::released::Place;
use protocol::sealed::MISSING;
use protocol::tally::{
    Clamp, Condition, Dimension, Measure, Population, Product, Quantity, Side, Table, Tally,
};

use crate::engine::Fault;
use room::{Row, run, table};

/// People, sums and products.
type Figures = (i64, Vec<i64>, Vec<i64>);
/// By name; whoever did not agree is in a cell without one. Empty cells are left out.
type Answer = BTreeMap<Option<Vec<Place>>, Figures>;

/// What a tally means if nobody has more cells than may be kept; and whether that is so.
fn meaning(tally: &Tally, tables: &[Vec<Row>]) -> (Answer, bool) {
    let mut people: BTreeMap<_, Vec<Vec<Row>>> = BTreeMap::new();
    for (at, (side, _)) in tally.sides().enumerate() {
        for row in tables[at].iter().filter(|row| row.row != 0) {
            let person =
                people.entry(row.id(tally, side)).or_insert(vec![Vec::new(); tally.tables.len()]);
            person[at].push(row.clone());
        }
    }
    people.remove(&None);
    let (mut answer, mut fits) = (Answer::new(), true);
    let is_union = matches!(tally.population, Population::Union { .. });
    let counts = |tables: &[Vec<Row>]| match is_union {
        true => tables.iter().any(|rows| !rows.is_empty()),
        false => !tables[0].is_empty(),
    };
    for (id, tables) in people {
        // Nobody of the population.
        if !counts(&tables) {
            continue;
        }
        let agreed = tables.iter().flatten().all(|row| row.agreed == 1);
        let counting = |starts: &[Option<i32>]| -> Vec<Vec<Row>> {
            let counts =
                |table: &Table, row: &Row| table.rows.iter().all(|it| meets(it, row, starts));
            let rows = tally.tables.iter().zip(&tables);
            rows.map(|(table, rows)| {
                rows.iter().filter(|row| counts(table, row)).cloned().collect()
            })
            .collect()
        };
        // Starts are of tables that ask for none.
        let start =
            |rows: &Vec<Row>| rows.iter().map(|row| row.day).filter(|day| *day != MISSING).min();
        let starts: Vec<_> = counting(&vec![None; tables.len()]).iter().map(start).collect();
        let tables = counting(&starts);
        // Who refuses counts whatever conditions there are, so that these say nothing about refusers.
        if !counts(&tables) && agreed {
            continue;
        }
        let nobody = || (0, vec![0; tally.measures.len()], vec![0; tally.products.len()]);
        if !agreed {
            answer.entry(None).or_insert_with(nobody).0 += 1;
            continue;
        }
        let cells = cells(tally, id, &tables, &starts);
        fits &= cells.len() <= tally.cells_per_person.try_into().unwrap();
        for (name, rows) in cells {
            let figures = answer.entry(Some(name)).or_insert_with(nobody);
            figures.0 += 1;
            let value = |measure: &Measure| {
                measure.clamp.apply(made_of(measure, &rows[measure.side.place()], &starts))
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

/// The cells of one person, with the rows of each table that belong to each.
fn cells(
    tally: &Tally,
    id: Option<(char, u8)>,
    tables: &[Vec<Row>],
    starts: &[Option<i32>],
) -> Vec<(Vec<Place>, Vec<Vec<Row>>)> {
    let tuples: Vec<_> =
        tally.sides().map(|(side, _)| tuples(tally, side, &tables[side.place()])).collect();
    let mut combinations = vec![Vec::new()];
    for of_table in &tuples {
        let with = |before: &Vec<_>| {
            let before = before.clone();
            of_table.iter().map(move |tuple| [before.clone(), vec![tuple]].concat())
        };
        combinations = combinations.iter().flat_map(with).collect();
    }
    let total = |measure: &Measure| {
        let tuples = tuples[measure.side.place()].values();
        measure.clamp.apply(tuples.map(|rows| made_of(measure, rows, starts)).sum())
    };
    let cell = |tuples: &Vec<(&Vec<Place>, &Vec<Row>)>| {
        let mut names: Vec<_> = tuples.iter().map(|(name, _)| name.iter()).collect();
        let name = tally.dimensions.iter().map(|dimension| match dimension {
            Dimension::Matched => Place::Index((!tables[1].is_empty()).into()),
            Dimension::Membership { .. } => membership(tally, id, tables),
            Dimension::Only { side, values, .. } => only(&tables[side.place()], *values),
            Dimension::Arm { test, control, .. } => Place::Index(arm_of(&tables[0], test, control)),
            Dimension::Bins { measure, edges } => {
                bin(total(&tally.measures[usize::try_from(*measure).unwrap()]), edges)
            }
            Dimension::BinsPerGroup { measure, edges } => {
                let measure = &tally.measures[usize::try_from(*measure).unwrap()];
                let (_, rows) = tuples[measure.side.place()];
                bin(measure.clamp.apply(made_of(measure, rows, starts)), edges)
            }
            Dimension::Group { side, .. } | Dimension::Label { side, .. } => {
                *names[side.place()].next().unwrap()
            }
        });
        (name.collect(), tuples.iter().map(|(_, rows)| rows.to_vec()).collect())
    };
    combinations.iter().map(cell).collect()
}

fn membership(tally: &Tally, id: Option<(char, u8)>, tables: &[Vec<Row>]) -> Place {
    let kind = match tally.population {
        Population::Union { by: Identifier::Email } => 'e',
        _ => 'p',
    };
    let found: Vec<_> = (0..tables.len()).filter(|at| !tables[*at].is_empty()).collect();
    let place = if id.unwrap().0 == kind {
        found.iter().map(|at| 1 << at).sum::<usize>() - 1
    } else {
        (1 << tables.len()) - 1 + found[0]
    };
    Place::Index(place.try_into().unwrap())
}

fn only(rows: &[Row], values: Option<u32>) -> Place {
    let Some(values) = values else {
        let labels: BTreeSet<_> = rows.iter().map(Row::label).filter(|it| *it != [0; 32]).collect();
        let only = Place::Label(labels.first().copied().unwrap_or_default());
        return if labels.len() > 1 { Place::Index(0) } else { only };
    };
    let codes = rows.iter().filter_map(|row| u32::try_from(row.group).ok());
    let codes: BTreeSet<_> = codes.filter(|code| *code < values).collect();
    match codes.len() {
        0 => Place::Index(values),
        1 => Place::Index(*codes.first().unwrap()),
        _ => Place::Index(values + 1),
    }
}

fn bin(total: i64, edges: &[i64]) -> Place {
    Place::Index(edges.iter().filter(|edge| **edge <= total).count().try_into().unwrap())
}

fn arm_of(rows: &[Row], test: &[i32], control: &[i32]) -> u32 {
    let is_in = |codes: &[i32]| rows.iter().any(|row| codes.contains(&row.group));
    let elsewhere = |row: &Row| !test.contains(&row.group) && !control.contains(&row.group);
    match (is_in(test), is_in(control), rows.iter().any(elsewhere)) {
        (true, false, false) => 0,
        (false, true, false) => 1,
        (true, _, _) | (_, true, _) => 2,
        _ => 3,
    }
}

/// The rows of one person in one table, by their places in its dimensions.
fn tuples(tally: &Tally, which: Side, rows: &[Row]) -> BTreeMap<Vec<Place>, Vec<Row>> {
    let place = |dimension: &Dimension, row: Option<&Row>| match dimension {
        Dimension::Label { side, .. } if *side == which => {
            Some(Place::Label(row.map_or([0; 32], Row::label)))
        }
        Dimension::Group { side, values, .. } if *side == which => {
            let code = row.and_then(|row| u32::try_from(row.group).ok());
            Some(Place::Index(code.filter(|code| code < values).unwrap_or(*values)))
        }
        _ => None,
    };
    let name = |row: Option<&Row>| -> Vec<_> {
        tally.dimensions.iter().filter_map(|dimension| place(dimension, row)).collect()
    };
    let mut tuples: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for row in rows {
        tuples.entry(name(Some(row))).or_default().push(row.clone());
    }
    if tuples.is_empty() {
        tuples.insert(name(None), Vec::new());
    }
    tuples
}

/// What a measure makes of rows, before it is clamped.
fn made_of(measure: &Measure, rows: &[Row], starts: &[Option<i32>]) -> i128 {
    let rows = rows.iter().filter(|row| measure.rows.iter().all(|it| meets(it, row, starts)));
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

fn meets(condition: &Condition, row: &Row, starts: &[Option<i32>]) -> bool {
    match condition {
        Condition::OneOf { codes, .. } => (0..3).contains(&row.group) && codes.contains(&row.group),
        Condition::Between { column, least, most } if column == "day" => {
            row.day != MISSING && *least <= row.day.into() && i64::from(row.day) <= *most
        }
        Condition::Between { least, most, .. } => (*least..=*most).contains(&row.number),
        Condition::SinceStart { side, first, last, .. } => {
            let start = starts[side.place()].filter(|_| row.day != MISSING);
            start.is_some_and(|start| {
                (*first..=*last).contains(&(i64::from(row.day) - i64::from(start)))
            })
        }
    }
}

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
        let (expected, fits) = meaning(&tally, &tables);
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
            let all = meaning(tally, &own).0.len();
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
fn refuses_a_table_too_many_or_too_few() {
    let mut tally = groups(Vec::new(), Vec::new(), 1);
    let rows = [table(&[row(1, 0, 0)])];
    let two = &[&rows[..], &rows];
    assert_eq!(room::run_with(&tally, &two[..1]).map(drop), Err(Fault::Tables));
    tally.tables.truncate(1);
    assert_eq!(room::run_with(&tally, two).map(drop), Err(Fault::Tables));
    room::run_with(&tally, &two[..1]).unwrap();
    tally.tables.clear();
    assert_eq!(room::run_with(&tally, &[]).map(drop), Err(Fault::Tables));
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

fn union(by: Identifier, count: usize) -> Tally {
    let table = |dataset: &&str| Table { dataset: (*dataset).to_owned(), rows: Vec::new() };
    let datasets = u32::try_from(count).unwrap();
    let mut tally = groups(vec![Dimension::Membership { datasets }], Vec::new(), 1);
    tally.population = Population::Union { by };
    tally.tables = room::DATASETS.iter().take(count).map(table).collect();
    tally
}

fn union_of(tally: &Tally, tables: &[&[Row]]) -> Vec<i64> {
    let tables: Vec<_> = tables.iter().map(|rows| vec![table(rows)]).collect();
    run(tally, &tables).unwrap().people
}

#[test]
fn a_person_of_a_union_is_in_the_one_set_of_datasets_that_she_is_in() {
    let tally = union(Identifier::Email, 3);
    let first = [row(1, 1, 0), row(1, 2, 0), row(2, 0, 0), row(5, 0, 0)];
    let second = [row(2, 0, 0), row(3, 0, 0), row(5, 0, 0)];
    let third = [row(4, 0, 0), row(5, 0, 0), row(5, 0, 0)];
    // Sets 1, 2, 12, 3, 13, 23, 123; without the key; and who did not agree.
    let expected = [1, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0];
    assert_eq!(union_of(&tally, &[&first, &second, &third]), expected);
    let mut refuses = row(2, 0, 0);
    refuses.agreed = 0;
    let expected = [1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 1];
    assert_eq!(union_of(&tally, &[&first, &second, &[&third[..], &[refuses]].concat()]), expected);
}

/// Neither lost nor taken for people who were found nowhere else.
#[test]
fn people_without_the_key_of_a_union_are_counted_apart() {
    let with = |email, phone| Row { phone, ..row(email, 0, 0) };
    let first = [with(1, 1), with(0, 2), with(0, 2), with(0, 3)];
    let second = [with(1, 0), with(0, 3), with(0, 4), with(0, 0)];
    // Of the third, who is in both without the key, the first dataset; and a row without any key is nobody's.
    let by_email = [0, 0, 1, 2, 1, 0];
    assert_eq!(union_of(&union(Identifier::Email, 2), &[&first, &second]), by_email);
    // By the number, 1 is in the first, 3 in both, and who has an address alone is apart.
    let by_phone = [2, 1, 1, 0, 1, 0];
    assert_eq!(union_of(&union(Identifier::Phone, 2), &[&first, &second]), by_phone);
}

#[test]
fn a_union_has_as_many_datasets_as_the_limit_says() {
    let count = protocol::limits::TABLES;
    let tally = union(Identifier::Email, count);
    let rows = [row(1, 0, 0)];
    let people = union_of(&tally, &vec![&rows[..]; count]);
    assert_eq!((people.len(), people[254], people.iter().sum::<i64>()), (255 + 8 + 1, 1, 1));
    // Everybody by the group of each dataset: all combinations, of which few are kept.
    let mut tally = union(Identifier::Email, count);
    let label = |side| Dimension::Label { side: Side(side), column: "label".to_owned() };
    tally.dimensions = (0..8).map(label).collect();
    tally.cells_per_person = 16;
    let rows: Vec<_> = (0..100).map(|at| row(1, at, 0)).collect();
    assert_eq!(union_of(&tally, &vec![&rows[..]; count]), [vec![1; 16], vec![0]].concat());
}

/// Who subscribed within two days of the first time that something was seen.
#[test]
fn a_window_begins_with_the_persons_own_earliest_day_that_counts() {
    let within = |first, last| Condition::SinceStart {
        column: "day".to_owned(),
        side: Side::POPULATION,
        start: "day".to_owned(),
        first,
        last,
    };
    let on = |email, day| Row { day, ..row(email, 0, 0) };
    let own = [on(1, 10), on(1, 3), on(2, MISSING), on(3, 5), on(3, i32::MAX), on(4, i32::MIN + 1)];
    let sales = [on(1, 5), on(1, 6), on(2, 5), on(3, 5), on(3, 4), on(3, MISSING), on(4, i32::MAX)];
    let mut tally = groups(vec![Dimension::Matched], vec![rows_of(Side::JOINED)], 1);
    tally.tables[1].rows = vec![within(0, 2)];
    let found = both(&tally, &own, &sales).unwrap();
    // The first from the third day on, the third on the fifth; of who has no start no row counts.
    assert_eq!((found.people, found.sums), (vec![2, 2, 0], vec![vec![0, 2, 0]]));
    // Without the row of the third day the start is the tenth.
    let later = Condition::Between { column: "day".to_owned(), least: 4, most: 100 };
    tally.tables[0].rows = vec![later];
    assert_eq!(both(&tally, &own, &sales).unwrap().people, [1, 1, 0]);
    // Of a measure alone, matches are what they are; and before the start is below 0.
    let mut tally = groups(vec![Dimension::Matched], vec![rows_of(Side::JOINED)], 1);
    tally.measures[0].rows = vec![within(-1, -1)];
    let found = both(&tally, &own, &sales).unwrap();
    assert_eq!((found.people, found.sums), (vec![0, 4, 0], vec![vec![0, 1, 0]]));
    // It is a day that the start is read from.
    let Condition::SinceStart { start, .. } = &mut tally.measures[0].rows[0] else {
        unreachable!()
    };
    "number".clone_into(start);
    let (dataset, column) = ("exposures".to_owned(), "number".to_owned());
    assert_eq!(both(&tally, &own, &sales).map(drop), Err(Fault::Layout { dataset, column }));
}

fn rows_of(side: Side) -> Measure {
    Measure { side, of: Quantity::Rows, rows: Vec::new(), clamp: Clamp::up_to(100).unwrap() }
}

#[test]
fn an_only_value_is_that_of_all_rows_that_count_before_cells_are_bounded() {
    let of = |values: Option<u32>| {
        let column = if values.is_some() { "group" } else { "label" };
        Dimension::Only { side: Side::JOINED, column: column.to_owned(), values }
    };
    let own: Vec<_> = (1..=5).map(|email| row(email, 0, 0)).collect();
    let with = |email, group, label| Row { group, ..row(email, label, 0) };
    let sales = [
        with(1, 0, 4),
        with(1, 0, 4),
        with(2, 0, 2),
        with(2, 2, 4),
        with(3, MISSING, 0),
        with(4, 2, 6),
        with(4, 7, 0),
    ];
    let tally = groups(vec![of(Some(3))], vec![rows_of(Side::JOINED)], 1);
    let found = both(&tally, &own, &sales).unwrap();
    // The first; none; the third; no value, of who has none and who is not found; several.
    assert_eq!(found.people, [1, 0, 1, 2, 1, 0]);
    assert_eq!(found.sums, [[2, 0, 2, 1, 2, 0]]);
    // Another group besides does not make the second person one of a single value, whichever cell is kept.
    let mut both_groups = groups(vec![of(Some(3)), label(Side::JOINED)], Vec::new(), 1);
    let names = |tally: &Tally| {
        named(tally, &both(tally, &own, &sales).unwrap()).into_keys().flatten().collect::<Vec<_>>()
    };
    assert_eq!(names(&both_groups).iter().filter(|name| name[0] == Place::Index(4)).count(), 1);
    // Of labels, who has several is in place 0, and the zeros are for none.
    both_groups.dimensions = vec![of(None), of(Some(3))];
    let bytes = |label| Place::Label(row(1, label, 0).label());
    let expected = [
        vec![Place::Index(0), Place::Index(4)],
        vec![bytes(0), Place::Index(3)],
        vec![bytes(4), Place::Index(0)],
        vec![bytes(6), Place::Index(2)],
    ];
    assert_eq!(names(&both_groups), expected);
    // Rows that do not count say nothing.
    let first = Condition::OneOf { column: "group".to_owned(), codes: vec![0] };
    let mut tally = groups(vec![of(Some(3))], Vec::new(), 1);
    tally.tables[1].rows = vec![first];
    assert_eq!(both(&tally, &own, &sales).unwrap().people, [2, 0, 0, 3, 0, 0]);
}
