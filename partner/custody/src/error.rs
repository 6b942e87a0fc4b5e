//! Why the ledger does not do what it is asked.

use super::{
    generation::Generation,
    questions::{self, Unheard},
};
use client::people::{Overlap, SketchError, Why};
use client::{keys::IdentityError, withdrawals::WithdrawalError};
use protocol::{digest::Digest, refusal::Refusal};
use std::{io, path::PathBuf};

/// Why the ledger does not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// Not within the budget.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// A restored backup.
    #[error("this ledger is older than what was handed out from it (it knows {found} changes, {}): a \
             restored backup. It hands out nothing until every instance since then is accounted for: \
             collect their closings and run `glovebox custody accounted --closing FILE..`, which says what \
             would be written off before anything is", counted(*expected))]
    Restored {
        /// Changes that the database knows of.
        found: u64,
        /// Changes that there were.
        expected: u64,
    },
    /// A backup was restored, and this contract not accounted for since.
    #[error("this ledger was a restored backup, and is not accounted for under the contract {}: it hands \
             out nothing under it until `glovebox custody accounted` has run with it", contract.short())]
    Unaccounted {
        /// The contract.
        contract: Digest,
    },
    /// Nothing to account for.
    #[error("this ledger is not a restored backup, or is accounted for under the contract {} already: nothing \
             to do, and nothing was written off", contract.short())]
    NotRestored {
        /// The contract.
        contract: Digest,
    },
    /// A closing of an instance that this ledger never met.
    #[error("this ledger handed nothing to the instance {}: nothing to credit", instance.short())]
    UnknownInstance {
        /// Which.
        instance: Digest,
    },
    /// A second, other closing.
    #[error("the instance {} was closed before with another closing: the first one counts", instance.short())]
    OtherClosing {
        /// Which.
        instance: Digest,
    },
    /// A closing that came too late.
    #[error("the instance {} was written off when this ledger was restored: its rest stays lost", instance.short())]
    WrittenOff {
        /// Which.
        instance: Digest,
    },
    /// The list of withdrawn keys beside the ledger.
    #[error(transparent)]
    Withdrawals(#[from] WithdrawalError),
    /// Keys without their ledger.
    #[error("there is no {}, the ledger of these keys, so nobody can tell what was handed out with them: copy \
             custody.sqlite and custody.generation from where the keys were used before, or put a backup of \
             custody.sqlite beside the old custody.generation. Only if nothing was ever handed out with \
             these keys: `glovebox custody new --i-know-it-is-the-first`", path.display())]
    Missing {
        /// The database.
        path: PathBuf,
    },
    /// The keys that it would be beside.
    #[error(transparent)]
    Keys(Box<IdentityError>),
    /// A ledger is there already.
    #[error("{} exists already: a ledger is never begun twice", path.display())]
    Exists {
        /// The database.
        path: PathBuf,
    },
    /// Another party's ledger.
    #[error("{} is the ledger of other keys than the keys beside it: bring together what belongs \
             together", path.display())]
    OtherKeys {
        /// The database.
        path: PathBuf,
    },
    /// Something new, of an owner whose people have lost something.
    #[error("{}", questions::question(dataset, lineage, what, most))]
    WhosePeople {
        /// The dataset.
        dataset: String,
        /// Its lineage.
        lineage: String,
        /// What is new.
        what: Unheard,
        /// Lineages that the ledger knows.
        known: Vec<String>,
        /// The one through which the most was lost.
        most: String,
    },
    /// People of one lineage in another, of whom nobody has said whether they are others.
    #[error("{}", questions::shared(dataset, lineage, overlap, *why))]
    SharedPeople {
        /// The dataset.
        dataset: String,
        /// Its lineage.
        lineage: String,
        /// The other lineage, and the shares.
        overlap: Overlap,
        /// Why it is asked.
        why: Why,
    },
    /// The samples by which lineages are compared.
    #[error(transparent)]
    Samples(#[from] SketchError),
    /// Known people, called new.
    #[error(
        "the people of \"{dataset}\" are not new: its lineage \"{lineage}\" has had a budget before, and a \
             lineage is the same people for ever. Say --same-people {lineage}, or give other people a \
             lineage of their own in the contract"
    )]
    KnownPeople {
        /// The dataset.
        dataset: String,
        /// Its lineage.
        lineage: String,
    },
    /// An answer that names nobody.
    #[error("this ledger knows no lineage \"{lineage}\", but {}", known.join(", "))]
    NoLineage {
        /// What was named.
        lineage: String,
        /// Lineages that the ledger knows.
        known: Vec<String>,
    },
    /// Another program's file.
    #[error("{path} is not a custody ledger of this version (format {found})")]
    OtherFormat {
        /// The database.
        path: PathBuf,
        /// What it says.
        found: i64,
    },
    /// A row that this program did not write.
    #[error("the ledger holds a row that is not readable: restore a backup and account for it")]
    Corrupt,
    /// `SQLite`.
    #[error("the ledger's database: {0}")]
    Database(#[from] rusqlite::Error),
    /// The files.
    #[error("the ledger in {path}: {cause}")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The counter.
    #[error("the ledger's counter: {0}")]
    Counter(#[from] io::Error),
}

impl LedgerError {
    pub(super) fn refused(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

fn counted(expected: u64) -> String {
    match expected {
        Generation::LOST => "custody.generation is lost".to_owned(),
        n => format!("custody.generation {n}"),
    }
}
