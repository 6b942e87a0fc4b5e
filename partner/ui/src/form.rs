//! A form for one kind of question under one analysis of the contract, and the job that its fields make.
//!
//! No kind is known here. Which fields there are and what may stand in them, the kind's own type says ([`Shape`]); the
//! words are those of its page; and what the contract lists under the keys that the kind declares is offered to choose
//! from.

mod job;
mod offers;

use crate::manual::{Entry, Manual};
use offers::Offers;
use protocol::{
    analysis::{
        self,
        shape::{Field, Shape},
    },
    contract::{Contract, Terms},
    page::number::capital,
};
use std::collections::BTreeMap;

/// What somebody filled in, field by field: as it was sent, and in the order in which it was.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filled(BTreeMap<String, Vec<String>>);

impl Filled {
    /// Reads a form's body.
    pub(crate) fn parse(body: &[u8]) -> Self {
        let mut filled = BTreeMap::<String, Vec<String>>::new();
        for (name, value) in form_urlencoded::parse(body).take(MOST_FIELDS) {
            // A browser ends lines of a text area as the old telegraphs did.
            let value = value.replace("\r\n", "\n");
            filled.entry(name.into_owned()).or_default().push(value);
        }
        Self(filled)
    }

    pub(crate) fn values(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        self.values(name).first().map_or("", |value| value.trim())
    }

    /// What is filled in before anybody did.
    fn begin(&mut self, name: String, value: String) {
        self.0.entry(name).or_insert_with(|| vec![value]);
    }

    /// How many tables of a list the form has.
    fn count(&self, path: &str) -> usize {
        self.value(&count_name(path)).parse().unwrap_or(1).clamp(1, MOST_TABLES)
    }

    /// One more table of a list.
    pub(crate) fn add_to(&mut self, path: &str) {
        let count = (self.count(path) + 1).min(MOST_TABLES);
        self.0.insert(count_name(path), vec![count.to_string()]);
    }
}

/// A form.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) groups: Vec<Group>,
    pub(crate) receivers: Vec<Choice>,
}

/// The fields of one table.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) title: String,
    /// Whether it is left closed until somebody wants it.
    pub(crate) is_extra: bool,
    pub(crate) inputs: Vec<Input>,
    /// Fields that may be left out.
    pub(crate) more: Vec<Input>,
    /// Of the last table of a list, the list's path, so that one more can be asked for.
    pub(crate) list: Option<(String, usize)>,
}

impl Group {
    /// Whether something was filled in.
    pub(crate) fn is_filled(&self) -> bool {
        self.has_more() || self.inputs.iter().any(Input::is_filled)
    }

    /// Whether something was filled in that may be left out.
    pub(crate) fn has_more(&self) -> bool {
        self.more.iter().any(Input::is_filled)
    }
}

/// One field.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) label: String,
    pub(crate) hint: String,
    pub(crate) is_needed: bool,
    pub(crate) value: String,
    pub(crate) widget: Widget,
}

impl Input {
    fn is_filled(&self) -> bool {
        !self.value.is_empty()
    }
}

/// How a field is filled in.
#[derive(Debug)]
pub(crate) enum Widget {
    /// One of these, and nothing else.
    One(Vec<Choice>),
    /// Any of these.
    Any(Vec<Choice>),
    /// A line, with what the contract has to offer.
    Line { offers: Vec<String>, numeric: bool },
    /// A day.
    Day,
    /// Lines.
    Lines { example: &'static str },
}

/// One of several.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) words: String,
    pub(crate) is_chosen: bool,
}

impl Form {
    /// The form of `kind` under the analysis `name`, as it was filled in so far; `None` if there is no such question.
    pub(crate) fn of(contract: &Contract, name: &str, kind: &str, filled: &Filled) -> Option<Self> {
        let terms = contract.analyses.get(name)?;
        let known = analysis::KINDS.iter().find(|known| known.kind == kind)?;
        if known.section.kind != terms.section().kind {
            return None;
        }
        let Shape::Table(fields) = analysis::shape(known.kind)? else { return None };
        let mut filled = filled.clone();
        for (field, value) in usual(contract, terms) {
            filled.begin(format!("{kind}.privacy.{field}"), value);
        }
        let manual = Manual::parse(analysis::manual(known.kind)?);
        let offers = Offers::of(contract, terms);
        let mut maker = Maker { manual, offers, filled: &filled, groups: Vec::new() };
        maker.table(known.kind, known.kind, &fields, None);
        let receivers = terms.receivers.iter().map(|party| Choice {
            value: party.clone(),
            words: party.clone(),
            is_chosen: filled.values(RECEIVER).contains(party),
        });
        Some(Self { groups: maker.groups, receivers: receivers.collect() })
    }
}

/// The price that questions of every kind begin with: an epsilon of 1, at the δ of the budgets that it is taken from.
fn usual(contract: &Contract, terms: &Terms) -> [(&'static str, String); 2] {
    let budgets = terms.datasets().filter_map(|name| contract.datasets.get(name));
    let delta = budgets.filter_map(|dataset| dataset.budgets.get(&terms.purpose)).next();
    let delta = delta.map_or_else(String::new, |budget| budget.delta.to_string());
    [("epsilon", "1".to_owned()), ("delta", delta)]
}

struct Maker<'m> {
    manual: Manual<'m>,
    offers: Offers<'m>,
    filled: &'m Filled,
    groups: Vec<Group>,
}

