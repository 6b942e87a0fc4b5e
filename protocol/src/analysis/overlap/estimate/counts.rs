//! Sums of released places, and shares of them.

use super::{
    super::answer::{Count, Share},
    places::{Places, Where},
};
use crate::released::{Figure, Place, Thresholds, View};
use statistics::{
    parts::{self, Noisy, Sum},
    shown::Passing,
};
use std::{collections::BTreeMap, ops::Range};

/// The released counts of the places.
pub(super) struct Counts {
    places: Places,
    /// One minus the confidence.
    alpha: f64,
    shows: Thresholds,
    /// Noisy counts of the places that are shown and in which somebody can be, by the numbers of
    /// place and segment.
    shown: BTreeMap<[u32; 2], i64>,
    /// Variance of the noise in each count.
    variance: f64,
    /// Noisy counts of all places that are not shown, added up. Places in which nobody can be are
    /// in this sum too.
    other: Option<Figure>,
    /// How many draws of noise are in that sum.
    hidden: f64,
    /// In how many of these places somebody can be.
    withheld: u64,
}

/// A part of the places.
struct Part {
    shown: u64,
    withheld: u64,
    /// Noisy counts of the shown places of the part, added up.
    value: i64,
}

impl Counts {
    pub(super) fn new(view: &View<'_>, places: Places, alpha: f64) -> Self {
        let shown: BTreeMap<_, _> = view
            .cells()
            .filter_map(|cell| {
                let mut name = cell.name.iter().map(|place| match place {
                    Place::Index(at) => Some(*at),
                    Place::Label(_) => None,
                });
                let at = [name.next()??, name.next().unwrap_or(Some(0))?];
                Some((at, cell.people.value))
            })
            .collect();
        let mut counts = Self {
            places,
            alpha,
            shows: view.thresholds(),
            shown,
            variance: view.people(0).noise_variance,
            other: view.other().map(|other| other.people),
            hidden: real(view.withheld().value),
            withheld: 0,
        };
        counts.withheld = counts.part(0..places.segments(), &|_| true).withheld;
        counts
    }

    /// Whether no place is shown.
    pub(super) fn is_empty(&self) -> bool {
        self.shown.is_empty()
    }

    /// The number of places that are not shown and in which somebody can be.
    pub(super) fn withheld(&self) -> u64 {
        self.withheld
    }

    /// The number of people in a part of the places.
    pub(super) fn count(&self, segments: Range<u32>, is_in: impl Fn(Where) -> bool) -> Count {
        let part = self.part(segments, &is_in);
        let sum = self.sum(&part);
        let is_one = part.shown == 1 && part.withheld == 0;
        let ci = if is_one {
            Passing::one_draw(self.variance, self.shows.groups).interval(part.value, self.alpha)
        } else {
            let [low, high] = sum.interval(self.alpha);
            [whole((low - ROUNDING).ceil()), whole((high + ROUNDING).floor())]
        };
        let known = self.known(&part);
        let value = known.map_or(part.value, |all| whole(all.value));
        Count {
            value: (part.shown > 0 || known.is_some()).then_some(value),
            noise_sd: known.unwrap_or_else(|| self.noisy(&part)).variance.sqrt(),
            ci,
            withheld: if known.is_some() { 0 } else { part.withheld },
        }
    }

    /// The share of the people of some places in those places and `rest` together. The two have no
    /// place in common.
    pub(super) fn share(
        &self,
        segments: Range<u32>,
        is_in: impl Fn(Where) -> bool,
        rest: impl Fn(Where) -> bool,
    ) -> Share {
        let (part, rest) = (self.part(segments.clone(), &is_in), self.part(segments, &rest));
        let ci = parts::share(&self.sum(&part), &self.sum(&rest), self.alpha);
        let of = |part: &Part| self.known(part).map_or(real(part.value), |all| all.value).max(0.0);
        let withheld = |part: &Part| if self.known(part).is_some() { 0 } else { part.withheld };
        let value = of(&part) / (of(&part) + of(&rest));
        let is_known = part.shown > 0 || self.known(&part).is_some();
        Share {
            value: Some(value).filter(|value| is_known && value.is_finite()),
            ci,
            withheld: withheld(&part).saturating_add(withheld(&rest)),
        }
    }

    /// People who refused consent.
    pub(super) fn refusers(&self, people: Figure, from: i64) -> Count {
        let passing = Passing::one_draw(people.noise_variance, from);
        Count {
            value: Some(people.value),
            noise_sd: people.noise_variance.sqrt(),
            ci: passing.interval(people.value, self.alpha),
            withheld: 0,
        }
    }

    fn part(&self, segments: Range<u32>, is_in: &impl Fn(Where) -> bool) -> Part {
        let mut part = Part { shown: 0, withheld: 0, value: 0 };
        for at in self.places.wheres().filter(|at| is_in(*at)) {
            for segment in segments.clone().filter(|segment| self.places.is_possible(at, *segment))
            {
                match self.shown.get(&[self.places.number(at), segment]) {
                    Some(people) => {
                        part.shown += 1;
                        part.value = part.value.saturating_add(*people);
                    }
                    None => part.withheld += 1,
                }
            }
        }
        part
    }

    /// What is known of all places of the part together: nothing if some of them are withheld,
    /// unless all withheld places are in it.
    fn known(&self, part: &Part) -> Option<Noisy> {
        match self.other {
            _ if part.withheld == 0 => Some(self.noisy(part)),
            Some(_) if part.withheld == self.withheld => Some(self.with_all(part)),
            _ => None,
        }
    }

    fn sum(&self, part: &Part) -> Sum {
        if let Some(known) = self.known(part) {
            return Sum::whole(known);
        }
        let shown = self.noisy(part);
        // Each of these counts was below the threshold.
        let most = real(self.shows.groups.saturating_sub(1)).max(0.0);
        let withheld = count(part.withheld);
        let each = Noisy {
            value: shown.value + withheld * most,
            variance: shown.variance + withheld * self.variance,
        };
        Sum::partial(shown, [each, self.with_all(part)])
    }

    /// The part with all places that are not shown. If the sum of these is not shown, it is below
    /// its threshold.
    fn with_all(&self, part: &Part) -> Noisy {
        let all = self.other.map_or(self.shows.other.saturating_sub(1), |other| other.value);
        let shown = self.noisy(part);
        Noisy {
            value: shown.value + real(all),
            variance: shown.variance + self.hidden * self.variance,
        }
    }

    fn noisy(&self, part: &Part) -> Noisy {
        Noisy { value: real(part.value), variance: count(part.shown) * self.variance }
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: i64) -> f64 {
    number as f64
}

fn count(number: u64) -> f64 {
    real(i64::try_from(number).unwrap_or(i64::MAX))
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "saturates")]
fn whole(number: f64) -> i64 {
    number as i64
}

/// An end that differs from a whole number only by rounding is that number.
const ROUNDING: f64 = 1e-6;
