//! The shape of a table job's TOML, before anything is believed of it.

use super::question::Statistic;
use crate::analysis::toml::{RawFilter, RawSplit};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTable {
    #[serde(default)]
    pub(in crate::analysis) group_by: Vec<String>,
    pub(in crate::analysis) cells_per_person: Option<u32>,
    pub(in crate::analysis) confidence: Option<f64>,
    #[serde(default, rename = "where")]
    pub(in crate::analysis) rows: Vec<RawFilter>,
    #[serde(default, rename = "measure")]
    pub(in crate::analysis) measures: Vec<RawMeasure>,
    pub(in crate::analysis) privacy: Option<RawTablePrivacy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawMeasure {
    pub(in crate::analysis) name: String,
    pub(in crate::analysis) column: String,
    pub(in crate::analysis) statistic: Statistic,
    pub(in crate::analysis) cap_per_user: f64,
    pub(in crate::analysis) floor_per_user: Option<f64>,
    pub(in crate::analysis) spread: Option<bool>,
    pub(in crate::analysis) bins: Option<Vec<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTablePrivacy {
    pub(in crate::analysis) epsilon: f64,
    pub(in crate::analysis) delta: f64,
    pub(in crate::analysis) selection_delta: Option<f64>,
    pub(in crate::analysis) split: Option<RawSplit>,
    pub(in crate::analysis) min_cell: Option<u32>,
}
