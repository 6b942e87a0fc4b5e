//! Privacy loss distributions: the tightest figure that is known for many steps together.
//!
//! The loss ln P(o)/Q(o) of an outcome o adds over mechanisms, so the distribution of the sum is a
//! convolution, and δ(ε) = E[1 - exp(ε - loss)]⁺ is read off it. Distributions are put on a grid
//! (`grid`), tilted so that floating-point numbers resolve the tail that matters, convolved by a
//! Fourier transform (`composition`), and the grid is refined until the answer stands still.
//!
//! # Privacy
//!
//! Neighbours differ by one person added or removed; the worse of the two directions counts. The
//! mechanisms must be chosen beforehand: an adaptive *choice of mechanism* is for the ledger to
//! account, results that depend on earlier results are covered.
//!
//! # Source
//!
//! - Koskela, Jälkö and Honkela 2020, <https://arxiv.org/abs/1906.03049>: the Fourier accountant.
//! - Doroshenko et al. 2022, <https://arxiv.org/abs/2207.04380>: the pessimistic grid.
//! - Zhu, Dong and Wang 2022, <https://arxiv.org/abs/2106.08567>: dominating pairs compose.

mod composition;
mod fourier;
mod grid;

use super::{
    AccountingError, Mechanism, delta_in_range, epsilon_in_range, gaussian, mechanism::Kind, rdp,
    real,
};
use composition::{Composition, Cumulant};
use grid::{Direction, Grid, Support};

/// The ε at `delta` of these mechanisms, each with how often it runs. Rounded up.
///
/// Within 10⁻³ of the exact value, and never below it. Only where a rate below 10⁻⁴ with σ < 1 would
/// take a grid of more than 700,000 points is it up to 2 % above.
///
/// # Errors
///
/// [`AccountingError`] if δ is not between 10⁻³⁰ and 1, a count not in 1..=10⁹, or the loss too
/// large or too small for a grid.
pub fn epsilon(parts: &[(Mechanism, u64)], delta: f64) -> Result<f64, AccountingError> {
    let delta = delta_in_range(delta)?;
    rdp::counts_in_range(parts)?;
    match gaussian_multiplier(parts) {
        Some(multiplier) => gaussian::epsilon(multiplier, delta),
        // Both are bounds; the other is the lower one only where a grid would have to be very long.
        None => Ok(worst(parts, Goal::Epsilon { delta })?.min(rdp::epsilon(parts, delta)?)),
    }
}

/// The δ at `epsilon` of these mechanisms, each with how often it runs. Rounded up.
///
/// The δ at an ε that [`epsilon`] found is within about half a percent of the δ it was found for.
///
/// # Errors
///
/// [`AccountingError`] if ε is not in 0..=10⁶, a count not in 1..=10⁹, or the loss too large or too
/// small for a grid.
pub fn delta(parts: &[(Mechanism, u64)], epsilon: f64) -> Result<f64, AccountingError> {
    let epsilon = epsilon_in_range(epsilon)?;
    rdp::counts_in_range(parts)?;
    match gaussian_multiplier(parts) {
        Some(multiplier) => gaussian::delta(multiplier, epsilon),
        None => Ok(worst(parts, Goal::Delta { epsilon })?.min(rdp::delta(parts, epsilon)?)),
    }
}

/// What is wanted.
#[derive(Clone, Copy, Debug)]
enum Goal {
    Epsilon { delta: f64 },
    Delta { epsilon: f64 },
}

/// Gaussians alone are one Gaussian, for which there is a closed form.
fn gaussian_multiplier(parts: &[(Mechanism, u64)]) -> Option<f64> {
    let squares = parts.iter().map(|(mechanism, count)| {
        mechanism.plain_gaussian().map(|sigma| real(*count) / (sigma * sigma))
    });
    let sum = squares.sum::<Option<f64>>()?;
    // Rounded down, by more than the sum can be off.
    Some((1.0 - 1e-13) / sum.sqrt()).filter(|multiplier| multiplier.is_finite())
}

/// The larger of both directions; only sampling makes them differ.
fn worst(parts: &[(Mechanism, u64)], goal: Goal) -> Result<f64, AccountingError> {
    let removed = refine(parts, Direction::Remove, goal, 0.0)?;
    let sampled = |(mechanism, _): &(Mechanism, u64)| matches!(mechanism.0, Kind::SubsampledGaussian { rate, .. } if rate < 1.0);
    if parts.iter().any(sampled) {
        Ok(removed.max(refine(parts, Direction::Add, goal, removed)?))
    } else {
        Ok(removed)
    }
}

