//! Reads by which kinds of match keys the people of joined datasets claim people of a population.

use super::{Flaw, Page, Parsed};
use crate::{
    contract::{Column, Dataset, Role, Terms},
    identity::Identifier,
};
use std::collections::BTreeMap;
use toml::Spanned;

/// An order of kinds as the contract writes it.
pub(super) type RawClaims = Spanned<Vec<Spanned<Identifier>>>;

/// The order of kinds that a dataset with these columns names: each once, and of its own keys.
pub(super) fn read(
    page: &Page<'_>,
    raw: Option<&RawClaims>,
    dataset: &str,
    columns: &[Column],
) -> Parsed<Vec<Identifier>> {
    let Some(raw) = raw else { return Ok(Vec::new()) };
    let mut claims = Vec::new();
    for kind in raw.get_ref() {
        let (found, span) = (*kind.get_ref(), kind.span());
        if claims.contains(&found) {
            return Err(page.flaw(span, Flaw::ClaimedTwice(found.name())));
        }
        if !columns.iter().any(|column| column.role == Role::MatchKey(found)) {
            let (kind, dataset) = (found.name(), dataset.to_owned());
            return Err(page.flaw(span, Flaw::NoKeyToClaim { kind, dataset, by: None }));
        }
        claims.push(found);
    }
    if (1..=MOST).contains(&claims.len()) {
        Ok(claims)
    } else {
        let (what, found) = ("the number of kinds in claims", claims.len().to_string());
        Err(page.flaw(raw.span(), Flaw::Range { what, found, expected: "1 to 3" }))
    }
}

/// Checks that a dataset which names an order of kinds is joined, and that each population that it is joined to has
/// all of them.
pub(super) fn check(
    page: &Page<'_>,
    raw: &BTreeMap<String, RawClaims>,
    datasets: &BTreeMap<String, Dataset>,
    analyses: &BTreeMap<String, Terms>,
) -> Parsed<()> {
    for (name, claims) in raw {
        let populations = analyses.values().filter(|terms| terms.joins(name));
        let mut populations = populations.filter_map(|terms| terms.datasets().next()).peekable();
        if populations.peek().is_none() {
            return Err(page.flaw(claims.span(), Flaw::ClaimsOfNobody(name.clone())));
        }
        for population in populations {
            let columns = datasets.get(population).map(|found| found.columns.as_slice());
            let columns = columns.unwrap_or_default();
            for kind in claims.get_ref() {
                if !columns.iter().any(|column| column.role == Role::MatchKey(*kind.get_ref())) {
                    let (dataset, by) = (population.to_owned(), Some(name.clone()));
                    let flaw = Flaw::NoKeyToClaim { kind: kind.get_ref().name(), dataset, by };
                    return Err(page.flaw(kind.span(), flaw));
                }
            }
        }
    }
    Ok(())
}

/// Most kinds that people may claim by.
const MOST: usize = 3;
