//! The audit log that an instance left at its host, read without the instance: it may have been killed.

use super::{AuditError, KeptLog, SeenHead};
use crate::{
    keys::{Identity, IdentityError},
    room::Instance,
    store::{Store, StoreError},
    trust::Trust,
};
use attestation_verifier::receipt::{Attested, BodyKind, ParseAttestedError, VerifyAttestedError};
use protocol::{
    audit::{Listed, Log},
    canonical,
    contract::Contract,
    digest::Digest,
    key::DataKey,
    limits,
    merkle::MerkleLog,
    sign::{self, PublicKey, SignatureError},
    stored_log::{LogOpening, LogRecord, Read, RecordFlaw},
};

/// The opening of a stored log that is believed, and the key of one party in it.
#[derive(Debug)]
pub struct StoredLog {
    contract: Digest,
    instance: Digest,
    /// What signs the records.
    signer: PublicKey,
    party: String,
    key: DataKey,
}

impl StoredLog {
    /// Verifies the opening of the log of `instance` as of its own time, and opens the key of the party of `identity`.
    ///
    /// # Errors
    ///
    /// [`StoredLogError`] for the first thing that does not hold.
    pub fn open(
        bytes: &[u8],
        identity: &Identity,
        contract: &Contract,
        trust: &Trust,
        instance: Digest,
    ) -> Result<Self, StoredLogError> {
        let attested = Attested::parse(bytes).map_err(StoredLogError::Malformed)?;
        let believed = attested
            .verify(&trust.expected(contract), contract.digest.as_bytes())
            .map_err(StoredLogError::NotBelieved)?;
        if trust.has_withdrawn(believed.believed().pcrs()) {
            return Err(StoredLogError::Withdrawn);
        }
        if believed.kind() != BodyKind::Log {
            return Err(StoredLogError::NoOpening);
        }
        let body: LogOpening = canonical::from_slice_within(believed.body(), limits::LOG_OPENING)
            .map_err(|_| StoredLogError::NoOpening)?;
        let speaker =
            Instance::parse(&believed.statement().encode()).map_err(StoredLogError::Malformed)?;
        if speaker.digest() != instance || body.instance != instance {
            let (found, expected) = (speaker.digest(), instance);
            return Err(StoredLogError::OtherInstance { found, expected });
        }
        let party = identity.party_in(contract)?.to_owned();
        let key = body.key(&party, identity.recipient()?);
        let key = key.map_err(StoredLogError::Key)?;
        let signer = PublicKey::from(speaker.statement().receipt);
        Ok(Self { contract: contract.digest, instance, signer, party, key })
    }

    /// The instance that left the log.
    #[must_use]
    pub fn instance(&self) -> Digest {
        self.instance
    }

    /// What the record in place `number` says.
    fn read(&self, number: u64, signed: &[u8]) -> Result<Read, StoredLogError> {
        let bad = |why| StoredLogError::Record { number, why };
        let record: LogRecord =
            sign::open(signed, &self.signer).map_err(|why| bad(BadRecord::NotSigned(why)))?;
        if record.instance() != self.instance {
            return Err(bad(BadRecord::OtherInstance { found: record.instance() }));
        }
        if record.number() != number {
            return Err(bad(BadRecord::OtherPlace { found: record.number() }));
        }
        record.read(&self.party, &self.key).map_err(|why| bad(BadRecord::Flaw(why)))
    }
}

/// A kept log while records are added to it.
#[derive(Debug)]
pub struct Reading<'a> {
    kept: &'a mut KeptLog,
    stored: &'a StoredLog,
    log: Log,
    growing: MerkleLog,
    last: Option<SeenHead>,
}

impl<'a> Reading<'a> {
    /// The next record is that of the entry [`Self::wanted`].
    ///
    /// # Errors
    ///
    /// [`AuditError::OtherInstance`] if the records are of another instance than the kept log.
    pub fn begin(kept: &'a mut KeptLog, stored: &'a StoredLog) -> Result<Self, AuditError> {
        if kept.instance != stored.instance {
            let (found, expected) = (stored.instance, kept.instance);
            return Err(AuditError::OtherInstance { found, expected });
        }
        // A text may have been left out of the file: the records say again which ones are for others.
        let log = kept.log.until(kept.log.first_without_text());
        let mut growing = MerkleLog::new();
        log.entries().iter().for_each(|entry| growing.append(entry.leaf()));
        Ok(Self { kept, stored, log, growing, last: None })
    }

    /// The place of the entry whose record is read next.
    #[must_use]
    pub fn wanted(&self) -> u64 {
        self.log.size()
    }

    /// Reads the next record.
    ///
    /// # Errors
    ///
    /// [`StoredLogError::Record`] if it is not the one that the instance signed for this place, or not of the log that the records
    /// before it are of.
    pub fn push(&mut self, signed: &[u8]) -> Result<(), AuditError> {
        let number = self.wanted();
        let Read { listed, head, time } = self.stored.read(number, signed)?;
        self.growing.append(listed.leaf());
        if self.growing.head() != head {
            return Err(StoredLogError::Record { number, why: BadRecord::OtherLog }.into());
        }
        let had = self.kept.log.entry(number).filter(|had| had.leaf() == listed.leaf());
        let had = had.filter(|had| matches!(had, Listed::Text(_)));
        self.log.push(had.cloned().unwrap_or(listed))?;
        self.last = Some(SeenHead { head, time });
        Ok(())
    }

