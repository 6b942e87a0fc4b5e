//! Counts and sums by group: how many people are there, and what did they do?

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

use super::{Analysis, Price, Scope, rules, toml::TemplateError, uses::Section};
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

pub use answer::{
    CountRange, Estimate, MatchedShare, MeasureEstimate, OtherCells, OtherTotal, SpreadEstimate,
    TableAnswer, TableCell,
};
pub(super) use ask::ListedColumns;
pub(super) use estimate::{counted, measure_words, row_words};
pub use question::{Filter, GroupBy, Statistic, TableMeasure, TableQuestion};
pub(super) use raw::RawMeasure;

impl Analysis for TableQuestion {
    const KIND: &'static str = uses::SECTION.kind;
    const SECTION: &'static Section = &uses::SECTION;
    const FLAGS: &'static [&'static str] = &["all_withheld", "truncated"];
    type Toml = raw::RawTable;
    type Answer = TableAnswer;

    fn ask(toml: &Self::Toml, scope: &Scope<'_>) -> Result<Self, TemplateError> {
        ask::question(toml, scope)
    }

    fn price(&self) -> Price {
        let Self { epsilon, delta, selection_delta, split, min_cell, .. } = *self;
        Price { epsilon, delta, selection_delta, split, min_cell }
    }

    fn check_lengths(&self) -> Result<(), Refusal> {
        rules::within(Limit::Outcomes, self.measures.len(), limits::MEASURES)?;
        rules::within(Limit::GroupBy, self.group_by.len(), limits::GROUP_BY)?;
        for group in &self.group_by {
            if let GroupBy::Bins { edges, .. } = group {
                rules::within(Limit::Edges, edges.len(), limits::VALUES)?;
            }
        }
        check_filters(&self.rows)
    }

    fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal> {
        tally::tally(self, scope)
    }

    fn measures(&self) -> Vec<(String, Scale)> {
        self.measures.iter().map(|measure| (measure.name.clone(), measure.scale)).collect()
    }

    fn at_confidence(&self, confidence: Millionths) -> Option<Self> {
        Some(Self { confidence, ..self.clone() })
    }

    fn estimate(
        &self,
        released: &Released,
        proven: &Proven,
        scope: &Scope<'_>,
    ) -> Option<(TableAnswer, Vec<String>)> {
        Some(estimate::answer(&released.view(proven)?, self, scope))
    }

    fn shown_from(answer: &TableAnswer) -> Option<i64> {
        Some(answer.shown_from)
    }

    fn page(result: &JobResult<TableAnswer>) -> Page {
        words::page(result)
    }

    fn citations(answer: &TableAnswer) -> Vec<Citation> {
        citations::citations(answer)
    }
}

/// Refuses too many conditions, or too many values in one condition.
pub(super) fn check_filters(rows: &[Filter]) -> Result<(), Refusal> {
    rules::within(Limit::Conditions, rows.len(), limits::CONDITIONS)?;
    rows.iter().try_for_each(|filter| match filter {
        Filter::OneOf { values, .. } => rules::within(Limit::Values, values.len(), limits::VALUES),
        Filter::Between { .. } => Ok(()),
    })
}
