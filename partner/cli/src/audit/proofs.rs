//! Heads of a log that somebody vouches for, and whether a log was at them.

use client::{
    audit::{KeptLog, SeenHead},
    close::Closing,
    receipt_check::Checked,
};
use protocol::{
    audit::{Event, Listed, LogFlaw},
    contract::Contract,
    digest::Digest,
    job::{JobName, SignedJob},
    merkle::Head,
    page::number,
};
use std::{collections::BTreeSet, fmt::Display};

/// A head that somebody vouches for.
#[derive(Clone)]
pub(crate) struct Proof {
    /// Where it is from, in words.
    from: String,
    /// Whether an enclave signed it; else a party was told it.
    pub(super) is_attested: bool,
    head: Head,
    /// The answer whose entry is the last one under the head, if it is a receipt's.
    answered: Option<Answer>,
}

/// What the entry on an answer must say.
#[derive(Clone)]
struct Answer {
    job: JobName,
    output: Digest,
    /// The parties that may read the entry: analyst, receivers and the owners of the data.
    readers: BTreeSet<String>,
}

impl Proof {
    /// The head under a receipt that holds, and the answer that is its last entry.
    pub(crate) fn of_receipt(checked: &Checked, contract: &Contract, shown: impl Display) -> Self {
        let body = &checked.body;
        Self {
            from: format!("attested by the receipt {shown}"),
            is_attested: true,
            head: Head { size: body.audit_size, root: body.audit_root },
            answered: Some(Answer {
                job: checked.job.name(),
                output: body.output,
                readers: readers(contract, &checked.job),
            }),
        }
    }

    /// The last head, which the closing has.
    pub(crate) fn of_closing(closing: &Closing, shown: impl Display) -> Self {
        let body = closing.body();
        Self {
            from: format!("attested by the closing {shown}"),
            is_attested: true,
            head: Head { size: body.audit_size, root: body.audit_root },
            answered: None,
        }
    }

    /// How many entries the log had.
    pub(crate) fn size(&self) -> u64 {
        self.head.size
    }

    /// Who vouches for it, in words.
    pub(crate) fn from(&self) -> &str {
        &self.from
    }
}

/// Whether the log was at the head of `proof`, in words if not.
pub(crate) fn holds(kept: &KeptLog, proof: &Proof) -> Result<(), String> {
    kept.log().check(&[proof.head]).map_err(|flaw| match flaw {
        LogFlaw::Root { .. } => {
            // The heads before say from which entry on.
            let mut heads: Vec<_> = kept.heads().iter().map(|seen| seen.head).collect();
            heads.retain(|head| head.size < proof.head.size);
            heads.push(proof.head);
            kept.log().check(&heads).err().unwrap_or(flaw).to_string()
        }
        _ => flaw.to_string(),
    })?;
    let (Some(Answer { job, output, readers }), Some(last)) =
        (&proof.answered, proof.head.size.checked_sub(1))
    else {
        return Ok(());
    };
    let entry = kept.log().texts().find(|entry| entry.number == last);
    match (entry.map(|entry| entry.event), kept.log().entry(last)) {
        (Some(Event::Answered { job: found, output: made, .. }), _)
            if found == *job && made == *output =>
        {
            Ok(())
        }
        (Some(_), _) => Err(format!(
            "entry {last} is not on the answer to job {job} that the receipt is about: compare with another party's log (--with)"
        )),
        (None, Some(Listed::Others(_))) if !readers.contains(kept.party()) => Ok(()),
        (None, _) => Err(format!(
            "the text of entry {last} was taken out: it is on the answer to job {job}, which {} may read, and every \
             instance keeps it; ask for the log again (glovebox audit list)",
            kept.party()
        )),
    }
}

/// The head that the party of the log was told.
pub(super) fn told(kept: &KeptLog, seen: &SeenHead) -> Proof {
    let from = format!("told {} on {}", kept.party(), number::moment(seen.time));
    Proof { from, is_attested: false, head: seen.head, answered: None }
}

/// Who may read the entry on the answer to a job.
fn readers(contract: &Contract, signed: &SignedJob) -> BTreeSet<String> {
    let datasets = signed.job().datasets.keys();
    let owners = datasets.filter_map(|name| contract.datasets.get(name));
    let owners = owners.map(|dataset| dataset.owner.clone());
    let receivers = signed.job().receivers.iter().cloned();
    owners.chain(receivers).chain([signed.analyst().to_owned()]).collect()
}
