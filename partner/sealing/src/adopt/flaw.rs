//! Why a file that somebody else sealed is not taken over.

use protocol::sealed::Declared;

/// Why a file that opens is not adopted.
///
/// Remedy: have the other program write the file as protocol/spec/sealed-v2.md says, or seal the table with
/// `glovebox seal`.
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
    /// Rows that would count as padding.
    #[error(
        "{rows} rows of bucket {bucket} are of people of other buckets, and would count as padding: the first bits of \
         the first tag that a row has, in the contract's order of columns, say its bucket"
    )]
    Strays {
        /// How many.
        rows: u64,
        /// Where, from 0.
        bucket: u16,
    },
    /// More than was declared.
    #[error(
        "the file has {rows} rows that are not padding, at most {most} of one person, and it declares {} and {}",
        declared.rows, declared.rows_per_person
    )]
    Declared {
        /// Rows of somebody.
        rows: u64,
        /// The most of one person.
        most: u64,
        /// What was declared.
        declared: Declared,
    },
    /// A number of rows that no declaration has.
    #[error(
        "the file has {rows} rows with padding, which follow from no declaration that was named: say --rows and \
         --rows-per-person as the file was made"
    )]
    Size {
        /// Rows with padding.
        rows: u64,
    },
    /// Nothing but padding.
    #[error("no row has a tag: all is padding")]
    Empty,
}
