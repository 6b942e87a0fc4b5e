//! What is asked, what is refused, and whether intervals hold.

use super::{sample::result, *};
use crate::{
    analysis::{Question, samples, toml::question_from_toml},
    contract::Contract,
    page::{Block, Provenance, Source},
    policy,
    refusal::Refusal,
    released::{Cell, Figures, Place, Totals},
    tally::{Condition, Dimension},
};

mod coverage;

const CONTRACT: &str = include_str!("sample/contract.toml");
const JOB: &str = include_str!("sample/job.toml");

fn contract() -> Contract {
    samples::contract(CONTRACT)
}

fn asked(job: &str) -> Result<Outcomes, String> {
    match question_from_toml(job, &contract()) {
        Ok((_, Question::Outcomes(asked))) => Ok(asked),
        Ok(_) => panic!("another kind"),
        Err(error) => Err(error.to_string()),
    }
}

fn with(from: &str, to: &str) -> Result<Outcomes, String> {
    assert!(JOB.contains(from), "{from}");
    asked(&JOB.replacen(from, to, 1))
}

fn priced(asked: Outcomes) -> Result<Proven, Refusal> {
    policy::price(&contract(), "first-month", &Question::Outcomes(asked))
}

#[test]
fn who_is_in_the_cohort_has_had_the_whole_window_within_what_is_observed() {
    let found = asked(JOB).unwrap();
    let day = |text| date(text);
    assert_eq!([found.started.first, found.started.last].map(day), ["2026-05-01", "2026-10-01"]);
    // Thirty days before the start are to be observed, too.
    let before = with("first = 0, last = 30", "first = -30, last = -1").unwrap();
    assert_eq!([before.started.first, before.started.last].map(day), ["2026-05-31", "2026-11-01"]);
    let started =
        |days: &str| with("[[outcomes", &format!("[outcomes.started]\n{days}\n[[outcomes"));
    let narrower = started("first = \"2026-06-01\"\nlast = \"2026-06-30\"").unwrap();
    assert_eq!(
        [narrower.started.first, narrower.started.last].map(day),
        ["2026-06-01", "2026-06-30"]
    );
    let late = started("first = \"2026-06-01\"\nlast = \"2026-10-02\"").unwrap_err();
    assert_eq!(
        late,
        "job: outcomes.started.last is 2026-10-02; the outcomes are observed until 2026-10-31: expected 2026-10-01 or \
         earlier, so that whole windows are; whoever started later has not had until day 30, and would count as \
         somebody who did nothing"
    );
    let early = started("first = \"2026-04-30\"\nlast = \"2026-06-30\"").unwrap_err();
    assert!(early.contains("observed from 2026-05-01: expected 2026-05-01 or later"), "{early}");
    let long = with("last = 30", "last = 300").unwrap_err();
    assert!(
        long.contains("outcomes.observed is 2026-05-01 to 2026-10-31; expected days for whole"),
        "{long}"
    );
}

/// Whoever signs a job without a template.
#[test]
fn no_job_counts_people_whose_window_was_not_over() {
    let mut asked = asked(JOB).unwrap();
    priced(asked.clone()).unwrap();
    asked.started.last += 1;
    assert_eq!(priced(asked.clone()), Err(Refusal::Malformed));
    asked.started = Days { first: asked.observed.first - 1, last: asked.observed.first };
    assert_eq!(priced(asked.clone()), Err(Refusal::Malformed));
    asked.started = Days { first: asked.observed.first, last: asked.observed.first - 1 };
    assert_eq!(priced(asked.clone()), Err(Refusal::Malformed));
    asked.window = Days { first: i32::MIN, last: i32::MAX };
    assert_eq!(priced(asked), Err(Refusal::Malformed));
}

