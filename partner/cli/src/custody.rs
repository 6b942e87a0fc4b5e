//! `glovebox custody`: the owner's ledger, while others ask for slices of it.

use crate::{failure::Failure, files, say, under::Under};
use client::{
    address::Address,
    clock,
    close::Closing,
    custody::{Event, Ledger, Rest, RoomBeliever, Service, serve},
    keys::Identity,
};
use std::{path::PathBuf, process::ExitCode, sync::Arc};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// Keep the owner's ledger, and hand out slices of its budgets
#[derive(Debug, clap::Subcommand)]
pub(crate) enum CustodyCommand {
    Serve(Serve),
    Accounted(Accounted),
}

impl CustodyCommand {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Serve(serve) => serve.run().await,
            Self::Accounted(accounted) => accounted.run(),
        }
    }
}

/// Countersign jobs, each for its own price, after this party's own checks
///
/// Prints its address when it listens, and serves until it is interrupted.
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    under: Under,

    /// Address of the room
    #[arg(long, value_name = "URL")]
    room: Address,

    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7501")]
    listen: String,

    /// Directory with the party's keys and ledger
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl Serve {
    async fn run(&self) -> Result<ExitCode, Failure> {
        let (contract, trust) = (self.under.contract()?, self.under.trust()?);
        let identity = Arc::new(Identity::load(&self.dir)?);
        let ledger = Ledger::open(identity.directory())?;
        let believer =
            RoomBeliever::new(self.room.clone(), contract.clone(), trust, Arc::clone(&identity));
        let party = identity.party_in(&contract)?.to_owned();
        let service = Service::new(contract, identity, ledger, believer, |event| tell(&event))?;
        let listening = |cause| Failure::unclear(format!("listening at {}: {cause}", self.listen));
        let listener = TcpListener::bind(&self.listen).await.map_err(listening)?;
        let address = listener.local_addr().map_err(listening)?;
        let mut terminated = signal(SignalKind::terminate()).map_err(listening)?;
        let stop = async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminated.recv() => {}
            }
        };
        say::result(format_args!("http://{address}"))?;
        say::note(format_args!(
            "Custody of {party} serves; stop it to stop every new job on its data."
        ));
        serve(listener, Arc::new(service), stop).await.map_err(listening)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn tell(event: &Event) {
    match event {
        Event::Granted { job, analyst } => {
            say::note(format_args!("countersigned job {job} of {analyst}"))
        }
        Event::Refused(refusal) => say::note(format_args!("declined: {}", say::name(refusal))),
        Event::NotBelieved(why) => say::note(format_args!("declined: {}", say::name(why))),
        Event::Fault(fault) => say::note(format_args!("fault, nothing handed out: {fault}")),
        other => say::note(format_args!("{other:?}")),
    }
}

/// Let a restored ledger hand out slices again, once its instances are accounted for
///
/// Once for each contract: a ledger that was restored hands out nothing under any other.
#[derive(Debug, clap::Args)]
pub(crate) struct Accounted {
    #[command(flatten)]
    under: Under,

    /// Directory with the party's keys and ledger
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Closing of an instance since the backup
    #[arg(long = "closing", value_name = "FILE")]
    closings: Vec<PathBuf>,

    /// The closings are all there is, under this contract and every other: without this, every
    /// budget of the contract is taken as used up from the backup until now
    #[arg(long)]
    nothing_else_was_handed_out: bool,
}

impl Accounted {
    fn run(&self) -> Result<ExitCode, Failure> {
        let (contract, trust) = (self.under.contract()?, self.under.trust()?);
        let closings = self
            .closings
            .iter()
            .map(|path| Ok(Closing::verify(&files::read(path)?, &contract, &trust, None)?));
        let closings = closings.collect::<Result<Vec<_>, Failure>>()?;
        let identity = Identity::load(&self.dir)?;
        let party = identity.party_in(&contract)?;
        let mut ledger = Ledger::open(identity.directory())?;
        ledger.accounted(&closings, &contract, party, self.rest(), clock::now())?;
        say::result(format_args!("accounted for with {} closings", closings.len()))?;
        Ok(ExitCode::SUCCESS)
    }

    /// What no closing tells of is lost, unless the owner says otherwise in so many words.
    fn rest(&self) -> Rest {
        if self.nothing_else_was_handed_out { Rest::Nothing } else { Rest::WriteOff }
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
    fn a_restored_ledger_is_written_off_unless_its_owner_vouches() {
        let line = ["accounted", "--contract", "spring.signed"];
        let rest =
            |more: &[&str]| Line::try_parse_from(line.iter().chain(more)).unwrap().accounted.rest();
        assert_eq!(rest(&[]), Rest::WriteOff);
        assert_eq!(rest(&["--closing", "a.closing"]), Rest::WriteOff);
        assert_eq!(rest(&["--nothing-else-was-handed-out"]), Rest::Nothing);
    }
}
