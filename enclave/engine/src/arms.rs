//! The plan of a tally over arms.
//!
//! 1. Each dataset is reduced to its ids on its own. A row's id is its first match key that is
//!    present, in the order of the contract's columns, with the kind of the identifier. Padding and
//!    rows without a key are left out. What one id's rows say depends on no other row.
//!    - Both: consent, if every row says yes in every consent column; each measure, made of the rows
//!      that count and meet its conditions, and clamped last. A row that does not meet them adds
//!      nothing, and still the id is found.
//!    - Population: the arms that occur in rows that count (a code of neither arm, or none, is
//!      "other"). An id without such a row is nobody.
//! 2. Every id of the population is looked up in the joined dataset, one to one. It is found if a row
//!    counts there.
//! 3. It is counted in one cell. Whoever did not agree in either dataset is there and nowhere else;
//!    then whoever is in more than one arm: in both, or in one of them and in another or none; then
//!    whoever is in neither; the rest by arm and whether found.
//!
//! Every expression is total: comparisons, `CASE`, and sums that cannot overflow. There is no
//! division and no cast of a value.

use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type};
use datafusion::common::JoinType;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{bool_and, bool_or, count, count_distinct, sum};
use datafusion::logical_expr::{Expr, col, in_list, lit, when};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::scalar::ScalarValue;
use privacy::{Names, Totals};
use protocol::identity::MatchKey;
use protocol::sealed::MISSING;
use protocol::tally::{Cell, Condition, Measure, Quantity, Side, Tally};

use crate::engine::Fault;
use crate::table::{
    AGREED, KEY_WIDTH, Kind, NO_KEY, PADDING, ROW_COLUMN, Table, WIDEST, consent_column, key_code,
    key_column,
};

/// The column that assigns people to arms, and the codes of the test and of the control arm.
#[derive(Clone, Copy)]
pub(crate) struct Arms<'t> {
    pub(crate) column: &'t str,
    pub(crate) test: &'t [i32],
    pub(crate) control: &'t [i32],
}

/// One row for each cell that has people: its place in [`Cell::ALL`], people, and then the sum of each
/// measure and of each product.
pub(crate) fn compile(
    session: &SessionContext,
    tally: &Tally,
    arms: Arms<'_>,
    population: &Table,
    joined: Option<&Table>,
) -> Result<DataFrame, Fault> {
    let mut people = population_ids(session, tally, arms, population)?;
    if let Some(joined) = joined {
        let outcomes = ids(session, tally, Side::Joined, joined, Vec::new())?;
        let keys = [&["population_kind", "population_id"], &["joined_kind", "joined_id"]];
        let [left, right] = keys;
        people = people.join(outcomes, JoinType::Left, left, right, None)?;
    }
    let mut columns = vec![cell(joined.is_some())?.alias("cell")];
    for at in 0..tally.measures.len() {
        let value = col(value_column(at));
        // Absent for whoever was not found.
        let value = when(value.clone().is_null(), lit(0_i64)).otherwise(value)?;
        columns.push(value.alias(value_column(at)));
    }
    let mut totals = vec![count(lit(1_i64)).alias("people")];
    for at in 0..tally.measures.len() {
        totals.push(sum(col(value_column(at))).alias(format!("sum{at}")));
    }
    for (at, (one, other)) in tally.products.iter().enumerate() {
        let product = col(value_column(one)) * col(value_column(other));
        totals.push(sum(product).alias(format!("product{at}")));
    }
    Ok(people.select(columns)?.aggregate(vec![col("cell")], totals)?)
}

/// The columns of [`compile`]. Where there are no outcomes, nothing is added up.
pub(crate) fn read(tally: &Tally, answer: &[RecordBatch]) -> Option<Totals> {
    let none = || vec![0; Cell::ALL.len()];
    let columns = |count: usize| (0..count).map(|_| none()).collect();
    let mut totals = Totals {
        cells: Names::Public,
        people: none(),
        sums: columns(tally.measures.len()),
        products: columns(tally.products.len()),
    };
    for batch in answer {
        let cells = batch.columns().first()?.as_primitive_opt::<Int32Type>()?;
        let numbers = batch.columns().iter().skip(1).map(|it| it.as_primitive_opt::<Int64Type>());
        let numbers = numbers.collect::<Option<Vec<_>>>()?;
        for (row, cell) in cells.values().iter().enumerate() {
            let place = usize::try_from(*cell).ok()?;
            let mut at = numbers.iter().map(|it| it.values().get(row).copied());
            *totals.people.get_mut(place)? = at.next()??;
            if Cell::ALL.get(place)?.has_outcomes() {
                for column in totals.sums.iter_mut().chain(&mut totals.products) {
                    *column.get_mut(place)? = at.next()??;
                }
            }
        }
    }
    Some(totals)
}

