//! A result as one self-contained page of HTML: no script, nothing from outside.

mod background;
mod choice;
mod escape;
mod groups;
mod plot;

use crate::{
    asker::Asker,
    words::{self, Scale},
};
use escape::{Name, Text};
use plot::Row;
use protocol::{
    analysis::Answer,
    digest::Digest,
    result::{JobResult, LiftResult, OutcomeResult},
};
use std::fmt::{self, Write};

/// Where the result comes from.
#[derive(Clone, Debug)]
pub(crate) struct Provenance {
    /// True if the root of trust is not AWS's.
    pub(crate) simulated: bool,
    /// The party that asked.
    pub(crate) asked_by: String,
    /// Who reads, and which job was opened; none for a trial.
    pub(crate) asker: Option<Asker>,
    /// Digest of the result's exact bytes.
    pub(crate) output: Digest,
    /// What the checks of its receipt have shown; none for a trial, which leaves none.
    pub(crate) receipt: Option<Checked>,
}

/// What the checks of a receipt have shown.
#[derive(Clone, Debug)]
pub(crate) struct Checked {
    /// The parties that were told.
    pub(crate) receivers: Vec<String>,
    /// The root of trust, in words.
    pub(crate) root: String,
    /// Registers of the build that made it.
    pub(crate) registers: Vec<(u8, String)>,
    /// When the hypervisor signed the receipt.
    pub(crate) attested: String,
    /// File with the signed contract.
    pub(crate) contract_file: String,
    /// What the check commands need besides, such as the named root.
    pub(crate) danger_root: Option<String>,
}

/// The page.
pub(crate) fn page(result: &JobResult, from: &Provenance) -> Result<String, fmt::Error> {
    let mut page = String::new();
    let JobResult { contract_name: name, analysis, .. } = result;
    write!(
        page,
        "{HEAD}<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        Text(&format!("{name}: {analysis}"))
    )?;
    banners(&mut page, result, from)?;
    match &result.answer {
        Answer::Lift(lift) => {
            let result = &result.clone().map(|_| lift.clone());
            header(&mut page, result, from)?;
            answer(&mut page, result)?;
            plots(&mut page, result)?;
            figures(&mut page, result)?;
            background::asked(&mut page, result)?;
            background::people(&mut page, result)?;
            background::privacy(&mut page, &result.privacy, result.noise)?;
            background::noise(&mut page, result)?;
            background::limits(&mut page, result)?;
        }
        Answer::Table(table) => {
            let result = &result.clone().map(|_| table.clone());
            groups::groups(&mut page, result, from)?;
            background::privacy(&mut page, &result.privacy, result.noise)?;
            groups::limits(&mut page, result)?;
        }
        Answer::Choice(choice) => {
            let result = &result.clone().map(|_| choice.clone());
            choice::choice(&mut page, result, from)?;
            background::privacy(&mut page, &result.privacy, result.noise)?;
            choice::limits(&mut page)?;
        }
    }
    background::receipt(&mut page, result.contract, &result.job, from)?;
    page.push_str("</main>\n</body>\n</html>\n");
    Ok(page)
}

fn banners(page: &mut String, result: &JobResult, from: &Provenance) -> fmt::Result {
    if let Some(headline) = from.asker.as_ref().and_then(Asker::headline) {
        writeln!(page, "<p class=\"banner\"><strong>{}</strong></p>", Text(&headline))?;
    }
    if from.receipt.is_none() {
        writeln!(
            page,
            "<p class=\"banner\"><strong>A TRIAL, SIMULATED.</strong> Made by <code>glovebox try</code> on \
             one&#39;s own files, in one process, without partner, enclave or budget. There is no receipt: \
             this page proves nothing to anybody.</p>"
        )?;
    } else if from.simulated {
        writeln!(
            page,
            "<p class=\"banner\"><strong>SIMULATED.</strong> The root of trust is not AWS&#39;s: whoever \
             ran this enclave could read the data and make any figure. For tests and demonstrations \
             only.</p>"
        )?;
    }
    if !result.noise {
        writeln!(
            page,
            "<p class=\"banner\"><strong>NOISE OFF.</strong> Exact figures, for checking numbers on \
             one&#39;s own files. They protect nobody.</p>"
        )?;
    }
    Ok(())
}

fn header(page: &mut String, result: &LiftResult, from: &Provenance) -> fmt::Result {
    writeln!(
        page,
        "<h1>Did \u{201c}{}\u{201d} make a difference?</h1>",
        Name(&result.answer.test.join(" + "))
    )?;
    writeln!(
        page,
        "<p class=\"sub\">{} against {}. Asked by {} for {} under the contract \
         \u{201c}{}\u{201d}; answered {}.</p>",
        Name(&result.answer.test.join(" + ")),
        Name(&result.answer.control.join(" + ")),
        Name(&from.asked_by),
        Name(&result.purpose),
        Name(&result.contract_name),
        words::moment(result.time),
    )
}

