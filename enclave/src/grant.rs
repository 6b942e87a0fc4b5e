//! Takes the keys of a dataset: the grant is verified, the file fetched and opened, and only then
//! are the keys held.

use crate::{
    audit::Readers,
    link::{self, HostError},
    session::{Open, Serving, State},
    vault::{Held, is_over},
};
use arrow::array::RecordBatch;
use bytes::Bytes;
use engine::{Fault, Intake, Ordered};
use protocol::{
    audit::Event,
    contract::{Contract, Dataset},
    delegation::{Authorised, KeyError, KeyFlaw},
    grant::{Binding, Grant},
    key::DataKey,
    manifest::{Manifest, SignedManifest},
    message::Reply,
    opt_outs::{OptOuts, TakenOut},
    refusal::{Asked, GrantFlaw, Refusal},
    sealed::{FOOTER, FileError},
    slice::Slice,
    storage::Failure,
    time::Time,
};
use serde_bytes::ByteBuf;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Opens the dataset that `grant` is for, or says why not. The host sees the whole file being read,
/// from first block to last.
pub(crate) async fn take(
    serving: &Serving,
    by: &Authorised,
    grant: Grant,
    slices: &[ByteBuf],
) -> Result<Reply, Refusal> {
    let (now, party) = (serving.now()?, by.party());
    let name = grant.dataset.clone();
    let bad = |why| Refusal::BadGrant { dataset: name.clone(), why };
    let contract = &serving.contract;
    let dataset = owned(contract, &name, party)?;
    if now >= contract.expires {
        return Err(Refusal::ContractExpired { expired: contract.expires });
    }
    check_time(&grant, now).map_err(bad)?;
    let owner = contract.parties.get(party).ok_or(Refusal::Stranger)?.root_key;
    let manifest = open_manifest(serving, &grant, party, now)?;
    // A receipt says whether the manifest's key was good when the result was made, so a grant must
    // not outlive that key.
    if grant.not_after > manifest.until().min(by.until()) {
        return Err(bad(GrantFlaw::OutlivesKey));
    }
    manifest.manifest().check(dataset).map_err(|why| bad(GrantFlaw::Manifest(why)))?;
    check_columns(&grant, contract).map_err(bad)?;
    let binding = Binding {
        contract: contract.digest,
        instance: serving.instance,
        owner: &owner,
        dataset: &name,
        manifest: manifest.digest(),
        not_after: grant.not_after,
    };
    let handed = {
        let mut state = serving.state.lock().await;
        let State::Open(open) = &mut *state else { return Err(Refusal::Closed) };
        open.vault.check_version(&name, manifest.manifest())?;
        let handed =
            open_keys(&binding, open, &grant, manifest.manifest(), contract).map_err(bad)?;
        if let Some(table) = open.vault.same(&name, manifest.digest(), now) {
            // These rows are what the file has: nothing is read again, and no memory taken.
            let granted = Granted { by, grant, manifest, slices };
            return granted.hold(serving, open, table, now);
        }
        open.vault.reserve(&name, manifest.manifest(), contract)?;
        handed
    };
    let fetched = fetch(serving, &name, &manifest, handed).await;

    let mut state = serving.state.lock().await;
    let State::Open(open) = &mut *state else { return Err(Refusal::Closed) };
    if open.vault.release(&name) {
        return Err(Refusal::KeyWithheld { dataset: name, owner: party.to_owned() });
    }
    let table = Arc::new(fetched?);
    let now = serving.now()?;
    if is_over(grant.not_after, now) {
        return Err(bad(GrantFlaw::Time));
    }
    open.vault.check_version(&name, manifest.manifest())?;
    Granted { by, grant, manifest, slices }.hold(serving, open, table, now)
}

/// A grant whose keys and manifest were opened.
struct Granted<'a> {
    by: &'a Authorised,
    grant: Grant,
    manifest: SignedManifest,
    slices: &'a [ByteBuf],
}

