//! What is wrong with what was filled in, beside the field where it is.

use super::{
    EACH, Filled, Form, Group, Input, RECEIVER, Widget,
    job::Unfit,
    maker::{COLUMN, NAME},
};
use crate::frame::Way;
use protocol::{
    contract::Contract,
    job::{TemplateError, question_from_toml},
};

/// A field that has to be changed.
#[derive(Debug)]
pub(crate) struct Fault<'f> {
    pub(crate) input: &'f str,
    pub(crate) label: String,
    pub(crate) why: &'f str,
}

impl Form {
    /// The job that was filled in, if it is a question of the contract. Otherwise what has to be changed is marked, and what is
    /// wrong with no one field is returned.
    pub(crate) fn job(
        &mut self,
        contract: &Contract,
        way: &Way<'_>,
        filled: &Filled,
    ) -> Result<String, Option<String>> {
        self.check(filled);
        if !self.faults().is_empty() {
            return Err(None);
        }
        let job = filled
            .job(way.analysis, way.kind)
            .map_err(|unfit| (!self.unfit(&unfit)).then(|| unfit.to_string()))?;
        match question_from_toml(&job, contract) {
            Ok(_) => Ok(job),
            Err(error) => {
                let is_marked = self.refuse(&error);
                Err((!is_marked).then(|| error.to_string()))
            }
        }
    }

    /// Marks what does not fit: what is needed and was left empty, and what the contract does not list.
    fn check(&mut self, filled: &Filled) {
        let needed: Vec<bool> = self.groups.iter().map(|group| self.is_needed(group)).collect();
        for (group, needed) in self.groups.iter_mut().zip(needed) {
            // What has a column may be called as that is; without one it needs a name.
            let column = group.all().find(|input| input.field() == COLUMN);
            let has_none = column.is_some_and(|column| !column.is_needed && !column.is_filled());
            for input in group.all_mut() {
                let is_needed = input.is_needed || (has_none && input.field() == NAME);
                input.wrong = match stranger(input, filled) {
                    None if needed && is_needed && !input.is_filled() => {
                        Some(expected(input, "is needed and was left empty"))
                    }
                    wrong => wrong,
                };
            }
        }
        let known = |party: &&String| self.receivers.iter().any(|known| known.value == **party);
        if let Some(stranger) = filled.values(RECEIVER).iter().find(|party| !known(party)) {
            let known = self.receivers.iter().map(|party| party.value.as_str());
            let known = known.collect::<Vec<_>>().join(", ");
            let why = format!(
                "\u{201c}{stranger}\u{201d} may not read it; the contract lets read: {known}"
            );
            self.wrong_receivers = Some(why);
        }
    }

    /// Whether a table is one that a question must have, or has. Of a list that must have one, any will do.
    fn is_needed(&self, group: &Group) -> bool {
        let Some((list, _)) = numbered(&group.path) else {
            return !group.is_extra || group.is_filled();
        };
        let of_list = |other: &&Group| numbered(&other.path).is_some_and(|(path, _)| path == list);
        let mut others = self.groups.iter().filter(of_list);
        let is_first = group.path.ends_with(".0");
        group.is_filled() || (!group.is_extra && is_first && !others.any(Group::is_filled))
    }

    /// Marks the field of which a job says that it is wrong. Whether there is one: the rest is said above the form.
    fn refuse(&mut self, error: &TemplateError) -> bool {
        let TemplateError::Value { field, found, expected } = error else { return false };
        self.mark(field, found, &format!("{found}: {expected}"))
    }

    /// Marks the field that holds what its type does not take. Whether there is one.
    fn unfit(&mut self, unfit: &Unfit) -> bool {
        let Unfit { field, found, expected } = unfit;
        let (path, of) = match field.split_once(EACH) {
            Some((path, of)) => (path, format!("{of}: ")),
            None => (field.as_str(), String::new()),
        };
        let why = format!("{of}\u{201c}{found}\u{201d} is not {expected}");
        self.mark(path, found, &why)
    }

