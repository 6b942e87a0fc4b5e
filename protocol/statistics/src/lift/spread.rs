//! An error of which one part is itself known with noise.

use crate::special::{normal_density, normal_sf, normal_upper_quantile};
use libm::log;

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

    /// The error that is exceeded with probability `missed`, to one side: by Newton's steps on the logarithm of the tail, within ends that
    /// close in on it.
    pub(super) fn quantile(&self, missed: f64) -> f64 {
        let deviations = self.deviations();
        let z = normal_upper_quantile(missed);
        // Of all that the tail is averaged over, the estimate among them: it may be less than every other.
        let estimate = self.at_the_estimate();
        let [least, most] = deviations.iter().fold([estimate; 2], |[least, most], deviation| {
            [least.min(*deviation), most.max(*deviation)]
        });
        let (mut low, mut high) =
            if z < 0.0 { (z * most, z * least) } else { (z * least, z * most) };
        let mut at = z * estimate;
        for _ in 0..STEPS {
            at = if at > low && at < high { at } else { f64::midpoint(low, high) };
            let tail = self.tail_of(&deviations, at);
            if tail > missed {
                low = at;
            } else {
                high = at;
            }
            let step = log(tail / missed) * tail / self.density_of(&deviations, at);
            let near = at.abs() * TOLERANCE;
            if high - low <= near {
                break;
            }
            // Beyond the root by what is negligible, so that the end on its other side closes in too.
            let beyond = if tail > missed { near } else { -near };
            at += if step.abs() < near { beyond } else { step };
        }
        high
    }

    /// The slope of the tail, with its sign turned.
    fn density_of(&self, deviations: &[f64], error: f64) -> f64 {
        let density = |deviation: f64| normal_density(error / deviation) / deviation;
        let posterior = deviations.iter().copied().map(density).sum::<f64>() / f64::from(PARTS);
        POSTERIOR * posterior + (1.0 - POSTERIOR) * density(self.at_the_estimate())
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
/// Most steps towards an error; fifty halvings alone would do, and Newton's take about six.
const STEPS: u32 = 60;
/// Of an error, relative to it.
const TOLERANCE: f64 = 1e-14;
/// What the posterior has of a tail; the estimate taken for the truth has the rest.
const POSTERIOR: f64 = 1.0 / 3.0;

#[cfg(test)]
mod tests {
    use super::Spread;

    #[test]
    fn an_error_is_exceeded_as_often_as_is_said_and_a_smaller_one_more_often() {
        for estimated in [-3.0, -0.1, 0.0, 0.5, 4.0, 1e6] {
            for deviation in [1e-3, 0.4, 2.0, 50.0] {
                // Noise so far below zero is never drawn.
                if estimated < -30.0 * deviation {
                    continue;
                }
                for known in [1e-6, 1.0, 300.0] {
                    let spread = Spread { known, estimated, deviation };
                    for missed in [1e-12, 1e-4, 0.025, 0.2, 0.5, 0.9] {
                        let error = spread.quantile(missed);
                        let before = error - error.abs().max(1e-12) * 1e-11;
                        let [at, more] = [error, before].map(|error| spread.tail(error));
                        assert!(at <= missed && more >= missed, "{spread:?} {missed}: {at} {more}");
                    }
                }
            }
        }
    }
}
