//! Rows of a dataset as they come, batch by batch, until all of them can be put into order.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::once;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int32Type;
use protocol::contract::{Dataset, Role};
use protocol::identity::Identifier;
use protocol::opt_outs::TakenOut;

use super::column::{Column, Kept};
use super::holders::Holders;
use super::order::{Ids, Order, kind_number};
use super::parallel::{cores, gather};
use super::{AGREED, By, Ordered, Orders};
use crate::fault::Fault;

/// A dataset that is being taken in.
pub struct Intake {
    name: String,
    /// Match keys in the contract's order, with their kinds and the numbers of these.
    keys: Vec<(String, Identifier, u8)>,
    consents: Vec<String>,
    /// A row with one of these keys is nobody's.
    out: TakenOut,
    /// Whose each row is, by all that its people are known by.
    ids: Vec<(By, Ids)>,
    claims: Vec<Identifier>,
    /// The key of each row of kinds that people may have beside the one they are known by; 0 for none.
    beside: Vec<(Identifier, Vec<u128>)>,
    /// None before the first batch has come.
    columns: Option<BTreeMap<String, Column>>,
    roles: BTreeMap<String, Role>,
    room: usize,
    rows: usize,
}

impl Intake {
    /// Rows of `dataset`, whose name is `name`, are to be in order by their first match key, and as `known` says.
    /// There is room for so many rows.
    pub(super) fn new(name: &str, dataset: &Dataset, known: &Orders, room: usize) -> Self {
        let keys = dataset.columns.iter().filter_map(|column| match column.role {
            Role::MatchKey(kind) => Some((column.name.clone(), kind, kind_number(kind)?)),
            _ => None,
        });
        let consents = dataset.columns.iter().filter(|column| column.role == Role::Consent);
        let keys: Vec<_> = keys.collect();
        let kinds: Vec<_> = keys.iter().map(|(_, kind, _)| *kind).collect();
        let orders = once(By::First).chain(known.others(&kinds));
        let beside = known.beside(&kinds).into_iter();
        let roles = dataset.columns.iter().map(|column| (column.name.clone(), column.role.clone()));
        Self {
            name: name.to_owned(),
            keys,
            consents: consents.map(|column| column.name.clone()).collect(),
            out: TakenOut::nobody(),
            ids: orders.map(|by| (by, Ids::new())).collect(),
            claims: known.claims.clone(),
            beside: beside.map(|kind| (kind, Vec::new())).collect(),
            columns: None,
            roles: roles.collect(),
            room,
            rows: 0,
        }
    }

    /// The same without the rows that have a key of whoever is taken `out`.
    pub(super) fn without(self, out: TakenOut) -> Self {
        Self { out, ..self }
    }

