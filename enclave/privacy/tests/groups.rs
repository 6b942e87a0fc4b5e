//! Tables of groups: what is shown, what is added up, and what only the number of is told.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test may fail loudly")]

use crate::silent::Silent;
use crate::support::{Payer, group, proven, table};
use privacy::sampler::{Chance, Exact, Noise, Scale, Variance};
use privacy::{Mismatch, Names, Raw, Release, Totals};
use proptest::prelude::*;
use protocol::loss::Rho;
use protocol::proof::{self, By, Proven};
use protocol::released::{GroupFigures, Place, Released};
use protocol::tally::{Dimension, Side, Tally};

/// Adds the same to everything, and says that it is noise.
struct Constant(i64);

impl Noise for Constant {
    fn gaussian(&mut self, _: Variance) -> i64 {
        self.0
    }

    fn laplace(&mut self, _: Scale) -> i64 {
        self.0.max(0)
    }

    fn batch(&mut self, _: Chance, _: u32) -> Vec<u32> {
        Vec::new()
    }
}

fn label() -> Dimension {
    Dimension::Label { side: Side::JOINED, column: "store".to_owned() }
}

/// Matched or not, by three values and none.
fn public() -> Proven {
    proven(table(vec![Dimension::Matched, group(3)]), RHO, 0)
}

fn named() -> Proven {
    proven(table(vec![label(), Dimension::Matched]), RHO, 1_000_000)
}

/// Every sum is a thousand and every square ten thousand.
fn totals(cells: Names, people: &[i64]) -> Totals {
    let (sums, products) = (vec![vec![1_000; people.len()]], vec![vec![10_000; people.len()]]);
    Totals { cells, people: people.to_vec(), sums, products, spread: Vec::new() }
}

fn release(proven: &Proven, totals: Totals, noise: &mut impl Noise) -> Release {
    Raw::new(proven.clone(), totals).release(Payer::new(proven).pay(), noise).unwrap()
}

fn store(name: u8, matched: u32) -> Vec<Place> {
    vec![Place::Label([name; 32]), Place::Index(matched)]
}

#[test]
fn public_groups_are_named_by_their_places_and_the_rest_is_other() {
    let people = [60, 49, 20, 50, 500, 0, 30, 70, 80];
    let released = release(&public(), totals(Names::Public, &people), &mut Constant(0));
    let groups = released.view().unwrap();
    let shown: Vec<_> = groups.cells().map(|it| (it.name.clone(), it.people.value)).collect();
    let name = |places: [u32; 2]| places.map(Place::Index).to_vec();
    let expected = [([0, 0], 60), ([0, 3], 50), ([1, 0], 500), ([1, 3], 70)];
    assert_eq!(shown, expected.map(|(places, people)| (name(places), people)));
    let other = groups.other().unwrap();
    assert_eq!(other.name, []);
    assert_eq!(
        (other.people.value, other.sums[0].value, other.products[0].value),
        (99, 4_000, 40_000)
    );
    // Four cells, four draws.
    let one = groups.cells().next().unwrap();
    for (sum, one) in figures(&other).into_iter().zip(figures(&one)) {
        assert!((sum / one - 4.0).abs() < 1e-12);
    }
    let number = groups.withheld();
    assert_eq!((number.value, number.noise_variance.to_bits()), (4, 0));
    assert_eq!(groups.no_consent().unwrap().value, 80);
    // All four are of a value.
    assert_eq!(groups.withheld_without_value(), Some(0));
}

fn figures(group: &GroupFigures) -> Vec<f64> {
    let counts = std::iter::once(&group.people).chain(&group.sums).map(|it| it.noise_variance);
    counts.chain(group.products.iter().map(|it| it.noise_variance)).collect()
}

#[test]
fn what_is_small_in_sum_is_not_shown_as_other_either() {
    let people = [60, 60, 60, 60, 60, 60, 24, 25, 49];
    let released = release(&public(), totals(Names::Public, &people), &mut Constant(0));
    let groups = released.view().unwrap();
    assert_eq!((groups.len(), groups.other(), groups.no_consent()), (6, None, None));
}

