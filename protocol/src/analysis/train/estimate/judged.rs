//! What held-out people say of a model, from two released histograms of their scores.
//!
//! Noisy counts are taken as they are, also below 0: cut to 0 they would lift every empty bin, and lower the AUC.

use super::super::answer::{Auc, Judged, ScoreBin};
use crate::tally::HeldOut;
use statistics::special::normal_upper_quantile;

/// How the counts are to be read.
#[derive(Clone, Copy)]
pub(in crate::analysis::train) struct Reading {
    /// Standard deviation of the noise in each count.
    pub(in crate::analysis::train) noise: f64,
    /// One less the confidence.
    pub(in crate::analysis::train) alpha: f64,
    /// Bins of fewer people are not shown.
    pub(in crate::analysis::train) least: i64,
}

/// None if there is not one count for each bin and label. Edges between bins of scores lie above `intercept`.
pub(in crate::analysis::train) fn judged(
    held: &HeldOut,
    counts: &[i64],
    intercept: f64,
    reading: Reading,
) -> Option<Judged> {
    let bins = held.edges.len() + 1;
    let (without, with) = counts.split_at_checked(bins)?;
    if with.len() != bins {
        return None;
    }
    let says = |edge: &i32| link(intercept + f64::from(*edge) / 65_536.0);
    let ends: Vec<f64> =
        std::iter::once(0.0).chain(held.edges.iter().map(says)).chain([1.0]).collect();
    let both = without.iter().zip(with).zip(ends.windows(2));
    let bins = both.map(|((without, with), ends)| {
        let [says_from, says_to] = ends else { return None };
        Some(bin(*without, *with, [*says_from, *says_to], reading))
    });
    Some(Judged {
        share: f64::from(held.share) / 1000.0,
        auc: auc(without, with, reading),
        bins: bins.collect::<Option<_>>()?,
    })
}

fn bin(without: i64, with: i64, [says_from, says_to]: [f64; 2], reading: Reading) -> ScoreBin {
    let nothing = ScoreBin { says_from, says_to, people: None, rate: None, ci: None };
    let people = without.saturating_add(with);
    let (n, sd) = (real(people), reading.noise);
    // Noise in the number of people is far from all of it, so that the quotient is nearly linear.
    let is_clear = n >= CLEAR * sd * 2.0_f64.sqrt();
    if people < reading.least.max(1) || !is_clear {
        return nothing;
    }
    let rate = real(with) / n;
    let ci = rate_interval(rate, n, sd, reading.alpha);
    let (rate, ci) = (rate.clamp(0.0, 1.0), ci.map(|end| end.clamp(0.0, 1.0)));
    ScoreBin { people: Some(people), rate: Some(rate), ci: Some(ci), ..nothing }
}

/// All rates p that the found one does not speak against: (rate - p)² ≤ z²(σ²((1-p)² + p²)/n² + p(1-p)/n), which is Wilson's
/// interval with the noise in it. The deviation is that of the supposed rate, so that it holds near 0 and 1, too.
fn rate_interval(rate: f64, n: f64, sd: f64, alpha: f64) -> [f64; 2] {
    let z = normal_upper_quantile(alpha / 2.0);
    let (noise, sampling) = (z * z * sd * sd / (n * n), z * z / n);
    let square = 1.0 - 2.0 * noise + sampling;
    let middle = rate - noise + sampling / 2.0;
    let width = (middle * middle - square * (rate * rate - noise)).max(0.0).sqrt();
    [(middle - width) / square, (middle + width) / square]
}

/// With both histograms' sums P and N, AUC = Σ pᵢ (n₍<i₎ + nᵢ/2) / PN; to first order its variance is the sum of the squared
/// derivatives, each times the variance of its count: the noise, and of sampling the count itself.
fn auc(without: &[i64], with: &[i64], reading: Reading) -> Option<Auc> {
    let sum = |counts: &[i64]| counts.iter().map(|count| real(*count)).sum::<f64>();
    let (negative, positive) = (sum(without), sum(with));
    let bins = u32::try_from(with.len()).ok()?;
    let noise_of_sum = reading.noise * f64::from(bins).sqrt();
    if negative.min(positive) < (CLEAR * noise_of_sum).max(FEWEST) {
        return None;
    }
    let mut below = 0.0;
    let before: Vec<f64> = without
        .iter()
        .map(|count| {
            let here = (below + real(*count) / 2.0) / negative;
            below += real(*count);
            here
        })
        .collect();
    let mut above = positive;
    let after = with.iter().map(|count| {
        above -= real(*count);
        (above + real(*count) / 2.0) / positive
    });
    let value: f64 =
        with.iter().zip(&before).map(|(count, before)| real(*count) * before).sum::<f64>()
            / positive;
    let derivatives = with.iter().zip(before.iter().map(|share| (share - value) / positive));
    let derivatives =
        derivatives.chain(without.iter().zip(after.map(|share| (share - value) / negative)));
    let (mut noise, mut sampling) = (0.0, 0.0);
    for (count, slope) in derivatives {
        noise += slope * slope;
        sampling += real(*count) * slope * slope;
    }
    let noise_sd = reading.noise * noise.sqrt();
    let sd = (noise_sd * noise_sd + sampling.max(0.0)).sqrt();
    let half = normal_upper_quantile(reading.alpha / 2.0) * sd;
    let ci = [(value - half).max(0.0), (value + half).min(1.0)];
    Some(Auc { value: value.clamp(0.0, 1.0), noise_sd, ci })
}

fn link(score: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-score))
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "an estimate")]
fn real(count: i64) -> f64 {
    count as f64
}

/// Deviations of noise that a number is at least, where a quotient by it is shown.
const CLEAR: f64 = 5.0;
/// Fewer people with a label, or without it, say nothing.
const FEWEST: f64 = 20.0;
