//! `glovebox room check`: exports of a room, checked offline by anybody.

use super::{
    contents::{CONTRACT, Folder},
    evidence::Evidence,
    findings::{FindingKind, Findings},
    questions, report,
};
use crate::{
    audit::{self, Proof},
    common_args::TrustArgs,
    failure::Failure,
    files::Paper,
    say, unchecked,
};
use protocol::contract::Contract;
use std::{path::PathBuf, process::ExitCode};

/// Check exports of a room offline: find every paid question, derive each answer again, name what was tampered with
///
/// Needs no key and no network. Holds every file against the signed list of its export, receipts, closings and logs against the enclave
/// that attested them and against each other, and each ledger against what enclaves say was charged. The ledgers of the owners are the
/// complete record of what was paid for: give the exports of all of them. Exit code: 0 all holds; 1 something was changed, is missing or
/// contradicts another thing, which is named; 2 nothing is wrong, and it cannot be told what became of every paid question.
#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Folders that `glovebox room export` made, of one room, of one party or of several
    #[arg(required = true)]
    exports: Vec<PathBuf>,

    /// Your own copy of the contract, which must be the one in the exports; without it the contract is the word of whoever wrote them
    #[arg(long, value_name = "FILE")]
    contract: Option<PathBuf>,

    #[command(flatten)]
    trust: TrustArgs,
}

impl Check {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let folders: Result<Vec<_>, _> = self.exports.iter().map(|at| Folder::open(at)).collect();
        let folders = folders?;
        let mut found = Findings::default();
        let contract = self.contract(&folders, &mut found)?;
        let trust = self.trust.trust()?;
        let (mut evidence, mut exports) = (Evidence::default(), Vec::new());
        for folder in folders {
            exports.push(evidence.take_in(folder, (&contract, &trust), &mut found)?);
        }
        logs(&evidence, &contract, &mut found);
        let questions = questions::gather(&evidence, &contract, &mut found);
        let all = report::Report {
            exports: &exports,
            contract: &contract,
            own: self.contract.as_deref(),
            simulated: trust.is_simulated(),
            evidence: &evidence,
            questions: &questions,
            findings: found.all(),
        };
        all.print()?;
        unchecked::say(&unchecked::of_exports(&contract, &trust, self.contract.is_some()))?;
        match found.all().len() {
            0 => {
                say::note(
                    "All holds. What the exports do not have, and copies that somebody keeps elsewhere, no check can find.",
                );
                Ok(ExitCode::SUCCESS)
            }
            count if found.any_wrong() => Err(Failure::no(format!(
                "the exports do not hold: {count} found, each named above; get what differs again from the party whose export it is, \
                 and compare with the exports of the others"
            ))),
            count => Err(Failure::unclear(format!(
                "nothing is wrong with what is here, and {count} cannot be told from it, each named above: add the exports of the \
                 other parties, and the logs that they kept (`glovebox audit list` while an instance answers)"
            ))),
        }
    }

    /// The contract of the room: the auditor's own, or the first in an export that every party signed.
    fn contract(&self, folders: &[Folder], found: &mut Findings) -> Result<Contract, Failure> {
        let own = self.contract.as_deref().map(Paper::read).transpose()?;
        let mut contract = own.map(|paper| paper.contract);
        for folder in folders {
            let shown = folder.shown(CONTRACT);
            let opened = match folder.has(CONTRACT) {
                true => Contract::open(&folder.read(CONTRACT)?).map_err(|why| why.to_string()),
                false => Err("it is not there: take the whole export again".to_owned()),
            };
            match (opened, &contract) {
                (Ok(opened), None) => contract = Some(opened),
                (Ok(opened), Some(known)) if opened.digest == known.digest => {}
                (Ok(opened), Some(known)) => {
                    let why =
                        format!("it is contract {}, expected {}", opened.digest, known.digest);
                    found.add(FindingKind::Contradiction, shown, why);
                }
                (Err(why), _) => found.add(FindingKind::NotBelieved, shown, why),
            }
        }
        let contract = contract.ok_or_else(|| {
            Failure::no(
                "no export has a contract that all of its parties signed: name your own copy with --contract",
            )
        })?;
        let stray = folders.iter().find(|folder| folder.contents.contract != contract.digest);
        if let Some(folder) = stray {
            return Err(Failure::unclear(format!(
                "{} is an export of the room \"{}\" under contract {}, and not of {}: check the exports of one room at a time",
                folder.folder.display(),
                say::name(&folder.contents.room),
                folder.contents.contract.short(),
                contract.digest.short()
            )));
        }
        Ok(contract)
    }
}

/// Holds each log against the heads in receipts and closings, and against the logs that others kept of the instance.
fn logs(evidence: &Evidence, contract: &Contract, found: &mut Findings) {
    for (number, (at, log)) in evidence.logs.iter().enumerate() {
        let receipts = evidence.answers.values();
        let receipts =
            receipts.filter(|answer| answer.checked.job.job().instance == log.instance());
        let receipts =
            receipts.map(|answer| Proof::of_receipt(&answer.checked, contract, &answer.at));
        let closings = evidence.closings.iter();
        let closings = closings.filter(|(_, closing)| closing.body().instance == log.instance());
        let closings = closings.map(|(shown, closing)| Proof::of_closing(closing, shown));
        for proof in receipts.chain(closings) {
            // A log that somebody got before has no later entries, and says nothing of them.
            if proof.size() <= log.log().size()
                && let Err(why) = audit::holds(log, &proof)
            {
                let why = format!("{why}; {}", proof.from());
                found.add(FindingKind::Contradiction, at, why);
            }
        }
        for (other_at, other) in evidence.logs.iter().skip(number + 1) {
            if let Ok(Some(entry)) = log.differs_from(other) {
                let why = format!(
                    "entry {entry} is another one in {other_at}: the instance showed two logs, or one was changed"
                );
                found.add(FindingKind::Contradiction, at, why);
            }
        }
    }
}
