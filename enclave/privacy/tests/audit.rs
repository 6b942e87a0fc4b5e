//! An empirical audit: how much do runs on neighbouring inputs betray, against what was claimed?
//!
//! From many runs of each, [`betrayed`] gives a lower bound of ε that holds with confidence 1 - 10⁻⁶,
//! whatever the mechanism is. It must stay below the claim, and must exceed it for a broken build.
//! The quick suite runs less often (see [`runs`]); `GLOVEBOX_TEST_FULL=1` makes it a million.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

use crate::betrayed::{at_least, betrayed};
use crate::support::{Payer, group, proven, table};
use privacy::sampler::{Chance, Exact, Noise, Scale, Variance};
use privacy::{Names, Raw, Release, Totals};
use protocol::loss::{Delta, Rho};
use protocol::proof::{self, By, Proven};
use protocol::released::{Place, Released};
use protocol::tally::{Dimension, Side, Tally};

mod dense;

/// Noise of half the width: what every audit must catch.
struct Halved(Exact);

impl Noise for Halved {
    fn gaussian(&mut self, it: Variance) -> i64 {
        self.0.gaussian(Variance::new(it.numerator(), 4 * u128::from(it.denominator())).unwrap())
    }

    fn laplace(&mut self, it: Scale) -> i64 {
        self.0.laplace(Scale::new(it.numerator(), 2 * u128::from(it.denominator())).unwrap())
    }

    fn batch(&mut self, chance: Chance, people: u32) -> Vec<u32> {
        self.0.batch(chance, people)
    }
}

/// Noise that is off by so much, which is the same as a threshold lowered by it.
struct Lifted(Exact, i64);

impl Noise for Lifted {
    fn gaussian(&mut self, it: Variance) -> i64 {
        self.0.gaussian(it) + self.1
    }

    fn laplace(&mut self, it: Scale) -> i64 {
        self.0.laplace(it)
    }

    fn batch(&mut self, chance: Chance, people: u32) -> Vec<u32> {
        self.0.batch(chance, people)
    }
}

fn honest(seed: u8) -> Exact {
    Exact::from_seed([seed; 32])
}

/// The least ε that follows from ρ at [`DELTA`].
///
/// Source: Canonne, Kamath and Steinke 2020, <https://arxiv.org/abs/2004.00010>, Proposition 12.
fn claimed(rho: Rho) -> f64 {
    let at_order = |order: f64| {
        let rest = -(DELTA * order).ln() / (order - 1.0) + (-1.0 / order).ln_1p();
        rho.value() * order + rest
    };
    let orders = (101..100_000_u32).map(|hundredths| f64::from(hundredths) / 100.0);
    let least = orders.map(at_order).fold(f64::INFINITY, f64::min);
    // What ρ is sold as is the same, but for the grid.
    assert!((least / rho.epsilon(Delta::new(DELTA).unwrap()) - 1.0).abs() < 1e-3);
    least
}

#[test]
fn the_discrete_gaussian_betrays_no_more_than_claimed() {
    let claim = claimed(Rho(500_000_000_000));
    let one = Variance::new(1, 1).unwrap();
    let audit = |noise: &mut dyn Noise| {
        let (with, without) = pair(runs(200_000), |person| noise.gaussian(one) + person);
        betrayed(&with, &without, DELTA)
    };
    below(audit(&mut honest(31)), claim);
    above(audit(&mut Halved(honest(32))), claim);
}

#[test]
fn the_discrete_laplace_betrays_no_more_than_claimed() {
    let one = Scale::new(1, 1).unwrap();
    let audit = |noise: &mut dyn Noise| {
        let (with, without) = pair(runs(200_000), |person| noise.laplace(one) + person);
        betrayed(&with, &without, 0.0)
    };
    let found = audit(&mut honest(33));
    below(found, 1.0);
    // The audit sees nearly all of it.
    above(found, 0.9);
    above(audit(&mut Halved(honest(34))), 1.0);
}

/// Stores, how many people visited each, and nothing else: all of the price is for head counts and for the
/// number of cells.
fn stores(rho: Rho, selection_delta: u64) -> Proven {
    let label = Dimension::Label { side: Side::JOINED, column: "store".to_owned() };
    let mut tally = table(vec![label]);
    tally.measures.clear();
    tally.products.clear();
    proven(tally, rho, selection_delta)
}

/// People of the stores, in order of their names; nobody refused.
fn visits(people: &[i64]) -> Totals {
    let names = (1..).take(people.len()).map(|at| vec![Place::Label([at; 32])]);
    let people = [people, &[0]].concat();
    Totals {
        cells: Names::Data(names.collect()),
        people,
        sums: Vec::new(),
        products: Vec::new(),
        spread: Vec::new(),
    }
}

