//! Makes contrasts and pooled totals of what the engine counted in the cells of two arms.

use std::collections::BTreeMap;

use protocol::released::{
    Contrasts, Forms, arm_cells, arm_of, public_name, released_cell, segments,
};
use protocol::tally::{Arm, Tally};

use super::Column;

/// What the engine counted, before noise, in the cells and forms in which it leaves.
pub(super) struct Amounts {
    pub(super) people: Vec<i64>,
    pub(super) sums: Vec<Vec<i64>>,
    pub(super) products: Vec<Vec<i64>>,
    /// The pooled totals beside each contrast: those of sums first.
    pub(super) pooled: Vec<Vec<i64>>,
}

impl Amounts {
    /// The forms of what was counted over the public cells of `tally`. They fit: a proof's cap times its
    /// weight and as many people as there are rows stays below 2⁶².
    pub(super) fn new(
        tally: &Tally,
        people: Vec<i64>,
        sums: Vec<Vec<i64>>,
        products: Vec<Vec<i64>>,
    ) -> Self {
        let cells = Cells::new(tally);
        let mut pooled = Vec::new();
        let mut forms = |by_segment: Vec<[i128; 2]>| {
            pooled.push(by_segment.iter().map(|[_, total]| narrow(*total)).collect());
            by_segment.iter().map(|[contrast, _]| narrow(*contrast)).collect()
        };
        let sums =
            sums.into_iter().enumerate().map(|(at, column)| match tally.contrast_of_sum(at) {
                Some(contrast) => {
                    let arms = of_arms(tally, &column).into_iter();
                    forms(arms.map(|arms| contrast.of_sums(arms)).collect())
                }
                None => cells.of(column),
            });
        let sums = sums.collect();
        let products = products.into_iter().enumerate().map(|(at, column)| {
            match tally.contrast_of_product(at) {
                Some(contrast) => {
                    let arms = of_arms(tally, &column).into_iter();
                    forms(arms.map(|arms| contrast.of_products(arms)).collect())
                }
                None => cells.of(column),
            }
        });
        let products = products.collect();
        Self { people: cells.of(people), sums, products, pooled }
    }
}

/// The cells in which figures leave.
enum Cells {
    /// Those that the engine counted in.
    AsCounted,
    /// Those of a comparison of arms, which are fewer: the place of each counted one, and how many there are.
    OfArms(Vec<usize>, usize),
}

impl Cells {
    fn new(tally: &Tally) -> Self {
        if !tally.compares_arms() {
            return Self::AsCounted;
        }
        let cells = arm_cells(tally);
        let places: BTreeMap<_, _> = cells.iter().zip(0..).collect();
        let counted = tally.public_cells().map_or(0, |cells| cells.saturating_sub(1));
        let place = |at| places.get(&released_cell(tally, &public_name(&tally.dimensions, at)));
        Self::OfArms((0..counted).filter_map(place).copied().collect(), cells.len())
    }

    /// A column over these cells. The last entry is of people who gave no consent.
    fn of(&self, column: Vec<i64>) -> Vec<i64> {
        let Self::OfArms(places, count) = self else { return column };
        let mut folded = vec![0_i64; *count];
        for (value, place) in column.iter().zip(places) {
            if let Some(cell) = folded.get_mut(*place) {
                *cell = cell.saturating_add(*value);
            }
        }
        folded.extend(column.last());
        folded
    }
}

/// Takes the contrasts out of columns that have their noise, and puts the pooled totals beside them: one for each segment,
/// shown or not. None, if nothing leaves as a contrast.
pub(super) fn taken(
    tally: &Tally,
    sums: &mut Vec<Column>,
    products: &mut Vec<Column>,
    pooled: &[Column],
) -> Vec<Contrasts> {
    if tally.contrast.is_none() {
        return Vec::new();
    }
    let take = |columns: &mut Vec<Column>, is_contrast: &dyn Fn(usize) -> bool| {
        let (taken, left): (Vec<_>, Vec<_>) =
            std::mem::take(columns).into_iter().enumerate().partition(|(at, _)| is_contrast(*at));
        *columns = left.into_iter().map(|(_, column)| column).collect();
        taken.into_iter().map(|(_, column)| column).collect::<Vec<_>>()
    };
    let sums = take(sums, &|at| tally.contrast_of_sum(at).is_some());
    let products = take(products, &|at| tally.contrast_of_product(at).is_some());
    let (of_sums, of_products) = pooled.split_at(sums.len().min(pooled.len()));
    let forms = |columns: &[Column], pooled: &[Column], at: usize| {
        let pairs = columns.iter().zip(pooled);
        pairs.map(|(one, other)| Forms { contrast: one.at(at), pooled: other.at(at) }).collect()
    };
    let all = segments(tally).into_iter().enumerate().map(|(at, segment)| Contrasts {
        segment,
        sums: forms(&sums, of_sums, at),
        products: forms(&products, of_products, at),
    });
    all.collect()
}

/// Several contrasts added up, as that of people who are in no segment that is shown.
pub(super) fn together<'c>(contrasts: impl Iterator<Item = &'c Contrasts>) -> Option<Contrasts> {
    let add = |all: &mut Vec<Forms>, more: &[Forms]| {
        for (sum, one) in all.iter_mut().zip(more) {
            sum.contrast = sum.contrast.saturating_add(one.contrast);
            sum.pooled = sum.pooled.saturating_add(one.pooled);
        }
    };
    let all = contrasts.cloned().reduce(|mut all, one| {
        add(&mut all.sums, &one.sums);
        add(&mut all.products, &one.products);
        all
    });
    all.map(|all| Contrasts { segment: Vec::new(), ..all })
}

/// What the test and the control arm have in each segment, of people who were found and of others.
fn of_arms(tally: &Tally, cells: &[i64]) -> Vec<[i128; 2]> {
    let segments = usize::try_from(tally.segment_places()).unwrap_or(usize::MAX).max(1);
    let mut arms = vec![[0_i128; 2]; segments];
    // The last cell is of people who gave no consent.
    let (_, cells) = cells.split_last().unwrap_or((&0, &[]));
    for (at, value) in cells.iter().enumerate() {
        let name = public_name(&tally.dimensions, u64::try_from(at).unwrap_or(u64::MAX));
        // No creative divides arms that leave as contrasts, so segments are what cells differ in last.
        let Some([test, control]) = arms.get_mut(at % segments) else { continue };
        match arm_of(&name) {
            Some(Arm::Test) => *test += i128::from(*value),
            Some(Arm::Control) => *control += i128::from(*value),
            _ => {}
        }
    }
    arms
}

fn narrow(total: i128) -> i64 {
    i64::try_from(total).unwrap_or(if total < 0 { i64::MIN } else { i64::MAX })
}
