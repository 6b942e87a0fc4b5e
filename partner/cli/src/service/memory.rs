//! What a party's service remembers over restarts: which instances have keys, which results are awaited, and which
//! versions were sealed.

use super::kept;
use crate::{failure::Failure, files};
use protocol::{digest::Digest, time::Time};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// An instance that may have been handed keys.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Kept {
    pub(crate) instance: Digest,
    pub(crate) datasets: BTreeMap<String, Sent>,
}

/// Until when an instance was sent the keys of a dataset.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sent {
    /// As they were sent last.
    #[serde(rename = "sent")]
    pub(crate) until: Time,
    /// As the instance has confirmed, by an answer or in its status; 1970 if it has not.
    pub(crate) confirmed: Time,
    /// Whether they were sent, and its answer did not arrive.
    #[serde(default)]
    pub(crate) unanswered: bool,
}

impl Default for Sent {
    fn default() -> Self {
        Self { until: Time(0), confirmed: Time(0), unanswered: false }
    }
}

impl Kept {
    /// When the last of its keys ends.
    pub(crate) fn last(&self) -> Option<Time> {
        self.datasets.values().map(|sent| sent.until).max()
    }
}

/// What is remembered of one room.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Memory {
    /// When keys end, in milliseconds since 1970, by instance and dataset.
    #[serde(default)]
    instances: BTreeMap<String, BTreeMap<String, Sent>>,
    /// Jobs that this party's custody countersigned and whose results were not fetched yet, with the time.
    #[serde(default)]
    pub(crate) wanted: BTreeMap<String, u64>,
}

/// The newest version of each watched dataset of a room. Whoever watches files writes it, and whoever grants reads it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Versions(pub(crate) BTreeMap<String, SealedVersion>);

impl Versions {
    /// What was sealed for the room `name`.
    pub(crate) fn read(dir: &Path, name: &str) -> Result<Self, Failure> {
        let path = versions_path(dir, name);
        if !path.exists() {
            return Ok(Self::default());
        }
        serde_json::from_slice(&files::read(&path)?)
            .map_err(|why| Failure::unclear(format!("{}: {why}", path.display())))
    }

    /// Writes it down, durably.
    pub(crate) fn keep(&self, dir: &Path, name: &str) -> Result<(), Failure> {
        write(&versions_path(dir, name), self)
    }
}

/// A version that the service sealed.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SealedVersion {
    /// Its files, without their ends, seen from the party's folder.
    pub(crate) stem: PathBuf,
    /// What is compared with the next one: a name and a number each.
    pub(crate) figures: BTreeMap<String, u64>,
    /// Whether the host has it.
    pub(crate) uploaded: bool,
}

impl Memory {
    /// What was remembered of the room `name`.
    pub(crate) fn read(dir: &Path, name: &str) -> Result<Self, Failure> {
        let path = path(dir, name);
        if !path.exists() {
            return Ok(Self::default());
        }
        serde_json::from_slice(&files::read(&path)?).map_err(|why| {
            Failure::unclear(format!(
                "{}: {why}: without it nobody knows which instances have keys. Wait until all grants are over ({} minutes), \
                 then remove it",
                path.display(),
                super::rules::LONGEST_MINUTES
            ))
        })
    }

    /// Writes it down, durably: keys leave only after that.
    pub(crate) fn keep(&self, dir: &Path, name: &str) -> Result<(), Failure> {
        write(&path(dir, name), self)
    }

    /// The instances that may have keys.
    pub(crate) fn kept(&self) -> Vec<Kept> {
        let kept = self.instances.iter().filter_map(|(instance, datasets)| {
            Some(Kept { instance: instance.parse().ok()?, datasets: datasets.clone() })
        });
        kept.collect()
    }

    /// Keys of `dataset` are about to be handed to `instance` until that time.
    pub(crate) fn hands(&mut self, instance: Digest, dataset: &str, until: Time) {
        let known = self.known(instance, dataset);
        known.until = until.max(known.until);
    }

    /// `instance` has confirmed it.
    pub(crate) fn has(&mut self, instance: Digest, dataset: &str, until: Time) {
        let known = self.known(instance, dataset);
        (known.confirmed, known.unanswered) = (until, false);
    }

