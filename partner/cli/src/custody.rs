//! `glovebox custody`: the owner's ledger, and the service through which others ask for slices of
//! it.

pub(crate) mod listening;
mod moving;

use self::listening::{Custodian, Listening, told};
use crate::{
    common_args::CommonArgs,
    document,
    failure::Failure,
    files,
    people::PeopleArgs,
    profile::RoomWord,
    say,
    settle::{self, Party},
    words::counted,
};
use client::{
    clock,
    close::Closing,
    keys::{CustodyKey, Identity},
    withdrawn,
};
use custody::{Ledger, Rest, WrittenOff};
use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};
use tokio::signal::unix::{SignalKind, signal};

/// Keep the owner's ledger, and hand out slices of its budgets
#[derive(Debug, clap::Subcommand)]
pub(crate) enum CustodyCommand {
    Serve(Serve),
    Settle(settle::Settle),
    Accounted(Accounted),
    New(New),
    Expect(moving::Expect),
    Move(moving::Move),
    Take(moving::Take),
    Key(Key),
}

impl CustodyCommand {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Serve(serve) => serve.run().await,
            Self::Settle(settle) => settle.run().await,
            Self::Accounted(accounted) => accounted.run(),
            Self::New(new) => new.run(),
            Self::Expect(expect) => expect.run(),
            Self::Move(moved) => moved.run(),
            Self::Take(take) => take.run(),
            Self::Key(key) => key.run(),
        }
    }
}

/// Countersign jobs, each for its own price, after this party's own checks
///
/// Prints its address when it listens, and serves until it is interrupted.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    common: CommonArgs,

    /// The room: its address, or its name in the party's folder [default: the usual room there]
    #[arg(long)]
    room: Option<RoomWord>,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7501")]
    listen: String,

    #[command(flatten)]
    people: PeopleArgs,
}

impl Serve {
    async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let address = common.address()?;
        let (contract, trust) = (common.contract()?, common.trust()?);
        let identity = Arc::new(Identity::load(&common.dir)?);
        crate::keys::warn_of_ends(&identity);
        let mut ledger = Ledger::open(&identity)?;
        self.people.acknowledge(&mut ledger, &contract, identity.party_in(&contract)?)?;
        // An instance that ended as planned, while nobody served, has left its closing at the host.
        let party = Party { identity: &identity, contract: &contract, trust: &trust };
        let note = |line: String| {
            say::note(line);
            Ok::<(), Failure>(())
        };
        let settled = party.take_in_all(address, &mut ledger, &note);
        match tokio::time::timeout(SETTLING, settled).await {
            Ok(Ok(_)) => {}
            Ok(Err(why)) => say::note(format_args!("Nothing could be settled: {why}")),
            Err(_) => say::note("Nothing could be settled: the host did not answer in time."),
        }
        let party = identity.party_in(&contract)?.to_owned();
        let custodian = Custodian { identity, contract, ledger, room: address.clone(), trust };
        let tell = |event| {
            let (did, why) = told(&event);
            say::note(format_args!("{did}: {}", say::name(why)));
        };
        let custody = Listening::at(&self.listen, custodian, tell).await?;
        let waiting = |cause| Failure::unclear(format!("waiting for signals: {cause}"));
        let mut terminated = signal(SignalKind::terminate()).map_err(waiting)?;
        let stop = async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
        };
        document::fields(&serde_json::json!({"party": party, "address": custody.address()}))?;
        say::result(custody.address())?;
        say::note(format_args!(
            "Custody of {party} serves; stop it to stop every job that costs its budget. What it prepaid \
             may still be spent, and what was paid for is answered again for nothing, until the grant \
             ends or the instance is closed."
        ));
        document::serves()?;
        custody.serve(stop).await?;
        Ok(ExitCode::SUCCESS)
    }
}

/// How long the host may take to say which closings it has.
const SETTLING: Duration = Duration::from_secs(20);

/// Let a restored ledger hand out slices again, once its instances are accounted for
///
/// To be run once for each contract: a ledger that was restored hands out nothing under a contract
/// that was not accounted for. Without one of the last two options it only says what would be
/// written off.
#[derive(Debug, clap::Args)]
pub(crate) struct Accounted {
    #[command(flatten)]
    common: CommonArgs,

    /// Closing of an instance since the backup
    #[arg(long = "closing", value_name = "FILE")]
    closings: Vec<PathBuf>,

    /// Nothing but what the closings tell of was handed out, under this contract or any other:
    /// nothing is written off
    #[arg(long, conflicts_with = "write_off")]
    nothing_else_was_handed_out: bool,

    /// Count every budget of the contract as used up from the backup until now, except what the
    /// closings gave back
    #[arg(long)]
    write_off: bool,
}

