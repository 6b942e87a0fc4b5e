//! How much noise there is, and what is said of it before there are data.

use super::*;

/// σ is rounded up by more than floating point can have rounded down: 1024 units would do here.
#[test]
fn noise_is_rounded_up_past_the_errors_of_its_arithmetic() {
    let groups = tally(1, false, 1, 1, false);
    let sigma = |rho| groups.figure(Wanted::People, Some(1), Rho(rho)).map(|it| it.sigma);
    assert_eq!(sigma(500_000_000_000), Ok(Sigma(1025)));
    assert_eq!(sigma(0), Err(PriceError::NoNoise(Wanted::People)));
}

/// 2⁴¹ in units of 1/1024, which this loss gives to one unit.
#[test]
fn the_widest_noise_that_can_be_drawn_is_sold_and_no_wider() {
    let groups = tally(1, false, 1, 1, false);
    let sigma = |linf, rho| groups.figure(Wanted::Sum(0), Some(linf), Rho(rho)).map(|it| it.sigma);
    let (linf, rho) = (31_098_885_119_721, 99_999_999_999_983);
    assert_eq!(sigma(linf, rho), Ok(Sigma(1 << 51)));
    let wider = Err(PriceError::NoNoise(Wanted::Sum(0)));
    assert_eq!(sigma(linf, rho - 1), wider);
    assert_eq!(sigma(linf + 1, rho), wider);
}

/// (2¹⁸)² times 2²⁶ people is 2⁶², which a sum holds.
#[test]
fn squares_are_no_coarser_than_the_sum_over_all_rows_asks() {
    let coarse = |clamp: u32, rows: u64| {
        let mut tally = tally(clamp, true, 1, 1, false);
        tally.coarsen(&request(1_000_000_000_000), rows);
        tally.products[0].coarse
    };
    assert_eq!((coarse(1 << 18, 1), coarse(1 << 18, 1 << 26)), (0, 0));
    assert_eq!(coarse(1 << 18, 1 << 27), 1);
    assert_eq!(coarse((1 << 18) + 1, 1), 1);
}

/// σ of the head counts is 11.18; Φ⁻¹(1 - 0.002/8) = 3.4808 and Φ⁻¹(1 - 0.002) = 2.8782 (scipy 1.14).
#[test]
fn groups_are_shown_from_the_largest_of_the_floor_and_what_noise_alone_reaches() {
    let shown = |threshold: u32| {
        let mut groups = tally(100, false, 1, 1, false);
        let (side, column) = (Side::POPULATION, "segment".to_owned());
        groups.dimensions = vec![Dimension::Group { side, column, values: 7 }];
        let request = Request { threshold, ..request(20_000_000_000) };
        let proof = groups.prove(&request).unwrap();
        let proven = check(groups, proof, threshold).unwrap();
        (proven.shown_from(), proven.refusals_shown_from())
    };
    assert_eq!(shown(1), (39, 33));
    assert_eq!(shown(35), (39, 35));
    assert_eq!(shown(50), (50, 50));
}

#[test]
fn cells_that_the_data_name_are_shown_from_the_threshold_of_their_selection() {
    let named = tally(100, false, 1, 1, true);
    let honest = named.prove(&request(20_000_000_000)).unwrap();
    let selected = honest.vectors().unwrap().selection.unwrap().threshold;
    let proven = check(named, honest, 50).unwrap();
    assert!(selected > 50);
    assert_eq!(proven.shown_from(), selected);
}

/// σ of sums is 559.02, of an arm's people 15.81: of 936.75 to 1,000 people, 102,236.07 at most.
/// 1.96 · √(559.02² + (109.14 · 15.81)²) / 936.75 = 3.7954.
#[test]
fn the_interval_of_an_arms_mean_is_to_first_order() {
    let mut arms = tally(100, false, 1, 1, false);
    let arm = Dimension::Arm { column: "arm".to_owned(), test: vec![0], control: vec![1] };
    arms.dimensions = vec![arm, Dimension::Matched];
    let proof = arms.prove(&request(20_000_000_000)).unwrap();
    let proven = check(arms, proof, 50).unwrap();
    let bars = proven.error_bars(Some(1_000)).unwrap();
    assert!((bars.means[0].unwrap().half_width - 3.795_366).abs() < 1e-5, "{bars:?}");
    assert!((bars.sums[0][0].half_width - 1_095.654_320).abs() < 1e-5, "{bars:?}");
    // Four deviations of the head count are 63.25 people: fewer leave no mean.
    assert!(proven.error_bars(Some(64)).unwrap().means[0].is_some());
    assert!(proven.error_bars(Some(63)).unwrap().means[0].is_none());
}

/// 50 people and eight deviations of 11.18: below, the threshold plays a part.
#[test]
fn the_mean_of_a_group_near_the_threshold_has_no_error_bar() {
    let groups = tally(100, false, 1, 1, false);
    let proof = groups.prove(&request(20_000_000_000)).unwrap();
    let proven = check(groups, proof, 50).unwrap();
    assert!(proven.error_bars(Some(140)).unwrap().means[0].is_some());
    assert!(proven.error_bars(Some(139)).unwrap().means[0].is_none());
    let bars = proven.error_bars(Some(1_000)).unwrap();
    assert!((bars.means[0].unwrap().half_width - 4.440_953).abs() < 1e-5, "{bars:?}");
}

/// Who has two ids moves sums and head counts twice as far: the value of one id is still 100 at most.
#[test]
fn the_most_that_one_person_has_does_not_grow_with_its_ids() {
    let bars = |ids, rho| {
        let groups = tally(100, false, ids, 1, false);
        let proof = groups.prove(&request(rho)).unwrap();
        check(groups, proof, 50).unwrap().error_bars(Some(1_000)).unwrap().means[0].unwrap()
    };
    // Four times the loss for twice the movement is the same noise.
    let (one, two) = (bars(1, 20_000_000_000), bars(2, 80_000_000_000));
    assert!((one.sd / two.sd - 1.0).abs() < 1e-3, "{one:?} {two:?}");
    assert!((one.half_width / two.half_width - 1.0).abs() < 1e-3, "{one:?} {two:?}");
}

#[test]
fn the_loss_for_the_error_of_a_mean_is_the_least_that_meets_it() {
    let groups = tally(100, false, 1, 1, false);
    let asked = request(0);
    let rho = groups.rho_for_error(asked.split, 0, Wanted::Mean(0, 1_000), 1.25).unwrap();
    assert!((0.999..=1.001).contains(&(rho.value() / 0.02)), "{rho:?}");
}

#[test]
fn an_error_that_the_largest_loss_just_buys_is_bought() {
    let groups = tally(100, false, 1, 1, false);
    let asked = request(0);
    let most = groups
        .prove(&request(100_000_000_000_000))
        .unwrap()
        .vectors()
        .unwrap()
        .people
        .sigma
        .value();
    let least = |sd| groups.rho_for_error(asked.split, 0, Wanted::People, sd);
    assert!(least(most).is_ok());
    assert_eq!(least(most - 0.000_1), Err(PriceError::TooExact));
}

#[test]
fn the_least_epsilon_there_is_buys_the_least_loss() {
    let delta = Delta::new(1e-6).unwrap();
    let least = Epsilon::try_from(1_000).unwrap();
    assert_eq!(Rho(1).asked_as(delta), Some(least));
    let most = Rho::from_epsilon(Epsilon::MAX, delta);
    assert_eq!(most.asked_as(delta), Some(Epsilon::MAX));
    assert_eq!(Rho(most.0 + 1).asked_as(delta), None);
}
