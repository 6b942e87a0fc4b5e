//! Arguments that most commands take: the contract, and whose enclaves to believe.

use crate::{
    failure::Failure,
    files,
    profile::{self, RoomProfile, RoomWord},
    say,
};
use client::{
    address::Address,
    grant::tell_withdrawals,
    keys::Identity,
    room::{Room, RoomError},
    trust::Trust,
    withdrawn,
};
use protocol::contract::Contract;
use std::path::{Path, PathBuf};

/// The contract, and whose enclaves to believe: what is not given is taken from the room in the party's folder.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CommonArgs {
    /// The contract, signed by every party [default: the room's, in the party's folder]
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,

    /// Believe another root than AWS's, in PEM or DER: whoever has its key can read everything
    #[arg(long, value_name = "FILE")]
    danger_root: Option<PathBuf>,

    /// A build that is not believed, in addition to the party's list: {"pcrs": {"0": HEX, ..}}
    #[arg(long, value_name = "FILE")]
    withdrawn: Vec<PathBuf>,

    /// The party's folder: keys, ledger, list of withdrawn builds, and rooms
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
}

impl CommonArgs {
    /// Whether the command names a contract, and so takes nothing from the folder's rooms.
    pub(crate) fn names_contract(&self) -> bool {
        self.contract.is_some()
    }

    /// What the command means: flags win, and what they leave out is taken from one room of the party's folder.
    ///
    /// A command that names a contract, or an address that no room of the folder has, takes nothing from the folder's
    /// rooms: a root that was believed for one room is believed for no other.
    pub(crate) fn of(&self, room: Option<&RoomWord>) -> Result<Common, Failure> {
        let known = match room {
            Some(RoomWord::Name(name)) => Some(profile::named(&self.dir, name)?),
            _ if self.contract.is_some() => None,
            Some(RoomWord::Address(address)) => profile::at(&self.dir, address)?,
            None => profile::usual(&self.dir)?,
        };
        let address = match (room, &known) {
            (Some(RoomWord::Address(address)), _) => Some(address.clone()),
            (_, known) => known.as_ref().map(|known| known.address.clone()),
        };
        let contract = self.contract.clone();
        let contract = contract.or_else(|| known.as_ref().map(|known| known.contract.clone()));
        let danger_root = self.danger_root.clone();
        Ok(Common {
            address,
            contract: contract.ok_or_else(|| profile::no_contract(&self.dir))?,
            danger_root: danger_root.or_else(|| known.as_ref()?.danger_root.clone()),
            withdrawn: self.withdrawn.clone(),
            dir: self.dir.clone(),
            known,
        })
    }
}

/// Whose enclaves to believe, for commands that check files of anybody, offline.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TrustArgs {
    /// Believe another root than AWS's, in PEM or DER: whoever has its key can read everything
    #[arg(long, value_name = "FILE")]
    pub(crate) danger_root: Option<PathBuf>,

    /// A build that is not believed, in addition to the party's list: {"pcrs": {"0": HEX, ..}}
    #[arg(long, value_name = "FILE")]
    withdrawn: Vec<PathBuf>,

    /// The party's folder, whose list of withdrawn builds is read
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
}

impl TrustArgs {
    /// The root to believe, and the builds that are not believed: [`trust`].
    pub(crate) fn trust(&self) -> Result<Trust, Failure> {
        trust(self.danger_root.as_deref(), &self.withdrawn, &self.dir)
    }
}

/// What a command means, once flags and profile were read.
#[derive(Clone, Debug)]
pub(crate) struct Common {
    address: Option<Address>,
    pub(crate) contract: PathBuf,
    pub(crate) danger_root: Option<PathBuf>,
    withdrawn: Vec<PathBuf>,
    pub(crate) dir: PathBuf,
    known: Option<RoomProfile>,
}

impl Common {
    /// What the room `known` in the folder `dir` means, without any flag.
    pub(crate) fn of_room(dir: &Path, known: RoomProfile) -> Self {
        Self {
            address: Some(known.address.clone()),
            contract: known.contract.clone(),
            danger_root: known.danger_root.clone(),
            withdrawn: Vec::new(),
            dir: dir.to_owned(),
            known: Some(known),
        }
    }

    /// The room's address.
    pub(crate) fn address(&self) -> Result<&Address, Failure> {
        self.address.as_ref().ok_or_else(|| {
            Failure::unclear(
                "which room is meant? Name its address, or its name in the party's folder: with --contract no room of \
                 the folder is meant that is not named",
            )
        })
    }

    /// The room's address, if one is known.
    pub(crate) fn known_address(&self) -> Option<&Address> {
        self.address.as_ref()
    }

    /// Where the files of a dataset are, without their ends: where the profile says, or by the dataset's name.
    pub(crate) fn stem(&self, dataset: &str) -> PathBuf {
        let usual = || files::in_folder(&self.dir, dataset);
        self.known.as_ref().map_or_else(usual, |known| known.stem(dataset))
    }

    /// The names of the files of contract and root, for the commands that check a result again.
    pub(crate) fn names(&self) -> (String, Option<String>) {
        (Self::name_of(&self.contract), self.danger_root.as_deref().map(Self::name_of))
    }

