//! The audit log of an instance, as a party keeps it: entries, and the heads that it has seen. They come from the instance while it
//! lives, and from the records that it left at its host ([`StoredLog`]) once it does not.

mod stored;

pub use stored::{BadRecord, Reading, StoredLog, StoredLogError};

use crate::{
    keys::{Identity, IdentityError},
    room::{Room, RoomError},
};
use protocol::{
    audit::{AuditPage, Listed, Log, LogFlaw},
    canonical::{self, ParseError},
    contract::Contract,
    digest::Digest,
    limits,
    merkle::Head,
    message::{Body, Reply},
    time::Time,
};
use serde::{Deserialize, Serialize};

/// The log of one instance, as one party got it. Every head in it is one of the log.
#[derive(Clone, Debug)]
pub struct KeptLog {
    contract: Digest,
    instance: Digest,
    party: String,
    heads: Vec<SeenHead>,
    log: Log,
}

/// A head that an instance told over a connection on which it was believed.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SeenHead {
    /// The head.
    pub head: Head,
    /// When the instance told it, in its trusted time.
    pub time: Time,
}

impl KeptLog {
    /// An empty log of the instance behind `room`, for the party of `identity`.
    ///
    /// # Errors
    ///
    /// [`AuditError::Identity`] if the contract of the room lists no such party.
    pub fn of(room: &Room, identity: &Identity) -> Result<Self, AuditError> {
        Ok(Self {
            contract: room.contract().digest,
            instance: room.instance().digest(),
            party: identity.party_in(room.contract())?.to_owned(),
            heads: Vec::new(),
            log: Log::default(),
        })
    }

    /// Asks the instance behind `room` for the entries that were added and for the texts that this party has not, and checks
    /// that the log is what it was whenever this party asked. Returns how many were added.
    ///
    /// # Errors
    ///
    /// [`AuditError::Flaw`] if the instance shows another log than before, or one that its own head is not of; this
    /// log is then as it was.
    pub async fn extend(
        &mut self,
        room: &mut Room,
        identity: &Identity,
    ) -> Result<u64, AuditError> {
        let found = room.instance().digest();
        if found != self.instance {
            return Err(AuditError::OtherInstance { found, expected: self.instance });
        }
        // A text may have been left out of the file: the instance says again which ones are for others.
        let mut log = self.log.until(self.log.first_without_text());
        let page = loop {
            let page = room.audit(identity, log.size()).await?;
            let AuditPage { entries, head, time } = page;
            let is_empty = entries.is_empty();
            for entry in entries {
                let had = self.log.entry(log.size());
                let had = had.filter(|had| had.leaf() == entry.leaf());
                let had = had.filter(|had| matches!(had, Listed::Text(_)));
                log.push(had.cloned().unwrap_or(entry))?;
            }
            // What is missing at the end is found by the check.
            if is_empty || log.size() >= head.size {
                break SeenHead { head, time };
            }
        };
        let heads: Vec<_> = self.heads.iter().chain([&page]).map(|seen| seen.head).collect();
        log.check(&heads)?;
        log.check_life(self.instance, self.contract, Some(page.head))?;
        let added = log.size().saturating_sub(self.log.size());
        if self.heads.last().is_none_or(|last| last.head != page.head) {
            self.heads.push(page);
        }
        self.log = log;
        Ok(added)
    }

    /// Reads a kept log of an instance under `contract`, and checks every head in it.
    ///
    /// # Errors
    ///
    /// [`AuditError::Malformed`], [`AuditError::OtherContract`], or [`AuditError::Flaw`] for the first entry that was dropped,
    /// changed or put in another place.
    pub fn from_bytes(bytes: &[u8], contract: &Contract) -> Result<Self, AuditError> {
        let file: File = canonical::from_slice_within(bytes, limits::AUDIT_FILE)?;
        if file.format != FORMAT {
            return Err(AuditError::Malformed(ParseError::Malformed { what: "a kept audit log" }));
        }
        if file.contract != contract.digest {
            let (found, expected) = (file.contract, contract.digest);
            return Err(AuditError::OtherContract { found, expected });
        }
        if !contract.parties.contains_key(&file.party) {
            return Err(AuditError::NoParty { found: file.party });
        }
        let log = Log::new(file.entries)?;
        let seen: Vec<_> = file.heads.iter().map(|seen| seen.head).collect();
        log.check(&seen)?;
        let newest = seen.into_iter().max_by_key(|head| head.size);
        log.check_life(file.instance, file.contract, newest)?;
        let File { contract, instance, party, heads, .. } = file;
        Ok(Self { contract, instance, party, heads, log })
    }

