//! The distribution of a released count: binomial events and the noise on them.

use super::{Events, real};
use crate::special::normal_sf;

/// A released count of an arm whose rate is supposed.
pub(crate) struct Counted {
    spread: Spread,
}

enum Spread {
    /// Events from `first` on with these probabilities, and the noise on them.
    Exact { first: i64, events: Vec<f64>, noise: Noise },
    /// So many events that nothing is lost by the normal distribution.
    Normal { mean: f64, deviation: f64 },
}

/// Discrete Gaussian noise: weights and upper tails from `-reach` to `reach`.
struct Noise {
    reach: i64,
    deviation: f64,
    weights: Vec<f64>,
    tails: Vec<f64>,
}

impl Counted {
    pub(crate) fn new(arm: &Events, rate: f64) -> Self {
        let people = arm.people.round();
        let sampling = people * rate * (1.0 - rate);
        let noise = arm.noise(rate);
        if sampling > MANY || noise > WIDE {
            let deviation = (sampling + noise).sqrt();
            return Self { spread: Spread::Normal { mean: people * rate, deviation } };
        }
        let (first, events) = binomial(people, rate);
        Self { spread: Spread::Exact { first, events, noise: Noise::new(noise) } }
    }

    /// Counts outside have no probability to speak of.
    pub(super) fn reach(&self) -> [i64; 2] {
        match &self.spread {
            Spread::Exact { first, events, noise } => {
                let last = first + i64::try_from(events.len()).unwrap_or(0) - 1;
                [first - noise.reach, last + noise.reach]
            }
            Spread::Normal { mean, deviation } => {
                [whole(mean - REACH * deviation), whole(mean + REACH * deviation)]
            }
        }
    }

    /// Steps in which nothing of this distribution is lost.
    pub(super) fn step(&self) -> i64 {
        match &self.spread {
            // Sampled at a third of its deviation, a Gaussian's sum is off by e^-177.
            Spread::Exact { noise, .. } => whole(noise.deviation / 3.0),
            Spread::Normal { deviation, .. } => whole(deviation / 12.0),
        }
    }

    /// Probability of a count within half a step.
    pub(super) fn probability(&self, count: i64, step: i64) -> f64 {
        match &self.spread {
            Spread::Exact { first, events, noise } => {
                let (_, sum) = folded(events, &noise.weights, count - first + noise.reach);
                sum * real(step)
            }
            Spread::Normal { mean, deviation } => {
                let half = real(step) / 2.0;
                let tail = |end: f64| normal_sf((end - mean) / deviation);
                tail(real(count) - half) - tail(real(count) + half)
            }
        }
    }

    /// Probability of so high a count, or a higher one.
    pub(crate) fn at_least(&self, count: i64) -> f64 {
        match &self.spread {
            Spread::Exact { first, events, noise } => {
                let (sure, sum) = folded(events, &noise.tails, count - first + noise.reach);
                sure + sum
            }
            Spread::Normal { mean, deviation } => normal_sf((real(count) - 0.5 - mean) / deviation),
        }
    }
}

/// Σ events\[i\] · table\[place - i\] where the table has such a place; and before it, the sum of those
/// events whose place is below the table.
fn folded(events: &[f64], table: &[f64], place: i64) -> (f64, f64) {
    let length = i64::try_from(table.len()).unwrap_or(i64::MAX);
    let index = |at: i64| usize::try_from(at.max(0)).unwrap_or(0).min(events.len());
    // Places from `length - 1` down to 0.
    let (from, to) = (index(place - length + 1), index(place + 1));
    let below = events.get(to..).unwrap_or_default().iter().sum();
    let top = place - i64::try_from(from).unwrap_or(i64::MAX);
    let end = usize::try_from(top + 1).unwrap_or(0).min(table.len());
    let places = table.get(..end).unwrap_or_default().iter().rev();
    let inside = events.get(from..to.max(from)).unwrap_or_default();
    (below, inside.iter().zip(places).map(|(event, weight)| event * weight).sum())
}

impl Noise {
    /// Weights in proportion to exp(-k²/2σ²), from one factor to the next.
    fn new(variance: f64) -> Self {
        let deviation = variance.sqrt();
        let reach = whole((REACH * deviation).ceil());
        // exp(-(2k+1)/2σ²) leads from k to k+1.
        let shrink = if variance > 0.0 { libm::exp(-1.0 / variance) } else { 0.0 };
        let mut factor = shrink.sqrt();
        let mut weight = 1.0;
        let mut half = vec![weight];
        for _ in 0..reach {
            weight *= factor;
            factor *= shrink;
            half.push(weight);
        }
        let mut weights: Vec<f64> = half.iter().skip(1).rev().copied().collect();
        weights.extend(half);
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        let mut above = 0.0;
        let mut tails = weights.clone();
        for tail in tails.iter_mut().rev() {
            above += *tail;
            *tail = above;
        }
        Self { reach, deviation, weights, tails }
    }
}

/// Probabilities around the likeliest number, outwards until they are negligible; no logarithm, as they
/// are made to add up to one in the end.
fn binomial(people: f64, rate: f64) -> (i64, Vec<f64>) {
    let most = whole(people);
    let mode = whole(((people + 1.0) * rate).floor()).clamp(0, most);
    let odds = rate / (1.0 - rate);
    let mut above = vec![1.0];
    let (mut at, mut weight) = (mode, 1.0);
    while at < most && odds.is_finite() {
        weight *= real(most - at) / real(at + 1) * odds;
        if weight < TINY {
            break;
        }
        above.push(weight);
        at += 1;
    }
    let mut below = Vec::new();
    (at, weight) = (mode, 1.0);
    while at > 0 && odds > 0.0 {
        weight *= real(at) / (real(most - at + 1) * odds);
        if weight < TINY {
            break;
        }
        below.push(weight);
        at -= 1;
    }
    let first = mode - i64::try_from(below.len()).unwrap_or(0);
    below.reverse();
    below.extend(above);
    let total: f64 = below.iter().sum();
    below.iter_mut().for_each(|weight| *weight /= total);
    (first, below)
}

#[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "counts below 2^53")]
fn whole(count: f64) -> i64 {
    count as i64
}

/// In standard deviations: a Gaussian has 10⁻¹⁰ outside.
const REACH: f64 = 6.5;
/// Against the likeliest number.
const TINY: f64 = 1e-12;
/// Variance of the events from which on they are normal: their skewness is below 0.01.
const MANY: f64 = 10_000.0;
/// Variance of the noise from which on it is not tabulated.
const WIDE: f64 = 1e6;
