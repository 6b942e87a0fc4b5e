//! One row of the owner's table, whatever it was read from.

use super::{At, convert::Cell, input::Fields};
use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Date32Array, Decimal128Array, Decimal256Array,
        Float32Array, Float64Array, Int64Array, LargeBinaryArray, LargeStringArray, RecordBatch,
    },
    compute::{CastOptions, cast_with_options},
    datatypes::{
        DataType, Date32Type, Decimal128Type, Decimal256Type, Float32Type, Float64Type, Int64Type,
        TimeUnit,
    },
    error::ArrowError,
    util::display::{ArrayFormatter, FormatOptions},
};
use csv::ByteRecord;

/// A row, borrowed from its reader.
pub(super) enum Row<'a> {
    /// From CSV; `columns` says which field each sealed column is, `origin` what a file of rejected rows says
    /// of where the row comes from, and `is_header` whether the row is the header once more.
    Csv {
        fields: Fields<'a>,
        line: u64,
        separator: u8,
        columns: &'a [usize],
        origin: Option<&'a str>,
        is_header: bool,
    },
    /// From a record batch; `columns` are the sealed columns in the types that are read.
    Batch { batch: &'a RecordBatch, columns: &'a [Typed], at: usize, row: u64 },
}

/// A column of a batch.
pub(super) enum Typed {
    Text(LargeStringArray),
    Bytes(LargeBinaryArray),
    Whole(Int64Array),
    Real(Float64Array),
    Real32(Float32Array),
    Decimal(Decimal128Array, i8),
    Wide(Decimal256Array, i8),
    Day(Date32Array),
    /// Time since 1970, in units of which a day has so many.
    Clock(Int64Array, i64),
    Bool(BooleanArray),
}

impl Typed {
    /// `array` in one of the few types that are read, without loss.
    pub(super) fn new(array: &ArrayRef) -> Result<Self, ArrowError> {
        // Not safe in Arrow's sense: a value that does not fit is an error, never a null.
        let options = CastOptions { safe: false, ..CastOptions::default() };
        let values = values_of(array.data_type());
        let plain = cast_with_options(array, values, &options)?;
        let to = |to: DataType| cast_with_options(&plain, &to, &options);
        Ok(match values {
            DataType::Decimal256(_, scale) => {
                Self::Wide(plain.as_primitive::<Decimal256Type>().clone(), *scale)
            }
            // Beyond 64 bits with a sign.
            DataType::UInt64 => {
                let wide = to(DataType::Decimal128(20, 0))?;
                Self::Decimal(wide.as_primitive::<Decimal128Type>().clone(), 0)
            }
            DataType::Float16 | DataType::Float32 => {
                Self::Real32(to(DataType::Float32)?.as_primitive::<Float32Type>().clone())
            }
            DataType::Float64 => Self::Real(plain.as_primitive::<Float64Type>().clone()),
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale) => {
                let decimal = to(DataType::Decimal128(*precision, *scale))?;
                Self::Decimal(decimal.as_primitive::<Decimal128Type>().clone(), *scale)
            }
            DataType::Boolean => Self::Bool(plain.as_boolean().clone()),
            DataType::Date32 => Self::Day(plain.as_primitive::<Date32Type>().clone()),
            DataType::Date64 => Self::clock(&to(DataType::Int64)?, 86_400_000),
            DataType::Timestamp(unit, _) => {
                let per_day = match unit {
                    TimeUnit::Second => 86_400,
                    TimeUnit::Millisecond => 86_400_000,
                    TimeUnit::Microsecond => 86_400_000_000,
                    TimeUnit::Nanosecond => 86_400_000_000_000,
                };
                Self::clock(&to(DataType::Int64)?, per_day)
            }
            integer if integer.is_integer() => {
                Self::Whole(to(DataType::Int64)?.as_primitive::<Int64Type>().clone())
            }
            bytes if is_binary(bytes) => {
                Self::Bytes(to(DataType::LargeBinary)?.as_binary().clone())
            }
            _ => Self::Text(to(DataType::LargeUtf8)?.as_string().clone()),
        })
    }

    fn clock(array: &ArrayRef, per_day: i64) -> Self {
        Self::Clock(array.as_primitive::<Int64Type>().clone(), per_day)
    }

    fn cell(&self, at: usize) -> Cell<'_> {
        match self {
            Self::Text(array) if array.is_valid(at) => Cell::Text(array.value(at)),
            Self::Bytes(array) if array.is_valid(at) => Cell::Bytes(array.value(at)),
            Self::Whole(array) if array.is_valid(at) => Cell::Whole(array.value(at)),
            Self::Real(array) if array.is_valid(at) => Cell::Real(array.value(at)),
            Self::Real32(array) if array.is_valid(at) => Cell::Real32(array.value(at)),
            Self::Decimal(array, scale) if array.is_valid(at) => {
                Cell::Decimal { units: array.value(at), scale: *scale }
            }
            Self::Wide(array, scale) if array.is_valid(at) => {
                let narrow = array.value(at).to_i128();
                narrow.map_or(Cell::TooWide, |units| Cell::Decimal { units, scale: *scale })
            }
            Self::Day(array) if array.is_valid(at) => Cell::Day(array.value(at)),
            Self::Clock(array, per_day) if array.is_valid(at) => {
                Cell::Clock { value: array.value(at), per_day: *per_day }
            }
            Self::Bool(array) if array.is_valid(at) => Cell::Bool(array.value(at)),
            _ => Cell::Missing,
        }
    }
}