    /// Ends with the last record: checks that the log is what it was at every head that was seen before, and changes the kept log. Returns
    /// how many entries were added.
    ///
    /// # Errors
    ///
    /// [`AuditError::Flaw`] if it is not, or [`StoredLogError::Nothing`] if there is no entry; the kept log is then as it was.
    pub fn end(self) -> Result<u64, AuditError> {
        let Self { kept, log, last, .. } = self;
        let heads: Vec<_> = kept.heads.iter().chain(&last).map(|seen| seen.head).collect();
        if heads.is_empty() {
            return Err(StoredLogError::Nothing.into());
        }
        log.check(&heads)?;
        let newest = heads.into_iter().max_by_key(|head| head.size);
        log.check_life(kept.instance, kept.contract, newest)?;
        let added = log.size().saturating_sub(kept.log.size());
        let is_new = |seen: &SeenHead| kept.heads.iter().all(|had| had.head != seen.head);
        kept.heads.extend(last.filter(is_new));
        kept.log = log;
        Ok(added)
    }
}

impl KeptLog {
    /// An empty log of the instance that left `stored`, for its party.
    #[must_use]
    pub fn of_stored(stored: &StoredLog) -> Self {
        Self {
            contract: stored.contract,
            instance: stored.instance,
            party: stored.party.clone(),
            heads: Vec::new(),
            log: Log::default(),
        }
    }

    /// Asks the host for the records of the entries and texts that this party has not, and checks them as [`Self::extend`] does what an
    /// instance says. Returns how many entries were added.
    ///
    /// # Errors
    ///
    /// [`AuditError`]. What the host gave before a record that is not believed is kept all the same, if it is of this log: else one
    /// spoilt record would hide all the good ones before it.
    pub async fn extend_stored(
        &mut self,
        stored: &StoredLog,
        host: &mut Store,
    ) -> Result<u64, AuditError> {
        let mut reading = Reading::begin(self, stored)?;
        loop {
            let page = host.log_page(stored.instance, reading.wanted()).await;
            let page = page.map_err(StoredLogError::Store)?;
            if page.records.is_empty() {
                return reading.end();
            }
            for record in &page.records {
                if let Err(why) = reading.push(record) {
                    // What is wrong with the good ones before it is said of them, and weighs less.
                    let _kept = reading.end();
                    return Err(why);
                }
            }
        }
    }
}

/// Why the log that a host keeps of an instance is not believed.
///
/// Remedy: keep what is named and tell the operator and the other parties, whose records of the same log differ if the host changed
/// yours. Receipts and closings show which entries there were (`glovebox audit check`).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoredLogError {
    /// The host's store did not give it.
    #[error("the log at the host: {0}")]
    Store(#[from] StoreError),
    /// This party's keys cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The opening is not an attested container.
    #[error("the opening of the log is malformed: {0}")]
    Malformed(#[source] ParseAttestedError),
    /// The opening is not believed.
    #[error("the opening of the log is not believed: {0}")]
    NotBelieved(#[source] VerifyAttestedError),
    /// The opening is of a build that this party withdrew.
    #[error("the build that wrote the log was withdrawn, so the log is not believed")]
    Withdrawn,
    /// The attested bytes are no opening.
    #[error(
        "what the host gives for the opening of the log is attested, and is none of this version"
    )]
    NoOpening,
    /// The opening is of another instance.
    #[error("the opening of the log is of the instance {}, expected {}", found.short(), expected.short())]
    OtherInstance {
        /// The instance that attested it.
        found: Digest,
        /// The instance that was asked for.
        expected: Digest,
    },
    /// The opening has no key for this party.
    #[error("the opening of the log: {0}")]
    Key(#[source] RecordFlaw),
    /// A record is not the one that it should be.
    #[error("record {number} of the log at the host {why}")]
    Record {
        /// The place of its entry.
        number: u64,
        /// What is wrong.
        why: BadRecord,
    },
    /// There is no record at all.
    #[error(
        "the host has no record of the log: it lost or withholds them, or the instance was killed before its first"
    )]
    Nothing,
}

/// What is wrong with a record that a host gave.
///
/// Remedy: keep the record and tell the operator and the other parties: compare with their logs of the instance (`glovebox audit
/// check --with`). What a build is at fault for, say to who published it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[expect(
    clippy::exhaustive_enums,
    reason = "it says whose doing it is, and each must be told apart"
)]
pub enum BadRecord {
    /// The instance did not sign it: the host made it, changed it, or took it from another instance.
    #[error("is not one that the instance signed: the host changed it, or gives another's ({0})")]
    NotSigned(SignatureError),
    /// The instance signed it for another instance.
    #[error("is about the instance {}: the build that signed it is at fault", found.short())]
    OtherInstance {
        /// The instance that it names.
        found: Digest,
    },
    /// It is the record of another entry.
    #[error("is in truth record {found}: the host dropped, moved or repeated records")]
    OtherPlace {
        /// The place that it says.
        found: u64,
    },
    /// The instance made it against the format.
    #[error("was signed by the instance and is not as it should be: {0}")]
    Flaw(RecordFlaw),
    /// The log has another root with its entry.
    #[error(
        "is of another log than the records before it: the instance, or another that has its key, wrote two"
    )]
    OtherLog,
}
