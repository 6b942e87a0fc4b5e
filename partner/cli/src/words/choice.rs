//! A chosen place as people read it.

use super::{explain, level, whole};
use crate::say;
use protocol::result::ChoiceResult;

/// The answer, in a sentence or two.
pub(crate) fn answer(result: &ChoiceResult) -> String {
    let chosen = say::name(&result.answer.chosen);
    match result.answer.quantile {
        Some(share) => format!(
            "About {} of people are below {chosen} ({}). A cap of {chosen} would clip about {}.",
            level(share),
            say::name(&result.answer.of),
            level(1.0 - share)
        ),
        None => format!(
            "{chosen} has the most people of the {} groups of {}.",
            result.answer.offered.len(),
            say::name(&result.answer.of)
        ),
    }
}

/// What has to be known to read it, in sentences.
pub(crate) fn notes(result: &ChoiceResult) -> Vec<String> {
    let mut notes = match result.answer.quantile {
        Some(share) => of_quantile(result, &level(share)),
        None => of_fullest(result),
    };
    notes.push("no head count is in this answer; a table of the same has them.".to_owned());
    notes.extend(result.flags.iter().map(|flag| explain(flag)));
    notes
}

fn of_quantile(result: &ChoiceResult, share: &str) -> Vec<String> {
    let at =
        result.answer.offered.iter().position(|edge| *edge == result.answer.chosen).unwrap_or(0);
    let edge = |at: Option<usize>| at.and_then(|at| result.answer.offered.get(at)).map(say::name);
    let beside = match (edge(at.checked_sub(1)), edge(at.checked_add(1))) {
        (Some(below), Some(above)) => format!(
            "{} edges were offered; those beside it are {below} and {above}. Noise aside, none has a share \
             of people below it that is nearer to {share}.",
            result.answer.offered.len()
        ),
        (Some(_), None) => format!(
            "it is the last edge that was offered: far fewer than {share} may be below it. Larger edges \
             would tell."
        ),
        _ => format!(
            "it is the first edge that was offered: far more than {share} may be below it. Smaller edges \
             would tell."
        ),
    };
    let mut notes = vec![beside];
    if let Some(off) = off(result) {
        notes.push(format!(
            "With 95 % probability, the number of people below it is no more than {off} further from {share} than \
             that of the best edge offered."
        ));
    }
    notes.push("people with nothing to add up count as 0, below every edge.".to_owned());
    notes
}

fn of_fullest(result: &ChoiceResult) -> Vec<String> {
    let off = off(result);
    let off = off.map(|off| {
        format!(
            "With 95 % probability, no other group has more than {off} people more than this one."
        )
    });
    let nobody = "people without a value are in none of the groups.".to_owned();
    off.into_iter().chain([nobody]).collect()
}

/// Rounded up; none where no noise had a part in it.
fn off(result: &ChoiceResult) -> Option<String> {
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "shown to people")]
    let people = result.answer.people_off.ceil() as i64;
    result.noise.then(|| whole(people))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::choice::{fullest, quantile};

    #[test]
    fn a_quantile_is_said_as_the_cap_it_is_for() {
        assert_eq!(
            answer(&quantile()),
            "About 95 % of people are below 100.00 (sales.spend of each person). A cap of 100.00 would \
             clip about 5 %."
        );
        let notes = notes(&quantile());
        assert_eq!(
            notes[0],
            "5 edges were offered; those beside it are 50.00 and 200.00. Noise aside, none has a share of \
             people below it that is nearer to 95 %."
        );
        assert!(notes[1].contains("no more than 63 further from 95 %"), "{}", notes[1]);
    }

    #[test]
    fn an_edge_at_the_end_may_be_far_off() {
        let chosen = |edge: &str| {
            let chosen = edge.to_owned();
            let mut result = quantile();
            result.answer.chosen = chosen;
            notes(&result).swap_remove(0)
        };
        assert!(chosen("500.00").contains("far fewer than 95 % may be below it. Larger edges"));
        assert!(chosen("10.00").contains("far more than 95 % may be below it. Smaller edges"));
    }

    #[test]
    fn the_fullest_group_is_named_with_how_far_others_may_be_ahead() {
        assert_eq!(
            answer(&fullest()),
            "mens has the most people of the 3 groups of exposures.arm."
        );
        assert!(notes(&fullest())[0].contains("more than 22 people more"));
        let mut exact = fullest();
        exact.noise = false;
        exact.answer.people_off = 0.0;
        assert!(notes(&exact).iter().all(|note| !note.contains("95 % probability")));
    }
}
