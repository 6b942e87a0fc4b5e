//! A column of a dataset, by name.

use super::is_name;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A column of a dataset, written `dataset.column` in contracts, templates and signed jobs.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
#[expect(clippy::exhaustive_structs, reason = "a name has two parts")]
pub struct ColumnRef {
    /// Dataset.
    pub dataset: String,
    /// Column.
    pub column: String,
}

impl ColumnRef {
    /// The column `column` of `dataset`.
    #[must_use]
    pub fn new(dataset: &str, column: &str) -> Self {
        Self { dataset: dataset.to_owned(), column: column.to_owned() }
    }

    /// Whether it is the column `column` of `dataset`.
    #[must_use]
    pub fn is(&self, dataset: &str, column: &str) -> bool {
        self.dataset == dataset && self.column == column
    }
}

impl fmt::Display for ColumnRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.dataset, self.column)
    }
}

impl FromStr for ColumnRef {
    type Err = InvalidColumnRef;

    fn from_str(text: &str) -> Result<Self, InvalidColumnRef> {
        match text.split_once('.') {
            Some((dataset, column)) if is_name(dataset) && is_name(column) => {
                Ok(Self::new(dataset, column))
            }
            _ => Err(InvalidColumnRef { found: text.chars().take(SHOWN).collect() }),
        }
    }
}

impl TryFrom<String> for ColumnRef {
    type Error = InvalidColumnRef;

    fn try_from(text: String) -> Result<Self, InvalidColumnRef> {
        text.parse()
    }
}

impl From<ColumnRef> for String {
    fn from(column: ColumnRef) -> Self {
        column.to_string()
    }
}

/// The text does not name a column of a dataset.
///
/// Remedy: write the dataset, a dot and the column as the contract names them.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("found {found:?}, expected a dataset and its column, such as \"sales.spend\"")]
pub struct InvalidColumnRef {
    /// The text, shortened.
    pub found: String,
}

/// How many characters of a wrong text are shown.
const SHOWN: usize = 80;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical;

    #[test]
    fn a_column_is_read_as_it_is_written() {
        let column: ColumnRef = "sales.spend_2".parse().unwrap();
        assert_eq!(column, ColumnRef::new("sales", "spend_2"));
        assert_eq!(column.to_string(), "sales.spend_2");
    }

    #[test]
    fn a_signed_column_has_the_bytes_of_its_text() {
        let column = ColumnRef::new("sales", "spend");
        let bytes = canonical::to_vec(&column);
        assert_eq!(bytes, canonical::to_vec(&"sales.spend"));
        assert_eq!(canonical::from_slice::<ColumnRef>(&bytes).unwrap(), column);
    }

    /// Nothing that is no pair of names becomes a column, so that one column has one spelling.
    #[test]
    fn what_is_no_pair_of_names_is_no_column() {
        let long = format!("sales.{}", "a".repeat(33));
        for text in [
            "",
            "sales",
            ".",
            "sales.",
            ".spend",
            "sales.spend.x",
            "sales. spend",
            "Sales.spend",
            &long,
        ] {
            let error = text.parse::<ColumnRef>().unwrap_err();
            assert_eq!(error.found, text);
            assert!(canonical::from_slice::<ColumnRef>(&canonical::to_vec(&text)).is_err());
        }
        let error = "x".repeat(1000).parse::<ColumnRef>().unwrap_err();
        assert_eq!(error.found.len(), SHOWN);
    }
}
