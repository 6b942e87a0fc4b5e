use super::*;
use proptest::prelude::*;

fn rho(epsilon: f64) -> Rho {
    Rho::from_epsilon(Epsilon::new(epsilon).unwrap(), Delta::new(1e-6).unwrap())
}

/// Corollary 13 minimised over α with 50 digits and bisected over whole units, by another program.
#[test]
fn agrees_with_fifty_digits() {
    let expected = [
        (0.001, 65_493),
        (0.1, 321_047_690),
        (1.0, 24_355_970_359),
        (4.0, 311_064_954_940),
        (100.0, 49_545_762_799_404),
    ];
    for (epsilon, units) in expected {
        let found = rho(epsilon).0;
        // Rounded against the asker, by no more than the arithmetic of doubles asks for.
        assert!(found <= units && units - found <= 1 + units / 1_000_000_000, "{epsilon}: {found}");
    }
}

#[test]
fn a_budget_pays_for_exactly_its_own_epsilon() {
    let budget = Loss::zcdp(rho(1.0));
    assert!(Loss::zcdp(rho(1.0)).fits(&budget));
    assert!(!Loss::zcdp(Rho(rho(1.0).0 + 1)).fits(&budget));
    assert_eq!(budget.rho(), rho(1.0));
    assert_eq!(Loss::zcdp(rho(4.0)).times(&budget), Some(12));
}

#[test]
fn refuses_numbers_that_are_no_loss() {
    for epsilon in [0.0, -1.0, f64::NAN, f64::INFINITY, 101.0, 0.123_456_78] {
        Epsilon::new(epsilon).unwrap_err();
    }
    for delta in [0.0, 0.5, 1e-16] {
        Delta::new(delta).unwrap_err();
    }
}

#[test]
fn the_logarithm_agrees_with_the_library_to_its_last_digits() {
    for units in [1, 2, 3, 999, 1_000_000_000, 123_456_789_012, 1_000_000_000_000] {
        let delta = Delta::try_from(units).unwrap();
        let library = -delta.value().ln();
        assert!((delta.log_of_inverse() - library).abs() < 1e-14 * library, "{units}");
    }
}

proptest! {
    #[test]
    fn rho_never_exceeds_the_epsilon_it_came_from(millionths in 1_000_u64..100_000_000) {
        let epsilon = Epsilon::try_from(millionths).unwrap();
        let delta = Delta::new(1e-6).unwrap();
        let back = Rho::from_epsilon(epsilon, delta).epsilon(delta);
        prop_assert!(back <= epsilon.value());
        prop_assert!(back >= epsilon.value() * (1.0 - 1e-6));
    }
}
