//! Pages of HTML.

use super::{checked, page, provenance};
use crate::html::{STYLE, page as draw};
use protocol::{
    analysis::{
        Answer, choice,
        lift::{Cell, sample::result as lift},
        overlap,
        table::sample::{by_shop, by_spend},
    },
    digest::Digest,
    page::{Checked, Provenance, Source},
    result::{JobResult, LiftResult},
};

fn html<A: Into<Answer>>(result: JobResult<A>) -> String {
    plain(&draw(&page(result)).unwrap())
}

/// A page with plain spaces, and without the headings that figures of a broad table have beside them.
fn plain(page: &str) -> String {
    let page = page.replace('\u{a0}', " ");
    let mut parts = page.split(" data-of=\"");
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |page, part| page + part.split_once('"').unwrap().1)
}

/// On a telephone each figure of a broad table stands beside its heading, and a small table stays one.
#[test]
fn a_table_broader_than_a_telephone_has_its_headings_beside_its_figures() {
    let broad = draw(&page(by_shop())).unwrap();
    let (_, table) = broad.split_once("<table class=\"broad\">").unwrap();
    let (row, _) = table.split_once("</tr>\n<tr>").unwrap();
    assert!(row.contains("<td data-of=\""), "{row}");
    let lift = draw(&page(lift())).unwrap();
    let people = lift.split("<table").find(|table| table.contains("test, all")).unwrap();
    assert!(people.starts_with('>') && !people.contains("data-of"), "{people}");
}

fn drawn(result: &JobResult, from: &Provenance) -> String {
    plain(&draw(&result.page(from)).unwrap())
}

/// Writes the pages of the samples beside the path in the environment, for who wants to look at them.
#[test]
fn every_sample_makes_a_page() {
    let pages = [
        ("lift", page(lift())),
        ("shops", page(by_shop())),
        ("spend", page(by_spend())),
        ("quantile", page(choice::sample::quantile())),
        ("fullest", page(choice::sample::fullest())),
        ("overlap", page(overlap::sample::of_two())),
        ("overlaps", page(overlap::sample::of_many())),
    ];
    for (name, page) in pages {
        let html = draw(&page).unwrap();
        assert!(html.ends_with("</html>\n"), "{name}");
        if let Ok(path) = std::env::var("GLOVEBOX_SAMPLE_PAGES") {
            std::fs::write(format!("{path}/{name}.html"), html).unwrap();
            let text = crate::terminal::summary(&page).unwrap();
            std::fs::write(format!("{path}/{name}.txt"), text).unwrap();
        }
    }
}

#[test]
fn says_what_was_asked_and_how_to_check_it() {
    let mut result = lift();
    // As of a one-sided test.
    let lift = result.answer.outcomes[1].relative_lift.as_mut().unwrap();
    lift.ci_fieller = Some([Some(0.78), None]);
    let page = html(result);
    for text in [
        "SIMULATED",
        "Asked by publisher (analyst key \u{201c}ana\u{201d}) for measurement",
        "+7.659 pp",
        "polygon class=\"arrow\"",
        "glovebox receipt check receipt.cbor result.json --contract contract.toml.signed --danger-root root.pem",
        "What this does not say",
        "</html>",
    ] {
        assert!(page.contains(text), "no {text}");
    }
    assert!(page.contains(&Digest::of("sample", b"output").to_string()));
}

#[test]
fn money_has_its_currency_and_its_outcome() {
    let mut result = lift();
    let mut money = result.answer.outcomes[2].economics.take().unwrap();
    (money.incremental, money.iroas) = (None, None);
    (money.cost_per_incremental, money.cost_per_incremental_ci) =
        (Some(0.645), Some([Some(0.5), None]));
    result.answer.outcomes[0].economics = Some(money);
    let page = html(result);
    assert!(page.contains("visit: 0.645 USD per additional visit (above 0.500)."), "{page}");
}

