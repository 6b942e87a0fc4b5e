//! Whether intervals hold what they say, in seeded simulations of people, chance and noise.

use super::*;
use crate::proof::Vectors;
use statistics::special::normal_upper_quantile;

/// Uniform and normal numbers from a fixed seed.
struct Chance(u64);

impl Chance {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (f64::from(u32::try_from(self.0 >> 32).unwrap()) + 0.5) / 4_294_967_296.0
    }

    fn noise(&mut self, sigma: f64) -> i64 {
        format!("{:.0}", normal_upper_quantile(self.uniform()) * sigma).parse().unwrap()
    }
}

/// A segment: people, the chance of an outcome, and what one is worth on average in units of the column.
type Truth = (i64, f64, f64);

/// How often each interval of the segments and of all held, among those that were shown.
#[derive(Default)]
struct Held {
    people: [u32; 2],
    totals: [u32; 2],
    rates: [u32; 2],
    means: [u32; 2],
    all: [u32; 2],
}

fn count(held: &mut [u32; 2], truth: f64, ends: [f64; 2]) {
    held[0] += u32::from((ends[0]..=ends[1]).contains(&truth));
    held[1] += 1;
}

fn share(held: [u32; 2]) -> f64 {
    f64::from(held[0]) / f64::from(held[1])
}

/// What a person with an outcome spends: from nothing to the cap, few much.
fn spent(chance: &mut Chance, mean: f64) -> i64 {
    let amount = -mean * libm::log(chance.uniform());
    format!("{:.0}", amount.min(10_000.0)).parse().unwrap()
}

/// Its mean: the exponential distribution cut at the cap.
fn mean_spent(mean: f64) -> f64 {
    mean * (1.0 - libm::exp(-10_000.0 / mean))
}

fn simulate(epsilon: &str, truths: &[Truth; 3], runs: u32, seed: u64) -> Held {
    let asked = with("epsilon = 2", &format!("epsilon = {epsilon}")).unwrap();
    let proven = priced(asked.clone()).unwrap();
    let contract = contract();
    let scope = Scope::of(&contract, "first-month").unwrap();
    let Vectors { people, sums, products, .. } = proven.proof().vectors().unwrap();
    let figures = [*people, sums[0], sums[1], products[0]];
    let sigmas = figures.map(|figure| figure.sigma.value());
    let threshold = i64::try_from(proven.shown_from()).unwrap();
    let mut chance = Chance(seed);
    let mut held = Held::default();
    for _ in 0..runs {
        let mut cells = Vec::new();
        let mut exact = Vec::new();
        for (place, (people, rate, mean)) in (0..).zip(truths) {
            let (mut events, mut sum, mut squares) = (0, 0, 0);
            for _ in 0..*people {
                if chance.uniform() < *rate {
                    let amount = spent(&mut chance, *mean);
                    events += 1;
                    sum += amount;
                    squares += amount * amount;
                }
            }
            let unit = i64::try_from(proven.tally().products[0].unit()).unwrap();
            let [n, k, s, q] = sigmas.map(|sigma| chance.noise(sigma));
            let totals = Totals {
                people: people + n,
                sums: vec![events + k, sum + s],
                products: vec![squares / unit + q],
            };
            if totals.people >= threshold {
                cells.push(Cell { name: vec![Place::Index(1), Place::Index(place)], totals });
                exact.push((*people, events, sum, *rate, rate * mean_spent(*mean) / 100.0));
            }
        }
        let released = Released::Figures(Figures {
            contrasts: Vec::new(),
            spread: Vec::new(),
            noise: true,
            withheld: 0,
            cells,
            cut: 0,
            other: None,
            withheld_without_value: Some(0),
            no_consent: None,
        });
        let (answer, _) = asked.estimate(&released, &proven, &scope).unwrap();
        for (segment, (people, events, sum, rate, mean)) in answer.segments.iter().zip(&exact) {
            count(&mut held.people, real(*people), segment.people.ci);
            count(&mut held.totals, real(*events), segment.with_outcome.ci);
            count(&mut held.totals, real(*sum) / 100.0, segment.outcomes[0].total.ci);
            count(&mut held.rates, *rate, segment.rate.ci);
            count(&mut held.means, *mean, segment.outcomes[0].per_person.ci);
        }
        if let Some(all) = answer.together {
            let people: i64 = exact.iter().map(|it| it.0).sum();
            let of = |part: fn(&(i64, i64, i64, f64, f64)) -> f64| {
                exact.iter().map(|it| real(it.0) * part(it)).sum::<f64>() / real(people)
            };
            count(&mut held.all, real(people), all.people.ci);
            count(&mut held.all, of(|it| it.3), all.rate.ci);
            count(&mut held.all, of(|it| it.4), all.outcomes[0].per_person.ci);
        }
    }
    held
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "small numbers of a test")]
fn real(number: i64) -> f64 {
    number as f64
}

/// Of 3,000 intervals at 95 % fewer than 93.8 % hold in less than one of a thousand runs; seeds are fixed.
#[test]
fn intervals_hold_for_large_segments_and_small_ones_at_wide_noise_and_narrow() {
    for (at, (epsilon, truths)) in [
        ("2", [(900, 0.25, 2_000.0), (400, 0.05, 900.0), (150, 0.6, 4_000.0)]),
        ("0.3", [(900, 0.25, 2_000.0), (300, 0.02, 20_000.0), (150, 0.5, 3_000.0)]),
        ("8", [(700, 0.002, 3_000.0), (80, 0.01, 500.0), (60, 0.95, 9_000.0)]),
    ]
    .into_iter()
    .enumerate()
    {
        let seed = 0x9e37_79b9_7f4a_7c15 ^ u64::try_from(at).unwrap();
        let held = simulate(epsilon, &truths, 1_000, seed);
        let Held { people, totals, rates, means, all } = held;
        for (name, held) in [
            ("people", people),
            ("totals", totals),
            ("rates", rates),
            ("means", means),
            ("all", all),
        ] {
            assert!(held[1] > 900, "{name} {}", held[1]);
            // Of amounts that few have Student's interval is known to hold less often than it says.
            let least = if name == "means" && epsilon == "8" { 0.85 } else { 0.938 };
            assert!(share(held) > least, "epsilon {epsilon}, {name}: {}", share(held));
        }
    }
}

/// With the noise off, and for all people of the cohort, an interval is what textbooks say.
#[test]
fn without_noise_a_head_count_is_exact_and_a_rate_has_wilsons_interval() {
    let asked = with("segments = [\"plan\"]\n", "").unwrap();
    let proven = priced(asked.clone()).unwrap();
    let contract = contract();
    let scope = Scope::of(&contract, "first-month").unwrap();
    let released = Released::Figures(Figures {
        contrasts: Vec::new(),
        spread: Vec::new(),
        noise: false,
        cells: vec![Cell {
            name: vec![Place::Index(1)],
            totals: Totals { people: 263, sums: vec![81, 8_100], products: vec![810_000] },
        }],
        cut: 0,
        other: None,
        withheld: 3,
        withheld_without_value: Some(1),
        no_consent: None,
    });
    let (answer, flags) = asked.estimate(&released, &proven, &scope).unwrap();
    assert!(flags.is_empty() && answer.together.is_none());
    let [all] = answer.segments.as_slice() else { panic!() };
    assert_eq!((all.people.ci, all.with_outcome.ci), ([263.0; 2], [81.0; 2]));
    for (found, expected) in all.rate.ci.into_iter().zip([0.2535, 0.3682]) {
        assert!((found - expected).abs() < 5e-5, "{found}");
    }
}
