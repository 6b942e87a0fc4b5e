//! Gets a prepared job paid by its owners and answered by the instance.

use super::{
    JobError, Prepared, RETRIES, Unpaid,
    custody::{self, Custody},
};
use crate::{
    keys::Identity,
    room::{Instance, Room, RoomError},
    withdrawals,
};
use protocol::{
    contract::Contract,
    delegation::{Delegate, Withdrawn},
    job::JobName,
    message::{Body, Reply},
    receipt::Account,
    refusal::Refusal,
    slice::{SliceReply, SliceRequest},
};
use serde_bytes::ByteBuf;
use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    fmt,
    time::Duration,
};

/// Where owners countersign.
#[derive(Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a caller names what it has")]
pub struct Custodies<'a> {
    /// Addresses of custodies by party; they replace the contract's.
    pub addresses: BTreeMap<String, String>,
    /// This party's own ledger, which pays for its own datasets if no address of its custody is
    /// named.
    pub own: Option<&'a mut dyn OwnCustody>,
}

/// Decides for this party's own datasets as another party's custody would. The crate `custody`
/// implements it.
pub trait OwnCustody: fmt::Debug + Send {
    /// Compares what an instance says it was granted with what the ledger handed out.
    ///
    /// # Errors
    ///
    /// Why nothing is handed out any more.
    fn witness(
        &mut self,
        owner: &str,
        contract: &Contract,
        instance: &Instance,
        accounts: &[Account],
    ) -> Result<(), Box<dyn Error + Send + Sync>>;

    /// Answers `request` of the party `owner`, which signs with `key`, for a believed instance.
    /// Keys that were `withdrawn` are not believed.
    ///
    /// # Errors
    ///
    /// Why the ledger cannot be used.
    fn decide(
        &mut self,
        owner: &str,
        key: &Delegate,
        contract: &Contract,
        instance: &Instance,
        request: &SliceRequest,
        withdrawn: &Withdrawn,
    ) -> Result<SliceReply, Box<dyn Error + Send + Sync>>;
}

/// A job that has run.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Ran {
    /// Name of the job.
    pub job: JobName,
    /// The package sealed to this party; `None` if it is not a receiver.
    pub sealed: Option<Vec<u8>>,
    /// Receivers who cannot fetch the result from the host, since the host did not keep it.
    pub not_stored: Vec<String>,
}

