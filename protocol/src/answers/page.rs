//! What people read about an answer, as data: no layout, no markup, no escaping.
//!
//! Each kind of question says its own words ([`analysis`](crate::analysis)), what is the same for every
//! kind is said here, and the crate `page` draws the whole: for a terminal, a browser or a program. Whoever
//! draws a page knows no kind.
//!
//! Nobody inside an enclave calls any of this: words are pure functions of a result that has left, and the
//! linker drops them there.

mod asker;
mod common;
pub mod danger;
pub mod number;
mod provenance;
mod text;

pub(crate) use common::{explain, notes};

pub use asker::Asker;
pub use provenance::{Checked, DataVersion, Provenance, Source};
pub use text::{Piece, Text};

use crate::time::Time;
use serde::{Deserialize, Serialize};

/// A page.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Page {
    /// The subject of the page in a few words, for a tab or a slide.
    pub about: Text,
    /// What must be read first because of what the page is, such as a simulated answer.
    pub banners: Vec<Banner>,
    /// Title.
    pub title: Text,
    /// What was counted, who asked, under which contract, when it was answered.
    pub subtitle: Text,
    /// What must be read before the answer, since it may make the answer wrong.
    pub doubts: Vec<Banner>,
    /// The answer in a sentence, or in one for each outcome.
    pub answer: Vec<Statement>,
    /// Everything else, in the order in which it is read.
    pub sections: Vec<Section>,
}

/// A message that must be read first.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Banner {
    /// How serious the message is.
    pub severity: Severity,
    /// What is the matter.
    pub headline: Text,
    /// Why, and what follows: one text, or one for each reason.
    pub reasons: Vec<Text>,
}

/// How serious a message is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever draws it must see a new one")]
pub enum Severity {
    /// Something to know.
    Notice,
    /// The figures would be different elsewhere, or may be wrong.
    Warning,
    /// The figures must not be used.
    Stop,
}

/// A sentence of an answer.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Statement {
    /// The outcome of the sentence, which the text continues; `None` for an answer of one sentence.
    pub name: Option<Text>,
    /// The sentence.
    pub text: Text,
}

/// A part of a page under a heading.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Section {
    /// Topic of the section. Where there is little room, some topics are left out.
    pub topic: Topic,
    /// Heading.
    pub heading: Text,
    /// Content of the section.
    pub blocks: Vec<Block>,
}

/// What a section is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever draws it must see a new one")]
pub enum Topic {
    /// Draws figures that also stand in a table.
    Picture,
    /// Figures.
    Figures,
    /// The question.
    Asked,
    /// Who is counted.
    People,
    /// What has to be known to read the figures.
    Notes,
    /// How people are protected, and what was charged for it.
    Cost,
    /// What the page does not say.
    Limits,
    /// Where the answer comes from, and how to check it.
    Receipt,
}

/// A part of a section.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever draws it must see a new one")]
pub enum Block {
    /// A heading below that of the section.
    Heading(Text),
    /// A paragraph.
    Paragraph(Text),
    /// How to read what stands above.
    Note(Text),
    /// Points.
    List(Vec<Text>),
    /// A table.
    Table(Table),
    /// Estimates with their intervals.
    Intervals(Intervals),
    /// Lines over time.
    Series(Series),
    /// An amount over time.
    Course(Course),
    /// Names and what they stand for.
    Terms(Vec<Term>),
    /// Lines for a shell.
    Command(Text),
}

/// A name and what it stands for.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Term {
    /// Name.
    pub name: Text,
    /// What it stands for.
    pub text: Text,
}

/// A table: columns of names, then columns of figures.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Table {
    /// Headings of the columns of names.
    pub names: Vec<Text>,
    /// Headings of the columns of figures.
    pub figures: Vec<Text>,
    /// Rows.
    pub rows: Vec<Row>,
    /// How to draw the bars of its rows, if they have any.
    pub bars: Option<Bars>,
}

/// How to draw the bars of a table. They show figures that also stand in the table.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Bars {
    /// The value that fills the width of a bar. A larger one goes on beyond it.
    pub widest: f64,
    /// Of factors, that which changes nothing: bars begin there, in the middle, and go to both sides on a logarithmic scale. `None` if
    /// they begin at 0.
    pub from: Option<f64>,
    /// How to read the bars.
    pub note: Text,
}

