//! `glovebox audit list`: the log of the instance that serves, and the logs that earlier ones left at the host.

use super::{kept_at, meant, read, words};
use crate::{
    common_args::{Common, CommonArgs},
    document,
    failure::Failure,
    files,
    profile::RoomWord,
    say,
    version::in_dir,
    words::counted,
};
use attestation_verifier::receipt::VerifyAttestedError;
use client::{
    audit::{AuditError, KeptLog, StoredLog, StoredLogError},
    keys::Identity,
    receipt_check::{self, ReceiptFiles},
    room::{Room, RoomError},
    store::Store,
    trust::Trust,
};
use protocol::{audit::Event, contract::Contract, digest::Digest};
use std::{path::PathBuf, process::ExitCode};

/// Get the audit logs of a room, check them, keep them and print them
///
/// An entry is for every party, or for analyst, receivers and the owners of the data; of entries for others their hashes
/// are kept, so that nobody can leave one out unseen. The log of the instance that serves comes from that instance, also after it was closed.
/// Before a reply left an instance, it stored the entry on it at the host, sealed: so the log of one that was killed comes from there, checked
/// against what the instance attested. Read so are those that the host knows and whose log the party's folder does not have to its closing. Each log is kept as
/// audit/INSTANCE.audit in the party's folder, with each head that was ever seen: who shows another log later is found out.
#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// The room: its address, or its name in the party's folder [default: the usual room there]
    room: Option<RoomWord>,

    #[command(flatten)]
    common: CommonArgs,

    /// Read what this instance left at the host, and nothing else; its first digits are enough
    #[arg(long, value_name = "HEX")]
    instance: Option<String>,
}

/// What is needed to read a log, from wherever it comes.
struct Reader {
    common: Common,
    identity: Identity,
    contract: Contract,
    trust: Trust,
    host: Store,
}

/// A log that was brought up to date.
struct Extended {
    kept: KeptLog,
    path: PathBuf,
    added: u64,
}

impl List {
    pub(super) async fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(self.room.as_ref())?;
        let identity = Identity::load(&common.dir)?;
        let (contract, trust) = (common.contract()?, common.trust()?);
        let host = Store::new(common.address()?);
        let mut reader = Reader { common, identity, contract, trust, host };
        if let Some(digits) = &self.instance {
            let instance = reader.named(digits).await?;
            let log = reader.left(instance).await?;
            reader.show_left(&log)?;
            return Ok(ExitCode::SUCCESS);
        }
        let serves = match reader.common.reach(&reader.contract, &reader.trust).await? {
            Err(error) if error.is_transient() => Err(error),
            room => Ok(reader.serving(&mut room?).await?),
        };
        reader.all_left(serves).await
    }
}

impl Reader {
    /// Gets, keeps and prints the log of the instance behind `room`.
    async fn serving(&self, room: &mut Room) -> Result<Digest, Failure> {
        self.common.introduce(room).await?;
        let instance = room.instance().digest();
        let path = kept_at(&self.common.dir, instance);
        let mut kept = if path.exists() {
            read(&path, &self.contract)?
        } else {
            KeptLog::of(room, &self.identity)?
        };
        let added = kept.extend(room, &self.identity).await?;
        let log = Extended { kept, path, added };
        log.keep()?;
        document::fields(&words::as_json(&log.kept))?;
        document::fields(&log.place())?;
        words::print(&log.kept, &self.contract)?;
        log.say_kept(&self.common);
        Ok(instance)
    }

    /// Gets, keeps and prints every log that an earlier instance left at the host, but for those that ended with a closing that the folder
    /// has. `serves` is the instance that serves, or why none answered.
    async fn all_left(&mut self, serves: Result<Digest, RoomError>) -> Result<ExitCode, Failure> {
        document::fields(&serde_json::json!({"left": [], "missing": []}))?;
        let known = match (self.host.logs().await, serves.is_ok()) {
            (Ok(known), _) => known,
            // A host of an earlier version keeps no logs.
            (Err(error), true) => {
                say::note(format_args!(
                    "What earlier instances left at the host was not read: {error}"
                ));
                Vec::new()
            }
            (Err(_), false) => Vec::new(),
        };
        let (mut read, mut failed) = (0_u64, Vec::new());
        for known in known {
            let instance = known.instance;
            let serves_now = serves.as_ref().is_ok_and(|serves| *serves == instance);
            if serves_now || self.is_whole(instance)? {
                continue;
            }
            match self.left(instance).await {
                Ok(log) => {
                    read = read.saturating_add(1);
                    self.show_left(&log)?;
                }
                // A host keeps what instances left under earlier contracts.
                Err(NotRead::OtherContract) => {}
                Err(NotRead::Other(why)) => failed.push(format!("{}: {why}", instance.short())),
            }
        }
        self.say_missing(serves.as_ref().ok().copied())?;
        if !failed.is_empty() {
            return Err(Failure::no(format!(
                "what the host gives for the log of {} is not what {} left: keep what is named, and compare with the other parties ({})",
                counted(u64::try_from(failed.len()).unwrap_or(u64::MAX), "instance", "instances"),
                if failed.len() == 1 { "it" } else { "they" },
                failed.join("; ")
            )));
        }
        match serves {
            Err(error) if read == 0 => Err(error.into()),
            Err(error) => {
                say::note(format_args!(
                    "No instance answers now ({error}): this is what earlier ones left at the host."
                ));
                Ok(ExitCode::SUCCESS)
            }
            Ok(_) => Ok(ExitCode::SUCCESS),
        }
    }