/// A store that one person alone has visited is shown with probability δ at most, here 1 %, and not much
/// more rarely: the threshold has no room for a mistake.
#[test]
fn a_cell_of_one_person_is_shown_no_more_often_than_claimed() {
    let question = stores(Rho(500_000_000), 10_000_000_000_000);
    let (sigma, payer) = (question.proof().vectors().unwrap().people.sigma, Payer::new(&question));
    let audit = |noise: &mut dyn Noise, runs: u32| {
        let shown = (0..runs).filter(|_| {
            let raw = Raw::new(question.clone(), visits(&[5_000, 1]));
            let released = raw.release(payer.pay(), &mut &mut *noise).unwrap();
            released.view().unwrap().len() > 1
        });
        at_least(shown.count(), usize::try_from(runs).unwrap(), 1e-6)
    };
    let found = audit(&mut honest(35), runs(50_000));
    below(found, 0.01);
    above(found, 0.005);
    #[expect(clippy::as_conversions, reason = "small")]
    let lower = sigma.value() as i64;
    above(audit(&mut Lifted(honest(36), lower), 20_000), 0.01);
}

/// A store just at the threshold: with the person it is shown more often, and with a larger number.
#[test]
fn a_cell_at_the_threshold_betrays_no_more_than_claimed() {
    let rho = Rho(555_556_000_000);
    let question = stores(rho, 1_000_000);
    let (threshold, payer) =
        (question.proof().vectors().unwrap().selection.unwrap().threshold, Payer::new(&question));
    let threshold = i64::try_from(threshold).unwrap();
    let audit = |noise: &mut dyn Noise| {
        let (with, without) = pair(runs(100_000), |person| {
            let raw = Raw::new(question.clone(), visits(&[5_000, threshold - 1 + person]));
            let released = raw.release(payer.pay(), &mut &mut *noise).unwrap();
            let seen = released.view().unwrap().cells().nth(1);
            seen.map_or(WITHHELD, |it| it.people.value - threshold)
        });
        betrayed(&with, &without, DELTA)
    };
    below(audit(&mut honest(43)), claimed(rho));
    above(audit(&mut Halved(honest(44))), claimed(rho));
}

/// How many stores are withheld, when the person is the only one who visited one of them. Claimed is that
/// number's own share of the price, which here gives it a noise of σ = 1.
#[test]
fn the_number_of_withheld_cells_betrays_no_more_than_claimed() {
    let question = stores(Rho(5_000_000_000_000), 1_000_000);
    let (share, payer) = (
        question.proof().vectors().unwrap().selection.unwrap().withheld.rho,
        Payer::new(&question),
    );
    let audit = |noise: &mut dyn Noise| {
        let (with, without) = pair(runs(100_000), |person| {
            let people = [5_000, 1];
            let raw = Raw::new(question.clone(), visits(people.get(..=index(person)).unwrap()));
            let released = raw.release(payer.pay(), &mut &mut *noise).unwrap();
            let groups = released.view().unwrap();
            assert_eq!(groups.len(), 1, "nobody's own store is shown");
            groups.withheld().value
        });
        betrayed(&with, &without, DELTA)
    };
    below(audit(&mut honest(45)), claimed(share));
    above(audit(&mut Halved(honest(46))), claimed(share));
}

fn place(release: &Release) -> i64 {
    let Released::Place(chosen) = release.released() else { panic!("a place") };
    chosen.place.into()
}

#[test]
fn choosing_the_fullest_group_betrays_no_more_than_claimed() {
    // ε = √(2ρ) = 1.
    let question = choice(table(vec![group(2)]), By::Fullest, Rho(500_000_000_000));
    let payer = Payer::new(&question);
    let audit = |noise: &mut dyn Noise| {
        let (with, without) = pair(runs(20_000), |person| {
            let totals = public(&question, &[1_000 + person, 1_001, 9_000, 9_000], 0, 0);
            let raw = Raw::new(question.clone(), totals);
            let chosen = raw.release(payer.pay(), &mut &mut *noise).unwrap();
            place(&chosen)
        });
        betrayed(&with, &without, 0.0)
    };
    below(audit(&mut honest(37)), 1.0);
    above(audit(&mut Halved(honest(38))), 1.0);
}

#[test]
fn a_quantile_betrays_no_more_than_claimed() {
    let bins = Dimension::Bins { measure: 0, edges: vec![2, 4] };
    let question = choice(table(vec![bins]), By::Quantile(500_000), Rho(500_000_000_000));
    let payer = Payer::new(&question);
    let audit = |noise: &mut dyn Noise| {
        // Somebody between the edges moves one score up and the other down: no pair moves further.
        let (with, without) = pair(runs(20_000), |person| {
            let totals = public(&question, &[0, person, 70, 0], 0, 0);
            let raw = Raw::new(question.clone(), totals);
            let chosen = raw.release(payer.pay(), &mut &mut *noise).unwrap();
            place(&chosen)
        });
        betrayed(&with, &without, 0.0)
    };
    below(audit(&mut honest(39)), 1.0);
    above(audit(&mut Halved(honest(40))), 1.0);
}

