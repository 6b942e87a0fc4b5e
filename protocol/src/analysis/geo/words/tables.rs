//! The tables and pictures on the page of a geo experiment.

use super::{amount, between, level, percent, periods, shown_p, whole};
use crate::{
    analysis::geo::{
        answer::{GeoAnswer, GeoCell, GeoEstimate, IntervalKind},
        question::Method,
    },
    page::{
        Block, Row, Section, Table, Term, Text, Topic, UNKNOWN,
        number::{bound, figure, p_value},
    },
};

/// Every estimate of a cell, the one that answers the question first.
pub(super) fn estimates(answer: &GeoAnswer, cell: &GeoCell) -> Section {
    let heading = cell.estimates.first().map_or(answer.confidence, |first| first.ci_level);
    let rows = cell.estimates.iter().enumerate().map(|(at, estimate)| {
        let name = if at == 0 {
            format!("{} (asked for)", method(estimate.method))
        } else {
            method(estimate.method).to_owned()
        };
        Row::new(
            Text::fixed(name),
            vec![
                Text::fixed(amount(estimate.total, estimate)),
                Text::fixed(with_level(ends(estimate), estimate, heading)),
                Text::fixed(estimate.lift.map_or(UNKNOWN.to_owned(), percent)),
                Text::fixed(shown_p(estimate).map_or(UNKNOWN.to_owned(), p_value)),
            ],
        )
    });
    let table = Table {
        names: vec!["Method".into()],
        figures: vec![
            "Incremental".into(),
            Text::fixed(format!("{} interval", level(heading))),
            "Lift".into(),
            if answer.cells.len() > 1 { "p, adjusted".into() } else { "p".into() },
        ],
        rows: rows.collect(),
        bars: None,
    };
    let mut section =
        Section::new(Topic::Figures, Text::quoted(&cell.name)).with(Block::Table(table));
    section.blocks.push(Block::Note(
        "One method was chosen before the figures were known; the others are shown beside it. Intervals have the noise in them, \
         since it is in the figures before anything is fitted. Difference in differences takes every other place as equally \
         good a comparison: it is shown, and not recommended."
            .into(),
    ));
    section.blocks.extend(adjusted(answer).map(|text| Block::Note(Text::fixed(text))));
    if let (Some(cost), Some(currency)) = (cell.cost, &cell.currency) {
        section.blocks.push(Block::Terms(economics(cell, cost, currency)));
    }
    section
}

/// Says over how many cells p-values and intervals are adjusted; `None` for one cell.
fn adjusted(answer: &GeoAnswer) -> Option<String> {
    let cells = u32::try_from(answer.cells.len()).unwrap_or(u32::MAX);
    (cells > 1).then(|| {
        format!(
            "P-values are adjusted after Holm over {cells} cells, each method by itself, and intervals agree with them: one leaves out no \
             effect exactly where its adjusted p is at most {:.4}. Of one method, those of {} together hold with {} (Bonferroni); one of \
             a lower level is of the step at which Holm found it, and is not among these. The level of an interval stands beside it, \
             unless the heading has it.",
            1.0 - answer.confidence,
            level(1.0 - (1.0 - answer.confidence) / f64::from(cells)),
            level(answer.confidence),
        )
    })
}

/// An interval with its level, where that is not the heading's.
fn with_level(interval: String, estimate: &GeoEstimate, heading: f64) -> String {
    let is_its =
        (estimate.ci_level - heading).abs() < 1e-9 || estimate.interval == IntervalKind::None;
    if is_its { interval } else { format!("{interval} ({})", level(estimate.ci_level)) }
}

fn economics(cell: &GeoCell, cost: f64, currency: &str) -> Vec<Term> {
    let term = |name: &'static str, text: Text| Term { name: name.into(), text };
    let cost = Text::fixed(format!("{} ", bound(cost))).quote(currency);
    let iroas = cell.iroas.map_or(UNKNOWN.to_owned(), |iroas| {
        let spread = match cell.iroas_ci {
            [Some(low), Some(high)] => (high - low) / 4.0,
            _ => iroas.abs() / 100.0,
        };
        let ends = between(cell.iroas_ci, |end| figure(end, spread));
        format!("{} ({ends})", figure(iroas, spread))
    });
    vec![term("Cost", cost), term("Incremental for each unit of cost", Text::fixed(iroas))]
}