/// A row of a table.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Row {
    /// One name for each heading of names. A single name stands for all of several headings.
    pub names: Vec<Text>,
    /// One figure for each heading of figures. Missing ones are not known.
    pub figures: Vec<Text>,
    /// A remark on the row; it stands in place of the figures of a row without figures.
    pub remark: Option<Text>,
    /// The row's figure as a bar.
    pub bar: Option<Bar>,
}

/// A bar from zero to a value, and the value's range.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Bar {
    /// Where the bar ends.
    pub value: f64,
    /// Where the value may lie.
    pub range: [f64; 2],
}

/// Estimates with their intervals.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Intervals {
    /// Title of the picture, with the level of the intervals.
    pub title: Text,
    /// Estimates.
    pub rows: Vec<Interval>,
    /// The axis of the picture.
    pub axis: Axis,
    /// The value that estimates are compared with. A line of its own in the picture shows it.
    pub reference: f64,
    /// Text at that line; `None` if the number itself is enough.
    pub line: Option<Text>,
}

/// Lines over time, one of which may have a band around it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Series {
    /// Title of the picture.
    pub title: Text,
    /// Name of each period, in order.
    pub periods: Vec<Text>,
    /// What was seen.
    pub seen: Line,
    /// What it is compared with.
    pub other: Line,
    /// Ends of the band around the other line, in the last periods; empty without one.
    pub band: Vec<[f64; 2]>,
    /// Place of the first period that is marked.
    pub marked: usize,
    /// What is marked.
    pub mark: Text,
}

/// A line over time.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Line {
    /// Name of the line.
    pub name: Text,
    /// A number for each period.
    pub values: Vec<f64>,
    /// What the line says, in words.
    pub words: Text,
}

/// The axis that estimates are drawn on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever draws it must see a new one")]
pub enum Axis {
    /// All estimates share one axis.
    Shared,
    /// Each estimate has an axis of its own.
    Own,
}

/// An estimate with its interval, in the units that its axis shows.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Interval {
    /// Name of the estimate.
    pub name: Text,
    /// The estimate as written.
    pub figure: Text,
    /// The interval as written.
    pub words: Text,
    /// Unit of the axis; may be empty.
    pub unit: String,
    /// The estimate.
    pub estimate: f64,
    /// Ends of the interval; `None` for an infinite one.
    pub ends: [Option<f64>; 2],
    /// Another number that is drawn beside it, such as what was foretold.
    pub beside: Option<f64>,
}

/// How an amount changed over time. It keeps each value until the next change.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Course {
    /// Title of the picture.
    pub title: Text,
    /// The picture in words, for whoever does not see it.
    pub words: Text,
    /// Changes in the order of time, each with the amount from then on. Before the first it is 0.
    pub changes: Vec<Change>,
    /// When the picture begins and ends.
    pub span: [Time; 2],
    /// The amount that it is compared with; a line shows it.
    pub most: f64,
    /// Text at that line.
    pub line: Text,
}

/// A change of an amount.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever draws it must see a new part")]
pub struct Change {
    /// When.
    pub time: Time,
    /// The amount from then on.
    pub amount: f64,
}

impl Section {
    /// A section with nothing in it yet.
    #[must_use]
    pub fn new(topic: Topic, heading: Text) -> Self {
        Self { topic, heading, blocks: Vec::new() }
    }

    /// The section with one more block.
    #[must_use]
    pub fn with(mut self, block: Block) -> Self {
        self.blocks.push(block);
        self
    }
}

impl Row {
    /// A row with one name.
    #[must_use]
    pub fn new(name: Text, figures: Vec<Text>) -> Self {
        Self { names: vec![name], figures, ..Self::default() }
    }
}

impl Statement {
    /// An answer in one sentence.
    #[must_use]
    pub fn whole(text: Text) -> Self {
        Self { name: None, text }
    }
}

/// Stands in place of a figure that is not known.
pub const UNKNOWN: &str = "\u{2013}";
