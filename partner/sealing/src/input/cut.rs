//! Rows of CSV that were taken apart.

use csv::ByteRecord;

/// Rows of CSV.
#[derive(Default)]
pub(super) struct Lines {
    /// More than there are rows, where it was used before.
    pub(super) records: Vec<ByteRecord>,
    pub(super) rows: Vec<Line>,
    pub(super) separator: u8,
    /// Which field each sealed column is.
    pub(super) columns: Vec<usize>,
}

/// What is known of a row of CSV beside its fields.
pub(super) struct Line {
    pub(super) number: u64,
    pub(super) origin: Option<String>,
    pub(super) is_header: bool,
}
