use super::{
    AdoptFlaw, BadRow, Count, InvalidWord, KeysError, MapFlaw, Share,
    count::{plural, thousands},
    folded,
};
use protocol::{
    sealed::{Declared, FileError},
    text::{in_shell, quoted},
};
use std::{io, path::PathBuf};

/// Why nothing was sealed.
///
/// Remedy: change the table, the options or the contract as the text says, and seal again; nothing was written.
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
    #[error("{} exists already, and sealing overwrites nothing: name another with -o", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// No dataset of that name.
    #[error("the contract has no dataset \"{dataset}\"; it has {}", known.join(", "))]
    Dataset {
        /// The name.
        dataset: String,
        /// The names there are.
        known: Vec<String>,
    },
    /// Another party's dataset.
    #[error(
        "the dataset \"{dataset}\" belongs to \"{owner}\", and these are the keys of another party: name the \
         folder of the owner's keys with --dir"
    )]
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
    /// A folder without a part of a table.
    #[error("{}: the folder has no file whose name does not begin with _ or .", path.display())]
    NoParts {
        /// The folder.
        path: PathBuf,
    },
    /// A table that is partitioned into folders.
    #[error(
        "{}: a folder inside the folder, expected part files only (the names of folders may hold \
         a column: write the table without partitions)",
        path.display()
    )]
    FolderInFolder {
        /// The inner folder.
        path: PathBuf,
    },
    /// Parts of different formats.
    #[error("{}: of another format than the first file of the folder", path.display())]
    Mixed {
        /// The file.
        path: PathBuf,
    },
    /// Parts of different tables.
    #[error(
        "{} has other columns than {}, or the same in another order: found {}; expected {}",
        path.display(), first.display(), found.join(", "), expected.join(", ")
    )]
    OtherColumns {
        /// The file.
        path: PathBuf,
        /// Its columns, in the contract's words.
        found: Vec<String>,
        /// The file that it should be like.
        first: PathBuf,
        /// Its columns.
        expected: Vec<String>,
    },
    /// A part of a table, or its mended rows, whose columns are not the contract's, while those of the first
    /// part are.
    #[error(
        "{}: {cause}. {} has the columns {}",
        path.display(), first.display(), expected.join(", ")
    )]
    Part {
        /// The part.
        path: PathBuf,
        /// The first part.
        first: PathBuf,
        /// Its columns, in the contract's words.
        expected: Vec<String>,
        /// What is wrong.
        #[source]
        cause: Box<Self>,
    },
    /// A file that is to hold mended rows.
    #[error(
        "{}: expected a file of rejected rows as --reject-file writes it, with glovebox_at and \
         glovebox_reason as its last columns",
        path.display()
    )]
    NotRejects {
        /// The file.
        path: PathBuf,
    },
    /// A mended row that is in the table nowhere, or twice in the file of mended rows.
    #[error(
        "{}: \"{place}\" (glovebox_at) {}: rows are mended in the file that --reject-file made of this very \
         table, each once",
        path.display(),
        if *twice { "stands there twice" } else { "names a row that the table does not have" }
    )]
    NotMended {
        /// The file.
        path: PathBuf,
        /// Where the row should be.
        place: String,
        /// Whether two rows say that they are this one.
        twice: bool,
    },
    /// A mended row whose place in the table has a good row of other values.
    #[error(
        "{}: the row at \"{place}\" (glovebox_at) of the table is not bad by itself, and its values are not \
         those of the mended row: it would be lost. Perhaps the table has changed since the row was rejected: \
         give it as it was, or write and mend the file of --reject-file again",
        path.display()
    )]
    NotBad {
        /// The file of mended rows.
        path: PathBuf,
        /// Where the row is.
        place: String,
    },
    /// A name given with `--map` or `--ignore`.
    #[error("\"{entry}\": {flaw}")]
    Map {
        /// What was given.
        entry: String,
        /// What is wrong.
        flaw: MapFlaw,
    },
    /// A word that would turn consent round.
    #[error("{0}")]
    Word(#[source] InvalidWord),
    /// A default for a column that is not sealed.
    #[error("--empty {column}=..: the contract seals no column of this name in the dataset")]
    NoSuchColumn {
        /// What was named.
        column: String,
    },
    /// A default for an identifier: all rows without one would be one person.
    #[error(
        "\"{column}\" identifies people: with a default, all rows without one would be one person"
    )]
    DefaultOfKey {
        /// What was named.
        column: String,
    },
    /// A first line in which nothing is a name of the contract. It is not shown: it may be data.
    #[error(
        "the first line looks like data, or has other names than the contract: expected a header \
         with {}; found {fields} {}, and none of them has such a name (--map \"FILE=CONTRACT\" renames)",
        expected.join(", "), plural(u64::try_from(*fields).unwrap_or(u64::MAX), "field", "fields")
    )]
    NoHeader {
        /// The contract's columns.
        expected: Vec<String>,
        /// Fields of the first line.
        fields: usize,
    },
    /// A folder that is to hold the output.
    #[error("the folder {} does not exist: make it first", path.display())]
    NoFolder {
        /// The folder.
        path: PathBuf,
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
    /// More bad rows than may be left out.
    #[error(
        "{} of {} {} bad{}{}, more than {limit} (--max-rejected):\n{count}\nthe first (--reject-file FILE writes all of them, with their values):{}",
        thousands(count.rejected), thousands(*total), plural(*total, "row is", "rows are"),
        without_identifier(count.no_identifier), count.swallowed(), first(&count.first)
    )]
    BadRows {
        /// Which.
        count: Box<Count>,
        /// Rows in the table.
        total: u64,
        /// The share that may be left out.
        limit: Share,
    },
    /// A match key of which no value is good.
    #[error(
        "no value of the match key {column} is good, and {} {} refused: nobody would be joined by it. Read \
         the reasons under {column}, and mend the values or say how they are written (--country reads national \
         phone numbers); --without-key {column} seals the rows without it:\n{count}",
        thousands(*refused), plural(*refused, "is", "are")
    )]
    NoGoodKey {
        /// The column.
        column: String,
        /// Values that were refused.
        refused: u64,
        /// What is good, empty and refused.
        count: Box<Count>,
    },
    /// What a table may be sealed without, but no match key.
    #[error("--without-key {column}: the dataset has no match key of this name")]
    NotAKey {
        /// What was named.
        column: String,
    },
    /// The salt of another room.
    #[error(
        "the bucket salt is not the one that the contract names, so nobody here would meet anybody of another \
         dataset: use the salt that came with this contract"
    )]
    Salt,
    /// More rows than were declared, in the whole or in one bucket.
    #[error(
        "{} rows do not fit into a file that declares {} (and {} of one person): {}",
        thousands(*rows), thousands(declared.rows), thousands(declared.rows_per_person), fitting(*fits, *declared)
    )]
    Declared {
        /// Rows of the table.
        rows: u64,
        /// What was declared.
        declared: Declared,
        /// The least declaration into which they fit, if there is one.
        fits: Option<Declared>,
    },
    /// People with more rows than were declared for one.
    #[error(
        "{} {} more rows than the {} that are declared for one person, the most {}: {}; or seal with \
         --cut-rows, which leaves out what is beyond, chosen by a person's own rows",
        thousands(*people), plural(*people, "person has", "people have"), thousands(declared.rows_per_person),
        thousands(*most), fitting(*fits, *declared)
    )]
    RowsOfOne {
        /// How many people.
        people: u64,
        /// The most rows of one of them.
        most: u64,
        /// What was declared.
        declared: Declared,
        /// The least declaration into which they fit, if there is one.
        fits: Option<Declared>,
    },
    /// People who should not be in this dataset, or of whom it is not said that they should.
    #[error("{reason}")]
    People {
        /// Which, and what to do.
        reason: String,
    },
    /// Nothing to seal.
    #[error("the table has no good row, so nothing is sealed ({rejected} bad {})", plural(*rejected, "row", "rows"))]
    Empty {
        /// Bad rows.
        rejected: u64,
    },
    /// Every match key is of several people.
    #[error(
        "every match key of the table is of several people, so it tells nobody from another and nobody is left: \
         look at what the column of role \"person\" has ({} {})",
        thousands(*people), plural(*people, "person", "people")
    )]
    AllShared {
        /// How many people.
        people: u64,
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
        if let Some(found) = unknown.iter().find(|found| folded(found) == folded(name)) {
            let map = in_shell(&format!("{found}={name}"));
            parts.push(format!("found {}, expected \"{name}\" (--map {map})", quoted(found)));
        }
    }
    if !unknown.is_empty() {
        parts.push(
            "drop what must not leave, name it with --ignore, or list it with role \"never\""
                .to_owned(),
        );
    }
    parts.join("; ")
}

