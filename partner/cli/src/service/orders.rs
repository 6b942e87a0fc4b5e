//! Runs of standing orders: the service brings the slices of those that its party accepted to an instance that it has verified.

use super::room::RoomService;
use crate::{failure::Failure, words::counted};
use client::{
    clock,
    room::{Room, RoomError},
    withdrawals,
};
use custody::{Bringing, Ledger, LedgerError, OrderLine, Owner, RunEnd, decide_run};
use protocol::{
    delegation::Authority,
    digest::Digest,
    job::SignedJob,
    manifest,
    message::{Body, Reply, RunState, Status},
    order::{Run, RunName, Window},
    policy,
    slice::SliceReply,
    time::Time,
};
use serde_bytes::ByteBuf;
use std::collections::BTreeMap;

/// A run that may begin now.
struct Due<'a> {
    line: &'a OrderLine,
    number: u32,
}

impl Due<'_> {
    fn name(&self) -> RunName {
        RunName { order: self.line.file.signed().name(), number: self.number }
    }

    /// What the journal calls it.
    fn words(&self) -> String {
        format!("run {} of the order {}", self.number, self.line.file.order().name)
    }
}

/// A run in the instance that serves, on the versions that are open there.
struct Brought {
    bytes: Vec<u8>,
    manifests: Vec<ByteBuf>,
    /// Those of the datasets that are this party's.
    ours: Vec<String>,
}

impl RoomService {
    /// Whether a run may begin now that has not ended.
    pub(super) fn runs_are_due(&self) -> Result<bool, Failure> {
        let ledger = Ledger::open(&self.identity)?;
        let lines = ledger.orders(&self.contract)?;
        Ok(!due(&ledger, &lines, clock::now())?.is_empty())
    }

    /// Brings every run that is due and was not answered. What hinders one hinders no other.
    pub(super) async fn bring_runs(&mut self, room: &mut Room) -> Result<(), Failure> {
        let mut ledger = Ledger::open(&self.identity)?;
        let lines = ledger.orders(&self.contract)?;
        for due in due(&ledger, &lines, clock::now())? {
            if let Err(why) = self.bring(room, &mut ledger, &due).await {
                self.teller.failed(&due.words(), &why);
            }
        }
        Ok(())
    }

    async fn bring(
        &mut self,
        room: &mut Room,
        ledger: &mut Ledger,
        due: &Due<'_>,
    ) -> Result<(), Failure> {
        let words = due.words();
        let instance = room.instance().digest();
        let status = room.status(&self.identity).await?;
        let brought = match self.brought(&status, due, instance)? {
            Ok(brought) => brought,
            Err(missing) => {
                return self.teller.once(&words, "waits", &format!("{words}: {missing}"));
            }
        };
        if brought.ours.is_empty() {
            // The others pay for it and bring it; its result is fetched like that of any job.
            let authority = Authority::at(&self.contract, clock::now());
            let job = Run::open(&authority, brought.bytes).map_err(Failure::no)?.name();
            self.memory.wanted.insert(job.to_string(), clock::now().0);
            self.memory.keep(&self.dir, &self.rules.name)?;
            let why = format!("{words}: it reads no data of this party, and its owners bring it");
            return self.teller.once(&words, "waits", &why);
        }
        ledger.witness(room.instance(), &self.contract, &self.party, &status.accounts)?;
        let newest = self.newest(&brought.ours)?;
        if let Err(why) = self.decide(room, ledger, &brought, &newest, true)? {
            return self.teller.once(&words, "declined", &why);
        }
        let ready = self.send_run(room, &brought, Vec::new()).await?;
        if ready.answered {
            return self.answered(ledger, due, &ready, instance);
        }
        if !ready.away.is_empty() {
            let away = ready.away.join(" and ");
            let why = format!("{words}: ready to pay, once {away} is too");
            return self.teller.once(&words, "waits", &why);
        }
        let slices = match self.decide(room, ledger, &brought, &newest, false)? {
            Ok(slices) => slices,
            Err(why) => return self.teller.once(&words, "declined", &why),
        };
        self.memory.wanted.insert(ready.job.to_string(), clock::now().0);
        self.memory.keep(&self.dir, &self.rules.name)?;
        let paid = format!("{words} as job {} in the instance {}", ready.job, instance.short());
        self.teller.once(&words, "countersigned", &paid)?;
        let state = self.send_run(room, &brought, slices).await?;
        if state.answered { self.answered(ledger, due, &state, instance) } else { Ok(()) }
    }

