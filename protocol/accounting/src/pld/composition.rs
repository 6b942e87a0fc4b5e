//! Many mechanisms on one grid, convolved.

use super::super::{AccountingError, real, search};
use super::fourier::{Complex, ERROR, Fourier, power};
use super::grid::{Ends, Grid, index, position};

/// Mechanisms on one grid, each with how often it runs.
pub(super) struct Composition {
    pub(super) step: f64,
    pub(super) parts: Vec<(Grid, u64)>,
}

/// ln E[exp(s·loss)] over a whole composition, finite losses only.
///
/// On a coarser grid it is larger for s ≥ 0: splitting a loss over grid points spreads the
/// likelihood ratio without moving its mean, and its power is convex. So the bounds that follow from
/// it also hold for finer grids of the same mechanisms.
pub(super) struct Cumulant<'a>(&'a Composition);

/// Which losses the transform covers.
pub(super) struct Window {
    /// Tilt: probabilities are weighted by exp(tilt · loss), which makes rare large losses common
    /// enough for the transform to resolve.
    pub(super) tilt: f64,
    /// Lowest loss.
    pub(super) low: f64,
    /// Highest loss.
    pub(super) high: f64,
    /// A bound on the probability of a loss above.
    pub(super) left_out: f64,
}

/// The composed distribution: δ(ε) on the grid points of a window, from the top down.
pub(super) struct Curve {
    step: f64,
    last: i64,
    /// Tilted and scaled probabilities, from the highest loss down.
    masses: Vec<f64>,
    tilt: f64,
    /// ln of what turns a tilted probability at `last` into a probability.
    log_scale: f64,
    /// δ that is there at every ε: infinite losses and those above the window.
    floor: f64,
    /// Bound on the Euclidean norm of the error of `masses`.
    error: f64,
}

impl<'a> Cumulant<'a> {
    pub(super) fn of(composition: &'a Composition) -> Self {
        Self(composition)
    }

    pub(super) fn at(&self, s: f64) -> f64 {
        let parts = self.0.parts.iter();
        parts.map(|(grid, count)| real(*count) * log_moment(grid, s)).sum()
    }

    /// The tilt under which the mean loss is `epsilon`, at least a very small one.
    pub(super) fn tilt_to(&self, epsilon: f64) -> f64 {
        let objective = |log: f64| {
            let s = libm::exp(log);
            self.at(s) - s * epsilon
        };
        libm::exp(search::minimum(objective, LOWEST, HIGHEST, SECTIONS))
    }

    /// The smallest loss that Chernoff's bound lets be exceeded with probability exp(-`rarity`)
    /// only, under the distribution tilted by `tilt`.
    pub(super) fn upper(&self, tilt: f64, rarity: f64) -> f64 {
        let base = self.at(tilt);
        let bound = |log: f64| (self.at(tilt + libm::exp(log)) - base + rarity) / libm::exp(log);
        bound(search::minimum(bound, LOWEST, HIGHEST, SECTIONS))
    }

    /// Chernoff's bound on the probability of losses above `epsilon`, as -ln.
    pub(super) fn rarity(&self, tilt: f64, epsilon: f64) -> f64 {
        tilt * epsilon - self.at(tilt)
    }

    /// The least tilt under which an error of 1 in a probability at `epsilon` is worth one of
    /// exp(-`exactness`), or the best there is: the less the tilt, the shorter the window.
    pub(super) fn least_tilt(&self, epsilon: f64, exactness: f64) -> f64 {
        // Steeper than one step of the grid tells nothing apart, and the exponents of tilted masses
        // must stay exact to the margin that every mass has.
        let ends = |(grid, _): &(Grid, u64)| {
            position(grid.first).abs().max(position(grid.first + length(&grid.masses)).abs())
        };
        let extent = self.0.parts.iter().map(ends).fold(1.0, f64::max) * self.0.step;
        let steepest = f64::min(1.0 / self.0.step, STEEPEST / extent);
        let mut tilt = self.tilt_to(epsilon).min(steepest);
        for _ in 0..60 {
            let less = tilt / 1.4;
            if self.rarity(less, epsilon) < exactness {
                break;
            }
            tilt = less;
        }
        tilt
    }

