//! Reads the owner's table: CSV, Parquet or Arrow IPC, row by row.

use super::{
    SealError,
    lines::Lines,
    row::{Row, Typed},
};
use arrow::{
    array::{ArrayRef, RecordBatch},
    compute::{CastOptions, cast_with_options},
    datatypes::{DataType, Schema},
    error::ArrowError,
    ipc::reader::{FileReader, StreamReader},
};
use csv::ByteRecord;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use protocol::contract::{Column, Dataset, Role};
use std::{
    collections::BTreeSet,
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

/// The owner's table, opened, with columns that are those of the contract.
pub(super) struct Input<'a> {
    path: &'a Path,
    /// All columns of the table.
    header: Vec<String>,
    /// The sealed columns and where each is in the table.
    columns: Vec<(&'a Column, usize)>,
    source: Source,
}

enum Source {
    Csv { reader: Box<csv::Reader<Lines<File>>>, size: u64 },
    Batches { batches: Batches, total: u64 },
}

type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

impl<'a> Input<'a> {
    /// Opens `path` and holds its columns against `dataset`'s.
    pub(super) fn open(path: &'a Path, dataset: &'a Dataset) -> Result<Self, SealError> {
        let io = |cause| SealError::Io { path: path.to_owned(), cause };
        let mut file = File::open(path).map_err(io)?;
        let size = file.metadata().map_err(io)?.len();
        let mut magic = Vec::new();
        Read::by_ref(&mut file).take(6).read_to_end(&mut magic).map_err(io)?;
        file.seek(SeekFrom::Start(0)).map_err(io)?;
        match magic.as_slice() {
            [b'P', b'A', b'R', b'1', ..] => Self::parquet(path, file, dataset),
            b"ARROW1" => {
                let reader = FileReader::try_new(BufReader::new(file), None);
                let reader = reader.map_err(|e| unreadable(path, &e))?;
                let schema = reader.schema();
                Self::batches(path, &schema, Box::new(reader), 0, dataset)
            }
            [0xff, 0xff, 0xff, 0xff, ..] => {
                let reader = StreamReader::try_new(BufReader::new(file), None);
                let reader = reader.map_err(|e| unreadable(path, &e))?;
                let schema = reader.schema();
                Self::batches(path, &schema, Box::new(reader), 0, dataset)
            }
            _ if let Some(found) = no_csv(path, &magic) => {
                Err(SealError::Format { path: path.to_owned(), found })
            }
            _ => Self::csv(path, file, size, dataset),
        }
    }

    fn csv(path: &'a Path, file: File, size: u64, dataset: &'a Dataset) -> Result<Self, SealError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(Lines::new(file));
        let header = reader.byte_headers().map_err(|e| unreadable(path, &e))?;
        let names =
            header.iter().map(|name| std::str::from_utf8(name).map(|n| n.trim().to_owned()));
        let header = names.collect::<Result<Vec<_>, _>>();
        let found = "a first line that is not UTF-8";
        let header = header.map_err(|_| SealError::Format { path: path.to_owned(), found })?;
        let columns = columns(&header, dataset).map_err(|error| match separator(&header) {
            Some(found) => SealError::Separator { path: path.to_owned(), found },
            None => error,
        })?;
        Ok(Self { path, header, columns, source: Source::Csv { reader: Box::new(reader), size } })
    }

    fn parquet(path: &'a Path, file: File, dataset: &'a Dataset) -> Result<Self, SealError> {
        let builder = ParquetRecordBatchReaderBuilder::try_new(file);
        let builder = builder.map_err(|e| unreadable(path, &e))?;
        let rows = builder.metadata().file_metadata().num_rows();
        let schema = builder.schema().clone();
        let reader = builder.build().map_err(|e| unreadable(path, &e))?;
        let total = u64::try_from(rows).unwrap_or_default();
        Self::batches(path, &schema, Box::new(reader), total, dataset)
    }

    fn batches(
        path: &'a Path,
        schema: &Schema,
        batches: Batches,
        total: u64,
        dataset: &'a Dataset,
    ) -> Result<Self, SealError> {
        let header: Vec<_> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let columns = columns(&header, dataset)?;
        for (column, at) in &columns {
            if let Some(field) = schema.fields().get(*at) {
                readable(column, field.data_type())?;
            }
        }
        Ok(Self { path, header, columns, source: Source::Batches { batches, total } })
    }

    pub(super) fn header(&self) -> &[String] {
        &self.header
    }

    /// The sealed columns in the contract's order.
    pub(super) fn sealed_columns(&self) -> impl Iterator<Item = &'a Column> {
        self.columns.iter().map(|(column, _)| *column)
    }

    /// Calls `each` for every row.
    pub(super) fn rows(
        self,
        each: &mut dyn FnMut(&Row<'_>) -> Result<(), SealError>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), SealError> {
        let path = self.path;
        let places: Vec<_> = self.columns.iter().map(|(_, at)| *at).collect();
        match self.source {
            Source::Csv { mut reader, size } => {
                let mut record = ByteRecord::new();
                let mut rows = 0_u64;
                while reader.read_byte_record(&mut record).map_err(|e| unreadable(path, &e))? {
                    let byte = record.position().map_or(0, csv::Position::byte);
                    let line = reader.get_mut().line_of(byte);
                    each(&Row::Csv { record: &record, line, columns: &places })?;
                    rows += 1;
                    if rows.is_multiple_of(PROGRESS_ROWS) {
                        progress(byte.min(size), size);
                    }
                }
                Ok(())
            }
            Source::Batches { batches, total } => {
                let mut row = 0;
                for batch in batches {
                    let batch = batch.map_err(|e| unreadable(path, &e))?;
                    let arrays = cast(path, &batch, &places)?;
                    let typed: Option<Vec<_>> =
                        arrays.iter().map(|array| Typed::new(array.as_ref())).collect();
                    let columns = typed.unwrap_or_default();
                    for at in 0..batch.num_rows() {
                        row += 1;
                        each(&Row::Batch { batch: &batch, columns: &columns, at, row })?;
                    }
                    progress(row, total.max(row));
                }
                Ok(())
            }
        }
    }
}

