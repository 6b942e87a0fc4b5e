//! What is counted by column, and when bad rows stop the sealing.

use super::*;

fn count(desk: &Desk, rows: &str, options: &Options) -> Count {
    let input = desk.table(rows);
    check(&input, &desk.contract, "sales", options, &mut |_, _| {}).unwrap().count
}

fn refused(count: &Count, column: &str) -> (u64, u64, u64) {
    let column = count.columns.iter().find(|c| c.column == column).unwrap();
    (column.good, column.empty, column.refused.total())
}

#[test]
fn every_column_is_counted_and_nothing_is_written() {
    let desk = Desk::new();
    let rows = "a@example.com,,gold,1,1,,Y,\n\
                b@example.com,0171 1,gold,x,1,2024-01-01,N,\n\
                n/a,,gold,1,1,,,\n\
                c@example.com,,gold,1,1\n";
    let count = count(&desk, rows, &Options::default());
    assert_eq!((count.rows, count.rejected, count.no_identifier), (1, 3, 1));
    assert_eq!(refused(&count, "email"), (2, 1, 0));
    assert_eq!(refused(&count, "phone"), (0, 2, 1));
    assert_eq!(refused(&count, "spend"), (2, 0, 1));
    assert_eq!(refused(&count, "day"), (1, 2, 0));
    assert_eq!((refused(&count, "agreed"), count.columns[6].yes), ((2, 1, 0), Some(1)));
    let rows: Vec<_> = count.refused_rows.iter().collect();
    let fields = "another number of fields than the header's 8".to_owned();
    assert_eq!(rows, [("no identifier: every match key is empty".to_owned(), 1), (fields, 1)]);
    assert_eq!(desk.names(), ["sales.csv"]);
    let page = count.to_string();
    assert!(page.contains("66.6 %  (yes 1, no 1, so 33.3 % agree; empty counts as no)"), "{page}");
    let json = serde_json::to_value(&count).unwrap();
    assert_eq!(json["columns"][1]["refused"][0]["count"], 1, "{json}");
}

/// The row is sealed with the key that is right, and it is said how many count without the other.
#[test]
fn a_bad_key_beside_a_good_one_does_not_take_the_row() {
    let desk = Desk::new();
    let rows = "a@example.com,0171 1234567,gold,5,1,,1,\nb@,+14155550123,gold,7,1,,1,\n";
    let sealed = desk.in_memory(&desk.table(rows)).unwrap();
    assert_eq!((sealed.count.rows, sealed.count.rejected, sealed.count.people), (2, 0, 2));
    let left_out: Vec<_> = sealed.count.columns.iter().map(|column| column.left_out).collect();
    assert_eq!(left_out, [1, 1, 0, 0, 0, 0, 0]);
    let columns = desk.open(&sealed);
    let (emails, phones) = (tags(&columns["email"]), tags(&columns["phone"]));
    let spend = numbers(&columns["spend"]);
    let at = |spent| spend.iter().position(|units| *units == spent).unwrap();
    assert_eq!((phones[at(500)], emails[at(700)]), (NO_TAG, NO_TAG));
    assert!(emails[at(500)] != NO_TAG && phones[at(700)] != NO_TAG);
    // Alone it does.
    let error = desk.in_memory(&desk.table(",0171 1234567,gold,5,1,,1,\n")).unwrap_err();
    assert!(error.to_string().contains("line 2, phone: not a phone number"), "{error}");
}

/// National numbers without a country: rows are joined by their addresses, and nobody by a number.
#[test]
fn a_match_key_without_one_good_value_is_refused_unless_it_is_named() {
    let desk = Desk::new();
    let input =
        desk.table("a@example.com,0171 1234567,gold,5,1,,1,\nb@example.com,,gold,7,1,,1,\n");
    let error = desk.seal(&input, &Options::default()).unwrap_err();
    assert!(matches!(&error, SealError::NoGoodKey { column, refused: 1, .. } if column == "phone"));
    let words = error.to_string();
    let start =
        "no value of the match key phone is good, and 1 is refused: nobody would be joined by it.";
    assert!(words.starts_with(start) && words.contains("--without-key phone seals"), "{words}");
    let mut options = Options { without_keys: vec!["phone".into()], ..Options::default() };
    assert_eq!(desk.seal(&input, &options).unwrap().count.rows, 2);
    options.without_keys = vec!["tier".into()];
    let error = check(&input, &desk.contract, "sales", &options, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, SealError::NotAKey { .. }), "{error}");
    // One that is good, and a column that is empty, are what they are.
    let input = desk.table("a@example.com,,gold,5,1,,1,\nb@example.com,,gold,7,1,,1,\n");
    assert_eq!(desk.in_memory(&input).unwrap().count.rows, 2);
}

