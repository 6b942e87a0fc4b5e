//! All to the last exposure.

use super::rule::{Rule, add};
use super::window::Window;

/// All to the last day's exposure, of the place that comes first.
pub(super) struct Last;

impl Rule for Last {
    fn weigh(&self, window: &Window<'_>, weights: &mut [u64]) {
        if let Some(place) = window.last() {
            add(weights, place, 1);
        }
    }
}
