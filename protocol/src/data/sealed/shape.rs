//! How many buckets a sealed file has and how many rows each: a function of two public numbers alone.

use super::Tag;
use serde::{Deserialize, Serialize};

/// What an owner says of the size of its table. Both numbers are public, and on coarse grids.
///
/// Nothing of a file's size follows from its rows: a row more or less changes no byte of what the host sees,
/// unless the owner says other numbers.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Declared {
    /// Room for so many rows: one of 1024, 1280, 1536, 1792, 2048, 2560, .. (four steps to each doubling).
    pub rows: u64,
    /// A person has at most so many of them: a power of two.
    pub rows_per_person: u64,
}

impl Declared {
    /// What is declared for `rows` rows where the owner says nothing.
    #[must_use]
    pub fn of(rows: u64) -> Self {
        Self { rows: padded(rows), rows_per_person: ROWS_PER_PERSON }
    }

    /// The least declaration with room for these: both numbers are rounded up to their grids.
    #[must_use]
    pub fn at_least(rows: u64, rows_per_person: u64) -> Self {
        let rows_per_person = rows_per_person.clamp(1, MOST_PER_PERSON).next_power_of_two();
        Self { rows: padded(rows), rows_per_person }
    }

    /// Whether both numbers are on their grids and within their limits.
    #[must_use]
    pub fn is_valid(self) -> bool {
        self.rows == padded(self.rows)
            && self.rows <= MAX_ROWS
            && self.rows_per_person.is_power_of_two()
            && self.rows_per_person <= MOST_PER_PERSON
    }

    /// The buckets of a file of which this is declared.
    ///
    /// A file has as many buckets as possible, up to 2^14, of which each has at least 2^17 declared rows on
    /// average and room for at most a quarter more; else one, which has room for just the declared rows. The
    /// room beyond the average is six standard deviations of the rows in a bucket if every person had the
    /// most rows, and one person more.
    #[must_use]
    pub fn shape(self) -> Shape {
        let several = (1..=Shape::MOST_BITS).rev().find_map(|bits| {
            let mean = self.rows.div_ceil(1 << bits);
            let capacity = capacity(mean, self.rows_per_person);
            let fits = mean >= LEAST_MEAN && capacity <= mean.saturating_add(mean / 4);
            fits.then_some(Shape { bits, capacity })
        });
        several.unwrap_or(Shape { bits: 0, capacity: self.rows })
    }
}

/// Rows that a bucket of `mean` declared rows has room for, of people with at most `per_person` each.
fn capacity(mean: u64, per_person: u64) -> u64 {
    let deviation = mean.saturating_mul(per_person).isqrt();
    let room = deviation.saturating_mul(6).saturating_add(per_person);
    mean.saturating_add(room).div_ceil(64).saturating_mul(64)
}

/// The buckets of a sealed file: 2^`bits`, each a row group of `capacity` rows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shape {
    bits: u32,
    capacity: u64,
}

impl Shape {
    /// A file has at most 2^14 buckets: what modular encryption numbers with 16 bits and a sign.
    pub const MOST_BITS: u32 = 14;

    /// How many of a tag's first bits say which bucket its person is in.
    #[must_use]
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// The number of buckets.
    #[must_use]
    pub fn buckets(self) -> u16 {
        1 << self.bits
    }

    /// Rows of each bucket, padding included.
    #[must_use]
    pub fn capacity(self) -> u64 {
        self.capacity
    }

    /// Rows of the file, padding included.
    #[must_use]
    pub fn rows(self) -> u64 {
        self.capacity.saturating_mul(self.buckets().into())
    }

    /// The bucket of the person with this tag.
    #[must_use]
    pub fn bucket_of(self, tag: &Tag) -> u16 {
        let [first, second, ..] = *tag;
        let head = u16::from_be_bytes([first, second]);
        head.checked_shr(u16::BITS - self.bits).unwrap_or(0)
    }
}

