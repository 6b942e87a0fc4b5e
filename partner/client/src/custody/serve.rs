//! Custody as a service: one job, one slice, while the owner sleeps.

use super::{
    decide::{Owner, decide, read_job},
    ledger::{Ledger, LedgerError},
};
use crate::{
    address::Address,
    clock,
    keys::{Identity, IdentityError},
    room::{Instance, Room, RoomError},
    trust::Trust,
};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    routing::{get, post},
};
use protocol::{
    canonical,
    contract::Contract,
    digest::Digest,
    job::JobId,
    limits,
    receipt::Account,
    refusal::Refusal,
    slice::{SliceReply, SliceRequest},
};
use std::{
    future::Future,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

/// Finds out whether an instance is to be believed.
pub trait Believe: Send + Sync + 'static {
    /// The instance that answers now, which the caller compares with `wanted`.
    fn believe(&self, wanted: Digest) -> impl Future<Output = Result<Witnessed, RoomError>> + Send;
}

/// A believed instance, and what it says it was granted so far (none if not asked just now).
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by every `Believe`")]
pub struct Witnessed {
    /// The instance.
    pub instance: Instance,
    /// Its accounts.
    pub accounts: Option<Vec<Account>>,
}

/// Verifies the room at one address, and remembers for five minutes.
#[derive(Debug)]
pub struct RoomBeliever {
    address: Address,
    contract: Contract,
    trust: Trust,
    identity: Arc<Identity>,
    memory: Memory,
}

impl RoomBeliever {
    /// Believes what custody itself has verified at `address`, and no other place.
    #[must_use]
    pub fn new(
        address: Address,
        contract: Contract,
        trust: Trust,
        identity: Arc<Identity>,
    ) -> Self {
        Self { address, contract, trust, identity, memory: Memory::new(PAUSE) }
    }

    async fn attest(&self) -> Result<Witnessed, RoomError> {
        let mut room = Room::connect(&self.address, &self.contract, &self.trust, &[]).await?;
        let accounts = room.status(self.identity.signing()).await?.accounts;
        Ok(Witnessed { instance: room.instance().clone(), accounts: Some(accounts) })
    }
}

impl Believe for RoomBeliever {
    async fn believe(&self, wanted: Digest) -> Result<Witnessed, RoomError> {
        self.memory.recall(wanted, || self.attest()).await
    }
}

/// The instance that was believed last. Whoever names another one, made up or not, neither makes
/// custody forget it nor holds up those who name it.
#[derive(Debug)]
pub(super) struct Memory {
    last: Mutex<Option<(Instance, Instant)>>,
    /// When the room was last asked; held while it is.
    asked: tokio::sync::Mutex<Option<Instant>>,
    /// At least this long between two times.
    pause: Duration,
}

impl Memory {
    pub(super) fn new(pause: Duration) -> Self {
        Self { last: Mutex::new(None), asked: tokio::sync::Mutex::new(None), pause }
    }

    /// The instance `wanted`, if it is remembered; otherwise the one that `attest` finds. All who
    /// wait for the same answer share it.
    pub(super) async fn recall<F>(
        &self,
        wanted: Digest,
        attest: impl FnOnce() -> F,
    ) -> Result<Witnessed, RoomError>
    where
        F: Future<Output = Result<Witnessed, RoomError>>,
    {
        let came = Instant::now();
        let known = |instance: Instance| Ok(Witnessed { instance, accounts: None });
        if let Some(instance) = self.remembered(|instance, _| instance.digest() == wanted) {
            return known(instance);
        }
        let mut asked = self.asked.lock().await;
        let answers = |instance: &Instance, when| instance.digest() == wanted || when >= came;
        if let Some(instance) = self.remembered(answers) {
            return known(instance);
        }
        if let Some(asked) = *asked {
            tokio::time::sleep(self.pause.saturating_sub(asked.elapsed())).await;
        }
        let began = Instant::now();
        *asked = Some(began);
        let witnessed = attest().await?;
        let last = (witnessed.instance.clone(), began);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
        Ok(witnessed)
    }

    fn remembered(&self, is: impl FnOnce(&Instance, Instant) -> bool) -> Option<Instance> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (instance, when) = last.as_ref()?;
        (when.elapsed() < REMEMBERED && is(instance, *when)).then(|| instance.clone())
    }
}

/// What custody serves, and with what.
pub struct Service<B> {
    contract: Contract,
    party: String,
    identity: Arc<Identity>,
    ledger: Mutex<Ledger>,
    believer: B,
    tell: Box<dyn Fn(Event) + Send + Sync>,
}

impl<B> std::fmt::Debug for Service<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("party", &self.party).finish_non_exhaustive()
    }
}

