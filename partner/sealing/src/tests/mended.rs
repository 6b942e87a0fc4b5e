//! Rejected rows go round: out of a table, mended, and back into it.

use super::*;
use std::os::unix::fs::PermissionsExt;

const GOOD: &str = "a@example.com,,gold,1,1,,1,\n";
const BAD: &str = "b@,,gold,2,1,,1,\"a, \"\"note\"\"\"\n";

/// The options of somebody whose file calls the addresses otherwise.
fn mapped() -> Options {
    let mut options = Options::default();
    options.reading.map = vec!["E-Mail=email".to_owned()];
    options
}

/// A table with that name, of these rows.
fn table(desk: &Desk, rows: &str) -> PathBuf {
    let path = desk.table("");
    fs::write(&path, format!("{}{rows}", HEADER.replacen("email", "E-Mail", 1))).unwrap();
    path
}

fn rejects(desk: &Desk, input: &Path) -> PathBuf {
    let path = desk.path("bad.csv");
    let options = Options { reject_file: Some(path.clone()), ..mapped() };
    check(input, &desk.contract, "sales", &options, &mut |_, _| {}).unwrap();
    path
}

fn mend(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

fn seal_with(desk: &Desk, input: &Path, options: &Options) -> Result<InMemory, SealError> {
    desk.in_memory_with(input, options)
}

fn spent(desk: &Desk, sealed: &InMemory) -> i64 {
    numbers(&desk.open(sealed)["spend"]).iter().sum()
}

#[test]
fn rejected_rows_are_written_by_a_check_and_above_the_limit_for_their_owner_alone() {
    let desk = Desk::new();
    let input = table(&desk, &format!("{GOOD}{BAD}"));
    let path = rejects(&desk, &input);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (desk.names(), mode(&path)),
        (vec!["bad.csv".to_owned(), "sales.csv".to_owned()], 0o600)
    );
    let checked = fs::read_to_string(&path).unwrap();
    assert!(checked.contains("b@,,gold,2,1,,1,\"a, \"\"note\"\"\",line 3,email: "), "{checked}");
    fs::remove_file(&path).unwrap();
    // Whatever a killed command left open to others is gone.
    fs::write(desk.path("bad.csv.partial"), "open").unwrap();
    let options = Options { reject_file: Some(path.clone()), ..mapped() };
    assert!(matches!(desk.seal(&input, &options), Err(SealError::BadRows { .. })));
    assert_eq!((fs::read_to_string(&path).unwrap(), mode(&path)), (checked, 0o600));
    assert_eq!(desk.names(), ["bad.csv", "sales.csv"]);
}

#[test]
fn a_file_of_rejected_rows_is_a_table_whose_columns_are_renamed_no_more() {
    let desk = Desk::new();
    let path = rejects(&desk, &table(&desk, &format!("{GOOD}{BAD}")));
    mend(&path, "b@", "b@example.com");
    let sealed = seal_with(&desk, &path, &mapped()).unwrap();
    assert_eq!((sealed.count.rows, spent(&desk, &sealed)), (1, 200));
    assert!(sealed.count.only_rejects);
    // In another place these are columns like others.
    let text = fs::read_to_string(&path).unwrap().replace(",glovebox_at", ",glovebox_where");
    fs::write(&path, text).unwrap();
    let error = seal_with(&desk, &path, &Options::default()).unwrap_err();
    assert!(matches!(&error, SealError::Columns { unknown, .. } if unknown.len() == 2), "{error}");
}

/// Each mended row stands for the one that it comes from, also if other options now read that one.
#[test]
fn mended_rows_are_sealed_with_the_rest_of_their_table_and_none_twice() {
    let desk = Desk::new();
    let input = table(&desk, &format!("{GOOD}{BAD}c@example.com,,gold,3,1,1.2.2024,1,\n"));
    let path = rejects(&desk, &input);
    mend(&path, "b@", "b@example.com");
    mend(&path, "1.2.2024", "2024-02-01");
    let mut options = Options { mended: Some(path.clone()), ..mapped() };
    options.reading.dates = vec!["%d.%m.%Y".parse().unwrap()];
    let sealed = seal_with(&desk, &input, &options).unwrap();
    assert_eq!((sealed.count.rows, sealed.count.rejected), (3, 0));
    assert_eq!(spent(&desk, &sealed), 600);
    assert!(!sealed.count.only_rejects);
    // What is rejected again still says where it comes from.
    mend(&path, "b@example.com", "b@");
    let again = desk.path("again.csv");
    options.reject_file = Some(again.clone());
    check(&input, &desk.contract, "sales", &options, &mut |_, _| {}).unwrap();
    let again = fs::read_to_string(again).unwrap();
    assert!(again.contains(",line 3,email: ") && again.lines().count() == 2, "{again}");
}