#[test]
fn the_people_of_each_arm_are_there_though_its_cells_are_withheld() {
    let mut result = lift();
    result.answer.cells.iter_mut().for_each(|cell| cell.n = None);
    let page = html(result);
    // Two cells, each with noise of 11.97: 16.93 together.
    for row in
        ["test, all</th><td>21,303</td><td>16.9<", "control, all</th><td>21,315</td><td>16.9<"]
    {
        assert!(page.contains(row), "no {row} in {page}");
    }
    assert!(page.contains("Withheld: the arm has fewer than 50 people, after noise"));
}

#[test]
fn where_no_consent_is_asked_nothing_is_said_of_people_who_withheld_it() {
    let mut result = lift();
    let words = |result: &LiftResult| html(result.clone());
    assert!(words(&result).contains("about 0 who withheld consent"));
    result.answer.cells.retain(|cell| cell.cell != Cell::NoConsent);
    let lift = words(&result);
    assert!(!lift.contains("consent") && lift.contains("about 2 in several arms (noisy"), "{lift}");
    let mut table = by_shop();
    table.answer.consent_from.clear();
    let table = html(table);
    assert!(
        !table.contains("consent") && table.contains("people without an identifier"),
        "{table}"
    );
}

#[test]
fn each_reason_against_a_design_stands_by_itself() {
    let mut result = lift();
    result.flags = vec!["match_differs".to_owned()];
    let words = |result: &LiftResult| html(result.clone());
    let one = words(&result);
    assert!(
        one.contains("<strong>The design may be broken.</strong> The arms were found"),
        "{one}"
    );
    assert!(one.contains("which chance does not explain; but the design may be broken"), "{one}");
    result.flags.push("contaminated".to_owned());
    let two = words(&result);
    assert!(
        two.contains("<li>The arms were found")
            && two.contains("<li>As many people as more than 1 %"),
        "{two}"
    );
}

/// On a telephone, a name in a column of names would else be cut wherever it is narrow.
#[test]
fn a_word_in_a_table_is_broken_only_if_it_is_too_long_for_a_column() {
    let names = STYLE.lines().find(|line| line.starts_with("tbody th {")).unwrap();
    assert!(names.contains("overflow-wrap: break-word") && !names.contains("anywhere"), "{names}");
}

#[test]
fn a_number_stays_on_the_line_of_its_unit() {
    let page = draw(&page(lift())).unwrap();
    assert!(page.contains("18.276\u{a0}% in the test arm, a change of +7.659\u{a0}pp"), "{page}");
    assert!(page.contains("(p\u{a0}&lt;\u{a0}0.0001, adjusted after Holm)"), "{page}");
}

/// Six outcomes at p = 0.0283 each are 0.17 after Holm, whatever an unadjusted interval would say.
#[test]
fn the_verdict_is_that_of_the_p_value_that_is_shown() {
    let mut result = lift();
    for (outcome, adjusted) in result.answer.outcomes.iter_mut().zip([0.1696, 0.049, 0.0501]) {
        let diff = outcome.diff_in_means.as_mut().unwrap();
        (diff.p, diff.p_adjusted) = (Some(0.0283), Some(adjusted));
    }
    let page = html(result);
    assert_eq!(page.matches("statistically clear").count(), 1, "{page}");
    assert_eq!(page.matches("this study cannot tell").count(), 2);
    assert!(page.contains("each of 98.33 %, which together hold with 95 %"));
}

