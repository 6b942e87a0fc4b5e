//! Sums of noisy counts of places that no two people share, some of which are withheld, and the share of one such sum
//! in two.
//!
//! A place is shown if its noisy count Y = n + noise is at least T. What is asked is a sum of people over several places:
//! who is in both of two data sets, or in any of many.
//!
//! - **At least**: the noisy counts of the places that are shown, less the reach of their noise. People of withheld
//!   places may come on top.
//! - **At most**: every noisy count that is withheld is at most T - 1, so that all noisy counts together are at most those
//!   that are shown and (T - 1) for each other one. Where all withheld places together are known, that is a second bound,
//!   which is often nearer; each then has half of the error.
//!
//! These hold in 1 - α of all answers or more, whichever places are shown in each. They are not conditional on that, as
//! those of [`shown`](crate::shown) are, since there are such for withheld places too. That noise chooses what is shown
//! does not spoil the lower end: a place of n < T people is shown only if its noise is T - n or more, and where it is
//! not, its n people are missing from the sum. On average this takes away more than it adds, for every n.
//!
//! # Source
//!
//! The share p = X / (X + W) of one sum in two that have no place in common: the p for which (1 - p)X̂ - pŴ is no further
//! from zero than its own noise reaches, which has the variance (1 - p)²v + p²w. That is Fieller's interval (1954,
//! *Journal of the Royal Statistical Society B* 16) of X / W, and it lies between 0 and 1 by itself. Each end is one-sided,
//! so that it takes the bounds of X and W that make it farthest.

use crate::special::normal_upper_quantile;

/// A sum that carries normal noise.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "a number and its error")]
pub struct Noisy {
    /// The sum.
    pub value: f64,
    /// Variance of its noise.
    pub variance: f64,
}

/// The people of several places, as far as they are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sum {
    shown: Noisy,
    most: Most,
}

/// What the people of all places are at most.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Most {
    /// No place is missing.
    Known,
    /// Two sums that are no smaller than that of all noisy counts.
    Below([Noisy; 2]),
}

impl Sum {
    /// All places are in `all`.
    #[must_use]
    pub fn whole(all: Noisy) -> Self {
        Self { shown: all, most: Most::Known }
    }

    /// Some places are in `shown`; the noisy counts of all of them are at most each of `bounds`.
    #[must_use]
    pub fn partial(shown: Noisy, bounds: [Noisy; 2]) -> Self {
        Self { shown, most: Most::Below(bounds) }
    }

    /// Between what numbers the people of all places lie, not below 0.
    #[must_use]
    pub fn interval(&self, alpha: f64) -> [f64; 2] {
        let low = self.shown.value - reach(self.shown, alpha / 2.0);
        let high = self.ends(alpha).map(|(most, tail)| most.value + reach(most, tail));
        let low = low.max(0.0);
        [low, high.into_iter().fold(f64::INFINITY, f64::min).max(low)]
    }

    /// What the sum is at most but for noise, each with its part of the error.
    fn ends(&self, alpha: f64) -> [(Noisy, f64); 2] {
        match self.most {
            Most::Known => [(self.shown, alpha / 2.0); 2],
            Most::Below(bounds) => bounds.map(|bound| (bound, alpha / 4.0)),
        }
    }

    /// The largest share that this sum can have in it and `rest`.
    fn largest_share(&self, rest: &Self, alpha: f64) -> f64 {
        let shares = self.ends(alpha).map(|(part, tail)| largest(part, rest.shown, tail));
        shares.into_iter().fold(1.0, f64::min)
    }
}

/// Between what ends the share of `part` in `part` and `rest` lies, which have no place in common. Of nobody it may be
/// anything.
///
/// # Privacy
///
/// Costs nothing: a function of released counts and of the known variance of their noise.
#[must_use]
pub fn share(part: &Sum, rest: &Sum, alpha: f64) -> [f64; 2] {
    [1.0 - rest.largest_share(part, alpha), part.largest_share(rest, alpha)]
}

