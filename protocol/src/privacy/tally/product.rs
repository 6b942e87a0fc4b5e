//! Pairs of measures whose products are added up.

use super::{Measure, Tally};
use serde::{Deserialize, Serialize};

/// Two measures, by place, whose products are added up, person by person and cell by cell. Two equal places are
/// squares; the first is never the larger.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever adds up must see a new field")]
pub struct Product {
    /// Place of the one measure.
    pub one: u32,
    /// Place of the other measure.
    pub other: u32,
    /// Each product is counted in units of two to this power, rounded to the nearest. It is 0
    /// unless amounts are large.
    pub coarse: u8,
}

impl Product {
    /// The squares of a measure, to the last digit.
    #[must_use]
    pub const fn square(measure: u32) -> Self {
        Self { one: measure, other: measure, coarse: 0 }
    }

    /// One person's product, as it is counted. Exact for factors that a [`Clamp`](super::Clamp) lets through.
    #[must_use]
    pub fn of(self, one: i64, other: i64) -> i64 {
        let half = 1_i64.checked_shl(u32::from(self.coarse)).unwrap_or(0) / 2;
        let product = one.saturating_mul(other).saturating_add(half);
        product.checked_shr(u32::from(self.coarse)).unwrap_or(0)
    }

    /// The most that one person adds to the product in one cell, up or down: the product of both
    /// reaches, rounded up.
    #[must_use]
    pub fn reach(self, measures: &[Measure]) -> Option<u64> {
        let reach = |at: u32| Some(measures.get(usize::try_from(at).ok()?)?.clamp.reach());
        let exact = reach(self.one)?.checked_mul(reach(self.other)?)?;
        Some(exact.div_ceil(1_u64.checked_shl(self.coarse.into())?))
    }

    /// One unit of the product, in the product of both measures' units.
    #[must_use]
    pub fn unit(self) -> u128 {
        1_u128.checked_shl(self.coarse.into()).unwrap_or(u128::MAX)
    }
}

impl Tally {
    /// The place of the product of two measures, of which the first one is not behind the other; `None` if it is not added up.
    #[must_use]
    pub fn product_of(&self, one: usize, other: usize) -> Option<usize> {
        let [one, other] = [one, other].map(|at| u32::try_from(at).ok());
        let is_theirs =
            |product: &Product| (Some(product.one), Some(product.other)) == (one, other);
        self.products.iter().position(is_theirs)
    }

    /// The square of a measure, with its place among the products.
    #[must_use]
    pub fn square_of(&self, measure: usize) -> Option<(usize, Product)> {
        let at = self.product_of(measure, measure)?;
        Some((at, *self.products.get(at)?))
    }
}

/// No product is coarser, so that shifts are defined.
pub(crate) const COARSEST: u8 = 62;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tally::{Clamp, Quantity, Side};
    use proptest::prelude::*;

    proptest! {
        /// However coarse: no product exceeds what the proof says, and none is off by more than half a unit.
        #[test]
        fn a_product_is_within_its_reach_and_half_a_unit_of_the_truth(
            least in -(1_i64 << 31)..=0, most in 1_i64..=1 << 31, coarse in 0..=COARSEST, a: i64, b: i64,
        ) {
            let clamp = Clamp::new(least, most).unwrap();
            let of = Quantity::Sum { column: "spend".to_owned() };
            let measure = Measure { side: Side::JOINED, of, rows: Vec::new(), clamp };
            let product = Product { coarse, ..Product::square(0) };
            let [a, b] = [a, b].map(|it| clamp.apply(it.into()));
            let counted = product.of(a, b);
            let reach = product.reach(&[measure]).unwrap();
            prop_assert!(counted.unsigned_abs() <= reach, "{counted} {reach}");
            let unit = i128::try_from(product.unit()).unwrap();
            let off = i128::from(counted) * unit - i128::from(a) * i128::from(b);
            prop_assert!(2 * off.abs() <= unit, "{off} {unit}");
        }
    }
}
