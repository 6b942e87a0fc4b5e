//! The narrow waist: each person adds a bounded vector to at most *m* cells.
//!
//! A [`Tally`] holds no data. Its sensitivities, its noise, its cost and its
//! [`Proof`](crate::proof::Proof) follow from it alone, and anybody can check them.

mod clamp;
mod condition;
mod contrast;
mod credit;
mod dimension;
mod product;
mod program;

use crate::{
    identity::Identifier,
    limits::{self, at_most},
};
use serde::{Deserialize, Serialize};

pub use clamp::{Clamp, InvalidClamp};
pub use condition::Condition;
pub use contrast::Contrast;
pub(crate) use contrast::MAX_WEIGHT;
pub use credit::{Credit, Rule};
pub use dimension::{Arm, Dimension};
pub(crate) use product::COARSEST;
pub use product::Product;
pub use program::{Binned, Dense, Ends, Feature, HeldOut, Label, Learnt, Loss, Plan, Program};

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
    /// The people who are counted.
    pub population: Population,
    /// The datasets that are read, each once.
    #[serde(deserialize_with = "at_most::<{ limits::TABLES }, _, _>")]
    pub tables: Vec<Table>,
    /// The dimensions that divide people. There is a cell for every combination of places, in
    /// row-major order with the last dimension fastest, and one more cell for excluded people, who
    /// gave no consent. Without a dimension there is one cell of everybody.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_GROUP_BY }, _, _>")]
    pub dimensions: Vec<Dimension>,
    /// The amounts that are added up for each person and cell.
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub measures: Vec<Measure>,
    /// Pairs of measures whose products are added up, each pair once and in the order of their places.
    #[serde(deserialize_with = "at_most::<{ limits::PRODUCTS }, _, _>")]
    pub products: Vec<Product>,
    /// The measures whose sums leave as a contrast of two arms and a pooled total, if there are such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contrast: Option<Contrast>,
    /// What each measure has of the loss for sums, beside the others, in the order of the measures; 1 to 1000. Empty: all
    /// have the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(deserialize_with = "at_most::<{ limits::DECODED_MEASURES }, _, _>")]
    pub weights: Vec<u32>,
    /// In how many cells one person may count.
    pub cells_per_person: u32,
    /// Edges of bins, ascending, in which people are counted by in how many cells they would be if none of their cells were left
    /// out: up to the first edge, up to the second, and so on, and beyond the last. Empty: that is not counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[serde(deserialize_with = "at_most::<{ limits::SPREAD_EDGES }, _, _>")]
    pub spread: Vec<u32>,
    /// How many ids one person may have.
    pub ids_per_person: u32,
    /// What is trained, if this is a training. It has no cells then: no dimensions, measures or products.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
}

/// The people who are counted. Every id with a row that counts is one person.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever counts must see new people")]
pub enum Population {
    /// The people of the first dataset. A row's id is its first match key that is present, in the
    /// contract's order, with its kind. A second dataset is joined one to one, by id or as the contract
    /// says in [`Dataset::claims`](crate::contract::Dataset::claims); a person who is not found there has no values in it.
    First,
    /// The people of all datasets, each person once. A row's id is its match key of one kind. The
    /// id of a row without that kind is its first other key, and such people are in places of their
    /// own in [`Dimension::Membership`].
    Union {
        /// The kind of match key that people are known by.
        by: Identifier,
    },
}

/// A dataset and the rows of it that count. Consent is read from all of a person's rows: in tables
/// of groups a refuser is counted whatever the conditions are, so that conditions say nothing about
/// refusers.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Name of the dataset in the contract.
    pub dataset: String,
    /// Conditions that a row must all meet to count.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Condition>,
}

/// One of the datasets of a tally: its place in [`Tally::tables`].
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
#[expect(clippy::exhaustive_structs, reason = "a place and nothing else")]
pub struct Side(pub u32);

impl Side {
    /// The first dataset, whose people are counted, unless those of all datasets are.
    pub const POPULATION: Self = Self(0);
    /// The second dataset, which is joined to the first.
    pub const JOINED: Self = Self(1);

