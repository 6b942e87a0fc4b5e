//! Sealing: from an owner's table to a file that only granted columns can be read from.
//!
//! The table is checked against the contract value by value and nothing is guessed; identifiers
//! become tags under the room's salt; rows stand in the order of tags, in buckets of a size that the owner
//! declares, so that neither order nor count says anything; what is written is Parquet with a key for each column
//! (`spec/sealed-v2.md`).

mod adopt;
mod check;
mod clean;
mod convert;
mod count;
mod error;
mod fit;
mod format;
mod input;
mod keys;
mod lines;
mod ordered;
mod output;
mod parallel;
mod people;
mod person;
mod prepare;
mod reading;
mod record;
mod row;
mod rows;
mod sampler;
mod spill;
mod store;
mod thrift;
mod write;

use bytes::Bytes;
use client::people::{Sketch, Sketches};
use protocol::{
    contract::{Contract, Dataset},
    delegation::{Authority, Delegate},
    key::DataKey,
    manifest::SignedManifest,
    salt::BucketSalt,
};
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use adopt::{AdoptFlaw, adopt};
pub use convert::{DateFormat, InvalidFormat, Reason};
pub use count::{ColumnCount, Count, Refusals, plural, thousands};
pub use error::SealError;
pub use input::MapFlaw;
pub use keys::{KeysError, read_keys, read_keys_of, sealed_file_of};
pub use person::{PersonRows, find_person};
pub use reading::{DecimalSign, InvalidShare, InvalidWord, Reading, Share};

/// What is sealed: one version of a dataset of a room.
#[derive(Clone, Copy, Debug)]
pub struct Version<'a> {
    /// The room's contract.
    pub contract: &'a Contract,
    /// The dataset's name in it.
    pub dataset: &'a str,
    /// Who signs for the dataset.
    pub owner: &'a Delegate,
    /// The contract's bucket salt, under which match keys become tags.
    pub salt: &'a BucketSalt,
    /// Grows with each version of the same lineage.
    pub number: u64,
}

impl<'a> Version<'a> {
    /// The dataset, which must be the owner's, in a contract of this salt.
    fn dataset(&self) -> Result<&'a Dataset, SealError> {
        let dataset = owned(self.contract, self.dataset, self.owner)?;
        if self.salt.digest() == self.contract.bucket_salt {
            Ok(dataset)
        } else {
            Err(SealError::Salt)
        }
    }
}

