//! `glovebox model`: a trained model on one's own people, outside of any room.

use crate::{failure::Failure, files, say};
use protocol::{
    analysis::train::{Reads, TrainAnswer, TrainedFeature},
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
/// counts rows DATASET.rows. Values fall into the very bins of the training. What comes out is a CSV of row (or --id), what the model
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
        let columns = model.features.iter().map(|feature| column(feature, &header, &self.file));
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
        let mut without = vec![0_u64; columns.len()];
        let mut count = 0_u64;
        for row in rows.records() {
            let row = row.map_err(bad)?;
            count += 1;
            let bins = model.features.iter().zip(&columns).zip(&mut without);
            let bins: Vec<_> = bins
                .map(|((feature, at), without)| {
                    let bin = feature.bin(row.get(*at).unwrap_or_default());
                    *without += u64::from(bin == 0);
                    bin
                })
                .collect();
            let score =
                model.score(&bins).ok_or_else(|| files::named(&self.model, "it is not whole"))?;
            let name = id
                .map_or_else(|| count.to_string(), |at| row.get(at).unwrap_or_default().to_owned());
            let says = model.says(score);
            out.write_record([name, format!("{says:.6}"), format!("{score:.6}")])
                .map_err(written)?;
        }
        out.flush().map_err(Failure::writing(path))?;
        for (feature, without) in model.features.iter().zip(without) {
            if without > 0 {
                let name = say::name(called(feature));
                say::note(format_args!(
                    "{without} of {count} lines have no value of {name} that the model knows."
                ));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

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

/// What a feature's column is called in full.
fn called(feature: &TrainedFeature) -> String {
    let column = match (&feature.column, feature.reads) {
        (Some(column), Reads::OnlyValue | Reads::Total) => column,
        _ => "rows",
    };
    format!("{}.{column}", feature.dataset)
}

/// The place of a feature's column.
fn column(
    feature: &TrainedFeature,
    header: &csv::StringRecord,
    file: &Path,
) -> Result<usize, Failure> {
    let full = called(feature);
    let place = |name: &str| header.iter().position(|column| column == name);
    let found = place(&full).or_else(|| feature.column.as_deref().and_then(place));
    found.ok_or_else(|| {
        let name = say::name(&full);
        files::named(
            file,
            format!("the model has a feature \"{name}\", and no column is called so"),
        )
    })
}
