//! Why a name of a column that the owner gives is refused.

/// Why a name given on the command line is refused.
///
/// Remedy: write FILE=CONTRACT with names that the file and the contract have.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MapFlaw {
    /// Nothing is renamed to anything.
    #[error("expected FILE=CONTRACT, a column of the file and what the contract calls it")]
    NoPair,
    /// The file has no such column.
    #[error("the file has no column \"{name}\"{} (expected FILE=CONTRACT)", but(names))]
    NotInTable {
        /// What was named.
        name: String,
        /// The columns that it has; none if they may be values.
        names: Vec<String>,
    },
    /// The dataset has no such column.
    #[error(
        "the contract has no column \"{name}\" in this dataset{} (expected FILE=CONTRACT)",
        but(names)
    )]
    NotInContract {
        /// What was named.
        name: String,
        /// The columns that it has.
        names: Vec<String>,
    },
    /// Both ways of reading it make sense.
    #[error("can be read in both directions: rename the column in the file")]
    Ambiguous,
    /// To be ignored, but not there.
    #[error("the file has no such column to ignore")]
    NotInFile,
    /// To be ignored, but sealed.
    #[error("the contract seals this column: it cannot be ignored")]
    Sealed,
}

/// The names that there are, behind one that there is not.
fn but(names: &[String]) -> String {
    if names.is_empty() {
        "; what its first line says is not shown, for it may be data".to_owned()
    } else {
        format!(", but {}", names.join(", "))
    }
}
