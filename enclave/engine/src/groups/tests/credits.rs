//! Outcomes credited to exposures: against what they mean, and without one person.

use proptest::collection::vec;
use protocol::tally::{Credit, Rule};

use super::*;

/// How so many places of a person are credited, and what: so many outcomes, and an amount, at most so much of each.
fn credits((rule, window, most): (Rule, u32, u32), caps: &[u32], others: Vec<Dimension>) -> Tally {
    let credit = Credit {
        column: "group".to_owned(),
        values: 3,
        day: "day".to_owned(),
        outcome: "day".to_owned(),
        window,
        rule,
    };
    let columns = [(None, 1_000), (Some("number".to_owned()), 1)];
    let measure = |((column, parts), cap): ((Option<String>, u32), &u32)| Measure {
        side: Side::JOINED,
        of: Quantity::Credit { column, parts },
        rows: Vec::new(),
        clamp: Clamp::up_to(*cap * parts).unwrap(),
    };
    let table = |name: &str| Table { dataset: name.to_owned(), rows: Vec::new() };
    let mut dimensions = others;
    dimensions.insert(dimensions.len() / 2, Dimension::Credited(credit));
    Tally {
        population: Population::First,
        tables: ["exposures", "sales"].map(table).into(),
        dimensions,
        measures: columns.into_iter().zip(caps).map(measure).collect(),
        products: Vec::new(),
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
        cells_per_person: most,
        ids_per_person: 1,
    }
}

fn tally(most: std::ops::Range<u32>) -> impl Strategy<Value = Tally> {
    let rule = prop::sample::select(Rule::ALL.to_vec());
    let others = vec![
        Dimension::Matched,
        Dimension::Arm { column: "group".to_owned(), test: vec![0], control: vec![2] },
        Dimension::Only { side: Side::POPULATION, column: "group".to_owned(), values: Some(3) },
        Dimension::Earliest { side: Side::POPULATION, column: "day".to_owned(), edges: vec![1, 3] },
    ];
    let others = prop::sample::subsequence(others, 0..=2);
    ((rule, 0..8_u32, most), vec(1..60_u32, 2), others)
        .prop_map(|(how, caps, others)| credits(how, &caps, others))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn credits_are_what_they_mean(tables in room::tables(), tally in tally(6..7), parts in 1..9_usize) {
        let (expected, fits) = meaning(&tally, &meant(&tally, &tables));
        prop_assert!(fits);
        prop_assert_eq!(&answer(&tally, &tables), &expected);
        let tables: Vec<_> = tables.iter().map(|rows| [table(rows)]).collect();
        let tables: Vec<_> = tables.iter().map(|rows| &rows[..]).take(2).collect();
        let found = run_with(&tally, &ordered(&tables), 2, parts).unwrap();
        prop_assert_eq!(named(&tally, &found), expected);
    }

    /// However few places a person may be in, and by whatever rule.
    #[test]
    fn credits_add_up_to_what_people_did_up_to_the_clamp(tables in room::tables(), tally in tally(2..7)) {
        let all = answer(&tally, &tables);
        let people: BTreeSet<_> = tables[0].iter().filter(|row| row.row != 0).filter_map(|row| row.id(&tally, Side::POPULATION)).collect();
        let amount = |row: &Row, at: usize| if at == 0 { 1_000 } else { i128::from(row.number.clamp(0, 1 << 40)) };
        for (at, measure) in tally.measures.iter().enumerate() {
            let found: i64 = all.values().map(|(_, sums, _)| sums[at]).sum();
            let mut expected = 0;
            for who in &people {
                let of = &tally;
                let own = |side: Side| tables[side.place()].iter().filter(move |row| row.row != 0 && row.id(of, side) == Some(*who));
                if own(Side::POPULATION).chain(own(Side::JOINED)).all(|row| row.agreed == 1) {
                    let did = own(Side::JOINED).filter(|row| row.day != MISSING);
                    expected += measure.clamp.apply(did.map(|row| amount(row, at)).sum());
                }
            }
            prop_assert_eq!(found, expected);
        }
    }

    /// The sensitivity that noise is scaled to: all rows of one person are in *m* cells at most, and what is credited in all of
    /// them together is what the clamp allows.
    #[test]
    fn one_person_moves_credits_by_one_clamp_in_all(
        tables in room::tables(), tally in tally(2..7), email in 1..7_u8,
    ) {
        let all = answer(&tally, &tables);
        let rest = answer(&tally, &kept(&tally, &tables, |id| id != Some(('e', email))));
        prop_assert!(moved(&tally, &all, &rest)? <= tally.cells_per_person.try_into().unwrap());
        for (at, measure) in tally.measures.iter().enumerate() {
            let total = |answer: &Answer| answer.values().map(|(_, sums, _)| sums[at]).sum::<i64>();
            prop_assert!((0..=measure.clamp.most()).contains(&(total(&all) - total(&rest))));
        }
    }

    #[test]
    fn the_order_of_rows_does_not_matter_to_credits(tables in room::tables(), tally in tally(2..7)) {
        let mut mixed = tables.clone();
        mixed.iter_mut().for_each(|rows| rows.reverse());
        prop_assert_eq!(answer(&tally, &tables), answer(&tally, &mixed));
    }
}

