//! Which answers read which versions of a party's data, by its audit logs and the receipts that it holds.

use super::versions::Versions;
use crate::{audit, common_args::Common, failure::Failure, files, result_files};
use client::{
    audit::{AuditError, KeptLog},
    receipt_check::{self, ReceiptFiles},
    trust::Trust,
};
use protocol::{audit::Event, contract::Contract, digest::Digest, job::JobName, time::Time};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

/// Everything that is known of what read the party's data.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) answers: BTreeMap<JobName, ReadAnswer>,
    /// Versions that are granted, as far as the logs go.
    pub(super) granted: Vec<OpenGrant>,
    /// How far the log of each instance goes.
    pub(super) logs: Vec<LogEnd>,
    /// Files that do not hold, and why.
    pub(super) unread: Vec<(PathBuf, String)>,
}

/// An answer that read data of the party.
pub(super) struct ReadAnswer {
    pub(super) time: Time,
    pub(super) analyst: String,
    pub(super) analysis: String,
    /// The kind of the question.
    pub(super) kind: String,
    pub(super) receivers: BTreeSet<String>,
    /// The steps of a training left, so that a model follows from the answer; `None` without its receipt.
    pub(super) is_model: Option<bool>,
    /// Whether the person is in what was read; `None` if that cannot be told.
    pub(super) contains: Option<bool>,
    /// Where the party holds it.
    pub(super) folder: Option<PathBuf>,
}

/// A version that an instance had keys of when its log was last got.
pub(super) struct OpenGrant {
    pub(super) instance: Digest,
    pub(super) dataset: String,
    pub(super) manifest: Digest,
    pub(super) not_after: Time,
    pub(super) contains: Option<bool>,
}

/// How far the log of an instance goes.
pub(super) struct LogEnd {
    pub(super) instance: Digest,
    pub(super) entries: u64,
    /// When the instance last told its head.
    pub(super) time: Option<Time>,
    /// Whether it goes on to the closing: nothing can follow.
    pub(super) is_closed: bool,
}

/// Gathers what read the datasets of `party`.
pub(super) fn gather(
    common: &Common,
    contract: &Contract,
    party: &str,
    trust: &Trust,
    versions: &Versions,
) -> Result<Seen, Failure> {
    let mut seen = Seen::default();
    let kind = |analysis: &str| {
        let terms = contract.analyses.get(analysis);
        terms.map_or_else(String::new, |terms| terms.section().kind.to_owned())
    };
    for path in files::find(&common.dir.join(audit::FOLDER), "audit")? {
        match KeptLog::from_bytes(&files::read(&path)?, contract) {
            // Only its owner is sure to see each answer that read a dataset.
            Ok(log) if log.party() == party => seen.take_log(&log, versions, &kind),
            Ok(_) | Err(AuditError::OtherContract { .. }) => {}
            Err(why) => seen.unread.push((path, why.to_string())),
        }
    }
    for folder in result_files::folders(&common.dir)? {
        let receipt = files::read(&folder.join("receipt.cbor"))?;
        let checked = match receipt_check::check(contract, &receipt, ReceiptFiles::default(), trust)
        {
            Ok(checked) => checked,
            // Results of other rooms lie in the folder, too.
            Err(why) if why.is_of_another_contract() => continue,
            Err(why) => {
                seen.unread.push((folder, why.to_string()));
                continue;
            }
        };
        let job = checked.job.job();
        let Some(contains) = contains(&job.datasets, versions) else { continue };
        let name = checked.job.name();
        let answer = seen.answers.entry(name).or_insert_with(|| ReadAnswer {
            time: checked.body.time,
            analyst: checked.job.analyst().to_owned(),
            analysis: job.analysis.clone(),
            kind: job.question.kind().to_owned(),
            receivers: job.receivers.iter().cloned().collect(),
            is_model: None,
            contains,
            folder: None,
        });
        answer.is_model = Some(checked.body.proof.steps().is_some());
        answer.folder = Some(folder);
    }
    Ok(seen)
}

impl Seen {
    fn take_log(&mut self, log: &KeptLog, versions: &Versions, kind: &dyn Fn(&str) -> String) {
        let (mut open, mut is_closed) = (BTreeMap::new(), false);
        for entry in log.log().texts() {
            match entry.event {
                Event::Granted { dataset, manifest, not_after }
                    if versions.own.contains(&dataset) =>
                {
                    open.insert(dataset, (manifest, not_after));
                }
                Event::Dropped { dataset } => drop(open.remove(&dataset)),
                Event::Closed {} => is_closed = true,
                Event::Answered { job, asked_by, receivers, analysis, datasets, .. } => {
                    let Some(contains) = contains(&datasets, versions) else { continue };
                    let answer = self.answers.entry(job).or_insert_with(|| ReadAnswer {
                        time: entry.time,
                        analyst: asked_by,
                        kind: kind(&analysis),
                        analysis,
                        receivers: BTreeSet::new(),
                        is_model: None,
                        contains,
                        folder: None,
                    });
                    answer.receivers.extend(receivers);
                }
                _ => {}
            }
        }
        if !is_closed {
            let instance = log.instance();
            self.granted.extend(open.into_iter().map(|(dataset, (manifest, not_after))| {
                OpenGrant {
                    instance,
                    dataset,
                    manifest,
                    not_after,
                    contains: versions.has(&manifest),
                }
            }));
        }
        self.logs.push(LogEnd {
            instance: log.instance(),
            entries: log.log().size(),
            time: log.heads().last().map(|seen| seen.time),
            is_closed,
        });
    }
}

/// Whether the person is in one of the party's versions that a job read: `None` if it read none, `Some(None)` if that cannot be
/// told.
fn contains(datasets: &BTreeMap<String, Digest>, versions: &Versions) -> Option<Option<bool>> {
    let own = datasets.iter().filter(|(name, _)| versions.own.contains(name));
    let has: Vec<_> = own.map(|(_, manifest)| versions.has(manifest)).collect();
    if has.is_empty() {
        return None;
    }
    Some(match has.contains(&Some(true)) {
        true => Some(true),
        false if has.contains(&None) => None,
        false => Some(false),
    })
}
