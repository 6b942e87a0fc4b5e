//! What people of a cohort did in the days after their own start: new subscribers' purchases within 30 days.
//!
//! Its page of documentation is `outcomes/README.md`.

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
    proof::Proven,
    refusal::{Limit, Refusal},
    released::Released,
    result::JobResult,
    tally::Tally,
    units::{Millionths, Scale},
};

pub use answer::{AmountEstimate, Elsewhere, Others, OutcomesAnswer, Segment, Share};
pub(in crate::analysis) use ask::date;
pub use question::{Amount, Days, Outcomes};

impl Analysis for Outcomes {
    const KIND: &'static str = uses::SECTION.kind;
    const SECTION: &'static Section = &uses::SECTION;
    const FLAGS: &'static [&'static str] = &[
        "all_withheld",
        "refusals_known_by_outcome",
        "some_refusals_known_by_outcome",
        "not_found_by_key",
        "starts_chosen",
    ];
    type Toml = raw::RawOutcomes;
    type Answer = OutcomesAnswer;

    fn ask(toml: &Self::Toml, scope: &Scope<'_>) -> Result<Self, TemplateError> {
        ask::question(toml, scope)
    }

    fn price(&self) -> Price {
        let Self { epsilon, delta, split, min_cell, .. } = *self;
        Price { epsilon, delta, selection_delta: 0, split, min_cell }
    }

    fn check_lengths(&self) -> Result<(), Refusal> {
        // Beside the outcomes there is one more measure, for who has an outcome, and one more
        // dimension, for when people started.
        rules::within(Limit::Outcomes, self.outcomes.len(), limits::MEASURES - 1)?;
        rules::within(Limit::GroupBy, self.segments.len(), limits::GROUP_BY - 1)?;
        check_filters(&self.rows)
    }

    fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal> {
        tally::tally(self, scope)
    }

    fn measures(&self) -> Vec<(String, Scale)> {
        let found = ("people with an outcome".to_owned(), Scale::WHOLE);
        let outcomes = self.outcomes.iter().map(|outcome| (outcome.name.clone(), outcome.scale));
        std::iter::once(found).chain(outcomes).collect()
    }

    fn at_confidence(&self, confidence: Millionths) -> Option<Self> {
        Some(Self { confidence, ..self.clone() })
    }

    fn estimate(
        &self,
        released: &Released,
        proven: &Proven,
        scope: &Scope<'_>,
    ) -> Option<(OutcomesAnswer, Vec<String>)> {
        estimate::answer(&released.view(proven)?, self, scope)
    }

    fn shown_from(answer: &OutcomesAnswer) -> Option<i64> {
        Some(answer.shown_from)
    }

    fn page(result: &JobResult<OutcomesAnswer>) -> Page {
        words::page(result)
    }

    fn citations(answer: &OutcomesAnswer) -> Vec<Citation> {
        citations::citations(answer)
    }
}
