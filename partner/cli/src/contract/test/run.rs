//! Runs the tests of a contract in simulated rooms of its own, on made-up rows.

use super::file::{self, AnswerTest, BudgetTest, JobTest, SealTest, Tests};
use crate::failure::Failure;
use protocol::{
    contract::{Budget, Column, Contract, Period, Role},
    loss::{Delta, Epsilon, Loss, Rho},
    time::Time,
};
use rehearsal::{Agreement, Answered, RehearsalError, Sealed, Stage};
use std::path::Path;

/// The outcome of one test.
pub(super) struct Outcome {
    pub(super) name: String,
    /// What is wrong; `None` if the test passes.
    pub(super) flaw: Option<String>,
}

/// A contract that is signed with throw-away keys, and made-up rows of each dataset.
pub(super) struct Bench {
    agreement: Agreement,
    sealed: Vec<Sealed>,
}

impl Bench {
    /// Seals made-up rows of every dataset of the contract in `text`.
    pub(super) fn new(text: &str) -> Result<Self, Failure> {
        let agreement = Agreement::new(text)?;
        let names = agreement.contract.datasets.keys();
        let sealed = names.map(|name| agreement.seal_made_up(name)).collect::<Result<_, _>>()?;
        Ok(Self { agreement, sealed })
    }

    pub(super) fn contract(&self) -> &Contract {
        &self.agreement.contract
    }

    /// Runs all `tests`; `folder` is where their jobs are.
    pub(super) async fn run(&self, tests: &Tests, folder: &Path) -> Result<Vec<Outcome>, Failure> {
        let mut outcomes: Vec<_> = tests.ends_by.iter().map(|end| self.end(end)).collect();
        outcomes.extend(tests.seals.iter().map(|test| self.seal(test)));
        outcomes.extend(tests.budgets.iter().map(|test| self.budget(test)));
        // What is refused spends nothing, so that one room does for all of it.
        let mut stage = self.open().await?;
        for test in &tests.jobs {
            let job = file::job(folder, test)?;
            let asked = if test.refused.is_some() {
                stage.ask_as(&job, &test.analyst, test.receivers.clone()).await
            } else {
                self.ask(test, &job).await
            };
            outcomes.push(Outcome { name: test.name.clone(), flaw: judged(test, asked)? });
        }
        Ok(outcomes)
    }

    /// A room with a whole budget, to which everything is granted.
    async fn open(&self) -> Result<Stage<'_>, RehearsalError> {
        let mut stage = self.agreement.open(true).await?;
        for sealed in &self.sealed {
            stage.grant(sealed).await?;
        }
        Ok(stage)
    }

    /// The answer to a job in a room of its own.
    pub(super) async fn ask(&self, test: &JobTest, job: &str) -> Result<Answered, RehearsalError> {
        self.open().await?.ask_as(job, &test.analyst, test.receivers.clone()).await
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

    fn seal(&self, test: &SealTest) -> Outcome {
        let SealTest { dataset, columns } = test;
        let name =
            format!("of \"{dataset}\" these columns are sealed, in these roles, and no others");
        let Some(found) = self.contract().datasets.get(dataset) else {
            return Outcome { name, flaw: Some("there is no such dataset".to_owned()) };
        };
        let sealed: Vec<_> = found.sealed_columns().collect();
        let mut flaws = Vec::new();
        for column in &sealed {
            let role = role(column);
            match columns.get(&column.name) {
                Some(expected) if *expected == role => {}
                Some(expected) => {
                    flaws.push(format!("\"{}\" is a {role}, expected {expected}", column.name));
                }
                None => flaws.push(format!("\"{}\" is sealed too, as a {role}", column.name)),
            }
        }
        let gone = columns.keys().filter(|name| !sealed.iter().any(|column| column.name == **name));
        flaws.extend(gone.map(|name| format!("\"{name}\" is not sealed")));
        Outcome { name, flaw: (!flaws.is_empty()).then(|| flaws.join("; ")) }
    }

    fn budget(&self, test: &BudgetTest) -> Outcome {
        let BudgetTest { dataset, purpose, .. } = test;
        let name = format!("the budget of \"{dataset}\" for {purpose} is what was agreed");
        let found = self.contract().datasets.get(dataset);
        let found = found.and_then(|dataset| dataset.budgets.get(purpose));
        let flaw = match found {
            None => Some("there is no such budget".to_owned()),
            Some(budget) => another_budget(test, budget),
        };
        Outcome { name, flaw }
    }
}

