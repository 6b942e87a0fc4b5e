//! Runs the tests of a contract in simulated rooms of its own, on made-up rows.

use super::file::{self, AnswerTest, JobTest, Tests};
use crate::{
    contract::facts::{self, Parts},
    failure::Failure,
    say,
};
use client::job::JobError;
use protocol::{contract::Contract, job::TemplateError, time::Time};
use rehearsal::{Agreement, Answered, RehearsalError, Sealed, Stage};
use std::{cell::OnceCell, collections::BTreeSet, path::Path};

/// The outcome of one test.
pub(super) struct Outcome {
    pub(super) name: String,
    /// What is wrong; `None` if the test passes.
    pub(super) flaw: Option<String>,
}

/// A contract that is signed with throw-away keys.
pub(super) struct Bench {
    agreement: Agreement,
    /// Made-up rows of each dataset, from when a job is first asked.
    sealed: OnceCell<Vec<Sealed>>,
    says: Parts,
}

impl Bench {
    /// Reads the contract in `text`.
    pub(super) fn new(text: &str) -> Result<Self, Failure> {
        let agreement = Agreement::new(text)?;
        let says = match rehearsal::with_throw_away_keys(text)? {
            Some(filled) => facts::without_keys(&facts::facts(&filled)),
            None => facts::facts(&Contract::parse(text.as_bytes()).map_err(Failure::unclear)?),
        };
        Ok(Self { agreement, sealed: OnceCell::new(), says })
    }

    /// All that the contract says, with its keys, bucket salt and builds if it has its own.
    pub(super) fn says(&self) -> &Parts {
        &self.says
    }

    fn sealed(&self) -> Result<&[Sealed], RehearsalError> {
        if let Some(sealed) = self.sealed.get() {
            return Ok(sealed);
        }
        let names = self.contract().datasets.keys();
        let sealed =
            names.map(|name| self.agreement.seal_made_up(name)).collect::<Result<_, _>>()?;
        Ok(self.sealed.get_or_init(|| sealed))
    }

    pub(super) fn contract(&self) -> &Contract {
        &self.agreement.contract
    }

    /// Runs all `tests`; `folder` is where their jobs are.
    pub(super) async fn run(&self, tests: &Tests, folder: &Path) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes: Vec<_> = tests.ends_by.iter().map(|end| self.end(end)).collect();
        outcomes.extend(self.agreed(&tests.agreed));
        // What is refused spends nothing, so that one room does for all of it.
        let mut refusing = None;
        for test in &tests.jobs {
            let job = file::job(folder, test)?;
            let asked = match (&mut refusing, &test.refused) {
                (_, None) => self.ask(test, &job).await,
                (Some(stage), _) => ask_in(stage, test, &job).await,
                (none, _) => ask_in(none.insert(self.open().await?), test, &job).await,
            };
            outcomes.push(Outcome { name: test.name.clone(), flaw: judged(test, asked)? });
        }
        Ok(outcomes)
    }

    /// A room with a whole budget, to which everything is granted.
    async fn open(&self) -> Result<Stage<'_>, RehearsalError> {
        let mut stage = self.agreement.open(true).await?;
        for sealed in self.sealed()? {
            stage.grant(sealed).await?;
        }
        Ok(stage)
    }

    /// The answer to a job in a room of its own.
    pub(super) async fn ask(&self, test: &JobTest, job: &str) -> Result<Answered, RehearsalError> {
        ask_in(&mut self.open().await?, test, job).await
    }

    fn end(&self, end: &str) -> Outcome {
        let ends = self.contract().expires;
        let flaw = match end.parse::<Time>() {
            Ok(latest) if ends <= latest => None,
            Ok(_) => Some(format!("it ends {ends}")),
            Err(why) => Some(why.to_string()),
        };
        Outcome { name: format!("the contract ends by {end}"), flaw }
    }

    /// One outcome for each part of the contract, and for each that it should have.
    fn agreed(&self, agreed: &Parts) -> Vec<Outcome> {
        if agreed.is_empty() {
            say::note(
                "The tests have no [agreed], so that nothing holds parties, datasets, analyses and builds: --write makes one.",
            );
            return Vec::new();
        }
        let mut expected = agreed.clone();
        let mut found = self.says.clone();
        if facts::has_keys(&expected) != facts::has_keys(&found) {
            say::note(
                "Keys, bucket salt and builds are in one of the contract and its tests alone, and were not compared.",
            );
            expected = facts::without_keys(&expected);
            found = facts::without_keys(&found);
        }
        // When the contract must end is a test of its own: it may end before.
        for parts in [&mut expected, &mut found] {
            parts.entry(facts::HEAD.to_owned()).or_default().remove(facts::END);
        }
        let parts: BTreeSet<_> = expected.keys().chain(found.keys()).collect();
        let outcomes = parts.into_iter().map(|part| {
            let changes = facts::changes_of(part, &expected, &found);
            let flaw = (!changes.is_empty()).then(|| changes.join("; "));
            Outcome { name: format!("{part} says what was agreed, and no more"), flaw }
        });
        outcomes.collect()
    }
}

