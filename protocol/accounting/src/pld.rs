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
use grid::{Direction, Ends, Grid, Support, position};

/// The ε at `delta` of these mechanisms, each with how often it runs. Rounded up.
///
/// Never below the exact value, and within 10⁻³ of it where a grid of bounded size resolves the loss;
/// PROOFS.md (Refinement) says what was measured. Elsewhere it is the lower of the Rényi figure and the
/// sum of the largest losses.
///
/// # Errors
///
/// [`AccountingError`] if δ is not between 10⁻³⁰ and 1 or a count not in 1..=10⁹.
pub fn epsilon(parts: &[(Mechanism, u64)], delta: f64) -> Result<f64, AccountingError> {
    on_steps_of(parts, delta, 0.0)
}

/// As [`epsilon`], on a grid of losses no finer than [`REFERENCE_STEP`], for comparison with figures of other
/// accountants: they were made on such grids, which say more where many runs lose very little each.
///
/// # Errors
///
/// As [`epsilon`].
pub fn epsilon_on_reference_grid(
    parts: &[(Mechanism, u64)],
    delta: f64,
) -> Result<f64, AccountingError> {
    on_steps_of(parts, delta, REFERENCE_STEP)
}

fn on_steps_of(
    parts: &[(Mechanism, u64)],
    delta: f64,
    least_step: f64,
) -> Result<f64, AccountingError> {
    let delta = delta_in_range(delta)?;
    rdp::counts_in_range(parts)?;
    match gaussian_multiplier(parts) {
        Some(multiplier) => gaussian::epsilon(multiplier, delta),
        None => {
            // Both are bounds; the other is the lower one only where no grid resolves the loss.
            let other = rdp::epsilon(parts, delta)?;
            match worst(parts, Goal::Epsilon { delta }, least_step) {
                Ok(found) => Ok(found.min(other)),
                Err(AccountingError::Unresolved) => Ok(other),
                Err(error) => Err(error),
            }
        }
    }
}

