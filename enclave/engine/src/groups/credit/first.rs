//! All to the first exposure.

use super::rule::{Rule, add};
use super::window::Window;

/// All to the first day's exposure, of the place that comes first.
pub(super) struct First;

impl Rule for First {
    fn weigh(&self, window: &Window<'_>, weights: &mut [u64]) {
        if let Some(place) = window.first() {
            add(weights, place, 1);
        }
    }
}
