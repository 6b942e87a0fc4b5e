//! The shape of a contract's TOML, before it is checked.

mod analysis;

use super::claims::RawClaims;
use crate::{contract::RoleKind, identity::Identifier};
use serde::Deserialize;
use toml::Spanned;

pub(super) use analysis::{RawAnalysis, RawFloor, RawValue};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawContract {
    pub(super) contract: Spanned<u32>,
    pub(super) name: Spanned<String>,
    pub(super) expires: Spanned<String>,
    pub(super) min_cell: Option<Spanned<i64>>,
    pub(super) ids_per_person: Option<Spanned<i64>>,
    pub(super) jobs_per_day: Option<Spanned<i64>>,
    pub(super) supersedes: Option<Spanned<String>>,
    pub(super) bucket_salt: Spanned<String>,
    pub(super) purposes: Spanned<Vec<Spanned<String>>>,
    pub(super) regions: Option<Spanned<Vec<Spanned<String>>>>,
    pub(super) build_signers: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default, rename = "party")]
    pub(super) parties: Vec<RawParty>,
    #[serde(default, rename = "dataset")]
    pub(super) datasets: Vec<RawDataset>,
    #[serde(default, rename = "analysis")]
    pub(super) analyses: Vec<RawAnalysis>,
    #[serde(default, rename = "build")]
    pub(super) builds: Vec<RawBuild>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawParty {
    pub(super) name: Spanned<String>,
    pub(super) root_key: Spanned<String>,
    pub(super) recipient_key: Spanned<String>,
    pub(super) custody: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDataset {
    pub(super) name: Spanned<String>,
    pub(super) owner: Spanned<String>,
    pub(super) lineage: Option<Spanned<String>>,
    pub(super) claims: Option<RawClaims>,
    pub(super) opt_outs_within_days: Option<Spanned<i64>>,
    #[serde(default, rename = "column")]
    pub(super) columns: Vec<RawColumn>,
    #[serde(default, rename = "budget")]
    pub(super) budgets: Vec<RawBudget>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawColumn {
    pub(super) name: Spanned<String>,
    pub(super) role: Spanned<RoleKind>,
    pub(super) kind: Option<Identifier>,
    pub(super) domain: Option<Vec<Spanned<String>>>,
    pub(super) scale: Option<u8>,
    pub(super) cap: Option<Spanned<f64>>,
    pub(super) min_cell: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) sensitive: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBudget {
    pub(super) purpose: Spanned<String>,
    pub(super) legal_basis: Spanned<String>,
    pub(super) period: RawPeriod,
    pub(super) epsilon: Spanned<f64>,
    pub(super) delta: Spanned<f64>,
    pub(super) lifetime_epsilon: Spanned<f64>,
    pub(super) selection_delta: Option<Spanned<f64>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RawPeriod {
    Day,
    Week,
    Month,
    Contract,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawBuild {
    pub(super) name: Spanned<String>,
    pub(super) pcr0: Spanned<String>,
    pub(super) pcr1: Spanned<String>,
    pub(super) pcr2: Spanned<String>,
    pub(super) manifest: Option<Spanned<String>>,
}
