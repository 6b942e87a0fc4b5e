//! Handing the keys of exactly the columns that the contract uses to one believed instance.

use crate::{
    clock,
    keys::{self, Identity, IdentityError},
    room::{Instance, Room, RoomError},
    salts::{self, SaltError},
    withdrawals::{self, WithdrawalError},
};
use protocol::{
    contract::Contract,
    delegation::{Authority, KeyError},
    grant::{Binding, Grant},
    hpke::OpenError,
    key::DataKey,
    manifest::{ManifestError, SignedManifest},
    message::{Body, Reply},
    refusal::Refusal,
    salt::BucketSalt,
    sealed::{FOOTER, ROW},
    sign::{Envelope, PublicKey},
    time::Time,
};
use rand_core::CryptoRng;
use std::collections::{BTreeMap, BTreeSet};

/// What an instance said to a grant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Granted {
    /// Dataset.
    pub dataset: String,
    /// Columns that are open there now.
    pub columns: Vec<String>,
    /// When it will drop the keys.
    pub not_after: Time,
}

/// Grants `dataset` to the instance of `room`, until `not_after` (24 hours from now if none), with
/// prepaid `slices` if there are any. Granting again renews.
///
/// # Errors
///
/// [`GrantError`] before anything is sent, or what the instance says.
pub async fn grant(
    room: &mut Room,
    identity: &Identity,
    dataset: &str,
    manifest: &SignedManifest,
    keys: &BTreeMap<String, DataKey>,
    not_after: Option<Time>,
    slices: Vec<Vec<u8>>,
) -> Result<Granted, GrantError> {
    identity.party_in(room.contract())?;
    let now = clock::now();
    let not_after = not_after.unwrap_or_else(|| now.plus_seconds(DEFAULT_SECONDS));
    let not_after = not_after.min(room.contract().expires);
    if not_after <= now {
        return Err(GrantError::Over { not_after });
    }
    let service = identity.service()?;
    // Nothing that rests on a key lasts longer than the key.
    let not_after = not_after.min(service.delegation().until).min(manifest.until());
    if not_after <= now {
        return Err(GrantError::Over { not_after });
    }
    let salt = salts::named_by(identity.directory(), room.contract())?;
    // An instance that was started since knows of no withdrawal.
    for withdrawal in withdrawals::all(identity.directory())? {
        withdraw(room, identity, withdrawal).await?;
    }
    let (contract, instance) = (room.contract(), room.instance());
    let to = To { contract, instance, owner: identity.root_key(), salt: &salt };
    let grant = to.seal(dataset, manifest, keys, not_after, &mut keys::generator()?)?;
    let slices = slices.into_iter().map(Into::into).collect();
    match room.request(identity, Body::Grant { grant, slices }).await? {
        Reply::Granted { columns, not_after } => {
            Ok(Granted { dataset: dataset.to_owned(), columns, not_after })
        }
        Reply::Refused(refusal) => Err(GrantError::Refused(Box::new(refusal))),
        _ => Err(GrantError::Room(RoomError::Protocol { what: "an answer to a grant" })),
    }
}

/// Takes back what was granted of `dataset`: the instance drops its keys and rows before it answers. Other
/// grants go on, and so does what was prepaid.
///
/// # Errors
///
/// [`GrantError`]; without an answer the grant may last until its end.
pub async fn revoke(room: &mut Room, identity: &Identity, dataset: &str) -> Result<(), GrantError> {
    identity.party_in(room.contract())?;
    let body = Body::Revoke { dataset: dataset.to_owned() };
    match room.request(identity, body).await? {
        Reply::Revoked {} => Ok(()),
        Reply::Refused(refusal) => Err(GrantError::Refused(Box::new(refusal))),
        _ => Err(GrantError::Room(RoomError::Protocol { what: "an answer to a revocation" })),
    }
}

/// Tells the instance of a key that is believed no more. A withdrawal of another contract's party is not its business,
/// and is passed over.
///
/// # Errors
///
/// [`GrantError`]; without an answer the instance may not know of it.
pub async fn withdraw(
    room: &mut Room,
    identity: &Identity,
    withdrawal: Vec<u8>,
) -> Result<(), GrantError> {
    let root = Envelope::parse(&withdrawal).map(|envelope| envelope.claimed_signer());
    if root.is_ok_and(|root| room.contract().party_of(&root).is_none()) {
        return Ok(());
    }
    match room.request(identity, Body::Withdraw { withdrawal }).await? {
        Reply::Withdrawn {} => Ok(()),
        Reply::Refused(refusal) => Err(GrantError::Refused(Box::new(refusal))),
        _ => Err(GrantError::Room(RoomError::Protocol { what: "an answer to a withdrawal" })),
    }
}

