use super::show::{every, role};
use crate::{failure::Failure, files::Paper, say};
use protocol::contract::{Contract, Dataset, Party, Terms};
use protocol::loss::Delta;
use protocol::page::number;
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

/// Say in words what one contract changes in another
///
/// Exits with 0 if they say the same, and with 1 if they do not.
#[derive(Debug, clap::Args)]
pub(crate) struct Diff {
    /// The older contract
    before: PathBuf,
    /// The newer contract
    after: PathBuf,
}

impl Diff {
    pub(crate) fn run(&self) -> Result<ExitCode, Failure> {
        let (before, after) = (Paper::read(&self.before)?, Paper::read(&self.after)?);
        let changes = changes(&before.contract, &after.contract);
        for change in &changes {
            say::result(change)?;
        }
        if !changes.is_empty() {
            return Ok(ExitCode::FAILURE);
        }
        say::result(if before.text == after.text {
            "the same contract, byte for byte"
        } else {
            "they say the same in other bytes (comments, spaces, order): the digests differ, so each \
             party has to sign the new one"
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// What `after` says otherwise than `before`, a sentence for each.
pub(super) fn changes(before: &Contract, after: &Contract) -> Vec<String> {
    let mut list = Changes::default();
    list.value("the name", &before.name, &after.name);
    list.value("the end", &number::moment(before.expires), &number::moment(after.expires));
    list.value("the smallest cell shown", &before.min_cell, &after.min_cell);
    list.value("identifiers per person", &before.ids_per_person, &after.ids_per_person);
    list.value("the digest of the bucket salt", &before.bucket_salt, &after.bucket_salt);
    let supersedes = |c: &Contract| c.supersedes.map_or("none".to_owned(), |d| d.to_string());
    list.value("the contract it names as its predecessor", &supersedes(before), &supersedes(after));
    list.value("the purposes", &before.purposes.join(", "), &after.purposes.join(", "));
    list.named("party", &before.parties, &after.parties, party);
    list.named("dataset", &before.datasets, &after.datasets, dataset);
    list.named("analysis", &before.analyses, &after.analyses, analysis);
    let builds = |contract: &Contract| {
        let builds = contract.builds.iter().map(|build| (build.name.clone(), build.pcrs.clone()));
        builds.collect::<BTreeMap<_, _>>()
    };
    list.named("build", &builds(before), &builds(after), |pcrs| {
        pcrs.iter().map(|(index, pcr)| (format!("PCR{index}"), pcr.to_string())).collect()
    });
    list.0
}

/// A part of a contract as a list of facts: the name of each, and its words.
type Facts = BTreeMap<String, String>;

fn party(party: &Party) -> Facts {
    let custody =
        party.custody.as_ref().map_or_else(|| "not online".to_owned(), ToString::to_string);
    [
        ("root key", party.root_key.to_string()),
        ("recipient key", party.recipient_key.to_string()),
        ("custody", custody),
    ]
    .map(|(what, value)| (what.to_owned(), value))
    .into()
}

fn dataset(dataset: &Dataset) -> Facts {
    let mut facts = Facts::new();
    facts.insert("owner".to_owned(), dataset.owner.clone());
    facts.insert("lineage".to_owned(), dataset.lineage.clone());
    for column in &dataset.columns {
        facts.insert(format!("column \"{}\"", column.name), role(column));
    }
    let claims: Vec<_> = dataset.claims.iter().map(|kind| kind.name()).collect();
    if !claims.is_empty() {
        facts.insert("claims".to_owned(), claims.join(", then "));
    }
    for (purpose, budget) in &dataset.budgets {
        let (epsilon, life, delta) = (budget.epsilon, budget.lifetime_epsilon, budget.delta);
        let mut words =
            format!("epsilon {epsilon} {}, {life} for life (delta {delta})", every(budget.period));
        if budget.selection_delta > 0 {
            let delta = Delta::try_from(budget.selection_delta);
            words += &delta.map_or_else(
                |_| String::new(),
                |delta| {
                    format!(
                        ", delta {delta} for groups whose values are private and for dense models"
                    )
                },
            );
        }
        facts.insert(format!("budget for {purpose}"), words);
    }
    for (purpose, basis) in &dataset.legal_basis {
        facts.insert(format!("legal basis for {purpose}"), basis.clone());
    }
    facts
}

fn analysis(terms: &Terms) -> Facts {
    let section = terms.section();
    let listed = section.uses.iter().map(|used| (used.title, terms.words(used)));
    let of_all = [
        ("kind", section.kind.to_owned()),
        ("purpose", terms.purpose.clone()),
        ("who may ask", terms.analysts.join(", ")),
        ("who may read", terms.receivers.join(", ")),
    ];
    listed.chain(of_all).map(|(what, value)| (what.to_owned(), value)).collect()
}

#[derive(Default)]
struct Changes(Vec<String>);

impl Changes {
    fn value<T: PartialEq + std::fmt::Display>(&mut self, what: &str, before: &T, after: &T) {
        if before != after {
            self.0.push(format!("{what}: {before}, now {after}"));
        }
    }

    fn named<T>(
        &mut self,
        kind: &str,
        before: &BTreeMap<String, T>,
        after: &BTreeMap<String, T>,
        facts: impl Fn(&T) -> Facts,
    ) {
        let mut names: Vec<_> = before.keys().chain(after.keys()).collect();
        names.sort();
        names.dedup();
        for name in names {
            match (before.get(name), after.get(name)) {
                (Some(_), None) => self.0.push(format!("{kind} \"{name}\": gone")),
                (None, Some(_)) => self.0.push(format!("{kind} \"{name}\": new")),
                (Some(before), Some(after)) => {
                    self.facts(&format!("{kind} \"{name}\""), &facts(before), &facts(after));
                }
                (None, None) => {}
            }
        }
    }

    fn facts(&mut self, thing: &str, before: &Facts, after: &Facts) {
        let mut whats: Vec<_> = before.keys().chain(after.keys()).collect();
        whats.sort();
        whats.dedup();
        for what in whats {
            match (before.get(what), after.get(what)) {
                (Some(value), None) => self.0.push(format!("{thing}, {what}: gone (was: {value})")),
                (None, Some(value)) => self.0.push(format!("{thing}, {what}: new: {value}")),
                (Some(before), Some(after)) => {
                    self.value(&format!("{thing}, {what}"), before, after);
                }
                (None, None) => {}
            }
        }
    }
}
