//! Filters: an analyst chooses rows by columns that the contract lists for it.

use super::{
    rules::{column_not_permitted, not_permitted, places},
    table::Filter,
    toml::{RawFilter, TemplateError, allows, day, stranger, units, value},
    uses::{Amount, Lists, Reading, Use},
};
use crate::{
    contract::{ColumnRef, Contract, Role, RoleKind},
    refusal::{Asked, Refusal},
    tally::{Condition, Table},
    text,
    units::Scale,
};

/// The columns by which an analyst may choose rows, as the section of each kind that has filters
/// lists them.
pub(super) const FILTERS: Use = Use {
    key: "filters",
    noun: "filter",
    title: "rows may be chosen by",
    lists: Lists::Columns {
        of: None,
        roles: &[RoleKind::Group, RoleKind::Measure, RoleKind::Date],
    },
    amount: Amount::Any,
    reads: &[Reading::Condition],
};

/// The column written `text`, if it is one of `allowed`, and its role.
pub(super) fn column<'c>(
    field: &str,
    text: &str,
    allowed: &[ColumnRef],
    contract: &'c Contract,
) -> Result<(ColumnRef, &'c Role), TemplateError> {
    let named = text.parse::<ColumnRef>().ok().filter(|named| allowed.contains(named));
    let found = named.and_then(|named| {
        let role = &contract.column(&named)?.role;
        Some((named, role))
    });
    found.ok_or_else(|| value(field, text, allows(allowed.iter().map(ColumnRef::to_string))))
}

/// The scale of the measure `column` of `dataset`, if it is one of `allowed`.
pub(super) fn scale_of(
    field: &str,
    column: &str,
    dataset: &str,
    allowed: &[ColumnRef],
    contract: &Contract,
) -> Result<Scale, TemplateError> {
    let named = ColumnRef::new(dataset, column);
    let found = contract.column(&named).filter(|_| allowed.contains(&named));
    match found.map(|found| &found.role) {
        Some(Role::Measure(scale)) => Ok(*scale),
        _ => {
            let allowed = allows(allowed.iter().map(|column| column.column.clone()));
            Err(value(field, text::quoted(column), allowed))
        }
    }
}

/// The rows that `raw` chooses, for a question of this kind.
pub(super) fn filter(
    kind: &str,
    raw: &RawFilter,
    allowed: &[ColumnRef],
    contract: &Contract,
) -> Result<Filter, TemplateError> {
    let field = |key: &str| format!("{kind}.where \"{}\": {key}", raw.column);
    let (column, role) = column(&format!("{kind}.where.column"), &raw.column, allowed, contract)?;
    let given = (&raw.r#in, raw.least, raw.most, &raw.first, &raw.last);
    match (role, given) {
        (Role::Group(domain), (Some(values), None, None, None, None)) => {
            let unknown = values.iter().find(|value| !domain.contains(value));
            match unknown {
                _ if values.is_empty() => {
                    Err(value(&field("in"), "empty", "expected at least one value"))
                }
                Some(found) => Err(stranger(&field("in"), found, &raw.column, domain)),
                None => Ok(Filter::OneOf { column, values: values.clone() }),
            }
        }
        (
            Role::Measure(scale),
            (None, Some(_), _, None, None) | (None, None, Some(_), None, None),
        ) => {
            let units = |key, amount: Option<f64>, open: i64| match amount {
                None => Ok(open),
                Some(amount) => units(&field(key), amount, *scale),
            };
            let least = units("least", raw.least, i64::MIN)?;
            let most = units("most", raw.most, i64::MAX)?;
            check_order(&field("most"), least, most)?;
            Ok(Filter::Between { column, least, most })
        }
        (Role::Date, (None, None, None, Some(first), Some(last))) => {
            let least = i64::from(day(&field("first"), first)?);
            let most = i64::from(day(&field("last"), last)?);
            if most < least {
                return Err(value(&field("last"), last, "expected no day before the first"));
            }
            Ok(Filter::Between { column, least, most })
        }
        (Role::Group(_), _) => {
            Err(value(&field("in"), "not given", "a group needs in = [..] and nothing else"))
        }
        (Role::Date, _) => {
            Err(value(&field("first"), "not given", "a date needs first and last, both days"))
        }
        _ => Err(value(&field("least"), "not given", "a measure needs least or most, or both")),
    }
}

fn check_order(field: &str, least: i64, most: i64) -> Result<(), TemplateError> {
    if least <= most { Ok(()) } else { Err(value(field, most, "expected at least the other end")) }
}

/// The condition on a column of this role that a filter stands for. The policy checks in the tally
/// whether the contract lists the column for it.
pub(super) fn condition(
    filter: &Filter,
    role: &Role,
    contract: &Contract,
) -> Result<Condition, Refusal> {
    let column = filter.column().column.clone();
    match (filter, role) {
        (Filter::OneOf { values, .. }, Role::Group(domain)) => {
            let unknown = |value: &String| not_permitted(Asked::Value, value, None);
            let mut codes = places(domain, values).map_err(unknown)?;
            codes.sort_unstable();
            Ok(Condition::OneOf { column, codes })
        }
        (Filter::Between { least, most, .. }, Role::Measure(_) | Role::Date) => {
            Ok(Condition::Between { column, least: *least, most: *most })
        }
        _ => Err(column_not_permitted(contract, filter.column())),
    }
}

/// Adds the conditions that the filters stand for to the tables whose rows they choose.
pub(super) fn choose(
    tables: &mut [Table],
    filters: &[Filter],
    listed: &[ColumnRef],
    contract: &Contract,
) -> Result<(), Refusal> {
    for filter in filters {
        let named = filter.column();
        let refused = || column_not_permitted(contract, named);
        let column = contract.column(named).filter(|_| listed.contains(named));
        let condition = condition(filter, &column.ok_or_else(refused)?.role, contract)?;
        let table = tables.iter_mut().find(|table| table.dataset == named.dataset);
        table.ok_or_else(refused)?.rows.push(condition);
    }
    Ok(())
}
