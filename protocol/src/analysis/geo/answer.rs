//! The answer to a question about a geo experiment.

use super::question::Method;
use crate::analysis::table::CountRange;
use serde::{Deserialize, Serialize};

/// The answer to a question about a geo experiment.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GeoAnswer {
    /// Whose rows are counted, in words.
    pub counted: String,
    /// Name of the outcome in the job.
    pub outcome: String,
    /// Largest total of one person in a place and period; larger ones count as this.
    pub cap: f64,
    /// Smallest total of one person in a place and period; smaller ones count as this.
    pub floor: f64,
    /// In how many places and periods one person counts at most.
    pub cells_per_person: u32,
    /// How many days a period has.
    pub period_days: u32,
    /// First day of each period that counts.
    pub periods: Vec<String>,
    /// How many of them come before the test.
    pub before: u32,
    /// How many of them, the last ones, come after the test and count with it.
    pub cooldown: u32,
    /// Days whose periods are left out.
    pub left_out: Vec<String>,
    /// Confidence level of the intervals.
    pub confidence: f64,
    /// Standard deviation of the noise in the total of one place and period.
    pub noise_of_total: f64,
    /// The smallest noisy count of people at which the total of a place and period is shown.
    pub shown_from: i64,
    /// Places that are in no estimate, since some period of theirs is not shown.
    pub withheld: Vec<String>,
    /// How often people come, and how much of it is left out.
    pub frequency: Frequency,
    /// Cells of the design, each with its estimates.
    pub cells: Vec<GeoCell>,
    /// People who refused consent; null if they are too few to be shown, or if the dataset does not ask.
    pub no_consent: Option<CountRange>,
}

/// How often people come, and how much is left out of those who come more often than one person counts.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Frequency {
    /// People by in how many places and periods they are, before any is left out, in ascending order.
    pub people: Vec<PeopleInCells>,
    /// Standard deviation of the noise in each of these counts.
    pub noise_sd: f64,
    /// At least this share of the places and periods in which people are is left out; noise makes it more than it is in one of a
    /// thousand jobs. 0 where noise could have made all of it.
    pub left_out_at_least: f64,
}

/// People who are in so many places and periods.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PeopleInCells {
    /// The least number of places and periods.
    pub least: u32,
    /// The greatest number of places and periods; null for the last class, which has no upper end.
    pub most: Option<u32>,
    /// Number of people, noisy.
    pub n: i64,
}

/// Treated places with the same campaign.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GeoCell {
    /// Name in the job.
    pub name: String,
    /// Its treated places.
    pub treated: Vec<String>,
    /// How many other places they are compared with.
    pub others: u32,
    /// Estimates: first the one that answers the question, then others beside it. Empty if nothing can be estimated.
    pub estimates: Vec<GeoEstimate>,
    /// The treated places together in each period.
    pub observed: Vec<f64>,
    /// What they would have been without a campaign, by the estimate that answers the question.
    pub counterfactual: Vec<f64>,
    /// The other places that a synthetic control is made of, the largest weights first.
    pub weights: Vec<GeoWeight>,
    /// How far the synthetic control is from the treated places before, beside a plain mean of the others; null without one.
    pub scaled_l2: Option<f64>,
    /// The rank of these places among others as if those were treated; null if that cannot be told.
    pub placebo_in_space: Option<PlaceboInSpace>,
    /// The same test at an earlier time, when nothing happened; null if too few periods come before.
    pub placebo_in_time: Option<PlaceboInTime>,
    /// What the campaign cost; null if the job does not say.
    pub cost: Option<f64>,
    /// Currency of the cost; null if the job does not say.
    pub currency: Option<String>,
    /// Incremental amount for each unit of cost; null without a cost above 0 or an estimate.
    pub iroas: Option<f64>,
    /// Its interval; an end is null if it is infinite or unknown.
    pub iroas_ci: [Option<f64>; 2],
    /// What can mislead in these estimates.
    pub flags: Vec<String>,
}

impl GeoCell {
    /// How far the estimate that answers the question is from the treated places before the test: the root of the mean square
    /// of what it misses in the first `before` periods, beside their mean. `None` without such an estimate, or without a mean
    /// above 0.
    #[must_use]
    pub fn missed_before(&self, before: u32) -> Option<f64> {
        let before = usize::try_from(before).ok()?;
        let (seen, fitted) = (self.observed.get(..before)?, self.counterfactual.get(..before)?);
        let square: f64 =
            seen.iter().zip(fitted).map(|(seen, fit)| (seen - fit) * (seen - fit)).sum();
        let periods = f64::from(u32::try_from(before).ok()?);
        let level = seen.iter().sum::<f64>() / periods;
        (level > 0.0).then(|| (square / periods).sqrt() / level).filter(|miss| miss.is_finite())
    }
}

/// An estimate by one method.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GeoEstimate {
    /// How it was estimated.
    pub method: Method,
    /// Effect in all treated places and periods of the test together.
    pub total: f64,
    /// Its interval; an end is null if it is infinite or unknown.
    pub total_ci: [Option<f64>; 2],
    /// Effect in a treated place and period of the test, on average.
    pub mean: f64,
    /// Effect beside what would have happened: 0.05 for 5 %; null unless that is above 0 throughout the interval. Of an outcome that
    /// cannot be negative neither this nor an end of its interval is below -1: what noise put there is cut at -1.
    pub lift: Option<f64>,
    /// Its interval; an end is null if it is infinite or unknown.
    pub lift_ci: [Option<f64>; 2],
    /// What the interval is.
    pub interval: IntervalKind,
    /// P-value of no effect, from the same inversion as the interval; null without one.
    pub p: Option<f64>,
    /// The same adjusted after Holm over the cells, each method by itself; null where `p` is, or where there is one cell.
    pub p_adjusted: Option<f64>,
    /// Level of the intervals: higher than the job's where there are several cells.
    pub ci_level: f64,
}

/// What an interval is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IntervalKind {
    /// The effects between two ends are not rejected.
    Between,
    /// No effect is rejected, or none beyond an end that is missing.
    Unbounded,
    /// Every effect is rejected: no constant effect fits.
    Empty,
    /// The method has none here.
    None,
}

/// A place that a synthetic control is made of.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct GeoWeight {
    /// The place.
    pub place: String,
    /// Its weight; all together are 1.
    pub weight: f64,
}

/// Treated places among others as if those were treated.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceboInSpace {
    /// Share of places, treated ones together being one, whose fit gets at least as much worse in the test.
    pub p: f64,
    /// How many other places were taken as treated.
    pub places: u32,
}

/// A test that never was.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PlaceboInTime {
    /// Its effect in a treated place and period, on average.
    pub mean: f64,
    /// Its interval; an end is null if it is infinite or unknown.
    pub mean_ci: [Option<f64>; 2],
    /// Its p-value of no effect.
    pub p: f64,
}
