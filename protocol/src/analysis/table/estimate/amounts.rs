//! What the people of a group have each: their mean, and how much they differ.
//!
//! Both are always shown, with an interval that holds the truth at the confidence asked for among all releases
//! in which the group is shown. Nothing noisy decides whether they are: what is shown only where its noise is
//! small would be shown where noise happened to make it large.
//!
//! Each interval is the range of the formula over intervals of all noisy totals that are in it, each at its share
//! of the error (Bonferroni), cut down to what is possible: what one person can have in a group has a least and a
//! most, and the truth is never outside of what follows from that.

use super::real;
use crate::{
    analysis::table::answer::{Estimate, SpreadEstimate},
    released::Place,
    tally::{Clamp, Dimension, Tally},
};
use statistics::{shown::Passing, special::normal_upper_quantile};

/// An interval from and to, both included.
type Range = [f64; 2];

/// The least and most that one person can have of a measure in a group, in units of the column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Possible(Range);

impl Possible {
    /// What the clamp lets through; of a group that is a bin of this very measure, what is in the bin.
    ///
    /// A bin of whole people is of what a person has in all groups. In one of several groups of a person there
    /// may be less. A bin in each group is of what the person has there.
    pub(super) fn new(tally: &Tally, measure: usize, clamp: Clamp, group: &[Place]) -> Self {
        let (mut least, mut most) = (clamp.least(), clamp.most());
        let is_in_one = tally.dimensions.iter().all(Dimension::is_of_whole_people);
        for (dimension, place) in tally.dimensions.iter().zip(group) {
            let (of, edges) = match dimension {
                Dimension::Bins { measure, edges } if is_in_one => (measure, edges),
                Dimension::BinsPerGroup { measure, edges } => (measure, edges),
                _ => continue,
            };
            let is_this = usize::try_from(*of).is_ok_and(|of| of == measure);
            let Place::Index(at) = place else { continue };
            let Ok(at) = usize::try_from(*at) else { continue };
            if is_this {
                let below = at.checked_sub(1).and_then(|before| edges.get(before));
                least = below.map_or(least, |edge| least.max(*edge));
                most = edges.get(at).map_or(most, |edge| most.min(edge.saturating_sub(1)));
            }
        }
        // Nobody can be in a bin beyond the clamp, and an interval is never about nobody.
        let ends = if least <= most { [least, most] } else { [clamp.least(), clamp.most()] };
        Self(ends.map(real))
    }

    /// The possible part of an interval. An interval that noise has taken wholly outside is moved
    /// as a whole to the nearer end of what is possible: no part of it is left, and one point would
    /// claim what nobody knows.
    fn within(self, [low, high]: Range) -> Range {
        let Self([least, most]) = self;
        let rounding = 1e-9 * (most - least);
        let moved = if low > most + rounding {
            [most - (high - low), most]
        } else if high < least - rounding {
            [least, least + (high - low)]
        } else {
            [low, high]
        };
        moved.map(|end| between(end, [least, most]))
    }

    /// The possible variances between people if their mean is within this range.
    fn variances(self, means: Range) -> Self {
        let Self([least, most]) = self;
        let mean = between(f64::midpoint(least, most), means);
        Self([0.0, (most - mean) * (mean - least)])
    }
}

/// A noisy total, in units of the column or of its square.
#[derive(Clone, Copy, Debug)]
pub(super) struct Total {
    pub(super) value: f64,
    pub(super) noise_variance: f64,
}

impl Total {
    fn interval(self, alpha: f64) -> Range {
        let reach = normal_upper_quantile(alpha / 2.0) * self.noise_variance.sqrt();
        [self.value - reach, self.value + reach]
    }
}

/// The released figures of one measure in one group that is shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Amounts {
    /// The noisy count of people.
    pub(super) count: i64,
    /// The noise of the count, and the count from which the group is shown.
    pub(super) passing: Passing,
    pub(super) people_variance: f64,
    pub(super) sum: Total,
    pub(super) possible: Possible,
}

