//! What is just permitted, and what is just not.

use super::*;
use crate::{
    identity::Identifier,
    limits,
    tally::{Condition, Credit, Population, Rule},
};

/// Whether the honest proof of the tally after `change` holds.
fn checked(change: impl Fn(&mut Tally)) -> Result<(), Flaw> {
    let mut tally = tally(100, false, 1, 1, false);
    change(&mut tally);
    let proof = tally.prove(&request(1_000_000_000)).unwrap();
    check(tally, proof, 50).map(drop)
}

fn codes(many: usize) -> Vec<i32> {
    (0..).take(many).collect()
}

fn one_of(codes: Vec<i32>) -> Condition {
    Condition::OneOf { column: "segment".to_owned(), codes }
}

fn between(least: i64, most: i64) -> Condition {
    Condition::Between { column: "day".to_owned(), least, most }
}

fn group(values: u32) -> Dimension {
    Dimension::Group { side: Side::POPULATION, column: "segment".to_owned(), values }
}

fn bins(edges: Vec<i64>) -> Dimension {
    Dimension::Bins { measure: 0, edges }
}

fn arms(test: Vec<i32>, control: Vec<i32>) -> Dimension {
    Dimension::Arm { column: "arm".to_owned(), test, control }
}

#[test]
fn one_person_counts_in_sixteen_cells_at_most() {
    assert_eq!(checked(|tally| tally.cells_per_person = 16), Ok(()));
    let flaw = Err(Flaw::Shape("cells or ids of one person"));
    assert_eq!(checked(|tally| tally.cells_per_person = 17), flaw);
}

#[test]
fn a_tally_has_a_million_public_cells_at_most() {
    let cells = |values| checked(|tally| tally.dimensions = vec![group(values)]);
    // A place for who has no value, and a cell for who did not agree.
    assert_eq!(cells((1 << 20) - 2), Ok(()));
    assert_eq!(cells((1 << 20) - 1), Err(Flaw::Shape("number of cells")));
}

#[test]
fn all_conditions_of_a_tally_are_counted_together() {
    let last = |change: &dyn Fn(&mut Tally)| {
        let all = |it: &mut Tally| {
            it.tables[0].rows = vec![between(0, 0); limits::CONDITIONS];
            change(it);
        };
        checked(all)
    };
    assert_eq!(last(&|_| ()), Ok(()));
    let more: [&dyn Fn(&mut Tally); 3] = [
        &|tally| tally.tables[0].rows.push(between(0, 0)),
        &|tally| tally.tables[1].rows.push(between(0, 0)),
        &|tally| tally.measures[0].rows.push(between(0, 0)),
    ];
    for more in more {
        assert_eq!(last(more), Err(Flaw::Shape("condition")));
    }
}

#[test]
fn conditions_make_sense_wherever_they_stand() {
    let (most, reversed) = (codes(limits::VALUES), codes(2).into_iter().rev().collect());
    for (condition, is_fine) in [
        (one_of(most), true),
        (one_of(codes(limits::VALUES + 1)), false),
        (one_of(Vec::new()), false),
        (one_of(reversed), false),
        (one_of(vec![1, 1]), false),
        (between(5, 5), true),
        (between(6, 5), false),
    ] {
        let expected = if is_fine { Ok(()) } else { Err(Flaw::Shape("condition")) };
        let row = || condition.clone();
        let found = [
            checked(|tally| tally.tables[0].rows.push(row())),
            checked(|tally| tally.tables[1].rows.push(row())),
            checked(|tally| tally.measures[0].rows.push(row())),
        ];
        assert_eq!(found, [expected; 3], "{condition:?}");
    }
}

#[test]
fn dimensions_make_sense() {
    let values = limits::VALUES;
    let shifted = |it: Vec<i32>| it.into_iter().map(|code| code + 5_000).collect::<Vec<_>>();
    let edges = |many| (1..).take(many).collect::<Vec<i64>>();
    for (dimension, is_fine) in [
        (arms(codes(values), shifted(codes(values))), true),
        (arms(codes(values + 1), vec![5_000]), false),
        (arms(vec![5_000], codes(values + 1)), false),
        (arms(Vec::new(), vec![1]), false),
        (arms(vec![1], Vec::new()), false),
        (arms(vec![1, 2], vec![2]), false),
        (arms(vec![1, 1], vec![2]), false),
        (group(1), true),
        (group(0), false),
        (bins(edges(values)), true),
        (bins(edges(values + 1)), false),
        (bins(Vec::new()), false),
        (bins(vec![1, 1]), false),
        (Dimension::Bins { measure: 1, edges: vec![1] }, false),
    ] {
        let expected = if is_fine { Ok(()) } else { Err(Flaw::Shape("dimension")) };
        let found = checked(|tally| tally.dimensions = vec![dimension.clone()]);
        assert_eq!(found, expected, "{dimension:?}");
    }
    let many = |many| checked(|tally| tally.dimensions = vec![Dimension::Matched; many]);
    assert_eq!(many(limits::GROUP_BY), Ok(()));
    assert_eq!(many(limits::GROUP_BY + 1), Err(Flaw::Shape("dimension")));
}