/// One person, who saw a on days 1 and 2, b on day 3 and c on day 3, and bought for 10 on day 4 and for 7 on day 12.
fn shares(rule: Rule, window: u32, caps: &[u32]) -> Vec<(u32, i64, i64)> {
    let seen = |day: i32, group: i32| Row { day, group, ..row(1, 0, 1) };
    let bought = |day: i32, number: i64| Row { day, number, ..row(1, 0, 1) };
    let tables =
        [vec![seen(3, 2), seen(1, 0), seen(3, 1), seen(2, 0)], vec![bought(12, 7), bought(4, 10)]];
    let answer = answer(&credits((rule, window, 6), caps, Vec::new()), &tables);
    let place = |name: &Option<Vec<Place>>| match name.as_deref() {
        Some([Place::Index(place)]) => *place,
        other => panic!("{other:?}"),
    };
    answer.iter().map(|(name, (_, sums, _))| (place(name), sums[0], sums[1])).collect()
}

#[test]
fn each_rule_divides_as_its_name_says() {
    let caps = &[9, 99];
    // Place 4 is for outcomes without an exposure in the window.
    assert_eq!(shares(Rule::Last, 7, caps), [(1, 1_000, 10), (4, 1_000, 7)]);
    assert_eq!(shares(Rule::First, 7, caps), [(0, 1_000, 10), (4, 1_000, 7)]);
    assert_eq!(
        shares(Rule::Linear, 7, caps),
        [(0, 500, 5), (1, 250, 2), (2, 250, 3), (4, 1_000, 7)]
    );
    // Of ten parts four are the first's, four the last's, and one is of each of two between.
    assert_eq!(
        shares(Rule::Position, 7, caps),
        [(0, 500, 5), (1, 400, 4), (2, 100, 1), (4, 1_000, 7)]
    );
    // Until nine days later only what was seen on day 3 is in the window of day 12.
    assert_eq!(shares(Rule::Linear, 9, caps)[2..], [(2, 750, 7)]);
    assert_eq!(shares(Rule::First, 0, caps), [(4, 2_000, 17)]);
    // The clamp is used up from the first day on.
    assert_eq!(shares(Rule::Last, 7, &[1, 12]), [(1, 1_000, 10), (4, 0, 2)]);
}

/// One purchase each, of people who saw some of three channels: whose channel stands last in the list gains nothing by it.
#[test]
fn no_place_gains_by_where_it_stands_in_the_list() {
    for rule in [Rule::Linear, Rule::Position] {
        let credited = |place: fn(i32) -> i32| {
            let seen = |who: u8, day: i32| Row { day, group: place(day - 1), ..row(who, 0, 1) };
            // Each of seven combinations of days, and with them of channels, thirty times.
            let saw = |who: u8, day: i32| (who % 7) & (1 << (day - 1)) == 0;
            let exposures = (1..=210_u8).flat_map(|who| {
                (1..=3).filter(move |day| saw(who, *day)).map(move |day| seen(who, day))
            });
            let sales = (1..=210_u8).map(|who| Row { day: 4, ..row(who, 0, 1) });
            let tables = [exposures.collect(), sales.collect()];
            let answer = answer(&credits((rule, 7, 6), &[9, 99], Vec::new()), &tables);
            let of = |wanted: i32| {
                let wanted = Some(vec![Place::Index(u32::try_from(place(wanted)).unwrap())]);
                answer.get(&wanted).map_or(0, |(_, sums, _)| sums[0])
            };
            [of(0), of(1), of(2)]
        };
        for (one, other) in
            credited(|channel| channel).into_iter().zip(credited(|channel| 2 - channel))
        {
            // Of each purchase at most one thousandth.
            assert!(one.abs_diff(other) <= 210, "{rule:?}: {one} or {other} thousandths");
            assert!(one > 30_000, "{one}");
        }
    }
}
