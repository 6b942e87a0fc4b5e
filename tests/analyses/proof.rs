//! What is proven of a sample's job, and the noise that is drawn for it.

use super::{counted::Counted, sample::Sample};
use privacy::sampler::{Chance, Noise, Scale, Variance};
use protocol::{analysis::Leaves, policy::price, proof, released::Released, tally::HeldOut};

/// Draws nothing, and keeps what was to be drawn.
#[derive(Default)]
struct Recorder {
    gaussian: Vec<f64>,
    laplace: Vec<f64>,
}

impl Noise for Recorder {
    fn gaussian(&mut self, variance: Variance) -> i64 {
        self.gaussian.push(variance.as_f64());
        0
    }

    fn laplace(&mut self, scale: Scale) -> i64 {
        self.laplace.push(scale.as_f64());
        0
    }

    fn batch(&mut self, _: Chance, people: u32) -> Vec<u32> {
        (0..people).collect()
    }
}

#[test]
fn the_job_is_admitted_and_its_proof_holds_whatever_the_data_are() {
    for sample in Sample::all() {
        let counted = Counted::new(&sample);
        let (name, proven) = (sample.name(), counted.proven());
        let (tally, proof) = (proven.tally().clone(), proven.proof().clone());
        let again = proof::check(tally, proof, counted.contract.min_cell);
        assert_eq!(again.as_ref(), Ok(proven), "{name}");
        let job = counted.admitted.job();
        let priced = price(&counted.contract, &job.analysis, &job.question);
        let priced = priced.unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        assert_eq!(
            priced.proof().cost,
            proven.proof().cost,
            "{name}: the price before there are data"
        );
        for dataset in counted.admitted.datasets() {
            let budget = &counted.contract.datasets[dataset].budgets[counted.admitted.purpose()];
            assert!(
                counted.admitted.cost().fits(&budget.per_period()),
                "{name}: the sample's job costs more than {dataset} may lose in one period"
            );
        }
    }
}

#[test]
fn the_noise_that_is_drawn_is_the_noise_of_the_proof() {
    for sample in Sample::all() {
        let counted = Counted::new(&sample);
        let (name, proven) = (sample.name(), counted.proven());
        let mut drawn = Recorder::default();
        let release = counted.release(proven, &counted.in_order(), &mut drawn);
        let variance = |figure: &proof::Figure| figure.sigma.value() * figure.sigma.value();
        match counted.admitted.job().question.leaves() {
            Leaves::Place(_) => {
                assert!(matches!(release.released(), Released::Place(_)), "{name}");
                let choice = proven.proof().choice().expect("a place is chosen");
                let scale = u64_as_f64(choice.range) * 1e6 / u64_as_f64(choice.epsilon_millionths);
                assert!(!drawn.laplace.is_empty() && drawn.gaussian.is_empty(), "{name}");
                for found in drawn.laplace {
                    assert!((found / scale - 1.0).abs() < 1e-6, "{name}: {found} for {scale}");
                }
            }
            Leaves::Steps => {
                let steps = proven.proof().steps().expect("a training");
                let program = proven.tally().program.as_ref().expect("a training");
                let counts = program.held_out.as_ref().map_or(0, HeldOut::counts);
                let all = usize::try_from(steps.count).unwrap() * program.plan().entries();
                let [label, step] = steps.everybody().expect("the sample is an additive model");
                let mut expected = vec![variance(&label)];
                expected.extend(vec![variance(&step); all]);
                expected.extend(vec![steps.scores.as_ref().map_or(0.0, variance); counts]);
                assert!(drawn.laplace.is_empty() && drawn.gaussian == expected, "{name}");
                assert!(matches!(release.released(), Released::Steps(_)), "{name}");
            }
            Leaves::Figures => {
                assert!(drawn.laplace.is_empty(), "{name}");
                // Entry by entry of each vector: one for each cell, or one in all for a contrast, a pooled total, and the
                // number of cells that are withheld; last, one for each bin of people by cells.
                let (tally, vectors) = (proven.tally(), proven.proof().vectors().unwrap());
                let sums = (0..vectors.sums.len()).map(|at| tally.contrast_of_sum(at).is_none());
                let products =
                    (0..vectors.products.len()).map(|at| tally.contrast_of_product(at).is_none());
                let single = vectors.pooled.iter().map(|_| false);
                let by_cell: Vec<bool> = std::iter::once(true)
                    .chain(sums)
                    .chain(products)
                    .chain(single)
                    .chain(vectors.selection.iter().map(|_| false))
                    .collect();
                let bins = tally.spread_bins();
                let whole = by_cell.iter().filter(|by_cell| **by_cell).count();
                let entries = (drawn.gaussian.len() - bins - (by_cell.len() - whole)) / whole;
                let spread = vectors.spread.iter().flat_map(|figure| vec![variance(figure); bins]);
                let expected: Vec<f64> = (vectors.all().zip(&by_cell))
                    .flat_map(|(figure, by_cell)| {
                        vec![variance(figure); if *by_cell { entries } else { 1 }]
                    })
                    .chain(spread)
                    .collect();
                assert!(entries > 0, "{name}: nothing is drawn");
                assert!(
                    drawn.gaussian == expected,
                    "{name}: {:?} for {expected:?}",
                    drawn.gaussian
                );
                let view = release.view().expect("figures leave");
                for cell in view.cells() {
                    let same = |found: f64, figure: &proof::Figure| {
                        assert!((found - variance(figure)).abs() < 1e-9 * found, "{name}: {found}");
                    };
                    same(cell.people.noise_variance, &vectors.people);
                    for (sum, figure) in cell.sums.iter().zip(&vectors.sums) {
                        same(sum.noise_variance, figure);
                    }
                }
            }
        }
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "far below 2^53")]
fn u64_as_f64(number: u64) -> f64 {
    number as f64
}
