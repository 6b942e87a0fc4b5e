//! Reads a question about reach from a job's TOML.

use super::{
    question::{Per, Reach},
    raw::RawReach,
    uses::Listed,
};
use crate::{
    analysis::{
        Scope, filters,
        toml::{TemplateError, millionths, value},
    },
    contract::{ColumnRef, Contract},
    identity::Identifier,
    loss::{Delta, Epsilon},
};

/// The question.
pub(super) fn question(raw: &RawReach, scope: &Scope<'_>) -> Result<Reach, TemplateError> {
    let listed = &Listed::of(scope.terms).ok_or(TemplateError::OneKind)?;
    let contract = scope.contract;
    let privacy = raw.privacy.as_ref().ok_or(TemplateError::Missing("reach.privacy"))?;
    let datasets = datasets(raw.datasets.as_deref(), listed)?;
    let by = key(&raw.by, &datasets, contract)?;
    let per = per(raw, &datasets, listed)?;
    let mut rows = Vec::new();
    for filter in &raw.rows {
        let filter = filters::filter("reach", filter, listed.filters, contract)?;
        let column = filter.column();
        if !datasets.contains(&column.dataset) {
            let expected = format!("expected a column of one of {}", datasets.join(", "));
            return Err(value("reach.where.column", column, expected));
        }
        rows.push(filter);
    }
    Ok(Reach {
        by,
        datasets,
        per,
        rows,
        most_frequency: most_frequency(raw.most_frequency.unwrap_or(10))?,
        confidence: millionths("reach.confidence", raw.confidence.unwrap_or(0.95))?,
        epsilon: Epsilon::new(privacy.epsilon)
            .map_err(|e| value("reach.privacy.epsilon", privacy.epsilon, e.to_string()))?,
        delta: Delta::new(privacy.delta)
            .map_err(|e| value("reach.privacy.delta", privacy.delta, e.to_string()))?,
        min_cell: privacy.min_cell.unwrap_or(0).max(contract.min_cell),
    })
}

/// The datasets that the job names, in the contract's order; without any, all that the contract
/// lists.
fn datasets(asked: Option<&[String]>, listed: &Listed<'_>) -> Result<Vec<String>, TemplateError> {
    let known = || listed.datasets.iter().map(|&name| name.to_owned());
    let Some(asked) = asked else { return Ok(known().collect()) };
    let expected = format!("expected one or more of {}, each once", listed.datasets.join(", "));
    for (at, name) in asked.iter().enumerate() {
        let is_known = listed.datasets.contains(&name.as_str());
        if !is_known || asked.iter().take(at).any(|other| other == name) {
            return Err(value("reach.datasets", name, expected));
        }
    }
    if asked.is_empty() {
        return Err(value("reach.datasets", "empty", expected));
    }
    Ok(known().filter(|name| asked.contains(name)).collect())
}

/// The kind of match key, which all of the datasets must have.
fn key(asked: &str, datasets: &[String], contract: &Contract) -> Result<Identifier, TemplateError> {
    let in_all = |kind: Identifier| {
        datasets.iter().all(|dataset| contract.match_keys(dataset).contains(&kind))
    };
    let found = KINDS.iter().find(|(name, kind)| *name == asked && in_all(*kind));
    found.map(|(_, kind)| *kind).ok_or_else(|| {
        let common = KINDS.iter().filter(|(_, kind)| in_all(*kind)).map(|(name, _)| *name);
        let common = common.collect::<Vec<_>>().join(", ");
        let common = if common.is_empty() { "none" } else { &common };
        let expected = format!("kinds of match keys that all of these datasets have: {common}");
        value("reach.by", asked, expected)
    })
}

fn per(raw: &RawReach, datasets: &[String], listed: &Listed<'_>) -> Result<Per, TemplateError> {
    let text = raw.per.as_deref().unwrap_or("frequency");
    if let (Some(most), "frequency" | "dataset") = (raw.values_per_person, text) {
        let expected = format!("left out: per = \"{text}\" counts each person in one place");
        return Err(value("reach.values_per_person", most, expected));
    }
    if let (Some(asked), "frequency" | "dataset") = (raw.frequencies, text) {
        let expected = format!("left out: it is for the values of a column, and per = \"{text}\"");
        return Err(value("reach.frequencies", asked, expected));
    }
    match text {
        "frequency" => return Ok(Per::Frequency),
        "dataset" if datasets.len() >= 2 => return Ok(Per::Dataset),
        "dataset" => {
            return Err(value("reach.per", text, "expected two or more datasets to tell apart"));
        }
        _ => {}
    }
    let named = text.parse::<ColumnRef>().ok().filter(|named| listed.group_by.contains(named));
    let Some(column) = named else {
        let names =
            listed.group_by.iter().map(|column| format!(", \"{column}\"")).collect::<String>();
        let expected = format!("expected \"frequency\", \"dataset\"{names}");
        return Err(value("reach.per", text, expected));
    };
    if datasets != [column.dataset.as_str()] {
        let expected = format!(
            "it is a column of one dataset: expected datasets = [\"{}\"] beside it",
            column.dataset
        );
        return Err(value("reach.per", text, expected));
    }
    let values_per_person = raw.values_per_person.unwrap_or(listed.cells_per_person);
    if !(1..=listed.cells_per_person).contains(&values_per_person) {
        let expected = format!("the contract allows 1 to {}", listed.cells_per_person);
        return Err(value("reach.values_per_person", values_per_person, expected));
    }
    Ok(Per::Column { column, values_per_person, frequencies: raw.frequencies.unwrap_or(false) })
}

fn most_frequency(most: u32) -> Result<u32, TemplateError> {
    if (2..=MOST).contains(&most) {
        return Ok(most);
    }
    Err(value("reach.most_frequency", most, format!("expected 2 to {MOST}")))
}

/// Kinds of match keys, as contracts and jobs call them.
const KINDS: [(&str, Identifier); 3] =
    [("email", Identifier::Email), ("phone", Identifier::Phone), ("hashed", Identifier::Hashed)];
/// The largest frequency that is counted by itself. Larger ones count as this.
pub(super) const MOST: u32 = 100;
