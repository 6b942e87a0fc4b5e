//! What can mislead in a comparison of arms.

use super::{part_name, people::failing};
use crate::{
    page::{Text, explain, number},
    result::{LiftResult, OutcomeResult},
};

/// Flags that say that an effect may come from the design and not from the campaign.
const BROKEN: [&str; 7] = [
    "srm_failed",
    SEGMENT_SRM_FAILED,
    "match_differs",
    "consent_with_outcome",
    "consent_differs",
    "contaminated",
    "match_keys_unused",
];

/// The reasons why the effects of a result may not be the campaign's. Empty if nothing speaks
/// against the design.
pub(super) fn broken(result: &LiftResult) -> Vec<Text> {
    let raised = result.flags.iter().filter(|flag| BROKEN.contains(&flag.as_str()));
    raised.map(|flag| said(result, flag).capital()).collect()
}

/// Whether an outcome is of a segment whose arms do not have the planned sizes.
pub(super) fn is_of_broken_segment(outcome: &OutcomeResult) -> bool {
    outcome.flags.iter().any(|flag| flag == SEGMENT_SRM_FAILED)
}

/// Every flag of a result, each with the sentence that explains it.
pub(super) fn all(result: &LiftResult) -> Vec<Text> {
    let whole = result.flags.iter().map(|flag| said(result, flag));
    let each = result.answer.outcomes.iter().flat_map(|outcome| {
        let explained = outcome.flags.iter().map(|flag| said(result, flag));
        explained.map(|text| Text::quoted(&outcome.name).and(": ").with(text))
    });
    whole.chain(each).chain(of_parts(result)).collect()
}

/// The flags of parts: each with the parts that raise it.
fn of_parts(result: &LiftResult) -> Vec<Text> {
    let Some(breakdown) = &result.answer.breakdown else { return Vec::new() };
    let mut raised: Vec<((&str, &str), Text)> = Vec::new();
    for part in &breakdown.parts {
        for outcome in &part.outcomes {
            // Told once, of all segments.
            for flag in outcome.flags.iter().filter(|flag| *flag != SEGMENT_SRM_FAILED) {
                let key = (outcome.name.as_str(), flag.as_str());
                match raised.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, names)) => {
                        *names = std::mem::take(names).and(", ").with(part_name(part));
                    }
                    None => raised.push((key, part_name(part))),
                }
            }
        }
    }
    let said = |((outcome, flag), names): ((&str, &str), Text)| {
        Text::quoted(outcome).and(" of ").with(names).and(": ").with(said(result, flag))
    };
    raised.into_iter().map(said).collect()
}

/// The sentence of a flag. Of an arm that is withheld it says which threshold was in force, the contract's or the job's.
fn said(result: &LiftResult, flag: &str) -> Text {
    let least = number::whole(i64::from(result.privacy.min_cell));
    let why = format!("an arm has fewer than {least} people, after noise");
    match flag {
        "arm_withheld" => Text::fixed(format!("{why}, so nothing is shown about it.")),
        "withheld" => Text::fixed(format!("withheld, because {why}.")),
        SEGMENT_SRM_FAILED => {
            Text::fixed("in ").with(failing(result)).and(": ").with(explain(flag, own))
        }
        other => explain(other, own),
    }
}

/// The sentence of a flag that only a comparison of arms has.
fn own(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "srm_failed" => {
            "the arms do not have the sizes that the design expects: something besides chance \
             decided who is in which arm, or who was left out. Do not use the estimates before the \
             cause is known."
        }
        SEGMENT_SRM_FAILED => {
            "the arms of a segment do not have the sizes that the design expects, which chance and noise do, in any segment, as rarely \
             as in the whole: something besides chance decided who is in which arm there, even if all segments together are \
             balanced. Do not use the effects on it, find out how its people were assigned, and use the effect on everybody only \
             once you know that the others were assigned by chance."
        }
        "match_differs" => {
            "the arms were found among the outcomes at different rates, which chance and noise do in \
             one sound job of a thousand. If the outcome file lists only who did something, this may be \
             the effect itself. If it lists everybody, identifiers of one arm are worse (older, or of \
             another source), whoever is not found counts with zero, and the effect is not real: do not \
             use it, and have both lists made from the same source."
        }
        "consent_differs" => {
            "of the people of both arms who were found among the outcomes, different shares refuse there, which chance and noise do in one \
             sound job of a thousand. What refusers did counts as nothing, so part of the effect, or all of it, is who agreed. Ask \
             for consent before people are assigned, and of everybody alike."
        }
        "contaminated" => {
            "as many people as more than 1 % of the smaller arm were in several arms (in both, or in one and in \
             another or none) and are left out with all that they did. If they are the active ones of a small \
             arm, that alone makes an effect. Find out why people were assigned twice, and keep the first \
             assignment."
        }
        "contamination_hidden" => {
            "whether as many people as 1 % of the smaller arm were in several arms cannot be told: the noise \
             hides so few. Of a small arm they decide the effect. Let the owner of the assignment count them \
             before it is sealed."
        }
        "without_arm" => {
            "as many people as more than 1 % of the smaller arm have no arm and are left out. If that \
             depends on the arm, the effect is wrong: let its owner fill the arm in."
        }
        "arms_pooled" => {
            "an arm is made of several values. The sample-ratio check is of the arms as wholes: the \
             shares of the values within an arm were not checked. Ask for each value on its own to have \
             its share checked."
        }
        "part_withheld" => {
            "segments or creatives with too few people in an arm are withheld. They count among everybody only where all that are \
             withheld are together enough people in both arms."
        }
        "rest_left_out" => {
            "of one arm alone there are enough people to be counted in no segment that is shown (with no value, with several, or in a \
             segment that is withheld), and they are left out of all figures. If the segment is known of one arm only, it was not known \
             before people were assigned: do not use the effects by segment."
        }
        "low_match" => {
            "fewer than one person in 200 was found among the outcomes. If that is not how rare they \
             are, the two sides have made their match keys differently."
        }
        _ => return of_outcome(flag),
    })
}

/// The sentence of a flag that an outcome raises.
fn of_outcome(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "too_few" => "fewer than two people in an arm, so that no error can be estimated.",
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
        "less_than_nothing" => {
            "the relative lift, or an end of its interval, was below -100 % and is shown as -100 %: this outcome cannot be negative, so \
             that nothing can be less than none of it. Noise, or few people, put it there; the difference in means stands as it was \
             released."
        }
        "degenerate" => "the figures have no spread, so that no interval can be computed.",
        "first_stage_weak" => {
            "the share of people who were reached is not larger in the test arm than in the control arm by four of its standard errors, so there is \
             no effect on the reached: it would be a division by what may be nothing. The change for everybody stands. Look whether \
             the column says who really was reached."
        }
        "covariate_unused" => {
            "the covariate would not make the interval clearly shorter, after noise, so the adjusted change is the plain one. More people, a larger \
             epsilon, more of the loss for squares, a lower cap of the covariate, or one that tells more of the outcome would help."
        }
        "first_stage_barely_above_zero" => {
            "the share of people who were reached is larger in the test arm by less than eight of its standard errors. Where it is so \
             near zero, fewer of the intervals of the effect on the reached that are shown hold than is said; the change for everybody is not touched \
             by that."
        }
        "cost_unbounded" => {
            "the effect cannot be told from zero, so the cost of an additional one has no bounded \
             interval."
        }
        _ => return None,
    })
}

/// The flag of segments whose arms do not have the planned sizes.
const SEGMENT_SRM_FAILED: &str = "segment_srm_failed";