impl Amounts {
    /// The total over the people.
    pub(super) fn mean(&self, alpha: f64) -> Estimate {
        let ends = self.means(alpha / 2.0);
        let n = self.counted();
        let mean = self.sum.value / n;
        // This is the variance to first order.
        let variance = (self.sum.noise_variance + mean * mean * self.people_variance) / (n * n);
        Estimate { value: between(mean, ends), noise_sd: variance.sqrt(), ci: ends }
    }

    /// The standard deviation between people.
    ///
    /// With Q the squares, S the sum and n the people, the variance Q/n - (S/n)² is concave in 1/n, and it is at
    /// most (most - mean)(mean - least) for values from least to most (Bhatia and Davis 2000).
    pub(super) fn spread(&self, squares: Total, alpha: f64) -> SpreadEstimate {
        let each = alpha / 3.0;
        let [least_squares, most_squares] = squares.interval(each);
        let [fewest, most] = self.people(each);
        let per_person = [most.recip(), fewest.recip()];
        let [nearest, farthest] = distances(self.sum.interval(each));
        let low = per_person
            .map(|share| least_squares * share - square(farthest * share))
            .into_iter()
            .fold(f64::INFINITY, f64::min);
        let top = between(most_squares / (2.0 * nearest * nearest), per_person);
        let high = most_squares * top - square(nearest * top);
        let variances = self.possible.variances(self.means(each));
        let ends = variances.within([low, high]);
        SpreadEstimate {
            value: between(self.variance(squares), ends).sqrt(),
            ci: ends.map(f64::sqrt),
        }
    }

    /// The variance, unbiased except for the bias of a quotient: E[(S + noise)²] is S² plus the
    /// variance of the noise.
    fn variance(&self, squares: Total) -> f64 {
        let n = self.counted();
        let mean = self.sum.value / n;
        squares.value / n - (mean * mean - self.sum.noise_variance / (n * n))
    }

    /// The range of the mean, with `alpha` for each of people and sum.
    fn means(&self, alpha: f64) -> Range {
        let [fewest, most] = self.people(alpha);
        let [low, high] = self.sum.interval(alpha);
        let least = low / if low < 0.0 { fewest } else { most };
        let largest = high / if high < 0.0 { most } else { fewest };
        self.possible.within([least, largest])
    }

    /// The range of the number of people. Nobody has no mean, so it begins at one.
    fn people(&self, alpha: f64) -> Range {
        self.passing.interval(self.count, alpha).map(|people| real(people).max(1.0))
    }

    fn counted(&self) -> f64 {
        real(self.count).max(1.0)
    }
}

/// The distances from 0 of the numbers in an interval.
fn distances([low, high]: Range) -> Range {
    let nearest = if low <= 0.0 && high >= 0.0 { 0.0 } else { low.abs().min(high.abs()) };
    [nearest, low.abs().max(high.abs())]
}

fn square(number: f64) -> f64 {
    number * number
}

/// The number of the interval that is nearest to `number`; its high end for a number that is not
/// finite.
fn between(number: f64, [low, high]: Range) -> f64 {
    number.min(high).max(low)
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "whole numbers, which doubles hold exactly")]
mod tests {
    use super::*;
    use crate::tally::{Measure, Population, Quantity, Side, Table};

    const CAP: i64 = 1_000;
    const ALPHA: f64 = 0.05;
    const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

    /// Normal noise from a fixed seed.
    struct Noise(u64);

    impl Noise {
        fn uniform(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
        }

        fn draw(&mut self, sigma: f64) -> f64 {
            let radius = (-2.0 * self.uniform().max(1e-12).ln()).sqrt();
            sigma * radius * (std::f64::consts::TAU * self.uniform()).cos()
        }
    }

