//! Files whose new versions the service seals and uploads.

use super::{
    held::{self, HELD, Marks, READY, REFUSED, Stamp, TAKEN, TAKING},
    memory::{SealedVersion, Versions},
    room::RoomService,
    rules::{RoomRules, SERVICE, WatchRule, advised},
    teller::Teller,
};
use crate::{
    counted::{LOST, PEOPLE, ROWS, SHARED, figures},
    failure::Failure,
    files,
    people::PeopleArgs,
    salt,
    seal::comparison::Comparison,
    version::{VersionFiles, named_by, next_number},
};
use client::{
    address::Address,
    keys::Identity,
    store::{Store, StoreError},
};
use protocol::{contract::Contract, merkle::Root};
use sealing::Version;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Watches the files of one room, beside whoever grants there: sealing and uploading may take longer than a grant lasts.
pub(crate) struct Watcher {
    dir: PathBuf,
    rules: RoomRules,
    address: Address,
    contract_file: PathBuf,
    contract: Contract,
    identity: Arc<Identity>,
    versions: Versions,
    teller: Teller,
}

impl Watcher {
    /// The watcher of a room, if its rules watch a file.
    pub(crate) fn of(room: &RoomService) -> Result<Option<Self>, Failure> {
        if room.rules.watches.is_empty() {
            return Ok(None);
        }
        for rule in &room.rules.watches {
            expect_folder(&room.dir.join(&rule.file))?;
        }
        Ok(Some(Self {
            dir: room.dir.clone(),
            address: room.address.clone(),
            contract_file: room.common.contract.clone(),
            contract: room.contract.clone(),
            identity: Arc::clone(&room.identity),
            versions: Versions::read(&room.dir, &room.rules.name)?,
            teller: Teller::new(&room.teller.journal, &room.rules.name),
            rules: room.rules.clone(),
        }))
    }

    /// Looks at each file once.
    pub(crate) async fn look(&mut self) {
        for rule in self.rules.watches.clone() {
            match self.watch(&rule).await {
                Ok(()) => self.teller.forget(&rule.dataset),
                Err(why) => self.teller.failed(&rule.dataset, &why),
            }
        }
    }

