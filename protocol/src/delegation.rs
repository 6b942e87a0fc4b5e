//! Keys that a party's root key delegates, for a time, and withdraws, for ever.
//!
//! A contract has one key of each party, its root key, which signs contracts and what is defined here. Everything else
//! that is signed is signed by a key that the root key delegates: jobs by an *analyst* key, and grants, manifests,
//! slices and requests by a *service* key. The [`Delegation`] travels with what the key signs. Enclave, custody, hosts'
//! doors and whoever checks a receipt open such bytes with one type, [`Authority`].

mod authority;
mod delegate;
mod error;
mod withdrawn;

use crate::{
    digest::Digest,
    limits::{self, Size},
    sign::{PublicKey, Signed},
    time::Time,
};
use serde::{Deserialize, Serialize};
use std::fmt;

pub use authority::{Authorised, Authority};
pub use delegate::{Delegate, Delegated};
pub(crate) use error::unfit;
pub use error::{KeyError, KeyFlaw};
pub use withdrawn::Withdrawn;

/// What a delegated key is for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "whoever decides what a key may sign must see a new kind"
)]
pub enum KeyKind {
    /// Signs jobs, and what must be asked to have one answered.
    Analyst,
    /// Signs grants, manifests, slices and every request to an instance.
    Service,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Analyst => "analyst",
            Self::Service => "service",
        })
    }
}

/// What a root key says of another key: whose it is, what for, and from when to when. Signed by the root key, which is
/// in the envelope and names the party of a contract.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever delegates a key says all of it")]
pub struct Delegation {
    /// What for.
    pub kind: KeyKind,
    /// What people call the key: a name as in a contract.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// From when on it is good.
    pub from: Time,
    /// When it ends.
    pub until: Time,
}

impl Signed for Delegation {
    const TAG: &'static str = "glovebox delegation v1";
    const SIZE: Size = limits::DELEGATION;
}

/// What a root key takes back: a key, whatever delegations of it there are or will be. Signed by the root key.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever withdraws a key says all of it")]
pub struct Withdrawal {
    /// The key.
    pub key: PublicKey,
    /// What it was called, for people.
    pub name: String,
}

impl Signed for Withdrawal {
    const TAG: &'static str = "glovebox withdrawal v1";
    const SIZE: Size = limits::DELEGATION;
}

/// What a custody answers to a withdrawal that it keeps from then on. Signed by a service key of its party: whoever stands
/// between cannot say that a custody was told which was not.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever answers says all of it")]
pub struct WithdrawalHeard {
    /// The digest of the withdrawal's bytes ([`crate::sign::digest_of`]).
    pub withdrawal: Digest,
}

impl Signed for WithdrawalHeard {
    const TAG: &'static str = "glovebox withdrawal-heard v1";
    const SIZE: Size = limits::DELEGATION;
}

impl ByDelegate for WithdrawalHeard {
    const KINDS: &'static [KeyKind] = &[KeyKind::Service];
}

/// A thing that is signed by a delegated key.
pub trait ByDelegate: Signed {
    /// The kinds of keys that may sign it.
    const KINDS: &'static [KeyKind];
}

#[cfg(test)]
pub(crate) mod tests;
