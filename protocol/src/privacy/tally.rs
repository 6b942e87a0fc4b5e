//! The narrow waist: each person adds a bounded vector to at most *m* cells.
//!
//! A [`Tally`] holds no data. From it alone follow its sensitivities, its noise, its cost and its
//! [`Proof`](crate::proof::Proof), which anybody can check.

mod clamp;
mod condition;
mod dimension;
mod likeness;
mod product;

use crate::{
    identity::Identifier,
    limits::{self, at_most},
};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use clamp::{Clamp, InvalidClamp};
pub use condition::Condition;
pub use dimension::{Arm, Dimension};
pub(crate) use product::COARSEST;
pub use product::Product;

/// A question about people.
///
/// # Privacy
///
/// Neighbours differ by all rows of one id in every dataset. Such an id is in at most
/// [`Self::cells_per_person`] cells. In each it moves the head count by at most 1, each sum by at most
/// the reach of its clamp, up or down, and each product by at most the product of two of them;
/// `ids_per_person` multiplies all of them.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Whose people are counted.
    pub population: Population,
    /// The datasets that are read, each once.
    #[serde(deserialize_with = "at_most::<{ limits::TABLES }, _, _>")]
    pub tables: Vec<Table>,
    /// What tells cells apart: there is a cell for every combination of places, in row-major order with
    /// the last dimension fastest, and then one for excluded people, who gave no consent. Without a
    /// dimension there is one cell of everybody.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_GROUP_BY }, _, _>")]
    pub dimensions: Vec<Dimension>,
    /// What is added up for each person and cell.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub measures: Vec<Measure>,
    /// Pairs of measures whose products are added up, each pair once and in the order of their places.
    #[serde(deserialize_with = "at_most::<{ limits::PRODUCTS }, _, _>")]
    pub products: Vec<Product>,
    /// In how many cells one person may count.
    pub cells_per_person: u32,
    /// How many ids one person may have.
    pub ids_per_person: u32,
}

/// Whose people are counted: every id with a row that counts is one person.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever counts must see new people")]
pub enum Population {
    /// Of the first dataset. A row's id is its first match key that is present, in the contract's order, with
    /// its kind. A second dataset is joined one to one by id; who is not found there has no values in it.
    First,
    /// Of all datasets, each person once. A row's id is its match key of one kind; that of a row without one
    /// is its first other key, as elsewhere, and such people are told apart in [`Dimension::Membership`].
    Union {
        /// The kind of match key that people are known by.
        by: Identifier,
    },
}

/// A dataset and the rows of it that count. Consent is read from all of a person's rows, and of groups
/// who refuses is counted whatever the conditions are, so that these say nothing about refusers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Name in the contract.
    pub dataset: String,
    /// A row counts if it meets all of these.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Condition>,
}

/// One of the datasets of a tally: its place in [`Tally::tables`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[expect(clippy::exhaustive_structs, reason = "a place and nothing else")]
pub struct Side(pub u32);

impl Side {
    /// The first one, whose people are counted, if not those of all.
    pub const POPULATION: Self = Self(0);
    /// The second one, which is joined to it.
    pub const JOINED: Self = Self(1);

    /// Its place among the datasets.
    #[must_use]
    pub fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A number for each person and cell, clamped *after* everything else was computed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// Whose rows.
    pub side: Side,
    /// What is made of the person's rows.
    pub of: Quantity,
    /// Which of the rows that count add to it; others are as zero.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Condition>,
    /// Between what ends the value of one person and cell counts as it is.
    pub clamp: Clamp,
}

/// What is made of a person's rows in one cell.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever compiles a tally must see a new quantity")]
pub enum Quantity {
    /// How many there are.
    Rows,
    /// How many there are in all datasets of a union together. The measure names the first one, and no rows.
    RowsOfAll,
    /// The sum of a measure column.
    Sum {
        /// Measure column.
        column: String,
    },
    /// How many different values of a group or label column there are.
    Distinct {
        /// Group or label column.
        column: String,
    },
}

/// Where a person of a randomised design is counted, as people read it. Everybody is in exactly one.
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
    /// In more than one arm: in test and control, or in one of them and in another or none.
    Contaminated,
    /// Only in arms that this question does not compare, or in none.
    OtherArm,
    /// Did not agree, in either dataset.
    NoConsent,
}

