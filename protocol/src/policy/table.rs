//! From a question about groups to its tally.

use super::{check_names, check_share, not_permitted, places};
use crate::{
    contract::{ColumnRef, Contract, Role, TableTemplate},
    job::{Filter, GroupBy, Statistic, TableMeasure, TableQuestion},
    refusal::{Asked, Limit, Refusal},
    tally::{Condition, Dimension, Measure, Product, Quantity, Side, Table, Tally},
};

/// The people of the population by group, with what they did.
pub(super) fn tally(
    contract: &Contract,
    template: &TableTemplate,
    question: &TableQuestion,
) -> Result<Tally, Refusal> {
    check_share(question.confidence)?;
    check_names(question.measures.iter().map(|measure| &measure.name))?;
    let (found, most) = (question.cells_per_person, template.cells_per_person);
    if !(1..=most).contains(&found) {
        let (found, most) = (u64::from(found), u64::from(most));
        return Err(Refusal::OverLimit { limit: Limit::CellsPerPerson, found, most });
    }
    let asked = Asking { contract, template };
    let (mut measures, mut products) = (Vec::new(), Vec::new());
    for (at, measure) in (0_u32..).zip(&question.measures) {
        measures.push(asked.measure(measure)?);
        if measure.squares {
            products.push(Product::square(at));
        }
    }
    let place = |name: &String| question.measures.iter().position(|it| it.name == *name);
    let dimension = |group: &GroupBy| match group {
        GroupBy::Matched if template.joined.is_some() => Ok(Dimension::Matched),
        GroupBy::Matched => Err(not_permitted(Asked::Column, "matched", None)),
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
    let mut population = Table { dataset: template.population.clone(), rows: Vec::new() };
    let joined = template.joined.clone();
    let mut joined = joined.map(|dataset| Table { dataset, rows: Vec::new() });
    for filter in &question.rows {
        let (side, condition) = asked.condition(filter)?;
        match (side, &mut joined) {
            (Side::Population, _) => population.rows.push(condition),
            (Side::Joined, Some(joined)) => joined.rows.push(condition),
            (Side::Joined, None) => return Err(Refusal::Internal),
        }
    }
    Ok(Tally {
        population,
        joined,
        dimensions,
        measures,
        products,
        cells_per_person: question.cells_per_person,
        ids_per_person: contract.ids_per_person,
    })
}

/// What the contract lets a question name.
struct Asking<'c> {
    contract: &'c Contract,
    template: &'c TableTemplate,
}

impl<'c> Asking<'c> {
    /// The side and the role of a column, if it is one of `allowed`.
    fn column(
        &self,
        named: &ColumnRef,
        allowed: &[ColumnRef],
    ) -> Result<(Side, &'c Role), Refusal> {
        let role = self.contract.column(named).filter(|_| allowed.contains(named));
        let found = self.side(&named.dataset).zip(role);
        found.map(|(side, column)| (side, &column.role)).ok_or_else(|| {
            let owner = self.contract.datasets.get(&named.dataset).map(|it| it.owner.clone());
            not_permitted(Asked::Column, &named.to_string(), owner)
        })
    }

    fn side(&self, dataset: &str) -> Option<Side> {
        if dataset == self.template.population {
            Some(Side::Population)
        } else {
            (self.template.joined.as_deref() == Some(dataset)).then_some(Side::Joined)
        }
    }

    fn group(&self, named: &ColumnRef) -> Result<Dimension, Refusal> {
        let (side, role) = self.column(named, &self.template.group_by)?;
        let column = named.column.clone();
        match role {
            Role::Group(domain) => {
                let values = u32::try_from(domain.len()).map_err(|_| Refusal::Internal)?;
                Ok(Dimension::Group { side, column, values })
            }
            Role::Label => Ok(Dimension::Label { side, column }),
            _ => Err(Refusal::Internal),
        }
    }

    fn condition(&self, filter: &Filter) -> Result<(Side, Condition), Refusal> {
        let (Filter::OneOf { column: named, .. } | Filter::Between { column: named, .. }) = filter;
        let (side, role) = self.column(named, &self.template.filters)?;
        let column = named.column.clone();
        let condition = match (filter, role) {
            (Filter::OneOf { values, .. }, Role::Group(domain)) => {
                let unknown = |value: &String| not_permitted(Asked::Value, value, None);
                let mut codes = places(domain, values).map_err(unknown)?;
                codes.sort_unstable();
                Condition::OneOf { column, codes }
            }
            (Filter::Between { least, most, .. }, Role::Measure(_) | Role::Date) => {
                Condition::Between { column, least: *least, most: *most }
            }
            _ => return Err(Refusal::Malformed),
        };
        Ok((side, condition))
    }

    fn measure(&self, asked: &TableMeasure) -> Result<Measure, Refusal> {
        let (rows, clamp) = (Vec::new(), asked.clamp);
        if clamp.is_signed() && asked.statistic != Statistic::Sum {
            return Err(Refusal::Malformed);
        }
        if asked.statistic == Statistic::Rows {
            let side = self.side(&asked.column).filter(|_| asked.scale == 0);
            let side = side.ok_or_else(|| not_permitted(Asked::Column, &asked.column, None))?;
            return Ok(Measure { side, of: Quantity::Rows, rows, clamp });
        }
        let named: ColumnRef =
            asked.column.parse().map_err(|_| not_permitted(Asked::Column, &asked.column, None))?;
        let (side, role) = self.column(&named, &self.template.measures)?;
        let column = named.column;
        let of = match (asked.statistic, role) {
            (Statistic::Sum, Role::Measure(scale)) if *scale == asked.scale => {
                Quantity::Sum { column }
            }
            (Statistic::Distinct, Role::Group(_) | Role::Label) if asked.scale == 0 => {
                Quantity::Distinct { column }
            }
            _ => return Err(Refusal::Malformed),
        };
        Ok(Measure { side, of, rows, clamp })
    }
}
