//! Which lineages share people according to the samples that sealing keeps, and what their owner
//! said about it.

use super::error::LedgerError;
use client::people::{Overlap, OverlapReason, known_overlaps, to_ask};
use rusqlite::{Connection, OptionalExtension};
use std::path::Path;

/// The share of a lineage's people that was known elsewhere when it was taken for other people.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KnownShare {
    /// The lineage that was taken for other people.
    pub lineage: String,
    /// The lineage that its people were known in.
    pub other: String,
    /// Percentage of the lineage's people who were known.
    pub of_lineage: u64,
    /// Percentage of the other lineage's known people who were in the lineage.
    pub of_other: u64,
}

pub(super) fn is_answered(db: &Connection, one: &str, other: &str) -> Result<bool, LedgerError> {
    if are_one(db, one, other)? {
        return Ok(true);
    }
    let (one, other) = if one < other { (one, other) } else { (other, one) };
    let sql = "SELECT EXISTS (SELECT 1 FROM told_apart WHERE one = ?1 AND other = ?2)";
    Ok(db.query_row(sql, [one, other], |row| row.get(0))?)
}

pub(super) fn are_one(db: &Connection, one: &str, other: &str) -> Result<bool, LedgerError> {
    let people = people_of(db, one)?;
    Ok(people.is_some() && people == people_of(db, other)?)
}

/// The lineages in which people of `lineage` are, without an answer of the owner on whether they
/// are the same people.
fn open(db: &Connection, directory: &Path, lineage: &str) -> Result<Vec<Overlap>, LedgerError> {
    let mut found = Vec::new();
    for overlap in known_overlaps(directory, lineage)? {
        if !is_answered(db, lineage, &overlap.lineage)? {
            found.push(overlap);
        }
    }
    Ok(found)
}

pub(super) fn asked(
    db: &Connection,
    directory: &Path,
    lineage: &str,
    overlaps: &[Overlap],
) -> Result<Option<(Overlap, OverlapReason)>, LedgerError> {
    to_ask(overlaps, |other| {
        let mut others = open(db, directory, other)?;
        others.retain(|found| found.lineage != lineage);
        Ok(others)
    })
}

/// The lineage that the owner must compare with `lineage`, if there is one.
pub(super) fn unanswered(
    db: &Connection,
    directory: &Path,
    lineage: &str,
) -> Result<Option<(Overlap, OverlapReason)>, LedgerError> {
    asked(db, directory, lineage, &open(db, directory, lineage)?)
}

/// The shares that were known of `lineage`, or through it of another one, where the two are not
/// declared the same by now.
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

/// The name under which the people of `lineage` were first met, if the ledger knows it.
pub(super) fn people_of(db: &Connection, lineage: &str) -> Result<Option<String>, LedgerError> {
    let sql = "SELECT people FROM lineages WHERE lineage = ?1";
    Ok(db.query_row(sql, [lineage], |row| row.get(0)).optional()?)
}
