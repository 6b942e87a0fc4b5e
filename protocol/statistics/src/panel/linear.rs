//! The little linear algebra that estimates from tables need: products, means, and symmetric systems.

use super::count;

/// The product of two rows.
pub(super) fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// The mean; 0 of nothing.
pub(super) fn mean(numbers: &[f64]) -> f64 {
    if numbers.is_empty() { 0.0 } else { numbers.iter().sum::<f64>() / count(numbers.len()) }
}

/// The mean of rows of so many numbers.
pub(super) fn mean_of(rows: &[Vec<f64>], length: usize) -> Vec<f64> {
    let mut sum = vec![0.0; length];
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
    }
    let rows = count(rows.len().max(1));
    sum.iter().map(|sum| sum / rows).collect()
}

/// A row times a number, added to another.
pub(super) fn add(to: &mut [f64], times: f64, row: &[f64]) {
    to.iter_mut().zip(row).for_each(|(to, number)| *to += times * number);
}

/// The products of rows with each other.
pub(super) fn gram(rows: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let mut all: Vec<Vec<f64>> = rows.iter().map(|_| Vec::with_capacity(rows.len())).collect();
    for (at, row) in rows.iter().enumerate() {
        let products: Vec<_> = rows.iter().take(at + 1).map(|other| dot(row, other)).collect();
        for (other, product) in all.iter_mut().zip(&products).take(at) {
            other.push(*product);
        }
        if let Some(own) = all.get_mut(at) {
            own.extend(products);
        }
    }
    all
}

/// A symmetric positive definite matrix in two triangles.
pub(super) struct Cholesky {
    lower: Vec<Vec<f64>>,
}

impl Cholesky {
    /// `None` if the matrix is not positive definite, or is so only by rounding.
    pub(super) fn new(matrix: &[Vec<f64>]) -> Option<Self> {
        let mut lower: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
        for (at, row) in matrix.iter().enumerate() {
            let mut own = Vec::with_capacity(at + 1);
            for (number, before) in row.iter().zip(&lower) {
                // `own` is as long as what stands left of the diagonal of `before`.
                own.push((number - dot(&own, before)) / before.last()?);
            }
            let diagonal = *row.get(at)?;
            let left = diagonal - dot(&own, &own);
            if left.is_nan() || left <= diagonal * SINGULAR {
                return None;
            }
            own.push(left.sqrt());
            lower.push(own);
        }
        Some(Self { lower })
    }

    /// What times the matrix is `right`.
    pub(super) fn solve(&self, right: &[f64]) -> Vec<f64> {
        let mut solved: Vec<f64> = Vec::with_capacity(right.len());
        for (number, row) in right.iter().zip(&self.lower) {
            let diagonal = row.last().copied().unwrap_or(1.0);
            solved.push((number - dot(&solved, row)) / diagonal);
        }
        let mut rest = solved.as_mut_slice();
        let mut reversed = Vec::with_capacity(right.len());
        for row in self.lower.iter().rev() {
            let Some((last, before)) = rest.split_last_mut() else { break };
            let number = *last / row.last().copied().unwrap_or(1.0);
            add(before, -number, row);
            reversed.push(number);
            rest = before;
        }
        reversed.reverse();
        reversed
    }
}

/// The matrix with `more` on its diagonal.
pub(super) fn with_diagonal(matrix: &[Vec<f64>], more: f64) -> Vec<Vec<f64>> {
    let mut all = matrix.to_vec();
    for (at, row) in all.iter_mut().enumerate() {
        if let Some(number) = row.get_mut(at) {
            *number += more;
        }
    }
    all
}

/// The largest eigenvalue of a symmetric matrix without negative ones; 0 of a matrix of zeros.
pub(super) fn largest_eigenvalue(matrix: &[Vec<f64>]) -> f64 {
    // Positive and unequal, so that it is not orthogonal to what is looked for.
    let mut vector: Vec<_> = (0..matrix.len()).map(|at| 1.0 + count(at) / 1024.0).collect();
    let (mut found, mut length) = (0.0_f64, dot(&vector, &vector).sqrt());
    for _ in 0..EIGEN_STEPS {
        if length <= 0.0 {
            return 0.0;
        }
        vector.iter_mut().for_each(|number| *number /= length);
        let next: Vec<_> = matrix.iter().map(|row| dot(row, &vector)).collect();
        let value = dot(&next, &vector);
        length = dot(&next, &next).sqrt();
        let is_settled = (value - found).abs() <= 1e-15 * value.abs();
        (vector, found) = (next, value);
        if is_settled {
            break;
        }
    }
    found
}

/// What rounding leaves of a diagonal that should be nothing.
const SINGULAR: f64 = 1e-13;
const EIGEN_STEPS: u32 = 5000;
