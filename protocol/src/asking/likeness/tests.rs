use super::*;
use crate::contract::tests::sample;
use crate::tally::{Clamp, Measure, Population};

/// Arms "mens", "womens" and "none" in `exposures`; days and spend in `sales`.
fn alike(one: &Tally, other: &Tally) -> bool {
    let contract = Contract::parse(sample().as_bytes()).unwrap();
    let there = one.nearly_repeats(other, &contract);
    assert_eq!(there, other.nearly_repeats(one, &contract), "which came first says nothing");
    there
}

fn lift(test: &[i32], days: Option<(i64, i64)>) -> Tally {
    let table = |name: &str| Table { dataset: name.to_owned(), rows: Vec::new() };
    let of = Quantity::Sum { column: "spend".to_owned() };
    let rows = days.map(|(least, most)| between("bought", least, most));
    let rows = rows.into_iter().collect();
    Tally {
        population: Population::First,
        tables: vec![table("exposures"), table("sales")],
        dimensions: vec![
            Dimension::Arm { column: "arm".to_owned(), test: test.to_vec(), control: vec![9] },
            Dimension::Matched,
        ],
        measures: vec![Measure { side: Side::JOINED, of, rows, clamp: Clamp::up_to(100).unwrap() }],
        products: Vec::new(),
        cells_per_person: 1,
        ids_per_person: 1,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    }
}

fn between(column: &str, least: i64, most: i64) -> Condition {
    Condition::Between { column: column.to_owned(), least, most }
}

fn one_of(column: &str, codes: &[i32]) -> Condition {
    Condition::OneOf { column: column.to_owned(), codes: codes.to_vec() }
}

fn among(codes: &[i32]) -> Tally {
    let mut tally = lift(&[0], None);
    tally.tables[0].rows = vec![one_of("town", codes)];
    tally.dimensions = Vec::new();
    tally
}

/// Everybody by `dimensions`.
fn by(dimensions: &[Dimension]) -> Tally {
    let mut tally = among(&[]);
    tally.tables[0].rows.clear();
    tally.dimensions = dimensions.to_vec();
    tally
}

fn group(column: &str) -> Dimension {
    Dimension::Group { side: Side::POPULATION, column: column.to_owned(), values: 3 }
}

#[test]
fn one_day_more_nearly_repeats_the_question() {
    let month = lift(&[0], Some((0, 29)));
    assert!(alike(&lift(&[0], Some((0, 30))), &month));
    assert!(alike(&lift(&[0], Some((1, 29))), &month));
    assert!(alike(&lift(&[0], None), &month));
    assert!(!alike(&lift(&[0], Some((30, 59))), &month), "the next month");
}

#[test]
fn the_very_same_question_is_alike() {
    for it in [lift(&[0], Some((0, 29))), among(&[1, 2]), by(&[group("arm")])] {
        assert!(alike(&it, &it), "{it:?}");
    }
}

#[test]
fn one_value_more_or_less_nearly_repeats_the_question() {
    assert!(alike(&among(&[1, 2, 3]), &among(&[1, 2])));
    assert!(!alike(&among(&[3, 4]), &among(&[1, 2])));
    assert!(!alike(&among(&[1, 2, 3, 4]), &among(&[1, 2])));
    assert!(alike(&among(&[1]), &by(&[])), "a rare value singled out");
}

#[test]
fn an_arm_with_one_code_more_nearly_repeats_the_question() {
    assert!(alike(&lift(&[0, 1], None), &lift(&[0], None)));
    assert!(!alike(&lift(&[1], None), &lift(&[0], None)), "two codes apart");
    assert!(alike(&lift(&[1, 0], None), &lift(&[0, 1], None)), "the same arm, reordered");
}

#[test]
fn arms_that_changed_places_are_the_same_people() {
    let swapped = |one: &[i32], other: &[i32]| {
        let mut tally = lift(one, None);
        let Dimension::Arm { control, .. } = &mut tally.dimensions[0] else { unreachable!() };
        *control = other.to_vec();
        tally
    };
    assert!(alike(&swapped(&[1], &[9]), &swapped(&[9], &[1])));
    assert!(alike(&swapped(&[1, 2], &[9]), &swapped(&[9], &[1])));
    assert!(!alike(&swapped(&[1], &[9]), &swapped(&[3], &[4])));
}

#[test]
fn a_range_that_no_data_lie_beyond_says_nothing() {
    let hiding = |ranges: &[Condition]| {
        let mut tally = among(&[1, 2, 3]);
        tally.tables[0].rows.extend_from_slice(ranges);
        tally
    };
    let wide = [between("a", -1_000_000_000, i64::MAX), between("b", -1 << 50, 1 << 50)];
    assert!(alike(&hiding(&wide), &among(&[1, 2])));
    assert!(!alike(&hiding(&[between("a", 0, 10), between("b", 0, 10)]), &among(&[1, 2])));
}

