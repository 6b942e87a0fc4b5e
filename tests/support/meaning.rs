//! What a tally means, person by person, with nothing of the engine in it.
//!
//! Crates whose own tests count rows include this file by its path, and so does the suite that every kind of
//! analysis passes.

use std::collections::{BTreeMap, BTreeSet};

use protocol::identity::Identifier;
use protocol::released::Place;
use protocol::sealed::Tag;
use protocol::tally::{
    Condition, Credit, Dimension, Measure, Population, Quantity, Rule, Side, Table, Tally,
};

/// A row of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// The tags of match keys that are present, in the order of the contract's columns; none in padding.
    pub keys: Vec<Id>,
    /// Whether every consent column says yes.
    pub agreed: bool,
    /// The other columns.
    pub values: BTreeMap<String, Value>,
}

/// Who somebody is.
pub type Id = (Identifier, Tag);

/// What a row has in a column.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Value {
    /// Place in the column's public list; none if it has no such value.
    Group(Option<u32>),
    /// A text; all zeros for none.
    Label([u8; 32]),
    /// An amount in units of the column.
    Number(i64),
    /// A day; none if it is missing.
    Day(Option<i32>),
}

/// People, sums and products.
pub type Figures = (i64, Vec<i64>, Vec<i64>);
/// By name; whoever did not agree is in a cell without one. Empty cells are left out.
pub type Answer = BTreeMap<Option<Vec<Place>>, Figures>;

/// A day of each person: the earliest in a column of a table.
type Starts = BTreeMap<(Side, String), Option<i32>>;

impl Row {
    /// Whose it is: the first key, or in a union the first of the kind that the union is by.
    pub fn id(&self, tally: &Tally) -> Option<Id> {
        let of_union = match tally.population {
            Population::Union { by } => self.keys.iter().find(|(kind, _)| *kind == by),
            Population::First => None,
        };
        of_union.or_else(|| self.keys.first()).copied()
    }

    /// The first key of a kind.
    fn of_kind(&self, kind: Identifier) -> Option<Id> {
        self.keys.iter().find(|(of, _)| *of == kind).copied()
    }

    /// The key with which it claims a person of a population.
    fn claim(&self, claims: &[Identifier]) -> Option<Id> {
        claims.iter().find_map(|kind| self.of_kind(*kind))
    }

    fn value(&self, column: &str) -> Value {
        self.values[column]
    }

    fn day(&self, column: &str) -> Option<i32> {
        match self.value(column) {
            Value::Day(day) => day,
            other => panic!("{column} holds {other:?}, and no day"),
        }
    }

    /// Its place by a column; of a row without a value, and of nobody's row, that of no value.
    fn place(row: Option<&Self>, column: &str, values: Option<u32>) -> Place {
        match (values, row.map(|row| row.value(column))) {
            (None, None) => Place::Label([0; 32]),
            (None, Some(Value::Label(text))) => Place::Label(text),
            (Some(values), None) => Place::Index(values),
            (Some(values), Some(Value::Group(code))) => Place::Index(code.unwrap_or(values)),
            (_, other) => panic!("{column} holds {other:?}"),
        }
    }
}

/// What a tally means if nobody has more cells than may be kept; and whether that is so.
pub fn meaning(tally: &Tally, tables: &[Vec<Row>]) -> (Answer, bool) {
    meaning_by(tally, &[], tables)
}

/// As [`meaning`], where people of a joined table claim by these kinds of keys, if there are any.
pub fn meaning_by(tally: &Tally, claims: &[Identifier], tables: &[Vec<Row>]) -> (Answer, bool) {
    let mut people: BTreeMap<_, Vec<Vec<Row>>> = BTreeMap::new();
    let is_claimed = tally.joined().is_some() && !claims.is_empty();
    for (rows, at) in tables.iter().zip(0..tally.tables.len()) {
        for row in rows.iter().filter(|_| !(is_claimed && at > 0)) {
            let person =
                people.entry(row.id(tally)).or_insert(vec![Vec::new(); tally.tables.len()]);
            person[at].push(row.clone());
        }
    }
    people.remove(&None);
    if is_claimed {
        let accepted = accepted(claims, &people, &tables[1]);
        for (id, own) in &mut people {
            let claim = accepted.get(id);
            let rows = tables[1].iter();
            let rows = rows.filter(|row| claim.is_some() && row.claim(claims).as_ref() == claim);
            own[1] = rows.cloned().collect();
        }
    }
    let (mut answer, mut fits) = (Answer::new(), true);
    for (id, tables) in people {
        let Some(cells) = person(tally, id, &tables) else { continue };
        fits &= cells.len() <= tally.cells_per_person.try_into().unwrap();
        for (name, figures) in cells {
            let nobody = || (0, vec![0; tally.measures.len()], vec![0; tally.products.len()]);
            let sum = answer.entry(name).or_insert_with(nobody);
            sum.0 += figures.0;
            sum.1.iter_mut().zip(figures.1).for_each(|(sum, value)| *sum += value);
            sum.2.iter_mut().zip(figures.2).for_each(|(sum, value)| *sum += value);
        }
    }
    (answer, fits)
}

