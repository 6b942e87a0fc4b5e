//! Reads the owner's table: CSV, Parquet or Arrow IPC, one file or a folder of parts, row by row.

mod announced;
mod batches;
mod chunk;
mod cut;
mod flaw;
mod folder;
mod header;
mod plain;
mod source;
mod text;

use super::{Reading, SealError, row::Row};
use header::Header;
use protocol::contract::{Column, Dataset};
use source::Source;
use std::{
    cell::Cell,
    path::{Path, PathBuf},
    rc::Rc,
    sync::Arc,
};

pub(super) use chunk::Chunk;
pub(super) use cut::Fields;
pub use flaw::MapFlaw;

/// The owner's table, opened, with columns that are those of the contract.
pub(super) struct Input<'a> {
    dataset: &'a Dataset,
    reading: &'a Reading,
    parts: Vec<Part>,
    /// All columns of the table.
    header: Header,
    /// The sealed columns.
    columns: Vec<&'a Column>,
    /// The first part, which is open.
    first: Table,
}

/// A file of the table.
pub(super) struct Part {
    path: PathBuf,
    /// What its rows are called by; none if it is the only file.
    name: Option<String>,
    size: u64,
}

/// A part, opened.
struct Table {
    header: Header,
    /// Where each sealed column is.
    places: Vec<usize>,
    rows: Rows,
    /// Bytes read so far, of text.
    read: Rc<Cell<u64>>,
}

enum Rows {
    Text(text::Text),
    Batches(batches::Batches),
}

/// What is called for each row, with the name of its file if there are several.
pub(super) type Each<'e> = dyn FnMut(&Row<'_>, Option<&str>) -> Result<(), SealError> + 'e;
/// What takes rows as they were read together, in their order. It may give back rows that nobody needs any more.
pub(super) type Take<'t> = dyn FnMut(Chunk) -> Result<Option<Chunk>, SealError> + 't;

impl<'a> Input<'a> {
    /// Opens `path` and holds its columns against `dataset`'s.
    pub(super) fn open(
        path: &Path,
        dataset: &'a Dataset,
        reading: &'a Reading,
    ) -> Result<Self, SealError> {
        let parts = folder::parts(path)?;
        let Some(part) = parts.first() else {
            return Err(SealError::NoParts { path: path.to_owned() });
        };
        let (first, columns) = Table::open(&part.path, dataset, reading)?;
        let header = first.header.clone();
        Ok(Self { dataset, reading, parts, header, columns, first })
    }

    /// The names of all columns, in the contract's words.
    pub(super) fn header(&self) -> &[String] {
        &self.header.names
    }

    /// Whether it is a file of rejected rows.
    pub(super) fn is_of_rejects(&self) -> bool {
        self.header.is_of_rejects
    }

    /// Refuses a table of other columns than `expected`, which are those of `first`.
    pub(super) fn expect(&self, expected: &[String], first: &Path) -> Result<(), SealError> {
        if self.header.names == expected {
            return Ok(());
        }
        Err(SealError::OtherColumns {
            path: self.parts.first().map(|part| part.path.clone()).unwrap_or_default(),
            found: self.header.shown(),
            first: first.to_owned(),
            expected: header::shown_all(expected),
        })
    }

    /// The columns that are read, in the contract's order.
    pub(super) fn read_columns(&self) -> impl Iterator<Item = &'a Column> {
        self.columns.iter().copied()
    }

    /// Calls `each` for every row.
    pub(super) fn rows(
        self,
        each: &mut Each<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), SealError> {
        let mut take = |chunk: Chunk| {
            let chunk = chunk.taken_apart();
            chunk.rows().try_for_each(|row| each(&row, chunk.file.as_deref()))?;
            Ok(Some(chunk))
        };
        self.chunks(&mut take, progress)
    }

    /// Calls `take` with all rows.
    pub(super) fn chunks(
        self,
        take: &mut Take<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), SealError> {
        let total: u64 = self.parts.iter().map(|part| part.size).sum();
        let first = self.parts.first().map(|part| part.path.as_path()).unwrap_or(Path::new(""));
        let (mut next, mut before) = (Some(self.first), 0);
        for part in &self.parts {
            let table = match next.take() {
                Some(table) => table,
                None => {
                    Table::open(&part.path, self.dataset, self.reading)
                        .map_err(|cause| of_part(&self.header.names, &part.path, first, cause))?
                        .0
                }
            };
            if table.header != self.header {
                return Err(SealError::OtherColumns {
                    path: part.path.clone(),
                    found: table.header.shown(),
                    first: first.to_owned(),
                    expected: self.header.shown(),
                });
            }
            let name: Option<Arc<str>> = part.name.as_deref().map(Arc::from);
            let mut take = |mut chunk: Chunk| {
                chunk.file.clone_from(&name);
                take(chunk)
            };
            let mut report = |share: f64| {
                progress(before + share_of(part.size, share), total);
            };
            match table.rows {
                Rows::Text(text) => {
                    text.chunks(&part.path, &table.places, &mut take, &mut || {
                        report(ratio(table.read.get(), part.size));
                    })?;
                }
                Rows::Batches(batches) => {
                    batches.chunks(&part.path, &table.places, &mut take, &mut |done, total| {
                        report(ratio(done, total));
                    })?;
                }
            }
            before += part.size;
        }
        Ok(())
    }
}

impl Table {
    fn open<'a>(
        path: &Path,
        dataset: &'a Dataset,
        reading: &Reading,
    ) -> Result<(Self, Vec<&'a Column>), SealError> {
        let read = Rc::new(Cell::new(0));
        let (header, rows) = match Source::open(path, &read)? {
            Source::Text(bytes) => {
                let (header, text) = text::Text::open(path, bytes, dataset, reading)?;
                (header, Rows::Text(text))
            }
            batches => {
                let batches = batches::Batches::open(path, batches)?;
                (Header::new(batches.names(), dataset, reading)?, Rows::Batches(batches))
            }
        };
        let columns = header.columns(dataset)?;
        if let Rows::Batches(batches) = &rows {
            batches.check(&columns)?;
        }
        let places = columns.iter().map(|(_, at)| *at).collect();
        let columns = columns.into_iter().map(|(column, _)| column).collect();
        Ok((Self { header, places, rows, read }, columns))
    }
}

/// What is wrong with the columns of a part, beside the `names` that the `first` part has.
pub(super) fn of_part(names: &[String], part: &Path, first: &Path, cause: SealError) -> SealError {
    match cause {
        SealError::Map { .. }
        | SealError::Columns { .. }
        | SealError::NoHeader { .. }
        | SealError::Type { .. } => SealError::Part {
            path: part.to_owned(),
            first: first.to_owned(),
            expected: header::shown_all(names),
            cause: Box::new(cause),
        },
        // These name their file.
        cause => cause,
    }
}

#[expect(clippy::as_conversions, reason = "a share of progress need not be exact")]
fn ratio(done: u64, total: u64) -> f64 {
    if total == 0 { 1.0 } else { (done as f64 / total as f64).min(1.0) }
}

#[expect(clippy::as_conversions, reason = "a share of progress need not be exact")]
fn share_of(size: u64, share: f64) -> u64 {
    (size as f64 * share) as u64
}

fn unreadable(path: &Path, cause: &dyn std::error::Error) -> SealError {
    SealError::Unreadable { path: path.to_owned(), reason: cause.to_string() }
}
