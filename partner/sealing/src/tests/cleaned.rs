//! Whose rows are one person's, and which match keys are left of them.

use super::*;

/// A desk whose dataset `sales` has a column `customer` of role `person` in front.
fn desk() -> Desk {
    let desk = Desk::new();
    let text = contract_text();
    let name = "name = \"customer\"\nrole = \"person\"\n[[dataset.column]]\n";
    let at = text.find("name = \"sales\"").unwrap();
    let column = "[[dataset.column]]\n";
    let at = at + text[at..].find(column).unwrap() + column.len();
    let text = format!("{}{name}{}", &text[..at], &text[at..]);
    Desk { contract: Contract::parse(text.as_bytes()).unwrap(), ..desk }
}

fn table(desk: &Desk, rows: &[&str]) -> PathBuf {
    let path = desk.path("sales.csv");
    let rows: String = rows.iter().map(|row| format!("{row},gold,1,1,,1,\n")).collect();
    fs::write(&path, format!("customer,{HEADER}{rows}")).unwrap();
    path
}

/// Address and number of each row.
fn keys(desk: &Desk, sealed: &InMemory) -> Vec<(Tag, Tag)> {
    let columns = desk.open(sealed);
    assert!(!columns.contains_key("customer"), "it is not sealed");
    let (emails, phones) = (tags(&columns["email"]), tags(&columns["phone"]));
    let both = emails.iter().copied().zip(phones.iter().copied());
    let mut rows: Vec<_> = both.filter(|row| *row != (NO_TAG, NO_TAG)).collect();
    rows.sort_unstable();
    rows
}

fn sorted(mut rows: Vec<(Tag, Tag)>) -> Vec<(Tag, Tag)> {
    rows.sort_unstable();
    rows
}

const PHONES: [&str; 3] = ["+14155550101", "+14155550102", "+14155550103"];

#[test]
fn rows_of_the_owners_person_are_one_persons_and_have_the_same_keys() {
    let desk = desk();
    let [p1, p2, p3] = PHONES;
    let input = table(
        &desk,
        &[
            // An address here, a number there; the number in most rows is kept.
            "17,ann@example.com,",
            &format!("17,,{p1}"),
            &format!("17,,{p1}"),
            &format!("17,,{p2}"),
            // 18 and 19 share a number, and 20 has nothing else.
            &format!("18,ben@example.com,{p3}"),
            &format!("19,cat@example.com,{p3}"),
            &format!("20,,{p3}"),
            &format!("20,,{p3}"),
        ],
    );
    let sealed = desk.in_memory(&input).unwrap();
    let email = |name| tag(Identifier::Email, name);
    let ann = (email("ann@example.com"), tag(Identifier::Phone, p1));
    let ben = (email("ben@example.com"), NO_TAG);
    let cat = (email("cat@example.com"), NO_TAG);
    assert_eq!(keys(&desk, &sealed), sorted(vec![ann, ann, ann, ann, ben, cat]));
    let count = &sealed.count;
    assert_eq!((count.rows, count.people, count.keyless_rows, count.keyless_people), (6, 3, 2, 1));
    let phone = count.columns.iter().find(|column| column.column == "phone").unwrap();
    assert_eq!((phone.shared_keys, phone.shared_people, phone.several_people), (1, 3, 1));
    let page = count.to_string();
    assert!(page.contains("1  key is of several people, and is taken from 3 people"), "{page}");
    assert!(page.contains("1  person has several keys, of which one is kept"), "{page}");
    let json = serde_json::to_value(count).unwrap();
    assert_eq!((&json["keyless_rows"], &json["columns"][2]["shared_keys"]), (&2.into(), &1.into()));
}

/// As ever, but for a number that is somebody's only name and stands beside another's address.
#[test]
fn without_the_owners_person_who_is_known_by_a_key_keeps_it() {
    let desk = Desk::new();
    let [p1, p2, _] = PHONES;
    let rows = format!(
        "ann@example.com,{p1},gold,1,1,,1,\n,{p1},gold,1,1,,1,\nben@example.com,{p2},gold,1,1,,1,\nben@example.com,,gold,1,1,,1,\n"
    );
    let sealed = desk.in_memory(&desk.table(&rows)).unwrap();
    let (email, phone) = (|name| tag(Identifier::Email, name), |text| tag(Identifier::Phone, text));
    let ben = (email("ben@example.com"), phone(p2));
    let expected = vec![(email("ann@example.com"), NO_TAG), (NO_TAG, phone(p1)), ben, ben];
    assert_eq!(keys(&desk, &sealed), sorted(expected));
    assert_eq!((sealed.count.people, sealed.count.keyless_rows), (3, 0));
}

#[test]
fn a_row_without_the_owners_person_is_a_bad_one_and_nobody_is_made_up() {
    let desk = desk();
    let input = table(&desk, &["17,ann@example.com,", "n/a,ben@example.com,"]);
    let error = desk.in_memory(&input).unwrap_err().to_string();
    assert!(error.contains("line 3, customer: empty, expected the owner's own name"), "{error}");
    let mut options = Options::default();
    options.reading.empty.insert("customer".to_owned(), "0".to_owned());
    let error = desk.in_memory_with(&input, &options).unwrap_err();
    assert!(matches!(error, SealError::DefaultOfKey { .. }), "{error}");
    // Two people who have all in common are nobody that could be told from another.
    let input = table(&desk, &["17,ann@example.com,", "18,ann@example.com,"]);
    let error = desk.in_memory(&input).unwrap_err();
    assert!(matches!(error, SealError::AllShared { people: 2 }), "{error}");
}
