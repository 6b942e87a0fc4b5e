//! Tail probabilities and quantiles of the normal, Student and chi-square distributions.
//!
//! Accurate to 10⁻¹² relative, also far out in the tail: p-values of 10⁻¹¹² are read as figures, and
//! multiplied by Holm. Upper tails are computed as such, never as one minus a number near one.

use libm::{exp, log, log1p};
use std::f64::consts::{FRAC_1_SQRT_2, LN_2, PI};

/// 10 to the power of `exponent`, exact up to 22: the units of a column in one of the amount.
#[must_use]
pub fn power_of_ten(exponent: u8) -> f64 {
    (0..exponent).fold(1.0, |power, _| power * 10.0)
}

/// P(Z > z) for a standard normal Z.
///
/// # Source
///
/// Series and continued fraction of Mills' ratio: DLMF 7.6.2 and 7.9.1.
#[must_use]
pub fn normal_sf(z: f64) -> f64 {
    if z < 0.0 {
        1.0 - normal_sf(-z)
    } else if z < 2.0 {
        // Φ(z) - ½ = φ(z) · (z + z³/3 + z⁵/15 + …): no term cancels another.
        let mut term = z;
        let mut sum = z;
        let mut odd = 1.0;
        while term > sum * f64::EPSILON / 8.0 {
            odd += 2.0;
            term *= z * z / odd;
            sum += term;
        }
        0.5 - normal_density(z) * sum
    } else {
        normal_density(z) / mills(z, mills_terms(z))
    }
}

/// The density over the tail at `z` > 0 (Mills' ratio, inverted), by that many terms of its continued fraction.
fn mills(z: f64, terms: u32) -> f64 {
    (1..=terms).rev().fold(z, |below, n| z + f64::from(n) / below)
}

/// The z with P(Z > z) = `p`; infinite for 0 and 1, not a number outside.
#[must_use]
pub fn normal_upper_quantile(p: f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        at_the_ends(p)
    } else if p > 0.5 {
        -normal_upper_quantile(1.0 - p)
    } else {
        newton(p.max(f64::MIN_POSITIVE)).0
    }
}

/// The z of `p` in (0, 1/2\], and in how many steps it was found.
fn newton(p: f64) -> (f64, u32) {
    // P(Z > z) ≤ exp(-z²/2)/2, so Newton starts above the root; the log of the tail is concave,
    // hence it comes down to the root without overshooting.
    let mut z = (-2.0 * (log(p) + LN_2)).max(0.0).sqrt();
    let mut last = f64::INFINITY;
    for steps in 1..NEWTON_STEPS {
        let tail = normal_sf(z);
        let step = log(tail / p) * tail / normal_density(z);
        z += step;
        // Steps become shorter until what is left of them is rounding, which need not become nothing.
        if step.abs() <= z.abs() * f64::EPSILON || step.abs() >= last {
            return (z, steps);
        }
        last = step.abs();
    }
    (z, NEWTON_STEPS)
}

/// P(T > t) for Student's T with `df` > 0 degrees of freedom, not necessarily a whole number.
///
/// # Source
///
/// Half an incomplete beta function, I_x(df/2, 1/2) with x = df / (df + t²). Power series DLMF
/// 8.17.8 near the centre; in the tail the even part of the continued fraction DLMF 8.17.22
/// (Didonato and Morris 1992, eq. 9), which does not cancel where x is close to one.
#[must_use]
pub fn student_sf(t: f64, df: f64) -> f64 {
    if t < 0.0 {
        return 1.0 - student_sf(-t, df);
    }
    let half = df / 2.0;
    let (x, y) = (df / (df + t * t), t * t / (df + t * t));
    // x^(df/2) · y^(1/2) / B(df/2, 1/2)
    let front = exp(-half * log1p(t * t / df)) * y.sqrt() * gamma_ratio(half) / PI.sqrt();
    if t * t < 3.0 {
        let mut term = 2.0;
        let mut sum = term;
        let mut n = 0.0;
        while term > sum * f64::EPSILON / 8.0 {
            term *= y * (half + 0.5 + n) / (1.5 + n);
            sum += term;
            n += 1.0;
        }
        0.5 - 0.5 * front * sum
    } else {
        0.5 * front / beta_fraction(half, x, y)
    }
}

/// The t with P(T > t) = `p`; infinite for 0 and 1, not a number outside.
#[must_use]
pub fn student_upper_quantile(p: f64, df: f64) -> f64 {
    if !(p > 0.0 && p < 1.0) {
        return at_the_ends(p);
    }
    if p > 0.5 {
        return -student_upper_quantile(1.0 - p, df);
    }
    if p >= 0.5 {
        return 0.0;
    }
    let p = p.max(f64::MIN_POSITIVE);
    // From above, as for the normal; here the log of the tail is concave in the log of t.
    let mut t = normal_upper_quantile(p).max(1.0);
    while student_sf(t, df) > p {
        t *= 2.0;
    }
    for _ in 0..NEWTON_STEPS {
        let tail = student_sf(t, df);
        let step = if tail > 0.0 {
            log(tail / p) * tail / (t * student_density(t, df))
        } else {
            UNDERFLOW_STEP
        };
        t *= exp(step);
        if step.abs() <= f64::EPSILON {
            break;
        }
    }
    t
}

