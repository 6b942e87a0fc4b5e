//! Whose people a lineage has, as its owner said: for ever, and under whatever name comes next.

use super::{
    accounts::{Scope, read_loss, stored, sum},
    error::LedgerError,
    ledger::Ledger,
    overlap::{KnownShare, known_shares, unanswered},
};
use client::people::{Overlap, was_sealed};
use protocol::{
    contract::{Budget, Contract, Dataset, Period},
    loss::{Delta, Loss},
    time::Time,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// What an owner says of the people of its datasets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Answers {
    for_all: Option<Whose>,
    by_dataset: BTreeMap<String, Whose>,
}

/// Whose people a lineage has.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "they are somebody's whom the ledger knows, or they are not"
)]
pub enum Whose {
    /// Those of another lineage: what both have lost is one sum.
    Same(String),
    /// People of whom this ledger knows nobody.
    New,
}

impl Answers {
    /// Adds an answer for one dataset, or for all that have none of their own; says whether there was
    /// none before.
    #[must_use]
    pub fn add(&mut self, dataset: Option<String>, whose: Whose) -> bool {
        match dataset {
            Some(dataset) => self.by_dataset.insert(dataset, whose).is_none(),
            None => self.for_all.replace(whose).is_none(),
        }
    }

    /// What was said of one dataset: by its name, or of all.
    #[must_use]
    pub fn of(&self, dataset: &str) -> Option<&Whose> {
        self.by_dataset.get(dataset).or(self.for_all.as_ref())
    }

    /// Datasets that were answered for by name.
    pub fn datasets(&self) -> impl Iterator<Item = &str> {
        self.by_dataset.keys().map(String::as_str)
    }
}

/// What the people of some lineages have lost, through all purposes, names and contracts.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PeopleLine {
    /// Datasets of the contract at hand that are about them.
    pub datasets: Vec<String>,
    /// All names of theirs.
    pub lineages: Vec<String>,
    /// What was handed out and not credited back, by lineage and purpose.
    pub by_purpose: Vec<(String, String, Loss)>,
    /// Their sum.
    pub lost: Loss,
    /// What this build lets one person lose for ever.
    pub ceiling: Loss,
    /// δ at which to speak of ε.
    pub delta: Delta,
    /// Lineages that share many people with these, which nobody has said to be the same or others, and
    /// those of these names that they share them with.
    pub unanswered: Vec<(String, Overlap)>,
    /// What was known of their people elsewhere when these names were taken for other people.
    pub known: Vec<KnownShare>,
}

/// What a ledger has not heard of before.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Unheard {
    /// A lineage.
    Lineage,
    /// A purpose, of a lineage that it knows.
    Purpose(String),
    /// A period, of a purpose that it knows.
    Period {
        /// The purpose.
        purpose: String,
        /// How often its budget is filled now.
        period: Period,
    },
}

impl Ledger {
    /// Records whose people the datasets of `party` under `contract` have. Nothing is asked of an owner
    /// whose people have lost nothing yet; after that whatever is new must be answered for.
    ///
    /// # Errors
    ///
    /// [`LedgerError::WhosePeople`] for the first that is not answered for;
    /// [`LedgerError::KnownPeople`] and [`LedgerError::NoLineage`] for answers that cannot be true.
    pub fn acknowledge(
        &mut self,
        contract: &Contract,
        party: &str,
        answers: &Answers,
        now: Time,
    ) -> Result<(), LedgerError> {
        let directory = self.directory();
        self.change(|tx| acknowledge(tx, &directory, (contract, party), answers, now))
    }

    /// Records that the people of `lineage` are those of `other`: what both have lost is one sum.
    ///
    /// # Errors
    ///
    /// [`LedgerError::NoLineage`] if the ledger does not know the other.
    pub fn join(&mut self, lineage: &str, other: &str, now: Time) -> Result<(), LedgerError> {
        let directory = self.directory();
        self.change(|tx| same(tx, &directory, lineage, other, now))
    }

    /// What the people of each of `party`'s datasets have lost so far.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the database cannot be read.
    pub fn people(&self, contract: &Contract, party: &str) -> Result<Vec<PeopleLine>, LedgerError> {
        let mut lines: Vec<PeopleLine> = Vec::new();
        for (name, dataset) in owned(contract, party) {
            let known = lines.iter_mut().find(|line| line.lineages.contains(&dataset.lineage));
            if let Some(line) = known {
                line.datasets.push(name.clone());
                continue;
            }
            // The smallest δ says the least.
            let Some(budget) = dataset.budgets.values().min_by_key(|budget| budget.delta) else {
                continue;
            };
            lines.push(line(self.db(), &self.directory(), (name, dataset), budget)?);
        }
        Ok(lines)
    }

