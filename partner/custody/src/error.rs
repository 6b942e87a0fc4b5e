//! Why the ledger does not do what it was asked.

use super::{
    generation::Generation,
    questions::{self, Novelty},
};
use client::people::{Overlap, OverlapReason, SketchError};
use client::{keys::IdentityError, withdrawals::WithdrawalError};
use protocol::{digest::Digest, refusal::Refusal, time::Time};
use std::{io, path::PathBuf};

/// Why the ledger does not do what it was asked.
///
/// Remedy: do what the text names; until then the ledger hands out nothing for it, and nothing is lost.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The request is refused, for example for lack of budget.
    #[error("{0}")]
    Refused(#[source] Box<Refusal>),
    /// The database is a restored backup.
    #[error("this ledger is older than what was handed out from it (it knows {found} changes, {}): a \
             restored backup. It hands out nothing until every instance since then is accounted for: \
             collect their closings and run `glovebox custody accounted --closing FILE..`, which says what \
             would be written off before anything is", counted(*expected))]
    Restored {
        /// Number of changes that the database knows of.
        found: u64,
        /// Number of changes that were made.
        expected: u64,
    },
    /// A backup was restored, and this contract was not accounted for since then.
    #[error("this ledger was a restored backup, and is not accounted for under the contract {}: it hands \
             out nothing under it until `glovebox custody accounted` has run with it", contract.short())]
    Unaccounted {
        /// The contract.
        contract: Digest,
    },
    /// The ledger has no such order.
    #[error(
        "this party has accepted no such order under the contract: `glovebox order list` shows those that it has"
    )]
    NoOrder,
    /// The order was cancelled.
    #[error("{by} cancelled this order, and it stays so: its analyst can sign a new one")]
    CancelledOrder {
        /// Who cancelled it.
        by: String,
    },
    /// There is nothing to account for.
    #[error("this ledger is not a restored backup, or is accounted for under the contract {} already: nothing \
             to do, and nothing was written off", contract.short())]
    NotRestored {
        /// The contract.
        contract: Digest,
    },
    /// The closing is of an instance that this ledger never handed anything to.
    #[error("this ledger handed nothing to the instance {}: nothing to credit", instance.short())]
    UnknownInstance {
        /// The instance.
        instance: Digest,
    },
    /// The instance has another closing already.
    #[error("the instance {} was closed before with another closing: the first one counts", instance.short())]
    OtherClosing {
        /// The instance.
        instance: Digest,
    },
    /// The closing came after its instance was written off.
    #[error("the instance {} was written off when this ledger was restored: its rest stays lost", instance.short())]
    WrittenOff {
        /// The instance.
        instance: Digest,
    },
    /// The list of withdrawn keys beside the ledger cannot be used.
    #[error(transparent)]
    Withdrawals(#[from] WithdrawalError),
    /// The keys have no ledger beside them.
    #[error("there is no {}, the ledger of these keys, so nobody can tell what was handed out with them: copy \
             custody.sqlite and custody.generation from where the keys were used before, or put a backup of \
             custody.sqlite beside the old custody.generation. Only if nothing was ever handed out with \
             these keys: `glovebox custody new --i-know-it-is-the-first`", path.display())]
    Missing {
        /// The database.
        path: PathBuf,
    },
    /// The ledger was moved to another place.
    #[error("this ledger was moved to the place {}{}, and hands out nothing here any more, whatever backup of it is put \
             back: use it there", to.short(), when(*time))]
    Moved {
        /// The place.
        to: Digest,
        /// When; 0 where only the mark beside the database says so.
        time: Time,
    },
    /// This folder expects no ledger.
    #[error(
        "this folder expects no ledger: run `glovebox custody expect` here, and `glovebox custody move` where the \
             ledger is, with the name that it prints"
    )]
    NotExpected,
    /// The file is not a ledger that was moved.
    #[error(
        "the file was not written by `glovebox custody move`: take the one that was. A copy of a ledger \
             would hand out its budgets twice; a backup is put beside its custody.generation, and accounted for"
    )]
    NotMoved,
    /// The ledger was moved to another place.
    #[error("the ledger was moved to the place {}, and this is {}: only that one can take it, once", found.short(), expected.short())]
    OtherPlace {
        /// Where it was moved to.
        found: Digest,
        /// This place.
        expected: Digest,
    },
    /// The keys that the ledger would be made for cannot be made.
    #[error(transparent)]
    Keys(Box<IdentityError>),
    /// There is a ledger already.
    #[error("{} exists already: a ledger is never begun twice", path.display())]
    Exists {
        /// The database.
        path: PathBuf,
    },
    /// The ledger is another party's.
    #[error("{} is the ledger of other keys than the keys beside it: bring together what belongs \
             together", path.display())]
    OtherKeys {
        /// The database.
        path: PathBuf,
    },
    /// A lineage, purpose or period is new, and the owner's people have already lost something.
    #[error("{}", questions::question(dataset, lineage, what, most))]
    WhosePeople {
        /// Name of the dataset.
        dataset: String,
        /// Its lineage.
        lineage: String,
        /// What is new about it.
        what: Novelty,
        /// Lineages that the ledger knows.
        known: Vec<String>,
        /// The lineage through which the most was lost.
        most: String,
    },
    /// Two lineages share people, and the owner has not said whether they are the same people.
    #[error("{}", questions::shared(dataset, lineage, overlap, *why))]
    SharedPeople {
        /// Name of the dataset.
        dataset: String,
        /// Its lineage.
        lineage: String,
        /// The other lineage, and the shares.
        overlap: Overlap,
        /// Why the owner is asked.
        why: OverlapReason,
    },
    /// The samples by which lineages are compared cannot be used.
    #[error(transparent)]
    Samples(#[from] SketchError),
    /// The owner called people new that the ledger knows.
    #[error(
        "the people of \"{dataset}\" are not new: its lineage \"{lineage}\" has had a budget before, and a \
             lineage is the same people for ever. Say --same-people {lineage}, or give other people a \
             lineage of their own in the contract"
    )]
    KnownPeople {
        /// Name of the dataset.
        dataset: String,
        /// Its lineage.
        lineage: String,
    },
    /// The answer names a lineage that the ledger does not know.
    #[error(
        "this ledger knows no lineage \"{lineage}\"; it knows {}",
        if known.is_empty() { "none yet".to_owned() } else { known.join(", ") }
    )]
    NoLineage {
        /// The lineage that was named.
        lineage: String,
        /// Lineages that the ledger knows.
        known: Vec<String>,
    },
    /// The database has the format of another program.
    #[error("{path} is not a custody ledger of this version (format {found})")]
    OtherFormat {
        /// The database.
        path: PathBuf,
        /// The format that it has.
        found: i64,
    },
    /// A row of the database was not written by this program.
    #[error("the ledger holds a row that is not readable: restore a backup and account for it")]
    Corrupt,
    /// The party's dataset would be granted with an older list of opt-outs than the ledger knows, or with none.
    #[error("the ledger knows a newer list of opt-outs of \"{dataset}\" than is in {}, so nothing was granted: bring the newest \
             list there from the machine where `glovebox optout` was run", folder.display())]
    OlderOptOuts {
        /// Name of the dataset.
        dataset: String,
        /// The folder of lists.
        folder: PathBuf,
    },
    /// A manifest names a list of opt-outs that nobody can have made yet.
    #[error(
        "the list of opt-outs that the manifest of \"{dataset}\" names has the number {number}, which is more than a day ahead \
             of this clock; a list is numbered by the second in which it is made, so it was not recorded: set the clocks right, \
             or withdraw the key that signed the manifest (`glovebox keys withdraw`)"
    )]
    FutureOptOuts {
        /// Name of the dataset.
        dataset: String,
        /// The number.
        number: u64,
    },
    /// The party's list of opt-outs cannot be used.
    #[error(transparent)]
    OptOuts(#[from] client::opt_outs::OptOutsError),
    /// `SQLite` failed.
    #[error("the ledger's database: {0}")]
    Database(#[from] rusqlite::Error),
    /// A file of the ledger cannot be read or written.
    #[error("the ledger in {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system says.
        cause: io::Error,
    },
    /// The counter of changes cannot be read or written.
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

fn when(time: Time) -> String {
    if time == Time(0) { String::new() } else { format!(" at {time}") }
}
