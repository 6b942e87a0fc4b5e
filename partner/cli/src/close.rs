use crate::{
    common_args::CommonArgs,
    failure::Failure,
    profile::RoomWord,
    say,
    settle::{self, Party},
};
use client::{
    close::{close, stored},
    keys::Identity,
    store::Store,
};
use custody::{Ledger, LedgerError};
use protocol::digest::Digest;
use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

/// Close the enclave: it destroys its keys, and the budget that it did not spend comes back, once
///
/// It ends the room for every party; on a terminal you are asked first, and without one --yes is
/// needed. A party may also run it after another one has closed the enclave: the closing is then
/// read from the host.
#[derive(Debug, clap::Args)]
pub(crate) struct Close {
    /// The room: its address, or its name in the party's folder [default: the usual room there]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,

    /// Settle with this instance, which is already closed, from the closing that it left at the
    /// host; the digits that `budget` shows are enough
    #[arg(long, value_name = "HEX")]
    instance: Option<String>,

    /// Close without asking
    #[arg(long)]
    yes: bool,
}

impl Close {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let (contract, trust) = (common.contract()?, common.trust()?);
        let identity = Identity::load(&common.dir)?;
        identity.party_in(&contract)?;
        let ledger = Ledger::open(&identity);
        let mut store = Store::new(common.address()?);
        let closing = match (&self.instance, &ledger) {
            (Some(text), Ok(ledger)) => {
                let instance = settle::instance(text, ledger)?;
                stored(&mut store, &contract, &trust, instance).await?
            }
            (Some(_), Err(_)) => return ledger.map(|_| ExitCode::SUCCESS).map_err(Failure::from),
            (None, _) => {
                let mut room = common.connect_to_take_back(&trust).await?;
                self.confirm(room.instance().digest())?;
                let closing = close(&mut room, &identity, &mut store).await?;
                if room.trust() != &trust {
                    let kept = settle::keep(&identity, &closing)?;
                    let instance = closing.body().instance.short();
                    say::result(format_args!(
                        "closed: instance {instance}; its closing is in {}",
                        kept.display()
                    ))?;
                    return Err(Failure::no(
                        "closed, and nothing was credited: the build was withdrawn, so what it says it spent is \
                         not believed",
                    ));
                }
                closing
            }
        };
        let party = Party { identity: &identity, contract: &contract, trust: &trust };
        match ledger {
            Ok(mut ledger) => {
                party.take_in(&closing, &mut ledger, &|line: String| say::result(line))?
            }
            // A party that has to end a room may do so even where its ledger is elsewhere.
            Err(error @ LedgerError::Missing { .. }) => {
                let kept = settle::keep(&identity, &closing)?;
                let instance = closing.body().instance.short();
                say::result(format_args!(
                    "closed: instance {instance}; its closing is in {}",
                    kept.display()
                ))?;
                return Err(Failure::unclear(format!("closed, but nothing was credited: {error}")));
            }
            Err(error) => return Err(error.into()),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Asks the person at a terminal. A script says --yes: it cannot be asked.
    fn confirm(&self, instance: Digest) -> Result<(), Failure> {
        if self.yes {
            return Ok(());
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(Failure::no(format!(
                "not closed: closing the instance {} ends the room for every party, and there is no terminal to ask \
                 on: say --yes if that is meant",
                instance.short()
            )));
        }
        say::note(format_args!(
            "Closing the instance {} ends the room for every party: it destroys its keys, and no job is \
             answered any more. (To end one grant alone: glovebox grant NAME --revoke.) Type yes \
             to close:",
            instance.short()
        ));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        if answer.trim().eq_ignore_ascii_case("yes") {
            Ok(())
        } else {
            Err(Failure::no("not closed: it was not confirmed with yes, nor with --yes"))
        }
    }
}
