//! `glovebox dsr`: a data-subject request. Where one person is in this party's sealed data, and which answers contain them.

mod answers;
mod report;
mod versions;

use crate::{
    common_args::{Common, CommonArgs},
    document,
    failure::Failure,
    identifiers::IdentifierArgs,
    profile::{self, RoomWord},
    say,
};
use client::{clock, keys::Identity};
use report::RoomReport;
use std::process::ExitCode;

/// Answer a data-subject request: where a person is, from which job on they count no more, and which answers contain them
///
/// Looks with this party's own keys into each sealed file of its folder for the person's identifiers, and then which answers read these
/// versions, by its audit logs and receipts. Prints no identifier and changes nothing; nothing is asked of the room, so run `audit list`
/// before. Without --room or --contract all rooms of the folder are looked at. Exit code: 0 the person counts in no version that is the
/// newest or granted, 1 in some, 2 could not tell.
#[derive(Debug, clap::Args)]
pub(crate) struct Dsr {
    #[command(flatten)]
    person: IdentifierArgs,

    /// The room, by its name in the party's folder [default: all rooms there]
    #[arg(long)]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,
}

impl Dsr {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let person = self.person.needed()?;
        let identity = Identity::load(&self.common.dir)?;
        let mut rooms = Vec::new();
        for common in self.rooms()? {
            let (contract, trust) = (common.contract()?, common.trust()?);
            let party = identity.party_in(&contract)?;
            let versions = versions::search(&common, &contract, &identity, &person)?;
            let seen = answers::gather(&common, &contract, party, &trust, &versions)?;
            let own = versions.own;
            rooms.push(RoomReport::new(contract.name, own, versions.found, seen, clock::now()));
        }
        document::fields(&serde_json::json!({
            "rooms": rooms.iter().map(RoomReport::as_json).collect::<Vec<_>>(),
        }))?;
        rooms.iter().try_for_each(RoomReport::print)?;
        say::note(
            "Answers that were given stay given: each figure has noise that hides any one person, to the degree that its price says. That \
             nobody has a copy of the data or of an answer elsewhere cannot be proven.",
        );
        let counts = rooms.iter().any(RoomReport::counts);
        if counts {
            return Err(Failure::no(
                "the person still counts: put them on the list of opt-outs (`glovebox optout add`) and grant again; the steps are named above",
            ));
        }
        if rooms.iter().all(RoomReport::is_told) {
            return Ok(ExitCode::SUCCESS);
        }
        Err(Failure::unclear(
            "it cannot be told whether the person still counts: bring the sealed files and keys that are named above back into the party's \
             folder, and get the logs with `glovebox audit list`",
        ))
    }

    /// The rooms that are meant.
    fn rooms(&self) -> Result<Vec<Common>, Failure> {
        let dir = &self.common.dir;
        let names = profile::names(dir)?;
        if self.room.is_some() || self.common.names_contract() || names.is_empty() {
            return Ok(vec![self.common.of(self.room.as_ref())?]);
        }
        let room = |name: &String| Ok(Common::of_room(dir, profile::named(dir, name)?));
        names.iter().map(room).collect()
    }
}
