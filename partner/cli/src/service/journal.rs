//! The journal of a party's service: what it did and why, line after line.

use crate::{
    failure::Failure,
    profile::{self, is_name},
    say,
};
use protocol::{text, time::Time};
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

impl Entry {
    /// The entry for a person: what others wrote can neither begin a line nor move the cursor.
    pub(crate) fn shown(&self) -> String {
        let room = if self.room.is_empty() { "service" } else { self.room.as_str() };
        let mut why = self.why.lines().map(text::visible);
        let first = why.next().unwrap_or_default();
        let head = [&self.time, room, &self.did].map(say::name).join("  ");
        why.fold(format!("{head}: {first}"), |shown, line| format!("{shown}\n    {line}"))
    }
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

    /// Whether a service has written anything.
    pub(crate) fn exists(&self) -> bool {
        self.path.exists()
    }

    /// Adds a line, which is on disk once this returns.
    pub(crate) fn add(&self, now: Time, room: &str, did: &str, why: &str) -> Result<(), Failure> {
        let entry = Entry {
            time: now.to_string(),
            room: room.to_owned(),
            did: did.to_owned(),
            why: shortened(why),
        };
        say::note(entry.shown());
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
    ///
    /// Refuses where there is no journal, and a room of which there is no line, unless the folder has it.
    pub(crate) fn read(&self, room: Option<&str>) -> Result<Vec<Result<Entry, String>>, Failure> {
        let dir = self.path.parent().unwrap_or(&self.path);
        if !self.path.exists() {
            return Err(Failure::unclear(format!(
                "there is no {}: no service has run in that folder. Name the party's folder with --dir",
                self.path.display()
            )));
        }
        let bytes = std::fs::read(&self.path).map_err(Failure::reading(&self.path))?;
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines();
        let lines: Vec<Result<Entry, String>> =
            lines.map(|line| serde_json::from_str(line).map_err(|_| line.to_owned())).collect();
        if let Some(room) = room
            && !lines.iter().flatten().any(|entry| entry.room == room)
        {
            profile::named(dir, room)?;
        }
        let is_of = |line: &Result<Entry, String>| match (line, room) {
            (Ok(entry), Some(room)) => entry.room == room || !is_name(&entry.room),
            _ => true,
        };
        Ok(lines.into_iter().filter(is_of).collect())
    }
}

/// As much of a reason as is kept: some of it is in words of others.
fn shortened(why: &str) -> String {
    let mut shown: String = why.chars().take(MOST_LETTERS).collect();
    if shown.len() < why.len() {
        shown.push_str(" [and more]");
    }
    shown
}

/// The file.
pub(crate) const JOURNAL: &str = "journal.jsonl";
/// Longest reason.
const MOST_LETTERS: usize = 4000;

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

    #[test]
    fn where_nothing_was_written_is_told_from_where_nothing_happened() {
        let dir = tempfile::tempdir().unwrap();
        let journal = Journal::of(dir.path());
        let refused = journal.read(None).unwrap_err().to_string();
        assert!(refused.contains("no service has run in that folder"), "{refused}");
        journal.add(Time(0), "spring", "granted", "sales").unwrap();
        let refused = journal.read(Some("sprnig")).unwrap_err().to_string();
        assert!(refused.contains("there is no room \"sprnig\""), "{refused}");
    }

    #[test]
    fn a_reason_that_is_cut_says_so() {
        assert_eq!(shortened("short"), "short");
        let long = shortened(&"ä".repeat(MOST_LETTERS + 1));
        assert!(long.ends_with("ä [and more]") && long.chars().count() < MOST_LETTERS + 20);
    }

    #[test]
    fn what_others_wrote_begins_no_line() {
        let entry = Entry {
            time: "2026-12-01T12:00:00Z".to_owned(),
            room: String::new(),
            did: "refused".to_owned(),
            why: "3 rows are bad:\n2026-12-01 granted\u{1b}[2J".to_owned(),
        };
        let shown = "2026-12-01T12:00:00Z  service  refused: 3 rows are bad:\n    2026-12-01 granted\\u{1b}[2J";
        assert_eq!(entry.shown(), shown);
    }
}
