//! What leaves of a training, and what is known of it beforehand.

use protocol::{
    accounting::{Mechanism, pld},
    contract::Budget,
    loss::{Delta, Loss},
    page::number::size,
    proof::{Drawn, Proven, Sums},
};

/// What leaves of a training, and that nobody knows how good the model will be; `None` of another question. `delta` is the job's.
pub(super) fn words(proven: &Proven, delta: Delta) -> Option<String> {
    let steps = proven.proof().steps()?;
    let program = proven.tally().program.as_ref()?;
    let count = steps.count;
    let unknown = "How good the model will be depends on the data, and cannot be said before: rehearse on data of your own \
                   (glovebox try).";
    Some(match steps.sums {
        Sums::Everybody { step, .. } => format!(
            "{count} steps leave, after the sum of labels: a sum of residuals for each bin of {} features, each with noise of {} times \
             what one person moves it at most. {unknown} Sums are signed: of somebody who is known to be in the \
             data it may cost up to 4 rho to learn which of two histories is theirs.",
            step.cells,
            size(step.sigma.value() / moved(step.linf))
        ),
        Sums::Drawn(drawn) => format!(
            "{count} steps leave: a sum of gradients for each of {} weights, with noise of {} times what one person moves all \
             of them together. A person is in a step with a chance of {}. A cap on what the steps lose costs a delta of {} \
             beside.{} {unknown} Of somebody who is known to be in the data it may cost what two people lose to learn which \
             of two histories is theirs.",
            program.plan().entries(),
            size(drawn.multiplier()),
            size(drawn.rate()),
            drawn.delta,
            by_distributions(&drawn, count, delta)
        ),
    })
}

/// What drawn steps lose by privacy loss distributions, which know more of them than a ledger adds up: for information.
fn by_distributions(drawn: &Drawn, steps: u32, delta: Delta) -> String {
    let step = Mechanism::subsampled_gaussian(drawn.multiplier(), drawn.rate());
    let epsilon = step.and_then(|step| pld::epsilon(&[(step, steps.into())], delta.value()));
    let Ok(epsilon) = epsilon else { return String::new() };
    format!(
        " For information, by privacy loss distributions of noise on real numbers they lose epsilon {} at delta {delta}.",
        size(epsilon)
    )
}

/// Says if a budget's delta for what is not epsilon holds fewer jobs for life than its epsilon.
pub(super) fn what_ends_first(budget: Option<&Budget>, cost: &Loss, life: u64) -> String {
    let alone = budget.and_then(|budget| budget.lifetime().times(&cost.clone().with_delta(0)));
    alone.filter(|alone| *alone > life).map_or_else(String::new, |alone| {
        format!(": its selection_delta runs out first, its epsilon would hold {alone} for life")
    })
}

/// What one person moves a sum at most, and at least 1.
fn moved(linf: u64) -> f64 {
    f64::from(u32::try_from(linf).unwrap_or(u32::MAX).max(1))
}
