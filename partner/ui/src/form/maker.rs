//! The fields of a form, table by table.

use super::{
    Choice, EACH, Family, Filled, Group, Input, Number, Widget,
    offers::{Offer, Offers},
};
use crate::manual::{Entry, Manual};
use protocol::{
    analysis::shape::{Field, Shape},
    contract::ColumnRef,
    page::number::capital,
};

pub(super) struct Maker<'m> {
    manual: Manual<'m>,
    offers: Offers<'m>,
    filled: &'m Filled,
    groups: Vec<Group>,
    /// What the contract lists nothing for.
    not_offered: Vec<String>,
}

/// A field that the contract lists nothing for.
struct NotOffered;

impl<'m> Maker<'m> {
    pub(super) fn new(manual: Manual<'m>, offers: Offers<'m>, filled: &'m Filled) -> Self {
        Self { manual, offers, filled, groups: Vec::new(), not_offered: Vec::new() }
    }

    pub(super) fn made(mut self) -> (Vec<Group>, Vec<String>) {
        // What may be left out comes last, and is not the first thing that is asked.
        if self.groups.first().is_some_and(|first| first.inputs.is_empty()) {
            self.groups.rotate_left(1);
        }
        (self.groups, self.not_offered)
    }

    /// The fields of the table that the manual has at `at`, and that the form has at `path`; below it, its tables.
    pub(super) fn table(
        &mut self,
        at: &str,
        path: &str,
        fields: &[Field],
        list: Option<(String, usize)>,
    ) {
        let is_needed = !at.contains('.') || self.manual.is_needed(at);
        let (whole, title) = (self.title(at), self.title_of(at, path));
        let (mut inputs, mut more, mut below) = (Vec::new(), Vec::new(), Vec::new());
        let beside = fields.iter().find(|field| field.name == COLUMN);
        let beside = beside.map(|field| self.offers.columns(self.manual.of(at, field.name).value));
        let is_named = fields.iter().any(|field| field.name == NAME);
        for field in fields {
            if let Some((inner, is_list)) = inner(&field.shape) {
                below.push((field.name, inner, is_list));
                continue;
            }
            let mut entry = self.manual.of(at, field.name);
            // A job's column may be called as its table is; in a form, a table without a name is called as its column.
            if field.name == COLUMN && entry.left_out == ITS_NAME {
                entry.left_out = "-";
            }
            match self.input(path, field, entry, (is_needed, beside.as_deref())) {
                Ok(Some(input)) if field.name == COLUMN && is_named => inputs.insert(0, input),
                Ok(Some(input)) if field.name == NAME && beside.is_some() => more.push(input),
                // What the question is of may be left out, and is asked for all the same.
                Ok(Some(input)) if !at.contains('.') && is_chosen(&field.shape, &input.widget) => {
                    inputs.push(input);
                }
                // Where nothing is said of leaving a field out, which ones are needed depends on the others.
                Ok(Some(input)) if matches!(entry.left_out, "-" | "") => inputs.push(input),
                Ok(Some(input)) => more.push(input),
                Ok(None) => {}
                // A table that lacks a field it needs is not offered.
                Err(NotOffered) if entry.left_out == "-" => {
                    self.lacks(whole);
                    return;
                }
                Err(NotOffered) => {
                    self.lacks(format!("{whole}: {}", label(field.name, entry).to_lowercase()));
                }
            }
        }
        if !(inputs.is_empty() && more.is_empty()) {
            let path = path.to_owned();
            let is_extra = !is_needed;
            self.groups.push(Group { path, title, is_extra, inputs, more, list });
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

    /// What people call the table that the manual has at `at`.
    fn title(&self, at: &str) -> String {
        match self.manual.title(at) {
            "" => title(at),
            label => capital(label),
        }
    }

    /// The same for the table that the form has at `path`, which is one of several where its path has a number.
    fn title_of(&self, at: &str, path: &str) -> String {
        let number = path.rsplit('.').next().and_then(|last| last.parse::<usize>().ok());
        match number {
            Some(number) => format!("{} {}", self.title(at), number + 1),
            None => self.title(at),
        }
    }

    fn lacks(&mut self, what: String) {
        if !self.not_offered.contains(&what) {
            self.not_offered.push(what);
        }
    }

    /// One field. `None` for a field that every question leaves out, since it says what is done anyway, and for a field whose
    /// columns the contract does not have. `beside` are the columns that are offered in the same table.
    fn input(
        &self,
        path: &str,
        Field { name: field, shape }: &Field,
        entry: Entry<'m>,
        (in_needed, beside): (bool, Option<&[ColumnRef]>),
    ) -> Result<Option<Input>, NotOffered> {
        let is_anyway = ANYWAY.iter().any(|words| entry.value.contains(words));
        let (role, about) = without_condition(entry.value);
        let lacks_role =
            role.zip(beside).is_some_and(|(role, columns)| !self.offers.has_role(columns, role));
        if *shape == Shape::Anything || is_anyway || lacks_role {
            return Ok(None);
        }
        let name = format!("{path}.{field}");
        let chosen = self.filled.values(&name);
        let offer = self.offers.for_words(about, beside.unwrap_or_default());
        let is_name = *field == NAME && beside.is_some();
        let is_needed = entry.left_out == "-" && !entry.value.contains("only there") && !is_name;
        let empty = if is_needed { "Choose one".to_owned() } else { left_out(entry) };
        let is_only = in_needed && is_needed && !self.filled.has(&name);
        let widget = match (shape, offer) {
            (Shape::OneOf(words), _) => {
                Widget::One(one_of(words.iter().copied(), chosen, empty, false))
            }
            (Shape::Flag, _) => Widget::One(one_of(["yes", "no"], chosen, empty, false)),
            (Shape::Named(_), Offer::Listed(families)) => self.each(&name, &families),
            (Shape::Named(_), _) => Widget::Lines { example: "NAME = NUMBER, one in a line" },
            (Shape::List(of), offer) if **of == Shape::Text => match offer {
                _ if about.contains(A_DAY) => {
                    Widget::Lines { example: "YYYY-MM-DD, one in a line" }
                }
                Offer::Listed(families) => Widget::Any(any_of(families, chosen)),
                Offer::Anything => Widget::Lines { example: "one in a line" },
                Offer::Nothing => return Err(NotOffered),
            },
            (Shape::Text, Offer::Nothing) => return Err(NotOffered),
            (Shape::Text, _) if about.contains(A_MOMENT) => Widget::Line { is_number: false },
            (Shape::Text, _) if about.contains(A_DAY) => Widget::Day,
            (Shape::Text, Offer::Listed(families)) => {
                let names: Vec<_> = families.into_iter().flat_map(|family| family.names).collect();
                let names = names.iter().map(String::as_str);
                Widget::One(one_of(names, chosen, empty, is_only))
            }
            (Shape::Whole | Shape::Number, _) => Widget::Line { is_number: true },
            _ => Widget::Line { is_number: false },
        };
        let hint = hint(entry, is_name);
        let (value, label) = (chosen.join("\n"), label(field, entry));
        Ok(Some(Input { name, label, hint, is_needed, value, widget, wrong: None }))
    }

    /// A number for each name.
    fn each(&self, field: &str, families: &[super::offers::Family]) -> Widget {
        let names = families.iter().flat_map(|family| &family.names);
        let numbers = names.map(|of| {
            let name = format!("{field}{EACH}{of}");
            let value = self.filled.value(&name).to_owned();
            Number { of: of.clone(), name, value }
        });
        Widget::Each(numbers.collect())
    }
}

/// The fields of a table, or of each table of a list.
pub(super) fn inner(shape: &Shape) -> Option<(&[Field], bool)> {
    match shape {
        Shape::Table(fields) => Some((fields, false)),
        Shape::List(of) => match &**of {
            Shape::Table(fields) => Some((fields, true)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a field of names is filled in by a choice: of what the contract lists, or of what the kind's page does.
fn is_chosen(shape: &Shape, widget: &Widget) -> bool {
    let is_name = matches!(shape, Shape::Text | Shape::List(_));
    is_name && matches!(widget, Widget::One(_) | Widget::Any(_))
}

/// One of `words`, below a line that chooses none. `is_only` chooses the only one that there is.
fn one_of<'w>(
    words: impl IntoIterator<Item = &'w str>,
    chosen: &[String],
    empty: String,
    is_only: bool,
) -> Vec<Choice> {
    let mut words: Vec<_> = words.into_iter().map(|word| choice(word.to_owned(), chosen)).collect();
    if let ([only], true) = (words.as_mut_slice(), is_only) {
        only.is_chosen = true;
    }
    let is_chosen = !words.iter().any(|word| word.is_chosen);
    let none = Choice { value: String::new(), words: empty, is_chosen };
    std::iter::once(none).chain(words).collect()
}

fn any_of(families: Vec<super::offers::Family>, chosen: &[String]) -> Vec<Family> {
    let families = families.into_iter().map(|family| Family {
        of: family.of,
        choices: family.names.into_iter().map(|name| choice(name, chosen)).collect(),
    });
    families.collect()
}

fn choice(value: String, chosen: &[String]) -> Choice {
    let is_chosen = chosen.contains(&value);
    Choice { words: value.clone(), value, is_chosen }
}

/// What is said of a field without the condition on which it is there: "for a `measure` column: ..", "for `count`, and only
/// there: ..". The role of the column, if the condition is one.
fn without_condition(words: &str) -> (Option<&str>, &str) {
    let Some((condition, about)) = words.split_once(": ") else { return (None, words) };
    let of = condition.strip_prefix("for ").or_else(|| condition.strip_prefix("of "));
    let Some(of) = of else { return (None, words) };
    let role = of.strip_prefix("a `").and_then(|of| of.strip_suffix("` column"));
    if role.is_some() || of.ends_with("only there") { (role, about) } else { (None, words) }
}

/// What people read of a field: what may stand there, and what leaving it out means.
fn hint(entry: Entry<'_>, is_name: bool) -> String {
    let plain = |text: &str| text.replace('`', "");
    // How a table is written in one line is of no interest in a form.
    let value = match entry.value.split_once("}`: ") {
        Some((_, value)) => value,
        None => entry.value,
    };
    // A capital ε is taken for an E.
    let is_latin = value.starts_with(|letter: char| letter.is_ascii());
    let value = if is_latin { capital(&plain(value)) } else { plain(value) };
    let value = value.trim_end_matches('.');
    match entry.left_out {
        _ if is_name => format!("{value}. Left empty: the name of its column."),
        "" | "-" => format!("{value}."),
        _ => format!("{value}. {}.", left_out(entry)),
    }
}

fn left_out(entry: Entry<'_>) -> String {
    match entry.left_out {
        "" | "-" => "\u{2013}".to_owned(),
        left_out => format!("Left empty: {}", left_out.replace('`', "")),
    }
}

/// A name of a field as people read it.
fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// What people call a field: as its kind's page says, or else by its name.
fn label(name: &str, entry: Entry<'_>) -> String {
    match entry.label {
        "" => capital(&words(name)),
        label => capital(label),
    }
}

/// What a table is called of which the page says nothing.
fn title(at: &str) -> String {
    capital(&words(at.rsplit('.').next().unwrap_or_default()))
}

/// The field of a table that chooses a column, by whose role others of its fields are there.
pub(super) const COLUMN: &str = "column";
/// What people call a table; a column's name will do.
pub(super) const NAME: &str = "name";
/// How pages say that a column which is left out is the one that is called as its table is.
const ITS_NAME: &str = "the name";
/// What pages say of fields that a question may as well leave out.
const ANYWAY: [&str; 2] = ["what is done anyway", "refused whatever"];
const A_DAY: &str = "YYYY-MM-DD";
const A_MOMENT: &str = "YYYY-MM-DDT";
