//! The estimates of one cell of a design.

use super::{
    levels::{Levels, PValues},
    panel::Panel,
    real,
};
use crate::analysis::geo::{
    answer::{GeoCell, GeoEstimate, GeoWeight, IntervalKind, PlaceboInSpace, PlaceboInTime},
    question::{Cell, Geo, Method},
};
use statistics::{
    panel::{
        Comparison, Effect,
        conformal::{Blocks, Inverted, Set},
        difference, pairs, placebo, regression,
        synthetic::{self, Synthetic},
    },
    special::student_upper_quantile,
};

/// A cell that is ready to be estimated.
pub(super) struct Prepared<'a> {
    cell: &'a Cell,
    asked: &'a Geo,
    panel: &'a Panel,
    /// What is known before anything is estimated.
    found: GeoCell,
    compared: Option<Compared>,
}

/// What an estimate compares.
struct Compared {
    comparison: Comparison,
    /// The other places.
    names: Vec<String>,
    weights: Synthetic,
    /// The penalty of the ridge; `None` where the method fits without one.
    penalty: Option<f64>,
}

impl<'a> Prepared<'a> {
    pub(super) fn new(cell: &'a Cell, asked: &'a Geo, panel: &'a Panel) -> Self {
        let (_, before) = asked.periods();
        let row = |place: &String| panel.row(place).cloned();
        let treated: Vec<_> = cell.treated.iter().filter_map(row).collect();
        let (names, others): (Vec<_>, Vec<_>) =
            asked.others.iter().filter_map(|place| Some((place.clone(), row(place)?))).unzip();
        let mut found = nothing(cell, others.len());
        // Where a treated place is missing, what is left would be another campaign's effect.
        if treated.len() == cell.treated.len() {
            found.observed = together(&treated);
        }
        let is_withheld = found.observed.is_empty();
        let comparison = Comparison::new(treated, others, before).ok().filter(|_| !is_withheld);
        let compared = comparison.map(|comparison| Compared {
            weights: synthetic::fit(&comparison, synthetic::Method::WEIGHTS),
            penalty: penalty(&comparison),
            names,
            comparison,
        });
        if compared.is_none() {
            let why = if is_withheld { "treated_withheld" } else { "nothing_to_compare" };
            found.flags.push(why.to_owned());
        }
        Self { cell, asked, panel, found, compared }
    }

    /// The p-value of each estimate, which depends on no level.
    pub(super) fn p_values(&self) -> PValues {
        let Some(compared) = &self.compared else { return PValues::new() };
        let levels = Levels::new();
        let all = self.judge(compared, &levels).all(self);
        all.into_iter().map(|(estimate, _)| (estimate.method, estimate.p)).collect()
    }

    /// Estimates what a campaign in these places changed, in all ways that can be, first in the way that was asked for.
    pub(super) fn estimated(mut self, levels: &Levels) -> GeoCell {
        let Some(compared) = self.compared.take() else { return self.found };
        let judge = self.judge(&compared, levels);
        let mut all: Vec<_> = judge.all(&self);
        // The one that was asked for first; the others stay in their order.
        all.sort_by_key(|(estimate, _)| (estimate.method != self.asked.method, estimate.method));
        let (mut estimates, mut fits): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let places = real(i64::try_from(self.cell.treated.len()).unwrap_or(i64::MAX));
        let is_answered = estimates.first().is_some_and(|first| first.method == self.asked.method);
        let mut found = self.found.clone();
        if is_answered && !fits.is_empty() {
            found.counterfactual =
                fits.swap_remove(0).iter().map(|number| number * places).collect();
        }
        found.weights = named(&compared);
        found.scaled_l2 = compared.weights.scaled_l2;
        found.placebo_in_space = judge.in_space();
        found.placebo_in_time = judge.in_time();
        let less_than_nothing = cut(&mut estimates, self.asked);
        found.flags = judge.flags(&found, &estimates, self.asked, self.panel);
        if less_than_nothing && is_answered {
            found.flags.push("less_than_nothing".to_owned());
        }
        found.estimates = if is_answered { estimates } else { Vec::new() };
        returns(&mut found);
        found
    }