fn answer(page: &mut String, result: &LiftResult) -> fmt::Result {
    if result.answer.sample_ratio.failed {
        writeln!(
            page,
            "<p class=\"banner\"><strong>Do not use these figures yet.</strong> The arms do not have the \
             sizes that the design expects (sample-ratio check: {}).</p>",
            Text(&result.answer.sample_ratio.p.map_or_else(|| "no p".to_owned(), words::p_is))
        )?;
    } else {
        design(page, &words::lift::broken(result))?;
    }
    writeln!(page, "<ul class=\"answer\">")?;
    for outcome in &result.answer.outcomes {
        writeln!(
            page,
            "<li><strong>{}</strong> {}</li>",
            Name(&outcome.name),
            sentence(result, outcome)
        )?;
    }
    writeln!(page, "</ul>")
}

/// Why the figures may not be the campaign's; nothing if there is no reason.
fn design(page: &mut String, broken: &[String]) -> fmt::Result {
    let Some(first) = broken.first() else { return Ok(()) };
    write!(page, "<div class=\"banner\"><strong>The design may be broken.</strong>")?;
    if broken.len() == 1 {
        return writeln!(page, " {}</div>", Text(first));
    }
    writeln!(page, "<ul>")?;
    for why in broken {
        writeln!(page, "<li>{}</li>", Text(why))?;
    }
    writeln!(page, "</ul></div>")
}

/// What one outcome says, in a sentence. Holds figures and fixed words only, so needs no escaping.
fn sentence(result: &LiftResult, outcome: &OutcomeResult) -> String {
    let Some(diff) = &outcome.diff_in_means else {
        return "could not be estimated: see the notes below.".to_owned();
    };
    let scale = Scale::of(outcome);
    let effect = format!(
        "was {} in the control arm and {} in the test arm, a change of {}",
        scale.level(diff.mean_c),
        scale.level(diff.mean_t),
        scale.change(diff.ate)
    );
    let Some(ends) = diff.ci else { return format!("{effect}; no interval could be estimated.") };
    let interval = format!("{} interval {}", words::level(diff.ci_level), scale.interval(ends));
    let verdict = words::lift::verdict(result, outcome);
    let p = words::shown_p(outcome).map(|p| {
        let adjusted = words::adjustment(result.answer.multiplicity)
            .map(|name| format!(", adjusted after {name}"));
        format!(" ({}{})", words::p_is(p), adjusted.unwrap_or_default()).replace('<', "&lt;")
    });
    // No line ends between a number and its unit or sign.
    let text = format!("{effect} ({interval}), {verdict}{}.", p.unwrap_or_default());
    [" %", " pp", " = ", " &lt; "]
        .into_iter()
        .fold(text, |text, part| text.replace(part, &part.replace(' ', "\u{a0}")))
}

fn plots(page: &mut String, result: &LiftResult) -> fmt::Result {
    let effects: Vec<_> = result.answer.outcomes.iter().filter_map(effect_row).collect();
    let lifts: Vec<_> = result.answer.outcomes.iter().filter_map(lift_row).collect();
    let level = words::level(words::lift::heading_level(result));
    if !effects.is_empty() {
        writeln!(page, "<h2>Change per person</h2>")?;
        let title = format!("Change per person, with {level} intervals");
        page.push_str(&plot::own_axes(&title, &effects)?);
        writeln!(
            page,
            "<p class=\"note\">The thick line is the interval from sampling and noise together; each \
             outcome has its own axis. The dashed line is no change.</p>"
        )?;
    }
    if !lifts.is_empty() {
        writeln!(page, "<h2>Relative lift</h2>")?;
        let title = format!("Relative lift in percent, with {level} intervals");
        page.push_str(&plot::shared_axis(&title, &lifts)?);
        let unbounded = lifts.iter().any(|row| row.ends.contains(&None));
        let arrows = " An arrow means that the interval has no end on that side.";
        let arrows = if unbounded { arrows } else { "" };
        writeln!(
            page,
            "<p class=\"note\">Mean of the test arm over that of the control arm, less one.{arrows}</p>"
        )?;
    }
    Ok(())
}

fn effect_row(outcome: &OutcomeResult) -> Option<Row> {
    let diff = outcome.diff_in_means.as_ref()?;
    let scale = Scale::of(outcome);
    let shown = |number: f64| scale.in_shown_units(number);
    let [low, high] = diff.ci.unwrap_or([Some(diff.ate), Some(diff.ate)]);
    Some(Row {
        name: outcome.name.clone(),
        figure: scale.change(diff.ate),
        words: scale.interval([low, high]),
        unit: scale.unit_of_change(),
        estimate: shown(diff.ate),
        ends: [low.map(shown), high.map(shown)],
    })
}

fn lift_row(outcome: &OutcomeResult) -> Option<Row> {
    let lift = outcome.relative_lift.as_ref()?;
    let estimate = lift.rel_lift?;
    let ends = words::lift::relative_ends(lift)?;
    Some(Row {
        name: outcome.name.clone(),
        figure: words::percent(estimate),
        words: words::between(ends, words::percent),
        unit: "%",
        estimate: estimate * 100.0,
        ends: ends.map(|end| end.map(|end| end * 100.0)),
    })
}