#[test]
fn the_same_people_with_another_cap_are_nearly_the_same_question() {
    let mut other = lift(&[0], None);
    other.measures[0].clamp = Clamp::up_to(50).unwrap();
    assert!(alike(&other, &lift(&[0], None)), "averaging");
    other.tables[0].dataset = "other".to_owned();
    assert!(!alike(&other, &lift(&[0], None)));
}

#[test]
fn a_condition_that_says_nothing_or_stands_twice_hides_nothing() {
    let mut hiding = among(&[1, 2, 3]);
    let twice = hiding.tables[0].rows[0].clone();
    let everything = |column: &str| between(column, i64::MIN, i64::MAX);
    hiding.tables[0].rows.extend([everything("a"), everything("b"), twice]);
    hiding.tables[0].rows.push(one_of("arm", &[2, 1, 0, 0]));
    hiding.tables[1].rows = vec![between("bought", i32::MIN.into(), i32::MAX.into())];
    assert!(alike(&hiding, &among(&[1, 2])));
    hiding.tables[0].rows.push(one_of("arm", &[0, 1]));
    assert!(!alike(&hiding, &among(&[1, 2])), "this one says something");
}

#[test]
fn what_two_conditions_say_together_counts_and_not_how_it_is_said() {
    let mut two = among(&[1, 2, 3]);
    two.tables[0].rows.push(one_of("town", &[2, 1, 7, 8]));
    two.tables[1].rows = vec![between("bought", 0, 99), between("bought", -9, 29)];
    let mut one = among(&[1, 2]);
    one.tables[1].rows = vec![between("bought", 0, 29)];
    assert!(alike(&two, &one));
    one.tables[1].rows = vec![between("bought", 0, 24)];
    assert!(alike(&two, &one), "one difference");
    one.tables[0].rows = vec![one_of("town", &[1])];
    assert!(!alike(&two, &one), "two differences");
}

#[test]
fn bins_with_a_moved_edge_nearly_repeat_the_question() {
    let bins = |edge: i64| by(&[Dimension::Bins { measure: 0, edges: vec![1, edge] }]);
    assert!(alike(&bins(5), &bins(6)));
    assert!(!alike(&by(&[Dimension::Matched]), &bins(5)), "other groups");
    let mut visits = bins(5);
    visits.measures[0].of = Quantity::Rows;
    assert!(!alike(&visits, &bins(5)), "bins of something else");
}

#[test]
fn a_table_and_its_margins_are_alike() {
    let town = || group("town");
    assert!(alike(&by(&[town()]), &by(&[town(), Dimension::Matched])));
    assert!(alike(&by(&[Dimension::Matched, town()]), &by(&[town(), Dimension::Matched])));
    assert!(alike(&by(&[]), &by(&[town(), group("age")])), "all of them");
    assert!(!alike(&by(&[town()]), &by(&[group("age"), Dimension::Matched])));
    let mut some = by(&[Dimension::Matched]);
    some.tables[0].rows = vec![one_of("town", &[7])];
    assert!(alike(&some, &by(&[town(), Dimension::Matched])), "one line of the table");
}

#[test]
fn arms_are_a_table_by_arm_and_match() {
    assert!(alike(&lift(&[0], None), &by(&[group("arm"), Dimension::Matched])));
    assert!(alike(&by(&[group("arm")]), &lift(&[0], Some((0, 29)))), "a window is one difference");
    assert!(!alike(&lift(&[0], None), &by(&[group("town")])));
}

#[test]
fn the_same_people_without_the_other_dataset_are_alike() {
    let mut alone = by(&[group("town")]);
    alone.tables.truncate(1);
    alone.measures.clear();
    assert!(alike(&alone, &by(&[group("town"), Dimension::Matched])));
    let mut elsewhere = by(&[group("town")]);
    elsewhere.tables[1].dataset = "visits".to_owned();
    elsewhere.measures.clear();
    assert!(alike(&elsewhere, &by(&[group("town")])), "another join counts the same people");
    let mut matched = by(&[group("town"), Dimension::Matched]);
    matched.tables[1].dataset = "visits".to_owned();
    matched.measures.clear();
    assert!(!alike(&matched, &by(&[Dimension::Matched])), "matched there is not matched here");
}

