//! Columns as narrow as what is public of them allows.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{Int32Type, Int64Type};
use protocol::contract::Role;

use super::parallel::{gather, wide};
use super::sort::ranks_of_labels;

/// Which rows of a batch are somebody's.
#[derive(Clone, Copy)]
pub(crate) enum Kept<'b> {
    /// All of them.
    All,
    /// Those at these places.
    At(&'b [u32]),
}

/// The values of one column, in the order of rows.
pub(crate) enum Column {
    /// Places in a public list of so many values; that number for no value.
    Group { codes: Codes, values: u32 },
    /// Texts that are still to be numbered.
    Texts(Vec<Text>),
    /// Places of texts in the ascending order of the distinct ones; of no text 0.
    Label { ranks: Vec<u32>, texts: Vec<Text> },
    /// Days, with [`MISSING`](protocol::sealed::MISSING) where a row has no day.
    Days(Vec<i32>),
    /// Numbers.
    Numbers(Vec<i64>),
}

/// A text of a label column; all zeros for none.
pub(crate) type Text = [u8; 32];

/// Codes that take no more than their public list needs.
pub(crate) enum Codes {
    Narrow(Vec<u8>),
    Middle(Vec<u16>),
    Wide(Vec<u32>),
}

impl Column {
    /// A column of this role with room for so many rows; none for roles that no tally reads.
    pub(crate) fn new(role: &Role, rows: usize) -> Option<Self> {
        match role {
            Role::Group(domain) => {
                let values = u32::try_from(domain.len()).ok()?;
                Some(Self::Group { codes: Codes::new(values, rows), values })
            }
            Role::Label => Some(Self::Texts(Vec::with_capacity(rows))),
            Role::Date => Some(Self::Days(Vec::with_capacity(rows))),
            Role::Measure(_) | Role::Feature(_) => Some(Self::Numbers(Vec::with_capacity(rows))),
            _ => None,
        }
    }

    /// Bytes of a row of this role while rows are taken in, and once they are in order, labels with the longest
    /// list of them.
    pub(crate) fn widths(role: &Role) -> Option<(u64, u64)> {
        match role {
            Role::Group(domain) => {
                let width = match Codes::new(u32::try_from(domain.len()).ok()?, 0) {
                    Codes::Narrow(_) => 1,
                    Codes::Middle(_) => 2,
                    Codes::Wide(_) => 4,
                };
                Some((width, width))
            }
            Role::Label => Some((32, 36)),
            Role::Date => Some((4, 4)),
            Role::Measure(_) | Role::Feature(_) => Some((8, 8)),
            _ => None,
        }
    }

    /// Takes in the rows of one batch; none if it is of another type.
    pub(crate) fn add(&mut self, batch: &ArrayRef, kept: Kept<'_>) -> Option<()> {
        if batch.null_count() != 0 {
            return None;
        }
        match self {
            Self::Group { codes, values } => {
                codes.add(batch.as_primitive_opt::<Int32Type>()?.values(), *values, kept);
            }
            Self::Days(days) => {
                add(days, batch.as_primitive_opt::<Int32Type>()?.values(), kept, |day| *day);
            }
            Self::Numbers(numbers) => {
                let batch = batch.as_primitive_opt::<Int64Type>()?.values();
                add(numbers, batch, kept, |number| *number);
            }
            Self::Texts(texts) => {
                let (batch, []) = batch.as_fixed_size_binary_opt()?.value_data().as_chunks() else {
                    return None;
                };
                add(texts, batch, kept, |text| *text);
            }
            Self::Label { .. } => return None,
        }
        Some(())
    }

    /// The column in another order of rows, texts numbered.
    pub(crate) fn in_order(self, rows: Option<&[u32]>, threads: usize) -> Self {
        match self {
            Self::Group { codes, values } => {
                let codes = match codes {
                    Codes::Narrow(codes) => Codes::Narrow(gather(codes, rows, threads)),
                    Codes::Middle(codes) => Codes::Middle(gather(codes, rows, threads)),
                    Codes::Wide(codes) => Codes::Wide(gather(codes, rows, threads)),
                };
                Self::Group { codes, values }
            }
            Self::Texts(texts) => {
                let (ranks, texts) = ranks_of_labels(texts);
                Self::Label { ranks: gather(ranks, rows, threads), texts }
            }
            Self::Label { ranks, texts } => {
                Self::Label { ranks: gather(ranks, rows, threads), texts }
            }
            Self::Days(days) => Self::Days(gather(days, rows, threads)),
            Self::Numbers(numbers) => Self::Numbers(gather(numbers, rows, threads)),
        }
    }
}

impl Codes {
    fn new(values: u32, rows: usize) -> Self {
        if u8::try_from(values).is_ok() {
            Self::Narrow(Vec::with_capacity(rows))
        } else if u16::try_from(values).is_ok() {
            Self::Middle(Vec::with_capacity(rows))
        } else {
            Self::Wide(Vec::with_capacity(rows))
        }
    }

    /// Any code outside the public list becomes that of no value.
    fn add(&mut self, batch: &[i32], values: u32, kept: Kept<'_>) {
        let code = |code: &i32| u32::try_from(*code).map_or(values, |code| code.min(values));
        match self {
            Self::Narrow(codes) => {
                add(codes, batch, kept, |value| u8::try_from(code(value)).unwrap_or(u8::MAX));
            }
            Self::Middle(codes) => {
                add(codes, batch, kept, |value| u16::try_from(code(value)).unwrap_or(u16::MAX));
            }
            Self::Wide(codes) => add(codes, batch, kept, code),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Narrow(codes) => codes.len(),
            Self::Middle(codes) => codes.len(),
            Self::Wide(codes) => codes.len(),
        }
    }

    /// The code of a row, if there is such a row.
    pub(crate) fn get(&self, row: usize) -> Option<u32> {
        match self {
            Self::Narrow(codes) => codes.get(row).map(|code| u32::from(*code)),
            Self::Middle(codes) => codes.get(row).map(|code| u32::from(*code)),
            Self::Wide(codes) => codes.get(row).copied(),
        }
    }
}

fn add<F, T>(all: &mut Vec<T>, batch: &[F], kept: Kept<'_>, of: impl Fn(&F) -> T) {
    match kept {
        Kept::All => all.extend(batch.iter().map(of)),
        Kept::At(places) => {
            all.extend(places.iter().filter_map(|place| batch.get(wide(*place))).map(of));
        }
    }
}
