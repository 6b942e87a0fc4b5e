//! The audit logs that instances leave here: how much room they take, and which one makes room.
//!
//! A log is of use from its beginning on. So nothing is removed from one: the log of an earlier instance goes as a whole, the
//! oldest first, when its room is needed, and that of the instance that writes never does.

use serde::Serialize;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// All logs that are kept, and how many bytes they may take.
#[derive(Debug)]
pub(crate) struct Logs {
    root: PathBuf,
    most: u64,
    kept: BTreeMap<String, Kept>,
    removed: u64,
}

/// The log of one instance.
#[derive(Clone, Copy, Debug)]
struct Kept {
    bytes: u64,
    objects: u64,
    /// When something was last added to it.
    since: SystemTime,
}

/// A log as the host lists it.
#[derive(Debug, Serialize)]
pub(crate) struct ListedLog {
    instance: String,
    records: u64,
}

/// There is no room for a record.
///
/// Remedy: raise logs_bytes in the host's configuration.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "the logs of instances take {used} of the {most} bytes that logs_bytes allows, and {length} more do not fit"
)]
pub(crate) struct NoRoomForLog {
    used: u64,
    most: u64,
    length: u64,
}

impl Logs {
    /// The logs kept in `root`.
    ///
    /// # Errors
    ///
    /// What the file system says.
    pub(crate) fn open(root: &Path, most: u64) -> io::Result<Self> {
        let mut kept = BTreeMap::new();
        let instances: Vec<fs::DirEntry> = match fs::read_dir(root) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Vec::new(),
            found => found?.collect::<Result<_, _>>()?,
        };
        for instance in instances {
            // A file that somebody put here is no log, and is left alone.
            if !instance.file_type()?.is_dir() {
                continue;
            }
            let mut log = Kept { bytes: 0, objects: 0, since: SystemTime::UNIX_EPOCH };
            for object in fs::read_dir(instance.path())? {
                let found = object?.metadata()?;
                log.add(found.len(), found.modified()?);
            }
            let Ok(name) = instance.file_name().into_string() else { continue };
            kept.insert(name, log);
        }
        Ok(Self { root: root.to_owned(), most, kept, removed: 0 })
    }

    /// Sets how many bytes all logs may take. Those that are kept stay until their room is needed.
    pub(crate) fn allow(&mut self, most: u64) {
        self.most = most;
    }

    /// How many logs made room since the host started.
    pub(crate) fn removed(&self) -> u64 {
        self.removed
    }

    /// Removes logs of earlier instances until `length` more bytes of `instance` fit.
    ///
    /// # Errors
    ///
    /// [`MakeRoomError`]; nothing is removed if all of them would not be enough.
    pub(crate) fn make_room(&mut self, instance: &str, length: u64) -> Result<(), MakeRoomError> {
        let used = self.kept.values().fold(0_u64, |sum, log| sum.saturating_add(log.bytes));
        let own = self.kept.get(instance).map_or(0, |log| log.bytes);
        if own.saturating_add(length) > self.most {
            return Err(NoRoomForLog { used, most: self.most, length }.into());
        }
        let mut over: Vec<_> = self
            .kept
            .iter()
            .filter(|(name, _)| *name != instance)
            .map(|(n, l)| (n.clone(), *l))
            .collect();
        over.sort_by_key(|(_, log)| log.since);
        let mut left = used;
        for (name, log) in over {
            if left.saturating_add(length) <= self.most {
                break;
            }
            fs::remove_dir_all(self.root.join(&name))?;
            self.kept.remove(&name);
            self.removed = self.removed.saturating_add(1);
            left = left.saturating_sub(log.bytes);
            tracing::warn!(
                instance = %name, bytes = log.bytes,
                "deleted the audit log of an earlier instance to make room: parties that had not fetched it have lost it \
                 (raise logs_bytes if that goes on)"
            );
        }
        Ok(())
    }

    /// Records that an object of `instance` is kept.
    pub(crate) fn note(&mut self, instance: &str, bytes: u64) {
        let new = Kept { bytes: 0, objects: 0, since: SystemTime::UNIX_EPOCH };
        self.kept.entry(instance.to_owned()).or_insert(new).add(bytes, SystemTime::now());
    }

    /// At most `most` logs, those first that were last added to.
    pub(crate) fn list(&self, most: usize) -> Vec<ListedLog> {
        let mut newest: Vec<_> = self.kept.iter().collect();
        newest.sort_by_key(|(_, log)| std::cmp::Reverse(log.since));
        let listed = |(name, log): (&String, &Kept)| ListedLog {
            instance: name.clone(),
            // One of them is the opening.
            records: log.objects.saturating_sub(1),
        };
        newest.into_iter().take(most).map(listed).collect()
    }
}

impl Kept {
    fn add(&mut self, bytes: u64, when: SystemTime) {
        self.bytes = self.bytes.saturating_add(bytes);
        self.objects = self.objects.saturating_add(1);
        self.since = self.since.max(when);
    }
}

/// Why no room was made.
///
/// Remedy: raise logs_bytes in the host's configuration, and see that the host's user may delete in its folder.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MakeRoomError {
    /// The logs have no room left, and none that could be removed.
    #[error(transparent)]
    Full(#[from] NoRoomForLog),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(logs: &mut Logs, instance: &str, name: &str, bytes: usize) -> bool {
        // Which is the oldest is told by files' times, which a kernel counts in steps of some milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(20));
        let length = u64::try_from(bytes).unwrap();
        match logs.make_room(instance, length) {
            Err(MakeRoomError::Io(cause)) => panic!("{cause}"),
            Err(MakeRoomError::Full(_)) => return false,
            Ok(()) => {}
        }
        fs::create_dir_all(logs.root.join(instance)).unwrap();
        fs::write(logs.root.join(instance).join(name), vec![1; bytes]).unwrap();
        logs.note(instance, length);
        true
    }

    fn listed(logs: &Logs) -> Vec<(String, u64)> {
        logs.list(9).into_iter().map(|log| (log.instance, log.records)).collect()
    }

    #[test]
    fn the_oldest_log_of_another_instance_makes_room_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut logs = Logs::open(dir.path(), 100).unwrap();
        for (instance, name) in [("a", "opening"), ("a", "0"), ("b", "opening"), ("b", "0")] {
            assert!(write(&mut logs, instance, name, 20));
        }
        // A restart forgets neither order nor bytes.
        let mut logs = Logs::open(dir.path(), 100).unwrap();
        assert_eq!(listed(&logs), [("b".to_owned(), 1), ("a".to_owned(), 1)]);
        assert!(write(&mut logs, "c", "opening", 20));
        assert!(write(&mut logs, "c", "0", 20));
        assert_eq!(listed(&logs), [("c".to_owned(), 1), ("b".to_owned(), 1)]);
        assert_eq!(logs.removed(), 1);
        assert!(!dir.path().join("a").exists());
        // Of the log that is written nothing goes: it is refused, and so nothing else goes in vain.
        assert!(!write(&mut logs, "c", "1", 70));
        assert_eq!(listed(&logs), [("c".to_owned(), 1), ("b".to_owned(), 1)]);
        logs.allow(200);
        assert!(write(&mut logs, "c", "1", 70));
        assert_eq!(logs.list(1).len(), 1);
    }
}
