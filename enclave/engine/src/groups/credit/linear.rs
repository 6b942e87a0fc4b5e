//! To all exposures alike.

use super::rule::Rule;
use super::window::Window;

/// To all exposures alike, each one row.
pub(super) struct Linear;

impl Rule for Linear {
    fn weigh(&self, window: &Window<'_>, weights: &mut [u64]) {
        for (weight, count) in weights.iter_mut().zip(window.counts()) {
            *weight = *count;
        }
    }
}
