//! From a request to a reply: checks who asks, and passes the request on.

use crate::{
    audit::Readers,
    grant, job, link, run,
    session::{Open, Serving, State},
};
use attestation_verifier::receipt::BodyKind;
use front::Place;
use protocol::{
    audit::Event,
    canonical,
    delegation::{Authorised, Authority, KeyKind},
    job::SignedJob,
    limits,
    merkle::Head,
    message::{AttestReply, AttestRequest, Body, NONCE_LEN, Reply, Request, Status},
    receipt::{self, ClosingBody},
    refusal::{Asked, Refusal},
    sign,
    storage::ObjectName,
    time::Time,
};
use std::sync::PoisonError;

impl Serving {
    /// Answers a request for an attestation document. It needs no signature, but is limited in
    /// rate.
    pub(crate) fn attest(&self, bytes: &[u8]) -> Reply {
        match self.try_attest(bytes) {
            Ok(reply) => Reply::Attested(reply),
            Err(refusal) => Reply::Refused(refusal),
        }
    }

    fn try_attest(&self, bytes: &[u8]) -> Result<AttestReply, Refusal> {
        self.gate.admit_attest()?;
        let request: AttestRequest =
            canonical::from_slice_within(bytes, limits::ATTEST).map_err(|_| Refusal::Malformed)?;
        // A nonce of another length could be that of a receipt.
        if request.nonce.len() != NONCE_LEN {
            return Err(Refusal::Malformed);
        }
        let user_data = self.instance;
        let document = self.nsm.attest(Some(user_data.as_bytes()), Some(&request.nonce));
        let document = document.map_err(|error| {
            tracing::error!(%error, "no document");
            Refusal::Internal
        })?;
        let statement = self.statement.clone();
        Ok(AttestReply { statement, document, contract: self.signed_contract.clone() })
    }

    /// Answers a request that a party signed.
    pub(crate) async fn answer(&self, bytes: &[u8], place: &Place) -> Reply {
        let (by, request) = match self.authenticate(bytes) {
            Ok(authentic) => authentic,
            Err(refusal) => return Reply::Refused(refusal),
        };
        let party = by.party();
        if !place.answers(party) {
            return Reply::Refused(Refusal::Busy { party: party.to_owned() });
        }
        // A closing gives budget back and names the log's end, and who asks for the log gets it here.
        let waits = !matches!(request.body, Body::Close {} | Body::Audit { .. });
        let replied = match self.act(&by, request.body).await {
            Ok(reply) if waits => self.recorded().await.map(|()| reply),
            Ok(reply) => Ok(reply),
            // What was decided is an entry already, and stays to be recorded.
            Err(Refusal::LogNotStored) => Err(Refusal::LogNotStored),
            Err(refusal) => self.decline(&by, bytes, refusal).await,
        };
        replied.unwrap_or_else(Reply::Refused)
    }

    /// Writes down that a request was declined. The refusal leaves once that is recorded at the host.
    async fn decline(
        &self,
        by: &Authorised,
        bytes: &[u8],
        refusal: Refusal,
    ) -> Result<Reply, Refusal> {
        // The host reads this log. It learns the kind of the refusal, which follows from
        // what is public, and nothing of what the request said.
        tracing::info!(party = by.party(), reason = refusal.kind(), "a request was declined");
        if let (State::Open(open), Ok(now)) = (&mut *self.state.lock().await, self.now()) {
            let (readers, event) = self.refused(by, bytes, &refusal, now);
            open.audit.append(now, readers, event);
            self.record(open).await?;
        }
        Ok(Reply::Refused(refusal))
    }

    /// Stores the records of all entries at the host.
    async fn recorded(&self) -> Result<(), Refusal> {
        match &mut *self.state.lock().await {
            State::Open(open) => self.record(open).await,
            // Its keys are gone. What it could not store before, its closing names.
            State::Closed { .. } => Ok(()),
        }
    }

