//! Privacy loss, counted in whole numbers.

use crate::accounting::{AccountingError, Mechanism, rdp, zcdp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// ρ of zero-concentrated differential privacy, in units of 10⁻¹².
///
/// # Source
///
/// Bun and Steinke 2016, <https://arxiv.org/abs/1605.02065>; losses add by Lemma 1.7.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Rho(pub u64);

impl Rho {
    /// The largest ρ whose (ε, δ) guarantee is at most `epsilon` at `delta`: rounded down, so a
    /// budget is never larger than its words and a job never louder than its price.
    ///
    /// # Source
    ///
    /// Canonne, Kamath and Steinke 2020, <https://arxiv.org/abs/2004.00010>, Corollary 13
    /// ([`zcdp::epsilon`]). The search starts from Bun and Steinke 2016, Proposition 1.3, which is
    /// ε = ρ + 2√(ρ ln(1/δ)) and never gives more.
    #[must_use]
    pub fn from_epsilon(epsilon: Epsilon, delta: Delta) -> Self {
        let (epsilon, log) = (epsilon.value(), delta.log_of_inverse());
        let holds = |units: u64| zcdp::tight(Self(units).value(), log) <= epsilon;
        let root = epsilon / ((epsilon + log).sqrt() + log.sqrt());
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and 10^15 by the bounds of Epsilon; the cast rounds down"
        )]
        let simple = (root * root * (1.0 - 1e-13) * UNITS) as u64;
        let (mut low, mut high) = (simple, simple.max(1));
        while holds(high) {
            (low, high) = (high, high.saturating_mul(2));
        }
        while high - low > 1 {
            let middle = low.midpoint(high);
            if holds(middle) { low = middle } else { high = middle }
        }
        Self(low)
    }

    /// The smallest ε that pays this ρ at `delta`, as a job asks for it; `None` if a job may not
    /// ask for that much.
    #[must_use]
    pub fn asked_as(self, delta: Delta) -> Option<Epsilon> {
        let wanted = self.epsilon(delta);
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative; what is too large for a job is refused below"
        )]
        let nearest = (wanted * 1e6) as u64;
        // The product is rounded, so the neighbours are looked at.
        let from = nearest.saturating_sub(1).max(Epsilon::LEAST);
        let mut asked = (from..=from.saturating_add(3))
            .filter_map(|millionths| Epsilon::try_from(millionths).ok());
        asked.find(|epsilon| epsilon.value() >= wanted)
    }

    /// The largest ε of three decimals at `delta` that this ρ pays for; 0 if it pays for none.
    #[must_use]
    pub fn passing(self, delta: Delta) -> f64 {
        let nearest = (self.epsilon(delta) * 1000.0).round() / 1000.0;
        let passes =
            Epsilon::new(nearest).is_ok_and(|epsilon| Self::from_epsilon(epsilon, delta) <= self);
        if passes { nearest } else { (nearest - 0.001).max(0.0) }
    }

    /// ρ as a real number.
    #[must_use]
    pub fn value(self) -> f64 {
        real(self.0) / UNITS
    }

    /// The ε that this ρ gives at `delta`, by the same source; 0 for nothing.
    #[must_use]
    pub fn epsilon(self, delta: Delta) -> f64 {
        if self.0 == 0 { 0.0 } else { zcdp::tight(self.value(), delta.log_of_inverse()) }
    }
}

/// ε in millionths.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Epsilon(u64);

/// δ in units of 10⁻¹⁵.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Delta(u64);

impl Epsilon {
    /// The largest ε that a contract or job may name.
    pub const MAX: Self = Self(100_000_000);
    /// The smallest ε that a contract or job may name, in millionths.
    const LEAST: u64 = 1_000;

    /// An ε of a contract or job. It must be a whole number of millionths in 0.001..=100.
    ///
    /// # Errors
    ///
    /// [`InvalidLoss`] outside that range or with more digits.
    pub fn new(epsilon: f64) -> Result<Self, InvalidLoss> {
        whole(epsilon, 1e6).and_then(|n| n.try_into().ok()).ok_or(InvalidLoss::Epsilon)
    }

    /// ε as a real number.
    #[must_use]
    pub fn value(self) -> f64 {
        real(self.0) / 1e6
    }
}

impl TryFrom<u64> for Epsilon {
    type Error = InvalidLoss;

    fn try_from(millionths: u64) -> Result<Self, InvalidLoss> {
        let sane = (Self::LEAST..=Self::MAX.0).contains(&millionths);
        if sane { Ok(Self(millionths)) } else { Err(InvalidLoss::Epsilon) }
    }
}

