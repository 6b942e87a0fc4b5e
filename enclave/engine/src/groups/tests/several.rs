//! Unions of several datasets, and what is decided over all rows of a person.

use super::*;

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

/// How often people saw something, wherever it was.
#[test]
fn rows_of_all_datasets_are_added_before_they_are_clamped() {
    let mut tally = union(Identifier::Email, 3);
    tally.dimensions = vec![Dimension::Known, Dimension::Bins { measure: 1, edges: vec![2, 3] }];
    tally.measures = vec![
        rows_of(Side(1)),
        Measure { of: Quantity::RowsOfAll, clamp: Clamp::up_to(4).unwrap(), ..rows_of(Side(0)) },
        rows_of(Side(2)),
    ];
    let by_phone = |phone| Row { phone, ..row(0, 0, 0) };
    let first = [row(1, 0, 0), row(2, 0, 0), row(3, 0, 0), row(3, 0, 0), by_phone(9)];
    let second = [row(2, 0, 0), row(3, 0, 0), row(3, 0, 0), by_phone(9), by_phone(9)];
    let third = [row(3, 0, 0), row(4, 0, 0)];
    let tables = [&first[..], &second, &third].map(|rows| vec![table(rows)]);
    let found = run(&tally, &tables).unwrap();
    // Without an address three times; with one once, twice, five times, which count as four.
    assert_eq!(found.people, [0, 0, 1, 2, 1, 1, 0]);
    assert_eq!(found.sums[1], [0, 0, 3, 2, 2, 4, 0]);
    assert_eq!((found.sums[0][5], found.sums[2][5]), (2, 1), "of each dataset its own");
    // Rows that do not count in their dataset count in no total.
    tally.tables[1].rows =
        vec![Condition::Between { column: "number".to_owned(), least: 1, most: 9 }];
    let found = run(&tally, &tables).unwrap();
    assert_eq!(found.people, [1, 0, 0, 3, 0, 1, 0]);
    assert_eq!(found.sums[1], [1, 0, 0, 3, 0, 3, 0]);
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

/// How often somebody was exposed in the three days before the first purchase.
#[test]
fn exposures_before_an_outcome_are_counted_in_a_window_that_ends_with_it() {
    let on = |email, day| Row { day, ..row(email, 0, 0) };
    let own = [on(1, 1), on(1, 2), on(1, 4), on(1, 5), on(1, 8), on(2, 4), on(3, 4)];
    let sales = [on(1, 9), on(1, 5), on(2, 3), on(2, MISSING)];
    let mut tally = groups(vec![Dimension::Matched], vec![rows_of(Side::POPULATION)], 1);
    let mut own_window = |first, last| {
        tally.measures[0].rows = vec![Condition::SinceStart {
            column: "day".to_owned(),
            side: Side::JOINED,
            start: "day".to_owned(),
            first,
            last,
        }];
        both(&tally, &own, &sales).unwrap().sums
    };
    // Of the first person those of the second and the fourth day; with the day itself also of the fifth.
    assert_eq!(own_window(-3, -1), [[0, 2, 0]]);
    assert_eq!(own_window(-3, 0), [[0, 3, 0]]);
    // After it, of both; who bought nothing has no such day.
    assert_eq!(own_window(1, 30), [[0, 2, 0]]);
}

/// When somebody was first seen.
#[test]
fn an_earliest_day_is_that_of_all_rows_that_count_before_cells_are_bounded() {
    let earliest = |side| Dimension::Earliest { side, column: "day".to_owned(), edges: vec![3, 6] };
    let on = |email, label, day| Row { day, ..row(email, label, 0) };
    let own = [
        on(1, 0, 2),
        on(1, 1, 9),
        on(2, 0, 3),
        on(2, 1, 9),
        on(3, 0, 6),
        on(4, 0, MISSING),
        on(4, 1, 5),
        on(5, 0, MISSING),
    ];
    let mut tally = groups(vec![earliest(Side::POPULATION)], Vec::new(), 1);
    // Before the third day, from then on, from the sixth on; and who has no day.
    assert_eq!(both(&tally, &own, &[]).unwrap().people, [1, 2, 1, 1, 0]);
    // Whichever row's cell is kept, the day is that of all of them.
    tally.dimensions.insert(0, label(Side::POPULATION));
    let found = named(&tally, &both(&tally, &own, &[]).unwrap());
    let count = |place| {
        let own = found
            .iter()
            .filter(|(name, _)| name.as_ref().is_some_and(|name| name[1] == Place::Index(place)));
        own.map(|(_, figures)| figures.0).sum::<i64>()
    };
    assert_eq!([0, 1, 2, 3].map(count), [1, 2, 1, 1]);
    // Rows that do not count say nothing.
    tally.dimensions = vec![earliest(Side::POPULATION)];
    let since = Condition::Between { column: "day".to_owned(), least: 3, most: 100 };
    tally.tables[0].rows = vec![since];
    assert_eq!(both(&tally, &own, &[]).unwrap().people, [0, 2, 2, 0, 0]);
    // It is the day that a window begins with, too; in the other dataset it is of rows in that window.
    let within = Condition::SinceStart {
        column: "day".to_owned(),
        side: Side::POPULATION,
        start: "day".to_owned(),
        first: 0,
        last: 2,
    };
    tally.tables[0].rows.clear();
    tally.tables[1].rows = vec![within];
    tally.dimensions = vec![earliest(Side::POPULATION), earliest(Side::JOINED)];
    let sales = [on(1, 0, 1), on(1, 0, 4), on(2, 0, 2), on(2, 0, 9), on(3, 0, 8), on(5, 0, 3)];
    let people = both(&tally, &own, &sales).unwrap().people;
    assert_eq!(people, [0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
    // It is a day that it is read from.
    tally.dimensions = vec![Dimension::Earliest {
        side: Side::POPULATION,
        column: "number".to_owned(),
        edges: vec![3],
    }];
    let (dataset, column) = ("exposures".to_owned(), "number".to_owned());
    assert_eq!(both(&tally, &own, &[]).map(drop), Err(Fault::Layout { dataset, column }));
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
