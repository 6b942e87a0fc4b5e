//! What is asked of several cells at once: p-values and intervals that allow for having looked more than once.

use crate::analysis::geo::question::Method;
use statistics::multiplicity::{holm, holm_misses};
use std::collections::{BTreeMap, BTreeSet};

/// The p-value of each method in one cell; `None` for a method that has an estimate without one.
pub(super) type PValues = BTreeMap<Method, Option<f64>>;

/// The level of each method's intervals in one cell.
pub(super) type Levels = BTreeMap<Method, Level>;

/// The level of an interval, and the p-value that goes with it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Level {
    /// How often the interval misses.
    pub(super) missed: f64,
    /// The p-value after Holm; `None` without one.
    pub(super) p_adjusted: Option<f64>,
}

/// The levels in each cell, in the order of the cells. One method is chosen before anything is known, so that each is a family of its
/// own over the cells; a cell without an estimate counts as one that was asked for.
pub(super) fn adjusted(cells: &[PValues], alpha: f64) -> Vec<Levels> {
    let methods: BTreeSet<_> = cells.iter().flat_map(BTreeMap::keys).copied().collect();
    let mut levels = vec![Levels::new(); cells.len()];
    for method in methods {
        let own: Vec<_> = cells.iter().map(|cell| cell.get(&method).copied().flatten()).collect();
        // Shifts are counted, so that p can be just a step's level, where the interval leaves out no effect.
        let misses = holm_misses(&own, alpha * (1.0 + ROUNDING));
        for ((levels, missed), p_adjusted) in levels.iter_mut().zip(misses).zip(holm(&own)) {
            levels.insert(method, Level { missed, p_adjusted });
        }
    }
    levels
}

const ROUNDING: f64 = 1e-12;

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked by hand: of .01 and .04 at .05 Holm finds both, the second at its second step; of .01 and .06 the first alone.
    #[test]
    fn each_cell_has_the_level_of_the_step_that_finds_it() {
        let method = Method::SyntheticControl;
        let levels = |p: [Option<f64>; 2]| -> Vec<(f64, Option<f64>)> {
            let cells = p.map(|p| PValues::from([(method, p)]));
            let found = adjusted(&cells, 0.05);
            found
                .iter()
                .map(|levels| (levels[&method].missed, levels[&method].p_adjusted))
                .collect()
        };
        let near = |found: &[(f64, Option<f64>)], expected: [(f64, Option<f64>); 2]| {
            for ((missed, p), (level, adjusted)) in found.iter().zip(expected) {
                assert!((missed - level).abs() < 1e-9, "{found:?}");
                assert_eq!(p.is_some(), adjusted.is_some(), "{found:?}");
                let p = p.zip(adjusted).is_none_or(|(p, adjusted)| (p - adjusted).abs() < 1e-9);
                assert!(p, "{found:?}");
            }
        };
        near(&levels([Some(0.01), Some(0.04)]), [(0.025, Some(0.02)), (0.05, Some(0.04))]);
        near(&levels([Some(0.01), Some(0.06)]), [(0.025, Some(0.02)), (0.025, Some(0.06))]);
        // What was asked for and could not be estimated counts.
        near(&levels([Some(0.03), None]), [(0.025, Some(0.06)), (0.025, None)]);
        // A p of the level of its step is found, as its interval says.
        near(&levels([Some(0.025), Some(0.05)]), [(0.025, Some(0.05)), (0.05, Some(0.05))]);
    }
}
