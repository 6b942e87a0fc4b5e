//! The noisy head count from which a cell is shown, so that noise alone hardly ever shows an empty
//! one.

use super::{Proven, Sigma};
use crate::accounting::upper_tail;

impl Proven {
    /// The least noisy head count at which a group is shown, in people: the largest of what the proof
    /// withholds and, for cells whose values are private, what selection asks for; for public groups what
    /// `rises_to` says of all of them.
    ///
    /// # Privacy
    ///
    /// Costs nothing: follows from tally and proof, and is compared with noisy counts alone.
    #[must_use]
    pub fn shown_from(&self) -> u64 {
        let proof = self.proof();
        let least = u64::from(proof.threshold);
        let Some(vectors) = proof.vectors() else { return least };
        match vectors.selection {
            Some(selection) => selection.threshold.max(least),
            None => least.max(rises_to(vectors.people.sigma, self.public_groups())),
        }
    }

    /// The smallest noisy head count at which the cell of people who gave no consent is shown. This
    /// cell always exists.
    #[must_use]
    pub fn refusals_shown_from(&self) -> u64 {
        let least = u64::from(self.proof().threshold);
        let rises = self.proof().vectors().map(|vectors| rises_to(vectors.people.sigma, 1));
        least.max(rises.unwrap_or(0))
    }

    /// The least noisy head count at which an arm of a segment, or of a creative, is shown. An arm is several cells
    /// ([`Tally::cells_of_arm`](crate::tally::Tally::cells_of_arm)), each with noise of its own.
    #[must_use]
    pub fn segments_shown_from(&self) -> u64 {
        let least = u64::from(self.proof().threshold);
        let rises = self.proof().vectors().map(|vectors| {
            // √2 and √3, rounded up.
            let root = if self.tally().keeps_refusers() { 1_733 } else { 1_415 };
            let of_arm = Sigma(vectors.people.sigma.0.saturating_mul(root).div_ceil(1_000));
            rises_to(of_arm, self.public_groups())
        });
        least.max(rises.unwrap_or(0))
    }

    /// The number of public groups, without the cell for people who gave no consent.
    fn public_groups(&self) -> u64 {
        self.tally().public_cells().map_or(u64::MAX, |cells| cells.saturating_sub(1)).max(1)
    }
}

/// The least whole t with `cells` · P\[Z ≥ t/σ\] ≤ [`PHANTOM`] for a standard normal Z, which is
/// ⌈σ · Φ⁻¹(1 - 0.002 / cells)⌉: with as many empty cells, one or more passes t in at most one table of
/// 500 for wide noise.
///
/// Noise is discrete: P\[N ≥ t\] is up to P\[Z ≥ (t - ½)/σ\], by which a table shows an empty group in at most
/// one of 30 (with σ near 1/5, where t is 1), and in fewer than one of 100 for σ of 1 or more.
fn rises_to(sigma: Sigma, cells: u64) -> u64 {
    let sigma = sigma.value();
    let passes = |least: u64| real(cells) * upper_tail(real(least) / sigma) > PHANTOM;
    let (mut fails, mut holds) = (0, 1);
    while passes(holds) {
        (fails, holds) = (holds, holds.saturating_mul(2));
    }
    while holds - fails > 1 {
        let middle = fails.midpoint(holds);
        if passes(middle) { fails = middle } else { holds = middle }
    }
    holds
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a threshold, not a price")]
fn real(number: u64) -> f64 {
    number as f64
}

/// The chance that noise shows an empty group, over all groups of a table.
const PHANTOM: f64 = 0.002;

#[cfg(test)]
mod tests {
    use super::*;

    fn sigma(value: f64) -> Sigma {
        Sigma(format!("{:.0}", value * 1024.0).parse().unwrap())
    }

    /// Φ⁻¹ by scipy 1.14: norm.isf(0.002 / G).
    #[test]
    fn empty_groups_are_kept_back_by_their_number_and_the_noise() {
        for (groups, z) in [
            (1, 2.878_161_739_095_484_2),
            (8, 3.480_756_404_346_213_4),
            (1_000, 4.611_382_362_312_394),
            (65_536, 5.415_741_711_633_677),
        ] {
            for width in [0.5_f64, 1.0, 17.625, 98.25, 12_345.5] {
                let expected = (width * z).ceil();
                let found = real(rises_to(sigma(width), groups));
                assert!((found - expected).abs() < 0.5, "{groups} {width}: {found} {expected}");
            }
        }
    }

    /// P[N >= t], by adding up.
    fn discrete_tail(sigma: f64, least: u64) -> f64 {
        let weight = |x: f64| (-x * x / (2.0 * sigma * sigma)).exp();
        let all = 1.0 + 2.0 * (1..4_000_u32).map(|x| weight(f64::from(x))).sum::<f64>();
        let least = u32::try_from(least).unwrap();
        (least..least + 4_000).map(|x| weight(f64::from(x))).sum::<f64>() / all
    }

    #[test]
    fn phantoms_are_rare_at_any_width_of_noise() {
        for units in (20_u32..400).step_by(3).chain((400..40_000).step_by(997)) {
            let sigma = Sigma(u64::from(units));
            for groups in [1, 10, 1_000, 65_536] {
                let chance = real(groups) * discrete_tail(sigma.value(), rises_to(sigma, groups));
                let most = if units >= 1024 { 0.01 } else { 1.0 / 30.0 };
                assert!(chance <= most, "{units} {groups}: {chance}");
            }
        }
    }
}
