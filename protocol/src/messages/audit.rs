//! The audit log of an instance: what it decided, entry by entry, and what proves that none is missing.
//!
//! The leaves of the log are the hashes of its entries. An instance gives every party all leaves, and each the text of the
//! entries that it may read. From the leaves anybody computes the root at *every* size, so one list shows that each entry
//! is included, and that each head which anybody has seen is of this log ([`Log::check`]). Entries have random bytes, so that nobody
//! finds a text by trying what hashes to its leaf.

use crate::{
    canonical::{self, ParseError},
    digest::Digest,
    job::{Decision, JobName},
    limits::{self, at_most},
    merkle::{Head, MerkleLog, Root, leaf_hash},
    receipt::Charge,
    refusal::Refusal,
    sign::PublicKey,
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An entry of the log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its place in the log, from 0.
    pub number: u64,
    /// Random bytes of its own.
    pub salt: [u8; 16],
    /// When it was written, in the enclave's trusted time.
    pub time: Time,
    /// What happened.
    pub event: Event,
}

/// What an instance decided. Nothing in it depends on a row.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The instance began.
    Opened {
        /// The instance.
        instance: Digest,
        /// Its contract.
        contract: Digest,
    },
    /// An owner granted the keys of a dataset.
    Granted {
        /// The dataset.
        dataset: String,
        /// Digest of the manifest of its version.
        manifest: Digest,
        /// When the grant ends.
        not_after: Time,
    },
    /// A grant ended.
    Dropped {
        /// The dataset.
        dataset: String,
    },
    /// A party withdrew a key.
    Withdrawn {
        /// The party.
        party: String,
        /// The key.
        key: PublicKey,
    },
    /// A job was answered.
    Answered {
        /// The job.
        job: JobName,
        /// The party that signed it.
        asked_by: String,
        /// Who can read the answer.
        #[serde(deserialize_with = "at_most::<{ limits::PARTIES }, _, _>")]
        receivers: Vec<String>,
        /// Name of the analysis in the contract.
        analysis: String,
        /// What the data were used for.
        purpose: String,
        /// Digests of the manifests of its datasets.
        datasets: BTreeMap<String, Digest>,
        /// What it was charged; nothing if its figures had been paid for before.
        #[serde(deserialize_with = "at_most::<{ limits::MANIFESTS }, _, _>")]
        charged: Vec<Charge>,
        /// Digest of the result ([`output`](crate::receipt::output)).
        output: Digest,
        /// The decision that the job named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        decision: Option<Decision>,
        /// The earlier job that it checks.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        checks: Option<JobName>,
    },
    /// A request was declined.
    Refused {
        /// The party that sent it.
        party: String,
        /// Digest of the request's bytes.
        request: Digest,
        /// The analysis that the job in it asked; `None` of what is no job.
        analysis: Option<String>,
        /// Why.
        refusal: Refusal,
    },
    /// Requests of a party were declined, and have no entry of their own, since its share of those entries is used up.
    Unlisted {
        /// The party that sent them.
        party: String,
        /// How many there are since the instance began.
        requests: u64,
    },
    /// The instance ended.
    Closed {},
}

impl Entry {
    /// The bytes whose hash is the entry's leaf.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical::to_vec(&(TAG, self))
    }

    /// Reads what [`Self::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// [`ParseError`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        let (tag, entry): (String, Self) =
            canonical::from_slice_within(bytes, limits::AUDIT_ENTRY)?;
        if tag == TAG { Ok(entry) } else { Err(ParseError::Malformed { what: "an audit entry" }) }
    }
}

/// An entry as a party gets it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[expect(clippy::exhaustive_enums, reason = "whoever reads a log must see a new form")]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Listed {
    /// The bytes of an [`Entry`] that the party may read.
    Text(#[serde(with = "serde_bytes")] Vec<u8>),
    /// The leaf of an entry that is for others.
    Others(Root),
    /// The leaf of an entry whose text the instance does not keep, since the entries of one party that was refused
    /// have too many bytes.
    NotKept(Root),
}

impl Listed {
    /// The leaf of the entry.
    #[must_use]
    pub fn leaf(&self) -> Root {
        match self {
            Self::Text(bytes) => leaf_hash(bytes),
            Self::Others(leaf) | Self::NotKept(leaf) => *leaf,
        }
    }
}

/// Entries from a place on, and the head of the whole log.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AuditPage {
    /// The entries, in order; fewer than there are, if they are many.
    #[serde(deserialize_with = "at_most::<{ limits::AUDIT_PAGE }, _, _>")]
    pub entries: Vec<Listed>,
    /// The log when this was sent.
    pub head: Head,
    /// The instance's trusted time.
    pub time: Time,
}

/// A log, or its beginning, as a party has it.
#[derive(Clone, Debug, Default)]
pub struct Log {
    entries: Vec<Listed>,
}

