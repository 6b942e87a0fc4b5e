//! Makes the answer that receivers read from released figures.

use super::{Lift, LiftAnswer, Multiplicity, Outcome, OutcomeKind, arms::Arms};
use crate::{
    analysis::Scope,
    proof::Proven,
    released::{self, ProductFigure, View},
    tally::Side,
};
use statistics::{
    figure::Figure,
    lift::Interval,
    multiplicity::{benjamini_hochberg, benjamini_hochberg_misses, holm, holm_misses},
};

mod breakdown;
mod compared;
mod cuped;
mod design;
mod late;
mod margins;
mod outcome;
mod segments;

/// The answer to a lift question, and its flags.
///
/// # Shapes and units
///
/// Figures are computed in units of the column and reported in units of the amount: dollars, not
/// cents. Everybody counts in the arm they were assigned to; who was not found among the outcomes
/// has the outcome zero.
///
/// # Privacy
///
/// Costs nothing: a function of released figures, contract and job.
pub(super) fn answer(
    view: &View<'_>,
    asked: &Lift,
    scope: &Scope<'_>,
) -> (LiftAnswer, Vec<String>) {
    let arms = Arms::new(view);
    let design = design::Design::new(&arms, asked, scope);
    let (outcomes, parts) = outcome::outcomes(&arms, view, asked);
    let (breakdown, of_parts) = breakdown::breakdown(&arms, parts, asked, scope);
    let answer = LiftAnswer {
        registered_at: asked.registered_at,
        estimand: estimand(view.proven(), asked, scope.contract.can_refuse(scope.name)),
        test: asked.test.clone(),
        control: asked.control.clone(),
        confidence: asked.confidence.value(),
        alternative: asked.alternative,
        multiplicity: asked.multiplicity,
        cells: design.cells,
        sample_ratio: design.sample_ratio,
        match_rates: design.match_rates,
        consent_rates: design.consent_rates,
        outcomes,
        breakdown,
    };
    (answer, [design.flags, of_parts].concat())
}

fn estimand(proven: &Proven, asked: &Lift, can_refuse: bool) -> String {
    let tally = proven.tally();
    let [test, control] = [&asked.test, &asked.control].map(|values| values.join(" or "));
    let [population, outcome] = [Side::POPULATION, Side::JOINED].map(|side| tally.dataset(side));
    let segments = asked.breakdown.as_ref().is_some_and(|breakdown| !breakdown.segments.is_empty());
    let segments = if segments {
        ", of the segments that are shown and of all other people together if they are enough to be shown"
    } else {
        ""
    };
    let keeps_refusers = tally.keeps_refusers();
    let agreed = if can_refuse && !keeps_refusers { " who did not withhold consent" } else { "" };
    let refused = if keeps_refusers { ", or withholds consent there," } else { "" };
    format!(
        "average effect per person of being assigned to {test} rather than to {control} \
         (intention to treat), over the people of {population} in one of these arms{agreed}{segments}; whoever is \
         not found in {outcome}{refused} counts with zero"
    )
}

fn figure(released: released::Figure) -> Figure {
    Figure::noisy(i128::from(released.value), released.noise_variance)
}

fn squares(released: ProductFigure) -> Figure {
    Figure::noisy(released.value, released.noise_variance)
}

/// Units of the column in one unit of the amount. A yes-or-no outcome has no unit.
fn unit(outcome: &Outcome) -> f64 {
    match outcome.kind {
        OutcomeKind::Binary => 1.0,
        _ => outcome.scale.units_per_one(),
    }
}

fn names(flags: &[(&str, bool)]) -> Vec<String> {
    flags.iter().filter(|(_, raised)| *raised).map(|(name, _)| (*name).to_owned()).collect()
}

/// For each p-value of a family its adjusted one, and how often an interval misses that goes with it.
fn adjusted(multiplicity: Multiplicity, p: &[Option<f64>], alpha: f64) -> Vec<(Option<f64>, f64)> {
    let (adjusted, misses) = match multiplicity {
        Multiplicity::Holm => (holm(p), holm_misses(p, alpha)),
        Multiplicity::Bh => (benjamini_hochberg(p), benjamini_hochberg_misses(p, alpha)),
        Multiplicity::None => (vec![None; p.len()], vec![alpha; p.len()]),
    };
    adjusted.into_iter().zip(misses).collect()
}

fn ends(interval: Interval, unit: f64) -> [Option<f64>; 2] {
    [interval.lower, interval.upper].map(|end| end.map(|end| end / unit))
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: i64) -> f64 {
    number as f64
}
