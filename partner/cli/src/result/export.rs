//! `glovebox result export`: the figures of a result for other programs, and its picture for a slide.

use super::{
    given::{Given, GivenFiles},
    parquet,
};
use crate::{common_args::CommonArgs, document, failure::Failure, files, say};
use ::page::{
    export::{self, Line},
    picture,
};
use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Take a result along: its figures as CSV, Parquet or JSON, each with its error, price and receipt; a picture for a slide
///
/// The receipt is checked first, and nothing is written unless it holds. One line for each figure;
/// protocol/spec/figures-v1.md says what each column holds.
#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// The folder of an opened result: result.json and receipt.cbor, and released.cbor if it is there
    #[arg(default_value = ".")]
    folder: PathBuf,

    /// Format of the figures [default: by the end of the file's name, or csv]
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// File to write the figures into, or - for standard output, which is usual
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Draw the result's pictures into this file of SVG; figures are then written only if they are asked for
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,

    #[command(flatten)]
    common: CommonArgs,
}

/// How figures are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum Format {
    /// Text with a header; objects and lists are JSON in a cell
    Csv,
    /// Typed columns, for DuckDB, pandas, polars, Spark
    Parquet,
    /// A list of objects
    Json,
}

impl Export {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let format = self.format()?;
        self.check_plot()?;
        let figures = self.output.as_deref().filter(|_| !self.to_stdout());
        figures.into_iter().chain(self.plot.as_deref()).try_for_each(files::refuse_present)?;
        let common = self.common.of(None)?;
        let given = Given::read(&GivenFiles::of(&self.folder), &common)?;
        if let Some(path) = &self.plot {
            let drawn = drawn(&given, path)?;
            files::write_bytes_new(path, drawn.as_bytes())?;
            document::fields(&serde_json::json!({"plot": path}))?;
            say::note(format_args!("Drawn: {}", path.display()));
        }
        if let Some(format) = format {
            let lines = export::lines(&given.result, &given.from);
            let lines = lines.ok_or_else(|| Failure::unclear("the result has no receipt: only one whose receipt was checked is exported, so open it first"))?;
            let bytes = written(&lines, format)?;
            if document::is_wanted() && self.to_stdout() {
                let figures: serde_json::Value =
                    serde_json::from_slice(&bytes).map_err(Failure::unclear)?;
                document::fields(&serde_json::json!({"figures": figures}))?;
            } else {
                self.write(&bytes)?;
                document::fields(&serde_json::json!({"file": self.output}))?;
            }
            say::note(format_args!("{} figures. {}", lines.len(), given.what_holds()));
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The format of the figures; `None` if only a picture is asked for.
    fn format(&self) -> Result<Option<Format>, Failure> {
        let to_stdout = self.to_stdout();
        if self.format.is_none() && self.output.is_none() && self.plot.is_some() {
            return Ok(None);
        }
        let by_name = self.output.as_deref().filter(|_| !to_stdout);
        let format = match (self.format, by_name) {
            (Some(Format::Csv | Format::Parquet), None) if document::is_wanted() => {
                return Err(Failure::unclear(
                    "--json prints the figures as JSON: name a file with -o for another format",
                ));
            }
            (None, None) if document::is_wanted() => Format::Json,
            (Some(format), _) => format,
            (None, None) => Format::Csv,
            (None, Some(path)) => by_end(path)?,
        };
        if format == Format::Parquet && to_stdout && std::io::stdout().is_terminal() {
            return Err(Failure::unclear(
                "Parquet is not for a terminal: name a file with -o, or redirect the output",
            ));
        }
        Ok(Some(format))
    }

    /// Refuses a picture in another format than SVG before anything is read.
    fn check_plot(&self) -> Result<(), Failure> {
        let Some(path) = &self.plot else { return Ok(()) };
        if end(path).as_deref() == Some("svg") {
            return Ok(());
        }
        Err(Failure::unclear(format!(
            "--plot {}: expected a name that ends in .svg. A picture is drawn as SVG alone, which presentations and browsers show \
             sharp at any size; `rsvg-convert -z 2 FILE.svg -o FILE.png` makes a PNG of it with the letters of your machine",
            path.display()
        )))
    }

    fn to_stdout(&self) -> bool {
        self.output.as_deref().is_none_or(|path| path == Path::new("-"))
    }

    fn write(&self, bytes: &[u8]) -> Result<(), Failure> {
        match self.output.as_deref().filter(|_| !self.to_stdout()) {
            Some(path) => files::write_bytes_new(path, bytes),
            None => {
                let mut out = std::io::stdout().lock();
                out.write_all(bytes)?;
                Ok(out.flush()?)
            }
        }
    }
}

fn written(lines: &[Line], format: Format) -> Result<Vec<u8>, Failure> {
    match format {
        Format::Csv => export::csv(lines).map_err(Failure::unclear),
        Format::Json => {
            let mut text = export::json(lines).map_err(Failure::unclear)?;
            text.push('\n');
            Ok(text.into_bytes())
        }
        Format::Parquet => parquet::written(lines).map_err(Failure::unclear),
    }
}

/// The pictures of a result. Whose they are stands below.
fn drawn(given: &Given, path: &Path) -> Result<String, Failure> {
    let page = given.result.page(&given.from);
    let foot = format!(
        "Contract {}. Job {}. SHA-256 of the receipt: {}.",
        given.result.contract, given.result.job, given.checked.digest
    );
    let drawn = picture::svg(&page, &foot).map_err(Failure::unclear)?;
    drawn.ok_or_else(|| {
        Failure::unclear(format!(
            "--plot {}: the page of this result has no picture, since nothing with a range is shown; `glovebox result show` says \
             what it has",
            path.display()
        ))
    })
}

fn by_end(path: &Path) -> Result<Format, Failure> {
    match end(path).as_deref() {
        Some("csv") => Ok(Format::Csv),
        Some("parquet") => Ok(Format::Parquet),
        Some("json") => Ok(Format::Json),
        _ => Err(Failure::unclear(format!(
            "{}: which format is meant? Let the name end in .csv, .parquet or .json, or say --format",
            path.display()
        ))),
    }
}

fn end(path: &Path) -> Option<String> {
    Some(path.extension()?.to_str()?.to_ascii_lowercase())
}
