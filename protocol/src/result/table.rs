//! Counts and sums by group.

use super::PrivacyReport;
use crate::{digest::Digest, time::Time};
use serde::{Deserialize, Serialize};

/// The result of a question about groups.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableResult {
    /// Always [`FORMAT`].
    pub format: String,
    /// True unless the noise was switched off, which only `glovebox try` can do.
    pub noise: bool,
    /// Digest of the contract.
    pub contract: Digest,
    /// The contract's name.
    pub contract_name: String,
    /// The job.
    pub job: String,
    /// The analysis of the contract.
    pub analysis: String,
    /// What it was for.
    pub purpose: String,
    /// When, in the enclave's trusted time.
    pub time: Time,
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
    /// The public cells that are too small to be shown, added up; null if there are none, or if they
    /// are too small together.
    pub other: Option<TableCell>,
    /// How many cells are not shown: exact for public cells, noisy for cells that the data name.
    pub withheld_cells: NoisyCount,
    /// People who did not agree, in either dataset; null if too few to be shown.
    pub no_consent: Option<NoisyCount>,
    /// What was charged.
    pub privacy: PrivacyReport,
    /// Flags of the whole job.
    pub flags: Vec<String>,
}

/// One cell.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TableCell {
    /// Its value under each heading; none for the cells that were added up.
    pub names: Vec<String>,
    /// People.
    pub people: Estimate,
    /// For each measure of the job.
    pub measures: Vec<MeasureEstimate>,
}

/// What was added up for one measure.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MeasureEstimate {
    /// Name in the job.
    pub name: String,
    /// Largest value of one person and cell; every figure is about values capped there.
    pub cap: f64,
    /// Total over the people of the cell.
    pub total: Estimate,
    /// Total over people; null where the noise in the people is too large to divide by.
    pub mean: Option<Estimate>,
    /// Standard deviation between people, if squares were asked for.
    pub spread: Option<f64>,
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

/// A whole number and the standard deviation of the noise in it.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct NoisyCount {
    /// The number.
    pub n: i64,
    /// Standard deviation of its noise; 0 if it is exact.
    pub noise_sd: f64,
}

/// The name of this format.
pub const FORMAT: &str = "glovebox-table-v1";
