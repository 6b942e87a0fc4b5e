//! What a campaign in some places changed there, beside places without it: geo lift.
//!
//! Its page of documentation is `geo/README.md`.

mod answer;
mod ask;
mod citations;
pub mod design;
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

pub use answer::{
    Frequency, GeoAnswer, GeoCell, GeoEstimate, GeoWeight, IntervalKind, PeopleInCells,
    PlaceboInSpace, PlaceboInTime,
};
pub use question::{Cell, Geo, Method, Pair};

impl Analysis for Geo {
    const KIND: &'static str = uses::SECTION.kind;
    const SECTION: &'static Section = &uses::SECTION;
    const FLAGS: &'static [&'static str] = &[
        "treated_withheld",
        "nothing_to_compare",
        "not_estimated",
        "poor_fit",
        "drifts",
        "outside_interval",
        "empty_interval",
        "too_few_periods",
        "one_treated_place",
        "others_withheld",
        "more_places_than_periods",
        "noise_dominates",
        "moved_before",
        "nothing_without",
        "no_cost",
        "less_than_nothing",
        "cells_left_out",
    ];
    type Toml = raw::RawGeo;
    type Answer = GeoAnswer;

    fn ask(toml: &Self::Toml, scope: &Scope<'_>) -> Result<Self, TemplateError> {
        ask::question(toml, scope)
    }

    fn price(&self) -> Price {
        let Self { epsilon, delta, split, min_cell, .. } = *self;
        Price { epsilon, delta, selection_delta: 0, split, min_cell }
    }

    fn check_lengths(&self) -> Result<(), Refusal> {
        rules::within(Limit::Values, tally::used(self).count(), limits::VALUES)?;
        rules::within(Limit::Values, self.left_out.len(), limits::VALUES)?;
        for cell in &self.cells {
            rules::within(Limit::Values, cell.pairs.len(), limits::VALUES)?;
        }
        check_filters(&self.rows)
    }

    fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal> {
        tally::tally(self, scope)
    }

    fn measures(&self) -> Vec<(String, Scale)> {
        vec![(self.outcome.name.clone(), self.outcome.scale)]
    }

    fn at_confidence(&self, confidence: Millionths) -> Option<Self> {
        Some(Self { confidence, ..self.clone() })
    }

    fn estimate(
        &self,
        released: &Released,
        proven: &Proven,
        scope: &Scope<'_>,
    ) -> Option<(GeoAnswer, Vec<String>)> {
        estimate::answer(&released.view(proven)?, self, scope)
    }

    fn shown_from(answer: &GeoAnswer) -> Option<i64> {
        Some(answer.shown_from)
    }

    fn page(result: &JobResult<GeoAnswer>) -> Page {
        words::page(result)
    }

    fn citations(answer: &GeoAnswer) -> Vec<Citation> {
        citations::citations(answer)
    }
}