/// The type of the values, however they are stored.
pub(super) fn values_of(found: &DataType) -> &DataType {
    match found {
        DataType::Dictionary(_, values) => values,
        DataType::RunEndEncoded(_, values) => values.data_type(),
        other => other,
    }
}

pub(super) fn is_binary(values: &DataType) -> bool {
    matches!(
        values,
        DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_)
    )
}

impl Row<'_> {
    /// Where the row is.
    pub(super) fn at(&self) -> At {
        match self {
            Self::Csv { fields, line, .. } => {
                let breaks = |field: &[u8]| lines(field).count() - 1;
                match u64::try_from(fields.iter().map(breaks).sum::<usize>()) {
                    Ok(more @ 1..) => At::Lines { first: *line, last: line + more },
                    _ => At::Line(*line),
                }
            }
            Self::Batch { row, .. } => At::Row(*row),
        }
    }

    /// How many lines the row has beside the one that it begins on.
    pub(super) fn line_breaks(&self) -> u64 {
        match self.at() {
            At::Lines { first, last } => last.saturating_sub(first),
            _ => 0,
        }
    }

    /// Where the row is in the table from which it was rejected, if it comes from a file of such rows;
    /// empty if that file does not say.
    pub(super) fn origin(&self) -> Option<&str> {
        match self {
            Self::Csv { origin, .. } => *origin,
            Self::Batch { .. } => None,
        }
    }

    /// Whether the row is the header once more.
    pub(super) fn is_header(&self) -> bool {
        matches!(self, Self::Csv { is_header: true, .. })
    }

    /// The number of fields, if it may differ from the header's.
    pub(super) fn fields(&self) -> Option<usize> {
        match self {
            Self::Csv { fields, .. } => Some(fields.len()),
            Self::Batch { .. } => None,
        }
    }

    /// Whether there is a line break in a field.
    pub(super) fn has_lines(&self) -> bool {
        match self {
            Self::Csv { fields, .. } => memchr::memchr(b'\n', fields.all()).is_some(),
            Self::Batch { .. } => false,
        }
    }

    /// Whether whole rows seem to lie inside this one, since a quote was not closed: some line inside
    /// a field, sealed or not, has as many separators as a row of `expected` fields.
    pub(super) fn swallows(&self, expected: usize) -> bool {
        let Self::Csv { fields, separator, .. } = self else { return false };
        let separators = |line: &[u8]| line.iter().filter(|byte| *byte == separator).count();
        let like_a_row = |line: &[u8]| separators(line) + 1 >= expected;
        fields.len() != expected && fields.iter().any(|field| lines(field).count() > 1)
            || fields.iter().any(|field| lines(field).skip(1).any(like_a_row))
    }

    /// Values that would be those of sealed columns if a field with line breaks were the end of one row
    /// and the beginning of another: a quote that opens in a column and closes in the same column of a
    /// later row leaves as many fields as a row has, and makes one of two. None where the field has too few
    /// separators for that. Each is with the number of its sealed column.
    pub(super) fn swallowed_values(&self, expected: usize) -> Vec<(usize, &str)> {
        let Self::Csv { fields, separator, columns, .. } = self else { return Vec::new() };
        let mut values = Vec::new();
        for (at, field) in fields.iter().enumerate().filter(|(_, field)| field.contains(&b'\n')) {
            let separators = |line: &[u8]| line.iter().filter(|byte| *byte == separator).count();
            let (Some(end), Some(start)) = (lines(field).next(), lines(field).last()) else {
                continue;
            };
            if at + separators(end) + 1 < expected || separators(start) < at {
                continue;
            }
            let behind = (at..expected).zip(end.split(|byte| byte == separator)).skip(1);
            let before = (0..at).zip(start.split(|byte| byte == separator));
            for (place, piece) in behind.chain(before) {
                let column = columns.iter().position(|column| *column == place);
                values.extend(column.zip(std::str::from_utf8(piece.trim_ascii()).ok()));
            }
        }
        values
    }

    /// The value of sealed column number `column`.
    pub(super) fn cell(&self, column: usize) -> Cell<'_> {
        match self {
            Self::Csv { fields, columns, .. } => {
                match columns.get(column).and_then(|field| fields.text(*field)) {
                    Some(Some(text)) => Cell::Text(text),
                    Some(None) => Cell::Garbled,
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
            Self::Csv { fields, .. } => fields.iter().collect(),
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
