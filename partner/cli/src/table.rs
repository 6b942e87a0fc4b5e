//! A result as a page of a terminal, 80 columns wide.

mod choice;
mod groups;

use crate::{
    say,
    words::{self, Scale},
};
use protocol::analysis::Answer;
use protocol::result::{JobResult, LiftResult, OutcomeResult};
use std::fmt::{self, Write};

/// The page. SIMULATED and NOISE OFF come first, where they apply.
pub(crate) fn page(result: &JobResult, simulated: bool) -> Result<String, fmt::Error> {
    let mut page = String::new();
    if simulated {
        writeln!(page, "SIMULATED: not from a real enclave")?;
    }
    if !result.noise {
        writeln!(page, "NOISE OFF: exact figures, only for checking numbers on your own files")?;
    }
    match &result.answer {
        Answer::Lift(answer) => lift(&mut page, &result.clone().map(|_| answer.clone()))?,
        Answer::Table(answer) => {
            groups::groups(&mut page, &result.clone().map(|_| answer.clone()))?;
        }
        Answer::Choice(answer) => {
            choice::choice(&mut page, &result.clone().map(|_| answer.clone()))?;
        }
    }
    privacy(&mut page, result)?;
    Ok(page)
}

fn lift(page: &mut String, result: &LiftResult) -> fmt::Result {
    head(page, result)?;
    effects(page, result)?;
    relative(page, result)?;
    economics(page, result)?;
    people(page, result)?;
    let biases = result.answer.outcomes.iter().filter_map(|outcome| {
        outcome.bias_note.as_ref().map(|note| format!("{}: {note}", outcome.name))
    });
    let adjusted = words::lift::adjusted_intervals(result);
    let notes: Vec<_> = words::flags(result).into_iter().chain(biases).chain(adjusted).collect();
    notes_of(page, &notes)
}

fn notes_of(page: &mut String, notes: &[String]) -> fmt::Result {
    if !notes.is_empty() {
        writeln!(page, "\nNotes")?;
    }
    notes.iter().try_for_each(|note| wrap(page, "  - ", note))
}

fn head(page: &mut String, result: &LiftResult) -> fmt::Result {
    let about = say::name(format!("{}, {}", result.contract_name, result.analysis));
    writeln!(page, "{about:<56}{:>24}", words::moment(result.time))?;
    let arms = format!(
        "test: {}; control: {}",
        result.answer.test.join(" + "),
        result.answer.control.join(" + ")
    );
    wrap(page, "", &arms)?;
    wrap(page, "", &result.answer.estimand)
}

fn effects(page: &mut String, result: &LiftResult) -> fmt::Result {
    let p = match words::adjustment(result.answer.multiplicity) {
        Some(adjustment) => format!("p ({adjustment})"),
        None => "p".to_owned(),
    };
    let interval = format!("{} interval", words::level(words::lift::heading_level(result)));
    let head = ["", "control", "test", "effect", &interval, &p];
    let mut rows = vec![head.map(str::to_owned)];
    for outcome in &result.answer.outcomes {
        let scale = Scale::of(outcome);
        let Some(diff) = &outcome.diff_in_means else {
            rows.push(
                [&*short(&outcome.name), "-", "-", "not estimated", "", ""].map(str::to_owned),
            );
            continue;
        };
        rows.push([
            short(&outcome.name),
            scale.level(diff.mean_c),
            scale.level(diff.mean_t),
            scale.change(diff.ate),
            words::lift::effect_interval(result, outcome).unwrap_or_else(|| "-".to_owned()),
            words::shown_p(outcome).map_or_else(|| "-".to_owned(), words::p_value),
        ]);
    }
    writeln!(page)?;
    columns(page, &rows)
}

fn relative(page: &mut String, result: &LiftResult) -> fmt::Result {
    let interval = format!("{} interval", words::level(words::lift::heading_level(result)));
    let head = ["", "relative lift", &interval, "s.e. sampling + noise", "detectable"];
    let mut rows = vec![head.map(str::to_owned)];
    for outcome in &result.answer.outcomes {
        let lift = outcome.relative_lift.as_ref().and_then(|lift| lift.rel_lift);
        let none = || "-".to_owned();
        rows.push([
            short(&outcome.name),
            lift.map_or_else(none, words::percent),
            words::lift::relative_interval(result, outcome).unwrap_or_else(none),
            outcome
                .diff_in_means
                .as_ref()
                .map_or_else(none, |diff| errors(outcome, diff.se_sampling, diff.se_mechanism)),
            words::lift::detectable(outcome).unwrap_or_else(none),
        ]);
    }
    writeln!(page)?;
    columns(page, &rows)
}

