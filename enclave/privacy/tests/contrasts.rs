//! Sums of two arms that leave as a contrast and a pooled total.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail loudly")]

use crate::support::{Payer, proven, table};
use privacy::sampler::{Chance, Exact, Noise, Scale, Variance};
use privacy::{Names, Raw, Release, Totals};
use protocol::loss::Rho;
use protocol::proof::Proven;
use protocol::released::Released;
use protocol::tally::{Contrast, Dimension, Measure, Product};

/// Adds a constant, and says that it is noise.
struct Constant(i64);

impl Noise for Constant {
    fn gaussian(&mut self, _: Variance) -> i64 {
        self.0
    }

    fn laplace(&mut self, _: Scale) -> i64 {
        self.0
    }

    fn batch(&mut self, _: Chance, _: u32) -> Vec<u32> {
        Vec::new()
    }
}

/// Two measures, of which the second one leaves as a contrast of three times the test arm less twice the control arm.
fn two_arms() -> Proven {
    let arm = Dimension::Arm { column: "arm".to_owned(), test: vec![0], control: vec![2] };
    let mut tally = table(vec![arm, Dimension::Matched]);
    let spend: Measure = tally.measures[0].clone();
    tally.measures.push(spend);
    tally.products.push(Product::square(1));
    tally.contrast = Some(Contrast { test: 3, control: 2, measures: vec![1] });
    proven(tally, Rho(1_000_000_000_000), 0)
}

/// Cells in the tally's order: test, control, several and other, each not found and found, and refusers.
fn totals(people: [i64; 9]) -> Totals {
    let sums = vec![
        vec![1, 100, 2, 50, 7, 8, 9, 10, 11],
        vec![1_000, 4_000, 500, 2_500, 70, 80, 90, 100, 110],
    ];
    let products = vec![vec![1; 9], vec![10_000, 40_000, 5_000, 25_000, 7, 8, 9, 10, 11]];
    Totals { cells: Names::Public, people: people.to_vec(), sums, products, spread: Vec::new() }
}

fn release(proven: &Proven, people: [i64; 9], noise: &mut impl Noise) -> Release {
    Raw::new(proven.clone(), totals(people)).release(Payer::new(proven).pay(), noise).unwrap()
}

const PEOPLE: [i64; 9] = [100, 400, 120, 380, 5, 6, 700, 800, 9];

#[test]
fn a_contrast_leaves_in_two_forms_and_by_no_cell() {
    let proven = two_arms();
    let released = release(&proven, PEOPLE, &mut Constant(0));
    let view = released.view().unwrap();
    // Found and not found: 5,000 and 3,000.
    let sums = view.forms_of_sum(&[], 1).unwrap();
    assert_eq!((sums.contrast.value, sums.pooled.value), (15_000 - 6_000, 15_000 + 6_000));
    let squares = view.forms_of_product(&[], 1).unwrap();
    assert_eq!(
        (squares.contrast.value, squares.pooled.value),
        (450_000 - 120_000, 450_000 + 120_000)
    );
    assert_eq!((view.forms_of_sum(&[], 0), view.forms_of_product(&[], 0)), (None, None));
    // In the cells is the other measure alone.
    let cells: Vec<_> = view.cells().collect();
    assert_eq!(cells.len(), 8);
    for (cell, sum) in cells.iter().zip([1, 100, 2, 50]) {
        let found: Vec<_> = cell.sums.iter().map(|sum| sum.value).collect();
        assert_eq!((found, cell.products.len()), (vec![sum], 1));
    }
    // And what leaves is what a stranger reads.
    let bytes = released.released().to_bytes();
    assert_eq!(&Released::from_bytes(&bytes).unwrap(), released.released());
}

/// Nothing is told of two arms together if one of them is too small to be shown.
#[test]
fn no_contrast_leaves_if_an_arm_is_withheld() {
    let proven = two_arms();
    for small in [[20, 29, 120, 380, 5, 6, 700, 800, 9], [100, 400, 20, 29, 5, 6, 700, 800, 9]] {
        let released = release(&proven, small, &mut Constant(0));
        let view = released.view().unwrap();
        assert_eq!((view.forms_of_sum(&[], 1), view.forms_of_product(&[], 1)), (None, None));
        assert_eq!(view.len(), 6);
    }
}

#[test]
fn each_form_has_noise_of_its_own_as_the_proof_says() {
    let proven = two_arms();
    let vectors = proven.proof().vectors().unwrap().clone();
    let mut noise = Exact::from_seed([77; 32]);
    let (runs, mut squares, mut common) = (1_000, [0.0; 4], 0.0);
    for _ in 0..runs {
        let released = release(&proven, PEOPLE, &mut noise);
        let view = released.view().unwrap();
        let (sums, products) =
            (view.forms_of_sum(&[], 1).unwrap(), view.forms_of_product(&[], 1).unwrap());
        let real = |off: i128| f64::from(i32::try_from(off).unwrap());
        let off = [
            real((sums.contrast.value - 9_000).into()),
            real((sums.pooled.value - 21_000).into()),
            real(products.contrast.value - 330_000),
            real(products.pooled.value - 570_000),
        ];
        for (square, off) in squares.iter_mut().zip(off) {
            *square += off * off / f64::from(runs);
        }
        common += off[0] * off[1] / f64::from(runs);
    }
    let figures = [vectors.sums[1], vectors.pooled[0], vectors.products[1], vectors.pooled[1]];
    let sigmas = figures.map(|figure| figure.sigma.value());
    for (square, sigma) in squares.iter().zip(sigmas) {
        // The relative standard error is √(2/1000) = 4.5 %.
        assert!((square / sigma.powi(2) - 1.0).abs() < 0.2, "{square} {sigma}");
    }
    assert!(common.abs() < 0.15 * sigmas[0] * sigmas[1], "{common} {sigmas:?}");
}
