//! People by in how many cells they would be.

use super::{Figure, View};

impl View<'_> {
    /// People by in how many cells they would be, in the bins of [`Tally::spread`](crate::tally::Tally::spread); empty if that is not counted.
    pub fn spread(&self) -> impl Iterator<Item = Figure> + '_ {
        let noise = self.vectors.spread.map_or(0.0, |spread| self.variance(spread.sigma, 1));
        self.figures.spread.iter().map(move |value| Figure { value: *value, noise_variance: noise })
    }
}
