mod claims;
mod fields;
mod floors;
mod listed;
mod names;
mod signed;
pub(crate) mod table;
mod texts;

use super::*;
use crate::{analysis, hpke::RecipientSecret, salt::BucketSalt, sign::SigningKey};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use zeroize::Zeroizing;

/// The signing key of the party whose seed is `seed`.
pub(crate) fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap()
}

/// The bucket salt of every contract of a test.
pub(crate) fn salt() -> BucketSalt {
    BucketSalt::take(&mut [0x5a; BucketSalt::LEN])
}

fn recipient_key(seed: u8) -> String {
    RecipientSecret::generate(&mut ChaCha20Rng::from_seed([seed; 32])).public().to_string()
}

pub(crate) fn head() -> String {
    let head = draft::Head {
        name: "autumn-lift",
        expires: "2027-12-31T00:00:00Z",
        purposes: &["measurement"],
        bucket_salt: salt().digest(),
    };
    head.to_string()
}

/// Where the custody of the sample's publisher answers; its TLS key has the seed 3.
fn custody() -> String {
    format!("https://publisher.example:7501#{}", signing_key(3).public())
}

fn party(name: &str, seed: u8, custody: Option<&str>) -> String {
    let (root, recipient) = (signing_key(seed).public(), recipient_key(seed).parse().unwrap());
    draft::Party { name, root_key: &root, recipient_key: &recipient, custody }.to_string()
}

/// Parties with these names, whose keys have the seeds 1, 2 and so on.
pub(crate) fn parties(names: &[&str]) -> String {
    names.iter().zip(1..).map(|(name, seed)| party(name, seed, None)).collect()
}

/// A contract of a publisher (seed 1) and a retailer (seed 2), one statement to a line.
pub(crate) fn sample() -> String {
    let pcr = "ab".repeat(48);
    let head = head();
    let publisher = party("publisher", 1, Some(&custody()));
    let retailer = party("retailer", 2, None);
    format!(
        r#"{head}min_cell = 50

{publisher}
{retailer}
[[dataset]]
name = "exposures"
owner = "publisher"
lineage = "newsletter"
[[dataset.column]]
name = "email"
role = "match_key"
kind = "email"
[[dataset.column]]
name = "arm"
role = "group"
domain = ["mens", "womens", "none"]
[[dataset.column]]
name = "history"
role = "never"
[[dataset.budget]]
purpose = "measurement"
legal_basis = "consent"
period = "month"
epsilon = 4
delta = 1e-6
lifetime_epsilon = 20.0

[[dataset]]
name = "sales"
owner = "retailer"
[[dataset.column]]
name = "email"
role = "match_key"
kind = "email"
[[dataset.column]]
name = "visit"
role = "measure"
[[dataset.column]]
name = "spend"
role = "measure"
scale = 2
[[dataset.column]]
name = "margin"
role = "measure"
scale = 2
[[dataset.column]]
name = "bought"
role = "date"
[[dataset.budget]]
purpose = "measurement"
legal_basis = "consent"
period = "month"
epsilon = 4
delta = 1e-6
lifetime_epsilon = 20

[[analysis]]
name = "lift"
kind = "lift"
purpose = "measurement"
assignment = "exposures"
arm = "arm"
outcome = "sales"
measures = ["visit", "spend"]
date = "bought"
analysts = ["publisher", "retailer"]
receivers = ["publisher", "retailer"]

[[build]]
name = "build-1"
pcr0 = "{pcr}"
pcr1 = "{pcr}"
pcr2 = "{pcr}"
"#
    )
}

fn parse(text: &str) -> Result<Contract, ContractError> {
    Contract::parse(text.as_bytes())
}

/// Replaces the first `from` after the line that contains `after`.
fn edit(after: &str, from: &str, to: &str) -> String {
    let text = sample();
    let start = text.find(after).unwrap_or_else(|| panic!("no {after}"));
    let (head, tail) = text.split_at(start);
    assert!(tail.contains(from), "no {from} after {after}");
    format!("{head}{}", tail.replacen(from, to, 1))
}

