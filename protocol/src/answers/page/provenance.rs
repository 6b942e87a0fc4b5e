//! Where a result comes from, which its page says.

use super::Asker;
use crate::digest::Digest;

/// Where a result comes from. Whoever opened it knows; the result does not.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever opens a result names all of it")]
pub struct Provenance {
    /// True if the root of trust is not AWS's.
    pub simulated: bool,
    /// The party that asked.
    pub asked_by: String,
    /// Who reads, and which job was opened; none for a trial.
    pub asker: Option<Asker>,
    /// Digest of the result's exact bytes.
    pub output: Digest,
    /// What speaks for it.
    pub source: Source,
}

/// What speaks for a result.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "whoever opens a result names what there is")]
pub enum Source {
    /// Nothing: a trial leaves no receipt.
    Trial,
    /// A receipt, which has been checked.
    Receipt(Checked),
    /// Figures that a receipt is about, which has been checked; the answer was estimated from them at home.
    Derived,
}

/// What the checks of a receipt have shown.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever checks a receipt names all of it")]
pub struct Checked {
    /// The parties that were told.
    pub receivers: Vec<String>,
    /// The root of trust, in words.
    pub root: String,
    /// Registers of the build that made it.
    pub registers: Vec<(u8, String)>,
    /// When the hypervisor signed the receipt.
    pub attested: String,
    /// File with the signed contract.
    pub contract_file: String,
    /// What the check commands need besides, such as the named root.
    pub danger_root: Option<String>,
}
