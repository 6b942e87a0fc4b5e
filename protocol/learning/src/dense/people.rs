//! People as numbers in public ranges.

use super::{Plan, UNITS};
use crate::plan::wide;
use std::fmt;

/// Who is trained on: numbers of each person, and the label.
pub struct People {
    /// How many numbers a person has, without the constant.
    inputs: usize,
    /// Each person's numbers, the constant and the label in quanta of the cap, one person after another: what is read of
    /// somebody who is drawn lies together.
    all: Vec<i16>,
}

impl People {
    /// Nobody yet, with room for so many people.
    #[must_use]
    pub fn with_room(plan: &Plan, people: usize) -> Self {
        let inputs = wide(plan.inputs);
        Self { inputs, all: Vec::with_capacity(people * (inputs + 2)) }
    }

    /// Adds a person: its numbers ([`number`]), and the label in quanta ([`label_quanta`](crate::label_quanta)). A number
    /// that is missing is 0, and one beyond 1 counts as 1.
    pub fn add(&mut self, numbers: &[i16], label: i16) {
        let numbers = numbers.iter().chain(std::iter::repeat(&0)).take(self.inputs);
        self.all.extend(numbers.map(|number| (*number).clamp(-UNITS, UNITS)));
        self.all.extend([CONSTANT, label]);
    }

    /// The most bytes that one person with so many numbers takes.
    #[must_use]
    pub fn bytes_of_one(inputs: usize) -> usize {
        2 * (inputs + 2)
    }

    /// Adds everybody of `others`, who have as many numbers, after those who are here.
    pub fn append(&mut self, mut others: Self) {
        self.all.append(&mut others.all);
    }

    /// How many people there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.all.len() / (self.inputs + 2)
    }

    /// True if there is nobody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The numbers of one person, with the constant, and the label; nobody beyond the last.
    #[inline]
    pub(super) fn person(&self, place: u32) -> Option<(&[i16], i16)> {
        let (place, stride) = (wide(place), self.inputs + 2);
        let (label, numbers) = self.all.get(place * stride..(place + 1) * stride)?.split_last()?;
        Some((numbers, *label))
    }
}

impl fmt::Debug for People {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("People(..)")
    }
}

/// A value between public ends as the number that a model sees: from -1 to 1 in units of 2⁻¹¹, to the nearest, of two the larger.
/// Values beyond an end count as that end. Where both ends are one, everybody has 0.
#[must_use]
pub fn number(value: i64, lower: i64, upper: i64) -> i16 {
    let (value, lower, upper) = (i128::from(value), i128::from(lower), i128::from(upper));
    let width = upper - lower;
    if width <= 0 {
        return 0;
    }
    // 2·UNITS steps from end to end; halves are added so that the quotient rounds.
    let above = value.clamp(lower, upper) - lower;
    let steps = (above * 4 * i128::from(UNITS) + width).div_euclid(2 * width);
    i16::try_from(steps - i128::from(UNITS)).unwrap_or(0)
}

/// Adds a feature in so many bins to a person's numbers: one for each bin but the first, 1 for the bin that the person is in.
pub fn extend(numbers: &mut Vec<i16>, bin: usize, bins: usize) {
    numbers.extend((1..bins).map(|other| if other == bin { UNITS } else { 0 }));
}

/// What every layer sees of everybody beside numbers, in units: small, as its weight counts in the norm that is clipped.
pub(super) const CONSTANT: i16 = UNITS / 4;