/// It is read by sealing and goes nowhere else.
#[test]
fn a_dataset_has_one_name_for_its_people_which_is_not_sealed() {
    let text = edit("\"history\"", "role = \"never\"", "role = \"person\"");
    let contract = parse(&text).unwrap();
    let exposures = &contract.datasets["exposures"];
    assert_eq!(exposures.column("history").unwrap().role, Role::Person);
    assert!(exposures.read_columns().any(|column| column.name == "history"));
    assert!(exposures.sealed_columns().all(|column| column.name != "history"));
    assert!(crate::sealed::layout(exposures).iter().all(|column| column.name != "history"));
    assert!(contract.used_columns("exposures").iter().all(|column| column.name != "history"));
    let second = "[[dataset.column]]\nname = \"device\"\nrole = \"person\" #";
    let text = text.replacen("role = \"person\"", &format!("role = \"person\"\n{second}"), 1);
    let [first, second] = ["history", "device"].map(str::to_owned);
    refused(&text, "role = \"person\" #", &Flaw::SecondPerson { first, second });
    let said = parse(&text).unwrap_err().to_string();
    assert!(said.contains("at most one column of a dataset has the role person"), "{said}");
}

/// Asserts that the text is refused for `expected`, at the line on which `at` stands.
fn refused(text: &str, at: &str, expected: &Flaw) {
    let error = parse(text).unwrap_err();
    let line = text.lines().position(|line| line.contains(at)).unwrap() + 1;
    assert_eq!((&error.flaw, error.line), (expected, line), "{error}");
}

/// As [`refused`], for errors of TOML itself, of which the reason must contain `reason`.
fn refused_by_toml(text: &str, at: &str, reason: &str) {
    let error = parse(text).unwrap_err();
    let line = text.lines().position(|line| line.contains(at)).unwrap() + 1;
    let Flaw::Syntax(found) = &error.flaw else { panic!("{error}") };
    assert!(found.contains(reason), "{error}");
    assert!(!found.contains('\n'), "{error:?}");
    assert_eq!(error.line, line, "{error}");
}

fn duplicate(first: &str, second: &str) -> Flaw {
    Flaw::Duplicate { first: first.to_owned(), second: second.to_owned() }
}

fn no_such(what: &'static str, name: &str, known: &[&str]) -> Flaw {
    let known = known.iter().map(|name| (*name).to_owned()).collect();
    Flaw::NoSuch { what, name: name.to_owned(), known }
}

fn unknown(what: &str, name: &str) -> Flaw {
    Flaw::Unknown { what: what.to_owned(), name: name.to_owned() }
}

#[test]
fn reads_every_field() {
    let contract = parse(&sample()).unwrap();
    assert_eq!(contract.digest, Digest::of(TAG, sample().as_bytes()));
    assert_eq!((contract.name.as_str(), contract.min_cell), ("autumn-lift", 50));
    assert_eq!((contract.ids_per_person, contract.supersedes), (1, None));
    assert_eq!(contract.bucket_salt, salt().digest());
    assert_eq!(contract.expires.to_string(), "2027-12-31T00:00:00Z");
    let publisher = &contract.parties["publisher"];
    assert_eq!(publisher.root_key, signing_key(1).public());
    let address = publisher.custody.as_ref().map(ToString::to_string);
    assert_eq!(address, Some(custody()));
    assert_eq!(contract.party_of(&signing_key(2).public()), Some("retailer"));
    assert_eq!(contract.party_of(&signing_key(3).public()), None);
    let exposures = &contract.datasets["exposures"];
    assert_eq!(exposures.lineage, "newsletter");
    assert_eq!(contract.datasets["sales"].lineage, "sales");
    let domain = ["mens", "womens", "none"].map(str::to_owned).to_vec();
    assert_eq!(exposures.column("arm").unwrap().role, Role::Group(domain));
    assert_eq!(exposures.legal_basis["measurement"], "consent");
    let budget = &exposures.budgets["measurement"];
    assert_eq!((budget.epsilon.value(), budget.lifetime_epsilon.value()), (4.0, 20.0));
    assert_eq!(budget.period, Period::Month);
    let lift = &contract.analyses["lift"];
    let listed = analysis::lift::uses::Listed::of(lift).unwrap();
    assert_eq!((listed.assignment, listed.arm, listed.outcome), ("exposures", "arm", "sales"));
    assert_eq!(listed.measures, ["visit", "spend"].map(|it| ColumnRef::new("sales", it)));
    assert_eq!((listed.date, lift.cells_per_person), (Some("bought"), 1));
    assert!(analysis::table::uses::Listed::of(lift).is_none());
    assert_eq!(contract.builds[0].pcrs.len(), 3);
}

