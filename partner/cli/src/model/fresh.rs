//! Whether people opted out since a model was learnt, as far as a party's folder tells.

use crate::{common_args::Common, document, failure::Failure, files, profile, result_files, say};
use client::{
    clock,
    keys::Identity,
    opt_outs,
    receipt_check::{self, Checked, ReceiptFiles},
    trust::Trust,
};
use protocol::{
    contract::Contract,
    opt_outs::NamedOptOuts,
    page::{DataVersion, number},
    sign::PublicKey,
    time::Time,
};
use std::path::{Path, PathBuf};

/// What is known of opt-outs since a model was learnt.
#[derive(Debug)]
pub(super) struct Freshness {
    /// Whether it could be told with which lists the model was learnt.
    told: bool,
    stale: Vec<Stale>,
}

/// A dataset of which there is a newer list of opt-outs than the one that the model was learnt with.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Stale {
    dataset: String,
    /// When the list was made that the model was learnt with; none if there was none.
    learnt_with: Option<Time>,
    newest: Time,
    /// When the first newer list was made, as far as the folder tells: it may have been earlier.
    since: Time,
    /// For how many days the contract lets lists grow old, if it says so.
    within_days: Option<u32>,
    /// Where the newer list is, or the receipt that names it.
    from: PathBuf,
}

/// A room of a party's folder: whose receipts are believed under what.
struct Room {
    contract: Contract,
    trust: Trust,
    identity: Identity,
}

impl Freshness {
    /// Looks for lists that are newer than those that the receipt beside `model`, which has these `bytes`, names: among the party's own in the folder `dir`,
    /// and in receipts of later answers that lie there.
    pub(super) fn of(model: &Path, bytes: &[u8], dir: &Path) -> Result<Self, Failure> {
        let rooms = rooms(dir)?;
        let beside = model.with_file_name("receipt.cbor");
        let learnt =
            rooms.iter().find_map(|room| Some((room, room.checked(&beside, Some(bytes))?)));
        let Some((room, learnt)) = learnt else {
            return Ok(Self { told: false, stale: Vec::new() });
        };
        let mut stale = Vec::new();
        let folders = result_files::folders(dir)?;
        for used in &learnt.data {
            let people = people(&room.contract, used);
            let mut known = room.own(used, dir)?;
            for folder in &folders {
                let receipt = folder.join("receipt.cbor");
                let later =
                    rooms.iter().find_map(|room| Some((room, room.checked(&receipt, None)?)));
                let Some((room, later)) = later else { continue };
                let same =
                    later.data.iter().filter(|data| self::people(&room.contract, data) == people);
                known.extend(same.filter_map(|data| Some((data.opt_outs?, receipt.clone()))));
            }
            let within_days = room.contract.datasets.get(&used.dataset);
            let within_days = within_days.and_then(|dataset| dataset.opt_outs_within_days);
            stale.extend(newer(used, within_days, known));
        }
        Ok(Self { told: true, stale })
    }

