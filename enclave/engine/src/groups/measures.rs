//! Where the measures of a tally are found: each in its table, or in all of them.

use protocol::tally::{Clamp, Tally};

use super::side::{Person, Tuple, is_of};

/// A measure, as its parts in tables: the place of each table, and its place there.
pub(super) struct Found {
    parts: Vec<(usize, usize)>,
    clamp: Clamp,
}

impl Found {
    /// All measures of `tally`, in their order.
    pub(super) fn all(tally: &Tally) -> Vec<Self> {
        let found = tally.measures.iter().enumerate().map(|(at, measure)| {
            let before = tally.measures.get(..at).unwrap_or_default();
            let tables = tally.sides().filter(|(side, _)| is_of(measure, *side));
            let parts = tables.map(|(side, _)| {
                let place = before.iter().filter(|earlier| is_of(earlier, side)).count();
                (side.place(), place)
            });
            Self { parts: parts.collect(), clamp: measure.clamp }
        });
        found.collect()
    }

    /// What a person has of it in one cell. Everything else was computed before it is clamped.
    pub(super) fn in_cell(&self, people: &[Person], cell: &[Tuple]) -> i64 {
        let parts = self.parts.iter().filter_map(|(table, at)| {
            let found = people.get(*table).zip(cell.get(*table));
            found.map(|(person, tuple)| person.value(tuple, *at))
        });
        self.clamp.apply(parts.fold(0, i128::saturating_add))
    }

    /// What a person has of it in all tuples that were kept of each table, before combinations of them are bounded.
    pub(super) fn total(&self, people: &[Person]) -> i64 {
        let parts = self.parts.iter().filter_map(|(table, at)| {
            let person = people.get(*table)?;
            Some(person.total(*at))
        });
        self.clamp.apply(parts.fold(0, i128::saturating_add))
    }
}
