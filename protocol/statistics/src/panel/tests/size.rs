//! How often estimates find an effect where there is none, and how often intervals have the truth: seeded simulations.
//!
//! The long ones are measured with `cargo test --release -p statistics --lib size -- --ignored --nocapture`.

#![expect(clippy::print_stdout, reason = "the long ones print what a page says")]

use super::{
    Blocks, Comparison, Method, Pair, Set, Statistic, cities, compared, difference, pairs,
    regression, synthetic,
};
use crate::special::{normal_upper_quantile, student_upper_quantile};

/// The same numbers in each run.
struct Random(u64);

impl Random {
    fn normal(&mut self) -> f64 {
        // Steele, Lea and Flood 2014 (SplitMix64).
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        let drawn = u32::try_from(mixed >> 32).unwrap();
        normal_upper_quantile((f64::from(drawn) + 0.5) / 4_294_967_296.0)
    }

    /// A row whose numbers keep this share of the one before; a random walk keeps all.
    fn row(&mut self, periods: usize, kept: f64) -> Vec<f64> {
        let mut now = 0.0;
        let unseen = if kept < 1.0 { 100 } else { 0 };
        let next = |_: usize| {
            now = kept * now + self.normal();
            now
        };
        (0..unseen + periods).map(next).skip(unseen).collect()
    }
}

/// Places with a common season in which nothing happens; the first is treated.
#[derive(Clone, Copy)]
struct Design {
    others: usize,
    before: usize,
    tested: usize,
    kept: f64,
}

impl Design {
    fn drawn(self, random: &mut Random) -> Comparison {
        let periods = self.before + self.tested;
        let season = random.row(periods, 0.7);
        let mut row = || -> Vec<f64> {
            let own = random.row(periods, self.kept);
            own.iter().zip(&season).map(|(own, season)| 100.0 + own + 3.0 * season).collect()
        };
        let treated = vec![row()];
        let others = (0..self.others).map(|_| row()).collect();
        Comparison::new(treated, others, self.before).unwrap()
    }
}

/// Shares of tables in which an effect is found at a level of a tenth.
#[derive(Debug, Default)]
struct Found {
    /// By the published error of a line,
    published: f64,
    /// by the same where what it leaves over before does not drift,
    published_not_flagged: f64,
    /// and by blocks of what a synthetic control leaves over.
    weights: f64,
}

fn found(design: Design, tables: u32, seed: u64) -> Found {
    let mut random = Random(seed);
    let mut found = Found::default();
    let each = 1.0 / f64::from(tables);
    for _ in 0..tables {
        let comparison = design.drawn(&mut random);
        let fitted = regression::fit(&comparison).unwrap();
        let published = fitted.p().unwrap() <= 0.1;
        found.published += if published { each } else { 0.0 };
        found.published_not_flagged += if published && !fitted.drifts() { each } else { 0.0 };
        let weights = Blocks::new(&comparison, Method::WEIGHTS);
        let estimate = synthetic::fit(&comparison, Method::WEIGHTS).effect.mean;
        // What is reported is no smaller than the p of blocks.
        let by_weights =
            weights.p(0.0, Statistic::AbsoluteSum) <= 0.1 && weights.invert(estimate, 0.1).p <= 0.1;
        found.weights += if by_weights { each } else { 0.0 };
    }
    found
}

#[test]
fn a_line_that_is_not_said_to_drift_finds_nothing_no_oftener_than_the_level() {
    let weeks = Design { others: 15, before: 52, tested: 8, kept: 0.5 };
    let by = found(weeks, 300, 11);
    assert!(by.published > 0.25 && by.published_not_flagged < 0.05, "{by:?}");
    let walk = found(Design { kept: 1.0, ..weeks }, 200, 12);
    assert!(walk.published_not_flagged < 0.01 && walk.weights < 0.2, "{walk:?}");
    // Of eight weeks nobody can tell.
    let short = found(Design { before: 8, tested: 4, ..weeks }, 50, 13);
    assert!(short.published > 0.1 && short.published_not_flagged == 0.0, "{short:?}");
}

