//! The proof of a training: one payment for exactly so many releases, each with noise of its own.

use super::{
    Figure, Flaw, Leaves, PriceError, Proof, Sigma, Wanted, check::covers, prove::LARGEST_SIGMA,
};
use crate::{
    canonical,
    digest::Digest,
    learning::dense::{CERTAIN, CLIP},
    loss::{Delta, Loss, Rho},
    tally::{Dense, Program, Tally},
};
use serde::{Deserialize, Serialize};

/// What leaves of a training: so many steps; of an additive model the label sum before them; last, if people were held out, how
/// many of them have which score. Nothing else, and none of these twice.
///
/// # Privacy
///
/// Losses of the label sum and of all steps add up. People who are held out are in no step, and those who are not are in no
/// count of scores: with one id a person the larger of both is the cost, with several their sum.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever releases must see a new field")]
pub struct Steps {
    /// What each step adds up.
    pub sums: Sums,
    /// How many steps there are.
    pub count: u32,
    /// Held-out people by score and label; `None` if nobody is held out.
    pub scores: Option<Figure>,
}

/// What each step of a training adds up.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "whoever releases must see a new step")]
pub enum Sums {
    /// Residuals of everybody, of an additive model.
    Everybody {
        /// The sum of labels, before the first step: one number.
        label: Figure,
        /// Each step: a person moves one bin of each feature, up or down, by at most the clamp.
        step: Figure,
    },
    /// Gradients of those who are drawn for each step anew, of a dense model.
    Drawn(Drawn),
}

/// A step of a dense model.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever releases must see a new field")]
pub struct Drawn {
    /// L2: the most that one person who is drawn moves all sums together, in quanta.
    pub l2: u64,
    /// How likely a person is drawn at most, with one id or several, in units of 2⁻³².
    pub chance: u64,
    /// Standard deviation of the discrete Gaussian noise on each sum.
    pub sigma: Sigma,
    /// δ of the cap on the loss of all steps.
    pub delta: Delta,
}

impl Drawn {
    /// What so many steps lose; `None` for noise that no price is known of.
    ///
    /// # Source
    ///
    /// [`Loss::sampled`].
    #[must_use]
    pub fn loss(&self, steps: u32) -> Option<Loss> {
        Loss::sampled(self.multiplier(), self.rate(), steps.into(), Some(self.delta)).ok()
    }

    /// How many times as wide the noise is as what one person moves.
    #[must_use]
    pub fn multiplier(&self) -> f64 {
        self.sigma.value() / real(self.l2)
    }

    /// How likely a person is drawn.
    #[must_use]
    pub fn rate(&self) -> f64 {
        real(self.chance) / real(CERTAIN)
    }
}

impl Steps {
    /// How many releases the payment is for.
    #[must_use]
    pub fn releases(&self) -> u32 {
        let label = matches!(self.sums, Sums::Everybody { .. });
        self.count.saturating_add(u32::from(label)).saturating_add(u32::from(self.scores.is_some()))
    }

    /// The label sum and each step of an additive model; `None` of another one.
    #[must_use]
    pub fn everybody(&self) -> Option<[Figure; 2]> {
        match self.sums {
            Sums::Everybody { label, step } => Some([label, step]),
            Sums::Drawn(_) => None,
        }
    }

    /// Each step of a dense model; `None` of another one.
    #[must_use]
    pub fn drawn(&self) -> Option<Drawn> {
        match self.sums {
            Sums::Everybody { .. } => None,
            Sums::Drawn(drawn) => Some(drawn),
        }
    }

    /// The noise of each release: of the label sum, of a step, and of the counts of scores.
    pub fn sigmas(&self) -> impl Iterator<Item = Sigma> {
        let (label, step) = match self.sums {
            Sums::Everybody { label, step } => (Some(label.sigma), step.sigma),
            Sums::Drawn(drawn) => (None, drawn.sigma),
        };
        [label, Some(step), self.scores.map(|scores| scores.sigma)].into_iter().flatten()
    }

    /// The cost of all releases together; `None` if it is too large to be counted, or the noise does not cover one person.
    pub(super) fn cost(&self, tally: &Tally) -> Result<Option<Loss>, Flaw> {
        let program = tally.program.as_ref().ok_or(Flaw::Figures)?;
        if self.count != program.steps || self.scores.is_some() != program.held_out.is_some() {
            return Err(Flaw::Figures);
        }
        let training = match (&self.sums, &program.dense) {
            (Sums::Everybody { label, step }, None) => {
                covers(label, 1, linf(tally, program.label.cap))?;
                covers(step, entries(program), linf(tally, program.clip))?;
                let steps = u64::from(self.count).checked_mul(step.rho.0);
                steps.and_then(|steps| steps.checked_add(label.rho.0)).map(Rho).map(Loss::zcdp)
            }
            (Sums::Drawn(drawn), Some(dense)) => {
                let [l2, chance] = moves(tally, dense);
                if drawn.l2 < l2 || drawn.chance < chance {
                    return Err(Flaw::Sensitivity { cells: 1, linf: l2 });
                }
                if drawn.delta != dense.delta {
                    return Err(Flaw::Cost);
                }
                Some(drawn.loss(self.count).ok_or(Flaw::Noise)?)
            }
            _ => return Err(Flaw::Figures),
        };
        let scores = match &self.scores {
            None => Loss::zero(),
            Some(figure) => {
                covers(figure, 1, linf(tally, 1))?;
                Loss::zcdp(figure.rho)
            }
        };
        let are_apart = tally.ids_per_person == 1;
        let both = |training: Loss| {
            if are_apart { training.max(&scores) } else { training.plus(&scores) }
        };
        Ok(training.map(both))
    }
}

