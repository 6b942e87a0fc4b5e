//! The service that hands out slices while the owner is away: one slice for one job.

use super::{
    decision::{Derived, Owner},
    door::Door,
    error::LedgerError,
    ledger::Ledger,
    requests::Requests,
};
use attestation_verifier::Pcr;
use bytes::Bytes;
use client::{
    address::Address,
    clock,
    keys::{Identity, IdentityError},
    room::{Instance, Room, RoomError},
    trust::Trust,
    withdrawals::{self, WithdrawalError},
    withdrawn,
};
use front::{Handler, Patience, Place, Places, Rules, body, empty};
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header};
use protocol::{
    contract::Contract,
    delegation::{WithdrawalHeard, Withdrawn},
    digest::Digest,
    job::{JobName, SignedJob},
    limits,
    receipt::Account,
    refusal::Refusal,
    sign::{self, PublicKey},
    slice::{CustodyReply, SliceReply, SliceRequest},
};
use std::{
    collections::BTreeMap,
    future::Future,
    io,
    num::NonZero,
    sync::{Arc, Mutex, PoisonError},
    thread::available_parallelism,
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, sync::Semaphore};

/// Finds out whether an instance is to be believed.
pub trait Believe: Send + Sync + 'static {
    /// The instance that answers now. The caller compares it with `wanted`.
    fn believe(&self, wanted: Digest) -> impl Future<Output = Result<Witnessed, RoomError>> + Send;
}

/// A believed instance, with what it says it was granted so far.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "made by every `Believe`")]
pub struct Witnessed {
    /// The instance.
    pub instance: Instance,
    /// What it was granted; `None` if it was not asked just now.
    pub accounts: Option<Vec<Account>>,
}

/// Verifies the room at one address, and remembers the result for five minutes.
#[derive(Debug)]
pub struct RoomBeliever {
    address: Address,
    contract: Contract,
    trust: Trust,
    identity: Arc<Identity>,
    /// The party's list of withdrawn builds at the time when the room was last believed.
    withdrawn: Mutex<Vec<BTreeMap<u8, Pcr>>>,
    memory: Memory,
}

impl RoomBeliever {
    /// Believes only what custody itself verifies at `address`.
    #[must_use]
    pub fn new(
        address: Address,
        contract: Contract,
        trust: Trust,
        identity: Arc<Identity>,
    ) -> Self {
        let withdrawn = Mutex::default();
        Self { address, contract, trust, identity, withdrawn, memory: Memory::new(PAUSE) }
    }

    /// Reads the list of withdrawn builds, which may have grown since the last job. An instance
    /// that was believed under an older list is forgotten.
    fn trust(&self) -> Result<Trust, RoomError> {
        let listed = withdrawn::read(self.identity.directory())?.unwrap_or_default();
        let mut known = self.withdrawn.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != listed {
            known.clone_from(&listed);
            self.memory.forget();
        }
        Ok(self.trust.clone().withdrawing(listed))
    }

    async fn attest(&self, trust: Trust) -> Result<Witnessed, RoomError> {
        let mut room = Room::connect(&self.address, &self.contract, &trust, &[]).await?;
        let accounts = room.status(&self.identity).await?.accounts;
        Ok(Witnessed { instance: room.instance().clone(), accounts: Some(accounts) })
    }
}

impl Believe for RoomBeliever {
    async fn believe(&self, wanted: Digest) -> Result<Witnessed, RoomError> {
        let trust = self.trust()?;
        self.memory.recall(wanted, || self.attest(trust)).await
    }
}

/// The instance that was believed last. A request that names another one, made up or not, neither
/// makes custody forget it nor delays others.
#[derive(Debug)]
pub(super) struct Memory {
    last: Mutex<Option<(Instance, Instant)>>,
    /// When the room was last asked; locked while it is being asked.
    asked: tokio::sync::Mutex<Option<Instant>>,
    /// Shortest pause between two questions to the room.
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

    /// Forgets the instance that was believed.
    fn forget(&self) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn remembered(&self, is: impl FnOnce(&Instance, Instant) -> bool) -> Option<Instance> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (instance, when) = last.as_ref()?;
        (when.elapsed() < REMEMBERED && is(instance, *when)).then(|| instance.clone())
    }
}

/// The service of one owner under one contract.
pub struct Service<B> {
    contract: Contract,
    party: String,
    identity: Arc<Identity>,
    ledger: Mutex<Ledger>,
    requests: Requests,
    /// Locked while a withdrawal is written.
    keeping: tokio::sync::Mutex<()>,
    /// Limits how many requests are worked on at one time.
    working: Semaphore,
    believer: B,
    tell: Box<dyn Fn(Event) + Send + Sync>,
}