/// The largest p for which (1 - p)X̂ - pŴ is not further below zero than noise reaches.
fn largest(part: Noisy, rest: Noisy, tail: f64) -> f64 {
    let z = normal_upper_quantile(tail);
    let square = z * z;
    let [x, w] = [part.value.max(0.0), rest.value.max(0.0)];
    // As long as the rest may be nobody, the part may be all.
    let beyond = w * w - square * rest.variance;
    if beyond <= 0.0 {
        return 1.0;
    }
    let root = (square * (part.variance * beyond + rest.variance * x * x)).sqrt();
    let ratio = (x * w + root) / beyond;
    ratio / (1.0 + ratio)
}

fn reach(sum: Noisy, tail: f64) -> f64 {
    normal_upper_quantile(tail) * sum.variance.sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALPHA: f64 = 0.05;

    fn noisy(value: f64, variance: f64) -> Noisy {
        Noisy { value, variance }
    }

    fn near(found: [f64; 2], expected: [f64; 2]) {
        let far =
            found.iter().zip(expected).any(|(found, expected)| (found - expected).abs() > 1e-9);
        assert!(!far, "{found:?}, expected {expected:?}");
    }

    #[test]
    fn without_noise_and_withheld_places_everything_is_one_number() {
        let (part, rest) = (Sum::whole(noisy(30.0, 0.0)), Sum::whole(noisy(70.0, 0.0)));
        near(part.interval(ALPHA), [30.0, 30.0]);
        near(share(&part, &rest, ALPHA), [0.3, 0.3]);
        near(share(&rest, &part, ALPHA), [0.7, 0.7]);
    }

    #[test]
    fn a_share_and_that_of_the_rest_make_one_and_lie_between_0_and_1() {
        for (x, w) in [(0.0, 0.0), (0.0, 50.0), (3.0, 1.0), (900.0, 12.0), (1e9, 1e9)] {
            let (part, rest) = (Sum::whole(noisy(x, 64.0)), Sum::whole(noisy(w, 128.0)));
            let [low, high] = share(&part, &rest, ALPHA);
            let [other_low, other_high] = share(&rest, &part, ALPHA);
            near([low, high], [1.0 - other_high, 1.0 - other_low]);
            assert!(0.0 <= low && low <= high && high <= 1.0, "{x} {w}: {low} to {high}");
        }
        near(share(&Sum::whole(noisy(0.0, 1.0)), &Sum::whole(noisy(0.0, 1.0)), ALPHA), [0.0, 1.0]);
    }

    /// Fieller's ends are where the tested form is just as far from zero as its noise reaches.
    #[test]
    fn the_ends_of_a_share_are_those_of_the_test() {
        let (part, rest) = (noisy(400.0, 64.0), noisy(1_600.0, 192.0));
        let z = normal_upper_quantile(ALPHA / 2.0);
        for end in share(&Sum::whole(part), &Sum::whole(rest), ALPHA) {
            let form = (1.0 - end) * part.value - end * rest.value;
            let variance = (1.0 - end) * (1.0 - end) * part.variance + end * end * rest.variance;
            assert!((form.abs() / variance.sqrt() - z).abs() < 1e-9, "{end}");
        }
    }

    #[test]
    fn what_is_withheld_widens_one_end() {
        let whole = Sum::whole(noisy(500.0, 64.0));
        let bounds = [noisy(579.0, 128.0), noisy(540.0, 256.0)];
        let part = Sum::partial(noisy(500.0, 64.0), bounds);
        let (known, found) = (whole.interval(ALPHA), part.interval(ALPHA));
        assert!((known[0] - found[0]).abs() < 1e-9 && found[1] > known[1] + 40.0);
        // The nearer of both bounds.
        near([found[1], 0.0], [540.0 + normal_upper_quantile(ALPHA / 4.0) * 16.0, 0.0]);
        let rest = Sum::whole(noisy(2_000.0, 64.0));
        let (known, found) = (share(&whole, &rest, ALPHA), share(&part, &rest, ALPHA));
        assert!((known[0] - found[0]).abs() < 1e-9 && found[1] > known[1]);
        let (known, found) = (share(&rest, &whole, ALPHA), share(&rest, &part, ALPHA));
        assert!((known[1] - found[1]).abs() < 1e-9 && found[0] < known[0]);
    }
}