    /// Takes in the rows of one batch, which is of the columns of the first one.
    ///
    /// # Errors
    ///
    /// [`Fault::Layout`] if a column is missing or of another type; [`Fault::Memory`] for more rows than can be
    /// numbered.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<(), Fault> {
        self.rows = self.rows.saturating_add(batch.num_rows());
        // Rows are numbered with 32 bits, and one more.
        if u32::try_from(self.rows).is_ok_and(|rows| rows < u32::MAX) {
            if self.columns.is_none() {
                self.ids.iter_mut().for_each(|(_, ids)| ids.make_room(self.room));
                self.beside.iter_mut().for_each(|(_, keys)| keys.reserve_exact(self.room));
            }
            // So that whose rows they are is in a core's own cache while their values are read.
            for start in (0..batch.num_rows()).step_by(AT_ONCE) {
                let part = batch.slice(start, AT_ONCE.min(batch.num_rows() - start));
                let kept = self.add_ids(&part)?;
                let kept = if kept.len() == part.num_rows() { Kept::All } else { Kept::At(&kept) };
                self.add_columns(&part, kept)?;
            }
            if batch.num_rows() == 0 {
                self.add_columns(batch, Kept::All)?;
            }
            Ok(())
        } else {
            Err(Fault::Memory)
        }
    }

    /// Says whose each row is; gives the places of those that are somebody's.
    fn add_ids(&mut self, batch: &RecordBatch) -> Result<Vec<u32>, Fault> {
        let keys = self.keys.iter().map(|(column, ..)| {
            let found = batch.column_by_name(column);
            let keys = found.and_then(|keys| keys.as_fixed_size_binary_opt());
            let keys = keys.filter(|keys| keys.null_count() == 0 && keys.value_length() == 16);
            let tags = keys.map(|keys| keys.value_data().as_chunks::<16>().0);
            tags.ok_or_else(|| self.layout(column))
        });
        let keys = keys.collect::<Result<Vec<_>, Fault>>()?;
        let consents = self.consents.iter().map(|column| self.codes(batch, column));
        let consents = consents.collect::<Result<Vec<_>, Fault>>()?;
        let mut found: Vec<Option<u128>> = Vec::with_capacity(keys.len());
        let mut kept = Vec::with_capacity(batch.num_rows());
        for (row, number) in (0..batch.num_rows()).zip(0..) {
            found.clear();
            let tag = |tags: &&[[u8; 16]]| tags.get(row).map_or(0, |tag| u128::from_be_bytes(*tag));
            found.extend(keys.iter().map(|tags| Some(tag(tags)).filter(|tag| *tag != 0)));
            if found.iter().flatten().any(|key| self.out.has(*key)) {
                // As if the row were padding, whoever else it may be of.
                found.fill(None);
            }
            let agrees = consents.iter().all(|consent| consent.get(row) == Some(&AGREED));
            let present = self.keys.iter().zip(&found);
            let present =
                present.filter_map(|((_, kind, number), key)| Some((*kind, *number, (*key)?)));
            let of_kind = |by: Identifier| present.clone().find(|(kind, ..)| *kind == by);
            let first = present.clone().next();
            for (by, ids) in &mut self.ids {
                let by = match by {
                    By::First => None,
                    By::Kind(kind) => of_kind(*kind),
                    By::Claims => self.claims.iter().find_map(|kind| of_kind(*kind)),
                };
                if let Some((_, kind, key)) = by.or(first) {
                    ids.add(key, kind, agrees);
                }
            }
            let is_anybodys = first.is_some();
            for (kind, keys) in self.beside.iter_mut().filter(|_| is_anybodys) {
                keys.push(of_kind(*kind).map_or(0, |(.., key)| key));
            }
            if is_anybodys {
                kept.push(number);
            }
        }
        Ok(kept)
    }

    fn add_columns(&mut self, batch: &RecordBatch, kept: Kept<'_>) -> Result<(), Fault> {
        let (roles, room) = (&self.roles, self.room);
        let columns = self.columns.get_or_insert_with(|| {
            let named = roles.iter().filter(|(name, _)| batch.column_by_name(name).is_some());
            named
                .filter_map(|(name, role)| Some((name.clone(), Column::new(role, room)?)))
                .collect()
        });
        for (name, column) in columns {
            let added = batch.column_by_name(name).and_then(|batch| column.add(batch, kept));
            if added.is_none() {
                return Err(Fault::Layout { dataset: self.name.clone(), column: name.clone() });
            }
        }
        Ok(())
    }

    /// The dataset in the order of its people.
    ///
    /// # Errors
    ///
    /// [`Fault::Layout`] if no batch has come.
    pub fn finish(self) -> Result<Ordered, Fault> {
        let threads = cores();
        let Some(columns) = self.columns else {
            let column = self.keys.first().map(|(column, ..)| column.clone()).unwrap_or_default();
            return Err(Fault::Layout { dataset: self.name, column });
        };
        let mut all = self.ids.into_iter();
        let (mut orders, mut holders) = (Vec::new(), Vec::new());
        let mut rows = None;
        if let Some((by, ids)) = all.next() {
            let mut order = Order::new(ids, threads);
            rows = order.take_rows();
            for (kind, keys) in self.beside {
                let keys = gather(keys, rows.as_deref(), threads);
                holders.push((kind, Holders::new(&order, kind, &keys, threads)));
            }
            orders.push((by, order));
        }
        for (by, ids) in all {
            orders.push((by, Order::new(ids.in_order(rows.as_deref(), threads), threads)));
        }
        let columns = columns.into_iter();
        let columns = columns
            .map(|(name, column)| (name, column.in_order(rows.as_deref(), threads)))
            .collect();
        let kinds = self.keys.into_iter().map(|(_, kind, _)| kind).collect();
        let (name, rows, claims) = (self.name, self.rows, self.claims);
        Ok(Ordered { name, rows, kinds, orders, claims, holders, columns })
    }

    fn codes<'b>(&self, batch: &'b RecordBatch, column: &str) -> Result<&'b [i32], Fault> {
        let codes = batch.column_by_name(column).filter(|codes| codes.null_count() == 0);
        let codes = codes.and_then(|codes| codes.as_primitive_opt::<Int32Type>());
        codes.map(|codes| &**codes.values()).ok_or_else(|| self.layout(column))
    }

    fn layout(&self, column: &str) -> Fault {
        Fault::Layout { dataset: self.name.clone(), column: column.to_owned() }
    }
}

/// Rows that are taken in at once.
const AT_ONCE: usize = 1 << 14;

impl fmt::Debug for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.columns.as_ref().map(BTreeMap::keys);
        f.debug_struct("Intake")
            .field("name", &self.name)
            .field("rows", &self.rows)
            .field("columns", &columns)
            .finish_non_exhaustive()
    }
}
