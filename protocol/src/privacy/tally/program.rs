//! A training: what each person adds to each of its steps, and what is made of the sums.

mod dense;

use super::Side;
use crate::{
    learning::{self, dense::CERTAIN},
    limits::{self, at_most},
};
use serde::{Deserialize, Serialize};

pub use dense::{Dense, Ends, Plan};

/// A training by gradient steps: of an additive model, unless it is [`dense`](Self::dense).
///
/// Of an additive model everybody is in every step and in one bin of each feature, and adds to each of these bins one clamped
/// residual. Nothing else of anybody is read.
///
/// All of it is public, and decides what is trained: two trainings that differ in anything are two questions.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Program {
    /// Features. Each has bins of its own.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_FEATURES }, _, _>")]
    pub features: Vec<Feature>,
    /// What is learnt of each person.
    pub label: Label,
    /// What the model says of the label.
    pub loss: Loss,
    /// About how many people there are, with those who are held out: a public figure that scales steps, and no count of
    /// the data.
    pub people: u64,
    /// How many gradient steps are made; of an additive model after one release of the label sum.
    pub steps: u32,
    /// How far one person counts in a step, in quanta of 2⁻¹²: one residual, as a share of the label's cap; of a dense model
    /// the norm of the whole gradient.
    pub clip: u32,
    /// Learning rate, in units of 2⁻³².
    pub rate: u64,
    /// Share of the last velocity that is kept, in thousandths.
    pub momentum: u32,
    /// Weight of the squared weights in the loss, in units of 10⁻⁹.
    pub ridge: u32,
    /// Over how many of the last steps weights are averaged.
    pub averaged: u32,
    /// People who are not trained on, and by whom the model is judged; `None` if everybody is trained on.
    pub held_out: Option<HeldOut>,
    /// What makes the model a dense one: a linear model or a network of numbers, by gradients of people who are drawn for each
    /// step anew; `None` for an additive model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dense: Option<Dense>,
}

/// People who are not trained on: chosen by their key alone.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever trains must see a new field")]
pub struct HeldOut {
    /// The share of people, in thousandths.
    pub share: u32,
    /// Edges between bins of scores, ascending, in units of 2⁻¹⁶: of an additive model above its intercept, of a dense one above 0.
    #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
    pub edges: Vec<i32>,
}

/// A feature: what a person's own rows in one dataset say, in bins, or as a number where the model is dense. The first bin is
/// of people without a value.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever reads must see a new field")]
pub struct Feature {
    /// The dataset whose rows are read.
    pub side: Side,
    /// How they become a bin or a number.
    pub of: Binned,
}

/// How a person's rows become a bin, or a number.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever reads must see a new one")]
pub enum Binned {
    /// The only value that all of the rows have in a group column. Who has none, or several, is without a value.
    Value {
        /// Group column.
        column: String,
        /// How many values its public list has.
        values: u32,
    },
    /// The total of an amount over the rows. Bin *i* + 1 holds totals from edge *i* - 1 (included) to edge *i*. Who has
    /// no row is without a value.
    Total {
        /// Measure or feature column.
        column: String,
        /// Edges, ascending, in units of the column.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        edges: Vec<i64>,
    },
    /// The number of rows, in bins like those of a total.
    Rows {
        /// Edges, ascending.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        edges: Vec<i64>,
    },
    /// The total as a number: from -1 at the lower end to 1 at the upper one, beyond which totals count as it. Who has no row
    /// has 0, the middle.
    TotalBetween {
        /// Measure or feature column.
        column: String,
        /// Ends, in units of the column.
        ends: Ends,
    },
    /// The number of rows as such a number. Who has no row has 0 of them.
    RowsBetween {
        /// Ends.
        ends: Ends,
    },
}

/// What is learnt of each person: a whole number from 0 to a cap.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever reads must see a new field")]
pub struct Label {
    /// The dataset whose rows are read.
    pub side: Side,
    /// How a person's rows become a number. Who has no row has 0.
    pub of: Learnt,
    /// The largest number; larger ones count as this, and those below 0 as 0.
    pub cap: u32,
}

