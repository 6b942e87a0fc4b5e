//! What a contract says, fact by fact and in words: what two contracts are compared by, and what tests hold a contract to.

use super::sentences::{self, every, in_words, role};
use protocol::{
    contract::{Contract, Dataset, Party, Role, Terms},
    loss::Delta,
    page::number,
};
use std::collections::{BTreeMap, BTreeSet};

/// A part of a contract: the name of each fact, and its words.
pub(super) type Facts = BTreeMap<String, String>;

/// All that a contract says: its parts, such as `party "shop"`, each with its facts. [`HEAD`] has what is of no part.
pub(super) type Parts = BTreeMap<String, Facts>;

/// What `after` says otherwise than `before`, a sentence for each.
pub(crate) fn compared(before: &Contract, after: &Contract) -> Vec<String> {
    changes(&facts(before), &facts(after))
}

/// Everything that `contract` says. Of two contracts that say the same, every fact is the same.
pub(super) fn facts(contract: &Contract) -> Parts {
    let mut parts = Parts::from([(HEAD.to_owned(), head(contract))]);
    let mut add = |kind: &str, name: &str, facts| parts.insert(format!("{kind} \"{name}\""), facts);
    for (name, found) in &contract.parties {
        add("party", name, party(found));
    }
    for (name, found) in &contract.datasets {
        add("dataset", name, dataset(found));
    }
    for (name, terms) in &contract.analyses {
        add("analysis", name, analysis(terms));
    }
    for build in &contract.builds {
        let pcrs = build.pcrs.iter().map(|(index, pcr)| (format!("PCR{index}"), pcr.to_string()));
        let manifest = build.manifest.map(|digest| ("manifest".to_owned(), digest.to_string()));
        add(BUILD, &build.name, pcrs.chain(manifest).collect());
    }
    parts
}

/// Everything that a contract says but for keys, bucket salt and builds, which a draft may not have yet.
pub(super) fn without_keys(parts: &Parts) -> Parts {
    let kept = parts.iter().filter(|(part, _)| !is_build(part));
    let kept = kept.map(|(part, facts)| {
        let facts = facts.iter().filter(|(what, _)| !OF_KEYS.contains(&what.as_str()));
        (part.clone(), facts.map(|(what, words)| (what.clone(), words.clone())).collect())
    });
    kept.collect()
}

/// Whether keys, bucket salt and builds are among the facts.
pub(super) fn has_keys(parts: &Parts) -> bool {
    parts.keys().any(|part| is_build(part))
}

fn is_build(part: &str) -> bool {
    part.split(' ').next() == Some(BUILD)
}

/// What `after` says otherwise than `before`, a sentence for each.
pub(super) fn changes(before: &Parts, after: &Parts) -> Vec<String> {
    let parts: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changes = parts.into_iter().flat_map(|part| {
        let changes = changes_of(part, before, after).into_iter();
        changes.map(move |change| match part.as_str() {
            HEAD => change,
            _ if change == GONE || change == NEW => format!("{part}: {change}"),
            _ => format!("{part}, {change}"),
        })
    });
    changes.collect()
}

/// What `after` says otherwise of one part than `before`. Of a part that only one of them has, that it is [`NEW`] or
/// [`GONE`], and then every fact: whoever signs a new analysis or build must see what it is.
pub(super) fn changes_of(part: &str, before: &Parts, after: &Parts) -> Vec<String> {
    let (before, after) = match (before.get(part), after.get(part)) {
        (Some(before), Some(after)) => (before, after),
        (Some(before), None) => return whole(GONE, before),
        (None, Some(after)) => return whole(NEW, after),
        (None, None) => return Vec::new(),
    };
    let whats: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let changes = whats.into_iter().filter_map(|what| match (before.get(what), after.get(what)) {
        (Some(before), Some(after)) if before == after => None,
        (Some(before), Some(after)) => Some(format!("{what}: {before}, now {after}")),
        (Some(before), None) => Some(format!("{what}: gone (was: {before})")),
        (None, after) => after.map(|after| format!("{what}: new: {after}")),
    });
    changes.collect()
}