#[test]
fn products_are_of_measures_there_are_each_pair_once_and_in_order() {
    let pair = |one, other| Product { one, other, coarse: 0 };
    let proof = tally(100, true, 1, 1, false).prove(&request(1_000_000_000)).unwrap();
    let with = |products: Vec<Product>| {
        let mut tally = tally(100, true, 1, 1, false);
        tally.measures.push(tally.measures[0].clone());
        tally.products = products;
        let honest = tally.prove(&request(1_000_000_000));
        // What makes no sense has no honest proof; any other says as much.
        check(tally, honest.unwrap_or_else(|_| proof.clone()), 50).map(drop)
    };
    assert_eq!(with(vec![pair(0, 0), pair(0, 1), pair(1, 1)]), Ok(()));
    let coarsest = Product { coarse: 62, ..pair(0, 1) };
    assert_eq!(with(vec![coarsest]), Ok(()));
    for wrong in [
        vec![pair(1, 0)],
        vec![pair(1, 1), pair(0, 0)],
        vec![pair(0, 1), pair(0, 0)],
        vec![pair(0, 1), pair(0, 1)],
        vec![pair(1, 2)],
        vec![Product { coarse: 63, ..pair(0, 1) }],
        vec![pair(0, 0), pair(1, 0)],
    ] {
        assert_eq!(with(wrong.clone()), Err(Flaw::Shape("products")), "{wrong:?}");
    }
}

/// 1 · 1² · 1024² · 10¹² = 2 · ρ · σ², to the last unit of each.
#[test]
fn noise_may_cost_exactly_what_is_said_and_no_unit_more() {
    let tally = tally(1, false, 1, 1, false);
    let digest = digest(&tally);
    let figure = Figure { cells: 1, linf: 1, rho: Rho(500_000_000_000), sigma: Sigma(1024) };
    let exact = Proof {
        tally: digest,
        leaves: Leaves::Figures(Vectors {
            people: figure,
            sums: vec![figure],
            products: Vec::new(),
            pooled: Vec::new(),
            selection: None,
            spread: None,
        }),
        threshold: 50,
        cost: Loss::zcdp(Rho(1_000_000_000_000)),
    };
    let after = |change: &dyn Fn(&mut Proof)| {
        let mut proof = exact.clone();
        change(&mut proof);
        check(tally.clone(), proof, 50).map(drop)
    };
    assert_eq!(after(&|_| ()), Ok(()));
    assert_eq!(after(&|proof| proof.vectors_mut().sums[0].rho.0 -= 1), Err(Flaw::Noise));
    assert_eq!(after(&|proof| proof.vectors_mut().people.sigma.0 -= 1), Err(Flaw::Noise));
    assert_eq!(after(&|proof| proof.cost = Loss::zcdp(Rho(999_999_999_999))), Err(Flaw::Cost));
    // More said than there is costs more noise, and is no flaw with it.
    let wider = |it: &mut Proof| {
        it.vectors_mut().sums[0].cells = 2;
        it.vectors_mut().sums[0].linf = 3;
        it.vectors_mut().sums[0].sigma.0 = 1024 * 5;
    };
    assert_eq!(after(&wider), Ok(()));
}

#[test]
fn selected_cells_may_be_shown_from_the_threshold_of_selection_and_not_only_above_it() {
    let named = tally(100, false, 1, 1, true);
    let honest = named.prove(&request(1_000_000_000)).unwrap();
    let selected = u32::try_from(honest.vectors().unwrap().selection.unwrap().threshold).unwrap();
    let shown_from = |threshold| check(named.clone(), Proof { threshold, ..honest.clone() }, 50);
    assert_eq!(shown_from(selected).map(drop), Ok(()));
    assert_eq!(shown_from(selected + 1), Err(Flaw::Selection));
    // Public cells are not selected.
    let public = tally(100, false, 1, 1, false);
    let mut proof = public.prove(&request(1_000_000_000)).unwrap();
    proof.vectors_mut().selection = honest.vectors().unwrap().selection;
    assert_eq!(check(public, proof, 50), Err(Flaw::Selection));
}

