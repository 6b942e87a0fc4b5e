//! What exports have that is believed: answers, logs, closings, ledgers.

use super::{
    contents::{CLOSINGS, DOCUMENTS, Difference, Folder, LEDGER, LIST, LOGS, RESULTS},
    findings::{FindingKind, Findings},
};
use crate::failure::Failure;
use client::{
    audit::KeptLog,
    close::Closing,
    receipt_check::{self, Checked, ReceiptFiles},
    saved::SavedDocument,
    trust::Trust,
};
use custody::LedgerRecord;
use protocol::{contract::Contract, job::JobName, time::Time};
use std::collections::{BTreeMap, BTreeSet};

/// What several exports of one room have together.
#[derive(Default)]
pub(super) struct Evidence {
    /// The parties whose exports they are.
    pub(super) parties: BTreeSet<String>,
    /// Answers whose receipts hold, by the jobs that the receipts are about.
    pub(super) answers: BTreeMap<JobName, HeldAnswer>,
    /// Answers whose receipts do not hold, or with files that do not, by the jobs under whose names they lie.
    pub(super) broken: BTreeMap<String, String>,
    /// Logs, each by its file.
    pub(super) logs: Vec<(String, KeptLog)>,
    /// Closings, each by its file.
    pub(super) closings: Vec<(String, Closing)>,
    /// Ledgers, by whose they are.
    pub(super) ledgers: BTreeMap<String, LedgerRecord>,
    /// When each of these was exported, by its party's clock.
    exported: BTreeMap<String, Time>,
    /// The parties that signed an export which is here.
    vouched: BTreeSet<String>,
}

/// An answer whose receipt holds.
pub(super) struct HeldAnswer {
    /// Its folder.
    pub(super) at: String,
    pub(super) checked: Checked,
}

/// One export, and who signed it.
pub(super) struct CheckedExport {
    pub(super) folder: Folder,
    pub(super) signed_by: Option<String>,
}

impl HeldAnswer {
    /// Whether every figure was derived again from the released ones.
    pub(super) fn is_derived(&self) -> bool {
        self.checked.result.is_some() && self.checked.released.is_some()
    }
}

impl Evidence {
    /// Whether something happened after the ledger of `owner` was exported, in which it cannot be then.
    pub(super) fn is_after_ledger_of(&self, owner: &str, time: Time) -> bool {
        // An export says when it was made to the second.
        self.exported.get(owner).is_some_and(|made| made.0 / 1000 < time.0 / 1000)
    }

    /// The owners whose ledgers are here, in exports that they signed.
    pub(super) fn with_ledger(&self) -> impl Iterator<Item = &str> {
        let known = self.ledgers.keys().filter(|owner| self.vouched.contains(*owner));
        known.map(String::as_str)
    }

    /// Takes in one export, and says what in it is not as it was exported or is not believed.
    pub(super) fn take_in(
        &mut self,
        export: Folder,
        (contract, trust): (&Contract, &Trust),
        found: &mut Findings,
    ) -> Result<CheckedExport, Failure> {
        self.parties.insert(export.contents.party.clone());
        let signed_by = signature(&export, contract, found);
        self.vouched.extend(signed_by.as_ref().map(|_| export.contents.party.clone()));
        for (path, difference) in export.differences() {
            let (kind, why) = match difference {
                Difference::Missing => (FindingKind::Missing, "it was exported, and is not there"),
                Difference::Changed => {
                    (FindingKind::Changed, "it has another SHA-256 than what was exported")
                }
                Difference::Added => (FindingKind::Added, "it was not exported with the rest"),
                Difference::Strange => {
                    (FindingKind::Changed, "the list names it twice, or outside of the export")
                }
            };
            found.add(kind, export.shown(&path), why);
        }
        self.answers(&export, contract, trust, found)?;
        self.attested(&export, contract, trust, found)?;
        self.ledger(&export, contract, found)?;
        Ok(CheckedExport { folder: export, signed_by })
    }

