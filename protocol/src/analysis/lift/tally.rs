//! Makes the tally of a lift question.

use super::question::{Cost, Lift, OutcomeKind};
use crate::{
    analysis::{
        Scope,
        lift::uses::Listed,
        rules::{check_names, check_share, column_role, not_permitted, places},
    },
    contract::{ColumnRef, Role},
    refusal::{Asked, Limit, Refusal},
    tally::{
        Clamp, Condition, Dimension, Measure, Population, Product, Quantity, Side, Table, Tally,
    },
};

/// Refuses impossible shares, unreadable currencies and names, and a question without an outcome.
fn check_values(lift: &Lift) -> Result<(), Refusal> {
    for share in [lift.expected_test_share, lift.srm_flag_p, lift.confidence] {
        check_share(share)?;
    }
    let currency = |cost: &Cost| {
        cost.currency.len() == 3 && cost.currency.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    if !lift.cost.as_ref().is_none_or(currency) {
        return Err(Refusal::Malformed);
    }
    if lift.outcomes.is_empty() {
        return Err(Refusal::OverLimit { limit: Limit::Outcomes, found: 0, most: 16 });
    }
    check_names(lift.outcomes.iter().map(|outcome| &outcome.name))
}

/// The tally of everybody in the assignment, in the arm they were assigned to, with what they did.
pub(super) fn tally(lift: &Lift, scope: &Scope<'_>) -> Result<Tally, Refusal> {
    let Scope { contract, name, .. } = *scope;
    let listed =
        Listed::of(scope.terms).ok_or_else(|| not_permitted(Asked::Analysis, name, None))?;
    let owner_of = |name: &str| contract.datasets.get(name).map(|d| d.owner.clone());
    let arm = column_role(contract, listed.assignment, listed.arm);
    let Some(Role::Group(domain)) = arm else { return Err(Refusal::Internal) };
    let codes = |values| {
        let unknown =
            |value: &String| not_permitted(Asked::Arm, value, owner_of(listed.assignment));
        places(domain, values).map_err(unknown)
    };
    let (test, control) = (codes(&lift.test)?, codes(&lift.control)?);
    let mut all: Vec<_> = test.iter().chain(&control).collect();
    all.sort_unstable();
    all.dedup();
    if test.is_empty() || control.is_empty() || all.len() != test.len() + control.len() {
        return Err(Refusal::Malformed);
    }
    check_values(lift)?;
    let owner = || owner_of(listed.outcome);
    let rows = match (lift.window, listed.date) {
        (None, _) => Vec::new(),
        (Some((first, last)), Some(column)) if first <= last => {
            let (least, most) = (i64::from(first), i64::from(last));
            vec![Condition::Between { column: column.to_owned(), least, most }]
        }
        (Some(_), Some(_)) => return Err(Refusal::Malformed),
        (Some(_), None) => return Err(not_permitted(Asked::Window, name, owner())),
    };
    let (mut measures, mut products) = (Vec::new(), Vec::new());
    for (at, outcome) in (0_u32..).zip(&lift.outcomes) {
        let named = ColumnRef::new(listed.outcome, &outcome.column);
        match contract.column(&named).map(|column| &column.role) {
            Some(Role::Measure(scale)) if *scale == outcome.scale => {}
            _ => return Err(not_permitted(Asked::Column, &named.to_string(), owner())),
        }
        let binary = outcome.kind == OutcomeKind::Binary;
        let is_signed = outcome.clamp.is_signed() && outcome.kind != OutcomeKind::Value;
        if is_signed || (binary && outcome.clamp != Clamp::ONE) {
            return Err(Refusal::Malformed);
        }
        // The square of 0 or 1 is the number itself.
        if !binary {
            products.push(Product::square(at));
        }
        let of = Quantity::Sum { column: outcome.column.clone() };
        measures.push(Measure { side: Side::JOINED, of, rows: rows.clone(), clamp: outcome.clamp });
    }
    let table = |dataset: &str| Table { dataset: dataset.to_owned(), rows: Vec::new() };
    Ok(Tally {
        population: Population::First,
        tables: vec![table(listed.assignment), table(listed.outcome)],
        dimensions: vec![
            Dimension::Arm { column: listed.arm.to_owned(), test, control },
            Dimension::Matched,
        ],
        measures,
        products,
        cells_per_person: 1,
        ids_per_person: contract.ids_per_person,
        program: None,
    })
}
