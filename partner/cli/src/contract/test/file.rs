//! The file of a contract's tests: which jobs it must permit, and which it must refuse.

use crate::{failure::Failure, files};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The tests of a contract.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tests {
    /// The contract must end at this time or before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ends_by: Option<String>,
    /// Jobs, in order.
    #[serde(default, rename = "job")]
    pub(super) jobs: Vec<JobTest>,
    /// What may be spent.
    #[serde(default, rename = "budget")]
    pub(super) budgets: Vec<BudgetTest>,
    /// What leaves an owner.
    #[serde(default, rename = "seal")]
    pub(super) seals: Vec<SealTest>,
}

/// A job that must be answered, or refused.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JobTest {
    /// Name of the test, in a sentence.
    pub(super) name: String,
    /// The job's TOML, seen from the file of tests.
    pub(super) file: PathBuf,
    /// The party that asks.
    pub(super) analyst: String,
    /// The parties that are to read the answer.
    pub(super) receivers: Vec<String>,
    /// What the job says otherwise, by the path of the field: `lift.privacy.epsilon`, `lift.outcome.0.cap_per_user`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) set: BTreeMap<String, toml::Value>,
    /// The job must be refused, in words that contain these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) refused: Option<String>,
    /// The job must be answered, in this way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) answered: Option<AnswerTest>,
}

/// What must hold of an answer; nothing is asked of what is left out.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnswerTest {
    /// The noisy head count from which a cell is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) shown_from: Option<i64>,
    /// Standard deviation of the noise on a head count, to two decimals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) people_noise_sd: Option<f64>,
    /// The datasets that are charged, each with its owner.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) charged: BTreeMap<String, String>,
}

/// The largest ε of a budget, to a hundredth: so much fits, and a hundredth more does not.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BudgetTest {
    /// Name of the dataset.
    pub(super) dataset: String,
    /// What the data may be used for.
    pub(super) purpose: String,
    /// How often the budget is filled again: day, week, month or contract.
    pub(super) period: String,
    /// δ at which both are meant.
    pub(super) delta: f64,
    /// What may be spent in a period.
    pub(super) epsilon: f64,
    /// What may be spent for ever.
    pub(super) lifetime_epsilon: f64,
    /// δ for groups whose values are private.
    #[serde(default)]
    pub(super) selection_delta: f64,
}

/// The columns of a dataset that are sealed, each with its role.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SealTest {
    /// Name of the dataset.
    pub(super) dataset: String,
    /// Its columns in words: `measure with 2 decimals`, `group of 3 values`.
    pub(super) columns: BTreeMap<String, String>,
}

impl Tests {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = files::read_text(path)?;
        let tests: Self = toml::from_str(&text)
            .map_err(|why| Failure::unclear(format!("{}: {}", path.display(), why.message())))?;
        if tests.is_empty() {
            let path = path.display();
            return Err(Failure::unclear(format!(
                "{path} has no test: expected [[job]], [[budget]] or [[seal]]; --write makes a file to begin with"
            )));
        }
        let unclear = |test: &&JobTest| test.refused.is_some() == test.answered.is_some();
        match tests.jobs.iter().find(unclear) {
            None => Ok(tests),
            Some(test) => Err(Failure::unclear(format!(
                "{}: the test \"{}\" says neither or both of refused and answered: one of them is what must happen",
                path.display(),
                test.name
            ))),
        }
    }

    fn is_empty(&self) -> bool {
        self.jobs.is_empty()
            && self.budgets.is_empty()
            && self.seals.is_empty()
            && self.ends_by.is_none()
    }
}

/// The job of `file` with what the test says otherwise.
pub(super) fn job(folder: &Path, test: &JobTest) -> Result<String, Failure> {
    let path = folder.join(&test.file);
    let text = files::read_text(&path)?;
    let unclear = |why: String| Failure::unclear(format!("{}: {why}", path.display()));
    let mut table: toml::Value =
        toml::from_str::<toml::Table>(&text).map_err(|e| unclear(e.message().to_owned()))?.into();
    for (field, value) in &test.set {
        put(&mut table, field, value).ok_or_else(|| {
            unclear(format!("the test \"{}\" sets {field}, which is no field there", test.name))
        })?;
    }
    toml::to_string(&table).map_err(|e| unclear(e.to_string()))
}

/// Puts `value` at a path of names and places; `None` if there is no such place.
fn put(table: &mut toml::Value, field: &str, value: &toml::Value) -> Option<()> {
    let mut at = table;
    let mut parts = field.split('.').peekable();
    while let Some(part) = parts.next() {
        let is_last = parts.peek().is_none();
        at = match at {
            toml::Value::Table(below) if is_last => {
                below.insert(part.to_owned(), value.clone());
                return Some(());
            }
            toml::Value::Table(below) => below.get_mut(part)?,
            toml::Value::Array(all) => all.get_mut(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
        if is_last {
            *at = value.clone();
        }
    }
    Some(())
}