impl From<Epsilon> for u64 {
    fn from(epsilon: Epsilon) -> Self {
        epsilon.0
    }
}

impl fmt::Display for Epsilon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.value())
    }
}

impl Delta {
    /// The largest δ that a contract or job may name.
    pub const MAX: Self = Self(1_000_000_000_000);

    /// A δ of a contract or job. It must be a whole number of 10⁻¹⁵ in 10⁻¹⁵..=10⁻³.
    ///
    /// # Errors
    ///
    /// [`InvalidLoss`] outside that range or with more digits.
    pub fn new(delta: f64) -> Result<Self, InvalidLoss> {
        whole(delta, 1e15).and_then(|n| n.try_into().ok()).ok_or(InvalidLoss::Delta)
    }

    /// δ as a real number.
    #[must_use]
    pub fn value(self) -> f64 {
        real(self.0) / 1e15
    }

    /// ln(1/δ), by additions, products and quotients alone: these are exact to the last bit
    /// everywhere, which a libm's `ln` is not, and enclave and partner must agree on every price.
    fn log_of_inverse(self) -> f64 {
        // δ = m · 2^e · 10⁻¹⁵ with m in 1..2, and ln m = 2 artanh((m - 1) / (m + 1)).
        let exponent = self.0.ilog2();
        let mantissa = real(self.0) / real(1 << exponent);
        let x = (mantissa - 1.0) / (mantissa + 1.0);
        let series = (0..40_u32).rev().fold(0.0, |sum, k| sum * x * x + 1.0 / f64::from(2 * k + 1));
        15.0 * std::f64::consts::LN_10
            - f64::from(exponent) * std::f64::consts::LN_2
            - 2.0 * x * series
    }
}

impl TryFrom<u64> for Delta {
    type Error = InvalidLoss;

    fn try_from(units: u64) -> Result<Self, InvalidLoss> {
        let sane = (1..=Self::MAX.0).contains(&units);
        if sane { Ok(Self(units)) } else { Err(InvalidLoss::Delta) }
    }
}

impl From<Delta> for u64 {
    fn from(delta: Delta) -> Self {
        delta.0
    }
}

impl fmt::Display for Delta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:e}", self.value())
    }
}

/// The number is not a valid ε or δ.
///
/// Remedy: write a number within the range that is named.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLoss {
    /// The number is not a valid ε.
    #[error("expected an epsilon between 0.001 and 100 with at most six decimals")]
    Epsilon,
    /// The number is not a valid δ.
    #[error("expected a delta between 1e-15 and 1e-3, in whole units of 1e-15")]
    Delta,
}

/// What the ledger adds up: Rényi divergence at each of [`ORDERS`], in units of 10⁻¹⁴ nats, and a δ
/// beside it, in units of 10⁻¹⁵, with which the divergence need not hold.
///
/// Every part of a ledger is a sum of these and obeyed at every order, so sums are exact.
///
/// # Source
///
/// Mironov 2017, <https://arxiv.org/abs/1702.07476>, Proposition 1; Bun and Steinke 2016,
/// <https://arxiv.org/abs/1605.02065>, Section 8 (δ adds).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Loss {
    at_order: Vec<u64>,
    delta: u64,
}

impl Loss {
    /// No loss.
    #[must_use]
    pub fn zero() -> Self {
        Self { at_order: vec![0; ORDERS.len()], delta: 0 }
    }

    /// The loss of a ρ-zCDP mechanism: αρ at order α, exactly.
    #[must_use]
    pub fn zcdp(rho: Rho) -> Self {
        // Orders are in hundredths and ρ in 10⁻¹², which makes 10⁻¹⁴.
        let at_order = ORDERS.iter().map(|order| order.saturating_mul(rho.0)).collect();
        Self { at_order, delta: 0 }
    }

    /// The same loss with `delta` added, in units of 10⁻¹⁵.
    #[must_use]
    pub fn with_delta(mut self, delta: u64) -> Self {
        self.delta = self.delta.saturating_add(delta);
        self
    }

    /// The δ of the loss, in units of 10⁻¹⁵.
    #[must_use]
    pub fn delta(&self) -> u64 {
        self.delta
    }

    /// The loss of a mechanism that runs `count` times: at every order at least the divergence
    /// between neighbours, and more by 10⁻⁹ of it and one unit at most.
    ///
    /// # Source
    ///
    /// [`rdp::divergence`], which computes the same bits everywhere.
    #[must_use]
    pub fn of(mechanism: &Mechanism, count: u64) -> Self {
        let runs = real(count);
        let units = |order: &u64| {
            let nats = rdp::divergence(mechanism, real(*order) / 100.0) * runs;
            // Its margin is far wider than the rounding of these products.
            up(nats * NATS)
        };
        Self { at_order: ORDERS.iter().map(units).collect(), delta: 0 }
    }

