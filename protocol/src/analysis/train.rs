//! A model of people, trained inside: an additive model on public bins, by steps that are sums with noise.
//!
//! Its page of documentation is `train/README.md`.

mod answer;
mod ask;
mod citations;
mod estimate;
pub mod membership;
mod question;
mod raw;
pub mod score;
mod scores;
mod settings;
mod tally;
#[cfg(test)]
mod tests;
pub mod uses;
mod words;

use super::{Analysis, Leaves, Price, Scope, rules, toml::TemplateError, uses::Section};
use crate::{
    answers::citation::Citation,
    learning,
    page::Page,
    proof::{Proven, Split},
    refusal::{Limit, Refusal},
    released::Released,
    result::JobResult,
    tally::{Binned, Tally},
    units::{Millionths, Scale},
};

pub use answer::{
    Auc, Judged, LabelSum, Reads, ScoreBin, TrainAnswer, TrainedBin, TrainedFeature,
    TrainedNetwork, TrainedSettings,
};
pub use question::Train;

impl Analysis for Train {
    const KIND: &'static str = uses::SECTION.kind;
    const SECTION: &'static Section = &uses::SECTION;
    const FLAGS: &'static [&'static str] = &[
        "weak_signal",
        "one_label",
        "label_unchecked",
        "judged_by_few",
        "label_shown",
        "scores_alike",
        "miscalibrated",
    ];
    type Toml = raw::RawTrain;
    type Answer = TrainAnswer;

    fn ask(toml: &Self::Toml, scope: &Scope<'_>) -> Result<Self, TemplateError> {
        ask::question(toml, scope)
    }

    fn price(&self) -> Price {
        let Self { epsilon, delta, .. } = *self;
        // All figures of a training are sums of steps; the proof divides its loss.
        let split = Split { n: 0, sum: 1000, products: 0 };
        // What a cap on the loss of drawn steps costs comes from the same account as selection.
        let dense = self.program.dense.as_ref();
        let selection_delta = dense.map_or(0, |dense| dense.delta.into());
        Price { epsilon, delta, selection_delta, split, min_cell: 0 }
    }

    fn check_lengths(&self) -> Result<(), Refusal> {
        rules::within(Limit::Edges, self.program.features.len(), learning::FEATURES)?;
        for feature in &self.program.features {
            if let Binned::Total { edges, .. } | Binned::Rows { edges } = &feature.of {
                rules::within(Limit::Edges, edges.len(), MOST_EDGES)?;
            }
        }
        Ok(())
    }

    fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal> {
        tally::tally(self, scope)
    }

    fn leaves(&self) -> Leaves {
        Leaves::Steps
    }

    fn measures(&self) -> Vec<(String, Scale)> {
        Vec::new()
    }

    fn at_confidence(&self, confidence: Millionths) -> Option<Self> {
        Some(Self { confidence, ..self.clone() })
    }

    fn estimate(
        &self,
        released: &Released,
        proven: &Proven,
        scope: &Scope<'_>,
    ) -> Option<(TrainAnswer, Vec<String>)> {
        let Released::Steps(trained) = released else { return None };
        estimate::answer(self, trained, proven, scope)
    }

    fn page(result: &JobResult<TrainAnswer>) -> Page {
        words::page(result)
    }

    fn citations(answer: &TrainAnswer) -> Vec<Citation> {
        citations::citations(answer)
    }
}

/// Edges of one feature: with the bin below the first and that of people without a value, a code of one byte.
const MOST_EDGES: usize = 254;
