//! Arguments that most commands take: the contract, and whose enclaves to believe.

use crate::{failure::Failure, files, say};
use attestation_verifier::Pcr;
use client::{
    address::Address,
    grant::tell_withdrawals,
    keys::Identity,
    room::{Room, RoomError},
    trust::Trust,
    withdrawn,
};
use protocol::contract::Contract;
use std::{collections::BTreeMap, path::PathBuf};

/// The contract, and whose enclaves to believe.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CommonArgs {
    /// The contract, signed by every party
    #[arg(long, value_name = "FILE")]
    pub(crate) contract: PathBuf,

    /// Believe another root than AWS's, in PEM or DER: whoever has its key can read everything
    #[arg(long, value_name = "FILE")]
    pub(crate) danger_root: Option<PathBuf>,

    /// A build that is not believed, in addition to the party's list: {"pcrs": {"0": HEX, ..}}
    #[arg(long, value_name = "FILE")]
    withdrawn: Vec<PathBuf>,

    /// Directory with the party's keys, ledger, and list of withdrawn builds
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
}

impl CommonArgs {
    /// Reads the contract, which every party must have signed.
    pub(crate) fn contract(&self) -> Result<Contract, Failure> {
        files::signed_contract(&self.contract)
    }

    /// The root to believe, and the builds that the party withdrew. Fails if the list of these
    /// builds cannot be read. Prints SIMULATED where the root is not AWS's.
    pub(crate) fn trust(&self) -> Result<Trust, Failure> {
        let trust = files::trust(self.danger_root.as_deref())?;
        say::simulated(trust.is_simulated());
        let Some(listed) = withdrawn::read(&self.dir)? else {
            say::note(format_args!(
                "{} is not a party's folder, so no list of withdrawn builds was read: name yours with --dir.",
                self.dir.display()
            ));
            return Ok(trust.withdrawing(self.withdrawn()?));
        };
        Ok(trust.withdrawing(listed).withdrawing(self.withdrawn()?))
    }

    /// Connects to a room to take something back from it. Here the room may also run a withdrawn
    /// build.
    pub(crate) async fn connect_to_take_back(
        &self,
        address: &Address,
        trust: &Trust,
    ) -> Result<Room, Failure> {
        let contract = self.contract()?;
        match Room::connect(address, &contract, trust, &[]).await {
            Err(RoomError::Withdrawn) => {
                say::note(
                    "The build of this room was withdrawn: it is only asked to give up what it has.",
                );
                let trust = files::trust(self.danger_root.as_deref())?;
                Ok(Room::connect(address, &contract, &trust, &[]).await?)
            }
            found => Ok(found?),
        }
    }

    /// The builds that were named for this command alone.
    fn withdrawn(&self) -> Result<Vec<BTreeMap<u8, Pcr>>, Failure> {
        self.withdrawn.iter().map(|path| files::registers(path)).collect()
    }

    /// Connects to the room, and fails unless it is believed. Tells it first of every withdrawal in the party's folder: an
    /// instance that was started since knows of none.
    pub(crate) async fn connect(&self, address: &Address) -> Result<Room, Failure> {
        let (contract, trust) = (self.contract()?, self.trust()?);
        let mut room = Room::connect(address, &contract, &trust, &[]).await?;
        // What a folder without keys lacks, the command says that needs it.
        if let Ok(identity) = Identity::load(&self.dir)
            && (identity.service().is_ok() || identity.analyst().is_ok())
        {
            tell_withdrawals(&mut room, &identity).await?;
        }
        Ok(room)
    }
}
