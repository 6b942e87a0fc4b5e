//! Clamps: the ends between which a person's value counts as it is.

use serde::{Deserialize, Serialize};

/// The ends between which a value counts as it is, in units of the column's scale. A value outside
/// counts as the nearer end. 0 lies between the ends, since it is the value of a person without
/// rows.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "Ends", into = "Ends")]
pub struct Clamp {
    least: i64,
    most: i64,
}

impl Clamp {
    /// The clamp from 0 to 1.
    pub const ONE: Self = Self { least: 0, most: 1 };
    /// How far an end may be from 0: the square of such a value, and its sum over as many people as there
    /// are rows, fits into 63 bits.
    pub const FARTHEST: u64 = 1 << 31;

    /// A clamp from `least`, which is not above 0, to `most`, which is not below 0.
    ///
    /// # Errors
    ///
    /// [`InvalidClamp`] if 0 is not between them, both are 0, or one is beyond [`Self::FARTHEST`].
    pub fn new(least: i64, most: i64) -> Result<Self, InvalidClamp> {
        let found = Self { least, most };
        let sensible = least <= 0 && most >= 0 && (1..=Self::FARTHEST).contains(&found.reach());
        if sensible { Ok(found) } else { Err(InvalidClamp { least, most }) }
    }

    /// A clamp from 0 to `most`.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn up_to(most: u32) -> Result<Self, InvalidClamp> {
        Self::new(0, i64::from(most))
    }

    /// Smallest value that counts as it is.
    #[must_use]
    pub fn least(self) -> i64 {
        self.least
    }

    /// Largest value that counts as it is.
    #[must_use]
    pub fn most(self) -> i64 {
        self.most
    }

    /// The most that one value adds to a sum, up or down.
    #[must_use]
    pub fn reach(self) -> u64 {
        self.least.unsigned_abs().max(self.most.unsigned_abs())
    }

    /// Whether values below 0 count, so that a person can lower a sum.
    #[must_use]
    pub fn is_signed(self) -> bool {
        self.least < 0
    }

    /// The value that a number counts as.
    #[must_use]
    pub fn apply(self, value: i128) -> i64 {
        let between = value.clamp(i128::from(self.least), i128::from(self.most));
        i64::try_from(between).unwrap_or(self.most)
    }
}

/// The ends of a clamp as they are encoded.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Ends {
    least: i64,
    most: i64,
}

impl TryFrom<Ends> for Clamp {
    type Error = InvalidClamp;

    fn try_from(ends: Ends) -> Result<Self, InvalidClamp> {
        Self::new(ends.least, ends.most)
    }
}

impl From<Clamp> for Ends {
    fn from(clamp: Clamp) -> Self {
        Self { least: clamp.least, most: clamp.most }
    }
}

/// The ends cannot be those of a clamp.
///
/// Remedy: choose caps and floors within the range that is named.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "found a clamp from {least} to {most}, expected 0 between its ends, one of them away from 0, and neither \
     more than 2147483648 away"
)]
pub struct InvalidClamp {
    /// The lower end.
    pub least: i64,
    /// The upper end.
    pub most: i64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn refuses_ends_without_zero_between_them_or_too_far_out() {
        let far = 1 << 31;
        for (least, most) in [(1, 5), (-5, -1), (0, 0), (0, far + 1), (-far - 1, 0), (i64::MIN, 0)]
        {
            assert_eq!(Clamp::new(least, most), Err(InvalidClamp { least, most }));
        }
        for (least, most, reach) in [(0, 1, 1), (-3, 0, 3), (-far, far, 1 << 31), (-9, 4, 9)] {
            assert_eq!(Clamp::new(least, most).unwrap().reach(), reach);
        }
    }

    proptest! {
        #[test]
        fn what_counts_is_never_farther_out_than_it_reaches(
            least in -(1_i64 << 31)..=0, most in 1_i64..=1 << 31, value: i128,
        ) {
            let clamp = Clamp::new(least, most).unwrap();
            let counted = clamp.apply(value);
            prop_assert!((least..=most).contains(&counted) && counted.unsigned_abs() <= clamp.reach());
            if (i128::from(least)..=i128::from(most)).contains(&value) {
                prop_assert_eq!(i128::from(counted), value);
            }
        }
    }
}
