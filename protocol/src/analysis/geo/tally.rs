//! Makes the tally of a geo experiment.

use super::{
    question::{Cell, Geo, Method, Pair},
    uses::Listed,
};
use crate::{
    analysis::{
        Scope, filters,
        outcomes::Days,
        rules::{
            check_names, check_share, column_not_permitted, column_role, not_permitted, places,
        },
    },
    contract::{ColumnRef, Role},
    limits,
    refusal::{Asked, Refusal},
    tally::{Condition, Dimension, Measure, Population, Quantity, Side, Table, Tally},
};
use std::collections::BTreeSet;

/// The tally of what people did, by place and period.
pub(super) fn tally(asked: &Geo, scope: &Scope<'_>) -> Result<Tally, Refusal> {
    let contract = scope.contract;
    let unknown = || not_permitted(Asked::Analysis, scope.name, None);
    let listed = &Listed::of(scope.terms).ok_or_else(unknown)?;
    check_share(asked.confidence)?;
    check_names(asked.cells.iter().map(|cell| &cell.name).chain([&asked.outcome.name]))?;
    if !days_are_whole(asked) || !asked.cells.iter().all(|cell| is_sound(cell, asked)) {
        return Err(Refusal::Malformed);
    }
    let geo = ColumnRef::new(listed.outcome, listed.geo);
    let Some(Role::Group(domain)) = column_role(contract, listed.outcome, listed.geo) else {
        return Err(column_not_permitted(contract, &geo));
    };
    let owner = contract.datasets.get(listed.outcome).map(|dataset| dataset.owner.clone());
    let used: Vec<_> = used(asked).cloned().collect();
    let stranger = |value: &String| not_permitted(Asked::Value, value, owner);
    let mut codes = places(domain, &used).map_err(stranger)?;
    codes.sort_unstable();
    codes.dedup();
    // Each place is treated in one cell, or is one of the others.
    if codes.len() != used.len() {
        return Err(Refusal::Malformed);
    }
    let mut rows = vec![Condition::Between {
        column: listed.date.to_owned(),
        least: asked.before.first.into(),
        most: asked.end() - 1,
    }];
    if codes.len() < domain.len() {
        rows.push(Condition::OneOf { column: listed.geo.to_owned(), codes });
    }
    let mut tables = vec![Table { dataset: listed.outcome.to_owned(), rows }];
    filters::choose(&mut tables, &asked.rows, listed.filters, contract)?;
    let values = u32::try_from(domain.len()).map_err(|_| Refusal::Internal)?;
    Ok(Tally {
        population: Population::First,
        tables,
        dimensions: vec![
            Dimension::Group { side: Side::POPULATION, column: listed.geo.to_owned(), values },
            Dimension::Days {
                side: Side::POPULATION,
                column: listed.date.to_owned(),
                edges: asked.edges(),
            },
        ],
        measures: vec![sum(asked, listed, scope)?],
        products: Vec::new(),
        cells_per_person: asked.cells_per_person,
        ids_per_person: contract.ids_per_person,
        contrast: None,
        weights: Vec::new(),
        spread: Tally::spread_beyond(asked.cells_per_person),
        program: None,
    })
}

/// All places that are compared.
pub(super) fn used(asked: &Geo) -> impl Iterator<Item = &String> {
    asked.cells.iter().flat_map(|cell| &cell.treated).chain(&asked.others)
}

fn sum(asked: &Geo, listed: &Listed<'_>, scope: &Scope<'_>) -> Result<Measure, Refusal> {
    let named = ColumnRef::new(listed.outcome, &asked.outcome.column);
    match scope.contract.column(&named).map(|column| &column.role) {
        Some(Role::Measure(scale)) if *scale == asked.outcome.scale => Ok(Measure {
            side: Side::POPULATION,
            of: Quantity::Sum { column: asked.outcome.column.clone() },
            rows: Vec::new(),
            clamp: asked.outcome.clamp,
        }),
        Some(Role::Measure(_)) => Err(Refusal::Malformed),
        _ => Err(column_not_permitted(scope.contract, &named)),
    }
}

/// Whether the days can be written and are whole periods, with enough of them before a test.
fn days_are_whole(asked: &Geo) -> bool {
    let Geo { period_days, before, test, cooldown_days, .. } = asked;
    let length = |days: &Days| i64::from(days.last) - i64::from(days.first) + 1;
    let lengths = [length(before), length(test), i64::from(*cooldown_days)];
    let is_whole = |days: &i64| days % i64::from(*period_days) == 0;
    (1..=Geo::LONGEST_PERIOD).contains(period_days)
        && [before, test].iter().all(|days| Days::WRITTEN.contain(**days))
        && asked.end() <= i64::from(Days::WRITTEN.last)
        && before.last < test.first
        && lengths.iter().all(is_whole)
        && asked.edges().len() <= limits::VALUES
        && {
            let (periods, before) = asked.periods();
            before >= Geo::FEWEST_BEFORE && periods.len() > before
        }
}

/// Whether a cell has places, and pairs of one of them with one of the others.
fn is_sound(cell: &Cell, asked: &Geo) -> bool {
    let each_once = |of: fn(&Pair) -> &String| {
        let different: BTreeSet<_> = cell.pairs.iter().map(of).collect();
        different.len() == cell.pairs.len()
    };
    let is_known =
        |pair: &Pair| cell.treated.contains(&pair.treated) && asked.others.contains(&pair.other);
    let currency = cell.cost.as_ref().is_none_or(|cost| {
        cost.currency.len() == 3 && cost.currency.bytes().all(|byte| byte.is_ascii_uppercase())
    });
    let has_pairs = asked.method != Method::TrimmedMatch || cell.pairs.len() >= Geo::FEWEST_PAIRS;
    !cell.treated.is_empty()
        && !asked.others.is_empty()
        && currency
        && has_pairs
        && cell.pairs.iter().all(is_known)
        && each_once(|pair| &pair.treated)
        && each_once(|pair| &pair.other)
}
