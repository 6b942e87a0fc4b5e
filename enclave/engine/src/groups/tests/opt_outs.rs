//! Who opted out counts as if the rows with their keys had never been in the table.

use super::*;

/// Keys that rows may have.
fn out() -> impl Strategy<Value = BTreeSet<u8>> {
    proptest::collection::btree_set(1..7_u8, 0..6)
}

/// The rows that have none of these keys.
fn rest(tables: &[Vec<Row>], out: &BTreeSet<u8>) -> Vec<Vec<Row>> {
    let stays = |row: &&Row| !out.contains(&row.email) && !out.contains(&row.phone);
    tables.iter().map(|rows| rows.iter().filter(stays).cloned().collect()).collect()
}

/// What the engine says if whoever has one of these keys, in whichever column, is taken out.
fn answer_without(tally: &Tally, tables: &[Vec<Row>], out: &BTreeSet<u8>) -> Answer {
    let tags: Vec<_> = out.iter().map(|key| u128::from_be_bytes(room::tag(*key))).collect();
    let tables: Vec<_> = tables.iter().map(|rows| vec![table(rows)]).collect();
    let tables: Vec<_> = tables.iter().map(Vec::as_slice).take(tally.tables.len()).collect();
    named(tally, &run_with(tally, &room::without(&tags, &tables), 2, 5).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_answer_is_that_of_the_rows_without_them(
        tables in room::tables(), tally in room::tally(64..65), out in out(),
    ) {
        let rest = rest(&tables, &out);
        let found = answer_without(&tally, &tables, &out);
        prop_assert_eq!(&found, &answer(&tally, &rest), "the engine on the rest");
        let (expected, fits) = meaning(&tally, &meant(&tally, &rest));
        prop_assume!(fits);
        prop_assert_eq!(found, expected, "what it means on the rest");
    }

    /// A list is applied to each row by itself, before anything is counted: it changes no sensitivity.
    #[test]
    fn one_person_moves_figures_by_no_more_beside_a_list(
        tables in room::tables(), tally in room::tally(1..5), out in out(), email in 0..4_u8, phone in 1..4_u8,
    ) {
        let all = answer_without(&tally, &tables, &out);
        let who = Some(if email == 0 { ('p', phone) } else { ('e', email) });
        let rest = answer_without(&tally, &kept(&tally, &tables, |id| id != who), &out);
        prop_assert!(moved(&tally, &all, &rest)? <= tally.cells_per_person.try_into().unwrap());
    }
}

#[test]
fn a_list_of_everybody_leaves_nobody_and_an_empty_one_everybody() {
    let tally = groups(Vec::new(), vec![sum(Side::JOINED, 100)], 1);
    let tables = vec![vec![row(1, 0, 1), row(2, 0, 1)], vec![row(2, 0, 7)]];
    assert_eq!(answer_without(&tally, &tables, &[1, 2].into()), Answer::new());
    assert_eq!(answer_without(&tally, &tables, &BTreeSet::new()), answer(&tally, &tables));
    let one = answer_without(&tally, &tables, &[2].into());
    assert_eq!(one.values().next(), Some(&(1, vec![0], Vec::new())));
}
