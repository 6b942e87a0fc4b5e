//! The columns of a sealed table that a tally needs, under names of our own.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use protocol::contract::{Contract, Dataset, Role};
use protocol::identity::{Identifier, MatchKey};
use protocol::sealed::ROW;
use protocol::tally::Tally;

use crate::engine::{Fault, PARTITIONS};

/// One dataset: [`ROW_COLUMN`], match keys `key0..` in the contract's order, consent columns
/// `consent0..`, and then the arm, or the day and the measures `measure0..`.
pub(crate) struct Table {
    pub(crate) keys: Vec<Identifier>,
    pub(crate) consents: usize,
    pub(crate) schema: SchemaRef,
    pub(crate) partitions: Vec<Vec<RecordBatch>>,
}

impl Table {
    pub(crate) fn population(
        tally: &Tally,
        contract: &Contract,
        batches: &[RecordBatch],
    ) -> Result<Self, Fault> {
        let arm = (tally.arm.as_str(), ARM_COLUMN.to_owned(), DataType::Int32);
        Self::new(&tally.population, contract, vec![arm], batches)
    }

    pub(crate) fn outcome(
        tally: &Tally,
        contract: &Contract,
        batches: &[RecordBatch],
    ) -> Result<Self, Fault> {
        let day = tally
            .window
            .iter()
            .map(|window| (window.column.as_str(), DAY_COLUMN.to_owned(), DataType::Int32));
        let measures =
            tally.measures.iter().enumerate().map(|(at, measure)| {
                (measure.column.as_str(), measure_column(at), DataType::Int64)
            });
        Self::new(&tally.outcome, contract, day.chain(measures).collect(), batches)
    }

    /// Rows, padding included: a public size.
    pub(crate) fn rows(&self) -> usize {
        self.partitions.iter().flatten().map(RecordBatch::num_rows).sum()
    }

    fn new(
        name: &str,
        contract: &Contract,
        more: Vec<Wanted<'_>>,
        batches: &[RecordBatch],
    ) -> Result<Self, Fault> {
        let dataset =
            contract.datasets.get(name).ok_or_else(|| Fault::NoDataset(name.to_owned()))?;
        let mut wanted = vec![(ROW, ROW_COLUMN.to_owned(), DataType::Int32)];
        let keys = keys(dataset);
        wanted.extend(keys.iter().enumerate().map(|(at, (column, _))| {
            (*column, key_column(at), DataType::FixedSizeBinary(KEY_WIDTH))
        }));
        let is_consent = |role: &Role| *role == Role::Consent;
        let consents = dataset.columns.iter().filter(|column| is_consent(&column.role));
        let before = wanted.len();
        wanted.extend(
            consents
                .enumerate()
                .map(|(at, column)| (column.name.as_str(), consent_column(at), DataType::Int32)),
        );
        let consents = wanted.len() - before;
        wanted.extend(more);
        let fields = wanted.iter().map(|(_, name, kind)| Field::new(name, kind.clone(), false));
        let schema: SchemaRef = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let layout =
            |column: &str| Fault::Layout { dataset: name.to_owned(), column: column.to_owned() };
        if batches.is_empty() {
            return Err(layout(ROW));
        }
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
        let partitions = dealt(&renamed.collect::<Result<Vec<_>, Fault>>()?);
        let keys = keys.into_iter().map(|(_, kind)| kind).collect();
        Ok(Self { keys, consents, schema, partitions })
    }
}

/// Every batch cut into as many pieces as there are partitions: no rows are copied.
fn dealt(batches: &[RecordBatch]) -> Vec<Vec<RecordBatch>> {
    let pieces = (0..PARTITIONS).map(|at| {
        batches.iter().map(move |batch| {
            let cut = |at: usize| batch.num_rows() / PARTITIONS * at;
            let end = if at + 1 == PARTITIONS { batch.num_rows() } else { cut(at + 1) };
            batch.slice(cut(at), end - cut(at))
        })
    });
    pieces.map(Iterator::collect).collect()
}

/// Name in the sealed file, name in the plan, type.
type Wanted<'a> = (&'a str, String, DataType);

fn keys(dataset: &Dataset) -> Vec<(&str, Identifier)> {
    let key = |column: &protocol::contract::Column| match column.role {
        Role::MatchKey(kind) => Some(kind),
        _ => None,
    };
    let columns = dataset.columns.iter();
    columns.filter_map(|column| Some((column.name.as_str(), key(column)?))).collect()
}

pub(crate) fn key_column(at: usize) -> String {
    format!("key{at}")
}

pub(crate) fn consent_column(at: usize) -> String {
    format!("consent{at}")
}

pub(crate) fn measure_column(at: usize) -> String {
    format!("measure{at}")
}

pub(crate) const ROW_COLUMN: &str = "row";
pub(crate) const ARM_COLUMN: &str = "arm";
pub(crate) const DAY_COLUMN: &str = "day";
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    reason = "32, a constant"
)]
pub(crate) const KEY_WIDTH: i32 = MatchKey::LEN as i32;
