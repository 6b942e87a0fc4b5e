//! A form for one kind of question under one analysis of the contract, and the job that its fields make.
//!
//! No kind is known here. Which fields there are and what may stand in them, the kind's own type says ([`Shape`]); the
//! words are those of its page; and what the contract lists under the keys that the kind declares is all that there is to
//! choose from.

mod faults;
mod job;
mod maker;
mod offers;

use crate::manual::Manual;
use maker::Maker;
use offers::Offers;
use page::html;
use protocol::{
    analysis::{self, shape::Shape},
    contract::{Contract, Terms},
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

    /// Whether the field was sent, even if it is empty.
    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// What was filled in for each name that the contract lists, in a field that has a number for each of them.
    fn each(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        let own = self.0.iter().filter_map(move |(field, values)| {
            let of = field.strip_prefix(name)?.strip_prefix(EACH)?;
            Some((of, values.first()?.trim()))
        });
        own.filter(|(_, value)| !value.is_empty())
    }

    /// Fills in one field anew.
    pub(crate) fn set(&mut self, name: String, value: String) {
        self.0.insert(name, vec![value]);
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
    /// What is wrong with the receivers that were sent.
    pub(crate) wrong_receivers: Option<String>,
    /// What a question of this kind may have, and the contract lists nothing for.
    pub(crate) not_offered: Vec<String>,
}

/// The fields of one table.
#[derive(Debug)]
pub(crate) struct Group {
    /// Where its fields are, such as `lift.outcome.0`.
    pub(crate) path: String,
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
        self.more.iter().any(|input| input.is_filled() || input.wrong.is_some())
    }

    fn all(&self) -> impl Iterator<Item = &Input> {
        self.inputs.iter().chain(&self.more)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut Input> {
        self.inputs.iter_mut().chain(&mut self.more)
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
    /// What is wrong with what was filled in, and what may stand there.
    pub(crate) wrong: Option<String>,
}

impl Input {
    fn is_filled(&self) -> bool {
        match &self.widget {
            Widget::Each(numbers) => numbers.iter().any(|number| !number.value.is_empty()),
            _ => !self.value.is_empty(),
        }
    }

    /// What stands in it, line by line, for a page.
    pub(crate) fn lines(&self) -> String {
        html::lines(&self.value)
    }

    /// The last word of its name.
    fn field(&self) -> &str {
        self.name.rsplit('.').next().unwrap_or_default()
    }
}

/// How a field is filled in.
#[derive(Debug)]
pub(crate) enum Widget {
    /// One of these, and nothing else.
    One(Vec<Choice>),
    /// Any of these, and nothing else.
    Any(Vec<Family>),
    /// A number for each of these.
    Each(Vec<Number>),
    /// A line.
    Line { is_number: bool },
    /// A day.
    Day,
    /// Lines.
    Lines { example: &'static str },
}

/// Choices that belong together.
#[derive(Debug)]
pub(crate) struct Family {
    /// The column whose values they are, where there is more than one such column.
    pub(crate) of: Option<String>,
    pub(crate) choices: Vec<Choice>,
}

/// A number that something has.
#[derive(Debug)]
pub(crate) struct Number {
    pub(crate) of: String,
    pub(crate) name: String,
    pub(crate) value: String,
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
            filled.begin(format!("{kind}.{field}"), value);
        }
        let manual = Manual::parse(analysis::manual(known.kind)?);
        let offers = Offers::of(contract, terms);
        let mut maker = Maker::new(manual, offers, &filled);
        maker.table(known.kind, known.kind, &fields, None);
        let receivers = terms.receivers.iter().map(|party| Choice {
            value: party.clone(),
            words: party.clone(),
            is_chosen: filled.values(RECEIVER).contains(party),
        });
        let (mut groups, not_offered) = maker.made();
        groups.push(decision(&filled));
        let receivers = receivers.collect();
        Some(Self { groups, receivers, wrong_receivers: None, not_offered })
    }
}

/// What every question may say of itself, whatever its kind is.
fn decision(filled: &Filled) -> Group {
    let input = Input {
        name: DECISION.to_owned(),
        label: "Decision that the answer serves".to_owned(),
        hint: "In a few words, such as: budget of spring. It is signed, and owners see it where they see the purpose. Left empty: none \
               is named."
            .to_owned(),
        is_needed: false,
        value: filled.value(DECISION).to_owned(),
        widget: Widget::Line { is_number: false },
        wrong: None,
    };
    Group {
        path: "job".to_owned(),
        title: "What it is for".to_owned(),
        is_extra: false,
        inputs: vec![input],
        more: Vec::new(),
        list: None,
    }
}

/// The price that questions of every kind begin with: an epsilon of 1, at the δ of the budgets that it is taken from.
fn usual(contract: &Contract, terms: &Terms) -> [(&'static str, String); 2] {
    let budgets = terms.datasets().filter_map(|name| contract.datasets.get(name));
    let delta = budgets.filter_map(|dataset| dataset.budgets.get(&terms.purpose)).next();
    let delta = delta.map_or_else(String::new, |budget| budget.delta.to_string());
    [(EPSILON, "1".to_owned()), ("privacy.delta", delta)]
}

/// The field that says how many tables of a list there are.
fn count_name(path: &str) -> String {
    format!("{path}#")
}

/// The field of the decision, which is of the job and of no kind.
pub(crate) const DECISION: &str = "job.decision";
/// The field of receivers, which is of the job and of no kind.
pub(crate) const RECEIVER: &str = "@receiver";
/// Where every kind has its price, below the kind.
pub(crate) const EPSILON: &str = "privacy.epsilon";
/// What stands between the name of a field and that of one of its numbers.
const EACH: &str = "@";
/// The most tables of a list, and the most fields that are looked at.
const MOST_TABLES: usize = 64;
const MOST_FIELDS: usize = 4096;

#[cfg(test)]
mod tests;
