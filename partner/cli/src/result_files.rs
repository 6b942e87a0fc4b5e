//! Opening a result: checked, shown, and kept as files.

use crate::{common_args::Common, document, failure::Failure, files, say, verify, words};
use ::page::{html, terminal};
use client::{
    clock,
    keys::Identity,
    open::{self, Opened},
    trust::Trust,
};
use custody::{Ledger, LedgerError};
use protocol::{
    contract::Contract,
    job::JobName,
    page::{Asker, Page},
    result::JobResult,
};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// Opens the package `sealed` to `identity`, prints its page, and writes result.json, receipt.cbor,
/// released.cbor, report.html and asked.json into `directory`. Says first who asked.
pub(crate) fn open(
    sealed: &[u8],
    identity: &Identity,
    common: &Common,
    trust: &Trust,
    job: JobName,
    directory: &Path,
) -> Result<(), Failure> {
    let contract = common.contract()?;
    let opened = match open::open(sealed, identity, &contract, job, trust) {
        Ok(opened) => opened,
        Err(error) => {
            document::fields(&serde_json::json!({"checks": verify::as_json(error.checks())}))?;
            verify::print(error.checks())?;
            return Err(error.into());
        }
    };
    let (page, asker) = write(&opened, identity, common, trust, job, directory)?;
    document::fields(&serde_json::json!({
        "job": job.to_string(), "folder": directory, "asked": asker.as_json(),
        "result": opened.result, "page": page, "checks": verify::as_json(&opened.checked.checks),
    }))?;
    let summary = terminal::summary(&page).map_err(Failure::unclear)?;
    say::result(summary.trim_end())?;
    own_budgets(identity, &contract)?;
    if let Some(repeated) = asker.repeated() {
        say::note(format_args!("\n{}", say::name(repeated)));
    }
    say::note(format_args!(
        "\nThe receipt holds ({} checks). In the folder {}: result.json, receipt.cbor, \
         released.cbor, report.html, asked.json",
        opened.checked.checks.len(),
        directory.display()
    ));
    Ok(())
}

/// Writes the files of a result that was opened, and nothing else.
pub(crate) fn write(
    opened: &Opened,
    identity: &Identity,
    common: &Common,
    trust: &Trust,
    job: JobName,
    directory: &Path,
) -> Result<(Page, Asker), Failure> {
    let contract = common.contract()?;
    let asker = asker(opened, identity.party_in(&contract)?);
    let (asked, bytes) = (&opened.asked, &opened.result_bytes);
    let from = opened.checked.provenance(trust, bytes, asked, Some(asker.clone()), common.names());
    refuse_another(directory, &job.to_string())?;
    files::write_private(&directory.join("receipt.cbor"), &opened.receipt)?;
    files::write_private(&directory.join("released.cbor"), &opened.released)?;
    let page = opened.result.page(&from);
    let html = html::page(&page).map_err(Failure::unclear)?;
    files::write_private(&directory.join("report.html"), html.as_bytes())?;
    let asked = serde_json::to_vec_pretty(&asker.as_json()).map_err(Failure::unclear)?;
    files::write_private(&directory.join(ASKED), &asked)?;
    // Written last: a folder with this file counts as taken.
    files::write_private(&directory.join("result.json"), &opened.result_bytes)?;
    Ok((page, asker))
}

/// The folders in `directory` and below it that have a receipt, in order.
pub(crate) fn folders(directory: &Path) -> Result<BTreeSet<PathBuf>, Failure> {
    let receipts = files::find(directory, "cbor")?.into_iter();
    let receipts = receipts.filter(|path| path.ends_with("receipt.cbor"));
    Ok(receipts.filter_map(|path| path.parent().map(Path::to_owned)).collect())
}

/// The job whose result was opened into `directory`, as a folder says that has one.
pub(crate) fn asked_of(directory: &Path) -> Option<String> {
    let json = files::read(&directory.join(ASKED)).ok()?;
    let asked: serde_json::Value = serde_json::from_slice(&json).ok()?;
    Some(asked.get("job")?.as_str()?.to_owned())
}

/// Refuses a `directory` that has the result of another job, which may exist nowhere else.
pub(crate) fn refuse_another(directory: &Path, job: &str) -> Result<(), Failure> {
    // asked.json names the job that was opened. The result in the folder may name an earlier job
    // that asked the same.
    if asked_of(directory).as_deref() == Some(job) {
        return Ok(());
    }
    let path = directory.join("result.json");
    let kept = match std::fs::read(&path) {
        Ok(kept) => kept,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(Failure::reading(&path)(cause)),
    };
    let holds = match JobResult::from_json(&kept) {
        Ok(other) if other.job == *job => return Ok(()),
        Ok(other) => format!("the result of job {}", say::name(&other.job)),
        Err(_) => "something else".to_owned(),
    };
    Err(Failure::unclear(format!(
        "{} holds {holds}, which would be lost: name another folder with -o",
        path.display()
    )))
}

/// Prints what the receiver's own ledger has left, if the folder has one.
fn own_budgets(identity: &Identity, contract: &Contract) -> Result<(), Failure> {
    let party = identity.party_in(contract)?;
    let ledger = match Ledger::open(identity) {
        Err(LedgerError::Missing { .. }) => return Ok(()),
        ledger => ledger?,
    };
    for line in ledger.report(contract, party, clock::now())?.budgets {
        say::result(format_args!(
            "  {} for {}, {}: {} left in {party}'s ledger",
            line.dataset,
            line.purpose,
            line.period,
            words::charge(&line.remaining, Some(line.delta))
        ))?;
    }
    Ok(())
}

/// Who asked the job that `reader` has opened.
fn asker(opened: &Opened, reader: &str) -> Asker {
    let answered = &opened.checked.job;
    let earlier = (answered.name(), answered.analyst().to_owned());
    Asker {
        job: opened.asked.name(),
        asked_by: opened.asked.analyst().to_owned(),
        reader: reader.to_owned(),
        earlier: opened.is_repeated().then_some(earlier),
    }
}

/// The folder of a party's results, in which each has a folder.
pub(crate) const RESULTS: &str = "results";
/// The file beside a result that says who asked for it, whose answer it is, and who has read it.
const ASKED: &str = "asked.json";
