//! `glovebox optout`: who is taken out of a party's datasets from the next job on, without sealing again.

mod earlier;

use crate::{
    common_args::CommonArgs, document, failure::Failure, identifiers::IdentifierArgs,
    passphrase::PassphraseArgs, profile::RoomWord, say, version::in_dir, words::counted,
};
use client::{
    clock,
    keys::{self, Identity},
    opt_outs::{self, KeptOptOuts},
};
use protocol::{
    contract::Contract,
    identity::MatchKey,
    opt_outs::{NamedOptOuts, OptOuts},
    page::number,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::ExitCode,
};

/// Take people out of this party's datasets from the next job on, without sealing again
///
/// The list is kept in the party's folder as hashes, for its owner alone, and the root key signs it. Each `grant` (and the party's
/// service) carries the newest list to the enclave, which then counts as if the rows with these identifiers were not there. The list
/// holds for the dataset's people in all rooms and versions. Its length is padded: others see that there is a list, when it was made,
/// and for how many identifiers it has room.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum OptOutCommand {
    Add(Add),
    Remove(Remove),
    Renew(Renew),
    Show(Show),
}

impl OptOutCommand {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Add(add) => add.run(),
            Self::Remove(remove) => remove.run(),
            Self::Renew(renew) => renew.run(),
            Self::Show(show) => show.run(),
        }
    }
}

/// Put people on the list; the root key is needed
///
/// Name every identifier of a person: a row is taken out if it has one that is on the list.
#[derive(Debug, clap::Args)]
pub(crate) struct Add {
    #[command(flatten)]
    people: IdentifierArgs,

    #[command(flatten)]
    of: Of,

    #[command(flatten)]
    signing: Signing,
}

/// Take identifiers off the list, so that their rows count again; the root key is needed
#[derive(Debug, clap::Args)]
pub(crate) struct Remove {
    #[command(flatten)]
    people: IdentifierArgs,

    /// Take all off: the table was sealed again without them
    #[arg(long, conflicts_with_all = ["identifiers", "from"])]
    all: bool,

    #[command(flatten)]
    of: Of,

    #[command(flatten)]
    signing: Signing,
}

/// Sign the list anew with whoever is on it, so that it is of today; the root key is needed
///
/// A contract may want lists to be at most so many days old (`opt_outs_within_days`). A list that there is not yet is made, with nobody
/// on it.
#[derive(Debug, clap::Args)]
pub(crate) struct Renew {
    #[command(flatten)]
    of: Of,

    #[command(flatten)]
    signing: Signing,
}

/// How a list is signed.
#[derive(Debug, clap::Args)]
struct Signing {
    /// There never was a list of these people: say so in a folder that has neither a list nor a ledger that would know of one
    #[arg(long)]
    first: bool,

    #[command(flatten)]
    passphrase: PassphraseArgs,
}

/// Show the newest lists, and whether people are on them
///
/// Exit code: 0 all that were named are on the list of each dataset, or none was named; 1 some are not.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    #[command(flatten)]
    people: IdentifierArgs,

    #[command(flatten)]
    of: Of,
}

/// Of which datasets.
#[derive(Debug, clap::Args)]
struct Of {
    /// The dataset in the contract [default: all of this party]
    #[arg(long, value_name = "NAME")]
    dataset: Option<String>,

    /// The room, by its name in the party's folder, whose contract names the datasets [default: the usual one there]
    #[arg(long)]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,
}

/// The datasets of a party, by their lineages, and its keys.
struct Owned {
    identity: Identity,
    contract: Contract,
    dir: PathBuf,
    /// By lineage: what the dataset is called in the contract.
    datasets: BTreeMap<String, String>,
}

