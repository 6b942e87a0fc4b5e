//! Errors of contracts.

use crate::text::{self, Hidden};

/// Where a contract is wrong, and what is wrong there.
///
/// Remedy: open the contract at the line that is named and change what the text says; nobody has signed it yet.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("contract, line {line}: {flaw}")]
pub struct ContractError {
    /// Line in the file, from 1.
    pub line: usize,
    /// What is wrong there.
    pub flaw: Flaw,
}

/// What is wrong with a contract.
///
/// Remedy: change the line of the contract that is named with it; protocol/spec/contract-v2.md says what each key
/// may hold.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Flaw {
    /// The text is not TOML of the expected shape.
    #[error("{0}")]
    Syntax(String),
    /// A field belongs to a feature that this build does not have.
    #[error(
        "`{field}` is for a feature that is not in this build ({feature}): leave it out, since nothing would obey it"
    )]
    Later {
        /// Name of the field.
        field: &'static str,
        /// The feature.
        feature: &'static str,
    },
    /// A name could be mistaken or misread.
    #[error(
        "\"{0}\" is not a name: expected a-z first, then a-z, 0-9, '-' or '_', at most 32 characters"
    )]
    Name(String),
    /// A character would not be seen by a reader of the contract, or would move others.
    #[error("{0} is here, a character that hides or moves text: take it out")]
    Hidden(Hidden),
    /// Two things have the same name, or names that look alike.
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
    /// Two columns name the person of a row.
    #[error(
        "at most one column of a dataset has the role person, and \"{}\" has it already: give \"{}\" another role, such \
         as never",
        text::told_apart(first),
        text::told_apart(second)
    )]
    SecondPerson {
        /// The column that came first.
        first: String,
        /// The column found here.
        second: String,
    },
    /// An order of claims names a kind of match key twice.
    #[error("\"{0}\" stands in claims already: a kind of match key stands there once")]
    ClaimedTwice(&'static str),
    /// Two parties have one key.
    #[error("this key is also the key of \"{0}\": every party needs its own")]
    SharedKey(String),
    /// No party, dataset or purpose has the name.
    #[error("this contract has no {what} called \"{name}\": it has {}", known_names(known))]
    NoSuch {
        /// What kind of thing was named.
        what: &'static str,
        /// The name.
        name: String,
        /// The names that the contract has.
        known: Vec<String>,
    },
    /// A name stands for nothing in the contract.
    #[error("{}", unknown(what, name))]
    Unknown {
        /// What kind of thing was named.
        what: String,
        /// The name.
        name: String,
    },
    /// A column that an analysis names beside its keys stands under none of them.
    #[error(
        "this analysis lists no column \"{name}\" under its keys: take it out here, or list it; it has {}",
        known_names(known)
    )]
    NotListed {
        /// The name, written dataset.column.
        name: String,
        /// The columns that the analysis lists.
        known: Vec<String>,
    },
    /// An analysis lists a sensitive column and does not name it a second time.
    #[error(
        "\"{column}\" is sensitive: an analysis lists it under `{key}` only if it also says sensitive = [\"{column}\"]; \
         add that, or take the column out"
    )]
    Sensitive {
        /// The column, written dataset.column.
        column: String,
        /// The key under which it is listed.
        key: String,
    },
    /// An analysis names a column as sensitive that its dataset does not call so.
    #[error(
        "\"{0}\" stands in `sensitive`, and its dataset does not say so: add sensitive = true to the column, or take it out here"
    )]
    NotSensitive(String),
    /// A list must not be empty.
    #[error("no {0} is named, at least one is needed")]
    Missing(&'static str),
    /// A list is too short.
    #[error("{found} {what} {}, at least {least} are needed", if *found == 1 { "is named" } else { "are named" })]
    TooFew {
        /// One thing that is listed.
        what: &'static str,
        /// How many things are listed.
        found: usize,
        /// How many things must be listed.
        least: usize,
    },
    /// Somebody must have rebuilt a build whose manifest the contract does not name.
    #[error(
        "build \"{0}\" names no manifest, which those in build_signers are to sign: add manifest = \"..\", the SHA-384 of its \
         build-manifest.json, or leave build_signers out"
    )]
    NoManifest(String),
    /// A dataset has no budget for a purpose of an analysis.
    #[error("dataset \"{dataset}\" has no budget for the purpose \"{purpose}\"")]
    NoBudget {
        /// Name of the dataset.
        dataset: String,
        /// The purpose.
        purpose: String,
    },
    /// This build does not have the kind of analysis.
    #[error("there is no kind of analysis \"{found}\": expected one of {}", known.join(", "))]
    Kind {
        /// The kind.
        found: String,
        /// The kinds that it has.
        known: Vec<&'static str>,
    },
    /// A key means something only for another kind of analysis.
    #[error(
        "\"{key}\" means nothing for an analysis of kind \"{kind}\": leave it out; its own keys are {}",
        keys.join(", ")
    )]
    OtherKind {
        /// The key.
        key: &'static str,
        /// Kind of the analysis.
        kind: &'static str,
        /// The keys that this kind has.
        keys: Vec<&'static str>,
    },
    /// The people of a dataset cannot be found in any other dataset of the analysis.
    #[error(
        "its match keys are of other kinds than those of the other datasets: nobody would match"
    )]
    NoCommonKey,
    /// People cannot be claimed by a kind of match key that one of the two datasets does not have.
    #[error("{}", no_key_to_claim(kind, dataset, by.as_deref()))]
    NoKeyToClaim {
        /// The kind of match key.
        kind: &'static str,
        /// Name of the dataset that has no such key.
        dataset: String,
        /// Name of the dataset that claims its people, if that is another one.
        by: Option<String>,
    },
    /// Claims are of a dataset that is joined to none.
    #[error(
        "no analysis joins \"{0}\" to the people of another dataset, so that nothing would obey its claims: leave them \
         out (whose people are counted accepts claims and makes none: both would cost three times the loss)"
    )]
    ClaimsOfNobody(String),
    /// Budgets add up to more than the build allows.
    #[error(
        "the budgets of this dataset add up to more than this build allows: epsilon 20 per period and \
         100 for life, over all purposes"
    )]
    TooMuchInAll,
    /// A number is out of range.
    #[error("{what} is {found}, expected {expected}")]
    Range {
        /// Name of the number.
        what: &'static str,
        /// Its value.
        found: String,
        /// The allowed range.
        expected: &'static str,
    },
    /// A column's role needs something else.
    #[error("column \"{column}\": {expected}")]
    Column {
        /// Name of the column.
        column: String,
        /// What its role needs.
        expected: &'static str,
    },
    /// Another value cannot be read.
    #[error("{what}: {reason}")]
    Value {
        /// What the value should be.
        what: &'static str,
        /// Why it cannot be read.
        reason: String,
    },
}

/// The names that there are, of which a refusal repeats the first ones.
fn known_names(known: &[String]) -> String {
    let more = known.len().saturating_sub(MOST_NAMED);
    let names = text::quoted_list(known.iter().take(MOST_NAMED));
    match (known.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => names,
        (false, more) => format!("{names} and {more} more"),
    }
}

/// How many names a refusal repeats.
const MOST_NAMED: usize = 20;

/// The error for a kind of match key that a dataset does not have.
fn no_key_to_claim(kind: &str, dataset: &str, by: Option<&str>) -> String {
    match by {
        None => {
            format!("\"{dataset}\" cannot claim by \"{kind}\": it has no match key of that kind")
        }
        Some(by) => format!(
            "\"{by}\" cannot claim by \"{kind}\": it is joined to \"{dataset}\", which has no match key of that kind"
        ),
    }
}

/// The error for a name that stands for nothing.
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
