//! Another view of an answer: the same figures, estimated again at home. It costs nothing, since
//! the released figures are paid for.

use crate::receipt_check::Checked;
use protocol::{
    contract::Contract,
    result::{DERIVED, JobResult},
    units::Millionths,
};
use std::collections::BTreeMap;

/// The answer that `checked` has, with its intervals at another confidence, in millionths.
///
/// Its flag [`DERIVED`] says that no receipt is about its bytes: anybody who doubts it can derive
/// it again.
///
/// # Errors
///
/// [`ViewError`].
pub fn at_confidence(
    contract: &Contract,
    checked: &Checked,
    confidence: f64,
) -> Result<JobResult, ViewError> {
    let released = checked.released.as_ref().ok_or(ViewError::NoFigures)?;
    let level = Millionths::nearest(confidence);
    let level = level.ok_or(ViewError::Confidence { found: confidence })?;
    let (admitted, time) = (&checked.admitted, checked.body.time);
    let question = admitted.job().question.at_confidence(level);
    let question = question.ok_or(ViewError::NoIntervals)?;
    let left = BTreeMap::new();
    let viewed = JobResult::of_question(
        contract,
        admitted,
        &question,
        checked.job.signed_by().name(),
        released,
        &left,
        time,
    );
    let mut viewed = viewed.ok_or(ViewError::NoFigures)?;
    if let Some(result) = &checked.result {
        viewed.privacy = result.privacy.clone();
    }
    viewed.flags.push(format!("{DERIVED}confidence={}", level.value()));
    Ok(viewed)
}

/// Why there is no such view.
///
/// Remedy: give the files of a result with figures, and a confidence between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ViewError {
    /// The released figures were not given.
    #[error(
        "an answer is derived from the released figures: give released.cbor, which lies beside the receipt"
    )]
    NoFigures,
    /// The confidence is not above 0 and below 1.
    #[error(
        "found a confidence of {found}, expected a number above 0 and below 1, such as 0.9 for 90 %"
    )]
    Confidence {
        /// What was found.
        found: f64,
    },
    /// The answer is a private choice, which has no intervals.
    #[error(
        "the answer is one chosen place without figures: it has no intervals, and hence no other confidence"
    )]
    NoIntervals,
}
