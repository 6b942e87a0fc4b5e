//! What keys lack whose word does not count.

use super::KeyKind;
use crate::{limits, time::Time};
use serde::{Deserialize, Serialize};

/// Why a signature is not the word of a party.
///
/// Remedy: sign with a key that the party's root key delegated and has not withdrawn (`glovebox keys show`), or
/// delegate one (`glovebox keys delegate`).
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Other bytes.
    #[error("the bytes are not a message of this protocol that a delegated key signed")]
    Malformed,
    /// No key of a party of the contract.
    #[error("not signed by a key that a party of this contract delegated")]
    Stranger,
    /// A party's key, which is not good for this.
    #[error("{}", unfit(party, *kind, name, why))]
    Unfit {
        /// Whose.
        party: String,
        /// What it is for.
        kind: KeyKind,
        /// What it is called.
        name: String,
        /// What is wrong.
        why: KeyFlaw,
    },
    /// More withdrawals of one party than are kept.
    #[error(
        "{party} has withdrawn {} keys already, which is all that are kept of one party",
        limits::WITHDRAWALS
    )]
    TooMany {
        /// Whose.
        party: String,
    },
}

/// What a delegated key lacks.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum KeyFlaw {
    /// Its time is over.
    Expired {
        /// When.
        until: Time,
    },
    /// Its time has not begun.
    NotYet {
        /// When.
        from: Time,
    },
    /// It is for something else.
    OtherKind {
        /// The kind that may.
        needed: KeyKind,
    },
    /// Another party must sign.
    OtherParty {
        /// The party that must.
        needed: String,
    },
    /// The party took it back.
    Withdrawn,
}

/// What is said of a key that is not good for something.
pub(crate) fn unfit(party: &str, kind: KeyKind, name: &str, why: &KeyFlaw) -> String {
    let why = match why {
        KeyFlaw::Expired { until } => {
            format!(
                "expired at {until}: {party} has to delegate it anew (`glovebox keys delegate`)"
            )
        }
        KeyFlaw::NotYet { from } => format!("is good only from {from} on"),
        KeyFlaw::OtherKind { needed } => {
            format!("may not sign this: a key of the kind \"{needed}\" is needed")
        }
        KeyFlaw::OtherParty { needed } => format!("may not sign this: a key of {needed} is needed"),
        KeyFlaw::Withdrawn => format!("was withdrawn by {party}, for ever: use another key"),
    };
    format!("the {kind} key \"{name}\" of {party} {why}")
}