    /// The log as a file of the format [audit-v1](../../../protocol/spec/audit-v1.md).
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let file = File {
            format: FORMAT.to_owned(),
            contract: self.contract,
            instance: self.instance,
            party: self.party.clone(),
            heads: self.heads.clone(),
            entries: self.log.entries().to_vec(),
        };
        canonical::to_vec(&file)
    }

    /// The first entry that is another one in `other`, a log of the same instance that another party keeps; `None` if
    /// one is the beginning of the other.
    ///
    /// # Errors
    ///
    /// [`AuditError::OtherInstance`].
    pub fn differs_from(&self, other: &Self) -> Result<Option<u64>, AuditError> {
        if self.instance != other.instance {
            return Err(AuditError::OtherInstance {
                found: other.instance,
                expected: self.instance,
            });
        }
        let pairs = (0..).zip(self.log.entries().iter().zip(other.log.entries()));
        let mut differing = pairs.filter(|(_, (own, other))| own.leaf() != other.leaf());
        Ok(differing.next().map(|(number, _)| number))
    }

    /// The instance whose log it is.
    #[must_use]
    pub fn instance(&self) -> Digest {
        self.instance
    }

    /// The party that got it.
    #[must_use]
    pub fn party(&self) -> &str {
        &self.party
    }

    /// The heads that the party has seen, oldest first.
    #[must_use]
    pub fn heads(&self) -> &[SeenHead] {
        &self.heads
    }

    /// The entries.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    contract: Digest,
    instance: Digest,
    party: String,
    heads: Vec<SeenHead>,
    entries: Vec<Listed>,
}

impl Room {
    /// Asks for entries of the audit log, from place `from` on.
    async fn audit(&mut self, identity: &Identity, from: u64) -> Result<AuditPage, RoomError> {
        match self.request(identity, Body::Audit { from }).await? {
            Reply::Audit(page) => Ok(page),
            Reply::Refused(refusal) => Err(RoomError::Refused(Box::new(refusal))),
            _ => Err(RoomError::Protocol { what: "entries of an audit log" }),
        }
    }
}

/// Why there is no audit log to believe.
///
/// Remedy: get the log again from the instance (`glovebox audit list`); what differs then was changed in your file, or the
/// instance showed two logs: keep both, and tell the other parties.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The room did not answer, or is not believed.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// This party's keys cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The file is not a kept log.
    #[error("not a kept audit log: {0}")]
    Malformed(#[from] ParseError),
    /// The log is of an instance under another contract.
    #[error("the log is of an instance under contract {}, expected {}", found.short(), expected.short())]
    OtherContract {
        /// The contract that the log is of.
        found: Digest,
        /// The contract that was given.
        expected: Digest,
    },
    /// The file names a party that the contract does not list.
    #[error("the log says that \"{found}\" kept it, and the contract has no such party")]
    NoParty {
        /// The party that the file names.
        found: String,
    },
    /// The log is of another instance.
    #[error("the log is of the instance {}, expected {}", found.short(), expected.short())]
    OtherInstance {
        /// The instance that the log is of.
        found: Digest,
        /// The instance that was expected.
        expected: Digest,
    },
    /// The log at the host is not believed.
    #[error(transparent)]
    Stored(#[from] StoredLogError),
    /// An entry was dropped, changed or put in another place.
    #[error("the audit log does not hold: {0}")]
    Flaw(#[from] LogFlaw),
}

/// The format of the file.
const FORMAT: &str = "glovebox-audit-v1";
