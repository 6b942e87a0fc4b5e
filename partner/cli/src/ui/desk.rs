//! The party's folder, as its page may reach it.

use super::acts::Acts;
use crate::{common_args::Common, failure::Failure};
use client::{keys::Identity, trust::Trust};
use custody::{Ledger, LedgerError};
use protocol::{contract::Contract, page::Text, text::visible};
use tokio::runtime::Handle;

/// What a screen is made from. Keys are in it, so no part of it leaves but pages.
pub(super) struct PartyDesk {
    pub(super) common: Common,
    pub(super) contract: Contract,
    pub(super) identity: Identity,
    pub(super) party: String,
    pub(super) trust: Trust,
    /// Where what waits for a network is waited for: the page asks from threads of its own.
    pub(super) waiting: Handle,
    pub(super) acts: Acts,
}

impl PartyDesk {
    pub(super) fn new(
        common: Common,
        contract: Contract,
        identity: Identity,
        trust: Trust,
        waiting: Handle,
        acts: Acts,
    ) -> Result<Self, Failure> {
        let party = identity.party_in(&contract)?.to_owned();
        Ok(Self { common, contract, identity, party, trust, waiting, acts })
    }

    /// The ledger of this folder; `None` where it has none, such as an analyst's.
    pub(super) fn ledger(&self) -> Result<Option<Ledger>, Failure> {
        match Ledger::open(&self.identity) {
            Err(LedgerError::Missing { .. }) => Ok(None),
            ledger => Ok(Some(ledger?)),
        }
    }
}

/// Why something cannot be shown. Much of it may be in words of others.
pub(super) fn said(why: &Failure) -> Text {
    Text::quoted(visible(&why.to_string()))
}

/// Why something is refused, as the command line says it: its sentence, and then the rule, whose it is, what is left and what would
/// pass.
pub(super) fn reasons(why: &Failure) -> Vec<Text> {
    let details = why.details().into_iter();
    let details =
        details.map(|(name, text)| Text::fixed(format!("{name}: ")).quote(visible(&text)));
    std::iter::once(said(why)).chain(details).collect()
}