#[test]
fn a_union_has_few_datasets_and_tells_membership_of_all_of_them() {
    let found = |count: usize, dimensions: Vec<Dimension>| {
        checked(|tally| {
            tally.population = Population::Union { by: Identifier::Email };
            let table = |at| Table { dataset: format!("d{at}"), rows: Vec::new() };
            tally.tables = (0..count).map(table).collect();
            let last = u32::try_from(count.saturating_sub(1)).unwrap();
            tally.measures.iter_mut().for_each(|measure| measure.side = Side(last));
            tally.dimensions.clone_from(&dimensions);
        })
    };
    let membership = |datasets| vec![Dimension::Membership { datasets }];
    for count in 1..=8 {
        assert_eq!(found(count, membership(count.try_into().unwrap())), Ok(()));
    }
    for count in [0, 9] {
        let expected = Err(Flaw::Shape("number of datasets"));
        assert_eq!(found(count, membership(count.try_into().unwrap())), expected, "{count}");
    }
    let dimension = Err(Flaw::Shape("dimension"));
    for datasets in [0, 1, 3, 63, 64, u32::MAX] {
        assert!(found(2, membership(datasets)).is_err(), "{datasets}");
    }
    assert_eq!(found(2, vec![Dimension::Matched]), dimension);
    assert_eq!(found(2, vec![arms(vec![0], vec![1])]), dimension);
    let group =
        |side| vec![Dimension::Group { side: Side(side), column: "c".to_owned(), values: 2 }];
    assert_eq!(found(3, group(2)), Ok(()));
    assert_eq!(found(3, group(3)), Err(Flaw::Shape("dataset that is not read")));
    // And a population is no union.
    let membership =
        checked(|tally| tally.dimensions = vec![Dimension::Membership { datasets: 2 }]);
    assert_eq!(membership, dimension);
    let three = checked(|tally| {
        tally.tables.push(Table { dataset: "third".to_owned(), rows: Vec::new() });
    });
    assert_eq!(three, Err(Flaw::Shape("number of datasets")));
}

#[test]
fn rows_of_all_datasets_are_of_a_union_and_of_no_one_of_them() {
    let found = |side, union, of: Quantity, dimension: Dimension| {
        checked(|tally| {
            if union {
                tally.population = Population::Union { by: Identifier::Email };
            }
            let measure = &mut tally.measures[0];
            (measure.side, measure.of) = (Side(side), of.clone());
            tally.dimensions = vec![dimension.clone()];
        })
    };
    let everybody = || Dimension::Bins { measure: 0, edges: vec![2] };
    let wrong = Err(Flaw::Shape("rows of all datasets"));
    assert_eq!(found(0, true, Quantity::RowsOfAll, everybody()), Ok(()));
    assert_eq!(found(0, true, Quantity::RowsOfAll, Dimension::Known), Ok(()));
    assert_eq!(found(1, true, Quantity::RowsOfAll, everybody()), wrong);
    assert_eq!(found(0, false, Quantity::RowsOfAll, everybody()), wrong);
    let known = found(0, false, Quantity::Rows, Dimension::Known);
    assert_eq!(known, Err(Flaw::Shape("dimension")), "known by the kind of no union");
    let chosen = checked(|tally| {
        tally.population = Population::Union { by: Identifier::Email };
        let rows = vec![Condition::Between { column: "c".to_owned(), least: 0, most: 1 }];
        tally.measures[0] = Measure { of: Quantity::RowsOfAll, rows, ..tally.measures[0].clone() };
        tally.measures[0].side = Side(0);
    });
    assert_eq!(chosen, wrong, "a condition is on a column of one dataset");
    assert!(Dimension::Known.is_of_whole_people() && Dimension::Known.places() == Some(2));
}

#[test]
fn a_person_of_a_union_moves_one_set_of_datasets() {
    let places = |datasets| Dimension::Membership { datasets }.places();
    assert_eq!([1, 2, 3, 8].map(places), [Some(2), Some(5), Some(10), Some(263)]);
    assert!(Dimension::Membership { datasets: 2 }.is_of_whole_people());
}

