//! What a tally reads, column by column and in which way.

use protocol::{
    analysis::uses::Reading,
    contract::{ColumnRef, Terms},
    tally::{Binned, Condition, Dimension, Learnt, Measure, Population, Quantity, Side, Tally},
};

/// Every column that `tally` reads, with the way.
pub(crate) fn columns(tally: &Tally) -> Vec<(ColumnRef, Reading)> {
    let named = |side: Side, column: &str| ColumnRef::new(tally.dataset(side), column);
    let mut read = Vec::new();
    for (side, condition) in tally.conditions() {
        read.push((named(side, condition.column()), Reading::Condition));
        if let Condition::SinceStart { side, start, .. } = condition {
            read.push((named(*side, start), Reading::Start));
        }
    }
    let of = |measure: &Measure, reading: Option<Reading>| match &measure.of {
        Quantity::Rows | Quantity::RowsOfAll | Quantity::Credit { column: None, .. } => None,
        Quantity::Sum { column } | Quantity::Credit { column: Some(column), .. } => {
            Some((named(measure.side, column), reading.unwrap_or(Reading::Sum)))
        }
        Quantity::Distinct { column } => {
            Some((named(measure.side, column), reading.unwrap_or(Reading::Distinct)))
        }
    };
    if let Some(credit) = tally.credit() {
        read.push((named(Side::POPULATION, &credit.column), Reading::Credit));
        read.push((named(Side::POPULATION, &credit.day), Reading::Exposed));
        read.push((named(Side::JOINED, &credit.outcome), Reading::Outcome));
    }
    for dimension in &tally.dimensions {
        read.extend(match dimension {
            Dimension::Matched
            | Dimension::MatchedWithConsent
            | Dimension::Membership { .. }
            | Dimension::Known
            | Dimension::Credited(_) => None,
            Dimension::Arm { column, .. } => Some((named(Side::POPULATION, column), Reading::Arm)),
            Dimension::Group { side, column, .. } | Dimension::Label { side, column } => {
                Some((named(*side, column), Reading::Group))
            }
            Dimension::Only { side, column, .. } => Some((named(*side, column), Reading::Only)),
            Dimension::Creative { column, .. } => {
                Some((named(Side::POPULATION, column), Reading::Creative))
            }
            Dimension::Earliest { side, column, .. } => {
                Some((named(*side, column), Reading::Earliest))
            }
            Dimension::Days { side, column, .. } => Some((named(*side, column), Reading::Days)),
            Dimension::Bins { measure, .. } | Dimension::BinsPerGroup { measure, .. } => {
                let measure = &tally.measures[usize::try_from(*measure).unwrap()];
                of(measure, Some(Reading::Bins))
            }
        });
    }
    read.extend(tally.measures.iter().filter_map(|measure| of(measure, None)));
    if let Some(program) = &tally.program {
        for feature in &program.features {
            read.extend(match &feature.of {
                Binned::Value { column, .. }
                | Binned::Total { column, .. }
                | Binned::TotalBetween { column, .. } => {
                    Some((named(feature.side, column), Reading::Feature))
                }
                Binned::Rows { .. } | Binned::RowsBetween { .. } => None,
            });
        }
        read.extend(match &program.label.of {
            Learnt::OneOf { column, .. } | Learnt::Sum { column } => {
                Some((named(program.label.side, column), Reading::Label))
            }
            Learnt::Found | Learnt::Rows => None,
        });
    }
    read
}

/// Every dataset that `tally` reads otherwise than by its columns, with the way.
pub(crate) fn datasets(tally: &Tally) -> Vec<(String, Reading)> {
    let mut read: Vec<(&str, Reading)> = Vec::new();
    let rows = |measure: &Measure, reading: Reading| match measure.of {
        Quantity::Rows | Quantity::Credit { column: None, .. } => {
            vec![(tally.dataset(measure.side), reading)]
        }
        Quantity::RowsOfAll => tally.datasets().map(|dataset| (dataset, reading)).collect(),
        Quantity::Sum { .. } | Quantity::Distinct { .. } | Quantity::Credit { .. } => Vec::new(),
    };
    for dimension in &tally.dimensions {
        match dimension {
            Dimension::Matched | Dimension::MatchedWithConsent => {
                let joined = tally.joined();
                read.extend(joined.map(|table| (table.dataset.as_str(), Reading::Match)));
            }
            Dimension::Membership { .. } => {
                read.extend(tally.datasets().map(|dataset| (dataset, Reading::Match)));
            }
            Dimension::Bins { measure, .. } | Dimension::BinsPerGroup { measure, .. } => {
                let measure = &tally.measures[usize::try_from(*measure).unwrap()];
                read.extend(rows(measure, Reading::Bins));
            }
            _ => {}
        }
    }
    if !tally.spread.is_empty() {
        read.push((tally.dataset(Side::POPULATION), Reading::Spread));
    }
    if matches!(tally.population, Population::Union { .. }) {
        read.extend(tally.datasets().map(|dataset| (dataset, Reading::Union)));
    }
    read.extend(tally.measures.iter().flat_map(|measure| rows(measure, Reading::Rows)));
    if let Some(program) = &tally.program {
        for feature in &program.features {
            if let Binned::Rows { .. } | Binned::RowsBetween { .. } = feature.of {
                read.push((tally.dataset(feature.side), Reading::Feature));
            }
        }
        if let Learnt::Found | Learnt::Rows = program.label.of {
            read.push((tally.dataset(program.label.side), Reading::Label));
        }
    }
    read.into_iter().map(|(dataset, reading)| (dataset.to_owned(), reading)).collect()
}

/// The first thing that `tally` reads beyond what `terms` list.
pub(crate) fn beyond(terms: &Terms, tally: &Tally) -> Option<String> {
    let column = columns(tally).into_iter().find(|(column, way)| !terms.permits(column, *way));
    let column = column.map(|(column, reading)| format!("{column}: {reading:?}"));
    let listed: Vec<_> = terms.datasets().collect();
    let dataset = tally.datasets().find(|dataset| !listed.contains(dataset));
    let mut ways = datasets(tally).into_iter();
    let way = ways.find(|(dataset, way)| !terms.permits_dataset(dataset, *way));
    let way = way.map(|(dataset, reading)| format!("{dataset}: {reading:?}"));
    let cells = tally.cells_per_person > terms.cells_per_person;
    let cells = cells.then(|| format!("{} cells", tally.cells_per_person));
    column.or(dataset.map(str::to_owned)).or(way).or(cells)
}
