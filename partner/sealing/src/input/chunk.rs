//! Rows that were read together, so that another thread can look at them.

use super::{
    super::row::{Row, Typed},
    cut::Lines,
    plain::Block,
};
use arrow::array::RecordBatch;
use csv::ByteRecord;
use std::sync::Arc;

/// Some rows of one file.
pub(in super::super) struct Chunk {
    /// The name of their file, if there are several.
    pub(in super::super) file: Option<Arc<str>>,
    rows: Rows,
}

enum Rows {
    Csv(Lines),
    /// Not taken apart yet; none of it is the header once more unless it is one of these names.
    Block(Block, Lines, Arc<ByteRecord>),
    Batch {
        batch: RecordBatch,
        columns: Vec<Typed>,
        before: u64,
    },
}

impl Chunk {
    pub(super) fn of_lines(lines: Lines) -> Self {
        Self { file: None, rows: Rows::Csv(lines) }
    }

    /// Of a batch with so many rows `before` it.
    pub(super) fn of_batch(batch: RecordBatch, columns: Vec<Typed>, before: u64) -> Self {
        Self { file: None, rows: Rows::Batch { batch, columns, before } }
    }

    /// Of lines that are to be taken apart; `names` are those of the header.
    pub(super) fn of_block(block: Block, mut lines: Lines, names: Arc<ByteRecord>) -> Self {
        lines.clear();
        Self { file: None, rows: Rows::Block(block, lines, names) }
    }

    /// Takes lines apart, if that has not been done: what need not be done by the thread that reads.
    pub(in super::super) fn taken_apart(mut self) -> Self {
        if let Rows::Block(block, mut lines, names) = self.rows {
            block.split(&mut lines, |fields| {
                fields.len() == names.len() && is_header(fields.iter(), &names)
            });
            self.rows = Rows::Csv(lines);
        }
        self
    }

    /// What it was made of, to be used again.
    pub(super) fn into_lines(self) -> Option<Lines> {
        match self.rows {
            Rows::Csv(lines) | Rows::Block(_, lines, _) => Some(lines),
            Rows::Batch { .. } => None,
        }
    }

    pub(in super::super) fn len(&self) -> usize {
        match &self.rows {
            Rows::Csv(lines) | Rows::Block(_, lines, _) => lines.len(),
            Rows::Batch { batch, .. } => batch.num_rows(),
        }
    }

    /// The row number `at`, from 0.
    pub(in super::super) fn row(&self, at: usize) -> Option<Row<'_>> {
        match &self.rows {
            Rows::Csv(lines) | Rows::Block(_, lines, _) => {
                let (line, fields) = lines.row(at)?;
                Some(Row::Csv {
                    fields,
                    line: line.number,
                    separator: lines.separator,
                    columns: &lines.columns,
                    origin: line.origin.as_deref(),
                    is_header: line.is_header,
                })
            }
            Rows::Batch { batch, columns, before } => {
                let row = before + u64::try_from(at).ok()? + 1;
                (at < batch.num_rows()).then_some(Row::Batch { batch, columns, at, row })
            }
        }
    }

    pub(in super::super) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.len()).filter_map(|at| self.row(at))
    }
}

/// Whether the first of `fields` are the `names` of the header again, as where files were put together.
pub(super) fn is_header<'f>(fields: impl Iterator<Item = &'f [u8]>, names: &ByteRecord) -> bool {
    let fields = fields.take(names.len());
    let fields = fields.map(|field| field.strip_prefix(MARK).unwrap_or(field));
    fields.eq(names)
}

/// UTF-8's byte order mark.
pub(super) const MARK: &[u8] = b"\xef\xbb\xbf";
