//! What is wrong with an analysis before any row is read. It is said when a contract is made or
//! shown, and when a job is priced.

use crate::{contract::Contract, identity::Identifier, text::visible};

/// What can make the answers of an analysis wrong, as far as its contract shows. Empty if nothing
/// does.
#[must_use]
pub fn dangers(contract: &Contract, analysis: &str) -> Vec<String> {
    consent(contract, analysis).into_iter().chain(match_keys(contract, analysis)).collect()
}

/// Warns of a dataset in which one human may be several people, and says what that does to the
/// guarantee.
#[must_use]
pub fn several_identifiers(contract: &Contract, dataset: &str) -> Option<String> {
    let kinds = contract.match_keys(dataset).len();
    let covered = usize::try_from(contract.ids_per_person).unwrap_or(usize::MAX);
    (kinds > covered).then(|| {
        format!(
            "CAREFUL: it has {kinds} kinds of identifiers, and a person is taken to have {covered}. Somebody \
             with rows under different ones counts once for each, and the guarantee covers {covered} of \
             them. Set ids_per_person to {kinds}, or have the owner put all identifiers of a person on every \
             row."
        )
    })
}

fn consent(contract: &Contract, analysis: &str) -> Option<String> {
    let mut datasets = contract.analyses.get(analysis)?.datasets();
    let asking = datasets.find(|dataset| contract.asks_consent(dataset))?;
    contract.consent_is_known_by_outcome(analysis).then(|| {
        let (analysis, outcome) = (visible(analysis), visible(asking));
        consent_with_outcome(&format!(
            "CAREFUL: \"{analysis}\" asks for consent in the outcome data only (\"{outcome}\")"
        ))
    })
}

/// What follows if only the outcome data ask for consent. It continues `found`, which says that
/// they do.
pub(crate) fn consent_with_outcome(found: &str) -> String {
    format!(
        "{found}, so refusals are known only of people who have an outcome. Everybody who was assigned is counted, and what \
         refusers did counts as nothing: the effect is on what people did who agree. If half of them agree, it is half of \
         the whole effect, and if the campaign changes who agrees, it is neither. Let the owner of the assignment data take \
         refusers of both lists out before the arms are drawn, or give the assignment data the consent column."
    )
}

/// What follows if identifiers are left unused. It continues `found`, which says that they are.
pub(crate) fn match_keys_unused(found: &str) -> String {
    format!(
        "{found}: people whose rows begin with different identifiers do not meet, though both sides have one in \
         common. Too few are found, and an effect comes out too small. Let the contract name these kinds in the claims \
         of the joined dataset, or let both datasets have the same first identifier on every row."
    )
}

fn match_keys(contract: &Contract, analysis: &str) -> Option<String> {
    let unused = contract.unused_match_keys(analysis);
    if unused.is_empty() {
        return None;
    }
    let terms = contract.analyses.get(analysis)?;
    let order = |dataset: &str| {
        let (claims, keys) = (contract.claims(dataset), contract.match_keys(dataset));
        let kinds = if terms.joins(dataset) && !claims.is_empty() { claims } else { &keys };
        format!("\"{}\" {}", visible(dataset), in_order(kinds))
    };
    let claims = terms
        .datasets()
        .any(|dataset| terms.joins(dataset) && !contract.claims(dataset).is_empty());
    let orders: Vec<_> = terms.datasets().map(order).collect();
    let unused: Vec<_> = unused.into_iter().map(kind).collect();
    Some(match_keys_unused(&format!(
        "CAREFUL: in \"{}\" a person is known by the first {}that a row has ({}), so that {} does not \
         find everybody whom it could",
        visible(analysis),
        if claims { "of these identifiers " } else { "identifier " },
        orders.join("; "),
        unused.join(" and ")
    )))
}

/// Says by which kinds of identifiers the people of a joined dataset claim those of a population.
pub(crate) fn by_claims(kinds: &[Identifier]) -> String {
    match kinds {
        [only] => format!("by {} only", kind(*only)),
        several => format!("by the first of these that the row there has: {}", in_order(several)),
    }
}

/// Says in a sentence how people of `dataset` claim those of a population, if its contract names claims.
#[must_use]
pub fn claims(contract: &Contract, dataset: &str) -> Option<String> {
    let kinds = contract.claims(dataset);
    (!kinds.is_empty()).then(|| {
        format!(
            "Where it is joined, its people are looked for {}, and by no other. A person of the other dataset is \
             found by the first of these by which anybody here looks for them. There an identifier that several \
             people have beside the one they are known by finds none of them. Rows here that have none of these \
             find nobody.",
            by_claims(kinds)
        )
    })
}

fn in_order(kinds: &[Identifier]) -> String {
    kinds.iter().map(|identifier| kind(*identifier)).collect::<Vec<_>>().join(", then ")
}

fn kind(identifier: Identifier) -> &'static str {
    match identifier {
        Identifier::Email => "e-mail",
        Identifier::Phone => "phone",
        Identifier::Hashed => "a hashed identifier",
    }
}
