//! A result and its receipt in files, as anybody may be given them: read, and believed if the receipt holds.

use crate::{common_args::Common, failure::Failure, files, verify};
use client::{
    receipt_check::{self, Checked, ReceiptFiles},
    trust::Trust,
};
use protocol::{contract::Contract, page::Provenance, result::JobResult};
use std::path::{Path, PathBuf};

/// The files of a result.
#[derive(Clone, Debug)]
pub(crate) struct GivenFiles {
    pub(crate) result: PathBuf,
    pub(crate) receipt: PathBuf,
    pub(crate) released: Option<PathBuf>,
}

impl GivenFiles {
    /// The files of a result in `folder`, under the names that `result open` gives them.
    pub(crate) fn of(folder: &Path) -> Self {
        let released = folder.join("released.cbor");
        Self {
            result: folder.join("result.json"),
            receipt: folder.join("receipt.cbor"),
            released: released.exists().then_some(released),
        }
    }
}

/// A result whose receipt holds.
pub(crate) struct Given {
    pub(crate) contract: Contract,
    pub(crate) checked: Checked,
    pub(crate) result: JobResult,
    pub(crate) from: Provenance,
}

impl Given {
    /// Reads the files and checks them. Prints the checks if one fails.
    ///
    /// The contract may be its TOML alone: a receipt is held to its text.
    pub(crate) fn read(given: &GivenFiles, common: &Common) -> Result<Self, Failure> {
        let contract = files::Paper::read(&common.contract)?.contract;
        let trust = common.trust()?;
        let (result, receipt) = (files::read(&given.result)?, files::read(&given.receipt)?);
        let released = given.released.as_deref().map(files::read).transpose()?;
        let beside = ReceiptFiles { result: Some(&result), released: released.as_deref() };
        let checked = match receipt_check::check(&contract, &receipt, beside, &trust) {
            Ok(checked) => checked,
            Err(error) => {
                verify::print(error.checks())?;
                return Err(error.into());
            }
        };
        let from = from(&checked, &trust, &result, common);
        let result = JobResult::from_json(&result).map_err(Failure::no)?;
        Ok(Self { contract, checked, result, from })
    }

    /// What the checks were made with, in a sentence.
    pub(crate) fn what_holds(&self) -> String {
        let derived = if self.checked.released.is_some() {
            "every figure was derived again from the released ones"
        } else {
            "its figures were not derived again, which takes released.cbor"
        };
        format!("The receipt holds ({} checks); {derived}.", self.checked.checks.len())
    }
}

fn from(checked: &Checked, trust: &Trust, result: &[u8], common: &Common) -> Provenance {
    checked.provenance(trust, result, &checked.job, None, common.names())
}
