//! What the ledger knows of lineages: whose people they have, for what purposes, and how often
//! their budgets are filled.

use super::{
    accounts::{read_loss, stored},
    answers::{Answers, PeopleAnswer},
    error::LedgerError,
    overlap::{people_of, unanswered},
    questions::{Novelty, name_of},
};
use client::people::was_sealed;
use protocol::{
    contract::{Budget, Contract, Dataset},
    loss::Loss,
    time::Time,
};
use rusqlite::{Connection, Transaction, params};
use std::{collections::BTreeMap, path::Path};

/// At the first loss of a dataset's people, records everything about its owner's datasets. Later,
/// refuses what is new and not answered for. A lineage that shares people with another one is
/// refused even before any loss.
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

/// Records the budgets under `contract` that slices were cut from: after a restored backup its
/// closings tell of them, and the owner has said under which contract.
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

pub(super) fn acknowledge(
    tx: &Transaction<'_>,
    directory: &Path,
    (contract, party): (&Contract, &str),
    answers: &Answers,
    now: Time,
) -> Result<(), LedgerError> {
    let asks = anybody_lost(tx)?.is_some();
    // Lineages that others are declared the same as come first: they must be known by then.
    let named = |dataset: &Dataset| {
        let mut said = answers.by_dataset.iter().filter(|(name, _)| {
            contract.datasets.get(*name).is_some_and(|other| other.lineage != dataset.lineage)
        });
        said.any(|(_, whose)| *whose == PeopleAnswer::Same(dataset.lineage.clone()))
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
    // An answer for all datasets counts only where something is asked.
    let of_all = answers.for_all.as_ref().filter(|_| news.is_some());
    match (answers.by_dataset.get(name).or(of_all), news) {
        // An answer for all datasets also holds for the lineage that the others are declared the
        // same as.
        (Some(PeopleAnswer::Same(other)), _) if other == lineage && people.is_none() && !asks => {
            note(tx, lineage, lineage, "first", now)
        }
        (Some(PeopleAnswer::Same(other)), _) => same(tx, directory, lineage, other, now),
        (Some(PeopleAnswer::New), Some(_)) if people.is_some() && asks => {
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

/// Records that the people of `lineage` are those of `other`, whatever was recorded before.
pub(super) fn same(
    tx: &Transaction<'_>,
    directory: &Path,
    lineage: &str,
    other: &str,
    now: Time,
) -> Result<(), LedgerError> {
    let theirs = match people_of(tx, other)? {
        Some(people) => people,
        // The lineage was sealed here and never stood in a signed contract. Once anybody has lost
        // anything, one of the two must be known; otherwise the owner is asked about both.
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

pub(super) fn owned<'c>(
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

fn unheard(
    db: &Connection,
    lineage: &str,
    purpose: &str,
    budget: &Budget,
) -> Result<Option<Novelty>, LedgerError> {
    if people_of(db, lineage)?.is_none() {
        return Ok(Some(Novelty::Lineage));
    }
    let mut statement =
        db.prepare("SELECT period FROM budgets WHERE lineage = ?1 AND purpose = ?2")?;
    let periods = statement.query_map([lineage, purpose], |row| row.get::<_, String>(0))?;
    let periods = periods.collect::<Result<Vec<_>, _>>()?;
    Ok(match periods.is_empty() {
        true => Some(Novelty::Purpose(purpose.to_owned())),
        false if periods.iter().any(|period| period == name_of(budget.period)) => None,
        false => {
            let (purpose, period) = (purpose.to_owned(), budget.period);
            Some(Novelty::Period { purpose, period })
        }
    })
}

/// The lineage through which the most was lost, if anything was lost.
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
    what: Novelty,
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
