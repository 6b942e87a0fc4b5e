//! The worked example of the page of documentation, with figures made by hand.

use super::AttributionAnswer;
use crate::{
    analysis::{Analysis, Question, Scope, lift, samples, toml::question_from_toml},
    policy,
    released::{Cell, Figures, Place, Released, Totals},
    result::JobResult,
};

/// To which channels October's purchases are credited.
///
/// # Panics
///
/// If the example does not fit its contract, which tests would see.
#[must_use]
pub fn result() -> JobResult<AttributionAnswer> {
    let contract = samples::contract(include_str!("sample/contract.toml"));
    let (name, question) =
        question_from_toml(include_str!("sample/job.toml"), &contract).expect("a job");
    let scope = Scope::of(&contract, &name).expect("an analysis");
    let proven = policy::price(&contract, &name, &question).expect("a price");
    let Question::Attribution(asked) = &question else { unreachable!("another kind") };
    let (answer, flags) = asked.estimate(&released(), &proven, &scope).expect("figures");
    let mut result = lift::sample::result().map(|_| answer);
    result.analysis = name;
    result.flags = flags;
    "agency".clone_into(&mut result.asked_by);
    "autumn".clone_into(&mut result.contract_name);
    result
}

fn released() -> Released {
    let cell = |place, people, purchases, revenue| Cell {
        name: vec![Place::Index(place)],
        totals: Totals { people, sums: vec![purchases, revenue], products: Vec::new() },
    };
    Released::Figures(Figures {
        contrasts: Vec::new(),
        spread: Vec::new(),
        noise: true,
        cells: vec![
            cell(0, 2_210, 2_704, 9_120_400),
            cell(1, 1_733, 2_011, 6_480_120),
            cell(2, 1_104, 1_240, 4_003_310),
            cell(4, 3_950, 5_120, 17_220_900),
            cell(5, 21_480, 3, -210),
        ],
        cut: 0,
        other: None,
        withheld: 1,
        withheld_without_value: Some(0),
        no_consent: Some(412),
    })
}
