//! From released figures to the result that a receiver reads.

use privacy::{ArmFigures, MeasureFigures, Paid, Released};
use protocol::contract::Contract;
use protocol::job::{self, Job, Multiplicity, OutcomeKind};
use protocol::policy::Admitted;
use protocol::proof::Sigma;
use protocol::result::{
    ArmResult, CellCount, ChargeReport, DiffInMeans, Economics, FORMAT, LiftResult, NoiseSd,
    OutcomeResult, PERMUTE_AND_FLIP, PrivacyReport, RelativeLift, SampleRatio,
};
use protocol::time::Time;

use crate::economics::{CostPerConversion, CostSet, Total, economics};
use crate::figure::Figure;
use crate::lift::{Alternative, Arm, ArmEstimate, Confidence, Difference, Interval, Lift, lift};
use crate::multiplicity::{benjamini_hochberg, holm};
use crate::sample_ratio::sample_ratio;

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
    job: &Job,
    asked: &job::Lift,
    contract: &Contract,
    now: Time,
) -> LiftResult {
    let admitted = released.paid().admitted();
    let ratio = ratio(released, asked);
    let mut outcomes: Vec<_> = asked
        .outcomes
        .iter()
        .enumerate()
        .map(|(at, outcome)| {
            Estimated { released, asked, outcome, unit: unit(outcome), at }.report()
        })
        .collect();
    adjust(&mut outcomes, asked.multiplicity);
    let arm_withheld = released.test().is_none() || released.control().is_none();
    LiftResult {
        format: FORMAT.to_owned(),
        noise: released.is_noisy(),
        contract: contract.digest,
        contract_name: contract.name.clone(),
        job: job.id.to_string(),
        analysis: job.analysis.clone(),
        purpose: admitted.purpose().to_owned(),
        time: now,
        registered_at: asked.registered_at,
        estimand: estimand(admitted, asked),
        test: asked.test.clone(),
        control: asked.control.clone(),
        confidence: millionths(asked.confidence),
        alternative: asked.alternative,
        multiplicity: asked.multiplicity,
        cells: cells(released),
        flags: names(&[
            ("srm_failed", ratio.failed),
            ("low_match", released.low_match()),
            ("arm_withheld", arm_withheld),
        ]),
        sample_ratio: ratio,
        outcomes,
        privacy: privacy_report(released.paid(), released.is_noisy(), contract, job),
    }
}

/// One outcome, and what its figures are divided by.
struct Estimated<'a> {
    released: &'a Released,
    asked: &'a job::Lift,
    outcome: &'a job::Outcome,
    /// Units of the column in one of the amount.
    unit: f64,
    /// Place among the measures.
    at: usize,
}

