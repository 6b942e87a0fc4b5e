//! Reads the owner's table: CSV, Parquet or Arrow IPC, one file or a folder of parts, row by row.

mod announced;
mod batches;
mod folder;
mod header;
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
};

pub use header::MapFlaw;
pub(super) use header::folded;

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

    /// The sealed columns in the contract's order.
    pub(super) fn sealed_columns(&self) -> impl Iterator<Item = &'a Column> {
        self.columns.iter().copied()
    }

    /// Calls `each` for every row.
    pub(super) fn rows(
        self,
        each: &mut Each<'_>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), SealError> {
        let total: u64 = self.parts.iter().map(|part| part.size).sum();
        let (mut next, mut before) = (Some(self.first), 0);
        for part in &self.parts {
            let table = match next.take() {
                Some(table) => table,
                None => Table::open(&part.path, self.dataset, self.reading)?.0,
            };
            if table.header != self.header {
                return Err(SealError::OtherColumns { path: part.path.clone() });
            }
            let name = part.name.as_deref();
            let mut each = |row: &Row<'_>| each(row, name);
            let mut report = |share: f64| {
                progress(before + share_of(part.size, share), total);
            };
            match table.rows {
                Rows::Text(text) => {
                    text.rows(&part.path, &table.places, &mut each, &mut || {
                        report(ratio(table.read.get(), part.size));
                    })?;
                }
                Rows::Batches(batches) => {
                    batches.rows(&part.path, &table.places, &mut each, &mut |done, total| {
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
