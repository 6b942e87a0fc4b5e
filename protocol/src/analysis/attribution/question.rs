//! A question about attribution as it is signed.

use crate::{
    analysis::table::Filter,
    limits::{self, at_most},
    loss::{Delta, Epsilon},
    tally::{Clamp, Credit, Rule},
    units::{Millionths, Scale},
};
use serde::{Deserialize, Serialize};

/// To which exposures what people did is credited.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Attribution {
    /// In which shares an outcome is credited to the exposures of its window.
    pub model: Rule,
    /// The most days from an exposure to an outcome. The same day counts.
    pub window_days: u32,
    /// Conditions that a row of either dataset must all meet to count.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Filter>,
    /// What is credited.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub outcomes: Vec<Credited>,
    /// Confidence of the intervals, in millionths.
    pub confidence: Millionths,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
    /// Fewest people of a place that is shown. The contract's floor holds if it is larger.
    pub min_cell: u32,
}

/// Something that is credited.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Credited {
    /// Name that people give to it.
    pub name: String,
    /// Measure column of the outcome dataset; none for the number of its rows.
    pub column: Option<String>,
    /// The most that is credited of one person in all, in units of the column's scale. It begins at 0.
    pub clamp: Clamp,
    /// Decimals of the column, from the contract.
    pub scale: Scale,
}

impl Credited {
    /// In how many parts each unit of the column is credited: as many as fit where the rule divides amounts.
    #[must_use]
    pub fn parts(&self, rule: Rule) -> u32 {
        let fits = |parts: &u32| {
            let most = self.clamp.reach().checked_mul(u64::from(*parts));
            self.finer(*parts).is_some() && most.is_some_and(|most| most <= Clamp::FARTHEST)
        };
        let parts = [Credit::MOST_PARTS, 100, 10].into_iter().filter(|_| rule.divides());
        parts.into_iter().find(fits).unwrap_or(1)
    }

    /// Decimals of what is released.
    #[must_use]
    pub fn released_scale(&self, rule: Rule) -> Scale {
        self.finer(self.parts(rule)).unwrap_or(self.scale)
    }

    /// The scale of such parts of a unit, if a scale has as many decimals.
    fn finer(&self, parts: u32) -> Option<Scale> {
        let more = u8::try_from(parts.checked_ilog10()?).ok()?;
        Scale::new(u8::from(self.scale).checked_add(more)?)
    }
}
