//! Getting a prepared job paid and answered.

use super::{JobError, Prepared};
use crate::{
    clock,
    custody::{Ledger, Owner, decide},
    http::{HttpError, Plain},
    keys::Identity,
    room::{Room, RoomError},
};
use bytes::Bytes;
use hyper::Method;
use protocol::{
    canonical,
    job::JobId,
    message::{Body, Reply},
    refusal::Refusal,
    slice::{SliceReply, SliceRequest},
};
use serde_bytes::ByteBuf;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// Where owners countersign.
#[derive(Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a caller names what it has")]
pub struct Custodies<'a> {
    /// Addresses by party, instead of the contract's.
    pub addresses: BTreeMap<String, String>,
    /// Our own ledger, for our own datasets, if no custody of ours is named.
    pub own: Option<&'a mut Ledger>,
}

/// A job that has run.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Ran {
    /// The job.
    pub job: JobId,
    /// The package sealed to us; none if we are no receiver.
    pub sealed: Option<Vec<u8>>,
}

/// What happens on the way, for people who watch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Step<'a> {
    /// An owner is asked to countersign.
    Asking {
        /// Whose custody.
        owner: &'a str,
        /// Where; none if it is our own ledger.
        at: Option<&'a str>,
    },
    /// It did.
    Countersigned {
        /// Whose custody.
        owner: &'a str,
    },
    /// The connection was lost; the same job is sent again.
    Reconnecting,
}

/// Submits the job, gets each owner's slice when the instance asks for it, and returns the result.
/// Safe to call again with the same job: nothing is paid twice.
///
/// # Errors
///
/// [`JobError`].
pub async fn run(
    room: &mut Room,
    identity: &Identity,
    prepared: &Prepared,
    custodies: &mut Custodies<'_>,
    tell: &mut (dyn FnMut(Step<'_>) + Send),
) -> Result<Ran, JobError> {
    let mut slices: Vec<ByteBuf> = Vec::new();
    let mut asked = BTreeSet::new();
    let mut lost = 0;
    loop {
        let body = Body::Job { job: prepared.signed.clone(), slices: slices.clone() };
        match room.request(identity.signing(), body).await {
            Ok(Reply::Result { job, sealed }) if job == prepared.id() => {
                return Ok(Ran { job, sealed: sealed.map(ByteBuf::into_vec) });
            }
            Ok(Reply::Refused(Refusal::NeedsSlice { ref owner, .. }))
                if asked.insert(owner.clone()) =>
            {
                slices.extend(countersign(room, identity, prepared, custodies, owner, tell).await?);
            }
            Ok(Reply::Refused(refusal)) => return Err(JobError::refused(refusal)),
            Ok(_) => return Err(RoomError::Protocol { what: "the result of the job" }.into()),
            Err(error) if error.is_transient() && lost < RETRIES => {
                lost += 1;
                tell(Step::Reconnecting);
                reconnect(room).await?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Connects again, with patience for a host that is just restarting.
async fn reconnect(room: &mut Room) -> Result<(), RoomError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        tokio::time::sleep(PAUSE * attempts).await;
        match room.reconnect().await {
            Err(error) if error.is_transient() && attempts < RETRIES => {}
            done => return done,
        }
    }
}

async fn countersign(
    room: &Room,
    identity: &Identity,
    prepared: &Prepared,
    custodies: &mut Custodies<'_>,
    owner: &str,
    tell: &mut (dyn FnMut(Step<'_>) + Send),
) -> Result<Vec<ByteBuf>, JobError> {
    let contract = room.contract();
    let request = SliceRequest {
        job: prepared.signed.clone(),
        manifests: prepared.manifests.iter().cloned().map(Into::into).collect(),
    };
    let listed = contract.parties.get(owner).and_then(|party| party.custody.as_ref());
    let address = custodies.addresses.get(owner).or(listed).cloned();
    let ours = contract.party_of(&identity.signing().public()) == Some(owner);
    tell(Step::Asking { owner, at: address.as_deref() });
    let reply = match (address, &mut custodies.own) {
        (Some(url), _) => post(&url, owner, &request, prepared.id()).await?,
        (None, Some(ledger)) if ours => {
            let party = Owner { party: owner, key: identity.signing(), contract };
            decide(ledger, &party, room.instance(), &request, clock::now())?
        }
        _ => return Err(JobError::NoCustody { owner: owner.to_owned() }),
    };
    match reply {
        SliceReply::Granted { slices } => {
            tell(Step::Countersigned { owner });
            Ok(slices)
        }
        SliceReply::Refused(refusal) => Err(JobError::refused(refusal)),
        _ => Err(RoomError::Protocol { what: "an answer of a custody" }.into()),
    }
}

async fn post(
    url: &str,
    owner: &str,
    request: &SliceRequest,
    id: JobId,
) -> Result<SliceReply, JobError> {
    let unreachable = |cause: String| JobError::CustodyUnreachable {
        owner: owner.to_owned(),
        url: url.to_owned(),
        cause,
        id,
    };
    let authority = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    let authority = authority.filter(|rest| rest.contains(':') && !rest.contains('/'));
    let expected = || unreachable("expected an address such as http://host:7501".to_owned());
    let mut http = Plain::new(authority.ok_or_else(expected)?.to_owned());
    let body = Bytes::from(canonical::to_vec(request));
    let mut attempts = 0;
    let answer = loop {
        attempts += 1;
        match http.send(Method::POST, "/v1/slice", body.clone(), MAX_REPLY).await {
            Ok(answer) => break answer,
            Err(HttpError::Broken) if attempts < RETRIES => tokio::time::sleep(PAUSE).await,
            Err(error) => return Err(unreachable(error.to_string())),
        }
    };
    canonical::from_slice(&answer.body)
        .map_err(|_| unreachable(format!("HTTP status {}", answer.status.as_u16())))
}

const RETRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(500);
const MAX_REPLY: usize = 1 << 20;