async fn ask_in(
    stage: &mut Stage<'_>,
    test: &JobTest,
    job: &str,
) -> Result<Answered, RehearsalError> {
    stage.ask_as(job, &test.analyst, test.receivers.clone()).await
}

/// What is wrong with what became of a job.
fn judged(
    test: &JobTest,
    asked: Result<Answered, RehearsalError>,
) -> Result<Option<String>, Failure> {
    let why = match (asked, &test.answered) {
        (Ok(answered), Some(expected)) => return Ok(differs(expected, &answered)),
        (Ok(_), None) => return Ok(Some("it was answered, and must be refused".to_owned())),
        (Err(why), _) => why,
    };
    let unread = unread(&why);
    if unread.is_none() && !is_refusal(&why) {
        return Err(why.into());
    }
    Ok(match (&test.refused, unread) {
        (None, _) => Some(format!("it was refused, and must be answered: {why}")),
        (Some(words), Some(unread)) => not_by_its_field(words, unread),
        (Some(words), None) => {
            let said = why.to_string();
            let other = || format!("it was refused for another reason: {said}");
            (!said.contains(words.as_str())).then(other)
        }
    })
}

/// Why the job does not read, if it does not.
fn unread(why: &RehearsalError) -> Option<&TemplateError> {
    match why {
        RehearsalError::Template(why) | RehearsalError::Job(JobError::Template(why)) => Some(why),
        _ => None,
    }
}

/// What is wrong with a job that does not read, where it must be refused in these `words`. Whoever mistypes a job is refused,
/// too, whatever the contract says: it counts only if the words name the field whose value is not allowed.
fn not_by_its_field(words: &str, why: &TemplateError) -> Option<String> {
    // What comes before the last word says where the field is.
    let name = |field: &str| field.rsplit(['.', ' ']).next().unwrap_or_default().to_owned();
    match why {
        TemplateError::Value { field, .. } if words.contains(&name(field)) => {
            let said = why.to_string();
            (!said.contains(words)).then(|| format!("it was refused for another reason: {said}"))
        }
        TemplateError::Value { field, .. } => Some(format!(
            "the job does not read under this contract ({why}), which counts as refused only if `refused` names the field, \"{}\"",
            name(field)
        )),
        _ => Some(format!("the job does not read, whatever the contract says: {why}")),
    }
}

/// What an answer does otherwise than expected.
fn differs(expected: &AnswerTest, answered: &Answered) -> Option<String> {
    let mut flaws = Vec::new();
    let AnswerTest { shown_from, people_noise_sd, charged } = expected;
    let found = answered.result.shown_from();
    if let Some(expected) = shown_from.filter(|expected| *expected != found) {
        flaws.push(format!("cells are shown from {found} people, expected {expected}"));
    }
    if let Some(expected) = people_noise_sd {
        let found = noise(answered);
        let is_same = found.is_some_and(|sd| (sd - expected).abs() < 0.005 + f64::EPSILON);
        if !is_same {
            let found = found.map_or("none".to_owned(), |sd| format!("{sd:.2}"));
            flaws.push(format!(
                "the noise on a head count has a standard deviation of {found}, expected {expected}"
            ));
        }
    }
    let found = charges(answered);
    if !charged.is_empty() && found != *charged {
        flaws.push(format!("charged are {found:?}, expected {charged:?}"));
    }
    (!flaws.is_empty()).then(|| flaws.join("; "))
}

/// Standard deviation of the noise on a head count, to two decimals; none where no figure is released.
pub(super) fn noise(answered: &Answered) -> Option<f64> {
    let vectors = answered.checked.admitted.proven().proof().vectors()?;
    Some((vectors.people.sigma.value() * 100.0).round() / 100.0)
}

/// The owner of each dataset that was charged.
pub(super) fn charges(answered: &Answered) -> std::collections::BTreeMap<String, String> {
    let charged = answered.checked.body.charged.iter();
    charged.map(|charge| (charge.dataset.clone(), charge.owner.clone())).collect()
}

/// Whether a rehearsal failed because the contract says no.
fn is_refusal(why: &RehearsalError) -> bool {
    matches!(
        why,
        RehearsalError::Job(_)
            | RehearsalError::OverBudget { .. }
            | RehearsalError::Stranger { .. }
    )
}
