//! The contract of a room: its parties, its data, what it may be used for, how much may be learned,
//! and by which builds.

mod column_ref;
mod custody_address;
pub mod draft;
mod parse;
mod period;
mod role;
mod terms;

use crate::{
    analysis::uses::Reading,
    digest::Digest,
    hpke::RecipientKey,
    identity::Identifier,
    loss::{Delta, Epsilon, Loss, Rho},
    sign::{Jointly, PublicKey, SignatureError},
    time::Time,
};
use attestation_verifier::{Pcr, Region};
use std::collections::{BTreeMap, BTreeSet};

pub use column_ref::{ColumnRef, InvalidColumnRef};
pub use custody_address::{CUSTODY_ADDRESS, CustodyAddress, NoCustodyAddress};
pub use parse::{ContractError, Flaw};
pub use period::Period;
pub use role::{Role, RoleKind};
pub use terms::{Floor, Terms};

/// A contract that is consistent. Its identity is the digest of the exact bytes from which it was
/// read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Contract {
    /// SHA-384 of the exact bytes under the tag `glovebox contract v2`.
    pub digest: Digest,
    /// Name that people give to the contract.
    pub name: String,
    /// When the contract ends.
    pub expires: Time,
    /// Smallest cell that is shown, in people; at least 10.
    pub min_cell: u32,
    /// How many ids one person may have; multiplies every sensitivity.
    pub ids_per_person: u32,
    /// How many jobs one analyst may ask for one purpose in any 24 hours.
    pub jobs_per_day: u32,
    /// The contract that this one replaces.
    pub supersedes: Option<Digest>,
    /// Digest of the [`BucketSalt`](crate::salt::BucketSalt), which the parties have and the host does not.
    pub bucket_salt: Digest,
    /// What data may be used for.
    pub purposes: Vec<String>,
    /// Parties by name.
    pub parties: BTreeMap<String, Party>,
    /// Datasets by name.
    pub datasets: BTreeMap<String, Dataset>,
    /// Permitted analyses by name.
    pub analyses: BTreeMap<String, Terms>,
    /// Builds of the enclave that every party accepts.
    pub builds: Vec<Build>,
    /// The regions of AWS that a room may run in; if empty, any. No two are equal.
    pub regions: Vec<Region>,
    /// Keys of those who must each have rebuilt the image of every build, and signed its manifest.
    pub build_signers: Vec<PublicKey>,
}

/// A party of the contract.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Party {
    /// The party's root key, which verifies its delegations.
    pub root_key: PublicKey,
    /// The key to which results for the party are sealed.
    pub recipient_key: RecipientKey,
    /// Where its custody answers, if it is online.
    pub custody: Option<CustodyAddress>,
}

/// One dataset, in all its versions.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Dataset {
    /// Name of the party that owns it.
    pub owner: String,
    /// The name by which custody's ledger is kept: it stands for the same people under any
    /// contract.
    pub lineage: String,
    /// Columns in the order of the sealed file.
    pub columns: Vec<Column>,
    /// By which kinds of match keys its people claim those of a population that it is joined to: with the first of
    /// these that a row has, and with no other. If empty, with the first match key that a row has.
    pub claims: Vec<Identifier>,
    /// A job reads it only with a list of opt-outs that is at most so many days old; none if with any, or with none.
    pub opt_outs_within_days: Option<u32>,
    /// Budgets by purpose.
    pub budgets: BTreeMap<String, Budget>,
    /// The legal basis on which the owner permits the use, by purpose, in the owner's own words.
    pub legal_basis: BTreeMap<String, String>,
}

/// A column and its role.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Column {
    /// Name in the owner's file and in the sealed file.
    pub name: String,
    /// Role of the column.
    pub role: Role,
    /// The most that one person's total of a measure may count as, above zero and below, in units of its last decimal;
    /// none if that is each job's to say.
    pub cap: Option<u64>,
    /// The smallest cell that is shown by a question that reads this column, in people; more than the contract's. None if
    /// the contract's holds.
    pub min_cell: Option<u32>,
    /// Whether an analysis may list this column only if it names it among its [`Terms::sensitive`] too.
    pub is_sensitive: bool,
}

