//! How good the rows of a sealed file were: counts that stay on the machine that sealed it.

use crate::{failure::Failure, files};
use sealing::{Count, Sealed};
use std::{collections::BTreeMap, path::Path};

/// What is compared from version to version: of the rows that were sealed.
pub(crate) fn figures(count: &Count) -> BTreeMap<String, u64> {
    let mut figures =
        BTreeMap::from([(ROWS.to_owned(), count.rows), (PEOPLE.to_owned(), count.people)]);
    for column in &count.columns {
        figures.insert(format!("values of {}", column.column), column.good);
        if column.is_key {
            figures.insert(format!("{SHARED} in {}", column.column), column.shared_keys);
            figures.insert(format!("{LOST} in {}", column.column), column.shared_people);
        }
        if let Some(yes) = column.yes {
            figures.insert(format!("consents in {}", column.column), yes);
        }
    }
    figures
}

/// Writes down beside a sealed file how good its rows were, for the party's page.
pub(crate) fn keep(sealed: &Sealed) -> Result<(), Failure> {
    let mut counted = figures(&sealed.count);
    counted.insert("rows that were bad and left out".to_owned(), sealed.count.rejected);
    let path = files::with_end(&sealed.files.sealed.with_extension(""), END);
    let json = serde_json::to_vec_pretty(&counted).map_err(Failure::unclear)?;
    files::write_private(&path, &json)
}

/// What was written down beside the sealed file of `stem`; nothing if that was not.
pub(crate) fn of(stem: &Path) -> BTreeMap<String, u64> {
    let read = files::read(&files::with_end(stem, END)).ok();
    read.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
}

pub(crate) const ROWS: &str = "rows";
pub(crate) const PEOPLE: &str = "people";
pub(crate) const SHARED: &str = "keys of several people";
pub(crate) const LOST: &str = "people without such a key";
/// How the file with the counts ends.
const END: &str = "counted.json";
