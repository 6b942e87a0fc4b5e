//! Looks at rows on all cores, and gives what comes of them in the order of the table.

use super::{
    BadRow, Count, SealError,
    check::{check, count_rejected},
    convert::{Converter, Value},
    input::{Chunk, Input},
    parallel,
    record::Encoder,
    row::Row,
    sampler::Sample,
};
use client::people::Sketches;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is done with a row, on whichever thread.
pub(super) struct Work<'a> {
    pub(super) converters: &'a [Converter<'a>],
    /// Fields that a row must have.
    pub(super) fields: usize,
    /// Nothing counted yet.
    pub(super) blank: &'a Count,
    /// Makes records of good rows, if they are to be kept.
    pub(super) encoder: Option<&'a Encoder>,
    /// Hashes the keys of good rows, if somebody looks at the people.
    pub(super) sketches: Option<&'a Sketches>,
    /// Memory for records, used again.
    pub(super) spare: Mutex<Vec<Vec<u8>>>,
}

/// What came of some rows.
pub(super) struct Done {
    pub(super) count: Count,
    /// The records of good rows, one after the other.
    pub(super) records: Vec<u8>,
    pub(super) people: Sample,
    /// The number of each bad row among them, and what is wrong with it.
    pub(super) bad: Vec<(usize, Vec<BadRow>)>,
    values: Vec<Value>,
}

impl Work<'_> {
    /// What has come of no row.
    pub(super) fn nothing(&self) -> Done {
        let (count, people) = (self.blank.clone(), Sample::default());
        Done { count, records: Vec::new(), people, bad: Vec::new(), values: Vec::new() }
    }

    /// Adds what comes of row number `at` of `file`.
    pub(super) fn row(&self, at: usize, row: &Row<'_>, file: Option<&str>, done: &mut Done) {
        let (values, count) = (&mut done.values, &mut done.count);
        let bad = check(row, file, self.fields, self.converters, values, count);
        if !bad.is_empty() {
            count_rejected(count, row, &bad);
            done.bad.push((at, bad));
            return;
        }
        count.rows += 1;
        let Some(encoder) = self.encoder else { return };
        let start = done.records.len();
        encoder.encode(values, &mut done.records);
        if let Some(sketches) = self.sketches {
            let record = done.records.get(start..).unwrap_or_default();
            done.people.add(sketches, self.converters, values, encoder.tags(record));
        }
    }

    /// The values of a row if it is good, which is not counted.
    pub(super) fn values(&self, row: &Row<'_>) -> Option<Vec<Value>> {
        let (mut values, mut uncounted) = (Vec::new(), self.blank.clone());
        let bad = check(row, None, self.fields, self.converters, &mut values, &mut uncounted);
        bad.is_empty().then_some(values)
    }

    fn spare(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.spare.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chunk(&self, chunk: &Chunk) -> Done {
        let mut done = self.nothing();
        done.records = self.spare().pop().unwrap_or_default();
        let width = self.encoder.map_or(0, Encoder::width);
        done.records.reserve(width.saturating_mul(chunk.len()));
        for (at, row) in chunk.rows().enumerate() {
            self.row(at, &row, chunk.file.as_deref(), &mut done);
        }
        done
    }

    /// Does this with all rows of `table`; `gather` gets what comes of them, in order.
    pub(super) fn all(
        &self,
        table: Input<'_>,
        gather: &mut dyn FnMut(&Chunk, &mut Done) -> Result<(), SealError>,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<(), SealError> {
        let work = |chunk: Chunk| {
            let chunk = chunk.taken_apart();
            let done = self.chunk(&chunk);
            (chunk, done)
        };
        parallel::run(work, |line| {
            let waiting = WAITING.saturating_mul(line.threads());
            let mut take = |chunk| {
                let mut used = None;
                line.give(chunk);
                while let Some((chunk, mut done)) = line.take(waiting) {
                    gather(&chunk, &mut done)?;
                    done.records.clear();
                    self.spare().push(done.records);
                    used = Some(chunk);
                }
                Ok(used)
            };
            table.chunks(&mut take, progress)?;
            while let Some((chunk, mut done)) = line.take(0) {
                gather(&chunk, &mut done)?;
            }
            Ok(())
        })
    }
}

/// Chunks of rows that may wait for each thread.
const WAITING: usize = 4;
