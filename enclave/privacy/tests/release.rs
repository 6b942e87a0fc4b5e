//! The door: noise on everything, the threshold, and only for who has paid.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly")]

use crate::silent::Silent;
use crate::support::room::{self, NOW};
use privacy::sampler::{Chance, Exact, Noise, Scale, Variance};
use privacy::{Ledger, Mismatch, Names, Paid, Raw, Release, Totals};
use proptest::prelude::*;
use protocol::analysis::lift::Arms;
use protocol::job::OutcomeKind;
use protocol::loss::{Loss, Rho};
use protocol::proof::{self, Leaves, Proven};

/// Remembers how wide the noise was that it was asked for.
#[derive(Default)]
struct Witness(Vec<f64>);

impl Noise for Witness {
    fn gaussian(&mut self, sigma_squared: Variance) -> i64 {
        self.0.push(sigma_squared.as_f64());
        0
    }

    fn laplace(&mut self, _: Scale) -> i64 {
        0
    }

    fn batch(&mut self, _: Chance, _: u32) -> Vec<u32> {
        Vec::new()
    }
}

fn paid() -> Paid {
    let contract = room::contract();
    let outcomes = vec![
        room::outcome("visit", OutcomeKind::Binary, 1, 0),
        room::outcome("spend", OutcomeKind::Value, 10_000, 2),
    ];
    let admitted = room::admitted(&contract, room::lift(outcomes), 1024);
    let mut ledger = Ledger::new();
    for dataset in ["exposures", "sales"] {
        let slice = room::slice(&contract, dataset, Loss::zcdp(Rho(u64::MAX >> 20)));
        ledger.accept(&slice, &contract, NOW).unwrap();
    }
    ledger.pay(admitted, &contract, NOW).unwrap()
}

fn proven() -> Proven {
    paid().admitted().proven().clone()
}

/// Two outcomes; the second has squares.
fn totals(n: [i64; 7]) -> Totals {
    let (sums, products) = (vec![vec![7; CELLS]; 2], vec![vec![49; CELLS]]);
    Totals { cells: Names::Public, people: by_cell(n).to_vec(), sums, products, spread: Vec::new() }
}

/// People in the order of `Cell::ALL`, in the cells of the tally: of those in both arms or in another
/// one nobody was found.
fn by_cell([test, test_un, control, control_un, both, other, refused]: [i64; 7]) -> [i64; CELLS] {
    [test_un, test, control_un, control, both, 0, other, 0, refused]
}

fn silent(n: [i64; 7]) -> Release {
    Raw::new(proven(), totals(n)).release(paid(), &mut Silent).unwrap()
}

fn arms(release: &Release) -> Arms {
    Arms::new(&release.view().unwrap())
}

fn shown(released: &Release) -> Vec<Option<i64>> {
    // Where both datasets ask for consent, the last two of `Cell::ALL` are not told.
    arms(released).cells.iter().take(7).map(|cell| cell.n).collect()
}

#[test]
fn every_figure_gets_the_noise_that_was_paid_for() {
    let mut witness = Witness::default();
    let proven = proven();
    Raw::new(proven.clone(), totals([0; 7])).release(paid(), &mut witness).unwrap();
    let figures = proven.proof().vectors().unwrap().all().enumerate();
    // People and the first sum are in cells; the second sum and its squares leave in two forms each.
    let draws = |at: usize| if at < 2 { CELLS } else { 1 };
    let expected = figures.flat_map(|(at, it)| vec![it.sigma.value().powi(2); draws(at)]);
    let expected: Vec<_> = expected.collect();
    assert_eq!(witness.0.len(), 2 * CELLS + 2 + 2);
    assert_eq!(witness.0.len(), expected.len());
    let close = witness.0.iter().zip(&expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-12);
    assert!(close, "{:?} {expected:?}", witness.0);
}

#[test]
fn a_payment_for_another_question_releases_nothing() {
    let contract = room::contract();
    let outcomes = vec![room::outcome("visit", OutcomeKind::Binary, 1, 0)];
    let fewer = room::admitted(&contract, room::lift(outcomes), 1024).proven().clone();
    let refused = Raw::new(fewer, totals([0; 7])).release(paid(), &mut Silent);
    assert_eq!(refused.unwrap_err(), Mismatch::OtherQuestion);
}

