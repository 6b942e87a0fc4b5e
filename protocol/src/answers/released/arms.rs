//! The cells in which a comparison of arms is released: fewer than the engine counts, since what is not compared is not told
//! apart.

use super::{Place, public_name};
use crate::tally::{Arm, Dimension, Tally};
use std::collections::BTreeSet;

/// The arm that a cell's name begins with.
#[must_use]
pub fn arm_of(name: &[Place]) -> Option<Arm> {
    let Some(Place::Index(place)) = name.first() else { return None };
    Arm::ALL.get(usize::try_from(*place).ok()?).copied()
}

/// The segment in a cell's name: its place in each dimension of [`Tally::segments`]; `None` if the name ends before.
#[must_use]
pub fn segment_of<'n>(tally: &Tally, name: &'n [Place]) -> Option<&'n [Place]> {
    name.get(ARM..ARM + tally.segments().len())
}

/// The creative in a cell's name; `None` if the name ends before.
#[must_use]
pub fn creative_of(tally: &Tally, name: &[Place]) -> Option<Place> {
    name.get(ARM + tally.segments().len()).copied()
}

/// Whether each place of a segment is a value of the public list: neither no value nor several.
#[must_use]
pub fn is_named(tally: &Tally, segment: &[Place]) -> bool {
    let dimensions = tally.segments().iter().zip(segment);
    dimensions.into_iter().all(|(dimension, place)| is_value(dimension, *place))
}

/// Whether a place of the test arm's creatives is a value of the public list.
#[must_use]
pub fn is_creative(tally: &Tally, place: Place) -> bool {
    let last = tally.dimensions.last().filter(|_| tally.creative_places().is_some());
    last.is_some_and(|dimension| is_value(dimension, place))
}

fn is_value(dimension: &Dimension, place: Place) -> bool {
    match (dimension, place) {
        (
            Dimension::Only { values: Some(values), .. } | Dimension::Creative { values, .. },
            Place::Index(at),
        ) => at < *values,
        _ => false,
    }
}

/// The released cell of people whose public cell has this name. Of the control arm the creative is not told, and of people in
/// several arms or in another one neither that nor the segment. So the name may end early.
#[must_use]
pub fn released_cell(tally: &Tally, name: &[Place]) -> Vec<Place> {
    let told = match arm_of(name) {
        Some(Arm::Test) => name.len(),
        Some(Arm::Control) => ARM + tally.segments().len(),
        Some(Arm::Several | Arm::Other) | None => ARM,
    };
    name.iter().take(told).copied().collect()
}

/// The cells in which a comparison of arms is released, in the order of their names.
#[must_use]
pub fn arm_cells(tally: &Tally) -> Vec<Vec<Place>> {
    let cells = tally.public_cells().map_or(0, |cells| cells.saturating_sub(1));
    let names = (0..cells).map(|at| released_cell(tally, &public_name(&tally.dimensions, at)));
    names.collect::<BTreeSet<_>>().into_iter().collect()
}

/// The segments of a comparison of arms, in the order of their places; one without a name if there are none.
#[must_use]
pub fn segments(tally: &Tally) -> Vec<Vec<Place>> {
    (0..tally.segment_places()).map(|at| public_name(tally.segments(), at)).collect()
}

/// How many of [`arm_cells`] have a name that begins with `name`.
#[must_use]
pub(super) fn cells_under(tally: &Tally, name: &[Place]) -> u64 {
    let told = match arm_of(name) {
        Some(Arm::Test) => tally.dimensions.len(),
        Some(Arm::Control) => ARM + tally.segments().len(),
        Some(Arm::Several | Arm::Other) | None => ARM,
    };
    let rest = tally.dimensions.iter().take(told).skip(name.len());
    rest.filter_map(Dimension::places).fold(1, u64::saturating_mul)
}

/// Places in a name before those of segments: the arm, and whether the person was found.
const ARM: usize = 2;