#[test]
fn leaves_safe_defaults_where_nothing_is_said() {
    let contract = parse(&edit("min_cell", "min_cell = 50\n", "")).unwrap();
    assert_eq!((contract.min_cell, contract.ids_per_person), (50, 1));
}

#[test]
fn any_byte_of_the_text_is_part_of_its_identity() {
    let digest = parse(&sample()).unwrap().digest;
    assert_ne!(parse(&format!("{}# \n", sample())).unwrap().digest, digest);
}

#[test]
fn grants_only_the_columns_that_an_analysis_uses() {
    let contract = parse(&sample()).unwrap();
    let names = |dataset| {
        let used = contract.used_columns(dataset);
        used.into_iter().map(|column| column.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names("exposures"), ["email", "arm"]);
    assert_eq!(names("sales"), ["email", "visit", "spend", "bought"]);
    assert!(names("nothing").is_empty());
}

#[test]
fn refuses_unknown_fields_in_every_table() {
    for (table, after) in [
        ("contract = 2", "contract = 2"),
        ("[[party]]", "[[party]]"),
        ("[[dataset]]", "[[dataset]]"),
        ("[[dataset.column]]", "[[dataset.column]]"),
        ("[[dataset.budget]]", "[[dataset.budget]]"),
        ("[[analysis]]", "[[analysis]]"),
        ("[[build]]", "[[build]]"),
    ] {
        let text = edit(after, table, &format!("{table}\nsurprise = true"));
        refused_by_toml(&text, "surprise", "unknown field `surprise`");
    }
    let text = edit("[[build]]", "[[build]]", "[[bulid]]");
    refused_by_toml(&text, "[[bulid]]", "unknown field `bulid`");
}

#[test]
fn refuses_what_is_no_toml_or_of_another_type() {
    refused_by_toml(&edit("min_cell", "50", "\"50\""), "min_cell", "expected a whole number");
    refused_by_toml(&edit("min_cell", "50", "49.5"), "min_cell", "expected a whole number");
    refused_by_toml(&edit("contract", "2", "-1"), "contract", "expected a whole number from 0");
    refused_by_toml(
        &edit("role", "\"match_key\"", "\"key\""),
        "\"key\"",
        "found `key`, expected one of",
    );
    refused_by_toml(
        &edit("period", "\"month\"", "\"year\""),
        "\"year\"",
        "found `year`, expected one of",
    );
    let known = analysis::sections().map(|section| section.kind).collect();
    let found = "sql".to_owned();
    let text = edit("kind = \"lift\"", "\"lift\"", "\"sql\"");
    refused(&text, "\"sql\"", &Flaw::Kind { found, known });
    for (from, to) in [
        ("arm = \"arm\"", "arm = 3"),
        ("date = \"bought\"", "date = [\"bought\"]"),
        ("date = \"bought\"", "date = 2026-10-01"),
        ("measures = [\"visit\", \"spend\"]", "measures = \"visit\""),
        ("measures = [\"visit\", \"spend\"]", "measures = [1]"),
        ("outcome = \"sales\"", "outcome = { sales = true }"),
    ] {
        refused_by_toml(&edit("kind = \"lift\"", from, to), to, "found ");
    }
    let twice = edit("name", "name = \"autumn-lift\"", "name = \"a\"\nname = \"b\"");
    refused_by_toml(&twice, "name = \"b\"", "stands here for the second time");
    let day = edit("expires", "= \"", "= 2026-10-01 # \"");
    refused_by_toml(&day, "expires", "found a date without quotes, write \"2026-10-01\"");
    let other = Contract::parse(b"name = \"publisher\"\n").unwrap_err().to_string();
    assert!(other.contains("this is no contract: expected `contract = 2`"), "{other}");
    refused_by_toml(&edit("expires", "= \"", "= "), "expires", "");
    let error = Contract::parse(b"contract = 2\nname = \"\xff\"").unwrap_err();
    assert_eq!(error.line, 2);
    assert_eq!(error.flaw, Flaw::Syntax("the text is not UTF-8".to_owned()));
    parse("").unwrap_err();
}

#[test]
fn refuses_a_table_without_a_field_it_needs() {
    for (field, table) in [
        ("root_key", "[[party]]"),
        ("recipient_key", "[[party]]"),
        ("owner", "[[dataset]]"),
        ("role", "[[dataset.column]]"),
        ("lifetime_epsilon", "[[dataset.budget]]"),
        ("purpose = \"measurement\"\nassignment", "[[analysis]]"),
        ("pcr1", "[[build]]"),
    ] {
        let text = sample();
        let start = text.find(field).unwrap();
        let end = start + text[start..].find('\n').unwrap();
        let text = format!("{}{}", &text[..start], &text[end + 1..]);
        let name = field.split(' ').next().unwrap();
        refused_by_toml(&text, table, &format!("missing field `{name}`"));
    }
    for field in ["name", "expires", "purposes"] {
        let start = sample().find(&format!("\n{field}")).unwrap() + 1;
        let end = start + sample()[start..].find('\n').unwrap();
        let text = format!("{}{}", &sample()[..start], &sample()[end + 1..]);
        let error = parse(&text).unwrap_err();
        let missing = format!("contract, line 1: missing field `{field}`");
        assert_eq!(error.to_string(), missing);
    }
}

#[test]
fn refuses_another_version_of_the_format() {
    let expected = Flaw::Range {
        what: "contract (the format's version)",
        found: "1".to_owned(),
        expected: "2",
    };
    refused(&edit("contract", "contract = 2", "contract = 1"), "contract = 1", &expected);
}

#[test]
fn refuses_a_floor_under_ten_people() {
    for found in ["9", "0", "-50", "1000001"] {
        let expected = "10 to 1000000 (50 if left out)";
        let flaw = Flaw::Range { what: "min_cell", found: found.to_owned(), expected };
        refused(&edit("min_cell", "50", found), "min_cell", &flaw);
    }
    assert_eq!(parse(&edit("min_cell", "50", "10")).unwrap().min_cell, 10);
    let text = edit("min_cell", "min_cell = 50", "ids_per_person = 11");
    let expected = "1 to 10 (1 if left out)";
    let flaw = Flaw::Range { what: "ids_per_person", found: "11".to_owned(), expected };
    refused(&text, "ids_per_person", &flaw);
}

#[test]
fn refuses_a_dataset_without_a_budget_for_its_purpose() {
    let text = edit("purposes", "[\"measurement\"]", "[\"measurement\", \"audit\"]");
    let text = text.replace(
        "kind = \"lift\"\npurpose = \"measurement\"",
        "kind = \"lift\"\npurpose = \"audit\"",
    );
    let flaw = Flaw::NoBudget { dataset: "exposures".to_owned(), purpose: "audit".to_owned() };
    refused(&text, "name = \"lift\"", &flaw);
    let text = sample();
    let start = text.rfind("[[dataset.budget]]").unwrap();
    let end = text.find("[[analysis]]").unwrap();
    let text = format!("{}{}", &text[..start], &text[end..]);
    let flaw = Flaw::NoBudget { dataset: "sales".to_owned(), purpose: "measurement".to_owned() };
    refused(&text, "name = \"lift\"", &flaw);
}

#[test]
fn refuses_budgets_that_no_build_accepts() {
    let most = |what, reason: &str| Flaw::Value { what, reason: reason.to_owned() };
    let reason = "found 21, this build allows at most 20";
    refused(&edit("epsilon = 4", "4", "21"), "epsilon = 21", &most("epsilon", reason));
    for (found, said) in
        [("0", "0"), ("-1.0", "-1"), ("nan", "NaN"), ("inf", "inf"), ("0.0000001", "0.0000001")]
    {
        let text = edit("epsilon = 4", "4", found);
        let reason = format!(
            "found {said}, expected an epsilon between 0.001 and 100 with at most six decimals"
        );
        refused(&text, &format!("epsilon = {found}"), &most("epsilon", &reason));
    }
    let flaw = Flaw::Range {
        what: "lifetime_epsilon",
        found: "3".to_owned(),
        expected: "at least the epsilon of one period",
    };
    refused(&edit("lifetime_epsilon", "20.0", "3"), "lifetime_epsilon = 3", &flaw);
    let reason = "found 0.1, expected a delta between 1e-15 and 1e-3, in whole units of 1e-15";
    refused(&edit("delta", "1e-6", "0.1"), "delta = 0.1", &most("delta", reason));
}

#[test]
fn refuses_columns_in_a_role_that_does_not_fit() {
    let column = |column: &str, expected| Flaw::Column { column: column.to_owned(), expected };
    let expected = "a match_key needs kind = \"email\", \"phone\" or \"hashed\"";
    refused(
        &edit("role", "kind = \"email\"\n", ""),
        "role = \"match_key\"",
        &column("email", expected),
    );
    let expected = "a group needs domain = [\"..\", ..], all its values";
    let text = edit("role = \"group\"", "domain", "scale = 1 #");
    refused(&text, "role = \"group\"", &column("arm", expected));
    let expected = "a group needs a domain of 2 to 1000 values";
    let text = edit("domain", "[\"mens\", \"womens\", \"none\"]", "[\"mens\"]");
    refused(&text, "role = \"group\"", &column("arm", expected));
    let expected = "a number has a scale (decimals) of 0 to 6 and nothing else";
    let text =
        edit("\"spend\"", "role = \"measure\"\nscale = 2", "scale = 7\nrole = \"measure\" #");
    refused(&text, "role = \"measure\" #", &column("spend", expected));
    let expected = "this role has no kind, domain or scale";
    let text = edit("role = \"never\"", "\"never\"", "\"never\"\nscale = 2");
    refused(&text, "role = \"never\"", &column("history", expected));
    let text = edit("\"bought\"", "role = \"date\"", "role = \"date\"\ncap = 5");
    refused(&text, "role = \"date\"", &column("bought", "only a measure has a cap"));
    let text = edit("role", "role = \"match_key\"\nkind = \"email\"", "role = \"never\"");
    refused(&text, "name = \"exposures\"", &Flaw::Missing("match_key column"));
    let text = edit("domain", "\"womens\"", "\" \"");
    let flaw = Flaw::Range {
        what: "a value of the domain",
        found: " ".to_owned(),
        expected: "1 to 64 characters",
    };
    refused(&text, "domain", &flaw);
}

#[test]
fn a_measure_may_have_a_cap_in_its_own_decimals() {
    let capped = |cap: &str| {
        let scale = "role = \"measure\"\nscale = 2";
        edit("\"spend\"", scale, &format!("{scale}\ncap = {cap}"))
    };
    let spend = ColumnRef::new("sales", "spend");
    for (cap, units) in [("499", 49_900), ("0.01", 1), ("19.99", 1_999)] {
        let contract = Contract::parse(capped(cap).as_bytes()).unwrap();
        assert_eq!(contract.column(&spend).unwrap().cap, Some(units), "{cap}");
    }
    for cap in ["0.0", "-1.0", "0.001", "1e15"] {
        let flaw = Flaw::Range {
            what: "cap",
            found: cap.parse::<f64>().unwrap().to_string(),
            expected: "an amount above 0, with at most the decimals of the column's scale",
        };
        refused(&capped(cap), &format!("cap = {cap}"), &flaw);
    }
}

#[test]
fn refuses_an_analysis_of_one_dataset_with_itself() {
    let text = edit("outcome = ", "\"sales\"", "\"exposures\"");
    refused(&text, "outcome = ", &duplicate("exposures", "exposures"));
}

#[test]
fn refuses_datasets_that_have_no_kind_of_match_key_in_common() {
    let text = edit("name = \"sales\"", "kind = \"email\"", "kind = \"phone\"");
    refused(&text, "outcome = ", &Flaw::NoCommonKey);
    let hashed = edit("name = \"sales\"", "kind = \"email\"", "kind = \"hashed\"");
    refused(&hashed, "outcome = ", &Flaw::NoCommonKey);
}

#[test]
fn refuses_lists_that_name_nobody() {
    refused(&edit("purposes", "[\"measurement\"]", "[]"), "purposes", &Flaw::Missing("purpose"));
    let both = "[\"publisher\", \"retailer\"]";
    refused(&edit("analysts", both, "[]"), "analysts", &Flaw::Missing("analyst"));
    refused(&edit("receivers", both, "[]"), "receivers", &Flaw::Missing("receiver"));
    refused(
        &edit("measures", "[\"visit\", \"spend\"]", "[]"),
        "measures",
        &Flaw::Missing("measure"),
    );
    let (text, _) =
        sample().split_once("[[build]]").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    refused(&text, "contract = 2", &Flaw::Missing("build"));
    let start = sample().find("[[analysis]]").unwrap();
    let end = sample().find("[[build]]").unwrap();
    let text = format!("{}{}", &sample()[..start], &sample()[end..]);
    refused(&text, "contract = 2", &Flaw::Missing("analysis"));
    let start = sample().find("[[party]]").unwrap();
    refused(&sample()[..start], "contract = 2", &Flaw::Missing("party"));
    let start = sample().find("[[dataset]]").unwrap();
    refused(&sample()[..start], "contract = 2", &Flaw::Missing("dataset"));
}

#[test]
fn refuses_a_debug_build_and_registers_of_another_length() {
    let pcr = "ab".repeat(48);
    let flaw = Flaw::Range {
        what: "pcr",
        found: "0".repeat(96),
        expected: "not all zeros: that is a debug enclave",
    };
    refused(&edit("pcr0", &pcr, &"0".repeat(96)), "pcr0", &flaw);
    let error = parse(&edit("pcr2", &pcr, "abcd")).unwrap_err();
    assert!(matches!(error.flaw, Flaw::Value { what: "PCR", .. }), "{error}");
}

#[test]
fn a_period_ends_when_its_name_changes() {
    let expires = Time(u64::MAX);
    let at = |text: &str| text.parse::<Time>().unwrap();
    let now = at("2026-11-23T10:00:00Z");
    for (period, name, end) in [
        (Period::Day, "2026-11-23", "2026-11-24T00:00:00Z"),
        (Period::Week, "week-2969", "2026-11-30T00:00:00Z"),
        (Period::Month, "2026-11", "2026-12-01T00:00:00Z"),
    ] {
        assert_eq!((period.of(now), period.end(now, expires)), (name.to_owned(), at(end)));
        assert_ne!(period.of(at(end)), name);
        assert_eq!(period.of(Time(at(end).0 - 1)), name);
    }
    assert_eq!(Period::Contract.end(now, at("2027-01-01T00:00:00Z")), at("2027-01-01T00:00:00Z"));
    let soon = at("2026-11-23T12:00:00Z");
    assert_eq!(Period::Month.end(now, soon), soon);
}