/// What became of a part, and everything that it says.
fn whole(what_became: &str, facts: &Facts) -> Vec<String> {
    let facts = facts.iter().map(|(what, words)| format!("{what}: {words}"));
    [what_became.to_owned()].into_iter().chain(facts).collect()
}

fn head(contract: &Contract) -> Facts {
    let supersedes = contract.supersedes.map_or("none".to_owned(), |digest| digest.to_string());
    let regions = in_words(&contract.regions);
    let regions = (!contract.regions.is_empty()).then(|| (REGIONS.to_owned(), regions));
    let signers: Vec<_> = contract.build_signers.iter().map(ToString::to_string).collect();
    let signers = (!signers.is_empty()).then(|| (BUILD_SIGNERS, signers.join(", ")));
    [
        ("the name", contract.name.clone()),
        (END, number::moment(contract.expires)),
        ("the smallest cell shown", contract.min_cell.to_string()),
        ("identifiers per person", contract.ids_per_person.to_string()),
        ("jobs of one analyst in a day", contract.jobs_per_day.to_string()),
        (SALT, contract.bucket_salt.to_string()),
        ("the contract it names as its predecessor", supersedes),
        ("the purposes", contract.purposes.join(", ")),
    ]
    .into_iter()
    .chain(signers)
    .map(|(what, value)| (what.to_owned(), value))
    .chain(regions)
    .collect()
}

fn party(party: &Party) -> Facts {
    let custody =
        party.custody.as_ref().map_or_else(|| "not online".to_owned(), ToString::to_string);
    [
        (ROOT_KEY, party.root_key.to_string()),
        (RECIPIENT_KEY, party.recipient_key.to_string()),
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
    // A row is known by the first match key that it has, so that their order says who people are.
    let keys = dataset.columns.iter().filter(|column| matches!(column.role, Role::MatchKey(_)));
    let keys: Vec<_> = keys.map(|column| column.name.as_str()).collect();
    if keys.len() > 1 {
        facts.insert("match keys".to_owned(), keys.join(", then "));
    }
    let claims: Vec<_> = dataset.claims.iter().map(|kind| kind.name()).collect();
    if !claims.is_empty() {
        facts.insert("claims".to_owned(), claims.join(", then "));
    }
    if let Some(days) = dataset.opt_outs_within_days {
        facts.insert("its list of opt-outs".to_owned(), format!("at most {days} days old"));
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
    let facts = listed.chain(of_all).map(|(what, value)| (what.to_owned(), value));
    let sensitive = (!terms.sensitive.is_empty())
        .then(|| (sentences::SENSITIVE.to_owned(), sentences::sensitive(terms)));
    let floors = terms.floors.iter().map(|floor| {
        let columns = sentences::together(floor);
        (format!("the smallest cell of questions that read {columns}"), floor.people.to_string())
    });
    facts.chain(sensitive).chain(floors).collect()
}

/// The part of what is said of the contract as a whole.
pub(super) const HEAD: &str = "contract";
/// When the contract ends, to the minute.
pub(super) const END: &str = "the end";
/// A part that is in the later contract alone.
const NEW: &str = "new";
/// A part that is in the earlier contract alone.
const GONE: &str = "gone";
/// Said only of a contract that permits some regions alone.
const REGIONS: &str = "the regions it may run in";
const BUILD: &str = "build";
const ROOT_KEY: &str = "root key";
const RECIPIENT_KEY: &str = "recipient key";
const BUILD_SIGNERS: &str = "who must have rebuilt every image";
const SALT: &str = "the digest of the bucket salt";
/// Facts that a draft without keys cannot have.
const OF_KEYS: [&str; 4] = [ROOT_KEY, RECIPIENT_KEY, SALT, BUILD_SIGNERS];
