//! Why a list of withdrawn builds cannot be used.

use std::{io, path::PathBuf};

/// Why it is not known which builds were withdrawn.
///
/// Remedy: give a current list of withdrawn builds; while it is unknown which are withdrawn, none is believed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WithdrawnError {
    /// A party's folder without its list.
    #[error("there is no {}, the list of builds that this party withdrew, which is kept beside its keys, so \
             nothing is believed: copy it from where the keys were used before, or, if nothing was ever \
             withdrawn, run `glovebox build withdrawn --none-so-far`", path.display())]
    Missing {
        /// The list.
        path: PathBuf,
    },
    /// Not a list.
    #[error("{} is not a list of withdrawn builds ({reason}), so nothing is believed: mend it, or put back a \
             copy", path.display())]
    Malformed {
        /// The list.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file system.
    #[error("which builds were withdrawn is not known, so nothing is believed: {}: {cause}", path.display())]
    Io {
        /// The list.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}
