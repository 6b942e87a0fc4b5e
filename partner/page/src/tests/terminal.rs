//! Pages of a terminal.

use super::{page, provenance};
use crate::terminal::{summary, whole};
use protocol::{
    analysis::{
        Answer,
        choice::sample::{fullest, quantile},
        lift::sample::result as lift,
        table::sample::{by_shop, by_spend},
    },
    page::{Provenance, Source},
    result::{JobResult, LiftResult},
    text::is_hidden,
};

const WIDTH: usize = 80;

fn text<A: Into<Answer>>(result: JobResult<A>) -> String {
    summary(&page(result)).unwrap()
}

/// All words of a page, wherever its lines end.
fn words<A: Into<Answer>>(result: JobResult<A>) -> String {
    text(result).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn assert_fits(page: &str) {
    for line in page.lines() {
        assert!(line.chars().count() <= WIDTH, "{line}");
    }
}

#[test]
fn fits_eighty_columns_and_says_everything_once() {
    let page = text(lift());
    assert_fits(&page);
    assert!(page.starts_with("SIMULATED"), "{page}");
    for text in [
        "+7.659 pp",
        "+72.1 %",
        "21,307",
        "\u{3c1} = 0.024356",
        "no relative lift",
        "test, all",
        "visit was 10.617 % in the control arm",
        "values above 499 per person",
    ] {
        assert!(
            page.split_whitespace().collect::<Vec<_>>().join(" ").contains(text),
            "no {text} in\n{page}"
        );
    }
}

#[test]
fn the_whole_page_has_its_limits_and_its_receipt_too() {
    let page = whole(&page(lift())).unwrap();
    for text in ["What this does not say", "    glovebox receipt check receipt.cbor", "PCR0"] {
        assert!(page.contains(text), "no {text} in\n{page}");
    }
    // Commands stay whole, however long.
    let prose = page.lines().filter(|line| !line.starts_with("    "));
    assert!(
        prose.clone().count() > 50 && prose.into_iter().all(|line| line.chars().count() <= WIDTH)
    );
}

#[test]
fn says_why_a_row_of_people_is_withheld() {
    let withheld = words(lift());
    assert!(!withheld.contains("Withheld:"), "{withheld}");
    let mut result = lift();
    result.answer.cells.iter_mut().take(2).for_each(|cell| cell.n = None);
    let withheld = words(result);
    assert!(withheld.contains("Withheld: the arm has fewer than 50 people"), "{withheld}");
}

#[test]
fn tables_of_groups_and_choices_fit_eighty_columns_too() {
    for page in [text(by_shop()), text(by_spend()), text(quantile()), text(fullest())] {
        assert_fits(&page);
    }
}

#[test]
fn a_choice_withholds_no_cells() {
    let page = text(quantile());
    assert!(page.contains("\nAbout 95 % of people are below 100.00"), "{page}");
    assert!(
        words(quantile()).contains("cost \u{3b5} = 1 at \u{3b4} = 1e-6 (\u{3c1} = 0.024356)"),
        "{page}"
    );
    assert!(!page.contains("would not have been shown") && !page.contains("withheld"), "{page}");
}

#[test]
fn a_long_name_leaves_room_for_the_figures() {
    let mut result = lift();
    result.answer.outcomes[0].name = "x".repeat(64);
    let page = text(result);
    assert_fits(&page);
    let row = page.lines().find(|line| line.starts_with("xxx")).unwrap();
    assert!(row.contains("xx\u{2026}xx") && row.contains("10.617 %"), "{page}");
}

/// Of a page of which nothing can be narrowed any more.
#[test]
fn columns_that_do_not_fit_stand_below_with_their_names() {
    let mut result = lift();
    for outcome in &mut result.answer.outcomes {
        outcome.name = "x".repeat(64);
        if let Some(diff) = &mut outcome.diff_in_means {
            (diff.mean_t, diff.mean_c, diff.ate) = (1e15, 1e15 + 1.0, 1e15);
            diff.ci = Some([Some(-1e15), Some(1e15)]);
        }
    }
    let page = text(result);
    assert_fits(&page);
    assert!(page.matches("\nOutcome").count() > 2, "{page}");
}

#[test]
fn names_of_other_parties_draw_no_lines_of_their_own() {
    let mut result = lift();
    let lines = text(result.clone()).lines().count();
    result.answer.outcomes[0].name = "v\u{1b}[2J\nx".to_owned();
    if let Some(money) = &mut result.answer.outcomes[1].economics {
        money.currency = "EUR\n\u{9b}2J".to_owned();
    }
    let page = text(result);
    assert!(page.lines().count().abs_diff(lines) <= 2, "{page}");
    assert!(!page.lines().any(|line| line.trim_start().starts_with('x')), "{page}");
    assert!(page.contains("v\\u{1b") && !page.contains(['\u{1b}', '\u{9b}']), "{page}");
}

#[test]
fn says_first_that_noise_is_off_and_who_asked() {
    let result = LiftResult { noise: false, ..lift() };
    let from = Provenance { simulated: false, ..provenance() };
    let page = summary(&result.map(Answer::from).page(&from)).unwrap();
    assert!(page.starts_with("NOISE OFF. Exact figures"), "{page}");
    assert!(page.contains("None: the noise was switched off."), "{page}");
}

#[test]
fn a_view_that_was_made_at_home_says_so_first() {
    let mut result = lift();
    result.flags.push("derived:confidence=0.9".to_owned());
    let from = Provenance { simulated: false, source: Source::Derived, ..provenance() };
    let page = result.map(Answer::from).page(&from);
    let (short, all) = (summary(&page).unwrap(), whole(&page).unwrap());
    assert!(short.starts_with("DERIVED AT HOME. From figures that were released"), "{short}");
    assert!(short.contains("at confidence 0.9") && !all.contains("TRIAL"), "{short}");
    assert!(all.contains("in result.json.") && !all.contains("receipt check"), "{all}");
}

#[test]
fn no_line_ends_between_a_number_and_its_unit() {
    let pages = [text(lift()), text(by_shop()), text(quantile())];
    for line in pages.iter().flat_map(|page| page.lines()) {
        let next = line.trim_start();
        assert!(!["% ", "pp ", "= ", "< "].iter().any(|start| next.starts_with(start)), "{line}");
        assert!(!line.ends_with(" =") && !line.ends_with(" <"), "{line}");
    }
}

/// Each with a control that moves the cursor, one that turns text around, and a line end.
#[test]
fn nothing_hidden_of_anybody_reaches_a_terminal() {
    let hostile = "a\u{1b}[2J\u{202e}\nzzz".to_owned();
    let mut result = by_shop();
    result.answer.counted.clone_from(&hostile);
    result.answer.group_by = vec![hostile.clone(), hostile.clone()];
    for cell in &mut result.answer.cells {
        cell.names.iter_mut().for_each(|name| name.clone_from(&hostile));
        cell.measures.iter_mut().for_each(|measure| measure.name.clone_from(&hostile));
    }
    result.answer.consent_from = vec![hostile.clone()];
    result.flags = vec![hostile.clone(), format!("near_duplicate:{hostile}")];
    let texts =
        [&mut result.contract_name, &mut result.analysis, &mut result.purpose, &mut result.job];
    texts.into_iter().for_each(|text| text.clone_from(&hostile));
    let page = whole(&page(result)).unwrap();
    assert!(page.chars().all(|letter| letter == '\n' || !is_hidden(letter)), "{page}");
    assert!(!page.lines().any(|line| line.trim_start().starts_with("zzz")), "{page}");
}

#[test]
fn an_outcome_that_was_withheld_has_no_figures() {
    let mut result = lift();
    let outcome = &mut result.answer.outcomes[0];
    outcome.diff_in_means = None;
    outcome.relative_lift = None;
    outcome.minimum_detectable = None;
    outcome.flags = vec!["withheld".to_owned()];
    let page = text(result);
    assert!(
        page.contains("visit       not estimated") && page.contains("visit: withheld"),
        "{page}"
    );
}

#[test]
fn a_group_without_a_measure_has_dashes_and_every_other_its_own_figures() {
    let mut result = by_shop();
    result.answer.cells[0].measures.clear();
    let mut visits = result.answer.cells[1].measures[0].clone();
    visits.name = "visits".to_owned();
    visits.total.value = 77_777.0;
    result.answer.cells[1].measures.insert(0, visits);
    let page = text(result);
    let total_of = |name: &str, found: &str, measure: &str| {
        let table = page.split(&format!("\n\n{measure}\n")).nth(1).unwrap();
        let table = table.split("\n\n").next().unwrap();
        let mut lines = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let line = lines.find(|it| it.starts_with(&[name]) && it.contains(&found)).unwrap();
        let at = line.iter().position(|it| *it == found).unwrap();
        line[at + 1].to_owned()
    };
    assert_eq!(total_of("High", "no", "spend"), "\u{2013}");
    assert_eq!(total_of("High", "yes", "spend"), "402,118");
    assert_eq!(total_of("(none)", "yes", "spend"), "11,001");
    assert_eq!(total_of("High", "yes", "visits"), "77,777");
    assert_eq!(total_of("(none)", "yes", "visits"), "\u{2013}");
}

#[test]
fn a_group_that_is_called_like_a_row_of_ours_stands_in_quotes() {
    let mut result = by_shop();
    result.answer.cells[0].names[0] = "(not shown)".to_owned();
    result.answer.cells[1].names[0] = "North  5,000".to_owned();
    let page = words(result);
    assert!(page.contains("\"(not shown)\""), "{page}");
    assert!(page.contains("\"North 5,000\""), "{page}");
}

#[test]
fn a_name_from_right_to_left_turns_no_figure_round() {
    let mut result = by_shop();
    result.answer.cells[0].names[0] = "\u{5e7}\u{5e0}".to_owned();
    let page = words(result);
    assert!(page.contains("\u{2068}\u{5e7}\u{5e0}\u{2069}"), "{page}");
}
