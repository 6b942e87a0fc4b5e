//! `glovebox dsr`: a data-subject request. Where one person is in this party's sealed data, and which answers contain them.

mod answers;
mod report;
mod versions;

use crate::{
    common_args::{Common, CommonArgs},
    document,
    failure::Failure,
    files,
    profile::{self, RoomWord},
    say,
};
use client::{clock, keys::Identity};
use protocol::identity::{self, Identifier, MatchKey};
use report::RoomReport;
use std::{path::PathBuf, process::ExitCode};

/// Answer a data-subject request: where a person is, from which job on they count no more, and which answers contain them
///
/// Looks with this party's own keys into each sealed file of its folder for the person's identifiers, and then which answers read these
/// versions, by its audit logs and receipts. Prints no identifier and changes nothing; nothing is asked of the room, so run `audit list`
/// before. Without --room or --contract all rooms of the folder are looked at. Exit code: 0 the person counts in no version that is the
/// newest or granted, 1 in some, 2 could not tell.
#[derive(Debug, clap::Args)]
pub(crate) struct Dsr {
    /// The person's identifiers, all that are known: e-mail addresses, phone numbers with + and country code, SHA-256 of one
    #[arg(required_unless_present = "from")]
    identifiers: Vec<String>,

    /// Read identifiers from a file, one on each line, or from standard input (-): words of a command stay in the shell's history
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,

    /// The room, by its name in the party's folder [default: all rooms there]
    #[arg(long)]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,
}

impl Dsr {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let person = self.person()?;
        let identity = Identity::load(&self.common.dir)?;
        let mut rooms = Vec::new();
        for common in self.rooms()? {
            let (contract, trust) = (common.contract()?, common.trust()?);
            let party = identity.party_in(&contract)?;
            let versions = versions::search(&common, &contract, party, &person)?;
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
                "the person still counts: seal the table again without them, grant the new version, and have the host delete the old one \
                 (the steps are named above)",
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

    /// The match keys of all identifiers, whatever kind each is.
    fn person(&self) -> Result<Vec<MatchKey>, Failure> {
        let from = match self.from.as_deref() {
            None => String::new(),
            Some(path) if path.as_os_str() == "-" => std::io::read_to_string(std::io::stdin())?,
            Some(path) => files::read_text(path)?,
        };
        let lines = from.lines().map(str::trim).filter(|line| !line.is_empty());
        let words = self.identifiers.iter().map(String::as_str).chain(lines);
        let keys: Vec<_> =
            words.enumerate().map(|(at, word)| match_key(at, word)).collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(Failure::unclear(
                "there is no identifier: name one, or a file with --from",
            ));
        }
        Ok(keys)
    }
}

/// The match key of an identifier of any kind. What is said of a bad one does not repeat it.
fn match_key(at: usize, word: &str) -> Result<MatchKey, Failure> {
    let kind = if word.contains('@') { Identifier::Email } else { Identifier::Phone };
    let key = identity::match_key(Identifier::Hashed, word)
        .or_else(|_| identity::match_key(kind, word))
        .map_err(|why| Failure::unclear(format!("identifier {}: {why}; correct it", at + 1)))?;
    if key == MatchKey::NONE {
        return Err(Failure::unclear(format!(
            "identifier {} is empty, or says that there is none: name one",
            at + 1
        )));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_read_whatever_kind_it_is_and_a_bad_one_is_not_repeated() {
        let key = |word: &str| match_key(0, word);
        assert_eq!(key(" Ann@Example.com ").unwrap(), key("ann@example.com").unwrap());
        let hashed = hex::encode(key("ann@example.com").unwrap().as_bytes());
        assert_eq!(key(&hashed).unwrap(), key("ann@example.com").unwrap());
        assert_eq!(key("+1 415 555 0123").unwrap(), key("+14155550123").unwrap());
        for bad in ["ann@example", "0415", "n/a", "", "ann"] {
            let why = key(bad).unwrap_err().to_string();
            assert!(
                why.starts_with("identifier 1") && (bad.is_empty() || !why.contains(bad)),
                "{why}"
            );
        }
    }
}
