//! The shape of a choice job's TOML, before anything is believed of it.

use crate::analysis::{table::Statistic, toml::RawFilter};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawChoice {
    pub(super) version: Option<i64>,
    pub(super) of: String,
    pub(super) quantile: Option<f64>,
    pub(super) measure: Option<String>,
    pub(super) statistic: Option<Statistic>,
    pub(super) edges: Option<Vec<f64>>,
    pub(super) group_by: Option<String>,
    pub(super) cells_per_person: Option<u32>,
    #[serde(default, rename = "where")]
    pub(super) rows: Vec<RawFilter>,
    pub(super) privacy: Option<RawChoicePrivacy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawChoicePrivacy {
    pub(super) epsilon: f64,
    pub(super) delta: f64,
}
