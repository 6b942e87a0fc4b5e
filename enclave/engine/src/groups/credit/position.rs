//! Most to the first and to the last exposure.

use super::rule::{Rule, add};
use super::window::Window;

/// Of three exposures or more two fifths to the first one, two fifths to the last one, and the rest to the others alike; of two to
/// both alike. First and last are those that the rules of that name credit; where these are the same exposure it has both shares.
pub(super) struct Position;

impl Rule for Position {
    fn weigh(&self, window: &Window<'_>, weights: &mut [u64]) {
        for (weight, count) in weights.iter_mut().zip(window.counts()) {
            *weight = *count;
        }
        // An end has one already. With n exposures two ends of 2(n-2) and n-2 of 1 are 5(n-2).
        let others = window.len().saturating_sub(2);
        let end = others.saturating_mul(2).saturating_sub(1);
        for place in [window.first(), window.last()].into_iter().flatten().filter(|_| others > 0) {
            add(weights, place, end);
        }
    }
}