/// The next of 1024, 1280, 1536, 1792, 2048, 2560, .. (four steps to each doubling), so that a number of rows
/// says a quarter of an octave and no more.
#[must_use]
pub fn padded(rows: u64) -> u64 {
    let floor = rows.max(MIN_ROWS);
    let octave = 1_u64 << floor.ilog2();
    let step = octave / 4;
    floor.div_ceil(step).saturating_mul(step)
}

/// The largest dataset in declared rows.
pub const MAX_ROWS: u64 = 1 << 31;
/// Rows of one person where the owner says nothing.
const ROWS_PER_PERSON: u64 = 64;
/// The most that can be declared for one person.
const MOST_PER_PERSON: u64 = 1 << 20;
/// A bucket of fewer rows would be mostly room.
const LEAST_MEAN: u64 = 1 << 17;
const MIN_ROWS: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn padding_has_four_steps_to_an_octave() {
        for (rows, expected) in [
            (0, 1024),
            (1024, 1024),
            (1025, 1280),
            (2049, 2560),
            (64_000, 65_536),
            (65_537, 81_920),
        ] {
            assert_eq!(padded(rows), expected, "{rows}");
        }
    }

    /// The table of the page of the format.
    #[test]
    fn a_shape_follows_from_what_is_declared() {
        for (rows, per_person, bits, capacity) in [
            (1024, 64, 0, 1024),
            (229_376, 64, 0, 229_376),
            (262_144, 64, 1, 148_544),
            (327_680, 64, 1, 183_360),
            (10_485_760, 64, 6, 183_360),
            (10_485_760, 1, 6, 166_272),
            (10_485_760, 1024, 4, 811_840),
            (10_485_760, 1 << 20, 0, 10_485_760),
            (1 << 31, 64, 14, 148_544),
            (1 << 31, 1, 14, 133_248),
        ] {
            let declared = Declared { rows, rows_per_person: per_person };
            let shape = declared.shape();
            assert!(declared.is_valid());
            assert_eq!((shape.bits(), shape.capacity()), (bits, capacity), "{declared:?}");
        }
    }

    #[test]
    fn a_tags_first_bits_say_its_bucket() {
        let mut tag = [0xff; 16];
        tag[..2].copy_from_slice(&[0b1010_0000, 0b0000_0100]);
        let of = |bits| Shape { bits, capacity: 1 }.bucket_of(&tag);
        assert_eq!([0, 1, 3, 14].map(of), [0, 1, 0b101, 0b10_1000_0000_0001]);
    }

    #[test]
    fn what_is_off_the_grids_is_not_valid() {
        for (rows, rows_per_person) in [
            (1025, 64),
            (0, 64),
            (1024, 0),
            (1024, 3),
            (1024, 1 << 21),
            (1 << 32, 64),
            (u64::MAX, 64),
        ] {
            assert!(!Declared { rows, rows_per_person }.is_valid(), "{rows} {rows_per_person}");
        }
        assert_eq!(Declared::at_least(1025, 65), Declared { rows: 1280, rows_per_person: 128 });
    }

    proptest! {
        #[test]
        fn padding_costs_at_most_a_quarter(rows in 1024_u64..1 << 40) {
            prop_assert!(padded(rows) >= rows && padded(rows) <= rows + rows / 4 + 1);
            prop_assert_eq!(padded(padded(rows)), padded(rows));
        }

        #[test]
        fn a_shape_has_room_for_what_is_declared_and_little_more(rows in 0_u64..1 << 31, people in 1_u64..1 << 20) {
            let declared = Declared::at_least(rows, people);
            let shape = declared.shape();
            prop_assert!(declared.is_valid() && shape.rows() >= declared.rows);
            prop_assert!(shape.rows() <= declared.rows + declared.rows / 4 + (1 << 15));
        }

        #[test]
        fn any_numbers_have_a_shape(rows in any::<u64>(), rows_per_person in any::<u64>()) {
            let shape = Declared { rows, rows_per_person }.shape();
            prop_assert!(shape.bits() <= Shape::MOST_BITS);
        }
    }
}