    async fn act(&self, by: &Authorised, body: Body) -> Result<Reply, Refusal> {
        if let Body::Grant { grant, slices } = body {
            return grant::take(self, by, grant, &slices).await;
        }
        let party = by.party();
        let mut state = self.state.lock().await;
        // The lock may have taken a while: a grant may have ended meanwhile.
        let now = self.now()?;
        // The sender's key may also have ended meanwhile, or its party withdrew it.
        self.authority(now, |known| known.still(by))?;
        match body {
            Body::Close {} => return self.close(&mut state, party, now).await,
            Body::Audit { from } => {
                let audit = match &*state {
                    State::Open(open) => &open.audit,
                    State::Closed { audit, .. } => audit,
                };
                return Ok(Reply::Audit(audit.page(party, from, now)));
            }
            _ => {}
        }
        let State::Open(open) = &mut *state else { return Err(Refusal::Closed) };
        drop_expired(open, now);
        match body {
            Body::Job { job, slices } => job::run(self, open, party, &job, &slices, now).await,
            Body::Run { run, slices } => run::bring(self, open, party, run, &slices, now).await,
            Body::Revoke { dataset } => grant::revoke(&self.contract, open, party, dataset, now),
            Body::Withdraw { withdrawal } => self.withdraw(open, &withdrawal, now),
            Body::Status {} => Ok(Reply::Status(status(open, now))),
            _ => Err(Refusal::Malformed),
        }
    }

    /// Trusted time, signed by the module for this call.
    pub(crate) fn now(&self) -> Result<Time, Refusal> {
        self.clock.signed(self.nsm.as_ref()).map_err(|error| {
            tracing::error!(%error, "no trusted time");
            Refusal::Internal
        })
    }

    fn authenticate(&self, bytes: &[u8]) -> Result<(Authorised, Request), Refusal> {
        // Work that anybody can cause is kept cheap: the module is not asked for the time here.
        let now = self.clock.now(self.nsm.as_ref()).map_err(|error| {
            tracing::error!(%error, "no trusted time");
            Refusal::Internal
        })?;
        let (request, by) = self.authority(now, |authority| authority.open::<Request>(bytes))?;
        if !matches!(
            request.body,
            Body::Job { .. } | Body::Status {} | Body::Audit { .. } | Body::Withdraw { .. }
        ) {
            by.check(&[KeyKind::Service])?;
        }
        if request.instance != self.instance {
            return Err(Refusal::Elsewhere);
        }
        // A closing is the same however often it is asked for, and nothing may keep it back.
        if !matches!(request.body, Body::Close {}) {
            self.gate.admit_once(by.party(), request.id)?;
        }
        Ok((by, request))
    }

    /// The entry on a declined request. Whoever sent it may read it and, where a job asked for data, their owners.
    fn refused(
        &self,
        by: &Authorised,
        bytes: &[u8],
        refusal: &Refusal,
        now: Time,
    ) -> (Readers, Event) {
        let job = self.authority(now, |known| {
            let (request, _) = known.open::<Request>(bytes).ok()?;
            let (Body::Job { job: signed, .. } | Body::Run { run: signed, .. }) = request.body
            else {
                return None;
            };
            SignedJob::open_either(known, signed).ok()
        });
        let party = by.party().to_owned();
        let mut readers = vec![party.clone()];
        readers.extend(job.as_ref().map(|job| job.analyst().to_owned()));
        let datasets = job.iter().flat_map(|job| job.job().datasets.keys());
        let readers = Readers::owners(&self.contract, datasets).and(readers);
        let analysis = job.map(|job| job.job().analysis.clone());
        let request = sign::digest_of(bytes);
        let event = Event::Refused { party, request, analysis, refusal: refusal.clone() };
        (readers, event)
    }

