//! Whether chance alone decided who is in which arm of each segment.

use super::{design, figure};
use crate::{
    analysis::lift::{Arms, Lift, SampleRatio, SegmentFigures},
    released,
};
use statistics::figure::Figure;

/// The check of each segment, in the order of [`Arms::segments`].
///
/// The whole may be balanced where a segment is not: what one has too many of, others have too few of. Each is judged at the p of
/// the whole divided by how many are checked, so that a sound job is flagged for any of them as often as for the whole.
pub(super) fn ratios(arms: &Arms, asked: &Lift) -> Vec<SampleRatio> {
    let checked = arms.segments.iter().filter(|segment| segment.people.is_some()).count();
    let checked = f64::from(u32::try_from(checked.max(1)).unwrap_or(u32::MAX));
    let flag_p = asked.srm_flag_p.value() / checked;
    let expected = asked.expected_test_share.value();
    let ratio = |segment: &SegmentFigures| {
        let counts = segment.people.map(|people| counted(people, segment.hidden, expected));
        design::ratio(counts, expected, flag_p)
    };
    arms.segments.iter().map(ratio).collect()
}

/// The people of both arms. How many of the test arm are hidden is not known: as many as would be there by the design, if so many
/// may be, since what is not known breaks no design.
fn counted(
    [test, control]: [released::Figure; 2],
    hidden: Option<released::Figure>,
    expected: f64,
) -> [Figure; 2] {
    let [test, control] = [test, control].map(figure);
    let Some(hidden) = hidden.map(figure) else { return [test, control] };
    let missing = control.value() * expected / (1.0 - expected) - test.value();
    let more = missing.clamp(0.0, hidden.value().max(0.0));
    [test + Figure::real(more, hidden.noise_variance()), control]
}