    /// The run on the versions that are open, or what is missing.
    fn brought(
        &self,
        status: &Status,
        due: &Due<'_>,
        instance: Digest,
    ) -> Result<Result<Brought, String>, Failure> {
        let (file, contract) = (&due.line.file, &self.contract);
        let Some(question) = file.question(due.number) else {
            return Ok(Err("its question is not in the order's file: ask its analyst for the file that `glovebox order new` wrote".to_owned()));
        };
        let reads = policy::datasets(contract, &file.order().analysis, question);
        let (mut datasets, mut manifests) = (BTreeMap::new(), Vec::new());
        for name in reads.map_err(Failure::no)? {
            let open = status.datasets.iter().find(|open| open.dataset == name);
            let found = open.and_then(|open| Some((manifest::digest_of(&open.manifest)?, open)));
            let Some((digest, open)) = found else {
                let owner = contract.datasets.get(&name).map(|dataset| dataset.owner.as_str());
                let owner = owner.unwrap_or_default();
                return Ok(Err(format!(
                    "{owner} has not granted {name} yet: the run waits until its deadline"
                )));
            };
            manifests.push(ByteBuf::from(open.manifest.clone()));
            datasets.insert(name, digest);
        }
        let is_ours = |name: &&String| {
            contract.datasets.get(*name).is_some_and(|dataset| dataset.owner == self.party)
        };
        let ours = datasets.keys().filter(is_ours).cloned().collect();
        let order = file.signed().as_bytes().to_vec();
        let (number, question) = (due.number, question.clone());
        let bytes = Run { order, number, question, instance, datasets }.to_bytes();
        Ok(Ok(Brought { bytes, manifests, ours }))
    }

    /// The newest version that the party has sealed of each of `datasets`.
    fn newest(&self, datasets: &[String]) -> Result<BTreeMap<String, Digest>, Failure> {
        let version = |name: &String| Ok((name.clone(), self.newest_version(name)?));
        datasets.iter().map(version).collect()
    }

    /// The slices of the run, none if it is only asked whether there would be any; or the refusal in words.
    fn decide(
        &self,
        room: &Room,
        ledger: &mut Ledger,
        brought: &Brought,
        newest: &BTreeMap<String, Digest>,
        only_asks: bool,
    ) -> Result<Result<Vec<ByteBuf>, String>, Failure> {
        let withdrawn = withdrawals::under(self.identity.directory(), &self.contract)
            .map_err(Failure::unclear)?;
        let owner = Owner {
            party: &self.party,
            key: self.identity.service()?,
            withdrawn: &withdrawn,
            contract: &self.contract,
        };
        let (bytes, manifests) = (brought.bytes.as_slice(), brought.manifests.as_slice());
        let run = Bringing { bytes, manifests, newest };
        let now = clock::now();
        Ok(match decide_run(ledger, &owner, room.instance(), &run, only_asks, now)? {
            SliceReply::Granted { slices } => Ok(slices),
            SliceReply::Refused(refusal) => Err(refusal.to_string()),
            _ => Ok(Vec::new()),
        })
    }

    async fn send_run(
        &self,
        room: &mut Room,
        brought: &Brought,
        slices: Vec<ByteBuf>,
    ) -> Result<RunState, Failure> {
        let body = Body::Run { run: brought.bytes.clone(), slices };
        match room.request(&self.identity, body).await? {
            Reply::Run(state) => Ok(state),
            Reply::Refused(refusal) => Err(RoomError::Refused(Box::new(refusal)).into()),
            _ => Err(RoomError::Protocol { what: "how far the run is" }.into()),
        }
    }

