//! From a score to what it says, read from a table: the same whole number on every machine.

use crate::{QUANTA, plan::Loss};

/// What a score says, in quanta of the cap.
#[derive(Clone, Debug)]
pub struct Link {
    table: Vec<i32>,
}

impl Link {
    /// The table of `loss`, for labels up to `cap`: one entry for each 2⁻⁸ of a score from -12 to 12.
    #[must_use]
    pub fn new(loss: Loss, cap: u32) -> Self {
        let cap = f64::from(cap);
        let mean = |at: i32| {
            let score = f64::from(at) / f64::from(STEP);
            match loss {
                Loss::Logistic => 1.0 / (1.0 + libm::exp(-score)),
                Loss::Squared => score,
                Loss::Poisson => libm::exp(score).min(cap) / cap,
            }
        };
        let quanta = |at: i32| whole((mean(at) * f64::from(QUANTA) + 0.5).floor());
        Self { table: (-FARTHEST..=FARTHEST).map(quanta).collect() }
    }

    /// What a score says, in quanta. A score is in units of 2⁻¹⁶, and rounded to the nearest 2⁻⁸.
    #[inline]
    #[must_use]
    pub fn mean(&self, score: i32) -> i32 {
        let at = (score.saturating_add(HALF) >> DROPPED).clamp(-FARTHEST, FARTHEST) + FARTHEST;
        let found = usize::try_from(at).ok().and_then(|at| self.table.get(at));
        found.copied().unwrap_or(0)
    }

    /// What one person adds to each of its bins: what its score says too much, in quanta, rounded before it is clamped.
    #[inline]
    #[must_use]
    pub fn residual(&self, score: i32, label: i16, clip: i32) -> i32 {
        (self.mean(score) - i32::from(label)).clamp(-clip, clip)
    }
}

/// A label in quanta of the cap, to the nearest.
#[must_use]
pub fn label_quanta(label: u32, cap: u32) -> i16 {
    let unit = f64::from(QUANTA) / f64::from(cap.max(1));
    let quanta = whole((f64::from(label.min(cap)) * unit + 0.5).floor());
    i16::try_from(quanta).unwrap_or(i16::MAX)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "below 2^31 for every table"
)]
fn whole(number: f64) -> i32 {
    number as i32
}

/// Entries of the table for each unit of a score.
const STEP: i32 = 1 << 8;
/// The table's last entry: a score of 12.
const FARTHEST: i32 = 12 * STEP;
/// Bits of a score that the table does not tell apart.
const DROPPED: i32 = 8;
const HALF: i32 = 1 << (DROPPED - 1);
