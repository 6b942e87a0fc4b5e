//! Makes the tally of a question about reach.

use super::{
    ask::MOST,
    question::{Per, Reach},
    uses::Listed,
};
use crate::{
    analysis::{
        Scope, filters,
        rules::{check_share, column_not_permitted, not_permitted},
    },
    contract::{ColumnRef, Contract, Role},
    refusal::{Asked, Refusal},
    tally::{Clamp, Dimension, Measure, Population, Quantity, Side, Table, Tally},
};

/// The tally of the people of all datasets, each once, by what the question divides them by.
pub(super) fn tally(asked: &Reach, scope: &Scope<'_>) -> Result<Tally, Refusal> {
    let contract = scope.contract;
    let listed =
        Listed::of(scope.terms).ok_or_else(|| not_permitted(Asked::Analysis, scope.name, None))?;
    check_share(asked.confidence)?;
    if !(2..=MOST).contains(&asked.most_frequency) {
        return Err(Refusal::Malformed);
    }
    // A single dataset cannot be compared with others.
    if asked.per == Per::Dataset && asked.datasets.len() < 2 {
        return Err(Refusal::Malformed);
    }
    let table = |dataset: &String| Table { dataset: dataset.clone(), rows: Vec::new() };
    let mut tables: Vec<_> = asked.datasets.iter().map(table).collect();
    filters::choose(&mut tables, &asked.rows, listed.filters, contract)?;
    let clamp = Clamp::up_to(asked.most_frequency).map_err(|_| Refusal::Malformed)?;
    let rows = |side, of| Measure { side, of, rows: Vec::new(), clamp };
    let count = u32::try_from(asked.datasets.len()).map_err(|_| Refusal::Malformed)?;
    let edges = (2..=i64::from(asked.most_frequency)).collect();
    let (mut dimensions, measures, cells_per_person) = match &asked.per {
        Per::Frequency => {
            let measures = vec![rows(Side::POPULATION, Quantity::RowsOfAll)];
            (vec![Dimension::Bins { measure: 0, edges }], measures, 1)
        }
        Per::Dataset => {
            let measures = (0..count).map(|side| rows(Side(side), Quantity::Rows)).collect();
            (vec![Dimension::Membership { datasets: count }], measures, 1)
        }
        Per::Column { column, values_per_person, frequencies } => {
            let measures = vec![rows(Side::POPULATION, Quantity::Rows)];
            let mut dimensions = vec![group(column, asked, contract)?];
            if *frequencies {
                dimensions.push(Dimension::BinsPerGroup { measure: 0, edges });
            }
            (dimensions, measures, *values_per_person)
        }
    };
    // Membership already says who has the key.
    if asked.per != Per::Dataset && may_lack_key(&asked.datasets, contract) {
        dimensions.insert(0, Dimension::Known);
    }
    Ok(Tally {
        population: Population::Union { by: asked.by },
        tables,
        dimensions,
        measures,
        products: Vec::new(),
        cells_per_person,
        ids_per_person: contract.ids_per_person,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    })
}

/// Whether somebody may be known only by another kind of key than the one by which people are
/// counted.
fn may_lack_key(datasets: &[String], contract: &Contract) -> bool {
    datasets.iter().any(|dataset| contract.match_keys(dataset).len() > 1)
}

fn group(column: &ColumnRef, asked: &Reach, contract: &Contract) -> Result<Dimension, Refusal> {
    let is_of_one = asked.datasets == [column.dataset.as_str()];
    match contract.column(column).filter(|_| is_of_one).map(|column| &column.role) {
        Some(Role::Group(domain)) => {
            let values = u32::try_from(domain.len()).map_err(|_| Refusal::Internal)?;
            Ok(Dimension::Group { side: Side::POPULATION, column: column.column.clone(), values })
        }
        _ => Err(column_not_permitted(contract, column)),
    }
}
