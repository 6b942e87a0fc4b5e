//! The shape of a reach job's TOML, before anything is believed of it.

use crate::analysis::toml::RawFilter;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawReach {
    pub(super) by: String,
    pub(super) datasets: Option<Vec<String>>,
    pub(super) per: Option<String>,
    pub(super) values_per_person: Option<u32>,
    pub(super) frequencies: Option<bool>,
    pub(super) most_frequency: Option<u32>,
    pub(super) confidence: Option<f64>,
    #[serde(default, rename = "where")]
    pub(super) rows: Vec<RawFilter>,
    pub(super) privacy: Option<RawPrivacy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPrivacy {
    pub(super) epsilon: f64,
    pub(super) delta: f64,
    pub(super) min_cell: Option<u32>,
}
