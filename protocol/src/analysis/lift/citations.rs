//! The figures of a lift for programs.

use super::{
    answer::{
        BreakdownResult, CellCount, CupedResult, DiffInMeans, Economics, LateResult, LiftAnswer,
        MarginResult, MatchRate, NoiseSd, OutcomeResult, PartResult, SampleRatio,
    },
    question::OutcomeKind,
};
use crate::{
    analysis::margin::MarginScale,
    answers::citation::{Citation, Unit, real},
};

pub(super) fn citations(answer: &LiftAnswer) -> Vec<Citation> {
    let cells = answer.cells.iter().map(people);
    let ratio = chi2(&answer.sample_ratio);
    let rates = answer.match_rates.iter().flat_map(|rates| {
        [("test", &rates.test), ("control", &rates.control)].map(|(arm, found)| Citation {
            // Of the test whether the rates of both arms differ.
            p: Some(rates.p),
            ..rate("match_rate", arm, found, answer.confidence)
        })
    });
    let consent = answer.consent_rates.iter().flat_map(|rates| {
        [("test", &rates.test), ("control", &rates.control)].map(|(arm, found)| Citation {
            p: Some(rates.p),
            ..rate("refusal_rate", arm, found, answer.confidence)
        })
    });
    let rates = rates.chain(consent);
    let outcomes =
        answer.outcomes.iter().flat_map(|outcome| of_outcome(outcome, answer.confidence));
    let parts = answer.breakdown.iter().flat_map(|breakdown| {
        let parts = breakdown.parts.iter();
        parts.flat_map(|part| of_part(breakdown, part, answer.confidence))
    });
    let ratios = answer.breakdown.iter().flat_map(|breakdown| {
        breakdown
            .sample_ratios
            .iter()
            .map(|its| chi2(&its.sample_ratio).of_all(&breakdown.segments, &its.segment))
    });
    let differences = answer.breakdown.iter().flat_map(|breakdown| &breakdown.differences);
    let differences = differences.map(|found| Citation {
        p: found.p,
        ..Citation::new("heterogeneity_q", Unit::One).of("outcome", &found.outcome).value(found.q)
    });
    cells
        .chain([ratio])
        .chain(rates)
        .chain(outcomes)
        .chain(ratios)
        .chain(parts)
        .chain(differences)
        .collect()
}

fn chi2(ratio: &SampleRatio) -> Citation {
    Citation {
        p: ratio.p,
        flags: ratio.failed.then(|| "sample_ratio".to_owned()).into_iter().collect(),
        ..Citation::new("sample_ratio_chi2", Unit::One).value(ratio.chi2)
    }
}

/// The figures of a segment or creative; one line for each if it is withheld.
fn of_part(breakdown: &BreakdownResult, part: &PartResult, confidence: f64) -> Vec<Citation> {
    let named = |figure: Citation| {
        let figure = figure.of_all(&breakdown.segments, &part.segment);
        part.creative.iter().fold(figure, |figure, creative| figure.of("creative", creative))
    };
    if part.withheld {
        let figure = Citation::new("difference_in_means", Unit::One);
        return vec![Citation { withheld: true, ..named(figure) }];
    }
    let figures = part.outcomes.iter().flat_map(|outcome| of_outcome(outcome, confidence));
    figures.map(named).collect()
}

fn people(cell: &CellCount) -> Citation {
    let people = Citation::people("people").of("cell", cell.cell.to_string());
    people.shown(cell.n.map(real)).noise(cell.noise_sd)
}

fn rate(metric: &'static str, arm: &str, found: &MatchRate, confidence: f64) -> Citation {
    let rate = Citation::new(metric, Unit::Share).of("arm", arm).value(found.rate);
    rate.within(found.ci.map(Some), confidence)
}

