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

/// What was released of each place.
pub(super) struct Counts {
    places: Places,
    /// One less the confidence.
    alpha: f64,
    shows: Thresholds,
    /// Noisy counts of the places that are shown and that somebody can be in, by numbers of place and segment.
    shown: BTreeMap<[u32; 2], i64>,
    /// Variance of the noise in each.
    variance: f64,
    /// Noisy counts of all places that are not shown, added up; of those in which nobody can be, too.
    other: Option<Figure>,
    /// How many draws are in that.
    hidden: f64,
    /// How many of them somebody can be in.
    withheld: u64,
}

/// Some places.
struct Part {
    shown: u64,
    withheld: u64,
    /// Noisy counts of those that are shown, added up.
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

    /// How many places are not shown in which somebody can be.
    pub(super) fn withheld(&self) -> u64 {
        self.withheld
    }

    /// How many people are in some places.
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

    /// The share of the people of some places in them and in `rest`, which have none in common.
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

    /// People who did not agree.
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

    /// What is said of all its places together: nothing if some are withheld, but for all that are.
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
        // Every one of them was below that.
        let most = real(self.shows.groups.saturating_sub(1)).max(0.0);
        let withheld = count(part.withheld);
        let each = Noisy {
            value: shown.value + withheld * most,
            variance: shown.variance + withheld * self.variance,
        };
        Sum::partial(shown, [each, self.with_all(part)])
    }

    /// With all places that are not shown; they are together below the threshold where their sum is not shown.
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

/// An end that is whole but for rounding stays.
const ROUNDING: f64 = 1e-6;
