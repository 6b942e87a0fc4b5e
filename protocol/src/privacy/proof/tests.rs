use super::*;
use crate::loss::{Delta, Epsilon};
use crate::tally::{Clamp, Dimension, Measure, Population, Product, Quantity, Side, Table, Tally};
use proptest::prelude::*;

mod contrast;
mod limits;
mod noise;
mod spread;
mod steps;

fn tally(clamp: u32, squares: bool, ids: u32, cells: u32, named: bool) -> Tally {
    let table = |name: &str| Table { dataset: name.to_owned(), rows: Vec::new() };
    let of = Quantity::Sum { column: "spend".to_owned() };
    let dimension = if named {
        Dimension::Label { side: Side::JOINED, column: "store".to_owned() }
    } else {
        Dimension::Group { side: Side::POPULATION, column: "segment".to_owned(), values: 4 }
    };
    Tally {
        population: Population::First,
        tables: vec![table("exposures"), table("sales")],
        dimensions: vec![dimension],
        measures: vec![Measure {
            side: Side::JOINED,
            of,
            rows: Vec::new(),
            clamp: Clamp::up_to(clamp).unwrap(),
        }],
        products: if squares { vec![Product::square(0)] } else { Vec::new() },
        cells_per_person: cells,
        ids_per_person: ids,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    }
}

fn request(rho: u64) -> Request {
    let split = Split { n: 200, sum: 500, products: 300 };
    Request { rho: Rho(rho), split, threshold: 50, selection_delta: 1_000_000 }
}

/// Δ₂²/(2σ²), what the noise really costs.
fn true_cost(figure: &Figure, delta: f64) -> f64 {
    (delta / figure.sigma.value()).powi(2) / 2.0
}

proptest! {
    #[test]
    fn never_costs_more_than_it_is_priced(
        clamp in 1_u32..1 << 14, squares: bool, ids in 1_u32..4, cells in 1_u32..17,
        named: bool, rho in 1_000_000_u64..1_000_000_000_000,
    ) {
        let tally = tally(clamp, squares, ids, cells, named);
        let proof = tally.prove(&request(rho)).unwrap();
        let delta = f64::from(ids) * f64::from(cells).sqrt();
        let clamp = f64::from(clamp);
        let mut cost = true_cost(&proof.vectors().unwrap().people, delta);
        cost += proof.vectors().unwrap().sums.iter().map(|it| true_cost(it, delta * clamp)).sum::<f64>();
        cost += proof.vectors().unwrap().products.iter().map(|it| true_cost(it, delta * clamp * clamp)).sum::<f64>();
        let all = f64::from(ids * cells);
        cost += proof.vectors().unwrap().selection.iter().map(|it| true_cost(&it.withheld, all)).sum::<f64>();
        prop_assert!(cost <= proof.cost.rho().value());
        prop_assert!(cost >= proof.cost.rho().value() * 0.99, "wasted: {cost}");
        prop_assert_eq!(proof.cost.delta(), if named { 1_000_000 } else { 0 });
        check(tally, proof, 50).unwrap();
    }

    #[test]
    fn the_loss_for_an_error_is_the_least_that_meets_it(
        clamp in 1_u32..1 << 12, squares: bool, ids in 1_u32..4, cells in 1_u32..17, named: bool,
        which in 0_usize..3, log_rho in 14.0..25.0_f64,
    ) {
        let tally = tally(clamp, squares, ids, cells, named);
        let asked = request(0);
        let at = |rho: u64| tally.prove(&Request { rho: Rho(rho), threshold: 1, ..asked });
        let (wanted, figure): (_, fn(&Proof) -> &Figure) = match which {
            1 => (Wanted::Sum(0), |proof| &proof.vectors().unwrap().sums[0]),
            2 if squares => (Wanted::Product(0), |proof| &proof.vectors().unwrap().products[0]),
            _ => (Wanted::People, |proof| &proof.vectors().unwrap().people),
        };
        // Between two values that σ can have.
        let sd = figure(&at(whole(log_rho.exp())).unwrap()).sigma.value() + 0.0003;
        let rho = tally.rho_for_error(asked.split, asked.selection_delta, wanted, sd).unwrap();
        prop_assert!(figure(&at(rho.0).unwrap()).sigma.value() <= sd);
        let less = at(rho.0 - 1);
        prop_assert!(less.is_err() || figure(&less.unwrap()).sigma.value() > sd);
    }

    /// Whatever makes a proof say more than it should is found.
    #[test]
    fn refuses_a_proof_with_less_noise_or_sensitivity(which in 0_usize..4, less in 1_u64..1000, rho in 1_000_000_u64..1_000_000_000_000) {
        let tally = tally(100, true, 2, 3, true);
        let honest = tally.prove(&request(rho)).unwrap();
        let change = |change: &dyn Fn(&mut Figure)| {
            let mut proof = honest.clone();
            let Vectors { people, sums, products, selection, .. } = proof.vectors_mut();
            let figures = [people].into_iter().chain(sums).chain(products);
            let withheld = selection.iter_mut().map(|selection| &mut selection.withheld);
            change(figures.chain(withheld).nth(which).unwrap());
            check(tally.clone(), proof, 50)
        };
        // σ is the smallest that will do, up to a part in 10¹².
        let quieter = change(&|it| it.sigma.0 -= (it.sigma.0 / 1_000_000).max(2));
        prop_assert_eq!(quieter, Err(Flaw::Noise));
        // A step of σ is worth two such parts of ρ.
        let step = |it: &Figure| 2 * it.rho.0 / (it.sigma.0 - 1);
        let cheaper = change(&|it| it.rho.0 -= step(it).max(it.rho.0 / 1_000_000) + less);
        prop_assert_eq!(cheaper, Err(Flaw::Noise));
        let less_sensitive = change(&|it| it.linf -= 1);
        prop_assert!(matches!(less_sensitive, Err(Flaw::Sensitivity { .. })), "moves less");
        let fewer_cells = change(&|it| it.cells -= 1);
        prop_assert!(matches!(fewer_cells, Err(Flaw::Sensitivity { .. })), "in fewer cells");
    }
}

