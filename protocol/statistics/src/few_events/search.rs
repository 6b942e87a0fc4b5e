//! Finds the ends of an interval: the last effects that a test does not reject.

use super::Tails;
use crate::lift::{Alternative, Confidence};

/// Which ends an interval has, and how often it misses at each.
#[derive(Clone, Copy)]
pub(super) struct Ends {
    pub(super) missed: f64,
    pub(super) lower: bool,
    pub(super) upper: bool,
}

impl Ends {
    pub(super) fn of(confidence: Confidence) -> Self {
        Self {
            missed: confidence.tail(),
            lower: confidence.alternative != Alternative::Less,
            upper: confidence.alternative != Alternative::Greater,
        }
    }
}

/// An effect that was tested, by its place on the scale of an interval.
#[derive(Clone, Copy)]
pub(super) struct Tested {
    pub(super) at: f64,
    pub(super) tails: Tails,
}

/// Between a point outside, with its excess of at most zero, and one inside: a point that is not
/// outside, nearly the last. By halves until both are near, and then by the secant that Illinois
/// corrects.
pub(super) fn boundary(
    [outside, below]: [f64; 2],
    inside: f64,
    excess: impl Fn(f64) -> f64,
) -> f64 {
    let (mut outside, mut inside, mut below) = (outside, inside, below);
    let width = (outside - inside).abs();
    let mut above = excess(inside);
    let mut last_was_inside = None;
    for _ in 0..STEPS {
        let share = if above > NEAR || below < -NEAR { 0.5 } else { below / (below - above) };
        let middle = outside + (inside - outside) * share.clamp(0.01, 0.99);
        let found = excess(middle);
        let is_inside = found > 0.0;
        if is_inside {
            (inside, above) = (middle, found);
            below = if last_was_inside == Some(true) { below / 2.0 } else { below };
        } else {
            (outside, below) = (middle, found);
            above = if last_was_inside == Some(false) { above / 2.0 } else { above };
        }
        last_was_inside = Some(is_inside);
        let settled = (outside - inside).abs() <= width * TOLERANCE;
        if settled || (is_inside && found < TOLERANCE) {
            break;
        }
    }
    inside
}

/// Between a point outside and one inside: a point that is not outside, nearly the last.
pub(super) fn halved(outside: f64, inside: f64, holds: impl Fn(f64) -> bool) -> f64 {
    let (mut outside, mut inside) = (outside, inside);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(outside, inside);
        if holds(middle) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    inside
}

const STEPS: u32 = 40;
const HALVINGS: u32 = 30;
/// Of the logarithm of a tail over the tail that is asked for: where the secant is nearly straight.
const NEAR: f64 = 4.0;
/// Of an end, in the logarithm of its tail or in shares of where it was sought.
const TOLERANCE: f64 = 1e-5;
