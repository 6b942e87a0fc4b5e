//! Whether intervals hold what they say, in seeded simulations of noise.

use super::*;
use statistics::special::normal_upper_quantile;
use std::collections::BTreeMap;

/// Normal noise from a fixed seed.
struct Noise(u64);

impl Noise {
    fn draw(&mut self, sigma: f64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let uniform = (f64::from(u32::try_from(self.0 >> 32).unwrap()) + 0.5) / 4_294_967_296.0;
        format!("{:.0}", normal_upper_quantile(uniform) * sigma).parse().unwrap()
    }
}

/// By place: people, and their rows by measure.
type Truth = BTreeMap<Vec<u32>, (i64, Vec<i64>)>;

/// What is released of `truth`, as the enclave does it.
fn release(proven: &Proven, truth: &Truth, noise: &mut Noise) -> Released {
    let (tally, proof) = (proven.tally(), proven.proof());
    let figures = proof.vectors().unwrap();
    let floor = i64::from(proof.threshold);
    let threshold = i64::try_from(proven.shown_from()).unwrap();
    let mut cells = Vec::new();
    let mut hidden = Totals { people: 0, sums: vec![0; tally.measures.len()], products: vec![] };
    let mut withheld = 0;
    for at in 0..tally.public_cells().unwrap() - 1 {
        let name = crate::released::public_name(&tally.dimensions, at);
        let numbers: Vec<u32> = name
            .iter()
            .map(|place| match place {
                Place::Index(at) => *at,
                Place::Label(_) => unreachable!(),
            })
            .collect();
        let nobody = (0, vec![0; tally.measures.len()]);
        let (people, rows) = truth.get(&numbers).unwrap_or(&nobody);
        let people = people + noise.draw(figures.people.sigma.value());
        let sums = rows.iter().zip(&figures.sums);
        let sums: Vec<_> = sums.map(|(sum, it)| sum + noise.draw(it.sigma.value())).collect();
        if people >= threshold {
            cells.push(Cell { name, totals: Totals { people, sums, products: vec![] } });
        } else {
            withheld += 1;
            hidden.people += people;
            hidden.sums.iter_mut().zip(sums).for_each(|(all, sum)| *all += sum);
        }
    }
    Released::Figures(Figures {
        contrasts: Vec::new(),
        spread: Vec::new(),
        noise: true,
        cells,
        cut: 0,
        other: (hidden.people >= floor && withheld > 0).then_some(hidden),
        withheld,
        withheld_without_value: Some(0),
        no_consent: None,
    })
}

/// How often intervals held, by what they are of.
#[derive(Default)]
struct Held(BTreeMap<&'static str, [u32; 2]>);

impl Held {
    fn count(&mut self, name: &'static str, truth: f64, [low, high]: [f64; 2]) {
        let held = self.0.entry(name).or_default();
        held[0] += u32::from((low - 1e-9..=high + 1e-9).contains(&truth));
        held[1] += 1;
    }

    fn people(&mut self, name: &'static str, truth: i64, found: &People) {
        self.count(name, real(truth), found.ci.map(real));
    }

    fn average(&mut self, truth: f64, found: Option<Average>) {
        if let Some(found) = found {
            self.count("average", truth, found.ci);
        }
    }

    fn check(&self, what: &str) {
        for (name, [held, all]) in &self.0 {
            let share = f64::from(*held) / f64::from(*all);
            assert!(*all >= 500 && share > 0.93, "{what}, {name}: {share:.4} of {all}");
        }
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "small numbers of a test")]
fn real(number: i64) -> f64 {
    number as f64
}

fn simulated(asked: &Reach, truth: &Truth, seed: u64, mut look: impl FnMut(&ReachAnswer)) {
    let proven = priced(asked.clone()).unwrap();
    let contract = contract();
    let scope = Scope::of(&contract, "reach").unwrap();
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15 ^ seed);
    for _ in 0..700 {
        let released = release(&proven, truth, &mut noise);
        look(&asked.estimate(&released, &proven, &scope).unwrap().0);
    }
}

/// Of 700 intervals at 95 % fewer than 93 % hold in about one of a hundred runs; seeds are fixed.
#[test]
fn intervals_hold_for_every_shape() {
    for (seed, epsilon) in (0..).zip(["0.3", "3"]) {
        frequencies(seed, epsilon);
        datasets(seed, epsilon);
        columns(seed, epsilon);
        frequencies_of_values(seed, epsilon);
    }
}