fn errors(outcome: &OutcomeResult, sampling: f64, noise: f64) -> String {
    let scale = Scale::of(outcome);
    let plain = |number| scale.bare_change(number).trim_start_matches('+').to_owned();
    format!("{} + {}", plain(sampling), plain(noise))
}

fn economics(page: &mut String, result: &LiftResult) -> fmt::Result {
    let mut first = true;
    for outcome in &result.answer.outcomes {
        let Some(money) = &outcome.economics else { continue };
        if first {
            writeln!(page, "\nAgainst a cost of {} {}", money.cost, say::name(&money.currency))?;
            first = false;
        }
        let mut parts = Vec::new();
        let mut part =
            |what: &str, figure: Option<f64>, ends: Option<[Option<f64>; 2]>, none: &str| {
                if let Some(figure) = figure {
                    let ends = ends
                        .map_or_else(|| none.to_owned(), |ends| words::between(ends, words::size));
                    parts.push(format!("{what} {} ({ends})", words::size(figure)));
                }
            };
        part("incremental", money.incremental, money.incremental_ci, "no interval");
        part("return per unit of cost", money.iroas, money.iroas_ci, "no interval");
        let each =
            format!("{} per additional {}", say::name(&money.currency), say::name(&outcome.name));
        let (cost, ends) = (money.cost_per_incremental, money.cost_per_incremental_ci);
        part(&format!("{each}:"), cost, ends, "unbounded");
        wrap(page, &format!("  {}: ", say::name(&outcome.name)), &parts.join("; "))?;
    }
    Ok(())
}

fn people(page: &mut String, result: &LiftResult) -> fmt::Result {
    let head = ["people", "n", "noise s.d."];
    let mut rows = vec![head.map(str::to_owned)];
    for (arm, n, noise) in words::arms(result) {
        rows.push([arm.to_owned(), words::whole(n), words::size(noise)]);
    }
    for cell in &result.answer.cells {
        let n = cell.n.map_or_else(|| "withheld".to_owned(), words::whole);
        rows.push([say::name(cell.cell), n, words::size(cell.noise_sd)]);
    }
    writeln!(page)?;
    columns(page, &rows)?;
    if result.answer.cells.iter().any(|cell| cell.n.is_none()) {
        wrap(page, "  ", &words::why_withheld(result))?;
    }
    for outcome in &result.answer.outcomes {
        let noise = &outcome.noise_sd;
        let squares = noise.sum_sq.map(|sd| format!(", of squares {}", words::size(sd)));
        writeln!(
            page,
            "noise s.d. on an arm's total of {}: {}{}",
            say::name(&outcome.name),
            words::size(noise.sum),
            squares.unwrap_or_default()
        )?;
    }
    let ratio = &result.answer.sample_ratio;
    match ratio.p {
        Some(p) => {
            let verdict = if ratio.failed { "FAILED" } else { "passed" };
            writeln!(
                page,
                "sample ratio (expected share {:.4}): {}, {verdict}",
                ratio.expected_test_share,
                words::p_is(p)
            )?;
        }
        None => writeln!(page, "sample ratio: could not be checked")?,
    }
    wrap(page, "matched: ", &words::lift::match_rates(result))
}

fn privacy(page: &mut String, result: &JobResult) -> fmt::Result {
    let privacy = &result.privacy;
    write!(
        page,
        "\nSpent: epsilon {} at delta {:e} (rho {:.6})",
        privacy.epsilon, privacy.delta, privacy.rho
    )?;
    match result.answer {
        Answer::Choice(_) => writeln!(page)?,
        _ => writeln!(page, "; under {} people are withheld", privacy.min_cell)?,
    }
    if privacy.selection_delta > 0.0 {
        let delta = privacy.selection_delta;
        writeln!(
            page,
            "  and a delta of {delta:e} beside it, for groups whose values are private"
        )?;
    }
    for charge in &privacy.charged {
        writeln!(
            page,
            "  {} of {}: charged rho {:.6}; this instance has {:.6} left",
            say::name(&charge.dataset),
            say::name(&charge.owner),
            charge.rho,
            charge.rho_left_in_instance
        )?;
    }
    Ok(())
}

/// A name that leaves room for the figures beside it.
fn short(name: &str) -> String {
    let name = say::name(name);
    if name.chars().count() <= NAME_LENGTH {
        return name;
    }
    let start: String = name.chars().take(NAME_LENGTH - 2).collect();
    format!("{start}..")
}

/// Writes rows with their columns aligned: the first to the left, the others to the right.
pub(crate) fn columns<R: AsRef<[String]>>(page: &mut String, rows: &[R]) -> fmt::Result {
    columns_after(page, rows, 1)
}

