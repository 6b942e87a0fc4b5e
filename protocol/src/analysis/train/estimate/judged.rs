//! What held-out people say of a model, from two released histograms of their scores.
//!
//! Noisy counts are taken as they are, also below 0: cut to 0 they would lift every empty bin, and lower the AUC.

use super::super::answer::{Auc, Judged, ScoreBin};
use crate::tally::HeldOut;
use statistics::special::normal_upper_quantile;

/// How the counts are to be read.
#[derive(Clone, Copy)]
pub(in crate::analysis::train) struct Reading {
    /// Standard deviation of the noise in each count.
    pub(in crate::analysis::train) noise: f64,
    /// One less the confidence.
    pub(in crate::analysis::train) alpha: f64,
    /// Bins of fewer people are not shown.
    pub(in crate::analysis::train) least: i64,
}

/// What held-out people say, and whether what the model says is far from it. None if there is not one count for each bin and label. Edges between bins of scores lie above `zero`.
pub(in crate::analysis::train) fn judged(
    held: &HeldOut,
    counts: &[i64],
    zero: f64,
    reading: Reading,
) -> Option<(Judged, bool)> {
    let bins = held.edges.len() + 1;
    let (without, with) = counts.split_at_checked(bins)?;
    if with.len() != bins {
        return None;
    }
    let cells = cells(held, without, with, zero);
    let merged = merged(&cells, reading);
    // All ranges together hold as often as one does elsewhere.
    let all = Reading { alpha: reading.alpha / f64::from(count(merged.len())), ..reading };
    let is_off = merged.iter().any(|cell| is_missed(&bin(cell, all)));
    let people = cells.iter().map(Cell::people).sum::<i64>();
    let most = cells.iter().map(Cell::people).max().unwrap_or(0);
    let is_clear = real(people) >= CLEAR * reading.noise * (2.0 * f64::from(count(bins))).sqrt();
    let largest = (people >= reading.least.max(1) && is_clear).then(|| real(most) / real(people));
    let judged = Judged {
        share: f64::from(held.share) / 1000.0,
        auc: auc(without, with, reading),
        largest_bin: largest,
        bins: merged.iter().map(|cell| bin(cell, reading)).collect(),
    };
    Some((judged, is_off))
}

/// Whether nearly all people have nearly the same score, so that the AUC says little.
pub(in crate::analysis::train) fn are_alike(judged: &Judged) -> bool {
    judged.largest_bin.is_some_and(|share| share > MOST)
}

/// Neighbouring bins in which scores were counted.
#[derive(Clone, Copy)]
struct Cell {
    /// What the model says at both ends.
    ends: [f64; 2],
    /// Sum over the bins of what the model says in the middle of each times the people there, and of these people: none below 0.
    said: [f64; 2],
    without: i64,
    with: i64,
    /// How many bins these are, each with its noise.
    bins: u32,
}

impl Cell {
    fn people(&self) -> i64 {
        self.without.saturating_add(self.with)
    }

    /// Standard deviation of the noise in the people of one label.
    fn noise(&self, reading: Reading) -> f64 {
        reading.noise * f64::from(self.bins).sqrt()
    }

    fn and(self, next: Self) -> Self {
        Self {
            ends: [self.ends[0], next.ends[1]],
            said: [self.said[0] + next.said[0], self.said[1] + next.said[1]],
            without: self.without.saturating_add(next.without),
            with: self.with.saturating_add(next.with),
            bins: self.bins.saturating_add(next.bins),
        }
    }
}

fn cells(held: &HeldOut, without: &[i64], with: &[i64], zero: f64) -> Vec<Cell> {
    let edges: Vec<f64> =
        held.edges.iter().map(|edge| zero + f64::from(*edge) / 65_536.0).collect();
    let width = |pair: &[f64]| pair.last().zip(pair.first()).map_or(1.0, |(to, from)| to - from);
    // Bins at both ends are as if they were as wide as their neighbours.
    let lowest = edges.first().map(|edge| edge - width(edges.get(..2).unwrap_or_default()));
    let last = edges.len().saturating_sub(2);
    let highest = edges.last().map(|edge| edge + width(edges.get(last..).unwrap_or_default()));
    let scores: Vec<f64> = lowest.into_iter().chain(edges).chain(highest).collect();
    let places = without.len();
    let both = without.iter().zip(with).zip(scores.windows(2)).enumerate();
    let cell = |(at, ((without, with), ends)): (usize, ((&i64, &i64), &[f64]))| {
        let (from, to) = (ends.first().copied()?, ends.last().copied()?);
        let people = real(without.saturating_add(*with)).max(0.0);
        let low = if at == 0 { 0.0 } else { link(from) };
        let high = if at + 1 == places { 1.0 } else { link(to) };
        let said = [people * link(f64::midpoint(from, to)), people];
        Some(Cell { ends: [low, high], said, without: *without, with: *with, bins: 1 })
    };
    both.filter_map(cell).collect()
}

/// Bins, from the lowest on, until each has a tenth of all people and noise is far from all of it. What is left goes with the last.
fn merged(cells: &[Cell], reading: Reading) -> Vec<Cell> {
    let all = cells.iter().map(|cell| real(cell.people())).sum::<f64>();
    let mut merged: Vec<Cell> = Vec::new();
    let mut open: Option<Cell> = None;
    for cell in cells {
        let grown = open.map_or(*cell, |open| open.and(*cell));
        let clear = CLEAR * 2.0_f64.sqrt() * grown.noise(reading);
        if real(grown.people()) >= (all / PARTS).max(clear).max(real(reading.least.max(1))) {
            merged.push(grown);
            open = None;
        } else {
            open = Some(grown);
        }
    }
    match (open, merged.pop()) {
        (Some(open), Some(last)) => merged.push(last.and(open)),
        (open, last) => merged.extend(open.or(last)),
    }
    merged
}