    /// The loss of one figure with discrete Laplace noise; see [`Mechanism::discrete_laplace`].
    ///
    /// # Errors
    ///
    /// [`AccountingError`] for a scale or sensitivity out of range.
    pub fn laplace(scale: f64, sensitivity: u32) -> Result<Self, AccountingError> {
        Ok(Self::of(&Mechanism::discrete_laplace(scale, sensitivity)?, 1))
    }

    /// The sum of two losses. It stays at the largest number rather than wrap.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.zip(other, u64::saturating_add)
    }

    /// What remains of `self` after `spent`; nothing if more was spent.
    #[must_use]
    pub fn minus(&self, spent: &Self) -> Self {
        self.zip(spent, u64::saturating_sub)
    }

    /// The larger of two losses at each order.
    #[must_use]
    pub fn max(&self, other: &Self) -> Self {
        self.zip(other, u64::max)
    }

    /// The smaller of two losses at each order.
    #[must_use]
    pub fn min(&self, other: &Self) -> Self {
        self.zip(other, u64::min)
    }

    /// Whether `self` is at most `budget` at *every* order and in δ.
    #[must_use]
    pub fn fits(&self, budget: &Self) -> bool {
        let mut orders = self.at_order.iter().zip(&budget.at_order);
        self.delta <= budget.delta && orders.all(|(cost, left)| cost <= left)
    }

    /// Whether nothing is lost.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.delta == 0 && self.at_order.iter().all(|&loss| loss == 0)
    }

    /// The largest ρ that fits into this loss at every order.
    #[must_use]
    pub fn rho(&self) -> Rho {
        let fitting = self.at_order.iter().zip(ORDERS).map(|(loss, order)| loss / order);
        Rho(fitting.min().unwrap_or(0))
    }

    /// How many times `cost` fits into this loss; `None` if the cost is nothing.
    #[must_use]
    pub fn times(&self, cost: &Self) -> Option<u64> {
        let parts = self.at_order.iter().zip(&cost.at_order);
        let parts = parts.chain(std::iter::once((&self.delta, &cost.delta)));
        parts.filter_map(|(left, cost)| left.checked_div(*cost)).min()
    }

    fn zip(&self, other: &Self, f: impl Fn(u64, u64) -> u64) -> Self {
        let pairs = self.at_order.iter().zip(&other.at_order);
        let at_order = pairs.map(|(&a, &b)| f(a, b)).collect();
        Self { at_order, delta: f(self.delta, other.delta) }
    }
}

/// Written as one list: a loss for each order, and last δ.
impl Serialize for Loss {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.at_order.iter().chain([&self.delta]))
    }
}

impl<'de> Deserialize<'de> for Loss {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut at_order = Vec::<u64>::deserialize(deserializer)?;
        let found = at_order.len();
        match at_order.pop() {
            Some(delta) if at_order.len() == ORDERS.len() => Ok(Self { at_order, delta }),
            _ => Err(de::Error::invalid_length(found, &"a loss for each Rényi order, and delta")),
        }
    }
}

/// A nonnegative number times `per_unit`, if that is whole up to the last bits of a float.
fn whole(number: f64, per_unit: f64) -> Option<u64> {
    let scaled = number * per_unit;
    let rounded = scaled.round();
    let close = (scaled - rounded).abs() <= 1e-9 * rounded.max(1.0);
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to lie in 0..2^53"
    )]
    (close && (0.0..9e15).contains(&rounded)).then_some(rounded as u64)
}

/// The next whole number up; the largest `u64` for a larger number.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "no caller has a negative number or NaN, and the cast saturates"
)]
fn up(number: f64) -> u64 {
    number.ceil() as u64
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "shown to people only, or below 2^53, or off by less than a margin"
)]
fn real(units: u64) -> f64 {
    units as f64
}

/// Rényi orders α at which losses are kept, in hundredths.
pub const ORDERS: [u64; 22] = [
    125, 150, 175, 200, 250, 300, 400, 500, 600, 800, 1_000, 1_200, 1_600, 2_000, 2_400, 3_200,
    4_800, 6_400, 12_800, 25_600, 51_200, 102_400,
];

const UNITS: f64 = 1e12;

/// Units of [`Loss`] in a nat.
const NATS: f64 = 1e14;

mod sampled;
#[cfg(test)]
mod tests;