impl Accounted {
    fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(None)?;
        let (contract, trust) = (common.contract()?, common.trust()?);
        let closings = self
            .closings
            .iter()
            .map(|path| Ok(Closing::verify(&files::read(path)?, &contract, &trust, None)?));
        let closings = closings.collect::<Result<Vec<_>, Failure>>()?;
        let identity = Identity::load(&common.dir)?;
        let party = identity.party_in(&contract)?;
        let mut ledger = Ledger::open(&identity)?;
        let Some(rest) = self.rest() else {
            let lost = ledger.would_write_off(&closings, &contract, party, clock::now())?;
            tell(&lost, "would be written off")?;
            return Err(Failure::unclear(
                "nothing was changed. What the closings do not tell of has to be written off (say \
                 --write-off), unless you know that nothing else was handed out since the backup (say \
                 --nothing-else-was-handed-out)",
            ));
        };
        let lost = ledger.accounted(&closings, &contract, party, rest, clock::now())?;
        tell(&lost, "written off")?;
        document::fields(&serde_json::json!({"closings": closings.len()}))?;
        let closings = counted(closings.len(), "closing", "closings");
        say::result(format_args!("accounted for with {closings}"))?;
        Ok(ExitCode::SUCCESS)
    }

    /// What the owner says of budget that no closing tells of.
    fn rest(&self) -> Option<Rest> {
        match (self.nothing_else_was_handed_out, self.write_off) {
            (true, _) => Some(Rest::Nothing),
            (_, true) => Some(Rest::WriteOff),
            _ => None,
        }
    }
}

/// Says what is written off, or would be.
fn tell(all: &[WrittenOff], what: &str) -> Result<(), Failure> {
    let lost = all.iter().map(|lost| {
        serde_json::json!({
            "dataset": lost.dataset, "purpose": lost.purpose, "period": lost.period,
            "rho": lost.loss.rho().value(), "epsilon": lost.loss.rho().epsilon(lost.delta),
        })
    });
    document::fields(&serde_json::json!({"lost": lost.collect::<Vec<_>>()}))?;
    all.iter().try_for_each(|lost| say::result(words(lost, what)))
}

fn words(lost: &WrittenOff, what: &str) -> String {
    format!(
        "{} for {}, {}: rho {:.6} (epsilon {:.3}) {what}",
        lost.dataset,
        lost.purpose,
        lost.period,
        lost.loss.rho().value(),
        lost.loss.rho().epsilon(lost.delta)
    )
}

/// Begin a ledger for keys that have none: only if nothing was ever handed out with them
///
/// `glovebox init` makes keys and ledger together. Keys whose ledger is elsewhere, or lost, must not begin
/// another: it would have all of every budget. partner/KEYS.md says more.
#[derive(Debug, clap::Args)]
pub(crate) struct New {
    /// Directory with the party's keys
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Confirms that nothing was ever handed out with these keys, here or elsewhere
    #[arg(long)]
    i_know_it_is_the_first: bool,
}

impl New {
    fn run(&self) -> Result<ExitCode, Failure> {
        let identity = Identity::load(&self.dir)?;
        if !self.i_know_it_is_the_first {
            return Err(Failure::unclear(
                "nothing was changed. A new ledger has all of every budget: if anything was handed out with \
                 these keys, bring its ledger here instead (custody.sqlite and custody.generation). If \
                 nothing ever was, say --i-know-it-is-the-first",
            ));
        }
        // Keys that never handed anything out have withdrawn no build either.
        withdrawn::begin(identity.directory())?;
        let ledger = Ledger::begin(identity.directory(), &identity.root_key())?;
        if ledger.is_restored()? {
            say::note(
                "The custody.generation that was here says that something was handed out: this ledger \
                 hands out nothing until `glovebox custody accounted` has run.",
            );
        }
        document::fields(&serde_json::json!({
            "file": ledger.path(), "restored": ledger.is_restored()?,
        }))?;
        say::result(format_args!("{}", ledger.path().display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Print the key of the custody's TLS, which a contract pins; make one if the folder has none
///
/// A contract then has `custody = "https://HOST:PORT#KEY"`. The key signs nothing: who has it could read what is asked.
#[derive(Debug, clap::Args)]
pub(crate) struct Key {
    /// The party's folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Key {
    fn run(&self) -> Result<ExitCode, Failure> {
        let key = CustodyKey::read_or_make(&self.dir)?.public();
        document::fields(&serde_json::json!({"key": key.to_string()}))?;
        say::result(key)?;
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        accounted: Accounted,
    }

    #[test]
    fn nothing_is_written_off_unless_the_owner_says_so() {
        let line = ["accounted", "--contract", "spring.signed"];
        let rest =
            |more: &[&str]| Line::try_parse_from(line.iter().chain(more)).unwrap().accounted.rest();
        assert_eq!(rest(&[]), None);
        assert_eq!(rest(&["--closing", "a.closing"]), None);
        assert_eq!(rest(&["--write-off"]), Some(Rest::WriteOff));
        assert_eq!(rest(&["--nothing-else-was-handed-out"]), Some(Rest::Nothing));
    }
}
