//! A connection to an enclave that has proven what it is. There is no other way to a [`Room`].

mod error;
mod instance;
mod tls;

use crate::{
    address::Address,
    check::{Line, List, Number},
    clock,
    keys::{self, Identity},
    trust::{self, Trust},
};
use attestation_verifier::{Believed, Document, Pcr, VerifyError, receipt};
use protocol::{
    canonical,
    contract::Contract,
    limits,
    message::{AttestReply, AttestRequest, Body, NONCE_LEN, Reply, Request, Status},
    refusal::Refusal,
    time::Time,
};
use std::{collections::BTreeMap, time::Duration};

pub use error::RoomError;
pub use instance::Instance;

/// An open, believed connection: the bytes on it end inside the enclave that was attested.
#[derive(Debug)]
pub struct Room {
    address: Address,
    contract: Contract,
    trust: Trust,
    channel: tls::Channel,
    proof: Proof,
}

/// What an attested reply on a TLS connection proves.
#[derive(Clone, Debug)]
struct Proof {
    instance: Instance,
    believed: Believed,
    checks: Vec<Line>,
    /// The document as it came, and what it was asked for with.
    document: Vec<u8>,
    nonce: [u8; NONCE_LEN],
}

impl Room {
    /// Connects to the room at `address`. It is believed only if an enclave under `contract` is at
    /// the other end of this very connection, and runs a build that the contract accepts and that
    /// neither `trust` nor `withdrawn` withdraws.
    ///
    /// # Errors
    ///
    /// [`RoomError`], for the first check that fails; [`RoomError::checks`] lists them.
    pub async fn connect(
        address: &Address,
        contract: &Contract,
        trust: &Trust,
        withdrawn: &[BTreeMap<u8, Pcr>],
    ) -> Result<Self, RoomError> {
        let trust = trust.clone().withdrawing(withdrawn.iter().cloned());
        let (channel, proof) = attested(address, contract, &trust).await?;
        Ok(Self { address: address.clone(), contract: contract.clone(), trust, channel, proof })
    }

    /// Connects again after a connection was lost, verifying everything again.
    ///
    /// # Errors
    ///
    /// As [`Self::connect`]; [`RoomError::OtherInstance`] if another instance answers now.
    pub async fn reconnect(&mut self) -> Result<(), RoomError> {
        let fresh = attested(&self.address, &self.contract, &self.trust).await?;
        let (channel, proof) = fresh;
        if proof.instance.digest() != self.proof.instance.digest() {
            return Err(RoomError::OtherInstance {
                found: proof.instance.digest(),
                expected: self.proof.instance.digest(),
            });
        }
        (self.channel, self.proof) = (channel, proof);
        Ok(())
    }

    /// Sends a request as the party of `identity`. A refusal is an answer too: see
    /// [`Reply::Refused`].
    ///
    /// # Errors
    ///
    /// [`RoomError::Lost`] if the connection broke: whether the instance acted is unknown, and
    /// asking again is safe for everything a party can ask.
    pub async fn request(&mut self, identity: &Identity, body: Body) -> Result<Reply, RoomError> {
        let (most, patience) = match body {
            Body::Job { .. } => (limits::RESULT_REPLY, LONG),
            Body::Audit { .. } => (limits::AUDIT_REPLY, SHORT),
            Body::Grant { .. } | Body::Run { .. } | Body::Close {} => (limits::STATUS_REPLY, LONG),
            _ => (limits::STATUS_REPLY, SHORT),
        };
        let id = keys::random().map_err(|_| RoomError::Randomness)?;
        let request = Request { instance: self.proof.instance.digest(), id, body };
        let signed = identity.sign(&request).map_err(|why| RoomError::Keys(Box::new(why)))?;
        self.channel.post("/v1/request", signed, most, patience).await
    }

    /// Asks what the instance holds.
    ///
    /// # Errors
    ///
    /// [`RoomError`]; [`RoomError::Refused`] if it declines.
    pub async fn status(&mut self, identity: &Identity) -> Result<Status, RoomError> {
        match self.request(identity, Body::Status {}).await? {
            Reply::Status(status) => Ok(status),
            Reply::Refused(refusal) => Err(RoomError::Refused(Box::new(refusal))),
            _ => Err(RoomError::Protocol { what: "a status" }),
        }
    }

    /// The instance at the other end.
    #[must_use]
    pub fn instance(&self) -> &Instance {
        &self.proof.instance
    }

    /// The attestation document as verified.
    pub fn believed(&self) -> &Believed {
        &self.proof.believed
    }

    /// The attestation document as it came, and the nonce that it was asked for with.
    pub(crate) fn document(&self) -> (&[u8], &[u8]) {
        (&self.proof.document, &self.proof.nonce)
    }

