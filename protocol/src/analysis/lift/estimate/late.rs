//! The effect on people who were reached because of their arm.

use super::{
    compared::{Compared, Measured},
    ends, figure, squares,
};
use crate::analysis::lift::{LateResult, ReachedFigures};
use statistics::lift::{LocalEffect, Reached};

/// Whether the first stage is so near zero that fewer of the intervals that are shown hold than is said.
pub(super) fn is_barely(late: &LateResult) -> bool {
    late.late.is_some() && late.first_stage < BARELY * late.first_stage_se
}

/// The effect on the reached of the outcome at this place, whose column has so many units in one of the amount; `None` without a
/// difference in means. `reached` are the test and the control arm.
pub(super) fn late(
    measured: &Measured<'_>,
    compared: &Compared,
    reached: [&ReachedFigures; 2],
    (at, unit): (usize, f64),
) -> Option<LateResult> {
    let difference = compared.lift.difference?;
    let [test, control] = reached.map(|arm| arm.totals.get(at).copied().map(squares));
    let told = Reached { people: reached.map(|arm| figure(arm.people)), totals: [test?, control?] };
    let found = measured.pair().local(told, &difference, compared.lift.confidence)?;
    let of =
        |pick: fn(&LocalEffect) -> f64| found.effect.as_ref().map(|effect| pick(effect) / unit);
    let stage = found.first_stage;
    Some(LateResult {
        reached_t: found.shares[0],
        reached_c: found.shares[1],
        first_stage: stage.estimate,
        first_stage_se: stage.standard_error,
        first_stage_se_mechanism: stage.mechanism_error,
        first_stage_ci: stage.interval.map(|interval| ends(interval, 1.0)),
        late: of(|effect| effect.estimate),
        se: of(|effect| effect.standard_error),
        se_sampling: of(|effect| effect.sampling_error),
        se_mechanism: of(|effect| effect.mechanism_error),
        ci: found.effect.and_then(|effect| effect.interval).map(|interval| ends(interval, unit)),
        ci_delta: found.effect.and_then(|effect| effect.delta).map(|interval| ends(interval, unit)),
    })
}

/// Standard errors above zero of a first stage of which nothing more needs to be said.
const BARELY: f64 = 8.0;
