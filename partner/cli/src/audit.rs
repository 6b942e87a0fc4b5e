//! `glovebox audit`: what an instance decided, entry by entry, and what shows that no entry is missing.

mod kpis;
mod list;
mod meant;
mod proofs;
mod words;

use crate::{
    common_args::{Common, CommonArgs},
    document,
    failure::Failure,
    files, say, unchecked, verify,
    words::counted,
};
use client::{
    audit::{AuditError, KeptLog, StoredLogError},
    close::{CloseError, Closing},
    receipt_check::{self, ReceiptFiles},
    trust::Trust,
};
use list::List;
use meant::{Given, LogFile, Named, Unproven};
use proofs::told;
use protocol::{audit::Listed, contract::Contract, digest::Digest};
use serde::Serialize;
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
};

pub(crate) use proofs::{Proof, holds};

/// See what an instance decided, entry by entry, and check that no entry is missing
#[derive(Debug, clap::Subcommand)]
pub(crate) enum AuditCommand {
    List(List),
    Check(Check),
    Kpis(kpis::Kpis),
}

impl AuditCommand {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::List(list) => list.run().await,
            Self::Check(check) => check.run(),
            Self::Kpis(kpis) => kpis.run(),
        }
    }
}

/// Check kept audit logs offline: against their heads, against receipts and closings, against another party's
///
/// An enclave signs size and root of its log with every receipt and with its closing. The log must have been at each of these heads,
/// and a receipt's job must be its last entry then. Without arguments, all logs of the party's folder are checked, with every result
/// that was opened into it; with receipts alone, the logs that these are about. Exit code: 0 all holds, 1 an entry was dropped, changed
/// or put in another place (which one is said), 2 could not tell.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Logs that `glovebox audit list` kept, receipts (receipt.cbor), folders of results, and closings, of this party or of others
    /// [default: what the party's folder has]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// A log that another party kept of an instance whose log is checked
    #[arg(long, value_name = "FILE")]
    with: Vec<PathBuf>,

    #[command(flatten)]
    common: CommonArgs,
}

/// A log of another party that is not this one.
#[derive(Serialize)]
struct Apart {
    file: String,
    party: String,
    /// The first entry that is another one there.
    entry: u64,
}

