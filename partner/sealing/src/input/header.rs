//! The first line of a table, held against the contract's columns.

use super::{
    super::{Reading, SealError, convert::trimmed, folded, output::REJECT_COLUMNS},
    MapFlaw,
};
use protocol::contract::{Column, Dataset};
use std::collections::BTreeSet;

/// The names of a table's columns in the contract's words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Header {
    /// The contract's name of each column; the table's own for those that stay here.
    pub(super) names: Vec<String>,
    /// Columns that the owner named with `--ignore`.
    ignored: BTreeSet<String>,
    /// Whether it is a file of rejected rows, with the place and the reason behind these columns.
    pub(super) is_of_rejects: bool,
}

impl Header {
    /// Renames `names` as the owner says.
    pub(super) fn new(
        names: impl IntoIterator<Item = String>,
        dataset: &Dataset,
        reading: &Reading,
    ) -> Result<Self, SealError> {
        let mut names: Vec<_> = names.into_iter().map(|name| trimmed(&name).to_owned()).collect();
        let is_of_rejects = names.ends_with(&REJECT_COLUMNS.map(str::to_owned));
        if is_of_rejects {
            names.truncate(names.len().saturating_sub(REJECT_COLUMNS.len()));
        }
        // Rejected rows have the contract's names already: swapped again, they would be wrong.
        let map = if is_of_rejects { &[][..] } else { &reading.map };
        let mut renamed = Vec::new();
        for entry in map {
            if let Some((at, to)) = resolve(entry, &names, dataset, reading)? {
                renamed.push((at, to));
            }
        }
        for (at, to) in renamed {
            if let Some(name) = names.get_mut(at) {
                *name = to;
            }
        }
        for name in &reading.ignore {
            if !names.contains(name) && !reading.several_files {
                return Err(SealError::Map { entry: name.clone(), flaw: MapFlaw::NotInFile });
            }
        }
        let known = |name: &&String| dataset.read_columns().any(|column| column.name == **name);
        if let Some(name) = reading.ignore.iter().find(known) {
            return Err(SealError::Map { entry: name.clone(), flaw: MapFlaw::Sealed });
        }
        Ok(Self { names, ignored: reading.ignore.iter().cloned().collect(), is_of_rejects })
    }

    /// The names as they may be shown.
    pub(super) fn shown(&self) -> Vec<String> {
        shown_all(&self.names)
    }

    /// Where each of the contract's columns is that sealing reads.
    pub(super) fn columns<'a>(
        &self,
        dataset: &'a Dataset,
    ) -> Result<Vec<(&'a Column, usize)>, SealError> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for column in dataset.read_columns() {
            match self.names.iter().position(|name| *name == column.name) {
                Some(at) => found.push((column, at)),
                None => missing.push(column.name.clone()),
            }
        }
        let known = |name: &String| dataset.column(name).is_some() || self.ignored.contains(name);
        let unknown: Vec<_> =
            (1..).zip(&self.names).filter(|(_, name)| !known(name)).map(shown).collect();
        let mut seen = BTreeSet::new();
        let twice: Vec<_> = (1..)
            .zip(&self.names)
            .filter(|(_, name)| !seen.insert(*name) && !self.ignored.contains(*name))
            .map(shown)
            .collect();
        if missing.is_empty() && unknown.is_empty() && twice.is_empty() {
            return Ok(found);
        }
        if !is_header(&self.names, dataset) {
            let fields = self.names.len();
            return Err(SealError::NoHeader { expected: missing, fields });
        }
        Err(SealError::Columns { missing, unknown, twice })
    }
}

/// Which of `names` an entry of `--map` means, and what it is called in the contract.
fn resolve(
    entry: &str,
    names: &[String],
    dataset: &Dataset,
    reading: &Reading,
) -> Result<Option<(usize, String)>, SealError> {
    let refused = |flaw| SealError::Map { entry: entry.to_owned(), flaw };
    let place = |name: &str| names.iter().position(|known| known == trimmed(name));
    let column = |name: &str| dataset.column(trimmed(name)).map(|column| column.name.clone());
    let mut meanings = Vec::new();
    for (at, _) in entry.match_indices('=') {
        let (left, right) = (entry.get(..at), entry.get(at + 1..));
        let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
        meanings.extend(place(left).zip(column(right)));
        meanings.extend(place(right).zip(column(left)));
    }
    meanings.dedup();
    match meanings.as_slice() {
        [meaning] => Ok(Some(meaning.clone())),
        [] if reading.several_files => Ok(None),
        [] => Err(refused(flaw(entry, names, dataset))),
        _ => Err(refused(MapFlaw::Ambiguous)),
    }
}

/// Which half of an entry of `--map` nothing is called by.
fn flaw(entry: &str, names: &[String], dataset: &Dataset) -> MapFlaw {
    let in_table = |name: &str| names.iter().any(|known| known == trimmed(name));
    let in_contract = |name: &str| dataset.column(trimmed(name)).is_some();
    let Some((left, right)) = entry.split_once('=') else { return MapFlaw::NoPair };
    let unknown = if in_table(left) && !in_contract(right) {
        Some(right)
    } else if in_table(right) && !in_contract(left) {
        Some(left)
    } else {
        None
    };
    if let Some(name) = unknown {
        let names = dataset.columns.iter().map(|column| column.name.clone()).collect();
        return MapFlaw::NotInContract { name: name.to_owned(), names };
    }
    // FILE=CONTRACT, unless only the other order names a column of the contract.
    let name = if in_contract(left) && !in_contract(right) { right } else { left };
    let is_header = is_header(names, dataset);
    let names = (1..).zip(names).filter(|_| is_header).map(shown).collect();
    MapFlaw::NotInTable { name: name.to_owned(), names }
}

/// Whether some name is nearly one of the contract's. If none is, what stands there may be a customer.
fn is_header(names: &[String], dataset: &Dataset) -> bool {
    let is_near = |name: &String| dataset.columns.iter().any(|c| folded(&c.name) == folded(name));
    names.iter().any(is_near)
}

/// The names as they may be shown.
pub(super) fn shown_all(names: &[String]) -> Vec<String> {
    (1..).zip(names).map(shown).collect()
}

/// A name as it may be shown: one that may be a value is not.
fn shown((place, name): (usize, &String)) -> String {
    let digits = name.chars().filter(char::is_ascii_digit).count();
    let plain = |c: char| c.is_alphanumeric() || " _-./()#%&:'".contains(c);
    let like_a_name = name.chars().next().is_some_and(char::is_alphabetic)
        && name.chars().count() <= MOST_LETTERS
        && digits <= MOST_DIGITS
        && name.chars().all(plain);
    match name.as_str() {
        "" => format!("column {place}, which has no name"),
        name if like_a_name || name.starts_with('_') && digits == 0 => name.to_owned(),
        _ => format!("column {place} (not shown, for it may be a value)"),
    }
}

const MOST_LETTERS: usize = 64;
const MOST_DIGITS: usize = 4;