/// How a person's rows become what is learnt.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever reads must see a new one")]
pub enum Learnt {
    /// 1 if the person has a row in the dataset.
    Found,
    /// 1 if one of the rows has one of these values.
    OneOf {
        /// Group column.
        column: String,
        /// Codes, ascending.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        codes: Vec<i32>,
    },
    /// The number of rows.
    Rows,
    /// The sum of an amount.
    Sum {
        /// Measure column.
        column: String,
    },
}

/// What a model says of a label.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever trains must see a new one")]
pub enum Loss {
    /// How likely it is 1.
    Logistic,
    /// The amount, as a share of the cap.
    Squared,
    /// The expected count.
    Poisson,
}

impl HeldOut {
    /// How many counts leave: one for each bin of scores and each label.
    #[must_use]
    pub fn counts(&self) -> usize {
        2 * (self.edges.len() + 1)
    }
}

impl Feature {
    /// Whether it is the very label.
    #[must_use]
    pub fn is_label(&self, label: &Label) -> bool {
        let same = match (&self.of, &label.of) {
            (Binned::Value { column, .. }, Learnt::OneOf { column: learnt, .. })
            | (
                Binned::Total { column, .. } | Binned::TotalBetween { column, .. },
                Learnt::Sum { column: learnt },
            ) => column == learnt,
            (Binned::Rows { .. } | Binned::RowsBetween { .. }, Learnt::Rows) => true,
            _ => false,
        };
        same && self.side == label.side
    }
}

impl Binned {
    /// How many bins there are, the one of people without a value included; none of a number.
    #[must_use]
    pub fn bins(&self) -> u64 {
        match self {
            Self::TotalBetween { .. } | Self::RowsBetween { .. } => 0,
            Self::Value { values, .. } => u64::from(*values) + 1,
            Self::Total { edges, .. } | Self::Rows { edges } => {
                u64::try_from(edges.len()).unwrap_or(u64::MAX).saturating_add(2)
            }
        }
    }

    /// How many numbers of a dense model it is: one for each bin but the first, or one.
    #[must_use]
    pub fn numbers(&self) -> u64 {
        self.ends().map_or_else(|| self.bins().saturating_sub(1), |_| 1)
    }

    /// Between what it is a number; `None` if it is in bins.
    #[must_use]
    pub fn ends(&self) -> Option<Ends> {
        match self {
            Self::Value { .. } | Self::Total { .. } | Self::Rows { .. } => None,
            Self::TotalBetween { ends, .. } | Self::RowsBetween { ends } => Some(*ends),
        }
    }

    /// Whether neighbouring bins are alike.
    #[must_use]
    pub fn is_ordered(&self) -> bool {
        match self {
            Self::Value { .. } => false,
            Self::Total { .. }
            | Self::Rows { .. }
            | Self::TotalBetween { .. }
            | Self::RowsBetween { .. } => true,
        }
    }

    fn is_sound(&self) -> bool {
        match self {
            Self::Value { values, .. } => *values > 0,
            Self::Total { edges, .. } | Self::Rows { edges } => {
                !edges.is_empty() && edges.is_sorted_by(|a, b| a < b)
            }
            Self::TotalBetween { ends, .. } | Self::RowsBetween { ends } => ends.lower < ends.upper,
        }
    }
}

impl Program {
    /// All that is trained, as numbers.
    #[must_use]
    pub fn plan(&self) -> Plan {
        match &self.dense {
            None => Plan::Additive(self.additive()),
            Some(dense) => Plan::Dense(self.dense_plan(dense)),
        }
    }

    fn dense_plan(&self, dense: &Dense) -> learning::dense::Plan {
        let Dense { hidden, sampled, seed, delta: _ } = dense;
        let numbers = self.features.iter().map(|feature| feature.of.numbers());
        learning::dense::Plan {
            inputs: u32::try_from(numbers.sum::<u64>()).unwrap_or(u32::MAX),
            hidden: hidden.clone(),
            loss: self.learns(),
            cap: self.label.cap,
            people: self.trained_on(),
            sampled: *sampled,
            steps: self.steps,
            clip: f64::from(self.clip) / f64::from(learning::QUANTA),
            rate: Self::rate_from(self.rate),
            momentum: f64::from(self.momentum) / 1000.0,
            ridge: f64::from(self.ridge) / 1e9,
            averaged: self.averaged,
            seed: *seed,
        }
    }

