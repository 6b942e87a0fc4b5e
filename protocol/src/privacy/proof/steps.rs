//! The proof of a training: one payment for exactly so many releases, each with noise of its own.

use super::{Figure, Flaw, Leaves, PriceError, Proof, Sigma, Wanted, check::covers};
use crate::{
    canonical,
    digest::Digest,
    loss::{Loss, Rho},
    tally::{Program, Tally},
};
use serde::{Deserialize, Serialize};

/// What leaves of a training: the label sum, then so many steps, each a sum of clamped residuals for every bin of every
/// feature; last, if people were held out, how many of them have which score. Nothing else, and none of these twice.
///
/// # Privacy
///
/// ρ of the label sum and of all steps add up. People who are held out are in no step, and those who are not are in no
/// count of scores: with one id a person the larger of both is the cost, with several their sum.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever releases must see a new field")]
pub struct Steps {
    /// The sum of labels: one number.
    pub label: Figure,
    /// Each step: a person moves one bin of each feature, up or down, by at most the clamp.
    pub step: Figure,
    /// How many steps there are.
    pub count: u32,
    /// Held-out people by score and label; `None` if nobody is held out.
    pub scores: Option<Figure>,
}

impl Steps {
    /// How many releases the payment is for.
    #[must_use]
    pub fn releases(&self) -> u32 {
        self.count.saturating_add(1).saturating_add(u32::from(self.scores.is_some()))
    }

    /// The cost of all releases together; `None` if it is too large to be counted, or the noise does not cover one person.
    pub(super) fn cost(&self, tally: &Tally) -> Result<Option<Loss>, Flaw> {
        let program = tally.program.as_ref().ok_or(Flaw::Figures)?;
        if self.count != program.steps || self.scores.is_some() != program.held_out.is_some() {
            return Err(Flaw::Figures);
        }
        covers(&self.label, 1, linf(tally, program.label.cap))?;
        covers(&self.step, entries(program), linf(tally, program.clip))?;
        let training = u64::from(self.count)
            .checked_mul(self.step.rho.0)
            .and_then(|steps| steps.checked_add(self.label.rho.0));
        let scores = match &self.scores {
            None => 0,
            Some(figure) => {
                covers(figure, 1, linf(tally, 1))?;
                figure.rho.0
            }
        };
        let are_apart = tally.ids_per_person == 1;
        let rho = training.and_then(|training| {
            if are_apart { Some(training.max(scores)) } else { training.checked_add(scores) }
        });
        Ok(rho.map(|rho| Loss::zcdp(Rho(rho))))
    }
}

impl Tally {
    /// Noise and cost of a training for a given loss: a hundredth of it for the label sum, and the rest in equal parts
    /// for all steps.
    ///
    /// # Errors
    ///
    /// [`PriceError::NoChoice`] if the tally is no training, [`PriceError::NoNoise`] if a step would get no share of the
    /// loss or noise too large to draw.
    ///
    /// # Source
    ///
    /// As [`Tally::prove`]; that losses of steps which depend on earlier releases add up: Bun and Steinke 2016,
    /// <https://arxiv.org/abs/1605.02065>, Lemma 2.3.
    pub fn prove_steps(&self, rho: Rho, threshold: u32) -> Result<Proof, PriceError> {
        let program = self.program.as_ref().ok_or(PriceError::NoChoice)?;
        let are_apart = self.ids_per_person == 1;
        let (training, judging) = match (&program.held_out, are_apart) {
            (None, _) => (rho, Rho(0)),
            (Some(_), true) => (rho, rho),
            (Some(_), false) => (Rho(rho.0 - rho.0 / 4), Rho(rho.0 / 4)),
        };
        let of_label = Rho(training.0 / LABEL_SHARE);
        let left = training.0 - of_label.0;
        let each = Rho(left.checked_div(program.steps.into()).unwrap_or(0));
        let label = figure(Wanted::Label, 1, linf(self, program.label.cap), of_label)?;
        let step = figure(Wanted::Step, entries(program), linf(self, program.clip), each)?;
        let scores = program.held_out.is_some();
        let scores =
            scores.then(|| figure(Wanted::Label, 1, linf(self, 1), judging)).transpose()?;
        Ok(Proof {
            tally: Digest::of("glovebox tally v1", &canonical::to_vec(self)),
            leaves: Leaves::Steps(Steps { label, step, count: program.steps, scores }),
            threshold,
            cost: Loss::zcdp(rho),
        })
    }
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