/// The tally alone does not make a question: noise of another price is another one.
#[test]
fn a_payment_for_the_same_tally_at_another_price_releases_nothing() {
    let proven = proven();
    let mut proof = proven.proof().clone();
    let Leaves::Figures(vectors) = &mut proof.leaves else { panic!("figures leave") };
    vectors.people.sigma.0 += 1;
    let other = proof::check(proven.tally().clone(), proof, 50).unwrap();
    let refused = Raw::new(other, totals([0; 7])).release(paid(), &mut Silent);
    assert_eq!(refused.unwrap_err(), Mismatch::OtherQuestion);
}

#[test]
fn refuses_totals_that_are_not_one_for_each_figure() {
    let refusal = |change: fn(&mut Totals)| {
        let mut totals = totals([100; 7]);
        change(&mut totals);
        Raw::new(proven(), totals).release(paid(), &mut Silent).unwrap_err()
    };
    let changes: [fn(&mut Totals); 6] = [
        |it| it.people.truncate(CELLS - 1),
        |it| it.sums.truncate(1),
        |it| it.products.clear(),
        |it| it.products.push(vec![0; CELLS]),
        |it| it.sums.iter_mut().for_each(Vec::clear),
        |it| it.cells = Names::Data(Vec::new()),
    ];
    for change in changes {
        assert_eq!(refusal(change), Mismatch::Shape);
    }
}

/// The better an arm is matched, the fewer of it are not: whoever hid these hid the match rate.
#[test]
fn cells_of_an_arm_that_is_shown_are_shown_however_small() {
    let released = silent([3, 546, 50, 50, 49, 50, 0]);
    let expected = [3, 546, 50, 50, 49, 50, 0].map(Some);
    assert_eq!(shown(&released), expected);
    assert_eq!(arms(&released).test.unwrap().people.value, 549);
    assert_eq!(arms(&released).control.unwrap().people.value, 100);
}

#[test]
fn a_small_arm_is_withheld() {
    let released = silent([25, 24, 25, 25, 0, 0, 0]);
    assert!(arms(&released).test.is_none());
    assert_eq!(arms(&released).control.unwrap().people.value, 50);
    assert_eq!(shown(&released), [None, None, Some(25), Some(25), Some(0), Some(0), Some(0)]);
}

#[test]
fn silence_says_that_it_is_silent() {
    assert!(!silent([100; 7]).released().is_noisy());
    let noisy = Raw::new(proven(), totals([100; 7]))
        .release(paid(), &mut Exact::from_seed([1; 32]))
        .unwrap();
    assert!(noisy.released().is_noisy());
    let proven = proven();
    let test = arms(&noisy).test.unwrap();
    // Two cells, two draws.
    let ratio =
        test.people.noise_variance / proven.proof().vectors().unwrap().people.sigma.value().powi(2);
    assert!((ratio - 2.0).abs() < 1e-12, "{ratio}");
}

#[test]
fn a_broken_join_shows() {
    assert!(arms(&silent([49, 9_951, 50, 9_950, 0, 0, 0])).low_match());
    assert!(!arms(&silent([50, 9_950, 50, 9_950, 0, 0, 0])).low_match());
}

proptest! {
    /// No figure of a row, however large, makes releasing fail or wrap.
    #[test]
    fn releasing_is_total(n in any::<[i64; CELLS]>(), sum: i64, sum_sq: i64, seed: [u8; 32]) {
        let (sums, products) = (vec![vec![sum; CELLS]; 2], vec![vec![sum_sq; CELLS]]);
        let totals = Totals { cells: Names::Public, people: n.to_vec(), sums, products, spread: Vec::new() };
        let released = Raw::new(proven(), totals).release(paid(), &mut Exact::from_seed(seed)).unwrap();
        let Arms { cells, test, control, .. } = arms(&released);
        // Where both datasets ask for consent, the last two are not told.
        prop_assert_eq!(cells.len(), 9);
        let cells = &cells[..7];
        let arms = [&test, &control];
        prop_assert!(arms.into_iter().flatten().all(|arm| arm.people.value >= 50));
        for (cell, arm) in cells.iter().zip([0, 0, 1, 1].map(|at| arms[at])) {
            prop_assert_eq!(cell.n.is_some(), arm.is_some());
        }
    }
}

#[test]
fn nothing_prints_a_figure() {
    let totals = totals([123_456_789; 7]);
    let raw = Raw::new(proven(), totals.clone());
    assert_eq!(format!("{raw:?} {totals:?} {:?}", totals.cells), "Raw(..) Totals(..) Names(..)");
}

/// Four arms, found or not, and who gave no consent.
const CELLS: usize = 9;