impl Granted<'_> {
    /// Holds `table`, the rows of the manifest's file, until the grant ends.
    fn hold(
        self,
        serving: &Serving,
        open: &mut Open,
        table: Arc<Ordered>,
        now: Time,
    ) -> Result<Reply, Refusal> {
        let Self { by, grant, manifest, slices } = self;
        // The keys of both may have been withdrawn while the file was fetched.
        let signed = manifest.as_bytes().to_vec();
        serving.authority(now, |known| {
            known.still(by)?;
            SignedManifest::open(signed, known, by.party()).map(drop)
        })?;
        accept(serving, open, slices, now)?;
        open.audit.admit_grant(by.party())?;
        let (digest, not_after) = (manifest.digest(), grant.not_after);
        open.vault.open(&grant.dataset, Held { manifest, table, not_after });
        let granted = Event::Granted { dataset: grant.dataset, manifest: digest, not_after };
        open.audit.append(now, Readers::All, granted);
        Ok(Reply::Granted { columns: grant.columns, not_after })
    }
}

/// The manifest of a grant, which its owner must have signed.
fn open_manifest(
    serving: &Serving,
    grant: &Grant,
    party: &str,
    now: Time,
) -> Result<SignedManifest, Refusal> {
    let bytes = grant.manifest.clone();
    let opened = serving.authority(now, |known| SignedManifest::open(bytes, known, party));
    opened.map_err(|error| match error {
        KeyError::Unfit { why: KeyFlaw::OtherParty { .. }, .. }
        | KeyError::Malformed
        | KeyError::Stranger => {
            Refusal::BadGrant { dataset: grant.dataset.clone(), why: GrantFlaw::Signature }
        }
        unfit => unfit.into(),
    })
}

/// The dataset called `name`, which must belong to `party`.
fn owned<'c>(contract: &'c Contract, name: &str, party: &str) -> Result<&'c Dataset, Refusal> {
    let found = contract.datasets.get(name);
    found.filter(|dataset| dataset.owner == party).ok_or_else(|| {
        let owner = found.map(|dataset| dataset.owner.clone());
        let name = name.chars().take(64).collect();
        Refusal::NotPermitted { what: Asked::Dataset, name, owner }
    })
}

/// Refuses keys of other columns than those that the contract's analyses use.
fn check_columns(grant: &Grant, contract: &Contract) -> Result<(), GrantFlaw> {
    let used = contract.used_columns(&grant.dataset).into_iter();
    let used = used.map(|column| column.name.as_str());
    let used: BTreeSet<&str> = used.chain([FOOTER]).collect();
    let granted: BTreeSet<&str> = grant.columns.iter().map(String::as_str).collect();
    if granted == used { Ok(()) } else { Err(GrantFlaw::Columns) }
}

/// Refuses a grant that is over, or that lasts too long.
fn check_time(grant: &Grant, now: Time) -> Result<(), GrantFlaw> {
    if is_over(grant.not_after, now) {
        return Err(GrantFlaw::Time);
    }
    let longest = now.plus_seconds(LONGEST_SECONDS);
    if grant.not_after > longest { Err(GrantFlaw::TooLong) } else { Ok(()) }
}

/// Opens the keys of the granted columns, and who is taken out. The salt that comes with them must be the contract's,
/// and the list of opt-outs the one that the manifest names.
fn open_keys(
    binding: &Binding<'_>,
    open: &Open,
    grant: &Grant,
    manifest: &Manifest,
    contract: &Contract,
) -> Result<Opened, GrantFlaw> {
    let named = manifest.opt_outs;
    let recipient = &open.keys.recipient;
    let handed = binding.open(recipient, &grant.columns, named.is_some(), &grant.keys);
    let handed = handed.map_err(|_| GrantFlaw::Keys)?;
    if handed.salt.digest() != contract.bucket_salt {
        return Err(GrantFlaw::Salt);
    }
    let out = match (&handed.opt_outs, named) {
        (Some(signed), Some(named)) => {
            let list = OptOuts::open(signed, binding.owner, &manifest.lineage);
            let list = list.ok().filter(|list| list.named() == named).ok_or(GrantFlaw::OptOuts)?;
            let mut kinds = contract.match_keys(&grant.dataset);
            kinds.sort();
            kinds.dedup();
            list.tags(&kinds, &handed.salt)
        }
        _ => TakenOut::nobody(),
    };
    Ok(Opened { keys: handed.keys, out })
}

/// What opens a file, and who is taken out of it.
struct Opened {
    keys: BTreeMap<String, DataKey>,
    out: TakenOut,
}