    fn answers(
        &mut self,
        export: &Folder,
        contract: &Contract,
        trust: &Trust,
        found: &mut Findings,
    ) -> Result<(), Failure> {
        for receipt in export.names(RESULTS, "/receipt.cbor") {
            let folder = receipt.trim_end_matches("/receipt.cbor");
            let name = folder.rsplit('/').next().unwrap_or_default();
            let beside = |file: &str| {
                let path = format!("{folder}/{file}");
                export.has(&path).then(|| export.read(&path)).transpose()
            };
            let (result, released) = (beside("result.json")?, beside("released.cbor")?);
            let files = ReceiptFiles { result: result.as_deref(), released: released.as_deref() };
            let at = export.shown(folder);
            let checked = receipt_check::check(contract, &export.read(&receipt)?, files, trust);
            match checked {
                Ok(checked) if checked.job.name().to_string() != name => {
                    let why = format!("it is about job {}", checked.job.name());
                    found.add(FindingKind::Changed, &at, &why);
                    self.broken.insert(name.to_owned(), why);
                }
                Ok(checked) => {
                    let answer = HeldAnswer { at, checked };
                    let known = self.answers.get(&answer.checked.job.name());
                    if known.is_none_or(|known| !known.is_derived()) {
                        self.answers.insert(answer.checked.job.name(), answer);
                    }
                }
                Err(why) => {
                    found.add(FindingKind::NotBelieved, at, &why);
                    self.broken.insert(name.to_owned(), why.to_string());
                }
            }
        }
        Ok(())
    }

    /// Logs, closings and kept documents.
    fn attested(
        &mut self,
        export: &Folder,
        contract: &Contract,
        trust: &Trust,
        found: &mut Findings,
    ) -> Result<(), Failure> {
        for path in export.names(LOGS, ".audit") {
            match KeptLog::from_bytes(&export.read(&path)?, contract) {
                Ok(log) => self.logs.push((export.shown(&path), log)),
                Err(why) => found.add(FindingKind::NotBelieved, export.shown(&path), why),
            }
        }
        for path in export.names(CLOSINGS, ".closing") {
            match Closing::verify(&export.read(&path)?, contract, trust, None) {
                Ok(closing) => self.closings.push((export.shown(&path), closing)),
                Err(why) => found.add(FindingKind::NotBelieved, export.shown(&path), why),
            }
        }
        for path in export.names(DOCUMENTS, ".document") {
            if let Err(why) = SavedDocument::verify(&export.read(&path)?, contract, trust) {
                found.add(FindingKind::NotBelieved, export.shown(&path), why);
            }
        }
        Ok(())
    }

    fn ledger(
        &mut self,
        export: &Folder,
        contract: &Contract,
        found: &mut Findings,
    ) -> Result<(), Failure> {
        if !export.has(LEDGER) {
            return Ok(());
        }
        let shown = export.shown(LEDGER);
        let record: Option<LedgerRecord> = serde_json::from_slice(&export.read(LEDGER)?).ok();
        let Some(record) = record.filter(LedgerRecord::is_consistent) else {
            found.add(
                FindingKind::NotBelieved,
                shown,
                "it is no ledger, or a rho in it is not that of its loss",
            );
            return Ok(());
        };
        let party = &export.contents.party;
        if record.party != *party || record.contract != contract.digest {
            found.add(
                FindingKind::Contradiction,
                shown,
                format!("it is not {party}'s ledger under this contract"),
            );
            return Ok(());
        }
        if record.restored {
            found.add(
                FindingKind::Unanswered,
                &shown,
                "it is a restored backup that was not accounted for: questions may be missing from it",
            );
        }
        let made = self.exported.entry(party.clone()).or_insert(export.contents.made);
        *made = export.contents.made.max(*made);
        let known = self.ledgers.get(party);
        // An earlier export of the party has the beginning of its ledger.
        if known.is_some_and(|known| known.slices.starts_with(&record.slices)) {
            return Ok(());
        }
        if known.is_none_or(|known| record.slices.starts_with(&known.slices)) {
            self.ledgers.insert(party.clone(), record);
        } else {
            found.add(
                FindingKind::Contradiction,
                shown,
                format!("another export has another ledger of {party}, and neither is the beginning of the other"),
            );
        }
        Ok(())
    }
}

/// Who signed the list of the export's files.
fn signature(export: &Folder, contract: &Contract, found: &mut Findings) -> Option<String> {
    match export.signed_by(contract) {
        Ok(Some(by)) => return Some(by),
        Ok(None) => found.add(
            FindingKind::Unsigned,
            export.shown(LIST),
            format!(
                "nobody vouches that the files are what {} exported, its ledger above all",
                export.contents.party
            ),
        ),
        Err(why) => found.add(
            FindingKind::Changed,
            export.shown(LIST),
            format!("it is not what {} signed: {why}", export.contents.party),
        ),
    }
    None
}
