//! The proof of a private choice: one public place is released, and none of the figures by which it
//! was chosen.

use super::{Leaves, PriceError, Proof, Wanted};
use crate::{
    canonical,
    digest::Digest,
    loss::{Loss, Rho},
    tally::{Dimension, Tally},
};
use serde::{Deserialize, Serialize};

/// How a place is chosen: every place has a whole score, gets geometric noise of scale range/ε, and the
/// largest sum wins.
///
/// # Privacy
///
/// ε-DP, and so ε²/2-zCDP: PROOFS.md, "Choosing one place".
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What scores are made of.
    pub by: By,
    /// At least max d - min d over places, if one person changes the scores by d.
    pub range: u64,
    /// ε in millionths: √(2ρ) of the whole cost, rounded down.
    pub epsilon_millionths: u64,
}

/// The criterion by which a place is chosen.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever chooses must see a new kind")]
pub enum By {
    /// The value of one public group with the most people. The score is the head count; who has no value
    /// is not offered.
    Fullest,
    /// The edge of one measure's bins below which about this share of people lie, in millionths. The score
    /// is -|10⁶ · below - share · everybody|.
    Quantile(u32),
}

impl Tally {
    /// Noise and cost of a choice for a given loss, all of which it costs.
    ///
    /// # Errors
    ///
    /// [`PriceError::NoChoice`] if the tally is of another shape, [`PriceError::NoNoise`] if the noise
    /// could not be drawn.
    ///
    /// # Source
    ///
    /// Bun and Steinke 2016, <https://arxiv.org/abs/1605.02065>, Proposition 1.4 (ε-DP is ε²/2-zCDP).
    pub fn prove_choice(&self, by: By, rho: Rho, threshold: u32) -> Result<Proof, PriceError> {
        let range = self.range(by).ok_or(PriceError::NoChoice)?;
        // √(2ρ) in millionths, where ρ is in units of 10⁻¹².
        let epsilon = (2 * u128::from(rho.0)).isqrt();
        let epsilon_millionths =
            u64::try_from(epsilon).map_err(|_| PriceError::NoNoise(Wanted::People))?;
        let choice = Choice { by, range, epsilon_millionths };
        if !choice.is_drawable() {
            return Err(PriceError::NoNoise(Wanted::People));
        }
        Ok(Proof {
            tally: Digest::of("glovebox tally v1", &canonical::to_vec(self)),
            leaves: Leaves::Place(choice),
            threshold,
            cost: Loss::zcdp(rho),
        })
    }

    /// How many places are offered; `None` if the tally is not of this shape.
    fn offered(&self, by: By) -> Option<u64> {
        match (by, &self.dimensions[..]) {
            (By::Fullest, [Dimension::Group { values, .. }]) => Some(u64::from(*values)),
            (By::Quantile(share), [Dimension::Bins { edges, .. }]) => {
                let edges = u64::try_from(edges.len()).ok()?;
                (1..MILLION).contains(&u64::from(share)).then_some(edges)
            }
            _ => None,
        }
    }

    /// The range of a score: by how much one person can change one score more than another.
    fn range(&self, by: By) -> Option<u64> {
        self.offered(by).filter(|places| *places > 0)?;
        let linf = self.linf_of_people().filter(|_| self.program.is_none())?;
        match by {
            // 0 to k more in each.
            By::Fullest => Some(linf),
            // Each count of a person moves a score by at most the larger share, up or down.
            By::Quantile(share) => {
                let share = u64::from(share);
                let counted = u64::from(self.cells_per_person).checked_mul(linf)?;
                counted.checked_mul(2 * share.max(MILLION - share))
            }
        }
    }
}

impl Choice {
    /// By how many people the chosen place is worse than the best one at most, with 95 % probability: fewer in the
    /// group, or further from the share that was asked for.
    ///
    /// # Privacy
    ///
    /// Costs nothing: follows from the question.
    ///
    /// # Source
    ///
    /// The chosen place's noise is at least what it lacks, and P\[Z >= z\] = exp(-zε/R) for whole z >= 0.
    #[must_use]
    pub fn people_off(&self, tally: &Tally) -> f64 {
        let unit = match self.by {
            By::Fullest => 1.0,
            By::Quantile(_) => real(MILLION),
        };
        let places = real(tally.offered(self.by).unwrap_or(0).max(1));
        let scale = real(self.range) * real(MILLION) / real(self.epsilon_millionths);
        scale * libm::log(places / 0.05) / unit
    }

    /// The cost of the choice, if the tally offers it and it has at least the noise that it needs.
    pub(super) fn holds(&self, tally: &Tally) -> Option<Rho> {
        let least = tally.range(self.by)?;
        let square = self.epsilon_millionths.checked_mul(self.epsilon_millionths)?;
        let holds = self.range >= least && self.is_drawable();
        holds.then(|| Rho(square.div_ceil(2)))
    }

    /// Whether the sampler has noise of this scale.
    fn is_drawable(&self) -> bool {
        let range = u128::from(self.range) * u128::from(MILLION);
        let most = u128::from(self.epsilon_millionths) << LARGEST_SCALE;
        self.epsilon_millionths > 0 && range <= most
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn real(number: u64) -> f64 {
    number as f64
}

const MILLION: u64 = 1_000_000;
/// The exact sampler draws discrete Laplace noise up to a scale of 2⁴⁸.
const LARGEST_SCALE: u32 = 48;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        proof::{Flaw, check},
        tally::{Clamp, Measure, Population, Quantity, Side, Table},
    };