#[test]
#[ignore = "a minute"]
fn what_is_found_where_nothing_happened_at_length() {
    for (others, before, tested) in [(15, 52, 8), (5, 8, 4), (20, 90, 30)] {
        for kept in [0.0, 0.5, 0.8, 1.0] {
            let found = found(Design { others, before, tested, kept }, 2000, 7);
            println!("{others} others, {before} before, {tested} tested, {kept} kept: {found:.3?}");
        }
    }
    // Every city of real data, as if it had been treated for 15 days, three times over.
    let all = cities();
    let (mut published, mut tests) = (0, 0);
    for end in [90, 75, 60] {
        let until = |(name, row): &(String, Vec<f64>)| (name.clone(), row[..end].to_vec());
        let earlier: Vec<_> = all.iter().map(until).collect();
        for (name, _) in &all {
            let (comparison, _) = compared(&earlier, &[name], &[], end - 15);
            let fitted = regression::fit(&comparison).unwrap();
            tests += 1;
            published += u32::from(fitted.p().unwrap() <= 0.1);
        }
    }
    println!("cities: of {tests} by the published error {published}");
}

/// How often the change of places is found where nothing happened, at a level of a tenth.
fn changes(places: usize, treated: usize, tables: u32) -> f64 {
    let mut random = Random(4);
    let mut found = 0;
    for _ in 0..tables {
        let mut row = || -> Vec<f64> {
            let change = 0.5 * random.normal();
            let moved = |at| if at < 26 { 0.0 } else { change };
            (0..30).map(|at| moved(at) + random.normal()).collect()
        };
        let test = (0..treated).map(|_| row()).collect();
        let others = (treated..places).map(|_| row()).collect();
        let comparison = Comparison::new(test, others, 26).unwrap();
        let found_here = difference::compare(&comparison).p().unwrap() <= 0.1;
        found += u32::from(found_here);
    }
    f64::from(found) / f64::from(tables)
}

#[test]
fn a_difference_finds_nothing_about_as_often_as_the_level_with_few_treated_places() {
    for (places, treated) in [(12, 2), (40, 2), (20, 3), (40, 4), (40, 20)] {
        let rate = changes(places, treated, 1000);
        assert!((0.075..0.125).contains(&rate), "{treated} of {places}: {rate}");
    }
}

#[test]
#[ignore = "half a minute"]
fn a_difference_at_length() {
    for (places, treated) in [(12, 2), (40, 2), (20, 3), (40, 4), (40, 6), (40, 8), (40, 20)] {
        println!("{treated} of {places}: {:.3}", changes(places, treated, 6000));
    }
}

/// How many pairs are left out at each end where the data choose (Chen and Au 2022): the fewest whose error is close to the least.
fn chosen(all: &[Pair]) -> usize {
    let errors: Vec<_> = (0..=all.len() * 3 / 10)
        .map(|trimmed| {
            pairs::estimate_without(all, trimmed).map_or(f64::INFINITY, |found| found.error)
        })
        .collect();
    let least = errors.iter().copied().fold(f64::INFINITY, f64::min);
    let close = (1.0 + 0.25 / f64::from(u32::try_from(all.len()).unwrap()).sqrt()) * least;
    errors.iter().position(|error| *error <= close).unwrap()
}