/// What to declare instead.
fn fitting(fits: Option<Declared>, declared: Declared) -> String {
    let Some(fits) = fits else {
        return "no declaration has room for them: split the table".to_owned();
    };
    let said = |option: &str, fits: u64, declared: u64| {
        if fits == declared { String::new() } else { format!(" {option} {fits}") }
    };
    let rows = said("--rows", fits.rows, declared.rows);
    let of_one = said("--rows-per-person", fits.rows_per_person, declared.rows_per_person);
    format!("seal with{rows}{of_one}, which has room for them")
}

fn without_identifier(rows: u64) -> String {
    if rows == 0 { String::new() } else { format!(" ({} without any identifier)", thousands(rows)) }
}

/// The first bad rows, those together that are wrong in the same way.
fn first(rows: &[BadRow]) -> String {
    let mut alike: Vec<(&BadRow, Vec<String>)> = Vec::new();
    for row in rows {
        let is_like = |other: &BadRow| other.column == row.column && other.reason == row.reason;
        match alike.iter_mut().find(|(other, _)| is_like(other)) {
            Some((_, places)) => places.push(row.place()),
            None => alike.push((row, vec![row.place()])),
        }
    }
    let line = |(row, places): &(&BadRow, Vec<String>)| {
        let column = row.column.as_ref().map(|column| format!(", {column}")).unwrap_or_default();
        let shown: Vec<_> = places.iter().take(NAMED_PLACES).map(String::as_str).collect();
        let more = if places.len() > shown.len() { " and others" } else { "" };
        format!("\n  {}{more}{column}: {}", shown.join(", "), row.reason)
    };
    alike.iter().map(line).collect()
}

/// Places of bad rows that are named together, since they are wrong in the same way.
const NAMED_PLACES: usize = 3;