    fn judge<'c>(&self, compared: &'c Compared, levels: &'c Levels) -> Judge<'c> {
        let alpha = 1.0 - self.asked.confidence.value();
        let cells = real(i64::try_from(self.asked.cells.len().max(1)).unwrap_or(i64::MAX));
        Judge {
            compared,
            comparison: &compared.comparison,
            alpha,
            strictest: alpha / cells,
            levels,
        }
    }
}

/// The places that a synthetic control is made of, the largest weights first.
fn named(compared: &Compared) -> Vec<GeoWeight> {
    let mut named: Vec<_> = compared.names.iter().zip(&compared.weights.weights).collect();
    named.retain(|(_, weight)| **weight > SMALLEST_WEIGHT);
    named.sort_by(|one, other| other.1.total_cmp(one.1));
    let weight =
        |(place, weight): (&String, &f64)| GeoWeight { place: place.clone(), weight: *weight };
    named.into_iter().map(weight).collect()
}

/// Cuts lifts where nothing would be left of an outcome that cannot be negative, and says whether any was below.
fn cut(estimates: &mut [GeoEstimate], asked: &Geo) -> bool {
    if asked.outcome.clamp.is_signed() {
        return false;
    }
    let lifts = estimates.iter_mut().flat_map(|estimate| {
        let [low, high] = &mut estimate.lift_ci;
        [&mut estimate.lift, low, high].into_iter().flatten()
    });
    let mut is_cut = false;
    for lift in lifts {
        is_cut |= *lift < NOTHING_LEFT;
        *lift = lift.max(NOTHING_LEFT);
    }
    is_cut
}

/// The penalty of a ridge; `None` where looking for one would take too long.
fn penalty(comparison: &Comparison) -> Option<f64> {
    let others = comparison.others().len();
    let work = others.saturating_pow(3).saturating_mul(comparison.before());
    (work <= MOST_WORK).then(|| synthetic::penalty(comparison)).flatten()
}

/// A cell of which nothing is known yet.
fn nothing(cell: &Cell, others: usize) -> GeoCell {
    let cost = cell.cost.as_ref();
    GeoCell {
        name: cell.name.clone(),
        treated: cell.treated.clone(),
        others: u32::try_from(others).unwrap_or(u32::MAX),
        estimates: Vec::new(),
        observed: Vec::new(),
        counterfactual: Vec::new(),
        weights: Vec::new(),
        scaled_l2: None,
        placebo_in_space: None,
        placebo_in_time: None,
        cost: cost.map(|cost| money(i64::try_from(cost.millionths).unwrap_or(i64::MAX))),
        currency: cost.map(|cost| cost.currency.clone()),
        iroas: None,
        iroas_ci: [None, None],
        flags: Vec::new(),
    }
}

/// What each unit of cost brought.
fn returns(found: &mut GeoCell) {
    let Some(cost) = found.cost else { return };
    if cost <= 0.0 {
        found.flags.push("no_cost".to_owned());
        return;
    }
    let Some(first) = found.estimates.first() else { return };
    found.iroas = Some(first.total / cost).filter(|found| found.is_finite());
    found.iroas_ci =
        first.total_ci.map(|end| end.map(|end| end / cost).filter(|end| end.is_finite()));
}

/// Judges one comparison.
struct Judge<'c> {
    compared: &'c Compared,
    comparison: &'c Comparison,
    /// What the job asks for.
    alpha: f64,
    /// The smallest level that an interval may have after adjustment.
    strictest: f64,
    /// The level of each method. A method that is not here has the level of the job.
    levels: &'c Levels,
}

