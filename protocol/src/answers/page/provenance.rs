//! Where a result comes from, as its page says.

use super::{Asker, Text, number};
use crate::{digest::Digest, opt_outs::NamedOptOuts, sealed::Declared};

/// Where a result comes from. The result itself does not say it; the party that opened it knows.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever opens a result names all of it")]
pub struct Provenance {
    /// True if the root of trust is not AWS's.
    pub simulated: bool,
    /// The party that asked.
    pub asked_by: String,
    /// The reader and the job that was opened; `None` for a trial.
    pub asker: Option<Asker>,
    /// Digest of the result's exact bytes.
    pub output: Digest,
    /// The evidence for the result.
    pub source: Source,
}

/// The evidence for a result.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever opens a result names what there is")]
pub enum Source {
    /// There is none: a trial leaves no receipt.
    Trial,
    /// A receipt that was checked.
    Receipt(Checked),
    /// A checked receipt about the figures. The answer was estimated from them at home.
    Derived,
}

/// One version of a dataset that was read, according to the manifest that its owner signed.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "whoever checks a receipt names all of it")]
pub struct DataVersion {
    /// Name of the dataset.
    pub dataset: String,
    /// Owner of the dataset.
    pub owner: String,
    /// Number of the version.
    pub version: u64,
    /// Digest of the manifest.
    pub manifest: Digest,
    /// What the owner declared of its size; the true number of rows is not known outside.
    pub declared: Declared,
    /// The list of opt-outs whose people were left out, if the owner ever made one.
    pub opt_outs: Option<NamedOptOuts>,
}

impl DataVersion {
    /// The version in words.
    #[must_use]
    pub fn words(&self) -> Text {
        let Declared { rows, rows_per_person } = self.declared;
        let count = |number: u64| number::whole(i64::try_from(number).unwrap_or(i64::MAX));
        let said = Text::quoted(&self.dataset).and(" of ").quote(&self.owner).and(format!(
            ", version {}: padded to room for {} rows, at most {} of one person; its manifest is {}.",
            self.version,
            count(rows),
            count(rows_per_person),
            self.manifest
        ));
        match self.opt_outs {
            None => said,
            Some(list) => said.and(format!(
                " Without who opted out: the owner's list of {} with the digest {}, which has room for {} identifiers.",
                number::moment(list.made()),
                list.digest,
                count(list.places),
            )),
        }
    }
}

/// What the checks of a receipt have shown.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever checks a receipt names all of it")]
pub struct Checked {
    /// SHA-256 of the receipt's bytes, as `sha256sum` prints it.
    pub receipt: String,
    /// The parties that receive the result.
    pub receivers: Vec<String>,
    /// The versions of the data that were read, in the contract's order.
    pub data: Vec<DataVersion>,
    /// The root of trust, in words.
    pub root: String,
    /// Registers of the build that made it.
    pub registers: Vec<(u8, String)>,
    /// When the hypervisor signed the receipt.
    pub attested: String,
    /// File with the signed contract.
    pub contract_file: String,
    /// The named root, if there is one, for the commands that check the receipt.
    pub danger_root: Option<String>,
}