/// How much may be learned about one person from one dataset for one purpose.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Budget {
    /// When the budget is filled again.
    pub period: Period,
    /// ε for each period.
    pub epsilon: Epsilon,
    /// ε for ever, under every contract.
    pub lifetime_epsilon: Epsilon,
    /// δ at which both are meant.
    pub delta: Delta,
    /// δ for selecting cells whose values are private and for caps on what drawn steps lose, in addition to `delta`, for each
    /// period and for ever alike; in units of 10⁻¹⁵. It is 0 unless the contract sets it.
    pub selection_delta: u64,
    rho: Rho,
    lifetime_rho: Rho,
    ceiling_rho: Rho,
}

impl Budget {
    /// A budget with the ρ of each ε, which takes time to find and is needed for every debit. For
    /// another ε or δ make another budget.
    #[must_use]
    pub fn new(
        period: Period,
        [epsilon, lifetime_epsilon]: [Epsilon; 2],
        delta: Delta,
        selection_delta: u64,
    ) -> Self {
        let rho = |epsilon| Rho::from_epsilon(epsilon, delta);
        Self {
            period,
            epsilon,
            lifetime_epsilon,
            delta,
            selection_delta,
            rho: rho(epsilon),
            lifetime_rho: rho(lifetime_epsilon),
            ceiling_rho: rho(Epsilon::MAX),
        }
    }

    /// The budget of one period, as the ledger keeps it.
    #[must_use]
    pub fn per_period(&self) -> Loss {
        Loss::zcdp(self.rho).with_delta(self.selection_delta)
    }

    /// The budget for ever, as the ledger keeps it.
    #[must_use]
    pub fn lifetime(&self) -> Loss {
        Loss::zcdp(self.lifetime_rho).with_delta(self.selection_delta)
    }

    /// What one person may lose for ever, through all purposes, names and contracts together: a
    /// constant of the build, at this budget's δ. A ledger enforces it, since a contract knows only
    /// itself.
    #[must_use]
    pub fn ceiling(&self) -> Loss {
        Loss::zcdp(self.ceiling_rho).with_delta(u64::from(Delta::MAX))
    }
}

/// Largest ε that this build accepts for one dataset for ever: over all purposes of a contract, and in a
/// ledger over all contracts.
pub const MAX_LIFETIME_EPSILON: u64 = 100;

/// A build of the enclave: PCR0 (image), PCR1 (kernel and boot), PCR2 (application).
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Build {
    /// Name that people give to the build.
    pub name: String,
    /// The build's registers, by number.
    pub pcrs: BTreeMap<u8, Pcr>,
    /// SHA-384 of its build manifest, as `eif-build` writes it; `None` if the contract names none.
    pub manifest: Option<Digest>,
}

impl Contract {
    /// Reads a contract's text. There is no other way to make a contract.
    ///
    /// # Errors
    ///
    /// [`ContractError`]: the line, what was found and what was expected.
    pub fn parse(bytes: &[u8]) -> Result<Self, ContractError> {
        parse::contract(bytes)
    }

    /// Opens a contract that every party has signed.
    ///
    /// # Errors
    ///
    /// [`OpenContractError`] naming who has not signed, or what is wrong.
    pub fn open(signed: &[u8]) -> Result<Self, OpenContractError> {
        let joint = Jointly::parse(TAG, signed).map_err(OpenContractError::Signature)?;
        let contract = Self::parse(joint.payload()).map_err(OpenContractError::Contract)?;
        let signers = joint.signers().map_err(OpenContractError::Signature)?;
        if let Some(stranger) = signers.iter().find(|key| contract.party_of(key).is_none()) {
            return Err(OpenContractError::Stranger { key: *stranger });
        }
        let missing: Vec<_> = contract
            .parties
            .iter()
            .filter(|(_, party)| !signers.contains(&party.root_key))
            .map(|(name, _)| name.clone())
            .collect();
        if missing.is_empty() { Ok(contract) } else { Err(OpenContractError::Unsigned { missing }) }
    }

