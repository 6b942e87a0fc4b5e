//! Made-up rows for a dataset, from what its contract says of its columns.

use protocol::{
    contract::{Column, Dataset, Role},
    identity::Identifier,
};
use std::fmt::Write;

/// A table of made-up people as CSV: each column that sealing reads, with values that it takes. The same people are in
/// every dataset that has their kind of match key, everybody agrees, and the values of a public list are equally frequent.
pub(crate) fn made_up(dataset: &Dataset) -> String {
    let columns: Vec<_> = dataset.read_columns().collect();
    let header = columns.iter().map(|column| quoted(&column.name));
    let mut table = header.collect::<Vec<_>>().join(",");
    for person in 0..PEOPLE {
        let cells = columns.iter().map(|column| quoted(&cell(column, person)));
        // Writing to a string cannot fail.
        let _ = write!(table, "\n{}", cells.collect::<Vec<_>>().join(","));
    }
    table.push('\n');
    table
}

fn cell(column: &Column, person: usize) -> String {
    match &column.role {
        Role::MatchKey(Identifier::Email) => format!("person{person}@example.com"),
        Role::MatchKey(Identifier::Phone) => format!("+1201{:07}", 5_550_000 + person),
        Role::MatchKey(_) => format!("{:064x}", person + 1),
        Role::Group(values) => {
            values.get(person % values.len().max(1)).cloned().unwrap_or_default()
        }
        Role::Label => format!("label {}", person % 3),
        Role::Measure(_) => (person % 2).to_string(),
        Role::Feature(_) => (person % 50).to_string(),
        Role::Date => format!("2026-01-{:02}", 1 + person % 28),
        Role::Consent => "yes".to_owned(),
        Role::Person => format!("p{person}"),
        // Nothing else is sealed.
        _ => String::new(),
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// Enough for every value of a short list to pass a usual floor.
const PEOPLE: usize = 600;