#[test]
fn rows_of_a_folder_are_found_by_file_and_line() {
    let desk = Desk::new();
    let folder = desk.path("parts");
    fs::create_dir(&folder).unwrap();
    for (name, rows) in [("a.csv", GOOD), ("b.csv", BAD)] {
        fs::copy(table(&desk, rows), folder.join(name)).unwrap();
    }
    let path = rejects(&desk, &folder);
    mend(&path, "b@", "b@example.com");
    let options = Options { mended: Some(path), ..mapped() };
    let sealed = seal_with(&desk, &folder, &options).unwrap();
    assert_eq!((sealed.count.rows, sealed.count.rejected), (2, 0));
}

#[test]
fn rows_that_were_not_rejected_from_this_table_are_refused() {
    let desk = Desk::new();
    let input = table(&desk, &format!("{GOOD}{BAD}"));
    let path = rejects(&desk, &input);
    mend(&path, "b@", "b@example.com");
    let options = Options { mended: Some(path.clone()), ..mapped() };
    let refused = |expected: &str| {
        let error = seal_with(&desk, &input, &options).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    mend(&path, "line 3", "line 4");
    refused("\"line 4\" (glovebox_at) names a row that the table does not have");
    mend(&path, "line 4", "line 3");
    let text = fs::read_to_string(&path).unwrap();
    let row = text.lines().nth(1).unwrap();
    fs::write(&path, format!("{text}{row}\n")).unwrap();
    refused("\"line 3\" (glovebox_at) stands there twice");
    // A program that fills short rows up moves what stands at their end.
    fs::write(&path, format!("{}\n{row},\n", text.lines().next().unwrap())).unwrap();
    refused("bad.csv, line 2: fields were added to this rejected row or taken away");
    fs::write(&path, format!("{HEADER}{GOOD}")).unwrap();
    refused("expected a file of rejected rows as --reject-file writes it");
}

/// With a row more on top, the places of rejected rows are those of others.
#[test]
fn a_mended_row_takes_no_good_rows_place() {
    let desk = Desk::new();
    let path = rejects(&desk, &table(&desk, &format!("{GOOD}{BAD}")));
    mend(&path, "b@", "b@example.com");
    let input = table(&desk, &format!("c@example.com,,gold,4,1,,1,\n{GOOD}{BAD}"));
    let options = Options { mended: Some(path.clone()), ..mapped() };
    let error = seal_with(&desk, &input, &options).unwrap_err();
    assert!(matches!(&error, SealError::NotBad { place, .. } if place == "line 3"), "{error}");
    assert!(error.to_string().contains("of the table is not bad by itself"), "{error}");
    // A mended row that is bad takes none either.
    mend(&path, "b@example.com", "b@");
    let error = seal_with(&desk, &input, &options).unwrap_err();
    assert!(matches!(error, SealError::NotBad { .. }), "{error}");
}

#[test]
fn rejected_rows_are_kept_word_for_word_and_the_rest_is_sealed() {
    let desk = Desk::new();
    let input = desk.table("a@example.com,,gold,1,1,,1,\nb@,,gold,x,1,,1,\"my \"\"note\"\"\"\n");
    let mut options = Options::rejecting_into(desk.path("rejects.csv"));
    // Half of the table is bad, and nobody said that so much may be.
    let error = desk.seal(&input, &options).unwrap_err();
    assert!(matches!(error, SealError::BadRows { .. }), "{error}");
    assert_eq!(desk.names(), ["rejects.csv", "sales.csv"]);
    fs::remove_file(desk.path("rejects.csv")).unwrap();
    options.max_rejected = "50".parse().unwrap();
    let sealed = desk.seal(&input, &options).unwrap();
    assert_eq!((sealed.count.rows, sealed.count.rejected), (1, 1));
    assert_eq!(sealed.files.rejects, options.reject_file);
    let rejects = fs::read_to_string(desk.path("rejects.csv")).unwrap();
    let lines: Vec<_> = rejects.lines().collect();
    assert_eq!(lines[0], format!("{},glovebox_at,glovebox_reason", HEADER.trim()));
    assert!(
        lines[1].starts_with("b@,,gold,x,1,,1,\"my \"\"note\"\"\",line 3,email: "),
        "{}",
        lines[1]
    );
    assert!(lines[1].contains("; spend: not a number"));
    let expected =
        ["rejects.csv", "sales.csv", "sales.v1.keys", "sales.v1.manifest", "sales.v1.sealed"];
    assert_eq!(desk.names(), expected);
}