impl Estimated<'_> {
    fn report(&self) -> OutcomeResult {
        let Self { released, outcome, unit, .. } = *self;
        let arms = released.test().zip(released.control());
        let measured = arms.and_then(|(t, c)| Some((self.measure(t)?, self.measure(c)?)));
        let compared = arms.zip(measured).map(|((t, c), (of_t, of_c))| {
            lift(&self.arm(t, of_t), &self.arm(c, of_c), self.confidence())
        });
        let arm = |arm: Option<&ArmFigures>, pick: fn(&Lift) -> &ArmEstimate| {
            self.arm_result(arm?, compared.as_ref().map(pick))
        };
        let difference = compared.as_ref().and_then(|it| it.difference);
        let spent = compared.as_ref().and_then(|it| self.economics(it));
        let flags = compared.as_ref().map_or_else(Default::default, |it| it.flags);
        let unbounded = spent.as_ref().is_some_and(|(_, unbounded)| *unbounded);
        let proven = released.paid().admitted().proven();
        let (tally, proof) = (proven.tally(), proven.proof());
        let square = tally.square_of(self.at).and_then(|at| proof.products.get(at));
        let sd = |sigma: Sigma| if released.is_noisy() { sigma.value() } else { 0.0 };
        OutcomeResult {
            name: outcome.name.clone(),
            column: outcome.column.clone(),
            kind: outcome.kind,
            cap: f64::from(outcome.clamp) / unit,
            bias_note: self.bias_note(),
            test: arm(released.test(), |it| &it.test),
            control: arm(released.control(), |it| &it.control),
            diff_in_means: compared.as_ref().and_then(|it| self.difference(it)),
            relative_lift: compared.as_ref().and_then(relative),
            minimum_detectable: difference
                .and_then(|it| it.detectable(self.confidence(), POWER))
                .map(|it| it / unit),
            economics: spent.map(|(economics, _)| economics),
            noise_sd: NoiseSd {
                n: sd(proof.people.sigma),
                sum: proof.sums.get(self.at).map_or(0.0, |it| sd(it.sigma)) / unit,
                sum_sq: square.map(|it| sd(it.sigma) / (unit * unit)),
            },
            flags: names(&[
                ("withheld", compared.is_none()),
                ("too_few", flags.too_few),
                ("variance_floored", flags.variance_floored),
                ("unbounded", flags.unbounded),
                ("degenerate", flags.degenerate),
                ("cost_unbounded", unbounded),
            ]),
        }
    }

    fn measure(&self, arm: &ArmFigures) -> Option<MeasureFigures> {
        arm.measures.get(self.at).copied()
    }

    fn arm(&self, arm: &ArmFigures, measure: MeasureFigures) -> Arm {
        let (users, sum) = (figure(arm.people), figure(measure.sum));
        match measure.sum_sq {
            Some(sum_sq) => Arm::value(users, sum, figure(sum_sq)),
            None => Arm::binary(users, sum),
        }
    }

    fn arm_result(&self, arm: &ArmFigures, estimate: Option<&ArmEstimate>) -> Option<ArmResult> {
        let MeasureFigures { sum, sum_sq, .. } = self.measure(arm)?;
        let mean = estimate.and_then(|it| it.mean()).map(|it| it / self.unit);
        let square = self.unit * self.unit;
        Some(ArmResult {
            n: arm.people.value,
            sum: figure(sum).value() / self.unit,
            sum_sq: sum_sq.map(|it| figure(it).value() / square),
            mean,
        })
    }

    fn difference(&self, lift: &Lift) -> Option<DiffInMeans> {
        let Difference { estimate, standard_error, sampling_error, mechanism_error, .. } =
            lift.difference?;
        let Difference { degrees_of_freedom, statistic, p, interval, .. } = lift.difference?;
        let unit = self.unit;
        let noisy = self.released.is_noisy();
        Some(DiffInMeans {
            n_t: self.released.test()?.people.value,
            n_c: self.released.control()?.people.value,
            mean_t: lift.test.mean()? / unit,
            mean_c: lift.control.mean()? / unit,
            ate: estimate / unit,
            se: standard_error / unit,
            se_sampling: sampling_error / unit,
            se_mechanism: mechanism_error / unit,
            df: degrees_of_freedom,
            t: statistic,
            p,
            p_adjusted: None,
            ci_level: lift.confidence.level,
            ci: interval.map(|it| ends(it, unit)),
            ci_method: if noisy { "normal_with_noise" } else { "welch_t" }.to_owned(),
        })
    }

    /// The economics, and whether the cost of one more event has no bound.
    fn economics(&self, lift: &Lift) -> Option<(Economics, bool)> {
        let cost = self.asked.cost.as_ref()?;
        let spent = amount(cost.millionths);
        let binary_or_count = matches!(self.outcome.kind, OutcomeKind::Binary | OutcomeKind::Count);
        let found = economics(lift, lift, spent * self.unit);
        let iroas = found.return_on_spend.filter(|_| !binary_or_count);
        let per_event = found.cost_per_conversion.filter(|_| binary_or_count);
        // Cost and outcome are both in units of the column, so that their ratio has none.
        let (estimate, set) = per_event
            .map_or((None, None), |CostPerConversion { estimate, set, .. }| (estimate, set));
        let unbounded = set.is_some_and(|it| !matches!(it, CostSet::Between { .. }));
        let of = |total: Option<Total>, unit: f64| {
            let interval = total.and_then(|it| it.interval).map(|it| ends(it, unit));
            (total.map(|it| it.estimate / unit), interval)
        };
        let (incremental, incremental_ci) = of(found.incremental_value, self.unit);
        let (iroas, iroas_ci) = of(iroas, 1.0);
        let economics = Economics {
            cost: spent,
            currency: cost.currency.clone(),
            incremental,
            incremental_ci,
            iroas,
            iroas_ci,
            cost_per_incremental: estimate,
            cost_per_incremental_ci: set.and_then(cost_ends),
        };
        Some((economics, unbounded))
    }

    fn bias_note(&self) -> Option<String> {
        let cap = f64::from(self.outcome.clamp) / self.unit;
        (self.outcome.kind != OutcomeKind::Binary).then(|| {
            format!(
                "a person's total above {cap} counts as {cap}, and below 0 as 0; the effect is on \
                 the capped total, and what the cap cuts off is not in the interval"
            )
        })
    }

    fn confidence(&self) -> Confidence {
        let alternative = match self.asked.alternative {
            job::Alternative::Greater => Alternative::Greater,
            job::Alternative::Less => Alternative::Less,
            _ => Alternative::TwoSided,
        };
        Confidence { level: millionths(self.asked.confidence), alternative }
    }
}