    /// The dataset's place in the list.
    #[must_use]
    pub fn place(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// A number for each person and cell, clamped *after* everything else was computed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Measure {
    /// The dataset whose rows are used.
    pub side: Side,
    /// How a person's rows become one number.
    pub of: Quantity,
    /// Conditions on the rows that add to the number; other rows count as zero.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Condition>,
    /// The ends between which the number of one person and cell counts as it is.
    pub clamp: Clamp,
}

/// How a person's rows in one cell become one number.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever compiles a tally must see a new quantity")]
pub enum Quantity {
    /// The number of rows.
    Rows,
    /// The number of rows in all datasets of a union together. The measure names the first dataset,
    /// and has no conditions of its own.
    RowsOfAll,
    /// The sum of a measure column.
    Sum {
        /// Measure column.
        column: String,
    },
    /// The number of different values in a group or label column.
    Distinct {
        /// Group or label column.
        column: String,
    },
    /// What is credited to the place of the cell in [`Dimension::Credited`], which the tally must have. Rows of the joined
    /// dataset without a day, and amounts below 0, count as nothing.
    Credit {
        /// Measure column that is added up; none for the number of rows.
        column: Option<String>,
        /// In how many parts each unit is credited; clamp and sums are in these parts, 1 to [`Credit::MOST_PARTS`]. Where a
        /// rule divides amounts, whole units would go to whoever stands last in the list.
        parts: u32,
    },
}

impl Tally {
    /// The number of cells, with the one for excluded people; `None` if cells have private values,
    /// or if there are more than `u64` holds.
    #[must_use]
    pub fn cell_count(&self) -> Option<u64> {
        let mut places = self.dimensions.iter().map(Dimension::places);
        places.try_fold(1_u64, |all, places| all.checked_mul(places?))?.checked_add(1)
    }

    /// The number of combinations of public places, whatever labels there may be beside them;
    /// `None` if there are more than `u64` holds.
    #[must_use]
    pub fn public_cells(&self) -> Option<u64> {
        let mut places = self.dimensions.iter().filter_map(Dimension::places);
        places.try_fold(1_u64, u64::checked_mul)?.checked_add(1)
    }

    /// Whether the data name cells, so that they need private selection.
    #[must_use]
    pub fn is_named_by_data(&self) -> bool {
        let is_private = |dimension: &Dimension| {
            matches!(dimension, Dimension::Label { .. } | Dimension::Only { values: None, .. })
        };
        self.dimensions.iter().any(is_private)
    }

    /// Whether people are compared by arm and by whether they were found; and beside that by nothing but the segments that they
    /// are in, each by a group column of the population in which they have one value, and at last by the creatives of the test
    /// arm.
    #[must_use]
    pub fn compares_arms(&self) -> bool {
        let segment = |dimension: &Dimension| match dimension {
            Dimension::Only { side, values: Some(_), .. } => *side == Side::POPULATION,
            _ => false,
        };
        match self.dimensions.as_slice() {
            [Dimension::Arm { .. }, found, rest @ .., Dimension::Creative { .. }]
            | [Dimension::Arm { .. }, found, rest @ ..] => {
                found.is_match() && rest.iter().all(segment)
            }
            _ => false,
        }
    }

    /// The dimensions of the segments whose arms are compared; empty if people are compared as a whole, or not at all.
    #[must_use]
    pub fn segments(&self) -> &[Dimension] {
        match self.dimensions.as_slice() {
            [Dimension::Arm { .. }, _, rest @ .., Dimension::Creative { .. }]
            | [Dimension::Arm { .. }, _, rest @ ..]
                if self.compares_arms() =>
            {
                rest
            }
            _ => &[],
        }
    }

    /// Whether people who refuse in the joined dataset are counted, without its rows.
    #[must_use]
    pub fn keeps_refusers(&self) -> bool {
        self.dimensions.contains(&Dimension::MatchedWithConsent)
    }

    /// The bins of people by in how many cells they would be; 0 if that is not counted.
    #[must_use]
    pub fn spread_bins(&self) -> usize {
        if self.spread.is_empty() { 0 } else { self.spread.len() + 1 }
    }

    /// The bin of a person who would be in so many cells.
    #[must_use]
    pub fn spread_bin(&self, cells: usize) -> usize {
        let is_below = |edge: &u32| usize::try_from(*edge).is_ok_and(|edge| edge < cells);
        self.spread.partition_point(is_below)
    }

    /// Edges that tell whose cells are left out, and of about how many: `cells_per_person`, and doublings of it.
    #[must_use]
    pub fn spread_beyond(cells_per_person: u32) -> Vec<u32> {
        let doubled = |edge: &u32| edge.checked_mul(2);
        std::iter::successors(Some(cells_per_person), doubled).take(limits::SPREAD_EDGES).collect()
    }

    /// The number of cells that an arm is: by whether people were found, and agreed there if that is told.
    #[must_use]
    pub fn cells_of_arm(&self) -> u32 {
        if self.keeps_refusers() { 3 } else { 2 }
    }