    fn learns(&self) -> learning::Loss {
        match self.loss {
            Loss::Logistic => learning::Loss::Logistic,
            Loss::Squared => learning::Loss::Squared,
            Loss::Poisson => learning::Loss::Poisson,
        }
    }

    fn additive(&self) -> learning::Plan {
        let feature = |feature: &Feature| learning::Feature {
            bins: u32::try_from(feature.of.bins()).unwrap_or(u32::MAX),
            is_ordered: feature.of.is_ordered(),
        };
        learning::Plan {
            features: self.features.iter().map(feature).collect(),
            loss: self.learns(),
            cap: self.label.cap,
            people: self.trained_on(),
            steps: self.steps,
            clip: self.clip,
            rate: Self::rate_from(self.rate),
            momentum: f64::from(self.momentum) / 1000.0,
            ridge: f64::from(self.ridge) / 1e9,
            averaged: self.averaged,
        }
    }

    /// About how many people are trained on.
    #[must_use]
    pub fn trained_on(&self) -> u64 {
        let held = self.held_out.as_ref().map_or(0, |held| u64::from(held.share.min(1000)));
        let left = u128::from(self.people) * u128::from(1000 - held) / 1000;
        u64::try_from(left).unwrap_or(u64::MAX).max(u64::from(self.people > 0))
    }

    /// Whether a feature tells who has no label: it is read from the rows of a joined dataset that make the label, so that
    /// whoever is not found there is in its first bin.
    #[must_use]
    pub fn is_label_shown(&self) -> bool {
        let side = self.label.side;
        side != Side::POPULATION && self.features.iter().any(|feature| feature.side == side)
    }

    /// A learning rate in the units of a program, rounded; `None` if it is not a number above 0.
    #[must_use]
    pub fn rate_of(rate: f64) -> Option<u64> {
        let units = (rate * RATE_UNITS + 0.5).floor();
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to lie in 1..2^40"
        )]
        let whole = (1.0..1e12).contains(&units).then_some(units as u64);
        whole
    }

    /// A learning rate of a program as a number.
    #[must_use]
    pub fn rate_from(units: u64) -> f64 {
        real(units) / RATE_UNITS
    }

    /// Whether all of it can be trained.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let Label { of, cap, .. } = &self.label;
        let label = match of {
            Learnt::Found => *cap == 1,
            Learnt::OneOf { codes, .. } => {
                *cap == 1 && !codes.is_empty() && codes.is_sorted_by(|a, b| a < b)
            }
            Learnt::Rows | Learnt::Sum { .. } => (1..=LARGEST_CAP).contains(cap),
        };
        let held_out = self.held_out.as_ref().is_none_or(|held| {
            self.loss == Loss::Logistic
                && (1..=500).contains(&held.share)
                && (1..=MOST_EDGES).contains(&held.edges.len())
                && held.edges.is_sorted_by(|a, b| a < b)
        });
        // An additive model has weights for bins alone.
        let features = (1..=learning::FEATURES).contains(&self.features.len())
            && (self.dense.is_some() || self.features.iter().all(|it| it.of.ends().is_none()));
        let drawn = self.dense.as_ref().is_none_or(|dense| {
            dense.hidden.len() <= limits::LAYERS && (1..=CERTAIN).contains(&dense.sampled)
        });
        label
            && held_out
            && features
            && drawn
            && self.features.iter().all(|feature| feature.of.is_sound())
            // A bin is read into one byte.
            && self.features.iter().all(|feature| feature.of.bins() <= u64::from(learning::BINS))
            && self.rate < 1 << 40
            && self.plan().is_sound()
    }

    /// Whether a person whose key hashes to this is not trained on.
    #[must_use]
    pub fn holds_out(&self, hash: u64) -> bool {
        // The upper bits: a share of 2³² of them.
        let share = self.held_out.as_ref().map_or(0, |held| u64::from(held.share));
        (hash >> 32) * 1000 < share << 32
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "below 2^53")]
fn real(number: u64) -> f64 {
    number as f64
}

/// Units of a learning rate, or of a chance, in 1.
const RATE_UNITS: f64 = 4_294_967_296.0;
/// The largest label.
const LARGEST_CAP: u32 = 1_000_000;
/// Edges between bins of scores.
const MOST_EDGES: usize = 99;
