//! Makes the tally of a lift question.

use super::{
    MOST_COMPARISONS,
    ask::check_margin,
    question::{Breakdown, Cost, Covariate, Lift, Outcome, OutcomeKind},
};
use crate::{
    analysis::{
        Scope,
        lift::uses::Listed,
        rules::{
            check_names, check_share, column_not_permitted, column_role, not_permitted, places,
            within,
        },
    },
    contract::{ColumnRef, Role},
    refusal::{Asked, Limit, Refusal},
    tally::{
        Clamp, Condition, Contrast, Dimension, MAX_WEIGHT, Measure, Population, Product, Quantity,
        Side, Table, Tally,
    },
    units::Millionths,
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
    let has_margin = lift.outcomes.iter().any(|outcome| outcome.margin.is_some());
    let is_wrong = |outcome: &Outcome| check_margin(outcome).is_err();
    if lift.outcomes.iter().any(is_wrong) || (has_margin && lift.confidence.value() <= 0.5) {
        return Err(Refusal::Malformed);
    }
    check_names(lift.outcomes.iter().map(|outcome| &outcome.name))
}

/// The places of the values of the test and of the control arm in the public list: at least one each, and none twice.
fn arms(
    lift: &Lift,
    listed: &Listed<'_>,
    scope: &Scope<'_>,
) -> Result<(Vec<i32>, Vec<i32>), Refusal> {
    let arm = column_role(scope.contract, listed.assignment, listed.arm);
    let Some(Role::Group(domain)) = arm else { return Err(Refusal::Internal) };
    let owner = scope.contract.datasets.get(listed.assignment).map(|d| d.owner.clone());
    let codes = |values| {
        let unknown = |value: &String| not_permitted(Asked::Arm, value, owner.clone());
        places(domain, values).map_err(unknown)
    };
    let (test, control) = (codes(&lift.test)?, codes(&lift.control)?);
    let mut all: Vec<_> = test.iter().chain(&control).collect();
    all.sort_unstable();
    all.dedup();
    if test.is_empty() || control.is_empty() || all.len() != test.len() + control.len() {
        return Err(Refusal::Malformed);
    }
    Ok((test, control))
}

/// The tally of everybody in the assignment, in the arm they were assigned to, with what they did.
pub(super) fn tally(lift: &Lift, scope: &Scope<'_>) -> Result<Tally, Refusal> {
    let Scope { contract, name, .. } = *scope;
    let listed =
        Listed::of(scope.terms).ok_or_else(|| not_permitted(Asked::Analysis, name, None))?;
    let owner_of = |name: &str| contract.datasets.get(name).map(|d| d.owner.clone());
    let (test, control) = arms(lift, &listed, scope)?;
    check_values(lift)?;
    let divided = divided(lift, &listed, scope)?;
    let owner = || owner_of(listed.outcome);
    let rows = match (lift.window, listed.date) {
        (Some(_), None) => return Err(not_permitted(Asked::Window, name, owner())),
        (window, date) => within_window(window, date)?,
    };
    let known = known(lift, &listed, scope)?;
    let place = u32::try_from(lift.outcomes.len()).unwrap_or(u32::MAX);
    let (mut measures, mut products, mut contrasted) = (Vec::new(), Vec::new(), Vec::new());
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
            contrasted.push(at);
        }
        products.extend(known.iter().zip(place..).map(|(_, other)| Product {
            one: at,
            other,
            coarse: 0,
        }));
        let of = Quantity::Sum { column: outcome.column.clone() };
        measures.push(Measure { side: Side::JOINED, of, rows: rows.clone(), clamp: outcome.clamp });
    }
    // Behind who was reached, if that is asked for.
    let covariate = lift.covariate.as_ref().map(|_| place + u32::from(lift.exposed.is_some()));
    products.extend(covariate.map(Product::square));
    measures.extend(known);
    let table = |dataset: &str| Table { dataset: dataset.to_owned(), rows: Vec::new() };
    Ok(Tally {
        population: Population::First,
        tables: vec![table(listed.assignment), table(listed.outcome)],
        dimensions: [Dimension::Arm { column: listed.arm.to_owned(), test, control }, found(scope)]
            .into_iter()
            .chain(divided)
            .collect(),
        measures,
        products,
        // Of creatives the control arm is compared with each, so it would be in several contrasts.
        contrast: contrast(lift.expected_test_share, contrasted).filter(|_| !has_creatives(lift)),
        weights: weights(lift),
        cells_per_person: 1,
        ids_per_person: contract.ids_per_person,
        spread: Vec::new(),
        program: None,
    })
}

