//! The columns of a file of people, as a model reads them.

use crate::{failure::Failure, say};
use protocol::analysis::train::{
    Reads, TrainAnswer, TrainedFeature,
    score::{self, Seen},
};
use std::{
    fs::File,
    io::{Chain, Cursor, Read},
    path::Path,
};

/// The lines of a file of people.
pub(super) type Rows = csv::Reader<Chain<Cursor<Vec<u8>>, File>>;

/// Opens a file of people whose fields are parted by whichever of comma, semicolon, tab and bar parts its first line into most of the
/// columns that the model reads, as `glovebox seal` reads tables.
///
/// # Errors
///
/// [`Failure`] if the file cannot be read, or is empty.
pub(super) fn open(path: &Path, model: &TrainAnswer) -> Result<Rows, Failure> {
    let mut file = File::open(path).map_err(Failure::reading(path))?;
    let mut head = Vec::new();
    (&mut file).take(HEADER_BYTES).read_to_end(&mut head).map_err(Failure::reading(path))?;
    if head.trim_ascii().is_empty() {
        let why = "it is empty: expected a line of names, and a line for each person";
        return Err(Failure::unclear(format!("{}: {why}", path.display())));
    }
    let found = |separator: u8| {
        let mut first = csv::ReaderBuilder::new().delimiter(separator).from_reader(head.as_slice());
        let names = first.headers().cloned().unwrap_or_default();
        model
            .features
            .iter()
            .filter(|feature| Place::find(model, feature, &names).is_some())
            .count()
    };
    // Of several that find as many, the first: none may find any.
    let separator = SEPARATORS.into_iter().rev().max_by_key(|separator| found(*separator));
    let mut reader = csv::ReaderBuilder::new();
    reader.delimiter(separator.unwrap_or(b','));
    Ok(reader.from_reader(Cursor::new(head).chain(file)))
}

/// How many lines have nothing for a feature, and why.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// Lines in which it is empty.
    empty: u64,
    /// Lines with a value, of people who have no row in its dataset.
    without_rows: u64,
    /// Lines whose value cannot be read.
    unreadable: u64,
    /// The first of these, as its number in the file.
    first: Option<u64>,
}

impl Told {
    /// What is seen of the person in this line; `None` if nothing is.
    pub(super) fn seen(
        &mut self,
        feature: &TrainedFeature,
        place: &Place,
        row: &csv::StringRecord,
        line: u64,
    ) -> Option<Seen> {
        let Ok(seen) = feature.seen(row.get(place.value).unwrap_or_default()) else {
            self.unreadable += 1;
            self.first.get_or_insert(line);
            return None;
        };
        let Some(seen) = seen else {
            self.empty += 1;
            return None;
        };
        let rows = place.rows.map(|at| score::rows(row.get(at).unwrap_or_default()));
        let is_found = rows.is_none_or(|rows| rows.is_some_and(|rows| rows > 0));
        if !is_found {
            self.without_rows += 1;
        }
        is_found.then_some(seen)
    }

    /// Says what is missing in some lines.
    ///
    /// # Errors
    ///
    /// If no line has anything that can be read, and some have what cannot: the column holds something else than the model's.
    pub(super) fn tell(&self, feature: &TrainedFeature, count: u64) -> Result<(), String> {
        let (name, dataset) = (say::name(called(feature)), say::name(&feature.dataset));
        if self.empty > 0 {
            let what = match feature.reads {
                Reads::Rows => format!("no row in {dataset} ({name} is 0 or empty)"),
                Reads::OnlyValue | Reads::Total => format!("no value of {name}"),
            };
            say::note(format_args!("{} of {count} lines have {what}.", self.empty));
        }
        if self.without_rows > 0 {
            say::note(format_args!(
                "{} of {count} lines have a value of {name} and no row in {dataset} ({dataset}.{ROWS} is 0, empty or \
                 unreadable): nothing was found of these people there, as in training.",
                self.without_rows
            ));
        }
        let Some(first) = self.first else { return Ok(()) };
        let expected = expected(feature);
        if self.unreadable + self.empty >= count {
            return Err(format!(
                "no line has a value of {name} that the model knows, and {} of {count} have another: the first is line {first}. Expected: \
                 {expected}. A column that cannot be read at all is not the one that was trained on, so nothing is said of anybody",
                self.unreadable
            ));
        }
        say::note(format_args!(
            "{} of {count} lines have a value of {name} that the model does not know, the first in line {first} of the file: \
             it counts as missing. Expected: {expected}, or nothing.",
            self.unreadable
        ));
        Ok(())
    }
}

