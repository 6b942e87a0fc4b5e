//! Rényi differential privacy: what ledgers add up.

use super::{
    AccountingError, Mechanism, delta_in_range, epsilon_in_range,
    mechanism::{Kind, log_ratio},
    real, search,
};

mod sampled;

pub use sampled::sampled_whole_numbers;

/// The Rényi divergence of `order` > 1 between neighbours, in nats; both ways, the larger. An upper
/// bound that exceeds the truth by 10⁻⁹ of itself or less; under sampling, at a fractional order of 33
/// or more, it is the chord between the whole orders around it.
///
/// # Privacy
///
/// Divergences at one order add over mechanisms, also adaptively chosen ones.
///
/// # Source
///
/// - Gaussian: α/2σ², Mironov 2017, <https://arxiv.org/abs/1702.07476>, Corollary 3; discrete:
///   Canonne, Kamath and Steinke 2020, <https://arxiv.org/abs/2004.00010>, Proposition 5.
/// - Subsampled: Mironov, Talwar and Zhang 2019, <https://arxiv.org/abs/1908.10530>, Theorem 4 (the
///   worst pair) and 5 (the worse direction), Section 3.3.
/// - Laplace: Mironov 2017, Proposition 6; discrete: the sum itself, which is geometric.
#[must_use]
pub fn divergence(mechanism: &Mechanism, order: f64) -> f64 {
    let bound = match mechanism.0 {
        Kind::SubsampledGaussian { sigma, rate } if rate < 1.0 => {
            subsampled(sigma, rate, order) / (order - 1.0)
        }
        Kind::SubsampledGaussian { sigma, .. } => order / (2.0 * sigma * sigma),
        Kind::DiscreteGaussian { sigma, sensitivity } => {
            order * (sensitivity / sigma) * (sensitivity / sigma) / 2.0
        }
        Kind::Laplace { scale } => pure(1.0 / scale, order, |a, epsilon| {
            // E[exp((α-1)L)] - 1, with the constant terms taken off each part.
            let (up, down) = (libm::expm1((a - 1.0) * epsilon), libm::expm1(-a * epsilon));
            (a * up + (a - 1.0) * down) / (2.0 * a - 1.0)
        }),
        Kind::DiscreteLaplace { scale, sensitivity } => {
            pure(f64::from(sensitivity) / scale, order, |a, epsilon| {
                discrete_laplace(scale, sensitivity, a, epsilon)
            })
        }
    };
    bound * (1.0 + ROUNDING)
}

/// The ε at `delta` of these mechanisms, each with how often it runs, by way of Rényi divergences.
///
/// # Privacy
///
/// Adding or removing one person; the mechanisms may depend on earlier results. Never below the
/// PLD figure but by rounding: this is what a ledger can promise that adds losses at fixed orders.
///
/// # Errors
///
/// [`AccountingError`] if δ is not between 10⁻³⁰ and 1 or a count not in 1..=10⁹.
///
/// # Source
///
/// Canonne, Kamath and Steinke 2020, Proposition 12, after Balle et al. 2020,
/// <https://arxiv.org/abs/1905.09982>: ε = D + ln(1-1/α) - ln(αδ) / (α-1), at the best order between
/// 1 + 2⁻⁷ and 1 + 2¹³. And Bretagnolle and Huber 1979: total variation is at most √(1 - exp(-D)), so
/// that ε is 0 where that is no more than δ.
pub fn epsilon(parts: &[(Mechanism, u64)], delta: f64) -> Result<f64, AccountingError> {
    let delta = delta_in_range(delta)?;
    counts_in_range(parts)?;
    let log = -libm::log(delta);
    let best = least(parts, |order, loss| {
        if total_variation(loss) <= delta {
            return 0.0;
        }
        loss + libm::log1p(-1.0 / order) + (log - libm::log(order)) / (order - 1.0)
    });
    Ok((best + best.abs() * ROUNDING).max(0.0))
}

/// The δ at `epsilon` of these mechanisms, by way of Rényi divergences; at most 1.
///
/// # Errors
///
/// [`AccountingError`] if ε is not in 0..=10⁶ or a count not in 1..=10⁹.
///
/// # Source
///
/// As [`epsilon`].
pub fn delta(parts: &[(Mechanism, u64)], epsilon: f64) -> Result<f64, AccountingError> {
    let epsilon = epsilon_in_range(epsilon)?;
    counts_in_range(parts)?;
    let best = least(parts, |order, loss| {
        (order - 1.0) * (loss - epsilon + libm::log1p(-1.0 / order)) - libm::log(order)
    });
    let tight = libm::exp(best + best.abs() * ROUNDING);
    // Divergences grow with the order.
    let anyway = total_variation(sum_at(parts, order_at(LOWEST_OCTAVE)));
    Ok(tight.min(anyway).clamp(f64::MIN_POSITIVE, 1.0))
}

