//! The columns of a sealed table that a tally needs, under names of our own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use protocol::contract::{Contract, Dataset, Role};
use protocol::identity::{Identifier, MatchKey};
use protocol::sealed::ROW;
use protocol::tally::{Dimension, Quantity, Side, Tally};

use crate::fault::Fault;

/// One dataset: [`ROW_COLUMN`], match keys `key0..` in the contract's order, consent columns
/// `consent0..`, and then what the tally names, `column0..`.
pub(crate) struct Table {
    pub(crate) keys: Vec<Identifier>,
    pub(crate) consents: usize,
    pub(crate) rows: RecordBatch,
    dataset: String,
    named: BTreeMap<String, (String, Kind)>,
}

/// What a column that a tally names holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Codes of so many public values, from 0; any other code is no value.
    Group(i32),
    /// 32 bytes, which are no value if all are zero.
    Label,
    /// Days; [`MISSING`](protocol::sealed::MISSING) is none.
    Day,
    /// Numbers.
    Number,
}

impl Table {
    /// The table of one side of `tally`, in the layout of [`protocol::sealed`] and of at least one
    /// batch. Several batches are copied into one.
    pub(crate) fn new(
        tally: &Tally,
        side: Side,
        contract: &Contract,
        batches: &[RecordBatch],
    ) -> Result<Self, Fault> {
        let name = tally.table(side).ok_or(Fault::Tables)?.dataset.as_str();
        let dataset =
            contract.datasets.get(name).ok_or_else(|| Fault::NoDataset(name.to_owned()))?;
        let layout =
            |column: &str| Fault::Layout { dataset: name.to_owned(), column: column.to_owned() };
        let keys = keys(dataset);
        let consents = dataset.columns.iter().filter(|column| column.role == Role::Consent);
        let consents: Vec<&str> = consents.map(|column| column.name.as_str()).collect();
        let mut wanted = vec![(ROW, ROW_COLUMN.to_owned(), DataType::Int32)];
        for (at, (column, _)) in keys.iter().enumerate() {
            wanted.push((column, key_column(at), DataType::FixedSizeBinary(KEY_WIDTH)));
        }
        for (at, column) in consents.iter().enumerate() {
            wanted.push((column, consent_column(at), DataType::Int32));
        }
        let mut named = BTreeMap::new();
        for (at, column) in columns(tally, side).into_iter().enumerate() {
            let kind = kind(dataset, column).ok_or_else(|| layout(column))?;
            let alias = format!("column{at}");
            named.insert(column.to_owned(), (alias.clone(), kind));
            wanted.push((column, alias, kind.data_type()));
        }
        let fields = wanted.iter().map(|(_, name, kind)| Field::new(name, kind.clone(), false));
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let renamed = batches.iter().map(|batch| {
            let columns = wanted.iter().map(|(column, _, kind)| {
                let found: Option<&ArrayRef> = batch.column_by_name(column);
                // The sealed layout has no nulls.
                found
                    .filter(|it| it.data_type() == kind && it.null_count() == 0)
                    .cloned()
                    .ok_or_else(|| layout(column))
            });
            let columns = columns.collect::<Result<Vec<_>, Fault>>()?;
            let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &rows)
                .map_err(|_| layout(ROW))
        });
        let renamed = renamed.collect::<Result<Vec<_>, Fault>>()?;
        let rows = match renamed.as_slice() {
            [] => return Err(layout(ROW)),
            [one] => one.clone(),
            several => concat_batches(&schema, several).map_err(|_| Fault::Memory)?,
        };
        let keys = keys.into_iter().map(|(_, kind)| kind).collect();
        let (dataset, consents) = (name.to_owned(), consents.len());
        Ok(Self { keys, consents, rows, dataset, named })
    }

    /// Our name of `column`, and what it holds.
    pub(crate) fn column(&self, column: &str) -> Result<(&str, Kind), Fault> {
        let found = self.named.get(column).map(|(alias, kind)| (alias.as_str(), *kind));
        found.ok_or_else(|| self.layout(column))
    }

    /// That `column` is not what the tally takes it for.
    pub(crate) fn layout(&self, column: &str) -> Fault {
        Fault::Layout { dataset: self.dataset.clone(), column: column.to_owned() }
    }
}

