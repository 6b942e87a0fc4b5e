//! What every rule of attribution says.

use super::window::Window;

/// In which shares an outcome is credited to the exposures of its window.
pub(super) trait Rule: Send + Sync {
    /// Adds the weight of each place of `window`; none to an empty one. It is a function of the days and places of the
    /// exposures, whatever their order.
    fn weigh(&self, window: &Window<'_>, weights: &mut [u64]);
}

/// Adds to the weight of a place.
pub(super) fn add(weights: &mut [u64], place: u32, weight: u64) {
    let at = usize::try_from(place).ok().and_then(|at| weights.get_mut(at));
    if let Some(sum) = at {
        *sum = sum.saturating_add(weight);
    }
}
