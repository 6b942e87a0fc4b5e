//! Overlap: how many people of several datasets are the same. Intersection, union and differences,
//! match rates and Jaccard indices.

mod answer;
mod ask;
mod citations;
mod estimate;
mod question;
mod raw;
#[cfg(any(test, feature = "samples"))]
pub mod sample;
mod tally;
pub mod uses;
mod words;

use super::{Analysis, Price, Scope, toml::TemplateError, uses::Section};
use crate::{
    answers::citation::Citation,
    page::Page,
    proof::{Proven, Split},
    refusal::Refusal,
    released::Released,
    result::JobResult,
    tally::Tally,
    units::{Millionths, Scale},
};

pub use answer::{
    Count, DatasetPeople, Found, OverlapAnswer, PairOverlap, PlacePeople, SegmentOverlap,
    SegmentValue, Segments, Share,
};
pub use question::Overlap;

impl Analysis for Overlap {
    const KIND: &'static str = uses::SECTION.kind;
    const SECTION: &'static Section = &uses::SECTION;
    const FLAGS: &'static [&'static str] = &["all_withheld", "places_withheld", "without_key"];
    type Toml = raw::RawOverlap;
    type Answer = OverlapAnswer;

    fn ask(toml: &Self::Toml, scope: &Scope<'_>) -> Result<Self, TemplateError> {
        ask::question(toml, scope)
    }

    fn price(&self) -> Price {
        let Self { epsilon, delta, min_cell, .. } = *self;
        let split = Split { n: 1000, sum: 0, products: 0 };
        Price { epsilon, delta, selection_delta: 0, split, min_cell }
    }

    /// Its lists are at most as long as a tally's, which is checked where they are read.
    fn check_lengths(&self) -> Result<(), Refusal> {
        Ok(())
    }

    fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal> {
        tally::tally(self, scope)
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
    ) -> Option<(OverlapAnswer, Vec<String>)> {
        Some(estimate::answer(&released.view(proven)?, self, scope))
    }

    fn shown_from(answer: &OverlapAnswer) -> Option<i64> {
        Some(answer.shown_from)
    }

    fn page(result: &JobResult<OverlapAnswer>) -> Page {
        words::page(result)
    }

    fn citations(answer: &OverlapAnswer) -> Vec<Citation> {
        citations::citations(answer)
    }
}

#[cfg(test)]
mod tests;
