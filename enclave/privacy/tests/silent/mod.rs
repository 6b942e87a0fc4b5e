//! A sampler that adds nothing and says so, as that of a rehearsal does.

use privacy::sampler::{Chance, Noise, Scale, Variance};

pub(crate) struct Silent;

impl Noise for Silent {
    fn gaussian(&mut self, _: Variance) -> i64 {
        0
    }

    fn laplace(&mut self, _: Scale) -> i64 {
        0
    }

    fn batch(&mut self, _: Chance, _: u32) -> Vec<u32> {
        Vec::new()
    }

    fn variance_of(&self, _: Variance) -> f64 {
        0.0
    }
}
