//! Opening a result: checked, shown, and kept as files.

use crate::{
    failure::Failure,
    files,
    report::{self, Checked, Provenance},
    say, table,
    under::Under,
    verify, words,
};
use attestation_verifier::{Expected, receipt::Attested};
use client::{
    clock,
    custody::{Ledger, LedgerError},
    keys::Identity,
    open::{self, Opened},
    trust::Trust,
};
use protocol::{
    contract::Contract,
    job::{Job, JobId},
    receipt::output,
    result::JobResult,
    sign::Envelope,
    time::Time,
};
use std::path::Path;

/// Opens the package `sealed` to `identity`, prints its table, and writes result.json, receipt.cbor
/// and report.html into `directory`.
pub(crate) fn open(
    sealed: &[u8],
    identity: &Identity,
    under: &Under,
    trust: &Trust,
    job: JobId,
    directory: &Path,
) -> Result<(), Failure> {
    let contract = under.contract()?;
    // Kept when the job was submitted; a receiver that did not ask has none.
    let asked = std::fs::read(identity.directory().join("jobs").join(format!("{job}.job"))).ok();
    let opened = match open::open(sealed, identity, &contract, job, asked.as_deref(), trust) {
        Ok(opened) => opened,
        Err(error) => {
            verify::print(error.checks())?;
            return Err(error.into());
        }
    };
    let from = provenance(&opened, &contract, under, trust)?;
    refuse_another(directory, opened.result.job())?;
    files::write_private(&directory.join("receipt.cbor"), &opened.receipt)?;
    let page = report::page(&opened.result, &from).map_err(Failure::unclear)?;
    files::write_private(&directory.join("report.html"), page.as_bytes())?;
    // Last, since by it a folder is known to be taken.
    files::write_private(&directory.join("result.json"), &opened.result_bytes)?;
    let page = table::page(&opened.result, trust.is_simulated()).map_err(Failure::unclear)?;
    say::result(page.trim_end())?;
    own_budgets(identity, &contract)?;
    if opened.result.job() != job.to_string() {
        say::note(format_args!(
            "\nJob {job} is the same question of the same data as job {}: this is its answer, and \
             nothing was paid again.",
            say::name(opened.result.job())
        ));
    }
    say::note(format_args!(
        "\nThe receipt holds ({} checks). In the folder {}: result.json, receipt.cbor, report.html",
        opened.checks.len(),
        directory.display()
    ));
    Ok(())
}

/// Whether `directory` is free for the result of `job`: what another job was answered is nowhere else.
pub(crate) fn refuse_another(directory: &Path, job: &str) -> Result<(), Failure> {
    let path = directory.join("result.json");
    let kept = match std::fs::read(&path) {
        Ok(kept) => kept,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(Failure::reading(&path)(cause)),
    };
    let holds = match JobResult::from_json(&kept) {
        Ok(other) if other.job() == job => return Ok(()),
        Ok(other) => format!("the result of job {}", say::name(other.job())),
        Err(_) => "something else".to_owned(),
    };
    Err(Failure::unclear(format!(
        "{} holds {holds}, which would be lost: name another folder with -o",
        path.display()
    )))
}

/// What the receiver's own ledger has left, if it keeps one here.
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
            words::charge(&line.left, Some(line.delta))
        ))?;
    }
    Ok(())
}

/// Where the result comes from, of a receipt that has been checked.
fn provenance(
    opened: &Opened,
    contract: &Contract,
    under: &Under,
    trust: &Trust,
) -> Result<Provenance, Failure> {
    let envelope = Envelope::parse(&opened.body.job).map_err(Failure::no)?;
    let asked_by = contract.party_of(&envelope.claimed_signer()).unwrap_or_default().to_owned();
    let job: Job = envelope.verify(&envelope.claimed_signer()).map_err(Failure::no)?;
    let builds = contract.builds.iter().map(|build| build.pcrs.clone());
    let expected = Expected::any_of(builds.collect::<Vec<_>>()).root(trust.root().clone());
    let believed = Attested::parse(&opened.receipt).map_err(Failure::no)?;
    let believed = believed.verify(&expected, contract.digest.as_bytes()).map_err(Failure::no)?;
    let document = believed.believed();
    let registers = document.pcrs().iter().filter(|(index, _)| **index < 3);
    Ok(Provenance {
        simulated: trust.is_simulated(),
        asked_by,
        output: output(&opened.result_bytes),
        receipt: Some(Checked {
            receivers: job.receivers,
            root: document.root().to_string(),
            registers: registers.map(|(index, pcr)| (*index, pcr.to_string())).collect(),
            attested: words::moment(Time(document.timestamp().as_millis())),
            contract_file: name(&under.contract),
            danger_root: under.danger_root.as_deref().map(name),
        }),
    })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