#[test]
fn match_rates_and_people_who_are_left_out_are_always_said() {
    let mut result = lift();
    let rates = result.answer.match_rates.as_mut().unwrap();
    (rates.control.rate, rates.control.ci, rates.differs) = (0.5, [0.49, 0.51], true);
    result.answer.cells[4].n = Some(5_977);
    result.flags = ["match_differs", "contaminated", "consent_with_outcome", "arms_pooled"]
        .map(str::to_owned)
        .to_vec();
    let page = html(result);
    for text in [
        "test 100.00 % (99.85 to 100.00), control 50.00 % (49.00 to 51.00): THEY DIFFER",
        "about 5,977 in several arms",
        "identifiers of one arm are worse",
        "Consent is asked in the outcome data only",
        "keep the first assignment",
        "were not checked",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
    assert!(!page.contains("Everyone counts") && !page.contains("does not know"));
}

/// A page never says that an effect of 0 can be detected.
#[test]
fn nothing_is_detectable_where_there_is_no_error() {
    let mut result = lift();
    result.answer.outcomes[0].minimum_detectable = Some(1e-12);
    let page = html(result);
    assert!(!page.contains("<td>0.000 pp</td>"), "{page}");
}

#[test]
fn a_trial_shows_no_receipt() {
    let from = Provenance { source: Source::Trial, ..provenance() };
    let page = drawn(&lift().map(Into::into), &from);
    assert!(page.contains("A TRIAL, SIMULATED.") && page.contains("a trial leaves no receipt"));
    assert!(!page.contains("receipt check") && !page.contains("PCR0"), "{page}");
}

#[test]
fn a_table_says_what_was_counted_and_what_is_not_shown() {
    let shops = html(by_shop());
    let spend = html(by_spend());
    for text in [
        "4 groups are not shown",
        "About 412 people (396 to 428 at 95 %) withheld consent (asked in sales)",
        ">(not shown)<",
        "<td>at least 58</td>",
        "less than 0 as 0",
        "class=\"bar\"",
    ] {
        assert!(shops.contains(text), "no {text}");
    }
    assert!(spend.contains("90th percentile: 50.00 to below 100.00"));
    for page in [&shops, &spend] {
        assert!(!page.contains("everybody in the data"), "{page}");
        assert!(page.contains("what a person has in any second group"), "{page}");
    }
}

#[test]
fn a_table_in_which_nothing_is_shown_says_so() {
    let mut result = by_shop();
    (result.answer.cells, result.answer.other) = (Vec::new(), None);
    result.flags = vec!["all_withheld".to_owned()];
    let page = html(result);
    assert!(page.contains("Nothing can be shown") && page.contains("No group has enough people"));
    assert!(!page.contains("<table"));
}

#[test]
fn a_group_without_a_measure_has_dashes_and_every_other_its_own_figures() {
    let mut result = by_shop();
    result.answer.cells[0].measures.clear();
    let page = html(result);
    let table = page.split("<h2>spend</h2>").nth(1).unwrap();
    let rows: Vec<_> = table.split("<tr>").skip(2).collect();
    assert_eq!(rows[0].matches("<td>\u{2013}</td>").count(), 4);
    assert!(rows[1].contains("<td>402,118</td>") && rows[5].contains("<td>11,001</td>"));
}

#[test]
fn names_of_groups_cannot_become_markup() {
    let hostile = "<img src=x onerror=alert(1)>'\"&</td></table>".to_owned();
    let mut result = by_shop();
    result.answer.counted.clone_from(&hostile);
    result.answer.group_by = vec![hostile.clone(), hostile.clone()];
    for cell in &mut result.answer.cells {
        cell.names.iter_mut().for_each(|name| name.clone_from(&hostile));
        cell.measures.iter_mut().for_each(|it| it.name.clone_from(&hostile));
    }
    let other = result.answer.other.as_mut().unwrap();
    other.measures.iter_mut().for_each(|it| it.name.clone_from(&hostile));
    let page = html(result);
    assert!(!page.contains("<img"), "markup got through");
    assert_eq!(page.matches("</table>").count(), 3);
}

#[test]
fn a_spread_stands_with_its_range_and_both_say_where_they_end() {
    let page = html(by_shop());
    let spread = page.split("<h3>How much people differ</h3>").nth(1).unwrap();
    assert!(spread.contains("<td>29.3</td><td>27.1 to 31.2</td>"), "{spread}");
    // Of the smallest group nothing is known but what is possible, and that is said.
    assert!(spread.contains("<td>0</td><td>0 to 50</td>"), "{spread}");
    assert!(spread.contains("it begins at 0 where noise reaches it"), "{spread}");
    assert!(page.contains("<td>0.0 to 100.0</td>"), "{page}");
    assert!(page.contains("lies within what one person can have in the group"), "{page}");
    let mut result = by_shop();
    result.answer.cells.iter_mut().for_each(|cell| cell.measures[0].spread = None);
    let page = html(result);
    assert!(!page.contains("How much people differ"), "nobody asked");
}

#[test]
fn nothing_comes_from_outside_and_nothing_runs() {
    let page = html(lift());
    for text in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(text), "found {text}");
    }
}