/// Writes rows with their columns aligned: the first `names` to the left, the others to the right.
fn columns_after<R: AsRef<[String]>>(page: &mut String, rows: &[R], names: usize) -> fmt::Result {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (at, cell) in row.as_ref().iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(at) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    for row in rows {
        let mut line = String::new();
        for (at, cell) in row.as_ref().iter().enumerate() {
            let width = widths.get(at).copied().unwrap_or(0);
            let gap = if at == 0 { "" } else { "  " };
            if at < names {
                write!(line, "{gap}{cell:<width$}")?;
            } else {
                write!(line, "{gap}{cell:>width$}")?;
            }
        }
        writeln!(page, "{}", line.trim_end())?;
    }
    Ok(())
}

/// Writes `text` behind `head`, broken between words, with later lines below the first word.
pub(crate) fn wrap(page: &mut String, head: &str, text: &str) -> fmt::Result {
    let indent = head.chars().count();
    let mut line = head.to_owned();
    let mut empty = true;
    for word in text.split_whitespace().map(say::name) {
        if !empty && line.chars().count() + 1 + word.chars().count() > WIDTH {
            writeln!(page, "{}", line.trim_end())?;
            line = " ".repeat(indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(&word);
        empty = false;
    }
    writeln!(page, "{}", line.trim_end())
}

const WIDTH: usize = 80;
const NAME_LENGTH: usize = 14;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn fits_eighty_columns_and_says_everything_once() {
        let page = page(&sample::result().map(Answer::Lift), true).unwrap();
        for line in page.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert!(page.starts_with("SIMULATED"), "{page}");
        if let Ok(path) = std::env::var("GLOVEBOX_SAMPLE_TABLE") {
            std::fs::write(path, &page).unwrap();
        }
        for text in
            ["+7.659 pp", "+72.1 %", "21,307", "rho 0.017469", "no relative lift", "test, all"]
        {
            assert!(page.contains(text), "no {text} in\n{page}");
        }
    }

    #[test]
    fn says_why_a_row_of_people_is_withheld() {
        let withheld = page(&sample::result().map(Answer::Lift), false).unwrap();
        assert!(!withheld.contains("withheld:"), "{withheld}");
        let mut result = sample::result();
        result.answer.cells.iter_mut().take(2).for_each(|cell| cell.n = None);
        let withheld = page(&result.map(Answer::Lift), false).unwrap();
        assert!(withheld.contains("\n  withheld: the arm has fewer than 50 people"), "{withheld}");
    }

    #[test]
    fn a_table_of_groups_fits_eighty_columns_too() {
        let samples = [("shops", sample::groups::by_shop()), ("spend", sample::groups::by_spend())];
        for (name, result) in samples {
            let page = page(&result.map(Answer::Table), true).unwrap();
            for line in page.lines() {
                assert!(line.chars().count() <= WIDTH, "{line}");
            }
            if let Ok(path) = std::env::var("GLOVEBOX_SAMPLE_GROUPS") {
                std::fs::write(format!("{path}-{name}.txt"), &page).unwrap();
            }
        }
    }

    #[test]
    fn a_long_name_leaves_room_for_the_figures() {
        let mut result = sample::result();
        result.answer.outcomes[0].name = "x".repeat(64);
        let page = page(&result.clone().map(Answer::Lift), false).unwrap();
        assert!(page.contains("\nxxxxxxxxxxxx..  10.617 %"), "{page}");
    }

    #[test]
    fn names_of_other_parties_draw_no_lines_of_their_own() {
        let mut result = sample::result();
        let lines = page(&result.clone().map(Answer::Lift), false).unwrap().lines().count();
        result.answer.outcomes[0].name = "v\u{1b}[2J\nx".to_owned();
        if let Some(money) = &mut result.answer.outcomes[1].economics {
            money.currency = "EUR\n\u{9b}2J".to_owned();
        }
        let page = page(&result.clone().map(Answer::Lift), false).unwrap();
        assert_eq!(page.lines().count(), lines, "{page}");
        assert!(page.contains("v\\u{1b") && !page.contains(['\u{1b}', '\u{9b}']), "{page}");
    }

    #[test]
    fn says_first_that_noise_is_off() {
        let result = LiftResult { noise: false, ..sample::result() };
        assert!(page(&result.clone().map(Answer::Lift), false).unwrap().starts_with("NOISE OFF"));
    }

    #[test]
    fn an_outcome_that_was_withheld_has_no_figures() {
        let mut result = sample::result();
        let outcome = &mut result.answer.outcomes[0];
        outcome.diff_in_means = None;
        outcome.relative_lift = None;
        outcome.minimum_detectable = None;
        outcome.flags = vec!["withheld".to_owned()];
        let page = page(&result.clone().map(Answer::Lift), false).unwrap();
        assert!(page.contains("not estimated") && page.contains("visit: withheld"), "{page}");
    }
}
