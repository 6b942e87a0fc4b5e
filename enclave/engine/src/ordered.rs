//! A dataset in the order of its people.

mod column;
mod holders;
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
use protocol::opt_outs::TakenOut;
use protocol::tally::Population;

use crate::fault::Fault;
use holders::Holders;

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
    /// By the first key of each row, which is the order of the columns, by keys of a kind, and by claims.
    orders: Vec<(By, Order)>,
    /// The kinds of keys by which its people claim those of a population, in their order.
    claims: Vec<Identifier>,
    /// Of kinds by which its people are claimed, and by which not every person is known who has one.
    holders: Vec<(Identifier, Holders)>,
    columns: BTreeMap<String, Column>,
}

impl Ordered {
    /// The kinds of keys by which its people claim those of a population, in their order; none if all of them do with
    /// the first one they have.
    pub(crate) fn claims(&self) -> &[Identifier] {
        &self.claims
    }

    /// Whether everybody who has such a key is known by it.
    pub(crate) fn is_first(&self, kind: Identifier) -> bool {
        begin_with(&self.kinds, &[kind])
    }

    /// How many people there are by the first key of each row.
    pub(crate) fn people(&self) -> Result<usize, Fault> {
        Ok(self.by(By::First)?.people())
    }

    /// Its people, each known by the claim of a row, or where there is none by the first key.
    pub(crate) fn claiming(&self) -> Result<&Order, Fault> {
        // Where claims are the first kinds of its keys, the first key of a row is its claim.
        self.by(if begin_with(&self.kinds, &self.claims) { By::First } else { By::Claims })
    }

    /// The keys of a kind in ascending order, each with the one person who has it.
    pub(crate) fn holders(
        &self,
        kind: Identifier,
    ) -> Result<Box<dyn Iterator<Item = (u128, usize)> + '_>, Fault> {
        if self.is_first(kind) {
            return Ok(Box::new(self.by(By::First)?.of_kind(kind)));
        }
        let found = self.holders.iter().find(|(of, _)| *of == kind);
        let found = found.map(|(_, holders)| holders.iter());
        Ok(Box::new(found.ok_or_else(|| Fault::NoOrder { dataset: self.name.clone() })?))
    }

    /// Takes in the dataset called `name` of `contract`, of which there are at most `rows` rows: batch by
    /// batch, each in the layout of [`protocol::sealed`]. Rows with a key of whoever is taken `out` are nobody's.
    ///
    /// # Errors
    ///
    /// [`Fault::NoDataset`]; [`Fault::Memory`] for more rows than this machine can number.
    pub fn intake(
        contract: &Contract,
        name: &str,
        rows: u64,
        out: TakenOut,
    ) -> Result<Intake, Fault> {
        let dataset = dataset(contract, name)?;
        let room = usize::try_from(rows).map_err(|_| Fault::Memory)?;
        Ok(Intake::new(name, dataset, &Orders::of(contract, name), room).without(out))
    }

    /// As [`Self::intake`], all of it at once.
    ///
    /// # Errors
    ///
    /// [`Fault`], of contract, layout and sizes.
    pub fn new(contract: &Contract, name: &str, batches: &[RecordBatch]) -> Result<Self, Fault> {
        Self::of(contract, name, &Orders::of(contract, name), batches, TakenOut::nobody())
    }

    /// As [`Self::new`], in these orders, without the rows of whoever is taken `out`.
    pub(crate) fn of(
        contract: &Contract,
        name: &str,
        orders: &Orders,
        batches: &[RecordBatch],
        out: TakenOut,
    ) -> Result<Self, Fault> {
        let room = batches.iter().map(RecordBatch::num_rows).sum();
        let mut intake = Intake::new(name, dataset(contract, name)?, orders, room).without(out);
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
        self.by(match population {
            // Where no row has such a key, or none before it, people are the same.
            Population::Union { by }
                if self.kinds.first() != Some(&by) && self.kinds.contains(&by) =>
            {
                By::Kind(by)
            }
            Population::Union { .. } | Population::First => By::First,
        })
    }

    fn by(&self, by: By) -> Result<&Order, Fault> {
        let own = self.orders.iter().find(|(known, _)| *known == by).map(|(_, order)| order);
        own.ok_or_else(|| Fault::NoOrder { dataset: self.name.clone() })
    }

    pub(crate) fn column(&self, column: &str) -> Result<&Column, Fault> {
        self.columns.get(column).ok_or_else(|| self.layout(column))
    }

    /// The codes of a group.
    pub(crate) fn codes(&self, column: &str) -> Result<&Codes, Fault> {
        match self.column(column)? {
            Column::Group { codes, .. } => Ok(codes),
            _ => Err(self.layout(column)),
        }
    }

    /// The values of a measure or a feature.
    pub(crate) fn numbers(&self, column: &str) -> Result<&[i64], Fault> {
        match self.column(column)? {
            Column::Numbers(numbers) => Ok(numbers),
            _ => Err(self.layout(column)),
        }
    }

    /// The days of a date.
    pub(crate) fn days(&self, column: &str) -> Result<&[i32], Fault> {
        match self.column(column)? {
            Column::Days(days) => Ok(days),
            _ => Err(self.layout(column)),
        }
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

/// What the people of a dataset are known by.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(crate) enum By {
    /// The first key of each row.
    First,
    /// The key of this kind where a row has it, and else the first.
    Kind(Identifier),
    /// The first key among those that claim where a row has one, and else the first.
    Claims,
}

/// By what kinds of keys a contract has the people of a dataset known, beside the first key of each row.
#[derive(Clone, Default)]
pub(crate) struct Orders {
    /// One at a time: an analysis counts its people together with others'.
    pub(crate) unions: Vec<Identifier>,
    /// In this order: it is joined, and its people claim those of a population.
    pub(crate) claims: Vec<Identifier>,
    /// Its people are claimed.
    pub(crate) claimed: Vec<Identifier>,
}

impl Orders {
    fn of(contract: &Contract, name: &str) -> Self {
        let is_union =
            contract.analyses.values().any(|terms| terms.permits_dataset(name, Reading::Union));
        let own = contract.match_keys(name);
        let mut unions = Vec::new();
        for kind in own.iter().copied().filter(|kind| is_union && own.first() != Some(kind)) {
            if !unions.contains(&kind) {
                unions.push(kind);
            }
        }
        let claimed = contract.claimed(name).into_iter().collect();
        Self { unions, claims: contract.claims(name).to_vec(), claimed }
    }

    /// What people of a dataset with these kinds of keys are known by, beside the first key of each row.
    fn others(&self, keys: &[Identifier]) -> Vec<By> {
        let claims = (!begin_with(keys, &self.claims)).then_some(By::Claims);
        self.unions.iter().copied().map(By::Kind).chain(claims).collect()
    }

    /// The kinds by which people of a dataset with these kinds of keys are claimed, and by which not everybody is known
    /// who has one.
    fn beside(&self, keys: &[Identifier]) -> Vec<Identifier> {
        let claimed = self.claimed.iter().copied();
        claimed.filter(|kind| !begin_with(keys, &[*kind])).collect()
    }
}

/// Whether the first of these keys that a row has is its first one of these kinds, wherever it has one.
fn begin_with(keys: &[Identifier], kinds: &[Identifier]) -> bool {
    let mut keys = keys.to_vec();
    keys.dedup();
    keys.starts_with(kinds) && !keys.iter().skip(kinds.len()).any(|kind| kinds.contains(kind))
}

const AGREED: i32 = 1;

#[cfg(test)]
mod tests;