impl Kind {
    fn data_type(self) -> DataType {
        match self {
            Self::Group(_) | Self::Day => DataType::Int32,
            Self::Label => DataType::FixedSizeBinary(KEY_WIDTH),
            Self::Number => DataType::Int64,
        }
    }
}

fn kind(dataset: &Dataset, column: &str) -> Option<Kind> {
    match &dataset.column(column)?.role {
        Role::Group(domain) => i32::try_from(domain.len()).ok().map(Kind::Group),
        Role::Label => Some(Kind::Label),
        Role::Date => Some(Kind::Day),
        Role::Measure(_) => Some(Kind::Number),
        _ => None,
    }
}

/// What `tally` reads of one side, beside keys and consent.
fn columns(tally: &Tally, side: Side) -> BTreeSet<&str> {
    let mut columns = BTreeSet::new();
    columns.extend(tally.dimensions.iter().filter_map(|dimension| match dimension {
        Dimension::Arm { column, .. } => (side == Side::POPULATION).then_some(column.as_str()),
        Dimension::Group { side: of, column, .. }
        | Dimension::Label { side: of, column }
        | Dimension::Only { side: of, column, .. }
        | Dimension::Earliest { side: of, column, .. } => (*of == side).then_some(column.as_str()),
        Dimension::Matched
        | Dimension::Membership { .. }
        | Dimension::Known
        | Dimension::Bins { .. }
        | Dimension::BinsPerGroup { .. } => None,
    }));
    for measure in tally.measures.iter().filter(|measure| measure.side == side) {
        match &measure.of {
            Quantity::Rows | Quantity::RowsOfAll => {}
            Quantity::Sum { column } | Quantity::Distinct { column } => {
                columns.insert(column.as_str());
            }
        }
    }
    for (of, condition) in tally.conditions() {
        columns.extend((of == side).then_some(condition.column()));
        columns.extend(condition.start().filter(|(of, _)| *of == side).map(|(_, start)| start));
    }
    columns
}

fn keys(dataset: &Dataset) -> Vec<(&str, Identifier)> {
    let key = |column: &protocol::contract::Column| match column.role {
        Role::MatchKey(kind) => Some(kind),
        _ => None,
    };
    let columns = dataset.columns.iter();
    columns.filter_map(|column| Some((column.name.as_str(), key(column)?))).collect()
}

/// Equal in both datasets for equal kinds: a hashed e-mail address never meets a hashed number.
pub(crate) fn key_code(identifier: Identifier) -> i32 {
    match identifier {
        Identifier::Email => 1,
        Identifier::Phone => 2,
        Identifier::Hashed => 3,
        // A kind that was added since joins with nothing until it has a code here.
        _ => NO_KEY,
    }
}

pub(crate) fn key_column(at: usize) -> String {
    format!("key{at}")
}

pub(crate) fn consent_column(at: usize) -> String {
    format!("consent{at}")
}

pub(crate) const ROW_COLUMN: &str = "row";
pub(crate) const NO_KEY: i32 = 0;
pub(crate) const PADDING: i32 = 0;
pub(crate) const AGREED: i32 = 1;
/// A row's value is cut to ±2⁴⁰ before it is added: far beyond any clamp, which has 32 bits, and
/// such that the eight million rows it takes to overflow 63 bits are more than one person has. Should
/// somebody have them the sum wraps, and is clamped as any other.
pub(crate) const WIDEST: i64 = 1 << 40;
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "32, a constant"
)]
pub(crate) const KEY_WIDTH: i32 = MatchKey::LEN as i32;