impl Of {
    fn owned(&self) -> Result<Owned, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let contract = common.contract()?;
        let identity = Identity::load(&common.dir)?;
        let party = identity.party_in(&contract)?;
        if let Some(named) = &self.dataset {
            client::grant::own_dataset(&contract, named, party)?;
        }
        let meant = contract.datasets.iter().filter(|(name, dataset)| {
            dataset.owner == party && self.dataset.as_ref().is_none_or(|named| named == *name)
        });
        let datasets: BTreeMap<_, _> =
            meant.map(|(name, dataset)| (dataset.lineage.clone(), name.clone())).collect();
        if datasets.is_empty() {
            return Err(Failure::no(format!(
                "{party} owns no dataset under this contract, so nobody can be taken out of one: name the room of a contract in \
                 which it does (--room NAME)"
            )));
        }
        Ok(Owned { identity, contract, dir: common.dir, datasets })
    }
}

impl Owned {
    fn newest(&self, lineage: &str) -> Result<Option<KeptOptOuts>, Failure> {
        let newest = opt_outs::newest(&self.dir, &self.identity.root_key(), lineage);
        newest.map_err(Failure::unclear)
    }

    /// Changes the list of each dataset, signs those that differ, and says what became of them.
    fn change(
        &self,
        signing: &Signing,
        signs_anew: bool,
        change: impl Fn(&BTreeSet<MatchKey>) -> BTreeSet<MatchKey>,
    ) -> Result<(), Failure> {
        let mut ledger = earlier::ledger(&self.identity)?;
        let mut changes = Vec::new();
        for (lineage, dataset) in &self.datasets {
            let before = self.newest(lineage)?;
            let keys = before.as_ref().map(|kept| kept.list.keys()).unwrap_or_default();
            let after = change(&keys);
            if signs_anew || keys != after {
                let newest = before.as_ref().map(|kept| kept.list.named());
                let of = (dataset.as_str(), lineage.as_str());
                let (ledger, newest) = (ledger.as_ref(), newest.as_ref());
                earlier::must_be_here(&self.dir, ledger, of, newest, signing.first)?;
            }
            let last = before.as_ref().map_or(0, |kept| kept.list.number());
            let number = last.saturating_add(1).max(clock::now().0 / 1000);
            // A list that is too long is refused before one is signed.
            let list = OptOuts::new(lineage, number, keys::random()?, &after);
            let list =
                list.map_err(|why| Failure::no(format!("{dataset}: {why}. No list was changed")))?;
            changes.push(Change { dataset, lineage, before, keys, after, list });
        }
        document::fields(&serde_json::json!({"lists": []}))?;
        let is_other = |change: &Change<'_>| signs_anew || change.keys != change.after;
        let root = if changes.iter().any(is_other) {
            Some(self.identity.checked(signing.passphrase.root(&self.dir)?)?)
        } else {
            None
        };
        for change in &changes {
            let kept = match &root {
                Some(root) if is_other(change) => {
                    let (signed, public) = (root.sign(&change.list), self.identity.root_key());
                    let kept = opt_outs::keep(&self.dir, &public, change.lineage, &signed);
                    let kept = kept.map_err(Failure::unclear)?;
                    if let Some(ledger) = &mut ledger {
                        let named = change.list.named();
                        let (contract, now) = (&self.contract, clock::now());
                        ledger.note_opt_outs(contract, change.dataset, Some(&named), now)?;
                    }
                    Some(kept)
                }
                _ => change.before.as_ref().map(|kept| kept.path.clone()),
            };
            change.tell(kept, signs_anew)?;
        }
        if root.is_some() {
            say::note(format_args!(
                "It holds once it is granted: `glovebox grant DATASET{}` (the party's service does so by itself). From then on a job \
                 reads the dataset without who is on it, earlier answers stay as they are, and this party's custody pays for no job on an \
                 older list.",
                in_dir(&self.dir)
            ));
        }
        Ok(())
    }
}

/// What becomes of one list.
struct Change<'a> {
    dataset: &'a str,
    lineage: &'a str,
    before: Option<KeptOptOuts>,
    keys: BTreeSet<MatchKey>,
    after: BTreeSet<MatchKey>,
    list: OptOuts,
}

