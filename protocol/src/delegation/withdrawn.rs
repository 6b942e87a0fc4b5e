//! Keys that are believed no more.

use super::{KeyError, Withdrawal};
use crate::{
    contract::Contract,
    limits,
    sign::{Envelope, PublicKey},
};
use std::collections::BTreeMap;

/// The keys that the parties of a contract withdrew, as far as they were told here.
#[derive(Clone, Debug, Default)]
pub struct Withdrawn {
    /// By root key, since a party takes back its own keys only.
    keys: BTreeMap<PublicKey, Vec<PublicKey>>,
}

impl Withdrawn {
    /// Nothing withdrawn.
    #[must_use]
    pub fn none() -> &'static Self {
        static NONE: Withdrawn = Withdrawn { keys: BTreeMap::new() };
        &NONE
    }

    /// Takes in a withdrawal that a party of `contract` signed with its root key: which party, and what. Told twice it
    /// is told once.
    ///
    /// # Errors
    ///
    /// [`KeyError::Malformed`] for other bytes, [`KeyError::Stranger`] if no party signed them, and
    /// [`KeyError::TooMany`] where a party has withdrawn as many as are kept of one.
    pub fn take(
        &mut self,
        contract: &Contract,
        bytes: &[u8],
    ) -> Result<(String, Withdrawal), KeyError> {
        let envelope = Envelope::parse(bytes).map_err(|_| KeyError::Malformed)?;
        let root = envelope.claimed_signer();
        let party = contract.party_of(&root).ok_or(KeyError::Stranger)?.to_owned();
        let withdrawal: Withdrawal = envelope.verify(&root).map_err(|_| KeyError::Stranger)?;
        let of_party = self.keys.entry(root).or_default();
        if !of_party.contains(&withdrawal.key) {
            if of_party.len() >= limits::WITHDRAWALS {
                return Err(KeyError::TooMany { party });
            }
            of_party.push(withdrawal.key);
        }
        Ok((party, withdrawal))
    }

    /// Whether the party of `root` withdrew `key`.
    #[must_use]
    pub fn has(&self, root: &PublicKey, key: &PublicKey) -> bool {
        self.keys.get(root).is_some_and(|keys| keys.contains(key))
    }
}
