//! What an owner is told about a table that does not fit.

use super::*;
use protocol::contract::Role;

fn refusal(desk: &Desk, header: &str) -> String {
    let input = desk.path("sales.csv");
    fs::write(&input, header).unwrap();
    desk.in_memory(&input).unwrap_err().to_string()
}

#[test]
fn another_separator_is_named() {
    let desk = Desk::new();
    for (separator, named) in [(";", "';'"), ("\t", "'\\t'"), ("|", "'|'")] {
        let words = refusal(&desk, &HEADER.replace(',', separator));
        let expected = format!("found {named} between the columns of the first line, expected ','");
        assert!(words.ends_with(&expected), "{words}");
    }
}

#[test]
fn a_column_of_another_case_is_hinted_at_and_empty_parts_are_left_out() {
    let words = refusal(&Desk::new(), &HEADER.replace("email", "Email"));
    assert_eq!(
        words,
        "the table's columns are not the contract's: missing: email; unknown to the contract: Email; \
         found \"Email\", expected \"email\"; drop what must not leave or list it with role \"never\""
    );
    let words = refusal(&Desk::new(), &HEADER.replace("agreed,", ""));
    assert_eq!(words, "the table's columns are not the contract's: missing: agreed");
}

#[test]
fn bad_rows_are_one_to_a_line() {
    let desk = Desk::new();
    let row = "a@example.com,,lead,1,1,,1,\n";
    let error = desk.in_memory(&desk.table(&row.repeat(2))).unwrap_err().to_string();
    let list = "not in the contract's list, expected one of gold, basic";
    assert_eq!(
        error,
        format!(
            "2 of 2 rows are bad; the first, one to a line:\n  line 2, tier: {list}\n  line 3, tier: {list}"
        )
    );
}

#[test]
fn of_a_long_list_the_first_eight_values_are_named() {
    let mut desk = Desk::new();
    let tier = &mut desk.contract.datasets.get_mut("sales").unwrap().columns[2];
    tier.role = Role::Group((0..11).map(|value| format!("t{value}")).collect());
    let error = desk.in_memory(&desk.table("a@example.com,,gold,1,1,,1,\n")).unwrap_err();
    let expected = "expected one of t0, t1, t2, t3, t4, t5, t6, t7 and 3 more";
    assert!(error.to_string().ends_with(expected), "{error}");
}

#[test]
fn people_are_counted_by_the_first_key_that_a_row_has() {
    let desk = Desk::new();
    let rows = "a@example.com,+14155550123,gold,1,1,,1,\n\
                a@example.com,,gold,1,1,,1,\n\
                b@example.com,+14155550123,gold,1,1,,1,\n\
                ,+14155550123,gold,1,1,,1,\n\
                ,+14155550124,gold,1,1,,1,\n";
    let count = desk.in_memory(&desk.table(rows)).unwrap().count;
    assert_eq!((count.rows, count.people), (5, 4));
}

#[test]
fn a_label_identifies_nobody() {
    let mut desk = Desk::new();
    desk.contract.datasets.get_mut("sales").unwrap().columns[7].role = Role::Label;
    let error = desk.in_memory(&desk.table(",,gold,1,1,,1,shop\n")).unwrap_err();
    let SealError::BadRows { count, .. } = error else { panic!("{error}") };
    assert_eq!(count.no_identifier, 1);
}
