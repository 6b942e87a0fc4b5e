//! The shape of an overlap job's TOML, before anything is believed of it.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOverlap {
    pub(super) by: String,
    pub(super) datasets: Option<Vec<String>>,
    pub(super) segment: Option<String>,
    pub(super) confidence: Option<f64>,
    pub(super) privacy: Option<RawOverlapPrivacy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOverlapPrivacy {
    pub(super) epsilon: f64,
    pub(super) delta: f64,
    pub(super) min_cell: Option<u32>,
}
