//! Why a receipt does not hold.

use crate::check::{Line, Number, Outcome};
use protocol::{refusal::Refusal, time::Time};

/// Why a receipt does not hold.
///
/// Remedy: do not use the figures before it holds: take receipt, result.json and released.cbor again from one
/// folder, under the contract that was signed.
#[derive(Debug, thiserror::Error)]
#[error("the receipt does not hold: {flaw}")]
pub struct ReceiptError {
    pub(super) flaw: ReceiptFlaw,
    pub(super) checks: Vec<Line>,
}

impl ReceiptError {
    /// The flaw of the receipt.
    #[must_use]
    pub fn flaw(&self) -> &ReceiptFlaw {
        &self.flaw
    }

    /// Whether it is a receipt of an instance under another contract than the one given.
    #[must_use]
    pub fn is_of_another_contract(&self) -> bool {
        let failed = self.checks.iter().find(|line| line.outcome == Outcome::Failed);
        failed.is_some_and(|line| line.number == Number::Spec(STATEMENT_CONTRACT))
    }

    /// All checks: those that passed, the one that failed, and those that were not reached.
    #[must_use]
    pub fn checks(&self) -> &[Line] {
        &self.checks
    }
}

/// What is wrong with a receipt.
///
/// Remedy: take the files that lay beside the receipt, byte for byte; if the flaw stays, the result is not what the
/// enclave attested.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptFlaw {
    /// Its container, attestation document, statement or signature does not hold.
    #[error("{words}. {remedy}")]
    NotAttested {
        /// The verifier's words.
        words: String,
        /// What to do about it.
        remedy: String,
    },
    /// It is of a build that this party withdrew.
    #[error("the build was withdrawn")]
    Withdrawn,
    /// It is the receipt of another result.
    #[error(
        "it is the receipt of another result: the output digest differs. Give the result.json that came \
         with it, byte for byte: a file that was formatted anew is another one"
    )]
    OtherOutput,
    /// The attested bytes are a closing, or of another version, and not a receipt.
    #[error("it is attested, but it is not a receipt of this version")]
    NoReceipt,
    /// It was made long before or after its attestation document.
    #[error("it says {said}, but the hypervisor attested it at {attested}")]
    Time {
        /// The time in the body.
        said: Time,
        /// The time in the document.
        attested: Time,
    },
    /// The job in it is not valid.
    #[error("the job in it is not signed by a party of the contract: {0}")]
    Job(#[source] Box<Refusal>),
    /// The job in it is for another instance.
    #[error("the job in it was signed for another instance")]
    OtherInstance,
    /// The manifests in it are not valid.
    #[error("the manifests in it are not what the owners signed: {0}")]
    Manifests(#[source] Box<Refusal>),
    /// The policy does not admit the job.
    #[error("the contract does not permit this job: {0}")]
    NotAdmitted(#[source] Box<Refusal>),
    /// The tally in it is not the one that follows from the job.
    #[error("the question in it is not the one that follows from the job")]
    OtherTally,
    /// The price in it is not the one that follows from the job.
    #[error("the noise and price in it are not those that follow from the question")]
    OtherPrice,
    /// The charges in it are not those that follow from the job.
    #[error("the charges in it are not the job's price, once for each dataset")]
    OtherCharges,
    /// The released figures are not those that the receipt is about.
    #[error(
        "the released figures (released.cbor) are not those of the receipt: take the file that lay beside it"
    )]
    OtherReleased,
    /// The result does not follow from the released figures.
    #[error("the result's {field} is not what follows from the released figures, job and contract")]
    OtherAnswer {
        /// The part of the result that differs.
        field: &'static str,
    },
    /// The result says something else than its receipt.
    #[error("the result's own words ({field}) are not those of the receipt")]
    OtherResult {
        /// The field of the result that differs.
        field: &'static str,
    },
}

/// The verifier's check that the instance serves the contract given.
const STATEMENT_CONTRACT: u8 = 26;