    /// Says what is stale, and refuses what was so for longer than the contract lets a list grow old, or `days` if that is less or it
    /// says nothing.
    pub(super) fn tell(&self, days: u64) -> Result<(), Failure> {
        let now = clock::now();
        let stale = self.stale.iter().map(|stale| {
            serde_json::json!({
                "dataset": stale.dataset, "learnt_with": stale.learnt_with.map(|time| time.to_string()),
                "newest": stale.newest.to_string(), "since": stale.since.to_string(), "from": stale.from,
            })
        });
        document::fields(&serde_json::json!({
            "told": self.told, "stale": stale.collect::<Vec<_>>(),
        }))?;
        if !self.told {
            say::note(
                "Whether people opted out since the model was learnt cannot be told: that takes its receipt.cbor beside it, the \
                 result.json as it was opened, and the party's folder with the room (--dir).",
            );
        }
        for Stale { dataset, learnt_with, newest, since, from, .. } in &self.stale {
            let before = learnt_with.map_or_else(
                || "before there was a list of opt-outs".to_owned(),
                |made| format!("with the list of opt-outs of {}", number::moment(made)),
            );
            say::note(format_args!(
                "STALE: the model was learnt {before} of {}, and there is one of {} ({}): people who opted out since are in it. The first newer list that this folder knows \
                 of is of {}; it may have been made earlier. Train it anew.",
                say::name(dataset),
                number::moment(*newest),
                from.display(),
                number::moment(*since),
            ));
        }
        let days_of = |stale: &Stale| stale.within_days.map_or(days, |most| days.min(most.into()));
        let is_over =
            |stale: &&Stale| stale.since.plus_seconds(days_of(stale).saturating_mul(DAY)) < now;
        match self.stale.iter().find(is_over) {
            None => Ok(()),
            Some(stale) => Err(Failure::no(format!(
                "the model is not used: the first newer list of opt-outs of {} was made more than {} days ago. Train it anew on what is granted now; the \
                 contract (opt_outs_within_days) and --grace-days say how long a stale model may be used",
                say::name(&stale.dataset),
                days_of(stale)
            ))),
        }
    }
}

impl Room {
    /// A receipt that holds under this room's contract, and is of `result` if that is given.
    fn checked(&self, receipt: &Path, result: Option<&[u8]>) -> Option<Checked> {
        let bytes = files::read(receipt).ok()?;
        let beside = ReceiptFiles { result, released: None };
        receipt_check::check(&self.contract, &bytes, beside, &self.trust).ok()
    }

    fn lineage(&self, data: &DataVersion) -> Option<&str> {
        Some(self.contract.datasets.get(&data.dataset)?.lineage.as_str())
    }

    /// The party's own lists for the people of a dataset, if it is the party's.
    fn own(&self, data: &DataVersion, dir: &Path) -> Result<Vec<(NamedOptOuts, PathBuf)>, Failure> {
        let party = self.identity.party_in(&self.contract)?;
        let Some(lineage) = self.lineage(data).filter(|_| data.owner == party) else {
            return Ok(Vec::new());
        };
        let all = opt_outs::all(dir, &self.identity.root_key(), lineage);
        let all = all.map_err(Failure::unclear)?.into_iter();
        Ok(all.map(|kept| (kept.list.named(), kept.path)).collect())
    }
}

/// Whose people a dataset has, in whichever room: the owner by its root key, since names and lineages are of a contract alone.
fn people<'c>(contract: &'c Contract, data: &DataVersion) -> Option<(PublicKey, &'c str)> {
    let owner = contract.parties.get(&data.owner)?;
    let dataset = contract.datasets.get(&data.dataset).filter(|found| found.owner == data.owner)?;
    Some((owner.root_key, dataset.lineage.as_str()))
}

/// The rooms of the party whose folder is `dir`.
fn rooms(dir: &Path) -> Result<Vec<Room>, Failure> {
    let names = profile::names(dir)?;
    let room = |name: &String| {
        let common = Common::of_room(dir, profile::named(dir, name)?);
        let (contract, trust) = (common.contract()?, common.trust()?);
        Ok(Room { contract, trust, identity: Identity::load(dir)? })
    };
    names.iter().map(room).collect()
}

/// The newest of the `known` lists and the first newer one, if they are newer than the one that the model was learnt with.
fn newer(
    used: &DataVersion,
    within_days: Option<u32>,
    known: Vec<(NamedOptOuts, PathBuf)>,
) -> Option<Stale> {
    let learnt = used.opt_outs.as_ref();
    let is_newer = |list: &NamedOptOuts| learnt.is_none_or(|learnt| list.number > learnt.number);
    let mut newer: Vec<_> = known.into_iter().filter(|(list, _)| is_newer(list)).collect();
    newer.sort_by_key(|(list, _)| list.number);
    // Whoever goes on making lists does not put the end off.
    let since = newer.first()?.0.made();
    let (newest, from) = newer.pop()?;
    Some(Stale {
        dataset: used.dataset.clone(),
        learnt_with: learnt.map(NamedOptOuts::made),
        newest: newest.made(),
        since,
        within_days,
        from,
    })
}

