//! Estimates each outcome.

use super::{
    adjusted,
    compared::{Compared, Measured, Method, Totals},
    cuped::{self, Adjustable, Level},
    ends, figure, late,
    margins::{self, Tested},
    names, real, squares, unit,
};
use crate::{
    analysis::lift::{
        self, ArmFigures, ArmResult, Arms, ContrastFigures, DiffInMeans, Economics, LateResult,
        MeasureFigures, NoiseSd, Outcome, OutcomeKind, OutcomeResult, RelativeLift, ReleasedAs,
    },
    proof::Sigma,
    released::View,
    tally::Contrast,
};
use statistics::{
    economics::{CostPerConversion, CostSet, Total, economics},
    lift::{Alternative, ArmEstimate, Confidence, Difference, Interval, Lift},
};

/// Estimates all outcomes: of everybody, and then of each part. Their p-values come first: together they decide the level of each
/// interval.
pub(super) fn outcomes(
    arms: &Arms,
    view: &View<'_>,
    asked: &lift::Lift,
) -> (Vec<OutcomeResult>, Vec<Vec<OutcomeResult>>) {
    let everybody = Group {
        test: arms.test.as_ref(),
        control: arms.control.as_ref(),
        contrasts: &arms.contrasts,
        is_part: false,
    };
    let parts = arms.parts.iter().map(|part| {
        let pair = part.pair.as_ref();
        Group {
            test: pair.map(|pair| &pair.test),
            control: pair.map(|pair| &pair.control),
            contrasts: pair.map(|pair| pair.contrasts.as_slice()).unwrap_or_default(),
            is_part: true,
        }
    });
    let estimated: Vec<_> = std::iter::once(everybody)
        .chain(parts)
        .flat_map(|group| {
            let outcomes = asked.outcomes.iter().enumerate();
            outcomes.map(move |(at, outcome)| Estimated {
                group,
                view,
                asked,
                outcome,
                unit: unit(outcome),
                at,
            })
        })
        .collect();
    let confidence = confidence(asked);
    let p: Vec<_> = estimated.iter().map(|outcome| outcome.measured()?.p(confidence)).collect();
    let alpha = 1.0 - confidence.level;
    let levels = adjusted(asked.multiplicity, &p, alpha);
    let tested = estimated.iter().map(|outcome| {
        let (margin, measured) = (outcome.outcome.margin?, outcome.measured());
        Some(Tested { margin, measured, unit: outcome.unit })
    });
    let margins = margins::judged(tested.collect(), asked.multiplicity, confidence);
    let adjustable: Vec<_> = estimated.iter().map(Estimated::adjustable).collect();
    let of_adjusted = cuped::levels(&adjustable, asked.multiplicity, confidence);
    let mut of_adjusted = adjustable.into_iter().zip(of_adjusted);
    let levels = levels.into_iter().zip(margins);
    let reports = estimated.iter().zip(levels).map(|(outcome, ((p_adjusted, missed), margin))| {
        // If nothing changes the level, it stays as it was asked for.
        let level = if missed < alpha { confidence.missing(missed) } else { confidence };
        let mut report = outcome.report(level, p_adjusted);
        if let Some((Some(adjustable), level)) = of_adjusted.next() {
            outcome.adjust(&mut report, &adjustable, confidence, level);
        }
        if let Some((margin, is_cut)) = margin.map(|margin| margin.result(alpha)) {
            report.margin = Some(margin);
            if is_cut && !report.flags.iter().any(|flag| flag == LESS_THAN_NOTHING) {
                report.flags.push(LESS_THAN_NOTHING.to_owned());
            }
        }
        report
    });
    let mut reports: Vec<_> = reports.collect();
    let parts = reports.split_off(asked.outcomes.len().min(reports.len()));
    let parts = parts.chunks(asked.outcomes.len().max(1)).map(<[_]>::to_vec).collect();
    (reports, parts)
}

fn confidence(asked: &lift::Lift) -> Confidence {
    let alternative = match asked.alternative {
        lift::Alternative::Greater => Alternative::Greater,
        lift::Alternative::Less => Alternative::Less,
        _ => Alternative::TwoSided,
    };
    Confidence { level: asked.confidence.value(), alternative }
}