    /// The party's folder, in which the samples of its people are.
    pub(super) fn directory(&self) -> PathBuf {
        self.path().parent().map(Path::to_owned).unwrap_or_default()
    }
}

fn line(
    db: &Connection,
    directory: &Path,
    (name, dataset): (&str, &Dataset),
    budget: &Budget,
) -> Result<PeopleLine, LedgerError> {
    let lineages = lineages_of(db, &dataset.lineage)?;
    let (mut by_purpose, mut open, mut known) = (Vec::new(), Vec::new(), Vec::new());
    for lineage in &lineages {
        let overlaps = unanswered(db, directory, lineage)?;
        open.extend(overlaps.into_iter().map(|(overlap, _)| (lineage.clone(), overlap)));
        known.extend(known_shares(db, lineage)?);
        let mut statement =
            db.prepare("SELECT DISTINCT purpose FROM slices WHERE lineage = ?1 ORDER BY 1")?;
        let purposes = statement.query_map([lineage], |row| row.get::<_, String>(0))?;
        for purpose in purposes {
            let purpose = purpose?;
            let lost = lost_through(db, lineage, &purpose)?;
            by_purpose.push((lineage.clone(), purpose, lost));
        }
    }
    let all = Scope { lineage: &dataset.lineage, purpose: None, budget_period: None };
    Ok(PeopleLine {
        datasets: vec![name.to_owned()],
        lineages,
        by_purpose,
        lost: all.used(db)?,
        ceiling: budget.ceiling(),
        delta: budget.delta,
        unanswered: open,
        known,
    })
}

/// Handed out through one name and for one purpose, and not credited back.
fn lost_through(db: &Connection, lineage: &str, purpose: &str) -> Result<Loss, LedgerError> {
    let total = |table: &str| {
        let sql = format!("SELECT loss FROM {table} WHERE lineage = ?1 AND purpose = ?2");
        sum(db, &sql, params![lineage, purpose])
    };
    Ok(total("slices")?.minus(&total("credits")?))
}

/// All names of the people of `lineage`, itself first.
fn lineages_of(db: &Connection, lineage: &str) -> Result<Vec<String>, LedgerError> {
    let mut statement = db.prepare(
        "SELECT other.lineage FROM lineages AS own JOIN lineages AS other \
         ON other.people = own.people WHERE own.lineage = ?1 AND other.lineage != ?1 ORDER BY 1",
    )?;
    let others = statement.query_map([lineage], |row| row.get(0))?;
    std::iter::once(Ok(lineage.to_owned())).chain(others.map(|name| Ok(name?))).collect()
}

/// Notes everything of the owner of `dataset` at the first loss of its people; later, refuses what was
/// not answered for. A lineage with people of another one is refused whatever was lost.
pub(super) fn must_be_heard_of(
    tx: &Transaction<'_>,
    directory: &Path,
    contract: &Contract,
    (dataset, purpose): (&str, &str),
    now: Time,
) -> Result<(), LedgerError> {
    let Some(found) = contract.datasets.get(dataset) else { return Ok(()) };
    let Some(budget) = found.budgets.get(purpose) else { return Ok(()) };
    if let Some((overlap, why)) = unanswered(tx, directory, &found.lineage)? {
        let (dataset, lineage) = (dataset.to_owned(), found.lineage.clone());
        return Err(LedgerError::SharedPeople { dataset, lineage, overlap, why });
    }
    match unheard(tx, &found.lineage, purpose, budget)? {
        None => Ok(()),
        Some(_) if anybody_lost(tx)?.is_none() => {
            acknowledge(tx, directory, (contract, &found.owner), &Answers::default(), now)
        }
        Some(what) => Err(ask(tx, dataset, found, what)?),
    }
}

/// Notes the budgets under `contract` that slices were cut of: accounting for a restored backup tells of
/// them, and their owner has said under which contract.
pub(super) fn note_what_was_cut(
    tx: &Transaction<'_>,
    contract: &Contract,
    party: &str,
    now: Time,
) -> Result<(), LedgerError> {
    for (_, dataset) in owned(contract, party) {
        for (purpose, budget) in &dataset.budgets {
            let sql = "SELECT EXISTS (SELECT 1 FROM slices WHERE lineage = ?1 AND purpose = ?2)";
            let key = params![dataset.lineage, purpose];
            if !tx.query_row(sql, key, |row| row.get::<_, bool>(0))? {
                continue;
            }
            if people_of(tx, &dataset.lineage)?.is_none() {
                note(tx, &dataset.lineage, &dataset.lineage, "first", now)?;
            }
            note_budget(tx, &dataset.lineage, purpose, budget, now)?;
        }
    }
    Ok(())
}

