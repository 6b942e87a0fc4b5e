//! What is wrong with an analysis before a row of it is read: said when a contract is made or shown and
//! when a job is priced.

use crate::say;
use protocol::{
    contract::{Contract, Template},
    identity::Identifier,
};

/// What can make the answers of an analysis wrong, as its contract shows; nothing if that is in order.
pub(crate) fn dangers(contract: &Contract, analysis: &str) -> Vec<String> {
    consent(contract, analysis).into_iter().chain(match_keys(contract, analysis)).collect()
}

/// A dataset in which one human may be several people, and what that does to the guarantee.
pub(crate) fn several_identifiers(contract: &Contract, dataset: &str) -> Option<String> {
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
    let Template::Lift(lift) = &contract.analyses.get(analysis)?.template else { return None };
    contract.consent_is_known_by_outcome(lift).then(|| {
        format!(
            "CAREFUL: \"{}\" asks for consent in \"{}\" only, so that a refusal is known only of people \
             who are found there. They leave their arm with what they did, and all who are not found \
             stay: the effect can be wrong, and the sample-ratio check can fail in a sound design. Give \
             \"{}\" the consent column, or let its owner take refusers of both lists out before the \
             arms are drawn.",
            say::name(analysis),
            say::name(&lift.outcome),
            say::name(&lift.assignment)
        )
    })
}

fn match_keys(contract: &Contract, analysis: &str) -> Option<String> {
    let unused = contract.unused_match_keys(analysis);
    if unused.is_empty() {
        return None;
    }
    let template = &contract.analyses.get(analysis)?.template;
    let order = |dataset: &str| {
        let kinds: Vec<_> = contract.match_keys(dataset).into_iter().map(kind).collect();
        format!("\"{}\" {}", say::name(dataset), kinds.join(", then "))
    };
    let orders: Vec<_> = template.datasets().map(order).collect();
    let unused: Vec<_> = unused.into_iter().map(kind).collect();
    Some(format!(
        "CAREFUL: in \"{}\" a person is known by the first identifier that a row has: {}. So {} does not find \
         everybody whom it could: people whose rows begin with different identifiers do not meet, though \
         both sides have one in common. Too few are found, and an effect comes out too small. Let both \
         datasets have the same one kind of identifier, or the same first one on every row.",
        say::name(analysis),
        orders.join("; "),
        unused.join(" and ")
    ))
}

fn kind(identifier: Identifier) -> &'static str {
    match identifier {
        Identifier::Email => "e-mail",
        Identifier::Phone => "phone",
        Identifier::Hashed => "a hashed identifier",
        _ => "an identifier that this version does not know",
    }
}