/// Makes the grid finer until the answer stands still, is no more than `known` anyway, or the work
/// would exceed its bounds.
fn refine(
    parts: &[(Mechanism, u64)],
    direction: Direction,
    goal: Goal,
    known: f64,
) -> Result<f64, AccountingError> {
    let runs: f64 = parts.iter().map(|(_, count)| real(*count)).sum();
    let tail = match goal {
        Goal::Epsilon { delta } => delta * NEGLIGIBLE / runs,
        Goal::Delta { .. } => LEAST_DELTA * NEGLIGIBLE / runs,
    };
    let supports: Vec<Support> =
        parts.iter().map(|(mechanism, _)| Support::of(mechanism, direction, tail)).collect();
    let cells = |step: f64| supports.iter().map(|it| it.cells(step)).sum::<f64>();
    let compose = |step: f64| {
        let grids = parts.iter().zip(&supports).map(|((mechanism, count), support)| {
            Ok((Grid::new(mechanism, direction, support, step)?, *count))
        });
        Ok::<_, AccountingError>(Composition { step, parts: grids.collect::<Result<_, _>>()? })
    };

    let mut step = FIRST_STEP;
    while cells(step) > FIRST_CELLS {
        step *= FINER;
    }
    let mut coarse = compose(step)?;
    let mut answer = first_answer(&mut coarse, goal, compose)?;
    let mut step = coarse.step;
    for _ in 0..MOST_LEVELS {
        step /= FINER;
        if cells(step) > MOST_CELLS || answer <= known {
            break;
        }
        let composition = compose(step)?;
        let before = answer;
        let from = if cells(step) > COARSE_CELLS { &coarse } else { &composition };
        match attempt(&composition, &Cumulant::of(from), goal, Some(before), MOST_BITS) {
            Some(finer) => answer = answer.min(finer),
            None => break,
        }
        let still = match goal {
            Goal::Epsilon { .. } => STILL,
            Goal::Delta { .. } => STILL * 10.0,
        };
        if before - answer <= still * answer {
            break;
        }
        if cells(step) <= COARSE_CELLS {
            coarse = composition;
        }
    }
    Ok(answer)
}

/// An answer on a grid as coarse as the transform's bounded length asks for.
fn first_answer(
    coarse: &mut Composition,
    goal: Goal,
    compose: impl Fn(f64) -> Result<Composition, AccountingError>,
) -> Result<f64, AccountingError> {
    for _ in 0..MOST_LEVELS {
        let cumulant = Cumulant::of(coarse);
        let mut best = attempt(coarse, &cumulant, goal, None, FIRST_BITS);
        // The better the guess, the better the tilt.
        for _ in 0..4 {
            let next =
                best.and_then(|guess| attempt(coarse, &cumulant, goal, Some(guess), FIRST_BITS));
            let (Some(before), Some(now)) = (best, next) else { break };
            best = Some(now.min(before));
            if (before - now).abs() <= 1e-2 * now {
                break;
            }
        }
        if let Some(answer) = best {
            return Ok(answer);
        }
        *coarse = compose(coarse.step * FINER)?;
    }
    Err(AccountingError::Unresolved)
}

/// An upper bound on the answer; nothing if the window that takes is too long or too inexact. The
/// better the guess, the closer the bound.
fn attempt(
    composition: &Composition,
    cumulant: &Cumulant<'_>,
    goal: Goal,
    guess: Option<f64>,
    most_bits: u32,
) -> Option<f64> {
    let (epsilon, rarity) = match (goal, guess) {
        (Goal::Epsilon { delta }, Some(epsilon)) => (epsilon, -libm::log(delta)),
        (Goal::Epsilon { delta }, None) => {
            let rarity = -libm::log(delta);
            (cumulant.upper(0.0, rarity), rarity)
        }
        (Goal::Delta { epsilon }, Some(delta)) => {
            (epsilon, -libm::log(delta.clamp(LEAST_DELTA, 1.0)))
        }
        (Goal::Delta { epsilon }, None) => {
            let chernoff = cumulant.rarity(cumulant.tilt_to(epsilon), epsilon);
            (epsilon, (chernoff + MODEST).clamp(0.0, -libm::log(LEAST_DELTA)))
        }
    };
    let enough = rarity - libm::log(NEGLIGIBLE);
    let inexact = rarity - libm::log(INEXACT);
    let tilt = cumulant.least_tilt(epsilon, inexact + libm::log(composition.error()));
    let folded = (inexact - cumulant.rarity(tilt, epsilon)).clamp(1.0, inexact);
    let window = cumulant.window(tilt, enough, folded);
    let needed = composition.bits(&window);
    let bits = (4..=most_bits).find(|bits| f64::from(*bits) >= needed)?;
    let curve = composition.curve(&window, bits).ok()?;
    match goal {
        Goal::Epsilon { delta } => curve.epsilon(delta).map(|epsilon| epsilon.max(0.0)),
        Goal::Delta { epsilon } => Some(curve.delta(epsilon)),
    }
}

/// The share of δ that each truncation may add.
const NEGLIGIBLE: f64 = 1e-7;

/// The share of δ that rounding and folding may add, about; what they do add is computed.
const INEXACT: f64 = 5e-4;

/// By how much, in logarithms, Chernoff's bound may exceed the true δ.
const MODEST: f64 = 8.0;

/// δ is not resolved below.
const LEAST_DELTA: f64 = 1e-30;

/// Grids begin here or coarser, and get finer by this factor.
const FIRST_STEP: f64 = 5e-4;
const FINER: f64 = 5.0;

/// Points of the first grid, of a grid that moments are taken of, and of any grid: bounds of work.
const FIRST_CELLS: f64 = 16_384.0;
const COARSE_CELLS: f64 = 131_072.0;
const MOST_CELLS: f64 = 700_000.0;

/// Length of a transform on the first grid, and of any: 2²¹ complex numbers of 16 bytes.
const FIRST_BITS: u32 = 16;
const MOST_BITS: u32 = 21;

/// Levels of refinement.
const MOST_LEVELS: u32 = 12;

/// An answer that changes by less than this share stands still: what is left of the error is about
/// a twenty-fourth of the change.
const STILL: f64 = 1e-3;

#[cfg(test)]
mod tests;
