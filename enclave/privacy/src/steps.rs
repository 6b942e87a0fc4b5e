//! Releases a training: one payment for exactly so many steps, each with noise that is drawn once.
//!
//! Nothing leaves before the end. What the next step scores people by is a function of what was drawn, so the engine is
//! told that and no more; after a fault the same payment goes on with what it has drawn.

use std::fmt;

use protocol::learning::dense::{self, Network};
use protocol::learning::{Descent, Grid};
use protocol::proof::{self, Proven, Sigma, Sums};
use protocol::released::{Released, StepSums, Trained};
use protocol::tally::{Plan, Program};

use crate::ledger::Paid;
use crate::release::{Mismatch, Release, width};
use crate::sampler::{Chance, Noise};

/// A payment for a training that is not at its end. There is no way to have one step drawn twice, or one more than was
/// paid for: [`Steps::draw`] takes the payment, and hands it back only while steps are left.
///
/// ```compile_fail,E0382
/// fn twice(steps: privacy::Steps, one: privacy::RawStep, other: privacy::RawStep, mut noise: impl privacy::sampler::Noise) {
///     let _ = steps.draw(one, &mut noise);
///     let _ = steps.draw(other, &mut noise);
/// }
/// ```
///
/// Nor can the sums so far be read before all are drawn:
///
/// ```compile_fail,E0616
/// fn peek(steps: &privacy::Steps) {
///     let _ = &steps.drawn;
/// }
/// ```
pub struct Steps {
    paid: Paid,
    steps: proof::Steps,
    drawn: Drawn,
}

/// What was drawn so far.
enum Drawn {
    Nothing,
    Steps { label: Option<i64>, sums: Vec<StepSums>, descent: Box<Descending> },
}

/// Weights that follow from what was drawn.
enum Descending {
    Additive(Descent),
    Dense(dense::Descent, Chance),
}

/// What the engine is to add up next.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the engine must see a new sum")]
pub enum Ask {
    /// The sum of the labels of people who are trained on.
    Label,
    /// The sums of residuals of people who are trained on, scored by these weights.
    Step(Grid),
    /// The sums of gradients, at these weights, of people who are trained on and drawn for this step, each with this chance.
    Batch(Network, Chance),
    /// Held-out people, by label and score by these weights.
    Scores(Scoring),
}

/// What held-out people are scored by.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_enums, reason = "the engine must see a new model")]
pub enum Scoring {
    /// An additive model.
    Additive(Grid),
    /// A dense one.
    Dense(Network),
}

impl Descending {
    fn start(program: &Program, label: Option<i64>) -> Option<Self> {
        match (program.plan(), label) {
            (Plan::Additive(plan), Some(label)) => {
                Some(Self::Additive(Descent::start(plan, label)))
            }
            (Plan::Dense(plan), None) => {
                let chance = Chance::new(plan.sampled)?;
                Some(Self::Dense(dense::Descent::start(plan), chance))
            }
            _ => None,
        }
    }

    fn done(&self) -> u32 {
        match self {
            Self::Additive(descent) => descent.done(),
            Self::Dense(descent, _) => descent.done(),
        }
    }

    fn step(&mut self, sums: &[i64]) {
        match self {
            Self::Additive(descent) => descent.step(sums),
            Self::Dense(descent, _) => descent.step(sums),
        }
    }

    fn ask(&self) -> Ask {
        match self {
            Self::Additive(descent) => match descent.model() {
                Some(model) => Ask::Scores(Scoring::Additive(model.grid())),
                None => Ask::Step(descent.grid()),
            },
            Self::Dense(descent, chance) => match descent.model() {
                Some(model) => Ask::Scores(Scoring::Dense(model.network(descent.plan()))),
                None => Ask::Batch(descent.network(), *chance),
            },
        }
    }
}

/// Sums of one step that were computed from rows. Nothing outside this crate can read them:
///
/// ```compile_fail,E0616
/// fn peek(raw: privacy::RawStep) {
///     let _ = raw.sums;
/// }
/// ```
pub struct RawStep {
    proven: Proven,
    place: u32,
    sums: Vec<i64>,
}

/// What came of a step.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a step is either followed by another or the last")]
pub enum Next {
    /// There are steps left.
    More(Steps),
    /// All were drawn, and leave together.
    All(Release),
}

