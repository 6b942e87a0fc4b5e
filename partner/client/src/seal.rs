//! Sealing: from an owner's table to a file that only granted columns can be read from.
//!
//! The table is checked against the contract value by value and nothing is guessed; identifiers
//! become match keys; rows are shuffled and padded, so that neither order nor count says more than
//! a bucket; what is written is Parquet with a key for each column (`spec/sealed-v1.md`).

mod adopt;
mod convert;
mod input;
mod keys;
mod lines;
mod output;
mod prepare;
mod row;
mod write;

use crate::people::{Sketch, Sketches};
use bytes::Bytes;
use protocol::{
    contract::{Contract, Dataset},
    key::DataKey,
    manifest::SignedManifest,
    sealed::{FileError, Values},
    sign::SigningKey,
};
use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use adopt::{AdoptFlaw, adopt};
pub use convert::Reason;
pub use keys::{KeysError, read_keys};

/// Seals the table in `input` as version `version` of `dataset`, into three new files beside each
/// other: `output` with `.sealed` (for the host), `.manifest` (signed) and `.keys` (secret, 0600).
///
/// `input` is CSV with a header, Parquet or Arrow IPC. `progress` gets what is done and the total,
/// in units that mean nothing else. The table is held in memory: some 40 bytes for each match key,
/// 8 for a number, 4 for a code, and 20 for each row.
///
/// # Errors
///
/// [`SealError`]; then no file was written.
#[expect(clippy::too_many_arguments, reason = "each is a thing of its own that the caller chose")]
pub fn seal(
    input: &Path,
    contract: &Contract,
    dataset: &str,
    owner: &SigningKey,
    version: u64,
    output: &Path,
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Sealed, SealError> {
    let dataset = owned(contract, dataset, owner)?;
    let output = output::Output::reserve(output, options)?;
    let prepared = prepare::prepare(input, dataset, output.rejects(), progress)?;
    let count = prepared.count.clone();
    options.examine(dataset, prepared.columns.iter())?;
    let file = output.create_sealed()?;
    let written = write::write(prepared, dataset, version, file, progress)?;
    let manifest = sign(&written.manifest, owner)?;
    let files = output.publish(&manifest, &written.keys)?;
    Ok(Sealed { padded: manifest.manifest().rows, count, manifest, files })
}

/// Seals as [`seal`] does, with nothing written to disk but rejected rows.
///
/// # Errors
///
/// [`SealError`].
pub fn in_memory(
    input: &Path,
    contract: &Contract,
    dataset: &str,
    owner: &SigningKey,
    version: u64,
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<InMemory, SealError> {
    let dataset = owned(contract, dataset, owner)?;
    let rejects = output::Rejects::reserve(options.reject_file.as_deref())?;
    let prepared = prepare::prepare(input, dataset, &rejects, progress)?;
    let count = prepared.count.clone();
    let written = write::write(prepared, dataset, version, Vec::new(), progress)?;
    rejects.publish()?;
    let manifest = sign(&written.manifest, owner)?;
    let padded = manifest.manifest().rows;
    Ok(InMemory { padded, count, manifest, file: written.sink.into(), keys: written.keys })
}

/// What else sealing may do.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Where bad rows go, word for word and with the reason, while the others are sealed. Without
    /// it one bad row stops the sealing.
    pub reject_file: Option<PathBuf>,
    /// Looks at whose people they are before anything is written.
    pub examine: Option<Examine>,
}

/// Looks at a sample of the people in a file; what it says stops the sealing.
#[derive(Clone)]
pub struct Examine {
    sketches: Arc<Sketches>,
    decide: Arc<dyn Fn(&Sketch) -> Result<(), String> + Send + Sync>,
}

impl Examine {
    /// Samples with `sketches`, and lets `decide`.
    #[must_use]
    pub fn new(
        sketches: Arc<Sketches>,
        decide: impl Fn(&Sketch) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self { sketches, decide: Arc::new(decide) }
    }
}

impl fmt::Debug for Examine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Examine(..)")
    }
}