    /// Chernoff's bound on the probability of losses below `epsilon`, as -ln.
    fn rarity_below(&self, epsilon: f64) -> f64 {
        let bound = |log: f64| self.at(-libm::exp(log)) + libm::exp(log) * epsilon;
        -bound(search::minimum(bound, LOWEST, HIGHEST, SECTIONS)).min(0.0)
    }

    /// How far in the ends of each grid can be moved without adding more than about `weight` to δ at
    /// `epsilon`.
    ///
    /// Losses above the last point are split between there and infinity, which adds to δ only where
    /// all others together come out below what then lacks to `epsilon`; losses below the first are
    /// raised to it, which adds only where the others make up for them. Both hold for less than
    /// `epsilon` too, so that an answer that is too large yet misplaces nothing.
    pub(super) fn cut(&self, epsilon: f64, weight: f64) -> Vec<Ends> {
        let ends = |(grid, count): &(Grid, u64)| {
            let rarity = |mass: f64| libm::log(f64::max(real(*count) * mass / weight, 1e-300));
            let lacking = |k: i64| epsilon - position(k) * grid.step;
            let (above, below) = (grid.tails_above(), grid.tails_below());
            let tail = |tails: &[f64], k: i64| {
                usize::try_from(k - grid.first)
                    .ok()
                    .and_then(|k| tails.get(k))
                    .map_or(0.0, |tail| rarity(*tail))
            };
            let most = grid.first + length(&grid.masses) - 1;
            let last = first_of(grid.first + 1, most, |k| {
                let needed = tail(&above, k);
                needed <= 0.0 || needed <= self.rarity_below(lacking(k))
            });
            let too_high = first_of(grid.first, last, |k| {
                let (needed, excess) = (tail(&below, k), -position(k) * grid.step);
                needed > 0.0 && needed > self.rarity(self.tilt_to(excess), excess)
            });
            Ends { first: grid.first.max(too_high - 1), last }
        };
        self.0.parts.iter().map(ends).collect()
    }

    fn lower(&self, tilt: f64, rarity: f64) -> f64 {
        let base = self.at(tilt);
        let bound = |log: f64| (self.at(tilt - libm::exp(log)) - base + rarity) / libm::exp(log);
        -bound(search::minimum(bound, LOWEST, HIGHEST, SECTIONS))
    }

    /// A window under this tilt that leaves out a probability of at most exp(-`rarity`) above it,
    /// and a tilted one of at most exp(-`folded`) on each side.
    pub(super) fn window(&self, tilt: f64, rarity: f64, folded: f64) -> Window {
        let high = f64::max(self.upper(0.0, rarity), self.upper(tilt, folded));
        let low = self.lower(tilt, folded);
        // Twice for the rounding of the moments.
        Window { tilt, low, high, left_out: 2.0 * libm::exp(-rarity) }
    }
}

/// ln Σ p exp(s·loss).
fn log_moment(grid: &Grid, s: f64) -> f64 {
    let ratio = libm::exp(-s.abs() * grid.step);
    let horner = |sum: f64, mass: &f64| sum * ratio + mass;
    let last = grid.first + length(&grid.masses) - 1;
    // Relative to the end at which the exponential is largest.
    let (sum, end) = if s >= 0.0 {
        (grid.masses.iter().fold(0.0, horner), last)
    } else {
        (grid.masses.iter().rev().fold(0.0, horner), grid.first)
    };
    libm::log(sum) + s * position(end) * grid.step
}

/// The least number from `low` on for which this holds, or `high`. Once true, it should stay so.
fn first_of(low: i64, high: i64, holds: impl Fn(i64) -> bool) -> i64 {
    let (mut low, mut high) = (low, high.max(low));
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    high
}

impl Composition {
    /// Steps between the ends of each grid, summed.
    pub(super) fn cells(&self) -> f64 {
        self.parts.iter().map(|(grid, _)| grid.ends().cells()).sum()
    }

    /// The ends of each grid on one `times` as fine.
    pub(super) fn ends(&self, times: i64) -> Vec<Ends> {
        self.parts.iter().map(|(grid, _)| grid.ends().finer(times)).collect()
    }

