//! Opening a result: unseals it, checks its receipt, and checks that both belong together.

use crate::{
    check::Line,
    keys::{Identity, IdentityError},
    receipt_check::{self, Checked, ReceiptError, ReceiptFiles},
    trust::Trust,
};
use protocol::{
    canonical,
    contract::Contract,
    delegation::Authority,
    hpke::{self, Sealed},
    job::{JobName, SignedJob},
    limits,
    message::{Package, result_binding},
    refusal::Refusal,
    result::JobResult,
    text,
};

/// An opened and fully checked result.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The result.
    pub result: JobResult,
    /// The exact bytes of the result. The receipt has their digest.
    pub result_bytes: Vec<u8>,
    /// The receipt, for whoever wants to check it.
    pub receipt: Vec<u8>,
    /// The released figures, from which the result follows.
    pub released: Vec<u8>,
    /// The job whose answer was looked for.
    pub asked: SignedJob,
    /// What the receipt says, and every check of it. Its job differs from `asked` if the same question had been
    /// answered before; that answer is given again for nothing, and may be another analyst's.
    pub checked: Checked,
}

impl Opened {
    /// Whether this is the answer to an earlier job that asks the same of the same data.
    #[must_use]
    pub fn is_repeated(&self) -> bool {
        self.asked.name() != self.checked.job.name()
    }
}

/// Opens the package of `job` that was sealed to `identity`, and believes it only if its receipt
/// passes every check of [`receipt_check::check`] with this very result, and answers that very job.
///
/// Anybody can seal a package to a receiver, with a genuine receipt of something else in it. So the
/// package carries the job as its analyst signed it. Its name, which says analyst, question, data,
/// instance and receivers, must be `job`; and it must ask what the receipt's job asks, of the same data of
/// the same instance. One instance gives one answer to one question.
///
/// # Errors
///
/// [`OpenError`].
pub fn open(
    sealed: &[u8],
    identity: &Identity,
    contract: &Contract,
    job: JobName,
    trust: &Trust,
) -> Result<Opened, OpenError> {
    let package = unseal(sealed, identity, contract, job)?;
    let asked = asked(&package, contract, job)?;
    let beside = ReceiptFiles { result: Some(&package.result), released: Some(&package.released) };
    let checked = receipt_check::check(contract, &package.receipt, beside, trust)
        .map_err(|cause| OpenError::Receipt(Box::new(cause)))?;
    let result = checked.result.clone().ok_or(OpenError::Malformed)?;
    if !asked.asks_the_same(&checked.job) {
        return Err(OpenError::OtherQuestion { job, found: checked.job.name() });
    }
    Ok(Opened {
        result,
        result_bytes: package.result,
        receipt: package.receipt,
        released: package.released,
        asked,
        checked,
    })
}

/// The job that a package is about, if it is the one called `job`.
fn asked(package: &Package, contract: &Contract, job: JobName) -> Result<SignedJob, OpenError> {
    // The receipt shows that the key was good when the instance answered.
    let authority = Authority::at_any_time(contract);
    let asked = SignedJob::open_either(&authority, package.asked.clone());
    let asked = asked.map_err(|why| OpenError::NoJob { job, why: Box::new(why) })?;
    if asked.name() == job {
        Ok(asked)
    } else {
        let analyst = asked.analyst().to_owned();
        Err(OpenError::OtherJob { job, found: asked.name(), analyst })
    }
}

/// Opens the package without believing its content.
///
/// # Errors
///
/// [`OpenError`] unless it was sealed to `identity` for this contract and job.
pub fn unseal(
    sealed: &[u8],
    identity: &Identity,
    contract: &Contract,
    job: JobName,
) -> Result<Package, OpenError> {
    let party = identity.party_in(contract)?;
    let sealed: Sealed =
        canonical::from_slice_within(sealed, limits::SEALED).map_err(|_| OpenError::Malformed)?;
    let binding = result_binding(contract.digest, job, party);
    let parts = identity.recipient()?.open(&binding, &[&binding], &sealed).map_err(|cause| {
        OpenError::Sealed {
            party: party.to_owned(),
            job,
            contract: format!("{} ({})", text::quoted(&contract.name), contract.digest),
            cause,
        }
    })?;
    let package = parts.first().ok_or(OpenError::Malformed)?;
    canonical::from_slice_within(package, limits::PACKAGE).map_err(|_| OpenError::Malformed)
}

/// Why a result does not open.
///
/// Remedy: open the file that the host has for this party and job; if somebody put another in its place, ask the
/// operator and the analyst.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The bytes are not a sealed package.
    #[error(
        "the bytes are not a sealed result of this version: expected the file JOB.sealed that the host has for \
         its receiver"
    )]
    Malformed,
    /// The package was sealed to another key, under another contract, or for another job.
    #[error(
        "the result does not open as {party}'s answer to job {job} under contract {contract}: {cause}. It was \
         sealed for another job, contract or party, or changed since: name with --contract the contract that the \
         job was asked under, with --dir the folder of the keys that this contract names, and with --job the job"
    )]
    Sealed {
        /// This party's name.
        party: String,
        /// The job that was expected.
        job: JobName,
        /// The contract that was expected: its name and its digest.
        contract: String,
        /// Why it does not open.
        cause: hpke::OpenError,
    },
    /// The receipt does not hold.
    #[error("{0}")]
    Receipt(#[source] Box<ReceiptError>),
    /// No party of this contract signed the job in the package.
    #[error("the package for job {job} holds a job that is not signed under this contract: {why}")]
    NoJob {
        /// The job that was expected.
        job: JobName,
        /// What is wrong with the one in the package.
        why: Box<Refusal>,
    },
    /// The package is of another job.
    #[error(
        "the package for job {job} holds job {found} of {analyst} instead: somebody put it in the place of \
         the answer. Ask {analyst} and the operator; whoever asked job {job} gets the answer by submitting it \
         again with --id"
    )]
    OtherJob {
        /// The job that was expected.
        job: JobName,
        /// The job in the package.
        found: JobName,
        /// The party that signed the job in the package.
        analyst: String,
    },
    /// The package has the answer to another question.
    #[error(
        "the package for job {job} holds the answer to job {found}, which asks something else: somebody put \
         it in the place of the answer. Whoever asked job {job} gets the answer by submitting it again with \
         --id"
    )]
    OtherQuestion {
        /// The job that was expected.
        job: JobName,
        /// The job that was answered.
        found: JobName,
    },
    /// This party's keys cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl OpenError {
    /// The checks of the receipt up to the one that failed; empty if the failure was not a
    /// receipt's.
    #[must_use]
    pub fn checks(&self) -> &[Line] {
        match self {
            Self::Receipt(error) => error.checks(),
            _ => &[],
        }
    }
}