/// An answer would call a day before 1970 the first of them, and a window of centuries a cohort of everybody.
#[test]
fn no_job_has_days_that_a_template_could_not_say() {
    let job = asked(JOB).unwrap();
    let refused = |window: [i32; 2], observed: [i32; 2], started: [i32; 2]| {
        let [window, observed, started] =
            [window, observed, started].map(|[first, last]| Days { first, last });
        let asked = Outcomes { window, observed, started, ..job.clone() };
        assert_eq!(priced(asked), Err(Refusal::Malformed), "{window:?} {observed:?} {started:?}");
    };
    refused([0, 30], [-400, 0], [-400, -30]);
    refused([0, 0], [i32::MIN, i32::MAX], [i32::MIN, i32::MAX]);
    refused([0, 0], [0, i32::MAX], [0, i32::MAX]);
    refused([-3_661, 0], [0, 20_000], [4_000, 20_000]);
    refused([10, 20], [5, 100], [-5, 80]);
}

fn flags(contract: &str, job: &str) -> (Vec<String>, String) {
    let contract = samples::contract(contract);
    let (name, question) = question_from_toml(job, &contract).unwrap();
    let proven = policy::price(&contract, &name, &question).unwrap();
    let scope = Scope::of(&contract, &name).unwrap();
    let Question::Outcomes(asked) = &question else { unreachable!("another kind") };
    let (answer, flags) = asked.estimate(&released(900), &proven, &scope).unwrap();
    let mut result = result();
    result.answer = answer;
    result.flags.clone_from(&flags);
    (flags, page(&result))
}

fn released(people: i64) -> Released {
    Released::Figures(Figures {
        contrasts: Vec::new(),
        spread: Vec::new(),
        noise: true,
        cells: vec![Cell {
            name: vec![Place::Index(1), Place::Index(0)],
            totals: Totals { people, sums: vec![90, 900], products: vec![9_000] },
        }],
        cut: 0,
        other: None,
        withheld: 19,
        withheld_without_value: Some(11),
        no_consent: None,
    })
}

#[test]
fn who_is_left_out_of_a_rate_or_counts_as_having_done_nothing_is_said() {
    assert_eq!(flags(CONTRACT, JOB).0, Vec::<String>::new());
    let consent = "[[dataset.column]]\nname = \"agreed\"\nrole = \"consent\"\n";
    let column = "[[dataset.column]]\nname = \"category\"";
    let both = CONTRACT.replacen(column, &format!("{consent}{column}"), 1);
    let (found, page) = flags(&both, JOB);
    assert_eq!(found, ["some_refusals_known_by_outcome"]);
    assert!(page.contains("are known only of people who have rows there"), "{page}");
    let joined = "[[dataset.column]]\nname = \"joined\"";
    let phone = "[[dataset.column]]\nname = \"phone\"\nrole = \"match_key\"\nkind = \"phone\"\n";
    let keys = CONTRACT.replacen(joined, &format!("{phone}{joined}"), 1);
    let (found, page) = flags(&keys, JOB);
    assert_eq!(found, ["not_found_by_key"]);
    assert!(page.contains("counts as somebody who did nothing"), "{page}");
    let chosen = CONTRACT.replacen("[\"purchases.category\"]", "[\"members.joined\"]", 1);
    let filter = "[[outcomes.where]]\ncolumn = \"members.joined\"\nfirst = \"2026-06-01\"\n\
                  last = \"2026-06-30\"\n\n[[outcomes.outcome]]";
    let (found, page) = flags(&chosen, &JOB.replacen("[[outcomes.outcome]]", filter, 1));
    assert_eq!(found, ["starts_chosen"]);
    assert!(page.contains("counts as new") && !page.contains("is not new"), "{page}");
}

