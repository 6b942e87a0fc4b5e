//! From released figures to the result that a receiver reads.

use privacy::{Paid, Released};
use protocol::contract::Contract;
use protocol::job::{self, Job, OutcomeKind};
use protocol::policy::Admitted;
use protocol::result::{ChargeReport, FORMAT, LiftResult, PERMUTE_AND_FLIP, PrivacyReport};
use protocol::time::Time;

use crate::figure::Figure;

mod compared;
mod design;
mod outcome;

/// The result of a lift job.
///
/// # Shapes and units
///
/// Figures are computed in units of the column and reported in units of the amount: dollars, not
/// cents. Everybody counts in the arm they were assigned to; who was not found among the outcomes
/// has the outcome zero.
///
/// # Privacy
///
/// Costs nothing: a function of released figures, contract and job.
#[must_use]
pub fn lift_result(
    released: &Released,
    admitted: &Admitted,
    asked: &job::Lift,
    contract: &Contract,
    now: Time,
) -> LiftResult {
    let job = admitted.job();
    let design = design::Design::new(released, asked, &job.analysis, contract);
    LiftResult {
        format: FORMAT.to_owned(),
        noise: released.is_noisy(),
        contract: contract.digest,
        contract_name: contract.name.clone(),
        job: admitted.name().to_string(),
        asked_by: admitted.analyst().to_owned(),
        analysis: job.analysis.clone(),
        purpose: admitted.purpose().to_owned(),
        time: now,
        registered_at: asked.registered_at,
        estimand: estimand(admitted, asked, contract.can_refuse(&job.analysis)),
        test: asked.test.clone(),
        control: asked.control.clone(),
        confidence: millionths(asked.confidence),
        alternative: asked.alternative,
        multiplicity: asked.multiplicity,
        cells: design.cells,
        sample_ratio: design.sample_ratio,
        match_rates: design.match_rates,
        flags: design.flags,
        outcomes: outcome::outcomes(released, asked),
        privacy: privacy_report(released.paid(), released.is_noisy(), contract, job),
    }
}

/// What was charged, and how the figures were protected.
pub(crate) fn privacy_report(
    paid: &Paid,
    is_noisy: bool,
    contract: &Contract,
    job: &Job,
) -> PrivacyReport {
    let mechanism = match paid.admitted().proven().proof().choice {
        _ if !is_noisy => "none",
        Some(_) => PERMUTE_AND_FLIP,
        None => "discrete_gaussian",
    };
    let charged = paid.charges().iter().map(|it| ChargeReport {
        dataset: it.charge.dataset.clone(),
        owner: it.charge.owner.clone(),
        rho: it.charge.loss.rho().value(),
        rho_left_in_instance: it.left.rho().value(),
    });
    let ids = contract.ids_per_person;
    let (epsilon, delta) = job.question.epsilon();
    PrivacyReport {
        mechanism: mechanism.to_owned(),
        unit: format!(
            "everything that one person has in all datasets: all rows of up to {ids} identifier{}",
            if ids == 1 { "" } else { "s" }
        ),
        epsilon: epsilon.value(),
        delta: delta.value(),
        selection_delta: selection_delta(paid.admitted().cost().delta()),
        rho: paid.admitted().cost().rho().value(),
        min_cell: paid.min_cell(),
        charged: charged.collect(),
    }
}

fn estimand(admitted: &Admitted, asked: &job::Lift, can_refuse: bool) -> String {
    let tally = admitted.proven().tally();
    let [test, control] = [&asked.test, &asked.control].map(|it| it.join(" or "));
    let population = &tally.population.dataset;
    let outcome = tally.joined.as_ref().map_or("", |it| it.dataset.as_str());
    let agreed = if can_refuse { " who did not withhold consent" } else { "" };
    format!(
        "average effect per person of being assigned to {test} rather than to {control} \
         (intention to treat), over the people of {population} in one of these arms{agreed}; whoever is \
         not found in {outcome} counts with zero"
    )
}

fn figure(released: privacy::Figure) -> Figure {
    Figure::noisy(i128::from(released.value), released.noise_variance)
}

fn squares(released: privacy::ProductFigure) -> Figure {
    Figure::noisy(released.value, released.noise_variance)
}

/// Units of the column in one of the amount. Whether something happened has none.
fn unit(outcome: &job::Outcome) -> f64 {
    match outcome.kind {
        OutcomeKind::Binary => 1.0,
        _ => 10_f64.powi(i32::from(outcome.scale)),
    }
}

pub(crate) fn names(flags: &[(&str, bool)]) -> Vec<String> {
    flags.iter().filter(|(_, raised)| *raised).map(|(name, _)| (*name).to_owned()).collect()
}

fn millionths(share: u32) -> f64 {
    f64::from(share) / 1e6
}

/// In units of 10⁻¹⁵.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn selection_delta(units: u64) -> f64 {
    units as f64 / 1e15
}