/// What speaks for the synthetic control, and against it.
pub(super) fn checks(answer: &GeoAnswer, cell: &GeoCell) -> Option<Section> {
    let mut terms = Vec::new();
    let mut term = |name: &'static str, text: String| {
        terms.push(Term { name: name.into(), text: Text::fixed(text) })
    };
    let is_fitted = |first: &GeoEstimate| first.method != Method::TrimmedMatch;
    // Pairs are compared in the test alone: before it nothing is expected that could miss.
    let missed = cell.missed_before(answer.before);
    if let Some(missed) = missed.filter(|_| cell.estimates.first().is_some_and(is_fitted)) {
        let beside = cell.scaled_l2.map_or(String::new(), |ratio| {
            format!("; the synthetic control misses by {} of what a plain mean of the other places does", percent_of(ratio))
        });
        term(
            "Fit before",
            format!(
                "what is expected misses what was by {} of its level{beside}",
                percent_of(missed)
            ),
        );
    }
    if let Some(placebo) = &cell.placebo_in_space {
        let count = i64::from(placebo.places);
        term(
            "Other places as if treated",
            format!(
                "p {} among {} others; never below {:.3}",
                p_value(placebo.p),
                whole(count),
                1.0 / (f64::from(placebo.places) + 1.0)
            ),
        );
    }
    if let Some(placebo) = &cell.placebo_in_time {
        let spread = match placebo.mean_ci {
            [Some(low), Some(high)] => (high - low) / 4.0,
            _ => placebo.mean.abs() / 100.0,
        };
        let found = format!("{} in a place and period", figure(placebo.mean, spread));
        let level = level(answer.confidence);
        let told = match placebo.mean_ci {
            [None, None] => {
                format!(
                    "no interval at {level} (p {}): too few earlier periods, or no constant effect fits",
                    p_value(placebo.p)
                )
            }
            ends => {
                let ends = between(ends, |end| figure(end, spread));
                format!("{level} interval {ends}, p {}", p_value(placebo.p))
            }
        };
        term("The same test, earlier, when there was no campaign", format!("{found}: {told}"));
    }
    let section = Section::new(Topic::Figures, Text::fixed("How far to trust ").quote(&cell.name));
    (!terms.is_empty()).then(|| section.with(Block::Terms(terms)))
}

/// The places that a synthetic control is made of.
pub(super) fn weights(cell: &GeoCell) -> Option<Section> {
    let rows: Vec<_> = cell
        .weights
        .iter()
        .take(MOST_ROWS)
        .map(|weight| {
            let share = format!("{:.1} %", 100.0 * weight.weight);
            Row::new(Text::quoted(&weight.place), vec![Text::fixed(share)])
        })
        .collect();
    let more = cell.weights.len().saturating_sub(rows.len());
    let table =
        Table { names: vec!["Place".into()], figures: vec!["Weight".into()], rows, bars: None };
    let note = match more {
        0 => "Together these stand for the treated places as they would have been.".to_owned(),
        more => format!(
            "Together with {more} more, of smaller weight, these stand for the treated places as they would have been."
        ),
    };
    let heading = Text::fixed("What ").quote(&cell.name).and(" is compared with");
    let section = Section::new(Topic::Figures, heading);
    (!table.rows.is_empty())
        .then(|| section.with(Block::Table(table)).with(Block::Note(Text::fixed(note))))
}

/// What was asked for.
pub(super) fn asked(answer: &GeoAnswer) -> Section {
    let term = |name: &'static str, text: Text| Term { name: name.into(), text };
    let before = i64::from(answer.before);
    let all = i64::try_from(answer.periods.len()).unwrap_or(i64::MAX);
    let cooldown = i64::from(answer.cooldown);
    let at = |at: i64| -> Text {
        let day = usize::try_from(at).ok().and_then(|at| answer.periods.get(at));
        day.map(Text::quoted).unwrap_or_default()
    };
    let test = all - before - cooldown;
    let mut terms = vec![
        term("Before", Text::fixed(format!("{} from ", periods(answer, before))).with(at(0))),
        term("Test", Text::fixed(format!("{} from ", periods(answer, test))).with(at(before))),
    ];
    if cooldown > 0 {
        let text = Text::fixed(format!("{} from ", periods(answer, cooldown)));
        terms.push(term("Cooldown, which counts with the test", text.with(at(before + test))));
    }
    if !answer.left_out.is_empty() {
        terms.push(term("Left out everywhere", Text::names(&answer.left_out, ", ")));
    }
    for cell in &answer.cells {
        let text = Text::names(&cell.treated, ", ")
            .and(format!("; compared with {} others", whole(i64::from(cell.others))));
        terms.push(Term { name: Text::fixed("Treated in ").quote(&cell.name), text });
    }
    let [cap, floor] = [answer.cap, answer.floor].map(bound);
    let count = i64::from(answer.cells_per_person);
    let counts = if count == 1 {
        "one place and period".to_owned()
    } else {
        format!("{} places and periods", whole(count))
    };
    terms.push(term(
        "One person",
        Text::fixed(format!(
            "counts in at most {counts}, in each with no more than {cap} and no less than {floor}"
        )),
    ));
    terms.push(term(
        "Noise",
        Text::fixed(format!(
            "a standard deviation of {} in the total of each place and period",
            figure(answer.noise_of_total, answer.noise_of_total)
        )),
    ));
    Section::new(Topic::Asked, "The question".into()).with(Block::Terms(terms))
}

pub(super) fn ends(estimate: &GeoEstimate) -> String {
    match estimate.interval {
        IntervalKind::None => UNKNOWN.to_owned(),
        IntervalKind::Empty => "empty".to_owned(),
        IntervalKind::Between | IntervalKind::Unbounded => {
            between(estimate.total_ci, |end| amount(end, estimate))
        }
    }
}

pub(super) fn method(method: Method) -> &'static str {
    match method {
        Method::SyntheticControl => "synthetic control",
        Method::AugmentedSyntheticControl => "augmented synthetic control",
        Method::TimeBasedRegression => "time-based regression",
        Method::TrimmedMatch => "trimmed match",
        Method::DifferenceInDifferences => "difference in differences",
    }
}

/// A share that is above 0, as a percentage.
fn percent_of(share: f64) -> String {
    let percent = 100.0 * share;
    format!("{} %", figure(percent, percent / 20.0))
}

const MOST_ROWS: usize = 12;