impl<B> std::fmt::Debug for Service<B> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("party", &self.party).finish_non_exhaustive()
    }
}

/// An event, for the operator of this custody.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// Slices were cut, or given again.
    Granted {
        /// The job, with who asked it.
        signed: Box<SignedJob>,
        /// What its data are used for.
        purpose: String,
        /// An earlier job about nearly the same people.
        resembles: Option<JobName>,
    },
    /// A key was withdrawn.
    Withdrawn {
        /// The party that withdrew it.
        party: String,
        /// The key.
        key: PublicKey,
    },
    /// A request was refused.
    Refused(Refusal),
    /// The room was not believed.
    NotBelieved(RoomError),
    /// The custody itself failed; nothing was handed out.
    Fault(LedgerError),
}

impl<B: Believe> Service<B> {
    /// A service for the party of `identity` under `contract`. It tells `tell` everything that
    /// happens.
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
        let working = Semaphore::new(available_parallelism().map_or(1, NonZero::get));
        let requests = Requests::default();
        let keeping = tokio::sync::Mutex::default();
        Ok(Self { contract, party, identity, ledger, requests, keeping, working, believer, tell })
    }

    async fn answer_slice(self: Arc<Self>, body: Bytes, place: &Place) -> SliceReply {
        let refused = |refusal: Refusal| {
            (self.tell)(Event::Refused(refusal.clone()));
            SliceReply::Refused(refusal)
        };
        // Strangers, and requests that are shown again, are refused before they take the analyst's
        // place or cause a connection to the room.
        let now = clock::now();
        let withdrawn = || self.withdrawn().map_err(|_| Refusal::Internal);
        let admitted = self.requests.admit(&self.contract, &self.party, &body, now, withdrawn);
        let (request, signed) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return refused(refusal),
        };
        drop(body);
        if !place.answers(signed.analyst()) {
            return refused(Refusal::Busy { party: signed.analyst().to_owned() });
        }
        let wanted = signed.job().instance;
        let witnessed = match self.believer.believe(wanted).await {
            Ok(witnessed) => witnessed,
            Err(error) => {
                (self.tell)(Event::NotBelieved(error));
                return SliceReply::Refused(Refusal::NotBelieved { owner: self.party.clone() });
            }
        };
        if witnessed.instance.digest() != wanted {
            return refused(Refusal::Elsewhere);
        }
        let Ok(_working) = self.working.acquire().await else { return refused(Refusal::Internal) };
        let (service, job) = (self.clone(), signed.name());
        let deciding =
            tokio::task::spawn_blocking(move || service.decide(&witnessed, &request, job)).await;
        match deciding {
            Ok(Ok((SliceReply::Refused(refusal), _))) => refused(refusal),
            Ok(Ok((granted @ SliceReply::Granted { .. }, resembles))) => {
                let terms = self.contract.analyses.get(&signed.job().analysis);
                let purpose = terms.map(|terms| terms.purpose.clone()).unwrap_or_default();
                (self.tell)(Event::Granted { signed: Box::new(signed), purpose, resembles });
                granted
            }
            Ok(Ok((would, _))) => would,
            Ok(Err(fault)) => {
                (self.tell)(Event::Fault(fault));
                SliceReply::Refused(Refusal::Internal)
            }
            Err(_) => refused(Refusal::Internal),
        }
    }

    /// Keeps a withdrawal that a party of the contract signed with its root key. Custody refuses
    /// everything that the withdrawn key signs from now on.
    async fn withdraw(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let bytes = match body(request.into_body(), WITHDRAWAL, BODY).await {
            Ok(bytes) => bytes,
            Err(status) => return empty(status),
        };
        // This comes before anything is read from disk: anybody can send bytes.
        if Withdrawn::default().take(&self.contract, &bytes).is_err() {
            return empty(StatusCode::FORBIDDEN);
        }
        // Withdrawals are kept one at a time, so that a party never has more kept than are read
        // again.
        let _keeping = self.keeping.lock().await;
        let Ok(mut known) = self.withdrawn() else {
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let Ok((party, withdrawal)) = known.take(&self.contract, &bytes) else {
            return empty(StatusCode::FORBIDDEN);
        };
        if withdrawals::keep(self.identity.directory(), &bytes).is_err() {
            return empty(StatusCode::INTERNAL_SERVER_ERROR);
        }
        let heard = WithdrawalHeard { withdrawal: sign::digest_of(&bytes) };
        (self.tell)(Event::Withdrawn { party, key: withdrawal.key });
        match self.identity.sign(&heard) {
            Ok(signed) => typed("application/cbor", signed.into()),
            Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The keys that were withdrawn until now. Read each time, since a party's commands write to
    /// the same folder.
    fn withdrawn(&self) -> Result<Withdrawn, WithdrawalError> {
        withdrawals::under(self.identity.directory(), &self.contract)
    }

    /// Decides on a request; blocks. All work without the ledger comes before the ledger is locked,
    /// since others wait for it.
    fn decide(
        &self,
        witnessed: &Witnessed,
        request: &SliceRequest,
        job: JobName,
    ) -> Result<(SliceReply, Option<JobName>), LedgerError> {
        let service = self.identity.service().map_err(|why| LedgerError::Keys(Box::new(why)))?;
        // Read for each job: a key may have been withdrawn since the last one.
        let withdrawn = self.withdrawn().map_err(LedgerError::Withdrawals)?;
        let (party, contract) = (self.party.as_str(), &self.contract);
        let owner = Owner { party, key: service, contract, withdrawn: &withdrawn };
        let now = clock::now();
        let derived = match Derived::of(&owner, &witnessed.instance, request, now) {
            Ok(derived) => derived,
            Err(refusal) => return Ok((SliceReply::Refused(*refusal), None)),
        };
        // A poisoned lock means that our own code panicked; the ledger itself changes in
        // transactions only.
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(accounts) = &witnessed.accounts {
            ledger.witness(&witnessed.instance, &self.contract, &self.party, accounts)?;
        }
        let slices = derived.slices(&mut ledger, None, now);
        // This is only for the operator: if the ledger cannot be read, the next job reports it.
        let resembles = ledger.resembled(job).ok().flatten();
        drop(ledger);
        Ok((derived.reply(slices)?, resembles))
    }
}

/// Answers `POST /v1/slice` on `listener`, behind `door`, until `stop` completes.
///
/// # Errors
///
/// What the operating system says about the listener.
pub async fn serve<B: Believe>(
    listener: TcpListener,
    door: &Door,
    service: Arc<Service<B>>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let places = Places::new(RULES);
    match door.acceptor() {
        None => front::serve(listener, places, PATIENCE, service, stop).await,
        Some(acceptor) => {
            let greet = |stream| {
                let accepting = acceptor.accept(stream);
                async { accepting.await.ok() }
            };
            front::serve_greeted(listener, places, PATIENCE, service, greet, stop).await
        }
    }
}

impl<B: Believe> Handler for Service<B> {
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        place: Arc<Place>,
    ) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::POST, "/v1/slice") => {}
            (&Method::GET, "/v1/health") => {
                return typed("application/json", b"{\"custody\":\"serving\"}".as_slice().into());
            }
            (&Method::POST, "/v1/withdraw") => return self.withdraw(request).await,
            (_, "/v1/slice" | "/v1/health" | "/v1/withdraw") => {
                return empty(StatusCode::METHOD_NOT_ALLOWED);
            }
            _ => return empty(StatusCode::NOT_FOUND),
        }
        let most = limits::SLICE_REQUEST.bytes;
        let body = match body(request.into_body(), most, BODY).await {
            Ok(body) => body,
            Err(status) => return empty(status),
        };
        let request = sign::digest_of(&body);
        let answering = Arc::clone(&self).answer_slice(body, &place);
        let late = || SliceReply::Refused(Refusal::NotBelieved { owner: self.party.clone() });
        let reply = tokio::time::timeout(ANSWER, answering).await.unwrap_or_else(|_| late());
        // Refusals are signed too: the receiver must know whose word it is.
        match self.identity.sign(&CustodyReply { request, reply }) {
            Ok(signed) => typed("application/cbor", signed.into()),
            Err(_) => empty(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }
}

fn typed(kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    let kind = header::HeaderValue::from_static(kind);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// How long a believed instance stays believed without being asked again.
const REMEMBERED: Duration = Duration::from_mins(5);
/// Shortest pause between two attestations.
const PAUSE: Duration = Duration::from_secs(3);
/// Longest time to answer one request, attestation of the room included.
const ANSWER: Duration = Duration::from_secs(55);
/// Largest withdrawal that is read, in bytes: many times what one has.
const WITHDRAWAL: usize = 4096;
const BODY: Duration = Duration::from_secs(10);
const RULES: Rules = Rules {
    places: limits::CUSTODY_PLACES,
    spare: limits::CUSTODY_PLACES / 8,
    grace: Duration::from_millis(500),
    share: limits::CUSTODY_PLACES / 4,
};
const PATIENCE: Patience = Patience {
    header: Duration::from_secs(10),
    stalled: Duration::from_secs(10),
    oldest: Duration::from_secs(120),
};