const DAY: u64 = 24 * 3600;

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{digest::Digest, sealed::Declared};

    fn list(number: u64) -> NamedOptOuts {
        NamedOptOuts { number, places: 64, digest: Digest::of("test", &number.to_be_bytes()) }
    }

    fn used(opt_outs: Option<NamedOptOuts>) -> DataVersion {
        DataVersion {
            dataset: "sales".to_owned(),
            owner: "shop".to_owned(),
            version: 1,
            manifest: Digest::of("test", b"manifest"),
            declared: Declared::of(1000),
            opt_outs,
        }
    }

    #[test]
    fn a_model_is_stale_once_there_is_a_newer_list_than_it_was_learnt_with() {
        let from = |number: u64| (list(number), PathBuf::from(number.to_string()));
        assert_eq!(newer(&used(None), None, Vec::new()), None);
        assert_eq!(newer(&used(Some(list(5))), None, vec![from(4), from(5)]), None);
        let stale = newer(&used(Some(list(5))), Some(9), vec![from(7), from(6)]).unwrap();
        assert_eq!((stale.learnt_with, stale.newest), (Some(Time(5000)), Time(7000)));
        assert_eq!((stale.since, stale.from.as_path()), (Time(6000), Path::new("7")));
        // Who goes on making lists does not put the end off.
        let many = newer(&used(Some(list(5))), None, vec![from(900), from(5), from(6)]).unwrap();
        assert_eq!((many.since, many.newest), (Time(6000), Time(900_000)));
        let first = newer(&used(None), None, vec![from(5)]).unwrap();
        assert_eq!((first.learnt_with, first.newest), (None, Time(5000)));
    }

    #[test]
    fn people_of_one_lineage_are_the_same_only_with_one_owner() {
        let text = include_str!("../../../../tests/vectors/contract-v2/contract.toml");
        let here = Contract::parse(text.as_bytes()).unwrap();
        let (name, dataset) = here.datasets.iter().next().unwrap();
        let used =
            DataVersion { dataset: name.clone(), owner: dataset.owner.clone(), ..used(None) };
        let found = people(&here, &used).unwrap();
        assert_eq!(found, (here.parties[&dataset.owner].root_key, dataset.lineage.as_str()));
        // The same names in a room where that name is another party's.
        let mut there = here.clone();
        let mut parties = here.parties.iter().filter(|(party, _)| **party != dataset.owner);
        let other = parties.next().unwrap().1.clone();
        there.parties.insert(dataset.owner.clone(), other);
        let found_there = people(&there, &used).unwrap();
        assert_eq!(found_there.1, found.1);
        assert_ne!(found_there, found);
        assert_eq!(people(&here, &DataVersion { owner: "nobody".to_owned(), ..used }), None);
    }

    #[test]
    fn a_stale_model_is_used_for_as_long_as_was_said_and_no_longer() {
        let ago = |days: u64| Time(clock::now().0 - days * DAY * 1000);
        let stale = |days| Stale {
            dataset: "sales".to_owned(),
            learnt_with: None,
            newest: ago(0),
            since: ago(days),
            within_days: None,
            from: PathBuf::from("list"),
        };
        let fresh = |stale| Freshness { told: true, stale };
        fresh(Vec::new()).tell(0).unwrap();
        fresh(vec![stale(29)]).tell(30).unwrap();
        let refused = fresh(vec![stale(1), stale(31)]).tell(30).unwrap_err().to_string();
        assert!(refused.contains("sales") && refused.contains("--grace-days"), "{refused}");
        fresh(vec![stale(1)]).tell(0).unwrap_err();
        // The contract's word is obeyed, and can be narrowed.
        let within = |days| Stale { within_days: Some(7), ..stale(days) };
        fresh(vec![within(6)]).tell(30).unwrap();
        fresh(vec![within(8)]).tell(30).unwrap_err();
        fresh(vec![within(6)]).tell(5).unwrap_err();
    }
}
