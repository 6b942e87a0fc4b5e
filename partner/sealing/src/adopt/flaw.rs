//! Why a file that somebody else sealed is not taken over.

/// Why a file that opens is not adopted.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum AdoptFlaw {
    /// The keys lack one.
    #[error("the file of keys has no key for the column {column}")]
    Missing {
        /// The column.
        column: String,
    },
    /// One key for two columns.
    #[error("{column} has the key of another column, so that granting one would grant both")]
    SharedKey {
        /// The column.
        column: String,
    },
    /// Codes that mean nothing.
    #[error("{rows} values of {column} are outside {least} to {most}")]
    Range {
        /// The column.
        column: String,
        /// How many.
        rows: u64,
        /// The least code.
        least: i32,
        /// The greatest code.
        most: i32,
    },
    /// Rows of nobody.
    #[error("{rows} rows have no identifier: every match key is zero")]
    NoIdentifier {
        /// How many.
        rows: u64,
    },
    /// Nothing but padding.
    #[error("no row is marked 1: all is padding")]
    Empty,
}
