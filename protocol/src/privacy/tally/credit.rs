//! To which exposures an outcome is credited.

use serde::{Deserialize, Serialize};

/// How what a person did is credited to what the person was exposed to before.
///
/// An exposure is a row of the population that counts and has a day; an outcome is one of the joined dataset. What a person's
/// outcomes of one day amount to goes to the exposures of the days before it, from [`Self::window`] days on and the day itself
/// included: to how many of them, and in which shares, the [`Rule`] says. Days are gone through from the first on, and
/// what is beyond the measure's clamp is left out at the end, so that the shares of all places add up exactly to the clamped total.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever credits must see a new field")]
pub struct Credit {
    /// Group column of the population: exposures with one value are one place.
    pub column: String,
    /// How many values its public list has.
    pub values: u32,
    /// Date column of the population.
    pub day: String,
    /// Date column of the joined dataset.
    pub outcome: String,
    /// The most days from an exposure to an outcome.
    pub window: u32,
    /// To which exposures of the window an outcome is credited.
    pub rule: Rule,
}

impl Credit {
    /// The most parts that a unit is credited in.
    pub const MOST_PARTS: u32 = 1_000;

    /// Places beside those of values.
    const BESIDE: u32 = 3;

    /// How many places there are: one for each value, and then [`Self::no_value`], [`Self::unexposed`] and [`Self::nothing`].
    #[must_use]
    pub fn places(&self) -> u64 {
        u64::from(self.values) + u64::from(Self::BESIDE)
    }

    /// The place of exposures without a value.
    #[must_use]
    pub fn no_value(&self) -> u32 {
        self.values
    }

    /// The place of outcomes before which there is no exposure in the window.
    #[must_use]
    pub fn unexposed(&self) -> u32 {
        self.values.saturating_add(1)
    }

    /// The place of people without an outcome.
    #[must_use]
    pub fn nothing(&self) -> u32 {
        self.values.saturating_add(2)
    }
}

/// In which shares an outcome is credited to the exposures of its window.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever credits must see a new rule")]
pub enum Rule {
    /// All to the last day's exposure; of several on that day, to the value that comes first in the public list.
    Last,
    /// All to the first day's exposure; of several on that day, to the value that comes first in the public list.
    First,
    /// To all exposures alike.
    Linear,
    /// Two fifths to the first exposure, two fifths to the last, and the rest to those between; of two exposures, to both
    /// alike.
    Position,
}

impl Rule {
    /// Whether it divides an outcome among several exposures.
    #[must_use]
    pub fn divides(self) -> bool {
        match self {
            Self::Last | Self::First => false,
            Self::Linear | Self::Position => true,
        }
    }

    /// All rules, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::Last, Self::First, Self::Linear, Self::Position];

    /// The name of the rule in contracts and jobs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Last => "last",
            Self::First => "first",
            Self::Linear => "linear",
            Self::Position => "position",
        }
    }

    /// The rule of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}
