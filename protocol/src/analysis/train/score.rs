//! A model outside of any room: scores of one's own people, by the binning that training used.

use super::answer::{Reads, TrainAnswer, TrainedFeature};
use crate::{
    learning::{self, dense},
    tally::{Ends, Loss},
};

/// What a model sees of a person in one feature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever scores must see a new one")]
pub enum Seen {
    /// The bin, by its place.
    Bin(usize),
    /// The number between the feature's ends, in units of 2⁻¹¹.
    Number(i16),
}

/// What is written is no value of the feature.
///
/// Remedy: write a value of the feature, or nothing if there is none.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("no value of the feature")]
#[expect(clippy::exhaustive_structs, reason = "there is nothing more to say")]
pub struct Unreadable;

impl TrainedFeature {
    /// What is seen of a person whose value is written so: nothing of an empty text, and of no rows, as of people who were not
    /// found.
    ///
    /// # Errors
    ///
    /// [`Unreadable`] for what is no value of the feature.
    pub fn seen(&self, text: &str) -> Result<Option<Seen>, Unreadable> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        match self.reads {
            Reads::OnlyValue => {
                // The first bin has a name of ours.
                let found = self.bins.iter().skip(1).position(|bin| bin.name == text);
                found.map(|at| Some(Seen::Bin(at + 1))).ok_or(Unreadable)
            }
            Reads::Total => {
                let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
                Ok(Some(self.of_number(number.ok_or(Unreadable)?)))
            }
            // Whoever has no row was not found, and was so in training.
            Reads::Rows => match rows(text).ok_or(Unreadable)? {
                0 => Ok(None),
                rows => Ok(Some(self.of_number(f64::from(rows)))),
            },
        }
    }

    /// What is seen of somebody without a value.
    #[must_use]
    pub fn missing(&self) -> Seen {
        match (self.ends(), self.reads) {
            (None, _) => Seen::Bin(0),
            (Some(ends), Reads::Rows) => Seen::Number(ends.number(0)),
            (Some(_), Reads::OnlyValue | Reads::Total) => Seen::Number(0),
        }
    }

    /// What people are told apart by when two files are compared: bins; of a number eight even parts between its ends, and before
    /// them the people without a value.
    #[must_use]
    pub fn parts(&self) -> Vec<String> {
        let Some([lower, upper]) = self.between else {
            return self.bins.iter().map(|bin| bin.name.clone()).collect();
        };
        let end = |part: u8| lower + (upper - lower) * f64::from(part) / f64::from(PARTS);
        let named = |part: u8| format!("{:.4} to {:.4}", end(part), end(part + 1));
        std::iter::once("(not found)".to_owned()).chain((0..PARTS).map(named)).collect()
    }

    /// The place among [`parts`](Self::parts) of a person of whom this is seen.
    #[must_use]
    pub fn part(&self, seen: Option<Seen>) -> usize {
        match seen {
            None => 0,
            Some(Seen::Bin(bin)) => bin,
            Some(Seen::Number(number)) => {
                let above = i32::from(number) + i32::from(dense::UNITS);
                let part = above * i32::from(PARTS) / (2 * i32::from(dense::UNITS));
                1 + usize::try_from(part.clamp(0, i32::from(PARTS) - 1)).unwrap_or(0)
            }
        }
    }

    /// To the decimals of the column, as sealing reads numbers.
    fn of_number(&self, number: f64) -> Seen {
        let units = (number * self.units_per_one()).round();
        match self.ends() {
            Some(ends) => Seen::Number(ends.number(whole(units))),
            None => Seen::Bin(1 + self.edges_in_units().take_while(|edge| *edge <= units).count()),
        }
    }

    /// Ends in units of the column; `None` of a feature in bins.
    fn ends(&self) -> Option<Ends> {
        let unit = self.units_per_one();
        let [lower, upper] = self.between?.map(|end| whole((end * unit).round()));
        Some(Ends { lower, upper })
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
    /// What scores people by this model; `None` if it is not one that was trained: weights are missing, or one too many.
    #[must_use]
    pub fn scorer(&self) -> Option<Scorer<'_>> {
        let Some(found) = &self.network else {
            let weights = self.features.iter().flat_map(|feature| &feature.bins);
            let are_there = weights.clone().all(|bin| bin.weight.is_some());
            return are_there.then_some(Scorer { model: self, network: None });
        };
        let numbers = self.features.iter().map(|feature| match feature.between {
            Some(_) => 1,
            None => feature.bins.len().saturating_sub(1),
        });
        // Of a plan a network takes its shape alone.
        let plan = dense::Plan {
            inputs: u32::try_from(numbers.sum::<usize>()).ok()?,
            hidden: found.hidden.clone(),
            loss: learning::Loss::Squared,
            cap: 1,
            people: 1,
            sampled: dense::CERTAIN,
            steps: 1,
            clip: 1.0,
            rate: 1.0,
            momentum: 0.0,
            ridge: 0.0,
            averaged: 1,
            seed: 0,
        };
        let fits = plan.is_sound() && plan.weights() == found.weights.len();
        let network = fits.then(|| dense::Network::new(&plan, &found.weights))?;
        Some(Scorer { model: self, network: Some(network) })
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

/// Scores people by a model.
#[derive(Debug)]
pub struct Scorer<'m> {
    model: &'m TrainAnswer,
    network: Option<dense::Network>,
}

impl Scorer<'_> {
    /// The score of a person of whom this is seen, in each feature; `None` if something is missing, or is not of its feature.
    #[must_use]
    pub fn score(&self, seen: &[Seen]) -> Option<f64> {
        let features = &self.model.features;
        if seen.len() != features.len() {
            return None;
        }
        let Some(network) = &self.network else {
            let mut score = self.model.intercept;
            for (feature, seen) in features.iter().zip(seen) {
                let Seen::Bin(bin) = seen else { return None };
                score += feature.bins.get(*bin)?.weight?;
            }
            return Some(score);
        };
        let mut numbers = Vec::new();
        for (feature, seen) in features.iter().zip(seen) {
            match seen {
                Seen::Number(number) if feature.between.is_some() => numbers.push(*number),
                Seen::Bin(bin) if *bin < feature.bins.len() => {
                    dense::extend(&mut numbers, *bin, feature.bins.len());
                }
                _ => return None,
            }
        }
        Some(network.score(&numbers).into())
    }
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "beyond all ends it counts as an end"
)]
fn whole(number: f64) -> i64 {
    number as i64
}

/// Parts of a number's range that are told apart.
const PARTS: u8 = 8;

/// How many rows a person has, as a file says it: an empty text is 0. `None` if the text is not a number of rows.
#[must_use]
pub fn rows(text: &str) -> Option<u32> {
    let text = text.trim();
    // Other programs write the 4 of a column with gaps as 4.0.
    let whole = text.split_once('.').filter(|(_, rest)| rest.bytes().all(|byte| byte == b'0'));
    let whole = whole.map_or(text, |(whole, _)| whole);
    if text.is_empty() { Some(0) } else { whole.parse().ok() }
}