/// People by in how many cells they are, in the bins of a tally of one table.
pub fn spread(tally: &Tally, rows: &[Row]) -> Vec<i64> {
    let mut people: BTreeMap<_, Vec<Row>> = BTreeMap::new();
    for row in rows {
        people.entry(row.id(tally)).or_default().push(row.clone());
    }
    people.remove(&None);
    let mut bins = vec![0; tally.spread_bins()];
    for (id, rows) in people {
        let cells = person(tally, id, &[rows]).unwrap_or_default();
        if cells.is_empty() || cells.iter().any(|(name, _)| name.is_none()) {
            continue;
        }
        let edges = tally.spread.iter();
        bins[edges.filter(|edge| usize::try_from(**edge).unwrap() < cells.len()).count()] += 1;
    }
    bins
}

/// Whose claim each person of the population accepts: that of the first kind in which one stands for the person.
pub fn accepted(
    claims: &[Identifier],
    people: &BTreeMap<Option<Id>, Vec<Vec<Row>>>,
    joined: &[Row],
) -> BTreeMap<Option<Id>, Id> {
    let standing: BTreeSet<_> = joined.iter().filter_map(|row| row.claim(claims)).collect();
    // The id, if it is of the kind, and else the least key that any row has.
    let key = |(id, rows): (&Option<Id>, &Vec<Vec<Row>>), kind: Identifier| {
        let beside = rows[0].iter().filter_map(|row| row.of_kind(kind)).min();
        id.filter(|id| id.0 == kind).or(beside)
    };
    let accepted = people.iter().filter_map(|(id, rows)| {
        let mut keys = claims.iter().filter_map(|kind| {
            let own = key((id, rows), *kind)?;
            let others = people.iter().filter(|(other, _)| *other != id);
            let mut others = others.filter(|(other, rows)| key((other, rows), *kind) == Some(own));
            let is_own = *id == Some(own) || others.next().is_none();
            (is_own && standing.contains(&own)).then_some(own)
        });
        Some((*id, keys.next()?))
    });
    accepted.collect()
}

/// What one person adds, and to which cells; none of who is not of the population.
fn person(
    tally: &Tally,
    id: Option<Id>,
    tables: &[Vec<Row>],
) -> Option<Vec<(Option<Vec<Place>>, Figures)>> {
    let is_union = matches!(tally.population, Population::Union { .. });
    let counts = |tables: &[Vec<Row>]| match is_union {
        true => tables.iter().any(|rows| !rows.is_empty()),
        false => !tables[0].is_empty(),
    };
    if !counts(tables) {
        return None;
    }
    // Who refuses in the joined table may count without its rows.
    let keeps = tally.dimensions.contains(&Dimension::MatchedWithConsent);
    let refuses = keeps && !tables[1].iter().all(|row| row.agreed);
    let without = [tables[0].clone(), Vec::new()];
    let tables: &[Vec<Row>] = if refuses { &without } else { tables };
    // Who refuses counts whatever conditions there are, so that these say nothing about refusers.
    if !tables.iter().flatten().all(|row| row.agreed) {
        let nothing = (1, vec![0; tally.measures.len()], vec![0; tally.products.len()]);
        return Some(vec![(None, nothing)]);
    }
    // Starts are of tables that ask for none.
    let before = counting(tally, tables, &Starts::new());
    let starts: Starts = tally
        .conditions()
        .filter_map(|(_, condition)| condition.start())
        .map(|(side, column)| {
            let days = before[side.place()].iter().filter_map(|row| row.day(column));
            ((side, column.to_owned()), days.min())
        })
        .collect();
    let tables = counting(tally, tables, &starts);
    if !counts(&tables) {
        return None;
    }
    if let Some(credit) = tally.credit() {
        let cells = cells(tally, id, &tables, &starts);
        let [(name, _)] = cells.as_slice() else { panic!("several tuples beside credits") };
        return Some(credited(tally, credit, name, &tables));
    }
    let figures = |rows: &[Vec<Row>]| {
        let value = |measure: &Measure| measure.clamp.apply(made_of_tables(measure, rows, &starts));
        let values: Vec<_> = tally.measures.iter().map(value).collect();
        let products = tally.products.iter().map(|product| {
            let at = |at: u32| i128::from(values[usize::try_from(at).unwrap()]);
            let exact = at(product.one) * at(product.other);
            // The nearest multiple, of two the larger.
            let unit = 1_i128 << product.coarse;
            i64::try_from((2 * exact + unit).div_euclid(2 * unit)).unwrap()
        });
        let products = products.collect();
        (1, values, products)
    };
    let cells = cells(tally, id, &tables, &starts).into_iter().map(|(mut name, rows)| {
        for (place, dimension) in name.iter_mut().zip(&tally.dimensions) {
            if refuses && *dimension == Dimension::MatchedWithConsent {
                *place = Place::Index(2);
            }
        }
        (Some(name), figures(&rows))
    });
    Some(cells.collect())
}