#[test]
fn bins_in_each_group_are_those_of_a_measure_and_ascending() {
    let found = |measure, edges: &[i64]| {
        let bins = Dimension::BinsPerGroup { measure, edges: edges.to_vec() };
        assert!(!bins.is_of_whole_people() && !bins.is_of_rows());
        checked(|tally| tally.dimensions = vec![group(3), bins.clone()])
    };
    assert_eq!(found(0, &[1, 2]), Ok(()));
    let dimension = Err(Flaw::Shape("dimension"));
    for (measure, edges) in [(1, &[1][..]), (0, &[]), (0, &[2, 1]), (0, &[1, 1])] {
        assert_eq!(found(measure, edges), dimension);
    }
    assert_eq!(Dimension::BinsPerGroup { measure: 0, edges: vec![1, 2] }.places(), Some(3));
}

#[test]
fn an_earliest_day_is_of_whole_people_and_in_bins_that_ascend() {
    let earliest = |side, edges: &[i64]| Dimension::Earliest {
        side: Side(side),
        column: "day".to_owned(),
        edges: edges.to_vec(),
    };
    assert_eq!(earliest(0, &[1, 2]).places(), Some(4), "and without a day");
    assert!(earliest(0, &[1]).is_of_whole_people() && !earliest(0, &[1]).is_of_rows());
    let found = |it: Dimension| checked(|tally| tally.dimensions = vec![it.clone()]);
    assert_eq!(found(earliest(1, &[-5, 20_000])), Ok(()));
    assert_eq!(found(earliest(2, &[1])), Err(Flaw::Shape("dataset that is not read")));
    let many: Vec<_> = (0..=i64::try_from(limits::VALUES).unwrap()).collect();
    for edges in [&[][..], &[2, 1], &[1, 1], &many] {
        assert_eq!(found(earliest(0, edges)), Err(Flaw::Shape("dimension")));
    }
}

#[test]
fn days_of_rows_are_in_bins_that_ascend() {
    let days = |side, edges: &[i64]| Dimension::Days {
        side: Side(side),
        column: "day".to_owned(),
        edges: edges.to_vec(),
    };
    assert_eq!(days(0, &[1, 2]).places(), Some(4), "and without a day");
    assert!(!days(0, &[1]).is_of_whole_people() && days(0, &[1]).is_of_rows());
    let found = |it: Dimension| checked(|tally| tally.dimensions = vec![it.clone()]);
    assert_eq!(found(days(1, &[-5, 20_000])), Ok(()));
    assert_eq!(found(days(2, &[1])), Err(Flaw::Shape("dataset that is not read")));
    for edges in [&[][..], &[2, 1], &[1, 1]] {
        assert_eq!(found(days(0, edges)), Err(Flaw::Shape("dimension")));
    }
}

#[test]
fn a_start_is_of_another_dataset_that_depends_on_none() {
    let since = |side, first, last| Condition::SinceStart {
        column: "day".to_owned(),
        side: Side(side),
        start: "seen".to_owned(),
        first,
        last,
    };
    assert_eq!(checked(|tally| tally.tables[1].rows.push(since(0, 0, 30))), Ok(()));
    assert_eq!(checked(|tally| tally.measures[0].rows.push(since(0, -7, -7))), Ok(()));
    let backwards = checked(|tally| tally.tables[1].rows.push(since(0, 1, 0)));
    assert_eq!(backwards, Err(Flaw::Shape("condition")));
    let start = Err(Flaw::Shape("start"));
    assert_eq!(checked(|tally| tally.tables[1].rows.push(since(1, 0, 1))), start, "its own");
    assert_eq!(checked(|tally| tally.measures[0].rows.push(since(1, 0, 1))), start, "its own");
    assert_eq!(checked(|tally| tally.tables[1].rows.push(since(2, 0, 1))), start, "none");
    let both = |it: &mut Tally| {
        it.tables[0].rows.push(since(1, 0, 1));
        it.tables[1].rows.push(since(0, 0, 1));
    };
    assert_eq!(checked(both), start, "each on the other");
}

