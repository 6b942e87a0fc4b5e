//! The journal of a party's service: what it did and why, line after line.

use crate::{failure::Failure, profile::is_name, say};
use protocol::time::Time;
use serde::{Deserialize, Serialize};
use std::{
    fs::OpenOptions,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// One line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Entry {
    pub(crate) time: String,
    /// The room, or nothing.
    pub(crate) room: String,
    /// One word for what was done.
    pub(crate) did: String,
    /// To what, and why.
    pub(crate) why: String,
}

/// The journal of a folder; lines are only ever added.
#[derive(Clone, Debug)]
pub(crate) struct Journal {
    path: PathBuf,
}

impl Journal {
    pub(crate) fn of(dir: &Path) -> Self {
        Self { path: dir.join(JOURNAL) }
    }

    /// Adds a line, which is on disk once this returns.
    pub(crate) fn add(&self, now: Time, room: &str, did: &str, why: &str) -> Result<(), Failure> {
        let entry = Entry {
            time: now.to_string(),
            room: room.to_owned(),
            did: did.to_owned(),
            why: why.chars().take(MOST_LETTERS).collect(),
        };
        say::note(format_args!("{} {} {}: {}", entry.time, entry.room, entry.did, entry.why));
        let mut line = serde_json::to_vec(&entry).map_err(Failure::unclear)?;
        line.push(b'\n');
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path);
        let written = file.and_then(|mut file| {
            file.write_all(&line)?;
            file.sync_data()
        });
        written.map_err(Failure::writing(&self.path))
    }

    /// All lines of a room, or of all. A line that cannot be read, such as one that a power cut left, is shown as it is.
    pub(crate) fn read(&self, room: Option<&str>) -> Result<Vec<Result<Entry, String>>, Failure> {
        if !self.path.exists() {
            return Ok(Vec::new());
        }
        let bytes = std::fs::read(&self.path).map_err(Failure::reading(&self.path))?;
        let text = String::from_utf8_lossy(&bytes);
        let lines =
            text.lines().map(|line| serde_json::from_str(line).map_err(|_| line.to_owned()));
        let is_of = |line: &Result<Entry, String>| match (line, room) {
            (Ok(entry), Some(room)) => entry.room == room || !is_name(&entry.room),
            _ => true,
        };
        Ok(lines.filter(is_of).collect())
    }
}

/// The file.
pub(crate) const JOURNAL: &str = "journal.jsonl";
/// Longest reason: some of it is in words of others.
const MOST_LETTERS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_added_and_none_is_lost_to_a_torn_one() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::of(dir.path());
        journal.add(Time(0), "spring", "granted", "sales\nforged").unwrap();
        let mut file = OpenOptions::new().append(true).open(dir.path().join(JOURNAL)).unwrap();
        file.write_all(b"{\"time\": \"tor\n").unwrap();
        Journal::of(dir.path()).add(Time(1000), "autumn", "held", "sales").unwrap();
        let all = journal.read(None).unwrap();
        assert_eq!(all.len(), 3);
        assert_eq!(all[0].as_ref().unwrap().why, "sales\nforged");
        assert!(all[1].is_err());
        assert_eq!(journal.read(Some("autumn")).unwrap().len(), 2);
    }
}
