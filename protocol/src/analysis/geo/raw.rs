//! The shape of a geo job's TOML, before anything is believed of it.

use super::question::Method;
use crate::analysis::toml::{RawFilter, RawSplit};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawGeo {
    pub(super) period_days: Option<u32>,
    pub(super) before: Option<RawDays>,
    pub(super) test: Option<RawDays>,
    pub(super) cooldown_days: Option<u32>,
    #[serde(default)]
    pub(super) left_out: Vec<String>,
    pub(super) others: Option<Vec<String>>,
    pub(super) method: Option<Method>,
    pub(super) cells_per_person: Option<u32>,
    pub(super) confidence: Option<f64>,
    #[serde(default, rename = "where")]
    pub(super) rows: Vec<RawFilter>,
    #[serde(default, rename = "cell")]
    pub(super) cells: Vec<RawCell>,
    pub(super) outcome: Option<RawAmount>,
    pub(super) privacy: Option<RawPrivacy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ first = \"2026-10-01\", last = \"2026-10-31\" }")]
pub(crate) struct RawDays {
    pub(super) first: String,
    pub(super) last: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCell {
    pub(super) name: String,
    pub(super) treated: Vec<String>,
    pub(super) cost: Option<RawCost>,
    #[serde(default)]
    pub(super) pairs: Vec<RawPair>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ total = 50000, currency = \"USD\" }")]
pub(crate) struct RawCost {
    pub(super) total: f64,
    pub(super) currency: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ treated = \"north\", other = \"south\", cost = 1000 }")]
pub(crate) struct RawPair {
    pub(super) treated: String,
    pub(super) other: String,
    pub(super) cost: f64,
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