/// The δ at `epsilon` of these mechanisms, each with how often it runs. Rounded up.
///
/// The δ at an ε that [`epsilon`] found is within about half a percent of the δ it was found for.
///
/// # Errors
///
/// [`AccountingError`] if ε is not in 0..=10⁶ or a count not in 1..=10⁹.
pub fn delta(parts: &[(Mechanism, u64)], epsilon: f64) -> Result<f64, AccountingError> {
    let epsilon = epsilon_in_range(epsilon)?;
    rdp::counts_in_range(parts)?;
    match gaussian_multiplier(parts) {
        Some(multiplier) => gaussian::delta(multiplier, epsilon),
        None => {
            let other = rdp::delta(parts, epsilon)?;
            match worst(parts, Goal::Delta { epsilon }, 0.0) {
                Ok(found) => Ok(found.min(other)),
                Err(AccountingError::Unresolved) => Ok(other),
                Err(error) => Err(error),
            }
        }
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
fn worst(parts: &[(Mechanism, u64)], goal: Goal, least_step: f64) -> Result<f64, AccountingError> {
    let removed = refine(parts, Direction::Remove, goal, 0.0, least_step)?;
    let sampled = |(mechanism, _): &(Mechanism, u64)| matches!(mechanism.0, Kind::SubsampledGaussian { rate, .. } if rate < 1.0);
    if parts.iter().any(sampled) {
        Ok(removed.max(refine(parts, Direction::Add, goal, removed, least_step)?))
    } else {
        Ok(removed)
    }
}

/// Makes the grid finer, and shorter where losses do not matter, until the answer stands still, is
/// no more than `known` anyway, or the work would exceed its bounds.
fn refine(
    parts: &[(Mechanism, u64)],
    direction: Direction,
    goal: Goal,
    known: f64,
    least_step: f64,
) -> Result<f64, AccountingError> {
    let run = Run::new(parts, direction, goal, least_step);
    // Basic composition: nothing but a part of δ that was set aside loses more.
    let most = run.most();
    let (mut coarse, mut answer) = match goal {
        Goal::Epsilon { .. } if most <= known => return Ok(most),
        Goal::Delta { epsilon } if most <= epsilon => return Ok(LEAST_DELTA),
        Goal::Epsilon { .. } => match run.first() {
            Ok((grid, answer)) => (grid, answer.min(most)),
            Err(AccountingError::Unresolved) if most.is_finite() => return Ok(most),
            Err(error) => return Err(error),
        },
        Goal::Delta { .. } => run.first()?,
    };
    // How much finer than `coarse`, and whether nothing but a shorter grid could help.
    let mut times = 1;
    for _ in 0..MOST_LEVELS {
        if answer <= known {
            break;
        }
        if let Some(shorter) = run.shorter(&coarse, answer) {
            (coarse, times) = (shorter?, 1);
        }
        times *= FINER;
        let (step, cells) = (coarse.step / position(times), coarse.cells() * position(times));
        if cells > MOST_CELLS || step < least_step * ALMOST {
            break;
        }
        let finer = run.compose(step, &coarse.ends(times))?;
        let from = if cells > COARSE_CELLS { &coarse } else { &finer };
        let before = answer;
        match settle(&finer, &Cumulant::of(from), goal, Some(before), MOST_BITS) {
            Some(found) => answer = answer.min(found),
            None => break,
        }
        let still = match goal {
            Goal::Epsilon { .. } => STILL,
            Goal::Delta { .. } => STILL * 10.0,
        };
        if before - answer <= still * answer {
            break;
        }
        if cells <= COARSE_CELLS {
            (coarse, times) = (finer, 1);
        }
    }
    Ok(answer)
}

/// One direction of a question.
struct Run<'a> {
    parts: &'a [(Mechanism, u64)],
    direction: Direction,
    goal: Goal,
    supports: Vec<Support>,
    /// No grid is finer; zero if all may be.
    least_step: f64,
}

impl<'a> Run<'a> {
    fn new(
        parts: &'a [(Mechanism, u64)],
        direction: Direction,
        goal: Goal,
        least_step: f64,
    ) -> Self {
        let runs: f64 = parts.iter().map(|(_, count)| real(*count)).sum();
        let delta = match goal {
            Goal::Epsilon { delta } => delta,
            Goal::Delta { .. } => LEAST_DELTA,
        };
        let tail = delta * NEGLIGIBLE / runs;
        let support = |(mechanism, _): &(Mechanism, u64)| Support::of(mechanism, direction, tail);
        Self { parts, direction, goal, supports: parts.iter().map(support).collect(), least_step }
    }

    /// The largest loss of all, rounded up, but for two `tail`s of each run.
    fn most(&self) -> f64 {
        let parts = self.parts.iter().zip(&self.supports);
        let most: f64 = parts.map(|((_, count), support)| support.high() * real(*count)).sum();
        most + most.abs() * MOST_ROUNDING
    }

    fn compose(&self, step: f64, ends: &[Ends]) -> Result<Composition, AccountingError> {
        let grids = self.parts.iter().zip(&self.supports).zip(ends).map(
            |(((mechanism, count), support), ends)| {
                Ok((Grid::new(mechanism, self.direction, support, step, *ends)?, *count))
            },
        );
        Ok(Composition { step, parts: grids.collect::<Result<_, _>>()? })
    }

    /// An answer on a grid as coarse as the transform's bounded length asks for.
    ///
    /// Where large losses are so rare that no tilt makes them common without drowning all others, the
    /// ones above what Rényi divergences allow are left out first.
    fn first(&self) -> Result<(Composition, f64), AccountingError> {
        let width: f64 = self.supports.iter().map(Support::width).sum();
        let mut step = f64::min(FIRST_STEP, width / FIRST_CELLS);
        if self.least_step > 0.0 {
            // So that making it finer ends there.
            let most = step;
            step = self.least_step;
            while step * position(FINER) <= most {
                step *= position(FINER);
            }
        }
        let guess = match self.goal {
            Goal::Epsilon { delta } => rdp::epsilon(self.parts, delta)?,
            Goal::Delta { epsilon } => rdp::delta(self.parts, epsilon)?,
        };
        for _ in 0..MOST_LEVELS {
            let ends: Vec<_> = self.supports.iter().map(|support| support.ends(step)).collect();
            let whole = self.compose(step, &ends)?;
            if let Some(answer) = self.rough(&whole) {
                return Ok((whole, answer));
            }
            if let Some(shorter) = self.shorter(&whole, guess) {
                let shorter = shorter?;
                if let Some(answer) = self.rough(&shorter) {
                    return Ok((shorter, answer));
                }
            }
            step *= position(FINER);
        }
        Err(AccountingError::Unresolved)
    }

    /// What a first grid says, if anything.
    fn rough(&self, grid: &Composition) -> Option<f64> {
        settle(grid, &Cumulant::of(grid), self.goal, None, FIRST_BITS)
    }

    /// The same without losses that are too rare to matter for this answer, where that saves much.
    fn shorter(
        &self,
        coarse: &Composition,
        answer: f64,
    ) -> Option<Result<Composition, AccountingError>> {
        if coarse.cells() > FIRST_CELLS * position(FINER) {
            return None;
        }
        let (epsilon, delta) = match self.goal {
            Goal::Epsilon { delta } => (answer, delta),
            Goal::Delta { epsilon } => (epsilon, answer.max(LEAST_DELTA)),
        };
        let ends = Cumulant::of(coarse).cut(epsilon, delta * CUT);
        let saves = ends.iter().map(|end| end.cells()).sum::<f64>() < coarse.cells() * SAVING;
        saves.then(|| self.compose(coarse.step, &ends))
    }
}

/// An upper bound on the answer, from a guess and then from what came of it: the better the guess,
/// the better the tilt.
fn settle(
    grid: &Composition,
    cumulant: &Cumulant<'_>,
    goal: Goal,
    guess: Option<f64>,
    most_bits: u32,
) -> Option<f64> {
    let mut best = attempt(grid, cumulant, goal, guess, most_bits)?;
    let mut before = guess.unwrap_or(f64::INFINITY);
    for _ in 0..MOST_GUESSES {
        if (before - best).abs() <= CLOSE * best {
            break;
        }
        let Some(now) = attempt(grid, cumulant, goal, Some(best), most_bits) else { break };
        (before, best) = (best, now.min(best));
    }
    Some(best)
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

/// The step of the grid on which published figures of other accountants were made.
pub const REFERENCE_STEP: f64 = 2e-5;

/// For comparing steps that were multiplied and divided.
const ALMOST: f64 = 1.0 - 1e-9;

/// The share of δ that each truncation may add.
const NEGLIGIBLE: f64 = 1e-7;

/// The share of δ that shortening a grid may add at each of its ends, about; what it does add is in the grid.
const CUT: f64 = 2e-5;

/// A grid is shortened if it gets shorter by this.
const SAVING: f64 = 0.7;

/// The share of δ that rounding and folding may add, about; what they do add is computed.
const INEXACT: f64 = 5e-4;

/// By how much, in logarithms, Chernoff's bound may exceed the true δ.
const MODEST: f64 = 8.0;

/// δ is not resolved below.
const LEAST_DELTA: f64 = 1e-30;

/// Grids begin here or coarser, and get finer by this factor.
const FIRST_STEP: f64 = 5e-4;
const FINER: i64 = 5;

/// Points of the first grid, of a grid that moments are taken of, and of any grid: bounds of work.
const FIRST_CELLS: f64 = 16_384.0;
const COARSE_CELLS: f64 = 131_072.0;
const MOST_CELLS: f64 = 700_000.0;

/// Length of a transform on the first grid, and of any: 2²¹ complex numbers of 16 bytes.
const FIRST_BITS: u32 = 16;
const MOST_BITS: u32 = 21;

/// More than the relative error of a few sums and products.
const MOST_ROUNDING: f64 = 1e-14;

/// Levels of refinement.
const MOST_LEVELS: u32 = 12;

/// An answer that changes by less than this share stands still: what is left of the error is between
/// a twenty-fourth of the change and, where the step is still above most losses, a quarter.
const STILL: f64 = 5e-4;

/// A guess is good if the answer is this close, and how many are tried.
const CLOSE: f64 = 1e-2;
const MOST_GUESSES: u32 = 4;

#[cfg(test)]
mod tests;
