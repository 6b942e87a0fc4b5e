//! Did assignment put people into the arms in the shares that were planned?

use crate::few_events::{Events, Tails, counted::Counted};
use crate::figure::Figure;
use crate::lift::Alternative;
use crate::special::chi_square_sf;

/// Tests the released head counts of the arms against their planned shares.
///
/// A failed test means that the arms are not comparable: no lift from them can be believed.
///
/// # Shapes and units
///
/// One head count per share; shares are positive and are scaled to sum to one.
///
/// # Privacy
///
/// Costs nothing: a function of released counts. Noise widens what passes as chance.
///
/// # Source
///
/// Pearson's χ². With noise of variance v on each count c, the generalised least squares distance
/// from the ray of planned shares p: Σ (c - λp)² / w with w = p·Σc + v and λ = Σ(pc/w) / Σ(p²/w).
/// For two arms this is d² / (n·p·q + q²v₁ + p²v₂) with d = q·c₁ - p·c₂; with v = 0 it is Pearson's.
///
/// Where one of two arms is planned to be so small that its count is skewed, χ² errs far out: with 20 people expected of 200 it
/// flags a sound design four times as often as a threshold of 10⁻⁵ says. There p is twice the smaller tail of the exact
/// distribution of the first count, binomial with the noise of d: d is c₁ less what is expected of it.
#[must_use]
pub fn sample_ratio(counts: &[Figure], shares: &[f64], threshold: f64) -> SampleRatio {
    let total_share: f64 = shares.iter().sum();
    let total: f64 = counts.iter().map(|count| count.value()).sum();
    let groups: Vec<Group> = counts
        .iter()
        .zip(shares)
        .map(|(count, share)| {
            let share = share / total_share;
            let variance = total * share + count.noise_variance();
            Group { count: count.value(), share, variance }
        })
        .collect();
    let degrees_of_freedom = u32::try_from(groups.len()).unwrap_or(u32::MAX).saturating_sub(1);
    let testable = counts.len() == shares.len()
        && degrees_of_freedom > 0
        && groups.iter().all(|group| group.share > 0.0 && total > 0.0);
    let statistic = Some(distance(&groups)).filter(|statistic| testable && statistic.is_finite());
    let p = statistic.map(|statistic| {
        skewed(counts, &groups).unwrap_or_else(|| chi_square_sf(statistic, degrees_of_freedom))
    });
    SampleRatio { statistic, degrees_of_freedom, p, failed: p.is_some_and(|p| p < threshold) }
}

/// Outcome of the sample-ratio test.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct SampleRatio {
    /// χ²; absent if noise left nobody, or a share is not positive.
    pub statistic: Option<f64>,
    /// Groups less one.
    pub degrees_of_freedom: u32,
    /// Probability of such a deviation by chance and noise; absent as above.
    pub p: Option<f64>,
    /// Whether p is below the threshold.
    pub failed: bool,
}

/// The usual threshold: with a large p-value the test would cry wolf weekly.
pub const SAMPLE_RATIO_THRESHOLD: f64 = 0.001;

struct Group {
    count: f64,
    share: f64,
    variance: f64,
}

/// The p-value of two arms of which one is so small that its count is skewed; `None` for others.
fn skewed(counts: &[Figure], groups: &[Group]) -> Option<f64> {
    let ([one, other], [Group { share: p, .. }, Group { share: q, .. }]) = (counts, groups) else {
        return None;
    };
    let people = one.value() + other.value();
    let noise = q * q * one.noise_variance() + p * p * other.noise_variance();
    let sampling = people * p * q;
    let spread = sampling + noise;
    // A tail is right in the normal distribution but for about this, times the cube of how far out it is, over 6.
    let skewness = (q - p).abs() * sampling / (spread * spread.sqrt());
    if skewness.is_nan() || skewness <= SKEWED {
        return None;
    }
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "people")]
    let events = one.value().round() as i64;
    let arm = Events { people, people_variance: 0.0, events, events_variance: noise };
    let counted = Counted::new(&arm, *p);
    let tails = Tails {
        greater: counted.at_least(events),
        less: 1.0 - counted.at_least(events.saturating_add(1)),
    };
    Some(tails.p(Alternative::TwoSided))
}

fn distance(groups: &[Group]) -> f64 {
    let (above, below) = groups.iter().fold((0.0, 0.0), |(above, below), it| {
        let weight = it.share / it.variance;
        (above + weight * it.count, below + weight * it.share)
    });
    let scale = above / below;
    let square = |difference: f64| difference * difference;
    groups.iter().map(|group| square(group.count - scale * group.share) / group.variance).sum()
}

/// Skewness of a count from which on it is not taken for normal.
const SKEWED: f64 = 0.03;