/// The divergence of all together.
fn sum_at(parts: &[(Mechanism, u64)], order: f64) -> f64 {
    parts.iter().map(|(it, count)| divergence(it, order) * real(*count)).sum()
}

/// δ at ε = 0, and so at any, of a divergence at whatever order.
fn total_variation(divergence: f64) -> f64 {
    (-libm::expm1(-divergence * (1.0 + ROUNDING))).sqrt() * (1.0 + ROUNDING)
}

/// The least value of a bound that holds at every order, of the order and the divergence there. It
/// should fall, then rise with the order, as steeply as the divergence does under sampling: steps of
/// an octave's sixteenth find where, golden sections the place.
fn least(parts: &[(Mechanism, u64)], bound: impl Fn(f64, f64) -> f64) -> f64 {
    let at = |octave: f64| {
        let order = order_at(octave);
        bound(order, sum_at(parts, order))
    };
    let (mut best, mut place) = (f64::INFINITY, LOWEST_OCTAVE);
    let mut octave = LOWEST_OCTAVE;
    while octave <= HIGHEST_OCTAVE && octave <= place + ENOUGH_OCTAVES {
        let value = at(octave);
        if value < best {
            (best, place) = (value, octave);
        }
        octave += OCTAVES;
    }
    best.min(at(search::minimum(at, place - OCTAVES, place + OCTAVES, SECTIONS)))
}

/// 1 + 2^octave, whole where fractions are not computed.
fn order_at(octave: f64) -> f64 {
    let order = 1.0 + libm::exp2(octave);
    if order < LARGEST_FRACTION { order } else { order.round() }
}

/// True counts only.
pub(super) fn counts_in_range(parts: &[(Mechanism, u64)]) -> Result<(), AccountingError> {
    match parts.iter().find(|(_, count)| !(1..=1_000_000_000).contains(count)) {
        Some((_, found)) => Err(AccountingError::Count { found: *found }),
        None => Ok(()),
    }
}

/// Divergence of a mechanism that is `epsilon`-DP with certainty, given E[exp((α-1)L)] - 1.
///
/// Where that moment is too large to be a number, D ≤ ε serves, and αε²/2 bounds it where it is
/// too small to be computed by differences (Bun and Steinke 2016, Proposition 3.3).
fn pure(epsilon: f64, order: f64, moment: impl Fn(f64, f64) -> f64) -> f64 {
    let always = epsilon.min(order * epsilon * epsilon / 2.0);
    let noise = 2e-15 + 1e-14 * order * epsilon;
    let exact = libm::log1p(moment(order, epsilon) + noise) / (order - 1.0);
    if exact.is_finite() { exact.min(always) } else { always }
}

/// E[exp((α-1)L)] - 1 for whole numbers that move by s: x ≤ 0 loses ε, x ≥ s gains it, and x between
/// loses (s-2x)/t; see PROOFS.md for the sum.
fn discrete_laplace(scale: f64, sensitivity: u32, a: f64, epsilon: f64) -> f64 {
    let ratio = libm::exp(-1.0 / scale);
    let (low, high) = (1.0 / (1.0 + ratio), libm::exp(-epsilon) / (1.0 + ratio));
    let up = low * libm::expm1((a - 1.0) * epsilon);
    let down = high * libm::expm1((1.0 - a) * epsilon);
    // Between: Σ_{x=1}^{s-1} p_x exp((α-1)(s-2x)/t), a geometric series with ratio exp(-(2α-1)/t).
    let step = (2.0 * a - 1.0) / scale;
    let between = f64::from(sensitivity - 1);
    let share = -libm::expm1(-1.0 / scale) / (1.0 + ratio);
    let terms = libm::expm1(-step * between) / libm::expm1(-step);
    let tilted = share * libm::exp((a - 1.0) * epsilon - step) * terms;
    let plain = (ratio - libm::exp(-epsilon)) / (1.0 + ratio);
    up + down + (tilted - plain)
}

/// ln E[(1 + y)^α], y = q(exp(t)-1), t the log density ratio of N(1/σ,1) over N(0,1) under the
/// latter: (α-1) times the divergence of the subsampled Gaussian.
fn subsampled(sigma: f64, rate: f64, order: f64) -> f64 {
    if (order - order.round()).abs() <= 0.0 {
        return whole(sigma, rate, order);
    }
    let exact = if order < LARGEST_FRACTION { fraction(sigma, rate, order) } else { None };
    exact.unwrap_or_else(|| chord(sigma, rate, order))
}

/// ln E[(1+y)^α] is convex in α and 0 at 1: a chord between whole orders is above it.
fn chord(sigma: f64, rate: f64, order: f64) -> f64 {
    let (below, above) = (order.floor(), order.ceil());
    let left = if below > 1.0 { whole(sigma, rate, below) } else { 0.0 };
    left + (order - below) * (whole(sigma, rate, above) - left)
}