/// The people of whom an outcome is estimated: everybody, or a part.
#[derive(Clone, Copy)]
struct Group<'a> {
    test: Option<&'a ArmFigures>,
    control: Option<&'a ArmFigures>,
    contrasts: &'a [Option<ContrastFigures>],
    is_part: bool,
}

/// One outcome with its units.
struct Estimated<'a> {
    group: Group<'a>,
    view: &'a View<'a>,
    asked: &'a lift::Lift,
    outcome: &'a Outcome,
    /// Units of the column in one unit of the amount.
    unit: f64,
    /// Place of the outcome among the measures.
    at: usize,
}

impl<'a> Estimated<'a> {
    /// The figures of both arms; `None` if one is withheld.
    fn measured(&self) -> Option<Measured<'a>> {
        let arms = [self.group.test?, self.group.control?];
        let totals = match self.contrast() {
            None => Totals::Arms([self.measure(arms[0])?, self.measure(arms[1])?]),
            Some(contrast) => {
                let ContrastFigures { sums, squares } = (*self.group.contrasts.get(self.at)?)?;
                Totals::Contrast { contrast, sums, squares }
            }
        };
        let people = arms.map(|arm| arm.people);
        Some(Measured::new(self.outcome.kind, self.outcome.clamp, people, totals))
    }

    /// The contrast as which the outcome was released; `None` if each arm's totals were.
    fn contrast(&self) -> Option<&'a Contrast> {
        self.view.proven().tally().contrast_of_sum(self.at)
    }

    /// What the difference is adjusted by; `None` if the job does not ask for it, or an arm is withheld.
    fn adjustable(&self) -> Option<Adjustable<'a>> {
        let [test, control] = [self.group.test?, self.group.control?];
        let figures = [test.covariate.as_ref()?, control.covariate.as_ref()?];
        Some(Adjustable { measured: self.measured()?, figures, at: self.at })
    }

    /// Puts the adjusted difference beside that of the means.
    fn adjust(
        &self,
        report: &mut OutcomeResult,
        adjustable: &Adjustable<'_>,
        confidence: Confidence,
        level: Level,
    ) {
        let Some((plain, covariate)) =
            report.diff_in_means.as_ref().zip(self.asked.covariate.as_ref())
        else {
            return;
        };
        let found = adjustable.result(plain, covariate, self.unit, confidence, level);
        if !found.used {
            report.flags.push(COVARIATE_UNUSED.to_owned());
        }
        report.cuped = Some(found);
    }

    fn report(&self, level: Confidence, p_adjusted: Option<f64>) -> OutcomeResult {
        let Self { group, outcome, unit, .. } = *self;
        let measured = self.measured();
        let compared = measured.map(|measured| measured.compare(level));
        let lift = compared.as_ref().map(|compared| &compared.lift);
        let sums = measured.map(|measured| measured.sums());
        let is_contrast = self.contrast().is_some();
        let arm = |at: usize, arm: Option<&ArmFigures>, pick: fn(&Lift) -> &ArmEstimate| {
            let sum = sums.and_then(|sums| sums.get(at).copied());
            self.arm_result(arm?, sum, lift.map(pick))
        };
        // The cost is that of everybody.
        let spent = lift.filter(|_| !group.is_part).and_then(|lift| self.economics(lift));
        let cost_unbounded = spent.as_ref().is_some_and(|(_, unbounded)| *unbounded);
        let late = measured.as_ref().zip(compared.as_ref()).and_then(|(measured, compared)| {
            let reached = |arm: Option<&'a ArmFigures>| arm?.reached.as_ref();
            late::late(
                measured,
                compared,
                [reached(group.test)?, reached(group.control)?],
                (self.at, unit),
            )
        });
        let detectable = lift.and_then(|lift| lift.difference?.detectable(level, POWER));
        OutcomeResult {
            name: outcome.name.clone(),
            column: outcome.column.clone(),
            kind: outcome.kind,
            cap: real(outcome.clamp.most()) / unit,
            floor: real(outcome.clamp.least()) / unit,
            bias_note: self.bias_note().filter(|_| !group.is_part),
            released_as: if is_contrast { ReleasedAs::Contrast } else { ReleasedAs::Arms },
            test: arm(0, group.test, |measured| &measured.test),
            control: arm(1, group.control, |measured| &measured.control),
            diff_in_means: compared
                .as_ref()
                .and_then(|compared| self.difference(compared, p_adjusted)),
            relative_lift: compared.as_ref().and_then(relative),
            margin: None,
            late,
            cuped: None,
            minimum_detectable: detectable.map(|detectable| detectable / unit),
            economics: spent.map(|(economics, _)| economics),
            noise_sd: self.noise_sd(),
            flags: flags(compared.as_ref(), cost_unbounded, late.as_ref()),
        }
    }

    fn noise_sd(&self) -> NoiseSd {
        let proven = self.view.proven();
        let (tally, vectors) = (proven.tally(), self.view.vectors());
        let sd = |sigma: Sigma| if self.view.is_noisy() { sigma.value() } else { 0.0 };
        let is_contrast = self.contrast().is_some();
        let square = tally.square_of(self.at).filter(|_| !is_contrast).and_then(|(at, product)| {
            Some(sd(vectors.products.get(at)?.sigma) * wide(product.unit()))
        });
        NoiseSd {
            n: sd(vectors.people.sigma),
            sum_sq: square.map(|square| square / (self.unit * self.unit)),
        }
    }

    fn measure(&self, arm: &ArmFigures) -> Option<MeasureFigures> {
        *arm.measures.get(self.at)?
    }

    /// An arm that is shown. Of an outcome that was released as a contrast its sum is known if the other arm is shown too.
    fn arm_result(
        &self,
        arm: &ArmFigures,
        sum: Option<statistics::figure::Figure>,
        estimate: Option<&ArmEstimate>,
    ) -> Option<ArmResult> {
        let own = self.measure(arm);
        let sum = own.map(|own| figure(own.sum)).or(sum)?;
        let mean = estimate.and_then(|estimate| estimate.mean()).map(|mean| mean / self.unit);
        let square = self.unit * self.unit;
        let sum_sq = own.and_then(|own| own.sum_sq);
        Some(ArmResult {
            n: arm.people.value,
            sum: sum.value() / self.unit,
            sum_noise_sd: sum.noise_variance().sqrt() / self.unit,
            sum_sq: sum_sq.map(|sum_sq| squares(sum_sq).value() / square),
            mean,
        })
    }

    fn difference(&self, compared: &Compared, p_adjusted: Option<f64>) -> Option<DiffInMeans> {
        let lift = &compared.lift;
        let Difference { estimate, standard_error, sampling_error, mechanism_error, .. } =
            lift.difference?;
        let Difference { degrees_of_freedom, statistic, p, interval, .. } = lift.difference?;
        let unit = self.unit;
        Some(DiffInMeans {
            n_t: self.group.test?.people.value,
            n_c: self.group.control?.people.value,
            mean_t: lift.test.mean()? / unit,
            mean_c: lift.control.mean()? / unit,
            ate: estimate / unit,
            se: standard_error / unit,
            se_sampling: sampling_error / unit,
            se_mechanism: mechanism_error / unit,
            df: degrees_of_freedom,
            t: statistic,
            p,
            p_adjusted,
            ci_level: lift.confidence.level,
            ci: interval.map(|interval| ends(interval, unit)),
            ci_method: compared.method.name().to_owned(),
        })
    }

    /// The economics, and whether the cost of one more event has no bound.
    fn economics(&self, lift: &Lift) -> Option<(Economics, bool)> {
        let cost = self.asked.cost.as_ref()?;
        lift.difference?;
        let spent = amount(cost.millionths);
        let binary_or_count = matches!(self.outcome.kind, OutcomeKind::Binary | OutcomeKind::Count);
        let found = economics(lift, lift, spent * self.unit);
        let iroas = found.return_on_spend.filter(|_| !binary_or_count);
        let per_event = found.cost_per_conversion.filter(|_| binary_or_count);
        // Cost and outcome are both in units of the column, so their ratio has no unit.
        let (estimate, set) = per_event
            .map_or((None, None), |CostPerConversion { estimate, set, .. }| (estimate, set));
        let unbounded = set.is_some_and(|set| !matches!(set, CostSet::Between { .. }));
        let of = |total: Option<Total>, unit: f64| {
            let interval = total.and_then(|total| total.interval).map(|ci| ends(ci, unit));
            (total.map(|total| total.estimate / unit), interval)
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
        let clamp = self.outcome.clamp;
        let [cap, floor] = [clamp.most(), clamp.least()].map(|end| real(end) / self.unit);
        let known = match (clamp.is_signed(), self.contrast().is_some()) {
            (true, _) => {
                "; as totals can be negative, what this says about somebody who is known to be there costs up to \
                 4 rho instead of 2"
            }
            (false, true) => {
                "; as the difference of the arms left, what this says about which arm somebody is in who is known to \
                 be there costs up to 4 rho instead of 2"
            }
            (false, false) => "",
        };
        (self.outcome.kind != OutcomeKind::Binary).then(|| {
            format!(
                "a person's total above {cap} counts as {cap}, and below {floor} as {floor}; the effect is on \
                 the capped total, and what the cap cuts off is not in the interval{known}"
            )
        })
    }
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "a power of two")]
fn wide(number: u128) -> f64 {
    number as f64
}

