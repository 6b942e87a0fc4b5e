//! Chosen places, for tests of what is shown.

use crate::{
    analysis::lift,
    result::{ChoiceAnswer, ChoiceResult, PERMUTE_AND_FLIP},
};

/// The 95 % point of spend.
#[must_use]
pub fn quantile() -> ChoiceResult {
    choice(
        "sales.spend of each person",
        Some(0.95),
        &["10.00", "50.00", "100.00", "200.00", "500.00"],
        "100.00",
    )
}

/// The arm with the most people.
#[must_use]
pub fn fullest() -> ChoiceResult {
    let mut fullest = choice("exposures.arm", None, &["mens", "womens", "none"], "mens");
    fullest.answer.people_off = 21.9;
    fullest
}

fn choice(of: &str, quantile: Option<f64>, offered: &[&str], chosen: &str) -> ChoiceResult {
    let mut result = lift::sample::result().map(|_| ChoiceAnswer {
        counted: "people of exposures, joined with sales".to_owned(),
        of: of.to_owned(),
        quantile,
        offered: offered.iter().map(|&place| place.to_owned()).collect(),
        chosen: chosen.to_owned(),
        people_off: 62.7,
    });
    "reach".clone_into(&mut result.analysis);
    PERMUTE_AND_FLIP.clone_into(&mut result.privacy.mechanism);
    result
}