/// Reads a manifest of `dataset` that its owner signed, and checks that it fits the contract.
///
/// # Errors
///
/// [`GrantError`] naming what does not fit.
pub fn read_manifest(
    bytes: Vec<u8>,
    contract: &Contract,
    dataset: &str,
) -> Result<SignedManifest, GrantError> {
    let unknown = || GrantError::NoDataset { dataset: dataset.to_owned() };
    let found = contract.datasets.get(dataset).ok_or_else(unknown)?;
    let authority = Authority::at(contract, clock::now());
    let manifest = SignedManifest::open(bytes, &authority, &found.owner)
        .map_err(|cause| GrantError::ManifestSignature { owner: found.owner.clone(), cause })?;
    manifest.manifest().check(found).map_err(|flaw| unfit(contract, dataset, &manifest, flaw))?;
    Ok(manifest)
}

/// What is said of a manifest that does not fit: it may be that of another dataset.
fn unfit(
    contract: &Contract,
    dataset: &str,
    manifest: &SignedManifest,
    flaw: ManifestError,
) -> GrantError {
    let lineage = &manifest.manifest().lineage;
    let mut datasets = contract.datasets.iter();
    match datasets.find(|(_, other)| other.lineage == *lineage) {
        Some((other, _)) if flaw == ManifestError::Lineage => {
            GrantError::OtherDataset { found: other.clone(), dataset: dataset.to_owned() }
        }
        _ => GrantError::Manifest(flaw),
    }
}

/// The same for its owner, who signs it anew where another of its keys had signed it, or one whose time is over: the
/// version of the dataset stays the same. What a withdrawn key signed is signed anew only if it is of the file that
/// was sealed here: the one whose Merkle root the keys file names as `sealed`, which no thief of the key could write.
///
/// # Errors
///
/// [`GrantError`] naming what does not fit.
pub fn own_manifest(
    bytes: Vec<u8>,
    contract: &Contract,
    dataset: &str,
    identity: &Identity,
    sealed: Option<&str>,
) -> Result<SignedManifest, GrantError> {
    let unknown = || GrantError::NoDataset { dataset: dataset.to_owned() };
    let found = contract.datasets.get(dataset).ok_or_else(unknown)?;
    let withdrawn = withdrawals::under(identity.directory(), contract)?;
    let known = Authority::at_any_time(contract);
    let manifest = SignedManifest::open(bytes.clone(), &known, &found.owner)
        .map_err(|cause| GrantError::ManifestSignature { owner: found.owner.clone(), cause })?;
    if identity.party_in(contract)? != found.owner {
        let (dataset, owner) = (dataset.to_owned(), found.owner.clone());
        return Err(GrantError::NotOurs { dataset, owner });
    }
    let good = SignedManifest::open(bytes, &known.without(&withdrawn), &found.owner).is_ok();
    if !good && sealed != Some(manifest.manifest().root.to_string().as_str()) {
        let (dataset, owner) = (dataset.to_owned(), found.owner.clone());
        return Err(GrantError::WithdrawnSigner { dataset, owner });
    }
    read_manifest(identity.service()?.sign(manifest.manifest()), contract, dataset)
}

/// Whom a grant is for, and who makes it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a caller names all of it")]
pub struct To<'a> {
    /// The contract.
    pub contract: &'a Contract,
    /// The believed instance.
    pub instance: &'a Instance,
    /// The owner's root key.
    pub owner: PublicKey,
    /// The bucket salt of the contract.
    pub salt: &'a BucketSalt,
}

