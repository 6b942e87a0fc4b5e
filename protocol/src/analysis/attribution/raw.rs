//! The shape of an attribution job's TOML, before anything is believed of it.

use crate::analysis::toml::RawFilter;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAttribution {
    pub(super) model: Option<String>,
    pub(super) window_days: Option<u32>,
    pub(super) confidence: Option<f64>,
    #[serde(default, rename = "where")]
    pub(super) rows: Vec<RawFilter>,
    #[serde(default, rename = "outcome")]
    pub(super) outcomes: Vec<RawCredited>,
    pub(super) privacy: Option<RawPrivacy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCredited {
    pub(super) name: String,
    pub(super) column: Option<String>,
    pub(super) cap_per_user: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPrivacy {
    pub(super) epsilon: f64,
    pub(super) delta: f64,
    pub(super) min_cell: Option<u32>,
}
