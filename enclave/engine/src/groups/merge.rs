//! Tables read along, one person at a time.

use std::array;

use super::partners::{NOBODY, Partners};
use crate::ordered::{Id, Order, wide};

/// The people of one range of keys, in the order of their ids: of at most `N` tables.
pub(crate) struct Merge<'t, const N: usize> {
    orders: &'t [&'t Order],
    /// How people of each joined table are found; none of a union.
    partners: &'t [Partners],
    /// Of so many first tables people are counted; of the others, only those who are in one of these.
    counted: usize,
    /// In each table the next person, and who that is.
    next: [(usize, Option<Id>); N],
    /// In each table the person after the last one.
    end: [usize; N],
}

impl<'t, const N: usize> Merge<'t, N> {
    /// The range at place `part` of `parts`, which are of equal widths: keys are evenly spread.
    pub(crate) fn new(
        (orders, partners): (&'t [&'t Order], &'t [Partners]),
        counted: usize,
        part: usize,
        parts: usize,
    ) -> Self {
        let bound = |part: usize| {
            let (part, parts) = (u128::try_from(part).ok()?, u128::try_from(parts).ok()?);
            (part < parts).then(|| u128::MAX / parts * part)
        };
        let ranges: [_; N] = array::from_fn(|at| {
            let low = bound(part).unwrap_or(u128::MAX);
            // Whoever is claimed has the other's place.
            let by = at.checked_sub(1).and_then(|at| partners.get(at));
            let order = orders.get(at).filter(|_| !matches!(by, Some(Partners::Claimed(_))));
            let range = order.map(|order| order.between(low, bound(part + 1)));
            range.unwrap_or(0..0)
        });
        let mut merge =
            Self { orders, partners, counted, next: array::from_fn(|_| (0, None)), end: [0; N] };
        for (at, range) in ranges.into_iter().enumerate() {
            if let Some(end) = merge.end.get_mut(at) {
                *end = range.end;
            }
            merge.go_to(at, range.start);
        }
        merge
    }

    /// The next person of the population, and the person's place in each table.
    pub(crate) fn next_person(&mut self) -> Option<(Id, [Option<usize>; N])> {
        let id = self.next.iter().take(self.counted).filter_map(|(_, id)| *id).min()?;
        let mut own: [_; N] = array::from_fn(|at| {
            loop {
                let (place, found) = *self.next.get(at)?;
                let found = found.filter(|found| *found <= id)?;
                self.go_to(at, place + 1);
                if found == id {
                    return Some(place);
                }
            }
        });
        let person = own.first().copied().flatten();
        for (by, own) in self.partners.iter().zip(own.iter_mut().skip(1)) {
            match by {
                Partners::ById => {}
                Partners::ByIdOf(kind) => *own = own.filter(|_| id.is_of(*kind)),
                Partners::Claimed(partners) => {
                    let partner = person.and_then(|person| partners.get(person));
                    let partner = partner.filter(|partner| **partner != NOBODY);
                    *own = partner.map(|partner| wide(*partner));
                }
            }
        }
        Some((id, own))
    }

    /// Whether a person at these places agrees in all tables.
    pub(crate) fn agrees(&self, own: &[Option<usize>; N]) -> bool {
        let mut tables = self.orders.iter().zip(own);
        tables.all(|(order, own)| own.is_none_or(|own| order.agrees(own)))
    }

    /// Whether a person at these places is in one table and refuses there.
    pub(crate) fn refuses_in(&self, own: &[Option<usize>; N], table: usize) -> bool {
        let order = self.orders.get(table).zip(own.get(table).copied().flatten());
        order.is_some_and(|(order, own)| !order.agrees(own))
    }

    fn go_to(&mut self, at: usize, place: usize) {
        let is_within = self.end.get(at).is_some_and(|end| place < *end);
        let order = self.orders.get(at).filter(|_| is_within);
        if let Some(next) = self.next.get_mut(at) {
            *next = (place, order.and_then(|order| order.id(place)));
        }
    }
}