impl<'m> Maker<'m> {
    /// The fields of the table that the manual has at `at`, and that the form has at `path`; below it, its tables.
    fn table(&mut self, at: &str, path: &str, fields: &[Field], list: Option<(String, usize)>) {
        let (mut inputs, mut more, mut below) = (Vec::new(), Vec::new(), Vec::new());
        for field in fields {
            if let Some((inner, is_list)) = inner(&field.shape) {
                below.push((field.name, inner, is_list));
                continue;
            }
            let entry = self.manual.of(at, field.name);
            let Some(input) = self.input(path, field.name, &field.shape, entry) else { continue };
            // Where nothing is said of leaving a field out, which ones are needed depends on the others.
            let first = matches!(entry.left_out, "-" | "");
            if first { inputs.push(input) } else { more.push(input) }
        }
        if !(inputs.is_empty() && more.is_empty()) {
            let is_extra = at.contains('.') && !self.manual.is_needed(at);
            let title = title(path);
            self.groups.push(Group { title, is_extra, inputs, more, list });
        }
        for (name, inner, is_list) in below {
            let (at, path) = (format!("{at}.{name}"), format!("{path}.{name}"));
            if !is_list {
                self.table(&at, &path, inner, None);
                continue;
            }
            let count = self.filled.count(&path);
            for number in 0..count {
                let list = (number + 1 == count).then(|| (path.clone(), count));
                self.table(&at, &format!("{path}.{number}"), inner, list);
            }
        }
    }

    /// One field; `None` for one that every question leaves out, since it says what is done anyway.
    fn input(&self, path: &str, label: &str, shape: &Shape, entry: Entry<'m>) -> Option<Input> {
        if *shape == Shape::Anything || ANYWAY.iter().any(|words| entry.value.contains(words)) {
            return None;
        }
        let name = format!("{path}.{label}");
        let chosen = self.filled.values(&name);
        let widget = match shape {
            Shape::OneOf(words) => Widget::One(one_of(words.iter().copied(), chosen)),
            Shape::Flag => Widget::One(one_of(["yes", "no"], chosen)),
            Shape::Named(_) => Widget::Lines { example: "NAME = NUMBER, one in a line" },
            Shape::List(of) if **of == Shape::Text => {
                let offers = self.offers.for_words(entry.value);
                let any = offers.into_iter().map(|value| choice(value, chosen)).collect::<Vec<_>>();
                if any.is_empty() {
                    Widget::Lines { example: "one in a line" }
                } else {
                    Widget::Any(any)
                }
            }
            Shape::Text if entry.value.contains("YYYY-MM-DDT") => line(Vec::new(), false),
            Shape::Text if entry.value.contains("YYYY-MM-DD") => Widget::Day,
            Shape::Text => line(self.offers.for_words(entry.value), false),
            Shape::Whole | Shape::Number => line(Vec::new(), true),
            _ => line(Vec::new(), false),
        };
        let hint = hint(entry);
        let is_needed = entry.left_out == "-" && !entry.value.contains("only there");
        let value = chosen.join("\n");
        Some(Input { name, label: words(label), hint, is_needed, value, widget })
    }
}

/// The fields of a table, or of each table of a list.
fn inner(shape: &Shape) -> Option<(&[Field], bool)> {
    match shape {
        Shape::Table(fields) => Some((fields, false)),
        Shape::List(of) => match &**of {
            Shape::Table(fields) => Some((fields, true)),
            _ => None,
        },
        _ => None,
    }
}

fn line(offers: Vec<String>, numeric: bool) -> Widget {
    Widget::Line { offers, numeric }
}

fn one_of<'w>(words: impl IntoIterator<Item = &'w str>, chosen: &[String]) -> Vec<Choice> {
    let none =
        Choice { value: String::new(), words: "–".to_owned(), is_chosen: chosen.is_empty() };
    let words = words.into_iter().map(|word| choice(word.to_owned(), chosen));
    std::iter::once(none).chain(words).collect()
}

fn choice(value: String, chosen: &[String]) -> Choice {
    let is_chosen = chosen.contains(&value);
    Choice { words: value.clone(), value, is_chosen }
}

/// What people read of a field: what may stand there, and what leaving it out means.
fn hint(entry: Entry<'_>) -> String {
    let plain = |text: &str| text.replace('`', "");
    match entry.left_out {
        "" | "-" => plain(entry.value),
        left_out => format!("{}. Left out: {}", plain(entry.value), plain(left_out)),
    }
}

/// A name of a field as people read it.
fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// The last names of a path, and the number of a table among several.
fn title(path: &str) -> String {
    let mut parts = path.rsplit('.');
    let last = parts.next().unwrap_or_default();
    match last.parse::<usize>() {
        Ok(number) => {
            format!("{} {}", capital(&words(parts.next().unwrap_or_default())), number + 1)
        }
        Err(_) => capital(&words(last)),
    }
}

/// The field that says how many tables of a list there are.
fn count_name(path: &str) -> String {
    format!("{path}#")
}

/// The field of receivers, which is of the job and of no kind.
pub(crate) const RECEIVER: &str = "@receiver";
/// What pages say of fields that a question may as well leave out.
const ANYWAY: [&str; 2] = ["what is done anyway", "refused whatever"];
/// The most tables of a list, and the most fields that are looked at.
const MOST_TABLES: usize = 64;
const MOST_FIELDS: usize = 4096;
