//! The refusal of noise that cannot be drawn: it names the figure, and what would work.

use crate::{
    analysis::Price,
    job::Question,
    loss::{Delta, Epsilon, Rho},
    proof::{PriceError, Request, Split, Wanted},
    refusal::Refusal,
    tally::{Clamp, Tally},
    units::Scale,
};

/// Names the figure, the largest cap at this ε, and the least ε for this cap.
pub(super) fn refusal(question: &Question, tally: &Tally, error: PriceError) -> Refusal {
    let Price { epsilon, delta, selection_delta, split, .. } = question.price();
    let named = question.measures();
    let asking = NoiseRequest { tally, split, selection_delta, delta };
    let place = match error {
        PriceError::NoNoise(Wanted::Sum(at) | Wanted::Product(at)) => Some(at),
        _ => None,
    };
    let measure = place.and_then(|at| Some((at, named.get(at)?, tally.measures.get(at)?.clamp)));
    let trained = match (error, &tally.program) {
        (PriceError::NoNoise(Wanted::Label), Some(program)) => Some(("label", program.label.cap)),
        (PriceError::NoNoise(_), Some(program)) => {
            let is_dense = program.dense.is_some();
            let of = if is_dense { "gradients of a step" } else { "residuals of a step" };
            Some((of, program.clip))
        }
        _ => None,
    };
    let (figure, scale, cap) = match &measure {
        Some((_, (name, scale), clamp)) => (name.clone(), *scale, clamp.reach()),
        None if trained.is_some() => {
            let (name, cap) = trained.unwrap_or_default();
            (name.to_owned(), Scale::WHOLE, u64::from(cap))
        }
        None => ("people".to_owned(), Scale::WHOLE, u64::from(tally.ids_per_person)),
    };
    let largest =
        measure.and_then(|(at, ..)| asking.largest(at, Rho::from_epsilon(epsilon, delta)));
    let least = asking.least();
    Refusal::Undrawable { figure, cap, scale, epsilon, largest, least }
}

struct NoiseRequest<'a> {
    tally: &'a Tally,
    split: Split,
    selection_delta: u64,
    delta: Delta,
}

impl NoiseRequest<'_> {
    fn can(&self, tally: &Tally, rho: Rho) -> bool {
        let Self { split, selection_delta, .. } = *self;
        let request = Request { rho, split, threshold: 1, selection_delta };
        let mut tally = tally.clone();
        if tally.program.is_some() {
            return tally.prove_steps(rho, 1).is_ok();
        }
        tally.coarsen(&request, 1);
        tally.prove(&request).is_ok()
    }

    /// The largest cap of a measure for which the noise can be drawn; `None` if no cap is small enough.
    fn largest(&self, measure: usize, rho: Rho) -> Option<u64> {
        let mut tally = self.tally.clone();
        let mut can = |cap: u64| {
            let clamp = i64::try_from(cap).ok().and_then(|cap| Clamp::new(0, cap).ok());
            let both = tally.measures.get_mut(measure).zip(clamp);
            both.is_some_and(|(measure, clamp)| {
                measure.clamp = clamp;
                true
            }) && self.can(&tally, rho)
        };
        let (mut fails, mut holds) = (self.tally.measures.get(measure)?.clamp.reach(), 0);
        while fails - holds > 1 {
            let middle = fails.midpoint(holds);
            if can(middle) { holds = middle } else { fails = middle }
        }
        (holds > 0).then_some(holds)
    }

    /// The smallest ε at which all noise can be drawn, in millionths rounded up; `None` if there is
    /// none.
    fn least(&self) -> Option<Epsilon> {
        let (mut fails, mut holds) = (0, Rho::from_epsilon(Epsilon::MAX, self.delta).0);
        if !self.can(self.tally, Rho(holds)) {
            return None;
        }
        while holds - fails > 1 {
            let middle = fails.midpoint(holds);
            if self.can(self.tally, Rho(middle)) { holds = middle } else { fails = middle }
        }
        Rho(holds).asked_as(self.delta)
    }
}