/// What an analyst would add so that a question asked again does not look like it.
#[test]
fn conditions_that_nearly_every_row_meets_hide_nothing_however_many_there_are() {
    let base = lift(&[0], None);
    let sales = |conditions: &[Condition]| {
        let mut tally = lift(&[0], None);
        tally.tables[1].rows = conditions.to_vec();
        tally
    };
    let day = |from: &str, to: &str| {
        let at = |text: &str| {
            let time: crate::time::Time = format!("{text}T00:00:00Z").parse().unwrap();
            i64::try_from(time.day()).unwrap()
        };
        between("bought", at(from), at(to))
    };
    let spend = |least: i64, most: i64| between("spend", least * 100, most * 100);
    for hidden in [
        vec![day("1970-01-01", "2199-12-31"), spend(-9_999_999, 9_999_999)],
        vec![day("1970-01-02", "2199-12-30"), spend(-9_999_998, 9_999_997)],
        vec![day("2015-01-01", "2035-01-01"), spend(-5_000, 5_000)],
        vec![day("2025-01-01", "2026-12-31"), spend(0, 1_000), between("visit", 0, 100)],
        vec![spend(-1, 1_000), between("visit", -1, 1_000)],
    ] {
        assert!(alike(&sales(&hidden), &base), "{hidden:?}");
        // Neither with one real condition more, which is one difference.
        let mut more = sales(&hidden);
        more.tables[0].rows = vec![one_of("arm", &[0])];
        assert!(alike(&more, &base), "{hidden:?} and an arm");
    }
    // In each measure's own conditions as well.
    let mut inside = base.clone();
    inside.measures[0].rows = vec![day("2020-01-01", "2030-01-01"), spend(-2_000, 2_000)];
    assert!(alike(&inside, &base));
    // What says something is still told apart.
    assert!(!alike(&sales(&[day("2026-11-01", "2026-11-30"), spend(100, 1_000)]), &base));
}

#[test]
fn conditions_that_hardly_differ_hide_nothing_however_many_there_are() {
    let asked = |shift: i64| {
        let mut tally = lift(&[0], Some((100 - shift, 200 + shift)));
        let spend = between("spend", 10 * 100 - shift, 500 * 100 + shift);
        tally.tables[1].rows = vec![spend];
        tally.tables[0].rows = vec![one_of("arm", &[0, 1])];
        tally
    };
    for shift in 0..5 {
        assert!(alike(&asked(shift), &asked(0)), "{shift}");
    }
    let mut elsewhere = asked(60);
    elsewhere.tables[0].rows = vec![one_of("arm", &[1])];
    assert!(!alike(&elsewhere, &asked(0)), "two things differ");
}

#[test]
fn a_union_that_tells_membership_tells_that_of_fewer_datasets() {
    let union = |datasets: &[&str], dimensions: &[Dimension]| {
        let mut tally = by(dimensions);
        let table = |name: &&str| Table { dataset: (*name).to_owned(), rows: Vec::new() };
        tally.population = Population::Union { by: crate::identity::Identifier::Email };
        tally.tables = datasets.iter().map(table).collect();
        tally.measures.clear();
        tally
    };
    let told = |datasets: &[&str]| {
        let count = u32::try_from(datasets.len()).unwrap();
        union(datasets, &[Dimension::Membership { datasets: count }])
    };
    assert!(alike(&told(&["a", "b"]), &told(&["b", "a"])), "in whatever order");
    assert!(alike(&told(&["a", "b"]), &told(&["a", "c", "b"])), "sums of the larger one's");
    assert!(!alike(&told(&["a", "b"]), &told(&["a", "c"])), "one after another");
    assert!(alike(&told(&["a", "b", "c"]), &told(&["a", "b", "d"])), "both say what a and b share");
    assert!(alike(&told(&["c", "a", "b"]), &told(&["a", "b", "d", "e"])));
    assert!(!alike(&told(&["a", "b", "c", "d"]), &told(&["a", "b", "e", "f"])), "two things");
    assert!(!alike(&told(&["a", "b"]), &told(&["c", "d"])), "nobody in common");
    assert!(alike(&union(&["a", "b"], &[]), &told(&["a", "b"])));
    assert!(
        alike(&union(&["a", "b"], &[]), &union(&["a", "b", "c"], &[])),
        "but for who is in c alone"
    );
    assert!(!alike(&union(&["a", "b"], &[]), &union(&["a", "b", "c", "d"], &[])), "two datasets");
    assert!(!alike(&union(&["a", "b"], &[]), &union(&["a", "c"], &[])), "other people");
    // Who is in the one is known of the union.
    let mut alone = union(&["a"], &[]);
    alone.population = Population::First;
    assert!(alike(&alone, &told(&["a", "b"])));
    assert!(alike(&alone, &union(&["a", "b"], &[])), "but for who is in b alone");
    let mut matched = union(&["a", "b"], &[Dimension::Matched]);
    matched.population = Population::First;
    assert!(alike(&matched, &told(&["a", "b", "c"])));
    assert!(!alike(&matched, &told(&["a", "c"])));
    let mut some = told(&["a", "b"]);
    some.tables[1].rows = vec![one_of("town", &[1])];
    assert!(alike(&some, &told(&["a", "b"])), "one condition");
    some.tables[0].rows = vec![one_of("town", &[1])];
    assert!(!alike(&some, &told(&["a", "b"])), "two conditions");
}