/// How many of a hundred 90 % intervals of trimmed match have the return, with pairs whose costs differ and heavy tails or not.
fn covered(number: usize, trimmed: Option<usize>, heavy: bool, samples: u32) -> f64 {
    let mut random = Random(9);
    let mut covered = 0;
    for _ in 0..samples {
        let all: Vec<_> = (0..number)
            .map(|_| {
                let size = (0.7 * random.normal()).exp();
                let scale = if heavy { (0.8 * random.normal()).exp() } else { 1.0 };
                let response = 2.0 * size + scale * size * random.normal();
                Pair { response, cost: size }
            })
            .collect();
        let trimmed = trimmed.unwrap_or_else(|| chosen(&all));
        let kept = f64::from(u32::try_from(number - 2 * trimmed).unwrap());
        let quantile = student_upper_quantile(0.05, kept - 1.0);
        let [low, high] = pairs::ends(&all, trimmed, quantile);
        let has = low.is_none_or(|low| low <= 2.0) && high.is_none_or(|high| 2.0 <= high);
        covered += u32::from(has);
    }
    f64::from(covered) / f64::from(samples)
}

#[test]
fn trimmed_match_covers_where_what_is_left_out_was_fixed_before() {
    for (number, trimmed) in [(4, 0), (10, 1), (20, 2)] {
        let rate = covered(number, Some(trimmed), false, 1000);
        assert!((0.87..=0.95).contains(&rate), "{number}: {rate}");
    }
    // Where the same data choose it, fewer do.
    assert!(covered(20, None, false, 3000) < 0.885);
}

#[test]
#[ignore = "a minute"]
fn trimmed_match_at_length() {
    for number in [4, 8, 10, 14, 20, 30] {
        for heavy in [false, true] {
            let fixed = [0, number / 10, number / 5].map(|trimmed| {
                format!("{trimmed} out {:.3}", covered(number, Some(trimmed), heavy, 6000))
            });
            let chosen = covered(number, None, heavy, 6000);
            println!("{number} pairs, heavy {heavy}: {}, chosen {chosen:.3}", fixed.join(", "));
        }
    }
}

#[test]
fn a_search_that_finds_no_end_says_so() {
    // The other place has the test in it, so that a ridge follows any effect.
    let test = |at: usize| if at < 8 { 0.0 } else { 1.0 };
    let mut random = Random(3);
    let treated = vec![(0..12).map(|at| 100.0 + test(at) + 0.1 * random.normal()).collect()];
    let others: Vec<Vec<f64>> = (0..6)
        .map(|place| {
            let with_test = if place == 0 { 40.0 } else { 0.0 };
            (0..12).map(|at| 100.0 + with_test * test(at) + random.normal()).collect()
        })
        .collect();
    let comparison = Comparison::new(treated, others, 8).unwrap();
    let method = Method::ridge(1e-6);
    let estimate = synthetic::fit(&comparison, method).effect.mean;
    let found = Blocks::new(&comparison, method).invert(estimate, 0.1);
    let Set::Between(ends) = found.set else { panic!("{found:?}") };
    assert!(ends.iter().all(|end| end.is_infinite() || end.abs() < 1e5), "{found:?}");
}

#[test]
fn an_effect_without_any_error_has_itself_as_interval() {
    let season: Vec<f64> =
        (0..12).map(|at| 603.17 + 41.3 * f64::from(at % 5) - 7.9 * f64::from(at)).collect();
    let flat = vec![600.0; 12];
    for base in [season, flat] {
        for effect in [300.0, 180.02, -17.3] {
            let step = |(at, number): (usize, &f64)| number + if at < 8 { 0.0 } else { effect };
            let treated = vec![base.iter().enumerate().map(step).collect()];
            let comparison = Comparison::new(treated, vec![base.clone(); 5], 8).unwrap();
            let penalty = synthetic::penalty(&comparison);
            for method in [Method::WEIGHTS].into_iter().chain(penalty.map(Method::ridge)) {
                let estimate = synthetic::fit(&comparison, method).effect.mean;
                let found = Blocks::new(&comparison, method).invert(estimate, 0.1);
                let Set::Between([low, high]) = found.set else { panic!("{method:?} {found:?}") };
                assert!(low <= effect + 1e-6 && effect - 1e-6 <= high, "{found:?}");
                assert!(high - low < 0.01, "{found:?}");
            }
        }
    }
}
