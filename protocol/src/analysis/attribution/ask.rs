//! Reads a question about attribution from a job's TOML.

use super::{
    question::{Attribution, Credited},
    raw::{RawAttribution, RawCredited, RawPrivacy},
    uses::Listed,
};
use crate::{
    analysis::{
        Scope, filters,
        toml::{TemplateError, allows, check_names, clamp, millionths, value},
    },
    contract::Contract,
    loss::{Delta, Epsilon},
    tally::Rule,
    text,
    units::Scale,
};

/// The question.
pub(super) fn question(
    raw: &RawAttribution,
    scope: &Scope<'_>,
) -> Result<Attribution, TemplateError> {
    let listed = &Listed::of(scope.terms).ok_or(TemplateError::OneKind)?;
    let contract = scope.contract;
    let privacy = raw.privacy.as_ref().ok_or(TemplateError::Missing("attribution.privacy"))?;
    let RawPrivacy { epsilon, delta, min_cell } = privacy;
    let filter = |row| filters::filter("attribution", row, listed.filters, contract);
    if raw.outcomes.is_empty() {
        return Err(TemplateError::Missing("attribution.outcome"));
    }
    Ok(Attribution {
        model: model(raw.model.as_deref(), listed)?,
        window_days: window(raw.window_days, listed)?,
        rows: raw.rows.iter().map(filter).collect::<Result<_, _>>()?,
        outcomes: outcomes(&raw.outcomes, listed, contract)?,
        confidence: millionths("attribution.confidence", raw.confidence.unwrap_or(0.95))?,
        epsilon: Epsilon::new(*epsilon)
            .map_err(|e| value("attribution.privacy.epsilon", epsilon, e.to_string()))?,
        delta: Delta::new(*delta)
            .map_err(|e| value("attribution.privacy.delta", delta, e.to_string()))?,
        min_cell: min_cell.unwrap_or(0).max(contract.min_cell),
    })
}

/// The rule of this name, if the contract has it.
fn model(name: Option<&str>, listed: &Listed<'_>) -> Result<Rule, TemplateError> {
    let name = name.ok_or(TemplateError::Missing("attribution.model"))?;
    Rule::named(name).filter(|rule| listed.models.contains(rule)).ok_or_else(|| {
        let models = listed.models.iter().map(|rule| rule.name().to_owned());
        value("attribution.model", text::quoted(name), allows(models))
    })
}

fn window(days: Option<u32>, listed: &Listed<'_>) -> Result<u32, TemplateError> {
    let (days, most) = (days.unwrap_or(listed.window_days), listed.window_days);
    if days <= most {
        return Ok(days);
    }
    let expected = format!("the contract's analysis allows at most {most}");
    Err(value("attribution.window_days", days, expected))
}

fn outcomes(
    raw: &[RawCredited],
    listed: &Listed<'_>,
    contract: &Contract,
) -> Result<Vec<Credited>, TemplateError> {
    check_names("attribution.outcome.name", raw.iter().map(|outcome| &outcome.name))?;
    raw.iter().map(|outcome| outcome.read(listed, contract)).collect()
}

impl RawCredited {
    fn read(&self, listed: &Listed<'_>, contract: &Contract) -> Result<Credited, TemplateError> {
        let Self { name, column, cap_per_user } = self;
        let field = |key: &str| format!("attribution.outcome \"{name}\": {key}");
        let scale = match column {
            None => Scale::WHOLE,
            Some(column) => {
                let (dataset, measures) = (listed.outcome, listed.measures);
                filters::scale_of(&field("column"), column, dataset, measures, contract)?
            }
        };
        let clamp = clamp(&field, *cap_per_user, None, scale)?;
        Ok(Credited { name: name.clone(), column: column.clone(), clamp, scale })
    }
}
