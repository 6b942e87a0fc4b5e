//! One room under the eyes of a party's service.

use super::{
    idle::Idle,
    journal::Journal,
    memory::{Memory, Versions},
    rules::RoomRules,
    stops,
    teller::Teller,
};
use crate::{common_args::Common, failure::Failure, files, profile, say, settle::Party};
use attestation_verifier::Pcr;
use client::{
    address::Address,
    clock,
    close::{CloseError, close, stored},
    grant::tell_withdrawals,
    keys::Identity,
    opt_outs,
    room::{Room, RoomError},
    store::Store,
    trust::Trust,
    withdrawn,
};
use custody::Ledger;
use protocol::{
    contract::Contract, digest::Digest, job::JobName, message::Status, refusal::Refusal, time::Time,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::timeout;

/// What the service knows of one room.
pub(crate) struct RoomService {
    pub(super) dir: PathBuf,
    pub(super) rules: RoomRules,
    pub(super) address: Address,
    pub(super) common: Common,
    pub(super) contract: Contract,
    pub(super) party: String,
    pub(super) identity: Arc<Identity>,
    pub(super) memory: Memory,
    pub(super) teller: Teller,
    /// The root of the room, without the list of withdrawn builds, which is read at each look.
    root: Trust,
    room: Option<Room>,
    /// The instance that was verified last.
    verified: Option<Digest>,
    /// The instance before which all that ended was settled.
    settled: Option<Digest>,
    /// The jobs that the party's own custody countersigned since the last look.
    pub(super) countersigned: Arc<Mutex<Vec<JobName>>>,
    pub(super) tried: BTreeMap<String, u32>,
    idle: Idle,
    /// When the room is visited next, unless something is known to have changed.
    pub(super) next: Time,
    seen: Seen,
}

/// What costs no request to the instance to see, and calls for a visit when it changes.
#[derive(Debug, Default, PartialEq)]
struct Seen {
    /// How often the host has started an enclave, and its state. The host may lie, which is found out at the next visit.
    enclave: Option<(u64, String)>,
    stopped: Option<BTreeMap<String, Vec<String>>>,
    withdrawn: Option<Vec<BTreeMap<u8, Pcr>>>,
    /// The newest lists of who opted out of datasets that it grants.
    opt_outs: Vec<Option<PathBuf>>,
    /// What the watched files were sealed to.
    versions: Option<Versions>,
}

impl RoomService {
    /// The room of `rules`, if it has the contract that they are for.
    pub(crate) fn new(
        dir: &Path,
        mut rules: RoomRules,
        identity: &Arc<Identity>,
        journal: &Journal,
    ) -> Result<Self, Failure> {
        let profile = profile::named(dir, &rules.name)?;
        let address = profile.address.clone();
        let common = Common::of_room(dir, profile);
        let contract = common.contract()?;
        let party = identity.party_in(&contract)?.to_owned();
        rules.fit(&contract, &party)?;
        rules.end_with(contract.expires);
        let root = files::trust(common.danger_root.as_deref())?;
        say::simulated(root.is_simulated());
        Ok(Self {
            dir: dir.to_owned(),
            memory: Memory::read(dir, &rules.name)?,
            teller: Teller::new(journal, &rules.name),
            rules,
            address,
            common,
            contract,
            party,
            identity: Arc::clone(identity),
            root,
            room: None,
            verified: None,
            settled: None,
            countersigned: Arc::default(),
            tried: BTreeMap::new(),
            idle: Idle::default(),
            next: Time(0),
            seen: Seen::default(),
        })
    }

    /// Looks at the room once, and does what the rules say. Nothing that fails stops the service.
    pub(crate) async fn look(&mut self) {
        self.memory.forget(clock::now());
        self.warn_of_end();
        let mut status = None;
        if self.is_due().await {
            self.next = clock::now().plus_seconds(self.rules.pause());
            match self.visit().await {
                Ok(found) => status = found,
                Err(why) => {
                    self.next = self.next.min(clock::now().plus_seconds(AGAIN_SECONDS));
                    self.teller.failed("room", &why);
                }
            }
        }
        if let Some(folder) = self.rules.results.clone() {
            let folder = self.dir.join(folder);
            let fetched = match self.trust() {
                Ok(trust) => self.fetch(&folder, status.as_ref(), &trust).await,
                Err(why) => Err(why),
            };
            if let Err(why) = fetched {
                self.teller.failed("results", &why);
            }
        }
        // What was answered is known by now.
        if let Err(why) = self.note_missed() {
            self.teller.failed("orders", &why);
        }
    }

    /// Says ahead that the service key ends: nothing is granted or countersigned then.
    fn warn_of_end(&mut self) {
        let Ok(until) = self.identity.service().map(|key| key.delegation().until) else { return };
        if until > clock::now().plus_seconds(SOON_SECONDS) {
            return;
        }
        let why = format!(
            "the service key ends at {until}: `glovebox keys delegate --kind service` where the root key is, then restart the \
             service"
        );
        if let Err(full) = self.teller.once("key", "warns", &why) {
            say::note(format_args!("{}: {full}", self.rules.name));
        }
    }

    /// Whether the room is visited at this look. An instance answers a party so many requests in its life and no more
    /// (`enclave/src/gate.rs`), so it is asked once a minute, and at once when something has changed.
    async fn is_due(&mut self) -> bool {
        // A host that does not answer delays nothing else.
        let mut store = Store::new(&self.address);
        let health = timeout(HINT, store.health()).await.ok().and_then(Result::ok);
        let is_waiting = health.as_ref().is_some_and(|health| health.enclave == "waiting");
        let runs = self.runs_are_due().unwrap_or(true);
        let seen = Seen {
            enclave: health.map(|health| (health.enclave_starts, health.enclave)),
            stopped: stops::read(&self.dir).ok(),
            withdrawn: withdrawn::read(&self.dir).ok().flatten(),
            opt_outs: self.opt_outs(),
            versions: Versions::read(&self.dir, &self.rules.name).ok(),
        };
        let by_person =
            |seen: &Seen| (seen.stopped.clone(), seen.withdrawn.clone(), seen.opt_outs.clone());
        let (changed, asked) = (seen != self.seen, by_person(&seen) != by_person(&self.seen));
        self.seen = seen;
        if is_waiting {
            // No enclave runs, if the host says the truth: it starts one when a run is due. Else what was granted ends by
            // itself, and what a person wants is tried.
            self.room = None;
            let now = clock::now();
            let has_keys = self.memory.kept().iter().any(|kept| kept.last() > Some(now));
            return asked && has_keys;
        }
        changed || runs || clock::now() >= self.next
    }

    /// The newest list of opt-outs of each dataset that it grants.
    fn opt_outs(&self) -> Vec<Option<PathBuf>> {
        let lineages = self.rules.grants.iter().map(|rule| {
            let dataset = self.contract.datasets.get(&rule.dataset)?;
            opt_outs::newest_file(&self.dir, &dataset.lineage).ok()?
        });
        lineages.collect()
    }

    /// Verifies whoever answers, grants by rule, and closes an idle room if told to.
    async fn visit(&mut self) -> Result<Option<Status>, Failure> {
        let (mut room, status) = self.ask().await?;
        let Some(status) = status else {
            self.memory.closed(room.instance().digest());
            self.memory.keep(&self.dir, &self.rules.name)?;
            let instance = room.instance().digest().short();
            self.teller.once("room", "waits", &format!("the instance {instance} is closed"))?;
            return Ok(None);
        };
        self.teller.forget("room");
        let instance = room.instance().digest();
        if self.settled != Some(instance) {
            // What ended instances left is no reason to grant nothing, nor to take nothing back.
            match self.settle(instance).await {
                Ok(()) => self.settled = Some(instance),
                Err(why) => self.teller.failed("settle", &why),
            }
        }
        for rule in self.rules.grants.clone() {
            if let Err(why) = self.follow(&mut room, &rule, &status).await {
                self.next = self.next.min(clock::now().plus_seconds(AGAIN_SECONDS));
                self.teller.failed(&rule.dataset, &why);
            }
        }
        self.bring_runs(&mut room).await?;
        if self.is_idle(room.instance().digest(), &status) && !self.has_withdrawn(&room)? {
            self.close(&mut room).await?;
            return Ok(Some(status));
        }
        self.room = Some(room);
        Ok(Some(status))
    }

    /// The room, verified, and what it says of itself: nothing if it is closed. A connection ends after a while; the next one
    /// verifies everything again.
    async fn ask(&mut self) -> Result<(Room, Option<Status>), Failure> {
        let mut known = self.room.take();
        loop {
            let is_known = known.is_some();
            let mut room = match known.take() {
                Some(room) => room,
                None => self.connect().await?,
            };
            match room.status(&self.identity).await {
                Ok(status) => return Ok((room, Some(status))),
                Err(RoomError::Refused(refusal)) if *refusal == Refusal::Closed => {
                    return Ok((room, None));
                }
                Err(RoomError::Lost) if is_known => {}
                Err(why) => return Err(why.into()),
            }
        }
    }

    /// Connects and verifies; an instance that was not seen before is told of withdrawn keys.
    async fn connect(&mut self) -> Result<Room, Failure> {
        let mut room = Room::connect(&self.address, &self.contract, &self.root, &[]).await?;
        let instance = room.instance().digest();
        if self.verified == Some(instance) {
            return Ok(room);
        }
        tell_withdrawals(&mut room, &self.identity).await?;
        self.teller.forget_all_but("key");
        let why = format!(
            "the instance {} of the build \"{}\", by {} checks",
            instance.short(),
            room.build(),
            room.checks().len()
        );
        self.teller.tell("verified", &why)?;
        self.verified = Some(instance);
        Ok(room)
    }

    /// Takes in the closings of instances before `serving`: budget comes back, and their keys are gone.
    async fn settle(&mut self, serving: Digest) -> Result<(), Failure> {
        let trust = self.trust()?;
        let (identity, contract) = (Arc::clone(&self.identity), self.contract.clone());
        let party = Party { identity: &identity, contract: &contract, trust: &trust };
        let mut ledger = Ledger::open(&identity)?;
        let tell = |line: String| self.teller.tell("settled", &line);
        party.take_in_all(&self.address, &mut ledger, &tell).await?;
        let mut store = Store::new(&self.address);
        for kept in self.memory.kept() {
            if kept.instance == serving {
                continue;
            }
            match stored(&mut store, &contract, &trust, kept.instance).await {
                Ok(_) => self.memory.closed(kept.instance),
                Err(CloseError::Store(why)) if why.is_not_found() => {}
                Err(why) => return Err(why.into()),
            }
        }
        self.memory.keep(&self.dir, &self.rules.name)
    }

    /// Whether the instance has answered nothing for as long as the rules say.
    fn is_idle(&mut self, instance: Digest, status: &Status) -> bool {
        let delivered = status.deliveries.iter().map(|one| one.charged.saturating_add(one.free));
        let jobs = u64::try_from(status.jobs.len()).unwrap_or(u64::MAX);
        let answered = delivered.fold(jobs, u64::saturating_add);
        let minutes = self.rules.close_idle_minutes;
        self.idle.is_over(minutes, instance, answered, clock::now())
    }

    /// Closes the room, which is idle.
    async fn close(&mut self, room: &mut Room) -> Result<(), Failure> {
        let trust = self.trust()?;
        let identity = Arc::clone(&self.identity);
        let mut store = Store::new(&self.address);
        let closing = close(room, &identity, &mut store).await?;
        let instance = closing.body().instance;
        self.memory.closed(instance);
        self.memory.keep(&self.dir, &self.rules.name)?;
        let minutes = self.rules.close_idle_minutes.unwrap_or_default();
        let why =
            format!("the instance {}: it answered nothing for {minutes} minutes", instance.short());
        self.teller.tell("closed", &why)?;
        let contract = self.contract.clone();
        let party = Party { identity: &identity, contract: &contract, trust: &trust };
        let tell = |line: String| self.teller.tell("settled", &line);
        party.take_in(&closing, &mut Ledger::open(&identity)?, &tell)
    }

    /// Takes back what was granted, since the service stops. What cannot be taken back ends by itself.
    pub(crate) async fn stop(&mut self) {
        if let Err(why) = self.stop_granting().await {
            self.teller.failed("stop", &why);
        }
    }

    async fn stop_granting(&mut self) -> Result<(), Failure> {
        let (mut room, status) = self.ask().await?;
        match status {
            Some(status) => self.take_all_back(&mut room, &status).await,
            None => Ok(()),
        }
    }

    /// The root of the room with the builds that are withdrawn now. Without the list nothing is believed.
    fn trust(&self) -> Result<Trust, Failure> {
        let listed = withdrawn::read(&self.dir)?.unwrap_or_default();
        Ok(self.root.clone().withdrawing(listed))
    }

    /// Whether the build of whoever answers in `room` is on the list as it is now. It is asked when something is decided: the
    /// list may have grown since the last answer, and another instance may answer on another connection.
    pub(super) fn has_withdrawn(&self, room: &Room) -> Result<bool, Failure> {
        Ok(self.trust()?.has_withdrawn(room.believed().pcrs()))
    }

    pub(crate) fn name(&self) -> &str {
        &self.rules.name
    }

    /// What the custody of this room needs.
    pub(crate) fn for_custody(&self) -> ForCustody {
        ForCustody {
            contract: self.contract.clone(),
            party: self.party.clone(),
            identity: Arc::clone(&self.identity),
            root: self.root.clone(),
            address: self.address.clone(),
            listen: self.rules.listen.clone(),
            name: self.rules.name.clone(),
            countersigned: Arc::clone(&self.countersigned),
            journal: self.teller.journal.clone(),
        }
    }
}

/// What the custody of a room needs of what is known of the room.
pub(crate) struct ForCustody {
    pub(crate) contract: Contract,
    pub(crate) party: String,
    pub(crate) identity: Arc<Identity>,
    pub(crate) root: Trust,
    pub(crate) address: Address,
    pub(crate) listen: Option<String>,
    pub(crate) name: String,
    pub(crate) countersigned: Arc<Mutex<Vec<JobName>>>,
    pub(crate) journal: Journal,
}

/// How long the host is waited for where it only gives a hint.
const HINT: Duration = Duration::from_secs(5);
/// How long before its end a key is warned of: 14 days.
const SOON_SECONDS: u64 = 14 * 86_400;
/// After how many seconds what failed is tried again.
const AGAIN_SECONDS: u64 = 20;