/// The rows of a person that meet the conditions of their tables.
fn counting(tally: &Tally, tables: &[Vec<Row>], starts: &Starts) -> Vec<Vec<Row>> {
    let counts = |table: &Table, row: &Row| table.rows.iter().all(|it| meets(it, row, starts));
    let rows = tally.tables.iter().zip(tables);
    rows.map(|(table, rows)| rows.iter().filter(|row| counts(table, row)).cloned().collect())
        .collect()
}

/// The cells of one person, with the rows of each table that belong to each.
fn cells(
    tally: &Tally,
    id: Option<Id>,
    tables: &[Vec<Row>],
    starts: &Starts,
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
    let measure = |at: &u32| &tally.measures[usize::try_from(*at).unwrap()];
    let total = |measure: &Measure| {
        let of = |at: usize| {
            tuples[at].values().map(|rows| made_of(measure, rows, starts)).sum::<i128>()
        };
        measure.clamp.apply(match measure.of {
            Quantity::RowsOfAll => (0..tuples.len()).map(of).sum(),
            _ => of(measure.side.place()),
        })
    };
    let cell = |tuples: &Vec<(&Vec<Place>, &Vec<Row>)>| {
        let mut names: Vec<_> = tuples.iter().map(|(name, _)| name.iter()).collect();
        let name = tally.dimensions.iter().map(|dimension| match dimension {
            // Who refuses is told apart afterwards.
            Dimension::Matched | Dimension::MatchedWithConsent => {
                Place::Index((!tables[1].is_empty()).into())
            }
            // Told apart afterwards.
            Dimension::Credited(_) => Place::Index(0),
            Dimension::Membership { .. } => membership(tally, id, tables),
            Dimension::Known => Place::Index(is_known(tally, id).into()),
            Dimension::Only { side, column, values } => {
                only(&tables[side.place()], column, *values)
            }
            Dimension::Creative { column, values } => only(&tables[0], column, Some(*values)),
            Dimension::Earliest { side, column, edges } => {
                earliest(&tables[side.place()], column, edges)
            }
            Dimension::Arm { column, test, control } => {
                Place::Index(arm_of(&tables[0], column, test, control))
            }
            Dimension::Bins { measure: at, edges } => bin(total(measure(at)), edges),
            Dimension::BinsPerGroup { measure: at, edges } => {
                let rows: Vec<_> = tuples.iter().map(|(_, rows)| rows.to_vec()).collect();
                bin(measure(at).clamp.apply(made_of_tables(measure(at), &rows, starts)), edges)
            }
            Dimension::Group { side, .. }
            | Dimension::Label { side, .. }
            | Dimension::Days { side, .. } => *names[side.place()].next().unwrap(),
        });
        (name.collect(), tuples.iter().map(|(_, rows)| rows.to_vec()).collect())
    };
    combinations.iter().map(cell).collect()
}