fn bin(cell: &Cell, reading: Reading) -> ScoreBin {
    let [says_from, says_to] = cell.ends;
    let [said, of] = cell.said;
    let says = (of > 0.0).then(|| said / of);
    let people = cell.people();
    let (n, sd) = (real(people), cell.noise(reading));
    let people_noise_sd = sd * core::f64::consts::SQRT_2;
    let nothing = ScoreBin {
        says_from,
        says_to,
        says: None,
        people: None,
        people_noise_sd,
        rate: None,
        ci: None,
    };
    // Noise in the number of people is far from all of it, so that the quotient is nearly linear.
    let is_clear = n >= CLEAR * people_noise_sd;
    if people < reading.least.max(1) || !is_clear {
        return nothing;
    }
    let rate = real(cell.with) / n;
    let ci = rate_interval(rate, n, sd, reading.alpha);
    let (rate, ci) = (rate.clamp(0.0, 1.0), ci.map(|end| end.clamp(0.0, 1.0)));
    ScoreBin { says, people: Some(people), rate: Some(rate), ci: Some(ci), ..nothing }
}

/// Whether what the model says is outside of what happened, by more than a tenth of it.
fn is_missed(bin: &ScoreBin) -> bool {
    let (Some(says), Some([low, high])) = (bin.says, bin.ci) else { return false };
    says * TENTH < low || says > high * TENTH
}

/// All rates p that the found one does not speak against: (rate - p)² ≤ z²(σ²((1-p)² + p²)/n² + p(1-p)/n), which is Wilson's
/// interval with the noise in it. The deviation is that of the supposed rate, so that it holds near 0 and 1, too.
fn rate_interval(rate: f64, n: f64, sd: f64, alpha: f64) -> [f64; 2] {
    let z = normal_upper_quantile(alpha / 2.0);
    let (noise, sampling) = (z * z * sd * sd / (n * n), z * z / n);
    let square = 1.0 - 2.0 * noise + sampling;
    let middle = rate - noise + sampling / 2.0;
    let width = (middle * middle - square * (rate * rate - noise)).max(0.0).sqrt();
    [(middle - width) / square, (middle + width) / square]
}

/// With both histograms' sums P and N, AUC = Σ pᵢ (n₍<i₎ + nᵢ/2) / PN; to first order its variance is the sum of the squared
/// derivatives, each times the variance of its count: the noise, and of sampling the count itself. Where a bin has more than a quarter of the people,
/// the order of those within it may be any: it moves the AUC by at most pᵢnᵢ/2PN.
fn auc(without: &[i64], with: &[i64], reading: Reading) -> Option<Auc> {
    let sum = |counts: &[i64]| counts.iter().map(|count| real(*count)).sum::<f64>();
    let (negative, positive) = (sum(without), sum(with));
    let noise_of_sum = reading.noise * f64::from(count(with.len())).sqrt();
    if negative.min(positive) < (CLEAR * noise_of_sum).max(FEWEST) {
        return None;
    }
    let mut below = 0.0;
    let before: Vec<f64> = without
        .iter()
        .map(|count| {
            let here = (below + real(*count) / 2.0) / negative;
            below += real(*count);
            here
        })
        .collect();
    let mut above = positive;
    let after = with.iter().map(|count| {
        above -= real(*count);
        (above + real(*count) / 2.0) / positive
    });
    let value: f64 =
        with.iter().zip(&before).map(|(count, before)| real(*count) * before).sum::<f64>()
            / positive;
    let derivatives = with.iter().zip(before.iter().map(|share| (share - value) / positive));
    let derivatives =
        derivatives.chain(without.iter().zip(after.map(|share| (share - value) / negative)));
    let (mut noise, mut sampling) = (0.0, 0.0);
    for (count, slope) in derivatives {
        noise += slope * slope;
        sampling += real(*count) * slope * slope;
    }
    let noise_sd = reading.noise * noise.sqrt();
    let sd = (noise_sd * noise_sd + sampling.max(0.0)).sqrt();
    let ties = without.iter().zip(with).map(|(n, p)| [real(*n).max(0.0), real(*p).max(0.0)]);
    let are_many = |[n, p]: &[f64; 2]| n + p > LARGE * (negative + positive);
    let ties = ties.filter(are_many).map(|[n, p]| n * p / (2.0 * negative * positive)).sum::<f64>();
    let half = normal_upper_quantile(reading.alpha / 2.0) * sd + ties;
    let ci = [(value - half).max(0.0), (value + half).min(1.0)];
    Some(Auc { value: value.clamp(0.0, 1.0), noise_sd, ties, ci })
}

fn link(score: f64) -> f64 {
    1.0 / (1.0 + libm::exp(-score))
}

fn count(number: usize) -> u32 {
    u32::try_from(number.max(1)).unwrap_or(u32::MAX)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "an estimate")]
fn real(count: i64) -> f64 {
    count as f64
}

/// Deviations of noise that a number is at least, where a quotient by it is shown.
const CLEAR: f64 = 5.0;
/// Fewer people with a label, or without it, say nothing.
const FEWEST: f64 = 20.0;
/// Bins of scores that are shown have at least such a part of all people.
const PARTS: f64 = 10.0;
/// Beyond this share of people in one bin, ties count.
const LARGE: f64 = 0.25;
/// Beyond this share of people in one bin, it is said.
const MOST: f64 = 0.5;
/// A tenth more.
const TENTH: f64 = 1.1;
