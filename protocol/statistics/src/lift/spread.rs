//! An error of which one part is itself known with noise.

use crate::special::{normal_sf, normal_upper_quantile};

/// The variance of an estimate: one part that is known, and one that was estimated from noisy squares.
///
/// # Source
///
/// Were the estimate taken for the truth, intervals would miss more often than they say, since noise makes some of them narrow: 6.5 % in
/// place of 5 where the noise is as large as the known part. Its posterior with a flat prior, the normal distribution of the noise cut
/// at 0, misses 2 % or less where sampling is small beside the noise. So tails are averaged: a third over that posterior, two thirds at the
/// estimate. Misses then stay between 3 and 6 % wherever the deviation is at most half of the known part, and between 2 and 6.5 % up to
/// 1.2 times it (numerically, with numpy). Where the noise is nothing beside the variance, this is the normal distribution.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) known: f64,
    /// May be below 0.
    pub(super) estimated: f64,
    /// Standard deviation of the noise on `estimated`.
    pub(super) deviation: f64,
}

impl Spread {
    /// Whether the noise on the variance is worth counting: more than one part in ten thousand of it.
    pub(super) fn is_noisy(&self) -> bool {
        self.deviation > 1e-4 * (self.known + self.estimated.max(0.0)) && self.deviation.is_finite()
    }

    /// The probability that the estimate is off by more than `error`, to one side.
    pub(super) fn tail(&self, error: f64) -> f64 {
        self.tail_of(&self.deviations(), error)
    }

    fn tail_of(&self, deviations: &[f64], error: f64) -> f64 {
        let tails = deviations.iter().map(|deviation| normal_sf(error / deviation));
        let posterior = tails.sum::<f64>() / f64::from(PARTS);
        POSTERIOR * posterior + (1.0 - POSTERIOR) * normal_sf(error / self.at_the_estimate())
    }

    fn at_the_estimate(&self) -> f64 {
        (self.known + self.estimated.max(0.0)).sqrt()
    }

    /// The error that is exceeded with probability `missed`, to one side.
    pub(super) fn quantile(&self, missed: f64) -> f64 {
        let deviations = self.deviations();
        let z = normal_upper_quantile(missed);
        let [least, most] =
            deviations.iter().fold([f64::INFINITY, 0.0_f64], |[least, most], deviation| {
                [least.min(*deviation), most.max(*deviation)]
            });
        let (mut low, mut high) =
            if z < 0.0 { (z * most, z * least) } else { (z * least, z * most) };
        for _ in 0..HALVINGS {
            let middle = f64::midpoint(low, high);
            if self.tail_of(&deviations, middle) > missed {
                low = middle;
            } else {
                high = middle;
            }
        }
        high
    }

    /// Standard deviations of the estimate, equally likely.
    fn deviations(&self) -> Vec<f64> {
        // What is left of the distribution above 0.
        let left = normal_sf(-self.estimated / self.deviation);
        let parts = f64::from(PARTS);
        let deviation = |part: u32| {
            let above = left * (1.0 - (f64::from(part) + 0.5) / parts);
            let drawn = self.estimated + self.deviation * normal_upper_quantile(above);
            (self.known + drawn.max(0.0)).sqrt()
        };
        (0..PARTS).map(deviation).collect()
    }
}

/// Parts of equal probability; twice as many move an end by less than a thousandth of itself.
const PARTS: u32 = 64;
const HALVINGS: u32 = 50;
/// What the posterior has of a tail; the estimate taken for the truth has the rest.
const POSTERIOR: f64 = 1.0 / 3.0;