    /// Asks `what` of the keys that are good at `now`.
    pub(crate) fn authority<T>(&self, now: Time, what: impl FnOnce(&Authority<'_>) -> T) -> T {
        let withdrawn = self.withdrawn.lock().unwrap_or_else(PoisonError::into_inner);
        what(&Authority::at(&self.contract, now).without(&withdrawn))
    }

    /// Stops believing a key, for as long as the instance lives.
    fn withdraw(&self, open: &mut Open, bytes: &[u8], now: Time) -> Result<Reply, Refusal> {
        let mut withdrawn = self.withdrawn.lock().unwrap_or_else(PoisonError::into_inner);
        let (party, withdrawal) = withdrawn.take(&self.contract, bytes)?;
        drop(withdrawn);
        tracing::info!(%party, "a key was withdrawn");
        let withdrawn = Event::Withdrawn { party, key: withdrawal.key };
        open.audit.append(now, Readers::All, withdrawn);
        Ok(Reply::Withdrawn {})
    }

    /// Ends the instance. The state lock has waited for running work, and the keys go with the
    /// state. Any owner may close: it can stop its own data at any time, and a room without it
    /// answers nothing.
    async fn close(&self, state: &mut State, party: &str, now: Time) -> Result<Reply, Refusal> {
        if !self.contract.datasets.values().any(|dataset| dataset.owner == party) {
            let name = party.to_owned();
            return Err(Refusal::NotPermitted { what: Asked::Closing, name, owner: None });
        }
        let closing = self.end(state, now).await?;
        tracing::info!(%party, "closed");
        Ok(Reply::Closed { closing })
    }

    /// Ends the instance for a planned stop of the host, so that what was handed to it and not
    /// spent can return to its owners. The host could end it without this call.
    pub(crate) async fn leave(&self) {
        let mut state = self.state.lock().await;
        let ended = match self.now() {
            Ok(now) => self.end(&mut state, now).await.map(drop),
            Err(refusal) => Err(refusal),
        };
        match ended {
            Ok(()) => tracing::info!("closed, since the operator stops the host"),
            Err(refusal) => {
                tracing::error!(reason = refusal.kind(), "the closing could not be made")
            }
        }
    }

    /// The closing of this instance: the one that was made before, or one that is made now.
    async fn end(&self, state: &mut State, now: Time) -> Result<Vec<u8>, Refusal> {
        let open = match state {
            State::Closed { closing, .. } => return Ok(closing.clone()),
            State::Open(open) => open,
        };
        open.audit.tell_unlisted(now);
        open.audit.append(now, Readers::All, Event::Closed {});
        let Head { size: audit_size, root: audit_root } = open.audit.head();
        let body = ClosingBody {
            contract: self.contract.digest,
            output: receipt::output(b""),
            instance: self.instance,
            accounts: open.ledger.accounts(),
            deliveries: open.results.deliveries(),
            time: now,
            audit_size,
            audit_root,
        };
        let body = canonical::to_vec(&body);
        let closing = self.attest_body(&open.keys, BodyKind::Closing, &body)?;
        // First, since it gives budget back. The reply carries it too, so a host that keeps nothing delays nobody.
        if let Ok(name) = ObjectName::closing(&self.instance.to_string())
            && let Err(error) = link::put(self.host.as_ref(), None, name, closing.clone()).await
        {
            tracing::warn!(%error, "the closing could not be stored");
        }
        // The closing names how many entries there are, should the host not keep the end of the log.
        if self.record(open).await.is_err() {
            tracing::warn!("the end of the audit log could not be stored");
        }
        let audit = Box::new(open.audit.take());
        *state = State::Closed { closing: closing.clone(), audit };
        Ok(closing)
    }

    /// Drops datasets whose grants are over, whether or not anybody sends a request.
    pub(crate) async fn tick(&self) {
        let now = match self.clock.now(self.nsm.as_ref()) {
            Ok(now) => now,
            Err(error) => return tracing::error!(%error, "no trusted time"),
        };
        if let State::Open(open) = &mut *self.state.lock().await
            && drop_expired(open, now)
            && let Err(refusal) = self.record(open).await
        {
            tracing::warn!(reason = refusal.kind(), "the end of a grant is not recorded yet");
        }
    }
}

/// Whether a grant ended.
fn drop_expired(open: &mut Open, now: Time) -> bool {
    let dropped = open.vault.drop_expired(now);
    let is_any = !dropped.is_empty();
    for dataset in dropped {
        tracing::info!(%dataset, "a grant ended: its keys and rows are gone");
        open.audit.append(now, Readers::All, Event::Dropped { dataset });
    }
    is_any
}

fn status(open: &Open, time: Time) -> Status {
    let Head { size: audit_size, root: audit_root } = open.audit.head();
    Status {
        datasets: open.vault.list(),
        accounts: open.ledger.accounts(),
        jobs: open.results.jobs(),
        deliveries: open.results.deliveries(),
        time,
        audit_size,
        audit_root,
    }
}
