//! What an owner is told about a table that does not fit.

use super::*;
use protocol::contract::Role;

fn refusal(desk: &Desk, header: &str) -> String {
    let input = desk.path("sales.csv");
    fs::write(&input, header).unwrap();
    desk.in_memory(&input).unwrap_err().to_string()
}

#[test]
fn a_column_of_another_case_is_hinted_at_and_empty_parts_are_left_out() {
    let words = refusal(&Desk::new(), &HEADER.replace("email", "Email"));
    assert_eq!(
        words,
        "the table's columns are not the contract's: missing: email; unknown to the contract: Email; \
         found \"Email\", expected \"email\" (--map Email=email); drop what must not leave, \
         name it with --ignore, or list it with role \"never\""
    );
    let words = refusal(&Desk::new(), &HEADER.replace("agreed,", ""));
    assert_eq!(words, "the table's columns are not the contract's: missing: agreed");
}

#[test]
fn bad_rows_are_counted_by_column_and_listed_by_what_is_wrong() {
    let desk = Desk::new();
    let row = "a@example.com,,lead,1,1,,1,\n";
    let error = desk.in_memory(&desk.table(&row.repeat(2))).unwrap_err().to_string();
    let list = "not in the contract's list, expected one of gold, basic";
    assert!(error.starts_with("2 of 2 rows are bad, more than 1 % (--max-rejected):\n"), "{error}");
    assert!(error.contains(&format!("\n           2  {list}\n")), "{error}");
    let first = format!(
        "the first (--reject-file FILE writes all of them, with their values):\n  line 2, line 3, tier: {list}"
    );
    assert!(error.ends_with(&first), "{error}");
    let one = desk.in_memory(&desk.table(row)).unwrap_err().to_string();
    assert!(one.starts_with("1 of 1 row is bad, "), "{one}");
}

/// Nothing of a first line that is not a header is shown: it may be a customer.
#[test]
fn a_table_without_a_header_shows_no_customer() {
    let desk = Desk::new();
    for header in [
        "canary@example.com,+14155550123,gold,1,1,2024-01-01,yes,Canary\n",
        "Canary Smith;Canary;gold\n",
        "canary@example.com\n",
    ] {
        let words = refusal(&desk, header);
        assert!(words.starts_with("the first line looks like data, or has other names"), "{words}");
        assert!(!words.to_lowercase().contains("canary"), "{words}");
    }
    // A column among others, of which some are the contract's.
    let words = refusal(&desk, &HEADER.replace("note", "canary@example.com"));
    assert!(words.contains("column 8 (not shown, for it may be a value)"), "{words}");
    assert!(!words.contains("canary"), "{words}");
}

#[test]
fn of_a_long_list_the_first_eight_values_are_named() {
    let mut desk = Desk::new();
    let tier = &mut desk.contract.datasets.get_mut("sales").unwrap().columns[2];
    tier.role = Role::Group((0..11).map(|value| format!("t{value}")).collect());
    let error = desk.in_memory(&desk.table("a@example.com,,gold,1,1,,1,\n")).unwrap_err();
    let expected = "expected one of t0, t1, t2, t3, t4, t5, t6, t7 and 3 more";
    assert!(error.to_string().contains(expected), "{error}");
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
fn a_usual_word_for_no_consent_is_none_for_consent() {
    let desk = Desk::new();
    let mut options = Options::default();
    options.reading.yes = vec!["No".to_owned()];
    let input = desk.table("a@example.com,,gold,1,1,,no,\n");
    let error = check(&input, &desk.contract, "sales", &options, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().starts_with("--yes \"No\" would turn consent round"), "{error}");
}

#[test]
fn a_header_in_the_middle_is_called_one() {
    let desk = Desk::new();
    let row = "a@example.com,,gold,1,1,,1,\n";
    let error = desk.in_memory(&desk.table(&format!("{row}\u{feff}{HEADER}{row}"))).unwrap_err();
    let words = "\n  line 3: the header again: two files put together?";
    assert!(error.to_string().ends_with(words), "{error}");
    // In the file of rejected rows too.
    let options = Options::rejecting_into(desk.path("bad.csv"));
    let input = desk.table(&format!("{row}{HEADER}"));
    check(&input, &desk.contract, "sales", &options, &mut |_, _| {}).unwrap();
    let error = desk.in_memory(&desk.path("bad.csv")).unwrap_err();
    assert!(error.to_string().contains("line 2: the header again"), "{error}");
}

#[test]
fn the_formats_of_days_that_were_named_are_expected() {
    let desk = Desk::new();
    let mut options = Options::rejecting_into(desk.path("bad.csv"));
    options.reading.dates = ["%d.%m.%Y", "%s"].map(|format| format.parse().unwrap()).into();
    let input = desk.table("a@example.com,,gold,1,1,3/5/2024,1,\n");
    let count = check(&input, &desk.contract, "sales", &options, &mut |_, _| {}).unwrap().count;
    let words = "line 2, day: not a day (expected %d.%m.%Y or %s, as --date says, or YYYY-MM-DD)";
    assert_eq!(count.first[0].to_string(), words);
}

#[test]
fn a_label_identifies_nobody() {
    let mut desk = Desk::new();
    desk.contract.datasets.get_mut("sales").unwrap().columns[7].role = Role::Label;
    let error = desk.in_memory(&desk.table(",,gold,1,1,,1,shop\n")).unwrap_err();
    let SealError::BadRows { count, .. } = error else { panic!("{error}") };
    assert_eq!(count.no_identifier, 1);
}