    /// How many bits the transform needs for a window.
    pub(super) fn bits(&self, window: &Window) -> f64 {
        libm::log2((window.high - window.low) / self.step + 4.0).ceil().max(4.0)
    }

    /// About how much the transform adds to δ where what turns tilted probabilities back is one.
    pub(super) fn error(&self) -> f64 {
        self.parts.iter().map(|(_, count)| real(*count)).sum::<f64>() * 20.0 * ERROR
    }

    /// The composed distribution in a window of 2^`bits` steps, to be read with its error.
    ///
    /// The transform is cyclic: what lies outside of the window is folded into it, which adds to δ
    /// and takes nothing away.
    pub(super) fn curve(&self, window: &Window, bits: u32) -> Result<Curve, AccountingError> {
        let size = 1_i64 << bits;
        let length = usize::try_from(size).map_err(|_| AccountingError::Unresolved)?;
        let fourier = Fourier::new(bits);
        let last = index((window.high / self.step).ceil());
        // Error of a coefficient, relative to the sum of what is transformed, which is 1 at most but
        // for rounding.
        let once = 1.01 * ERROR * f64::from(bits);
        let (mut all_finite, mut powers) = (0.0, 0.0);
        let mut log_scale = -window.tilt * position(last) * self.step;

        let mut product = vec![Complex::ONE; length];
        let mut bounds = vec![Bound { size: 1.0, relative: 0.0 }; length];
        let mut ring = vec![Complex::ZERO; length];
        for (grid, count) in &self.parts {
            let log_moment = log_moment(grid, window.tilt);
            ring.fill(Complex::ZERO);
            grid.fold_into(&mut ring, window.tilt, log_moment);
            fourier.forward(&mut ring);
            let times = real(*count);
            for ((whole, bound), part) in product.iter_mut().zip(&mut bounds).zip(&ring) {
                *whole = whole.times(part.power(*count));
                let size = part.modulus() + once;
                bound.size *= power(size, *count);
                bound.relative += times * once / size;
            }
            all_finite += times * libm::log1p(-grid.infinite.min(1.0));
            log_scale += times * log_moment;
            powers += times * 4.0 * f64::EPSILON;
        }
        drop(ring);
        let before = bounds
            .iter()
            .map(|bound| bound.size * (bound.relative + powers))
            .map(|bound| bound * bound);
        let before = before.sum::<f64>().sqrt();
        drop(bounds);
        fourier.inverse(&mut product);
        let start = usize::try_from((last + 1).rem_euclid(size)).unwrap_or(0);
        product.rotate_left(start);
        let scale = 1.0 / position(size);
        let masses: Vec<f64> =
            product.iter().rev().map(|product| (product.re * scale).max(0.0)).collect();
        let norm =
            product.iter().map(|product| product.modulus_squared()).sum::<f64>().sqrt() * scale;
        let error = (before * scale.sqrt() + once * norm) * 1.01;
        let floor = window.left_out - libm::expm1(all_finite) * ROUNDING;
        Ok(Curve { step: self.step, last, masses, tilt: window.tilt, log_scale, floor, error })
    }
}

/// What a coefficient of a product may be off by: |a^T - b^T| ≤ T·|a - b|·max(|a|, |b|)^(T-1).
#[derive(Clone, Copy)]
struct Bound {
    /// Its modulus, with the error.
    size: f64,
    /// Its error, relative to that.
    relative: f64,
}

impl Grid {
    /// For each point, the finite mass above it.
    fn tails_above(&self) -> Vec<f64> {
        let mut sums: Vec<f64> = running(self.masses.iter().rev());
        sums.reverse();
        sums
    }

    /// For each point, the mass below it.
    fn tails_below(&self) -> Vec<f64> {
        running(self.masses.iter())
    }