#[test]
fn every_cell_and_figure_gets_its_own_noise_an_empty_one_too() {
    let proven = public();
    let (runs, cells) = (400, 9);
    let mut seen = vec![[0.0; 3]; cells];
    let mut noise = Exact::from_seed([51; 32]);
    for _ in 0..runs {
        let released = release(&proven, totals(Names::Public, &[10_000; 9]), &mut noise);
        for (at, group) in released.view().unwrap().cells().enumerate() {
            let off = [
                group.people.value - 10_000,
                group.sums[0].value - 1_000,
                i64::try_from(group.products[0].value).unwrap() - 10_000,
            ];
            for (sum, off) in seen[at].iter_mut().zip(off) {
                *sum += f64::from(i32::try_from(off).unwrap()).powi(2) / f64::from(runs);
            }
        }
    }
    let proof = proven.proof();
    let sigmas = [
        proof.vectors().unwrap().people,
        proof.vectors().unwrap().sums[0],
        proof.vectors().unwrap().products[0],
    ]
    .map(|it| it.sigma.value());
    for cell in &seen[..8] {
        for (square, sigma) in cell.iter().zip(sigmas) {
            // The relative standard error is √(2/400) = 7 %.
            assert!((square / sigma.powi(2) - 1.0).abs() < 0.45, "{square} {sigma}");
        }
    }
}

#[test]
fn groups_that_the_data_name_pass_the_higher_threshold_only() {
    let proven = named();
    let selection = proven.proof().vectors().unwrap().selection.unwrap();
    let least = i64::try_from(selection.threshold).unwrap();
    assert!(least > 50);
    let names = vec![store(1, 0), store(1, 1), store(2, 1), store(3, 0)];
    let people = [least - 1, least, 49, 10 * least, 50];
    let released = release(&proven, totals(Names::Data(names), &people), &mut Constant(0));
    let groups = released.view().unwrap();
    let shown: Vec<_> = groups.cells().map(|it| (it.name, it.people.value)).collect();
    assert_eq!(shown, [(store(1, 1), least), (store(3, 0), 10 * least)]);
    // A sum over cells that might not be there would tell that they are.
    assert_eq!((groups.other(), groups.withheld_without_value()), (None, None));
    // The cell of who did not agree is always there, so that it is shown like a public one.
    assert_eq!(groups.no_consent().unwrap().value, 50);
    let number = groups.withheld();
    let variance = selection.withheld.sigma.value().powi(2);
    assert_eq!(number.value, 2);
    assert!((number.noise_variance / variance - 1.0).abs() < 1e-12);
    // Two deviations of the noise on their number, and not below 0: which of the two there are is not told.
    let shows = groups.thresholds();
    assert_eq!((shows.groups, shows.no_consent), (least, 50));
}

#[test]
fn the_number_of_cells_that_the_data_name_is_noisy() {
    let people = [1, 1, 1, 0];
    let names = vec![store(1, 0), store(1, 1), store(2, 1)];
    let released = release(&named(), totals(Names::Data(names), &people), &mut Constant(7));
    assert_eq!(released.view().unwrap().withheld().value, 10);
}

#[test]
fn a_named_cell_without_people_is_none() {
    let names = vec![store(1, 0), store(1, 1)];
    let totals = totals(Names::Data(names), &[0, 10_000, 0]);
    let released = release(&named(), totals, &mut Constant(0));
    let groups = released.view().unwrap();
    assert_eq!(groups.cells().map(|it| it.name).collect::<Vec<_>>(), [store(1, 1)]);
    assert_eq!(groups.withheld().value, 0);
}

#[test]
fn refuses_cells_out_of_order_or_twice() {
    let proven = named();
    for names in [[store(2, 0), store(1, 0)], [store(1, 0), store(1, 0)]] {
        let raw = Raw::new(proven.clone(), totals(Names::Data(names.to_vec()), &[1, 1, 1]));
        let refused = raw.release(Payer::new(&proven).pay(), &mut Constant(0));
        assert_eq!(refused.unwrap_err(), Mismatch::Shape);
    }
    let raw = Raw::new(proven.clone(), totals(Names::Public, &[1, 1, 1]));
    let refused = raw.release(Payer::new(&proven).pay(), &mut Constant(0));
    assert_eq!(refused.unwrap_err(), Mismatch::Shape);
}

/// The choice from `tally` that costs all of `rho`.
fn choice(tally: Tally, by: By, rho: Rho) -> Proven {
    let proof = tally.prove_choice(by, rho, 50).unwrap();
    proof::check(tally, proof, 50).unwrap()
}