#[test]
fn a_field_that_cannot_be_is_refused_by_name() {
    let refused = |from: &str, to: &str| with(from, to).unwrap_err();
    for (from, to, expected) in [
        ("window = { first = 0, last = 30 }\n", "", "[outcomes.window] is missing"),
        (
            "first = 0, last = 30",
            "first = 31, last = 30",
            "outcomes.window is 31 to 30; expected days",
        ),
        ("last = 30 }", "last = 3661 }", "outcomes.window is 0 to 3661; expected days"),
        ("observed = ", "watched = ", "unknown field"),
        (
            "2026-05-01",
            "2026-11-01",
            "outcomes.observed.last is 2026-10-31; expected no day before",
        ),
        ("2026-05-01", "1. May", "outcomes.observed.first is 1. May; expected a day such as"),
        (
            "[\"plan\"]",
            "[\"email\"]",
            "outcomes.segments is \"email\"; the contract's analysis allows plan",
        ),
        ("[\"plan\"]", "[\"plan\", \"plan\"]", "outcomes.segments is \"plan\"; expected each once"),
        (
            "column = \"spend\"",
            "column = \"bought\"",
            "column is \"bought\"; the contract's analysis allows spend",
        ),
        (
            "cap_per_user = 100",
            "cap_per_user = 0",
            "cap_per_user is 0; expected an amount from 0.01",
        ),
        ("name = \"spend\"", "name = \"\"", "outcomes.outcome.name is \"\"; expected 1 to 64"),
        ("epsilon = 2", "epsilon = 0", "outcomes.privacy.epsilon is 0"),
        ("[outcomes.privacy]\nepsilon = 2\ndelta = 1e-6\n", "", "[outcomes.privacy] is missing"),
        (
            "[outcomes.privacy]",
            "[[outcomes.where]]\ncolumn = \"members.plan\"\nin = [\"plus\"]\n[outcomes.privacy]",
            "outcomes.where.column is members.plan; the contract's analysis allows purchases.category",
        ),
    ] {
        let found = refused(from, to);
        assert!(found.contains(expected), "{found}");
    }
    let twice = format!(
        "{JOB}\n[[outcomes.outcome]]\nname = \"spend\"\ncolumn = \"spend\"\ncap_per_user = 1\n"
    );
    assert!(
        asked(&twice)
            .unwrap_err()
            .contains("outcomes.outcome.name is \"spend\"; expected each name once")
    );
}

#[test]
fn a_tally_reads_the_earliest_day_the_only_segment_and_the_window() {
    let job = JOB.replacen(
        "[outcomes.privacy]",
        "[[outcomes.where]]\ncolumn = \"purchases.category\"\nin = [\"books\"]\n[outcomes.privacy]",
        1,
    );
    let asked = asked(&job).unwrap();
    let (first, last) = (i64::from(asked.started.first), i64::from(asked.started.last));
    let proven = priced(asked).unwrap();
    let tally = proven.tally();
    assert_eq!(tally.cells_per_person, 1);
    assert!(matches!(
        tally.dimensions.as_slice(),
        [Dimension::Earliest { edges, .. }, Dimension::Only { values: Some(3), .. }]
            if *edges == [first, last + 1]
    ));
    assert!(tally.tables[0].rows.is_empty());
    assert!(matches!(
        tally.tables[1].rows.as_slice(),
        [Condition::SinceStart { first: 0, last: 30, .. }, Condition::OneOf { .. }]
    ));
    assert_eq!((tally.measures.len(), tally.products.len()), (2, 1));
}

#[test]
fn what_is_signed_and_does_not_hold_together_is_refused() {
    let changed = |change: fn(&mut Outcomes)| {
        let mut asked = asked(JOB).unwrap();
        change(&mut asked);
        priced(asked)
    };
    assert_eq!(changed(|it| it.outcomes[0].scale = Scale::WHOLE), Err(Refusal::Malformed));
    assert_eq!(changed(|it| it.segments.push("plan".to_owned())), Err(Refusal::Malformed));
    assert_eq!(changed(|it| it.outcomes[0].name.clear()), Err(Refusal::Malformed));
    for refused in [
        changed(|it| it.outcomes[0].column = "bought".to_owned()),
        changed(|it| it.segments[0] = "agreed".to_owned()),
    ] {
        assert!(matches!(refused, Err(Refusal::NotPermitted { .. })), "{refused:?}");
    }
    let over = changed(|it| it.segments = vec!["plan".to_owned(); limits::GROUP_BY]);
    assert!(matches!(over, Err(Refusal::OverLimit { limit: Limit::GroupBy, .. })), "{over:?}");
    let over = changed(|it| it.outcomes = vec![it.outcomes[0].clone(); limits::MEASURES]);
    assert!(matches!(over, Err(Refusal::OverLimit { limit: Limit::Outcomes, .. })), "{over:?}");
}