    fn tally(dimension: Dimension) -> Tally {
        let table = |name: &str| Table { dataset: name.to_owned(), rows: Vec::new() };
        let measure = Measure {
            side: Side::JOINED,
            of: Quantity::Rows,
            rows: Vec::new(),
            clamp: Clamp::up_to(9).unwrap(),
        };
        Tally {
            population: Population::First,
            tables: vec![table("exposures"), table("sales")],
            dimensions: vec![dimension],
            measures: vec![measure],
            products: Vec::new(),
            cells_per_person: 3,
            ids_per_person: 2,
            contrast: None,
            weights: Vec::new(),
            spread: Vec::new(),
            program: None,
        }
    }

    fn bins() -> Tally {
        tally(Dimension::Bins { measure: 0, edges: vec![1, 4, 9] })
    }

    fn group() -> Tally {
        tally(Dimension::Group { side: Side::POPULATION, column: "arm".to_owned(), values: 5 })
    }

    #[test]
    fn a_choice_costs_all_of_its_loss_and_holds() {
        for (tally, by, range) in [
            (group(), By::Fullest, 2),
            (bins(), By::Quantile(950_000), 3 * 2 * 2 * 950_000),
            (bins(), By::Quantile(1), 3 * 2 * 2 * 999_999),
        ] {
            // ε = 1 is ρ = 1/2.
            let proof = tally.prove_choice(by, Rho(500_000_000_000), 50).unwrap();
            assert_eq!(proof.choice(), Some(Choice { by, range, epsilon_millionths: 1_000_000 }));
            assert_eq!(proof.cost, Loss::zcdp(Rho(500_000_000_000)));
            assert_eq!(proof.vectors(), None);
            assert_eq!(check(tally, proof, 50).map(drop), Ok(()));
        }
    }

    #[test]
    fn refuses_a_choice_with_less_noise_than_it_costs() {
        let (tally, by) = (bins(), By::Quantile(500_000));
        let honest = tally.prove_choice(by, Rho(500_000_000_000), 50).unwrap();
        let changed = |change: &dyn Fn(&mut Proof)| {
            let mut proof = honest.clone();
            change(&mut proof);
            check(tally.clone(), proof, 50).unwrap_err()
        };
        let choice = |change: fn(&mut Choice)| {
            changed(&|proof| {
                let Leaves::Place(choice) = &mut proof.leaves else { panic!("a place leaves") };
                change(choice);
            })
        };
        assert_eq!(choice(|it| it.range -= 1), Flaw::Choice);
        assert_eq!(choice(|it| it.epsilon_millionths += 1), Flaw::Cost);
        assert_eq!(choice(|it| it.epsilon_millionths = 0), Flaw::Choice);
        assert_eq!(choice(|it| it.epsilon_millionths = u64::MAX), Flaw::Choice);
        assert_eq!(choice(|it| it.by = By::Fullest), Flaw::Choice);
        assert_eq!(choice(|it| it.by = By::Quantile(400_000)), Flaw::Choice);
        assert_eq!(choice(|it| it.by = By::Quantile(1_000_000)), Flaw::Choice);
        assert_eq!(changed(&|it| it.cost = Loss::zcdp(Rho(499_999_999_999))), Flaw::Cost);
        assert_eq!(changed(&|it| it.threshold = 49), Flaw::Threshold { found: 49, least: 50 });
    }

    #[test]
    fn only_one_public_group_or_one_measure_in_bins_can_be_chosen_from() {
        let rho = Rho(500_000_000_000);
        let mut two = group();
        two.dimensions = [Dimension::Matched, Dimension::Matched].into();
        let label = Dimension::Label { side: Side::JOINED, column: "store".to_owned() };
        let arm = Dimension::Arm { column: "arm".to_owned(), test: vec![0], control: vec![1] };
        let arms = Tally { dimensions: vec![arm], ..group() };
        for (tally, by) in [
            (group(), By::Quantile(500_000)),
            (bins(), By::Fullest),
            (bins(), By::Quantile(0)),
            (bins(), By::Quantile(1_000_000)),
            (two, By::Fullest),
            (tally(label), By::Fullest),
            (tally(Dimension::Matched), By::Fullest),
            (arms, By::Fullest),
        ] {
            assert_eq!(tally.prove_choice(by, rho, 50), Err(PriceError::NoChoice), "{by:?}");
        }
    }

    #[test]
    fn noise_that_cannot_be_drawn_is_refused_before_it_is_paid_for() {
        let mut tally = bins();
        assert!(tally.prove_choice(By::Quantile(500_000), Rho(1), 50).is_ok());
        // 10⁶ · 3 · k · 10⁶ at ε = 10⁻⁶ is 2⁴⁸ at k = 93.8.
        tally.ids_per_person = 93;
        assert!(tally.prove_choice(By::Quantile(500_000), Rho(1), 50).is_ok());
        tally.ids_per_person = 94;
        let refused = tally.prove_choice(By::Quantile(500_000), Rho(1), 50);
        assert_eq!(refused, Err(PriceError::NoNoise(Wanted::People)));
        assert_eq!(
            bins().prove_choice(By::Quantile(500_000), Rho(0), 50),
            Err(PriceError::NoNoise(Wanted::People))
        );
    }

    /// ln(5 / 0.05) = 4.605, ln(3 / 0.05) = 4.094.
    #[test]
    fn says_how_far_off_it_may_be() {
        let off = |tally: &Tally, by| {
            let proof = tally.prove_choice(by, Rho(500_000_000_000), 50).unwrap();
            proof.choice().unwrap().people_off(tally)
        };
        assert!((off(&group(), By::Fullest) - 2.0 * 4.605_170).abs() < 1e-5);
        assert!((off(&bins(), By::Quantile(500_000)) - 6.0 * 4.094_345).abs() < 1e-5);
    }
}
