//! `glovebox contract show`: a contract as sentences, and all that these say for programs.

use super::{
    facts::facts,
    sentences::{every, outline, role},
};
use crate::{document, failure::Failure, files::Paper, say};
use attestation_verifier::Region;
use client::clock;
use protocol::{
    contract::{Budget, Contract, Dataset, Role, Terms},
    loss::{Delta, Loss},
    page::danger,
    time::Time,
};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

/// Read a contract as sentences: who, which data, what may be asked, what a person can lose
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// The contract, signed or not
    file: PathBuf,
}

impl Show {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let paper = Paper::read_or_fill(&self.file)?;
        document::fields(&as_json(&paper, clock::now()))?;
        let page = outline(&paper, clock::now());
        say::result(page.printed().map_err(Failure::unclear)?.trim())?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What a contract says: its parts, with numbers and keys, and every fact in words.
fn as_json(paper: &Paper, now: Time) -> Value {
    let contract = &paper.contract;
    let parties = contract.parties.iter().map(|(name, party)| {
        json!({
            "name": name, "signed": paper.signers.contains(&party.root_key),
            "custody": party.custody.as_ref().map(ToString::to_string),
            "root_key": party.root_key.to_string(), "recipient_key": party.recipient_key.to_string(),
        })
    });
    let strangers = paper.signers.iter().filter(|key| contract.party_of(key).is_none());
    let facts = facts(contract);
    let facts = facts.iter().flat_map(|(part, facts)| {
        facts.iter().map(move |(what, words)| json!({"part": part, "what": what, "words": words}))
    });
    json!({
        "name": contract.name, "contract": contract.digest, "ends": contract.expires.to_string(),
        "ended": contract.expires <= now, "supersedes": contract.supersedes,
        "min_cell": contract.min_cell, "ids_per_person": contract.ids_per_person,
        "jobs_per_day": contract.jobs_per_day, "purposes": contract.purposes,
        "bucket_salt": contract.bucket_salt,
        "parties": parties.collect::<Vec<_>>(),
        "strangers": strangers.map(ToString::to_string).collect::<Vec<_>>(),
        "datasets": contract.datasets.iter().map(|(name, of)| dataset(contract, name, of)).collect::<Vec<_>>(),
        "analyses": contract.analyses.iter().map(|(name, of)| analysis(contract, name, of)).collect::<Vec<_>>(),
        "loses_at_most": loses(contract),
        "builds": contract.builds.iter().map(|build| &build.name).collect::<Vec<_>>(),
        "images": contract.builds.iter().map(|build| json!({
            "build": build.name, "manifest": build.manifest,
            "registers": build.pcrs.iter().map(|(index, pcr)| json!({"pcr": index, "value": pcr.to_string()})).collect::<Vec<_>>(),
        })).collect::<Vec<_>>(),
        "regions": contract.regions.iter().map(Region::as_str).collect::<Vec<_>>(),
        "build_signers": contract.build_signers.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "facts": facts.collect::<Vec<_>>(),
    })
}

fn dataset(contract: &Contract, name: &str, dataset: &Dataset) -> Value {
    let used = contract.used_columns(name);
    let columns = dataset.columns.iter().map(|column| {
        let is_sealed = !matches!(column.role, Role::Person | Role::Never);
        json!({
            "name": column.name, "role": column.role.kind().to_string(), "words": role(column),
            "min_cell": column.min_cell.unwrap_or(contract.min_cell), "sensitive": column.is_sensitive,
            "granted": is_sealed && used.contains(&column),
        })
    });
    let budgets = dataset.budgets.iter().map(|(purpose, budget)| {
        let selection = Delta::try_from(budget.selection_delta);
        json!({
            "purpose": purpose, "period": every(budget.period), "delta": budget.delta.value(),
            "epsilon": budget.epsilon.value(), "lifetime_epsilon": budget.lifetime_epsilon.value(),
            "selection_delta": selection.map_or(0.0, Delta::value),
            "legal_basis": dataset.legal_basis.get(purpose),
        })
    });
    let careful = [danger::several_identifiers(contract, name), danger::claims(contract, name)];
    json!({
        "name": name, "owner": dataset.owner, "lineage": dataset.lineage,
        "opt_outs_within_days": dataset.opt_outs_within_days,
        "columns": columns.collect::<Vec<_>>(), "budgets": budgets.collect::<Vec<_>>(),
        "claims": dataset.claims.iter().map(|kind| kind.name()).collect::<Vec<_>>(),
        "careful": careful.into_iter().flatten().collect::<Vec<_>>(),
    })
}

fn analysis(contract: &Contract, name: &str, terms: &Terms) -> Value {
    let section = terms.section();
    let uses =
        section.uses.iter().map(|used| json!({"what": used.title, "words": terms.words(used)}));
    let floors = terms
        .floors
        .iter()
        .map(|floor| json!({"columns": floor.columns, "min_cell": floor.people}));
    json!({
        "name": name, "kind": section.kind, "title": section.title, "purpose": terms.purpose,
        "analysts": terms.analysts, "receivers": terms.receivers,
        "uses": uses.collect::<Vec<_>>(),
        "shown_however_small": (!section.besides.is_empty()).then_some(section.besides),
        "careful": danger::dangers(contract, name), "sensitive": terms.sensitive,
        "min_cells": floors.collect::<Vec<_>>(),
    })
}

/// What one person can lose at most, for life: through each dataset, and through all of them.
fn loses(contract: &Contract) -> Value {
    let budgets = contract.datasets.values().flat_map(|dataset| dataset.budgets.values());
    let Some(delta) = budgets.map(|budget| budget.delta).max() else { return Value::Null };
    let own = |dataset: &Dataset| {
        let budgets = dataset.budgets.values().map(Budget::lifetime);
        budgets.fold(Loss::zero(), |sum, loss| sum.plus(&loss))
    };
    let said = |loss: &Loss| (loss.rho().epsilon(delta), loss.rho().value());
    let through = contract.datasets.iter().map(|(name, dataset)| {
        let (epsilon, rho) = said(&own(dataset));
        json!({"dataset": name, "epsilon": epsilon, "rho": rho})
    });
    let all = contract.datasets.values().map(own).fold(Loss::zero(), |sum, loss| sum.plus(&loss));
    let (epsilon, rho) = said(&all);
    json!({
        "epsilon": epsilon, "delta": delta.value(), "rho": rho,
        "through": through.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::analysis::KINDS;
    use std::{fs, path::Path};

    /// Keys, digests and registers, what is quoted, and every number of three digits or more.
    fn told(text: &str) -> Vec<String> {
        let words =
            text.split([' ', ',', ';', ':', '(', ')', '\n']).map(|word| word.trim_end_matches('.'));
        let is_one = |word: &&str| {
            let is_hex = word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
            is_hex || (word.len() >= 3 && word.bytes().all(|byte| byte.is_ascii_digit()))
        };
        let quoted = text.split('"').skip(1).step_by(2).filter(|words| !words.contains('\n'));
        words.filter(is_one).chain(quoted).map(str::to_owned).collect()
    }

    #[test]
    fn a_program_finds_every_name_number_and_key_that_the_sentences_have() {
        let now = Time(1_795_435_200_000);
        let mut looked = 0;
        for kind in KINDS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../protocol/src/analysis");
            // A kind that is asked under the section of another has its contract all the same.
            let sample = folder.join(kind.kind).join("sample/contract.toml");
            let text = fs::read_to_string(&sample).unwrap();
            let contract = rehearsal::with_throw_away_keys(&text).unwrap().unwrap();
            let signers = contract.parties.values().map(|party| party.root_key).take(1);
            let paper = Paper { signers: signers.collect(), text: Vec::new(), contract };
            let json = as_json(&paper, now).to_string().replace("\\\"", "\"");
            for word in told(&outline(&paper, now).printed().unwrap()) {
                assert!(json.contains(&word), "{}: {word} is not in {json}", kind.kind);
                looked += 1;
            }
        }
        assert!(looked > 120, "{looked}");
    }
}
