//! Counts and sums by group.

use serde::{Deserialize, Serialize};

/// The answer to a question about groups.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableAnswer {
    /// What is counted, in words.
    pub counted: String,
    /// What cells are made of, one heading for each of a cell's names.
    pub group_by: Vec<String>,
    /// In how many cells one person counts at most.
    pub cells_per_person: u32,
    /// Confidence level of the intervals, which cover the noise and nothing else.
    pub confidence: f64,
    /// Cells that are shown.
    pub cells: Vec<TableCell>,
    /// The least noisy count of people at which a cell is shown: the contract's or the job's floor, or what
    /// it takes that noise alone hardly ever shows an empty cell, where that is more.
    pub shown_from: i64,
    /// The public cells that are too small to be shown, added up; null if there are none, or if they
    /// are too small together.
    pub other: Option<OtherCells>,
    /// How many cells are not shown: exact for public cells, noisy for cells that the data name.
    pub withheld_cells: CountRange,
    /// How many of the public cells that are not shown are combinations with no value in a column, which
    /// may be nobody's by their nature; null for cells that the data name.
    pub withheld_without_value: Option<u64>,
    /// People who did not agree, in either dataset; null if too few to be shown, or if no dataset asks.
    pub no_consent: Option<CountRange>,
    /// Datasets that ask for consent: whoever refused in one of them is in no cell.
    pub consent_from: Vec<String>,
    /// The share that was found in the joined dataset, of a table by `matched` alone whose two cells are
    /// shown; null elsewhere.
    pub matched: Option<MatchedShare>,
}

/// How many were found in the joined dataset, and of whom.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MatchedShare {
    /// Of the people who refused in no dataset.
    pub share: f64,
    /// Its range: what the ranges of both cells leave open.
    pub ci: [f64; 2],
    /// The same of all people, with refusers among the found. Only where the joined dataset alone asks for
    /// consent, so that they are known because they were found; and only where their number is shown.
    pub share_with_refusers: Option<f64>,
}

/// One cell.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableCell {
    /// Its value under each heading.
    pub names: Vec<String>,
    /// People; its interval is the one that holds given that the cell is shown.
    pub people: Estimate,
    /// For each measure of the job.
    pub measures: Vec<MeasureEstimate>,
}

/// Cells that are not shown, added up. They are those whose people noise made few, so that no estimate of their
/// people is right, and no mean; totals have noise of their own.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OtherCells {
    /// How many people there are at least, at the result's confidence or better.
    pub people_at_least: i64,
    /// For each measure of the job.
    pub measures: Vec<OtherTotal>,
}

/// What was added up for one measure over all cells that are not shown.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct OtherTotal {
    /// Name in the job.
    pub name: String,
    /// Total over the people of these cells.
    pub total: Estimate,
}

/// What was added up for one measure.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureEstimate {
    /// Name in the job.
    pub name: String,
    /// Largest value of one person and cell: what is above it counts as it.
    pub cap: f64,
    /// Smallest value of one person and cell: what is below it counts as it.
    pub floor: f64,
    /// Total over the people of the cell.
    pub total: Estimate,
    /// Total over people. Its interval has both ends of those of total and people in it, each at half the
    /// error, as far as they are possible: what one person can have in the cell lies between floor and cap, and
    /// within the bin where the cell is one of this measure. So does the estimate.
    pub mean: Estimate,
    /// Standard deviation between people, if squares were asked for.
    pub spread: Option<SpreadEstimate>,
}

/// How much people differ, and the interval of that at the result's confidence: from 0 where noise reaches it,
/// and no more than values between floor and cap can differ.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SpreadEstimate {
    /// The standard deviation between people.
    pub value: f64,
    /// Its interval.
    pub ci: [f64; 2],
}

/// A figure with the error that its noise makes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// Standard deviation of the noise in it.
    pub noise_sd: f64,
    /// Its interval at the result's confidence.
    pub ci: [f64; 2],
}

/// A whole number that may be noisy, and the range that holds it at the result's confidence.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CountRange {
    /// The number; of a noisy number of cells 0, if there may be none.
    pub n: i64,
    /// Standard deviation of its noise; 0 if it is exact.
    pub noise_sd: f64,
    /// Least and most, not below 0.
    pub ci: [i64; 2],
}
