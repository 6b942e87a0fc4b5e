//! The worked example of the page of documentation, with figures made by hand.

use super::{Geo, GeoAnswer};
use crate::{
    analysis::{Analysis, Question, Scope, lift, samples, toml::question_from_toml},
    policy,
    released::{Cell, Figures, Place, Released, Totals},
    result::JobResult,
};

/// Radio in the north for three weeks, with one place that has too few people.
///
/// # Panics
///
/// If the example does not fit its contract, which tests would see.
#[must_use]
pub fn result() -> JobResult<GeoAnswer> {
    let contract = samples::contract(include_str!("sample/contract.toml"));
    let (name, question) =
        question_from_toml(include_str!("sample/job.toml"), &contract).expect("a job");
    let scope = Scope::of(&contract, &name).expect("an analysis");
    let proven = policy::price(&contract, &name, &question).expect("a price");
    let Question::Geo(asked) = &question else { unreachable!("another kind") };
    let (answer, flags) = asked.estimate(&released(), &proven, &scope).expect("figures");
    let mut result = lift::sample::result().map(|_| answer);
    result.analysis = name;
    result.flags = flags;
    "agency".clone_into(&mut result.asked_by);
    "regions".clone_into(&mut result.contract_name);
    debug_assert_eq!(<Geo as Analysis>::KIND, "geo");
    result
}

/// Five places over twelve weeks, in cents: the north has about a fifth more in the last four.
fn released() -> Released {
    let level = [268_000, 221_000, 233_000, 228_000, 249_000];
    // The coast has its season when the rest has none.
    let coast = [70, 80, 100, 125, 140, 120, 95, 75, 80, 100, 120, 130];
    let inland = [125, 120, 100, 85, 75, 80, 105, 120, 115, 100, 85, 80];
    let share = [90, 0, 10, 55, 100];
    let apart = [3, -2, 4, -5, 1, 2, -3, 5, -1, 2, -4, 3, -2];
    let mut cells = Vec::new();
    for ((place, level), share) in (0_u32..).zip(level).zip(share) {
        for ((week, coast), inland) in (1_u32..).zip(coast).zip(inland) {
            let season = (share * coast + (100 - share) * inland) / 100;
            let turn = usize::try_from(place * 5 + week * 3).expect("small") % apart.len();
            let apart = apart.get(turn).copied().unwrap_or(0);
            let lift = if place == 0 && week > 8 { 20 } else { 0 };
            let total = level * season / 100 * (100 + lift) / 100 + apart * 1_500;
            cells.push(Cell {
                name: vec![Place::Index(place), Place::Index(week)],
                totals: Totals { people: total / 2_400, sums: vec![total], products: Vec::new() },
            });
        }
    }
    Released::Figures(Figures {
        contrasts: Vec::new(),
        spread: vec![1_130, 240, 16, -9, 4, 2],
        noise: true,
        cells,
        cut: 0,
        other: None,
        withheld: 38,
        withheld_without_value: Some(20),
        no_consent: Some(97),
    })
}
