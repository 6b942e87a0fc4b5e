//! The shape of a job template, before anything is believed of it.

use crate::job::{Alternative, Multiplicity, OutcomeKind, Statistic};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTemplate {
    #[serde(default)]
    pub(super) job: RawJob,
    pub(super) lift: Option<RawLift>,
    pub(super) table: Option<RawTable>,
    pub(super) choice: Option<RawChoice>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawJob {
    pub(super) analysis: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLift {
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
    pub(super) covariates: Option<BTreeMap<String, Value>>,
    pub(super) cost: Option<RawCost>,
    pub(super) privacy: Option<RawPrivacy>,
    pub(super) breakdowns: Option<BTreeMap<String, Value>>,
    pub(super) geo: Option<BTreeMap<String, Value>>,
    pub(super) export: Option<BTreeMap<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAssignment {
    pub(super) unit: Option<String>,
    pub(super) column: Option<String>,
    pub(super) test: Vec<String>,
    pub(super) control: Vec<String>,
    pub(super) expected_share: Option<BTreeMap<String, f64>>,
    pub(super) opportunity_column: Option<String>,
    pub(super) exposure_column: Option<String>,
    pub(super) srm_flag_p: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWindow {
    pub(super) start: String,
    pub(super) end: String,
    pub(super) cooldown_days: Option<u32>,
    pub(super) anchor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawOutcome {
    pub(super) name: String,
    pub(super) column: Option<String>,
    pub(super) r#type: OutcomeKind,
    pub(super) max_events_per_user: Option<u32>,
    pub(super) cap_per_user: Option<f64>,
    pub(super) floor_per_user: Option<f64>,
    pub(super) cap_source: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCost {
    pub(super) total: f64,
    pub(super) currency: Option<String>,
    pub(super) kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrivacy {
    pub(super) mechanism: Option<String>,
    pub(super) epsilon: f64,
    pub(super) delta: f64,
    pub(super) privacy_unit: Option<String>,
    pub(super) neighbour: Option<String>,
    pub(super) n_public: Option<bool>,
    pub(super) split: Option<RawSplit>,
    pub(super) min_cell: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSplit {
    pub(super) n: f64,
    pub(super) sum: f64,
    pub(super) sum_sq: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTable {
    #[serde(default)]
    pub(super) group_by: Vec<String>,
    pub(super) cells_per_person: Option<u32>,
    pub(super) confidence: Option<f64>,
    #[serde(default, rename = "where")]
    pub(super) rows: Vec<RawFilter>,
    #[serde(default, rename = "measure")]
    pub(super) measures: Vec<RawMeasure>,
    pub(super) privacy: Option<RawTablePrivacy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFilter {
    pub(super) column: String,
    pub(super) r#in: Option<Vec<String>>,
    pub(super) least: Option<f64>,
    pub(super) most: Option<f64>,
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMeasure {
    pub(super) name: String,
    pub(super) column: String,
    pub(super) statistic: Statistic,
    pub(super) cap_per_user: f64,
    pub(super) floor_per_user: Option<f64>,
    pub(super) spread: Option<bool>,
    pub(super) bins: Option<Vec<f64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTablePrivacy {
    pub(super) epsilon: f64,
    pub(super) delta: f64,
    pub(super) selection_delta: Option<f64>,
    pub(super) split: Option<RawSplit>,
    pub(super) min_cell: Option<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawChoice {
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
pub(super) struct RawChoicePrivacy {
    pub(super) epsilon: f64,
    pub(super) delta: f64,
}
