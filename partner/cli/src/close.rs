use crate::{failure::Failure, files, say, under::Under};
use client::{
    address::Address,
    clock,
    close::{close, settle, stored},
    custody::{Ledger, LedgerError},
    keys::Identity,
    store::Store,
};
use protocol::digest::Digest;
use std::{path::PathBuf, process::ExitCode};

/// Close the enclave: it destroys its keys, and what it did not spend comes back, once
///
/// Also for a party whose enclave somebody else has closed already: the closing is at the host.
#[derive(Debug, clap::Args)]
pub(crate) struct Close {
    /// Address of the room
    #[arg(value_name = "URL")]
    room: Address,

    #[command(flatten)]
    under: Under,

    /// Directory with the party's keys and ledger
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,

    /// Settle with this instance, which is closed and gone, from the closing it left at the host
    #[arg(long, value_name = "HEX")]
    instance: Option<Digest>,
}

impl Close {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let contract = self.under.contract()?;
        let identity = Identity::load(&self.dir)?;
        let party = identity.party_in(&contract)?;
        let mut store = Store::new(&self.room);
        let closing = if let Some(instance) = self.instance {
            stored(&mut store, &contract, &self.under.trust()?, instance).await?
        } else {
            let mut room = self.under.connect(&self.room).await?;
            close(&mut room, &identity, &mut store).await?
        };
        let instance = closing.body().instance;
        let kept = identity.directory().join("closings").join(format!("{instance}.closing"));
        files::write_private(&kept, closing.as_bytes())?;
        say::result(format_args!(
            "closed: instance {}; its closing is in {}",
            instance.short(),
            kept.display()
        ))?;
        for account in &closing.body().accounts {
            say::result(format_args!(
                "  {} for {}, {}: rho {:.6} handed over, {:.6} spent",
                account.dataset,
                account.purpose,
                account.period,
                account.granted.rho().value(),
                account.spent.rho().value()
            ))?;
        }
        let mut ledger = Ledger::open(&identity)?;
        match settle(&mut ledger, &closing, &contract, party, clock::now()) {
            Ok(credited) if credited.before => {
                say::result("credited before; nothing more comes back")?
            }
            Ok(credited) => {
                for credit in credited.credits {
                    say::result(format_args!(
                        "credited: rho {:.6} to {} for {}, {}",
                        credit.credited.rho().value(),
                        credit.dataset,
                        credit.purpose,
                        credit.period
                    ))?;
                }
            }
            Err(LedgerError::UnknownInstance { .. }) => {
                say::note("This party's ledger handed it nothing, so nothing comes back.");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(ExitCode::SUCCESS)
    }
}