#[test]
fn text_from_elsewhere_cannot_become_markup() {
    let hostile = "<img src=x onerror=alert(1)>'\"&</title></svg></style>".to_owned();
    let mut result = lift();
    let strings = [
        &mut result.contract_name,
        &mut result.analysis,
        &mut result.purpose,
        &mut result.answer.estimand,
        &mut result.job,
        &mut result.privacy.mechanism,
        &mut result.privacy.unit,
    ];
    strings.into_iter().for_each(|text| text.clone_from(&hostile));
    result.answer.test = vec![hostile.clone()];
    result.answer.control = vec![hostile.clone()];
    result.flags = vec![hostile.clone()];
    for outcome in &mut result.answer.outcomes {
        outcome.name.clone_from(&hostile);
        outcome.column.clone_from(&hostile);
        outcome.bias_note = Some(hostile.clone());
        outcome.flags = vec![hostile.clone()];
        if let Some(money) = &mut outcome.economics {
            money.currency.clone_from(&hostile);
        }
    }
    result.analyst_key.clone_from(&hostile);
    for charge in &mut result.privacy.charged {
        charge.dataset.clone_from(&hostile);
        charge.owner.clone_from(&hostile);
    }
    let from = Provenance {
        asked_by: hostile.clone(),
        source: Source::Receipt(Checked {
            receivers: vec![hostile.clone()],
            root: hostile.clone(),
            contract_file: hostile.clone(),
            danger_root: Some(hostile.clone()),
            attested: hostile.clone(),
            ..checked()
        }),
        ..provenance()
    };
    let page = drawn(&result.map(Into::into), &from);
    assert!(!page.contains("<img"), "markup got through");
    assert_eq!(page.matches("</title>").count(), 1);
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
    assert_eq!(page.matches("</style>").count(), 1);
}

#[test]
fn a_result_without_any_estimate_still_makes_a_page() {
    let mut result = lift();
    for outcome in &mut result.answer.outcomes {
        outcome.diff_in_means = None;
        outcome.relative_lift = None;
        outcome.flags = vec!["withheld".to_owned()];
    }
    let page = html(result);
    assert!(!page.contains("<svg"));
    assert!(page.contains("could not be estimated"));
    assert!(!page.contains("Bonferroni"), "the sentence is about intervals, and the page has none");
}

#[test]
fn a_name_turns_nothing_around_on_the_page() {
    let mut result = lift();
    result.answer.outcomes[0].name = "pay\u{202e}12.5".to_owned();
    result.answer.outcomes[1].name = "\u{5e9}\u{5dc}\u{5d5}\u{5dd}".to_owned();
    let page = html(result);
    assert!(!page.contains('\u{202e}'), "a control got through");
    // Spelt out where it came from, and each name by itself: right to left is its own affair.
    assert!(page.contains("<strong><bdi>pay\\u{202e}12.5</bdi></strong>"), "{page}");
    assert!(page.contains("<bdi>\u{5e9}\u{5dc}\u{5d5}\u{5dd}</bdi>"), "{page}");
    assert!(page.contains("svg text { unicode-bidi: isolate;"));
}

#[test]
fn a_choice_is_reported_without_a_threshold_and_escaped() {
    let mut result = choice::sample::fullest();
    "<b>mens</b>".clone_into(&mut result.answer.offered[0]);
    "<b>mens</b>".clone_into(&mut result.answer.chosen);
    let page = html(result);
    for text in [
        "<h1>Which group has the most people?</h1>",
        "<strong>&lt;b&gt;mens&lt;/b&gt; has the most people of the 3 groups of exposures.arm.</strong>",
        "Offered: &lt;b&gt;mens&lt;/b&gt;, womens, none.",
        "(permute and flip)",
        "No figure left the enclave",
    ] {
        assert!(page.contains(text), "no {text} in {page}");
    }
    assert!(!page.contains("would not have been shown"));
}