/// Why a list of entries is not the log that it should be.
///
/// Remedy: get the log again from the instance; what differs then was changed in your file, or the instance
/// showed two logs: keep both, and tell the other parties.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LogFlaw {
    /// An entry does not parse.
    #[error("entry {number} is no entry of an audit log: {why}")]
    Entry {
        /// Its place.
        number: u64,
        /// Why not.
        why: ParseError,
    },
    /// An entry stands in another place than it says.
    #[error(
        "entry {number} says that it is entry {found}: entries were dropped, added or put in another order"
    )]
    Place {
        /// Where it stands.
        number: u64,
        /// What it says.
        found: u64,
    },
    /// The first entry is not on the beginning of the instance.
    #[error("entry 0 does not say that the instance {} began under the contract {}", instance.short(), contract.short())]
    Beginning {
        /// The instance that the log should be of.
        instance: Digest,
        /// The contract that it should be under.
        contract: Digest,
    },
    /// An instance begins once, and nothing follows on its end.
    #[error(
        "entry {number} cannot stand there: an instance begins once, and nothing follows on its end"
    )]
    Life {
        /// The place of the entry.
        number: u64,
    },
    /// There are more entries than a head vouches for.
    #[error(
        "no head vouches for entry {first} and what follows: there are {found} entries, expected {expected}"
    )]
    Uncovered {
        /// The first entry that no head covers.
        first: u64,
        /// How many entries there are.
        found: u64,
        /// How many the newest head has.
        expected: u64,
    },
    /// There are fewer entries than a head has.
    #[error(
        "entry {first} and what follows is missing: there are {found} entries, expected {expected}"
    )]
    Short {
        /// The first one that is missing.
        first: u64,
        /// How many there are.
        found: u64,
        /// How many the head has.
        expected: u64,
    },
    /// The entries have another root than a head.
    #[error(
        "an entry from {from} to {to} is another one: these {size} entries have the root {found}, expected {expected}",
        size = to + 1
    )]
    Root {
        /// The first entry that may be another one: those before have a root that was seen.
        from: u64,
        /// The last entry that may be.
        to: u64,
        /// Their root.
        found: Root,
        /// The head's root.
        expected: Root,
    },
}

impl Log {
    /// A log of these entries, the first of which is entry 0.
    ///
    /// # Errors
    ///
    /// [`LogFlaw::Entry`] and [`LogFlaw::Place`] for the first entry that is not what it should be.
    pub fn new(entries: Vec<Listed>) -> Result<Self, LogFlaw> {
        let mut log = Self::default();
        for entry in entries {
            log.push(entry)?;
        }
        Ok(log)
    }

    /// Appends an entry.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn push(&mut self, entry: Listed) -> Result<(), LogFlaw> {
        let number = self.size();
        if let Listed::Text(bytes) = &entry {
            let found = Entry::from_bytes(bytes).map_err(|why| LogFlaw::Entry { number, why })?;
            if found.number != number {
                return Err(LogFlaw::Place { number, found: found.number });
            }
        }
        self.entries.push(entry);
        Ok(())
    }

    /// How many entries there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        u64::try_from(self.entries.len()).unwrap_or(u64::MAX)
    }

    /// The place of the first entry whose text this party has not, or the end.
    #[must_use]
    pub fn first_without_text(&self) -> u64 {
        let shown = self.entries.iter().take_while(|entry| matches!(entry, Listed::Text(_)));
        u64::try_from(shown.count()).unwrap_or(u64::MAX)
    }

    /// The entry at a place.
    #[must_use]
    pub fn entry(&self, number: u64) -> Option<&Listed> {
        usize::try_from(number).ok().and_then(|number| self.entries.get(number))
    }

    /// The entries before a place.
    #[must_use]
    pub fn until(&self, number: u64) -> Self {
        let kept = usize::try_from(number).unwrap_or(usize::MAX);
        Self { entries: self.entries.iter().take(kept).cloned().collect() }
    }

    /// The entries, in order.
    #[must_use]
    pub fn entries(&self) -> &[Listed] {
        &self.entries
    }

    /// The entries that the party may read, in order.
    pub fn texts(&self) -> impl Iterator<Item = Entry> {
        self.entries.iter().filter_map(|entry| match entry {
            Listed::Text(bytes) => Entry::from_bytes(bytes).ok(),
            Listed::Others(_) | Listed::NotKept(_) => None,
        })
    }

    /// Checks that this is the log of `instance` under `contract` from its beginning, and that `newest`, the newest head
    /// that was seen of it, covers all entries.
    ///
    /// # Errors
    ///
    /// [`LogFlaw::Beginning`], [`LogFlaw::Life`] or [`LogFlaw::Uncovered`].
    pub fn check_life(
        &self,
        instance: Digest,
        contract: Digest,
        newest: Option<Head>,
    ) -> Result<(), LogFlaw> {
        let (found, expected) = (self.size(), newest.map_or(0, |head| head.size));
        if found > expected {
            return Err(LogFlaw::Uncovered { first: expected, found, expected });
        }
        let mut texts = self.texts();
        let opened = Event::Opened { instance, contract };
        if texts.next().is_none_or(|first| first.number != 0 || first.event != opened) {
            return Err(LogFlaw::Beginning { instance, contract });
        }
        for Entry { number, event, .. } in texts {
            let is_last = number.checked_add(1) == Some(found);
            if matches!(event, Event::Opened { .. }) || (event == Event::Closed {} && !is_last) {
                return Err(LogFlaw::Life { number });
            }
        }
        Ok(())
    }

    /// Checks that the log was once at each of `heads`.
    ///
    /// # Errors
    ///
    /// [`LogFlaw::Short`] or [`LogFlaw::Root`] for the smallest head that it was not at.
    pub fn check(&self, heads: &[Head]) -> Result<(), LogFlaw> {
        let mut heads = heads.to_vec();
        heads.sort_by_key(|head| head.size);
        let mut growing = MerkleLog::new();
        let mut agreed = 0;
        let mut leaves = self.entries.iter().map(Listed::leaf);
        for head in heads {
            while growing.head().size < head.size {
                let Some(leaf) = leaves.next() else {
                    let (first, expected) = (self.size(), head.size);
                    return Err(LogFlaw::Short { first, found: first, expected });
                };
                growing.append(leaf);
            }
            let (found, expected) = (growing.head().root, head.root);
            if found != expected {
                let to = head.size.saturating_sub(1);
                return Err(LogFlaw::Root { from: agreed.min(to), to, found, expected });
            }
            agreed = head.size;
        }
        Ok(())
    }
}

const TAG: &str = "glovebox audit v1";

#[cfg(test)]
mod tests;