impl To<'_> {
    /// Seals the keys of the columns that the contract lets anyone use, and no others.
    ///
    /// # Errors
    ///
    /// [`GrantError`]; [`GrantError::KeyMissing`] if `keys` does not have one of them.
    pub fn seal(
        &self,
        dataset: &str,
        manifest: &SignedManifest,
        keys: &BTreeMap<String, DataKey>,
        not_after: Time,
        rng: &mut impl CryptoRng,
    ) -> Result<Grant, GrantError> {
        let no_dataset = || GrantError::NoDataset { dataset: dataset.to_owned() };
        let found = self.contract.datasets.get(dataset).ok_or_else(no_dataset)?;
        let owner = self.owner;
        if self.contract.party_of(&owner) != Some(found.owner.as_str()) {
            let (dataset, owner) = (dataset.to_owned(), found.owner.clone());
            return Err(GrantError::NotOurs { dataset, owner });
        }
        manifest.manifest().check(found).map_err(GrantError::Manifest)?;
        let used = self.contract.used_columns(dataset);
        if used.is_empty() {
            return Err(GrantError::Unused { dataset: dataset.to_owned() });
        }
        let mut columns: BTreeSet<&str> = used.iter().map(|c| c.name.as_str()).collect();
        columns.extend([FOOTER, ROW]);
        let released = columns.into_iter().map(|column| {
            let key = keys.get(column).cloned();
            let missing = || GrantError::KeyMissing { column: column.to_owned() };
            Ok((column.to_owned(), key.ok_or_else(missing)?))
        });
        let released: BTreeMap<_, _> = released.collect::<Result<_, GrantError>>()?;
        let binding = Binding {
            contract: self.contract.digest,
            instance: self.instance.digest(),
            owner: &owner,
            dataset,
            manifest: manifest.digest(),
            not_after,
        };
        let recipient = self.instance.recipient_key().map_err(GrantError::InstanceKey)?;
        let (columns, keys) =
            binding.seal(&recipient, &released, self.salt, rng).map_err(GrantError::InstanceKey)?;
        Ok(Grant {
            dataset: dataset.to_owned(),
            manifest: manifest.as_bytes().to_vec(),
            columns,
            keys,
            not_after,
        })
    }
}

/// Why a grant is not made, or not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// No such dataset.
    #[error("the contract has no dataset \"{dataset}\"")]
    NoDataset {
        /// What was named.
        dataset: String,
    },
    /// Somebody else's.
    #[error("\"{dataset}\" belongs to {owner}: only its owner can grant it")]
    NotOurs {
        /// Dataset.
        dataset: String,
        /// Its owner.
        owner: String,
    },
    /// Nothing to release.
    #[error("no analysis of the contract uses \"{dataset}\": there is nothing to grant")]
    Unused {
        /// Dataset.
        dataset: String,
    },
    /// The manifest's signature.
    #[error("the manifest is not {owner}'s: {cause}")]
    ManifestSignature {
        /// Who should have signed.
        owner: String,
        /// What is wrong.
        cause: KeyError,
    },
    /// The manifest is signed by a withdrawn key, and is not known to be of the file that the owner sealed.
    #[error(
        "{dataset}.manifest was signed by a key that {owner} withdrew, and the keys file does not name the sealed file \
         that it is of: give the .keys and the .manifest that one `glovebox seal` wrote, or seal the dataset again"
    )]
    WithdrawnSigner {
        /// Dataset.
        dataset: String,
        /// Its owner.
        owner: String,
    },
    /// Another dataset's manifest.
    #[error("this is the manifest of \"{found}\"; name that of \"{dataset}\"")]
    OtherDataset {
        /// Whose manifest it is.
        found: String,
        /// What is granted.
        dataset: String,
    },
    /// The manifest's content.
    #[error("{0}: seal the dataset again under this contract")]
    Manifest(#[source] ManifestError),
    /// A key that the keys file does not have.
    #[error("the keys file has no key of \"{column}\": it belongs to another sealed file")]
    KeyMissing {
        /// Column.
        column: String,
    },
    /// The instance's key.
    #[error("the instance's recipient key: {0}")]
    InstanceKey(#[source] OpenError),
    /// Over before it begins.
    #[error("the grant would be over at {not_after}, before it begins")]
    Over {
        /// When.
        not_after: Time,
    },
    /// Our bucket salt.
    #[error(transparent)]
    Salt(#[from] SaltError),
    /// Our list of withdrawn keys.
    #[error(transparent)]
    Withdrawals(#[from] WithdrawalError),
    /// Our keys.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The room.
    #[error(transparent)]
    Room(#[from] RoomError),
    /// Declined.
    #[error("{0}")]
    Refused(#[source] Box<Refusal>),
}

/// 24 hours, less five minutes in which the two clocks may differ.
const DEFAULT_SECONDS: u64 = 24 * 3600 - 300;

#[cfg(test)]
mod tests;