    /// The party whose root key is `key`.
    #[must_use]
    pub fn party_of(&self, key: &PublicKey) -> Option<&str> {
        self.parties.iter().find(|(_, p)| p.root_key == *key).map(|(name, _)| name.as_str())
    }

    /// Whether `analysis` compares arms and learns of a refusal only together with an outcome: only
    /// the joined data have a consent column, so refusers are known only if they were found. They stay in
    /// their arm without what they did: to leave them out would make the arms unlike where being found depends on the campaign.
    #[must_use]
    pub fn consent_is_known_by_outcome(&self, analysis: &str) -> bool {
        let Some(terms) = self.analyses.get(analysis) else { return false };
        let mut asking = terms.datasets().map(|dataset| self.asks_consent(dataset));
        let population_asks = asking.next().unwrap_or(false);
        terms.section().reads(Reading::Arm) && !population_asks && asking.any(|asks| asks)
    }

    /// Whether `dataset` has a consent column.
    #[must_use]
    pub fn asks_consent(&self, dataset: &str) -> bool {
        let found = self.datasets.get(dataset);
        found.is_some_and(|found| found.columns.iter().any(|column| column.role == Role::Consent))
    }

    /// Whether people can refuse in any dataset of `analysis`.
    #[must_use]
    pub fn can_refuse(&self, analysis: &str) -> bool {
        let found = self.analyses.get(analysis);
        found.is_some_and(|terms| terms.datasets().any(|name| self.asks_consent(name)))
    }

    /// Kinds of identifiers that both the population of `analysis` and a dataset joined to it have, and that do not
    /// always find a person.
    ///
    /// A dataset that names its [`Dataset::claims`] finds people by these kinds. Of another one a row is known by the
    /// first identifier that it has, so a kind finds everybody only if it comes first in both datasets. Empty if the
    /// analysis joins nothing, or counts the people of its datasets together: then the job names one kind of key, by
    /// which every row that has it is known.
    #[must_use]
    pub fn unused_match_keys(&self, analysis: &str) -> BTreeSet<Identifier> {
        let Some(terms) = self.analyses.get(analysis) else { return BTreeSet::new() };
        let ours = terms.datasets().next().map(|name| self.match_keys(name)).unwrap_or_default();
        let joined = terms.datasets().filter(|dataset| terms.joins(dataset));
        let unused = joined.flat_map(|dataset| {
            let theirs = self.match_keys(dataset);
            let is_used = |kind: &Identifier| match self.claims(dataset) {
                [] => ours.first() == Some(kind) && theirs.first() == Some(kind),
                claims => claims.contains(kind),
            };
            let common = ours.iter().filter(|kind| theirs.contains(kind));
            common.filter(|kind| !is_used(kind)).copied().collect::<Vec<_>>()
        });
        unused.collect()
    }

    /// The kinds of identifiers by which people of `dataset` claim those of a population, in their order; none if they
    /// are found by the first one of both.
    #[must_use]
    pub fn claims(&self, dataset: &str) -> &[Identifier] {
        self.datasets.get(dataset).map(|found| found.claims.as_slice()).unwrap_or_default()
    }

    /// The datasets whose people claim those of `population`: an analysis joins them to it.
    #[must_use]
    pub fn claimants(&self, population: &str) -> BTreeSet<&str> {
        let of_it = |terms: &&Terms| terms.datasets().next() == Some(population);
        let joined = self.analyses.values().filter(of_it).flat_map(|terms| {
            let joined = terms.datasets().filter(|dataset| terms.joins(dataset));
            joined.filter(|dataset| !self.claims(dataset).is_empty())
        });
        joined.collect()
    }

    /// The kinds of identifiers by which people of `population` are claimed.
    #[must_use]
    pub fn claimed(&self, population: &str) -> BTreeSet<Identifier> {
        let claimants = self.claimants(population).into_iter();
        claimants.flat_map(|dataset| self.claims(dataset)).copied().collect()
    }