/// The cells of one person whose outcomes are credited to exposures, with what is credited to each.
fn credited(
    tally: &Tally,
    credit: &Credit,
    name: &[Place],
    tables: &[Vec<Row>],
) -> Vec<(Option<Vec<Place>>, Figures)> {
    let place = |row: &Row| match Row::place(Some(row), &credit.column, Some(credit.values)) {
        Place::Index(place) => place,
        Place::Label(_) => panic!("{} is no group", credit.column),
    };
    let exposures = tables[0].iter().filter_map(|row| Some((row.day(&credit.day)?, place(row))));
    let exposures: Vec<(i32, u32)> = exposures.collect();
    let mut days: BTreeMap<i32, Vec<&Row>> = BTreeMap::new();
    for row in &tables[1] {
        if let Some(day) = row.day(&credit.outcome) {
            days.entry(day).or_default().push(row);
        }
    }
    let mut found: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    let nothing = vec![0; tally.measures.len()];
    if days.is_empty() {
        found.insert(credit.nothing(), nothing.clone());
    }
    let mut left: Vec<_> =
        tally.measures.iter().map(|measure| i128::from(measure.clamp.most())).collect();
    for (day, rows) in days {
        let window = i64::from(day) - i64::from(credit.window)..=i64::from(day);
        let within = exposures.iter().filter(|(day, _)| window.contains(&i64::from(*day)));
        let weights = weights(credit.rule, within.copied().collect());
        let all: i128 = weights.values().sum();
        for (at, measure) in tally.measures.iter().enumerate() {
            let of = |row: &&Row| match &measure.of {
                Quantity::Credit { column: None, parts } => i128::from(*parts),
                Quantity::Credit { column: Some(column), parts } => match row.value(column) {
                    Value::Number(number) => {
                        i128::from(number.clamp(0, 1 << 40)) * i128::from(*parts)
                    }
                    other => panic!("{column} holds {other:?}, and no amount"),
                },
                other => panic!("{other:?} is not credited"),
            };
            let amount = rows.iter().map(of).sum::<i128>().min(left[at]);
            left[at] -= amount;
            let (mut before, mut given) = (0, 0);
            for (place, weight) in &weights {
                before += weight;
                let share = amount * before / all - given;
                given += share;
                found.entry(*place).or_insert_with(|| nothing.clone())[at] +=
                    i64::try_from(share).unwrap();
            }
            if weights.is_empty() {
                found.entry(credit.unexposed()).or_insert_with(|| nothing.clone())[at] +=
                    i64::try_from(amount).unwrap();
            }
        }
        let places =
            weights.into_keys().chain([credit.unexposed()].into_iter().filter(|_| all == 0));
        for place in places {
            found.entry(place).or_insert_with(|| nothing.clone());
        }
    }
    let at = tally
        .dimensions
        .iter()
        .position(|dimension| matches!(dimension, Dimension::Credited(_)))
        .unwrap();
    let cell = |(place, values): (u32, Vec<i64>)| {
        let mut name = name.to_vec();
        name[at] = Place::Index(place);
        (Some(name), (1, values, vec![0; tally.products.len()]))
    };
    found.into_iter().map(cell).collect()
}

/// The weight of each place by a rule: of exposures one by one, in the order of days and places.
fn weights(rule: Rule, mut exposures: Vec<(i32, u32)>) -> BTreeMap<u32, i128> {
    exposures.sort_unstable();
    let count = exposures.len();
    let mut weights = BTreeMap::new();
    let Some((last_day, _)) = exposures.last().copied() else { return weights };
    let last = exposures.iter().position(|(day, _)| *day == last_day).unwrap();
    for (at, (_, place)) in exposures.iter().enumerate() {
        let others = i128::try_from(count).unwrap() - 2;
        let weight = match rule {
            Rule::Last => i128::from(at == last),
            Rule::First => i128::from(at == 0),
            Rule::Linear => 1,
            Rule::Position if others < 1 => 1,
            Rule::Position => match (at == 0, at == last) {
                (true, true) => 2 * others + 2 * others - 1,
                (true, false) | (false, true) => 2 * others,
                (false, false) => 1,
            },
        };
        if weight > 0 {
            *weights.entry(*place).or_insert(0) += weight;
        }
    }
    weights
}

fn is_known(tally: &Tally, id: Option<Id>) -> bool {
    let Population::Union { by } = tally.population else { panic!("no union") };
    id.unwrap().0 == by
}

fn membership(tally: &Tally, id: Option<Id>, tables: &[Vec<Row>]) -> Place {
    let found: Vec<_> = (0..tables.len()).filter(|at| !tables[*at].is_empty()).collect();
    let place = if is_known(tally, id) {
        found.iter().map(|at| 1 << at).sum::<usize>() - 1
    } else {
        (1 << tables.len()) - 1 + found[0]
    };
    Place::Index(place.try_into().unwrap())
}