    fn answered(
        &mut self,
        ledger: &mut Ledger,
        due: &Due<'_>,
        state: &RunState,
        instance: Digest,
    ) -> Result<(), Failure> {
        let words = due.words();
        ledger.end_run(due.name(), RunEnd::Answered { instance }, clock::now())?;
        let lost = match state.not_stored.as_slice() {
            [] => String::new(),
            receivers => {
                format!("; the host did not keep the result for {}", receivers.join(" and "))
            }
        };
        let why =
            format!("{words} as job {} in the instance {}{lost}", state.job, instance.short());
        self.teller.once(&words, "answered", &why)
    }

    /// Writes down that a run was answered whose result the party has: its instance may have been closed before it was asked again
    /// how far the run is.
    pub(super) fn answered_run(&mut self, asked: &SignedJob) -> Result<(), Failure> {
        let Some(run) = asked.run() else { return Ok(()) };
        let instance = asked.job().instance;
        let mut ledger = Ledger::open(&self.identity)?;
        match ledger.end_run(run.name, RunEnd::Answered { instance }, clock::now()) {
            Ok(true) => {}
            // A receiver need not have accepted the order.
            Ok(false) | Err(LedgerError::NoOrder) => return Ok(()),
            Err(why) => return Err(why.into()),
        }
        let orders = ledger.orders(&self.contract)?;
        let of_run = orders.iter().find(|line| line.file.signed().name() == run.name.order);
        let Some(line) = of_run else { return Ok(()) };
        let words = Due { line, number: run.name.number }.words();
        let why = format!("{words} as job {} in the instance {}", asked.name(), instance.short());
        self.teller.once(&words, "answered", &why)
    }

    /// Writes down which runs were missed. Nothing that was scheduled ends in silence.
    pub(super) fn note_missed(&mut self) -> Result<(), Failure> {
        let mut ledger = Ledger::open(&self.identity)?;
        let now = clock::now();
        for line in ledger.orders(&self.contract)? {
            let name = line.file.signed().name();
            let ends = ledger.run_ends(name)?;
            let attempts = ledger.attempts(name)?;
            let over = line.file.order().numbered().filter(|(number, window)| {
                window.until <= now && !ends.contains_key(number) && line.cancelled_by.is_none()
            });
            for (number, window) in over {
                let due = Due { line: &line, number };
                let paid =
                    attempts.iter().filter(|one| one.number == number && !one.given_back).count();
                // Told first: twice is better than never.
                self.teller.tell("missed", &missed(&due, window, line.suspended, paid))?;
                ledger.end_run(due.name(), RunEnd::Missed, now)?;
            }
        }
        Ok(())
    }
}

fn missed(due: &Due<'_>, window: &Window, suspended: bool, paid: usize) -> String {
    let why = match (suspended, paid) {
        (true, _) => "this party has suspended the order".to_owned(),
        (_, 0) => "no instance has slices of this party for it, and no answer is known; what it waited for stands above"
            .to_owned(),
        (_, paid) => {
            format!("it was paid in {}, and no answer is known", counted(paid, "instance", "instances"))
        }
    };
    format!("{}, which had to begin before {}: {why}", due.words(), window.until)
}

/// The runs that may begin now and have not ended, the oldest first.
fn due<'a>(ledger: &Ledger, lines: &'a [OrderLine], now: Time) -> Result<Vec<Due<'a>>, Failure> {
    let mut all = Vec::new();
    for line in lines.iter().filter(|line| line.cancelled_by.is_none() && !line.suspended) {
        let ends = ledger.run_ends(line.file.signed().name())?;
        let open = line.file.order().numbered().filter(|(number, window)| {
            window.at <= now && now < window.until && !ends.contains_key(number)
        });
        all.extend(open.map(|(number, _)| Due { line, number }));
    }
    Ok(all)
}
