//! The weights of a mean of points that is nearest to the origin.
//!
//! # Source
//!
//! Wolfe 1976, *Finding the nearest point in a polytope*, Mathematical Programming 11. It ends at the exact
//! optimum, up to rounding, after finitely many steps; weights that are 0 there are 0 here.

use super::linear::{Cholesky, add, dot};

/// The weights, none below 0 and together 1, with which the mean of points is nearest to the origin. `gram` has the products of
/// the points with each other.
pub(super) fn nearest(gram: &[Vec<f64>]) -> Vec<f64> {
    let length = |at: usize| gram.get(at).and_then(|row| row.get(at)).copied().unwrap_or(0.0);
    let mut all = vec![0.0; gram.len()];
    let first = (0..gram.len()).min_by(|one, other| length(*one).total_cmp(&length(*other)));
    let Some(first) = first else { return all };
    let mut corral = Corral { gram, points: vec![first], weights: vec![1.0] };
    for _ in 0..STEPS.saturating_mul(gram.len()) {
        let products: Vec<_> = gram.iter().map(|row| corral.along(row)).collect();
        let own: f64 = corral.pairs().filter_map(|(at, w)| Some(w * products.get(at)?)).sum();
        let farthest = products.iter().enumerate().min_by(|one, other| one.1.total_cmp(other.1));
        let Some((next, product)) = farthest else { break };
        let scale = corral.points.iter().map(|at| length(*at)).fold(length(next), f64::max);
        if own - product <= OPTIMAL * scale || corral.points.contains(&next) {
            break;
        }
        let before = (corral.points.clone(), corral.weights.clone());
        corral.points.push(next);
        corral.weights.push(0.0);
        if !corral.settle(scale) {
            // The new point lies among the others as far as rounding can tell.
            (corral.points, corral.weights) = before;
            break;
        }
    }
    for (at, weight) in corral.pairs() {
        if let Some(place) = all.get_mut(at) {
            *place = weight;
        }
    }
    all
}

/// Points none of which lies in the plane of the others, with their weights.
struct Corral<'g> {
    gram: &'g [Vec<f64>],
    points: Vec<usize>,
    weights: Vec<f64>,
}

impl Corral<'_> {
    fn pairs(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.points.iter().copied().zip(self.weights.iter().copied())
    }

    /// The product of the mean with the point of this row.
    fn along(&self, row: &[f64]) -> f64 {
        self.pairs().filter_map(|(at, weight)| Some(weight * row.get(at)?)).sum()
    }

    /// Moves to the nearest point in the plane of all points, and leaves out those that would have a weight below 0 on the way;
    /// false if there is no such plane.
    fn settle(&mut self, scale: f64) -> bool {
        while let Some(aimed) = self.in_plane(scale) {
            let ways = self.weights.iter().zip(&aimed).filter(|(_, aim)| **aim <= SMALLEST);
            let way = ways.map(|(now, aim)| now / (now - aim)).fold(f64::INFINITY, f64::min);
            if !way.is_finite() {
                self.weights = aimed;
                return true;
            }
            let way = way.clamp(0.0, 1.0);
            let moved = self.weights.iter().zip(&aimed).map(|(now, aim)| now + way * (aim - now));
            let moved: Vec<_> = moved.collect();
            // Of those that would be below 0 the one that gets there first, whatever rounding says of it.
            let least = moved.iter().zip(&aimed).filter(|(_, aim)| **aim <= SMALLEST);
            let least = least.map(|(now, _)| *now).fold(f64::INFINITY, f64::min).max(SMALLEST);
            let kept = self.points.iter().zip(moved).filter(|(_, weight)| *weight > least);
            (self.points, self.weights) = kept.unzip();
            if self.points.is_empty() {
                return false;
            }
        }
        false
    }

    /// The weights, of either sign and together 1, of the nearest point in the plane of all points.
    fn in_plane(&self, scale: f64) -> Option<Vec<f64>> {
        let row = |at: &usize| {
            let row = self.gram.get(*at)?;
            self.points.iter().map(|other| Some(row.get(*other)? + scale)).collect()
        };
        let matrix: Vec<Vec<f64>> = self.points.iter().map(row).collect::<Option<_>>()?;
        let parts = Cholesky::new(&matrix)?;
        let ones = vec![1.0; matrix.len()];
        let mut solved = parts.solve(&ones);
        for _ in 0..2 {
            let missing: Vec<_> = matrix.iter().map(|row| 1.0 - dot(row, &solved)).collect();
            add(&mut solved, 1.0, &parts.solve(&missing));
        }
        let sum: f64 = solved.iter().sum();
        let weights: Vec<_> = solved.iter().map(|weight| weight / sum).collect();
        weights.iter().all(|weight| weight.is_finite()).then_some(weights)
    }
}

/// So much of the square of a point's length is rounding.
const OPTIMAL: f64 = 1e-13;
/// A weight below this is 0.
const SMALLEST: f64 = 1e-14;
/// Steps for each point; far more than are ever needed.
const STEPS: usize = 20;
