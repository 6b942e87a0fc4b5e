//! A private choice: one place of a table is released, and no figure. Which group has the most
//! people, which cap would clip this share?

mod answer;
mod ask;
mod citations;
mod estimate;
mod question;
mod raw;
#[cfg(any(test, feature = "samples"))]
pub mod sample;
mod tally;
mod words;

use super::{Analysis, Leaves, Price, Scope, rules, table, toml::TemplateError, uses::Section};
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

pub use answer::ChoiceAnswer;
pub use question::{ChoiceOf, ChoiceQuestion};

impl Analysis for ChoiceQuestion {
    const KIND: &'static str = "choice";
    const SECTION: &'static Section = &table::uses::SECTION;
    const FLAGS: &'static [&'static str] = &[];
    type Toml = raw::RawChoice;
    type Answer = ChoiceAnswer;

    fn ask(toml: &Self::Toml, scope: &Scope<'_>) -> Result<Self, TemplateError> {
        ask::question(toml, scope)
    }

    fn price(&self) -> Price {
        let Self { epsilon, delta, .. } = *self;
        let split = Split { n: 1000, sum: 0, products: 0 };
        // No count is released, so there is no smallest one.
        Price { epsilon, delta, selection_delta: 0, split, min_cell: 0 }
    }

    fn check_lengths(&self) -> Result<(), Refusal> {
        if let ChoiceOf::Quantile { edges, .. } = &self.of {
            rules::within(Limit::Edges, edges.len(), limits::VALUES)?;
        }
        table::check_filters(&self.rows)
    }

    fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal> {
        tally::tally(self, scope)
    }

    fn leaves(&self) -> Leaves {
        Leaves::Place(self.by())
    }

    fn measures(&self) -> Vec<(String, Scale)> {
        Vec::new()
    }

    fn at_confidence(&self, _: Millionths) -> Option<Self> {
        None
    }

    fn estimate(
        &self,
        released: &Released,
        proven: &Proven,
        scope: &Scope<'_>,
    ) -> Option<(ChoiceAnswer, Vec<String>)> {
        let Released::Place(chosen) = released else { return None };
        estimate::answer(*chosen, proven, self, scope)
    }

    fn page(result: &JobResult<ChoiceAnswer>) -> Page {
        words::page(result)
    }

    fn citations(answer: &ChoiceAnswer) -> Vec<Citation> {
        citations::citations(answer)
    }
}
