//! Shapes of TOML that several kinds share, before they are checked.

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::analysis) struct RawSplit {
    pub(in crate::analysis) n: f64,
    pub(in crate::analysis) sum: f64,
    pub(in crate::analysis) sum_sq: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::analysis) struct RawFilter {
    pub(in crate::analysis) column: String,
    pub(in crate::analysis) r#in: Option<Vec<String>>,
    pub(in crate::analysis) least: Option<f64>,
    pub(in crate::analysis) most: Option<f64>,
    pub(in crate::analysis) first: Option<String>,
    pub(in crate::analysis) last: Option<String>,
}