/// One row for each id with a row that counts, and the arms it is in.
fn population_ids(
    session: &SessionContext,
    tally: &Tally,
    arms: Arms<'_>,
    table: &Table,
) -> Result<DataFrame, Fault> {
    let (column, kind) = table.column(arms.column)?;
    let Kind::Group(_) = kind else { return Err(table.layout(arms.column)) };
    let has = |codes: &[i32]| {
        let codes = codes.iter().filter(|code| **code != MISSING);
        in_list(col(column), codes.map(|code| lit(*code)).collect(), false)
    };
    let (test, control) = (has(arms.test), has(arms.control));
    let other = test.clone().or(control.clone()).is_false();
    let arms = [("in_test", test), ("in_control", control), ("in_other", other)];
    let arms = arms.into_iter().map(|(name, arm)| (name.to_owned(), arm, Total::Any)).collect();
    let ids = ids(session, tally, Side::Population, table, arms)?;
    Ok(ids.filter(col("population_counts"))?)
}

/// What is made of a column over the rows of an id.
#[derive(Clone, Copy)]
enum Total {
    /// Whether it is so in a row that counts.
    Any,
    /// The sum over rows; where it is not to be added, it is 0.
    Sum,
    /// How many values there are; where it is not to be counted, it is null.
    Distinct,
}

/// One row for each id: `{side}_kind`, `{side}_id`, `{side}_agreed`, `{side}_counts` (whether one of its
/// rows counts), the measures of this side, clamped, and whatever `more` asks for.
fn ids(
    session: &SessionContext,
    tally: &Tally,
    side: Side,
    table: &Table,
    more: Vec<(String, Expr, Total)>,
) -> Result<DataFrame, Fault> {
    let (name, conditions) = match (side, &tally.joined) {
        (Side::Joined, Some(joined)) => ("joined", &joined.rows),
        (_, _) => ("population", &tally.population.rows),
    };
    let [kind, id, agreed, counts] =
        ["kind", "id", "agreed", "counts"].map(|what| format!("{name}_{what}"));
    let none =
        || lit(ScalarValue::FixedSizeBinary(KEY_WIDTH, Some(MatchKey::NONE.as_bytes().into())));
    let present = |at: usize| col(key_column(at)).not_eq(none());
    let mut first_kind = lit(NO_KEY);
    let mut first_key = none();
    for (at, identifier) in table.keys.iter().enumerate().rev() {
        first_kind = when(present(at), lit(key_code(*identifier))).otherwise(first_kind)?;
        first_key = when(present(at), col(key_column(at))).otherwise(first_key)?;
    }
    let yes = (0..table.consents).map(|at| col(consent_column(at)).eq(lit(AGREED)));
    let yes = yes.reduce(Expr::and).unwrap_or_else(|| lit(true));
    let counting = all(table, conditions)?;
    let mut columns = vec![
        first_kind.alias(&kind),
        first_key.alias(&id),
        yes.alias(&agreed),
        counting.clone().unwrap_or_else(|| lit(true)).alias(&counts),
    ];
    let mut totals =
        vec![bool_and(col(&agreed)).alias(&agreed), bool_or(col(&counts)).alias(&counts)];
    let mut values: Vec<Expr> = [&kind, &id, &agreed, &counts].map(col).into();
    let mut asked = more;
    values.extend(asked.iter().map(|(name, ..)| col(name)));
    for (at, measure) in tally.measures.iter().enumerate().filter(|(_, it)| it.side == side) {
        let (value, total) = value(table, measure)?;
        asked.push((value_column(at), value, total));
        let clamped = clamped(col(value_column(at)), 0, i64::from(measure.clamp))?;
        values.push(clamped.alias(value_column(at)));
    }
    for (name, value, total) in asked {
        let (value, total) = match (total, &counting) {
            (Total::Any, None) => (value, bool_or(col(&name))),
            (Total::Any, Some(counting)) => (counting.clone().and(value), bool_or(col(&name))),
            (Total::Sum, None) => (value, sum(col(&name))),
            (Total::Sum, Some(counting)) => {
                (when(counting.clone(), value).otherwise(lit(0_i64))?, sum(col(&name)))
            }
            (Total::Distinct, None) => (value, count_distinct(col(&name))),
            (Total::Distinct, Some(counting)) => {
                (when(counting.clone(), value).end()?, count_distinct(col(&name)))
            }
        };
        columns.push(value.alias(&name));
        totals.push(total.alias(&name));
    }
    let rows = MemTable::try_new(table.rows.schema(), table.partitions())?;
    let ids = session
        .read_table(Arc::new(rows))?
        .filter(col(ROW_COLUMN).not_eq(lit(PADDING)))?
        .select(columns)?
        .filter(col(&kind).not_eq(lit(NO_KEY)))?
        .aggregate(vec![col(&kind), col(&id)], totals)?;
    Ok(ids.select(values)?)
}

