//! The figures of a result as a table for other programs: one line for each, with its error, its price and its proof, so that
//! none of these is lost when the number travels. `protocol/spec/figures-v1.md` says what each column holds.

use crate::json::visible;
use protocol::{
    citation::Citation,
    page::{Provenance, Source},
    result::JobResult,
    time::Time,
};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value as Json};

/// A column of the table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its cells hold.
    pub holds: Holds,
}

/// What the cells of a column hold.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever writes a file must see a new one")]
pub enum Holds {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A whole number.
    Whole,
    /// True or false.
    Flag,
    /// A time.
    Moment,
    /// An object or a list of texts; in formats without either, its JSON.
    Json,
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "whoever writes a file must see a new one")]
pub enum Cell {
    /// Nothing is known.
    Empty,
    /// Text: a name or a word of ours, or a digest.
    Text(String),
    /// A number.
    Number(f64),
    /// A whole number.
    Whole(i64),
    /// True or false.
    Flag(bool),
    /// A time.
    Moment(Time),
    /// An object or a list of texts.
    Json(Json),
}

/// A line of the table: a cell for each of [`COLUMNS`].
#[derive(Clone, Debug, PartialEq)]
pub struct Line(Vec<Cell>);

impl Line {
    /// The cells, in the order of [`COLUMNS`].
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.0
    }
}

/// The figures of `result`, whose receipt was checked as `from` says; `None` if it has no receipt.
#[must_use]
pub fn lines(result: &JobResult, from: &Provenance) -> Option<Vec<Line>> {
    let Source::Receipt(checked) = &from.source else { return None };
    let versions = checked.data.iter().map(|data| (data.dataset.clone(), data.version.into()));
    let versions = Json::Object(versions.collect());
    let privacy = &result.privacy;
    let before = [
        Cell::Text(checked.receipt.clone()),
        Cell::Text(result.contract.to_string()),
        Cell::Text(result.job.clone()),
        Cell::Text(from.asked_by.clone()),
        Cell::Text(result.purpose.clone()),
        Cell::Text(result.analysis.clone()),
        Cell::Text(result.answer.kind().to_owned()),
        Cell::Json(versions),
        Cell::Moment(result.time),
        Cell::Flag(from.simulated),
    ];
    let after = [
        Cell::Whole(result.shown_from()),
        Cell::Number(privacy.epsilon),
        Cell::Number(privacy.delta),
        Cell::Number(privacy.selection_delta),
        Cell::Number(privacy.rho),
        Cell::Text(privacy.mechanism.clone()),
    ];
    let figures = result.answer.citations();
    let lines = figures.iter().map(|figure| {
        let own = own_cells(figure, &result.flags);
        Line(before.iter().cloned().chain(own).chain(after.iter().cloned()).collect())
    });
    Some(lines.collect())
}

fn own_cells(figure: &Citation, flags: &[String]) -> [Cell; 15] {
    let number = |number: Option<f64>| number.map_or(Cell::Empty, Cell::Number);
    let text = |word: &'static str| Cell::Text(word.to_owned());
    let group = figure.group.iter().map(|(name, value)| (name.clone(), value.clone().into()));
    let [low, high] = figure.range.map_or([None, None], |range| range.ends);
    let flags = figure.flags.iter().chain(flags).map(|flag| Json::from(flag.as_str()));
    [
        Cell::Text(figure.metric.to_owned()),
        Cell::Json(Json::Object(group.collect::<Map<_, _>>())),
        text(figure.unit.word()),
        number(figure.value),
        number(low),
        number(high),
        number(figure.range.map(|range| range.level)),
        figure.range.map_or(Cell::Empty, |range| text(range.covers.word())),
        number(figure.standard_error),
        number(figure.noise_sd),
        number(figure.p),
        number(figure.p_adjusted),
        Cell::Flag(figure.withheld),
        i64::try_from(figure.withheld_cells).map_or(Cell::Empty, Cell::Whole),
        // The flags say what can mislead in the figure, so they stand beside it.
        Cell::Json(Json::Array(flags.collect())),
    ]
}

/// The table as CSV of UTF-8 with a header: objects and lists as JSON, an empty cell for what is not known.
///
/// # Errors
///
/// [`csv::Error`], which writing to memory does not make.
pub fn csv(lines: &[Line]) -> Result<Vec<u8>, csv::Error> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS.map(|column| column.name))?;
    for line in lines {
        writer.write_record(line.0.iter().map(plain))?;
    }
    writer.into_inner().map_err(|error| error.into_error().into())
}

/// The table as JSON: a list of objects, each with every column.
///
/// # Errors
///
/// [`serde_json::Error`]; no table is known that makes one.
pub fn json(lines: &[Line]) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(lines).map(|json| visible(&json))
}

/// A cell as text, as CSV has it.
#[must_use]
pub fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => text.clone(),
        // A p of 5e-102 in plain digits has a hundred zeros.
        Cell::Number(number) if number.abs() < 1e-6 && *number != 0.0 => format!("{number:e}"),
        Cell::Number(number) => number.to_string(),
        Cell::Whole(number) => number.to_string(),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Moment(time) => time.to_string(),
        // Others chose some of these words: what is hidden in them is spelt out, by JSON's own escapes.
        Cell::Json(json) => visible(&json.to_string()),
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(COLUMNS.len()))?;
        for (column, cell) in COLUMNS.iter().zip(&self.0) {
            map.serialize_entry(column.name, cell)?;
        }
        map.end()
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Empty => serializer.serialize_none(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Whole(number) => serializer.serialize_i64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
            Self::Moment(time) => serializer.collect_str(time),
            Self::Json(json) => json.serialize(serializer),
        }
    }
}

const fn column(name: &'static str, holds: Holds) -> Column {
    Column { name, holds }
}

/// The columns, in order: whose answer it is, the figure, and what it cost.
pub const COLUMNS: [Column; 31] = [
    column("receipt", Holds::Text),
    column("contract", Holds::Text),
    column("job", Holds::Text),
    column("asked_by", Holds::Text),
    column("purpose", Holds::Text),
    column("analysis", Holds::Text),
    column("kind", Holds::Text),
    column("data_versions", Holds::Json),
    column("answered", Holds::Moment),
    column("simulated", Holds::Flag),
    column("metric", Holds::Text),
    column("group", Holds::Json),
    column("unit", Holds::Text),
    column("value", Holds::Number),
    column("low", Holds::Number),
    column("high", Holds::Number),
    column("level", Holds::Number),
    column("covers", Holds::Text),
    column("standard_error", Holds::Number),
    column("noise_sd", Holds::Number),
    column("p", Holds::Number),
    column("p_adjusted", Holds::Number),
    column("withheld", Holds::Flag),
    column("withheld_cells", Holds::Whole),
    column("flags", Holds::Json),
    column("shown_from", Holds::Whole),
    column("epsilon", Holds::Number),
    column("delta", Holds::Number),
    column("selection_delta", Holds::Number),
    column("rho", Holds::Number),
    column("mechanism", Holds::Text),
];
