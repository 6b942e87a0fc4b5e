//! Why a rehearsal fails.

use client::{open::OpenError, receipt_check};
use enclave::BootError;
use protocol::result::InvalidResult;

/// Why a rehearsal fails.
///
/// Remedy: give a file for each dataset of the contract, and a job that it permits; a rehearsal asks no room and
/// costs nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RehearsalError {
    /// The bucket salt could not be made.
    #[error(transparent)]
    Salt(#[from] client::salts::SaltError),
    /// A dataset of the contract has no file.
    #[error("the contract's dataset \"{dataset}\" has no file: add --data {dataset}=FILE")]
    NoFile {
        /// Name of the dataset.
        dataset: String,
    },
    /// A file is given for a dataset that the contract does not have.
    #[error("--data names \"{dataset}\", and the contract has no such dataset: it has {known}")]
    StrangeFile {
        /// The name that was given.
        dataset: String,
        /// The datasets that the contract has.
        known: String,
    },
    /// A job that costs more than the contract has for one period.
    #[error(
        "the contract gives {budget} {period} for {purpose} on \"{dataset}\"; this job asks {asked}"
    )]
    OverBudget {
        /// Name of the dataset.
        dataset: String,
        /// Its owner.
        owner: String,
        /// What the data is used for.
        purpose: String,
        /// The largest ε that one period has room for, at the job's δ.
        passing: f64,
        /// The budget of one period.
        budget: String,
        /// How often the budget is filled.
        period: &'static str,
        /// The cost of the job.
        asked: String,
    },
    /// The temporary folder could not be made.
    #[error("the temporary folder: {0}")]
    Io(#[from] std::io::Error),
    /// The contract is not TOML.
    #[error("the contract: {0}")]
    Toml(#[from] toml::de::Error),
    /// The contract with its new keys could not be written as TOML.
    #[error("the contract: {0}")]
    Rewriting(#[from] toml::ser::Error),
    /// The contract is not valid.
    #[error("{0}")]
    Contract(#[from] protocol::contract::ContractError),
    /// The job is malformed.
    #[error("{0}")]
    Template(#[from] protocol::job::TemplateError),
    /// The simulated module could not be made.
    #[error("{0}")]
    Simulated(#[from] nsm::SimulatedError),
    /// The enclave did not start.
    #[error("{0}")]
    Boot(#[from] BootError),
    /// The room has no valid address.
    #[error("{0}")]
    Address(#[from] client::address::InvalidAddress),
    /// The simulated root certificate is not valid.
    #[error("{0}")]
    Root(#[from] attestation_verifier::CertificateFlaw),
    /// Keys could not be made.
    #[error("{0}")]
    Identity(#[from] client::keys::IdentityError),
    /// The room did not answer, or is not believed.
    #[error("{0}")]
    Room(#[from] client::room::RoomError),
    /// The data cannot be sealed.
    #[error("{0}")]
    Seal(#[from] sealing::SealError),
    /// The keys that sealing wrote cannot be read.
    #[error("{0}")]
    Keys(#[from] sealing::KeysError),
    /// A grant was refused.
    #[error("{0}")]
    Grant(#[from] client::grant::GrantError),
    /// The job was refused.
    #[error("{0}")]
    Job(#[from] client::job::JobError),
    /// The receipt does not hold.
    #[error("{0}")]
    Receipt(#[from] receipt_check::ReceiptError),
    /// The result cannot be read.
    #[error("{0}")]
    Result(#[from] InvalidResult),
    /// The result does not open.
    #[error("{0}")]
    Open(#[from] OpenError),
    /// A party that the contract does not have is to ask or to read.
    #[error("the contract has no party \"{party}\": it has {known}")]
    Stranger {
        /// The name that was given.
        party: String,
        /// The parties that the contract has.
        known: String,
    },
    /// The contract has no analyst or no receiver. No valid contract is like that.
    #[error("the contract's analysis names no analyst or no receiver")]
    Nobody,
}
