//! A question whose answer is one place, and no figure.

use crate::{
    analysis::table::{Filter, GroupBy, Statistic, TableMeasure, TableQuestion},
    contract::{ColumnRef, Contract, Role},
    limits::{self, at_most},
    loss::{Delta, Epsilon},
    proof::{By, Split},
    tally::Clamp,
    units::{Millionths, Scale},
};
use serde::{Deserialize, Serialize};

/// A question for one place: which cap would clip this share of people, or which public group has
/// the most?
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ChoiceQuestion {
    /// What is chosen, and from what.
    pub of: ChoiceOf,
    /// Which rows count: all of these.
    #[serde(deserialize_with = "at_most::<{ limits::CONDITIONS }, _, _>")]
    pub rows: Vec<Filter>,
    /// ε of the whole job.
    pub epsilon: Epsilon,
    /// δ at which ε is meant.
    pub delta: Delta,
}

/// What is chosen.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever answers must see a new kind")]
pub enum ChoiceOf {
    /// The edge of bins below which about this share of people lies.
    Quantile {
        /// The share, in millionths.
        share: Millionths,
        /// Dataset whose rows are counted, for [`Statistic::Rows`]; else the column, written as a
        /// [`ColumnRef`] is.
        column: String,
        /// How a person's rows become one value.
        statistic: Statistic,
        /// Decimals of the column, from the contract; 0 for counts.
        scale: Scale,
        /// The edges on offer: ascending and above 0, in units of the column's scale. A person's
        /// value is clamped to the last one.
        #[serde(deserialize_with = "at_most::<{ limits::VALUES }, _, _>")]
        edges: Vec<u32>,
    },
    /// The value of a group column with the most people.
    Fullest {
        /// Group column.
        column: ColumnRef,
        /// In how many groups one person may count; further groups of a person are left out.
        cells_per_person: u32,
    },
}

impl ChoiceQuestion {
    /// How the place is chosen.
    #[must_use]
    pub fn by(&self) -> By {
        match self.of {
            ChoiceOf::Quantile { share, .. } => By::Quantile(share.0),
            ChoiceOf::Fullest { .. } => By::Fullest,
        }
    }

    /// The table from which the place is chosen, and of which nothing else leaves.
    #[must_use]
    pub fn table(&self) -> TableQuestion {
        let (group_by, measures, cells_per_person) = match &self.of {
            ChoiceOf::Fullest { column, cells_per_person } => {
                (GroupBy::Column(column.clone()), Vec::new(), *cells_per_person)
            }
            ChoiceOf::Quantile { column, statistic, scale, edges, .. } => {
                let measure = TableMeasure {
                    name: MEASURE.to_owned(),
                    column: column.clone(),
                    statistic: *statistic,
                    // An edge that cannot be a clamp is refused before anything is derived from it.
                    clamp: edges
                        .last()
                        .and_then(|edge| Clamp::up_to(*edge).ok())
                        .unwrap_or(Clamp::ONE),
                    squares: false,
                    scale: *scale,
                };
                let edges = edges.iter().map(|edge| i64::from(*edge)).collect();
                (GroupBy::Bins { measure: MEASURE.to_owned(), edges }, vec![measure], 1)
            }
        };
        TableQuestion {
            group_by: vec![group_by],
            rows: self.rows.clone(),
            measures,
            cells_per_person,
            confidence: Millionths(950_000),
            epsilon: self.epsilon,
            delta: self.delta,
            selection_delta: 0,
            split: Split { n: 1000, sum: 0, products: 0 },
            min_cell: 0,
        }
    }

    /// The places on offer, as people read them: edges in units of the amount, or values of the
    /// group.
    #[must_use]
    pub fn offered(&self, contract: &Contract) -> Vec<String> {
        match &self.of {
            ChoiceOf::Quantile { edges, scale, .. } => {
                let decimals = scale.decimals();
                let unit = scale.units_per_one();
                edges.iter().map(|edge| format!("{:.decimals$}", f64::from(*edge) / unit)).collect()
            }
            ChoiceOf::Fullest { column, .. } => {
                match contract.column(column).map(|column| &column.role) {
                    Some(Role::Group(domain)) => domain.clone(),
                    _ => Vec::new(),
                }
            }
        }
    }
}

/// Name of the measure that is counted in bins.
const MEASURE: &str = "value";
