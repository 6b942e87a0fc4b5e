//! Parquet and Arrow IPC: record batches.

use super::{
    super::{
        SealError,
        row::{self, Typed},
    },
    Take,
    announced::{Messages, check_blocks},
    chunk::Chunk,
    source::{Source, Whole},
    unreadable,
};
use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef},
    error::ArrowError,
};
use arrow_ipc::reader::{FileReader, StreamReader};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use protocol::contract::{Column, Role};
use std::{
    io::{BufReader, Cursor},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

type Reader = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>>>;

/// The batches of one file.
pub(super) struct Batches {
    schema: SchemaRef,
    reader: Reader,
    /// Rows, if the file says so.
    total: u64,
}

impl Batches {
    /// Reads the schema of `source`, which is not text.
    pub(super) fn open(path: &Path, source: Source) -> Result<Self, SealError> {
        read(path, || Self::of(path, source))?
    }

    fn of(path: &Path, source: Source) -> Result<Self, SealError> {
        let flaw = |e: ArrowError| unreadable(path, &e);
        let io = |e: std::io::Error| unreadable(path, &e);
        match source {
            Source::Parquet(Whole::File(file)) => {
                let builder = ParquetRecordBatchReaderBuilder::try_new(file);
                Self::parquet(path, builder.map_err(|e| unreadable(path, &e))?)
            }
            Source::Parquet(Whole::Memory(bytes)) => {
                let builder = ParquetRecordBatchReaderBuilder::try_new(bytes);
                Self::parquet(path, builder.map_err(|e| unreadable(path, &e))?)
            }
            Source::ArrowFile(Whole::File(file)) => {
                let reader =
                    FileReader::try_new(check_blocks(BufReader::new(file)).map_err(io)?, None)
                        .map_err(flaw)?;
                Ok(Self { schema: reader.schema(), reader: Box::new(reader), total: 0 })
            }
            Source::ArrowFile(Whole::Memory(bytes)) => {
                let reader =
                    FileReader::try_new(check_blocks(Cursor::new(bytes)).map_err(io)?, None)
                        .map_err(flaw)?;
                Ok(Self { schema: reader.schema(), reader: Box::new(reader), total: 0 })
            }
            Source::ArrowStream(bytes) | Source::Text(bytes) => {
                let reader = StreamReader::try_new(Messages::new(BufReader::new(bytes)), None)
                    .map_err(flaw)?;
                Ok(Self { schema: reader.schema(), reader: Box::new(reader), total: 0 })
            }
        }
    }

    fn parquet<T: parquet::file::reader::ChunkReader + 'static>(
        path: &Path,
        builder: ParquetRecordBatchReaderBuilder<T>,
    ) -> Result<Self, SealError> {
        let rows = builder.metadata().file_metadata().num_rows();
        let schema = builder.schema().clone();
        let reader = builder.build().map_err(|e| unreadable(path, &e))?;
        let total = u64::try_from(rows).unwrap_or_default();
        Ok(Self { schema, reader: Box::new(reader), total })
    }

    /// The names of all columns.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        self.schema.fields().iter().map(|field| field.name().clone())
    }

    /// Whether each of `columns` has a type that can hold what the contract says.
    pub(super) fn check(&self, columns: &[(&Column, usize)]) -> Result<(), SealError> {
        for (column, at) in columns {
            if let Some(field) = self.schema.fields().get(*at) {
                readable(column, field.data_type())?;
            }
        }
        Ok(())
    }

    /// Calls `take` with all rows, and `progress` with the rows done and in all.
    pub(super) fn chunks(
        self,
        path: &Path,
        places: &[usize],
        take: &mut Take<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), SealError> {
        let (mut row, mut reader) = (0, self.reader);
        while let Some(batch) = read(path, || reader.next())? {
            let batch = batch.map_err(|e| unreadable(path, &e))?;
            let rows = batch.num_rows();
            for start in (0..rows).step_by(CHUNK_ROWS) {
                let part = batch.slice(start, CHUNK_ROWS.min(rows - start));
                let (columns, length) = (typed(path, &part, places)?, part.num_rows());
                take(Chunk::of_batch(part, columns, row))?;
                row += u64::try_from(length).unwrap_or_default();
            }
            progress(row, self.total.max(row));
        }
        Ok(())
    }
}

/// What `reading` gives; an error where the libraries panic, as they do on types that they do not know.
fn read<T>(path: &Path, reading: impl FnOnce() -> T) -> Result<T, SealError> {
    catch_unwind(AssertUnwindSafe(reading)).map_err(|_| SealError::Unreadable {
        path: path.to_owned(),
        reason: "the file is damaged, or has a type that nobody reads".to_owned(),
    })
}

/// The sealed columns of `batch` in the few types that [`Typed`] knows.
fn typed(path: &Path, batch: &RecordBatch, places: &[usize]) -> Result<Vec<Typed>, SealError> {
    let arrays = places.iter().filter_map(|at| batch.columns().get(*at));
    let typed = arrays.map(|array| {
        Typed::new(array).map_err(|_| SealError::Unreadable {
            path: path.to_owned(),
            // Arrow's own words may repeat the value.
            reason: format!("a value of type {} does not fit", array.data_type()),
        })
    });
    typed.collect()
}

/// Whether values of Arrow type `found` can be what `column` is for.
fn readable(column: &Column, found: &DataType) -> Result<(), SealError> {
    let values = row::values_of(found);
    let text = values.is_string() || values.is_null() || row::is_binary(values);
    let decimal = matches!(
        values,
        DataType::Decimal32(..)
            | DataType::Decimal64(..)
            | DataType::Decimal128(..)
            | DataType::Decimal256(..)
    );
    let number = values.is_integer() || values.is_floating() || decimal;
    let truth = *values == DataType::Boolean;
    let (fits, expected) = match &column.role {
        Role::MatchKey(_) => (text || number, "text, or a number for a phone"),
        Role::Group(_) | Role::Label | Role::Person => {
            (text || number || truth, "text, whole or boolean")
        }
        Role::Measure(_) | Role::Feature(_) => {
            (text || number || truth, "a number or decimal text")
        }
        Role::Date => {
            let day = matches!(
                values,
                DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, None)
            );
            (
                text || day || values.is_integer(),
                "a date, a midnight without a zone, or text such as 2024-12-31",
            )
        }
        Role::Consent => (text || number || truth, "boolean, 0 and 1, or text"),
        _ => (true, ""),
    };
    if fits {
        Ok(())
    } else {
        let column = column.name.clone();
        Err(SealError::Type { column, found: found.to_string(), expected })
    }
}

/// Rows that are looked at together; a batch may have any number.
const CHUNK_ROWS: usize = 1 << 14;
