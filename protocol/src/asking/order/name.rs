//! The names of orders and of their runs.

use super::Order;
use crate::{
    canonical,
    digest::{Digest, InvalidDigest},
};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The name of an order: a digest over who ordered and all that was ordered. An order that is signed anew has the same name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct OrderName(Digest);

impl OrderName {
    /// The name of `order` if `analyst` signed it.
    #[must_use]
    pub fn of(analyst: &str, order: &Order) -> Self {
        Self(Digest::of("glovebox order name v1", &canonical::to_vec(&(analyst, order))))
    }

    /// The digest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The first twelve hex digits, for tables that people read.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.short()
    }
}

impl From<Digest> for OrderName {
    fn from(digest: Digest) -> Self {
        Self(digest)
    }
}

impl fmt::Display for OrderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for OrderName {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        text.parse().map(Self)
    }
}

impl TryFrom<&[u8]> for OrderName {
    type Error = InvalidDigest;

    fn try_from(bytes: &[u8]) -> Result<Self, InvalidDigest> {
        Digest::try_from(bytes).map(Self)
    }
}

/// One run of an order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "a run is an order and a number")]
pub struct RunName {
    /// The order.
    pub order: OrderName,
    /// The number of the run, from 1.
    pub number: u32,
}