/// What is known of people beside their arm, each a measure of its own behind those of the outcomes: who was reached, and the covariate, if the
/// job asks for them.
fn known(lift: &Lift, listed: &Listed<'_>, scope: &Scope<'_>) -> Result<Vec<Measure>, Refusal> {
    let named = |column: &String| ColumnRef::new(listed.assignment, column);
    let scale = |column: &String| match scope.contract.column(&named(column)).map(|it| &it.role) {
        Some(Role::Measure(scale)) => Some(*scale),
        _ => None,
    };
    let measure = |column: &String, clamp| {
        let of = Quantity::Sum { column: column.clone() };
        Measure { side: Side::POPULATION, of, rows: Vec::new(), clamp }
    };
    let mut known = Vec::new();
    if let Some(column) = &lift.exposed {
        if listed.exposed != Some(column.as_str()) || scale(column).is_none() {
            return Err(column_not_permitted(scope.contract, &named(column)));
        }
        known.push(measure(column, Clamp::ONE));
    }
    if let Some(Covariate { column, clamp, scale: of_job }) = &lift.covariate {
        let is_listed = listed.covariates.iter().any(|listed| listed.column == *column);
        if !is_listed || scale(column) != Some(*of_job) {
            return Err(column_not_permitted(scope.contract, &named(column)));
        }
        known.push(measure(column, *clamp));
    }
    Ok(known)
}

/// What each measure has of the loss for sums. Of the number of people who were reached, by which effects are divided, a tenth of an
/// outcome's part is enough: relative to it the noise is small. The noise on a covariate counts as often as the outcome goes with
/// one unit of it, which is little as a share of both caps: it has a third of the part of the largest outcome.
fn weights(lift: &Lift) -> Vec<u32> {
    let weights = lift.outcomes.iter().map(|outcome| outcome.weight);
    let wanted = match (&lift.exposed, &lift.covariate) {
        (None, None) => return weights.collect(),
        (Some(_), _) => OUTCOME_TO_REACHED,
        (None, Some(_)) => OUTCOME_TO_COVARIATE,
    };
    let largest = weights.clone().max().unwrap_or(1).max(1);
    let times = (MAX_WEIGHT / largest).clamp(1, wanted);
    let reached = lift.exposed.iter().map(|_| 1);
    let of_covariate = (largest.saturating_mul(times) / OUTCOME_TO_COVARIATE).max(1);
    let covariate = lift.covariate.iter().map(|_| of_covariate);
    weights.map(|weight| weight.saturating_mul(times)).chain(reached).chain(covariate).collect()
}

/// Whether people were found. Whoever refuses where outcomes are is known only if found there: to leave such people out would leave
/// out some of those with an outcome, and nobody without one.
fn found(scope: &Scope<'_>) -> Dimension {
    if scope.contract.consent_is_known_by_outcome(scope.name) {
        Dimension::MatchedWithConsent
    } else {
        Dimension::Matched
    }
}

/// The rows of days within a window.
fn within_window(
    window: Option<(i32, i32)>,
    date: Option<&str>,
) -> Result<Vec<Condition>, Refusal> {
    let Some(((first, last), column)) = window.zip(date) else { return Ok(Vec::new()) };
    if first > last {
        return Err(Refusal::Malformed);
    }
    let (least, most) = (i64::from(first), i64::from(last));
    Ok(vec![Condition::Between { column: column.to_owned(), least, most }])
}

