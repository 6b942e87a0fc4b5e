//! Makes the tally of a question about outcomes.

use super::{
    question::{Amount, Days, Outcomes},
    uses::Listed,
};
use crate::{
    analysis::{
        Scope, filters,
        rules::{check_names, check_share, column_not_permitted, not_permitted},
    },
    contract::{ColumnRef, Role},
    refusal::{Asked, Refusal},
    tally::{
        Clamp, Condition, Dimension, Measure, Population, Product, Quantity, Side, Table, Tally,
    },
};

/// Place of the people who started on the days that count, in the first dimension.
pub(super) const IN_COHORT: u32 = 1;
/// Place of the measure that says whether a person has an outcome.
pub(super) const FOUND: usize = 0;

/// The tally of the people of the cohort, by when they started and by segment, with what they did
/// in their windows.
pub(super) fn tally(asked: &Outcomes, scope: &Scope<'_>) -> Result<Tally, Refusal> {
    let unknown = || not_permitted(Asked::Analysis, scope.name, None);
    let listed = &Listed::of(scope.terms).ok_or_else(unknown)?;
    check_share(asked.confidence)?;
    check_names(asked.outcomes.iter().map(|outcome| &outcome.name))?;
    // For other days the answer could not say which days they are.
    if !Days::WINDOW.contain(asked.window)
        || ![asked.observed, asked.started].iter().all(|days| Days::WRITTEN.contain(*days))
    {
        return Err(Refusal::Malformed);
    }
    // In a window that was not observed as a whole, people would count as having done nothing.
    let most = asked.observed.starts_of(asked.window).ok_or(Refusal::Malformed)?;
    if !most.contain(asked.started) {
        return Err(Refusal::Malformed);
    }
    let table = |dataset: &str| Table { dataset: dataset.to_owned(), rows: Vec::new() };
    let mut tables = vec![table(listed.cohort), table(listed.outcome)];
    let in_window = Condition::SinceStart {
        column: listed.date.to_owned(),
        side: Side::POPULATION,
        start: listed.start.to_owned(),
        first: i64::from(asked.window.first),
        last: i64::from(asked.window.last),
    };
    for (table, condition) in tables.iter_mut().skip(1).zip([in_window]) {
        table.rows.push(condition);
    }
    filters::choose(&mut tables, &asked.rows, listed.filters, scope.contract)?;
    let mut dimensions = vec![Dimension::Earliest {
        side: Side::POPULATION,
        column: listed.start.to_owned(),
        edges: vec![i64::from(asked.started.first), i64::from(asked.started.last) + 1],
    }];
    for segment in &asked.segments {
        let dimension = only(segment, listed, scope)?;
        if dimensions.contains(&dimension) {
            return Err(Refusal::Malformed);
        }
        dimensions.push(dimension);
    }
    let found =
        Measure { side: Side::JOINED, of: Quantity::Rows, rows: Vec::new(), clamp: Clamp::ONE };
    let mut measures = vec![found];
    for outcome in &asked.outcomes {
        measures.push(sum(outcome, listed, scope)?);
    }
    let products = (1_u32..).zip(&asked.outcomes).map(|(at, _)| Product::square(at)).collect();
    Ok(Tally {
        population: Population::First,
        tables,
        dimensions,
        measures,
        products,
        cells_per_person: 1,
        ids_per_person: scope.contract.ids_per_person,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    })
}

fn only(segment: &str, listed: &Listed<'_>, scope: &Scope<'_>) -> Result<Dimension, Refusal> {
    let named = ColumnRef::new(listed.cohort, segment);
    let Some(Role::Group(domain)) = scope.contract.column(&named).map(|column| &column.role) else {
        return Err(column_not_permitted(scope.contract, &named));
    };
    let values = u32::try_from(domain.len()).map_err(|_| Refusal::Internal)?;
    Ok(Dimension::Only { side: Side::POPULATION, column: segment.to_owned(), values: Some(values) })
}

fn sum(outcome: &Amount, listed: &Listed<'_>, scope: &Scope<'_>) -> Result<Measure, Refusal> {
    let named = ColumnRef::new(listed.outcome, &outcome.column);
    match scope.contract.column(&named).map(|column| &column.role) {
        Some(Role::Measure(scale)) if *scale == outcome.scale => Ok(Measure {
            side: Side::JOINED,
            of: Quantity::Sum { column: outcome.column.clone() },
            rows: Vec::new(),
            clamp: outcome.clamp,
        }),
        Some(Role::Measure(_)) => Err(Refusal::Malformed),
        _ => Err(column_not_permitted(scope.contract, &named)),
    }
}
