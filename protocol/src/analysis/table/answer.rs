//! The answer to a question about groups.

use serde::{Deserialize, Serialize};

/// The answer to a question about groups.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableAnswer {
    /// What is counted, in words.
    pub counted: String,
    /// The headings of the groups, one for each of a cell's names.
    pub group_by: Vec<String>,
    /// In how many cells one person may count.
    pub cells_per_person: u32,
    /// Confidence level of the intervals, which cover the noise and nothing else.
    pub confidence: f64,
    /// Cells that are shown.
    pub cells: Vec<TableCell>,
    /// The smallest noisy count of people at which a cell is shown: the contract's or the job's
    /// floor, or the count from which noise alone hardly ever shows an empty cell, whichever is
    /// larger.
    pub shown_from: i64,
    /// The public cells that are too small to be shown, added up; null if every cell is shown, or if
    /// they are too small even together.
    pub other: Option<OtherCells>,
    /// How many cells are not shown: exact for public cells, noisy for cells whose names come from
    /// the data.
    pub withheld_cells: CountRange,
    /// How many of the public cells that are not shown are combinations without a value in some
    /// column, which may be empty by their nature; null for cells whose names come from the data.
    pub withheld_without_value: Option<u64>,
    /// People who refused consent in either dataset; null if they are too few to be shown, or if no
    /// dataset asks.
    pub no_consent: Option<CountRange>,
    /// Datasets that ask for consent. A person who refused in one of them is in no cell.
    pub consent_from: Vec<String>,
    /// The share that was found in the joined dataset, for a table by `matched` alone whose two
    /// cells are shown; null for other tables.
    pub matched: Option<MatchedShare>,
}

/// Which share of people was found in the joined dataset.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MatchedShare {
    /// Share of the people who refused in no dataset.
    pub share: f64,
    /// Range of the share: what the ranges of both cells leave open.
    pub ci: [f64; 2],
    /// Share of all people, with refusers among the found. It is there only if the joined dataset
    /// alone asks for consent, so that refusers are known because they were found, and if their
    /// number is shown.
    pub share_with_refusers: Option<f64>,
}

/// A cell of the table.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableCell {
    /// Value of the cell under each heading.
    pub names: Vec<String>,
    /// Number of people. Its interval is the one that holds given that the cell is shown.
    pub people: Estimate,
    /// Amounts for each measure of the job.
    pub measures: Vec<MeasureEstimate>,
}

/// The cells that are not shown, added up. Noise made the counts of their people small, so no
/// estimate of these people is right, and no mean. Totals have noise of their own.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OtherCells {
    /// The least number of people, at the result's confidence or better.
    pub people_at_least: i64,
    /// Totals for each measure of the job.
    pub measures: Vec<OtherTotal>,
}

/// The total of one measure over all cells that are not shown.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OtherTotal {
    /// Name in the job.
    pub name: String,
    /// Total over the people of these cells.
    pub total: Estimate,
}

/// The amounts of one measure in a cell.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureEstimate {
    /// Name in the job.
    pub name: String,
    /// Largest value of one person and cell; larger ones count as this.
    pub cap: f64,
    /// Smallest value of one person and cell; smaller ones count as this.
    pub floor: f64,
    /// Total over the people of the cell.
    pub total: Estimate,
    /// Total divided by people. The interval combines the intervals of total and people, each at
    /// half the error, as far as its ends are possible: what one person can have in the cell lies
    /// between floor and cap, and within the bin if the cell is a bin of this measure. The estimate
    /// is cut in the same way.
    pub mean: Estimate,
    /// Standard deviation between people, if squares were asked for.
    pub spread: Option<SpreadEstimate>,
}

/// How much people differ, with its interval at the result's confidence. The interval begins at 0
/// where noise reaches it, and ends at most where values between floor and cap can.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SpreadEstimate {
    /// The standard deviation between people.
    pub value: f64,
    /// Interval of the standard deviation.
    pub ci: [f64; 2],
}

/// A figure with the error that noise makes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Standard deviation of the noise in the figure.
    pub noise_sd: f64,
    /// Interval of the figure at the result's confidence.
    pub ci: [f64; 2],
}

/// A whole number, which may be noisy, and its range at the result's confidence.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CountRange {
    /// The number. A noisy number of cells is 0 if there may be none.
    pub n: i64,
    /// Standard deviation of the noise in the number; 0 if it is exact.
    pub noise_sd: f64,
    /// Least and most, not below 0.
    pub ci: [i64; 2],
}