    /// Keys of `dataset` were sent to `instance`, and whether it has them is not known.
    pub(crate) fn unanswered(&mut self, instance: Digest, dataset: &str) {
        self.known(instance, dataset).unanswered = true;
    }

    /// The service takes `dataset` back from `instance`: that the instance drops it is nobody else's doing, even if this
    /// program ends before it hears of it.
    pub(crate) fn takes_back(&mut self, instance: Digest, dataset: &str) {
        let known = self.known(instance, dataset);
        (known.confirmed, known.unanswered) = (Time(0), true);
    }

    fn known(&mut self, instance: Digest, dataset: &str) -> &mut Sent {
        let datasets = self.instances.entry(instance.to_string()).or_default();
        datasets.entry(dataset.to_owned()).or_default()
    }

    /// The status of `instance` says that it has `dataset` until that time; whether that confirms more of what the service
    /// sent than was known. Beyond what was sent it is a person's grant.
    pub(crate) fn opened(&mut self, instance: Digest, dataset: &str, until: Time) -> bool {
        let datasets = self.instances.get_mut(&instance.to_string());
        let Some(known) = datasets.and_then(|datasets| datasets.get_mut(dataset)) else {
            return false;
        };
        let confirmed = until.min(known.until);
        let new = known.unanswered || confirmed > known.confirmed;
        (known.confirmed, known.unanswered) = (known.confirmed.max(confirmed), false);
        new
    }

    /// `instance` has dropped the keys of `dataset`.
    pub(crate) fn dropped(&mut self, instance: Digest, dataset: &str) {
        if let Some(datasets) = self.instances.get_mut(&instance.to_string()) {
            datasets.remove(dataset);
        }
    }

    /// `instance` has closed: its keys are gone.
    pub(crate) fn closed(&mut self, instance: Digest) {
        self.instances.remove(&instance.to_string());
    }

    /// Forgets what is long over.
    pub(crate) fn forget(&mut self, now: Time) {
        self.instances.retain(|_, sent| {
            sent.values().any(|sent| sent.until.0.saturating_add(DAY_MS) > now.0)
        });
        self.wanted.retain(|_, since| since.saturating_add(DAY_MS) > now.0);
    }
}

fn write(path: &Path, what: &impl Serialize) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        client::files::create_folder(folder).map_err(Failure::writing(folder))?;
    }
    let text = serde_json::to_vec_pretty(what).map_err(Failure::unclear)?;
    client::files::replace_private(path, &text).map_err(Failure::writing(path))
}

fn versions_path(dir: &Path, name: &str) -> PathBuf {
    kept(dir, &format!("{name}.versions.json"))
}

fn path(dir: &Path, name: &str) -> PathBuf {
    kept(dir, &format!("{name}.json"))
}

const DAY_MS: u64 = 86_400_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_instances_have_keys_is_known_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let instance = Digest::of("test", b"1");
        let mut memory = Memory::read(dir.path(), "spring").unwrap();
        memory.hands(instance, "sales", Time(900));
        memory.hands(instance, "sales", Time(800));
        memory.keep(dir.path(), "spring").unwrap();
        let again = Memory::read(dir.path(), "spring").unwrap();
        assert_eq!(again.kept()[0].last(), Some(Time(900)));
        assert!(Memory::read(dir.path(), "autumn").unwrap().kept().is_empty());
        // What its answer did not confirm, its status does, as far as it was sent.
        let mut cut = again;
        cut.unanswered(instance, "sales");
        assert!(cut.kept()[0].datasets["sales"].unanswered);
        assert!(cut.opened(instance, "sales", Time(2000)));
        assert!(!cut.opened(instance, "sales", Time(2000)) && !cut.opened(instance, "x", Time(1)));
        let (until, confirmed) = (Time(900), Time(900));
        assert_eq!(cut.kept()[0].datasets["sales"], Sent { until, confirmed, unanswered: false });
        // A memory that cannot be read hands out nothing.
        std::fs::write(path(dir.path(), "spring"), "{").unwrap();
        let refused = Memory::read(dir.path(), "spring").unwrap_err().to_string();
        assert!(refused.contains("which instances have keys"), "{refused}");
    }
}
