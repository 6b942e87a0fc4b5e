//! A model outside of any room: scores of one's own people, by the binning that training used.

use super::answer::{Reads, TrainAnswer, TrainedFeature};
use crate::tally::Loss;

impl TrainedFeature {
    /// The bin of a person whose value is written so. It is the first one for nothing, and for no rows; `None` for what is no
    /// value of the feature.
    #[must_use]
    pub fn bin(&self, text: &str) -> Option<usize> {
        let text = text.trim();
        if text.is_empty() {
            return Some(0);
        }
        match self.reads {
            Reads::OnlyValue => {
                // The first bin has a name of ours.
                let found = self.bins.iter().skip(1).position(|bin| bin.name == text);
                found.map(|at| at + 1)
            }
            Reads::Total => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite())?;
                Some(self.above(number))
            }
            // Whoever has no row was not found, and was so in training.
            Reads::Rows => match rows(text)? {
                0 => Some(0),
                rows => Some(self.above(f64::from(rows))),
            },
        }
    }

    fn above(&self, number: f64) -> usize {
        // To the decimals of the column, as sealing reads numbers.
        let units = (number * self.units_per_one()).round();
        1 + self.edges_in_units().take_while(|edge| *edge <= units).count()
    }

    /// How many units of the column are in 1.
    #[must_use]
    pub fn units_per_one(&self) -> f64 {
        statistics::special::power_of_ten(self.decimals)
    }

    /// Edges between bins in units of the column, which are whole.
    pub fn edges_in_units(&self) -> impl Iterator<Item = f64> {
        let unit = self.units_per_one();
        self.edges.iter().map(move |edge| (edge * unit).round())
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

/// How many rows a person has, as a file says it: an empty text is 0. `None` if the text is not a number of rows.
#[must_use]
pub fn rows(text: &str) -> Option<u32> {
    let text = text.trim();
    // Other programs write the 4 of a column with gaps as 4.0.
    let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|byte| byte == b'0'));
    let whole = whole.map_or(text, |(whole, _)| whole);
    if text.is_empty() { Some(0) } else { whole.parse().ok() }
}
