//! What whole numbers stand for: units of a column's last decimal, and millionths.

use serde::{Deserialize, Serialize};
use statistics::special::power_of_ten;
use std::fmt;

/// The number of decimals of a column. Its numbers are whole numbers of units of the last decimal.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Scale(u8);

impl Scale {
    /// No decimals, as counts have none.
    pub const WHOLE: Self = Self(0);
    /// The most decimals that a column may have.
    pub const MOST: u8 = 6;

    /// A scale of this many decimals; `None` if there are more than [`Self::MOST`].
    #[must_use]
    pub fn new(decimals: u8) -> Option<Self> {
        (decimals <= Self::MOST).then_some(Self(decimals))
    }

    /// The number of digits behind the decimal point.
    #[must_use]
    pub fn decimals(self) -> usize {
        usize::from(self.0)
    }

    /// `amount` as a whole number of units; none if it has more decimals, or is beyond [`Self::MOST_UNITS`].
    #[must_use]
    pub fn units_of(self, amount: f64) -> Option<i64> {
        let units = amount * self.units_per_one();
        let whole = units.round();
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            reason = "whole, and between the ends"
        )]
        ((units - whole).abs() < 1e-6 && whole.abs() <= Self::MOST_UNITS).then_some(whole as i64)
    }

    /// That many units, written with the column's decimals: 19.99.
    #[must_use]
    pub fn shown(self, units: u64) -> String {
        let one = 10_u64.pow(u32::from(self.0));
        match self.decimals() {
            0 => units.to_string(),
            decimals => format!("{}.{:0decimals$}", units / one, units % one),
        }
    }

    /// The most units of an amount that somebody writes: below 2^53, so that each is exact.
    pub const MOST_UNITS: f64 = 9e15;

    /// The number of units that make one: 100 for cents.
    #[must_use]
    pub fn units_per_one(self) -> f64 {
        power_of_ten(self.0)
    }
}

impl TryFrom<u8> for Scale {
    type Error = InvalidScale;

    fn try_from(decimals: u8) -> Result<Self, InvalidScale> {
        Self::new(decimals).ok_or(InvalidScale { found: decimals })
    }
}

impl From<Scale> for u8 {
    fn from(scale: Scale) -> Self {
        scale.0
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The number of decimals is larger than a column may have.
///
/// Remedy: give the column a scale of at most so many decimals.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("found {found} decimals, expected at most {}", Scale::MOST)]
pub struct InvalidScale {
    /// The number that was found.
    pub found: u8,
}

/// A share or a level in millionths. Analysts may sign any number; the policy refuses one that is
/// not above 0 and below 1.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
#[expect(clippy::exhaustive_structs, reason = "a number and its unit")]
pub struct Millionths(pub u32);

impl Millionths {
    /// A million, which stands for one.
    pub const ONE: u32 = 1_000_000;

    /// The nearest value to `share`; `None` if that is not above 0 and below 1.
    #[must_use]
    pub fn nearest(share: f64) -> Option<Self> {
        let scaled = (share * f64::from(Self::ONE)).round();
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to lie in 0..10^6"
        )]
        (scaled > 0.0 && scaled < f64::from(Self::ONE)).then_some(Self(scaled as u32))
    }

    /// The value as a real number.
    #[must_use]
    pub fn value(self) -> f64 {
        f64::from(self.0) / f64::from(Self::ONE)
    }

    /// Whether the value is above 0 and below 1.
    #[must_use]
    pub fn is_share(self) -> bool {
        (1..Self::ONE).contains(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_at_most_six_decimals() {
        assert_eq!(Scale::new(6).map(Scale::decimals), Some(6));
        assert_eq!(Scale::try_from(7), Err(InvalidScale { found: 7 }));
        assert!(serde_json::from_str::<Scale>("7").is_err());
        assert_eq!(serde_json::to_string(&Scale(2)).unwrap(), "2");
        assert!((Scale(2).units_per_one() - 100.0).abs() < f64::EPSILON);
    }

    #[test]
    fn an_amount_is_a_whole_number_of_units_or_none() {
        assert_eq!(Scale(2).units_of(19.99), Some(1_999));
        assert_eq!(Scale(2).units_of(-0.01), Some(-1));
        assert_eq!(
            (Scale(2).shown(1_905), Scale(0).shown(7)),
            ("19.05".to_owned(), "7".to_owned())
        );
        for amount in [0.001, 1e15, f64::NAN, f64::INFINITY] {
            assert_eq!(Scale(2).units_of(amount), None, "{amount}");
        }
    }

    #[test]
    fn a_share_lies_between_nothing_and_all() {
        assert_eq!(Millionths::nearest(0.95), Some(Millionths(950_000)));
        for share in [0.0, 1.0, -0.5, 4e-7, f64::NAN, f64::INFINITY] {
            assert_eq!(Millionths::nearest(share), None, "{share}");
        }
        assert!(Millionths(1).is_share() && Millionths(999_999).is_share());
        assert!(!Millionths(0).is_share() && !Millionths(1_000_000).is_share());
        assert_eq!(serde_json::to_string(&Millionths(5)).unwrap(), "5");
    }
}