    /// Of people who each have one of these amounts, with noise of `sigma` people, shown from 50 on.
    struct Group {
        amounts: Vec<i64>,
        sigma: f64,
    }

    impl Group {
        fn truth(&self) -> (f64, f64) {
            let n = real(i64::try_from(self.amounts.len()).unwrap());
            let mean = self.amounts.iter().map(|amount| real(*amount)).sum::<f64>() / n;
            let off = self.amounts.iter().map(|amount| (real(*amount) - mean).powi(2)).sum::<f64>();
            (mean, (off / n).sqrt())
        }

        /// Mean and spread of one release; none if the group is not shown.
        fn released(&self, noise: &mut Noise) -> Option<(Estimate, SpreadEstimate)> {
            let people = i64::try_from(self.amounts.len()).unwrap();
            #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "small")]
            let count = people + noise.draw(self.sigma).round() as i64;
            let total = |of: f64, reach: f64, noise: &mut Noise| Total {
                value: of + noise.draw(self.sigma * reach),
                noise_variance: (self.sigma * reach).powi(2),
            };
            let sum = self.amounts.iter().map(|amount| real(*amount)).sum();
            let squares = self.amounts.iter().map(|amount| real(*amount).powi(2)).sum();
            let amounts = Amounts {
                count,
                passing: Passing::one_draw(self.sigma.powi(2), 50),
                people_variance: self.sigma.powi(2),
                sum: total(sum, real(CAP), noise),
                possible: Possible([0.0, real(CAP)]),
            };
            let squares = total(squares, real(CAP * CAP), noise);
            (count >= 50).then(|| (amounts.mean(ALPHA), amounts.spread(squares, ALPHA)))
        }
    }

    /// Everything that is shown is counted: there is no other release in which it would not have been.
    #[test]
    fn means_and_spreads_that_are_shown_hold_and_are_possible() {
        let mixed = |people: usize, with: usize, amount: i64| -> Vec<i64> {
            (0..people).map(|at| if at < with { amount } else { 0 }).collect()
        };
        let groups = [
            mixed(55, 0, 0),
            mixed(55, 55, CAP),
            mixed(60, 3, 700),
            mixed(120, 60, CAP),
            mixed(2_000, 40, CAP),
            mixed(2_000, 1_990, CAP),
            (0..3_000).map(|at| at % CAP).collect(),
        ];
        let mut noise = Noise(SEED);
        for (amounts, sigma) in groups.iter().flat_map(|group| [(group, 3.0), (group, 17.0)]) {
            let group = Group { amounts: amounts.clone(), sigma };
            let (mean, spread) = group.truth();
            let (mut shown, mut means, mut spreads) = (0_u32, 0_u32, 0_u32);
            for _ in 0..1_500 {
                let Some((found_mean, found_spread)) = group.released(&mut noise) else { continue };
                shown += 1;
                let holds = |ci: Range, truth: f64| {
                    ci[0] - 1e-6 * truth <= truth && truth <= ci[1] + 1e-6 * truth
                };
                means += u32::from(holds(found_mean.ci, mean));
                spreads += u32::from(holds(found_spread.ci, spread));
                let possible = |value: f64, [low, high]: Range, most: f64| {
                    0.0 <= low && low <= value && value <= high && high <= most
                };
                assert!(possible(found_mean.value, found_mean.ci, real(CAP)), "{found_mean:?}");
                let most = real(CAP) / 2.0;
                assert!(possible(found_spread.value, found_spread.ci, most), "{found_spread:?}");
            }
            let least = 0.95 - 4.0 * (0.95 * 0.05 / f64::from(shown)).sqrt();
            let [means, spreads] = [means, spreads].map(|so| f64::from(so) / f64::from(shown));
            assert!(shown > 500 && means >= least && spreads >= least, "{mean} {means} {spreads}");
        }
    }

