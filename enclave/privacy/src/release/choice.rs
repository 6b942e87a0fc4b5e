//! Releases one chosen place, and none of the figures that it was chosen by.

use protocol::proof::{By, Choice, Sigma};
use protocol::released::Chosen;

use super::{Mismatch, Raw, width};
use crate::sampler::{Noise, Scale};

impl Raw {
    /// The place that the proof's [`Choice`] names: the fullest group, or the edge
    /// of a quantile. If places are equal after noise, the first one wins.
    ///
    /// A table of the same bins costs the same, shows all of the distribution, and gives every
    /// quantile as an estimate. The choice is more exact where only one quantile is wanted.
    ///
    /// # Privacy
    ///
    /// Report noisy max, at the whole cost that was paid; see [`noisy_max`]. One person makes the count of a
    /// group larger by 0 to the proof's L∞; each count of theirs moves the score of an edge,
    /// -|10⁶ · below - share · everybody|, by at most max(share, 10⁶ - share), up or down.
    ///
    /// # Errors
    ///
    /// As [`Raw::release`].
    ///
    /// # Source
    ///
    /// Smith 2011, *Privacy-preserving statistical estimation with optimal convergence rates*, Section 3
    /// (the score of a quantile, there for the exponential mechanism).
    pub(super) fn choose(self, choice: Choice, noise: &mut impl Noise) -> Result<Chosen, Mismatch> {
        let Self { proven, totals } = self;
        totals.check(proven.tally())?;
        let (_no_consent, places) = totals.people.split_last().ok_or(Mismatch::Shape)?;
        // The last place of a group is for people without a value, and above the last bin there is
        // no edge.
        let (_, offered) = places.split_last().ok_or(Mismatch::Shape)?;
        let scores: Vec<i128> = match choice.by {
            By::Fullest => offered.iter().map(|people| i128::from(*people)).collect(),
            By::Quantile(share) => {
                let all: i128 = places.iter().map(|people| i128::from(*people)).sum();
                let below_edges = offered.iter().scan(0, |below, people| {
                    *below += i128::from(*people);
                    Some(*below)
                });
                let sought = i128::from(share) * all;
                below_edges.map(|below| -(MILLION * below - sought).abs()).collect()
            }
        };
        // Only the sampler of a rehearsal without noise reports a variance of zero.
        let is_noisy = noise.variance_of(width(Sigma(1024))?) > 0.0;
        let place = noisy_max(&scores, choice, noise)?;
        let place = u32::try_from(place).map_err(|_| Mismatch::Shape)?;
        Ok(Chosen { noise: is_noisy, place })
    }
}

/// The place of the largest score after noise.
///
/// # Privacy
///
/// With geometric noise of scale range/ε on every score it is ε-DP, which is ε²/2-zCDP: at most the ρ that
/// was paid, as [`proof::check`](protocol::proof::check()) has found.
///
/// Proof, for discrete noise and equal scores: let a person change the scores by d, and let `range` be
/// at least max d - min d. Fix the noise of all places but *i*, which wins if its own is at least some c.
/// With the person the same holds for some c' ≤ c + range, and P\[Z ≥ c + range\] ≥ exp(-ε) P\[Z ≥ c\],
/// since a geometric variable has no memory. That ties go to the first place adds 1 to c and c' alike.
///
/// # Source
///
/// McKenna and Sheldon 2020, <https://arxiv.org/abs/2010.12603> (permute-and-flip, of which this is the
/// integer form), and Ding et al. 2021, <https://arxiv.org/abs/2105.07260> (it is report noisy max with
/// one-sided noise); Bun and Steinke 2016, <https://arxiv.org/abs/1605.02065>, Proposition 1.4 (zCDP).
fn noisy_max(scores: &[i128], choice: Choice, noise: &mut impl Noise) -> Result<usize, Mismatch> {
    let range = u128::from(choice.range).saturating_mul(MILLION.unsigned_abs());
    let scale = Scale::at_least(range, choice.epsilon_millionths.into());
    let scale = scale.map_err(|_| Mismatch::Undrawable)?;
    let mut best = None;
    for (place, score) in scores.iter().enumerate() {
        let noisy = score + i128::from(geometric(scale, noise));
        if best.is_none_or(|(most, _)| noisy > most) {
            best = Some((noisy, place));
        }
    }
    best.map(|(_, place)| place).ok_or(Mismatch::Shape)
}

/// z ≥ 0 with P(z) ∝ exp(-z / t): the discrete Laplace where it is not negative.
fn geometric(scale: Scale, noise: &mut impl Noise) -> i64 {
    loop {
        let drawn = noise.laplace(scale);
        if drawn >= 0 {
            return drawn;
        }
    }
}

const MILLION: i128 = 1_000_000;
