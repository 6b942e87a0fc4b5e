use super::*;
use crate::contract::tests::sample;
use crate::job::{Alternative, Cost, Covariate, Lift, Multiplicity, Outcome, OutcomeKind};
use crate::proof::Split;
use crate::tally::Clamp;
use crate::units::Scale;

const LIFT: &str = r#"
[lift]
version = 1
level = "user"
design = "itt"
registered_at = "2026-11-01T00:00:00Z"
estimator = "diff_in_means"
confidence = 0.9
alternative = "greater"
multiplicity = "holm"

[lift.assignment]
unit = "user"
column = "arm"
test = ["mens"]
control = ["none"]
expected_share = { mens = 0.5, none = 0.5, womens = 0.3 }
srm_flag_p = 0.01

[lift.window]
start = "2026-10-01"
end = "2026-10-28"
cooldown_days = 14
anchor = "assignment"

[[lift.outcome]]
name = "visit"
type = "binary"

[[lift.outcome]]
name = "capped spend"
column = "spend"
type = "value"
cap_per_user = 499.0
cap_source = "declared"

[lift.cost]
total = 1065.35
currency = "USD"
kind = "fixed"

[lift.privacy]
mechanism = "discrete_gaussian"
epsilon = 1.0
delta = 1e-6
privacy_unit = "user"
neighbour = "add_remove"
n_public = false
split = { n = 0.25, sum = 0.5, sum_sq = 0.25 }
min_cell = 60
"#;

const SHORT: &str = r#"
[lift.assignment]
test = ["mens", "womens"]
control = ["none"]
[[lift.outcome]]
name = "visit"
type = "binary"
[lift.privacy]
epsilon = 1
delta = 1e-6
"#;

fn contract() -> Contract {
    Contract::parse(sample().as_bytes()).unwrap()
}

fn lift_from_toml(text: &str, contract: &Contract) -> Result<(String, Lift), TemplateError> {
    let (name, question) = question_from_toml(text, contract)?;
    let Question::Lift(lift) = question else { panic!("{question:?}") };
    Ok((name, lift))
}

fn read(text: &str) -> Result<Lift, TemplateError> {
    lift_from_toml(text, &contract()).map(|(_, lift)| lift)
}

fn edit(from: &str, to: &str) -> Result<Lift, TemplateError> {
    assert!(LIFT.contains(from), "no {from}");
    read(&LIFT.replacen(from, to, 1))
}

/// Asserts a refusal that names `field` and repeats `found`.
fn refused(edited: Result<Lift, TemplateError>, field: &str, found: &str) {
    match edited.unwrap_err() {
        TemplateError::Value { field: f, found: v, .. } => assert_eq!((&*f, &*v), (field, found)),
        other => panic!("{other}"),
    }
}

fn not_offered(edited: Result<Lift, TemplateError>, expected: &str) {
    let error = edited.unwrap_err();
    let TemplateError::NotOffered { fields } = &error else { panic!("{error}") };
    assert_eq!(fields, &[expected]);
}

#[test]
fn reads_every_field() {
    let (name, lift) = lift_from_toml(LIFT, &contract()).unwrap();
    assert_eq!(name, "lift");
    assert_eq!((lift.test, lift.control), (vec!["mens".to_owned()], vec!["none".to_owned()]));
    assert_eq!((lift.expected_test_share.0, lift.srm_flag_p.0), (500_000, 10_000));
    let day = |text: &str| i32::try_from(text.parse::<Time>().unwrap().day()).unwrap();
    let window = (day("2026-10-01T00:00:00Z"), day("2026-11-11T00:00:00Z"));
    assert_eq!(lift.window, Some(window));
    let visit = Outcome {
        name: "visit".to_owned(),
        column: "visit".to_owned(),
        kind: OutcomeKind::Binary,
        clamp: Clamp::up_to(1).unwrap(),
        scale: Scale::WHOLE,
        weight: 1,
        margin: None,
    };
    let spend = Outcome {
        name: "capped spend".to_owned(),
        column: "spend".to_owned(),
        kind: OutcomeKind::Value,
        clamp: Clamp::up_to(49_900).unwrap(),
        scale: Scale::new(2).unwrap(),
        weight: 6,
        margin: None,
    };
    assert_eq!(lift.outcomes, [visit, spend]);
    assert_eq!(lift.confidence.0, 900_000);
    assert_eq!((lift.alternative, lift.multiplicity), (Alternative::Greater, Multiplicity::Holm));
    assert_eq!(lift.cost, Some(Cost { millionths: 1_065_350_000, currency: "USD".to_owned() }));
    assert_eq!((lift.epsilon.value(), lift.delta.value()), (1.0, 1e-6));
    assert_eq!(lift.split, Split { n: 250, sum: 500, products: 250 });
    assert_eq!(lift.min_cell, 60);
    assert_eq!(lift.registered_at.unwrap().to_string(), "2026-11-01T00:00:00Z");
}