    /// Every check, in the order in which they were made.
    #[must_use]
    pub fn checks(&self) -> &[Line] {
        &self.proof.checks
    }

    /// The name that the contract gives to the build which runs in the room.
    #[must_use]
    pub fn build(&self) -> &str {
        let build = self.contract.builds.get(self.proof.believed.build());
        build.map_or("", |build| build.name.as_str())
    }

    /// The contract that the room serves.
    #[must_use]
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The room's address.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The root under which the room was believed, and the builds that are not believed.
    #[must_use]
    pub fn trust(&self) -> &Trust {
        &self.trust
    }
}

async fn attested(
    address: &Address,
    contract: &Contract,
    trust: &Trust,
) -> Result<(tls::Channel, Proof), RoomError> {
    let mut channel = tls::Channel::open(address).await?;
    let nonce: [u8; NONCE_LEN] = keys::random().map_err(|_| RoomError::Randomness)?;
    let ask = canonical::to_vec(&AttestRequest { nonce: nonce.to_vec() });
    let mut pauses = (1..=PAUSES).map(|number| PAUSE * number);
    let reply = loop {
        match channel.post("/v1/attest", ask.clone(), limits::ATTEST_REPLY, SHORT).await? {
            Reply::Attested(reply) => break reply,
            Reply::Refused(refusal) => match pauses.next() {
                // All who connect share one rate limit, which others may just have used up.
                Some(pause) if refusal == Refusal::RateLimited => tokio::time::sleep(pause).await,
                _ => return Err(error::of_nobody_yet(refusal)),
            },
            _ => return Err(RoomError::Protocol { what: "an attestation document" }),
        }
    };
    let verifier = Verifier { contract, trust, now: clock::now() };
    let proof = verifier.verify(reply, nonce, channel.peer_key())?;
    Ok((channel, proof))
}

/// What a party compares an attested reply with.
struct Verifier<'a> {
    contract: &'a Contract,
    trust: &'a Trust,
    now: Time,
}

impl Verifier<'_> {
    fn verify(
        &self,
        reply: AttestReply,
        nonce: [u8; NONCE_LEN],
        peer: &[u8],
    ) -> Result<Proof, RoomError> {
        let document = Document::parse(&reply.document).map_err(RoomError::MalformedDocument)?;
        let expected = self
            .trust
            .expected(self.contract)
            .nonce(nonce.as_slice())
            .user_data(receipt::user_data_for(&reply.statement));
        let believed =
            document.verify(&expected, clock::timestamp(self.now)).map_err(
                |error| match error {
                    VerifyError::Region { found } => RoomError::Region {
                        found,
                        permitted: trust::regions_in_words(self.contract),
                    },
                    error => RoomError::Attestation(error),
                },
            )?;
        let instance = Instance::parse(&reply.statement).map_err(RoomError::Statement)?;
        if instance.contract() != self.contract.digest {
            let (found, expected) = (instance.contract(), self.contract.digest);
            return Err(RoomError::OtherContract { found, expected });
        }
        if instance.statement().tls != peer {
            return Err(RoomError::KeyMismatch);
        }
        if self.trust.has_withdrawn(believed.pcrs()) {
            return Err(RoomError::Withdrawn);
        }
        let build = self.contract.builds.get(believed.build()).ok_or(RoomError::Withdrawn)?;
        let mut checks = List::default();
        let room = Number::Room;
        checks.passed(room(1), TITLES[0], "");
        checks.extend(believed.checks());
        checks.passed(room(2), TITLES[1], format!("instance {}", instance.digest().short()));
        checks.passed(room(3), TITLES[2], format!("contract {}", self.contract.digest.short()));
        checks.passed(room(4), TITLES[3], "");
        checks.passed(room(5), TITLES[4], format!("build \"{}\"", build.name));
        let (checks, document) = (checks.into_lines(), reply.document);
        Ok(Proof { instance, believed, checks, document, nonce })
    }
}

/// The checks R1 to R5, beyond those of the document: the first comes before it, the others after.
const TITLES: [&str; 5] = [
    "the room answers over TLS 1.3 and holds the key of its certificate",
    "the instance statement, which the document binds, is well-formed",
    "the instance serves the contract given",
    "the TLS key of this connection is the one in the statement: nobody is in between",
    "the build is one that the contract accepts and that you have not withdrawn",
];

/// The first pause before a document is asked for again.
const PAUSE: Duration = Duration::from_millis(300);
const PAUSES: u32 = 5;
/// Time-out for attestation and status.
const SHORT: Duration = Duration::from_secs(30);
/// Time-out for jobs, for grants (which read whole datasets) and for closings (which wait for
/// jobs).
const LONG: Duration = Duration::from_secs(900);
