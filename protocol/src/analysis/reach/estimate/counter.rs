//! Sums over the places of a tally, some of which are not shown.

use super::super::answer::{Average, People};
use crate::released::{Figure, GroupFigures, Place, Thresholds, View, public_name};
use statistics::{
    parts::{Noisy, Sum},
    shown::Passing,
    special::normal_upper_quantile,
};
use std::collections::BTreeMap;

/// The released counts of the places.
pub(super) struct Counter<'v> {
    /// All places of the tally; with `None` for a place that is not shown.
    places: Vec<(Vec<u32>, Option<GroupFigures>)>,
    /// Variance of the noise in each count.
    variance: f64,
    /// One minus the confidence.
    pub(super) alpha: f64,
    shows: Thresholds,
    view: &'v View<'v>,
}

/// A part of the places.
pub(super) struct Part<'p> {
    shown: Vec<(&'p [u32], &'p GroupFigures)>,
    withheld: Vec<&'p [u32]>,
    is_all: bool,
}

/// The least and the most rows that one person can have in a place that is not shown.
pub(super) type Possible<'f> = &'f dyn Fn(&[u32]) -> [f64; 2];

impl<'v> Counter<'v> {
    /// Counts of the places in which somebody can be.
    pub(super) fn new(
        view: &'v View<'v>,
        alpha: f64,
        is_possible: impl Fn(&[u32]) -> bool,
    ) -> Self {
        let tally = view.proven().tally();
        let mut shown: BTreeMap<_, _> =
            view.cells().map(|cell| (cell.name.clone(), cell)).collect();
        let count = tally.public_cells().map_or(0, |cells| cells.saturating_sub(1));
        let places = (0..count).map(|at| {
            let name = public_name(&tally.dimensions, at);
            let numbers = name.iter().map(|place| match place {
                Place::Index(at) => *at,
                Place::Label(_) => u32::MAX,
            });
            (numbers.collect::<Vec<_>>(), shown.remove(&name))
        });
        let places = places.filter(|(name, _)| is_possible(name));
        Self {
            places: places.collect(),
            variance: view.people(0).noise_variance,
            alpha,
            shows: view.thresholds(),
            view,
        }
    }

    /// The number of places that are not shown.
    pub(super) fn withheld(&self) -> u64 {
        count(self.places.iter().filter(|(_, found)| found.is_none()).count())
    }