impl Options {
    /// Puts bad rows into `file` and seals the others.
    #[must_use]
    pub fn rejecting_into(file: PathBuf) -> Self {
        Self { reject_file: Some(file), ..Self::default() }
    }

    fn examine<'a>(
        &self,
        dataset: &'a Dataset,
        columns: impl Iterator<Item = &'a Values>,
    ) -> Result<(), SealError> {
        let Some(Examine { sketches, decide }) = &self.examine else { return Ok(()) };
        let sketch = sketches.sample(dataset.sealed_columns().zip(columns));
        decide(&sketch).map_err(|reason| SealError::People { reason })
    }
}

/// How many rows there were, and which were bad.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Count {
    /// Rows that were sealed.
    pub rows: u64,
    /// Different people among them, by the first match key present; 0 if they were not counted.
    pub people: u64,
    /// Bad rows.
    pub rejected: u64,
    /// Those of them without any identifier.
    pub no_identifier: u64,
    /// The first ten bad rows.
    pub first: Vec<BadRow>,
}

/// A dataset that was sealed into files.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sealed {
    /// Rows and bad rows.
    pub count: Count,
    /// Rows in the file, with padding.
    pub padded: u64,
    /// The signed manifest.
    pub manifest: SignedManifest,
    /// Where everything is.
    pub files: Files,
}

/// The files of a sealed dataset.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Files {
    /// The sealed file, for the host.
    pub sealed: PathBuf,
    /// The signed manifest, for the grant.
    pub manifest: PathBuf,
    /// The column keys, for nobody but the owner's custody.
    pub keys: PathBuf,
    /// The rejected rows, if there are any.
    pub rejects: Option<PathBuf>,
}

/// A dataset that was sealed in memory.
#[derive(Debug)]
#[non_exhaustive]
pub struct InMemory {
    /// Rows and bad rows.
    pub count: Count,
    /// Rows in the file, with padding.
    pub padded: u64,
    /// The signed manifest.
    pub manifest: SignedManifest,
    /// The sealed file.
    pub file: Bytes,
    /// The column keys.
    pub keys: BTreeMap<String, DataKey>,
}

/// A row that cannot be sealed. Its values are not here: they may be secret.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct BadRow {
    /// Where.
    pub at: At,
    /// The first column that is wrong; none if the whole row is.
    pub column: Option<String>,
    /// What is wrong with it.
    pub reason: Reason,
}

/// Where in the owner's table a row is, from 1.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum At {
    /// The line of a CSV file that the row begins on; the header is line 1.
    Line(u64),
    /// The lines of one whose fields have line breaks in them.
    Lines {
        /// The line that it begins on.
        first: u64,
        /// The line that it ends on.
        last: u64,
    },
    /// The row of a Parquet or Arrow file.
    Row(u64),
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Lines { first, last } => write!(f, "lines {first} to {last}"),
            Self::Row(row) => write!(f, "row {row}"),
        }
    }
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "{}, {column}: {}", self.at, self.reason),
            None => write!(f, "{}: {}", self.at, self.reason),
        }
    }
}