fn note_budget(
    tx: &Transaction<'_>,
    lineage: &str,
    purpose: &str,
    budget: &Budget,
    now: Time,
) -> Result<(), LedgerError> {
    tx.execute(
        "INSERT OR IGNORE INTO budgets (lineage, purpose, period, time) VALUES (?1, ?2, ?3, ?4)",
        params![lineage, purpose, name_of(budget.period), stored(now.0)],
    )?;
    Ok(())
}

fn acknowledge(
    tx: &Transaction<'_>,
    directory: &Path,
    (contract, party): (&Contract, &str),
    answers: &Answers,
    now: Time,
) -> Result<(), LedgerError> {
    let asks = anybody_lost(tx)?.is_some();
    // Lineages that others are said to be the same as come first: they have to be known by then.
    let named = |dataset: &Dataset| {
        let mut said = answers.by_dataset.iter().filter(|(name, _)| {
            contract.datasets.get(*name).is_some_and(|other| other.lineage != dataset.lineage)
        });
        said.any(|(_, whose)| *whose == Whose::Same(dataset.lineage.clone()))
    };
    let (first, then): (Vec<_>, Vec<_>) =
        owned(contract, party).partition(|(_, dataset)| named(dataset));
    for (name, dataset) in first.into_iter().chain(then) {
        answer_for(tx, directory, (name, dataset), answers, asks, now)?;
        for (purpose, budget) in &dataset.budgets {
            note_budget(tx, &dataset.lineage, purpose, budget, now)?;
        }
    }
    Ok(())
}

fn answer_for(
    tx: &Transaction<'_>,
    directory: &Path,
    (name, dataset): (&str, &Dataset),
    answers: &Answers,
    asks: bool,
    now: Time,
) -> Result<(), LedgerError> {
    let lineage = dataset.lineage.as_str();
    let mut news = None;
    for (purpose, budget) in &dataset.budgets {
        news = news.or(unheard(tx, lineage, purpose, budget)?);
    }
    let people = people_of(tx, lineage)?;
    // What is said of all answers only what was asked.
    let of_all = answers.for_all.as_ref().filter(|_| news.is_some());
    match (answers.by_dataset.get(name).or(of_all), news) {
        // What is said of all is said of this one, too, which the others are the same as.
        (Some(Whose::Same(other)), _) if other == lineage && people.is_none() && !asks => {
            note(tx, lineage, lineage, "first", now)
        }
        (Some(Whose::Same(other)), _) => same(tx, directory, lineage, other, now),
        (Some(Whose::New), Some(_)) if people.is_some() && asks => {
            let (dataset, lineage) = (name.to_owned(), lineage.to_owned());
            Err(LedgerError::KnownPeople { dataset, lineage })
        }
        (None, Some(what)) if asks => Err(ask(tx, name, dataset, what)?),
        (answer, _) if people.is_none() => {
            let said = if answer.is_some() { "new" } else { "first" };
            note(tx, lineage, lineage, said, now)
        }
        _ => Ok(()),
    }
}

/// The people of `lineage` are those of `other`, whatever was said before.
fn same(
    tx: &Transaction<'_>,
    directory: &Path,
    lineage: &str,
    other: &str,
    now: Time,
) -> Result<(), LedgerError> {
    let theirs = match people_of(tx, other)? {
        Some(people) => people,
        // It was sealed here, and never stood in a contract that was signed. Once anybody has lost
        // anything, one of the two must be known: whose people they are is asked of both otherwise.
        None if other != lineage
            && (people_of(tx, lineage)?.is_some() || anybody_lost(tx)?.is_none())
            && was_sealed(directory, other)? =>
        {
            note(tx, other, other, "first", now)?;
            other.to_owned()
        }
        None => {
            return Err(LedgerError::NoLineage { lineage: other.to_owned(), known: known(tx)? });
        }
    };
    match people_of(tx, lineage)? {
        None => note(tx, lineage, &theirs, "same", now),
        Some(people) if people == theirs => Ok(()),
        Some(people) => {
            let sql = "UPDATE lineages SET people = ?2, said = 'same', time = ?3 WHERE people = ?1";
            tx.execute(sql, params![people, theirs, stored(now.0)])?;
            Ok(())
        }
    }
}

fn owned<'c>(
    contract: &'c Contract,
    party: &str,
) -> impl Iterator<Item = (&'c String, &'c Dataset)> {
    let party = party.to_owned();
    contract.datasets.iter().filter(move |(_, dataset)| dataset.owner == party)
}

