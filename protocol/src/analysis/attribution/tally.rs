//! Makes the tally of a question about attribution.

use super::{
    question::{Attribution, Credited},
    uses::Listed,
};
use crate::{
    analysis::{
        Scope, filters,
        rules::{check_names, check_share, column_not_permitted, not_permitted},
    },
    contract::{ColumnRef, Role},
    refusal::{Asked, Limit, Refusal},
    tally::{Clamp, Credit, Dimension, Measure, Population, Quantity, Rule, Side, Table, Tally},
    units::Scale,
};

/// The tally of the people who were exposed, by what their outcomes are credited to.
pub(super) fn tally(asked: &Attribution, scope: &Scope<'_>) -> Result<Tally, Refusal> {
    let unknown = || not_permitted(Asked::Analysis, scope.name, None);
    let listed = &Listed::of(scope.terms).ok_or_else(unknown)?;
    check_share(asked.confidence)?;
    check_names(asked.outcomes.iter().map(|outcome| &outcome.name))?;
    if asked.outcomes.is_empty() {
        return Err(Refusal::Malformed);
    }
    let table = |dataset: &str| Table { dataset: dataset.to_owned(), rows: Vec::new() };
    let mut tables = vec![table(listed.exposures), table(listed.outcome)];
    filters::choose(&mut tables, &asked.rows, listed.filters, scope.contract)?;
    // One place for a channel, and one for outcomes without an exposure.
    if listed.cells_per_person < 2 {
        let (limit, most) = (Limit::CellsPerPerson, u64::from(listed.cells_per_person));
        return Err(Refusal::OverLimit { limit, found: 2, most });
    }
    let credit = credit(asked, listed, scope)?;
    // A person may be in no more places, and noise grows with them: values, none, and no exposure.
    let most = credit.values.saturating_add(2);
    let measure = |outcome| measure(outcome, asked.model, listed, scope);
    Ok(Tally {
        population: Population::First,
        tables,
        dimensions: vec![Dimension::Credited(credit)],
        measures: asked.outcomes.iter().map(measure).collect::<Result<_, Refusal>>()?,
        products: Vec::new(),
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
        cells_per_person: listed.cells_per_person.min(most),
        ids_per_person: scope.contract.ids_per_person,
    })
}

fn credit(asked: &Attribution, listed: &Listed<'_>, scope: &Scope<'_>) -> Result<Credit, Refusal> {
    let named = ColumnRef::new(listed.exposures, listed.channel);
    let Some(Role::Group(domain)) = scope.contract.column(&named).map(|column| &column.role) else {
        return Err(column_not_permitted(scope.contract, &named));
    };
    Ok(Credit {
        column: listed.channel.to_owned(),
        values: u32::try_from(domain.len()).map_err(|_| Refusal::Internal)?,
        day: listed.exposed.to_owned(),
        outcome: listed.date.to_owned(),
        window: asked.window_days,
        rule: asked.model,
    })
}

fn measure(
    outcome: &Credited,
    rule: Rule,
    listed: &Listed<'_>,
    scope: &Scope<'_>,
) -> Result<Measure, Refusal> {
    let scale = match &outcome.column {
        None => Scale::WHOLE,
        Some(column) => {
            let named = ColumnRef::new(listed.outcome, column);
            match scope.contract.column(&named).map(|column| &column.role) {
                Some(Role::Measure(scale)) => *scale,
                _ => return Err(column_not_permitted(scope.contract, &named)),
            }
        }
    };
    if scale != outcome.scale || outcome.clamp.is_signed() {
        return Err(Refusal::Malformed);
    }
    let parts = outcome.parts(rule);
    let most = outcome.clamp.most().saturating_mul(i64::from(parts));
    Ok(Measure {
        side: Side::JOINED,
        of: Quantity::Credit { column: outcome.column.clone(), parts },
        rows: Vec::new(),
        clamp: Clamp::new(0, most).map_err(|_| Refusal::Malformed)?,
    })
}
