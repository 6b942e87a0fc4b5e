//! The file of a contract's tests: which jobs it must permit, and which it must refuse.

use crate::{contract::facts::Parts, failure::Failure, files};
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
    /// All that the contract must say, by its parts, and no part more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) agreed: Parts,
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
    /// What the job says in addition, by the path of a field that its file leaves out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) add: BTreeMap<String, toml::Value>,
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

impl Tests {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let text = files::read_text(path)?;
        let tests: Self = toml::from_str(&text)
            .map_err(|why| Failure::unclear(format!("{}: {}", path.display(), why.message())))?;
        if tests.is_empty() {
            let path = path.display();
            return Err(Failure::unclear(format!(
                "{path} has no test: expected [agreed] or [[job]]; --write makes a file to begin with"
            )));
        }
        for test in &tests.jobs {
            let flaw = match (&test.refused, &test.answered) {
                (Some(words), None) if words.trim().is_empty() => {
                    "is refused in no words, which any refusal would have: say some of the refusal that must come"
                }
                (Some(_), None) | (None, Some(_)) => continue,
                _ => {
                    "says neither or both of refused and answered: one of them is what must happen"
                }
            };
            let path = path.display();
            return Err(Failure::unclear(format!("{path}: the test \"{}\" {flaw}", test.name)));
        }
        Ok(tests)
    }

    fn is_empty(&self) -> bool {
        self.jobs.is_empty() && self.agreed.is_empty() && self.ends_by.is_none()
    }
}

/// The job of `file` with what the test says otherwise.
pub(super) fn job(folder: &Path, test: &JobTest) -> Result<String, Failure> {
    let path = folder.join(&test.file);
    let text = files::read_text(&path)?;
    let unclear = |why: String| Failure::unclear(format!("{}: {why}", path.display()));
    let mut table: toml::Value =
        toml::from_str::<toml::Table>(&text).map_err(|e| unclear(e.message().to_owned()))?.into();
    let not = |verb: &str, field: &str, what: &str| {
        unclear(format!("the test \"{}\" {verb} {field}, which {what}", test.name))
    };
    for (field, value) in &test.set {
        let there =
            find(&mut table, field).ok_or_else(|| not("sets", field, "is no field there"))?;
        *there = value.clone();
    }
    for (field, value) in &test.add {
        let (above, name) = field.rsplit_once('.').unwrap_or(("", field));
        let above = if above.is_empty() { Some(&mut table) } else { find(&mut table, above) };
        let above = above.and_then(toml::Value::as_table_mut);
        let above = above.ok_or_else(|| not("adds", field, "has no place there"))?;
        if above.insert(name.to_owned(), value.clone()).is_some() {
            return Err(not("adds", field, "is there already: use set"));
        }
    }
    toml::to_string(&table).map_err(|e| unclear(e.to_string()))
}

/// The value at a path of names and places; `None` if there is no such place.
fn find<'t>(table: &'t mut toml::Value, field: &str) -> Option<&'t mut toml::Value> {
    field.split('.').try_fold(table, |at, part| match at {
        toml::Value::Table(below) => below.get_mut(part),
        toml::Value::Array(all) => all.get_mut(part.parse::<usize>().ok()?),
        _ => None,
    })
}