/// Seals the table in `input`, into three new files beside each
/// other: `output` with `.sealed` (for the host), `.manifest` (signed) and `.keys` (secret, 0600).
///
/// `input` is CSV with a header, Parquet or Arrow IPC; a folder of such files; or `-`, standard input.
/// `progress` gets what is done and the total, in units that mean nothing else. Memory is bounded: rows that do not fit
/// are set aside beside the output, encrypted, in a file without a name that is gone when the process is. Not bounded are
/// a 256th of the rows and one bucket, if they are large, and 16 bytes for each match key of another person, if the
/// options say that somebody looks at the people.
///
/// # Errors
///
/// [`SealError`]; then no file was written.
pub fn seal(
    input: &Path,
    version: &Version<'_>,
    output: &Path,
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Sealed, SealError> {
    let dataset = version.dataset()?;
    let output = output::Output::reserve(output, options)?;
    let into = prepare::Into { salt: version.salt, spill: Some(output.spill()) };
    let prepared = prepare::prepare(input, dataset, into, options, output.rejects(), progress)?;
    options.examine(prepared.people.as_ref())?;
    let file = output.create_sealed()?;
    let written = write::write(prepared, dataset, version, options, file, progress)?;
    let manifest = sign(version, dataset, &written.manifest)?;
    let files = output.publish(&manifest, &written.keys)?;
    let padded = manifest.manifest().shape().rows();
    Ok(Sealed { padded, count: written.count, manifest, files })
}

/// Seals as [`seal`] does, with nothing written to disk but rejected rows.
///
/// # Errors
///
/// [`SealError`].
pub fn in_memory(
    input: &Path,
    version: &Version<'_>,
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<InMemory, SealError> {
    let dataset = version.dataset()?;
    let rejects = output::Rejects::reserve(options.reject_file.as_deref())?;
    let into = prepare::Into { salt: version.salt, spill: None };
    let prepared = prepare::prepare(input, dataset, into, options, &rejects, progress)?;
    let written = write::write(prepared, dataset, version, options, Vec::new(), progress)?;
    rejects.publish()?;
    let manifest = sign(version, dataset, &written.manifest)?;
    let padded = manifest.manifest().shape().rows();
    let (count, file) = (written.count, written.sink.into());
    Ok(InMemory { padded, count, manifest, file, keys: written.keys })
}

/// What [`check()`] found.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "two answers to one question")]
pub struct Checked {
    /// What was counted.
    pub count: Count,
    /// Why [`seal`] would refuse the table; none if it would seal it.
    pub refused: Option<SealError>,
}

/// Reads the table in `input` as [`seal`] would, and leaves nothing but rejected rows. What rows of one person there are, and whether
/// they fit into what is declared, is looked at too; whose people they are is not.
///
/// # Errors
///
/// [`SealError`] if no row can be read.
pub fn check(
    input: &Path,
    contract: &Contract,
    dataset: &str,
    options: &Options,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Checked, SealError> {
    // Nothing that is made with this salt leaves the function.
    let mut bytes = [0; BucketSalt::LEN];
    SystemRandom::new().fill(&mut bytes).map_err(|_| SealError::Randomness)?;
    let salt = BucketSalt::take(&mut bytes);
    let spill = std::env::temp_dir().join(format!("glovebox-check-{}.spill", std::process::id()));
    let into = prepare::Into { salt: &salt, spill: Some(spill) };
    let (count, refused) =
        prepare::count(input, named(contract, dataset)?, into, options, progress)?;
    Ok(Checked { count, refused })
}

/// What else sealing may do.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Options {
    /// Where bad rows go, word for word and with the reason, whether or not the others are sealed.
    pub reject_file: Option<PathBuf>,
    /// Such a file of the same table, in which rows were mended: they are taken instead of those that
    /// they come from.
    pub mended: Option<PathBuf>,
    /// The share of bad rows above which nothing is sealed.
    pub max_rejected: Share,
    /// Match keys of which no value need be good: rows are joined by the others.
    pub without_keys: Vec<String>,
    /// How the table is written.
    pub reading: Reading,
    /// Looks at whose people they are before anything is written.
    pub examine: Option<Examine>,
    /// The rows to declare, rounded up to the next public step; without it, as many as there are.
    pub rows: Option<u64>,
    /// The most rows of one person to declare, rounded up to a power of two.
    pub rows_per_person: Option<u64>,
    /// Whether rows beyond those of one person are left out instead of refused.
    pub cut_rows: bool,
}

type Decide = dyn Fn(&Sketch) -> Result<(), String> + Send + Sync;

/// Looks at a sample of the people in a file; what it says stops the sealing.
#[derive(Clone)]
pub struct Examine {
    sketches: Arc<Sketches>,
    decide: Arc<Decide>,
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

    fn examine(&self, people: Option<&Sketch>) -> Result<(), SealError> {
        let (Some(Examine { decide, .. }), Some(people)) = (&self.examine, people) else {
            return Ok(());
        };
        decide(people).map_err(|reason| SealError::People { reason })
    }
}

/// A dataset that was sealed into files.
#[derive(Debug)]
#[non_exhaustive]
pub struct Sealed {
    /// Rows and bad rows.
    pub count: Count,
    /// Rows in the file, with padding: what the buckets of the declared size have room for.
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
    /// Rows in the file, with padding: what the buckets of the declared size have room for.
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
    /// The file of a folder.
    pub file: Option<String>,
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
        let place = self.place();
        match &self.column {
            Some(column) => write!(f, "{place}, {column}: {}", self.reason),
            None => write!(f, "{place}: {}", self.reason),
        }
    }
}

impl BadRow {
    /// The line or row, with its file if there are several.
    #[must_use]
    pub fn place(&self) -> String {
        place_of(self.file.as_deref(), self.at)
    }
}

fn place_of(file: Option<&str>, at: At) -> String {
    file.map_or_else(|| at.to_string(), |file| format!("{file}, {at}"))
}

/// The dataset called `name`, which must be `owner`'s.
fn owned<'a>(
    contract: &'a Contract,
    name: &str,
    owner: &Delegate,
) -> Result<&'a Dataset, SealError> {
    let dataset = named(contract, name)?;
    let party = contract.parties.get(&dataset.owner);
    if party.is_some_and(|party| party.root_key == owner.root()) {
        Ok(dataset)
    } else {
        Err(SealError::Owner { dataset: name.to_owned(), owner: dataset.owner.clone() })
    }
}

/// The dataset called `name`.
fn named<'a>(contract: &'a Contract, name: &str) -> Result<&'a Dataset, SealError> {
    contract.datasets.get(name).ok_or_else(|| {
        let known = contract.datasets.keys().cloned().collect();
        SealError::Dataset { dataset: name.to_owned(), known }
    })
}

fn sign(
    version: &Version<'_>,
    dataset: &Dataset,
    manifest: &protocol::manifest::Manifest,
) -> Result<SignedManifest, SealError> {
    // Whether the key is still good is asked when the file is granted.
    let authority = Authority::at_any_time(version.contract);
    SignedManifest::open(version.owner.sign(manifest), &authority, &dataset.owner)
        .map_err(|cause| SealError::Written { reason: cause.to_string() })
}

/// What two spellings of one name have in common.
fn folded(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Bad rows that are named.
const NAMED_ROWS: usize = 10;

#[cfg(test)]
mod tests;