impl Check {
    fn run(&self) -> Result<ExitCode, Failure> {
        let common = self.common.of(None)?;
        let contract = files::Paper::read(&common.contract)?.contract;
        let trust = common.trust()?;
        let (logs, proofs) = self.meant(&common, &contract, &trust)?;
        let with = self.others(&logs, &contract)?;
        let mut known = BTreeSet::new();
        document::fields(&serde_json::json!({"holds": false, "logs": []}))?;
        let mut failed = Vec::new();
        for LogFile { path, kept } in &logs {
            let mut about: Vec<_> = kept.heads().iter().map(|seen| told(kept, seen)).collect();
            for Given { instance, proof, .. } in &proofs {
                about.extend((*instance == kept.instance()).then(|| proof.clone()));
            }
            if let Some(closing) = closing_of(&common, kept.instance()) {
                about.push(proof(&closing, &contract, &trust)?.1);
            }
            known.insert(kept.instance());
            let apart = compare(kept, &with, &mut about)?;
            if !check(kept, about, &apart)? {
                failed.push(path.display().to_string());
            }
        }
        let mut about_others = 0_u64;
        for Given { path, instance, .. } in
            proofs.iter().filter(|given| !known.contains(&given.instance))
        {
            about_others = about_others.saturating_add(1);
            say::note(format_args!(
                "{} is about the instance {}, and says nothing of {}",
                path.display(),
                instance.short(),
                if logs.len() == 1 { "this log" } else { "these logs" }
            ));
        }
        document::fields(&serde_json::json!({"holds": failed.is_empty()}))?;
        unchecked::say(&unchecked::of_logs(self.with.is_empty()))?;
        if !failed.is_empty() {
            return Err(Failure::no(format!(
                "{} does not hold: what differs was changed in one of the files, or the instance showed two logs; keep \
                 all files, and compare with the other parties (--with)",
                failed.join(" and ")
            )));
        }
        if about_others > 0 {
            return Err(Failure::unclear(format!(
                "{} of other instances {} given, which can show nothing about {}: name the log of their instance too",
                counted(about_others, "receipt or closing", "receipts or closings"),
                if about_others == 1 { "was" } else { "were" },
                if logs.len() == 1 { "this log" } else { "these logs" }
            )));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The logs to check, and the heads of every receipt and closing that was named, or of every result in the party's folder if
    /// none was.
    fn meant(
        &self,
        common: &Common,
        contract: &Contract,
        trust: &Trust,
    ) -> Result<(Vec<LogFile>, Vec<Given>), Failure> {
        let Named { mut logs, proofs: named } = Named::of(&self.files, contract)?;
        let mut proofs = Vec::new();
        let receipts = if named.is_empty() { meant::receipts(common)? } else { named.clone() };
        for path in receipts {
            match proof(&path, contract, trust) {
                Ok((instance, proof)) => proofs.push(Given { path, instance, proof }),
                // A folder has the results of all its rooms.
                Err(Unproven::OtherContract(_)) if named.is_empty() => {}
                Err(why) => return Err(why.into()),
            }
        }
        if logs.is_empty() && named.is_empty() {
            logs = meant::kept(common, contract)?;
        } else if logs.is_empty() {
            let instances: BTreeSet<_> = proofs.iter().map(|given| given.instance).collect();
            for instance in instances {
                logs.push(meant::kept_of(instance, common, contract)?);
            }
        }
        if named.is_empty() {
            // Of the folder's results only those count whose log is checked; if no file was named, each other one is mentioned.
            proofs.retain(|Given { path, instance, .. }| {
                let is_of = |log: &LogFile| log.kept.instance() == *instance;
                let is_ours = logs.iter().any(is_of);
                if !is_ours && self.files.is_empty() {
                    say::note(format_args!(
                        "{} is about the instance {}, of which no log is kept here",
                        path.display(),
                        instance.short()
                    ));
                }
                is_ours
            });
        }
        Ok((logs, proofs))
    }

    /// The logs that other parties kept, each of an instance whose log is checked.
    fn others(&self, logs: &[LogFile], contract: &Contract) -> Result<Vec<LogFile>, Failure> {
        let mut others = Vec::new();
        for path in &self.with {
            let kept = read(path, contract)?;
            if !logs.iter().any(|log| log.kept.instance() == kept.instance()) {
                return Err(Failure::unclear(format!(
                    "{} is of the instance {}, whose log is not among those that are checked: name that log, too",
                    path.display(),
                    kept.instance().short()
                )));
            }
            others.push(LogFile { path: path.clone(), kept });
        }
        Ok(others)
    }
}

/// Compares a log with those that other parties kept of the same instance, whose heads are added to `proofs`.
fn compare(
    kept: &KeptLog,
    with: &[LogFile],
    proofs: &mut Vec<Proof>,
) -> Result<Vec<Apart>, Failure> {
    let mut apart = Vec::new();
    for LogFile { path, kept: other } in with {
        if other.instance() != kept.instance() {
            continue;
        }
        if let Some(number) = kept.differs_from(other)? {
            let file = path.display().to_string();
            apart.push(Apart { file, party: other.party().to_owned(), entry: number });
        }
        proofs.extend(other.heads().iter().map(|seen| told(other, seen)));
    }
    Ok(apart)
}

/// Holds a log against `proofs`, and says what held. Whether all did.
fn check(kept: &KeptLog, mut proofs: Vec<Proof>, apart: &[Apart]) -> Result<bool, Failure> {
    proofs.sort_by_key(|proof| proof.size());
    let checked: Vec<_> = proofs.iter().map(|proof| (proof, holds(kept, proof))).collect();
    report(kept, &checked, apart)?;
    if checked.iter().any(|(_, flaw)| flaw.is_err()) || !apart.is_empty() {
        return Ok(false);
    }
    if !proofs.iter().any(|proof| proof.is_attested) {
        say::note(
            "No receipt and no closing speaks for this log: only heads that parties were told do.",
        );
    }
    Ok(true)
}

/// What was compared with the log, and whether it holds.
fn report(
    kept: &KeptLog,
    checked: &[(&Proof, Result<(), String>)],
    apart: &[Apart],
) -> Result<(), Failure> {
    let heads = checked.iter().map(|(proof, flaw)| {
        serde_json::json!({"size": proof.size(), "from": proof.from(), "flaw": flaw.as_ref().err()})
    });
    document::item(
        "logs",
        serde_json::json!({
            "instance": kept.instance(),
            "party": kept.party(),
            "entries": kept.log().size(),
            "holds": apart.is_empty() && checked.iter().all(|(_, flaw)| flaw.is_ok()),
            "heads": heads.collect::<Vec<_>>(),
            "apart": apart,
        }),
    );
    let others = kept.log().entries().iter().filter(|entry| !matches!(entry, Listed::Text(_)));
    say::result(format_args!(
        "log of instance {}, kept by {}: {}, {} of them for others",
        kept.instance().short(),
        kept.party(),
        counted(kept.log().size(), "entry", "entries"),
        others.count()
    ))?;
    for (proof, flaw) in checked {
        let verdict = flaw.as_ref().err().map_or("holds", String::as_str);
        let size = proof.size();
        say::result(format_args!("{size:>6} entries, {}: {verdict}", proof.from()))?;
    }
    for Apart { file, party, entry } in apart {
        say::result(format_args!("{file} of {party}: entry {entry} is another one there"))?;
    }
    Ok(())
}

/// The head in a receipt or closing that holds, and the instance that attested it.
fn proof(path: &Path, contract: &Contract, trust: &Trust) -> Result<(Digest, Proof), Unproven> {
    let path = if path.is_dir() { path.join("receipt.cbor") } else { path.to_owned() };
    let bytes = files::read(&path)?;
    let shown = path.display();
    match Closing::verify(&bytes, contract, trust, None) {
        Ok(closing) => {
            return Ok((closing.body().instance, Proof::of_closing(&closing, shown)));
        }
        // Whether it is about another contract, a receipt's check says.
        Err(CloseError::NoClosing | CloseError::NotBelieved(_)) => {}
        Err(error) => return Err(files::named(&path, error).into()),
    }
    match receipt_check::check(contract, &bytes, ReceiptFiles::default(), trust) {
        Ok(checked) => {
            Ok((checked.job.job().instance, Proof::of_receipt(&checked, contract, shown)))
        }
        Err(error) if error.is_of_another_contract() => {
            Err(Unproven::OtherContract(files::named(&path, error)))
        }
        Err(error) => {
            verify::print(error.checks())?;
            Err(files::named(&path, error).into())
        }
    }
}

/// The closing that this party keeps of the instance, if it does.
fn closing_of(common: &Common, instance: Digest) -> Option<PathBuf> {
    let path = common.dir.join("closings").join(format!("{instance}.closing"));
    path.exists().then_some(path)
}

fn read(path: &Path, contract: &Contract) -> Result<KeptLog, Failure> {
    let bytes = files::read(path)?;
    KeptLog::from_bytes(&bytes, contract).map_err(|error| match error {
        AuditError::Malformed(_)
        | AuditError::OtherContract { .. }
        | AuditError::NoParty { .. } => Failure::unclear(files::named(path, error).to_string()),
        _ => Failure::no(files::named(path, error).to_string()),
    })
}

/// Where the log of an instance is kept.
fn kept_at(dir: &Path, instance: Digest) -> PathBuf {
    dir.join(FOLDER).join(format!("{instance}.audit"))
}

impl From<AuditError> for Failure {
    fn from(error: AuditError) -> Self {
        match error {
            AuditError::Room(error) => error.into(),
            AuditError::Identity(error) => error.into(),
            AuditError::Stored(StoredLogError::Store(error)) => error.into(),
            AuditError::Stored(StoredLogError::Identity(error)) => error.into(),
            _ => Self::no(error),
        }
    }
}

/// The folder of kept logs in a party's folder.
pub(crate) const FOLDER: &str = "audit";
