//! What can be wrong with a contract.

use crate::text::{self, Hidden};

/// Where a contract is wrong, and how.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("contract, line {line}: {flaw}")]
pub struct ContractError {
    /// Line in the file, from 1.
    pub line: usize,
    /// What is wrong there.
    pub flaw: Flaw,
}

/// What is wrong with a contract.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// No TOML of the expected shape.
    #[error("{0}")]
    Syntax(String),
    /// A field of a feature that this build does not have.
    #[error(
        "`{field}` is for a feature that is not in this build ({feature}): leave it out, since nothing would obey it"
    )]
    Later {
        /// Field.
        field: &'static str,
        /// What it will be for.
        feature: &'static str,
    },
    /// A name that could be mistaken or misread.
    #[error(
        "\"{0}\" is not a name: expected a-z first, then a-z, 0-9, '-' or '_', at most 32 characters"
    )]
    Name(String),
    /// A character that the reader of the contract would not see, or that would move others.
    #[error("{0} is here, a character that hides or moves text: take it out")]
    Hidden(Hidden),
    /// Two things with one name, or with names that look alike.
    #[error(
        "\"{}\" is already used or looks like \"{}\"",
        text::told_apart(second),
        text::told_apart(first)
    )]
    Duplicate {
        /// The name that came first.
        first: String,
        /// The name found here.
        second: String,
    },
    /// Two parties with one key.
    #[error("this key is also the key of \"{0}\": every party needs its own")]
    SharedKey(String),
    /// A name that nothing has.
    #[error("{}", unknown(what, name))]
    Unknown {
        /// What kind of thing was named.
        what: String,
        /// The name.
        name: String,
    },
    /// A list that must not be empty.
    #[error("no {0} is named, at least one is needed")]
    Missing(&'static str),
    /// A list that is too short.
    #[error("{found} {what} {}, at least {least} are needed", if *found == 1 { "is named" } else { "are named" })]
    TooFew {
        /// One thing that is listed.
        what: &'static str,
        /// How many are.
        found: usize,
        /// How many must be.
        least: usize,
    },
    /// A dataset without a budget for a purpose that an analysis has.
    #[error("dataset \"{dataset}\" has no budget for the purpose \"{purpose}\"")]
    NoBudget {
        /// Dataset.
        dataset: String,
        /// Purpose.
        purpose: String,
    },
    /// A kind of analysis that this build does not have.
    #[error("there is no kind of analysis \"{found}\": expected one of {}", known.join(", "))]
    Kind {
        /// The kind.
        found: String,
        /// Those that there are.
        known: Vec<&'static str>,
    },
    /// A key that means something for another kind of analysis.
    #[error(
        "\"{key}\" means nothing for an analysis of kind \"{kind}\": leave it out; its own keys are {}",
        keys.join(", ")
    )]
    OtherKind {
        /// Key.
        key: &'static str,
        /// Kind of the analysis.
        kind: &'static str,
        /// The keys that this kind has.
        keys: Vec<&'static str>,
    },
    /// A dataset whose people cannot be found in any other of the analysis.
    #[error(
        "its match keys are of other kinds than those of the other datasets: nobody would match"
    )]
    NoCommonKey,
    /// Budgets that add up to more than the build allows.
    #[error(
        "the budgets of this dataset add up to more than this build allows: epsilon 20 per period and \
         100 for life, over all purposes"
    )]
    TooMuchInAll,
    /// A number out of range.
    #[error("{what} is {found}, expected {expected}")]
    Range {
        /// Which number.
        what: &'static str,
        /// Its value.
        found: String,
        /// What it may be.
        expected: &'static str,
    },
    /// A column whose role needs something else.
    #[error("column \"{column}\": {expected}")]
    Column {
        /// Column.
        column: String,
        /// What its role needs.
        expected: &'static str,
    },
    /// Another value could not be read.
    #[error("{what}: {reason}")]
    Value {
        /// What it should have been.
        what: &'static str,
        /// Why it is not.
        reason: String,
    },
}

/// What is said of a name that nothing has.
fn unknown(what: &str, name: &str) -> String {
    let Some(kind) = what.strip_suffix(" (written dataset.column)") else {
        return format!("this contract has no {what} called \"{name}\"");
    };
    if name == "matched" {
        return "\"matched\" is no column, so leave it out here: where the analysis has \"joined\", every job may \
                group by it"
            .to_owned();
    }
    format!(
        "the datasets of this analysis have no {kind} \"{name}\": expected the dataset, a point and the \
         column, such as sales.shop"
    )
}
