//! Granting: hands the keys of exactly the columns that the contract uses to one believed instance.

mod error;

use crate::{
    clock,
    keys::{self, Identity},
    opt_outs,
    room::{Instance, Room, RoomError},
    salts, withdrawals,
};
use protocol::{
    contract::{Contract, Dataset},
    delegation::Authority,
    grant::{Binding, Grant},
    key::DataKey,
    manifest::{Manifest, ManifestError, SignedManifest},
    message::{Body, Reply},
    opt_outs::NamedOptOuts,
    salt::BucketSalt,
    sealed::FOOTER,
    sign::{Envelope, PublicKey},
    time::Time,
};
use rand_core::CryptoRng;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

pub use error::GrantError;

/// An instance's answer to a grant.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Granted {
    /// Name of the dataset.
    pub dataset: String,
    /// Columns that are open in the instance now.
    pub columns: Vec<String>,
    /// When the instance will drop the keys.
    pub not_after: Time,
}

/// Grants `dataset` to the instance of `room`, until `not_after` (if there is none, for 24 hours),
/// with prepaid `slices` if there are any. Granting again extends the grant. The list of opt-outs that the manifest names
/// goes along, from the party's folder.
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
    // A grant must not outlive the keys that it rests on.
    let not_after = not_after.min(service.delegation().until).min(manifest.until());
    if not_after <= now {
        return Err(GrantError::Over { not_after });
    }
    let salt = salts::named_by(identity.directory(), room.contract())?;
    tell_withdrawals(room, identity).await?;
    let (contract, instance) = (room.contract(), room.instance());
    let to = GrantTarget { contract, instance, owner: identity.root_key(), salt: &salt };
    let list = named_list(manifest.manifest(), identity)?;
    let handed = Handing { keys, opt_outs: list.as_deref() };
    let grant = to.seal(dataset, manifest, handed, not_after, &mut keys::generator()?)?;
    let slices = slices.into_iter().map(Into::into).collect();
    match room.request(identity, Body::Grant { grant, slices }).await? {
        Reply::Granted { columns, not_after } => {
            Ok(Granted { dataset: dataset.to_owned(), columns, not_after })
        }
        Reply::Refused(refusal) => Err(GrantError::Refused(Box::new(refusal))),
        _ => Err(GrantError::Room(RoomError::Protocol { what: "an answer to a grant" })),
    }
}

/// Takes back the grant of `dataset`: the instance drops its keys and rows before it answers. Other
/// grants go on, and prepaid budget stays.
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

/// Tells the instance of a key that was withdrawn. A withdrawal of a party outside the room's
/// contract is not sent.
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

/// Tells the instance of every withdrawal in the party's folder: one that was started since knows of none.
///
/// # Errors
///
/// As [`withdraw`], and [`GrantError::Withdrawals`].
pub async fn tell_withdrawals(room: &mut Room, identity: &Identity) -> Result<(), GrantError> {
    for withdrawal in withdrawals::all(identity.directory())? {
        withdraw(room, identity, withdrawal).await?;
    }
    Ok(())
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
    let unknown = || unknown(contract, dataset);
    let found = contract.datasets.get(dataset).ok_or_else(unknown)?;
    let authority = Authority::at(contract, clock::now());
    let manifest = SignedManifest::open(bytes, &authority, &found.owner)
        .map_err(|cause| GrantError::ManifestSignature { owner: found.owner.clone(), cause })?;
    manifest.manifest().check(found).map_err(|flaw| unfit(contract, dataset, &manifest, flaw))?;
    Ok(manifest)
}

/// The error for a manifest that does not fit: it may be that of another dataset.
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

/// The signed list of opt-outs that a manifest names, from the party's folder.
pub(crate) fn named_list(
    manifest: &Manifest,
    identity: &Identity,
) -> Result<Option<Vec<u8>>, GrantError> {
    let Some(named) = &manifest.opt_outs else { return Ok(None) };
    let (directory, root) = (identity.directory(), identity.root_key());
    Ok(Some(opt_outs::named_by(directory, &root, &manifest.lineage, named)?))
}

/// Reads a manifest as its owner, with the newest list of opt-outs in the party's folder, or the one that it names if that is newer. If another of the owner's keys signed it, or a key whose time is
/// over, the owner signs it anew, and the version of the dataset stays the same. A manifest that a
/// withdrawn key signed is signed anew only if it is of the file that was sealed here: the keys
/// file names its Merkle root as `sealed`, which a thief of the key could not write.
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
    let found = own_dataset(contract, dataset, identity.party_in(contract)?)?;
    let withdrawn = withdrawals::under(identity.directory(), contract)?;
    let known = Authority::at_any_time(contract);
    let manifest = SignedManifest::open(bytes.clone(), &known, &found.owner)
        .map_err(|cause| GrantError::ManifestSignature { owner: found.owner.clone(), cause })?;
    let good = SignedManifest::open(bytes, &known.without(&withdrawn), &found.owner).is_ok();
    if !good && sealed != Some(manifest.manifest().root.to_string().as_str()) {
        let (dataset, owner) = (dataset.to_owned(), found.owner.clone());
        return Err(GrantError::WithdrawnSigner { dataset, owner });
    }
    let newest = opt_outs::newest(identity.directory(), &identity.root_key(), &found.lineage)?;
    let mut manifest = manifest.manifest().clone();
    let newest = newest.map(|kept| kept.list.named());
    let is_newer = |newest: &NamedOptOuts| {
        manifest.opt_outs.is_none_or(|named| named.may_be_followed_by(Some(newest)))
    };
    manifest.opt_outs = newest.filter(is_newer).or(manifest.opt_outs);
    read_manifest(identity.service()?.sign(&manifest), contract, dataset)
}