    pub(super) fn part(&self, is_in: impl Fn(&[u32]) -> bool) -> Part<'_> {
        let own = self.places.iter().filter(|(name, _)| is_in(name));
        let mut part = Part { shown: Vec::new(), withheld: Vec::new(), is_all: true };
        for (name, found) in own {
            match found {
                Some(figures) => part.shown.push((name.as_slice(), figures)),
                None => part.withheld.push(name.as_slice()),
            }
        }
        part.is_all = part.shown.len() + part.withheld.len() == self.places.len();
        part
    }

    /// The number of people in a part of the places.
    pub(super) fn people(&self, part: &Part<'_>) -> People {
        let whole_of = |figure: Figure| People {
            value: Some(figure.value),
            noise_sd: figure.noise_variance.sqrt(),
            ci: outward(self.sum(part).interval(self.alpha)),
            withheld: 0,
        };
        if let Some(all) = self.known(part) {
            return whole_of(all);
        }
        let shown = part.total();
        let ci = match (part.shown.as_slice(), part.withheld.as_slice()) {
            ([(_, one)], []) => Passing::one_draw(self.variance, self.shows.groups)
                .interval(one.people.value, self.alpha),
            _ => outward(self.sum(part).interval(self.alpha)),
        };
        People {
            value: (!part.shown.is_empty()).then_some(shown.value),
            noise_sd: shown.noise_variance.sqrt(),
            ci,
            withheld: count(part.withheld.len()),
        }
    }

    /// The sum over the whole part, if it is known though some of its places are not shown.
    fn known(&self, part: &Part<'_>) -> Option<Figure> {
        let other = self.view.other().filter(|_| part.is_all && !part.withheld.is_empty())?;
        Some(part.total().plus(other.people))
    }

    fn sum(&self, part: &Part<'_>) -> Sum {
        if let Some(all) = self.known(part) {
            return Sum::whole(noisy(all));
        }
        let shown = noisy(part.total());
        if part.withheld.is_empty() {
            return Sum::whole(shown);
        }
        let hidden = real(part.withheld.len());
        let bound = |missing: f64, draws: f64| Noisy {
            value: shown.value + missing,
            variance: shown.variance + draws * self.variance,
        };
        let each = bound(hidden * whole(self.shows.groups - 1), hidden);
        // All places that are not shown are together below their threshold, with the noise of
        // places in which nobody is.
        let together = match part.is_all {
            true => bound(whole(self.shows.other - 1), whole(self.view.withheld().value)),
            false => each,
        };
        Sum::partial(shown, [each, together])
    }

    /// Average number of rows. `rows` are those in the places that are shown. A person has at least
    /// one row and at most the cap, wherever the person is; for a place that is not shown,
    /// `possible` says what one person can have there.
    pub(super) fn average(
        &self,
        part: &Part<'_>,
        rows: Noisy,
        possible: Possible<'_>,
        [least, most]: [f64; 2],
    ) -> Option<Average> {
        let total = part.total();
        if part.shown.is_empty() {
            return None;
        }
        let n = whole(total.value).max(1.0);
        // Half of the error is for people, half for rows.
        let each = self.alpha / 2.0;
        let reach = normal_upper_quantile(each / 2.0) * rows.variance.sqrt();
        let [fewest, largest] = self.shown_range(part, each);
        let hidden = (self.sum(part).interval(each)[1] - fewest).max(0.0);
        let hidden = if part.withheld.is_empty() { 0.0 } else { hidden };
        let ends = part.withheld.iter().map(|name| possible(name));
        let [low_of_hidden, high_of_hidden] = ends
            .reduce(|[low, high], [least, most]| [low.min(least), high.max(most)])
            .unwrap_or([least, most]);
        let mut ends = [f64::INFINITY, f64::NEG_INFINITY];
        for people in [fewest, largest] {
            for others in [0.0, hidden] {
                let all = (people + others).max(1.0);
                let low = (rows.value - reach + others * low_of_hidden) / all;
                let high = (rows.value + reach + others * high_of_hidden) / all;
                ends = [ends[0].min(low), ends[1].max(high)];
            }
        }
        let ends = ends.map(|end| end.clamp(least, most));
        Some(Average { value: (rows.value / n).clamp(ends[0], ends[1]), ci: ends })
    }

    /// The range of the number of people in shown places.
    fn shown_range(&self, part: &Part<'_>, alpha: f64) -> [f64; 2] {
        match part.shown.as_slice() {
            [(_, one)] => Passing::one_draw(self.variance, self.shows.groups)
                .interval(one.people.value, alpha)
                .map(whole),
            _ => Sum::whole(noisy(part.total())).interval(alpha),
        }
    }
}

impl Part<'_> {
    /// The places of the part that are shown.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&[u32], &GroupFigures)> {
        self.shown.iter().map(|(name, figures)| (*name, *figures))
    }

    fn total(&self) -> Figure {
        self.shown().fold(Figure::ZERO, |all, (_, found)| all.plus(found.people))
    }

    /// The sum of a measure over the places of the part that are shown.
    pub(super) fn rows(&self, measure: usize) -> Noisy {
        let sums = self.shown().filter_map(|(_, found)| found.sums.get(measure));
        noisy(sums.fold(Figure::ZERO, |all, sum| all.plus(*sum)))
    }
}

fn noisy(figure: Figure) -> Noisy {
    Noisy { value: whole(figure.value), variance: figure.noise_variance }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
pub(super) fn whole(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "few places")]
fn real(number: usize) -> f64 {
    number as f64
}

/// Rounds an interval outward. Noise is in whole people, and where it is narrow an interval between
/// them would hold too seldom.
#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "saturates")]
fn outward([low, high]: [f64; 2]) -> [i64; 2] {
    [(low + ROUNDING).floor() as i64, (high - ROUNDING).ceil() as i64]
}

/// A larger error than sums of whole numbers have.
const ROUNDING: f64 = 1e-6;
