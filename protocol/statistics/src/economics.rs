//! What the campaign brought for what it cost.

use crate::lift::{Difference, Interval, Lift};
use crate::special::normal_upper_quantile;

/// Incremental totals over the test arm, return on spend, and cost per incremental conversion.
///
/// # Shapes and units
///
/// `cost` is the fixed and known spend on the test arm, in the minor units of currency in which
/// `value` was measured; conversions are conversions.
///
/// # Privacy
///
/// Costs nothing. Per-user figures are multiplied by the released head count of the test arm. Each end
/// of an interval of totals is the extreme over the effect's interval and the head count's of the same
/// level, so that its noise is in it and the sign is as sure as the effect's.
#[must_use]
pub fn economics(conversions: &Lift, value: &Lift, cost: f64) -> Economics {
    let incremental_conversions = incremental(conversions);
    let incremental_value = incremental(value);
    let spent = cost > 0.0 && cost.is_finite();
    let return_on_spend =
        incremental_value.filter(|_| spent).and_then(|total| total.multiplied(1.0 / cost));
    let cost_per_conversion =
        incremental_conversions.filter(|_| spent).map(|total| cost_per_conversion(&total, cost));
    Economics { incremental_conversions, incremental_value, return_on_spend, cost_per_conversion }
}

/// The economics of a campaign; what cannot be estimated is absent.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Economics {
    /// Conversions that would not have happened without the campaign.
    pub incremental_conversions: Option<Total>,
    /// Value that would not have been made without the campaign, in minor units.
    pub incremental_value: Option<Total>,
    /// Incremental value per unit spent (iROAS).
    pub return_on_spend: Option<Total>,
    /// Spend per incremental conversion (CPIC), in minor units.
    pub cost_per_conversion: Option<CostPerConversion>,
}

/// A total with its confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Total {
    /// Point estimate.
    pub estimate: f64,
    /// Confidence interval; absent if there is no error to judge by.
    pub interval: Option<Interval>,
}

/// Spend per incremental conversion.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct CostPerConversion {
    /// Point estimate, negative if conversions were lost; absent if there was no difference.
    pub estimate: Option<f64>,
    /// What the data cannot exclude; absent if there is no interval for the conversions.
    pub set: Option<CostSet>,
}

/// The confidence set of a cost per conversion: spend over every number of conversions in an
/// interval. When that interval contains zero the set is unbounded, and never an interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever says it must see a new shape")]
pub enum CostSet {
    /// Conversions certainly rose.
    Between {
        /// Lower end.
        lower: f64,
        /// Upper end.
        upper: f64,
    },
    /// Conversions may not have risen at all.
    AtLeast {
        /// Lower end.
        lower: f64,
    },
    /// Conversions may even have fallen: everything up to a negative cost, and from a positive one.
    Outside {
        /// Upper end of the negative ray.
        negative: f64,
        /// Lower end of the positive ray.
        positive: f64,
    },
    /// Conversions did not rise: no price would buy one.
    Never,
}

impl Total {
    fn multiplied(self, factor: f64) -> Option<Self> {
        let estimate = self.estimate * factor;
        let interval = self.interval.map(|interval| Interval {
            lower: interval.lower.map(|end| end * factor),
            upper: interval.upper.map(|end| end * factor),
        });
        estimate.is_finite().then_some(Self { estimate, interval })
    }
}

fn incremental(lift: &Lift) -> Option<Total> {
    let Difference { estimate, interval, .. } = lift.difference?;
    let users = lift.test.users();
    let margin = normal_upper_quantile(lift.confidence.tail()) * lift.test.users_deviation();
    let [fewest, most] = [(users - margin).max(f64::MIN_POSITIVE), users + margin];
    // The further from zero is multiplied by more people, the nearer by fewer.
    let lower = |end: f64| end * if end > 0.0 { fewest } else { most };
    let upper = |end: f64| end * if end > 0.0 { most } else { fewest };
    let interval = interval
        .map(|ends| Interval { lower: ends.lower.map(lower), upper: ends.upper.map(upper) });
    let ends = interval.iter().flat_map(|interval| [interval.lower, interval.upper]).flatten();
    let estimate = estimate * users;
    let finite = estimate.is_finite() && ends.into_iter().all(f64::is_finite);
    finite.then_some(Total { estimate, interval })
}

fn cost_per_conversion(conversions: &Total, cost: f64) -> CostPerConversion {
    let estimate = Some(cost / conversions.estimate).filter(|cost| cost.is_finite());
    let set = conversions.interval.map(|Interval { lower, upper }| {
        // An end at infinity costs nothing per conversion.
        let per = |end: Option<f64>| end.map_or(0.0, |end| cost / end);
        if upper.is_some_and(|upper| upper <= 0.0) {
            CostSet::Never
        } else if let Some(lower) = lower.filter(|&lower| lower > 0.0) {
            CostSet::Between { lower: per(upper), upper: cost / lower }
        } else if lower.is_none_or(|lower| lower < 0.0) {
            CostSet::Outside { negative: per(lower), positive: per(upper) }
        } else {
            CostSet::AtLeast { lower: per(upper) }
        }
    });
    CostPerConversion { estimate, set }
}
