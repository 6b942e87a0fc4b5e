//! The worked example of the page of documentation, with figures made by hand.

use super::{Outcomes, OutcomesAnswer};
use crate::{
    analysis::{Analysis, Question, Scope, lift, samples, toml::question_from_toml},
    policy,
    released::{Cell, Figures, Place, Released, Totals},
    result::JobResult,
};

/// New members' purchases within thirty days, by plan and for all.
///
/// # Panics
///
/// If the example does not fit its contract, which tests would see.
#[must_use]
pub fn result() -> JobResult<OutcomesAnswer> {
    let contract = samples::contract(include_str!("sample/contract.toml"));
    let (name, question) =
        question_from_toml(include_str!("sample/job.toml"), &contract).expect("a job");
    let scope = Scope::of(&contract, &name).expect("an analysis");
    let proven = policy::price(&contract, &name, &question).expect("a price");
    let Question::Outcomes(asked) = &question else { unreachable!("another kind") };
    let (answer, flags) = asked.estimate(&released(), &proven, &scope).expect("figures");
    let mut result = lift::sample::result().map(|_| answer);
    result.analysis = name;
    result.flags = flags;
    "shop".clone_into(&mut result.asked_by);
    "members".clone_into(&mut result.contract_name);
    debug_assert_eq!(<Outcomes as Analysis>::KIND, "outcomes");
    result
}

fn released() -> Released {
    let cell = |started, plan, people, found, spend, squares| Cell {
        name: vec![Place::Index(started), Place::Index(plan)],
        totals: Totals { people, sums: vec![found, spend], products: vec![squares] },
    };
    Released::Figures(Figures {
        contrasts: Vec::new(),
        spread: Vec::new(),
        noise: true,
        cells: vec![
            cell(0, 0, 612, 160, 1_012_300, 4_012_300_000),
            cell(1, 0, 4_210, 842, 3_512_345, 29_012_345_678),
            cell(1, 1, 2_377, 713, 4_120_099, 41_555_012_345),
            cell(1, 2, 402, 201, 1_790_015, 19_100_456_789),
            cell(2, 0, 890, 77, 310_000, 2_010_000_000),
            cell(2, 1, 455, 60, 301_000, 1_900_000_000),
        ],
        cut: 0,
        other: None,
        withheld: 14,
        withheld_without_value: Some(11),
        no_consent: Some(212),
    })
}