/// What happened, for the operator of this custody.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Slices were cut, or given again.
    Granted {
        /// The job.
        job: JobId,
        /// The party that asked.
        analyst: String,
        /// An earlier job about nearly the same people.
        resembles: Option<JobId>,
    },
    /// Declined.
    Refused(Refusal),
    /// The room was not believed.
    NotBelieved(RoomError),
    /// Something is wrong here; nothing was handed out.
    Fault(LedgerError),
}

impl<B: Believe> Service<B> {
    /// Serves the party of `identity` under `contract`; `tell` hears of everything that happens.
    ///
    /// # Errors
    ///
    /// [`IdentityError::NoParty`] if the contract does not have these keys.
    pub fn new(
        contract: Contract,
        identity: Arc<Identity>,
        ledger: Ledger,
        believer: B,
        tell: impl Fn(Event) + Send + Sync + 'static,
    ) -> Result<Self, IdentityError> {
        let party = identity.party_in(&contract)?.to_owned();
        let (ledger, tell) = (Mutex::new(ledger), Box::new(tell));
        Ok(Self { contract, party, identity, ledger, believer, tell })
    }

    async fn answer(self: Arc<Self>, body: Bytes) -> SliceReply {
        let refused = |refusal: Refusal| {
            (self.tell)(Event::Refused(refusal.clone()));
            SliceReply::Refused(refusal)
        };
        let Ok(request) =
            canonical::from_slice_within::<SliceRequest>(&body, limits::SLICE_REQUEST)
        else {
            return refused(Refusal::Malformed);
        };
        // Strangers are turned away before they cost a connection to the room.
        let (job, analyst) = match read_job(&self.contract, &request.job) {
            Ok((job, analyst)) => (job, analyst.to_owned()),
            Err(refusal) => return refused(*refusal),
        };
        let witnessed = match self.believer.believe(job.instance).await {
            Ok(witnessed) => witnessed,
            Err(error) => {
                (self.tell)(Event::NotBelieved(error));
                return SliceReply::Refused(Refusal::NotBelieved { owner: self.party.clone() });
            }
        };
        if witnessed.instance.digest() != job.instance {
            return refused(Refusal::Elsewhere);
        }
        let (service, earmark) = (self.clone(), job.earmark(&analyst));
        let deciding =
            tokio::task::spawn_blocking(move || service.decide(&witnessed, &request)).await;
        match deciding {
            Ok(Ok(SliceReply::Refused(refusal))) => refused(refusal),
            Ok(Ok(granted @ SliceReply::Granted { .. })) => {
                let resembles = self.resembled(earmark);
                (self.tell)(Event::Granted { job: job.id, analyst, resembles });
                granted
            }
            Ok(Ok(would)) => would,
            Ok(Err(fault)) => {
                (self.tell)(Event::Fault(fault));
                SliceReply::Refused(Refusal::Internal)
            }
            Err(_) => refused(Refusal::Internal),
        }
    }

    /// For the operator's eyes only: a ledger that cannot be read says so at the next job.
    fn resembled(&self, job: Digest) -> Option<JobId> {
        let ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.resembled(job).ok().flatten()
    }

    fn decide(
        &self,
        witnessed: &Witnessed,
        request: &SliceRequest,
    ) -> Result<SliceReply, LedgerError> {
        // A poisoned lock is a panic of ours; the ledger itself changes in transactions only.
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(accounts) = &witnessed.accounts {
            ledger.witness(&witnessed.instance, &self.contract, &self.party, accounts)?;
        }
        let (party, key) = (self.party.as_str(), self.identity.signing());
        let owner = Owner { party, key, contract: &self.contract };
        decide(&mut ledger, &owner, &witnessed.instance, request, clock::now())
    }
}

/// Answers `POST /v1/slice` on `listener` until `stop` completes.
///
/// # Errors
///
/// What the operating system says about the listener.
pub async fn serve<B: Believe>(
    listener: TcpListener,
    service: Arc<Service<B>>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let router = Router::new()
        .route("/v1/slice", post(slice::<B>))
        .route("/v1/health", get(|| async { "{\"custody\":\"serving\"}" }))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(service);
    axum::serve(listener, router).with_graceful_shutdown(stop).await
}

async fn slice<B: Believe>(State(service): State<Arc<Service<B>>>, body: Bytes) -> Vec<u8> {
    let patient = tokio::time::timeout(PATIENCE, service.clone().answer(body)).await;
    let late = || SliceReply::Refused(Refusal::NotBelieved { owner: service.party.clone() });
    canonical::to_vec(&patient.unwrap_or_else(|_| late()))
}

/// How long a believed instance is believed without asking it again.
const REMEMBERED: Duration = Duration::from_mins(5);
/// At least this long between two attestations.
const PAUSE: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(55);
/// Bytes of a request: a job and its manifests.
const MAX_REQUEST: usize = 1 << 20;
