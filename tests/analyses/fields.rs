//! Which tables and fields a job of a kind may have, as its parser names them when it meets one that it does not
//! know.

use super::sample::Sample;
use protocol::{
    contract::Contract,
    job::{TemplateError, question_from_toml},
};
use std::collections::{BTreeMap, BTreeSet};
use toml::{Table, Value};

/// A table of a job.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Whether it is written `[[so]]`.
    pub(crate) is_list: bool,
    pub(crate) fields: BTreeSet<String>,
}

/// By path, such as `["lift", "window"]`.
pub(crate) type Shapes = BTreeMap<Vec<String>, Shape>;

/// Every table that the sample's kind knows, whether or not the sample's job has it.
pub(crate) fn shapes(sample: &Sample, contract: &Contract) -> Shapes {
    let root = vec![sample.name().to_owned()];
    let mut shapes = Shapes::new();
    let mut next = vec![(root, false)];
    while let Some((path, is_list)) = next.pop() {
        let Some(fields) = fields(sample, contract, &shapes, &path, is_list) else { continue };
        for field in &fields {
            let below = [path.clone(), vec![field.clone()]].concat();
            next.extend([(below.clone(), false), (below, true)]);
        }
        shapes.insert(path, Shape { is_list, fields });
    }
    let known = shapes.contains_key(&vec![sample.name().to_owned()]);
    assert!(known, "{}: its fields cannot be read from what is refused", sample.name());
    shapes
}

/// The fields of one table; none if there is no such table.
fn fields(
    sample: &Sample,
    contract: &Contract,
    known: &Shapes,
    path: &[String],
    is_list: bool,
) -> Option<BTreeSet<String>> {
    let mut job = sample.job_table();
    let mut table = &mut job;
    for (at, part) in path.iter().enumerate() {
        let is_last = at + 1 == path.len();
        let above = known.get(&path[..=at]).is_some_and(|shape| shape.is_list);
        let listed = if is_last { is_list } else { above };
        let holds = match table.get(part) {
            Some(Value::Table(_)) => !listed,
            Some(Value::Array(all)) => listed && all.first().is_some_and(Value::is_table),
            _ => false,
        };
        if !holds {
            let empty = Value::Table(Table::new());
            let made = if listed { Value::Array(vec![empty]) } else { empty };
            table.insert(part.clone(), made);
        }
        table = match table.get_mut(part)? {
            Value::Array(all) => all.first_mut()?.as_table_mut()?,
            found => found.as_table_mut()?,
        };
    }
    table.insert(UNKNOWN.to_owned(), Value::Integer(1));
    let text = toml::to_string(&job).ok()?;
    match question_from_toml(&text, contract) {
        Err(TemplateError::Syntax { reason, .. }) => {
            let listed = reason.split_once(&format!("unknown field `{UNKNOWN}`"))?.1;
            Some(listed.split('`').skip(1).step_by(2).map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// A field that no kind has.
pub(crate) const UNKNOWN: &str = "no_kind_has_this";
