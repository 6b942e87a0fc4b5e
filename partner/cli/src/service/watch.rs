//! Files whose new versions the service seals and uploads.

use super::{
    memory::{SealedVersion, Versions},
    room::RoomService,
    rules::{RoomRules, WatchRule},
    teller::Teller,
};
use crate::{
    common_args::Common, failure::Failure, files, people::PeopleArgs, salt,
    seal::comparison::Comparison,
};
use client::{clock, keys::Identity, store::Store};
use protocol::{
    contract::Contract,
    merkle::{MerkleBuilder, Root},
};
use sealing::{Count, Version};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Watches the files of one room, beside whoever grants there: sealing and uploading may take longer than a grant lasts.
pub(crate) struct Watcher {
    dir: PathBuf,
    rules: RoomRules,
    common: Common,
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
        Ok(Some(Self {
            dir: room.dir.clone(),
            common: room.common.clone(),
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
        let [ready, taking] = ["ready", "taking"].map(|end| files::with_end(&file, end));
        match std::fs::rename(&ready, &taking) {
            Ok(()) => {}
            Err(_) if taking.exists() => {}
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => return Err(Failure::writing(&taking)(cause)),
        }
        let work = Work {
            identity: Arc::clone(&self.identity),
            contract: self.contract.clone(),
            contract_file: self.common.contract.clone(),
            rule: rule.clone(),
            file,
            dir: self.dir.clone(),
            before: self.versions.0.get(&rule.dataset).map(|sealed| sealed.figures.clone()),
            number: clock::now().0 / 1000,
        };
        let dataset = rule.dataset.clone();
        let sealed =
            tokio::task::spawn_blocking(move || work.run()).await.map_err(Failure::unclear)?;
        // It is not taken a second time, whatever became of it.
        let aside = |end: &str| {
            let to = files::with_end(&self.dir.join(&rule.file), end);
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
                aside("taken")?;
                self.teller.tell("sealed", &why)?;
                self.finish_upload(&dataset).await
            }
            Err(Refused::Held(why)) => {
                aside("held")?;
                let words = format!(
                    "{dataset}: {why}. What was granted before stays. A person decides: `glovebox party accept {dataset}`, or \
                     another file"
                );
                self.teller.tell("held back", &words)
            }
            Err(Refused::Failed(why)) => {
                aside("held")?;
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
        let signed = files::read(&files::with_end(&stem, "manifest"))?;
        let parts = protocol::delegation::Delegated::parse(&signed).map_err(Failure::no)?;
        let manifest = parts.of_anybody::<protocol::manifest::Manifest>().map_err(Failure::no)?;
        Store::new(self.common.address()?).upload(&file, manifest.root, |_, _| {}).await?;
        if let Some(sealed) = self.versions.0.get_mut(dataset) {
            sealed.uploaded = true;
        }
        self.versions.keep(&self.dir, &self.rules.name)?;
        self.teller.tell("uploaded", &format!("{dataset}: {}", file.display()))
    }
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
    before: Option<BTreeMap<String, u64>>,
    number: u64,
}

impl Work {
    fn run(&self) -> Result<SealedVersion, Refused> {
        let dataset = self.rule.dataset.as_str();
        let options = self.rule.options()?;
        // First it is only counted: what is held leaves no file behind.
        let counted = sealing::check(&self.file, &self.contract, dataset, &options, &mut |_, _| {})
            .map_err(Failure::from)?;
        options.accept(&counted).map_err(Failure::from)?;
        let figures = figures(&counted);
        if let Some(moved) = self
            .before
            .as_ref()
            .and_then(|before| moved(before, &figures, self.rule.max_change_percent))
            && !self.is_accepted()?
        {
            return Err(Refused::Held(moved));
        }
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
        sealing::seal(&self.file, &version, &self.dir.join(&stem), &options, &mut |_, _| {})
            .map_err(Failure::from)?;
        examined.keep()?;
        Ok(SealedVersion { stem, figures, uploaded: false })
    }

    /// Whether a person has accepted this very file, once.
    fn is_accepted(&self) -> Result<bool, Failure> {
        let path = accepted(&self.dir, &self.rule.dataset);
        let Ok(kept) = std::fs::read_to_string(&path) else { return Ok(false) };
        std::fs::remove_file(&path).map_err(Failure::writing(&path))?;
        Ok(kept.trim() == root_of(&self.file)?.to_string())
    }
}

/// Lets the service take a held file after all: this one, as it is now.
pub(crate) fn accept(dir: &Path, rule: &WatchRule) -> Result<(), Failure> {
    let file = dir.join(&rule.file);
    let held = files::with_end(&file, "held");
    if !held.exists() {
        return Err(Failure::no(format!("{} is not held: nothing was changed", file.display())));
    }
    let path = accepted(dir, &rule.dataset);
    files::write_private(&path, root_of(&file)?.to_string().as_bytes())?;
    let ready = files::with_end(&file, "ready");
    std::fs::rename(&held, &ready).map_err(Failure::writing(&ready))
}

fn accepted(dir: &Path, dataset: &str) -> PathBuf {
    dir.join("service").join(format!("{dataset}.accepted"))
}

fn root_of(path: &Path) -> Result<Root, Failure> {
    let mut file = File::open(path).map_err(Failure::reading(path))?;
    let (mut builder, mut buffer) = (MerkleBuilder::new(), vec![0; 1 << 20]);
    loop {
        let read = file.read(&mut buffer).map_err(Failure::reading(path))?;
        match buffer.get(..read) {
            Some(bytes) if !bytes.is_empty() => builder.update(bytes),
            _ => return Ok(builder.finish()),
        }
    }
}

/// What is compared from version to version.
fn figures(count: &Count) -> BTreeMap<String, u64> {
    let mut figures = BTreeMap::from([("rows".to_owned(), count.rows)]);
    for column in &count.columns {
        figures.insert(format!("values of {}", column.column), column.good);
        if let Some(yes) = column.yes {
            figures.insert(format!("consents in {}", column.column), yes);
        }
    }
    figures
}

/// What has moved by more than `percent`, if something has.
fn moved(
    before: &BTreeMap<String, u64>,
    after: &BTreeMap<String, u64>,
    percent: u64,
) -> Option<String> {
    before.iter().find_map(|(name, old)| {
        let new = after.get(name).copied().unwrap_or_default();
        let by = u128::from(new.abs_diff(*old)) * 100;
        (by > u128::from(*old) * u128::from(percent))
            .then(|| format!("{name} went from {old} to {new}, by more than {percent} %"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

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
            (BTreeMap::new(), "consents in ok went from 500 to 0"),
        ] {
            let why = moved(&before, &after, 20).unwrap();
            assert!(why.contains(words), "{why}");
        }
        assert!(moved(&figures(0, 0), &figures(1, 0), 20).is_some(), "from nothing");
    }
}
