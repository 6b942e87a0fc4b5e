//! Why a party's keys cannot be made or used.

use super::{
    names::{delegation_file, key_file},
    passphrase::{Cost, PassphraseLength},
};
use crate::withdrawn::WithdrawnError;
use protocol::{delegation::KeyKind, sign::PublicKey};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why keys cannot be made or used.
///
/// Remedy: name the folder of the party's keys with --dir, readable by its user alone (mode 600 of key files).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// There is a key already.
    #[error("{path} exists already: keys are never overwritten, name another directory")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// No keys there.
    #[error(
        "there is no {path}: name a folder with this key of the party with --dir{}",
        anew(path)
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A folder of something else.
    #[error(
        "{directory} is no party's folder: it has no service.key, analyst.key or root.key. Name the folder with the party's \
             keys with --dir, or make one with `glovebox init` if the party has none"
    )]
    NoKeys {
        /// The folder.
        directory: PathBuf,
    },
    /// Others may read it.
    #[error(
        "{path} can be read by others (mode {mode:o}), expected 600: run `chmod 600` on it, and \
             make new keys if others had access"
    )]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Keys that two root keys delegated.
    #[error(
        "the keys in {directory} are delegated by two root keys: keep each party's keys in a folder of its own"
    )]
    TwoParties {
        /// The folder.
        directory: PathBuf,
    },
    /// A delegation of something else.
    #[error(
        "{path} does not delegate the {kind} key beside it: have the party's root key delegate it (`glovebox keys \
         delegate`)"
    )]
    NoDelegation {
        /// The file.
        path: PathBuf,
        /// The kind of key.
        kind: KeyKind,
    },
    /// Not 32 bytes, nor a root key under a passphrase.
    #[error(
        "{path} is not a key of this program: expected 32 bytes, or a root key under a passphrase"
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A root key that nobody gave the passphrase of.
    #[error("{path} is under a passphrase, and none was given")]
    Protected {
        /// The file.
        path: PathBuf,
    },
    /// Another passphrase.
    #[error("the passphrase does not open {path}")]
    Passphrase {
        /// The file.
        path: PathBuf,
    },
    /// A passphrase that is too short or too long.
    #[error(transparent)]
    PassphraseLength(#[from] PassphraseLength),
    /// A file that asks for more work than this program ever did.
    #[error(
        "{path} asks for {memory_kib} KiB of memory and {passes} passes for a passphrase, expected at most {} KiB and {} \
         passes: this program did not write it",
        Cost::MOST.memory_kib,
        Cost::MOST.passes
    )]
    Costly {
        /// The file.
        path: PathBuf,
        /// Memory.
        memory_kib: u32,
        /// Passes over it.
        passes: u32,
    },
    /// The memory that a passphrase takes cannot be had.
    #[error(
        "opening a root key takes {memory_kib} KiB of memory, which this machine does not give"
    )]
    PassphraseMemory {
        /// Memory.
        memory_kib: u32,
    },
    /// A name or address that no contract can hold.
    #[error("{what} \"{found}\" cannot stand in a contract: expected {expected}")]
    BadWords {
        /// Name or address.
        what: &'static str,
        /// What was given.
        found: String,
        /// What is allowed.
        expected: &'static str,
    },
    /// Not in the contract.
    #[error(
        "these keys ({key}) belong to no party in this contract: name the folder of the party's keys with --dir, \
         or have the contract name this key"
    )]
    NoParty {
        /// Our root key.
        key: PublicKey,
    },
    /// In the contract with another recipient key.
    #[error(
        "the contract lists another recipient key for \"{party}\" than recipient.key: results \
             would be sealed to a key that is not yours"
    )]
    OtherRecipient {
        /// Our name in it.
        party: String,
    },
    /// The list of withdrawn builds beside the keys.
    #[error(transparent)]
    Withdrawn(WithdrawnError),
    /// No randomness.
    #[error("the operating system gave no random numbers")]
    Randomness,
    /// Reading or writing.
    #[error("reading or writing {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// How the file that is missing comes to be: a key that was withdrawn leaves such a folder behind.
fn anew(path: &Path) -> String {
    let is = |name: String| path.file_name().is_some_and(|found| *found == *name);
    for kind in [KeyKind::Service, KeyKind::Analyst] {
        let delegate =
            format!("have the root key delegate it with `glovebox keys delegate --kind {kind}`");
        if is(key_file(kind)) {
            return format!(
                ", or make another key with `glovebox keys new --kind {kind}` and {delegate}; a party that has no keys at \
                 all makes them with `glovebox init`"
            );
        }
        if is(delegation_file(kind)) {
            return format!(", or {delegate}");
        }
    }
    ", or make the party's keys with `glovebox init` if it has none".to_owned()
}
