//! What an owner says of an order once, and what its analyst may take back.

use super::OrderName;
use crate::{
    delegation::{ByDelegate, KeyKind},
    digest::Digest,
    limits::{self, Size, at_most},
    sign::Signed,
    time::Time,
};
use serde::{Deserialize, Serialize};

/// An owner accepts an order: its service may pay for its runs from then on. Signed by the owner's root key, so that nothing
/// that answers the network can accept one.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever accepts says all of it")]
pub struct Acceptance {
    /// Digest of the contract.
    pub contract: Digest,
    /// The order.
    pub order: OrderName,
}

impl Signed for Acceptance {
    const TAG: &'static str = "glovebox order acceptance v1";
    const SIZE: Size = limits::DELEGATION;
}

/// The analyst of an order takes it back: no owner pays for a run of it from then on.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever cancels says all of it")]
pub struct Cancellation {
    /// Digest of the contract.
    pub contract: Digest,
    /// The order.
    pub order: OrderName,
}

impl Signed for Cancellation {
    const TAG: &'static str = "glovebox order cancellation v1";
    const SIZE: Size = limits::DELEGATION;
}

impl ByDelegate for Cancellation {
    const KINDS: &'static [KeyKind] = &[KeyKind::Analyst];
}

/// When the runs of an order are, for a host that starts an enclave at these times: all that it sees of an order beforehand.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::exhaustive_structs, reason = "whoever asks a host says all of it")]
pub struct Schedule {
    /// Digest of the contract.
    pub contract: Digest,
    /// The order.
    pub order: OrderName,
    /// From when to when each run may begin; none of a cancelled order.
    #[serde(deserialize_with = "at_most::<{ limits::RUNS }, _, _>")]
    pub runs: Vec<[Time; 2]>,
    /// When it was signed: of two schedules of one order, the later one holds.
    pub time: Time,
}

impl Signed for Schedule {
    const TAG: &'static str = "glovebox order schedule v1";
    const SIZE: Size = limits::SCHEDULE;
}

impl ByDelegate for Schedule {
    const KINDS: &'static [KeyKind] = &[KeyKind::Analyst];
}
