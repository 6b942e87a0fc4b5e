//! A person's place in the dimensions that no row has one in.

use protocol::identity::Identifier;
use protocol::tally::{Arm, Dimension, Population, Side as Which, Tally};

use super::columns::Starts;
use super::measures::Found;
use super::side::Person;
use crate::ordered::Id;

/// The dimensions that no row has a place in.
pub(super) struct OfPerson<'t> {
    /// With their strides.
    numbered: Vec<(&'t Dimension, u64)>,
    /// Which start each dimension of earliest days is about.
    days: Vec<usize>,
    /// Of how many tables there are.
    tables: usize,
    /// The kind of key that a union is by.
    by: Option<Identifier>,
    /// Whether any is of bins of each cell.
    has_bins: bool,
}

impl<'t> OfPerson<'t> {
    pub(super) fn new(tally: &'t Tally, strides: &[u64], starts: &Starts<'t>) -> Self {
        let dimensions = tally.dimensions.iter();
        let numbered = dimensions.clone().zip(strides.iter().copied());
        let by = match tally.population {
            Population::Union { by } => Some(by),
            Population::First => None,
        };
        Self {
            numbered: numbered.filter(|(dimension, _)| !dimension.is_of_rows()).collect(),
            days: dimensions.clone().filter_map(|dimension| starts.place_of(dimension)).collect(),
            tables: tally.tables.len(),
            by,
            has_bins: dimensions
                .clone()
                .any(|dimension| matches!(dimension, Dimension::BinsPerGroup { .. })),
        }
    }

    /// The dimensions with their strides.
    pub(super) fn numbered(&self) -> &[(&'t Dimension, u64)] {
        &self.numbered
    }

    /// The number of a person's place in the dimensions of whole people.
    pub(super) fn number<const N: usize>(
        &self,
        id: Id,
        (found, is_left_out): (&[bool; N], bool),
        people: &[Person; N],
        measures: &[Found],
        starts: &[Option<i32>],
    ) -> u64 {
        if self.numbered.is_empty() {
            return 0;
        }
        let mut days = self.days.iter();
        let mut arms = people.iter().flat_map(|person| &person.arms);
        let mut only: [_; N] = people.each_ref().map(|person| person.only.iter());
        let places = self.numbered.iter().map(|(dimension, stride)| {
            let place = match dimension {
                Dimension::Bins { measure, edges } => {
                    let at = usize::try_from(*measure).ok().and_then(|at| measures.get(at));
                    let total = at.map(|measure| measure.total(people));
                    edges.partition_point(|edge| *edge <= total.unwrap_or(0))
                }
                Dimension::Arm { .. } => {
                    let arm = arms.next().copied().unwrap_or(Arm::Other);
                    Arm::ALL.iter().position(|place| *place == arm).unwrap_or(Arm::ALL.len())
                }
                Dimension::Membership { .. } => self.membership(id, found),
                Dimension::Known => usize::from(self.is_known(id)),
                Dimension::Only { .. } | Dimension::Creative { .. } => {
                    let at = match dimension {
                        Dimension::Only { side, .. } => side.place(),
                        _ => Which::POPULATION.place(),
                    };
                    let number = only.get_mut(at).and_then(Iterator::next);
                    return number.copied().unwrap_or(0).saturating_mul(*stride);
                }
                Dimension::Earliest { edges, .. } => {
                    let day = days.next().and_then(|at| starts.get(*at)).copied().flatten();
                    day.map_or(edges.len() + 1, |day| {
                        edges.partition_point(|edge| *edge <= i64::from(day))
                    })
                }
                // Each cell's own.
                Dimension::BinsPerGroup { .. } | Dimension::Credited(_) => 0,
                Dimension::MatchedWithConsent if is_left_out => 2,
                _ => usize::from(found.get(Which::JOINED.place()) == Some(&true)),
            };
            u64::try_from(place).unwrap_or(0) * stride
        });
        places.sum()
    }

    /// By how much one place further in the dimension of credits moves a cell's number.
    pub(super) fn stride_of_credits(&self) -> u64 {
        let credited =
            |(dimension, _): &&(&Dimension, u64)| matches!(dimension, Dimension::Credited(_));
        self.numbered.iter().find(credited).map_or(0, |(_, stride)| *stride)
    }

    /// The number of the bins that one cell's values are in.
    pub(super) fn bins(&self, values: &[i64]) -> u64 {
        if !self.has_bins {
            return 0;
        }
        let places = self.numbered.iter().map(|(dimension, stride)| {
            let Dimension::BinsPerGroup { measure, edges } = dimension else { return 0 };
            let at = usize::try_from(*measure).ok();
            let value = at.and_then(|at| values.get(at)).copied().unwrap_or(0);
            let place = edges.partition_point(|edge| *edge <= value);
            u64::try_from(place).unwrap_or(0) * stride
        });
        places.sum()
    }

    /// Whether a person is known by the kind of key that a union is by.
    fn is_known(&self, id: Id) -> bool {
        self.by.is_none_or(|by| id.is_of(by))
    }

    /// The place of who is found in these tables of a union.
    fn membership<const N: usize>(&self, id: Id, found: &[bool; N]) -> usize {
        let mut tables = (0_u32..).zip(found).filter_map(|(at, found)| found.then_some(at));
        if self.is_known(id) {
            let set = tables.fold(0, |set, at| set | 1_usize.checked_shl(at).unwrap_or(0));
            return set.saturating_sub(1);
        }
        let sets = u32::try_from(self.tables).ok().and_then(|count| 1_usize.checked_shl(count));
        let first = tables.next().and_then(|at| usize::try_from(at).ok());
        sets.unwrap_or(1).saturating_sub(1).saturating_add(first.unwrap_or(0))
    }
}
