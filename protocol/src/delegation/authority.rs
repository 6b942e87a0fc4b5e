//! Whose word counts under one contract, at one time.

use super::{ByDelegate, Delegate, Delegated, Delegation, KeyError, KeyFlaw, KeyKind, Withdrawn};
use crate::{
    contract::{self, Contract},
    sign::PublicKey,
    time::Time,
};
use std::fmt;

/// A contract with a time and the keys that were withdrawn until then: opens what delegated keys signed.
#[derive(Clone, Copy, Debug)]
pub struct Authority<'a> {
    contract: &'a Contract,
    withdrawn: Option<&'a Withdrawn>,
    now: Option<Time>,
}

impl<'a> Authority<'a> {
    /// Keys that are good at `now`.
    #[must_use]
    pub fn at(contract: &'a Contract, now: Time) -> Self {
        Self { contract, withdrawn: None, now: Some(now) }
    }

    /// Keys that were good at some time: for what was decided before, by somebody who is believed.
    #[must_use]
    pub fn at_any_time(contract: &'a Contract) -> Self {
        Self { contract, withdrawn: None, now: None }
    }

    /// The same without the keys that were withdrawn.
    #[must_use]
    pub fn without(self, withdrawn: &'a Withdrawn) -> Self {
        Self { withdrawn: Some(withdrawn), ..self }
    }

    /// The contract.
    #[must_use]
    pub fn contract(&self) -> &'a Contract {
        self.contract
    }

    /// The value in `bytes`, and who signed it.
    ///
    /// # Errors
    ///
    /// [`KeyError`]; which key of which party and what it lacks is said only of a signature that holds.
    pub fn open<T: ByDelegate>(&self, bytes: &[u8]) -> Result<(T, Authorised), KeyError> {
        let parts = Delegated::parse(bytes).map_err(|_| KeyError::Malformed)?;
        let root = parts.delegation.claimed_signer();
        self.contract.party_of(&root).ok_or(KeyError::Stranger)?;
        let found: Delegation = parts.delegation.verify(&root).map_err(|_| KeyError::Stranger)?;
        let authorised = self.known(&root, found)?;
        let signed = parts.signed.verify_for(&authorised.key, &root);
        let value: T = signed.map_err(|_| KeyError::Stranger)?;
        authorised.check(T::KINDS)?;
        self.still(&authorised)?;
        Ok((value, authorised))
    }

    /// Whether a key that its party has at hand is good for what it signs: before anything is done that its signature
    /// alone makes worth something.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn of(&self, key: &Delegate) -> Result<Authorised, KeyError> {
        let authorised = self.known(&key.root(), key.delegation().clone())?;
        self.still(&authorised)?;
        Ok(authorised)
    }

    /// Whether a key that was good is good still: time passes, and parties take keys back, while who asked waits.
    ///
    /// # Errors
    ///
    /// [`KeyError::Unfit`] of a key that was withdrawn, or whose time is over or has not begun.
    pub fn still(&self, by: &Authorised) -> Result<(), KeyError> {
        let party = self.contract.parties.get(&by.party).ok_or(KeyError::Stranger)?;
        if self.withdrawn.is_some_and(|withdrawn| withdrawn.has(&party.root_key, &by.key)) {
            return Err(by.lacks(KeyFlaw::Withdrawn));
        }
        let (from, until) = (by.from, by.until);
        match self.now {
            Some(now) if now < from => Err(by.lacks(KeyFlaw::NotYet { from })),
            Some(now) if now >= until => Err(by.lacks(KeyFlaw::Expired { until })),
            _ => Ok(()),
        }
    }

    /// What a party's root key says of a key. No root key is delegated: it would have to lie where the other keys lie.
    fn known(&self, root: &PublicKey, found: Delegation) -> Result<Authorised, KeyError> {
        let party = self.contract.party_of(root).ok_or(KeyError::Stranger)?.to_owned();
        let Delegation { kind, name, key, from, until } = found;
        if !contract::is_name(&name) || self.contract.party_of(&key).is_some() {
            return Err(KeyError::Malformed);
        }
        Ok(Authorised { party, kind, name, key, from, until })
    }

    /// The same of `party`, whose word alone counts for this.
    ///
    /// # Errors
    ///
    /// As [`Self::open`], and [`KeyFlaw::OtherParty`].
    pub fn open_of<T: ByDelegate>(
        &self,
        bytes: &[u8],
        party: &str,
    ) -> Result<(T, Authorised), KeyError> {
        let (value, authorised) = self.open(bytes)?;
        if authorised.party == party {
            return Ok((value, authorised));
        }
        Err(authorised.lacks(KeyFlaw::OtherParty { needed: party.to_owned() }))
    }
}

/// Proof that a key of a party signed something and was good for it. Made by [`Authority`] alone.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Authorised {
    party: String,
    kind: KeyKind,
    name: String,
    key: PublicKey,
    from: Time,
    until: Time,
}

impl Authorised {
    /// The party.
    #[must_use]
    pub fn party(&self) -> &str {
        &self.party
    }

    /// What the key is for.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// What the party calls the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// When the delegation ends: nothing that rests on it should last longer.
    #[must_use]
    pub fn until(&self) -> Time {
        self.until
    }

    /// Whether the key is of one of these kinds.
    ///
    /// # Errors
    ///
    /// [`KeyFlaw::OtherKind`].
    pub fn check(&self, kinds: &[KeyKind]) -> Result<(), KeyError> {
        match kinds.first() {
            Some(needed) if !kinds.contains(&self.kind) => {
                Err(self.lacks(KeyFlaw::OtherKind { needed: *needed }))
            }
            _ => Ok(()),
        }
    }

    fn lacks(&self, why: KeyFlaw) -> KeyError {
        KeyError::Unfit { party: self.party.clone(), kind: self.kind, name: self.name.clone(), why }
    }
}

impl fmt::Display for Authorised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} with its {} key \"{}\"", self.party, self.kind, self.name)
    }
}