/// Tally, proof, payment, release: the loudest person there can be, in the loudest of statistics.
#[test]
fn a_whole_release_betrays_no_more_than_claimed() {
    // ε = 4 at δ = 10⁻⁶.
    let rho = Rho(254_000_000_000);
    let question = proven(table(vec![group(1)]), rho, 0);
    let (proof, clamp, payer) = (question.proof(), 10, Payer::new(&question));
    let moved = [1, clamp, clamp * clamp];
    let figures = [
        proof.vectors().unwrap().people,
        proof.vectors().unwrap().sums[0],
        proof.vectors().unwrap().products[0],
    ];
    // The log-likelihood ratio: a sum of what each figure moves, in units of its variance.
    let weights =
        moved.iter().zip(figures).map(|(it, figure)| real(*it) / figure.sigma.value().powi(2));
    let weights: Vec<f64> = weights.collect();
    let spread: f64 = moved.iter().zip(&weights).map(|(it, weight)| real(*it) * weight).sum();
    let audit = |noise: &mut dyn Noise| {
        let (with, without) = pair(runs(30_000), |person| {
            let (sum, square) = (500 + clamp * person, 5_000 + clamp * clamp * person);
            let totals = public(&question, &[1_000 + person, 1_000, 0], sum, square);
            let raw = Raw::new(question.clone(), totals);
            let released = raw.release(payer.pay(), &mut &mut *noise).unwrap();
            let group = released.view().unwrap().cells().next().unwrap();
            let square = i64::try_from(group.products[0].value).unwrap();
            let seen = [group.people.value, group.sums[0].value, square];
            let base = [1_000, 500, 5_000];
            let ratio: f64 = (seen.iter().zip(base).zip(&weights))
                .map(|((seen, base), weight)| real(seen - base) * weight)
                .sum();
            // Quarters of the standard deviation that honest noise gives it.
            #[expect(clippy::as_conversions, reason = "a few dozen")]
            let quarters = (4.0 * ratio / spread.sqrt()).floor() as i64;
            quarters
        });
        betrayed(&with, &without, DELTA)
    };
    below(audit(&mut honest(41)), claimed(rho));
    above(audit(&mut Halved(honest(42))), claimed(rho));
}

/// The choice from `tally` that costs all of `rho`.
fn choice(tally: Tally, by: By, rho: Rho) -> Proven {
    let proof = tally.prove_choice(by, rho, 50).unwrap();
    proof::check(tally, proof, 50).unwrap()
}

/// The first group has this sum and square; the others none.
fn public(question: &Proven, people: &[i64], sum: i64, square: i64) -> Totals {
    let cells = usize::try_from(question.tally().cell_count().unwrap()).unwrap();
    assert_eq!(people.len(), cells);
    let column = |first: i64| [&[first], vec![0; cells - 1].as_slice()].concat();
    let (sums, products) = (vec![column(sum)], vec![column(square)]);
    Totals { cells: Names::Public, people: people.to_vec(), sums, products, spread: Vec::new() }
}

/// Outcomes with one person more, and without.
fn pair(runs: u32, mut outcome: impl FnMut(i64) -> i64) -> (Vec<i64>, Vec<i64>) {
    let with = (0..runs).map(|_| outcome(1)).collect();
    (with, (0..runs).map(|_| outcome(0)).collect())
}

#[expect(clippy::print_stderr, reason = "the figure that was found is the point of an audit")]
fn below(found: f64, claim: f64) {
    eprintln!("betrayed at least {found:.4}, claimed {claim:.4}");
    assert!(found <= claim, "betrays {found}, claims {claim}");
}

#[expect(clippy::print_stderr, reason = "the figure that was found is the point of an audit")]
fn above(found: f64, claim: f64) {
    eprintln!("betrayed at least {found:.4}, more than {claim:.4}");
    assert!(found > claim, "a broken build betrays {found} and was not caught at {claim}");
}

/// How often, given what the quick suite can afford.
fn runs(quick: u32) -> u32 {
    if std::env::var_os("GLOVEBOX_TEST_FULL").is_some() { 1_000_000 } else { quick }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "below 2^53")]
fn real(number: i64) -> f64 {
    number as f64
}

fn index(number: i64) -> usize {
    usize::try_from(number).unwrap()
}

/// δ at which ρ is sold here.
const DELTA: f64 = 1e-3;
/// Stands for a cell that is not shown: below every cut.
const WITHHELD: i64 = -100;