/// Puts the interval under the name of the method that made it.
fn relative(compared: &Compared) -> Option<RelativeLift> {
    compared.lift.difference?;
    let Some(found) = compared.lift.relative else {
        return Some(RelativeLift {
            rel_lift: None,
            ci_fieller: None,
            ci_few_events: None,
            fieller_g: None,
        });
    };
    let Interval { lower, upper } = found.interval;
    let interval = (lower.is_some() || upper.is_some()).then_some([lower, upper]);
    let is_exact = compared.method == Method::FewEvents;
    Some(RelativeLift {
        rel_lift: found.estimate,
        ci_fieller: interval.filter(|_| !is_exact),
        ci_few_events: interval.filter(|_| is_exact),
        fieller_g: found.fieller_g,
    })
}

fn flags(
    compared: Option<&Compared>,
    cost_unbounded: bool,
    late: Option<&LateResult>,
) -> Vec<String> {
    let Some(compared) = compared else { return names(&[("withheld", true)]) };
    let flags = compared.lift.flags;
    names(&[
        ("too_few", flags.too_few),
        ("noise_dominates", flags.noise_dominates),
        ("few_events", compared.few_events),
        ("few_payers", compared.few_payers),
        ("variance_floored", flags.variance_floored),
        ("control_near_zero", compared.control_near_zero),
        ("control_barely_above_zero", compared.control_barely_above_zero),
        (LESS_THAN_NOTHING, compared.less_than_nothing),
        ("degenerate", flags.degenerate && !compared.few_payers),
        ("cost_unbounded", cost_unbounded),
        ("first_stage_weak", late.is_some_and(|late| late.late.is_none())),
        ("first_stage_barely_above_zero", late.is_some_and(late::is_barely)),
    ])
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "below 2^53 by the template"
)]
fn amount(millionths: u64) -> f64 {
    millionths as f64 / 1e6
}

fn cost_ends(set: CostSet) -> Option<[Option<f64>; 2]> {
    match set {
        CostSet::Between { lower, upper } => Some([Some(lower), Some(upper)]),
        CostSet::AtLeast { lower } => Some([Some(lower), None]),
        CostSet::Outside { .. } | CostSet::Never => None,
    }
}

/// The flag of a covariate that does not make the error clearly smaller.
const COVARIATE_UNUSED: &str = "covariate_unused";

/// Power at which the minimum detectable effect is stated.
const POWER: f64 = 0.8;

/// The flag of a relative lift that was cut where nothing would be left of an outcome that cannot be negative.
const LESS_THAN_NOTHING: &str = "less_than_nothing";