    /// The smallest cell that is shown by a question under `terms` that reads these columns, in people: the largest floor
    /// of the contract, of each column, and of the columns that the analysis names together.
    #[must_use]
    pub fn floor(&self, terms: &Terms, read: &BTreeSet<ColumnRef>) -> u32 {
        let of_columns = read.iter().filter_map(|named| self.column(named)?.min_cell);
        let together = terms.floors.iter().filter(|floor| floor.columns.is_subset(read));
        of_columns.chain(together.map(|floor| floor.people)).fold(self.min_cell, u32::max)
    }

    /// One of these columns that has a floor above the contract's, alone or together with others of them.
    #[must_use]
    pub fn with_floor<'c>(
        &self,
        terms: &'c Terms,
        read: &'c BTreeSet<ColumnRef>,
    ) -> Option<&'c ColumnRef> {
        let has_floor =
            |named: &&ColumnRef| self.column(named).is_some_and(|column| column.min_cell.is_some());
        let together = terms.floors.iter().find(|floor| floor.columns.is_subset(read));
        read.iter().find(has_floor).or_else(|| together.and_then(|floor| floor.columns.first()))
    }

    /// The column with this name, if there is one.
    #[must_use]
    pub fn column(&self, named: &ColumnRef) -> Option<&Column> {
        self.datasets.get(&named.dataset)?.column(&named.column)
    }

    /// The kinds of identifiers of `dataset`, in the order in which a row is known by them.
    #[must_use]
    pub fn match_keys(&self, dataset: &str) -> Vec<Identifier> {
        let columns = self.datasets.get(dataset).into_iter().flat_map(|dataset| &dataset.columns);
        let kinds = columns.filter_map(|column| match column.role {
            Role::MatchKey(kind) => Some(kind),
            _ => None,
        });
        kinds.collect()
    }

    /// The columns of `dataset` that some analysis uses: the only ones whose keys are granted.
    #[must_use]
    pub fn used_columns(&self, dataset: &str) -> Vec<&Column> {
        let Some(found) = self.datasets.get(dataset) else { return Vec::new() };
        let reading: Vec<_> = self
            .analyses
            .values()
            .filter(|terms| terms.datasets().any(|name| name == dataset))
            .collect();
        let used = |column: &&Column| match column.role {
            Role::MatchKey(_) | Role::Consent => !reading.is_empty(),
            Role::Person | Role::Never => false,
            Role::Group(_) | Role::Label | Role::Measure(_) | Role::Date | Role::Feature(_) => {
                let named = ColumnRef::new(dataset, &column.name);
                reading.iter().any(|terms| terms.lists(&named))
            }
        };
        found.columns.iter().filter(used).collect()
    }
}

impl Dataset {
    /// The column called `name`.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The columns that are sealed: all but those that never leave and the owner's own name for a person.
    pub fn sealed_columns(&self) -> impl Iterator<Item = &Column> {
        self.read_columns().filter(|column| column.role != Role::Person)
    }

    /// The columns that sealing reads: those that are sealed, and the owner's own name for a person.
    pub fn read_columns(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.role != Role::Never)
    }
}

/// Why a signed contract does not open.
///
/// Remedy: give the .signed file that `glovebox contract sign` makes, with the signature of every party in it; who
/// has not signed is named.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenContractError {
    /// The text is not a valid contract.
    #[error("{0}")]
    Contract(#[source] ContractError),
    /// A signature does not verify.
    #[error("a signature under the contract: {0}")]
    Signature(#[source] SignatureError),
    /// A key that signed belongs to no party.
    #[error("signed by {key}, which is not the key of a party of this contract")]
    Stranger {
        /// The key.
        key: PublicKey,
    },
    /// A party has not signed.
    #[error("not signed by {}", missing.join(", "))]
    Unsigned {
        /// Names of the parties that have not signed.
        missing: Vec<String>,
    },
}

/// Whether `text` is a name: `a-z` first, then `a-z`, `0-9`, `-` or `_`, at most 32 characters.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let tail = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.len() <= 32 && text.bytes().all(tail)
}

/// Domain tag of a contract's digest and signatures.
pub const TAG: &str = "glovebox contract v2";
/// The version that a contract of this format states.
const VERSION: u32 = 2;

#[cfg(test)]
pub(crate) mod tests;
