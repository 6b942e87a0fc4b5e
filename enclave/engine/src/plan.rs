//! The plan of a tally.
//!
//! 1. Each dataset is reduced to its ids on its own. A row's id is its first match key that is
//!    present, in the order of the contract's columns, with the kind of the identifier. Padding and
//!    rows without a key are left out. What one id's rows say depends on no other row.
//!    - Population: the arms that occur (a code of neither arm, or none, is "other"); consent, if
//!      every row says yes in every consent column.
//!    - Outcome: consent likewise; each measure, added up over the rows within the window and then
//!      clamped. A row outside the window adds nothing, and still the id is found.
//! 2. Every id of the population is looked up among the outcomes, one to one.
//! 3. It is counted in one cell. Whoever did not agree in either dataset is there and nowhere else;
//!    then whoever is in both arms; then whoever has another arm; the rest by arm and whether found.
//!
//! Every expression is total: comparisons, `CASE`, and sums that cannot overflow. There is no
//! division and no cast of a value.

use std::sync::Arc;

use datafusion::common::JoinType;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{bool_and, bool_or, count, sum};
use datafusion::logical_expr::{Expr, col, in_list, lit, when};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::scalar::ScalarValue;
use protocol::identity::{Identifier, MatchKey};
use protocol::sealed::MISSING;
use protocol::tally::{Cell, Measure, Tally, Window};

use crate::table::{
    ARM_COLUMN, DAY_COLUMN, KEY_WIDTH, ROW_COLUMN, Table, consent_column, key_column,
    measure_column,
};

type Planned<T> = Result<T, DataFusionError>;

/// One row for each cell that has people: its place in [`Cell::ALL`], people, and then for each
/// measure the sum and the sum of squares.
pub(crate) fn compile(
    session: &SessionContext,
    tally: &Tally,
    population: Table,
    outcome: Table,
) -> Planned<DataFrame> {
    let measures = tally.measures.len();
    let population = population_ids(session, tally, population)?;
    let outcome = outcome_ids(session, tally, outcome)?;
    let found = population.join(
        outcome,
        JoinType::Left,
        &["population_kind", "population_id"],
        &["outcome_kind", "outcome_id"],
        None,
    )?;
    let mut columns = vec![cell()?.alias("cell")];
    for at in 0..measures {
        let value = col(value_column(at));
        // Absent for whoever was not found.
        let value = when(value.clone().is_null(), lit(0_i64)).otherwise(value)?;
        columns.push(value.alias(value_column(at)));
    }
    let mut totals = vec![count(lit(1_i64)).alias("people")];
    for at in 0..measures {
        let value = col(value_column(at));
        totals.push(sum(value.clone()).alias(format!("sum{at}")));
        totals.push(sum(value.clone() * value).alias(format!("square{at}")));
    }
    found.select(columns)?.aggregate(vec![col("cell")], totals)
}

fn population_ids(session: &SessionContext, tally: &Tally, table: Table) -> Planned<DataFrame> {
    let has = |codes: &[i32]| {
        let codes = codes.iter().filter(|code| **code != MISSING);
        in_list(col(ARM_COLUMN), codes.map(|code| lit(*code)).collect(), false)
    };
    let (test, control) = (has(&tally.test), has(&tally.control));
    let other = test.clone().or(control.clone()).is_false();
    let arms = [("in_test", test), ("in_control", control), ("in_other", other)];
    let columns = arms.iter().map(|(name, arm)| arm.clone().alias(*name)).collect();
    let totals = arms.iter().map(|(name, _)| bool_or(col(*name)).alias(*name)).collect();
    ids(session, "population", table, columns, totals)
}

fn outcome_ids(session: &SessionContext, tally: &Tally, table: Table) -> Planned<DataFrame> {
    let mut columns = Vec::new();
    let mut totals = Vec::new();
    for at in 0..tally.measures.len() {
        let value = clamped(col(measure_column(at)), -WIDEST, WIDEST)?;
        let value = match &tally.window {
            Some(window) => when(within(window), value).otherwise(lit(0_i64))?,
            None => value,
        };
        columns.push(value.alias(value_column(at)));
        totals.push(sum(col(value_column(at))).alias(value_column(at)));
    }
    let ids = ids(session, "outcome", table, columns, totals)?;
    let mut columns: Vec<Expr> =
        ["kind", "id", "agreed"].map(|name| col(format!("outcome_{name}"))).into();
    for (at, Measure { clamp, .. }) in tally.measures.iter().enumerate() {
        let value = clamped(col(value_column(at)), 0, i64::from(*clamp))?;
        columns.push(value.alias(value_column(at)));
    }
    ids.select(columns)
}