fn note(
    tx: &Transaction<'_>,
    lineage: &str,
    people: &str,
    said: &str,
    now: Time,
) -> Result<(), LedgerError> {
    tx.execute(
        "INSERT INTO lineages (lineage, people, said, time) VALUES (?1, ?2, ?3, ?4)",
        params![lineage, people, said, stored(now.0)],
    )?;
    Ok(())
}

/// What the people of `lineage` were first met as, if the ledger knows it.
pub(super) fn people_of(db: &Connection, lineage: &str) -> Result<Option<String>, LedgerError> {
    let sql = "SELECT people FROM lineages WHERE lineage = ?1";
    Ok(db.query_row(sql, [lineage], |row| row.get(0)).optional()?)
}

fn unheard(
    db: &Connection,
    lineage: &str,
    purpose: &str,
    budget: &Budget,
) -> Result<Option<Unheard>, LedgerError> {
    if people_of(db, lineage)?.is_none() {
        return Ok(Some(Unheard::Lineage));
    }
    let mut statement =
        db.prepare("SELECT period FROM budgets WHERE lineage = ?1 AND purpose = ?2")?;
    let periods = statement.query_map([lineage, purpose], |row| row.get::<_, String>(0))?;
    let periods = periods.collect::<Result<Vec<_>, _>>()?;
    Ok(match periods.is_empty() {
        true => Some(Unheard::Purpose(purpose.to_owned())),
        false if periods.iter().any(|period| period == name_of(budget.period)) => None,
        false => {
            let (purpose, period) = (purpose.to_owned(), budget.period);
            Some(Unheard::Period { purpose, period })
        }
    })
}

/// The lineage through which the most was lost, if anything was.
fn anybody_lost(db: &Connection) -> Result<Option<(String, Loss)>, LedgerError> {
    let mut lost: BTreeMap<String, Loss> = BTreeMap::new();
    for table in ["slices", "credits"] {
        let mut statement = db.prepare(&format!("SELECT lineage, loss FROM {table} ORDER BY 1"))?;
        let rows = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        for row in rows {
            let (lineage, loss) = row?;
            let loss = read_loss(&loss)?;
            let sum = lost.entry(lineage).or_insert_with(Loss::zero);
            *sum = if table == "slices" { sum.plus(&loss) } else { sum.minus(&loss) };
        }
    }
    let lost = lost.into_iter().filter(|(_, loss)| !loss.is_zero());
    Ok(lost.max_by_key(|(_, loss)| loss.rho()))
}

fn ask(
    db: &Connection,
    name: &str,
    dataset: &Dataset,
    what: Unheard,
) -> Result<LedgerError, LedgerError> {
    let lineage = dataset.lineage.clone();
    let known = known(db)?;
    let most = anybody_lost(db)?.map(|(lineage, _)| lineage).unwrap_or_default();
    Ok(LedgerError::WhosePeople { dataset: name.to_owned(), lineage, what, known, most })
}

fn known(db: &Connection) -> Result<Vec<String>, LedgerError> {
    let mut statement = db.prepare("SELECT lineage FROM lineages ORDER BY 1")?;
    let rows = statement.query_map([], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn name_of(period: Period) -> &'static str {
    match period {
        Period::Day => "day",
        Period::Week => "week",
        Period::Month => "month",
        _ => "contract",
    }
}

/// What is new, and what its owner has to say of it.
pub(super) fn question(dataset: &str, lineage: &str, what: &Unheard, most: &str) -> String {
    let again = format!(
        "The people of a lineage stay the same whatever it is for: to go on with their sum, say \
         --same-people {lineage}"
    );
    match what {
        Unheard::Lineage => format!(
            "whose people are in \"{dataset}\"? Its lineage \"{lineage}\" is new to this party's ledger, \
             and people of the party have lost budget before. Say --same-people LINEAGE if they are \
             those of an earlier lineage (what both have lost is then one sum; most was lost through \
             \"{most}\"), or --new-people if nobody of them is in what this party sealed before"
        ),
        Unheard::Purpose(purpose) => format!(
            "whose people are in \"{dataset}\"? Nothing was ever handed out of lineage \"{lineage}\" for \
             \"{purpose}\", and people of the party have lost budget for other purposes, which this \
             one does not count. {again}"
        ),
        Unheard::Period { purpose, period } => format!(
            "whose people are in \"{dataset}\"? The budget of lineage \"{lineage}\" for \"{purpose}\" was \
             filled at another pace than by the {period}, and what was used of it would not count in \
             the new period. {again}",
            period = name_of(*period)
        ),
    }
}

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Same(lineage) => write!(f, "the same people as \"{lineage}\""),
            Self::New => f.write_str("new people"),
        }
    }
}
