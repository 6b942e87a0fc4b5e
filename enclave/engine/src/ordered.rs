//! A dataset in the order of its people.

mod column;
mod intake;
mod need;
mod order;
mod parallel;
mod sort;

use std::collections::BTreeMap;
use std::fmt;

use arrow::array::RecordBatch;
use protocol::analysis::uses::Reading;
use protocol::contract::{Contract, Dataset};
use protocol::identity::Identifier;
use protocol::tally::Population;

use crate::fault::Fault;

pub(crate) use column::{Codes, Column, Text};
pub use intake::Intake;
pub use need::{Need, need_of_cells};
pub(crate) use order::{Id, Order};
pub(crate) use parallel::{cores, wide};

/// The rows of one dataset that are somebody's, in the order of people, in as few bytes as what is public of
/// their columns allows. Of keys it has 16 bytes for each person and none for rows.
///
/// Several jobs read it at once, and none has to sort anything again.
///
/// # Privacy
///
/// It is what was decrypted, and must not leave the enclave. `Debug` prints no value.
pub struct Ordered {
    name: String,
    /// With padding.
    rows: usize,
    /// The kinds of its keys, in the contract's order.
    kinds: Vec<Identifier>,
    /// By the first key of each row, which is the order of the columns, and by keys of a kind.
    orders: Vec<(Option<Identifier>, Order)>,
    columns: BTreeMap<String, Column>,
}

impl Ordered {
    /// Takes in the dataset called `name` of `contract`, of which there are at most `rows` rows: batch by
    /// batch, each in the layout of [`protocol::sealed`].
    ///
    /// # Errors
    ///
    /// [`Fault::NoDataset`]; [`Fault::Memory`] for more rows than this machine can number.
    pub fn intake(contract: &Contract, name: &str, rows: u64) -> Result<Intake, Fault> {
        let dataset = dataset(contract, name)?;
        let room = usize::try_from(rows).map_err(|_| Fault::Memory)?;
        Ok(Intake::new(name, dataset, &kinds(contract, name), room))
    }

    /// As [`Self::intake`], all of it at once.
    ///
    /// # Errors
    ///
    /// [`Fault`], of contract, layout and sizes.
    pub fn new(contract: &Contract, name: &str, batches: &[RecordBatch]) -> Result<Self, Fault> {
        Self::by(contract, name, &kinds(contract, name), batches)
    }

    /// As [`Self::new`], for unions by these kinds of keys.
    pub(crate) fn by(
        contract: &Contract,
        name: &str,
        kinds: &[Identifier],
        batches: &[RecordBatch],
    ) -> Result<Self, Fault> {
        let room = batches.iter().map(RecordBatch::num_rows).sum();
        let mut intake = Intake::new(name, dataset(contract, name)?, kinds, room);
        batches.iter().try_for_each(|batch| intake.add(batch))?;
        intake.finish()
    }

    /// Its rows, padding included.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Its people as a population knows them.
    pub(crate) fn order(&self, population: Population) -> Result<&Order, Fault> {
        let by = match population {
            // Where no row has such a key, or none before it, people are the same.
            Population::Union { by } => {
                let is_other = self.kinds.first() != Some(&by) && self.kinds.contains(&by);
                is_other.then_some(by)
            }
            Population::First => None,
        };
        let own = self.orders.iter().find(|(kind, _)| *kind == by);
        let own = own.map(|(_, order)| order);
        own.ok_or_else(|| Fault::NoOrder { dataset: self.name.clone() })
    }

    pub(crate) fn column(&self, column: &str) -> Result<&Column, Fault> {
        self.columns.get(column).ok_or_else(|| self.layout(column))
    }

    /// That `column` is not what a tally takes it for.
    pub(crate) fn layout(&self, column: &str) -> Fault {
        Fault::Layout { dataset: self.name.clone(), column: column.to_owned() }
    }
}

impl fmt::Debug for Ordered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns: Vec<_> = self.columns.keys().collect();
        f.debug_struct("Ordered")
            .field("name", &self.name)
            .field("rows", &self.rows)
            .field("columns", &columns)
            .finish_non_exhaustive()
    }
}

fn dataset<'c>(contract: &'c Contract, name: &str) -> Result<&'c Dataset, Fault> {
    contract.datasets.get(name).ok_or_else(|| Fault::NoDataset(name.to_owned()))
}

/// The kinds of keys that people of a dataset may be known by, beside the first key of each row: the contract has
/// an analysis that counts its people together with others'.
fn kinds(contract: &Contract, name: &str) -> Vec<Identifier> {
    let is_union =
        contract.analyses.values().any(|terms| terms.permits_dataset(name, Reading::Union));
    let own = contract.match_keys(name);
    let mut kinds = Vec::new();
    for kind in own.iter().copied().filter(|kind| is_union && own.first() != Some(kind)) {
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    kinds
}

const AGREED: i32 = 1;

#[cfg(test)]
mod tests;