impl Change<'_> {
    fn tell(&self, file: Option<PathBuf>, is_anew: bool) -> Result<(), Failure> {
        let added = self.after.difference(&self.keys).count();
        let removed = self.keys.difference(&self.after).count();
        let named = match &self.before {
            kept if is_anew || self.keys != self.after || kept.is_none() => self.list.named(),
            Some(kept) => kept.list.named(),
            None => self.list.named(),
        };
        let mut line =
            line(self.dataset, file.as_ref().map(|_| &named), self.after.len(), file.as_ref());
        if let Some(line) = line.as_object_mut() {
            line.insert("added".to_owned(), added.into());
            line.insert("removed".to_owned(), removed.into());
        }
        document::item("lists", line);
        if added + removed == 0 && !is_anew {
            return say::result(format_args!(
                "{}: nothing changed; {} on the list",
                self.dataset,
                counted(self.after.len(), "identifier", "identifiers")
            ));
        }
        say::result(format_args!(
            "{}: {added} added, {removed} taken off: {} on the list of {} (others see room for {})",
            self.dataset,
            counted(self.after.len(), "identifier", "identifiers"),
            number::moment(named.made()),
            named.places,
        ))
    }
}

impl Add {
    fn run(&self) -> Result<ExitCode, Failure> {
        let people = self.people.needed()?;
        self.of
            .owned()?
            .change(&self.signing, false, |keys| keys.iter().chain(&people).copied().collect())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Renew {
    fn run(&self) -> Result<ExitCode, Failure> {
        self.of.owned()?.change(&self.signing, true, Clone::clone)?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Remove {
    fn run(&self) -> Result<ExitCode, Failure> {
        let people = if self.all { Vec::new() } else { self.people.needed()? };
        self.of.owned()?.change(&self.signing, false, |keys| {
            let stay = keys.iter().filter(|key| !self.all && !people.contains(key));
            stay.copied().collect()
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    fn run(&self) -> Result<ExitCode, Failure> {
        let people = self.people.keys()?;
        let owned = self.of.owned()?;
        document::fields(&serde_json::json!({"lists": []}))?;
        let mut all_on = true;
        for (lineage, dataset) in &owned.datasets {
            let newest = owned.newest(lineage)?;
            let keys = newest.as_ref().map(|kept| kept.list.keys()).unwrap_or_default();
            let on = people.iter().filter(|key| keys.contains(key)).count();
            all_on &= on == people.len();
            let named = newest.as_ref().map(|kept| kept.list.named());
            let file = newest.as_ref().map(|kept| &kept.path);
            let mut line = line(dataset, named.as_ref(), keys.len(), file);
            if let Some(line) = line.as_object_mut() {
                line.insert("on_it".to_owned(), (!people.is_empty()).then_some(on).into());
            }
            document::item("lists", line);
            let said = match (&named, file) {
                (Some(named), Some(file)) => format!(
                    "{} on the list of {}, digest {} (others see room for {})  {}",
                    counted(keys.len(), "identifier", "identifiers"),
                    number::moment(named.made()),
                    named.digest.short(),
                    named.places,
                    file.display()
                ),
                _ => "no list of opt-outs".to_owned(),
            };
            say::result(format_args!("{dataset}: {said}"))?;
            if !people.is_empty() {
                say::result(format_args!(
                    "{dataset}: {on} of the {} that were named are on it",
                    people.len()
                ))?;
            }
        }
        if all_on {
            return Ok(ExitCode::SUCCESS);
        }
        Err(Failure::no(
            "not all that were named are on the list of each dataset: `glovebox optout add` puts them there",
        ))
    }
}

/// A list, for programs.
fn line(
    dataset: &str,
    named: Option<&NamedOptOuts>,
    identifiers: usize,
    file: Option<&PathBuf>,
) -> serde_json::Value {
    serde_json::json!({
        "dataset": dataset, "number": named.map(|named| named.number), "identifiers": identifiers,
        "places": named.map(|named| named.places), "digest": named.map(|named| named.digest), "file": file,
    })
}