    /// Adds the tilted and normalised distribution onto a ring.
    fn fold_into(&self, ring: &mut [Complex], tilt: f64, log_moment: f64) {
        let size = length(ring);
        let weight = |offset: i64, mass: f64| {
            let loss = position(self.first + offset) * self.step;
            mass * libm::exp(tilt * loss - log_moment)
        };
        let tilted: Vec<f64> = (0..).zip(&self.masses).map(|(k, &mass)| weight(k, mass)).collect();
        let start = usize::try_from(self.first.rem_euclid(size)).unwrap_or(0);
        let (head, rest) = tilted.split_at(tilted.len().min(ring.len() - start));
        for (slot, mass) in ring.iter_mut().skip(start).zip(head) {
            slot.re += mass;
        }
        for round in rest.chunks(ring.len()) {
            for (slot, mass) in ring.iter_mut().zip(round) {
                slot.re += mass;
            }
        }
    }
}

/// For each, the sum of those before.
fn running<'a>(masses: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    let before = |sum: &mut f64, mass: &f64| {
        let here = *sum;
        *sum += mass;
        Some(here)
    };
    masses.scan(0.0, before).collect()
}

impl Curve {
    /// The smallest ε with δ(ε) ≤ `delta` that the window shows; nothing if its error is too large.
    pub(super) fn epsilon(&self, delta: f64) -> Option<f64> {
        let mut found = None;
        for point in self.points() {
            let certain = point.delta + self.floor + point.error;
            if certain.is_nan() || certain > delta {
                // Between this grid point and the last, δ is linear in exp(ε).
                return found.map(|above: Point| {
                    let room = (delta - self.floor - point.error - above.delta).max(0.0);
                    let share = (room / above.discounted).min(-libm::expm1(-self.step));
                    above.loss + libm::log1p(-share)
                });
            }
            found = Some(point);
        }
        found.map(|lowest| lowest.loss)
    }

    /// δ(`epsilon`), at most 1.
    pub(super) fn delta(&self, epsilon: f64) -> f64 {
        let mut above: Option<Point> = None;
        for point in self.points() {
            if point.loss <= epsilon {
                let (delta, gain) = above.map_or((0.0, 0.0), |above| {
                    (above.delta, -libm::expm1(epsilon - above.loss) * above.discounted)
                });
                return (delta + gain + self.floor + point.error).min(1.0);
            }
            above = Some(point);
        }
        1.0
    }

    /// From the highest loss down.
    fn points(&self) -> impl Iterator<Item = Point> {
        let (up, down) = (-libm::expm1(-self.step), libm::exp(-self.step));
        // The norm of the weights that the masses above a point are summed with.
        let spread = (-libm::expm1(-2.0 * self.tilt * self.step)).max(f64::MIN_POSITIVE).sqrt();
        let (mut delta, mut discounted) = (0.0, 0.0);
        let (mut weight, ratio) = (0.0, libm::exp(self.tilt * self.step));
        (0..).zip(&self.masses).map(move |(offset, tilted)| {
            let loss = position(self.last - offset) * self.step;
            // Afresh now and then, since the first weights may be too small for a number.
            weight = if offset % 1024 == 0 || weight < SMALL {
                libm::exp(self.log_scale + self.tilt * position(offset) * self.step)
            } else {
                weight * ratio
            };
            delta += up * discounted;
            discounted = discounted * down + tilted * weight;
            let terms = f64::min(1.0 / spread, position(offset + 1).sqrt());
            Point { loss, delta: delta * ROUNDING, discounted, error: self.error * weight * terms }
        })
    }
}

/// A grid point of a [`Curve`].
struct Point {
    loss: f64,
    /// δ here, but for what every point has.
    delta: f64,
    /// Σ p exp(ε - loss) over losses from here on: how fast δ grows towards the next point below.
    discounted: f64,
    /// Bound on the error of `delta`.
    error: f64,
}

fn length<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

/// Range of ln s over which orders s are searched, and how often it is cut.
const LOWEST: f64 = -14.0;
const HIGHEST: f64 = 16.0;
const SECTIONS: u32 = 24;

/// Largest exponent that a mass is tilted by.
const STEEPEST: f64 = 2_000.0;

/// Weights below are not multiplied further, since they may have lost digits.
const SMALL: f64 = 1e-280;

/// For the sums over up to 2²¹ points of a curve, and its weights.
const ROUNDING: f64 = 1.0 + 2e-9;