/// A step of a job on its way, for people who watch.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Step<'a> {
    /// An owner is asked to countersign.
    Asking {
        /// The owner.
        owner: &'a str,
        /// Address of the custody; `None` if it is this party's own ledger.
        at: Option<&'a str>,
    },
    /// The owner countersigned.
    Countersigned {
        /// The owner.
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
        let body = Body::Job { job: prepared.as_bytes().to_vec(), slices: slices.clone() };
        match room.request(identity, body).await {
            Ok(Reply::Result { job, sealed, not_stored }) if job == prepared.name() => {
                return Ok(Ran { job, sealed: sealed.map(ByteBuf::into_vec), not_stored });
            }
            Ok(Reply::Refused(refusal)) => {
                let owners = owners_of(&refusal);
                if owners.is_empty() || !owners.iter().all(|owner| asked.insert(owner.clone())) {
                    return Err(JobError::refused(refusal));
                }
                let round = Round { identity, prepared, owners: &owners };
                slices.extend(round.countersign(room, custodies, tell).await?);
            }
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

/// Connects again, and waits for a host that is just restarting.
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

/// The owners who must countersign before the instance runs the job.
fn owners_of(refusal: &Refusal) -> Vec<String> {
    match refusal {
        Refusal::NeedsSlice { owner, others, .. } => {
            std::iter::once(owner).chain(others).cloned().collect()
        }
        _ => Vec::new(),
    }
}

/// The owners who must countersign one job.
struct Round<'a> {
    identity: &'a Identity,
    prepared: &'a Prepared,
    owners: &'a [String],
}

/// Where an owner countersigns.
enum Desk {
    At(String),
    /// In this party's own ledger.
    Ours,
}

impl Round<'_> {
    /// Gets the slices of all owners, or an error. All owners are asked first whether they would
    /// hand one out; so after an error no owner has handed anything out, unless a connection broke
    /// in between.
    async fn countersign(
        &self,
        room: &mut Room,
        custodies: &mut Custodies<'_>,
        tell: &mut (dyn FnMut(Step<'_>) + Send),
    ) -> Result<Vec<ByteBuf>, JobError> {
        let mut desks = Vec::new();
        for owner in self.owners {
            match self.desk(room.contract(), custodies, owner) {
                Some(desk) => desks.push((owner.as_str(), desk)),
                None => return Err(self.unpaid(room, owner).await?),
            }
        }
        // This party's own ledger comes last: if something fails before, it has lost nothing.
        desks.sort_by_key(|(_, desk)| matches!(desk, Desk::Ours));
        if let (Some((party, Desk::Ours)), Some(ledger)) = (desks.last(), &mut custodies.own) {
            let accounts = room.status(self.identity).await?.accounts;
            let known = ledger.witness(party, room.contract(), room.instance(), &accounts);
            known.map_err(JobError::Ledger)?;
        }
        if desks.len() > 1 {
            for (owner, desk) in &desks {
                self.ask(room, custodies, owner, desk, true).await?;
            }
        }
        let mut slices = Vec::new();
        for (owner, desk) in &desks {
            let at = match desk {
                Desk::At(url) => Some(url.as_str()),
                Desk::Ours => None,
            };
            tell(Step::Asking { owner, at });
            slices.extend(self.ask(room, custodies, owner, desk, false).await?);
            tell(Step::Countersigned { owner });
        }
        Ok(slices)
    }

    /// Why nothing is asked of an owner whose custody nobody knows: what it prepaid does not suffice.
    async fn unpaid(&self, room: &mut Room, owner: &str) -> Result<JobError, JobError> {
        let accounts = room.status(self.identity).await?.accounts;
        let unpaid = Unpaid::of(owner, room.contract(), &self.prepared.admitted, &accounts);
        let none = || JobError::NoCustody { owner: owner.to_owned() };
        Ok(unpaid.map_or_else(none, |unpaid| JobError::Unpaid(Box::new(unpaid))))
    }

    /// Where an owner countersigns; none if nobody knows.
    fn desk(&self, contract: &Contract, custodies: &Custodies<'_>, owner: &str) -> Option<Desk> {
        let listed = contract.parties.get(owner).and_then(|party| party.custody.as_ref());
        let listed = listed.map(ToString::to_string);
        let ours = contract.party_of(&self.identity.root_key()) == Some(owner);
        match custodies.addresses.get(owner).cloned().or(listed) {
            Some(url) => Some(Desk::At(url)),
            None => (ours && custodies.own.is_some()).then_some(Desk::Ours),
        }
    }

    async fn ask(
        &self,
        room: &Room,
        custodies: &mut Custodies<'_>,
        owner: &str,
        desk: &Desk,
        only_asks: bool,
    ) -> Result<Vec<ByteBuf>, JobError> {
        let contract = room.contract();
        let withdrawn = withdrawals::under(self.identity.directory(), contract)?;
        let (job, manifests) = (self.prepared.as_bytes(), &self.prepared.manifests);
        let request = custody::request(owner, job, manifests, only_asks)?;
        match (desk, &mut custodies.own) {
            (Desk::At(url), _) => {
                let analyst = contract.party_of(&self.identity.root_key());
                let job = self.prepared.name();
                let withdrawn = &withdrawn;
                let custody = Custody { contract, owner, url, analyst, job, withdrawn };
                let asked = custody.ask(self.identity.analyst()?, request).await;
                asked.map_err(|error| {
                    error.of_manifests(contract, self.prepared.admitted.datasets())
                })
            }
            (Desk::Ours, Some(ledger)) => {
                let key = self.identity.service()?;
                let instance = room.instance();
                let decided = ledger.decide(owner, key, contract, instance, &request, &withdrawn);
                match decided.map_err(JobError::Ledger)? {
                    SliceReply::Granted { slices } => Ok(slices),
                    SliceReply::Refused(refusal) => Err(JobError::refused(refusal)),
                    _ => Ok(Vec::new()),
                }
            }
            (Desk::Ours, None) => Err(JobError::NoCustody { owner: owner.to_owned() }),
        }
    }
}

const PAUSE: Duration = Duration::from_millis(500);