/// What a header that was not split at commas seems to be split at.
fn separator(header: &[String]) -> Option<char> {
    let [all] = header else { return None };
    [';', '\t', '|'].into_iter().find(|separator| all.contains(*separator))
}

/// Finds the contract's columns in `header`, which may have no others.
fn columns<'a>(
    header: &[String],
    dataset: &'a Dataset,
) -> Result<Vec<(&'a Column, usize)>, SealError> {
    let place = |name: &str| header.iter().position(|column| column == name);
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for column in dataset.sealed_columns() {
        match place(&column.name) {
            Some(at) => found.push((column, at)),
            None => missing.push(column.name.clone()),
        }
    }
    let unknown = header.iter().filter(|name| dataset.column(name).is_none()).cloned();
    let unknown: Vec<_> = unknown.collect();
    let mut seen = BTreeSet::new();
    let twice: Vec<_> = header.iter().filter(|name| !seen.insert(*name)).cloned().collect();
    if missing.is_empty() && unknown.is_empty() && twice.is_empty() {
        Ok(found)
    } else {
        Err(SealError::Columns { missing, unknown, twice })
    }
}

/// Whether values of Arrow type `found` can be what `column` is for.
fn readable(column: &Column, found: &DataType) -> Result<(), SealError> {
    let values = match found {
        DataType::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let text = values.is_string() || values.is_null();
    let (fits, expected) = match &column.role {
        Role::MatchKey(_) => (text, "text"),
        Role::Group(_) => {
            (text || values.is_integer() || *values == DataType::Boolean, "text, whole or boolean")
        }
        Role::Label => (text || values.is_integer(), "text or whole"),
        Role::Measure(_) | Role::Feature(_) => {
            let decimal = matches!(
                values,
                DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..)
            );
            let number = values.is_integer() || values.is_floating() || decimal;
            (text || number, "a number or decimal text")
        }
        Role::Date => (text || *values == DataType::Date32, "date32 or text such as 2024-12-31"),
        Role::Consent => (
            text || values.is_integer() || *values == DataType::Boolean,
            "boolean, 0 and 1, or text",
        ),
        _ => (true, ""),
    };
    if fits {
        Ok(())
    } else {
        let column = column.name.clone();
        Err(SealError::Type { column, found: found.to_string(), expected })
    }
}

/// The sealed columns of `batch` in the few types that [`Typed`] knows, without loss.
fn cast(path: &Path, batch: &RecordBatch, places: &[usize]) -> Result<Vec<ArrayRef>, SealError> {
    // Not safe in Arrow's sense: a value that does not fit is an error, never a null.
    let options = CastOptions { safe: false, ..CastOptions::default() };
    let arrays = places.iter().filter_map(|at| batch.columns().get(*at));
    let cast = arrays.map(|array| {
        let values = match array.data_type() {
            DataType::Dictionary(_, values) => values.as_ref(),
            other => other,
        };
        let to = match values {
            integer if integer.is_integer() => DataType::Int64,
            real if real.is_floating() => DataType::Float64,
            DataType::Decimal32(precision, scale)
            | DataType::Decimal64(precision, scale)
            | DataType::Decimal128(precision, scale) => DataType::Decimal128(*precision, *scale),
            DataType::Boolean => DataType::Boolean,
            DataType::Date32 => DataType::Date32,
            _ => DataType::LargeUtf8,
        };
        cast_with_options(array, &to, &options).map_err(|_| SealError::Unreadable {
            path: path.to_owned(),
            // Arrow's own words may repeat the value.
            reason: format!("a value of type {values} does not fit {to}"),
        })
    });
    cast.collect()
}

/// What a file is that cannot be CSV.
fn no_csv(path: &Path, magic: &[u8]) -> Option<&'static str> {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    match magic {
        [b'P', b'A', b'R', b'E', ..] => Some("encrypted Parquet (adopt takes sealed files)"),
        [0x1f, 0x8b, ..] => Some("a gzip archive"),
        [b'P', b'K', 3, 4, ..] => Some("a zip archive or a spreadsheet"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("a Zstandard archive"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16 text"),
        [] => Some("an empty file"),
        _ => match extension.to_ascii_lowercase().as_str() {
            "parquet" => Some("a file named .parquet that is not Parquet"),
            "arrow" | "arrows" | "feather" | "ipc" => {
                Some("a file named as Arrow that is not Arrow")
            }
            _ => None,
        },
    }
}

fn unreadable(path: &Path, cause: &dyn std::error::Error) -> SealError {
    SealError::Unreadable { path: path.to_owned(), reason: cause.to_string() }
}

/// Rows between two reports of progress.
const PROGRESS_ROWS: u64 = 4096;
