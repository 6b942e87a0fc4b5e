//! Names of cells.

use super::Place;
use crate::tally::Dimension;

/// The name of the public cell at `at` in the order of the tally: row-major, the last dimension fastest.
#[must_use]
pub fn public_name(dimensions: &[Dimension], at: u64) -> Vec<Place> {
    let mut rest = at;
    let mut name: Vec<_> = (dimensions.iter().rev())
        .map(|dimension| {
            // A dimension without public places does not get here.
            let places = dimension.places().unwrap_or(1).max(1);
            let place = u32::try_from(rest % places).unwrap_or(u32::MAX);
            rest /= places;
            Place::Index(place)
        })
        .collect();
    name.reverse();
    name
}
