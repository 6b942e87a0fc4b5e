//! Checks that several kinds make of a question, with their refusals.

use crate::{
    contract::{ColumnRef, Contract, Role},
    refusal::{Asked, Limit, Refusal},
    text,
    units::Millionths,
};
use std::collections::BTreeMap;

/// Refuses a number of things above a limit.
pub(crate) fn within(limit: Limit, found: usize, most: usize) -> Result<(), Refusal> {
    if found <= most {
        return Ok(());
    }
    let number = |count| u64::try_from(count).unwrap_or(u64::MAX);
    Err(Refusal::OverLimit { limit, found: number(found), most: number(most) })
}

/// The role of a column of the contract.
pub(crate) fn column_role<'c>(
    contract: &'c Contract,
    dataset: &str,
    column: &str,
) -> Option<&'c Role> {
    contract.datasets.get(dataset)?.column(column).map(|column| &column.role)
}

/// The refusal for `name`, which the contract does not permit.
pub(crate) fn not_permitted(what: Asked, name: &str, owner: Option<String>) -> Refusal {
    Refusal::NotPermitted { what, name: name.chars().take(64).collect(), owner }
}

/// The refusal for a column that the contract does not permit in this way. It names the column's
/// owner.
pub(crate) fn column_not_permitted(contract: &Contract, column: &ColumnRef) -> Refusal {
    let owner = contract.datasets.get(&column.dataset).map(|dataset| dataset.owner.clone());
    not_permitted(Asked::Column, &column.to_string(), owner)
}

/// Refuses a share in millionths unless it is above 0 and below 1.
pub(crate) fn check_share(share: Millionths) -> Result<(), Refusal> {
    if share.is_share() {
        return Ok(());
    }
    let (found, most) = (u64::from(share.0), u64::from(Millionths::ONE) - 1);
    Err(Refusal::OverLimit { limit: Limit::Share, found, most })
}

/// The place of each of `values` in a public list, in one pass over that list; or the first value
/// that is not in the list.
pub(crate) fn places<'v>(domain: &[String], values: &'v [String]) -> Result<Vec<i32>, &'v String> {
    let known: BTreeMap<&String, i32> = domain.iter().zip(0..).collect();
    values.iter().map(|value| known.get(value).copied().ok_or(value)).collect()
}

/// Refuses amounts without readable names. Their number was checked before.
pub(crate) fn check_names<'n>(
    names: impl Iterator<Item = &'n String> + Clone,
) -> Result<(), Refusal> {
    let readable = |name: &String| (1..=64).contains(&name.len()) && text::hidden(name).is_none();
    if names.clone().all(readable) { Ok(()) } else { Err(Refusal::Malformed) }
}
