//! What a comparison of arms says about itself: its verdict, its levels, its people, its flags.

use super::{Scale, between, level, p_is, percent, whole};
use protocol::{
    job::Multiplicity,
    result::{LiftResult, MatchRate, MatchRates, OutcomeResult, RelativeLift},
    tally::Cell,
};

/// Flags that say that an effect may be of the design and not of the campaign.
const BROKEN: [&str; 5] =
    ["srm_failed", "match_differs", "consent_with_outcome", "contaminated", "match_keys_unused"];

/// Each reason why the effects of a result may not be the campaign's; none if nothing speaks against the design.
pub(crate) fn broken(result: &LiftResult) -> Vec<String> {
    let raised = result.flags.iter().filter(|flag| BROKEN.contains(&flag.as_str()));
    raised.map(|flag| super::capital(&super::explain(flag))).collect()
}

/// What the p-value that is shown says; the interval says the same.
pub(crate) fn verdict(result: &LiftResult, outcome: &OutcomeResult) -> &'static str {
    match super::shown_p(outcome) {
        Some(p) if p < 1.0 - result.answer.confidence && !broken(result).is_empty() => {
            "which chance does not explain; but the design may be broken, so the campaign need not explain it \
             either"
        }
        Some(p) if p < 1.0 - result.answer.confidence => "so the change is statistically clear",
        Some(_) => "which includes no change at all: this study cannot tell",
        None => "and nothing tests it",
    }
}

/// The level of most intervals, which is that of the outcome that has the highest.
pub(crate) fn heading_level(result: &LiftResult) -> f64 {
    let levels =
        result.answer.outcomes.iter().filter_map(|it| Some(it.diff_in_means.as_ref()?.ci_level));
    levels.fold(result.answer.confidence, f64::max)
}

/// The interval of the effect; with its level where that is not the heading's.
pub(crate) fn effect_interval(result: &LiftResult, outcome: &OutcomeResult) -> Option<String> {
    let ends = outcome.diff_in_means.as_ref()?.ci?;
    Some(with_level(result, outcome, Scale::of(outcome).interval(ends)))
}

/// The interval of the relative lift, likewise.
pub(crate) fn relative_interval(result: &LiftResult, outcome: &OutcomeResult) -> Option<String> {
    let ends = relative_ends(outcome.relative_lift.as_ref()?)?;
    Some(with_level(result, outcome, between(ends, percent)))
}

/// Ends of the relative lift's interval, whichever method made it.
pub(crate) fn relative_ends(lift: &RelativeLift) -> Option<[Option<f64>; 2]> {
    lift.ci_fieller.or(lift.ci_few_events)
}

fn with_level(result: &LiftResult, outcome: &OutcomeResult, interval: String) -> String {
    let own = outcome.diff_in_means.as_ref().map_or(result.answer.confidence, |it| it.ci_level);
    if (own - heading_level(result)).abs() < 1e-9 {
        interval
    } else {
        format!("{interval} ({})", level(own))
    }
}

/// How intervals go with adjusted p-values; none where nothing is adjusted, or nothing has an interval.
pub(crate) fn adjusted_intervals(result: &LiftResult) -> Option<String> {
    let mut estimates = result.answer.outcomes.iter().filter_map(|it| it.diff_in_means.as_ref());
    estimates.find(|it| it.ci.is_some())?;
    let (own, asked) = (level(heading_level(result)), level(result.answer.confidence));
    match result.answer.multiplicity {
        Multiplicity::Holm => Some(format!(
            "Intervals are adjusted as the p-values are: each of {own}, so that all of them together \
             hold with {asked} (Bonferroni). An outcome that only Holm's test finds has the interval \
             of the step that found it, with its level beside it. An interval leaves out zero exactly \
             where its p is below {:.4}.",
            1.0 - result.answer.confidence
        )),
        Multiplicity::Bh => Some(format!(
            "Intervals are adjusted as the p-values are: each of {own}, so that of those that leave \
             out zero {asked} hold on average (false coverage rate, Benjamini and Yekutieli). An \
             interval leaves out zero exactly where its p is below {:.4}.",
            1.0 - result.answer.confidence
        )),
        _ => None,
    }
}

/// The smallest change that the study finds; none where it would be written as zero.
pub(crate) fn detectable(outcome: &OutcomeResult) -> Option<String> {
    let text = Scale::of(outcome).change(outcome.minimum_detectable?).replace('+', "");
    text.contains(|digit| matches!(digit, '1'..='9')).then_some(text)
}

/// How p-value and intervals of an outcome were made.
pub(crate) fn method(outcome: &OutcomeResult) -> &'static str {
    let method = outcome.diff_in_means.as_ref().map(|it| it.ci_method.as_str());
    match method {
        Some("few_events") => {
            "few events: score test with the exact distribution of events and noise, and the intervals \
             that it does not reject"
        }
        Some("welch_t") => "Welch\u{2019}s t; Fieller\u{2019}s interval of the relative lift",
        Some("normal_with_noise") => {
            "Welch\u{2019}s standard error with the variance of the noise added, normal distribution; \
             Fieller\u{2019}s interval of the relative lift"
        }
        _ => "none: not estimated",
    }
}