fn only(rows: &[Row], column: &str, values: Option<u32>) -> Place {
    let none = Row::place(None, column, values);
    let places = rows.iter().map(|row| Row::place(Some(row), column, values));
    let places: BTreeSet<_> = places.filter(|place| *place != none).collect();
    match places.len() {
        0 => none,
        1 => *places.first().unwrap(),
        // Of labels the first place, after those of a public list and of no value.
        _ => Place::Index(values.map_or(0, |values| values + 1)),
    }
}

fn earliest(rows: &[Row], column: &str, edges: &[i64]) -> Place {
    match rows.iter().filter_map(|row| row.day(column)).min() {
        Some(day) => bin(day.into(), edges),
        None => Place::Index((edges.len() + 1).try_into().unwrap()),
    }
}

fn bin(total: i64, edges: &[i64]) -> Place {
    Place::Index(edges.iter().filter(|edge| **edge <= total).count().try_into().unwrap())
}

fn arm_of(rows: &[Row], column: &str, test: &[i32], control: &[i32]) -> u32 {
    let code = |row: &Row| match row.value(column) {
        Value::Group(code) => code.map(|code| i32::try_from(code).unwrap()),
        other => panic!("{column} holds {other:?}"),
    };
    let of_arm = |row: &Row, codes: &[i32]| code(row).is_some_and(|code| codes.contains(&code));
    let is_in = |codes: &[i32]| rows.iter().any(|row| of_arm(row, codes));
    let elsewhere = |row: &Row| !of_arm(row, test) && !of_arm(row, control);
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
        Dimension::Label { side, column } if *side == which => Some(Row::place(row, column, None)),
        Dimension::Group { side, column, values } if *side == which => {
            Some(Row::place(row, column, Some(*values)))
        }
        Dimension::Days { side, column, edges } if *side == which => {
            let own: Vec<_> = row.into_iter().cloned().collect();
            Some(earliest(&own, column, edges))
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

/// What a measure makes of the rows of a cell, by their tables, before it is clamped.
fn made_of_tables(measure: &Measure, rows: &[Vec<Row>], starts: &Starts) -> i128 {
    match measure.of {
        Quantity::RowsOfAll => rows.iter().map(|rows| made_of(measure, rows, starts)).sum(),
        _ => made_of(measure, &rows[measure.side.place()], starts),
    }
}

/// What a measure makes of rows, before it is clamped.
fn made_of(measure: &Measure, rows: &[Row], starts: &Starts) -> i128 {
    let rows = rows.iter().filter(|row| measure.rows.iter().all(|it| meets(it, row, starts)));
    match &measure.of {
        Quantity::Rows | Quantity::RowsOfAll => rows.count().try_into().unwrap(),
        Quantity::Credit { .. } => panic!("credits are made of rows of two tables"),
        Quantity::Sum { column } => rows
            .map(|row| match row.value(column) {
                Value::Number(number) => i128::from(number.clamp(-(1 << 40), 1 << 40)),
                other => panic!("{column} holds {other:?}, and no amount"),
            })
            .sum(),
        Quantity::Distinct { column } => {
            let values = rows.map(|row| row.value(column));
            let has_value =
                |value: &Value| ![Value::Group(None), Value::Label([0; 32])].contains(value);
            values.filter(has_value).collect::<BTreeSet<_>>().len().try_into().unwrap()
        }
    }
}

fn meets(condition: &Condition, row: &Row, starts: &Starts) -> bool {
    match condition {
        Condition::OneOf { column, codes } => match row.value(column) {
            Value::Group(Some(code)) => codes.contains(&i32::try_from(code).unwrap()),
            _ => false,
        },
        Condition::Between { column, least, most } => match row.value(column) {
            Value::Day(day) => day.is_some_and(|day| (*least..=*most).contains(&day.into())),
            Value::Number(number) => (*least..=*most).contains(&number),
            other => panic!("{column} holds {other:?}, and nothing between bounds"),
        },
        Condition::SinceStart { column, side, start, first, last } => {
            let start = starts.get(&(*side, start.clone())).copied().flatten();
            let days = row.day(column).zip(start);
            let since = days.map(|(day, start)| i64::from(day) - i64::from(start));
            since.is_some_and(|days| (*first..=*last).contains(&days))
        }
    }
}