/// Whole orders: Σ_k C(α,k) (1-q)^(α-k) q^k (exp((k²-k)/2σ²) - 1), all terms positive.
fn whole(sigma: f64, rate: f64, order: f64) -> f64 {
    let (log_in, log_out) = (libm::log(rate), libm::log1p(-rate));
    let log_factorial = libm::lgamma(order + 1.0);
    let logs = |k: f64| {
        let gain = k * (k - 1.0) / (2.0 * sigma * sigma);
        let ways = log_factorial - libm::lgamma(k + 1.0) - libm::lgamma(order - k + 1.0);
        ways + k * log_in + (order - k) * log_out + log_expm1(gain)
    };
    let mut sum = LogSum::default();
    let mut k = 2.0;
    while k <= order {
        sum.add(logs(k));
        k += 1.0;
    }
    let size = log_factorial + order * (order / (sigma * sigma) - log_in - log_out);
    log1p_exp(sum.value() + size * 4.0 * f64::EPSILON)
}

/// Any order: the expectation of (1+y)^α - 1 - αy, which is never negative, by the trapezoidal rule.
///
/// The integrand is analytic for |Im z| < πσ, so that the error falls like exp(-2πa/h) with a the
/// half width of the strip used (Trefethen and Weideman 2014, SIAM Review 56(3), Theorem 5.1).
/// Nothing if that would take too many nodes.
fn fraction(sigma: f64, rate: f64, order: f64) -> Option<f64> {
    let strip = (2.8 * sigma).min(5.0);
    let step = 2.0 * std::f64::consts::PI * strip / (60.0 + strip * strip);
    let (low, high) = (-13.0, order / sigma + 13.0);
    if (high - low) / step > 40_000.0 {
        return None;
    }
    let mut sum = LogSum::default();
    let mut z = low;
    while z <= high {
        sum.add(log_excess(log_ratio(sigma, rate, z), order) - z * z / 2.0);
        z += step;
    }
    let log = sum.value() + libm::log(step) - libm::log(2.0 * std::f64::consts::PI) / 2.0;
    Some(log1p_exp(log + 1e-11 + sum.largest.abs() * 8.0 * f64::EPSILON))
}

/// ln((1+y)^α - 1 - αy) from ln(1+y).
fn log_excess(log: f64, order: f64) -> f64 {
    let y = libm::expm1(log);
    if (order * y).abs() < 0.05 {
        // Binomial series from the square on.
        let (mut term, mut sum) = (order * y, 0.0);
        for k in 2..=14_u32 {
            term *= (order - f64::from(k - 1)) * y / f64::from(k);
            sum += term;
        }
        libm::log(sum.max(0.0))
    } else if order * log < 40.0 {
        libm::log(libm::expm1(order * log) - order * y)
    } else {
        // y may be too large for a number; α·y·exp(-α·log) is α·exp(-(α-1)·log) then.
        let small =
            order * libm::exp(-(order - 1.0) * log) - (order - 1.0) * libm::exp(-order * log);
        order * log + libm::log1p(-small.min(0.5))
    }
}

/// ln(exp(x) - 1) for x > 0.
fn log_expm1(x: f64) -> f64 {
    if x < 30.0 { libm::log(libm::expm1(x)) } else { x + libm::log1p(-libm::exp(-x)) }
}

/// ln(1 + exp(x)).
fn log1p_exp(x: f64) -> f64 {
    if x < 30.0 { libm::log1p(libm::exp(x)) } else { x + libm::log1p(libm::exp(-x)) }
}

/// Σ exp(x) for x of any size.
struct LogSum {
    largest: f64,
    scaled: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { largest: f64::NEG_INFINITY, scaled: 0.0 }
    }
}

impl LogSum {
    fn add(&mut self, log: f64) {
        if log > self.largest {
            self.scaled = self.scaled * libm::exp(self.largest - log) + 1.0;
            self.largest = log;
        } else if log > self.largest - 80.0 {
            self.scaled += libm::exp(log - self.largest);
        }
    }

    fn value(&self) -> f64 {
        self.largest + libm::log(self.scaled)
    }
}

/// [`epsilon`] and [`delta`] ask for whole orders above.
const LARGEST_FRACTION: f64 = 33.0;

/// ln₂(α - 1), from where to where it is searched, in which steps, and how long without a gain.
const LOWEST_OCTAVE: f64 = -7.0;
const HIGHEST_OCTAVE: f64 = 13.0;
const OCTAVES: f64 = 1.0 / 16.0;
const ENOUGH_OCTAVES: f64 = 1.25;

/// Orders within a step of the best.
const SECTIONS: u32 = 16;

/// More than the relative error of any bound here.
const ROUNDING: f64 = 1e-10;

#[cfg(test)]
mod tests;