/// One row for each id: `{side}_kind`, `{side}_id`, `{side}_agreed`, and `totals` of `columns`.
fn ids(
    session: &SessionContext,
    side: &str,
    table: Table,
    columns: Vec<Expr>,
    mut totals: Vec<Expr>,
) -> Planned<DataFrame> {
    let [kind, id, agreed] = ["kind", "id", "agreed"].map(|name| format!("{side}_{name}"));
    let none =
        || lit(ScalarValue::FixedSizeBinary(KEY_WIDTH, Some(MatchKey::NONE.as_bytes().into())));
    let present = |at: usize| col(key_column(at)).not_eq(none());
    let mut first_kind = lit(NO_KEY);
    let mut first_key = none();
    for (at, identifier) in table.keys.iter().enumerate().rev() {
        first_kind = when(present(at), lit(code(*identifier))).otherwise(first_kind)?;
        first_key = when(present(at), col(key_column(at))).otherwise(first_key)?;
    }
    let yes = (0..table.consents).map(|at| col(consent_column(at)).eq(lit(AGREED)));
    let yes = yes.reduce(Expr::and).unwrap_or_else(|| lit(true));
    let mut all = vec![first_kind.alias(&kind), first_key.alias(&id), yes.alias(&agreed)];
    all.extend(columns);
    totals.push(bool_and(col(&agreed)).alias(&agreed));
    let rows = MemTable::try_new(table.schema, table.partitions)?;
    session
        .read_table(Arc::new(rows))?
        .filter(col(ROW_COLUMN).not_eq(lit(PADDING)))?
        .select(all)?
        .filter(col(&kind).not_eq(lit(NO_KEY)))?
        .aggregate(vec![col(&kind), col(&id)], totals)
}

/// A day of the window; a row without a day is in none.
fn within(window: &Window) -> Expr {
    let day = || col(DAY_COLUMN);
    day()
        .gt_eq(lit(window.first))
        .and(day().lt_eq(lit(window.last)))
        .and(day().not_eq(lit(MISSING)))
}

fn clamped(value: Expr, least: i64, most: i64) -> Planned<Expr> {
    when(value.clone().lt(lit(least)), lit(least))
        .when(value.clone().gt(lit(most)), lit(most))
        .otherwise(value)
}

fn cell() -> Planned<Expr> {
    let found = || col("outcome_agreed").is_not_null();
    // Unknown, that is not found, is not a refusal.
    let refused = col("population_agreed").is_false().or(col("outcome_agreed").is_false());
    let by_match = |matched: Cell, unmatched: Cell| {
        when(found(), lit(place(matched))).otherwise(lit(place(unmatched)))
    };
    when(refused, lit(place(Cell::NoConsent)))
        .when(col("in_test").and(col("in_control")), lit(place(Cell::Contaminated)))
        .when(col("in_other"), lit(place(Cell::OtherArm)))
        .when(col("in_test"), by_match(Cell::TestMatched, Cell::TestUnmatched)?)
        .otherwise(by_match(Cell::ControlMatched, Cell::ControlUnmatched)?)
}

/// The place of a cell in [`Cell::ALL`].
fn place(cell: Cell) -> i32 {
    let place = Cell::ALL.iter().position(|it| *it == cell);
    place.and_then(|place| i32::try_from(place).ok()).unwrap_or(i32::MAX)
}

/// Equal in both datasets for equal kinds: a hashed e-mail address never meets a hashed number.
fn code(identifier: Identifier) -> i32 {
    match identifier {
        Identifier::Email => 1,
        Identifier::Phone => 2,
        Identifier::Hashed => 3,
        // A kind that was added since joins with nothing until it has a code here.
        _ => NO_KEY,
    }
}

fn value_column(at: usize) -> String {
    format!("value{at}")
}

const NO_KEY: i32 = 0;
const PADDING: i32 = 0;
const AGREED: i32 = 1;
/// A row's value is cut to ±2⁴⁰ before it is added: far beyond any clamp, which has 32 bits, and
/// such that the four million rows it takes to overflow 63 bits are more than one person has. Should
/// somebody have them the sum wraps, and is clamped as any other.
const WIDEST: i64 = 1 << 40;
