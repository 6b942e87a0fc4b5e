//! Reads a question about an overlap from a job's TOML.

use super::{question::Overlap, raw::RawOverlap, uses::Listed};
use crate::{
    analysis::{
        Scope,
        toml::{TemplateError, allows, millionths, value},
    },
    contract::{ColumnRef, Contract},
    identity::Identifier,
    loss::{Delta, Epsilon},
};

/// The question.
pub(super) fn question(raw: &RawOverlap, scope: &Scope<'_>) -> Result<Overlap, TemplateError> {
    let privacy = raw.privacy.as_ref().ok_or(TemplateError::Missing("overlap.privacy"))?;
    let listed = Listed::of(scope.terms).ok_or(TemplateError::OneKind)?;
    let datasets = datasets(raw.datasets.as_deref(), &listed)?;
    let by = key(&raw.by, &datasets, scope.contract)?;
    let segment =
        raw.segment.as_deref().map(|text| segment(text, &datasets, &listed)).transpose()?;
    Ok(Overlap {
        by,
        datasets,
        segment,
        confidence: millionths("overlap.confidence", raw.confidence.unwrap_or(0.95))?,
        epsilon: Epsilon::new(privacy.epsilon)
            .map_err(|e| value("overlap.privacy.epsilon", privacy.epsilon, e.to_string()))?,
        delta: Delta::new(privacy.delta)
            .map_err(|e| value("overlap.privacy.delta", privacy.delta, e.to_string()))?,
        min_cell: privacy.min_cell.unwrap_or(0).max(scope.contract.min_cell),
    })
}

/// The datasets that the job names, in the contract's order; without any, all that the contract
/// lists.
fn datasets(asked: Option<&[String]>, listed: &Listed<'_>) -> Result<Vec<String>, TemplateError> {
    let field = "overlap.datasets";
    let known = listed.datasets.join(", ");
    let Some(asked) = asked else {
        return Ok(listed.datasets.iter().map(|&name| name.to_owned()).collect());
    };
    if let Some(stranger) = asked.iter().find(|name| !listed.datasets.contains(&name.as_str())) {
        let known = listed.datasets.iter().map(|&name| name.to_owned());
        return Err(value(field, stranger, allows(known)));
    }
    let mut seen = Vec::new();
    for name in asked {
        if seen.contains(&name) {
            return Err(value(field, format!("{name} twice"), "expected each dataset once"));
        }
        seen.push(name);
    }
    if asked.len() < 2 {
        let found = format!("a list of {}", asked.len());
        let expected = format!("expected two or more of {known}, or nothing for all of them");
        return Err(value(field, found, expected));
    }
    let is_asked = |name: &&&str| asked.iter().any(|asked| asked == **name);
    Ok(listed.datasets.iter().filter(is_asked).map(|&name| name.to_owned()).collect())
}

/// The kind of match key, which all of the datasets must have.
fn key(asked: &str, datasets: &[String], contract: &Contract) -> Result<Identifier, TemplateError> {
    let has = |kind: Identifier| move |name: &&String| contract.match_keys(name).contains(&kind);
    let common: Vec<_> = KINDS
        .iter()
        .filter(|(_, kind)| datasets.iter().all(|name| has(*kind)(&name)))
        .map(|(name, _)| format!("\"{name}\""))
        .collect();
    let common = match common.as_slice() {
        [] => "these datasets have no kind of match key in common".to_owned(),
        _ => format!("all of these datasets have {}", common.join(" and ")),
    };
    let Some((_, kind)) = KINDS.iter().find(|(name, _)| *name == asked) else {
        return Err(value("overlap.by", asked, format!("expected a kind of match key; {common}")));
    };
    match datasets.iter().find(|name| !has(*kind)(name)) {
        None => Ok(*kind),
        Some(without) => {
            let expected = format!("\"{without}\" has no match key of this kind; {common}");
            Err(value("overlap.by", asked, expected))
        }
    }
}

/// The segment column, which belongs to one of the datasets.
fn segment(
    text: &str,
    datasets: &[String],
    listed: &Listed<'_>,
) -> Result<ColumnRef, TemplateError> {
    let field = "overlap.segment";
    let named = text.parse::<ColumnRef>().ok().filter(|named| listed.segments.contains(named));
    let Some(named) = named else {
        return Err(value(field, text, allows(listed.segments.iter().map(ColumnRef::to_string))));
    };
    if datasets.contains(&named.dataset) {
        return Ok(named);
    }
    let expected = format!("expected a column of one of {}", datasets.join(", "));
    Err(value(field, text, expected))
}

/// Kinds of match keys, as contracts and jobs call them.
const KINDS: [(&str, Identifier); 3] =
    [("email", Identifier::Email), ("phone", Identifier::Phone), ("hashed", Identifier::Hashed)];