/// The dataset of this name, which has to be `party`'s own.
///
/// # Errors
///
/// [`GrantError::NoDataset`] and [`GrantError::NotOurs`].
pub fn own_dataset<'c>(
    contract: &'c Contract,
    dataset: &str,
    party: &str,
) -> Result<&'c Dataset, GrantError> {
    let found = contract.datasets.get(dataset).ok_or_else(|| unknown(contract, dataset))?;
    if party == found.owner {
        return Ok(found);
    }
    let (dataset, owner) = (dataset.to_owned(), found.owner.clone());
    Err(GrantError::NotOurs { dataset, owner, party: party.to_owned() })
}

/// The error for a name that no dataset of the contract has.
fn unknown(contract: &Contract, dataset: &str) -> GrantError {
    let known = contract.datasets.keys().cloned().collect();
    GrantError::NoDataset { dataset: dataset.to_owned(), known }
}

/// The keys of the columns that the contract lets somebody use, and no other keys.
///
/// # Errors
///
/// [`GrantError::Unused`]; [`GrantError::KeyMissing`] if `keys` does not have one of them.
pub(crate) fn released(
    contract: &Contract,
    dataset: &str,
    keys: &BTreeMap<String, DataKey>,
) -> Result<BTreeMap<String, DataKey>, GrantError> {
    let used = contract.used_columns(dataset);
    if used.is_empty() {
        return Err(GrantError::Unused { dataset: dataset.to_owned() });
    }
    let mut columns: BTreeSet<&str> = used.iter().map(|c| c.name.as_str()).collect();
    columns.insert(FOOTER);
    let released = columns.into_iter().map(|column| {
        let key = keys.get(column).cloned();
        let missing = || GrantError::KeyMissing { column: column.to_owned() };
        Ok((column.to_owned(), key.ok_or_else(missing)?))
    });
    released.collect()
}

/// The receiver of a grant, and the owner who makes it.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a caller names all of it")]
pub struct GrantTarget<'a> {
    /// The contract.
    pub contract: &'a Contract,
    /// The believed instance that the grant is for.
    pub instance: &'a Instance,
    /// The owner's root key.
    pub owner: PublicKey,
    /// The bucket salt of the contract.
    pub salt: &'a BucketSalt,
}

impl GrantTarget<'_> {
    /// Seals the keys of the columns that the contract lets somebody use, and no other keys; and the list of opt-outs.
    ///
    /// # Errors
    ///
    /// [`GrantError`]; [`GrantError::KeyMissing`] if `handed` does not have one of them.
    pub fn seal<'k>(
        &self,
        dataset: &str,
        manifest: &SignedManifest,
        handed: impl Into<Handing<'k>>,
        not_after: Time,
        rng: &mut impl CryptoRng,
    ) -> Result<Grant, GrantError> {
        let (handed, owner) = (handed.into(), self.owner);
        let party = self.contract.party_of(&owner).unwrap_or_default();
        let found = own_dataset(self.contract, dataset, party)?;
        manifest.manifest().check(found).map_err(GrantError::Manifest)?;
        let released = released(self.contract, dataset, handed.keys)?;
        let binding = Binding {
            contract: self.contract.digest,
            instance: self.instance.digest(),
            owner: &owner,
            dataset,
            manifest: manifest.digest(),
            not_after,
        };
        let recipient = self.instance.recipient_key().map_err(GrantError::InstanceKey)?;
        let sealed = binding.seal(&recipient, &released, self.salt, handed.opt_outs, rng);
        let (columns, keys) = sealed.map_err(GrantError::InstanceKey)?;
        Ok(Grant {
            dataset: dataset.to_owned(),
            manifest: manifest.as_bytes().to_vec(),
            columns,
            keys,
            not_after,
        })
    }
}

/// What an owner has to hand over of one version.
#[derive(Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "a caller names all of it")]
pub struct Handing<'a> {
    /// Its column keys.
    pub keys: &'a BTreeMap<String, DataKey>,
    /// The signed list of opt-outs that its manifest names, if it names one.
    pub opt_outs: Option<&'a [u8]>,
}

impl fmt::Debug for Handing<'_> {
    /// Says whether there is a list, and neither keys nor who is on it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_list = self.opt_outs.is_some();
        f.debug_struct("Handing").field("has_list", &has_list).finish_non_exhaustive()
    }
}

impl<'a> From<&'a BTreeMap<String, DataKey>> for Handing<'a> {
    /// Of a version without a list.
    fn from(keys: &'a BTreeMap<String, DataKey>) -> Self {
        Self { keys, opt_outs: None }
    }
}

/// Duration of a grant in seconds: 24 hours, minus five minutes by which the two clocks may differ.
const DEFAULT_SECONDS: u64 = 24 * 3600 - 300;

#[cfg(test)]
mod tests;
