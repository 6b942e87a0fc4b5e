//! What is left out of people who are in more places and periods than one person counts in.

use super::real;
use crate::{
    analysis::geo::answer::{Frequency, PeopleInCells},
    released::{Figure, View},
};
use statistics::special::normal_upper_quantile;

/// People by how often they come, and the share that is surely left out.
pub(super) fn frequency(view: &View<'_>) -> Frequency {
    let tally = view.proven().tally();
    let found: Vec<_> = view.spread().collect();
    let starts = std::iter::once(1).chain(tally.spread.iter().map(|edge| edge.saturating_add(1)));
    let ends = tally.spread.iter().map(|edge| Some(*edge)).chain([None]);
    let people = starts.zip(ends).zip(&found);
    let people: Vec<_> = people
        .map(|((least, most), found)| PeopleInCells { least, most, n: found.value })
        .collect();
    let noise_sd = found.first().map_or(0.0, |found| found.noise_variance.sqrt());
    let left_out_at_least = at_least(&people, &found, tally.cells_per_person);
    Frequency { people, noise_sd, left_out_at_least }
}

/// Of each bin beyond what counts, the people who are there whatever the noise is, each in the least places and periods of the bin;
/// beside as many kept ones as there can be at most.
fn at_least(people: &[PeopleInCells], found: &[Figure], kept: u32) -> f64 {
    let bins = real(i64::try_from(people.len().max(2)).unwrap_or(i64::MAX));
    let noise = found.first().map_or(0.0, |found| found.noise_variance.sqrt());
    // Each of the bins beyond may err, and how many people there are.
    let far = normal_upper_quantile(FALSE_ALARM / bins) * noise;
    let beyond = people.iter().filter(|bin| bin.least > kept);
    let left_out =
        beyond.map(|bin| (real(bin.n) - far).max(0.0) * f64::from(bin.least.saturating_sub(kept)));
    let left_out: f64 = left_out.sum();
    let all: f64 = people.iter().map(|bin| real(bin.n)).sum();
    let counted = (all + far * bins.sqrt()).max(0.0) * f64::from(kept);
    let share = left_out / (left_out + counted);
    if left_out > 0.0 && share.is_finite() { share } else { 0.0 }
}

/// How often noise may make the share larger than it is.
const FALSE_ALARM: f64 = 0.001;

#[cfg(test)]
mod tests {
    use super::*;

    fn share(n: [i64; 6], noise_variance: f64) -> f64 {
        let least = [1, 3, 5, 9, 17, 33];
        let most = [2, 4, 8, 16, 32].map(Some).into_iter().chain([None]);
        let people: Vec<_> = least
            .into_iter()
            .zip(most)
            .zip(n)
            .map(|((least, most), n)| PeopleInCells { least, most, n })
            .collect();
        let found: Vec<_> = n.iter().map(|n| Figure { value: *n, noise_variance }).collect();
        at_least(&people, &found, 2)
    }

    /// Worked by hand: without noise 100 people in 3 and 10 in 9 places leave 100 and 70 out, beside 1,110 people in 2 at most.
    #[test]
    fn the_share_is_that_of_the_fewest_places_of_each_bin() {
        assert!((share([1_000, 100, 0, 10, 0, 0], 0.0) - 170.0 / (170.0 + 2_220.0)).abs() < 1e-12);
        assert!(share([1_000, 0, 0, 0, 0, 0], 0.0) <= 0.0);
        assert!(share([0; 6], 0.0) <= 0.0);
        // 100 people of noise 10 are 64 or more whatever it is: the upper 1/6000 is 3.588 deviations.
        let found = share([1_000, 100, 20, -15, 8, 3], 100.0);
        let left_out = 100.0 - 35.88;
        let counted = (1_116.0 + 35.88 * 6.0_f64.sqrt()) * 2.0;
        assert!((found - left_out / (left_out + counted)).abs() < 1e-4, "{found}");
    }

    /// Noise alone hardly ever says that something is left out.
    #[test]
    fn noise_leaves_nothing_out() {
        assert!(share([1_000, 35, 35, 35, 35, 35], 100.0) <= 0.0);
        assert!(share([-40, -35, 0, 0, 0, 0], 100.0) <= 0.0);
    }
}