/// What is wrong with what became of a job.
fn judged(
    test: &JobTest,
    asked: Result<Answered, RehearsalError>,
) -> Result<Option<String>, Failure> {
    Ok(match (asked, &test.refused, &test.answered) {
        (Ok(answered), None, Some(expected)) => differs(expected, &answered),
        (Ok(_), _, _) => Some("it was answered, and must be refused".to_owned()),
        (Err(why), Some(words), _) if is_refusal(&why) => {
            let said = why.to_string();
            let other = || format!("it was refused for another reason: {said}");
            (!said.contains(words.as_str())).then(other)
        }
        (Err(why), None, _) if is_refusal(&why) => {
            Some(format!("it was refused, and must be answered: {why}"))
        }
        (Err(why), _, _) => return Err(why.into()),
    })
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

/// Whether so much fits each part of the budget, and a hundredth more does not.
fn another_budget(test: &BudgetTest, budget: &Budget) -> Option<String> {
    let loss = |epsilon: f64| {
        let epsilon = Epsilon::new(epsilon).ok()?;
        let delta = Delta::new(test.delta).ok()?;
        Some(Loss::zcdp(Rho::from_epsilon(epsilon, delta)))
    };
    let mut flaws = Vec::new();
    for (what, epsilon, whole) in [
        ("in a period", test.epsilon, budget.per_period()),
        ("for ever", test.lifetime_epsilon, budget.lifetime()),
    ] {
        let Some(exact) = loss(epsilon) else {
            flaws.push(format!("{what}: epsilon {epsilon} at delta {} is no price", test.delta));
            continue;
        };
        if !exact.fits(&whole) {
            flaws.push(format!(
                "{what} less than epsilon {epsilon} (delta {}) may be spent",
                test.delta
            ));
        }
        if loss(epsilon + STEP).is_some_and(|more| more.fits(&whole)) {
            let more = epsilon + STEP;
            flaws.push(format!(
                "{what} epsilon {more:.2} (delta {}) may be spent, expected {epsilon} at most",
                test.delta
            ));
        }
    }
    let period = period(budget.period);
    if period != test.period {
        flaws.push(format!("it is filled again each {period}, expected {}", test.period));
    }
    let expected = Delta::new(test.selection_delta).map_or(0, u64::from);
    if budget.selection_delta != expected {
        flaws.push(format!(
            "selection_delta is {} in units of 1e-15, expected {expected}",
            budget.selection_delta
        ));
    }
    (!flaws.is_empty()).then(|| flaws.join("; "))
}

/// The period's name in a contract.
pub(super) fn period(period: Period) -> &'static str {
    match period {
        Period::Day => "day",
        Period::Week => "week",
        Period::Month => "month",
        _ => "contract",
    }
}

/// The role of a column in words, with what it says of values.
pub(super) fn role(column: &Column) -> String {
    let kind = column.role.kind();
    match &column.role {
        Role::MatchKey(identifier) => format!("{kind} of kind {}", identifier.name()),
        Role::Group(values) => format!("{kind} of {}", values.join(", ")),
        Role::Measure(scale) | Role::Feature(scale) => {
            let cap = column.cap.map(|cap| format!(", capped at {}", scale.shown(cap)));
            format!("{kind} with {} decimals{}", scale.decimals(), cap.unwrap_or_default())
        }
        _ => kind.to_string(),
    }
}

/// Whether a rehearsal failed because the contract says no.
fn is_refusal(why: &RehearsalError) -> bool {
    matches!(
        why,
        RehearsalError::Job(_)
            | RehearsalError::OverBudget { .. }
            | RehearsalError::Template(_)
            | RehearsalError::Stranger { .. }
    )
}

/// The smallest step of ε that a test tells apart.
const STEP: f64 = 0.01;
