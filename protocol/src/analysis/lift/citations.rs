//! The figures of a lift for programs.

use super::{
    answer::{CellCount, Economics, LiftAnswer, MatchRate, OutcomeResult},
    question::OutcomeKind,
};
use crate::answers::citation::{Citation, Unit, real};

pub(super) fn citations(answer: &LiftAnswer) -> Vec<Citation> {
    let cells = answer.cells.iter().map(people);
    let ratio = &answer.sample_ratio;
    let ratio = Citation {
        p: ratio.p,
        flags: ratio.failed.then(|| "sample_ratio".to_owned()).into_iter().collect(),
        ..Citation::new("sample_ratio_chi2", Unit::One).value(ratio.chi2)
    };
    let rates = answer.match_rates.iter().flat_map(|rates| {
        [("test", &rates.test), ("control", &rates.control)].map(|(arm, found)| Citation {
            // Of the test whether the rates of both arms differ.
            p: Some(rates.p),
            ..match_rate(arm, found, answer.confidence)
        })
    });
    let outcomes =
        answer.outcomes.iter().flat_map(|outcome| of_outcome(outcome, answer.confidence));
    cells.chain([ratio]).chain(rates).chain(outcomes).collect()
}

fn people(cell: &CellCount) -> Citation {
    let people = Citation::people("people").of("cell", cell.cell.to_string());
    people.shown(cell.n.map(real)).noise(cell.noise_sd)
}

fn match_rate(arm: &str, found: &MatchRate, confidence: f64) -> Citation {
    let rate = Citation::new("match_rate", Unit::Share).of("arm", arm).value(found.rate);
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
        let total = total.shown(result.as_ref().map(|arm| arm.sum));
        figures.push(total.noise(outcome.noise_sd.sum));
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
    let least = of("minimum_detectable", per_person).value(outcome.minimum_detectable);
    figures.push(Citation { withheld: is_withheld, ..least });
    figures.extend(outcome.economics.iter().flat_map(|money| worth(money, total_unit, of, ranged)));
    figures
}

/// What the outcome is worth.
fn worth(
    money: &Economics,
    total_unit: Unit,
    of: impl Fn(&'static str, Unit) -> Citation,
    ranged: impl Fn(Citation, Option<f64>, Option<[Option<f64>; 2]>) -> Citation,
) -> Vec<Citation> {
    let of = |metric, unit| of(metric, unit).of("currency", &money.currency);
    let incremental = of("incremental", total_unit);
    let mut figures = vec![ranged(incremental, money.incremental, money.incremental_ci)];
    if money.iroas.is_some() {
        figures.push(ranged(of("iroas", Unit::One), money.iroas, money.iroas_ci));
    }
    if money.cost_per_incremental.is_some() {
        let (cost, ends) = (money.cost_per_incremental, money.cost_per_incremental_ci);
        figures.push(ranged(of("cost_per_incremental", Unit::Amount), cost, ends));
    }
    figures
}