/// Drops the keys and rows of `name` for its owner. Other datasets stay open, and answers that were
/// given stay.
pub(crate) fn revoke(
    contract: &Contract,
    open: &mut Open,
    party: &str,
    name: String,
    now: Time,
) -> Result<Reply, Refusal> {
    let owner = contract.datasets.get(&name).map(|dataset| dataset.owner.clone());
    if owner.as_deref() != Some(party) {
        let name = name.chars().take(64).collect();
        return Err(Refusal::NotPermitted { what: Asked::Dataset, name, owner });
    }
    if open.vault.revoke(&name) {
        open.audit.append(now, Readers::All, Event::Dropped { dataset: name });
    }
    Ok(Reply::Revoked {})
}

/// Accepts slices that their owners signed for this instance. Each one must fit.
pub(crate) fn accept(
    serving: &Serving,
    open: &mut Open,
    slices: &[ByteBuf],
    now: Time,
) -> Result<(), Refusal> {
    for signed in slices {
        let opened = serving.authority(now, |known| known.open::<Slice>(signed));
        let (slice, by) = opened.map_err(|error| match error {
            KeyError::Unfit { .. } => error.into(),
            _ => Refusal::BadSlice,
        })?;
        let owner = by.party();
        let dataset = serving.contract.datasets.get(&slice.dataset);
        let owned = dataset.filter(|dataset| dataset.owner == owner);
        let budget = owned.and_then(|dataset| dataset.budgets.get(&slice.purpose));
        let budget = budget.ok_or(Refusal::BadSlice)?;
        // An owner cannot hand over more than every party signed for.
        let granted = open.ledger.granted_with(&slice);
        if slice.instance != serving.instance || !granted.fits(&budget.per_period()) {
            return Err(Refusal::BadSlice);
        }
        open.ledger.accept(&slice, &serving.contract, now)?;
    }
    Ok(())
}

async fn fetch(
    serving: &Serving,
    name: &str,
    manifest: &SignedManifest,
    Opened { keys, out }: Opened,
) -> Result<Ordered, Refusal> {
    let bad = |why| Refusal::BadGrant { dataset: name.to_owned(), why };
    let what = manifest.manifest().clone();
    let file = link::dataset(serving.host.as_ref(), what.root, what.size).await;
    let file = file.map_err(|error| {
        tracing::warn!(%error, "a dataset could not be fetched");
        match error {
            HostError::OtherAnswer | HostError::Failed { why: Failure::TooLarge } => {
                bad(GrantFlaw::Altered)
            }
            _ => bad(GrantFlaw::Missing),
        }
    })?;
    let dataset = serving.contract.datasets.get(name).cloned().ok_or(Refusal::Internal)?;
    let intake = Ordered::intake(&serving.contract, name, what.shape().rows(), out);
    let intake = intake.map_err(|_| Refusal::Internal)?;
    // Parsing a partner's file takes a while, and the file may be hostile: it is not done on the
    // thread that serves.
    let opened =
        tokio::task::spawn_blocking(move || open_file(file.into(), &what, &dataset, &keys, intake));
    opened.await.map_err(|_| bad(GrantFlaw::Layout))?.map_err(bad)
}

/// Decrypts a file, bucket by bucket, and puts its rows into the order of people.
fn open_file(
    file: Bytes,
    manifest: &Manifest,
    dataset: &Dataset,
    keys: &BTreeMap<String, DataKey>,
    mut intake: Intake,
) -> Result<Ordered, GrantFlaw> {
    let unopened = |error: dataset::OpenError| {
        tracing::warn!(%error, "a dataset does not open");
        match error {
            dataset::OpenError::File(FileError::Root | FileError::Size { .. }) => {
                GrantFlaw::Altered
            }
            _ => GrantFlaw::Layout,
        }
    };
    let unordered = |fault: Fault| {
        tracing::warn!(%fault, "a dataset could not be put into the order of its people");
        GrantFlaw::Layout
    };
    for bucket in dataset::buckets(&file, manifest, dataset, keys).map_err(unopened)? {
        let bucket = bucket.map_err(unopened)?;
        let columns = bucket.columns().iter().map(|(name, values)| (name, Arc::clone(values)));
        let rows = RecordBatch::try_from_iter(columns).map_err(|_| GrantFlaw::Layout)?;
        intake.add(&rows).map_err(unordered)?;
    }
    // Sorting may need its memory.
    drop(file);
    intake.finish().map_err(unordered)
}

/// The longest grant in seconds: a day.
const LONGEST_SECONDS: u64 = 24 * 3600 + 60;
