//! Which lineages share people by the samples that sealing keeps, and what their owner said of it.

use super::{accounts::stored, error::LedgerError, ledger::Ledger, people::people_of};
use client::people::{Overlap, Why, known_overlaps, to_ask};
use protocol::time::Time;
use rusqlite::{Connection, params};
use std::path::Path;

/// Which share of a lineage's people was known when it was taken for others.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KnownShare {
    /// The lineage that was taken for others.
    pub lineage: String,
    /// The one that knew its people.
    pub other: String,
    /// Of a hundred people of the lineage, so many were known.
    pub of_lineage: u64,
    /// Of a hundred people known of the other, so many were in the lineage.
    pub of_other: u64,
}

impl Ledger {
    /// Records that two lineages have other people, though some of them seem to be in both.
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

    /// Records which people of `lineage` were known of another one that it is not said to be the same as;
    /// says whether that is more than was recorded of the two before.
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

    /// Which of the overlaps of `lineage` has to be asked about, of those that are not answered.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the files cannot be used.
    pub fn to_ask(
        &self,
        lineage: &str,
        open: &[Overlap],
    ) -> Result<Option<(Overlap, Why)>, LedgerError> {
        asked(self.db(), &self.directory(), lineage, open)
    }

    /// Whether the owner has said of these lineages that they are one, or that they are not.
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

fn is_answered(db: &Connection, one: &str, other: &str) -> Result<bool, LedgerError> {
    if are_one(db, one, other)? {
        return Ok(true);
    }
    let (one, other) = if one < other { (one, other) } else { (other, one) };
    let sql = "SELECT EXISTS (SELECT 1 FROM told_apart WHERE one = ?1 AND other = ?2)";
    Ok(db.query_row(sql, [one, other], |row| row.get(0))?)
}

fn are_one(db: &Connection, one: &str, other: &str) -> Result<bool, LedgerError> {
    let people = people_of(db, one)?;
    Ok(people.is_some() && people == people_of(db, other)?)
}

/// The lineages in which people of `lineage` are, of which nobody has said whether they are others.
fn open(db: &Connection, directory: &Path, lineage: &str) -> Result<Vec<Overlap>, LedgerError> {
    let mut found = Vec::new();
    for overlap in known_overlaps(directory, lineage)? {
        if !is_answered(db, lineage, &overlap.lineage)? {
            found.push(overlap);
        }
    }
    Ok(found)
}

fn asked(
    db: &Connection,
    directory: &Path,
    lineage: &str,
    overlaps: &[Overlap],
) -> Result<Option<(Overlap, Why)>, LedgerError> {
    to_ask(overlaps, |other| {
        let mut others = open(db, directory, other)?;
        others.retain(|found| found.lineage != lineage);
        Ok(others)
    })
}

/// The lineage of which it has to be said whether its people are those of `lineage`, if there is one.
pub(super) fn unanswered(
    db: &Connection,
    directory: &Path,
    lineage: &str,
) -> Result<Option<(Overlap, Why)>, LedgerError> {
    asked(db, directory, lineage, &open(db, directory, lineage)?)
}

/// What was known of `lineage`, or through it of another, where they are not said to be one by now.
pub(super) fn known_shares(db: &Connection, lineage: &str) -> Result<Vec<KnownShare>, LedgerError> {
    let mut statement = db.prepare(
        "SELECT lineage, other, of_lineage, of_other FROM known_shares \
         WHERE lineage = ?1 OR other = ?1 ORDER BY time, lineage, other",
    )?;
    let rows = statement.query_map([lineage], |row| {
        let percent = |n: i64| u64::try_from(n).unwrap_or_default();
        Ok(KnownShare {
            lineage: row.get(0)?,
            other: row.get(1)?,
            of_lineage: percent(row.get(2)?),
            of_other: percent(row.get(3)?),
        })
    })?;
    let mut found = Vec::new();
    for known in rows {
        let known = known?;
        if !are_one(db, &known.lineage, &known.other)? {
            found.push(known);
        }
    }
    Ok(found)
}

/// Which people two lineages share, and what their owner has to say of it.
pub(super) fn shared(dataset: &str, lineage: &str, overlap: &Overlap, why: Why) -> String {
    let Overlap { lineage: other, of_file, of_lineage, .. } = overlap;
    let in_all = match why {
        Why::FileInAll(percent) => format!(
            " That is little; but over all lineages that were taken for others {percent} % of the people \
             in \"{dataset}\" are known, each counted once for each lineage: the same people may come in \
             again and again."
        ),
        Why::LineageInAll(percent) => format!(
            " That is little; but with what is in other lineages {percent} % of the people known of \
             \"{other}\" have come in again under names that were taken for other people."
        ),
        _ => String::new(),
    };
    format!(
        "{of_file} % of the people in \"{dataset}\" (lineage \"{lineage}\") are in lineage \"{other}\", and \
         {of_lineage} % of the people known of lineage \"{other}\" are in \"{dataset}\".{in_all} This party's \
         ledger takes them for other people: whoever is in both could lose the budget of each, so nothing \
         is handed out. If they are the same people, or some of them are, say --same-people \
         {dataset}={other}: what is lost under either name is then one sum. Two large lists of customers \
         may share people by chance: if they are to be counted as others nevertheless, say --new-people \
         --although-they-overlap, and whoever is in both can lose the budget of each"
    )
}