#[test]
fn how_often_people_are_reached_by_one_dataset_more_or_less_nearly_repeats_the_question() {
    let rows = |datasets: &[&str], edges: &[i64]| {
        let mut tally = by(&[Dimension::Bins { measure: 0, edges: edges.to_vec() }]);
        let table = |name: &&str| Table { dataset: (*name).to_owned(), rows: Vec::new() };
        tally.population = Population::Union { by: crate::identity::Identifier::Email };
        tally.tables = datasets.iter().map(table).collect();
        tally.measures[0].side = Side::POPULATION;
        tally.measures[0].of = Quantity::RowsOfAll;
        tally
    };
    let all = rows(&["a", "b", "c"], &[2, 3]);
    assert!(alike(&all, &rows(&["a", "b"], &[2, 3])));
    assert!(alike(&all, &rows(&["b", "c"], &[2, 3])), "whichever is named first");
    assert!(alike(&all, &rows(&["a", "b", "c"], &[2, 3, 4])));
    assert!(!alike(&all, &rows(&["b", "c"], &[2, 3, 4])), "two things");
}

#[test]
fn bins_in_each_group_are_like_bins_of_the_same_measure() {
    let edges = || vec![1, 5];
    let per_group = || Dimension::BinsPerGroup { measure: 0, edges: edges() };
    let bins = Dimension::Bins { measure: 0, edges: edges() };
    assert!(
        alike(&by(&[per_group()]), &by(std::slice::from_ref(&bins))),
        "without groups they are the same"
    );
    assert!(alike(&by(&[per_group(), group("town")]), &by(&[group("town")])));
    let mut visits = by(&[bins]);
    visits.measures[0].of = Quantity::Rows;
    assert!(!alike(&by(&[per_group()]), &visits), "bins of something else");
}

#[test]
fn a_window_from_a_start_is_a_condition_like_another() {
    let within = |last| {
        let mut tally = by(&[Dimension::Matched]);
        tally.tables[1].rows = vec![Condition::SinceStart {
            column: "bought".to_owned(),
            side: Side::POPULATION,
            start: "seen".to_owned(),
            first: 0,
            last,
        }];
        tally
    };
    assert!(alike(&within(30), &within(31)));
    assert!(alike(&within(30), &by(&[Dimension::Matched])), "one condition");
    assert!(!alike(&within(30), &within(7)));
    let mut days = by(&[Dimension::Matched]);
    days.tables[1].rows = vec![between("bought", 0, 30)];
    assert!(!alike(&within(30), &days), "days of the calendar are no days of a window");
}

#[test]
fn an_only_value_is_like_a_group_of_the_same_column() {
    let only = |column: &str| {
        let column = column.to_owned();
        by(&[Dimension::Only { side: Side::POPULATION, column, values: Some(3) }])
    };
    assert!(alike(&only("town"), &by(&[group("town")])));
    assert!(!alike(&only("town"), &by(&[group("age")])));
}

#[test]
fn earliest_days_are_alike_whatever_bins_they_are_in_and_margins_of_them_are() {
    let earliest = |column: &str, edges: &[i64]| {
        let (column, edges) = (column.to_owned(), edges.to_vec());
        by(&[Dimension::Earliest { side: Side::POPULATION, column, edges }])
    };
    assert!(alike(&earliest("seen", &[7]), &earliest("seen", &[7])));
    assert!(alike(&earliest("seen", &[7]), &earliest("seen", &[1, 8])), "one thing");
    assert!(alike(&earliest("seen", &[7]), &by(&[])), "a margin");
    assert!(!alike(&earliest("seen", &[7]), &earliest("joined", &[7])));
    assert!(!alike(&earliest("seen", &[7]), &by(&[group("seen")])));
    let mut moved = earliest("seen", &[8]);
    moved.tables[1].rows = vec![between("bought", 0, 30)];
    assert!(!alike(&earliest("seen", &[7]), &moved), "two things");
}

#[test]
fn days_of_rows_are_alike_whatever_bins_they_are_in() {
    let days = |column: &str, edges: &[i64]| {
        let (column, edges) = (column.to_owned(), edges.to_vec());
        by(&[Dimension::Days { side: Side::POPULATION, column, edges }])
    };
    assert!(alike(&days("seen", &[7]), &days("seen", &[1, 8])), "one thing");
    assert!(alike(&days("seen", &[7]), &by(&[])), "a margin");
    assert!(!alike(&days("seen", &[7]), &days("joined", &[7])));
}