    /// The name of a file, without its folder.
    pub(crate) fn name_of(path: &Path) -> String {
        path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Reads the contract, which every party must have signed.
    pub(crate) fn contract(&self) -> Result<Contract, Failure> {
        files::signed_contract(&self.contract)
    }

    /// The root to believe, and the builds that the party withdrew: [`trust`].
    pub(crate) fn trust(&self) -> Result<Trust, Failure> {
        trust(self.danger_root.as_deref(), &self.withdrawn, &self.dir)
    }

    /// What the folder calls the room; empty for one that it does not have.
    pub(crate) fn room_name(&self) -> &str {
        self.known.as_ref().map_or("", |known| known.name.as_str())
    }

    /// Connects to a room to take something back from it. Here the room may also run a withdrawn
    /// build.
    pub(crate) async fn connect_to_take_back(&self, trust: &Trust) -> Result<Room, Failure> {
        let (address, contract) = (self.address()?, self.contract()?);
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

    /// Connects to the room, and fails unless it is believed. Tells it first of every withdrawal in the party's folder: an
    /// instance that was started since knows of none.
    pub(crate) async fn connect(&self) -> Result<Room, Failure> {
        let mut room = self.reach(&self.contract()?, &self.trust()?).await??;
        self.introduce(&mut room).await?;
        Ok(room)
    }

    /// Connects to the room; the inner error says whether nobody answers, or why it is not believed.
    pub(crate) async fn reach(
        &self,
        contract: &Contract,
        trust: &Trust,
    ) -> Result<Result<Room, RoomError>, Failure> {
        Ok(Room::connect(self.address()?, contract, trust, &[]).await)
    }

    /// Tells a room that is believed of every withdrawal in the party's folder.
    pub(crate) async fn introduce(&self, room: &mut Room) -> Result<(), Failure> {
        // What a folder without keys lacks, the command says that needs it.
        if let Ok(identity) = Identity::load(&self.dir)
            && (identity.service().is_ok() || identity.analyst().is_ok())
        {
            tell_withdrawals(room, &identity).await?;
        }
        Ok(())
    }
}

/// The root to believe, and the builds that are not: those that are `withdrawn` for this command alone, and those on the list of
/// the party whose folder is `dir`. Fails if that list cannot be read. Prints SIMULATED where the root is not AWS's, and says if
/// there was no list to read.
pub(crate) fn trust(
    danger_root: Option<&Path>,
    withdrawn: &[PathBuf],
    dir: &Path,
) -> Result<Trust, Failure> {
    let trust = files::trust(danger_root)?;
    say::simulated(trust.is_simulated());
    let named =
        withdrawn.iter().map(|path| files::registers(path)).collect::<Result<Vec<_>, _>>()?;
    let trust = trust.withdrawing(named);
    let Some(listed) = withdrawn::read(dir)? else {
        say::note(format_args!(
            "{} is not a party's folder, so no list of withdrawn builds was read: name yours with --dir.",
            dir.display()
        ));
        return Ok(trust);
    };
    Ok(trust.withdrawing(listed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use std::fs;

    #[derive(Parser)]
    struct Line {
        room: Option<RoomWord>,
        #[command(flatten)]
        common: CommonArgs,
    }

    /// What a command means in a folder with one room under a root of its own.
    fn meant(words: &[&str]) -> Result<Common, Failure> {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(profile::ROOMS)).unwrap();
        let text = "url = \"https://room.example:7443\"\ncontract = \"spring.signed\"\ndanger_root = \"ca.der\"\n";
        fs::write(profile::room_file(dir.path(), "spring"), text).unwrap();
        let folder = ["glovebox", "--dir", dir.path().to_str().unwrap()];
        let line = Line::try_parse_from([&folder, words].concat()).unwrap();
        line.common.of(line.room.as_ref())
    }

    #[test]
    fn flags_win_over_the_profile_one_by_one() {
        for words in [&[][..], &["spring"], &["https://room.example:7443"]] {
            let common = meant(words).unwrap();
            assert_eq!(common.address().unwrap().to_string(), "https://room.example:7443");
            assert!(common.contract.ends_with("spring.signed"), "{words:?}");
            assert!(common.danger_root.unwrap().ends_with("ca.der"), "{words:?}");
        }
        let common = meant(&["spring", "--contract", "other.signed"]).unwrap();
        assert_eq!(common.contract, Path::new("other.signed"));
        let common = meant(&["--danger-root", "other.der"]).unwrap();
        assert_eq!(common.danger_root, Some("other.der".into()));
    }

    #[test]
    fn a_root_that_was_named_for_one_room_is_believed_for_no_other() {
        let elsewhere = ["https://other.example:7443", "--contract", "other.signed"];
        for words in [&elsewhere[1..], &elsewhere] {
            let common = meant(words).unwrap();
            assert_eq!(common.danger_root, None, "{words:?}");
        }
        let asked = meant(&["--contract", "other.signed"]).unwrap();
        assert!(asked.address().unwrap_err().to_string().contains("which room is meant?"));
        let refused = meant(&["https://other.example:7443"]).unwrap_err().to_string();
        assert!(refused.contains("which contract is meant?"), "{refused}");
    }
}
