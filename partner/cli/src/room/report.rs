//! What a check of exports says, to people and to programs.

use super::{
    evidence::{CheckedExport, Evidence},
    findings::Finding,
    questions::{AskedQuestion, QuestionOutcome, Questions},
};
use crate::{
    document,
    failure::Failure,
    say,
    words::{self, counted},
};
use protocol::{contract::Contract, job::JobName, page::number};
use std::{collections::BTreeSet, path::Path};

/// Everything that a check found.
pub(super) struct Report<'a> {
    pub(super) exports: &'a [CheckedExport],
    pub(super) contract: &'a Contract,
    /// The auditor's own copy of the contract.
    pub(super) own: Option<&'a Path>,
    pub(super) simulated: bool,
    pub(super) evidence: &'a Evidence,
    pub(super) questions: &'a Questions,
    pub(super) findings: &'a [Finding],
}

impl Report<'_> {
    /// Prints it, and puts it into the document.
    pub(super) fn print(&self) -> Result<(), Failure> {
        document::fields(&self.as_json())?;
        if self.simulated {
            say::result(say::SIMULATED)?;
        }
        say::result(self.whose_contract())?;
        for CheckedExport { folder, signed_by } in self.exports {
            let contents = &folder.contents;
            let signed = match signed_by {
                Some(by) => format!("signed by {by}"),
                None => "NOT SIGNED by it".to_owned(),
            };
            say::result(format_args!(
                "Export of {}, made {}, {signed}: {}.",
                say::name(&contents.party),
                number::moment(contents.made),
                counted(contents.files.len(), "file", "files")
            ))?;
        }
        say::result(format_args!("\n{}", self.complete_for()))?;
        let mut questions: Vec<_> = self.questions.iter().collect();
        questions.sort_by_key(|(_, question)| question.time);
        for (job, question) in questions {
            say::result(self.line(job, question))?;
        }
        if !self.findings.is_empty() {
            say::result("")?;
        }
        for Finding { item, kind, why } in self.findings {
            say::result(format_args!("{kind}  {}: {}", say::name(item), say::name(why)))?;
        }
        Ok(())
    }

    fn whose_contract(&self) -> String {
        let (name, digest) = (say::name(&self.contract.name), self.contract.digest.short());
        match self.own {
            Some(own) => {
                format!("Room \"{name}\" under your own contract, {} ({digest}).", own.display())
            }
            None => format!(
                "Room \"{name}\" under contract {digest}. WARNING: the contract, with its parties, keys and builds, is the one in the \
                 export: whoever wrote it may have signed as every party. Compare it with a copy that you trust: --contract FILE."
            ),
        }
    }

    /// Owners of whom there is no ledger.
    fn without_ledger(&self) -> BTreeSet<&str> {
        let owners = self.contract.datasets.values().map(|dataset| dataset.owner.as_str());
        owners.filter(|owner| self.evidence.with_ledger().all(|known| known != *owner)).collect()
    }

    /// For whose data the list of questions is complete.
    fn complete_for(&self) -> String {
        let ledgers: Vec<&str> = self.evidence.with_ledger().collect();
        let missing: Vec<&str> = self.without_ledger().into_iter().collect();
        let known = match ledgers.as_slice() {
            [] => "There is no signed ledger here: these are the questions of which there is an answer or an entry of a log, and there may be others."
                .to_owned(),
            ledgers => format!(
                "{} in all. Complete for the data of {}, whose ledgers are here.",
                counted(self.questions.len(), "question", "questions"),
                ledgers.join(" and ")
            ),
        };
        if missing.is_empty() {
            known
        } else {
            format!(
                "{known} NOT COMPLETE for the data of {}, whose ledgers are not: give their exports, too.",
                missing.join(" and ")
            )
        }
    }

    fn line(&self, job: &JobName, question: &AskedQuestion) -> String {
        let charged = question.charged.iter().map(|(dataset, loss)| {
            let delta = words::delta_of(self.contract, dataset, &question.purpose);
            format!("{} of {dataset}", words::charge(loss, delta))
        });
        let charged = match charged.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => "nothing: its figures had been paid for".to_owned(),
            charged => charged,
        };
        format!(
            "{}  {} for {}, asked by {}; charged {charged}; job {}\n    {}",
            number::moment(question.time),
            say::name(&question.analysis),
            say::name(&question.purpose),
            say::name(&question.analyst),
            job.short(),
            self.became(job, question)
        )
    }

    fn became(&self, job: &JobName, question: &AskedQuestion) -> String {
        let at = self.evidence.answers.get(job);
        let at = at.map_or_else(String::new, |answer| say::name(&answer.at));
        let checks = self.evidence.answers.get(job).map_or(0, |answer| answer.checked.checks.len());
        match &question.outcome {
            QuestionOutcome::Derived => {
                format!(
                    "derived again from the released figures, and the same ({checks} checks): {at}"
                )
            }
            QuestionOutcome::Held => {
                format!(
                    "its receipt holds; its figures were not derived again, which takes released.cbor: {at}"
                )
            }
            QuestionOutcome::NotBelieved => {
                "NOT BELIEVED: what is here of its answer does not hold".to_owned()
            }
            QuestionOutcome::Again(first) => {
                format!("the same question as job {}, whose answer was given again", first.short())
            }
            QuestionOutcome::ReadByOthers(readers) => {
                format!(
                    "answered, to be read by {}, whose exports are not here",
                    readers.join(" and ")
                )
            }
            QuestionOutcome::NeverAnswered => {
                "never answered: the log of its instance goes on to the closing without it"
                    .to_owned()
            }
            QuestionOutcome::Unknown => "NO ANSWER HERE".to_owned(),
        }
    }

    fn as_json(&self) -> serde_json::Value {
        let exports = self.exports.iter().map(|CheckedExport { folder, signed_by }| {
            let contents = &folder.contents;
            serde_json::json!({
                "folder": folder.folder, "party": contents.party, "made": contents.made.to_string(),
                "files": contents.files.len(), "signed_by": signed_by,
            })
        });
        let questions = self.questions.iter().map(|(job, question)| {
            let charged = question.charged.iter().map(
                |(dataset, loss)| serde_json::json!({"dataset": dataset, "rho": loss.rho().value()}),
            );
            serde_json::json!({
                "job": job.to_string(), "time": question.time.to_string(), "analyst": question.analyst,
                "analysis": question.analysis, "purpose": question.purpose, "instance": question.instance,
                "charged": charged.collect::<Vec<_>>(), "outcome": name(&question.outcome),
                "folder": self.evidence.answers.get(job).map(|answer| &answer.at),
            })
        });
        serde_json::json!({
            "holds": !self.findings.iter().any(|finding| finding.kind.is_wrong()),
            "simulated": self.simulated, "contract": self.contract.digest, "contract_is_own": self.own.is_some(),
            "exports": exports.collect::<Vec<_>>(), "jobs": questions.collect::<Vec<_>>(),
            "complete_for": self.evidence.with_ledger().collect::<Vec<_>>(),
            "not_complete_for": self.without_ledger(), "findings": self.findings,
        })
    }
}

fn name(outcome: &QuestionOutcome) -> &'static str {
    match outcome {
        QuestionOutcome::Derived => "derived",
        QuestionOutcome::Held => "held",
        QuestionOutcome::NotBelieved => "not_believed",
        QuestionOutcome::Again(_) => "again",
        QuestionOutcome::ReadByOthers(_) => "read_by_others",
        QuestionOutcome::NeverAnswered => "never_answered",
        QuestionOutcome::Unknown => "unknown",
    }
}
