//! What people have lost through all their lineages, and what their owner says of them: for ever,
//! and whatever name comes next.

use super::{
    accounts::{Scope, stored, sum},
    answers::Answers,
    error::LedgerError,
    ledger::Ledger,
    lineages::{acknowledge, owned, same},
    overlap::{KnownShare, are_one, asked, is_answered, known_shares, unanswered},
};
use client::people::{Overlap, OverlapReason};
use protocol::{
    contract::{Budget, Contract, Dataset},
    loss::{Delta, Loss},
    time::Time,
};
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};

/// What the people of some lineages have lost, through all purposes, names and contracts.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct PeopleLine {
    /// The contract's datasets that are about these people.
    pub datasets: Vec<String>,
    /// All lineages of these people.
    pub lineages: Vec<String>,
    /// What was handed out and not credited back, by lineage and purpose.
    pub by_purpose: Vec<(String, String, Loss)>,
    /// Their sum.
    pub lost: Loss,
    /// The sum of these losses.
    pub ceiling: Loss,
    /// δ at which ε is stated.
    pub delta: Delta,
    /// Lineages that share many people with these and that the owner has not answered for, each
    /// with the name here that it shares them with.
    pub unanswered: Vec<(String, Overlap)>,
    /// The shares of these people who were known elsewhere when they were taken for other people.
    pub known: Vec<KnownShare>,
}

impl Ledger {
    /// Records whose people are in the datasets of `party` under `contract`. An owner whose people
    /// have lost nothing yet is not asked; after that everything new must be answered for.
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

    /// Records that the people of `lineage` are those of `other`: the losses of both are one sum.
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
            // The smallest δ gives the largest ε.
            let Some(budget) = dataset.budgets.values().min_by_key(|budget| budget.delta) else {
                continue;
            };
            lines.push(line(self.db(), &self.directory(), (name, dataset), budget)?);
        }
        Ok(lines)
    }

    /// The party's folder, which has the samples of its people.
    pub(super) fn directory(&self) -> PathBuf {
        self.path().parent().map(Path::to_owned).unwrap_or_default()
    }
}

impl Ledger {
    /// Records that two lineages have different people, though some seem to be in both.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the files cannot be used.
    pub fn tell_apart(&mut self, one: &str, other: &str, now: Time) -> Result<(), LedgerError> {
        self.change(|tx| {
            let (one, other) = if one < other { (one, other) } else { (other, one) };
            let sql = "INSERT OR IGNORE INTO told_apart (one, other, time) VALUES (?1, ?2, ?3)";
            tx.execute(sql, params![one, other, stored(now.0)])?;
            Ok(())
        })
    }

    /// Records which share of the people of `lineage` was known in another one that it is not
    /// declared the same as. Returns whether that is more than was recorded of the two before.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the files cannot be used.
    pub fn note_known(
        &mut self,
        lineage: &str,
        overlap: &Overlap,
        now: Time,
    ) -> Result<bool, LedgerError> {
        let shares = (overlap.of_file, overlap.of_lineage);
        let mut recorded = known_shares(self.db(), lineage)?;
        recorded.retain(|known| known.lineage == overlap.lineage || known.other == overlap.lineage);
        let is_known = recorded.iter().any(|known| {
            let as_found = known.lineage == lineage;
            let before = (known.of_lineage, known.of_other);
            let before = if as_found { before } else { (before.1, before.0) };
            before.0 >= shares.0 && before.1 >= shares.1
        });
        if is_known {
            return Ok(false);
        }
        self.change(|tx| {
            tx.execute(
                "INSERT OR REPLACE INTO known_shares (lineage, other, of_lineage, of_other, time) \
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    lineage,
                    overlap.lineage,
                    stored(shares.0),
                    stored(shares.1),
                    stored(now.0)
                ],
            )?;
            Ok(true)
        })
    }

    /// The overlaps of `lineage` that the owner must be asked about, of those that are not
    /// answered.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the files cannot be used.
    pub fn to_ask(
        &self,
        lineage: &str,
        open: &[Overlap],
    ) -> Result<Option<(Overlap, OverlapReason)>, LedgerError> {
        asked(self.db(), &self.directory(), lineage, open)
    }

    /// Whether the owner has said of these lineages that they have the same people, or that they do
    /// not.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the database cannot be read.
    pub fn is_answered(&self, one: &str, other: &str) -> Result<bool, LedgerError> {
        is_answered(self.db(), one, other)
    }

    /// Whether the owner has said that these lineages have the same people.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the database cannot be read.
    pub fn are_one(&self, one: &str, other: &str) -> Result<bool, LedgerError> {
        are_one(self.db(), one, other)
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

/// What was handed out through one lineage and for one purpose, and not credited back.
fn lost_through(db: &Connection, lineage: &str, purpose: &str) -> Result<Loss, LedgerError> {
    let total = |table: &str| {
        let sql = format!("SELECT loss FROM {table} WHERE lineage = ?1 AND purpose = ?2");
        sum(db, &sql, params![lineage, purpose])
    };
    Ok(total("slices")?.minus(&total("credits")?))
}

/// All lineages of the people of `lineage`, itself first.
fn lineages_of(db: &Connection, lineage: &str) -> Result<Vec<String>, LedgerError> {
    let mut statement = db.prepare(
        "SELECT other.lineage FROM lineages AS own JOIN lineages AS other \
         ON other.people = own.people WHERE own.lineage = ?1 AND other.lineage != ?1 ORDER BY 1",
    )?;
    let others = statement.query_map([lineage], |row| row.get(0))?;
    std::iter::once(Ok(lineage.to_owned())).chain(others.map(|name| Ok(name?))).collect()
}
