//! The narrow waist: each person adds a bounded vector to at most one cell.
//!
//! A [`Tally`] holds no data. From it alone follow its sensitivity, its noise and its cost
//! ([`Tally::price`]), which anybody can derive again and compare.

use crate::loss::Rho;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A question about people.
///
/// # Privacy
///
/// Neighbours differ by all rows of one id in every dataset. Such an id is in one cell, where it
/// moves the head count by at most 1, each sum by at most its clamp and each sum of squares by at
/// most its clamp squared; `ids_per_person` multiplies all three.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Dataset whose people are counted, by name.
    pub population: String,
    /// Group column of the population that assigns people to arms.
    pub arm: String,
    /// Codes of the arm column that make up the test arm.
    pub test: Vec<i32>,
    /// Codes of the arm column that make up the control arm.
    pub control: Vec<i32>,
    /// Dataset with what people did, by name.
    pub outcome: String,
    /// Rows of the outcome dataset that count.
    pub window: Option<Window>,
    /// What is added up for each person.
    pub measures: Vec<Measure>,
    /// How many ids one person may have.
    pub ids_per_person: u32,
}

/// Days that count, both included.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Date column.
    pub column: String,
    /// First day, since 1970-01-01.
    pub first: i32,
    /// Last day.
    pub last: i32,
}

/// A number per person: the sum of a column over the person's rows, clamped to `0..=clamp`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Column of the outcome dataset.
    pub column: String,
    /// Largest value of one person, in units of the column's scale.
    pub clamp: u32,
    /// Whether squares are added up too; a measure of 0 and 1 does not need them.
    pub squares: bool,
}

/// Where a person is counted. Everybody is in exactly one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Cell {
    /// Test arm, found among the outcomes.
    TestMatched,
    /// Test arm, no row among the outcomes.
    TestUnmatched,
    /// Control arm, found.
    ControlMatched,
    /// Control arm, not found.
    ControlUnmatched,
    /// In the test and the control arm.
    Contaminated,
    /// In an arm that this question does not compare, or in none.
    OtherArm,
    /// Did not agree, in either dataset.
    NoConsent,
}

impl Cell {
    /// All of them, in the order of every vector over cells.
    pub const ALL: [Self; 7] = [
        Self::TestMatched,
        Self::TestUnmatched,
        Self::ControlMatched,
        Self::ControlUnmatched,
        Self::Contaminated,
        Self::OtherArm,
        Self::NoConsent,
    ];

    /// True if outcomes are added up here; elsewhere people are only counted.
    #[must_use]
    pub fn has_outcomes(self) -> bool {
        matches!(self, Self::TestMatched | Self::ControlMatched)
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TestMatched => "test, matched",
            Self::TestUnmatched => "test, unmatched",
            Self::ControlMatched => "control, matched",
            Self::ControlUnmatched => "control, unmatched",
            Self::Contaminated => "in both arms",
            Self::OtherArm => "other or no arm",
            Self::NoConsent => "no consent",
        })
    }
}

/// How the loss of a tally is divided, in thousandths; they add up to 1000.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    /// For head counts.
    pub n: u32,
    /// For sums, evenly over the measures.
    pub sum: u32,
    /// For sums of squares, evenly over the measures that have them.
    pub sum_sq: u32,
}

/// A standard deviation of noise, in units of 1/1024: an integer, so that noise and price agree
/// on every machine.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Sigma(pub u64);

impl Sigma {
    /// The smallest σ that makes a Gaussian of `sensitivity` cost at most `rho`: Δ/√(2ρ), rounded up.
    fn for_cost(sensitivity: u64, rho: Rho) -> Option<Self> {
        if rho == Rho(0) {
            return None;
        }
        let sigma = 1024.0 * real(sensitivity) / (2.0 * rho.value()).sqrt();
        let up = (sigma * (1.0 + 1e-12)).ceil();
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to lie in 0..=2^51"
        )]
        (up <= LARGEST_SIGMA).then_some(Self(up as u64))
    }

    /// As a real number, in units of the figure it is added to.
    #[must_use]
    pub fn value(self) -> f64 {
        real(self.0) / 1024.0
    }

    /// The variance as numerator over `1024²`.
    #[must_use]
    pub fn variance(self) -> (u128, u128) {
        (u128::from(self.0) * u128::from(self.0), 1 << 20)
    }
}

/// Noise and cost of a [`Tally`]: its certificate. Who has the tally can derive it again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Priced {
    /// Loss of the whole release.
    pub rho: Rho,
    /// Noise on every head count.
    pub n: Sigma,
    /// Noise on the totals of each measure.
    pub measures: Vec<MeasureNoise>,
}

/// Noise on the totals of one measure.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureNoise {
    /// On sums.
    pub sum: Sigma,
    /// On sums of squares, where there are any.
    pub sum_sq: Option<Sigma>,
}

