//! What a tally means, person by person, with nothing of the engine in it.

use std::collections::{BTreeMap, BTreeSet};

use protocol::identity::Identifier;
use protocol::released::Place;
use protocol::sealed::MISSING;
use protocol::tally::{Condition, Dimension, Measure, Population, Quantity, Side, Table, Tally};

use super::room::Row;

/// People, sums and products.
pub(super) type Figures = (i64, Vec<i64>, Vec<i64>);
/// By name; whoever did not agree is in a cell without one. Empty cells are left out.
pub(super) type Answer = BTreeMap<Option<Vec<Place>>, Figures>;

/// What a tally means if nobody has more cells than may be kept; and whether that is so.
pub(super) fn meaning(tally: &Tally, tables: &[Vec<Row>]) -> (Answer, bool) {
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
        let earliest: Vec<_> = tables.iter().map(start).collect();
        let cells = cells(tally, id, &tables, [&starts, &earliest]);
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
    [starts, earliest]: [&[Option<i32>]; 2],
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
            Dimension::Earliest { side, edges, .. } => match earliest[side.place()] {
                Some(day) => bin(day.into(), edges),
                None => Place::Index((edges.len() + 1).try_into().unwrap()),
            },
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