    /// Seals and uploads the file of `rule` if `FILE.ready` stands beside it.
    async fn watch(&mut self, rule: &WatchRule) -> Result<(), Failure> {
        self.finish_upload(&rule.dataset).await?;
        let file = self.dir.join(&rule.file);
        // Whoever writes the next file while this one is sealed makes another FILE.ready.
        let [ready, taking] = [READY, TAKING].map(|end| files::with_end(&file, end));
        match std::fs::rename(&ready, &taking) {
            Ok(()) => {}
            Err(_) if taking.exists() => {}
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
                return expect_folder(&file);
            }
            Err(cause) => return Err(Failure::writing(&taking)(cause)),
        }
        let work = Work {
            identity: Arc::clone(&self.identity),
            contract: self.contract.clone(),
            contract_file: self.contract_file.clone(),
            rule: rule.clone(),
            file,
            dir: self.dir.clone(),
            marks: Marks::of(&self.dir, &self.rules.name, &rule.dataset),
            before: self.versions.0.get(&rule.dataset).map(|sealed| sealed.figures.clone()),
            number: next_number(&self.dir, &self.contract, &rule.dataset)?,
        };
        let dataset = rule.dataset.clone();
        let sealed =
            tokio::task::spawn_blocking(move || work.run()).await.map_err(Failure::unclear)?;
        // It is not taken a second time, whatever became of it, and what was said of the file before it is over.
        let aside = |end: &str| {
            let [to, others @ ..] = [end, TAKEN, HELD, REFUSED]
                .map(|end| files::with_end(&self.dir.join(&rule.file), end));
            for other in others.into_iter().filter(|other| *other != to) {
                match std::fs::remove_file(&other) {
                    Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
                        return Err(Failure::writing(&other)(cause));
                    }
                    _ => {}
                }
            }
            std::fs::rename(&taking, &to).map_err(Failure::writing(&to))
        };
        match sealed {
            Ok(sealed) => {
                let why = format!(
                    "{dataset}: a new version of {} rows, {}",
                    sealed.figures.get("rows").copied().unwrap_or_default(),
                    sealed.stem.display()
                );
                self.versions.0.insert(dataset.clone(), sealed);
                self.versions.keep(&self.dir, &self.rules.name)?;
                aside(TAKEN)?;
                self.teller.tell("sealed", &why)?;
                self.finish_upload(&dataset).await
            }
            Err(Refused::Held(why)) => {
                aside(HELD)?;
                let words = format!(
                    "{dataset}: {why}. What was granted before stays. A person decides: `glovebox party accept {dataset}`, or \
                     another file"
                );
                self.teller.tell("held back", &words)
            }
            Err(Refused::Failed(why)) => {
                aside(REFUSED)?;
                let why = advised(&why.to_string());
                self.teller.tell("refused", &format!("{dataset}: {why}"))
            }
        }
    }

    /// Uploads what was sealed and is not at the host yet, continuing where an earlier upload stopped.
    async fn finish_upload(&mut self, dataset: &str) -> Result<(), Failure> {
        let Some(sealed) = self.versions.0.get(dataset).filter(|sealed| !sealed.uploaded) else {
            return Ok(());
        };
        let stem = self.dir.join(&sealed.stem);
        let file = files::with_end(&stem, "sealed");
        let path = VersionFiles::of(&stem).manifest;
        let signed = files::read(&path)?;
        let manifest = named_by(&signed, &path)?;
        let mut store = Store::new(&self.address);
        store.upload(&file, manifest.root, |_, _| {}).await?;
        match store.claim(manifest.root, signed).await {
            Ok(()) => {}
            Err(why @ StoreError::Declined { .. }) => {
                let why = format!(
                    "{dataset}: the host did not write down whose it is, so `glovebox delete` will be refused: {why}"
                );
                self.teller.tell("unclaimed", &why)?;
            }
            // At the next look nothing is uploaded again, and this is.
            Err(why) => return Err(why.into()),
        }
        if let Some(sealed) = self.versions.0.get_mut(dataset) {
            sealed.uploaded = true;
        }
        self.versions.keep(&self.dir, &self.rules.name)?;
        self.teller.tell("uploaded", &format!("{dataset}: {}", file.display()))
    }
}

/// Refuses to watch for a file in a folder that does not exist: the file could never appear there.
fn expect_folder(file: &Path) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(file);
    if folder.is_dir() {
        return Ok(());
    }
    Err(Failure::unclear(format!(
        "{} is watched for, and there is no folder {}: make it, or mend `file` in {SERVICE}",
        file.display(),
        folder.display()
    )))
}

/// Why a file is not sealed.
enum Refused {
    /// A person decides.
    Held(String),
    /// It cannot be sealed as it is.
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Refused {
    fn from(why: E) -> Self {
        Self::Failed(why.into())
    }
}

/// All that sealing needs, away from the service's own thread.
struct Work {
    identity: Arc<Identity>,
    contract: Contract,
    contract_file: PathBuf,
    rule: WatchRule,
    file: PathBuf,
    dir: PathBuf,
    marks: Marks,
    before: Option<BTreeMap<String, u64>>,
    number: u64,
}

impl Work {
    fn run(&self) -> Result<SealedVersion, Refused> {
        let dataset = self.rule.dataset.as_str();
        let options = self.rule.options()?;
        let stamp = Stamp::of(&self.file)?;
        let accepted = self.marks.take_accepted(&self.file)?;
        let salt = salt::of(&self.identity, &self.contract, &self.contract_file)?;
        let version = Version {
            contract: &self.contract,
            dataset,
            owner: self.identity.service().map_err(Failure::from)?,
            salt: &salt,
            number: self.number,
        };
        // Whose people they are is asked as `glovebox seal` asks it; there is nobody to answer here.
        let examined =
            Comparison::new(&self.identity, &self.contract, dataset, &PeopleArgs::default())?;
        let options = examined.options(options);
        let stem = PathBuf::from("sealed").join(format!("{dataset}-{}", self.number));
        let folder = self.dir.join("sealed");
        client::files::create_folder(&folder).map_err(Failure::writing(&folder))?;
        let sealed =
            sealing::seal(&self.file, &version, &self.dir.join(&stem), &options, &mut |_, _| {})
                .map_err(Failure::from)?;
        // What was sealed is compared, as it is after cleaning: the file itself may be another one by now.
        let figures = figures(&sealed.count);
        let before = self.before.as_ref();
        let moved = before.and_then(|before| moved(before, &figures, self.rule.max_change_percent));
        if let Some(moved) = moved
            && !self.is_still(accepted)?
        {
            for end in ["sealed", "manifest", "keys"] {
                let file = files::with_end(&self.dir.join(&stem), end);
                std::fs::remove_file(&file).map_err(Failure::writing(&file))?;
            }
            self.marks.hold(held::root(&self.file)?)?;
            if Stamp::of(&self.file)? != stamp {
                return Err(Refused::Failed(Failure::no(format!(
                    "another file took the place of {} while it was read, and would be held ({moved}): make its .{READY} again",
                    self.file.display()
                ))));
            }
            return Err(Refused::Held(moved));
        }
        examined.keep()?;
        Ok(SealedVersion { stem, figures, uploaded: false })
    }

