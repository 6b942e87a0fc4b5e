//! Did assignment put people into the arms in the shares that were planned?

use crate::figure::Figure;
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
    let p = statistic.map(|statistic| chi_square_sf(statistic, degrees_of_freedom));
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

fn distance(groups: &[Group]) -> f64 {
    let (above, below) = groups.iter().fold((0.0, 0.0), |(above, below), it| {
        let weight = it.share / it.variance;
        (above + weight * it.count, below + weight * it.share)
    });
    let scale = above / below;
    let square = |difference: f64| difference * difference;
    groups.iter().map(|group| square(group.count - scale * group.share) / group.variance).sum()
}
