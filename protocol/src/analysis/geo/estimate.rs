//! From released totals of places and periods to what a campaign changed.
//!
//! The noise is in the totals before anything is fitted, so that it is in what is left over, and with it in every p-value and
//! interval. Nothing here adds noise to an estimate or takes it away.

mod cell;
mod frequency;
mod levels;
mod panel;

use super::{
    answer::{GeoAnswer, GeoCell},
    question::Geo,
    tally::used,
    uses::Listed,
};
use crate::{
    analysis::{
        Scope,
        outcomes::date,
        table::{CountRange, row_words},
    },
    released::View,
    tally::Side,
};
use cell::Prepared;
use levels::Levels;
use panel::Panel;
use statistics::shown::Passing;

/// The answer to a question about a geo experiment, and its flags.
///
/// # Privacy
///
/// Costs nothing: a function of released figures, contract and job.
pub(super) fn answer(
    view: &View<'_>,
    asked: &Geo,
    scope: &Scope<'_>,
) -> Option<(GeoAnswer, Vec<String>)> {
    let listed = Listed::of(scope.terms)?;
    let panel = Panel::new(view, asked, &listed, scope)?;
    let alpha = 1.0 - asked.confidence.value();
    let cells = cells(asked, &panel, alpha);
    let mut flags: Vec<String> = Vec::new();
    for flag in cells.iter().flat_map(|cell| &cell.flags) {
        if !flags.contains(flag) {
            flags.push(flag.clone());
        }
    }
    let frequency = frequency::frequency(view);
    if frequency.left_out_at_least >= MATTERS {
        flags.push("cells_left_out".to_owned());
    }
    let withheld: Vec<_> =
        used(asked).filter(|place| panel.row(place).is_none()).cloned().collect();
    let unit = asked.outcome.scale.units_per_one();
    let (periods, before) = asked.periods();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let no_consent = view.no_consent().filter(|_| scope.contract.asks_consent(listed.outcome));
    let cooldown = periods.iter().filter(|start| **start > asked.test.last).count();
    let answer = GeoAnswer {
        counted: counted(view, asked, &listed, scope),
        outcome: asked.outcome.name.clone(),
        cap: real(asked.outcome.clamp.most()) / unit,
        floor: real(asked.outcome.clamp.least()) / unit,
        cells_per_person: asked.cells_per_person,
        period_days: asked.period_days,
        periods: periods.iter().map(|start| date(*start)).collect(),
        before: number(before),
        cooldown: number(cooldown),
        left_out: asked.left_out.iter().map(|day| date(*day)).collect(),
        confidence: asked.confidence.value(),
        noise_of_total: panel.noise_sd(),
        shown_from: view.thresholds().groups,
        withheld,
        frequency,
        cells,
        no_consent: no_consent.map(|people| {
            let passing = Passing::one_draw(people.noise_variance, view.thresholds().no_consent);
            let ci = passing.interval(people.value, alpha);
            CountRange { n: people.value, noise_sd: people.noise_variance.sqrt(), ci }
        }),
    };
    Some((answer, flags))
}

/// The estimates of all cells. Their p-values come first: together they decide the level of each interval.
fn cells(asked: &Geo, panel: &Panel, alpha: f64) -> Vec<GeoCell> {
    let prepared = asked.cells.iter().map(|cell| Prepared::new(cell, asked, panel));
    let prepared: Vec<_> = prepared.collect();
    let levels = if prepared.len() > 1 {
        let p: Vec<_> = prepared.iter().map(Prepared::p_values).collect();
        levels::adjusted(&p, alpha)
    } else {
        vec![Levels::new(); prepared.len()]
    };
    prepared.into_iter().zip(levels).map(|(cell, levels)| cell.estimated(&levels)).collect()
}

/// Says whose rows are counted.
fn counted(view: &View<'_>, asked: &Geo, listed: &Listed<'_>, scope: &Scope<'_>) -> String {
    let rows: Vec<_> = asked.rows.iter().map(|row| row_words(row, scope.contract)).collect();
    let rows =
        if rows.is_empty() { String::new() } else { format!(", where {}", rows.join(" and ")) };
    let period = match asked.period_days {
        1 => "day".to_owned(),
        7 => "week".to_owned(),
        days => format!("period of {days} days"),
    };
    let dataset = view.proven().tally().dataset(Side::POPULATION);
    format!("rows of {dataset} by {} and {period} of {}{rows}", listed.geo, listed.date)
}

/// Totals that lack a smaller share are not said to be too small.
const MATTERS: f64 = 0.01;

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
pub(super) fn real(number: i64) -> f64 {
    number as f64
}
