//! The exposures before an outcome, as outcomes are gone through from the first day on.

use crate::ordered::wide;

/// An exposure.
#[derive(Clone, Copy, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Touch {
    pub(super) day: i32,
    pub(super) place: u32,
}

/// The exposures from some days before a day on until that day.
pub(super) struct Window<'t> {
    /// In the order of days and places.
    touches: &'t [Touch],
    days: i64,
    /// The first one within, and the one behind the last.
    start: usize,
    end: usize,
    /// How many there are within, by place.
    counts: Vec<u64>,
}

impl<'t> Window<'t> {
    /// Of so many days before, over exposures in order of at most so many places.
    pub(super) fn new(touches: &'t [Touch], days: u32, places: usize) -> Self {
        Self { touches, days: days.into(), start: 0, end: 0, counts: vec![0; places] }
    }

    /// Goes to a day that is not before the last one.
    pub(super) fn go_to(&mut self, day: i32) {
        while let Some(touch) = self.touches.get(self.end).filter(|touch| touch.day <= day) {
            self.end += 1;
            if let Some(count) = self.counts.get_mut(wide(touch.place)) {
                *count += 1;
            }
        }
        let first = i64::from(day) - self.days;
        let is_before = |touch: &&Touch| i64::from(touch.day) < first;
        while let Some(touch) =
            self.touches.get(self.start).filter(is_before).filter(|_| self.start < self.end)
        {
            self.start += 1;
            if let Some(count) = self.counts.get_mut(wide(touch.place)) {
                *count = count.saturating_sub(1);
            }
        }
    }

    /// How many exposures there are, by place.
    pub(super) fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        u64::try_from(self.within().len()).unwrap_or(u64::MAX)
    }

    /// The place of the first day's exposure that comes first in the list of places.
    pub(super) fn first(&self) -> Option<u32> {
        self.within().first().map(|touch| touch.place)
    }

    /// The place of the last day's exposure that comes first in the list of places.
    pub(super) fn last(&self) -> Option<u32> {
        let within = self.within();
        let day = within.last()?.day;
        let at = within.partition_point(|touch| touch.day < day);
        within.get(at).map(|touch| touch.place)
    }

    fn within(&self) -> &'t [Touch] {
        self.touches.get(self.start..self.end).unwrap_or_default()
    }
}