    /// The number of places of all segments together; 1 without segments.
    #[must_use]
    pub fn segment_places(&self) -> u64 {
        let places = self.segments().iter().filter_map(Dimension::places);
        places.fold(1, u64::saturating_mul)
    }

    /// The number of places of the test arm's creatives; `None` if it has none.
    #[must_use]
    pub fn creative_places(&self) -> Option<u64> {
        let last = self.dimensions.last().filter(|_| self.compares_arms());
        last.filter(|dimension| matches!(dimension, Dimension::Creative { .. }))?.places()
    }

    /// Whether a figure follows from anything of a dataset, but for whether its people gave consent: who is in it, what a
    /// column says, or which of its rows count.
    #[must_use]
    pub fn reads(&self, side: Side) -> bool {
        let is_counted = match self.population {
            Population::First => side == Side::POPULATION,
            Population::Union { .. } => true,
        };
        let by_dimension = self.dimensions.iter().any(|dimension| match dimension {
            Dimension::Matched | Dimension::MatchedWithConsent | Dimension::Credited(_) => {
                [Side::POPULATION, Side::JOINED].contains(&side)
            }
            Dimension::Group { side: of, .. }
            | Dimension::Label { side: of, .. }
            | Dimension::Only { side: of, .. }
            | Dimension::Earliest { side: of, .. }
            | Dimension::Days { side: of, .. } => *of == side,
            // Of people who are counted.
            Dimension::Membership { .. }
            | Dimension::Known
            | Dimension::Arm { .. }
            | Dimension::Creative { .. } => false,
            // Of a measure, which is looked at below.
            Dimension::Bins { .. } | Dimension::BinsPerGroup { .. } => false,
        });
        let by_condition = self.conditions().any(|(of, condition)| match condition {
            Condition::SinceStart { side: start, .. } => of == side || *start == side,
            Condition::OneOf { .. } | Condition::Between { .. } => of == side,
        });
        let by_program = self.program.as_ref().is_some_and(|program| {
            program.label.side == side || program.features.iter().any(|of| of.side == side)
        });
        is_counted
            || by_dimension
            || by_condition
            || by_program
            || self.measures.iter().any(|measure| measure.side == side)
    }

    /// Leaves out joined datasets of which nothing is [read](Self::reads): nobody is charged for them, and nobody is asked
    /// whether people gave consent there.
    pub(crate) fn leave_out_unread(&mut self) {
        let last = |tally: &Self| tally.sides().map(|(side, _)| side).last();
        while last(self).is_some_and(|side| !self.reads(side)) {
            self.tables.pop();
        }
    }

    /// A dataset of the tally, with the rows that count.
    #[must_use]
    pub fn table(&self, side: Side) -> Option<&Table> {
        self.tables.get(side.place())
    }

    /// The dataset that is joined to the population, if there is one; a union has none.
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

    /// The name of a dataset of the tally; empty for one that the tally does not have, which no
    /// proof allows.
    #[must_use]
    pub fn dataset(&self, side: Side) -> &str {
        self.table(side).map(|table| table.dataset.as_str()).unwrap_or_default()
    }

    /// The datasets of the tally, each with its place.
    pub fn sides(&self) -> impl Iterator<Item = (Side, &Table)> {
        (0..).map(Side).zip(&self.tables)
    }

    /// All conditions, of datasets and of measures, each with the dataset whose rows it is about.
    pub fn conditions(&self) -> impl Iterator<Item = (Side, &Condition)> {
        let of_tables = self.sides().map(|(side, table)| (side, &table.rows));
        let of_measures = self.measures.iter().map(|measure| (measure.side, &measure.rows));
        of_tables
            .chain(of_measures)
            .flat_map(|(side, rows)| rows.iter().map(move |row| (side, row)))
    }

    /// How outcomes are credited to exposures, if they are.
    #[must_use]
    pub fn credit(&self) -> Option<&Credit> {
        self.dimensions.iter().find_map(|dimension| match dimension {
            Dimension::Credited(credit) => Some(credit),
            _ => None,
        })
    }

    /// In how many cells the amounts of a measure may be that one person adds, as if each were as large as it can be: [`Self::cells_per_person`], but 1 where what is credited to all places together is what the clamp allows.
    #[must_use]
    pub fn cells_of_amounts(&self) -> u32 {
        if self.credit().is_some() { 1 } else { self.cells_per_person }
    }

    /// The datasets that are read, and hence charged.
    pub fn datasets(&self) -> impl Iterator<Item = &str> {
        self.tables.iter().map(|table| table.dataset.as_str())
    }
}
