//! A chosen place as people read it.

use crate::{
    page::{
        Block, Page, Section, Statement, Text, Topic, explain, notes as noted,
        number::{level, whole},
    },
    result::ChoiceResult,
};

pub(super) fn page(result: &ChoiceResult) -> Page {
    let title = match result.answer.quantile {
        Some(share) => format!("The edge below which {} of people are", level(share)),
        None => "Which group has the most people?".to_owned(),
    };
    let offered = Text::names(&result.answer.offered, ", ");
    let offered = Text::fixed("Offered: ").with(offered).and(".");
    let offered =
        Section::new(Topic::Asked, "What was asked".into()).with(Block::Paragraph(offered));
    let limits =
        Section::new(Topic::Limits, "What this does not say".into()).with(Block::List(vec![
        "Nothing about any one person: one place was chosen, under noise.".into(),
        "Whether another place that was offered would do as well, or whether the data are right."
            .into(),
    ]));
    Page {
        title: Text::fixed(title),
        subtitle: Text::fixed("Counted: ").quote(&result.answer.counted).and("."),
        answer: vec![Statement::whole(answer(result))],
        sections: [offered].into_iter().chain(noted(notes(result))).chain([limits]).collect(),
        ..Page::default()
    }
}

/// The answer in a sentence or two.
fn answer(result: &ChoiceResult) -> Text {
    let chosen = &result.answer.chosen;
    match result.answer.quantile {
        // If the last edge is chosen, far fewer people may lie below it.
        Some(share) if result.answer.offered.last() == Some(chosen) => Text::fixed(format!(
            "No edge that was offered is known to have {} of people below it; the largest, ",
            level(share)
        ))
        .quote(chosen)
        .and(", was chosen (")
        .quote(&result.answer.of)
        .and(")."),
        Some(share) => Text::fixed(format!("About {} of people are below ", level(share)))
            .quote(chosen)
            .and(" (")
            .quote(&result.answer.of)
            .and("). A cap of ")
            .quote(chosen)
            .and(format!(" would clip about {}.", level(1.0 - share))),
        None => Text::quoted(chosen)
            .and(format!(" has the most people of the {} groups of ", result.answer.offered.len()))
            .quote(&result.answer.of)
            .and("."),
    }
}

/// Notes that a reader needs, in sentences.
fn notes(result: &ChoiceResult) -> Vec<Text> {
    let mut notes = match result.answer.quantile {
        Some(share) => of_quantile(result, &level(share)),
        None => of_fullest(result),
    };
    notes.push("this answer has no head counts; a table of the same people has them.".into());
    notes.extend(result.flags.iter().map(|flag| explain(flag, |_| None)));
    notes
}

fn of_quantile(result: &ChoiceResult, share: &str) -> Vec<Text> {
    let at =
        result.answer.offered.iter().position(|edge| *edge == result.answer.chosen).unwrap_or(0);
    let edge = |at: Option<usize>| at.and_then(|at| result.answer.offered.get(at));
    let beside = match (edge(at.checked_sub(1)), edge(at.checked_add(1))) {
        (Some(below), Some(above)) => Text::fixed(format!(
            "{} edges were offered; those beside it are ",
            result.answer.offered.len()
        ))
        .quote(below)
        .and(" and ")
        .quote(above)
        .and(format!(
            ". Noise aside, none has a share of people below it that is nearer to {share}."
        )),
        (Some(_), None) => Text::fixed(format!(
            "it is the last edge that was offered: far fewer than {share} may be below it. Larger edges \
             would tell."
        )),
        _ => Text::fixed(format!(
            "it is the first edge that was offered: far more than {share} may be below it. Smaller edges \
             would tell."
        )),
    };
    let mut notes = vec![beside];
    if let Some(off) = off(result) {
        notes.push(Text::fixed(format!(
            "noise may have let a worse edge win: with 95 % probability, no other edge that was offered comes nearer to \
             {share} by more than {off} people."
        )));
    }
    notes.push("people with nothing to add up count as 0, below every edge.".into());
    notes
}

fn of_fullest(result: &ChoiceResult) -> Vec<Text> {
    let off = off(result);
    let off = off.map(|off| {
        Text::fixed(format!(
            "With 95 % probability, no other group has more than {off} people more than this one."
        ))
    });
    off.into_iter().chain(["people without a value are in none of the groups.".into()]).collect()
}

/// By how many people the choice may be off, rounded up; `None` if no noise was added.
fn off(result: &ChoiceResult) -> Option<String> {
    #[expect(clippy::as_conversions, clippy::cast_possible_truncation, reason = "shown to people")]
    let people = result.answer.people_off.ceil() as i64;
    result.noise.then(|| whole(people))
}

#[cfg(test)]
mod tests {
    use super::super::sample::{fullest, quantile};
    use super::*;

    #[test]
    fn a_quantile_is_said_as_the_cap_it_is_for() {
        assert_eq!(
            answer(&quantile()).raw(),
            "About 95 % of people are below 100.00 (sales.spend of each person). A cap of 100.00 would \
             clip about 5 %."
        );
        let notes: Vec<_> = notes(&quantile()).iter().map(Text::raw).collect();
        assert_eq!(
            notes[0],
            "5 edges were offered; those beside it are 50.00 and 200.00. Noise aside, none has a share of \
             people below it that is nearer to 95 %."
        );
        assert!(notes[1].ends_with("comes nearer to 95 % by more than 63 people."), "{}", notes[1]);
    }

    #[test]
    fn an_edge_at_the_end_may_be_far_off() {
        let chosen = |edge: &str| {
            let chosen = edge.to_owned();
            let mut result = quantile();
            result.answer.chosen = chosen;
            notes(&result).swap_remove(0).raw()
        };
        let mut last = quantile();
        "500.00".clone_into(&mut last.answer.chosen);
        assert_eq!(
            answer(&last).raw(),
            "No edge that was offered is known to have 95 % of people below it; the largest, 500.00, was chosen \
             (sales.spend of each person)."
        );
        assert!(chosen("500.00").contains("far fewer than 95 % may be below it. Larger edges"));
        assert!(chosen("10.00").contains("far more than 95 % may be below it. Smaller edges"));
    }

    #[test]
    fn the_fullest_group_is_named_with_how_far_others_may_be_ahead() {
        assert_eq!(
            answer(&fullest()).raw(),
            "mens has the most people of the 3 groups of exposures.arm."
        );
        assert!(notes(&fullest())[0].raw().contains("more than 22 people more"));
        let mut exact = fullest();
        exact.noise = false;
        exact.answer.people_off = 0.0;
        assert!(notes(&exact).iter().all(|note| !note.raw().contains("95 % probability")));
    }
}