/// P(X > x) for a chi-square X with `df` ≥ 1 degrees of freedom.
///
/// # Source
///
/// Finite sums for half-integers: DLMF 8.4.10 and 8.4.11. Every term is positive.
#[must_use]
pub fn chi_square_sf(x: f64, df: u32) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let half = x / 2.0;
    let (mut sum, mut log_term, mut index) = if df.is_multiple_of(2) {
        (0.0, -half, 0.0_f64)
    } else {
        (2.0 * normal_sf(x.sqrt()), log(half.sqrt() * 2.0 / PI.sqrt()) - half, 0.5)
    };
    for _ in 0..df / 2 {
        sum += exp(log_term);
        index += 1.0;
        log_term += log(half / index);
    }
    sum.min(1.0)
}

fn at_the_ends(p: f64) -> f64 {
    if p.abs() <= 0.0 {
        f64::INFINITY
    } else if (p - 1.0).abs() <= 0.0 {
        f64::NEG_INFINITY
    } else {
        f64::NAN
    }
}

pub(crate) fn normal_density(z: f64) -> f64 {
    exp(-0.5 * z * z) * FRAC_1_SQRT_2 / PI.sqrt()
}

fn student_density(t: f64, df: f64) -> f64 {
    let kernel = exp(-(df + 1.0) / 2.0 * log1p(t * t / df));
    gamma_ratio(df / 2.0) / (PI * df).sqrt() * kernel
}

/// Γ(a + ½) / Γ(a), by its asymptotic series (DLMF 5.11.13) after raising a to twenty.
fn gamma_ratio(a: f64) -> f64 {
    let mut shifted = a;
    let mut product = 1.0;
    while shifted < 20.0 {
        product *= shifted / (shifted + 0.5);
        shifted += 1.0;
    }
    let w = 1.0 / (shifted * shifted);
    let series = -1.0 / 8.0
        + w * (1.0 / 192.0 + w * (-1.0 / 640.0 + w * (17.0 / 14_336.0 - w * 31.0 / 18_432.0)));
    product * shifted.sqrt() * exp(series / shifted)
}

/// K with I_x(a, ½) = x^a y^½ / (B(a, ½) · K), y = 1 - x, by the modified Lentz method.
fn beta_fraction(a: f64, x: f64, y: f64) -> f64 {
    let b = 0.5;
    let denominator = |m: f64| {
        let pull = m * (b - m) * x / (a + 2.0 * m - 1.0);
        m + pull + (a + m) * (a * y - b * x + 1.0 + m * (1.0 + y)) / (a + 2.0 * m + 1.0)
    };
    let mut value = (a * (a * y - b * x + 1.0)) / (a + 1.0);
    let (mut c, mut d) = (value, 0.0);
    let mut m = 1.0;
    while m < LENTZ_STEPS {
        let root = a + 2.0 * m - 1.0;
        let numerator = (a + m - 1.0) * (a + b + m - 1.0) * m * (b - m) * x * x / (root * root);
        d = 1.0 / (denominator(m) + numerator * d);
        c = denominator(m) + numerator / c;
        value *= c * d;
        if (c * d - 1.0).abs() <= f64::EPSILON {
            break;
        }
        m += 1.0;
    }
    value
}

/// How many terms of Mills' continued fraction give every bit at `z` of 2 or more.
///
/// What n terms leave out falls as exp(-2z√(2n)), so that further out fewer are enough.
fn mills_terms(z: f64) -> u32 {
    MILLS.iter().find(|(least, _)| z >= *least).map_or(MOST_MILLS_TERMS, |(_, terms)| *terms)
}

/// From which z on how many terms are enough, the farthest first.
const MILLS: [(f64, u32); 6] = [(12.0, 16), (8.0, 22), (6.0, 31), (5.0, 40), (4.0, 52), (3.0, 85)];
/// Enough for full precision from z = 2 on, where the fraction converges slowest.
const MOST_MILLS_TERMS: u32 = 120;

/// Newton's method doubles its digits each step; far starts need a few dozen.
const NEWTON_STEPS: u32 = 200;

/// In the log of t, back towards where the tail is a positive number.
const UNDERFLOW_STEP: f64 = -0.1;

/// About a hundred suffice at the edge of the tail.
const LENTZ_STEPS: f64 = 10_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    /// At 95 % the last step is rounding, and as long as the one before it.
    #[test]
    fn a_normal_quantile_takes_a_dozen_steps_at_any_level() {
        let tails = (1..=5_000).map(|at| f64::from(at) / 10_000.0);
        let far = (1..=300).map(|digits| exp(-f64::from(digits)));
        for p in tails.chain(far).chain([(1.0 - 0.95) / 2.0]) {
            let (z, steps) = newton(p);
            assert!(steps <= 13, "{p}: {steps}");
            assert!((normal_sf(z) / p - 1.0).abs() < 1e-12, "{p}: {z}");
        }
    }

    #[test]
    fn more_terms_of_the_fraction_change_no_bit() {
        for z in (3_000..40_000).map(|thousandths| f64::from(thousandths) / 1_000.0) {
            let terms = mills_terms(z);
            assert_eq!(mills(z, terms).to_bits(), mills(z, MOST_MILLS_TERMS).to_bits(), "{z}");
        }
    }
}