fn figures(page: &mut String, result: &LiftResult) -> fmt::Result {
    let level = words::level(words::lift::heading_level(result));
    writeln!(page, "<h2>Figures</h2>")?;
    let interval = format!("{level} interval");
    let head = ["Outcome", "Control", "Test", "Change", &interval, "p"];
    let rows = result.answer.outcomes.iter().map(|outcome| {
        let scale = Scale::of(outcome);
        let Some(diff) = &outcome.diff_in_means else { return vec![outcome.name.clone()] };
        vec![
            outcome.name.clone(),
            scale.level(diff.mean_c),
            scale.level(diff.mean_t),
            scale.change(diff.ate),
            words::lift::effect_interval(result, outcome).unwrap_or_else(dash),
            words::shown_p(outcome).map_or_else(dash, words::p_value),
        ]
    });
    table(page, &head, rows)?;
    let head = ["Outcome", "Relative lift", &interval, "s.e. sampling", "s.e. noise", "Detectable"];
    let rows = result.answer.outcomes.iter().map(|outcome| {
        let scale = Scale::of(outcome);
        let size = |number: f64| scale.change(number).replace('+', "");
        let Some(diff) = &outcome.diff_in_means else { return vec![outcome.name.clone()] };
        let lift = outcome.relative_lift.as_ref().and_then(|lift| lift.rel_lift);
        vec![
            outcome.name.clone(),
            lift.map_or_else(dash, words::percent),
            words::lift::relative_interval(result, outcome).unwrap_or_else(dash),
            size(diff.se_sampling),
            size(diff.se_mechanism),
            words::lift::detectable(outcome).unwrap_or_else(dash),
        ]
    });
    table(page, &head, rows)?;
    writeln!(
        page,
        "<p class=\"note\">pp: percentage points. \u{201c}Detectable\u{201d} is the smallest change that a study \
         of this size and noise finds four times in five.</p>"
    )?;
    if let Some(adjusted) = words::lift::adjusted_intervals(result) {
        writeln!(page, "<p class=\"note\">{}</p>", Text(&adjusted))?;
    }
    economics(page, result)
}

/// A table whose first column names its rows; cells that a row does not have are dashes.
fn table(page: &mut String, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> fmt::Result {
    write!(page, "<div class=\"wide\"><table>\n<thead><tr>")?;
    for cell in head {
        write!(page, "<th scope=\"col\">{}</th>", Text(cell))?;
    }
    writeln!(page, "</tr></thead>\n<tbody>")?;
    for row in rows {
        let mut cells = row.into_iter();
        write!(page, "<tr><th scope=\"row\">{}</th>", Name(&cells.next().unwrap_or_default()))?;
        for cell in cells.chain(std::iter::repeat_with(dash)).take(head.len().saturating_sub(1)) {
            write!(page, "<td>{}</td>", Text(&cell))?;
        }
        writeln!(page, "</tr>")?;
    }
    writeln!(page, "</tbody></table></div>")
}

fn economics(page: &mut String, result: &LiftResult) -> fmt::Result {
    for outcome in &result.answer.outcomes {
        let Some(money) = &outcome.economics else { continue };
        write!(
            page,
            "<p>Against a cost of {} {}, {}:",
            money.cost,
            Text(&money.currency),
            Name(&outcome.name)
        )?;
        let ends = |ends: Option<[Option<f64>; 2]>| {
            ends.map_or_else(|| "no interval".to_owned(), |ends| words::between(ends, words::size))
        };
        if let Some(total) = money.incremental {
            write!(page, " {} more in all ({}).", words::size(total), ends(money.incremental_ci))?;
        }
        if let Some(iroas) = money.iroas {
            write!(
                page,
                " {} for each {} spent ({}).",
                words::size(iroas),
                Text(&money.currency),
                ends(money.iroas_ci)
            )?;
        }
        if let Some(cost) = money.cost_per_incremental {
            let bounds = money.cost_per_incremental_ci.unwrap_or([None, None]);
            let ends = words::between(bounds, words::size);
            write!(
                page,
                " {} {} per additional {} ({ends}).",
                words::size(cost),
                Text(&money.currency),
                Name(&outcome.name)
            )?;
        }
        writeln!(page, "</p>")?;
    }
    Ok(())
}

fn notes(page: &mut String, notes: &[String]) -> fmt::Result {
    writeln!(page, "<h2>Notes</h2>\n<ul>")?;
    for note in notes {
        writeln!(page, "<li>{}</li>", Text(&words::capital(note)))?;
    }
    writeln!(page, "</ul>")
}

fn term(page: &mut String, term: &str, text: &str) -> fmt::Result {
    writeln!(page, "<dt>{}</dt><dd>{}</dd>", Text(term), Text(text))
}

fn dash() -> String {
    "\u{2013}".to_owned()
}

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
    <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
    <meta name=\"color-scheme\" content=\"light dark\">\n\
    <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";
const STYLE: &str = include_str!("report/style.css");

#[cfg(test)]
mod tests;
