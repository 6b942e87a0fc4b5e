//! A person's rows as bins of features, or as numbers, and as a label.

use std::sync::Arc;

use protocol::learning::dense;
use protocol::tally::{Binned, Ends, Feature, Label, Learnt, Side};

use crate::fault::Fault;
use crate::ordered::{Codes, Ordered, wide};

/// How one feature is read.
pub(super) struct BinRead<'t> {
    table: usize,
    of: BinOf<'t>,
    bins: usize,
}

enum BinOf<'t> {
    Value(&'t Codes, u32),
    Total(&'t [i64], &'t [i64]),
    Rows(&'t [i64]),
    TotalBetween(&'t [i64], Ends),
    RowsBetween(Ends),
}

impl<'t> BinRead<'t> {
    pub(super) fn new(feature: &'t Feature, tables: &'t [Arc<Ordered>]) -> Result<Self, Fault> {
        let table = table(feature.side, tables)?;
        let of = match &feature.of {
            Binned::Value { column, values } => BinOf::Value(table.codes(column)?, *values),
            Binned::Total { column, edges } => BinOf::Total(table.numbers(column)?, edges),
            Binned::Rows { edges } => BinOf::Rows(edges),
            Binned::TotalBetween { column, ends } => {
                BinOf::TotalBetween(table.numbers(column)?, *ends)
            }
            Binned::RowsBetween { ends } => BinOf::RowsBetween(*ends),
        };
        let bins = usize::try_from(feature.of.bins()).unwrap_or(usize::MAX);
        Ok(Self { table: feature.side.place(), of, bins })
    }

    /// Adds the numbers that a dense model sees of a person with these rows in each table.
    pub(super) fn numbers<const N: usize>(&self, rows: &[Vec<u32>; N], numbers: &mut Vec<i16>) {
        let own = rows.get(self.table).map(Vec::as_slice).unwrap_or_default();
        let number = match &self.of {
            BinOf::TotalBetween(_, _) if own.is_empty() => 0,
            BinOf::TotalBetween(all, ends) => {
                let total = total(all, own);
                ends.number(i64::try_from(total).unwrap_or(if total < 0 {
                    i64::MIN
                } else {
                    i64::MAX
                }))
            }
            BinOf::RowsBetween(ends) => ends.number(i64::try_from(own.len()).unwrap_or(i64::MAX)),
            BinOf::Value(..) | BinOf::Total(..) | BinOf::Rows(_) => {
                return dense::extend(numbers, self.bin(rows).into(), self.bins);
            }
        };
        numbers.push(number);
    }

    /// The bin of a person with these rows in each table; the first one without a value.
    pub(super) fn bin<const N: usize>(&self, rows: &[Vec<u32>; N]) -> u8 {
        let own = rows.get(self.table).map(Vec::as_slice).unwrap_or_default();
        if own.is_empty() {
            return 0;
        }
        let bin = match &self.of {
            BinOf::Value(codes, values) => {
                only(codes, *values, own).map_or(0, |code| wide(code) + 1)
            }
            BinOf::Total(numbers, edges) => {
                let total = total(numbers, own);
                edges.partition_point(|edge| i128::from(*edge) <= total) + 1
            }
            BinOf::Rows(edges) => {
                let rows = i64::try_from(own.len()).unwrap_or(i64::MAX);
                edges.partition_point(|edge| *edge <= rows) + 1
            }
            // Of a dense model alone, which has no bin for it.
            BinOf::TotalBetween(..) | BinOf::RowsBetween(_) => 0,
        };
        u8::try_from(bin).unwrap_or(0)
    }
}

/// How the label is read.
pub(super) struct LabelRead<'t> {
    table: usize,
    of: LabelOf<'t>,
    cap: u32,
}

enum LabelOf<'t> {
    Found,
    OneOf(&'t Codes, &'t [i32]),
    Rows,
    Sum(&'t [i64]),
}

impl<'t> LabelRead<'t> {
    pub(super) fn new(label: &'t Label, tables: &'t [Arc<Ordered>]) -> Result<Self, Fault> {
        let table = table(label.side, tables)?;
        let of = match &label.of {
            Learnt::Found => LabelOf::Found,
            Learnt::OneOf { column, codes: chosen } => LabelOf::OneOf(table.codes(column)?, chosen),
            Learnt::Rows => LabelOf::Rows,
            Learnt::Sum { column } => LabelOf::Sum(table.numbers(column)?),
        };
        Ok(Self { table: label.side.place(), of, cap: label.cap })
    }

    /// The label of a person with these rows in each table, from 0 to the cap.
    pub(super) fn number<const N: usize>(&self, rows: &[Vec<u32>; N]) -> u32 {
        let own = rows.get(self.table).map(Vec::as_slice).unwrap_or_default();
        let number = match &self.of {
            LabelOf::Found => i128::from(!own.is_empty()),
            LabelOf::OneOf(codes, chosen) => {
                let is_chosen = |row: &u32| {
                    let code = codes.get(wide(*row)).and_then(|code| i32::try_from(code).ok());
                    code.is_some_and(|code| chosen.binary_search(&code).is_ok())
                };
                i128::from(own.iter().any(is_chosen))
            }
            LabelOf::Rows => i128::try_from(own.len()).unwrap_or(i128::MAX),
            LabelOf::Sum(numbers) => total(numbers, own),
        };
        u32::try_from(number.clamp(0, i128::from(self.cap))).unwrap_or(self.cap)
    }
}

/// The only value of the rows that have one.
fn only(codes: &Codes, values: u32, rows: &[u32]) -> Option<u32> {
    let known = rows.iter().filter_map(|row| codes.get(wide(*row)));
    let mut known = known.filter(|code| *code < values);
    let first = known.next()?;
    known.all(|code| code == first).then_some(first)
}

fn total(numbers: &[i64], rows: &[u32]) -> i128 {
    rows.iter().filter_map(|row| numbers.get(wide(*row))).map(|number| i128::from(*number)).sum()
}

fn table(side: Side, tables: &[Arc<Ordered>]) -> Result<&Ordered, Fault> {
    tables.get(side.place()).map(Arc::as_ref).ok_or(Fault::Tables)
}
