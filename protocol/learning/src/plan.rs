//! What is trained, and how: public figures alone.

use crate::{BINS, FEATURES, QUANTA, pace::Pace};

/// What the model says of a person.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever links scores must see a new loss")]
pub enum Loss {
    /// How likely a label of 0 or 1 is 1.
    Logistic,
    /// An amount from 0 to a cap, as a share of the cap: a linear model.
    Squared,
    /// A count from 0 to a cap.
    Poisson,
}

/// A feature: so many bins, the first of which is for people without a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "two public figures")]
pub struct Feature {
    /// How many bins there are.
    pub bins: u32,
    /// Whether bins after the first are in an order, so that neighbours are alike.
    pub is_ordered: bool,
}

/// Everything that a training depends on beside its sums.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever trains names all of it")]
pub struct Plan {
    /// Features.
    pub features: Vec<Feature>,
    /// What the model says.
    pub loss: Loss,
    /// The largest label; larger ones count as this.
    pub cap: u32,
    /// About how many people there are: a public figure, and no count of the data.
    pub people: u64,
    /// How many gradient steps are made.
    pub steps: u32,
    /// How far one residual counts, in quanta.
    pub clip: u32,
    /// Learning rate.
    pub rate: f64,
    /// Share of the last velocity that is kept.
    pub momentum: f64,
    /// Weight of the squared weights in the loss.
    pub ridge: f64,
    /// Over how many of the last steps weights are averaged.
    pub averaged: u32,
}

impl Plan {
    /// Whether all figures are within what can be computed.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let logistic = self.loss != Loss::Logistic || self.cap == 1;
        (1..=FEATURES).contains(&self.features.len())
            && self.features.iter().all(|feature| (2..=BINS).contains(&feature.bins))
            && self.cap >= 1
            && logistic
            && self.people >= 1
            && (1..=QUANTA).contains(&self.clip)
            && self.pace().is_sound()
    }

    /// Whether the ridge pulls weights back by more than they are, at this rate: then they grow without end.
    #[must_use]
    pub fn overshoots(&self) -> bool {
        self.pace().overshoots()
    }

    /// How its weights move.
    pub(crate) fn pace(&self) -> Pace {
        let Self { steps, rate, momentum, ridge, averaged, .. } = *self;
        Pace { steps, rate, momentum, ridge, averaged }
    }

    /// The number of bins of all features together: the entries of one step.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.features.iter().map(|feature| wide(feature.bins)).sum()
    }

    /// Where the bins of each feature begin, and how many it has.
    pub fn ranges(&self) -> impl Iterator<Item = (usize, usize, &Feature)> {
        let mut next = 0;
        self.features.iter().map(move |feature| {
            let start = next;
            next += wide(feature.bins);
            (start, wide(feature.bins), feature)
        })
    }
}

pub(crate) fn wide(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
