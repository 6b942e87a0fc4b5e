//! What can go wrong while a tally is counted.

/// What went wrong inside. Quotes no value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The contract does not have what the tally names.
    #[error("the contract has no dataset \"{0}\"")]
    NoDataset(String),
    /// A table is not of the sealed layout.
    #[error("column \"{column}\" of \"{dataset}\" is missing or not of the sealed layout")]
    Layout {
        /// Dataset.
        dataset: String,
        /// Column.
        column: String,
    },
    /// The people of a dataset were not put into the order that a union or claims ask for.
    #[error(
        "the people of \"{dataset}\" are not in the order of the kind of key that they are counted by"
    )]
    NoOrder {
        /// Dataset.
        dataset: String,
    },
    /// Another number of tables than the tally has datasets.
    #[error("the engine was not handed one table for each dataset of the tally")]
    Tables,
    /// A measure or a product, added over so many people, could exceed 63 bits.
    #[error("a clamp of {clamp} over {rows} rows does not fit into 63 bits")]
    Range {
        /// Clamp.
        clamp: u64,
        /// Rows of all whose people are counted, padding included.
        rows: usize,
    },
    /// More cells than the proof of a tally allows.
    #[error("the tally has more cells than can be numbered")]
    Cells,
    /// The tables do not fit into memory.
    #[error("the tables do not fit into the memory of the engine")]
    Memory,
    /// Counting panicked: a defect.
    #[error("the engine failed")]
    Engine,
}