fn cells(released: &Released) -> Vec<CellCount> {
    let cells = released.cells().iter();
    cells
        .map(|it| CellCount { cell: it.cell, n: it.n, noise_sd: it.noise_variance.sqrt() })
        .collect()
}

fn ratio(released: &Released, asked: &job::Lift) -> SampleRatio {
    let expected = millionths(asked.expected_test_share);
    let flag_p = millionths(asked.srm_flag_p);
    let arms = released.test().zip(released.control());
    let found = arms.map(|(test, control)| {
        let counts = [figure(test.people), figure(control.people)];
        sample_ratio(&counts, &[expected, 1.0 - expected], flag_p)
    });
    SampleRatio {
        expected_test_share: expected,
        chi2: found.and_then(|it| it.statistic),
        p: found.and_then(|it| it.p),
        flag_p,
        failed: found.is_some_and(|it| it.failed),
    }
}

fn adjust(outcomes: &mut [OutcomeResult], how: Multiplicity) {
    let p: Vec<_> =
        outcomes.iter().map(|it| it.diff_in_means.as_ref().and_then(|it| it.p)).collect();
    let adjusted = match how {
        Multiplicity::Holm => holm(&p),
        Multiplicity::Bh => benjamini_hochberg(&p),
        _ => return,
    };
    for (outcome, p) in outcomes.iter_mut().zip(adjusted) {
        if let Some(difference) = &mut outcome.diff_in_means {
            difference.p_adjusted = p;
        }
    }
}

fn relative(lift: &Lift) -> Option<RelativeLift> {
    let found = lift.relative?;
    let Interval { lower, upper } = found.interval;
    Some(RelativeLift {
        rel_lift: found.estimate?,
        ci_fieller: (lower.is_some() || upper.is_some()).then_some([lower, upper]),
        fieller_g: found.fieller_g,
    })
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

fn estimand(admitted: &Admitted, asked: &job::Lift) -> String {
    let tally = admitted.proven().tally();
    let [test, control] = [&asked.test, &asked.control].map(|it| it.join(" or "));
    let population = &tally.population.dataset;
    let outcome = tally.joined.as_ref().map_or("", |it| it.dataset.as_str());
    format!(
        "average effect per person of being assigned to {test} rather than to {control} \
         (intention to treat), over the people of {population} in one of these arms who did not \
         withhold consent; whoever is not found in {outcome} counts with zero"
    )
}

fn figure(released: privacy::Figure) -> Figure {
    Figure::noisy(i128::from(released.value), released.noise_variance)
}

fn ends(interval: Interval, unit: f64) -> [Option<f64>; 2] {
    [interval.lower, interval.upper].map(|end| end.map(|it| it / unit))
}

fn cost_ends(set: CostSet) -> Option<[Option<f64>; 2]> {
    match set {
        CostSet::Between { lower, upper } => Some([Some(lower), Some(upper)]),
        CostSet::AtLeast { lower } => Some([Some(lower), None]),
        CostSet::Outside { .. } | CostSet::Never => None,
    }
}

/// Whether something happened has no unit, whatever decimals its column has.
fn unit(outcome: &job::Outcome) -> f64 {
    match outcome.kind {
        OutcomeKind::Binary => 1.0,
        _ => 10_f64.powi(i32::from(outcome.scale)),
    }
}

fn names(flags: &[(&str, bool)]) -> Vec<String> {
    flags.iter().filter(|(_, raised)| *raised).map(|(name, _)| (*name).to_owned()).collect()
}

fn millionths(share: u32) -> f64 {
    f64::from(share) / 1e6
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "below 2^53 by the template"
)]
fn amount(millionths: u64) -> f64 {
    millionths as f64 / 1e6
}

/// Power at which the minimum detectable effect is stated.
const POWER: f64 = 0.8;

/// In units of 10⁻¹⁵.
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "shown to people")]
fn selection_delta(units: u64) -> f64 {
    units as f64 / 1e15
}
