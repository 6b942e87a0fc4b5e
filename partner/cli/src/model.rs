//! `glovebox model`: a trained model on one's own people, outside of any room.

use crate::{failure::Failure, files, say};
use protocol::{
    analysis::train::{Reads, TrainAnswer, TrainedFeature, score},
    result::JobResult,
};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Use a trained model on your own people
#[derive(Debug, clap::Subcommand)]
pub(crate) enum ModelCommand {
    Score(Score),
}

impl ModelCommand {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        match self {
            Self::Score(score) => score.run(),
        }
    }
}

/// Score each line of a CSV file by a model
///
/// A line is one person. Its columns are called as the model's features: DATASET.COLUMN, or COLUMN alone; for a feature that
/// counts rows DATASET.rows. Values fall into the very bins of the training: an empty field is none, and of somebody whose
/// DATASET.rows is 0 or empty nothing of that dataset was found. What comes out is a CSV of row (or --id), what the model
/// says, and the score. Nothing leaves this machine.
#[derive(Debug, clap::Args)]
pub(crate) struct Score {
    /// The people: CSV with a line of names
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// The result of a training job (result.json), whose answer is the model
    #[arg(long, value_name = "FILE")]
    model: PathBuf,

    /// A column that is copied beside each score, such as a customer's number
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,

    /// Where to write the scores; standard output if left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Score {
    fn run(&self) -> Result<ExitCode, Failure> {
        let model = model(&self.model)?;
        let file = File::open(&self.file).map_err(Failure::reading(&self.file))?;
        let mut rows = csv::Reader::from_reader(file);
        let bad = |error: csv::Error| files::named(&self.file, error);
        let header = rows.headers().map_err(bad)?.clone();
        unmistakable(&model).map_err(|why| files::named(&self.model, why))?;
        let columns = model.features.iter().map(|feature| place(feature, &header, &self.file));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let id = self.id.as_ref().map(|id| {
            let found = header.iter().position(|name| name == id);
            found.ok_or_else(|| {
                files::named(&self.file, format!("there is no column \"{}\"", say::name(id)))
            })
        });
        let id = id.transpose()?;
        let (path, out): (&Path, Box<dyn Write>) = match &self.out {
            Some(path) => (path, Box::new(File::create(path).map_err(Failure::writing(path))?)),
            None => (Path::new("standard output"), Box::new(io::stdout().lock())),
        };
        let mut out = csv::Writer::from_writer(BufWriter::new(out));
        let written = |error: csv::Error| match error.into_kind() {
            csv::ErrorKind::Io(error) => Failure::writing(path)(error),
            other => files::named(path, format!("{other:?}")),
        };
        out.write_record([self.id.as_deref().unwrap_or("row"), "says", "score"])
            .map_err(written)?;
        let mut told = vec![Told::default(); columns.len()];
        let mut count = 0_u64;
        for row in rows.records() {
            let row = row.map_err(bad)?;
            count += 1;
            let line = row.position().map_or(count + 1, csv::Position::line);
            let places = model.features.iter().zip(&columns).zip(&mut told);
            let bins = places.map(|((feature, place), told)| told.bin(feature, place, &row, line));
            let bins: Vec<_> = bins.collect();
            let score =
                model.score(&bins).ok_or_else(|| files::named(&self.model, "it is not whole"))?;
            let name = id
                .map_or_else(|| count.to_string(), |at| row.get(at).unwrap_or_default().to_owned());
            let says = model.says(score);
            out.write_record([name, format!("{says:.6}"), format!("{score:.6}")])
                .map_err(written)?;
        }
        out.flush().map_err(Failure::writing(path))?;
        for (feature, told) in model.features.iter().zip(&told) {
            told.tell(feature, count);
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// How many lines have nothing for a feature, and why.
#[derive(Clone, Debug, Default)]
struct Told {
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
    /// The bin of the person in this line.
    fn bin(
        &mut self,
        feature: &TrainedFeature,
        place: &Place,
        row: &csv::StringRecord,
        line: u64,
    ) -> usize {
        let text = row.get(place.value).unwrap_or_default();
        let Some(bin) = feature.bin(text) else {
            self.unreadable += 1;
            self.first.get_or_insert(line);
            return 0;
        };
        let rows = place.rows.map(|at| score::rows(row.get(at).unwrap_or_default()));
        let is_found = rows.is_none_or(|rows| rows.is_some_and(|rows| rows > 0));
        if is_found && bin > 0 {
            return bin;
        }
        if bin == 0 {
            self.empty += 1;
        } else {
            self.without_rows += 1;
        }
        0
    }

    fn tell(&self, feature: &TrainedFeature, count: u64) {
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
        if let Some(first) = self.first {
            say::note(format_args!(
                "{} of {count} lines have a {name} that is none of the model, the first in line {first} of the file: \
                 it counts as missing. Expected: {}, or nothing.",
                self.unreadable,
                expected(feature)
            ));
        }
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

fn model(path: &Path) -> Result<TrainAnswer, Failure> {
    let result =
        JobResult::from_json(&files::read(path)?).map_err(|why| files::named(path, why))?;
    let result = result.of::<TrainAnswer>();
    let result = result.ok_or_else(|| {
        files::named(
            path,
            "it answers another kind of question: expected the result of a [train] job",
        )
    })?;
    Ok(result.answer)
}

/// Refuses a model that learnt from a column called as the number of rows: nobody could tell which of the two a file holds.
fn unmistakable(model: &TrainAnswer) -> Result<(), String> {
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
fn called(feature: &TrainedFeature) -> String {
    let column = match (&feature.column, feature.reads) {
        (Some(column), Reads::OnlyValue | Reads::Total) => column,
        _ => ROWS,
    };
    format!("{}.{column}", feature.dataset)
}

/// Where in a line of the file a feature stands.
struct Place {
    /// Its own column.
    value: usize,
    /// The column that says how many rows the person has in the feature's dataset, if the file has one.
    rows: Option<usize>,
}

/// The places of a feature's columns.
fn place(
    feature: &TrainedFeature,
    header: &csv::StringRecord,
    file: &Path,
) -> Result<Place, Failure> {
    let full = called(feature);
    let place = |name: &str| header.iter().position(|column| column == name);
    let found = place(&full).or_else(|| feature.column.as_deref().and_then(place));
    let value = found.ok_or_else(|| {
        let name = say::name(&full);
        files::named(
            file,
            format!("the model has a feature \"{name}\", and no column is called so"),
        )
    })?;
    Ok(Place { value, rows: place(&format!("{}.{ROWS}", feature.dataset)) })
}