fn bins() -> Tally {
    table(vec![Dimension::Bins { measure: 0, edges: vec![1, 2, 5, 10] }])
}

fn choose(proven: &Proven, people: &[i64]) -> u32 {
    let raw = Raw::new(proven.clone(), totals(Names::Public, people));
    place(&raw.release(Payer::new(proven).pay(), &mut Constant(0)).unwrap())
}

fn place(release: &Release) -> u32 {
    let Released::Place(chosen) = release.released() else { panic!("a place") };
    chosen.place
}

#[test]
fn the_fullest_group_and_a_quantile_are_chosen() {
    // Whoever has no value, or did not agree, is in no group that could be chosen; of equals the first.
    let fullest = choice(table(vec![group(4)]), By::Fullest, RHO);
    assert_eq!(choose(&fullest, &[60, 490, 20, 490, 500, 8_000]), 1);
    for (share, place) in [(1, 0), (300_000, 1), (500_000, 1), (750_000, 2), (999_999, 3)] {
        // Below the edges: 100, 400, 700, 900 of 1000.
        let quantile = choice(bins(), By::Quantile(share), RHO);
        assert_eq!(choose(&quantile, &[100, 300, 300, 200, 100, 5_000]), place);
    }
}

#[test]
fn a_place_that_was_chosen_without_noise_says_so() {
    let fullest = choice(table(vec![group(4)]), By::Fullest, RHO);
    let says_noise = |release: Release| {
        let Released::Place(chosen) = release.released() else { panic!("a place") };
        chosen.noise
    };
    let totals = || totals(Names::Public, &[60, 490, 20, 490, 500, 8_000]);
    assert!(says_noise(release(&fullest, totals(), &mut Exact::from_seed([3; 32]))));
    assert!(!says_noise(release(&fullest, totals(), &mut Silent)));
}

#[test]
fn what_was_paid_as_a_choice_releases_no_figure_and_the_other_way_round() {
    let people = [60, 490, 20, 490, 500, 8_000];
    let tally = table(vec![group(4)]);
    let (chosen, figures) = (choice(tally.clone(), By::Fullest, RHO), proven(tally, RHO, 0));
    let raw = |proven: &Proven| Raw::new(proven.clone(), totals(Names::Public, &people));
    let noise = &mut Constant(0);
    let release = raw(&chosen).release(Payer::new(&chosen).pay(), noise).unwrap();
    assert!(release.view().is_none() && matches!(release.released(), Released::Place(_)));
    let release = raw(&figures).release(Payer::new(&figures).pay(), noise).unwrap();
    assert!(matches!(release.released(), Released::Figures(_)));
    let refused = raw(&chosen).release(Payer::new(&figures).pay(), noise).unwrap_err();
    assert_eq!(refused, Mismatch::OtherQuestion);
    let refused = raw(&figures).release(Payer::new(&chosen).pay(), noise).unwrap_err();
    assert_eq!(refused, Mismatch::OtherQuestion);
    let raw = Raw::new(chosen.clone(), totals(Names::Public, &people[1..]));
    let refused = raw.release(Payer::new(&chosen).pay(), noise).unwrap_err();
    assert_eq!(refused, Mismatch::Shape);
}

proptest! {
    /// No figure of a row, however large, makes releasing fail or wrap.
    #[test]
    fn releasing_and_choosing_are_total(people in any::<[i64; 6]>(), all: i64, seed: [u8; 32]) {
        let figures = proven(bins(), RHO, 0);
        let columns = vec![vec![all; 6]];
        let raw = |proven: &Proven| {
            let (sums, products) = (columns.clone(), columns.clone());
            let totals = Totals { cells: Names::Public, people: people.to_vec(), sums, products, spread: Vec::new() };
            Raw::new(proven.clone(), totals)
        };
        let mut noise = Exact::from_seed(seed);
        let released = raw(&figures).release(Payer::new(&figures).pay(), &mut noise).unwrap();
        let groups = released.view().unwrap();
        prop_assert!(groups.cells().all(|it| it.people.value >= 50));
        let fullest = choice(table(vec![group(4)]), By::Fullest, RHO);
        for chosen in [fullest, choice(bins(), By::Quantile(500_000), RHO)] {
            let release = raw(&chosen).release(Payer::new(&chosen).pay(), &mut noise).unwrap();
            prop_assert!(place(&release) < 4);
        }
    }
}

const RHO: Rho = Rho(20_000_000_000);
