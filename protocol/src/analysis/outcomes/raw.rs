//! The shape of an outcomes job's TOML, before anything is believed of it.

use crate::analysis::toml::{RawFilter, RawSplit};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOutcomes {
    #[serde(default)]
    pub(super) segments: Vec<String>,
    pub(super) window: Option<RawWindow>,
    pub(super) observed: Option<RawDays>,
    pub(super) started: Option<RawDays>,
    pub(super) confidence: Option<f64>,
    #[serde(default, rename = "where")]
    pub(super) rows: Vec<RawFilter>,
    #[serde(default, rename = "outcome")]
    pub(super) outcomes: Vec<RawAmount>,
    pub(super) privacy: Option<RawPrivacy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ first = 0, last = 30 }")]
pub(crate) struct RawWindow {
    pub(super) first: i32,
    pub(super) last: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ first = \"2026-10-01\", last = \"2026-10-31\" }")]
pub(crate) struct RawDays {
    pub(super) first: String,
    pub(super) last: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAmount {
    pub(super) name: String,
    pub(super) column: String,
    pub(super) cap_per_user: f64,
    pub(super) floor_per_user: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPrivacy {
    pub(super) epsilon: f64,
    pub(super) delta: f64,
    pub(super) split: Option<RawSplit>,
    pub(super) min_cell: Option<u32>,
}
