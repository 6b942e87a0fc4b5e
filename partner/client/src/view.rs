//! Another view of an answer: the same figures, estimated again at home. It costs nothing, since
//! the released figures are paid for.

use crate::receipt_check::Checked;
use protocol::{
    analysis::margin::Margin,
    contract::Contract,
    result::{DERIVED, DERIVED_MARGIN, JobResult},
    units::Millionths,
};
use std::collections::BTreeMap;

/// What is asked otherwise than in the job.
#[derive(Clone, Debug, Default, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever looks names what changes")]
pub struct Otherwise {
    /// Confidence of the intervals.
    pub confidence: Option<f64>,
    /// An outcome, and the margin that it is tested against.
    pub margin: Option<(String, Margin)>,
}

/// The answer that `checked` has, with its intervals at another confidence.
///
/// # Errors
///
/// [`ViewError`].
pub fn at_confidence(
    contract: &Contract,
    checked: &Checked,
    confidence: f64,
) -> Result<JobResult, ViewError> {
    view(contract, checked, &Otherwise { confidence: Some(confidence), margin: None })
}

/// The answer that `checked` has, asked otherwise of the same figures.
///
/// Its flags, which begin with [`DERIVED`], say that no receipt is about its bytes: anybody who doubts it can derive
/// it again.
///
/// # Errors
///
/// [`ViewError`].
pub fn view(
    contract: &Contract,
    checked: &Checked,
    otherwise: &Otherwise,
) -> Result<JobResult, ViewError> {
    let released = checked.released.as_ref().ok_or(ViewError::NoFigures)?;
    let (admitted, time) = (&checked.admitted, checked.body.time);
    let mut question = admitted.job().question.clone();
    let mut flags = Vec::new();
    if let Some(confidence) = otherwise.confidence {
        let level = Millionths::nearest(confidence);
        let level = level.ok_or(ViewError::Confidence { found: confidence })?;
        question = question.at_confidence(level).ok_or(ViewError::NoIntervals)?;
        flags.push(format!("{DERIVED}confidence={}", level.value()));
    }
    if let Some((outcome, margin)) = &otherwise.margin {
        let tested = question.with_margin(outcome, *margin);
        let tested = tested.ok_or_else(|| ViewError::NoMargin { outcome: outcome.clone() })?;
        // The job's own margin was not chosen afterwards.
        if tested != question {
            flags.push(format!("{DERIVED_MARGIN}{outcome}"));
        }
        question = tested;
    }
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
    viewed.flags.extend(flags);
    Ok(viewed)
}

/// Why there is no such view.
///
/// Remedy: give the files of a result with figures, a confidence between 0 and 1, and an outcome of the job.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
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
    /// Nothing of that name is tested against margins.
    #[error(
        "the answer has no outcome {outcome:?} that can be tested against such a margin: name an outcome of a lift as its job \
         calls it, and for a share of people an absolute margin below 1"
    )]
    NoMargin {
        /// The outcome that was named.
        outcome: String,
    },
}