/// What stands in a feature's column.
fn expected(feature: &TrainedFeature) -> String {
    match feature.reads {
        Reads::Rows => "a whole number of rows".to_owned(),
        Reads::Total => "a number, written like 1234.5".to_owned(),
        Reads::OnlyValue => {
            let values = feature.bins.iter().skip(1).map(|bin| bin.name.as_str());
            let (shown, more) = (values.clone().take(SHOWN), values.count().saturating_sub(SHOWN));
            let shown = say::name(shown.collect::<Vec<_>>().join(", "));
            if more == 0 {
                format!("one of {shown}")
            } else {
                format!("one of {shown} and {more} more")
            }
        }
    }
}

/// The column of a file that counts a person's rows in a dataset, after the dataset's name and a point.
const ROWS: &str = "rows";
/// How many values of a public list are repeated.
const SHOWN: usize = 20;
/// What fields may be parted by; the first if none does better.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// A line of names is shorter.
const HEADER_BYTES: u64 = 64 << 10;

/// Refuses a model that learnt from a column called as the number of rows: nobody could tell which of the two a file holds.
pub(super) fn unmistakable(model: &TrainAnswer) -> Result<(), String> {
    let named = |feature: &&TrainedFeature| feature.column.as_deref() == Some(ROWS);
    match model.features.iter().find(named) {
        None => Ok(()),
        Some(TrainedFeature { dataset, .. }) => Err(format!(
            "it learnt from a column \"{ROWS}\" of {0}, and {0}.{ROWS} is what the number of rows is called here: nothing \
             is scored by it",
            say::name(dataset)
        )),
    }
}

/// What a feature's column is called in full.
pub(super) fn called(feature: &TrainedFeature) -> String {
    let column = match (&feature.column, feature.reads) {
        (Some(column), Reads::OnlyValue | Reads::Total) => column,
        _ => ROWS,
    };
    format!("{}.{column}", feature.dataset)
}

/// What the columns are called that a model reads, in the order of its features.
pub(super) fn names(model: &TrainAnswer) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for feature in &model.features {
        let name = called(feature);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// What the number of rows in a feature's dataset is called.
pub(super) fn rows_of(feature: &TrainedFeature) -> String {
    format!("{}.{ROWS}", feature.dataset)
}

/// Where in a line of the file a feature stands.
pub(super) struct Place {
    /// Its own column.
    value: usize,
    /// The column that says how many rows the person has in the feature's dataset, if the file has one.
    rows: Option<usize>,
}

impl Place {
    /// Where the columns of a feature stand under these names; `None` if its own is missing. A column may be called without
    /// its dataset if the model has one of that name from no other dataset.
    pub(super) fn find(
        model: &TrainAnswer,
        feature: &TrainedFeature,
        names: &csv::StringRecord,
    ) -> Option<Self> {
        let place = |name: &str| names.iter().position(|column| column == name);
        let is_alone = |column: &&str| {
            let of_another = |other: &TrainedFeature| {
                other.dataset != feature.dataset && other.column.as_deref() == Some(*column)
            };
            !model.features.iter().any(of_another)
        };
        let bare = || feature.column.as_deref().filter(is_alone).and_then(place);
        let found = place(&called(feature)).or_else(bare);
        Some(Self { value: found?, rows: place(&rows_of(feature)) })
    }
}
