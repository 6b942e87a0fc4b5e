//! Settling with instances that are over: budget that they did not spend comes back, from their
//! closings.

use crate::{
    common_args::CommonArgs, document, failure::Failure, files, profile::RoomWord, say, words,
};
use client::{
    address::Address,
    clock,
    close::{CloseError, Closing, stored},
    keys::Identity,
    room::Room,
    store::Store,
    trust::Trust,
};
use custody::{Credited, Ledger, LedgerError};
use protocol::{contract::Contract, digest::Digest, loss::Loss, page::number};
use std::{path::Path, process::ExitCode};

/// Read the closings that instances left at the host, so that budget which they did not spend comes
/// back
///
/// Reads one for every instance under the contract that this party's ledger handed budget and that
/// is not settled. Exits with 1 if one of them is over and left no closing: its budget cannot come
/// back.
#[derive(Debug, clap::Args)]
pub(crate) struct Settle {
    /// The room: its address, or its name in the party's folder [default: the usual room there]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,
}

impl Settle {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let address = common.address()?;
        let (contract, trust) = (common.contract()?, common.trust()?);
        let identity = Identity::load(&common.dir)?;
        let mut ledger = Ledger::open(&identity)?;
        let party = Party { identity: &identity, contract: &contract, trust: &trust };
        document::fields(&serde_json::json!({"closings": [], "not_settled": []}))?;
        let open =
            party.take_in_all(address, &mut ledger, &|line: String| say::result(line)).await?;
        if open.is_empty() {
            say::note("Every instance that was handed budget is settled.");
            return Ok(ExitCode::SUCCESS);
        }
        let serving = Room::connect(address, &contract, &trust, &[]).await;
        let serving = serving.map(|room| room.instance().digest());
        let mut over = false;
        for instance in open {
            let serves = serving.as_ref().ok().map(|serving| *serving == instance);
            document::item(
                "not_settled",
                serde_json::json!({"instance": instance, "serves": serves}),
            );
            match &serving {
                Ok(serving) if *serving == instance => say::result(format_args!(
                    "instance {}: it serves; glovebox close ends it",
                    instance.short()
                ))?,
                Ok(_) => {
                    over = true;
                    say::result(format_args!(
                        "instance {}: does not serve at this address and left no closing there; cannot be \
                         settled",
                        instance.short()
                    ))?;
                }
                Err(why) => {
                    over = true;
                    say::result(format_args!(
                        "instance {}: left no closing, and whether it serves is not known: {why}",
                        instance.short()
                    ))?;
                }
            }
        }
        Ok(if over { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// Whose ledger is settled, under which contract, and which enclaves the party believes.
pub(crate) struct Party<'a> {
    pub(crate) identity: &'a Identity,
    pub(crate) contract: &'a Contract,
    pub(crate) trust: &'a Trust,
}

impl Party<'_> {
    /// Takes in every closing that the host has, and returns the instances that left none.
    pub(crate) async fn take_in_all(
        &self,
        host: &Address,
        ledger: &mut Ledger,
        tell: &dyn Fn(String) -> Result<(), Failure>,
    ) -> Result<Vec<Digest>, Failure> {
        let mut store = Store::new(host);
        let mut open = Vec::new();
        for instance in ledger.unsettled(self.contract)? {
            match stored(&mut store, self.contract, self.trust, instance).await {
                Ok(closing) => self.take_in(&closing, ledger, tell)?,
                Err(CloseError::Store(error)) if error.is_not_found() => open.push(instance),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(open)
    }

    /// Keeps a closing and credits what its instance did not spend, once.
    pub(crate) fn take_in(
        &self,
        closing: &Closing,
        ledger: &mut Ledger,
        tell: &dyn Fn(String) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let party = self.identity.party_in(self.contract)?;
        let charge = |loss: &Loss, dataset: &str, purpose: &str| {
            words::charge(loss, words::delta_of(self.contract, dataset, purpose))
        };
        let kept = keep(self.identity, closing)?;
        let credited = ledger.credit(closing, self.contract, party, clock::now());
        document::item("closings", as_json(closing, &kept, credited.as_ref().ok()));
        tell(format!(
            "closed: instance {} on {}; its closing is in {}",
            closing.body().instance.short(),
            number::moment(closing.body().time),
            kept.display()
        ))?;
        for account in &closing.body().accounts {
            tell(format!(
                "  {} for {}, {}: {} handed over, {} spent",
                account.dataset,
                account.purpose,
                account.period,
                charge(&account.granted, &account.dataset, &account.purpose),
                charge(&account.spent, &account.dataset, &account.purpose)
            ))?;
        }
        for delivery in &closing.body().deliveries {
            tell(format!("  answers {}", words::delivery(delivery)))?;
        }
        match credited {
            Ok(credited) if credited.before => {
                tell("credited before; nothing more comes back".to_owned())
            }
            Ok(credited) => credited.credits.iter().try_for_each(|credit| {
                tell(format!(
                    "credited: {} to {} for {}, {}",
                    charge(&credit.credited, &credit.dataset, &credit.purpose),
                    credit.dataset,
                    credit.purpose,
                    credit.period
                ))
            }),
            Err(LedgerError::UnknownInstance { .. }) => {
                say::note("This party's ledger handed it nothing, so nothing comes back.");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A closing that was taken in, and what came back.
fn as_json(closing: &Closing, kept: &Path, credited: Option<&Credited>) -> serde_json::Value {
    let body = closing.body();
    let accounts = body.accounts.iter().map(|account| {
        serde_json::json!({
            "dataset": account.dataset, "purpose": account.purpose, "period": account.period,
            "granted_rho": account.granted.rho().value(), "spent_rho": account.spent.rho().value(),
        })
    });
    let credits = credited.iter().flat_map(|credited| &credited.credits).map(|credit| {
        serde_json::json!({
            "dataset": credit.dataset, "purpose": credit.purpose, "period": credit.period,
            "rho": credit.credited.rho().value(),
        })
    });
    serde_json::json!({
        "instance": body.instance, "time": body.time.to_string(), "file": kept,
        "accounts": accounts.collect::<Vec<_>>(), "credited": credits.collect::<Vec<_>>(),
        "credited_before": credited.is_some_and(|credited| credited.before),
    })
}

/// Writes a closing beside the keys, to be shown to others.
pub(crate) fn keep(identity: &Identity, closing: &Closing) -> Result<std::path::PathBuf, Failure> {
    let instance = closing.body().instance;
    let path = identity.directory().join("closings").join(format!("{instance}.closing"));
    files::write_private(&path, closing.as_bytes())?;
    Ok(path)
}

/// The instance whose digest begins with `text`, of all that the ledger knows. A whole digest is
/// taken even if the ledger does not know it.
pub(crate) fn instance(text: &str, ledger: &Ledger) -> Result<Digest, Failure> {
    if let Ok(digest) = text.parse::<Digest>() {
        return Ok(digest);
    }
    let hexadecimal = text.len() >= SHORTEST && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !hexadecimal {
        return Err(Failure::unclear(format!(
            "--instance {}: expected the first {SHORTEST} or more of an instance's 96 hexadecimal digits",
            say::name(text)
        )));
    }
    match ledger.instances_like(&text.to_ascii_lowercase())?.as_slice() {
        [instance] => Ok(*instance),
        [] => Err(Failure::no(format!(
            "this party's ledger knows no instance {text}: give all 96 digits of one that it does not know"
        ))),
        several => Err(Failure::unclear(format!(
            "{} instances begin with {text}: give more digits",
            several.len()
        ))),
    }
}

/// Digits that an instance must be named with: with fewer than what every command prints, it would
/// be a guess.
const SHORTEST: usize = 8;
