//! One row of the owner's table, whatever it was read from.

use super::{At, convert::Cell};
use arrow::{
    array::{
        Array, AsArray, BooleanArray, Date32Array, Decimal128Array, Float64Array, Int64Array,
        LargeStringArray, RecordBatch,
    },
    datatypes::{Date32Type, Decimal128Type, Float64Type, Int64Type},
    util::display::{ArrayFormatter, FormatOptions},
};
use csv::ByteRecord;

/// A row, borrowed from its reader.
pub(super) enum Row<'a> {
    /// From CSV; `columns` says which field each sealed column is.
    Csv { record: &'a ByteRecord, line: u64, columns: &'a [usize] },
    /// From a record batch; `columns` are the sealed columns in the types that are read.
    Batch { batch: &'a RecordBatch, columns: &'a [Typed<'a>], at: usize, row: u64 },
}

/// A column of a batch.
pub(super) enum Typed<'a> {
    Text(&'a LargeStringArray),
    Whole(&'a Int64Array),
    Real(&'a Float64Array),
    Decimal(&'a Decimal128Array, i8),
    Day(&'a Date32Array),
    Bool(&'a BooleanArray),
}

impl<'a> Typed<'a> {
    /// None for a type that [`super::input`] does not produce.
    pub(super) fn new(array: &'a dyn Array) -> Option<Self> {
        if let Some(text) = array.as_string_opt::<i64>() {
            return Some(Self::Text(text));
        }
        if let Some(decimal) = array.as_primitive_opt::<Decimal128Type>() {
            return Some(Self::Decimal(decimal, decimal.scale()));
        }
        let whole = array.as_primitive_opt::<Int64Type>().map(Self::Whole);
        let real = || array.as_primitive_opt::<Float64Type>().map(Self::Real);
        let day = || array.as_primitive_opt::<Date32Type>().map(Self::Day);
        whole.or_else(real).or_else(day).or_else(|| array.as_boolean_opt().map(Self::Bool))
    }

    fn cell(&self, at: usize) -> Cell<'a> {
        match self {
            Self::Text(array) if array.is_valid(at) => Cell::Text(array.value(at)),
            Self::Whole(array) if array.is_valid(at) => Cell::Whole(array.value(at)),
            Self::Real(array) if array.is_valid(at) => Cell::Real(array.value(at)),
            Self::Decimal(array, scale) if array.is_valid(at) => {
                Cell::Decimal { units: array.value(at), scale: *scale }
            }
            Self::Day(array) if array.is_valid(at) => Cell::Day(array.value(at)),
            Self::Bool(array) if array.is_valid(at) => Cell::Bool(array.value(at)),
            _ => Cell::Missing,
        }
    }
}

impl Row<'_> {
    /// Where the row is.
    pub(super) fn at(&self) -> At {
        match self {
            Self::Csv { record, line, .. } => {
                let breaks: usize = record.iter().map(|field| lines(field).count() - 1).sum();
                match u64::try_from(breaks) {
                    Ok(more @ 1..) => At::Lines { first: *line, last: line + more },
                    _ => At::Line(*line),
                }
            }
            Self::Batch { row, .. } => At::Row(*row),
        }
    }

    /// The number of fields, if it may differ from the header's.
    pub(super) fn fields(&self) -> Option<usize> {
        match self {
            Self::Csv { record, .. } => Some(record.len()),
            Self::Batch { .. } => None,
        }
    }

    /// Whether other rows seem to lie inside this one, since a quote was not closed: some line inside
    /// a field, sealed or not, has as many separators as a row of `expected` fields.
    pub(super) fn swallows(&self, expected: usize) -> bool {
        let Self::Csv { record, .. } = self else { return false };
        let commas = |line: &[u8]| line.iter().filter(|byte| **byte == b',').count();
        let like_a_row = |line: &[u8]| commas(line) + 1 >= expected;
        record.len() != expected && record.iter().any(|field| lines(field).count() > 1)
            || record.iter().any(|field| lines(field).skip(1).any(like_a_row))
    }

    /// The value of sealed column number `column`.
    pub(super) fn cell(&self, column: usize) -> Cell<'_> {
        match self {
            Self::Csv { record, columns, .. } => {
                let field = columns.get(column).and_then(|field| record.get(*field));
                match field.map(std::str::from_utf8) {
                    Some(Ok(text)) => Cell::Text(text),
                    Some(Err(_)) => Cell::Garbled,
                    None => Cell::Missing,
                }
            }
            Self::Batch { columns, at, .. } => {
                columns.get(column).map_or(Cell::Missing, |column| column.cell(*at))
            }
        }
    }

    /// All fields as CSV would have them, sealed or not.
    pub(super) fn verbatim(&self) -> ByteRecord {
        match self {
            Self::Csv { record, .. } => (*record).clone(),
            Self::Batch { batch, at, .. } => {
                let options = FormatOptions::default();
                let text = |array: &dyn Array| {
                    let formatter = ArrayFormatter::try_new(array, &options).ok()?;
                    formatter.value(*at).try_to_string().ok()
                };
                let fields = batch.columns().iter();
                fields
                    .map(|array| text(array).unwrap_or_default().into_bytes())
                    .collect::<Vec<_>>()
                    .into()
            }
        }
    }
}

/// At least one, an empty one too.
fn lines(field: &[u8]) -> impl Iterator<Item = &[u8]> {
    field.split(|byte| *byte == b'\n')
}
