//! Puts groups in the order in which people read them.

use crate::result::TableResult;
use std::{cmp::Ordering, iter::Peekable, str::Chars};

/// `result` with groups whose values are private in the order of their numbers: "Shop 2" before "Shop 10".
///
/// The enclave sorts these by their bytes. Public groups and bins have the contract's or the job's own
/// order, which stays.
pub(super) fn natural(result: &TableResult) -> TableResult {
    let mut result = result.clone();
    let names = |at: usize| result.answer.cells.get(at).map(|cell| &cell.names);
    let by_bytes = (1..result.answer.cells.len()).all(|at| names(at - 1) <= names(at));
    if by_bytes {
        result.answer.cells.sort_by(|a, b| {
            let pairs = a.names.iter().zip(&b.names);
            pairs.map(|(a, b)| compare(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
        });
    }
    result
}

fn compare(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a.chars().peekable(), b.chars().peekable());
    loop {
        let order = match (digits(&mut left), digits(&mut right)) {
            (Some(one), Some(other)) => one.len().cmp(&other.len()).then(one.cmp(&other)),
            (Some(one), None) => one.chars().next().cmp(&right.next()),
            (None, Some(other)) => left.next().cmp(&other.chars().next()),
            (None, None) => match (left.next(), right.next()) {
                (None, None) => return a.cmp(b),
                (one, other) => one.cmp(&other),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The next number in the text, without leading zeros.
fn digits(letters: &mut Peekable<Chars<'_>>) -> Option<String> {
    let mut found = String::new();
    while let Some(digit) = letters.next_if(char::is_ascii_digit) {
        found.push(digit);
    }
    let significant = found.trim_start_matches('0');
    (!found.is_empty()).then(|| if significant.is_empty() { "0" } else { significant }.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::super::sample::by_shop;
    use super::*;

    fn ordered(names: &[&str]) -> Vec<String> {
        let mut result = by_shop();
        let cell = result.answer.cells[0].clone();
        result.answer.cells = names
            .iter()
            .map(|name| {
                let mut cell = cell.clone();
                cell.names = vec![(*name).to_owned()];
                cell
            })
            .collect();
        natural(&result).answer.cells.into_iter().map(|mut cell| cell.names.remove(0)).collect()
    }

    #[test]
    fn numbers_in_names_count_as_numbers() {
        assert_eq!(
            ordered(&["(none)", "Shop 1", "Shop 10", "Shop 11", "Shop 2", "Shop 2b", "Zoo"]),
            ["(none)", "Shop 1", "Shop 2", "Shop 2b", "Shop 10", "Shop 11", "Zoo"]
        );
        assert_eq!(ordered(&["007", "07", "10", "7", "8"]), ["007", "07", "7", "8", "10"]);
    }

    #[test]
    fn an_order_that_somebody_chose_stays() {
        let chosen = ["mens", "womens", "none 10", "none 2"];
        assert_eq!(ordered(&chosen), chosen);
    }
}
