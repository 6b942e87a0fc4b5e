//! Reads a question about outcomes from a job's TOML.

use super::{
    question::{Amount, Days, Outcomes},
    raw::{RawAmount, RawDays, RawOutcomes, RawPrivacy, RawWindow},
    uses::Listed,
};
use crate::{
    analysis::{
        Scope, filters,
        toml::{SPLIT, TemplateError, allows, check_names, clamp, day, millionths, split, value},
    },
    contract::{ColumnRef, Contract},
    loss::{Delta, Epsilon},
    text,
    time::Time,
};

/// The question.
pub(super) fn question(raw: &RawOutcomes, scope: &Scope<'_>) -> Result<Outcomes, TemplateError> {
    let listed = &Listed::of(scope.terms).ok_or(TemplateError::OneKind)?;
    let contract = scope.contract;
    let window = raw.window.as_ref().ok_or(TemplateError::Missing("outcomes.window"))?.days()?;
    let observed = raw.observed.as_ref().ok_or(TemplateError::Missing("outcomes.observed"))?;
    let observed = observed.days("outcomes.observed")?;
    let started = started(raw.started.as_ref(), window, observed)?;
    let privacy = raw.privacy.as_ref().ok_or(TemplateError::Missing("outcomes.privacy"))?;
    let RawPrivacy { epsilon, delta, split: parts, min_cell } = privacy;
    let filter = |row| filters::filter("outcomes", row, listed.filters, contract);
    Ok(Outcomes {
        segments: segments(&raw.segments, listed)?,
        rows: raw.rows.iter().map(filter).collect::<Result<_, _>>()?,
        window,
        observed,
        started,
        outcomes: outcomes(&raw.outcomes, listed, contract)?,
        confidence: millionths("outcomes.confidence", raw.confidence.unwrap_or(0.95))?,
        epsilon: Epsilon::new(*epsilon)
            .map_err(|e| value("outcomes.privacy.epsilon", epsilon, e.to_string()))?,
        delta: Delta::new(*delta)
            .map_err(|e| value("outcomes.privacy.delta", delta, e.to_string()))?,
        split: split("outcomes.privacy.split", parts.as_ref(), SPLIT)?,
        min_cell: min_cell.unwrap_or(0).max(contract.min_cell),
    })
}

impl RawWindow {
    fn days(&self) -> Result<Days, TemplateError> {
        let Self { first, last } = *self;
        let window = Days { first, last };
        if Days::WINDOW.contain(window) {
            return Ok(window);
        }
        let expected = format!(
            "expected days after the start, the first not after the last, neither more than {} away",
            Days::WINDOW.last
        );
        Err(value("outcomes.window", format!("{first} to {last}"), expected))
    }
}

impl RawDays {
    fn days(&self, field: &str) -> Result<Days, TemplateError> {
        let first = day(&format!("{field}.first"), &self.first)?;
        let last = day(&format!("{field}.last"), &self.last)?;
        if first <= last {
            return Ok(Days { first, last });
        }
        Err(value(&format!("{field}.last"), &self.last, "expected no day before the first"))
    }
}

/// The days on which the people of the cohort started. No window may go beyond what is observed: a
/// person who started last week has not had thirty days, and would count as having done nothing in
/// them.
fn started(asked: Option<&RawDays>, window: Days, observed: Days) -> Result<Days, TemplateError> {
    let starts = observed.starts_of(window).filter(|starts| Days::WRITTEN.contain(*starts));
    let Some(most) = starts else {
        let Days { first, last } = window;
        let found = format!("{} to {}", date(observed.first), date(observed.last));
        let expected =
            format!("expected days for whole windows, from day {first} to day {last} of a person");
        return Err(value("outcomes.observed", found, expected));
    };
    let Some(asked) = asked else { return Ok(most) };
    let days = asked.days("outcomes.started")?;
    if days.first < most.first {
        let expected = format!(
            "the outcomes are observed from {}: expected {} or later, so that whole windows are",
            date(observed.first),
            date(most.first)
        );
        return Err(value("outcomes.started.first", &asked.first, expected));
    }
    if days.last > most.last {
        let expected = format!(
            "the outcomes are observed until {}: expected {} or earlier, so that whole windows are; whoever started \
             later has not had until day {}, and would count as somebody who did nothing",
            date(observed.last),
            date(most.last),
            window.last
        );
        return Err(value("outcomes.started.last", &asked.last, expected));
    }
    Ok(days)
}

fn segments(names: &[String], listed: &Listed<'_>) -> Result<Vec<String>, TemplateError> {
    for (at, name) in names.iter().enumerate() {
        if !listed.segments.contains(&ColumnRef::new(listed.cohort, name)) {
            let expected = allows(listed.segments.iter().map(|segment| segment.column.clone()));
            return Err(value("outcomes.segments", text::quoted(name), expected));
        }
        if names.iter().take(at).any(|other| other == name) {
            return Err(value("outcomes.segments", text::quoted(name), "expected each once"));
        }
    }
    Ok(names.to_vec())
}

fn outcomes(
    raw: &[RawAmount],
    listed: &Listed<'_>,
    contract: &Contract,
) -> Result<Vec<Amount>, TemplateError> {
    check_names("outcomes.outcome.name", raw.iter().map(|amount| &amount.name))?;
    raw.iter().map(|amount| amount.read(listed, contract)).collect()
}

impl RawAmount {
    fn read(&self, listed: &Listed<'_>, contract: &Contract) -> Result<Amount, TemplateError> {
        let Self { name, column, cap_per_user, floor_per_user } = self;
        let field = |key: &str| format!("outcomes.outcome \"{name}\": {key}");
        let (dataset, measures) = (listed.outcome, listed.measures);
        let scale = filters::scale_of(&field("column"), column, dataset, measures, contract)?;
        let clamp = clamp(&field, *cap_per_user, *floor_per_user, scale)?;
        Ok(Amount { name: name.clone(), column: column.clone(), clamp, scale })
    }
}

/// A day in people's notation.
pub(in crate::analysis) fn date(day: i32) -> String {
    let day = u64::try_from(day).unwrap_or(0).saturating_mul(86_400_000);
    let (year, month, day) = Time(day).date();
    format!("{year:04}-{month:02}-{day:02}")
}