impl Steps {
    /// Begins the training that was paid for.
    ///
    /// # Errors
    ///
    /// [`Mismatch::OtherQuestion`] if the payment is for something else, and [`Mismatch::Undrawable`] if noise of a step
    /// cannot be drawn: before anything is.
    pub fn begin(paid: Paid) -> Result<Self, Mismatch> {
        let proven = paid.admitted().proven();
        let steps = proven.proof().steps().ok_or(Mismatch::OtherQuestion)?;
        for sigma in steps.sigmas() {
            width(sigma)?;
        }
        let drawn = match steps.sums {
            Sums::Everybody { .. } => Drawn::Nothing,
            Sums::Drawn(_) => {
                let program = proven.tally().program.as_ref().ok_or(Mismatch::OtherQuestion)?;
                let descent = Descending::start(program, None).ok_or(Mismatch::Shape)?;
                Drawn::Steps { label: None, sums: Vec::new(), descent: Box::new(descent) }
            }
        };
        Ok(Self { paid, steps, drawn })
    }

    /// What was paid for.
    pub fn paid(&self) -> &Paid {
        &self.paid
    }

    /// How many releases were drawn.
    #[must_use]
    pub fn place(&self) -> u32 {
        match &self.drawn {
            Drawn::Nothing => 0,
            Drawn::Steps { label, sums, .. } => {
                let steps = u32::try_from(sums.len()).unwrap_or(u32::MAX);
                steps.saturating_add(u32::from(label.is_some()))
            }
        }
    }

    /// What is to be added up next: a function of what was drawn, which was paid for.
    #[must_use]
    pub fn ask(&self) -> Ask {
        match &self.drawn {
            Drawn::Nothing => Ask::Label,
            Drawn::Steps { descent, .. } => descent.ask(),
        }
    }

    /// Adds the noise of one release to its sums. The last one lets all of them leave.
    ///
    /// # Privacy
    ///
    /// Each release costs what its figure in the proof says, and the payment covers all of them. One person moves one
    /// release by at most what the proof says whatever the weights are, so that it does not matter that weights depend on
    /// earlier releases.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if the sums are of another question or release, or not one for each entry. None depends on a sum.
    pub fn draw(self, raw: RawStep, noise: &mut impl Noise) -> Result<Next, Mismatch> {
        let RawStep { proven, place, mut sums } = raw;
        if &proven != self.paid.admitted().proven() || place != self.place() {
            return Err(Mismatch::OtherQuestion);
        }
        let program = proven.tally().program.as_ref().ok_or(Mismatch::OtherQuestion)?;
        let Self { paid, steps, drawn } = self;
        // Only the sampler of a rehearsal without noise reports a variance of zero.
        let is_noisy = noise.variance_of(width(Sigma(1024))?) > 0.0;
        let mut add = |sigma: Sigma, entries: usize| {
            if sums.len() != entries {
                return Err(Mismatch::Shape);
            }
            noise.add_gaussian(width(sigma)?, &mut sums);
            Ok(std::mem::take(&mut sums))
        };
        let (label, sums, descent, scores) = match (drawn, steps.sums) {
            (Drawn::Nothing, Sums::Everybody { label, .. }) => {
                let label = add(label.sigma, 1)?.first().copied();
                let descent = Descending::start(program, label).ok_or(Mismatch::Shape)?;
                (label, Vec::new(), Box::new(descent), None)
            }
            (Drawn::Nothing, Sums::Drawn(_)) => return Err(Mismatch::OtherQuestion),
            (Drawn::Steps { label, mut sums, mut descent }, of) => {
                if descent.done() < steps.count {
                    let sigma = match of {
                        Sums::Everybody { step, .. } => step.sigma,
                        Sums::Drawn(drawn) => drawn.sigma,
                    };
                    let drawn = add(sigma, program.plan().entries())?;
                    descent.step(&drawn);
                    sums.push(StepSums(drawn));
                    (label, sums, descent, None)
                } else {
                    let figure = steps.scores.ok_or(Mismatch::Shape)?;
                    let held = program.held_out.as_ref().ok_or(Mismatch::Shape)?;
                    let drawn = add(figure.sigma, held.counts())?;
                    (label, sums, descent, Some(StepSums(drawn)))
                }
            }
        };
        if descent.done() < steps.count || scores.is_some() != steps.scores.is_some() {
            let drawn = Drawn::Steps { label, sums, descent };
            return Ok(Next::More(Self { paid, steps, drawn }));
        }
        let trained = Trained { noise: is_noisy, label, steps: sums, scores };
        Ok(Next::All(Release::of(paid, Released::Steps(trained))))
    }
}

impl RawStep {
    /// The sums of the release at `place` of `proven`, counted from 0.
    #[must_use]
    pub fn new(proven: Proven, place: u32, sums: Vec<i64>) -> Self {
        Self { proven, place, sums }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Steps").field("place", &self.place()).finish_non_exhaustive()
    }
}

impl fmt::Debug for RawStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RawStep(..)")
    }
}
