//! Numbers of the values that a row has in the dimensions of its table.

use super::columns::Part;
use crate::mix::mix;
use crate::ordered::wide;

/// The dimensions of one table. Equal values have equal numbers.
pub(crate) struct Numbers<'t> {
    parts: Vec<Part<'t>>,
    how: How,
}

enum How {
    /// By how much one place further in each dimension moves the number.
    Strides(Vec<u32>),
    /// By row, and last of nobody's: places in the order of all values there are, which are too many for 32 bits.
    Ranks(Vec<u32>),
}

impl<'t> Numbers<'t> {
    /// With public `strides`, parts of the numbers of cells; else places in the order of all values.
    pub(crate) fn new(parts: Vec<Part<'t>>, strides: Option<Vec<u64>>) -> Self {
        let strides = strides.or_else(|| own_strides(&parts));
        let strides = strides.and_then(|strides| {
            let narrow = strides.into_iter().map(u32::try_from);
            narrow.collect::<Result<Vec<_>, _>>().ok()
        });
        let how = strides.map_or_else(|| How::Ranks(ranked(&parts)), How::Strides);
        Self { parts, how }
    }

    /// The number of a row; of [`usize::MAX`] that of nobody's.
    pub(crate) fn of(&self, row: usize) -> u32 {
        match &self.how {
            How::Strides(strides) => {
                let parts = self.parts.iter().zip(strides);
                parts.fold(0, |sum, (part, stride)| {
                    part.rank(row).wrapping_mul(*stride).wrapping_add(sum)
                })
            }
            How::Ranks(ranks) => ranks.get(row).or(ranks.last()).copied().unwrap_or(0),
        }
    }

    /// Puts rows with the same number beside each other, and gives the numbers; none if there are no dimensions.
    pub(crate) fn group(&self, rows: &mut [u32], numbered: &mut Vec<(u32, u32)>) {
        if self.parts.is_empty() {
            return;
        }
        numbered.extend(rows.iter().map(|row| (self.of(wide(*row)), *row)));
        if !numbered.is_sorted() {
            numbered.sort_unstable();
            for (row, (_, sorted)) in rows.iter_mut().zip(numbered) {
                *row = *sorted;
            }
        }
    }

    /// The values of a row as a number that other rows have no part in.
    pub(crate) fn hash(&self, row: usize) -> u64 {
        self.parts.iter().fold(0, |hash, part| mix(hash, part.hash(row)))
    }

    /// One of the dimensions.
    pub(crate) fn part(&self, at: usize) -> Option<&Part<'t>> {
        self.parts.get(at)
    }
}

/// Strides of a number for every combination of places, the last dimension fastest; none if 32 bits are too few.
fn own_strides(parts: &[Part<'_>]) -> Option<Vec<u64>> {
    let mut all = 1_u64;
    let mut strides = vec![0; parts.len()];
    for (part, stride) in parts.iter().zip(&mut strides).rev() {
        *stride = all;
        all = all.checked_mul(part.places()).filter(|all| u32::try_from(*all).is_ok())?;
    }
    Some(strides)
}

/// The place of each row's values in the order of all, and last of nobody's.
fn ranked(parts: &[Part<'_>]) -> Vec<u32> {
    let rows = parts.iter().map(Part::rows).max().unwrap_or(0);
    let mut numbers = vec![0_u32; rows + 1];
    let mut count = 1;
    for part in parts {
        let places = part.places();
        let both = numbers.iter().enumerate();
        // Two numbers of 32 bits.
        let both =
            both.map(|(row, number)| u64::from(*number) * places + u64::from(part.rank(row)));
        (numbers, count) = if u64::from(u32::MAX) / places >= count {
            (both.map(|number| u32::try_from(number).unwrap_or(0)).collect(), count * places)
        } else {
            ranks(both)
        };
    }
    numbers
}

/// Places of `values` in the ascending order of the distinct ones, from 0, and how many there are.
///
/// Which of two values comes first does not depend on the others.
fn ranks(values: impl Iterator<Item = u64>) -> (Vec<u32>, u64) {
    let mut order: Vec<(u64, u32)> = values.zip(0..).collect();
    order.sort_unstable();
    let mut ranks = vec![0; order.len()];
    let mut count = 0;
    for run in order.chunk_by(|a, b| a.0 == b.0) {
        for (_, at) in run {
            if let Some(slot) = ranks.get_mut(wide(*at)) {
                *slot = count;
            }
        }
        count += 1;
    }
    (ranks, u64::from(count))
}