fn page(result: &JobResult<OutcomesAnswer>) -> String {
    let from = Provenance {
        asked_by: result.asked_by.clone(),
        output: crate::digest::Digest::of("sample", b"output"),
        simulated: false,
        source: Source::Trial,
        asker: None,
    };
    format!("{:?}", result.clone().map(crate::analysis::Answer::from).page(&from))
}

#[test]
fn the_page_says_who_counts_and_who_does_not() {
    let result = result();
    let answer = &result.answer;
    assert_eq!(
        answer.segments.iter().map(|it| it.names[0].as_str()).collect::<Vec<_>>(),
        ["basic", "plus", "family"]
    );
    let all = answer.together.as_ref().unwrap();
    assert!(
        (all.people.value - 6_989.0).abs() < 1e-9
            && (all.with_outcome.value - 1_756.0).abs() < 1e-9
    );
    assert_eq!((answer.withheld_segments, answer.withheld_without_value), (2, 2));
    assert_eq!(answer.elsewhere.after.people.unwrap().value.round().to_string(), "1345");
    assert_eq!(answer.elsewhere.without_start.people, None);
    let page = page(&result);
    for text in [
        "Started before ",
        "Started after ",
        "Have no day of a start",
        "too few to show",
        "at least ",
        "Withheld consent, in ",
        "somebody who comes back is not new",
        "Only the cohort (first line) is in the figures above.",
        "no upper end",
        "The dashed line is the rate of all segments that are shown.",
        "Nothing about causes",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
    assert!(!page.contains("Some windows were not over"));
}

#[test]
fn days_that_were_not_over_are_not_observed_whatever_the_job_says() {
    let mut result = result();
    "2026-11-23".clone_into(&mut result.answer.observed[1]);
    assert_eq!(result.time.to_string().get(..10), Some("2026-11-23"));
    assert!(page(&result).contains("Some windows were not over"));
}

#[test]
fn a_segment_may_be_called_like_a_word_of_ours_and_is_told_apart() {
    let mut result = result();
    "(all that are shown)".clone_into(&mut result.answer.segments[0].names[0]);
    let own = <Outcomes as Analysis>::page(&result);
    let tables = own.sections.iter().flat_map(|section| &section.blocks);
    let names = tables.filter_map(|block| match block {
        Block::Table(table) => Some(table.rows.iter().map(|row| row.names[0].raw())),
        _ => None,
    });
    assert!(names.flatten().any(|name| name == "\"(all that are shown)\""));
}

#[test]
fn where_consent_is_asked_of_outcomes_alone_rates_are_said_to_be_too_low() {
    let consent = "[[dataset.column]]\nname = \"agreed\"\nrole = \"consent\"\n";
    let moved = CONTRACT.replacen(consent, "", 1).replacen(
        "[[dataset.column]]\nname = \"category\"",
        &format!("{consent}[[dataset.column]]\nname = \"category\""),
        1,
    );
    let contract = samples::contract(&moved);
    let (name, question) = question_from_toml(JOB, &contract).unwrap();
    let proven = policy::price(&contract, &name, &question).unwrap();
    let scope = Scope::of(&contract, &name).unwrap();
    let (_, flags) = question.estimate(&released(900), &proven, &scope).unwrap();
    assert_eq!(flags, ["refusals_known_by_outcome"]);
}

#[test]
fn shows_how_a_window_is_written_where_a_number_was() {
    let number = with("window = { first = 0, last = 30 }", "window = 30").unwrap_err();
    assert!(number.contains("expected { first = 0, last = 30 }"), "{number}");
    let text = with("window = { first = 0, last = 30 }", "window = \"30\"").unwrap_err();
    assert!(text.contains("expected { first = 0, last = 30 }"), "{text}");
}
