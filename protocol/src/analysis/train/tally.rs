//! From a training to its tally.

use super::{question::Train, uses::Listed};
use crate::{
    analysis::{
        Scope,
        rules::{check_share, not_permitted},
    },
    refusal::{Asked, Refusal},
    tally::{Population, Program, Table, Tally},
};

/// The training itself: what it reads, the policy compares with the contract, and whether it can be trained, the proof.
pub(super) fn tally(asked: &Train, scope: &Scope<'_>) -> Result<Tally, Refusal> {
    let listed =
        Listed::of(scope.terms).ok_or_else(|| not_permitted(Asked::Analysis, scope.name, None))?;
    check_share(asked.confidence)?;
    let Program { features, label, .. } = &asked.program;
    let repeats = features.iter().any(|feature| feature.is_label(label));
    if repeats || !asked.program.is_sound() {
        return Err(Refusal::Malformed);
    }
    let table = |name: &str| Table { dataset: name.to_owned(), rows: Vec::new() };
    Ok(Tally {
        population: Population::First,
        tables: listed.datasets().map(table).collect(),
        dimensions: Vec::new(),
        measures: Vec::new(),
        products: Vec::new(),
        cells_per_person: 1,
        ids_per_person: scope.contract.ids_per_person,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: Some(asked.program.clone()),
    })
}
