//! What is released of a training.

use crate::{
    limits::{self, at_most},
    tally::{HeldOut, Program},
};
use serde::{Deserialize, Serialize};

/// What is released of a training, in the order in which it was: noisy sums, from which anybody who has the question derives
/// the weights again. There are no others.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever releases must see a new field")]
pub struct Trained {
    /// Whether noise was added; false only in a rehearsal with the noise off.
    pub noise: bool,
    /// The sum of labels; `None` of a dense model.
    pub label: Option<i64>,
    /// For each step, in quanta: the sum of clamped residuals in every bin of every feature, or of clipped gradients for every
    /// weight of a dense model.
    #[serde(deserialize_with = "at_most::<{ limits::STEPS }, _, _>")]
    pub steps: Vec<StepSums>,
    /// Held-out people by bin of score: those with label 0, then those with label 1; `None` if nobody was held out.
    pub scores: Option<StepSums>,
}

/// The sums of one step.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
#[expect(clippy::exhaustive_structs, reason = "a list and nothing else")]
pub struct StepSums(
    #[serde(deserialize_with = "at_most::<{ limits::STEP_SUMS }, _, _>")] pub Vec<i64>,
);

/// How many numbers and heads of lists these are.
pub(super) fn numbers(program: &Program) -> usize {
    let steps = usize::try_from(program.steps).unwrap_or(usize::MAX);
    let scores = program.held_out.as_ref().map_or(0, HeldOut::counts);
    let step = program.plan().entries().saturating_add(1);
    step.saturating_mul(steps).saturating_add(scores)
}
