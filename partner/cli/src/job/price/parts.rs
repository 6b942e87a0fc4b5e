//! What the figures of everybody have, where they are those of segments and creatives added up.

use protocol::{
    page::number::{size, whole},
    proof::Proven,
};

/// Says of what the noise is that is written above; `None` of a question without segments and creatives.
pub(super) fn words(proven: &Proven) -> Option<String> {
    let tally = proven.tally();
    let parts = tally.segment_places().saturating_mul(tally.creative_places().unwrap_or(1));
    let least = whole(i64::try_from(proven.segments_shown_from()).unwrap_or(i64::MAX));
    let times = size(f64::from(u32::try_from(parts).unwrap_or(u32::MAX)).sqrt());
    (parts > 1).then(|| {
        format!(
            "these are of one segment or creative, which can be seen from about {least} people in each arm on; the figures of \
             everybody are those of {parts} places added up, with up to {times} times the noise"
        )
    })
}
