//! `glovebox contract lint`: what a valid contract says for nothing, or says too weakly.

use crate::{document, failure::Failure, files::Paper, say};
use protocol::{
    analysis::uses::Reading,
    contract::{ColumnRef, Contract, Role, RoleKind, Terms},
    loss::{Epsilon, Rho},
    page::{
        danger,
        number::{size, whole},
    },
};
use std::{path::PathBuf, process::ExitCode};

/// Look for what a contract says for nothing or too weakly: unused columns and budgets, low floors, consent of outcomes only
///
/// A contract that it finds fault with is valid, and may be meant so. Exit code: 0 nothing found, 1 something found, 2 not a contract.
#[derive(Debug, clap::Args)]
pub(crate) struct Lint {
    /// The contract, signed or not, with keys or without
    contract: PathBuf,
}

impl Lint {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let contract = Paper::read_or_fill(&self.contract).map_err(Failure::unanswered)?.contract;
        let found = findings(&contract);
        document::fields(&serde_json::json!({"findings": found}))?;
        found.iter().try_for_each(|finding| say::result(format_args!("- {finding}")))?;
        if found.is_empty() {
            say::note("Nothing was found.");
            return Ok(ExitCode::SUCCESS);
        }
        Ok(ExitCode::FAILURE)
    }
}

/// What there is to find, in sentences.
fn findings(contract: &Contract) -> Vec<String> {
    let mut found = Vec::new();
    for (name, dataset) in &contract.datasets {
        let used = contract.used_columns(name);
        let idle = dataset.sealed_columns().filter(|column| {
            let kind = column.role.kind();
            let joins = matches!(kind, RoleKind::MatchKey | RoleKind::Consent);
            !joins && !used.iter().any(|other| other.name == column.name)
        });
        found.extend(idle.map(|column| {
            format!(
                "Dataset \"{name}\": no analysis reads \"{}\" ({}), and it is sealed and uploaded all the same. Give it the role \
                 \"never\", or list it.",
                column.name,
                column.role.kind()
            )
        }));
        found.extend(
            danger::several_identifiers(contract, name)
                .map(|why| format!("Dataset \"{name}\": {why}")),
        );
        found.extend(dataset.budgets.iter().filter_map(|(purpose, budget)| {
            idle_budget(contract, name, purpose, budget.selection_delta)
        }));
    }
    let unknown = contract.regions.iter().filter(|region| !REGIONS.contains(&region.as_str()));
    found.extend(unknown.map(|region| {
        format!(
            "Region \"{region}\": no region of AWS had this name when this program was made. If it is misspelt, no room there is ever \
             believed."
        )
    }));
    for (name, terms) in &contract.analyses {
        found.extend(danger::dangers(contract, name));
        found.extend(low_floor(contract, name, terms));
    }
    found
}

/// A budget that no job can use, or a part of one.
fn idle_budget(
    contract: &Contract,
    dataset: &str,
    purpose: &str,
    selection_delta: u64,
) -> Option<String> {
    let mut readers = contract
        .analyses
        .values()
        .filter(|terms| terms.purpose == purpose && terms.datasets().any(|read| read == dataset));
    let Some(first) = readers.next() else {
        return Some(format!(
            "Dataset \"{dataset}\": no analysis reads it for \"{purpose}\", so no job can use this budget."
        ));
    };
    let readers: Vec<_> = std::iter::once(first).chain(readers).collect();
    let names_labels = readers.iter().any(|terms| lists_labels(contract, terms));
    // What dense models lose is capped, which costs of it.
    let trains = readers.iter().any(|terms| terms.section().reads(Reading::Label));
    match (names_labels || trains && selection_delta > 0, selection_delta) {
        (true, 0) => Some(format!(
            "Dataset \"{dataset}\": an analysis for \"{purpose}\" lists labels, whose values are private, and the budget has no \
             selection_delta: every job that groups by one is refused."
        )),
        (false, 1..) => Some(format!(
            "Dataset \"{dataset}\": no analysis for \"{purpose}\" lists a label or trains, so no job can use the budget's selection_delta."
        )),
        _ => None,
    }
}

fn listed(terms: &Terms) -> impl Iterator<Item = &ColumnRef> {
    terms.section().uses.iter().flat_map(|used| terms.columns(used))
}

fn lists_labels(contract: &Contract, terms: &Terms) -> bool {
    let mut roles = listed(terms).filter_map(|named| contract.column(named));
    roles.any(|column| matches!(column.role, Role::Label))
}

/// A floor that noise alone reaches in an empty cell, if a quarter of a period's budget pays for head counts and nothing else: no
/// job of this price has less noise. Groups are protected from that by a threshold of their own; arms are not.
fn low_floor(contract: &Contract, name: &str, terms: &Terms) -> Option<String> {
    let budgets = terms
        .datasets()
        .filter_map(|dataset| contract.datasets.get(dataset)?.budgets.get(&terms.purpose));
    let least = budgets.min_by(|one, other| one.epsilon.cmp(&other.epsilon))?;
    let epsilon = Epsilon::new(least.epsilon.value() / JOBS).ok()?;
    let rho = Rho::from_epsilon(epsilon, least.delta).value();
    let per_person = f64::from(contract.ids_per_person) * f64::from(terms.cells_per_person).sqrt();
    let sd = per_person / (2.0 * rho).sqrt();
    // P(noise > z sd) is at most exp(-z²/2), in each of the cells.
    let cells = cells(contract, terms);
    let needed = sd * (2.0 * (cells * ODDS).ln()).sqrt();
    let floor = f64::from(contract.min_cell);
    (floor < needed).then(|| {
        format!(
            "Analysis \"{name}\": at epsilon {} (a quarter of a period's) a head count has noise of at least {} people (standard \
             deviation), which in one of {} empty cells reaches {} people once in a hundred answers. A floor of {} is lower: groups \
             are shown from a higher count on anyway, and an arm with nobody in it may be shown. Set min_cell to {3} or more.",
            epsilon.value(),
            size(sd),
            whole_up(cells),
            whole_up(needed),
            contract.min_cell,
        )
    })
}

/// How many cells one job may ask for: the places of all public lists together, twice where people are matched.
fn cells(contract: &Contract, terms: &Terms) -> f64 {
    let places = listed(terms).filter_map(|named| match &contract.column(named)?.role {
        Role::Group(values) => u32::try_from(values.len()).ok().map(f64::from),
        _ => None,
    });
    let joined = terms.datasets().any(|dataset| terms.joins(dataset));
    places.product::<f64>().max(1.0) * if joined { 2.0 } else { 1.0 }
}

fn whole_up(number: f64) -> String {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "a floor of people, far below 2^53"
    )]
    let people = number.ceil() as i64;
    whole(people)
}

/// Among how many jobs a period's budget is divided.
const JOBS: f64 = 4.0;
/// Noise alone shows an empty cell in one answer of so many.
const ODDS: f64 = 100.0;
/// The regions of AWS's partition `aws`, whose root is built in.
const REGIONS: [&str; 34] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];
