//! The shape of a training job's TOML, before anything is believed of it.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTrain {
    pub(super) model: Option<String>,
    pub(super) hidden: Option<Vec<u32>>,
    pub(super) loss: Option<String>,
    pub(super) people: u64,
    pub(super) held_out: Option<f64>,
    pub(super) confidence: Option<f64>,
    #[serde(default, rename = "feature")]
    pub(super) features: Vec<RawFeature>,
    pub(super) label: Option<RawLabel>,
    pub(super) settings: Option<RawSettings>,
    pub(super) privacy: Option<RawTrainPrivacy>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawFeature {
    pub(super) column: Option<String>,
    pub(super) rows_of: Option<String>,
    pub(super) edges: Option<Vec<f64>>,
    pub(super) between: Option<[f64; 2]>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawLabel {
    pub(super) column: Option<String>,
    pub(super) values: Option<Vec<String>>,
    pub(super) found_in: Option<String>,
    pub(super) rows_of: Option<String>,
    pub(super) cap: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawSettings {
    pub(super) batch: Option<f64>,
    pub(super) steps: Option<u32>,
    pub(super) clip: Option<f64>,
    pub(super) rate: Option<f64>,
    pub(super) momentum: Option<f64>,
    pub(super) averaged: Option<u32>,
    pub(super) ridge: Option<f64>,
    pub(super) seed: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawTrainPrivacy {
    pub(super) epsilon: f64,
    pub(super) delta: f64,
    pub(super) sampling_delta: Option<f64>,
}

impl RawFeature {
    /// What it is read from, as the job says it.
    pub(super) fn source(&self) -> String {
        match (&self.column, &self.rows_of) {
            (Some(column), _) => column.clone(),
            (None, Some(dataset)) => format!("rows of {dataset}"),
            (None, None) => "nothing".to_owned(),
        }
    }
}