/// Why nothing was sealed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// A file that cannot be read or written.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A file that is there already; nothing is overwritten.
    #[error("{} exists already, and sealing overwrites nothing", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// No dataset of that name.
    #[error("the contract has no dataset {dataset}, but {}", known.join(", "))]
    Dataset {
        /// The name.
        dataset: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Another party's dataset.
    #[error("{dataset} belongs to {owner}, whose signing key this is not")]
    Owner {
        /// The dataset.
        dataset: String,
        /// Its owner by the contract.
        owner: String,
    },
    /// A table of a kind that is not read.
    #[error("{}: found {found}, expected CSV with a header, Parquet or Arrow IPC", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// What it looks like.
        found: &'static str,
    },
    /// A file that its own format's reader refuses.
    #[error("{}: {reason}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the reader said.
        reason: String,
    },
    /// CSV with something else between its columns.
    #[error("{}: found {found:?} between the columns of the first line, expected ','", path.display())]
    Separator {
        /// The file.
        path: PathBuf,
        /// What stands there.
        found: char,
    },
    /// Columns that the contract has and the table has not, or the other way round.
    #[error("the table's columns are not the contract's: {}", columns(missing, unknown, twice))]
    Columns {
        /// In the contract only.
        missing: Vec<String>,
        /// In the table only.
        unknown: Vec<String>,
        /// More than once in the table.
        twice: Vec<String>,
    },
    /// A column of a type that cannot hold what the contract says.
    #[error("column {column} is {found}, expected {expected}")]
    Type {
        /// The column.
        column: String,
        /// Its type.
        found: String,
        /// What would do.
        expected: &'static str,
    },
    /// Bad rows, and nowhere to put them.
    #[error(
        "{} of {total} rows are bad{}; the first, one to a line:{}",
        count.rejected, without_identifier(count.no_identifier), first(&count.first)
    )]
    BadRows {
        /// Which.
        count: Count,
        /// Rows in the table.
        total: u64,
    },
    /// People who should not be in this dataset, or of whom it is not said that they should.
    #[error("{reason}")]
    People {
        /// Which, and what to do.
        reason: String,
    },
    /// Nothing to seal.
    #[error("no row to seal ({rejected} bad rows)")]
    Empty {
        /// Bad rows.
        rejected: u64,
    },
    /// More than a dataset may have.
    #[error("more than {most} rows, the most that a dataset may have")]
    TooManyRows {
        /// The most rows.
        most: u64,
    },
    /// The machine gives no random numbers.
    #[error("the system gives no random numbers")]
    Randomness,
    /// The file that was written is not a sealed file; a defect of ours.
    #[error("the written file is wrong: {reason}")]
    Written {
        /// What is wrong.
        reason: String,
    },
    /// Keys that cannot be read.
    #[error("{0}")]
    Keys(#[source] KeysError),
    /// A file made elsewhere that does not open as the enclave would open it.
    #[error("{0}")]
    File(#[source] FileError),
    /// A file made elsewhere that opens, but whose values the enclave would not count.
    #[error("{0}")]
    Adopt(#[source] AdoptFlaw),
}

/// The dataset called `name`, which must be `owner`'s.
fn owned<'a>(
    contract: &'a Contract,
    name: &str,
    owner: &SigningKey,
) -> Result<&'a Dataset, SealError> {
    let Some(dataset) = contract.datasets.get(name) else {
        let known = contract.datasets.keys().cloned().collect();
        return Err(SealError::Dataset { dataset: name.to_owned(), known });
    };
    let party = contract.parties.get(&dataset.owner);
    if party.is_some_and(|party| party.signing_key == owner.public()) {
        Ok(dataset)
    } else {
        Err(SealError::Owner { dataset: name.to_owned(), owner: dataset.owner.clone() })
    }
}

fn sign(
    manifest: &protocol::manifest::Manifest,
    owner: &SigningKey,
) -> Result<SignedManifest, SealError> {
    SignedManifest::open(owner.sign(manifest), &owner.public())
        .map_err(|cause| SealError::Written { reason: cause.to_string() })
}

/// What is wrong with the columns, and what may be done about it.
fn columns(missing: &[String], unknown: &[String], twice: &[String]) -> String {
    let mut parts = Vec::new();
    for (what, names) in
        [("missing", missing), ("unknown to the contract", unknown), ("given twice", twice)]
    {
        if !names.is_empty() {
            parts.push(format!("{what}: {}", names.join(", ")));
        }
    }
    for name in missing {
        if let Some(found) = unknown.iter().find(|found| found.eq_ignore_ascii_case(name)) {
            parts.push(format!("found \"{found}\", expected \"{name}\""));
        }
    }
    if !unknown.is_empty() {
        parts.push("drop what must not leave or list it with role \"never\"".to_owned());
    }
    parts.join("; ")
}

fn without_identifier(rows: u64) -> String {
    if rows == 0 { String::new() } else { format!(" ({rows} without any identifier)") }
}

fn first(rows: &[BadRow]) -> String {
    rows.iter().map(|row| format!("\n  {row}")).collect()
}

/// Bad rows that are named.
const NAMED_ROWS: usize = 10;

#[cfg(test)]
mod tests;
