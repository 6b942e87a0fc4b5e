//! The notes on the page of a geo experiment.

use super::{GeoResult, frequency::CELLS_LEFT_OUT};
use crate::page::{Text, explain, number::whole};

pub(super) fn notes(result: &GeoResult) -> Vec<Text> {
    let answer = &result.answer;
    // Doubts stand above the answer already.
    let told = result.flags.iter().filter(|flag| doubt(flag).is_none());
    let mut notes: Vec<_> = told.map(|flag| explain(flag, own)).collect();
    if !answer.withheld.is_empty() {
        let from = whole(answer.shown_from);
        notes.push(
            Text::fixed(format!("not in any estimate, since fewer than {from} people, after noise, are there in some period: "))
                .with(Text::names(&answer.withheld, ", "))
                .and(". Longer periods have more people."),
        );
    }
    if answer.cells.len() > 1 {
        notes.push(
            "each cell is compared with the places in which no campaign ran, not with other cells."
                .into(),
        );
    }
    if result.noise {
        notes.push(
            "a person counts in few places and periods, and what comes beyond is left out by chance, before and during the \
             test alike. If the campaign makes people come more often, some of that is left out: the effect is then larger than \
             shown."
                .into(),
        );
    }
    notes
}

/// The reason to doubt an estimate that a flag gives, if it gives one.
pub(super) fn doubt(flag: &str) -> Option<&'static str> {
    Some(match flag {
        "poor_fit" => {
            "what is expected of the treated places misses what was there before the test, by more than a twentieth of its level \
             and half of the effect. What is called an effect may be what was different all along."
        }
        "drifts" => {
            "what the regression leaves over before the test goes on from one period to the next, or there are fewer than 30 periods \
             to tell: its interval may be too narrow and its p-value too small. Take the estimate for no more than a guess, and ask \
             for a synthetic control next time, before the figures are known."
        }
        "outside_interval" => {
            "the estimate lies outside of its own interval, which happens where the fit before is poor. Use neither."
        }
        "empty_interval" => {
            "no constant effect fits. The effect may have come and gone, or something else happened."
        }
        CELLS_LEFT_OUT => {
            "one person counts in so few places and periods that much of what people did is left out: totals, incremental amounts and \
             what they return are too small. Ask for more places and periods of a person, or for longer periods."
        }
        "moved_before" => {
            "the same test finds an effect at an earlier time, when there was no campaign. Something else moves these places."
        }
        _ => return None,
    })
}

/// The sentence of a flag that only this kind has.
fn own(flag: &str) -> Option<&'static str> {
    if let Some(reason) = doubt(flag) {
        return Some(reason);
    }
    Some(match flag {
        "treated_withheld" => {
            "a treated place has too few people in some period to be shown, and without it there is no estimate: what is left \
             would be another campaign\u{2019}s effect. Ask for longer periods, or for larger places."
        }
        "nothing_to_compare" => {
            "no place without a campaign is shown in every period, so that there is nothing to compare with. Ask for longer \
             periods, or for larger places."
        }
        "not_estimated" => {
            "the method that was asked for has no estimate here: a regression needs other places whose total changes before \
             the test, and trimmed match needs pairs whose costs differ."
        }
        "too_few_periods" => {
            "the interval has no end, or none on a side: no p-value is below one over the number of periods, and a ridge that follows \
             the places closely rejects no effect. Ask for a lower confidence, for fewer cells at once, or for more periods before."
        }
        "one_treated_place" => {
            "with one treated place, difference in differences cannot tell chance from what is particular to that place, and \
             has no interval."
        }
        "others_withheld" => {
            "some of the other places have too few people in some period to be shown, and are not compared with."
        }
        "more_places_than_periods" => {
            "there are as many other places as periods before, or more, so that some mean of them fits by accident. More periods \
             before, or fewer places that are known to be alike, make the fit worth more."
        }
        "noise_dominates" => {
            "half or more of what the fit leaves over before is the noise that protects people: the interval is as wide as that \
             makes it. Longer periods, fewer cells of one person, a lower cap or a larger epsilon make it narrower."
        }
        "nothing_without" => {
            "what there would have been without the effect is not above 0 throughout its interval, so that there is no lift in percent."
        }
        "less_than_nothing" => {
            "a lift, or an end of its interval, was below -100 % and is shown as -100 %: this amount cannot be negative, so that nothing \
             can be less than none of it. Noise put it there; the incremental total stands as it was estimated."
        }
        "no_cost" => "a cost of 0 has no return for each unit of it.",
        _ => return None,
    })
}
