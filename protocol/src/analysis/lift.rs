//! Randomised lift, intention to treat: what did a campaign change?

mod answer;
mod arms;
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

use super::{Analysis, Price, Scope, margin::Margin, rules, toml::TemplateError, uses::Section};
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
    ArmResult, BreakdownResult, Cell, CellCount, CupedResult, DiffInMeans, Economics,
    Heterogeneity, LateResult, LeftOut, LiftAnswer, MarginResult, MatchRate, MatchRates, NoiseSd,
    OutcomeResult, PartResult, RelativeLift, ReleasedAs, SampleRatio, SegmentRatio,
};
pub use arms::{
    ArmFigures, Arms, CellFigure, ContrastFigures, CovariateFigures, MeasureFigures, PairFigures,
    PartFigures, ReachedFigures, SegmentFigures,
};
pub use question::{
    Alternative, Breakdown, Cost, Covariate, Lift, Multiplicity, Outcome, OutcomeKind,
};

impl Analysis for Lift {
    const KIND: &'static str = uses::SECTION.kind;
    const SECTION: &'static Section = &uses::SECTION;
    const FLAGS: &'static [&'static str] = &[
        "srm_failed",
        "segment_srm_failed",
        "match_differs",
        "consent_with_outcome",
        "consent_differs",
        "contaminated",
        "contamination_hidden",
        "without_arm",
        "arms_pooled",
        "low_match",
        "arm_withheld",
        "part_withheld",
        "rest_left_out",
        // Flags of an outcome.
        "withheld",
        "too_few",
        "noise_dominates",
        "few_events",
        "few_payers",
        "variance_floored",
        "control_near_zero",
        "control_barely_above_zero",
        "less_than_nothing",
        "degenerate",
        "cost_unbounded",
        "first_stage_weak",
        "first_stage_barely_above_zero",
        "covariate_unused",
    ];
    type Toml = raw::RawLift;
    type Answer = LiftAnswer;

    fn ask(toml: &Self::Toml, scope: &Scope<'_>) -> Result<Self, TemplateError> {
        ask::question(toml, scope)
    }

    fn price(&self) -> Price {
        let Self { epsilon, delta, split, min_cell, .. } = *self;
        Price { epsilon, delta, selection_delta: 0, split, min_cell }
    }

    fn check_lengths(&self) -> Result<(), Refusal> {
        rules::within(Limit::Values, self.test.len(), limits::VALUES)?;
        rules::within(Limit::Values, self.control.len(), limits::VALUES)?;
        let segments = self.breakdown.as_ref().map_or(0, |breakdown| breakdown.segments.len());
        rules::within(Limit::GroupBy, segments, MOST_SEGMENTS)?;
        // Who was reached is a measure, too, and so is the covariate.
        let known = usize::from(self.exposed.is_some()) + usize::from(self.covariate.is_some());
        let most = limits::MEASURES - known;
        rules::within(Limit::Outcomes, self.outcomes.len(), most)
    }

    fn tally(&self, scope: &Scope<'_>) -> Result<Tally, Refusal> {
        tally::tally(self, scope)
    }

    fn measures(&self) -> Vec<(String, Scale)> {
        let scale = |outcome: &Outcome| match outcome.kind {
            // Added up is 0 or 1 of each person, whatever decimals the column has.
            OutcomeKind::Binary => Scale::WHOLE,
            OutcomeKind::Count | OutcomeKind::Value => outcome.scale,
        };
        let outcomes = self.outcomes.iter().map(|outcome| (outcome.name.clone(), scale(outcome)));
        let reached = self.exposed.iter().map(|column| (column.clone(), Scale::WHOLE));
        let covariate = self.covariate.iter().map(|of| (of.column.clone(), of.scale));
        outcomes.chain(reached).chain(covariate).collect()
    }

    fn at_confidence(&self, confidence: Millionths) -> Option<Self> {
        Some(Self { confidence, ..self.clone() })
    }

    fn with_margin(&self, outcome: &str, margin: Margin) -> Option<Self> {
        let mut asked = self.clone();
        let found = asked.outcomes.iter_mut().find(|found| found.name == outcome)?;
        found.margin = Some(margin);
        ask::check_margin(found).ok()?;
        Some(asked)
    }

    fn estimate(
        &self,
        released: &Released,
        proven: &Proven,
        scope: &Scope<'_>,
    ) -> Option<(LiftAnswer, Vec<String>)> {
        Some(estimate::answer(&released.view(proven)?, self, scope))
    }

    fn page(result: &JobResult<LiftAnswer>) -> Page {
        words::page(result)
    }

    fn citations(answer: &LiftAnswer) -> Vec<Citation> {
        citations::citations(answer)
    }
}

/// Columns that segments are made of.
const MOST_SEGMENTS: usize = 3;
/// Comparisons of one job: outcomes times segments and creatives.
const MOST_COMPARISONS: usize = 512;
