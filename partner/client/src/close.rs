//! The end of an instance: what it spent, as the instance itself attests.

use crate::{
    keys::{Identity, IdentityError},
    room::{Instance, Room, RoomError},
    store::{Store, StoreError},
    trust::Trust,
};
use attestation_verifier::receipt::{Attested, BodyKind, ParseAttestedError, VerifyAttestedError};
use protocol::{
    canonical,
    contract::Contract,
    digest::Digest,
    limits,
    message::{Body, Reply},
    receipt::ClosingBody,
    refusal::Refusal,
};

/// A closing that is believed: the instance that it is about attested it, under the contract given.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Closing {
    bytes: Vec<u8>,
    body: ClosingBody,
    instance: Instance,
}

impl Closing {
    /// Verifies a closing as of its own time. If an instance is named, the closing must be of that
    /// one.
    ///
    /// # Errors
    ///
    /// [`CloseError`] for the first thing that does not hold.
    pub fn verify(
        bytes: &[u8],
        contract: &Contract,
        trust: &Trust,
        instance: Option<Digest>,
    ) -> Result<Self, CloseError> {
        let attested = Attested::parse(bytes).map_err(CloseError::Malformed)?;
        let expected = trust.expected(contract);
        let believed = attested
            .verify(&expected, contract.digest.as_bytes())
            .map_err(CloseError::NotBelieved)?;
        if trust.has_withdrawn(believed.believed().pcrs()) {
            return Err(CloseError::Withdrawn);
        }
        if believed.kind() != BodyKind::Closing {
            return Err(CloseError::NoClosing);
        }
        let body: ClosingBody = canonical::from_slice_within(believed.body(), limits::CLOSING)
            .map_err(|_| CloseError::NoClosing)?;
        let speaker =
            Instance::parse(&believed.statement().encode()).map_err(CloseError::Malformed)?;
        let expected = instance.unwrap_or(body.instance);
        if speaker.digest() != body.instance || body.instance != expected {
            return Err(CloseError::OtherInstance { found: speaker.digest(), expected });
        }
        Ok(Self { bytes: bytes.to_vec(), body, instance: speaker })
    }

    /// The content of the closing.
    #[must_use]
    pub fn body(&self) -> &ClosingBody {
        &self.body
    }

    /// The instance that the closing is about.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// The attested bytes, to keep and to show to others.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A closing that nobody attested, for tests of ledgers, which believe what a `Closing` says. A
    /// test fails if code that ships uses it.
    #[doc(hidden)]
    #[must_use]
    pub fn simulated(body: ClosingBody, instance: Instance) -> Self {
        Self { bytes: canonical::to_vec(&body), body, instance }
    }
}

/// Closes the instance of `room`: it finishes its jobs, says what it spent and destroys its keys.
/// An instance that is closed already, or whose answer is lost, has left its closing in `store`.
///
/// # Errors
///
/// [`CloseError`].
pub async fn close(
    room: &mut Room,
    identity: &Identity,
    store: &mut Store,
) -> Result<Closing, CloseError> {
    identity.party_in(room.contract())?;
    let instance = room.instance().digest();
    let (contract, trust) = (room.contract().clone(), room.trust().clone());
    match room.request(identity, Body::Close {}).await {
        Ok(Reply::Closed { closing }) => {
            Closing::verify(&closing, &contract, &trust, Some(instance))
        }
        Ok(Reply::Refused(Refusal::Closed)) | Err(RoomError::Lost | RoomError::TimedOut { .. }) => {
            stored(store, &contract, &trust, instance).await
        }
        Ok(Reply::Refused(refusal)) => Err(CloseError::Refused(Box::new(refusal))),
        Ok(_) => Err(CloseError::Room(RoomError::Protocol { what: "a closing" })),
        Err(error) => Err(CloseError::Room(error)),
    }
}

/// Reads the closing that an instance left at the host. The instance may be long gone.
///
/// # Errors
///
/// [`CloseError`]; [`CloseError::Store`] if the host has none.
pub async fn stored(
    store: &mut Store,
    contract: &Contract,
    trust: &Trust,
    instance: Digest,
) -> Result<Closing, CloseError> {
    let bytes = store.closing(instance).await?;
    Closing::verify(&bytes, contract, trust, Some(instance))
}

/// Why there is no closing to believe.
///
/// Remedy: run `glovebox close` again; a closing that is not believed credits nothing, so ask the operator what
/// answers there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// The room did not answer, or is not believed.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// The host's store did not give the closing.
    #[error("the closing at the host: {0}")]
    Store(#[from] StoreError),
    /// The instance refused to close.
    #[error("the instance declined to close: {0}")]
    Refused(#[source] Box<Refusal>),
    /// This party's keys cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The bytes are not an attested container.
    #[error("the closing is malformed: {0}")]
    Malformed(#[source] ParseAttestedError),
    /// The closing is not believed.
    #[error("the closing is not believed: {0}")]
    NotBelieved(#[source] VerifyAttestedError),
    /// The closing is of a build that this party withdrew.
    #[error(
        "the build was withdrawn, so what its closing says was spent is not believed, and nothing comes back"
    )]
    Withdrawn,
    /// The attested bytes are not a closing, but a receipt or something else.
    #[error("the bytes are attested, but are not a closing of this version")]
    NoClosing,
    /// The closing is of another instance.
    #[error("the closing is of the instance {}, expected {}", found.short(), expected.short())]
    OtherInstance {
        /// The instance that the closing is of.
        found: Digest,
        /// The instance that was expected.
        expected: Digest,
    },
}