#[test]
fn up_to_the_share_that_was_set_bad_rows_are_left_out() {
    let desk = Desk::new();
    let row = "a@example.com,,gold,1,1,,1,\n";
    let rows =
        |bad: usize| format!("{}{}", row.repeat(200 - bad), "b@,,gold,1,1,,1,\n".repeat(bad));
    let of_one = Options { rows_per_person: Some(256), ..Options::default() };
    let sealed = desk.in_memory_with(&desk.table(&rows(2)), &of_one).unwrap();
    assert_eq!((sealed.count.rows, sealed.count.rejected), (198, 2));
    let input = desk.table(&rows(3));
    let error = desk.seal(&input, &Options::rejecting_into(desk.path("bad.csv"))).unwrap_err();
    assert!(error.to_string().starts_with("3 of 200 rows are bad, more than 1 %"), "{error}");
    assert_eq!(desk.names(), ["bad.csv", "sales.csv"]);
    let options = Options { max_rejected: "0".parse().unwrap(), ..Options::default() };
    let input = desk.table(&rows(1));
    assert!(matches!(desk.seal(&input, &options), Err(SealError::BadRows { .. })));
}

/// One unclosed quote makes one bad row of thousands of lines: each of them counts.
#[test]
fn the_lines_that_an_unclosed_quote_swallows_count_as_rows() {
    let desk = Desk::new();
    let row = "a@example.com,,gold,1,1,,1,\n";
    let open = "b@example.com,,gold,1,1,,1,\"open\n";
    let table = |swallowed: usize| format!("{}{open}{}", row.repeat(995), row.repeat(swallowed));
    let error = desk.seal(&desk.table(&table(3000)), &Options::default()).unwrap_err().to_string();
    let lines = "1 of 996 rows are bad, and 3,001 more lines lie in bad rows, perhaps behind a quote that was \
                 not closed (each counts as a row), more than 1 % (--max-rejected):\n";
    assert!(error.starts_with(lines), "{error}");
    assert!(error.contains("\n       3,001  more lines lie inside bad rows"), "{error}");
    // Up to the limit they are left out, and told of.
    let of_one = Options { rows_per_person: Some(1024), ..Options::default() };
    let count = desk.seal(&desk.table(&table(3)), &of_one).unwrap().count;
    assert_eq!((count.rows, count.rejected, count.swallowed_lines), (995, 1, 4));
    assert!(count.to_string().contains("\n           4  more lines lie inside"), "{count}");
    // Lines of a note are no rows.
    let note = "b@,,gold,1,1,,1,\"a note\nof\nmany\nlines\"\n";
    let count = count_of(&desk, &format!("{}{note}", row.repeat(2)));
    assert_eq!((count.rejected, count.swallowed_lines), (1, 0));
}

fn count_of(desk: &Desk, rows: &str) -> Count {
    count(desk, rows, &Options::default())
}

/// Orders as a shop exports them: one command with the options seals nearly all of them, and the
/// right people.
#[test]
fn a_messy_export_is_read_with_the_options() {
    let desk = Desk::new();
    let emails = [
        "p{n}@example.com",
        "P{n}@Example.COM",
        " p{n}@example.com ",
        "mailto:p{n}@example.com",
        "\"p{n}@example.com;p{n}@example.com\"",
        "\"\"\"x\"\" <p{n}@example.com>\"",
        "'p{n}@example.com",
        "p{n}@example.com.",
        "\u{200b}p{n}@example.com",
        "n/a",
    ];
    let phones = [
        "0171 {n}",
        "+49 171 {n}",
        "0049 171 {n}",
        "+49 (0) 171 {n}",
        "49171{n}",
        "49171{n}.0",
        "NULL",
    ];
    let days = [
        "2024-03-05",
        "05.03.2024",
        "3/5/2024",
        "20240305",
        "2024-03-05 00:00:00",
        "5-Mar-2024",
        "1709596800",
    ];
    let spends =
        ["\"12,50\"", "€12.50", "12.50 EUR", "NULL", "12.504", "", "1.25e1", "12.500000000001"];
    let consents = ["Y", "N", "true", "1", "yes", "opt-in", ""];
    let segments = ["gold", "Gold", "", "basic", "BASIC "];
    let mut rows =
        "\u{feff}sep=;\r\nE-Mail;Telephone;Segment;Amount;recency;Order Date;Opt In;Shop\r\n"
            .to_owned();
    for n in 0..2000_usize {
        let number = (1_234_567 + n).to_string();
        let pick = |forms: &[&str]| forms[n % forms.len()].replace("{n}", &number);
        writeln!(
            rows,
            "{};{};{};{};{};{};{};x\r",
            pick(&emails),
            pick(&phones),
            pick(&segments),
            pick(&spends),
            n % 7,
            pick(&days),
            pick(&consents)
        )
        .unwrap();
    }
    let input = desk.path("orders.csv");
    fs::write(&input, rows).unwrap();
    let mut options = Options::default();
    options.reading.map = [
        "E-Mail=email",
        "Telephone=phone",
        "tier=Segment",
        "Amount=spend",
        "Order Date=day",
        "Opt In=agreed",
    ]
    .map(str::to_owned)
    .into();
    options.reading.ignore = vec!["Shop".to_owned()];
    options.reading.country = Some("DE".parse().unwrap());
    options.reading.dates =
        ["%d.%m.%Y", "%m/%d/%Y", "%Y%m%d", "%d-%b-%Y", "%s"].map(|f| f.parse().unwrap()).into();
    options.reading.yes = vec!["opt-in".to_owned()];
    options.reading.decimal_sign = DecimalSign::Either;
    options.reading.currency = Some("EUR".to_owned());
    options.reading.round = true;
    options.reading.empty = BTreeMap::from([("spend".to_owned(), "0".to_owned())]);
    options.max_rejected = "5".parse().unwrap();
    let sealed = desk.in_memory_with(&input, &options).unwrap();
    // Only those with neither an address nor a number are lost: one of ten and one of seven.
    assert_eq!((sealed.count.rejected, sealed.count.no_identifier), (28, 28), "{}", sealed.count);
    let columns = desk.open(&sealed);
    let found = tags(&columns["email"]);
    let expected = |n: usize| tag(Identifier::Email, &format!("p{}@example.com", 1_234_567 + n));
    let found: std::collections::BTreeSet<_> = found.iter().copied().collect();
    assert!((0..2000).filter(|n| n % 10 != 9).all(|n| found.contains(&expected(n))));
    assert!(real(&columns).into_iter().all(|row| codes(&columns["day"])[row] == 19_787));
    let spend = numbers(&columns["spend"]).iter().sum::<i64>();
    let zero = (0..2000_usize).filter(|n| matches!(n % 8, 3 | 5)).count();
    let lost = (0..2000_usize).filter(|n| n % 70 == 69 && !matches!(n % 8, 3 | 5)).count();
    assert_eq!(spend, i64::try_from((2000 - zero - lost) * 1250).unwrap());
}

