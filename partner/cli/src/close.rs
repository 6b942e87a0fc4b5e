use crate::{
    common_args::CommonArgs,
    failure::Failure,
    profile::RoomWord,
    say,
    settle::{self, Party},
};
use client::{
    close::{CloseError, Closing, close, stored},
    keys::Identity,
    store::Store,
    trust::Trust,
};
use custody::{Ledger, LedgerError};
use protocol::{contract::Contract, digest::Digest};
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

    /// The instance that is meant; the digits that `budget` shows are enough. One that is closed already is settled with, from the
    /// closing that it left at the host; of one that serves, no other is closed in its place
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
        let named = match (&self.instance, &ledger) {
            (Some(text), Ok(ledger)) => Some(settle::instance(text, ledger)?),
            (Some(_), Err(_)) => return ledger.map(|_| ExitCode::SUCCESS).map_err(Failure::from),
            (None, _) => None,
        };
        let left = match named {
            Some(instance) => self.left(&mut store, &contract, &trust, instance).await?,
            None => None,
        };
        let closing = match left {
            Some(closing) => closing,
            None => {
                let mut room = common.connect_to_take_back(&trust).await?;
                let serving = room.instance().digest();
                self.refuse_another(serving, named)?;
                let unsettled = ledger.as_ref().map(|ledger| ledger.unsettled(&contract));
                let unsettled = unsettled.unwrap_or(Ok(Vec::new()))?;
                let mut ended = Vec::new();
                // An instance that was handed budget is the one that is meant.
                if named.is_none() && !unsettled.contains(&serving) {
                    for other in unsettled {
                        let left = self.left(&mut store, &contract, &trust, other).await;
                        ended.extend(matches!(left, Ok(Some(_))).then(|| other.short()));
                    }
                }
                self.confirm(serving, &ended)?;
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

    /// The closing that `instance` left at the host; none if it has left none, which it has not as long as it serves.
    async fn left(
        &self,
        store: &mut Store,
        contract: &Contract,
        trust: &Trust,
        instance: Digest,
    ) -> Result<Option<Closing>, Failure> {
        match stored(store, contract, trust, instance).await {
            Ok(closing) => Ok(Some(closing)),
            Err(CloseError::Store(error)) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Closes no other instance than the one that was named.
    fn refuse_another(&self, serving: Digest, named: Option<Digest>) -> Result<(), Failure> {
        match named {
            Some(named) if named != serving => Err(Failure::no(format!(
                "nothing was closed: the instance {} left no closing at the host, and another one serves there, {}. One that was killed \
                 leaves none, and what it was handed does not come back",
                named.short(),
                serving.short()
            ))),
            _ => Ok(()),
        }
    }

    /// Asks the person at a terminal. A script says --yes: it cannot be asked. Where this party's ledger handed the instance nothing,
    /// and others that it handed something have `ended` and are not settled, probably one of those is meant: a
    /// script is refused, and a person is asked twice.
    fn confirm(&self, instance: Digest, ended: &[String]) -> Result<(), Failure> {
        let shown = instance.short();
        let mistaken = (!ended.is_empty()).then(|| {
            format!(
                "This party's ledger handed nothing to the instance {shown}, which serves, so nothing would come back. It handed budget to \
                 {}, which has ended and left its closing at the host: `glovebox custody settle` brings that back, and closes nothing.",
                ended.join(" and ")
            )
        });
        if self.yes {
            return match mistaken {
                Some(why) => Err(Failure::no(format!(
                    "not closed. {why} To end the room all the same: --yes --instance {instance}"
                ))),
                None => Ok(()),
            };
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(Failure::no(format!(
                "not closed: closing the instance {shown} ends the room for every party, and there is no terminal to ask \
                 on: say --yes if that is meant"
            )));
        }
        say::note(format_args!(
            "Closing the instance {shown} ends the room for every party: it destroys its keys, and no job is \
             answered any more. (To end one grant alone: glovebox grant NAME --revoke.) Type yes \
             to close:"
        ));
        is_yes()?;
        let Some(why) = mistaken else { return Ok(()) };
        say::note(format_args!("{why} Type yes to close {shown} all the same:"));
        is_yes()
    }
}

/// Whether the person at the terminal types yes.
fn is_yes() -> Result<(), Failure> {
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    if answer.trim().eq_ignore_ascii_case("yes") {
        Ok(())
    } else {
        Err(Failure::no("not closed: it was not confirmed with yes, nor with --yes"))
    }
}