    /// Names each opened result whose receipt attests more entries than are kept of its instance's log, though all was asked for that
    /// the host has.
    fn say_missing(&self, serves: Option<Digest>) -> Result<(), Failure> {
        for path in meant::receipts(&self.common)? {
            let receipt = files::read(&path)?;
            let files = ReceiptFiles::default();
            // What does not hold, `audit check` says.
            let checked = receipt_check::check(&self.contract, &receipt, files, &self.trust);
            let Ok(checked) = checked else { continue };
            let (instance, attested) = (checked.job.job().instance, checked.body.audit_size);
            let log = kept_at(&self.common.dir, instance);
            let kept = if log.exists() { read(&log, &self.contract)?.log().size() } else { 0 };
            if serves == Some(instance) || kept >= attested {
                continue;
            }
            document::item(
                "missing",
                serde_json::json!({
                    "instance": instance, "receipt": path.display().to_string(), "kept": kept, "attested": attested,
                }),
            );
            say::note(format_args!(
                "MISSING: the receipt {} attests {} of the log of the instance {}; {kept} are kept here, and the host gives no more. It lost \
                 or withholds them: ask the other parties for what they keep.",
                path.display(),
                counted(attested, "entry", "entries"),
                instance.short(),
            ));
        }
        Ok(())
    }

    /// Whether the log that is kept of `instance` ends with its closing.
    fn is_whole(&self, instance: Digest) -> Result<bool, Failure> {
        let path = kept_at(&self.common.dir, instance);
        if !path.exists() {
            return Ok(false);
        }
        let kept = read(&path, &self.contract)?;
        Ok(kept.log().texts().any(|entry| matches!(entry.event, Event::Closed {})))
    }

    /// The log that `instance` left at the host, kept and brought up to date.
    async fn left(&mut self, instance: Digest) -> Result<Extended, NotRead> {
        let path = kept_at(&self.common.dir, instance);
        let opening = self.host.log_opening(instance).await.map_err(Failure::from)?;
        let stored =
            StoredLog::open(&opening, &self.identity, &self.contract, &self.trust, instance);
        let stored = stored.map_err(AuditError::from)?;
        let mut kept =
            if path.exists() { read(&path, &self.contract)? } else { KeptLog::of_stored(&stored) };
        let added = kept.extend_stored(&stored, &mut self.host).await;
        let log = Extended { added: *added.as_ref().unwrap_or(&0), kept, path };
        if log.kept.log().size() > 0 {
            log.keep()?;
        }
        added.map(|_| log).map_err(NotRead::from)
    }

    fn show_left(&self, log: &Extended) -> Result<(), Failure> {
        let (mut fields, place) = (words::as_json(&log.kept), log.place());
        if let (Some(fields), serde_json::Value::Object(place)) = (fields.as_object_mut(), place) {
            fields.extend(place);
        }
        document::item("left", fields);
        say::result("left at the host:")?;
        words::print(&log.kept, &self.contract)?;
        log.say_kept(&self.common);
        Ok(())
    }

    /// The instance whose digits were given.
    async fn named(&mut self, digits: &str) -> Result<Digest, Failure> {
        if let Ok(whole) = digits.parse() {
            return Ok(whole);
        }
        let known = self.host.logs().await?;
        let is_meant = |instance: &Digest| instance.to_string().starts_with(digits);
        let meant: Vec<_> = known.iter().map(|known| known.instance).filter(is_meant).collect();
        match meant.as_slice() {
            [instance] => Ok(*instance),
            _ => Err(Failure::unclear(format!(
                "{} whose logs the host lists begin with \"{}\": give the digits that one of them begins with, or all 96",
                counted(u64::try_from(meant.len()).unwrap_or(u64::MAX), "instance", "instances"),
                say::name(digits)
            ))),
        }
    }
}

impl Extended {
    fn keep(&self) -> Result<(), Failure> {
        files::write_private(&self.path, &self.kept.to_bytes())
    }

    fn place(&self) -> serde_json::Value {
        serde_json::json!({"file": self.path.display().to_string(), "added": self.added})
    }

    fn say_kept(&self, common: &Common) {
        say::note(format_args!(
            "{} since this party last asked. Kept in {}; `glovebox audit check{}` holds it against the receipts of opened results and the \
             closing.",
            counted(self.added, "new entry", "new entries"),
            self.path.display(),
            in_dir(&common.dir),
        ));
    }
}

/// Why a log at the host was not read.
enum NotRead {
    /// It is of an instance under another contract.
    OtherContract,
    Other(Failure),
}

impl From<Failure> for NotRead {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl From<AuditError> for NotRead {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Stored(StoredLogError::NotBelieved(
                VerifyAttestedError::StatementContract,
            )) => Self::OtherContract,
            error => Self::Other(error.into()),
        }
    }
}

impl From<NotRead> for Failure {
    fn from(why: NotRead) -> Self {
        match why {
            NotRead::OtherContract => Self::no(
                "that instance served another contract than this one: name that one with --contract",
            ),
            NotRead::Other(failure) => failure,
        }
    }
}
