//! What a training means, person by person, with nothing of the engine in it. It stands beside `meaning`, whose rows it
//! reads.

use std::collections::{BTreeMap, BTreeSet};

use protocol::tally::{Binned, Learnt, Side, Tally};

use super::meaning::{Id, Row, Value};

/// Everybody who agrees and is in the population: the bin of each feature, and the label.
pub fn people(tally: &Tally, tables: &[Vec<Row>]) -> BTreeMap<Id, (Vec<usize>, u32)> {
    let program = tally.program.as_ref().unwrap();
    let mut own: BTreeMap<Id, Vec<Vec<&Row>>> = BTreeMap::new();
    for (at, rows) in tables.iter().enumerate() {
        for row in rows {
            if let Some(id) = row.id(tally) {
                own.entry(id).or_insert_with(|| vec![Vec::new(); tables.len()])[at].push(row);
            }
        }
    }
    own.retain(|_, own| !own[0].is_empty() && own.iter().flatten().all(|row| row.agreed));
    fn of<'r>(side: Side, own: &[Vec<&'r Row>]) -> Vec<&'r Row> {
        own[side.place()].clone()
    }
    let person = |own: &[Vec<&Row>]| {
        let bins = program.features.iter().map(|feature| bin(&feature.of, &of(feature.side, own)));
        let rows = of(program.label.side, own);
        let number = match &program.label.of {
            Learnt::Found => i128::from(!rows.is_empty()),
            Learnt::OneOf { column, codes } => i128::from(rows.iter().any(|row| {
                code(row, column).is_some_and(|code| codes.contains(&i32::try_from(code).unwrap()))
            })),
            Learnt::Rows => i128::try_from(rows.len()).unwrap(),
            Learnt::Sum { column } => total(&rows, column),
        };
        let label = number.clamp(0, i128::from(program.label.cap));
        (bins.collect(), u32::try_from(label).unwrap())
    };
    own.iter().map(|(id, own)| (*id, person(own))).collect()
}

/// The sums of a step that scores people by these weights, in units of 2⁻¹⁶.
pub fn step<'p>(
    tally: &Tally,
    people: impl Iterator<Item = &'p (Vec<usize>, u32)>,
    weights: &[i32],
    intercept: i32,
) -> Vec<i64> {
    let program = tally.program.as_ref().unwrap();
    let plan = program.plan().additive().unwrap();
    let starts: Vec<_> = plan.ranges().map(|(start, ..)| start).collect();
    let (cap, clip) = (f64::from(plan.cap), i64::from(plan.clip));
    let mut sums = vec![0_i64; plan.bins()];
    for (bins, label) in people {
        let places = bins.iter().zip(&starts).map(|(bin, start)| bin + start);
        let score =
            i64::from(intercept) + places.clone().map(|at| i64::from(weights[at])).sum::<i64>();
        let near = ((score + 128).div_euclid(256)).clamp(-3072, 3072);
        let score = f64::from(i32::try_from(near).unwrap()) / 256.0;
        let said = match plan.loss {
            protocol::learning::Loss::Logistic => 1.0 / (1.0 + libm::exp(-score)),
            protocol::learning::Loss::Squared => score,
            protocol::learning::Loss::Poisson => libm::exp(score).min(cap) / cap,
        };
        let quanta = |share: f64| (share * 4096.0 + 0.5).floor();
        let residual = quanta(said) - (f64::from(*label) * (4096.0 / cap) + 0.5).floor();
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            reason = "whole and small"
        )]
        let residual = (residual as i64).clamp(-clip, clip);
        places.for_each(|at| sums[at] += residual);
    }
    sums
}

fn bin(of: &Binned, rows: &[&Row]) -> usize {
    if rows.is_empty() {
        return 0;
    }
    let above = |edges: &[i64], number: i128| {
        1 + edges.iter().filter(|edge| i128::from(**edge) <= number).count()
    };
    match of {
        Binned::Value { column, .. } => {
            let known: BTreeSet<_> = rows.iter().filter_map(|row| code(row, column)).collect();
            match Vec::from_iter(known).as_slice() {
                [one] => usize::try_from(*one).unwrap() + 1,
                _ => 0,
            }
        }
        Binned::Total { column, edges } => above(edges, total(rows, column)),
        Binned::Rows { edges } => above(edges, i128::try_from(rows.len()).unwrap()),
        // A number has no bin.
        Binned::TotalBetween { .. } | Binned::RowsBetween { .. } => 0,
    }
}

fn code(row: &Row, column: &str) -> Option<u32> {
    match row.values[column] {
        Value::Group(code) => code,
        other => panic!("{column} holds {other:?}"),
    }
}

fn total(rows: &[&Row], column: &str) -> i128 {
    let number = |row: &&Row| match row.values[column] {
        Value::Number(number) => i128::from(number),
        other => panic!("{column} holds {other:?}"),
    };
    rows.iter().map(number).sum()
}