fn of_outcome(outcome: &OutcomeResult, confidence: f64) -> Vec<Citation> {
    let is_share = outcome.kind == OutcomeKind::Binary;
    let per_person = if is_share { Unit::Share } else { Unit::AmountPerPerson };
    let total_unit = if is_share { Unit::People } else { Unit::Amount };
    let of = |metric, unit| Citation {
        flags: outcome.flags.clone(),
        ..Citation::new(metric, unit).of("outcome", &outcome.name)
    };
    let mut figures = Vec::new();
    for (arm, result) in [("test", &outcome.test), ("control", &outcome.control)] {
        let total = of("total", total_unit).of("arm", arm);
        figures.push(match result {
            Some(arm) => total.shown(Some(arm.sum)).noise(arm.sum_noise_sd),
            None => total.shown(None),
        });
        let squares = outcome.noise_sd.sum_sq.map(|sd| {
            let total = of("total_of_squares", Unit::One).of("arm", arm);
            total.shown(result.as_ref().and_then(|arm| arm.sum_sq)).noise(sd)
        });
        figures.extend(squares);
        let mean = of("mean", per_person).of("arm", arm);
        let known = result.as_ref().and_then(|arm| arm.mean);
        figures.push(Citation { withheld: result.is_none(), ..mean.value(known) });
    }
    let is_withheld = outcome.test.is_none() || outcome.control.is_none();
    let difference = of("difference_in_means", per_person);
    figures.push(match &outcome.diff_in_means {
        Some(found) => {
            let value = difference.value(found.ate);
            let value = match found.ci {
                Some(ends) => value.within(ends, found.ci_level),
                None => value,
            };
            Citation {
                standard_error: Some(found.se),
                noise_sd: Some(found.se_mechanism),
                p: found.p,
                p_adjusted: found.p_adjusted,
                ..value
            }
        }
        None => Citation { withheld: is_withheld, ..difference },
    });
    let level = outcome.diff_in_means.as_ref().map_or(confidence, |found| found.ci_level);
    let ranged = |figure: Citation, value, ends: Option<[Option<f64>; 2]>| {
        let figure = Citation { withheld: is_withheld, ..figure.value(value) };
        match ends {
            Some(ends) => figure.within(ends, level),
            None => figure,
        }
    };
    let relative = outcome.relative_lift.as_ref();
    let ends = relative.and_then(|lift| lift.ci_few_events.or(lift.ci_fieller));
    let value = relative.and_then(|lift| lift.rel_lift);
    figures.push(ranged(of("relative_lift", Unit::Share), value, ends));
    figures.extend(outcome.cuped.iter().map(|cuped| adjusted(cuped, of, per_person)));
    let reached = outcome.late.iter();
    figures.extend(reached.flat_map(|late| of_reached(late, level, of, per_person)));
    figures.extend(outcome.margin.as_ref().map(|margin| {
        let figure = against_margin(outcome, margin, of, per_person);
        Citation { withheld: is_withheld, ..figure }
    }));
    let least = of("minimum_detectable", per_person).value(outcome.minimum_detectable);
    figures.push(Citation { withheld: is_withheld, ..least });
    let money = outcome.economics.as_ref().zip(outcome.diff_in_means.as_ref());
    figures.extend(money.into_iter().flat_map(|(money, found)| {
        worth(money, Errors::of_total(found, &outcome.noise_sd), total_unit, of, ranged)
    }));
    figures
}