/// What is credited of one person adds up to one clamp, if nothing else divides the person's rows.
#[test]
fn credits_are_the_only_amounts_beside_dimensions_of_whole_people_and_none_is_signed() {
    let credit = |window| {
        let name = |name: &str| name.to_owned();
        let (column, day, outcome) = (name("segment"), name("seen"), name("bought"));
        let rule = Rule::Last;
        Dimension::Credited(Credit { column, values: 4, day, outcome, window, rule })
    };
    let of = |column: Option<&str>| {
        let column = column.map(str::to_owned);
        Quantity::Credit { column, parts: 1 }
    };
    let credited = |change: &dyn Fn(&mut Tally)| {
        checked(|tally| {
            tally.dimensions = vec![credit(7)];
            tally.measures[0].of = of(Some("spend"));
            tally.cells_per_person = 2;
            change(tally);
        })
    };
    assert_eq!(credited(&|_| {}), Ok(()));
    let arm = || Dimension::Only { side: Side(0), column: "arm".to_owned(), values: Some(2) };
    assert_eq!(credited(&|tally| tally.dimensions.push(arm())), Ok(()));
    assert_eq!(credited(&|tally| tally.measures[0].of = of(None)), Ok(()));
    let wrong = Err(Flaw::Shape("credit"));
    let changes: [&dyn Fn(&mut Tally); 13] = [
        &|tally| tally.measures[0].of = Quantity::Credit { column: None, parts: 0 },
        &|tally| tally.measures[0].of = Quantity::Credit { column: None, parts: 1_001 },
        &|tally| tally.products = vec![Product::square(0)],
        &|tally| tally.cells_per_person = 1,
        &|tally| tally.dimensions = vec![credit(3_661)],
        &|tally| tally.dimensions.push(credit(8)),
        &|tally| tally.dimensions.push(group(3)),
        &|tally| tally.dimensions.push(bins(vec![1])),
        &|tally| tally.measures[0].of = Quantity::Rows,
        &|tally| tally.measures[0].side = Side(0),
        &|tally| tally.measures[0].rows = vec![one_of(vec![0])],
        &|tally| tally.measures[0].clamp = Clamp::new(-1, 100).unwrap(),
        &|tally| tally.tables.truncate(1),
    ];
    for (at, change) in changes.iter().enumerate() {
        let found = credited(*change);
        // A dataset that is not read is found out before.
        let before = Err(Flaw::Shape("dataset that is not read"));
        assert!(found == wrong || (at == changes.len() - 1 && found == before), "{at}: {found:?}");
    }
    let alone = checked(|tally| tally.measures[0].of = of(None));
    assert_eq!(alone, Err(Flaw::Shape("credit of nothing")));
    let union = credited(&|tally| tally.population = Population::Union { by: Identifier::Email });
    assert_eq!(union, Err(Flaw::Shape("dimension")));
    // Heads are in as many cells as a person; sums are as if all were in one.
    let mut tally = tally(100, false, 3, 2, false);
    (tally.dimensions, tally.measures[0].of) = (vec![credit(7)], of(None));
    let proof = tally.prove(&request(1_000_000_000)).unwrap();
    let Leaves::Figures(vectors) = &proof.leaves else { panic!() };
    let found = [&vectors.people, &vectors.sums[0]].map(|figure| (figure.cells, figure.linf));
    assert_eq!(found, [(2, 3), (1, 300)]);
    assert_eq!(check(tally, proof, 50).map(drop), Ok(()));
}

#[test]
fn an_only_value_is_of_whole_people_and_one_of_labels_at_most() {
    let only = |side, values| Dimension::Only { side: Side(side), column: "c".to_owned(), values };
    assert_eq!(only(0, Some(3)).places(), Some(5), "no value, and several");
    assert_eq!(only(0, None).places(), None);
    assert!(only(0, None).is_of_whole_people());
    let found = |dimensions: &[Dimension]| checked(|tally| tally.dimensions = dimensions.to_vec());
    assert_eq!(found(&[only(0, Some(3)), only(1, Some(2))]), Ok(()));
    assert_eq!(found(&[only(0, Some(0))]), Err(Flaw::Shape("dimension")));
    assert_eq!(found(&[only(2, Some(1))]), Err(Flaw::Shape("dataset that is not read")));
    // A label is selected, wherever it is from.
    let mut tally = tally(100, false, 1, 1, false);
    tally.dimensions = vec![only(0, None)];
    assert!(tally.is_named_by_data() && tally.cell_count().is_none());
    let proof = |tally: &Tally| tally.prove(&request(1_000_000_000)).unwrap();
    assert!(proof(&tally).vectors().unwrap().selection.is_some());
    tally.dimensions.push(only(1, None));
    let two = check(tally.clone(), proof(&tally), 50).map(drop);
    assert_eq!(two, Err(Flaw::Shape("dimension")));
}
