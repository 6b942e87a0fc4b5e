//! Choosing instead of adding up: one place leaves, and none of the figures it was chosen by.

use protocol::loss::Rho;
use protocol::proof::Proven;
use protocol::tally::{Cells, Dimension};

use super::{Mismatch, Raw, Totals};
use crate::ledger::Paid;
use crate::sampler::{Noise, Scale};

impl Raw {
    /// The public cell with the most people, or one that has about as many; of equals the first.
    ///
    /// # Privacy
    ///
    /// Report noisy max on head counts, at the whole cost that was paid; see [`Chosen`]. One person
    /// makes every count larger by 0 to the proof's L∞.
    ///
    /// # Errors
    ///
    /// As [`Raw::release`]; [`Mismatch::Shape`] also for a tally without public groups.
    pub fn fullest(self, paid: Paid, noise: &mut impl Noise) -> Result<Chosen, Mismatch> {
        let counts = self.counts(&paid)?;
        let proof = self.proven.proof();
        let range = u128::from(proof.people.linf);
        let scores: Vec<i128> = counts.iter().map(|people| i128::from(*people)).collect();
        let place = noisy_max(&scores, range, proof.cost.rho(), noise)?;
        Ok(Chosen { paid, place })
    }

    /// The edge of the tally's bins below which about `millionths` of people lie: what a clamp is chosen
    /// by.
    ///
    /// A table of the same bins costs the same, shows all of the distribution, and gives every quantile
    /// as an estimate; this is the sharper one where only one is wanted.
    ///
    /// # Privacy
    ///
    /// Report noisy max, at the whole cost that was paid; see [`Chosen`]. The score of an edge is
    /// -|10⁶ · below - q · everybody|, q = `millionths`: a person moves it by at most max(q, 10⁶ - q),
    /// up or down, for each cell they count in.
    ///
    /// # Errors
    ///
    /// As [`Raw::release`]; [`Mismatch::Shape`] also for a tally whose cells are not bins of one measure,
    /// or a share that is not below one.
    ///
    /// # Source
    ///
    /// Smith 2011, *Privacy-preserving statistical estimation with optimal convergence rates*, Section 3
    /// (the score, there for the exponential mechanism).
    pub fn quantile(
        self,
        paid: Paid,
        millionths: u32,
        noise: &mut impl Noise,
    ) -> Result<Chosen, Mismatch> {
        let counts = self.counts(&paid)?;
        let share = i128::from(millionths);
        let bins = matches!(&self.proven.tally().cells,
            Cells::Groups(dimensions) if matches!(dimensions[..], [Dimension::Bins { .. }]));
        let Some((_, below_edges)) = counts.split_last().filter(|_| bins && share < MILLION) else {
            return Err(Mismatch::Shape);
        };
        let everybody: i128 = counts.iter().map(|people| i128::from(*people)).sum();
        let scores = below_edges.iter().scan(0, |below, people| {
            *below += i128::from(*people);
            Some(-(MILLION * *below - share * everybody).abs())
        });
        let proof = self.proven.proof();
        let counted = u128::from(proof.people.cells).saturating_mul(proof.people.linf.into());
        let range = counted.saturating_mul(2 * share.max(MILLION - share).unsigned_abs());
        let scores: Vec<i128> = scores.collect();
        let place = noisy_max(&scores, range, proof.cost.rho(), noise)?;
        Ok(Chosen { paid, place })
    }

    /// Head counts of public groups, without who did not agree.
    fn counts(&self, paid: &Paid) -> Result<&[i64], Mismatch> {
        let Self { proven, totals } = self;
        if paid.admitted().proven() != proven {
            return Err(Mismatch::OtherQuestion);
        }
        totals.check(proven.tally().cell_count(), proven.proof())?;
        public_groups(proven, totals).ok_or(Mismatch::Shape)
    }
}

/// A place that may leave, and the payment it used up. Only [`Raw`] makes one:
///
/// ```compile_fail,E0451
/// fn forged(paid: privacy::Paid) -> privacy::Chosen {
///     privacy::Chosen { paid, place: 0 }
/// }
/// ```
///
/// # Privacy
///
/// With geometric noise of scale range/ε on every score, ε = √(2ρ): it is ε-DP, which is ε²/2-zCDP.
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
#[derive(Debug)]
pub struct Chosen {
    paid: Paid,
    place: usize,
}

impl Chosen {
    /// What was asked and paid.
    pub fn paid(&self) -> &Paid {
        &self.paid
    }

    /// Place of the cell in the tally's order, or of the edge among the bins' edges.
    #[must_use]
    pub fn place(&self) -> usize {
        self.place
    }
}

fn public_groups<'t>(proven: &Proven, totals: &'t Totals) -> Option<&'t [i64]> {
    let groups = matches!(proven.tally().cells, Cells::Groups(_));
    let public = groups && !proven.tally().is_named_by_data();
    let (_no_consent, groups) = totals.people.split_last().filter(|_| public)?;
    Some(groups)
}

/// The place of the largest score after noise.
fn noisy_max(
    scores: &[i128],
    range: u128,
    rho: Rho,
    noise: &mut impl Noise,
) -> Result<usize, Mismatch> {
    // √(2ρ) in millionths, rounded down, where ρ is in units of 10⁻¹².
    let epsilon = (2 * u128::from(rho.0)).isqrt();
    let scale = Scale::at_least(range.saturating_mul(MILLION.unsigned_abs()), epsilon);
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