    /// Marks the field at `path`, in which `found` stands. A job names one of several tables by what people call it, or by
    /// its column: `lift.outcome "visit": type`.
    fn mark(&mut self, path: &str, found: &str, why: &str) -> bool {
        let (path, table) = match path.split_once(" \"") {
            Some((list, rest)) => match rest.rsplit_once("\": ") {
                Some((table, field)) => (format!("{list}.{field}"), Some(table)),
                None => return false,
            },
            None => (path.to_owned(), None),
        };
        let found = found.trim_matches('"');
        let groups = self.groups.iter_mut().filter(|group| {
            let called = |input: &Input| {
                [COLUMN, NAME].contains(&input.field()) && Some(input.value.trim()) == table
            };
            table.is_none() || group.all().any(called)
        });
        // What is wrong with a whole table stands beside its first field.
        let below = format!("{path}.");
        let is_at = |input: &&mut Input| {
            let plain = plain(&input.name);
            [&input.name, &plain].into_iter().any(|name| *name == path || name.starts_with(&below))
        };
        let mut fitting: Vec<_> = groups.flat_map(Group::all_mut).filter(is_at).collect();
        // Of several, the last one in which that stands: of two with one name, the second is one too many.
        let at = fitting.iter().rposition(|input| input.value.lines().any(|line| line == found));
        match fitting.get_mut(at.unwrap_or(0)) {
            Some(input) => {
                input.wrong = Some(why.to_owned());
                true
            }
            None => false,
        }
    }

    /// Everything that is marked.
    pub(crate) fn faults(&self) -> Vec<Fault<'_>> {
        let mut faults = Vec::new();
        for group in &self.groups {
            for input in group.all() {
                if let Some(why) = &input.wrong {
                    let label = format!("{}, {}", group.title, input.label);
                    faults.push(Fault { input: &input.name, label, why });
                }
            }
        }
        if let Some(why) = &self.wrong_receivers {
            let label = "Who may read the answer".to_owned();
            faults.push(Fault { input: RECEIVER, label, why });
        }
        faults
    }
}

/// Why something that was sent is none of the choices.
fn stranger(input: &Input, filled: &Filled) -> Option<String> {
    let is_known = |value: &str| match &input.widget {
        Widget::One(choices) => choices.iter().any(|choice| choice.value == value),
        Widget::Any(families) => {
            families.iter().flat_map(|family| &family.choices).any(|choice| choice.value == value)
        }
        _ => true,
    };
    let sent = filled.values(&input.name);
    let stranger = sent.iter().find(|value| !value.is_empty() && !is_known(value))?;
    Some(expected(input, &format!("\u{201c}{stranger}\u{201d} is not offered")))
}

/// What is the matter, and what may stand there.
fn expected(input: &Input, what: &str) -> String {
    let names: Vec<&str> = match &input.widget {
        Widget::One(choices) => choices.iter().map(|choice| choice.value.as_str()).collect(),
        Widget::Any(families) => {
            let choices = families.iter().flat_map(|family| &family.choices);
            choices.map(|choice| choice.value.as_str()).collect()
        }
        _ => Vec::new(),
    };
    let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
    match names.as_slice() {
        [] => what.to_owned(),
        [only] => format!("{what}; there is {only}"),
        _ => format!("{what}; choose from {}", names.join(", ")),
    }
}

/// The path of a list and the number of one of its tables.
fn numbered(path: &str) -> Option<(&str, usize)> {
    let (list, number) = path.rsplit_once('.')?;
    Some((list, number.parse().ok()?))
}

/// A path without the numbers of tables.
fn plain(path: &str) -> String {
    let parts = path.split('.').filter(|part| part.parse::<usize>().is_err());
    parts.collect::<Vec<_>>().join(".")
}
