//! A chosen place for programs.

use super::answer::ChoiceAnswer;
use crate::answers::citation::{Citation, Unit};

pub(super) fn citations(answer: &ChoiceAnswer) -> Vec<Citation> {
    // An edge is a number of its amount; a group is a name.
    let edge = answer.quantile.and_then(|_| answer.chosen.parse().ok());
    let (metric, unit) = match answer.quantile {
        Some(_) => ("chosen_edge", Unit::AmountPerPerson),
        None => ("chosen_group", Unit::One),
    };
    let of = |figure: Citation| {
        let figure = figure.of(&answer.of, &answer.chosen);
        let share = answer.quantile.map(|share| share.to_string());
        share.into_iter().fold(figure, |figure, share| figure.of("quantile", share))
    };
    let off = of(Citation::people("people_off_the_best")).value(None);
    let off = off.noisy_within([0.0, answer.people_off], LEVEL);
    vec![of(Citation::new(metric, unit)).value(edge), off]
}

/// How often the chosen place is no further from the best one than the answer says.
const LEVEL: f64 = 0.95;
