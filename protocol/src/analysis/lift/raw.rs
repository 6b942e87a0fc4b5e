//! The shape of a lift job's TOML, before anything is believed of it.

use super::question::{Alternative, Multiplicity, OutcomeKind};
use crate::analysis::{margin::RawMargin, toml::RawSplit};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLift {
    pub(super) version: Option<i64>,
    pub(super) level: Option<String>,
    pub(super) design: Option<String>,
    pub(super) registered_at: Option<String>,
    pub(super) estimator: Option<String>,
    pub(super) confidence: Option<f64>,
    pub(super) alternative: Option<Alternative>,
    pub(super) multiplicity: Option<Multiplicity>,
    pub(super) assignment: Option<RawAssignment>,
    pub(super) window: Option<RawWindow>,
    #[serde(default, rename = "outcome")]
    pub(super) outcomes: Vec<RawOutcome>,
    pub(super) covariates: Option<RawCovariates>,
    pub(super) cost: Option<RawCost>,
    pub(super) privacy: Option<RawPrivacy>,
    pub(super) breakdowns: Option<RawBreakdowns>,
    pub(super) geo: Option<Value>,
    pub(super) export: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAssignment {
    pub(super) unit: Option<String>,
    pub(super) column: Option<String>,
    pub(super) test: Vec<String>,
    pub(super) control: Vec<String>,
    pub(super) expected_share: Option<BTreeMap<String, f64>>,
    pub(super) opportunity_column: Option<Value>,
    pub(super) exposure_column: Option<String>,
    pub(super) srm_flag_p: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ start = \"2026-10-01\", end = \"2026-10-31\" }")]
pub(crate) struct RawWindow {
    pub(super) start: String,
    pub(super) end: String,
    pub(super) cooldown_days: Option<u32>,
    pub(super) anchor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawOutcome {
    pub(super) name: String,
    pub(super) column: Option<String>,
    pub(super) r#type: OutcomeKind,
    pub(super) max_events_per_user: Option<u32>,
    pub(super) cap_per_user: Option<f64>,
    pub(super) floor_per_user: Option<f64>,
    pub(super) cap_source: Option<String>,
    pub(super) weight: Option<u32>,
    pub(super) margin: Option<RawMargin>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "{ dimensions = [\"region\"], creative = \"arm\" }")]
pub(crate) struct RawBreakdowns {
    #[serde(default)]
    pub(super) dimensions: Vec<String>,
    pub(super) creative: Option<String>,
    pub(super) max_cells: Option<u32>,
}

#[derive(Deserialize)]
#[serde(
    deny_unknown_fields,
    expecting = "{ columns = [\"spend_before\"], clip = { spend_before = [0.0, 500.0] } }"
)]
pub(crate) struct RawCovariates {
    pub(super) columns: Vec<String>,
    pub(super) clip: BTreeMap<String, [f64; 2]>,
    pub(super) missing: Option<String>,
    pub(super) strata: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawCost {
    pub(super) total: f64,
    pub(super) currency: Option<String>,
    pub(super) kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawPrivacy {
    pub(super) mechanism: Option<String>,
    pub(super) epsilon: f64,
    pub(super) delta: f64,
    pub(super) privacy_unit: Option<String>,
    pub(super) neighbour: Option<String>,
    pub(super) n_public: Option<bool>,
    pub(super) split: Option<RawSplit>,
    pub(super) min_cell: Option<u32>,
}
