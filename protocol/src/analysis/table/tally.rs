//! Makes the tally of a question about groups.

use super::question::{GroupBy, Statistic, TableMeasure, TableQuestion};
use crate::{
    analysis::{
        Scope, filters,
        rules::{check_names, check_share, column_not_permitted, not_permitted},
        table::uses::Listed,
    },
    contract::{ColumnRef, Contract, Role},
    refusal::{Asked, Refusal},
    tally::{Dimension, Measure, Population, Product, Quantity, Side, Table, Tally},
    units::Scale,
};

/// The tally of the population by group, with what people did.
pub(super) fn tally(question: &TableQuestion, scope: &Scope<'_>) -> Result<Tally, Refusal> {
    let contract = scope.contract;
    let unknown = || not_permitted(Asked::Analysis, scope.name, None);
    let listed = &Listed::of(scope.terms).ok_or_else(unknown)?;
    check_share(question.confidence)?;
    check_names(question.measures.iter().map(|measure| &measure.name))?;
    let asked = Names { contract, listed };
    let (mut measures, mut products) = (Vec::new(), Vec::new());
    for (at, measure) in (0_u32..).zip(&question.measures) {
        measures.push(asked.measure(measure)?);
        if measure.squares {
            products.push(Product::square(at));
        }
    }
    let place = |name: &String| question.measures.iter().position(|measure| measure.name == *name);
    let dimension = |group: &GroupBy| match group {
        GroupBy::Matched => Ok(Dimension::Matched),
        GroupBy::Column(column) => asked.group(column),
        GroupBy::Bins { measure, edges } => {
            let measure = place(measure).and_then(|at| u32::try_from(at).ok());
            let measure = measure.ok_or(Refusal::Malformed)?;
            Ok(Dimension::Bins { measure, edges: edges.clone() })
        }
    };
    let dimensions: Vec<_> =
        question.group_by.iter().map(dimension).collect::<Result<_, Refusal>>()?;
    let twice = |at: usize| {
        let (before, it) = (dimensions.get(..at), dimensions.get(at));
        before.zip(it).is_some_and(|(before, it)| before.contains(it))
    };
    if (0..dimensions.len()).any(twice) {
        return Err(Refusal::Malformed);
    }
    let table = |dataset: &str| Table { dataset: dataset.to_owned(), rows: Vec::new() };
    let mut tables: Vec<_> =
        std::iter::once(listed.population).chain(listed.joined).map(table).collect();
    filters::choose(&mut tables, &question.rows, listed.filters, contract)?;
    Ok(Tally {
        population: Population::First,
        tables,
        dimensions,
        measures,
        products,
        cells_per_person: question.cells_per_person,
        ids_per_person: contract.ids_per_person,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    })
}

/// The columns that a question names, as the contract has them. The policy checks in the tally
/// whether the contract permits them.
struct Names<'c> {
    contract: &'c Contract,
    listed: &'c Listed<'c>,
}

impl<'c> Names<'c> {
    /// The side and the role of a column.
    fn column(&self, named: &ColumnRef) -> Result<(Side, &'c Role), Refusal> {
        let found = self.side(&named.dataset).zip(self.contract.column(named));
        let found = found.map(|(side, column)| (side, &column.role));
        found.ok_or_else(|| column_not_permitted(self.contract, named))
    }

    fn side(&self, dataset: &str) -> Option<Side> {
        if dataset == self.listed.population {
            Some(Side::POPULATION)
        } else {
            (self.listed.joined == Some(dataset)).then_some(Side::JOINED)
        }
    }

    fn group(&self, named: &ColumnRef) -> Result<Dimension, Refusal> {
        let (side, role) = self.column(named)?;
        let column = named.column.clone();
        match role {
            Role::Group(domain) => {
                let values = u32::try_from(domain.len()).map_err(|_| Refusal::Internal)?;
                Ok(Dimension::Group { side, column, values })
            }
            Role::Label => Ok(Dimension::Label { side, column }),
            _ => Err(column_not_permitted(self.contract, named)),
        }
    }

    fn measure(&self, asked: &TableMeasure) -> Result<Measure, Refusal> {
        let (rows, clamp) = (Vec::new(), asked.clamp);
        if clamp.is_signed() && asked.statistic != Statistic::Sum {
            return Err(Refusal::Malformed);
        }
        if asked.statistic == Statistic::Rows {
            let side = self.side(&asked.column).filter(|_| asked.scale == Scale::WHOLE);
            let side = side.ok_or_else(|| not_permitted(Asked::Column, &asked.column, None))?;
            return Ok(Measure { side, of: Quantity::Rows, rows, clamp });
        }
        let named: ColumnRef =
            asked.column.parse().map_err(|_| not_permitted(Asked::Column, &asked.column, None))?;
        let (side, role) = self.column(&named)?;
        let column = named.column.clone();
        let of = match (asked.statistic, role) {
            (Statistic::Sum, Role::Measure(scale)) if *scale == asked.scale => {
                Quantity::Sum { column }
            }
            (Statistic::Distinct, Role::Group(_) | Role::Label) if asked.scale == Scale::WHOLE => {
                Quantity::Distinct { column }
            }
            (Statistic::Sum, Role::Measure(_))
            | (Statistic::Distinct, Role::Group(_) | Role::Label) => {
                return Err(Refusal::Malformed);
            }
            _ => return Err(column_not_permitted(self.contract, &named)),
        };
        Ok(Measure { side, of, rows, clamp })
    }
}
