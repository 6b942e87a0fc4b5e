//! What is said where noise cannot be drawn: which figure, and what would do.

use super::*;
use crate::loss::{Delta, Epsilon};

/// Asks with two of the largest caps, at the least ε, after `change`.
fn question(change: impl Fn(&mut TableQuestion)) -> Question {
    let mut question = read(TABLE).unwrap();
    let Question::Table(table) = &mut question else { panic!("a table") };
    table.epsilon = Epsilon::new(0.001).unwrap();
    change(table);
    question
}

fn priced(question: &Question) -> Result<(), Refusal> {
    price(&contract(), "reach", question).map(drop)
}

/// The refusal of the question in which one measure has the largest cap there is: its figure, cap and scale, and
/// what would do instead.
fn refused(at: usize) -> (String, u64, u8, Option<u64>, Option<Epsilon>) {
    let asked = question(|table| table.measures[at].clamp = Clamp::up_to(1 << 31).unwrap());
    let refusal = priced(&asked).unwrap_err();
    let Refusal::Undrawable { figure, cap, scale, epsilon, largest, least } = refusal else {
        panic!("{refusal}")
    };
    assert_eq!(epsilon, asked.price().epsilon);
    (figure, cap, scale.into(), largest, least)
}

#[test]
fn the_largest_cap_and_the_least_epsilon_that_are_named_do_and_no_others() {
    for (at, name, scale) in [(0, "spent", 2), (1, "purchases", 0)] {
        let (figure, cap, found, largest, least) = refused(at);
        assert_eq!((figure.as_str(), cap, found), (name, 1 << 31, scale));
        let with = |cap: u64, epsilon: u64| {
            let clamp = Clamp::up_to(u32::try_from(cap).unwrap()).unwrap();
            let asked = question(|table| {
                table.measures[at].clamp = clamp;
                table.epsilon = Epsilon::try_from(epsilon).unwrap();
            });
            priced(&asked).is_ok()
        };
        let largest = largest.unwrap();
        assert!(with(largest, 1_000) && !with(largest + 1, 1_000), "{name}: {largest}");
        let least = u64::from(least.unwrap());
        assert!(with(cap, least) && !with(cap, least - 1), "{name}: {least}");
    }
}

/// A loss is divided by the thousandth: at a δ where one millionth of ε more is one thousandth more, a cap of one
/// unit too much wants just that.
#[test]
fn the_least_epsilon_that_is_named_may_be_the_next_one() {
    let thousandths = |epsilon: u64, delta: Delta| {
        Rho::from_epsilon(Epsilon::try_from(epsilon).unwrap(), delta).0 / 1000
    };
    let is_next = |delta: &Delta| thousandths(1_000, *delta) < thousandths(1_001, *delta);
    let mut deltas = (0..).map(|at| Delta::try_from(1_000_000_000 + at * 5_000_000).unwrap());
    let delta = deltas.find(is_next).unwrap();
    let undrawable = |cap: u32| {
        let asked = question(|table| {
            table.delta = delta;
            table.measures[0].clamp = Clamp::up_to(cap).unwrap();
        });
        let refused = priced(&asked).unwrap_err();
        let Refusal::Undrawable { largest, least, .. } = refused else { panic!("{refused}") };
        (largest.unwrap(), least.unwrap())
    };
    let (largest, _) = undrawable(1 << 31);
    let cap = u32::try_from(largest + 1).unwrap();
    assert_eq!(undrawable(cap), (largest, Epsilon::try_from(1_001).unwrap()));
}

/// A larger ε is no help to a figure that gets no share of it, nor is a smaller cap.
#[test]
fn nothing_is_named_where_nothing_would_do() {
    for (split, figure, cap, scale) in [
        (Split { n: 0, sum: 700, products: 300 }, "people", 1, 0),
        (Split { n: 700, sum: 0, products: 300 }, "spent", 9_950, 2),
    ] {
        let refused = priced(&question(|table| table.split = split)).unwrap_err();
        let expected = Refusal::Undrawable {
            figure: figure.to_owned(),
            cap,
            scale: crate::units::Scale::new(scale).unwrap(),
            epsilon: Epsilon::new(0.001).unwrap(),
            largest: None,
            least: None,
        };
        assert_eq!(refused, expected);
    }
}
