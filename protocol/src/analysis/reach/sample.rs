//! The worked example of the page of documentation, with figures made by hand, and the same for other shapes.

use super::ReachAnswer;
use crate::{
    analysis::{Analysis, Question, Scope, lift, samples, toml::question_from_toml},
    policy,
    released::{Cell, Figures, Place, Released, Totals},
    result::JobResult,
};

/// How many people saw a campaign how often, on two media.
#[must_use]
pub fn by_frequency() -> JobResult<ReachAnswer> {
    let people = [7_210, 3_904, 1_618, 702, 911];
    let cells = (0..).zip(people).map(|(at, people)| cell(&[1, at], people, &[people]));
    let without = cell(&[0, 0], 312, &[312]);
    result(JOB, [vec![without], cells.collect()].concat())
}

/// How many people each of both media reached, and how many it alone.
#[must_use]
pub fn by_dataset() -> JobResult<ReachAnswer> {
    let job = JOB.replace("\"frequency\"", "\"dataset\"");
    let cells = vec![
        cell(&[0], 6_101, &[11_220, 0]),
        cell(&[1], 4_400, &[0, 7_130]),
        cell(&[2], 3_844, &[9_711, 6_402]),
        cell(&[4], 312, &[0, 401]),
    ];
    result(&job, cells)
}

/// How many people each creative reached.
#[must_use]
pub fn by_creative() -> JobResult<ReachAnswer> {
    let (job, _) = JOB.split_once("[[reach.where]]").unwrap_or_default();
    let job = job.replace("\"frequency\"", "\"video.creative\"\ndatasets = [\"video\"]");
    let privacy = "[reach.privacy]\nepsilon = 2\ndelta = 1e-6\n";
    let cells = vec![cell(&[0], 4_212, &[7_010]), cell(&[1], 7_944, &[13_900])];
    result(&format!("{job}{privacy}"), cells)
}

fn cell(name: &[u32], people: i64, sums: &[i64]) -> Cell {
    let name = name.iter().map(|at| Place::Index(*at)).collect();
    Cell { name, totals: Totals { people, sums: sums.to_vec(), products: Vec::new() } }
}

/// # Panics
///
/// If `job` is none of its contract, which tests would see.
fn result(job: &str, cells: Vec<Cell>) -> JobResult<ReachAnswer> {
    let contract = samples::contract(include_str!("sample/contract.toml"));
    let (name, question) = question_from_toml(job, &contract).expect("a job");
    let scope = Scope::of(&contract, &name).expect("an analysis");
    let proven = policy::price(&contract, &name, &question).expect("a price");
    let Question::Reach(asked) = &question else { unreachable!("another kind") };
    let all = proven.tally().public_cells().unwrap_or(1) - 1;
    let shown = u64::try_from(cells.len()).unwrap_or(0);
    let released = Released::Figures(Figures {
        contrasts: Vec::new(),
        spread: Vec::new(),
        noise: true,
        withheld: i64::try_from(all.saturating_sub(shown)).unwrap_or(0),
        cells,
        cut: 0,
        other: None,
        withheld_without_value: Some(0),
        no_consent: Some(212),
    });
    let (answer, flags) = asked.estimate(&released, &proven, &scope).expect("figures");
    let mut result = lift::sample::result().map(|_| answer);
    result.analysis = name;
    result.flags = flags;
    "advertiser".clone_into(&mut result.asked_by);
    "campaign".clone_into(&mut result.contract_name);
    result
}

const JOB: &str = include_str!("sample/job.toml");