impl Judge<'_> {
    /// All estimates there are, each with what would have been in a treated place.
    fn all(&self, prepared: &Prepared<'_>) -> Vec<(GeoEstimate, Vec<f64>)> {
        let weights = &self.compared.weights;
        let mut all =
            vec![self.by_blocks(Method::SyntheticControl, weights, synthetic::Method::WEIGHTS)];
        if let Some(penalty) = self.compared.penalty {
            let ridge = synthetic::Method::ridge(penalty);
            let fitted = synthetic::fit(self.comparison, ridge);
            all.push(self.by_blocks(Method::AugmentedSyntheticControl, &fitted, ridge));
        }
        if let Some(found) = regression::fit(self.comparison) {
            let method = Method::TimeBasedRegression;
            let ends = found.ends(self.missed(method));
            let ends = ends.map(|ends| ends.map(|end| end / self.comparison.cells()));
            all.push(self.estimate(method, &found.effect, ends, found.p()));
        }
        all.extend(self.matched(prepared));
        let found = difference::compare(self.comparison);
        let method = Method::DifferenceInDifferences;
        let ends = found.ends(self.missed(method));
        all.push(self.estimate(method, &found.effect, ends, found.p()));
        all
    }

    /// How often an interval by this method misses.
    fn missed(&self, method: Method) -> f64 {
        self.levels.get(&method).map_or(self.alpha, |level| level.missed)
    }

    fn by_blocks(
        &self,
        method: Method,
        fitted: &Synthetic,
        how: synthetic::Method,
    ) -> (GeoEstimate, Vec<f64>) {
        let blocks = Blocks::new(self.comparison, how);
        // Where no p is as small as the strictest level asks, nothing is found at any level after adjustment.
        let periods = real(i64::try_from(self.comparison.periods()).unwrap_or(i64::MAX));
        let reached = self.strictest * periods >= 1.0;
        let strictest = if reached { self.strictest } else { self.alpha };
        let missed = self.missed(method);
        let Inverted { p, set, .. } = blocks.invert_among(fitted.effect.mean, missed, strictest);
        let ends = match set {
            Set::Between(ends) => Some(ends),
            Set::All | Set::Empty => None,
        };
        let (mut estimate, would) = self.estimate(method, &fitted.effect, ends, Some(p));
        estimate.interval = match set {
            Set::Between(ends) if ends.iter().any(|end| end.is_infinite()) => {
                IntervalKind::Unbounded
            }
            Set::Between(_) => IntervalKind::Between,
            Set::All => IntervalKind::Unbounded,
            Set::Empty => IntervalKind::Empty,
        };
        (estimate, would)
    }

    /// An estimate with the ends of its mean effect.
    fn estimate(
        &self,
        method: Method,
        effect: &Effect,
        ends: Option<[f64; 2]>,
        p: Option<f64>,
    ) -> (GeoEstimate, Vec<f64>) {
        let cells = self.comparison.cells();
        let known = |end: f64| Some(end).filter(|end| end.is_finite());
        let each = |of: &dyn Fn(f64) -> Option<f64>| ends.map_or([None, None], |ends| ends.map(of));
        // Beside something that may be nothing, or less, an effect is no share.
        let lifts = ends.and_then(|[low, high]| {
            let [one, other] = [self.comparison.lift_of(low)?, self.comparison.lift_of(high)?];
            Some([one.min(other), one.max(other)])
        });
        let level = self.levels.get(&method);
        let estimate = GeoEstimate {
            method,
            p_adjusted: level.and_then(|level| level.p_adjusted),
            ci_level: 1.0 - self.missed(method),
            total: effect.total,
            total_ci: each(&|end| known(end * cells)),
            mean: effect.mean,
            lift: effect.lift.filter(|_| ends.is_none() || lifts.is_some()),
            lift_ci: lifts.map_or([None, None], |lifts| lifts.map(Some)),
            interval: if ends.is_some() { IntervalKind::Between } else { IntervalKind::None },
            p,
        };
        let observed = self.comparison.treated_mean();
        let would = observed.iter().zip(&effect.gap).map(|(seen, gap)| seen - gap).collect();
        (estimate, would)
    }

    /// The estimate from pairs, if the design has enough of them.
    fn matched(&self, prepared: &Prepared<'_>) -> Option<(GeoEstimate, Vec<f64>)> {
        let Prepared { cell, asked, panel, .. } = prepared;
        let (_, before) = asked.periods();
        let in_test = |place: &str| Some(panel.row(place)?.iter().skip(before).sum::<f64>());
        let differences: Vec<_> = cell
            .pairs
            .iter()
            .filter_map(|pair| {
                let response = in_test(&pair.treated)? - in_test(&pair.other)?;
                Some(pairs::Pair { response, cost: money(pair.cost) })
            })
            .collect();
        let found = pairs::estimate(&differences)?;
        let kept = differences.len() - 2 * found.trimmed;
        let missed = self.missed(Method::TrimmedMatch);
        let quantile = student_upper_quantile(missed / 2.0, degrees(kept));
        let cost: f64 = differences.iter().map(|pair| pair.cost).sum();
        let cells = self.comparison.cells();
        let mean = found.estimate * cost / cells;
        let mut ends = pairs::ends(&differences, found.trimmed, quantile)
            .map(|end| end.map(|end| end * cost / cells));
        if cost < 0.0 {
            ends.reverse();
        }
        let observed = self.comparison.treated_mean();
        let in_test = observed.iter().skip(before).map(|seen| seen - mean);
        let would: Vec<_> = observed.iter().take(before).copied().chain(in_test).collect();
        let effect = self.comparison.effect(&would);
        let (mut estimate, would) = self.estimate(Method::TrimmedMatch, &effect, None, None);
        estimate.total_ci = ends.map(|end| end.map(|end| end * cells));
        estimate.lift_ci = ends.map(|end| end.and_then(|end| self.comparison.lift_of(end)));
        if ends.iter().flatten().any(|end| self.comparison.lift_of(*end).is_none()) {
            (estimate.lift, estimate.lift_ci) = (None, [None, None]);
        }
        estimate.interval =
            if ends.contains(&None) { IntervalKind::Unbounded } else { IntervalKind::Between };
        Some((estimate, would))
    }

    fn in_space(&self) -> Option<PlaceboInSpace> {
        let others = self.comparison.others().len();
        let work = others.saturating_pow(3).saturating_mul(self.comparison.periods());
        if work > MOST_WORK {
            return None;
        }
        let weights = &self.compared.weights;
        let found = placebo::in_space(self.comparison, weights, synthetic::Method::WEIGHTS)?;
        Some(PlaceboInSpace { p: found.p, places: u32::try_from(found.places).ok()? })
    }

    fn in_time(&self) -> Option<PlaceboInTime> {
        let found = placebo::in_time(self.comparison, synthetic::Method::WEIGHTS, self.alpha)?;
        let mean_ci = match found.inverted.set {
            Set::Between(ends) => ends.map(|end| Some(end).filter(|end| end.is_finite())),
            Set::All | Set::Empty => [None, None],
        };
        Some(PlaceboInTime { mean: found.mean, mean_ci, p: found.inverted.p })
    }

    /// Whether what the fit misses before the test is large, beside the level of the treated places and beside the effect.
    /// Beside a plain mean of the others it says nothing: where all places go up and down together, that fits, too.
    fn fits_poorly(&self, found: &GeoCell, first: &GeoEstimate) -> bool {
        let before = u32::try_from(self.comparison.before()).unwrap_or(u32::MAX);
        let Some(missed) = found.missed_before(before) else { return false };
        let effect = first.lift.map_or(0.0, f64::abs);
        missed > POOR_FIT && missed > effect * POOR_BESIDE_EFFECT
    }

    /// Whether the regression that was asked for has too small an error, as what it leaves over goes on from period to period.
    fn drifts(&self, asked: Method) -> bool {
        asked == Method::TimeBasedRegression
            && regression::fit(self.comparison).is_some_and(|found| found.drifts())
    }

    /// What can mislead in these estimates.
    fn flags(
        &self,
        found: &GeoCell,
        estimates: &[GeoEstimate],
        asked: &Geo,
        panel: &Panel,
    ) -> Vec<String> {
        let weights = &self.compared.weights;
        let first = estimates.first().filter(|first| first.method == asked.method);
        let by_blocks =
            matches!(asked.method, Method::SyntheticControl | Method::AugmentedSyntheticControl);
        let is_outside = first.is_some_and(|first| {
            let [low, high] = first.total_ci;
            low.is_some_and(|low| first.total < low) || high.is_some_and(|high| high < first.total)
        });
        let before = self.comparison.before();
        let pre = weights.effect.gap.get(..before).unwrap_or_default();
        let left: f64 = pre.iter().map(|gap| gap * gap).sum();
        // Noise of the treated mean and of a weighted mean of others, over as many periods.
        let spread: f64 = weights.weights.iter().map(|weight| weight * weight).sum();
        let own = 1.0 / real(i64::try_from(self.comparison.treated().len()).unwrap_or(i64::MAX));
        let periods = real(i64::try_from(before).unwrap_or(i64::MAX));
        let noise = panel.noise_variance() * (spread + own) * periods;
        let has_withheld = usize::try_from(found.others).unwrap_or(0) < asked.others.len();
        let flags = [
            ("not_estimated", first.is_none()),
            ("poor_fit", by_blocks && first.is_some_and(|first| self.fits_poorly(found, first))),
            ("drifts", self.drifts(asked.method)),
            ("outside_interval", is_outside),
            ("empty_interval", first.is_some_and(|first| first.interval == IntervalKind::Empty)),
            (
                "too_few_periods",
                by_blocks && first.is_some_and(|first| first.interval == IntervalKind::Unbounded),
            ),
            (
                "one_treated_place",
                asked.method == Method::DifferenceInDifferences && found.treated.len() < 2,
            ),
            ("others_withheld", has_withheld),
            ("more_places_than_periods", by_blocks && self.comparison.others().len() >= before),
            ("noise_dominates", noise > left / 2.0 && noise > 0.0),
            ("moved_before", found.placebo_in_time.is_some_and(|placebo| placebo.p <= self.alpha)),
            ("nothing_without", first.is_some_and(|first| first.lift.is_none())),
        ];
        flags.iter().filter(|(_, raised)| *raised).map(|(name, _)| (*name).to_owned()).collect()
    }
}

/// Rows added up.
fn together(rows: &[Vec<f64>]) -> Vec<f64> {
    let mut sum = rows.first().map(|row| vec![0.0; row.len()]).unwrap_or_default();
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
    }
    sum
}

/// An amount of money.
fn money(millionths: i64) -> f64 {
    real(millionths) / 1e6
}

/// Degrees of freedom of a mean over so many pairs.
fn degrees(kept: usize) -> f64 {
    real(i64::try_from(kept).unwrap_or(i64::MAX)) - 1.0
}

/// A fit that misses by more than this share of the level before the test is poor, unless the effect is far larger.
const POOR_FIT: f64 = 0.05;
/// The part of an effect that a fit may miss by before the test.
const POOR_BESIDE_EFFECT: f64 = 0.5;
/// A weight below this is not listed.
const SMALLEST_WEIGHT: f64 = 1e-9;
/// What is fitted again and again, for as many places and periods: a few seconds at most.
const MOST_WORK: usize = 150_000_000;
/// The lift where nothing happened any more.
const NOTHING_LEFT: f64 = -1.0;
