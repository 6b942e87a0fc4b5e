//! What a party decides about orders: accepts one, takes it back, lets it rest; and what became of their runs.

use super::{show, words};
use crate::{
    common_args::CommonArgs, document, failure::Failure, files, passphrase::PassphraseArgs,
    profile::RoomWord, say,
};
use client::{clock, keys::Identity, store::Store, withdrawals};
use custody::{Attempt, Ledger, OrderLine, RunEnd};
use protocol::{
    contract::Contract,
    delegation::Authority,
    order::{self, Acceptance, Cancellation, SignedOrder},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Accept an order: this party's service pays for its runs from then on, each at most as often as the order says
///
/// Needs the root key, as a contract does. The order's analyst accepts its own too, and so does a party that owns nothing of what
/// is read: its journal then tells of runs that were missed.
#[derive(Debug, clap::Args)]
pub(crate) struct Accept {
    /// The order's file
    order: PathBuf,

    #[command(flatten)]
    passphrase: PassphraseArgs,

    #[command(flatten)]
    of: OfRoom,
}

impl Accept {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let (contract, identity) = self.of.read()?;
        let file = show::read(&self.order, &contract)?;
        say::result(words::page(&contract, &file)?)?;
        let party = identity.party_in(&contract)?;
        let root = identity.checked(self.passphrase.root(identity.directory())?)?;
        let order = file.signed().name();
        let acceptance = root.sign(&Acceptance { contract: contract.digest, order });
        let mut ledger = Ledger::open(&identity)?;
        let new = ledger.accept_order(&contract, party, &file, &acceptance, clock::now())?;
        document::fields(&serde_json::json!({"accepted": true, "before": !new}))?;
        let before = if new { "" } else { " (it was accepted before: nothing more is ordered)" };
        say::result(format_args!("accepted: {} {order}{before}", file.order().name))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Take an order back for ever: this party pays for no more of its runs
///
/// Its analyst writes what the owners take in: a file NAME.cancellation, which each runs this command with.
#[derive(Debug, clap::Args)]
pub(crate) struct Cancel {
    /// The order's name, as it was accepted here, or the cancellation that its analyst wrote
    order: String,

    #[command(flatten)]
    of: OfRoom,
}

impl Cancel {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let (contract, identity) = self.of.read()?;
        let mut ledger = Ledger::open(&identity)?;
        let party = identity.party_in(&contract)?;
        let path = Path::new(&self.order);
        if path.extension().is_some_and(|end| end == CANCELLATION) {
            let withdrawn =
                withdrawals::under(identity.directory(), &contract).map_err(Failure::unclear)?;
            let authority = Authority::at(&contract, clock::now()).without(&withdrawn);
            let line = ledger.cancelled_by_analyst(&authority, &files::read(path)?)?;
            document::fields(&serde_json::json!({
                "name": line.file.order().name, "order": line.file.signed().name().to_string(),
            }))?;
            say::result(format_args!("cancelled: {}", say::name(&line.file.order().name)))?;
            return Ok(ExitCode::SUCCESS);
        }
        let line = named(&ledger, &contract, &self.order)?;
        let order = line.file.signed().name();
        let new = ledger.cancel_order(order, party)?;
        document::fields(&serde_json::json!({
            "name": line.file.order().name, "order": order.to_string(), "before": !new,
        }))?;
        let before = if new { "" } else { " (it was so before)" };
        say::result(format_args!("cancelled: {}{before}", say::name(&line.file.order().name)))?;
        if line.file.signed().analyst() == party {
            let cancellation = Cancellation { contract: contract.digest, order };
            let output = PathBuf::from(format!("{}.{CANCELLATION}", line.file.order().name));
            files::write(&output, &identity.analyst()?.sign(&cancellation))?;
            document::fields(&serde_json::json!({"file": output}))?;
            say::note(format_args!(
                "Written: {}. Hand it to each owner, who runs `glovebox order cancel` with it.",
                output.display()
            ));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Pay for no run of an order until it is resumed; what is scheduled meanwhile is missed
#[derive(Debug, clap::Args)]
pub(crate) struct Suspend {
    /// The order's name, as it was accepted here
    order: String,

    #[command(flatten)]
    of: OfRoom,
}

impl Suspend {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        suspend(&self.order, &self.of, true)
    }
}

/// Let an order go on that was suspended
#[derive(Debug, clap::Args)]
pub(crate) struct Resume {
    /// The order's name, as it was accepted here
    order: String,

    #[command(flatten)]
    of: OfRoom,
}

impl Resume {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        suspend(&self.order, &self.of, false)
    }
}

fn suspend(order: &str, of: &OfRoom, suspended: bool) -> Result<ExitCode, Failure> {
    let (contract, identity) = of.read()?;
    let mut ledger = Ledger::open(&identity)?;
    let line = named(&ledger, &contract, order)?;
    ledger.suspend_order(line.file.signed().name(), suspended)?;
    document::fields(&serde_json::json!({
        "name": line.file.order().name, "order": line.file.signed().name().to_string(),
        "suspended": suspended,
    }))?;
    let state = if suspended { "suspended: no run is paid" } else { "goes on" };
    say::result(format_args!("{}: {state}", say::name(&line.file.order().name)))?;
    Ok(ExitCode::SUCCESS)
}

/// Tell the host when an order runs, so that it starts an enclave for each run
///
/// If the order was cancelled, the host is told that it has no more runs. The host sees the order's digest and these times. It has to run with --scheduled.
#[derive(Debug, clap::Args)]
pub(crate) struct Schedule {
    /// The order's name, as it was accepted here
    order: String,

    #[command(flatten)]
    of: OfRoom,
}

impl Schedule {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let (contract, identity) = self.of.read()?;
        let common = self.of.common.of(self.of.room.as_ref())?;
        let line = named(&Ledger::open(&identity)?, &contract, &self.order)?;
        let runs = match line.cancelled_by {
            Some(_) => Vec::new(),
            None => line.file.order().runs.iter().map(|window| [window.at, window.until]).collect(),
        };
        let count = runs.len();
        let order = line.file.signed().name();
        let schedule =
            order::Schedule { contract: contract.digest, order, runs, time: clock::now() };
        let signed = identity.analyst()?.sign(&schedule);
        Store::new(common.address()?).schedule(signed).await?;
        document::fields(&serde_json::json!({"order": order.to_string(), "runs": count}))?;
        say::result(format_args!("{}: {count} runs scheduled", say::name(&self.order)))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// List the orders that this party accepted, and what became of each run
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    #[command(flatten)]
    of: OfRoom,
}

impl List {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let (contract, identity) = self.of.read()?;
        let ledger = Ledger::open(&identity)?;
        document::fields(&serde_json::json!({"orders": []}))?;
        for line in ledger.orders(&contract)? {
            let (order, name) = (line.file.order(), line.file.signed().name());
            let state = match (&line.cancelled_by, line.suspended) {
                (Some(by), _) => format!("cancelled by {}", say::name(by)),
                (None, true) => "suspended".to_owned(),
                (None, false) => "accepted".to_owned(),
            };
            say::result(format_args!(
                "{}  {}  {state}; of {}",
                say::name(&order.name),
                name.short(),
                say::name(line.file.signed().analyst())
            ))?;
            let (ends, attempts) = (ledger.run_ends(name)?, ledger.attempts(name)?);
            document::item("orders", as_json(&line, &ends, &attempts));
            for (number, window) in order.numbered() {
                let mine: Vec<_> = attempts.iter().filter(|one| one.number == number).collect();
                say::result(format_args!(
                    "  run {number:>3}  {}  {}",
                    window.at,
                    outcome(ends.get(&number), &mine, window.until <= clock::now())
                ))?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Say whether this party would pay for a run now, as far as that does not depend on the instance; fails with the reason if not
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// The order's name, as it was accepted here
    order: String,

    /// The number of the run
    number: u32,

    #[command(flatten)]
    of: OfRoom,
}

impl Check {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let (contract, identity) = self.of.read()?;
        let ledger = Ledger::open(&identity)?;
        let line = named(&ledger, &contract, &self.order)?;
        let withdrawn =
            withdrawals::under(identity.directory(), &contract).map_err(Failure::unclear)?;
        let authority = Authority::at(&contract, clock::now()).without(&withdrawn);
        let bytes = line.file.signed().as_bytes().to_vec();
        let order = SignedOrder::open(&authority, bytes).map_err(Failure::no)?;
        let run = order.run(self.number).map_err(Failure::no)?;
        ledger.check_run(&contract, identity.party_in(&contract)?, &run, clock::now())?;
        document::fields(&serde_json::json!({
            "order": line.file.signed().name().to_string(), "run": self.number, "would_be_paid": true,
        }))?;
        say::result(format_args!("run {}: would be paid", self.number))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// An accepted order, and what became of each run.
fn as_json(
    line: &OrderLine,
    ends: &BTreeMap<u32, RunEnd>,
    attempts: &[Attempt],
) -> serde_json::Value {
    let order = line.file.order();
    let runs = order.numbered().map(|(number, window)| {
        let paid = attempts.iter().filter(|one| one.number == number).map(|one| {
            serde_json::json!({
                "instance": one.instance, "job": one.job.to_string(), "given_back": one.given_back,
            })
        });
        let state = match ends.get(&number) {
            Some(RunEnd::Answered { .. }) => "answered",
            Some(RunEnd::Missed) => "missed",
            None if window.until <= clock::now() => "over",
            None => "to_come",
        };
        serde_json::json!({
            "run": number, "at": window.at.to_string(), "until": window.until.to_string(),
            "state": state, "paid": paid.collect::<Vec<_>>(),
        })
    });
    serde_json::json!({
        "name": order.name, "order": line.file.signed().name().to_string(),
        "analyst": line.file.signed().analyst(), "cancelled_by": line.cancelled_by,
        "suspended": line.suspended, "runs": runs.collect::<Vec<_>>(),
    })
}

/// What became of a run, with each instance that was paid for it.
fn outcome(end: Option<&RunEnd>, attempts: &[&Attempt], is_over: bool) -> String {
    let end = match end {
        Some(RunEnd::Answered { instance }) => format!("answered in {}", instance.short()),
        Some(RunEnd::Missed) => "missed".to_owned(),
        None if is_over => "over".to_owned(),
        None => "to come".to_owned(),
    };
    let paid = attempts.iter().map(|attempt| {
        let back = if attempt.given_back { " (given back)" } else { "" };
        format!("; paid in {} as job {}{back}", attempt.instance.short(), attempt.job.short())
    });
    paid.fold(end, |line, more| line + &more)
}

/// The party's folder, and the room whose orders are meant.
#[derive(Debug, clap::Args)]
struct OfRoom {
    /// The room, in the party's folder [default: the usual room there]
    #[arg(long)]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,
}

impl OfRoom {
    fn read(&self) -> Result<(Contract, Identity), Failure> {
        let common = self.common.of(self.room.as_ref())?;
        Ok((common.contract()?, Identity::load(&common.dir)?))
    }
}

/// The order that people here call `name`, or whose digest begins so.
pub(super) fn named(
    ledger: &Ledger,
    contract: &Contract,
    name: &str,
) -> Result<OrderLine, Failure> {
    let is_meant = |line: &OrderLine| {
        let digest = line.file.signed().name().to_string();
        line.file.order().name == name || (name.len() >= 8 && digest.starts_with(name))
    };
    let mut found = ledger.orders(contract)?.into_iter().filter(is_meant);
    match (found.next(), found.next()) {
        (Some(line), None) => Ok(line),
        (None, _) => Err(Failure::no(custody::LedgerError::NoOrder)),
        _ => Err(Failure::unclear(format!(
            "several orders are called {}: name the digest of one, as `glovebox order list` has it",
            say::name(name)
        ))),
    }
}

const CANCELLATION: &str = "cancellation";