impl Tally {
    /// Noise and cost of a training for a given loss. Of an additive model a hundredth of it is for the label sum, and the
    /// rest in equal parts for all steps. Of a dense one the noise is the least, of whole 1024ths of what one person moves, with
    /// which all steps lose no more at any order, but for δ of their cap; the loss is charged as it was given, though at most orders
    /// they lose less.
    ///
    /// # Errors
    ///
    /// [`PriceError::NoChoice`] if the tally is no training, [`PriceError::NoNoise`] if a step would get no share of the
    /// loss or noise too large to draw.
    ///
    /// # Source
    ///
    /// As [`Tally::prove`]; that losses of steps which depend on earlier releases add up: Bun and Steinke 2016,
    /// <https://arxiv.org/abs/1605.02065>, Lemma 2.3. Of dense models: [`Loss::sampled`].
    pub fn prove_steps(&self, rho: Rho, threshold: u32) -> Result<Proof, PriceError> {
        let program = self.program.as_ref().ok_or(PriceError::NoChoice)?;
        let are_apart = self.ids_per_person == 1;
        let (training, judging) = match (&program.held_out, are_apart) {
            (None, _) => (rho, Rho(0)),
            (Some(_), true) => (rho, rho),
            (Some(_), false) => (Rho(rho.0 - rho.0 / 4), Rho(rho.0 / 4)),
        };
        let sums = match &program.dense {
            None => self.everybody(program, training)?,
            Some(dense) => Sums::Drawn(self.drawn(dense, program.steps, training)?),
        };
        let scores = program.held_out.is_some();
        let scores =
            scores.then(|| figure(Wanted::Label, 1, linf(self, 1), judging)).transpose()?;
        let steps = Steps { sums, count: program.steps, scores };
        let delta = program.dense.as_ref().map_or(0, |dense| dense.delta.into());
        let cost = Loss::zcdp(rho).with_delta(delta);
        let tally = Digest::of("glovebox tally v1", &canonical::to_vec(self));
        Ok(Proof { tally, leaves: Leaves::Steps(steps), threshold, cost })
    }

    fn everybody(&self, program: &Program, rho: Rho) -> Result<Sums, PriceError> {
        let of_label = Rho(rho.0 / LABEL_SHARE);
        let left = rho.0 - of_label.0;
        let each = Rho(left.checked_div(program.steps.into()).unwrap_or(0));
        let label = figure(Wanted::Label, 1, linf(self, program.label.cap), of_label)?;
        let step = figure(Wanted::Step, entries(program), linf(self, program.clip), each)?;
        Ok(Sums::Everybody { label, step })
    }

    fn drawn(&self, dense: &Dense, steps: u32, rho: Rho) -> Result<Drawn, PriceError> {
        let [l2, chance] = moves(self, dense);
        let allowed = Loss::zcdp(rho).with_delta(dense.delta.into());
        let with = |parts: u64| {
            let sigma = Sigma(l2.saturating_mul(parts));
            Drawn { l2, chance, sigma, delta: dense.delta }
        };
        let fits = |parts: u64| with(parts).loss(steps).is_some_and(|loss| loss.fits(&allowed));
        let most = LARGEST_SIGMA / l2.max(1);
        let (mut fails, mut holds) = (0, 1024.min(most));
        while !fits(holds) {
            if holds >= most {
                return Err(PriceError::NoNoise(Wanted::Step));
            }
            (fails, holds) = (holds, holds.saturating_mul(2).min(most));
        }
        while holds - fails > 1 {
            let middle = holds.midpoint(fails);
            if fits(middle) { holds = middle } else { fails = middle }
        }
        Ok(with(holds))
    }
}

/// How far one person who is drawn moves a step of a dense model at most, and how likely the person is drawn.
fn moves(tally: &Tally, dense: &Dense) -> [u64; 2] {
    let ids = u64::from(tally.ids_per_person);
    [u64::from(CLIP).saturating_mul(ids), dense.sampled.saturating_mul(ids).min(CERTAIN)]
}

fn figure(which: Wanted, cells: u32, linf: Option<u64>, rho: Rho) -> Result<Figure, PriceError> {
    let sigma = linf.and_then(|linf| Sigma::for_cost(cells.into(), linf, rho));
    let (linf, sigma) = linf.zip(sigma).ok_or(PriceError::NoNoise(which))?;
    Ok(Figure { cells, linf, rho, sigma })
}

/// The most that one person moves one entry, of which one id moves it by at most `each`.
fn linf(tally: &Tally, each: u32) -> Option<u64> {
    u64::from(each).checked_mul(tally.ids_per_person.into())
}

/// How many entries of one step one id moves: one for each feature.
fn entries(program: &Program) -> u32 {
    u32::try_from(program.features.len()).unwrap_or(u32::MAX)
}

/// The label sum's share of the loss: one part of so many.
const LABEL_SHARE: u64 = 100;
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "off by a part in 2^53, where a price has a margin of a part in 10^9"
)]
fn real(number: u64) -> f64 {
    number as f64
}