/// A person who may lower a sum moves it as far down as the floor says, and up as the cap does: the farther of the
/// two is what noise is for.
#[test]
fn a_floor_farther_from_zero_than_the_cap_sets_the_noise() {
    let signed = |least, most| {
        let mut tally = tally(1, true, 2, 3, false);
        tally.measures[0].clamp = Clamp::new(least, most).unwrap();
        tally
    };
    let wide = signed(-750, 100);
    let proof = wide.prove(&request(1_000_000_000)).unwrap();
    assert_eq!(
        (proof.vectors().unwrap().sums[0].linf, proof.vectors().unwrap().products[0].linf),
        (2 * 750, 2 * 750 * 750)
    );
    assert_eq!(check(wide.clone(), proof.clone(), 50).map(drop), Ok(()));
    let narrow = signed(0, 100).prove(&request(1_000_000_000)).unwrap();
    let narrow = Proof { tally: digest(&wide), ..narrow };
    assert_eq!(check(wide, narrow, 50), Err(Flaw::Sensitivity { cells: 3, linf: 1_500 }));
}

/// 1,500,000 units is a modest cap in dong; 2³¹ is the largest there is.
#[test]
fn large_amounts_have_noise_like_small_ones_for_their_cap() {
    for rho in [1_000_000, 20_000_000_000, 10_000_000_000_000] {
        let relative = |clamp: u32| {
            let mut tally = tally(clamp, true, 1, 1, false);
            tally.coarsen(&request(rho), 1);
            let proof = tally.prove(&request(rho)).unwrap();
            let unit = tally.products[0].unit();
            #[expect(
                clippy::as_conversions,
                clippy::cast_precision_loss,
                reason = "a power of two"
            )]
            let square = proof.vectors().unwrap().products[0].sigma.value() * unit as f64
                / f64::from(clamp).powi(2);
            let coarse = tally.products[0].coarse;
            assert_eq!(check(tally, proof.clone(), 50).map(drop), Ok(()));
            (coarse, proof.vectors().unwrap().sums[0].sigma.value() / f64::from(clamp), square)
        };
        let (exact, sum, square) = relative(1_500);
        assert_eq!(exact, 0);
        for clamp in [1_500_000, 150_000_000, 1 << 31] {
            let (coarse, large_sum, large_square) = relative(clamp);
            assert!(coarse > 0 || rho > 20_000_000_000, "{clamp} {rho}");
            assert!((large_sum / sum - 1.0).abs() < 1e-3, "{clamp} {rho}");
            assert!((large_square / square - 1.0).abs() < 1e-3, "{clamp} {rho}");
        }
    }
}

/// A proof for coarse squares does not hold for exact ones, whose people move them by more units.
#[test]
fn noise_for_coarse_squares_is_too_little_for_exact_ones() {
    let mut coarse = tally(1_500_000, true, 1, 1, false);
    coarse.coarsen(&request(20_000_000_000), 1);
    let proof = coarse.prove(&request(20_000_000_000)).unwrap();
    let exact = tally(1_500_000, true, 1, 1, false);
    let proof = Proof { tally: digest(&exact), ..proof };
    let linf = 1_500_000 * 1_500_000;
    assert_eq!(check(exact, proof, 50), Err(Flaw::Sensitivity { cells: 1, linf }));
}

