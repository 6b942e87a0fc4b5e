//! A model outside of any room: scores of one's own people, by the binning that training used.

use super::answer::{Reads, TrainAnswer, TrainedFeature};
use crate::tally::Loss;

impl TrainedFeature {
    /// The bin of a person whose value is written so; the first one for nothing, and for what is no value of the feature.
    #[must_use]
    pub fn bin(&self, text: &str) -> usize {
        let text = text.trim();
        match self.reads {
            Reads::OnlyValue => {
                // The first bin has a name of ours.
                let found = self.bins.iter().skip(1).position(|bin| bin.name == text);
                found.map_or(0, |at| at + 1)
            }
            Reads::Total | Reads::Rows => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => self.above(number),
                _ => 0,
            },
        }
    }

    fn above(&self, number: f64) -> usize {
        // To the decimals of the column, as sealing reads numbers.
        let unit = statistics::special::power_of_ten(self.decimals);
        let units = (number * unit).round();
        1 + self.edges.partition_point(|edge| (edge * unit).round() <= units)
    }
}

impl TrainAnswer {
    /// The score of a person who is in these bins, one for each feature; `None` if one is missing.
    #[must_use]
    pub fn score(&self, bins: &[usize]) -> Option<f64> {
        let mut score = self.intercept;
        for (at, feature) in self.features.iter().enumerate() {
            score += feature.bins.get(*bins.get(at)?)?.weight;
        }
        Some(score)
    }

    /// What a score says: how likely the label is, or how large.
    #[must_use]
    pub fn says(&self, score: f64) -> f64 {
        match self.loss {
            Loss::Logistic => 1.0 / (1.0 + libm::exp(-score)),
            Loss::Squared => score * self.cap,
            Loss::Poisson => libm::exp(score),
        }
    }
}
