//! A result and its receipt in files, as anybody may be given them: read, and believed if the receipt holds.

use crate::{common_args::Common, failure::Failure, files, verify};
use client::{
    receipt_check::{self, Checked, ReceiptError, ReceiptFiles},
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

impl GivenFiles {
    /// Refuses files that are not there, by what they are.
    fn expect(&self) -> Result<(), Failure> {
        let Some(missing) = [&self.result, &self.receipt].into_iter().find(|path| !path.exists())
        else {
            return Ok(());
        };
        let why = if missing == &self.receipt && self.result.exists() {
            "there is a result and no receipt, as `glovebox try` leaves it: only a result of a room has one"
        } else {
            "expected the folder of an opened result, as `glovebox result open -o FOLDER` writes it"
        };
        Err(Failure::unclear(format!("{} is not there: {why}", missing.display())))
    }
}

/// Why a result is not believed.
#[derive(Debug)]
pub(crate) enum Unbelieved {
    /// Its receipt does not hold.
    Receipt(ReceiptError),
    /// Something could not be read.
    Other(Failure),
}

impl From<Failure> for Unbelieved {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
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
        Self::read_with(given, common, &common.trust()?)
    }

    /// The same, of a root and builds that were read before.
    pub(crate) fn read_with(
        given: &GivenFiles,
        common: &Common,
        trust: &Trust,
    ) -> Result<Self, Failure> {
        Self::believed(given, common, trust).map_err(|why| match why {
            Unbelieved::Receipt(error) => match verify::print(error.checks()) {
                Ok(()) => error.into(),
                Err(failure) => failure,
            },
            Unbelieved::Other(failure) => failure,
        })
    }

    /// The same, without a word on the terminal.
    pub(crate) fn believed(
        given: &GivenFiles,
        common: &Common,
        trust: &Trust,
    ) -> Result<Self, Unbelieved> {
        let contract = files::Paper::read(&common.contract)?.contract;
        given.expect()?;
        let (receipt, result) = in_order(files::read(&given.receipt)?, files::read(&given.result)?);
        let released = given.released.as_deref().map(files::read).transpose()?;
        let beside = ReceiptFiles { result: Some(&result), released: released.as_deref() };
        let checked = receipt_check::check(&contract, &receipt, beside, trust);
        let checked = checked.map_err(Unbelieved::Receipt)?;
        let from = from(&checked, trust, &result, common);
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

/// The receipt and the result, whichever was named first: a result is JSON, and a receipt is not.
pub(crate) fn in_order(receipt: Vec<u8>, result: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    if is_result(&receipt) && !is_result(&result) { (result, receipt) } else { (receipt, result) }
}

/// Whether a file looks like a result, and so is no receipt.
pub(crate) fn is_result(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"{")
}

fn from(checked: &Checked, trust: &Trust, result: &[u8], common: &Common) -> Provenance {
    checked.provenance(trust, result, &checked.job, None, common.names())
}