/// The change that is adjusted by a covariate.
fn adjusted(
    cuped: &CupedResult,
    of: impl Fn(&'static str, Unit) -> Citation,
    per_person: Unit,
) -> Citation {
    let figure = of("adjusted_difference", per_person).value(cuped.ate);
    let figure = match cuped.ci {
        Some(ends) => figure.within(ends, cuped.ci_level),
        None => figure,
    };
    Citation {
        standard_error: Some(cuped.se),
        noise_sd: Some(cuped.se_mechanism),
        p: cuped.p,
        p_adjusted: cuped.p_adjusted,
        ..figure
    }
}

/// How much more of the test arm was reached, and the effect on those people.
fn of_reached(
    late: &LateResult,
    level: f64,
    of: impl Fn(&'static str, Unit) -> Citation,
    per_person: Unit,
) -> [Citation; 2] {
    let within = |figure: Citation, ends: Option<[Option<f64>; 2]>| match ends {
        Some(ends) => figure.within(ends, level),
        None => figure,
    };
    let stage = of("first_stage", Unit::Share).value(late.first_stage);
    let effect = of("late", per_person).value(late.late);
    [
        Citation {
            standard_error: Some(late.first_stage_se),
            noise_sd: Some(late.first_stage_se_mechanism),
            ..within(stage, late.first_stage_ci)
        },
        Citation {
            standard_error: late.se,
            noise_sd: late.se_mechanism,
            ..within(effect, late.ci)
        },
    ]
}

/// The effect that a margin is about, with the interval of its test.
fn against_margin(
    outcome: &OutcomeResult,
    margin: &MarginResult,
    of: impl Fn(&'static str, Unit) -> Citation,
    per_person: Unit,
) -> Citation {
    let (value, unit) = match margin.scale {
        MarginScale::Absolute => {
            (outcome.diff_in_means.as_ref().map(|found| found.ate), per_person)
        }
        MarginScale::Relative => {
            (outcome.relative_lift.as_ref().and_then(|found| found.rel_lift), Unit::Share)
        }
    };
    let figure = of("effect_against_margin", unit).of("test", margin.test.word());
    let figure = figure.value(value.filter(|_| margin.ci.is_some()));
    let figure = match margin.ci {
        Some(ends) => figure.within(ends, margin.ci_level),
        None => figure,
    };
    Citation { p: margin.p, p_adjusted: margin.p_adjusted, ..figure }
}

/// The errors of a total over the test arm: the effect per person times the people, of whom there is a noisy number.
#[derive(Clone, Copy)]
struct Errors {
    standard_error: f64,
    noise_sd: f64,
}

impl Errors {
    fn of_total(found: &DiffInMeans, noise: &NoiseSd) -> Self {
        // An arm is two cells, found and not, each with noise of its own.
        let of_people = found.ate * core::f64::consts::SQRT_2 * noise.n;
        let of = |per_person: f64| libm::hypot(per_person * real(found.n_t), of_people);
        Self { standard_error: of(found.se), noise_sd: of(found.se_mechanism) }
    }

    fn over(self, cost: f64) -> Self {
        Self { standard_error: self.standard_error / cost, noise_sd: self.noise_sd / cost }
    }

    fn of(self, figure: Citation) -> Citation {
        let Self { standard_error, noise_sd } = self;
        Citation { standard_error: Some(standard_error), noise_sd: Some(noise_sd), ..figure }
    }
}

/// What the outcome is worth. A cost per incremental event is far from normal, so that only its interval is an error of it: without
/// one it is not cited.
fn worth(
    money: &Economics,
    errors: Errors,
    total_unit: Unit,
    of: impl Fn(&'static str, Unit) -> Citation,
    ranged: impl Fn(Citation, Option<f64>, Option<[Option<f64>; 2]>) -> Citation,
) -> Vec<Citation> {
    let of = |metric, unit| of(metric, unit).of("currency", &money.currency);
    let incremental =
        ranged(of("incremental", total_unit), money.incremental, money.incremental_ci);
    let mut figures = vec![errors.of(incremental)];
    if money.iroas.is_some() {
        let iroas = ranged(of("iroas", Unit::One), money.iroas, money.iroas_ci);
        figures.push(errors.over(money.cost).of(iroas));
    }
    if let Some(cost) = money.cost_per_incremental {
        let ends = money.cost_per_incremental_ci;
        let cost = ends.is_some().then_some(cost);
        figures.push(ranged(of("cost_per_incremental", Unit::Amount), cost, ends));
    }
    figures
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::lift::sample;

    /// Figures that a page of the format says have no error of their own.
    const WITHOUT_ERROR: [&str; 3] = ["mean", "minimum_detectable", "sample_ratio_chi2"];

    /// Where few people pay there is no interval, and the figures still do not leave without their error.
    #[test]
    fn no_figure_leaves_without_an_error() {
        let mut answer = sample::result().answer;
        for outcome in &mut answer.outcomes {
            let found = outcome.diff_in_means.as_mut().unwrap();
            (found.ci, found.p, outcome.relative_lift) = (None, None, None);
            outcome.economics = Some(Economics {
                incremental_ci: None,
                iroas_ci: None,
                cost_per_incremental: Some(3.0),
                cost_per_incremental_ci: None,
                ..sample::result().answer.outcomes[2].economics.clone().unwrap()
            });
        }
        let all = citations(&answer);
        for figure in &all {
            let has_error = figure.range.is_some() || figure.noise_sd.is_some();
            let is_bare = figure.value.is_some() && !has_error;
            assert!(!is_bare || WITHOUT_ERROR.contains(&figure.metric), "{figure:?}");
        }
        // Worked by hand: 21,307 people, ± 11.97 √2 of them, at a change of 0.7698 with an error of 0.3688, of which 0.339 noise.
        let of = |metric: &str| all.iter().rfind(|figure| figure.metric == metric).unwrap();
        let incremental = of("incremental");
        assert!((incremental.standard_error.unwrap() - 7_858.2).abs() < 1.0, "{incremental:?}");
        assert!((incremental.noise_sd.unwrap() - 7_223.1).abs() < 1.0, "{incremental:?}");
        let iroas = of("iroas").noise_sd.unwrap();
        assert!((iroas / (incremental.noise_sd.unwrap() / 1_065.35) - 1.0).abs() < 1e-12);
        assert_eq!(of("cost_per_incremental").value, None);
    }
}
