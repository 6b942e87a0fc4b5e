//! Where a result comes from, as its page says.

use super::Asker;
use crate::digest::Digest;

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

/// What the checks of a receipt have shown.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever checks a receipt names all of it")]
pub struct Checked {
    /// The parties that receive the result.
    pub receivers: Vec<String>,
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
