//! Makes the tally of a question about an overlap.

use super::{question::Overlap, uses::Listed};
use crate::{
    analysis::{
        Scope,
        rules::{check_share, column_not_permitted, not_permitted},
    },
    contract::{ColumnRef, Role},
    refusal::{Asked, Refusal},
    tally::{Dimension, Population, Side, Table, Tally},
};

/// The tally of the people of all datasets, each once, by the set of datasets that they are in.
pub(super) fn tally(question: &Overlap, scope: &Scope<'_>) -> Result<Tally, Refusal> {
    let contract = scope.contract;
    Listed::of(scope.terms).ok_or_else(|| not_permitted(Asked::Analysis, scope.name, None))?;
    check_share(question.confidence)?;
    // A single dataset has nothing to be compared with.
    if question.datasets.len() < 2 {
        return Err(Refusal::Malformed);
    }
    let datasets = u32::try_from(question.datasets.len()).map_err(|_| Refusal::Malformed)?;
    let mut dimensions = vec![Dimension::Membership { datasets }];
    if let Some(segment) = &question.segment {
        dimensions.push(only(segment, question, scope)?);
    }
    let table = |dataset: &String| Table { dataset: dataset.clone(), rows: Vec::new() };
    Ok(Tally {
        population: Population::Union { by: question.by },
        tables: question.datasets.iter().map(table).collect(),
        dimensions,
        measures: Vec::new(),
        products: Vec::new(),
        cells_per_person: 1,
        ids_per_person: contract.ids_per_person,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    })
}

/// The dimension of a person's only value of the segment, with a place for several values.
fn only(segment: &ColumnRef, question: &Overlap, scope: &Scope<'_>) -> Result<Dimension, Refusal> {
    let refused = || column_not_permitted(scope.contract, segment);
    let side = (0..).map(Side).zip(&question.datasets).find(|(_, name)| **name == segment.dataset);
    let (side, _) = side.ok_or_else(refused)?;
    match scope.contract.column(segment).map(|column| &column.role) {
        Some(Role::Group(domain)) => {
            let values = Some(u32::try_from(domain.len()).map_err(|_| Refusal::Internal)?);
            Ok(Dimension::Only { side, column: segment.column.clone(), values })
        }
        _ => Err(refused()),
    }
}