/// σ = c²/√(2·0.3·ρ) for ρ = 0.02: 2⁴¹ lies between the two.
#[test]
fn noise_that_cannot_be_drawn_has_no_price() {
    let price = |clamp| tally(clamp, true, 1, 1, false).prove(&request(20_000_000_000));
    price(490_000).unwrap();
    assert_eq!(price(500_000), Err(PriceError::NoNoise(Wanted::Product(0))));
}

/// What the exact sampler is given: σ² as a fraction of whole numbers.
#[test]
fn a_variance_is_an_exact_fraction() {
    assert_eq!(Sigma(1_536).variance(), (1_536 * 1_536, 1 << 20));
    assert_eq!(Sigma(1 << 51).variance(), (1 << 102, 1 << 20));
}

#[test]
fn a_part_without_loss_has_no_price() {
    let split = Split { n: 0, sum: 700, products: 300 };
    let request = Request { split, ..request(1_000_000) };
    let none = Err(PriceError::NoNoise(Wanted::People));
    assert_eq!(tally(1, true, 1, 1, false).prove(&request), none);
}

#[test]
fn cells_that_the_data_name_need_a_delta() {
    let request = Request { selection_delta: 0, ..request(1_000_000_000) };
    let none = Err(PriceError::NoNoise(Wanted::People));
    assert_eq!(tally(1, true, 1, 1, true).prove(&request), none);
}

/// The first of four bugs that other engines had: every aggregate of a question was given the whole
/// budget.
#[test]
fn the_budget_is_divided_among_all_aggregates() {
    let mut tally = tally(100, false, 1, 1, false);
    let one = tally.measures[0].clone();
    tally.measures = vec![one; 10];
    tally.products = vec![Product::square(0), Product { other: 1, ..Product::square(0) }];
    let request = request(1_000_000_000);
    let proof = tally.prove(&request).unwrap();
    assert_eq!(proof.vectors().unwrap().all().count(), 13);
    assert!(proof.vectors().unwrap().all().map(|it| it.rho.0).sum::<u64>() <= request.rho.0);
    assert_eq!(check(tally.clone(), proof.clone(), 50).map(drop), Ok(()));
    // One of ten sums that is as sharp as if it were asked alone.
    let mut sharper = proof;
    sharper.vectors_mut().sums[9].rho = request.rho;
    sharper.vectors_mut().sums[9].sigma = Sigma(sharper.vectors().unwrap().sums[9].sigma.0 / 4);
    assert_eq!(check(tally, sharper, 50), Err(Flaw::Cost));
}

/// The second: a column without bounds got no noise, or noise for a bound taken from the data. (The
/// third, a clamp before the expression, is the engine's to get right and has its test there.)
#[test]
fn what_has_no_bound_has_no_proof() {
    let honest = |clamp| tally(clamp, false, 1, 1, false).prove(&request(1_000_000_000)).unwrap();
    let mut none = honest(100);
    none.vectors_mut().sums[0].sigma = Sigma(0);
    assert_eq!(check(tally(100, false, 1, 1, false), none, 50), Err(Flaw::Noise));
    // The largest bound there is asks for noise as large, and not for none.
    let widest = tally(1 << 31, false, 1, 1, false);
    let narrow = Proof { tally: digest(&widest), ..honest(100) };
    let linf = 1 << 31;
    assert_eq!(check(widest, narrow, 50), Err(Flaw::Sensitivity { cells: 1, linf }));
}

/// The fourth: the head count behind a threshold was not charged, and had no noise. Here it is a figure
/// of every tally, asked for or not, and so is the number of cells that were withheld.
#[test]
fn the_count_behind_a_threshold_is_charged() {
    let mut tally = tally(100, false, 1, 1, true);
    for measures in [1, 0] {
        tally.measures.truncate(measures);
        let proof = tally.prove(&request(1_000_000_000)).unwrap();
        assert!(
            proof.vectors().unwrap().people.rho > Rho(0)
                && proof.vectors().unwrap().people.sigma > Sigma(0)
        );
        let withheld = proof.vectors().unwrap().selection.unwrap().withheld;
        assert!(withheld.rho > Rho(0) && withheld.sigma > Sigma(0));
        let refusal = |change: &dyn Fn(&mut Proof)| {
            let mut proof = proof.clone();
            change(&mut proof);
            check(tally.clone(), proof, 50).unwrap_err()
        };
        assert_eq!(refusal(&|it| it.vectors_mut().people.rho = Rho(0)), Flaw::Noise);
        assert_eq!(refusal(&|it| it.vectors_mut().people.sigma = Sigma(0)), Flaw::Noise);
        assert_eq!(
            refusal(&|it| it.vectors_mut().selection.as_mut().unwrap().withheld.rho = Rho(0)),
            Flaw::Noise
        );
        // Free of charge is not a way out: what it costs is part of what is paid.
        let others: u64 = proof.vectors().unwrap().all().skip(1).map(|it| it.rho.0).sum();
        let free = Loss::zcdp(Rho(others)).with_delta(proof.cost.delta());
        assert_eq!(refusal(&|it| it.cost = free.clone()), Flaw::Cost);
    }
}