/// Both match rates and whether they differ; why not, where they are not known.
pub(crate) fn match_rates(result: &LiftResult) -> String {
    let Some(MatchRates { test, control, p, differs, .. }) = &result.answer.match_rates else {
        return "not known: an arm is withheld, or nothing but noise".to_owned();
    };
    let rate = |it: &MatchRate| {
        let share = |part: f64| format!("{:.2}", part * 100.0);
        let [low, high] = it.ci.map(share);
        format!("{} % ({low} to {high})", share(it.rate))
    };
    let verdict = if *differs { "THEY DIFFER" } else { "no difference is shown" };
    format!("test {}, control {}: {verdict} ({})", rate(test), rate(control), p_is(*p))
}

/// Who is in the estimate, in a sentence: nobody who is left out is said to count. Of people who withheld
/// consent nothing is said where the contract asks for none, so that the result has no such cell.
pub(crate) fn who_counts(result: &LiftResult) -> String {
    let of = |wanted: Cell| {
        let cell = result.answer.cells.iter().find(|it| it.cell == wanted)?;
        let n = cell.n.map(|n| format!("about {}", whole(n.max(0))));
        Some(n.unwrap_or_else(|| "an unknown number".to_owned()))
    };
    let contaminated = of(Cell::Contaminated).map(|people| format!("{people} in several arms"));
    let refusers = of(Cell::NoConsent).map(|people| format!("{people} who withheld consent"));
    let left_out: Vec<_> = contaminated.into_iter().chain(refusers).collect();
    format!(
        "Whoever was assigned to one of these arms and to no other counts there, whether they saw \
         something or not; the effect on those who saw it may be larger. Left out, with all that \
         they did: {} (noisy counts: a few may be nobody).",
        left_out.join(", ")
    )
}

/// The sentence of a flag that only a comparison of arms has.
pub(super) fn explain(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "srm_failed" => {
            "the arms do not have the sizes that the design expects: something besides chance \
             decided who is in which arm, or who was left out. Do not use the estimates before the \
             cause is known."
        }
        "match_differs" => {
            "the arms were found among the outcomes at different rates, which chance and noise do in \
             one sound job of a thousand. If the outcome file lists only who did something, this may be \
             the effect itself. If it lists everybody, identifiers of one arm are worse (older, or of \
             another source), whoever is not found counts with zero, and the effect is not real: do not \
             use it, and have both lists made from the same source."
        }
        "contaminated" => {
            "more than 1 % of the people of these arms were in several arms (in both, or in one and in \
             another or none) and are left out with all that they did. If that depends on the campaign, \
             the effect is wrong. Find out why people were assigned twice, and keep the first assignment."
        }
        "without_arm" => {
            "more than 1 % of the people of the assignment data have no arm and are left out. If that \
             depends on the arm, the effect is wrong: let its owner fill the arm in."
        }
        "arms_pooled" => {
            "an arm is made of several values. The sample-ratio check is of the arms as wholes: the \
             shares of the values within an arm were not checked. Ask for each value on its own to have \
             its share checked."
        }
        "low_match" => {
            "fewer than one person in 200 was found among the outcomes. If that is not how rare they \
             are, the two sides have made their match keys differently."
        }
        "arm_withheld" => {
            "an arm has fewer people than the contract's threshold (after noise), so nothing is \
             shown about it."
        }
        _ => return explain_of_outcome(flag),
    })
}

fn explain_of_outcome(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "too_few" => "fewer than two people in an arm, so that no error can be estimated.",
        "withheld" => "withheld, because an arm is below the contract's threshold (after noise).",
        "noise_dominates" => {
            "an arm's head count is less than four times its noise: it may be nothing but noise, so \
             nothing is estimated. A larger epsilon or more people would help."
        }
        "few_events" => {
            "an arm may have fewer than 20 events (or fewer than 20 people without one), so the estimate \
             rests on few people. P-value and interval know that; read them, not the estimate alone."
        }
        "few_payers" => {
            "so few people make up an arm's total that neither a p-value nor an interval of it can be \
             relied on, and none is shown. Ask for the share of people with any, or for a lower cap."
        }
        "variance_floored" => {
            "noise made the variance of an arm negative and zero was taken; the interval may be too \
             narrow by a tenth or more. A larger epsilon or a smaller cap would help."
        }
        "control_near_zero" => {
            "the control arm's mean is not above zero by more than its error, so there is no relative \
             lift. The difference in means stands."
        }
        "control_barely_above_zero" => {
            "the control arm's mean is less than four standard errors above zero. Where it is so near, \
             fewer of the relative intervals that are shown hold than is said; the difference in means \
             is not touched by that."
        }
        "degenerate" => "the figures have no spread, so that no interval can be computed.",
        "cost_unbounded" => {
            "the effect cannot be told from zero, so the cost of an additional one has no bounded \
             interval."
        }
        _ => return None,
    })
}
