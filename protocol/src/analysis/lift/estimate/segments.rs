//! Whether chance alone decided who is in which arm of each segment.

use super::design;
use crate::analysis::lift::{Arms, Lift, SampleRatio, SegmentFigures};

/// The check of each segment, in the order of [`Arms::segments`].
///
/// The whole may be balanced where a segment is not: what one has too many of, others have too few of. Each is judged at the p of
/// the whole divided by how many the contract lists: not by how many are shown, which the same counts decide.
pub(super) fn ratios(arms: &Arms, asked: &Lift) -> Vec<SampleRatio> {
    let listed = f64::from(u32::try_from(arms.segments.len().max(1)).unwrap_or(u32::MAX));
    let flag_p = asked.srm_flag_p.value() / listed;
    let expected = asked.expected_test_share.value();
    let ratio = |segment: &SegmentFigures| {
        let counts = segment.people.map(|people| design::counted(people, segment.hidden, expected));
        design::ratio(counts, expected, flag_p)
    };
    arms.segments.iter().map(ratio).collect()
}
