//! A contract's text, section by section: what `glovebox contract new` writes, and every contract of a test.
//!
//! What a section must say changes with the format, so it is written here and nowhere else. Names and addresses are
//! put between quotes as they are: whoever writes a draft reads it with [`Contract::parse`](super::Contract::parse).

mod kind;

use crate::{digest::Digest, hpke::RecipientKey, sign::PublicKey};
use std::fmt::{self, Display, Formatter};

pub use kind::example;

/// The fields of a contract before its first section.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever writes a contract says all of it")]
pub struct Head<'a> {
    /// Name that people give to the contract.
    pub name: &'a str,
    /// When the contract ends.
    pub expires: &'a str,
    /// What data may be used for.
    pub purposes: &'a [&'a str],
    /// Digest of the bucket salt.
    pub bucket_salt: Digest,
}

impl Display for Head<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let purposes = self.purposes;
        writeln!(f, "contract = {}", super::VERSION)?;
        writeln!(f, "name = \"{}\"\nexpires = \"{}\"", self.name, self.expires)?;
        writeln!(f, "purposes = {purposes:?}\nbucket_salt = \"{}\"", self.bucket_salt)
    }
}

/// A `[[party]]` section.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever writes a contract says all of it")]
pub struct Party<'a> {
    /// Name of the party.
    pub name: &'a str,
    /// The party's root key.
    pub root_key: &'a PublicKey,
    /// The key to which results for the party are sealed.
    pub recipient_key: &'a RecipientKey,
    /// Address at which the party's custody answers.
    pub custody: Option<&'a str>,
}

impl Display for Party<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "[[party]]\nname = \"{}\"\nroot_key = \"{}\"", self.name, self.root_key)?;
        writeln!(f, "recipient_key = \"{}\"", self.recipient_key)?;
        self.custody.map_or(Ok(()), |address| writeln!(f, "custody = \"{address}\""))
    }
}

/// A `[[dataset.budget]]` section.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever writes a contract says all of it")]
pub struct Budget<'a> {
    /// What the data may be used for.
    pub purpose: &'a str,
    /// The legal basis of that use.
    pub legal_basis: &'a str,
    /// How often the budget is filled again.
    pub period: &'a str,
    /// ε for each period.
    pub epsilon: f64,
    /// ε for ever.
    pub lifetime_epsilon: f64,
}

impl Display for Budget<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { purpose, legal_basis, period, epsilon, lifetime_epsilon } = self;
        writeln!(
            f,
            "[[dataset.budget]]\npurpose = \"{purpose}\"\nlegal_basis = \"{legal_basis}\""
        )?;
        writeln!(f, "period = \"{period}\"\nepsilon = {epsilon}\ndelta = 1e-6")?;
        writeln!(f, "lifetime_epsilon = {lifetime_epsilon}")
    }
}

/// A `[[build]]` section: the build's name and its registers 0, 1 and 2.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "whoever writes a contract says all of it")]
pub struct Build<'a, P>(pub &'a str, pub [P; 3]);

impl<P: Display> Display for Build<'_, P> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "[[build]]\nname = \"{}\"", self.0)?;
        self.1.iter().enumerate().try_for_each(|(at, pcr)| writeln!(f, "pcr{at} = \"{pcr}\""))
    }
}
