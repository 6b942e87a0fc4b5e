//! Reads a choice from a job's TOML.

use super::{
    question::{ChoiceOf, ChoiceQuestion},
    raw::RawChoice,
};
use crate::{
    analysis::{
        Scope,
        table::{ListedColumns, RawMeasure, Statistic},
        toml::{TemplateError, millionths, scaled, value},
    },
    contract::Role,
    loss::{Delta, Epsilon},
};

/// The question that the TOML asks.
pub(super) fn question(
    raw: &RawChoice,
    scope: &Scope<'_>,
) -> Result<ChoiceQuestion, TemplateError> {
    if raw.version.is_some_and(|version| version != 1) {
        let fields = vec!["choice.version (offered: 1)".to_owned()];
        return Err(TemplateError::NotOffered { fields });
    }
    let privacy = raw.privacy.as_ref().ok_or(TemplateError::Missing("choice.privacy"))?;
    let asked = ListedColumns::new("choice", scope)?;
    let of = match raw.of.as_str() {
        "quantile" => quantile(raw, &asked)?,
        "fullest" => fullest(raw, &asked)?,
        other => return Err(value("choice.of", other, "expected \"quantile\" or \"fullest\"")),
    };
    Ok(ChoiceQuestion {
        of,
        rows: raw.rows.iter().map(|row| asked.filter(row)).collect::<Result<_, _>>()?,
        epsilon: Epsilon::new(privacy.epsilon)
            .map_err(|e| value("choice.privacy.epsilon", privacy.epsilon, e.to_string()))?,
        delta: Delta::new(privacy.delta)
            .map_err(|e| value("choice.privacy.delta", privacy.delta, e.to_string()))?,
    })
}

fn quantile(raw: &RawChoice, asked: &ListedColumns<'_>) -> Result<ChoiceOf, TemplateError> {
    not_given("choice.group_by", raw.group_by.as_ref(), "a quantile")?;
    not_given("choice.cells_per_person", raw.cells_per_person.as_ref(), "a quantile")?;
    let share = *given("choice.quantile", raw.quantile.as_ref())?;
    let column = given("choice.measure", raw.measure.as_ref())?;
    let edges = given("choice.edges", raw.edges.as_ref())?;
    let measure = asked.measure(&RawMeasure {
        name: "choice".to_owned(),
        column: column.clone(),
        statistic: raw.statistic.unwrap_or(Statistic::Sum),
        cap_per_user: edges.last().copied().unwrap_or(0.0),
        floor_per_user: None,
        spread: None,
        bins: None,
    })?;
    let units = edges.iter().map(|edge| scaled("choice.edges", *edge, measure.scale));
    let units = units.collect::<Result<Vec<_>, _>>()?;
    if !(2..=MAX_EDGES).contains(&units.len()) || !units.is_sorted_by(|a, b| a < b) {
        let expected = format!("expected 2 to {MAX_EDGES} ascending edges");
        return Err(value("choice.edges", format!("{edges:?}"), expected));
    }
    Ok(ChoiceOf::Quantile {
        share: millionths("choice.quantile", share)?,
        column: measure.column,
        statistic: measure.statistic,
        scale: measure.scale,
        edges: units,
    })
}

fn fullest(raw: &RawChoice, asked: &ListedColumns<'_>) -> Result<ChoiceOf, TemplateError> {
    let kind = "the fullest group";
    not_given("choice.quantile", raw.quantile.as_ref(), kind)?;
    not_given("choice.measure", raw.measure.as_ref(), kind)?;
    not_given("choice.statistic", raw.statistic.as_ref().map(|_| &"given"), kind)?;
    not_given("choice.edges", raw.edges.as_ref().map(|_| &"given"), kind)?;
    let text = given("choice.group_by", raw.group_by.as_ref())?;
    let (column, role) = asked.column("choice.group_by", text, asked.listed.group_by)?;
    if !matches!(role, Role::Group(_)) {
        let expected = "expected a group column: private values cannot be chosen";
        return Err(value("choice.group_by", text, expected));
    }
    let cells_per_person = asked.cells_per_person(raw.cells_per_person)?;
    Ok(ChoiceOf::Fullest { column, cells_per_person })
}

fn given<'r, T>(field: &str, found: Option<&'r T>) -> Result<&'r T, TemplateError> {
    found.ok_or_else(|| value(field, "not given", "this choice needs it"))
}

fn not_given(field: &str, found: Option<&impl ToString>, kind: &str) -> Result<(), TemplateError> {
    match found {
        None => Ok(()),
        Some(found) => Err(value(field, found.to_string(), format!("{kind} has none"))),
    }
}

const MAX_EDGES: usize = 1000;