fn has_creatives(lift: &Lift) -> bool {
    lift.breakdown.as_ref().is_some_and(|breakdown| breakdown.creative.is_some())
}

/// The dimensions of segments and creatives.
fn divided(lift: &Lift, listed: &Listed<'_>, scope: &Scope<'_>) -> Result<Vec<Dimension>, Refusal> {
    let Some(Breakdown { segments, creative }) = &lift.breakdown else { return Ok(Vec::new()) };
    let values = |column: &String| {
        let named = ColumnRef::new(listed.assignment, column);
        match column_role(scope.contract, listed.assignment, column) {
            Some(Role::Group(domain)) => Ok(u32::try_from(domain.len()).unwrap_or(u32::MAX)),
            _ => Err(column_not_permitted(scope.contract, &named)),
        }
    };
    let mut different: Vec<_> = segments.iter().chain(creative).collect();
    different.sort_unstable();
    different.dedup();
    let asked = segments.len() + usize::from(creative.is_some());
    if asked == 0 || different.len() != asked {
        return Err(Refusal::Malformed);
    }
    let mut dimensions = Vec::new();
    let mut parts = 1_usize;
    for column in segments {
        let (side, values) = (Side::POPULATION, values(column)?);
        parts = parts.saturating_mul(usize::try_from(values).unwrap_or(usize::MAX));
        dimensions.push(Dimension::Only { side, column: column.clone(), values: Some(values) });
    }
    if let Some(column) = creative {
        let values = values(column)?;
        let creatives = if column == listed.arm {
            lift.test.len()
        } else {
            usize::try_from(values).unwrap_or(usize::MAX)
        };
        parts = parts.saturating_mul(creatives);
        dimensions.push(Dimension::Creative { column: column.clone(), values });
    }
    let comparisons = parts.saturating_mul(lift.outcomes.len());
    within(Limit::Comparisons, comparisons, MOST_COMPARISONS)?;
    Ok(dimensions)
}

/// The contrast as which the sums of `measures` leave; `None` if the difference of means would be less exact by it than by the
/// sums of both arms, which is so where one arm is planned to have more than about three times the people of the other. Its
/// weights are the smallest with which the weighted arms are alike within a twentieth, so that their squares are needed in total
/// only. Yes-or-no outcomes have the sums of both arms: the exact test of few events asks for noise of their own.
fn contrast(test_share: Millionths, measures: Vec<u32>) -> Option<Contrast> {
    let (test, control) = (test_share.value(), 1.0 - test_share.value());
    let pairs = (1..=Contrast::MOST).flat_map(|larger| {
        let pair =
            move |smaller| if test < control { [larger, smaller] } else { [smaller, larger] };
        (1..=larger).map(pair)
    });
    // What the difference has of half of the contrast, and of half of the pooled total.
    let parts = |pair: &[u32; 2]| {
        let [of_test, of_control] = pair.map(f64::from);
        let (one, other) = (1.0 / (of_test * test), 1.0 / (of_control * control));
        [one + other, one - other]
    };
    let mut alike = pairs.filter(|pair| {
        let [sum, difference] = parts(pair);
        difference.abs() <= 0.05 * sum
    });
    let pair = alike.next().filter(|_| !measures.is_empty())?;
    let [sum, difference] = parts(&pair);
    let reach = f64::from(pair[0].max(pair[1])) / 2.0;
    // Variances of the noise, in units of that on the sum of one arm with all of the loss.
    let by_contrast = reach
        * reach
        * (sum * sum / Contrast::OF_DIFFERENCE
            + difference * difference / (1.0 - Contrast::OF_DIFFERENCE));
    let by_arms = 1.0 / (test * test) + 1.0 / (control * control);
    let [test, control] = pair;
    (by_contrast < by_arms).then_some(Contrast { test, control, measures })
}

/// How many times as much of the loss an outcome has as who was reached.
const OUTCOME_TO_REACHED: u32 = 10;
/// How many times as much of the loss the largest outcome has as the covariate.
const OUTCOME_TO_COVARIATE: u32 = 3;