fn digest(tally: &Tally) -> Digest {
    Digest::of("glovebox tally v1", &crate::canonical::to_vec(tally))
}

#[test]
fn refuses_proofs_of_something_else() {
    let tally = |clamp| tally(clamp, true, 1, 1, true);
    let honest = tally(100).prove(&request(1_000_000_000)).unwrap();
    let refusal = |change: &dyn Fn(&mut Proof)| {
        let mut proof = honest.clone();
        change(&mut proof);
        check(tally(100), proof, 50).unwrap_err()
    };
    assert_eq!(check(tally(99), honest.clone(), 50), Err(Flaw::OtherTally));
    assert_eq!(refusal(&|proof| proof.vectors_mut().sums.clear()), Flaw::Figures);
    let more = |proof: &mut Proof| {
        let vectors = proof.vectors_mut();
        vectors.products.push(vectors.people);
    };
    assert_eq!(refusal(&more), Flaw::Figures);
    assert_eq!(refusal(&|proof| proof.threshold = 49), Flaw::Threshold { found: 49, least: 50 });
    assert_eq!(refusal(&|proof| proof.vectors_mut().selection = None), Flaw::Selection);
    let easier = |proof: &mut Proof| proof.vectors_mut().selection.as_mut().unwrap().threshold -= 1;
    assert_eq!(refusal(&easier), Flaw::Selection);
    let cheaper = Loss::zcdp(Rho(999_000_000)).with_delta(1_000_000);
    assert_eq!(refusal(&|proof| proof.cost = cheaper.clone()), Flaw::Cost);
    let without_delta = Loss::zcdp(Rho(1_000_000_000));
    assert_eq!(refusal(&|proof| proof.cost = without_delta.clone()), Flaw::Cost);
}

#[test]
fn refuses_tallies_that_make_no_sense() {
    let refusal = |change: &dyn Fn(&mut Tally)| {
        let mut tally = tally(100, true, 1, 1, false);
        let proof = tally.prove(&request(1_000_000_000)).unwrap();
        change(&mut tally);
        check(tally, proof, 50).unwrap_err()
    };
    let edges = vec![3, 2];
    type Change<'a> = &'a dyn Fn(&mut Tally);
    let changes: [Change<'_>; 11] = [
        &|it| it.cells_per_person = 0,
        &|it: &mut Tally| it.cells_per_person = 17,
        &|it: &mut Tally| it.ids_per_person = 0,
        &|it: &mut Tally| it.products[0].coarse = 63,
        &|it: &mut Tally| it.products[0].other = 1,
        &|it: &mut Tally| it.products = vec![Product::square(0); 2],
        &|it: &mut Tally| it.tables[1].dataset = "exposures".to_owned(),
        &|it: &mut Tally| {
            it.dimensions = vec![Dimension::Bins { measure: 0, edges: edges.clone() }]
        },
        &|it: &mut Tally| it.dimensions = vec![Dimension::Bins { measure: 1, edges: vec![1] }],
        &|it: &mut Tally| {
            it.tables.truncate(1);
            it.dimensions = vec![Dimension::Matched];
        },
        &|it: &mut Tally| {
            let group = |at: u32| Dimension::Group {
                side: Side::POPULATION,
                column: at.to_string(),
                values: 1000,
            };
            it.dimensions = (0..3).map(group).collect();
        },
    ];
    for change in changes {
        assert!(matches!(refusal(change), Flaw::Shape(_)));
    }
}

