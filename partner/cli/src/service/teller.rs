//! What is said of one room: in the journal, and each thing once.

use super::journal::Journal;
use crate::{failure::Failure, say};
use client::clock;
use std::collections::BTreeMap;

/// Writes lines about one room into the journal.
#[derive(Debug)]
pub(super) struct Teller {
    pub(super) journal: Journal,
    pub(super) room: String,
    /// What was said last of each thing.
    said: BTreeMap<String, String>,
}

impl Teller {
    pub(super) fn new(journal: &Journal, room: &str) -> Self {
        Self { journal: journal.clone(), room: room.to_owned(), said: BTreeMap::new() }
    }

    /// Adds a line.
    pub(super) fn tell(&self, did: &str, why: &str) -> Result<(), Failure> {
        self.journal.add(clock::now(), &self.room, did, why)
    }

    /// Adds a line about `what`, unless it is what was said of it last.
    pub(super) fn once(&mut self, what: &str, did: &str, why: &str) -> Result<(), Failure> {
        let line = format!("{did}: {why}");
        if self.said.get(what) == Some(&line) {
            return Ok(());
        }
        self.said.insert(what.to_owned(), line);
        self.tell(did, why)
    }

    /// Says what failed, once. A journal that cannot be written is said on standard error.
    pub(super) fn failed(&mut self, what: &str, why: &Failure) {
        if let Err(full) = self.once(what, "failed", &format!("{what}: {why}")) {
            say::note(format_args!("{}: {full}", self.room));
        }
    }

    /// What is said next of `what` is said, whatever was said before.
    pub(super) fn forget(&mut self, what: &str) {
        self.said.remove(what);
    }

    /// The same of everything but `what`.
    pub(super) fn forget_all_but(&mut self, what: &str) {
        self.said.retain(|said, _| said == what);
    }
}
