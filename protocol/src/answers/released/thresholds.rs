//! From which noisy head counts things are shown.

use crate::proof::Proven;

/// The noisy head counts from which things are shown: a function of tally and proof alone. An
/// interval of a count depends on them, since a count that is shown has passed one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Thresholds {
    /// For a group. It is so high that noise alone hardly ever shows an empty one
    /// ([`Proven::shown_from`]).
    pub groups: i64,
    /// For an arm of a comparison, and for all public groups together that are not shown.
    pub other: i64,
    /// For an arm of one segment, or of one creative. It is as high as that of groups, for the noise on an arm.
    pub segments: i64,
    /// For people who refused consent.
    pub no_consent: i64,
}

impl Thresholds {
    /// The thresholds of `proven`. Without noise only the floor counts: no noise can lift a smaller
    /// count above it.
    #[must_use]
    pub fn of(proven: &Proven, is_noisy: bool) -> Self {
        let whole = |from: u64| i64::try_from(from).unwrap_or(i64::MAX);
        let least = i64::from(proven.proof().threshold);
        let is_named = proven.tally().is_named_by_data();
        let groups = if is_noisy || is_named { whole(proven.shown_from()) } else { least };
        let no_consent = if is_noisy { whole(proven.refusals_shown_from()) } else { least };
        let is_divided = proven.tally().compares_arms() && proven.tally().dimensions.len() > 2;
        let segments = match is_noisy && is_divided {
            true => least.max(whole(proven.segments_shown_from())),
            false => least,
        };
        Self { groups, other: least, segments, no_consent }
    }
}
