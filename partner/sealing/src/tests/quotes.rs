//! Quotes that are not closed: no row is lost without a word.

use super::*;

/// The rows inside an unclosed quote are not lost without a word, whatever field it opens in.
#[test]
fn an_unclosed_quote_stops_the_sealing_and_names_its_lines() {
    let desk = Desk::new();
    let row = |email: &str, note: &str| format!("{email},,gold,1,1,,1,{note}\n");
    let ordinary = row("a@example.com", "x");
    // In a column that is never sealed: the quote ends where the next one begins.
    let note = format!("{ordinary}{}{ordinary}{ordinary}", row("b@example.com", "\"open"));
    let closed = format!("{note}{}{ordinary}", row("c@example.com", "\""));
    for (rows, lines) in [(note, "lines 3 to 6"), (closed, "lines 3 to 6")] {
        let error = desk.in_memory(&desk.table(&rows)).unwrap_err();
        let SealError::BadRows { count, .. } = error else { panic!("{error}") };
        let named: Vec<_> = count.first.iter().map(ToString::to_string).collect();
        let expected = format!("{lines}: a line break inside a field, perhaps an unclosed quote");
        assert_eq!(named, [expected]);
    }
    // In the first column: all that follows is one field.
    let first = format!("{ordinary}\"{ordinary}{ordinary}{ordinary}");
    let error = desk.in_memory(&desk.table(&first)).unwrap_err();
    assert!(error.to_string().contains("lines 3 to 6: a line break"), "{error}");
}

/// A quote that closes in the same column of the next row makes one row of two, with a row's number of
/// fields: the values between are found on either side of the line break.
#[test]
fn a_row_between_two_quotes_of_one_column_is_not_lost_without_a_word() {
    let desk = Desk::new();
    let count = |header: &str, rows: &str| {
        let input = desk.path("quotes.csv");
        fs::write(&input, format!("{header}\n{rows}")).unwrap();
        let options = Options::default();
        let count = check(&input, &desk.contract, "sales", &options, &mut |_, _| {}).unwrap().count;
        (count.rows, count.rejected, count.swallowed_lines)
    };
    let first = "note;email;phone;tier;spend;recency;day;agreed";
    let rest = "@example.com;;gold;1;1;;1";
    let rows = format!("x;a{rest}\n\"5 inch screen;b{rest}\r\nhe said \"hi\";c{rest}\nx;d{rest}\n");
    assert_eq!(count(first, &rows), (2, 1, 1));
    // In the middle one person would have spent what another did.
    let middle = "email;note;phone;tier;spend;recency;day;agreed";
    let rest = ";gold;1;1;;1";
    let rows = format!("a@example.com;\"5 inch;{rest}\nb@example.com;he said \"hi\";{rest}\n");
    assert_eq!(count(middle, &rows), (0, 1, 1));
    // Of three rows.
    let rows = format!("{}{}", "a@example.com;x;;gold;1;1;;1\n", rows);
    assert_eq!(count(middle, &rows), (1, 1, 1));
    // Texts of several lines, with separators too, are texts.
    let comma = |header: &str| header.replace(';', ",");
    for note in
        ["Dear Sir, thank you, for all, of it, and more, too, yes,\nbye, then", "a; b\nc; d"]
    {
        let row = format!("\"{note}\",a@example.com,,gold,1,1,,1\n");
        assert_eq!(count(&comma(first), &row), (1, 0, 0), "{note}");
    }
    let address = "12 Main St, Apt 4, left, by the door, call, or ring\nSpringfield, IL";
    let row = format!("a@example.com,\"{address}\",,gold,1,1,,1\n");
    assert_eq!(count(&comma(middle), &row), (1, 0, 0));
}
