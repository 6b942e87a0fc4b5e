//! `glovebox model score`: what a model says of one's own people.

use super::{
    ModelArgs,
    columns::{self, Place, Rows, Told, called},
};
use crate::{document, failure::Failure, files, say};
use protocol::analysis::train::TrainAnswer;
use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

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

    #[command(flatten)]
    model: ModelArgs,

    /// A column that is copied beside each score, such as a customer's number
    #[arg(long, value_name = "COLUMN")]
    id: Option<String>,

    /// Where to write the scores, for you alone; a file that is there is not written over. Standard output if left out
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Score {
    pub(super) fn run(&self) -> Result<ExitCode, Failure> {
        let model = self.model.read()?.answer;
        if self.out.is_none() && document::is_wanted() {
            return Err(Failure::unclear(
                "--json has standard output for itself: name the file of the scores with --out",
            ));
        }
        let people = People::open(&self.file, &model, self.id.as_deref())?;
        match &self.out {
            Some(path) => {
                files::write_new(path, |out| people.score(path, out))?;
                document::fields(&serde_json::json!({"file": path}))?;
            }
            None => people.score(Path::new("standard output"), &mut io::stdout().lock())?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A file of people with all columns of a model.
struct People<'m> {
    path: &'m Path,
    model: &'m TrainAnswer,
    rows: Rows,
    columns: Vec<Place>,
    /// What the first column of scores is called, and where it stands if it is one of the file's.
    id: (&'m str, Option<usize>),
}

impl<'m> People<'m> {
    fn open(path: &'m Path, model: &'m TrainAnswer, id: Option<&'m str>) -> Result<Self, Failure> {
        let mut rows = columns::open(path, model)?;
        let names = rows.headers().map_err(|error| files::named(path, error))?.clone();
        let columns = model.features.iter().map(|feature| {
            Place::find(model, feature, &names).ok_or_else(|| {
                let name = say::name(called(feature));
                let why = format!("the model has a feature \"{name}\", and no column is called so");
                files::named(path, why)
            })
        });
        let columns = columns.collect::<Result<_, _>>()?;
        let place = id.map(|id| {
            let found = names.iter().position(|name| name == id);
            found.ok_or_else(|| {
                files::named(path, format!("there is no column \"{}\"", say::name(id)))
            })
        });
        let id = (id.unwrap_or("row"), place.transpose()?);
        Ok(Self { path, model, rows, columns, id })
    }

    /// Writes what the model says of each, and tells of how many a value is missing.
    fn score(mut self, to: &Path, out: &mut dyn Write) -> Result<(), Failure> {
        let mut out = csv::Writer::from_writer(BufWriter::new(out));
        let written = |error: csv::Error| match error.into_kind() {
            csv::ErrorKind::Io(error) => Failure::writing(to)(error),
            other => files::named(to, format!("{other:?}")),
        };
        out.write_record([self.id.0, "says", "score"]).map_err(written)?;
        let incomplete = || {
            Failure::no(
                "the model lacks a weight: give the result.json of its job as it was opened",
            )
        };
        let scorer = self.model.scorer().ok_or_else(incomplete)?;
        let mut told = vec![Told::default(); self.columns.len()];
        let mut count = 0_u64;
        for row in self.rows.records() {
            let row = row.map_err(|error| files::named(self.path, error))?;
            count += 1;
            let line = row.position().map_or(count + 1, csv::Position::line);
            let places = self.model.features.iter().zip(&self.columns).zip(&mut told);
            let seen = places.map(|((feature, place), told)| {
                let seen = told.seen(feature, place, &row, line);
                seen.unwrap_or_else(|| feature.missing())
            });
            let seen: Vec<_> = seen.collect();
            let score = scorer.score(&seen).ok_or_else(incomplete)?;
            let name = match self.id.1 {
                None => count.to_string(),
                Some(at) => row.get(at).unwrap_or_default().to_owned(),
            };
            let says = self.model.says(score);
            let fields = [name, format!("{says:.6}"), format!("{score:.6}")];
            out.write_record(fields).map_err(written)?;
        }
        out.flush().map_err(Failure::writing(to))?;
        if count == 0 {
            let why = "it has a line of names, and no line of a person";
            return Err(Failure::unclear(format!("{}: {why}", self.path.display())));
        }
        for (feature, told) in self.model.features.iter().zip(&told) {
            told.tell(feature, count).map_err(|why| files::named(self.path, why))?;
        }
        Ok(())
    }
}