proptest! {
    #[test]
    fn multiplies_all_bits(a: u128, b: u128) {
        // Schoolbook over 32-bit digits.
        let digits = |it: u128| (0..4).map(move |at| (it >> (32 * at)) & 0xffff_ffff).collect::<Vec<_>>();
        let mut sum = [0_u128; 9];
        for (i, x) in digits(a).into_iter().enumerate() {
            for (j, y) in digits(b).into_iter().enumerate() {
                sum[i + j] += (x * y) & 0xffff_ffff;
                sum[i + j + 1] += (x * y) >> 32;
            }
        }
        for at in 0..8 {
            sum[at + 1] += sum[at] >> 32;
            sum[at] &= 0xffff_ffff;
        }
        let half = |at: usize| (0..4).map(|k| sum[at + k] << (32 * k)).sum::<u128>();
        prop_assert_eq!(check::product(a, b), (half(4), half(0)));
    }
}

fn whole(number: f64) -> u64 {
    number.to_string().split('.').next().unwrap().parse().unwrap()
}

#[test]
fn an_error_that_no_loss_buys_is_refused() {
    let tally = tally(100, false, 1, 1, false);
    let asked = request(0);
    let least = |wanted, sd| tally.rho_for_error(asked.split, 0, wanted, sd);
    assert_eq!(least(Wanted::Product(0), 1.0), Err(PriceError::NoFigure));
    assert_eq!(least(Wanted::Sum(1), 1.0), Err(PriceError::NoFigure));
    for sd in [0.0, -1.0, f64::NAN] {
        assert_eq!(least(Wanted::People, sd), Err(PriceError::TooExact));
    }
}

/// ρ = 0.02, of which a fifth for people: σ = 1/√0.008 = 11.18. Sums of 0..=100 get the rest:
/// σ = 100/√0.032 = 559.02. The mean of 1,000 people: √(559.02² + (100 · 11.18)²) / 1000 = 1.25.
#[test]
fn error_bars_follow_from_the_noise_alone() {
    let groups = tally(100, false, 1, 1, false);
    let proof = groups.prove(&request(20_000_000_000)).unwrap();
    let bars = check(groups, proof, 50).unwrap().error_bars(Some(1_000)).unwrap();
    assert!((bars.people.sd - 11.180_34).abs() < 1e-3, "{bars:?}");
    assert!((bars.people.half_width - 21.913_06).abs() < 2e-3, "{bars:?}");
    assert!((bars.sums[0][0].sd - 559.017).abs() < 1e-2, "{bars:?}");
    let mean = bars.means[0].unwrap();
    assert!((mean.sd - 1.25).abs() < 1e-4, "{bars:?}");
    // Noise of four deviations makes 955.3 people of 1,000 and 102,236 of their total; at half the error each, the
    // quotients are up to (102,236 + 2.35 · 559.02) / (955.3 - 2.35 · 11.18) = 111.47, 4.45 above 107.02.
    assert!((mean.half_width - 4.45).abs() < 1e-2, "{bars:?}");
}

/// An arm is two cells, matched and not: its people have √2 of the noise of one.
#[test]
fn an_arm_has_the_noise_of_its_two_cells() {
    let mut arms = tally(100, false, 1, 1, false);
    let arm = Dimension::Arm { column: "arm".to_owned(), test: vec![0], control: vec![1] };
    arms.dimensions = vec![arm, Dimension::Matched];
    let proof = arms.prove(&request(20_000_000_000)).unwrap();
    let proven = check(arms.clone(), proof, 50).unwrap();
    let bars = proven.error_bars(Some(1_000)).unwrap();
    assert!((bars.people.sd - 15.811_39).abs() < 1e-3, "{bars:?}");
    // √(559.02² + (100 · 15.81)²) / 1000
    assert!((bars.means[0].unwrap().sd - 1.677_05).abs() < 1e-4, "{bars:?}");
    assert_eq!(proven.error_bars(None).unwrap().means, [None]);
    assert_eq!(proven.error_bars(Some(60)).unwrap().means, [None]);
    let asked = request(0);
    let rho = arms.rho_for_error(asked.split, 0, Wanted::People, 15.82).unwrap();
    assert!((0.98..=1.0).contains(&(rho.value() / 0.02)), "{rho:?}");
}

#[test]
fn an_epsilon_buys_the_loss_it_is_named_for_and_no_smaller_one_does() {
    for delta in [1e-15, 1e-6, 1e-3] {
        let delta = Delta::new(delta).unwrap();
        for rho in [20_000_000, 17_469_000_000, 1_000_000_000_000] {
            let epsilon = Rho(rho).asked_as(delta).unwrap();
            assert!(Rho::from_epsilon(epsilon, delta) >= Rho(rho));
            let less = Epsilon::try_from(u64::from(epsilon) - 1).unwrap();
            assert!(Rho::from_epsilon(less, delta) < Rho(rho));
        }
        assert_eq!(Rho(u64::MAX).asked_as(delta), None);
    }
}
