//! Reach and frequency: how many people were reached by one or several publishers, and how often.
//! It is never a sum of reaches.
//!
//! Its page of documentation is `reach/README.md`.

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

pub use answer::{Average, Frequency, Group, Groups, People, ReachAnswer, Times};
pub use question::{Per, Reach};

impl Analysis for Reach {
    const KIND: &'static str = uses::SECTION.kind;
    const SECTION: &'static Section = &uses::SECTION;
    const FLAGS: &'static [&'static str] = &["all_withheld", "without_key", "values_left_out"];
    type Toml = raw::RawReach;
    type Answer = ReachAnswer;

    fn ask(toml: &Self::Toml, scope: &Scope<'_>) -> Result<Self, TemplateError> {
        ask::question(toml, scope)
    }

    fn price(&self) -> Price {
        let Self { epsilon, delta, min_cell, .. } = *self;
        // Bins say how many rows people have, so the sum of rows adds nothing. It must have some
        // noise of its own, and gets the smallest share there is.
        let split = match self.per {
            Per::Frequency | Per::Column { frequencies: true, .. } => {
                Split { n: 999, sum: 1, products: 0 }
            }
            // With equal shares, the noise on rows would be as many times wider as a person may
            // have rows.
            Per::Dataset | Per::Column { frequencies: false, .. } => {
                Split { n: 300, sum: 700, products: 0 }
            }
        };
        Price { epsilon, delta, selection_delta: 0, split, min_cell }
    }

    fn check_lengths(&self) -> Result<(), Refusal> {
        rules::within(Limit::Datasets, self.datasets.len(), limits::TABLES)?;
        check_filters(&self.rows)
    }

    fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal> {
        tally::tally(self, scope)
    }

    fn measures(&self) -> Vec<(String, Scale)> {
        let rows = |name: &String| (format!("rows of {name}"), Scale::WHOLE);
        match self.per {
            Per::Frequency => vec![("rows of all datasets".to_owned(), Scale::WHOLE)],
            Per::Dataset | Per::Column { .. } => self.datasets.iter().map(rows).collect(),
        }
    }

    fn at_confidence(&self, confidence: Millionths) -> Option<Self> {
        Some(Self { confidence, ..self.clone() })
    }

    fn estimate(
        &self,
        released: &Released,
        proven: &Proven,
        scope: &Scope<'_>,
    ) -> Option<(ReachAnswer, Vec<String>)> {
        Some(estimate::answer(&released.view(proven)?, self, scope))
    }

    fn shown_from(answer: &ReachAnswer) -> Option<i64> {
        Some(answer.shown_from)
    }

    fn page(result: &JobResult<ReachAnswer>) -> Page {
        words::page(result)
    }

    fn citations(answer: &ReachAnswer) -> Vec<Citation> {
        citations::citations(answer)
    }
}
