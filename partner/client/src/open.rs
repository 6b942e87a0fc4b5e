//! Opening a result: the receiver's key, the receipt, and whether both belong together.

use crate::{
    check::Line,
    keys::{Identity, IdentityError},
    receipt_check::{self, ReceiptError},
    trust::Trust,
};
use protocol::{
    canonical,
    contract::Contract,
    hpke::{self, Sealed},
    job::{Job, JobId},
    limits,
    message::{Package, result_binding},
    receipt::ReceiptBody,
    result::JobResult,
    sign::Envelope,
};

/// An opened and fully checked result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The result.
    pub result: JobResult,
    /// Its exact bytes, which the receipt's output digest is of.
    pub result_bytes: Vec<u8>,
    /// The receipt, for whoever wants to check it.
    pub receipt: Vec<u8>,
    /// What the receipt says.
    pub body: ReceiptBody,
    /// Every check, in the order made.
    pub checks: Vec<Line>,
}

/// Opens the package of `job` that was sealed to `identity`, and believes it only if its receipt
/// passes every check of [`receipt_check::check`] with this very result.
///
/// An instance answers a question that it was asked before with the earlier answer, at no cost. That
/// one names the earlier job; it is believed if the job in the package, which an analyst of the
/// contract signed as `job`, asks the same of the same data. Who asked knows more: with `asked`, the
/// job as we signed it, no other will do.
///
/// # Errors
///
/// [`OpenError`].
pub fn open(
    sealed: &[u8],
    identity: &Identity,
    contract: &Contract,
    job: JobId,
    asked: Option<&[u8]>,
    trust: &Trust,
) -> Result<Opened, OpenError> {
    let package = unseal(sealed, identity, contract, job)?;
    let checked = receipt_check::check(contract, &package.receipt, Some(&package.result), trust)
        .map_err(|cause| OpenError::Receipt(Box::new(cause)))?;
    let result = checked.result.ok_or(OpenError::Malformed)?;
    let ours = asked.is_none_or(|asked| asked == package.asked);
    let answers = answers(contract, job, &package.asked, &checked.body.job);
    if !ours || answers.is_none() {
        return Err(OpenError::OtherJob { job, found: result.job().to_owned() });
    }
    Ok(Opened {
        result,
        result_bytes: package.result,
        receipt: package.receipt,
        body: checked.body,
        checks: checked.checks,
    })
}

/// Holds if `asked` is the job called `id`, signed by a party of the contract, and asks the same of
/// the same data, of the same instance, as the job `answered`.
fn answers(contract: &Contract, id: JobId, asked: &[u8], answered: &[u8]) -> Option<()> {
    let job = |signed: &[u8]| -> Option<Job> {
        let envelope = Envelope::parse(signed).ok()?;
        let signer = envelope.claimed_signer();
        contract.party_of(&signer)?;
        envelope.verify(&signer).ok()
    };
    let question =
        |job: Job| (job.contract, job.instance, job.analysis, job.question, job.datasets);
    let (asked, answered) = (job(asked)?, job(answered)?);
    (asked.id == id && question(asked) == question(answered)).then_some(())
}

/// Opens the package without believing anything in it.
///
/// # Errors
///
/// [`OpenError`] unless it was sealed to `identity` for this contract and job.
pub fn unseal(
    sealed: &[u8],
    identity: &Identity,
    contract: &Contract,
    job: JobId,
) -> Result<Package, OpenError> {
    let party = identity.party_in(contract)?;
    let sealed: Sealed =
        canonical::from_slice_within(sealed, limits::SEALED).map_err(|_| OpenError::Malformed)?;
    let binding = result_binding(contract.digest, job, party);
    let parts = identity
        .recipient()
        .open(&binding, &[&binding], &sealed)
        .map_err(|cause| OpenError::Sealed { party: party.to_owned(), job, cause })?;
    let package = parts.first().ok_or(OpenError::Malformed)?;
    canonical::from_slice_within(package, limits::PACKAGE).map_err(|_| OpenError::Malformed)
}

/// Why a result does not open.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No sealed package.
    #[error("the bytes are not a sealed result of this version")]
    Malformed,
    /// Another key, contract or job.
    #[error("the result does not open as {party}'s for job {job}: {cause}")]
    Sealed {
        /// Our name.
        party: String,
        /// The job we expected.
        job: JobId,
        /// Why.
        cause: hpke::OpenError,
    },
    /// A receipt that does not hold.
    #[error("{0}")]
    Receipt(#[source] Box<ReceiptError>),
    /// The result of another job.
    #[error(
        "the package holds the result of job {found}, expected {job} or one that asks the same"
    )]
    OtherJob {
        /// The job we expected.
        job: JobId,
        /// The job it names.
        found: String,
    },
    /// Our keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl OpenError {
    /// The list of checks up to the one that failed, where it was a receipt's.
    #[must_use]
    pub fn checks(&self) -> &[Line] {
        match self {
            Self::Receipt(error) => error.checks(),
            _ => &[],
        }
    }
}