impl Tally {
    /// Noise for a given loss, divided as `split` says.
    ///
    /// # Privacy
    ///
    /// The release is ρ-zCDP for the ρ returned, which is at most `rho`: head counts cost
    /// Δ²/(2σ²), so does each sum, and they add (a person is in one cell, so cells cost nothing
    /// more).
    ///
    /// # Errors
    ///
    /// [`PriceError`] if a part of the loss is nothing, or the noise would exceed what can be drawn.
    ///
    /// # Source
    ///
    /// Canonne, Kamath and Steinke 2020, <https://arxiv.org/abs/2004.00010>, Theorem 4.
    pub fn price(&self, rho: Rho, split: Split) -> Result<Priced, PriceError> {
        let ids = u64::from(self.ids_per_person);
        let squares = self.measures.iter().filter(|m| m.squares).count();
        let part = |thousandths: u32, among: usize| {
            let among = u64::try_from(among).unwrap_or(u64::MAX).max(1);
            Rho(rho.0 / 1000 * u64::from(thousandths) / among)
        };
        // Without squares their part goes to the sums.
        let sum_part = if squares == 0 { split.sum + split.sum_sq } else { split.sum };
        let sum_rho = part(sum_part, self.measures.len());
        let square_rho = part(split.sum_sq, squares);
        let sigma = |delta: u64, rho| Sigma::for_cost(delta, rho).ok_or(PriceError::NoNoise);
        let measures = self.measures.iter().map(|measure| {
            let clamp = u64::from(measure.clamp);
            let sum = sigma(clamp * ids, sum_rho)?;
            let square = clamp.checked_mul(clamp).and_then(|c| c.checked_mul(ids));
            let square = square.ok_or(PriceError::NoNoise)?;
            let sum_sq = measure.squares.then(|| sigma(square, square_rho)).transpose()?;
            Ok(MeasureNoise { sum, sum_sq })
        });
        let measures = measures.collect::<Result<Vec<_>, PriceError>>()?;
        Ok(Priced { rho, n: sigma(ids, part(split.n, 1))?, measures })
    }
}

/// Why a tally has no price.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PriceError {
    /// A part of the loss is nothing, or the noise would be too large to draw.
    #[error("a figure would get no share of the loss, or noise too large to draw")]
    NoNoise,
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "rounded up by the caller, or shown"
)]
fn real(number: u64) -> f64 {
    number as f64
}

/// 2⁴¹ in units of 1/1024: what the exact sampler draws at most.
const LARGEST_SIGMA: f64 = 2_251_799_813_685_248.0;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tally(clamp: u32, squares: bool, ids: u32) -> Tally {
        Tally {
            population: "exposures".to_owned(),
            arm: "arm".to_owned(),
            test: vec![0],
            control: vec![1],
            outcome: "sales".to_owned(),
            window: None,
            measures: vec![Measure { column: "spend".to_owned(), clamp, squares }],
            ids_per_person: ids,
        }
    }

    /// Σ Δ²/(2σ²), what the noise really costs.
    fn true_cost(tally: &Tally, priced: &Priced) -> f64 {
        let ids = f64::from(tally.ids_per_person);
        let one = |delta: f64, sigma: Sigma| (delta / sigma.value()).powi(2) / 2.0;
        let mut cost = one(ids, priced.n);
        for (measure, noise) in tally.measures.iter().zip(&priced.measures) {
            let clamp = f64::from(measure.clamp);
            cost += one(ids * clamp, noise.sum);
            cost += noise.sum_sq.map_or(0.0, |sigma| one(ids * clamp * clamp, sigma));
        }
        cost
    }

    proptest! {
        #[test]
        fn never_costs_more_than_it_is_priced(
            clamp in 1_u32..1 << 14, squares: bool, ids in 1_u32..4, rho in 1_000_000_u64..1_000_000_000_000,
        ) {
            let tally = tally(clamp, squares, ids);
            let split = Split { n: 200, sum: 500, sum_sq: 300 };
            let priced = tally.price(Rho(rho), split).unwrap();
            let cost = true_cost(&tally, &priced);
            prop_assert!(cost <= priced.rho.value());
            // The rounding to 1/1024 shows at small scales only.
            prop_assert!(cost >= priced.rho.value() * 0.99, "wasted: {cost} of {}", priced.rho.value());
        }
    }

    /// σ = c²/√(2·0.3·ρ) for ρ = 0.02: 2⁴¹ lies between the two.
    #[test]
    fn noise_that_cannot_be_drawn_has_no_price() {
        let price = |clamp| {
            let split = Split { n: 200, sum: 500, sum_sq: 300 };
            tally(clamp, true, 1).price(Rho(20_000_000_000), split)
        };
        assert!(price(490_000).is_ok());
        assert_eq!(price(500_000), Err(PriceError::NoNoise));
    }

    #[test]
    fn a_part_without_loss_has_no_price() {
        let split = Split { n: 0, sum: 700, sum_sq: 300 };
        assert_eq!(tally(1, true, 1).price(Rho(1_000_000), split), Err(PriceError::NoNoise));
    }
}
