//! To which exposures what people did is credited: sales by the last channel before them, within seven days.
//!
//! Its page of documentation is `attribution/README.md`.

mod answer;
mod ask;
mod citations;
mod estimate;
mod question;
mod raw;
#[cfg(any(test, feature = "samples"))]
pub mod sample;
mod tally;
#[cfg(test)]
mod tests;
pub mod uses;
mod words;

use super::{
    Analysis, Price, Scope, rules, table::check_filters, toml::TemplateError, uses::Section,
};
use crate::{
    answers::citation::Citation,
    limits,
    page::Page,
    proof::{Proven, Split},
    refusal::{Limit, Refusal},
    released::Released,
    result::JobResult,
    tally::Tally,
    units::{Millionths, Scale},
};

pub use answer::{Asked, AttributionAnswer, Place};
pub use question::{Attribution, Credited};

impl Analysis for Attribution {
    const KIND: &'static str = uses::SECTION.kind;
    const SECTION: &'static Section = &uses::SECTION;
    const FLAGS: &'static [&'static str] = &["all_withheld", "values_left_out"];
    type Toml = raw::RawAttribution;
    type Answer = AttributionAnswer;

    fn ask(toml: &Self::Toml, scope: &Scope<'_>) -> Result<Self, TemplateError> {
        ask::question(toml, scope)
    }

    fn price(&self) -> Price {
        let Self { epsilon, delta, min_cell, .. } = *self;
        let split = Split { n: 300, sum: 700, products: 0 };
        Price { epsilon, delta, selection_delta: 0, split, min_cell }
    }

    fn check_lengths(&self) -> Result<(), Refusal> {
        rules::within(Limit::Outcomes, self.outcomes.len(), limits::MEASURES)?;
        check_filters(&self.rows)
    }

    fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal> {
        tally::tally(self, scope)
    }

    fn measures(&self) -> Vec<(String, Scale)> {
        let scale = |outcome: &Credited| outcome.released_scale(self.model);
        self.outcomes.iter().map(|outcome| (outcome.name.clone(), scale(outcome))).collect()
    }

    fn at_confidence(&self, confidence: Millionths) -> Option<Self> {
        Some(Self { confidence, ..self.clone() })
    }

    fn estimate(
        &self,
        released: &Released,
        proven: &Proven,
        scope: &Scope<'_>,
    ) -> Option<(AttributionAnswer, Vec<String>)> {
        estimate::answer(&released.view(proven)?, self, scope)
    }

    fn shown_from(answer: &AttributionAnswer) -> Option<i64> {
        Some(answer.shown_from)
    }

    fn page(result: &JobResult<AttributionAnswer>) -> Page {
        words::page(result)
    }

    fn citations(answer: &AttributionAnswer) -> Vec<Citation> {
        citations::citations(answer)
    }
}