impl Cell {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 7] = [
        Self::TestMatched,
        Self::TestUnmatched,
        Self::ControlMatched,
        Self::ControlUnmatched,
        Self::Contaminated,
        Self::OtherArm,
        Self::NoConsent,
    ];
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TestMatched => "test, matched",
            Self::TestUnmatched => "test, unmatched",
            Self::ControlMatched => "control, matched",
            Self::ControlUnmatched => "control, unmatched",
            Self::Contaminated => "in several arms",
            Self::OtherArm => "other or no arm",
            Self::NoConsent => "no consent",
        })
    }
}

impl Tally {
    /// How many cells there are, the one for excluded people included; none if values are private in
    /// them, or if there are more than `u64` holds.
    #[must_use]
    pub fn cell_count(&self) -> Option<u64> {
        let mut places = self.dimensions.iter().map(Dimension::places);
        places.try_fold(1_u64, |all, places| all.checked_mul(places?))?.checked_add(1)
    }

    /// How many combinations of public places there are, whatever labels there may be beside them; none
    /// if more than `u64` holds.
    #[must_use]
    pub fn public_cells(&self) -> Option<u64> {
        let mut places = self.dimensions.iter().filter_map(Dimension::places);
        places.try_fold(1_u64, u64::checked_mul)?.checked_add(1)
    }

    /// True if cells are named by the data, so that they need private selection.
    #[must_use]
    pub fn is_named_by_data(&self) -> bool {
        let is_private = |dimension: &Dimension| {
            matches!(dimension, Dimension::Label { .. } | Dimension::Only { values: None, .. })
        };
        self.dimensions.iter().any(is_private)
    }

    /// True if people are compared by arm and by whether they were found, and by nothing else.
    #[must_use]
    pub fn compares_arms(&self) -> bool {
        matches!(self.dimensions.as_slice(), [Dimension::Arm { .. }, Dimension::Matched])
    }

    /// Whether anything of the joined dataset is in the answer but whether its people agreed.
    #[must_use]
    pub fn uses_joined(&self) -> bool {
        let joined = |side: &Side| *side == Side::JOINED;
        let by_column = self.dimensions.iter().any(|dimension| match dimension {
            Dimension::Matched => true,
            Dimension::Group { side, .. }
            | Dimension::Label { side, .. }
            | Dimension::Only { side, .. }
            | Dimension::Earliest { side, .. } => joined(side),
            Dimension::Membership { .. }
            | Dimension::Known
            | Dimension::Arm { .. }
            | Dimension::Bins { .. }
            | Dimension::BinsPerGroup { .. } => false,
        });
        by_column
            || self.measures.iter().any(|measure| joined(&measure.side))
            || self.joined().is_some_and(|table| !table.rows.is_empty())
    }

    /// One of its datasets, with the rows that count.
    #[must_use]
    pub fn table(&self, side: Side) -> Option<&Table> {
        self.tables.get(side.place())
    }

    /// The dataset that is joined to the population, if there is one; none of a union.
    #[must_use]
    pub fn joined(&self) -> Option<&Table> {
        match self.population {
            Population::First => self.table(Side::JOINED),
            Population::Union { .. } => None,
        }
    }

    /// The datasets whose people are counted.
    #[must_use]
    pub fn counted(&self) -> &[Table] {
        match self.population {
            Population::First => self.tables.get(..1).unwrap_or_default(),
            Population::Union { .. } => &self.tables,
        }
    }

    /// The name of one of its datasets; nothing of one that it does not have, which no proof allows.
    #[must_use]
    pub fn dataset(&self, side: Side) -> &str {
        self.table(side).map(|table| table.dataset.as_str()).unwrap_or_default()
    }

    /// Its datasets, each with its place.
    pub fn sides(&self) -> impl Iterator<Item = (Side, &Table)> {
        (0..).map(Side).zip(&self.tables)
    }

    /// All conditions, those of datasets and of measures, each with the dataset whose rows it is about.
    pub fn conditions(&self) -> impl Iterator<Item = (Side, &Condition)> {
        let of_tables = self.sides().map(|(side, table)| (side, &table.rows));
        let of_measures = self.measures.iter().map(|measure| (measure.side, &measure.rows));
        of_tables
            .chain(of_measures)
            .flat_map(|(side, rows)| rows.iter().map(move |row| (side, row)))
    }

    /// Datasets that are read, and hence charged.
    pub fn datasets(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|table| table.dataset.as_str())
    }
}
