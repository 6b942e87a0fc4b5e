//! A model, as its receivers read it: all that scoring needs.

use crate::tally::Loss;
use serde::{Deserialize, Serialize};

/// A model, and what is known of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrainAnswer {
    /// Whose people it was trained on, in words.
    pub counted: String,
    /// What it says, in words.
    pub learns: String,
    /// How a score becomes what it says.
    pub loss: Loss,
    /// The largest label; larger ones counted as this.
    pub cap: f64,
    /// Confidence level of the intervals.
    pub confidence: f64,
    /// About how many people there are, as the job says.
    pub people: u64,
    /// Whether the settings are those of the rule.
    pub by_rule: bool,
    /// Settings.
    pub settings: TrainedSettings,
    /// The sum of labels of people who were trained on; null of a dense model.
    pub label_sum: Option<LabelSum>,
    /// The score of everybody before any feature: of a dense model, of somebody all of whose numbers are 0.
    pub intercept: f64,
    /// Features; of an additive model the score of a person is the intercept and the weight of one bin of each.
    pub features: Vec<TrainedFeature>,
    /// The weights of a dense model; null of an additive one.
    pub network: Option<TrainedNetwork>,
    /// What people who were held out say of it.
    pub judged: Option<Judged>,
    /// Datasets that ask for consent.
    pub consent_from: Vec<String>,
}

/// How it was trained.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedSettings {
    /// Gradient steps.
    pub steps: u32,
    /// How likely a person was in a step; null of an additive model, where everybody is in every step.
    pub batch: Option<f64>,
    /// How far one residual counted, as a share of the cap; of a dense model the norm of one gradient.
    pub clip: f64,
    /// Learning rate.
    pub rate: f64,
    /// Share of the last velocity that was kept.
    pub momentum: f64,
    /// Weight of the squared weights in the loss.
    pub ridge: f64,
    /// Over how many of the last steps weights were averaged.
    pub averaged: u32,
    /// Standard deviation of the noise in each sum of a step, in shares of the cap; of a dense model in clips.
    pub step_noise_sd: f64,
    /// What a network's first weights follow from; null of an additive model.
    pub seed: Option<u64>,
}

/// The sum of labels, in units of the label.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct LabelSum {
    /// The sum, noise included.
    pub value: f64,
    /// Standard deviation of the noise.
    pub noise_sd: f64,
    /// Interval of the sum.
    pub ci: [f64; 2],
}

/// A feature with its weights.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedFeature {
    /// The dataset whose rows are read.
    pub dataset: String,
    /// The column; null where rows are counted.
    pub column: Option<String>,
    /// How a person's rows become a bin.
    pub reads: Reads,
    /// Decimals of the column, to which its numbers are read.
    pub decimals: u8,
    /// Edges between bins, ascending; a number at an edge is above it.
    pub edges: Vec<f64>,
    /// Ends that are -1 and 1 of a dense model's number; null of a feature in bins.
    pub between: Option<[f64; 2]>,
    /// Bins; the first is of people without a value. None of a number.
    pub bins: Vec<TrainedBin>,
}

/// A dense model: a linear one, or a network.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedNetwork {
    /// Units of each hidden layer; none of a linear model.
    pub hidden: Vec<u32>,
    /// Layer by layer and unit by unit, the output last: a weight for each number that goes in, and then that of the constant.
    pub weights: Vec<f64>,
}

/// How a person's rows become a bin.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever scores must see a new one")]
pub enum Reads {
    /// The only value that all of the rows have.
    OnlyValue,
    /// The total over the rows.
    Total,
    /// The number of rows.
    Rows,
}

/// A bin with its weight.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TrainedBin {
    /// A value of the public list, or a range of numbers.
    pub name: String,
    /// What it adds to the score; null of a dense model, whose weights are the network's.
    pub weight: Option<f64>,
}

/// What people who were not trained on say of a model.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Judged {
    /// The share of people who were held out.
    pub share: f64,
    /// How well scores tell people with the label from those without it.
    pub auc: Option<Auc>,
    /// The largest share of people in one of the bins in which scores were counted.
    pub largest_bin: Option<f64>,
    /// People by score: the bins in which they were counted, merged until each has a tenth of them.
    pub bins: Vec<ScoreBin>,
}

/// The probability that a person with the label has a higher score than one without it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Auc {
    /// The estimate. People in one bin of scores count half.
    pub value: f64,
    /// Standard deviation of what the noise adds.
    pub noise_sd: f64,
    /// How far the order of people within bins that have more than a quarter of them could move it, up or down.
    pub ties: f64,
    /// Interval, of noise, of sampling and of these ties.
    pub ci: [f64; 2],
}

/// People who were held out, in one bin of scores.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ScoreBin {
    /// What the model says of the lowest score of the bin.
    pub says_from: f64,
    /// What it says of the highest.
    pub says_to: f64,
    /// What it says of them on average.
    pub says: Option<f64>,
    /// People, noise included.
    pub people: Option<i64>,
    /// Standard deviation of the noise in the number of people, which is that of two counts.
    pub people_noise_sd: f64,
    /// The share of them who have the label.
    pub rate: Option<f64>,
    /// Interval of this share.
    pub ci: Option<[f64; 2]>,
}