    /// A spread that noise drowns is shown as what it is: anything from 0 to what is possible.
    #[test]
    fn a_spread_that_noise_drowns_begins_at_zero() {
        let group = Group { amounts: vec![500; 100], sigma: 17.0 };
        let (_, spread) = group.released(&mut Noise(SEED)).unwrap();
        assert!(spread.ci[0] <= 0.0 && spread.ci[1] > 400.0, "{spread:?}");
        let large = Group { amounts: (0..100_000).map(|at| at % CAP).collect(), sigma: 3.0 };
        let (_, spread) = large.released(&mut Noise(SEED)).unwrap();
        assert!(spread.ci[0] > 285.0 && spread.ci[1] < 292.0, "{spread:?}");
    }

    #[test]
    fn without_noise_an_interval_is_a_point() {
        let group = Group { amounts: vec![CAP; 60], sigma: 0.0 };
        let (mean, spread) = group.released(&mut Noise(SEED)).unwrap();
        assert_eq!((mean.value, mean.ci), (1_000.0, [1_000.0; 2]));
        assert_eq!((spread.value, spread.ci), (0.0, [0.0; 2]));
    }

    #[test]
    fn an_interval_beyond_what_is_possible_is_moved_to_its_end() {
        let possible = Possible([0.0, 10.0]);
        assert_eq!(possible.within([-3.0, 4.0]).map(f64::round), [0.0, 4.0]);
        assert_eq!(possible.within([12.0, 15.0]).map(f64::round), [7.0, 10.0]);
        assert_eq!(possible.within([-9.0, -1.0]).map(f64::round), [0.0, 8.0]);
        assert_eq!(possible.within([12.0, 40.0]).map(f64::round), [0.0, 10.0]);
    }

    #[test]
    fn a_bin_bounds_the_amount_that_it_is_of_where_a_person_is_in_one_group() {
        let table = |name: &str| Table { dataset: name.to_owned(), rows: Vec::new() };
        let clamp = Clamp::new(-500, CAP).unwrap();
        let of = Quantity::Sum { column: "spend".to_owned() };
        let measure = Measure { side: Side::JOINED, of, rows: Vec::new(), clamp };
        let bins = Dimension::Bins { measure: 0, edges: vec![0, 400, 2_000] };
        let mut tally = Tally {
            population: Population::First,
            tables: vec![table("people"), table("sales")],
            dimensions: vec![Dimension::Matched, bins],
            measures: vec![measure.clone(), measure],
            products: Vec::new(),
            cells_per_person: 1,
            ids_per_person: 1,
            contrast: None,
            weights: Vec::new(),
            spread: Vec::new(),
            program: None,
        };
        let possible = |tally: &Tally, measure, bin| {
            let Possible(ends) =
                Possible::new(tally, measure, clamp, &[Place::Index(1), Place::Index(bin)]);
            ends.map(f64::round)
        };
        assert_eq!(possible(&tally, 0, 0), [-500.0, -1.0]);
        assert_eq!(possible(&tally, 0, 1), [0.0, 399.0]);
        assert_eq!(possible(&tally, 0, 2), [400.0, 1_000.0]);
        // Beyond the cap is nobody, and of another measure a bin says nothing.
        assert_eq!(possible(&tally, 0, 3), [-500.0, 1_000.0]);
        assert_eq!(possible(&tally, 1, 1), [-500.0, 1_000.0]);
        // Somebody may have a part of it in each of several shops.
        let shop = Dimension::Group { side: Side::JOINED, column: "shop".to_owned(), values: 3 };
        tally.dimensions[0] = shop;
        assert_eq!(possible(&tally, 0, 1), [-500.0, 1_000.0]);
        // But not where the bin is of each shop.
        let edges = vec![0, 400, 2_000];
        tally.dimensions[1] = Dimension::BinsPerGroup { measure: 0, edges };
        assert_eq!(possible(&tally, 0, 1), [0.0, 399.0]);
        assert_eq!(possible(&tally, 1, 1), [-500.0, 1_000.0]);
    }
}
