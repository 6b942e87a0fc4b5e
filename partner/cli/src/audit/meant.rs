//! Which logs are checked and with what: what was named, and what the party's folder keeps.

use super::{FOLDER, Proof, kept_at, read};
use crate::{common_args::Common, failure::Failure, files, result_files, say};
use client::audit::{AuditError, KeptLog};
use protocol::{contract::Contract, digest::Digest};
use std::path::{Path, PathBuf};

/// A kept log, and the file that it is in.
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    pub(super) kept: KeptLog,
}

/// A receipt or closing that holds, the instance that it is about, and the head in it.
pub(super) struct Given {
    pub(super) path: PathBuf,
    pub(super) instance: Digest,
    pub(super) proof: Proof,
}

/// The logs and the proofs among the files that were named.
#[derive(Default)]
pub(super) struct Named {
    pub(super) logs: Vec<LogFile>,
    pub(super) proofs: Vec<PathBuf>,
}

impl Named {
    /// Tells logs from receipts, closings and folders of results by what is in them. A file whose name ends as a kept log's does has
    /// to be one.
    pub(super) fn of(files: &[PathBuf], contract: &Contract) -> Result<Self, Failure> {
        let mut named = Self::default();
        for path in files {
            let is_called_log = path.extension().is_some_and(|end| end == "audit");
            if path.is_dir() || !is_called_log && !is_log(path, contract)? {
                named.proofs.push(path.clone());
            } else {
                named.logs.push(LogFile { path: path.clone(), kept: read(path, contract)? });
            }
        }
        Ok(named)
    }
}

fn is_log(path: &Path, contract: &Contract) -> Result<bool, Failure> {
    let read = KeptLog::from_bytes(&files::read(path)?, contract);
    Ok(!matches!(read, Err(AuditError::Malformed(_))))
}

/// Every log under the contract that the party's folder keeps.
pub(super) fn kept(common: &Common, contract: &Contract) -> Result<Vec<LogFile>, Failure> {
    let mut logs = Vec::new();
    for path in files::find(&files::in_folder(&common.dir, FOLDER), "audit")? {
        match KeptLog::from_bytes(&files::read(&path)?, contract) {
            // A folder with several rooms keeps the logs of all of them.
            Err(AuditError::OtherContract { .. }) => {
                say::note(format_args!(
                    "{} is of an instance under another contract: name that contract to check it.",
                    path.display()
                ));
            }
            _ => logs.push(LogFile { kept: read(&path, contract)?, path }),
        }
    }
    if logs.is_empty() {
        return Err(Failure::unclear(format!(
            "{} keeps no audit log under this contract: `glovebox audit list` gets one from the instance that serves, or that another left at the host, and keeps it",
            files::in_folder(&common.dir, FOLDER).display()
        )));
    }
    Ok(logs)
}

/// The log of `instance` that the party's folder keeps.
pub(super) fn kept_of(
    instance: Digest,
    common: &Common,
    contract: &Contract,
) -> Result<LogFile, Failure> {
    let path = kept_at(&common.dir, instance);
    if path.exists() {
        return Ok(LogFile { kept: read(&path, contract)?, path });
    }
    Err(Failure::unclear(format!(
        "no log of the instance {} is kept here ({} is not there): `glovebox audit list` gets it from that instance, or from what it left at the host; or name a \
         file that another party kept",
        instance.short(),
        path.display()
    )))
}

/// The receipts of all results that were opened into the party's folder.
pub(super) fn receipts(common: &Common) -> Result<Vec<PathBuf>, Failure> {
    let folders = result_files::folders(&files::in_folder(&common.dir, result_files::RESULTS))?;
    Ok(folders.into_iter().map(|folder| folder.join("receipt.cbor")).collect())
}

/// Why there is no head in a file.
pub(super) enum Unproven {
    /// It is about an instance under another contract.
    OtherContract(Failure),
    Other(Failure),
}

impl From<Failure> for Unproven {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl From<Unproven> for Failure {
    fn from(why: Unproven) -> Self {
        let (Unproven::OtherContract(failure) | Unproven::Other(failure)) = why;
        failure
    }
}