/// An adjusted effect has an estimator of its own, one column that the contract lists, and that column's ends.
#[test]
fn a_covariate_is_read_with_its_ends_and_its_estimator() {
    let before = "[[dataset.column]]\nname = \"before\"\nrole = \"measure\"\nscale = 2\n";
    let arm = "[[dataset.column]]\nname = \"arm\"";
    let text = sample().replacen(arm, &format!("{before}{arm}"), 1);
    let text = text.replacen("arm = \"arm\"\n", "arm = \"arm\"\ncovariates = [\"before\"]\n", 1);
    let contract = Contract::parse(text.as_bytes()).unwrap();
    let asked = |estimator: &str, covariates: &str| {
        let job = LIFT.replacen("\"diff_in_means\"", &format!("\"{estimator}\""), 1);
        let job = format!("{job}\n{covariates}\n");
        lift_from_toml(&job, &contract).map(|(_, lift)| lift.covariate)
    };
    let refused = |asked: Result<Option<Covariate>, TemplateError>, expected: &str| {
        let error = asked.unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let sound = "[lift.covariates]\ncolumns = [\"before\"]\nclip = { before = [-10.0, 500.0] }";
    let clamp = Clamp::new(-1_000, 50_000).unwrap();
    let expected = Covariate { column: "before".to_owned(), clamp, scale: Scale::new(2).unwrap() };
    assert_eq!(asked("cuped", sound).unwrap(), Some(expected));
    assert_eq!(asked("diff_in_means", "").unwrap(), None);
    refused(asked("diff_in_means", sound), "expected \"cuped\"");
    assert_eq!(asked("cuped", ""), Err(TemplateError::Missing("lift.covariates")));
    let other = |from: &str, to: &str| asked("cuped", &sound.replacen(from, to, 1));
    refused(other("[\"before\"]", "[\"before\", \"arm\"]"), "one covariate");
    refused(other("[\"before\"]", "[\"arm\"]"), "before");
    refused(other("{ before = [-10.0, 500.0] }", "{ after = [0.0, 1.0] }"), "the ends of");
    refused(other("-10.0", "5.0"), "lift.covariates.clip.before");
    refused(other("500.0", "0.0"), "lift.covariates.clip.before");
    refused(asked("cuped", &format!("{sound}\nstrata = [\"area\"]")), "lift.covariates.strata");
    refused(asked("cuped", &format!("{sound}\nmissing = \"mean\"")), "lift.covariates.missing");
}

#[test]
fn says_what_it_takes_where_nothing_is_said() {
    let lift = read(SHORT).unwrap();
    assert_eq!((lift.expected_test_share.0, lift.srm_flag_p.0), (666_667, 1_000));
    assert_eq!((lift.confidence.0, lift.min_cell, lift.window), (950_000, 50, None));
    assert_eq!((lift.alternative, lift.multiplicity), (Alternative::TwoSided, Multiplicity::None));
    assert_eq!(lift.split, Split { n: 50, sum: 900, products: 50 });
}

#[test]
fn the_floor_of_the_contract_stands_whatever_the_job_says() {
    assert_eq!(edit("min_cell = 60", "min_cell = 20").unwrap().min_cell, 50);
}

#[test]
fn refuses_what_this_build_would_have_to_ignore() {
    not_offered(edit("\"itt\"", "\"ghost_bid\""), "lift.design = \"ghost_bid\" (offered: \"itt\")");
    not_offered(edit("\"user\"", "\"geo\""), "lift.level = \"geo\" (offered: \"user\")");
    not_offered(edit("version = 1", "version = 2"), "lift.version (offered: 1)");
    not_offered(
        edit("\"diff_in_means\"", "\"lin\""),
        "lift.estimator = \"lin\" (offered: \"diff_in_means\" or \"cuped\")",
    );
    not_offered(
        edit("n_public = false", "n_public = true"),
        "lift.privacy.n_public = true (head counts always get noise)",
    );
    // The contract says of no column that it tells who was reached.
    let reached = edit("srm_flag_p", "exposure_column = \"exposed\"\nsrm_flag_p");
    refused(reached, "lift.assignment.exposure_column", "\"exposed\"");
    for field in ["geo", "export"] {
        let refusal = format!("lift.{field} (leave it out)");
        not_offered(read(&format!("{LIFT}\n[lift.{field}]\nwhatever = 1\n")), &refusal);
        for said in ["[\"x\"]", "true", "\"x\"", "7", "0.5", "2026-10-01", "[{ x = 1 }]"] {
            not_offered(edit("version = 1", &format!("version = 1\n{field} = {said}")), &refusal);
        }
    }
    let refusal = "lift.assignment.opportunity_column (leave it out)";
    not_offered(edit("srm_flag_p", "opportunity_column = [1]\nsrm_flag_p"), refusal);
}

#[test]
fn reads_by_what_effects_are_told_apart() {
    let of = |breakdowns: &str| read(&format!("{SHORT}\n[lift.breakdowns]\n{breakdowns}\n"));
    let breakdown = of("creative = \"arm\"\nmax_cells = 2").unwrap().breakdown.unwrap();
    assert_eq!((breakdown.segments, breakdown.creative), (Vec::new(), Some("arm".to_owned())));
    assert_eq!(read(SHORT).unwrap().breakdown, None);
    refused(of("dimensions = [\"arm\"]"), "lift.breakdowns.dimensions", "\"arm\"");
    refused(of("creative = \"email\""), "lift.breakdowns.creative", "\"email\"");
    refused(of(""), "lift.breakdowns.dimensions", "none");
    refused(of("creative = \"arm\"\nmax_cells = 1"), "lift.breakdowns.max_cells", "1");
}

#[test]
fn names_everything_that_is_not_offered_at_once() {
    let text = LIFT.replace("\"itt\"", "\"psa\"").replace("\"add_remove\"", "\"change_one\"");
    let error = read(&text).unwrap_err();
    assert!(matches!(&error, TemplateError::NotOffered { fields } if fields.len() == 2), "{error}");
}

#[test]
fn refuses_unknown_fields_by_line() {
    let error = edit("level =", "levle =").unwrap_err();
    let TemplateError::Syntax { line, reason } = error else { panic!("{error}") };
    assert_eq!(line, 4);
    assert!(reason.contains("unknown field `levle`"), "{reason}");
    let error = edit("[lift.cost]", "[lift.costs]").unwrap_err();
    let at = LIFT.lines().position(|line| line == "[lift.cost]").unwrap() + 1;
    assert!(matches!(error, TemplateError::Syntax { line, .. } if line == at), "{error}");
}

#[test]
fn refuses_a_job_without_the_tables_it_needs() {
    let without = |from: &str, to: &str| {
        let (start, end) = (SHORT.find(from).unwrap(), SHORT.find(to).unwrap_or(SHORT.len()));
        read(&format!("{}{}", &SHORT[..start], &SHORT[end..])).unwrap_err()
    };
    let missing = without("[lift.assignment]", "[[lift.outcome]]");
    assert_eq!(missing, TemplateError::Missing("lift.assignment"));
    let missing = without("[[lift.outcome]]", "[lift.privacy]");
    assert_eq!(missing, TemplateError::Missing("[lift.outcome]"));
    assert_eq!(missing.to_string(), "job: [[lift.outcome]] is missing");
    assert_eq!(without("[lift.privacy]", "no end"), TemplateError::Missing("lift.privacy"));
}

#[test]
fn a_value_that_no_column_has_is_refused_in_a_sentence() {
    let said = |from: &str, to: &str| edit(from, to).unwrap_err().to_string();
    assert_eq!(
        said("[\"mens\"]", "[\"kids\"]"),
        "job: lift.assignment.test is \"kids\"; expected one of the values of exposures.arm: \"mens\", \
         \"womens\", \"none\""
    );
    assert_eq!(
        said("[\"mens\"]", "[]"),
        "job: lift.assignment.test is empty; expected at least one of the values of exposures.arm: \"mens\", \
         \"womens\", \"none\""
    );
    assert_eq!(
        said("[\"none\"]", "[\"none\", \"mens\"]"),
        "job: lift.assignment.control is \"mens\"; expected to be named once: the arms must not overlap"
    );
}

#[test]
fn refuses_arms_that_the_contract_does_not_have() {
    refused(edit("[\"mens\"]", "[\"kids\"]"), "lift.assignment.test", "\"kids\"");
    refused(edit("[\"mens\"]", "[]"), "lift.assignment.test", "empty");
    refused(edit("[\"none\"]", "[]"), "lift.assignment.control", "empty");
    refused(edit("[\"none\"]", "[\"none\", \"mens\"]"), "lift.assignment.control", "\"mens\"");
    refused(edit("[\"mens\"]", "[\"mens\", \"mens\"]"), "lift.assignment.test", "\"mens\"");
    refused(edit("column = \"arm\"", "column = \"segment\""), "lift.assignment.column", "segment");
}

#[test]
fn refuses_shares_that_are_none() {
    let field = "lift.assignment.expected_share";
    refused(edit("womens = 0.3", "kids = 0.3"), field, "\"kids\"");
    refused(edit("none = 0.5, ", ""), field, "incomplete");
    refused(edit("none = 0.5", "none = 0"), field, "not positive");
    refused(edit("none = 0.5", "none = -0.1"), field, "not positive");
    refused(edit("none = 0.5", "none = nan"), field, "not positive");
    refused(edit("srm_flag_p = 0.01", "srm_flag_p = 0"), "lift.assignment.srm_flag_p", "0");
    refused(edit("confidence = 0.9", "confidence = 1.0"), "lift.confidence", "1");
    refused(edit("confidence = 0.9", "confidence = 95"), "lift.confidence", "95");
}

#[test]
fn refuses_measures_that_the_analysis_does_not_allow() {
    let field = "lift.outcome \"capped spend\": column";
    refused(edit("column = \"spend\"", "column = \"email\""), field, "\"email\"");
    // In the contract, and not in the analysis.
    refused(edit("column = \"spend\"", "column = \"margin\""), field, "\"margin\"");
    let error = edit("column = \"spend\"", "column = \"margin\"").unwrap_err().to_string();
    assert!(error.contains("allows visit, spend"), "{error}");
}

#[test]
fn refuses_two_outcomes_of_one_name() {
    refused(edit("\"capped spend\"", "\"visit\""), "lift.outcome.name", "\"visit\"");
    refused(edit("\"capped spend\"", "\"\""), "lift.outcome.name", "\"\"");
    refused(edit("\"capped spend\"", "\"a\\nb\""), "lift.outcome.name", "\"a\\u{a}b\"");
}

#[test]
fn refuses_caps_that_do_not_fit_the_kind() {
    let cap = |to: &str| edit("cap_per_user = 499.0", to);
    let field = "lift.outcome \"capped spend\": cap_per_user";
    for found in ["0.001", "0", "-1", "inf", "nan", "1e12"] {
        let shown = found.parse::<f64>().unwrap().to_string();
        let shown = if found == "nan" { "NaN".to_owned() } else { shown };
        refused(cap(&format!("cap_per_user = {found}")), field, &shown);
    }
    refused(cap(""), field, "not given");
    refused(cap("cap_per_user = 1\nmax_events_per_user = 4"), field, "1");
    let field = "lift.outcome \"visit\": type";
    refused(edit("\"binary\"", "\"binary\"\ncap_per_user = 1"), field, "binary");
    let field = "lift.outcome \"visit\": max_events_per_user";
    refused(edit("\"binary\"", "\"count\""), field, "not given");
    let lift = edit("\"binary\"", "\"count\"\nmax_events_per_user = 4").unwrap();
    assert_eq!((lift.outcomes[0].kind, lift.outcomes[0].clamp.most()), (OutcomeKind::Count, 4));
    // Three events, and not three hundredths of one, in a column of two decimals.
    let value = "type = \"value\"\ncap_per_user = 499.0\ncap_source = \"declared\"";
    let lift = edit(value, "type = \"count\"\nmax_events_per_user = 3").unwrap();
    let spend = lift.outcomes.iter().find(|it| it.column == "spend").unwrap();
    assert_eq!(
        (spend.kind, spend.clamp.most(), spend.scale.decimals()),
        (OutcomeKind::Count, 300, 2)
    );
}

#[test]
fn refuses_losses_and_splits_that_are_none() {
    refused(edit("epsilon = 1.0", "epsilon = 0"), "lift.privacy.epsilon", "0");
    refused(edit("delta = 1e-6", "delta = 1"), "lift.privacy.delta", "1");
    let field = "lift.privacy.split";
    let split = |to: &str| edit("n = 0.25, sum = 0.5, sum_sq = 0.25", to);
    refused(split("n = 0.25, sum = 0.6, sum_sq = 0.25"), field, "0.25 + 0.6 + 0.25 = 1.1");
    let part = |name: &str| format!("{field}.{name}");
    refused(split("n = -0.25, sum = 1, sum_sq = 0.25"), &part("n"), "-0.25");
    // Parts of a thousandth were cut off once, and the sum of these was taken for 1.
    refused(split("n = 0.2009, sum = 0.5, sum_sq = 0.3"), &part("n"), "0.2009");
    refused(split("n = 0.2005, sum = 0.4995, sum_sq = 0.3"), &part("n"), "0.2005");
    refused(split("n = 0.3333, sum = 0.3334, sum_sq = 0.3333"), &part("n"), "0.3333");
    assert_eq!(
        split("n = 0.333, sum = 0.333, sum_sq = 0.334").unwrap().split,
        Split { n: 333, sum: 333, products: 334 }
    );
}

#[test]
fn a_share_of_nothing_is_refused_where_something_needs_it() {
    let split =
        |text: &str, to: &str| read(&text.replacen("n = 0.25, sum = 0.5, sum_sq = 0.25", to, 1));
    for (to, part) in [
        ("n = 0, sum = 0.5, sum_sq = 0.5", "n"),
        ("n = 0.5, sum = 0, sum_sq = 0.5", "sum"),
        ("n = 0.5, sum = 0.5, sum_sq = 0", "sum_sq"),
        ("n = 1, sum = 0, sum_sq = 0", "sum"),
    ] {
        refused(split(LIFT, to), &format!("lift.privacy.split.{part}"), "0");
    }
    // Nobody needs squares of a share of people: their part goes to the sums.
    let outcome = "[[lift.outcome]]\nname = \"capped spend\"";
    let (start, end) = (LIFT.find(outcome).unwrap(), LIFT.find("[lift.cost]").unwrap());
    let binary = format!("{}{}", &LIFT[..start], &LIFT[end..]);
    for to in ["n = 0.5, sum = 0.5, sum_sq = 0", "n = 0.5, sum = 0, sum_sq = 0.5"] {
        assert!(split(&binary, to).is_ok(), "{to}");
    }
    refused(split(&binary, "n = 1, sum = 0, sum_sq = 0"), "lift.privacy.split.sum", "0");
}

/// Whoever reads a refusal can see what is wrong: the range that it states does not contain what was found.
#[test]
fn a_refused_number_lies_outside_the_range_that_its_refusal_states() {
    let value = "type = \"value\"\ncap_per_user = 499.0\ncap_source = \"declared\"";
    for (from, to) in [
        ("cap_per_user = 499.0", "cap_per_user = 99999999999"),
        ("cap_per_user = 499.0", "cap_per_user = 21474836.49"),
        ("cap_per_user = 499.0", "cap_per_user = 0"),
        ("cap_per_user = 499.0", "cap_per_user = 1\nfloor_per_user = 0.01"),
        ("cap_per_user = 499.0", "cap_per_user = 1\nfloor_per_user = -21474836.49"),
        (value, "type = \"count\"\nmax_events_per_user = 4294967295"),
        (value, "type = \"count\"\nmax_events_per_user = 4294967296"),
        ("min_cell = 60", "min_cell = 9999999999"),
        ("min_cell = 60", "min_cell = -1"),
        ("cooldown_days = 14", "cooldown_days = 9999999999"),
        ("confidence = 0.9", "confidence = 0.9999999"),
        ("confidence = 0.9", "confidence = 1e-7"),
        ("srm_flag_p = 0.01", "srm_flag_p = 1"),
        ("total = 1065.35", "total = 9000000001"),
        ("total = 1065.35", "total = -1"),
    ] {
        let said = edit(from, to).unwrap_err().to_string();
        let (before, range) = said.split_once("expected ").unwrap();
        let (least, most) = range.split_once(" from ").unwrap().1.split_once(" to ").unwrap();
        let number = |text: &str| {
            let end = text.find(|c: char| !c.is_ascii_digit() && !".-e".contains(c));
            text[..end.unwrap_or(text.len())].parse::<f64>().unwrap()
        };
        let found = to.rsplit(" = ").next().unwrap();
        let in_words = number(found).to_string();
        assert!(before.contains(&in_words) || before.contains(found), "{said}");
        let (least, most) = (number(least), number(most));
        assert!(!(least..=most).contains(&number(found)), "{said}");
    }
}

#[test]
fn refuses_a_window_that_ends_before_it_starts_or_has_no_date() {
    refused(edit("2026-10-28", "2026-09-30"), "lift.window.end", "2026-09-30");
    refused(edit("2026-10-01", "2026-10-32"), "lift.window.start", "2026-10-32");
    refused(edit("cooldown_days = 14", "cooldown_days = 367"), "lift.window.cooldown_days", "367");
    let contract = Contract::parse(sample().replace("date = \"bought\"\n", "").as_bytes()).unwrap();
    refused(lift_from_toml(LIFT, &contract).map(|(_, lift)| lift), "lift.window", "given");
}

#[test]
fn refuses_costs_that_are_none() {
    refused(edit("total = 1065.35", "total = -1"), "lift.cost.total", "-1");
    refused(edit("\"USD\"", "\"dollars\""), "lift.cost.currency", "dollars");
}

#[test]
fn asks_which_analysis_where_the_contract_has_several() {
    let (head, tail) =
        sample().split_once("[[analysis]]").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let second =
        tail.split_once("[[build]]").unwrap().0.replace("name = \"lift\"", "name = \"weekly\"");
    let text = format!("{head}[[analysis]]{second}[[analysis]]{tail}");
    let contract = Contract::parse(text.as_bytes()).unwrap();
    let error = lift_from_toml(LIFT, &contract).unwrap_err().to_string();
    assert!(error.contains("name one of lift, weekly"), "{error}");
    let named = format!("[job]\nanalysis = \"weekly\"\n{LIFT}");
    assert_eq!(lift_from_toml(&named, &contract).unwrap().0, "weekly");
    let other = format!("[job]\nanalysis = \"daily\"\n{LIFT}");
    refused(lift_from_toml(&other, &contract).map(|(_, lift)| lift), "job.analysis", "daily");
}

#[test]
fn the_cap_of_a_count_is_refused_without_a_word_about_decimals_or_columns() {
    let field = |key: &str| format!("kind.{key}");
    let said = |cap: f64, floor: Option<f64>, scale: u8| {
        clamp(&field, cap, floor, Scale::new(scale).unwrap()).unwrap_err().to_string()
    };
    assert_eq!(
        said(2.5, None, 0),
        "job: kind.cap_per_user is 2.5; expected a whole number from 1 to 2147483648"
    );
    assert_eq!(
        said(3.0, Some(-0.5), 0),
        "job: kind.floor_per_user is -0.5; expected a whole number from -2147483648 to 0"
    );
    assert_eq!(
        said(3e9, None, 0),
        "job: kind.cap_per_user is 3000000000; expected a whole number from 1 to 2147483648"
    );
    assert_eq!(
        said(2.555, None, 2),
        "job: kind.cap_per_user is 2.555; expected an amount from 0.01 to 21474836.48 with at most 2 decimals"
    );
    assert!(said(3e7, Some(0.5), 2).contains("cap_per_user is 30000000; "));
    assert!(
        said(3.0, Some(0.5), 2)
            .ends_with("expected an amount from -21474836.48 to 0.00 with at most 2 decimals")
    );
}