    /// Whether the file is the one that was accepted, also after it was sealed.
    fn is_still(&self, accepted: Option<Root>) -> Result<bool, Failure> {
        match accepted {
            Some(accepted) => Ok(held::root(&self.file)? == accepted),
            None => Ok(false),
        }
    }
}

/// What has moved by more than `percent`, if something has. Shared keys, of which there may be few or none, move by so much of
/// all people.
fn moved(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
    percent: u64,
) -> Option<String> {
    let people = before.get(PEOPLE).copied();
    let first = [ROWS, PEOPLE].into_iter().filter_map(|name| before.get_key_value(name));
    first.chain(before).find_map(|(name, old)| {
        let new = after.get(name).copied().unwrap_or_default();
        let is_shared = [SHARED, LOST].into_iter().any(|kind| name.starts_with(kind));
        let (whole, of) = match people {
            Some(people) if is_shared => (people, " of the people"),
            _ => (*old, ""),
        };
        let by = u128::from(new.abs_diff(*old)) * 100;
        (by > u128::from(whole) * u128::from(percent))
            .then(|| format!("{name} went from {old} to {new}, by more than {percent} %{of}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealing::{ColumnCount, Count};

    #[test]
    fn what_moves_by_more_than_stated_is_held_for_a_person() {
        let figures = |rows: u64, yes: u64| {
            BTreeMap::from([("rows".to_owned(), rows), ("consents in ok".to_owned(), yes)])
        };
        let before = figures(1000, 500);
        assert_eq!(moved(&before, &figures(1200, 600), 20), None);
        assert_eq!(moved(&before, &figures(800, 400), 20), None);
        for (after, words) in [
            (figures(1201, 500), "rows went from 1000 to 1201, by more than 20 %"),
            (figures(799, 500), "rows went from 1000 to 799"),
            (figures(1000, 399), "consents in ok went from 500 to 399"),
            (BTreeMap::new(), "rows went from 1000 to 0"),
        ] {
            let why = moved(&before, &after, 20).unwrap();
            assert!(why.contains(words), "{why}");
        }
        assert!(moved(&figures(0, 0), &figures(1, 0), 20).is_some(), "from nothing");
    }

    #[test]
    fn what_cleaning_took_away_is_compared_with_the_version_before() {
        // One address that many people have is taken from all of them: no row and no value is less.
        let count = |people: u64, shared: u64, lost: u64| {
            let mut column = ColumnCount::default();
            (column.column, column.is_key, column.good) = ("email".to_owned(), true, 1000);
            (column.shared_keys, column.shared_people) = (shared, lost);
            let mut count = Count::default();
            (count.rows, count.people, count.columns) = (1000, people, vec![column]);
            figures(&count)
        };
        let before = count(1000, 0, 0);
        assert_eq!(moved(&before, &count(1000, 3, 200), 20), None);
        for (after, words) in [
            (count(799, 0, 0), "people went from 1000 to 799, by more than 20 %"),
            (
                count(1000, 1, 201),
                "people without such a key in email went from 0 to 201, by more than 20 % of the people",
            ),
            (count(1000, 201, 9), "keys of several people in email went from 0 to 201"),
        ] {
            let why = moved(&before, &after, 20).unwrap();
            assert!(why.contains(words), "{why}");
        }
    }
}
