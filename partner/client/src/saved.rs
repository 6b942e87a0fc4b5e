//! An attestation document that a party keeps: why it believed an instance, for whoever asks later.

use crate::{
    room::{Instance, Room},
    trust::Trust,
};
use attestation_verifier::{
    Document, ParseError, VerifyError,
    receipt::{self, ParseAttestedError},
};
use protocol::{
    canonical::{self, ParseError as BadBytes},
    contract::Contract,
    digest::Digest,
    limits,
    time::Time,
};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

/// A kept document that is believed as of its own time. It says nothing of now: the instance may be gone.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SavedDocument {
    /// The instance that the document is of.
    pub instance: Instance,
    /// When the hypervisor signed it.
    pub time: Time,
    /// The name that the contract gives to its build.
    pub build: String,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct SavedFile {
    /// Always [`FORMAT`].
    format: String,
    /// The attestation document.
    document: ByteBuf,
    /// The statement, whose digest is the document's user data.
    statement: ByteBuf,
    /// What the party had asked with, of its own choice.
    nonce: ByteBuf,
}

impl SavedDocument {
    /// Reads a kept document, which must be of an instance under `contract`.
    ///
    /// # Errors
    ///
    /// [`SavedError`] for the first thing that does not hold.
    pub fn verify(bytes: &[u8], contract: &Contract, trust: &Trust) -> Result<Self, SavedError> {
        let file: SavedFile = canonical::from_slice_within(bytes, limits::SIGNED)?;
        if file.format != FORMAT {
            return Err(BadBytes::Malformed { what: "a kept attestation document" }.into());
        }
        let instance = Instance::parse(&file.statement).map_err(SavedError::Statement)?;
        if instance.contract() != contract.digest {
            let (found, expected) = (instance.contract(), contract.digest);
            return Err(SavedError::OtherContract { found, expected });
        }
        let document = Document::parse(&file.document).map_err(SavedError::Document)?;
        let expected = trust.expected(contract).nonce(file.nonce.as_slice());
        let expected = expected.user_data(receipt::user_data_for(&file.statement));
        let believed = document.verify_archived(&expected).map_err(SavedError::NotBelieved)?;
        if trust.has_withdrawn(believed.pcrs()) {
            return Err(SavedError::Withdrawn);
        }
        let build = contract.builds.get(believed.build());
        let build = build.map_or_else(String::new, |build| build.name.clone());
        let time = Time(believed.timestamp().as_millis());
        Ok(Self { instance, time, build })
    }
}

impl Room {
    /// The document for which this room was believed, to be kept: [`SavedDocument::verify`] reads it.
    #[must_use]
    pub fn to_saved(&self) -> Vec<u8> {
        let (document, nonce) = self.document();
        canonical::to_vec(&SavedFile {
            format: FORMAT.to_owned(),
            document: ByteBuf::from(document),
            statement: ByteBuf::from(self.instance().as_bytes()),
            nonce: ByteBuf::from(nonce),
        })
    }
}

/// Why a kept document is not believed.
///
/// Remedy: take the file as `glovebox verify --save` wrote it, under the contract of its room.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SavedError {
    /// The file is not a kept document.
    #[error("not a kept attestation document: {0}")]
    Malformed(#[from] BadBytes),
    /// The document cannot be read.
    #[error("the document in it: {0}")]
    Document(#[source] ParseError),
    /// The statement cannot be read.
    #[error("the statement in it: {0}")]
    Statement(#[source] ParseAttestedError),
    /// It is of an instance under another contract.
    #[error("it is of an instance under contract {}, expected {}", found.short(), expected.short())]
    OtherContract {
        /// The contract of the instance.
        found: Digest,
        /// The contract that was given.
        expected: Digest,
    },
    /// The document is not believed.
    #[error("not believed: {0}")]
    NotBelieved(#[source] VerifyError),
    /// It is of a build that this party withdrew.
    #[error("the build was withdrawn")]
    Withdrawn,
}

/// The format of the file.
const FORMAT: &str = "glovebox-document-v1";