/// What a row adds to a measure.
fn value(table: &Table, measure: &Measure) -> Result<(Expr, Total), Fault> {
    let met = all(table, &measure.rows)?;
    let (value, total) = match &measure.of {
        Quantity::Rows => (lit(1_i64), Total::Sum),
        Quantity::Sum { column } => match table.column(column)? {
            (name, Kind::Number) => (clamped(col(name), -WIDEST, WIDEST)?, Total::Sum),
            _ => return Err(table.layout(column)),
        },
        Quantity::Distinct { column } => {
            let (name, kind) = table.column(column)?;
            let none = [0; MatchKey::LEN].to_vec();
            let is_one = match kind {
                Kind::Group(values) => col(name).between(lit(0_i32), lit(values - 1)),
                Kind::Label => {
                    col(name).not_eq(lit(ScalarValue::FixedSizeBinary(KEY_WIDTH, Some(none))))
                }
                Kind::Day | Kind::Number => return Err(table.layout(column)),
            };
            (when(is_one, col(name)).end()?, Total::Distinct)
        }
    };
    let value = match (met, total) {
        (None, _) => value,
        (Some(met), Total::Distinct) => when(met, value).end()?,
        (Some(met), _) => when(met, value).otherwise(lit(0_i64))?,
    };
    Ok((value, total))
}

/// Whether a row meets all of `conditions`; none if there are none.
fn all(table: &Table, conditions: &[Condition]) -> Result<Option<Expr>, Fault> {
    let mut all = None;
    for condition in conditions {
        let (Condition::OneOf { column, .. } | Condition::Between { column, .. }) = condition;
        let (name, kind) = table.column(column)?;
        let met = match (condition, kind) {
            (Condition::OneOf { codes, .. }, Kind::Group(values)) => {
                let codes = codes.iter().filter(|code| (0..values).contains(*code));
                in_list(col(name), codes.map(|code| lit(*code)).collect(), false)
            }
            (Condition::Between { least, most, .. }, Kind::Number) => {
                col(name).between(lit(*least), lit(*most))
            }
            (Condition::Between { least, most, .. }, Kind::Day) => col(name)
                .between(lit(day(*least)), lit(day(*most)))
                .and(any_day(name, *least, *most)),
            _ => return Err(table.layout(column)),
        };
        all = Some(match all {
            None => met,
            Some(before) => Expr::and(before, met),
        });
    }
    Ok(all)
}

/// A bound on days as wide as a day is.
fn day(bound: i64) -> i32 {
    i32::try_from(bound).unwrap_or(if bound < 0 { i32::MIN } else { i32::MAX })
}

/// A row without a day is in no window, and no day is in a window beyond all days.
fn any_day(name: &str, least: i64, most: i64) -> Expr {
    if most < i64::from(i32::MIN) || least > i64::from(i32::MAX) {
        return lit(false);
    }
    col(name).not_eq(lit(MISSING))
}

fn clamped(value: Expr, least: i64, most: i64) -> Result<Expr, DataFusionError> {
    when(value.clone().lt(lit(least)), lit(least))
        .when(value.clone().gt(lit(most)), lit(most))
        .otherwise(value)
}

fn cell(is_joined: bool) -> Result<Expr, DataFusionError> {
    // Unknown, that is not there, is neither found nor a refusal.
    let (found, refused) = if is_joined {
        let refused = col("population_agreed").is_false().or(col("joined_agreed").is_false());
        (col("joined_counts").is_true(), refused)
    } else {
        (lit(false), col("population_agreed").is_false())
    };
    let by_match = |matched: Cell, unmatched: Cell| {
        when(found.clone(), lit(place(matched))).otherwise(lit(place(unmatched)))
    };
    let in_both = col("in_test").and(col("in_control"));
    let in_other = col("in_other").and(col("in_test").or(col("in_control")));
    when(refused, lit(place(Cell::NoConsent)))
        .when(in_both.or(in_other), lit(place(Cell::Contaminated)))
        .when(col("in_other"), lit(place(Cell::OtherArm)))
        .when(col("in_test"), by_match(Cell::TestMatched, Cell::TestUnmatched)?)
        .otherwise(by_match(Cell::ControlMatched, Cell::ControlUnmatched)?)
}

/// The place of a cell in [`Cell::ALL`].
fn place(cell: Cell) -> i32 {
    let place = Cell::ALL.iter().position(|it| *it == cell);
    place.and_then(|place| i32::try_from(place).ok()).unwrap_or(i32::MAX)
}

fn value_column(at: impl std::fmt::Display) -> String {
    format!("value{at}")
}