/// Whoever checks first is told what sealing would refuse, and not that all rows are good.
#[test]
fn what_is_checked_is_refused_for_what_sealing_refuses() {
    let desk = Desk::new();
    let input = desk.table(&"a@example.com,,gold,1,1,,1,\n".repeat(300));
    let checked = |options: &Options| {
        check(&input, &desk.contract, "sales", options, &mut |_, _| {}).unwrap()
    };
    let found = checked(&Options::default());
    assert_eq!((found.count.rows, found.count.rejected), (300, 0));
    let refused = found.refused.unwrap().to_string();
    assert_eq!(refused, desk.in_memory(&input).unwrap_err().to_string());
    assert!(refused.contains("--rows-per-person 512"), "{refused}");
    let options = Options { rows_per_person: Some(512), ..Options::default() };
    assert!(checked(&options).refused.is_none());
    desk.in_memory_with(&input, &options).unwrap();
    assert_eq!(desk.names(), ["sales.csv"]);
}

/// The option is named as it is typed, and what it would read is counted. Where two read as many, nobody guesses.
#[test]
fn a_refused_column_names_the_option_that_reads_it() {
    let desk = Desk::new();
    let hint = |spend: &str, day: &str, column: &str, options: &Options| {
        let row = format!("a@example.com,,gold,{spend},1,{day},1,\n");
        let count = count(&desk, &row.repeat(4), options);
        count.columns.iter().find(|counted| counted.column == column).unwrap().hint()
    };
    let usual = Options::default();
    let said = |spend, day, column| hint(spend, day, column, &usual).unwrap();
    assert_eq!(said("1", "28.10.2026", "day"), "--date %d.%m.%Y reads all 4 of them");
    assert_eq!(
        said("1", "03/04/2026", "day"),
        "--date %d/%m/%Y and --date %m/%d/%Y each read all 4 of them: which is meant, only you know"
    );
    assert_eq!(said("\"45,25\"", "", "spend"), "--decimal comma reads all 4 of them");
    assert_eq!(
        said("\"45,25 €\"", "", "spend"),
        "--decimal comma --currency EUR reads all 4 of them"
    );
    assert_eq!(said("45.257", "", "spend"), "--round reads all 4 of them");
    assert_eq!(hint("much", "soon", "spend", &usual), None);
    assert_eq!(hint("1", "2026-10-28", "day", &usual), None);
    // The option does what is said of it.
    let mut options = Options::default();
    options.reading.dates = vec!["%d.%m.%Y".parse().unwrap()];
    assert_eq!(hint("1", "28.10.2026", "day", &options), None);
    let error = desk.in_memory(&desk.table(&"a@example.com,,gold,1,1,28.10.2026,1,\n".repeat(9)));
    let words = error.unwrap_err().to_string();
    assert!(words.contains("--date %d.%m.%Y reads all 9 of them"), "{words}");
    assert!(words.contains("line 2, line 3, line 4 and others, day: not a day"), "{words}");
    assert_eq!(words.matches("not a day").count(), 2, "{words}");
}