fn frequencies(seed: u64, epsilon: &str) {
    let asked = with("epsilon = 2", &format!("epsilon = {epsilon}")).unwrap();
    for people in [[4_000, 900, 120, 41, 16], [300, 60, 22, 9, 3], [60, 25, 0, 0, 0]] {
        let place = |(at, people): (u32, &i64)| (vec![1, at], (*people, vec![*people]));
        let truth = (0..).zip(&people).map(place).collect();
        let all: i64 = people.iter().sum();
        let rows: i64 = (1..).zip(&people).map(|(times, people)| times * people).sum();
        let mut held = Held::default();
        simulated(&asked, &truth, seed, |answer| {
            held.people("reach", all, answer.reach.as_ref().unwrap());
            let frequency = answer.frequency.as_ref().unwrap();
            for (at, times) in frequency.times.iter().enumerate() {
                held.people("at least", people.iter().skip(at).sum(), &times.at_least);
                if times.people.value.is_none() {
                    held.people("hidden", people[at], &times.people);
                }
            }
            held.average(real(rows) / real(all), frequency.average);
        });
        held.0.retain(|_, [_, all]| *all >= 500);
        held.check(&format!("frequency at {epsilon}"));
    }
}

fn datasets(seed: u64, epsilon: &str) {
    let job = JOB.replace("\"frequency\"", "\"dataset\"");
    let asked = asked(&job.replace("epsilon = 2", &format!("epsilon = {epsilon}"))).unwrap();
    for [one, other, both] in [[2_000, 900, 400], [150, 12, 30]] {
        let truth = Truth::from([
            (vec![0], (one, vec![2 * one, 0])),
            (vec![1], (other, vec![0, other])),
            (vec![2], (both, vec![both, 3 * both])),
            (vec![4], (35, vec![0, 35])),
        ]);
        let mut held = Held::default();
        simulated(&asked, &truth, seed, |answer| {
            held.people("reach", one + other + both, answer.reach.as_ref().unwrap());
            held.people("without key", 35, answer.without_key.as_ref().unwrap());
            let groups = &answer.groups.as_ref().unwrap().groups;
            held.people("first", one + both, &groups[0].people);
            held.people("second", other + both, &groups[1].people);
            held.people("only", other, groups[1].only.as_ref().unwrap());
            let average = real(2 * one + both) / real(one + both);
            held.average(average, groups[0].average);
        });
        held.0.retain(|_, [_, all]| *all >= 500);
        held.check(&format!("dataset at {epsilon}"));
    }
}

fn columns(seed: u64, epsilon: &str) {
    let job = by_column().replace("epsilon = 2", &format!("epsilon = {epsilon}"));
    let asked = asked(&job).unwrap();
    let values = [(900, 1_600), (260, 300), (70, 220), (0, 0)];
    let place = |(at, (people, rows)): (u32, &(i64, i64))| (vec![1, at], (*people, vec![*rows]));
    let truth = (0..).zip(&values).map(place).collect();
    let mut held = Held::default();
    simulated(&asked, &truth, seed, |answer| {
        for group in &answer.groups.as_ref().unwrap().groups {
            let at = ["front", "sport", "other"].iter().position(|name| *name == group.name);
            // Nobody is without a place; what noise shows of nobody has no average.
            let Some((people, rows)) = at.map(|at| values[at]) else { continue };
            held.people("people", people, &group.people);
            held.average(real(rows) / real(people), group.average);
        }
    });
    held.0.retain(|_, [_, all]| *all >= 500);
    held.check(&format!("column at {epsilon}"));
}

fn frequencies_of_values(seed: u64, epsilon: &str) {
    let job = by_column().replace("by = ", "frequencies = true\nby = ");
    let asked = asked(&job.replace("epsilon = 2", &format!("epsilon = {epsilon}"))).unwrap();
    let values = [[2_000, 700, 240, 90, 30], [300, 110, 40, 10, 0], [0; 5], [0; 5]];
    let places = (0..).zip(&values).flat_map(|(value, people)| {
        (0..).zip(people).map(move |(at, people)| (vec![1, value, at], (*people, vec![0])))
    });
    let truth = places.collect();
    let mut held = Held::default();
    simulated(&asked, &truth, seed, |answer| {
        for group in &answer.groups.as_ref().unwrap().groups {
            let at = ["front", "sport"].iter().position(|name| *name == group.name);
            let Some(people) = at.map(|at| values[at]) else { continue };
            let all: i64 = people.iter().sum();
            let rows: i64 = (1..).zip(&people).map(|(times, people)| times * people).sum();
            held.people("people", all, &group.people);
            for (at, times) in group.frequency.as_ref().unwrap().times.iter().enumerate() {
                held.people("at least", people.iter().skip(at).sum(), &times.at_least);
            }
            held.average(real(rows) / real(all), group.average);
        }
    });
    held.0.retain(|_, [_, all]| *all >= 500);
    held.check(&format!("frequencies of values at {epsilon}"));
}
