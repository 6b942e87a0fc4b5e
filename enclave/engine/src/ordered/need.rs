//! How much memory a dataset takes, from what is public of it.

use protocol::contract::{Contract, Role};
use protocol::learning::{People, dense};
use protocol::tally::{Plan, Tally};

use super::column::Column;
use super::holders::Holders;
use super::order::Order;
use super::{Orders, dataset};
use crate::fault::Fault;

/// Memory that a dataset takes, in bytes: as if every row were somebody else's, and every label another one.
///
/// It follows from the contract and the number of rows, so that whether there is room says nothing about rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Need {
    /// While rows are taken in, beside what they come from.
    pub taking_in: u64,
    /// While they are put into order.
    pub ordering: u64,
    /// Once they are.
    pub held: u64,
}

impl Need {
    /// Of so many rows, padding included, of the dataset called `name`: of the columns that the contract's
    /// analyses use.
    ///
    /// # Errors
    ///
    /// [`Fault::NoDataset`].
    pub fn of(contract: &Contract, name: &str, rows: u64) -> Result<Self, Fault> {
        dataset(contract, name)?;
        let roles: Vec<_> = contract.used_columns(name).iter().map(|column| &column.role).collect();
        let (known, keys) = (Orders::of(contract, name), contract.match_keys(name));
        let partners = contract.claimants(name).len();
        let counts = [known.others(&keys).len(), known.beside(&keys).len(), partners];
        let counts = counts.map(|count| u64::try_from(count).unwrap_or(u64::MAX));
        Ok(Self::of_columns(&roles, counts, rows))
    }

    /// Of columns of these roles, whose people are in so many other orders too, have so many kinds of keys beside the
    /// one they are known by, and are claimed by so many datasets.
    pub(super) fn of_columns(
        roles: &[&Role],
        [others, kinds, partners]: [u64; 3],
        rows: u64,
    ) -> Self {
        let widths: Vec<_> = roles.iter().filter_map(|role| Column::widths(role)).collect();
        let coming: u64 = widths.iter().map(|(coming, _)| coming).sum();
        let held: u64 = widths.iter().map(|(_, held)| held).sum();
        let is_named = roles.contains(&&Role::Label);
        let widest = widths.iter().map(|(coming, _)| *coming).max().unwrap_or(0);
        let beside = if is_named { NUMBERING } else { widest.max(Order::TAKEN_IN) };
        let indexing = if kinds > 0 { Holders::MAKING } else { 0 };
        let beside_ids = |bytes: u64| kinds.saturating_mul(bytes);
        let (orders, ordered) = (others.saturating_add(1), Order::HELD + Order::ROW);
        let all = |bytes: u64| bytes.saturating_mul(rows).saturating_add(AROUND);
        Self {
            taking_in: all(coming
                .saturating_add(orders.saturating_mul(Order::TAKEN_IN))
                .saturating_add(beside_ids(Holders::TAKEN_IN))),
            ordering: all(coming
                .max(held)
                .saturating_add(orders.saturating_mul(ordered))
                .saturating_add(beside_ids(Holders::TAKEN_IN.max(Holders::HELD)))
                .saturating_add(beside.max(indexing))),
            held: all(held
                .saturating_add(others.saturating_mul(ordered) + Order::HELD)
                .saturating_add(beside_ids(Holders::HELD))
                .saturating_add(partners.saturating_mul(Holders::PARTNER))),
        }
    }
}

/// Memory for the cells of a job that the data name, in bytes, if so many rows are counted: as if nobody shared a
/// cell; for the people of a training, as if every row were somebody else's. Nothing for a job whose cells are public.
///
/// It follows from the tally and the number of rows, padding included, so that whether there is room says nothing
/// about rows.
#[must_use]
pub fn need_of_cells(tally: &Tally, rows: u64) -> u64 {
    if let Some(program) = &tally.program {
        // Twice: a list that has just grown, or that is put behind another.
        let person = match program.plan() {
            Plan::Additive(plan) => People::bytes_of_one(plan.features.len()),
            Plan::Dense(plan) => {
                let inputs = usize::try_from(plan.inputs).unwrap_or(usize::MAX);
                // Who is in a batch is a place of four bytes.
                dense::People::bytes_of_one(inputs).saturating_add(4)
            }
        };
        let person = person.saturating_mul(2);
        return rows.saturating_mul(u64::try_from(person).unwrap_or(u64::MAX));
    }
    if !tally.is_named_by_data() {
        return 0;
    }
    let count = |all: usize| u64::try_from(all).unwrap_or(u64::MAX);
    let figures = count(tally.measures.len() + tally.products.len()).saturating_add(1);
    let name = count(tally.dimensions.len()).saturating_mul(CELL_PLACE);
    let cell = figures.saturating_mul(CELL_FIGURE).saturating_add(name + CELL);
    rows.saturating_mul(u64::from(tally.cells_per_person)).saturating_mul(cell)
}

/// Bytes of a cell that the data name: its key, where it is among all, and a row of it.
const CELL: u64 = 300;
/// Bytes of one part of its name.
const CELL_PLACE: u64 = 48;
/// Bytes of one figure: of a list that has just grown, twice while the cells of two threads are put together.
const CELL_FIGURE: u64 = 32;
/// Bytes of a row while texts are numbered: its first bytes and its place, its number, and the text among all.
const NUMBERING: u64 = 16 + 4 + 32;
/// Bytes whatever rows there are.
const AROUND: u64 = 1 << 18;
