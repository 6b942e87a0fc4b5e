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
    grant::{Binding, Grant, Handed},
    key::DataKey,
    manifest::{Manifest, SignedManifest},
    message::Reply,
    opt_outs::{OptOuts, TakenOut},
    refusal::{Asked, GrantFlaw, Refusal},
    sealed::{FOOTER, FileError},
    sign::PublicKey,
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
    let manifest = open_manifest(serving, &name, grant.manifest.clone(), party, now)?;
    // A receipt says whether the manifest's key was good when the result was made, so a grant must
    // not outlive that key.
    if grant.not_after > manifest.until().min(by.until()) {
        return Err(bad(GrantFlaw::OutlivesKey));
    }
    manifest.manifest().check(dataset).map_err(|why| bad(GrantFlaw::Manifest(why)))?;
    check_columns(&name, &grant.columns, contract).map_err(bad)?;
    let binding = Binding {
        contract: contract.digest,
        instance: serving.instance,
        owner: &owner,
        dataset: &name,
        manifest: manifest.digest(),
        not_after: grant.not_after,
    };
    let what = manifest.manifest().clone();
    let opened = |open: &mut Open| {
        let opened = open_keys(&binding, open, &grant, &what, contract)?;
        // Whoever grants by itself wants the dataset open, also after it was taken back.
        open.standing.resume(&name);
        Ok(opened)
    };
    let (dataset, columns, not_after) = (&*name, grant.columns.clone(), grant.not_after);
    Granted { by, dataset, columns, not_after, manifest, slices }.open(serving, opened, now).await
}

/// A grant whose manifest was opened, and fits its dataset.
pub(crate) struct Granted<'a> {
    pub(crate) by: &'a Authorised,
    pub(crate) dataset: &'a str,
    pub(crate) columns: Vec<String>,
    pub(crate) not_after: Time,
    pub(crate) manifest: SignedManifest,
    pub(crate) slices: &'a [ByteBuf],
}

impl Granted<'_> {
    /// Fetches the manifest's file and opens it with what `handed` gives, unless it is open already.
    pub(crate) async fn open(
        self,
        serving: &Serving,
        handed: impl FnOnce(&mut Open) -> Result<Opened, GrantFlaw>,
        now: Time,
    ) -> Result<Reply, Refusal> {
        let name = self.dataset;
        let bad = |why| Refusal::BadGrant { dataset: name.to_owned(), why };
        let opened = {
            let mut state = serving.state.lock().await;
            let State::Open(open) = &mut *state else { return Err(Refusal::Closed) };
            // Nothing is fetched, and no slice taken, for a grant past the party's share.
            open.audit.check_grant(self.by.party())?;
            open.vault.check_version(name, self.manifest.manifest())?;
            let opened = handed(open).map_err(bad)?;
            if let Some(table) = open.vault.same(name, self.manifest.digest(), now) {
                // These rows are what the file has: nothing is read again, and no memory taken.
                return self.hold(serving, open, table, now);
            }
            open.vault.reserve(name, self.manifest.manifest(), &serving.contract)?;
            opened
        };
        let fetched = fetch(serving, name, &self.manifest, opened).await;

        let mut state = serving.state.lock().await;
        let State::Open(open) = &mut *state else { return Err(Refusal::Closed) };
        if open.vault.release(name) {
            let (dataset, owner) = (name.to_owned(), self.by.party().to_owned());
            return Err(Refusal::KeyWithheld { dataset, owner });
        }
        let table = Arc::new(fetched?);
        let now = serving.now()?;
        if is_over(self.not_after, now) {
            return Err(bad(GrantFlaw::Time));
        }
        open.vault.check_version(name, self.manifest.manifest())?;
        self.hold(serving, open, table, now)
    }

    /// Holds `table`, the rows of the manifest's file, until the grant ends.
    fn hold(
        self,
        serving: &Serving,
        open: &mut Open,
        table: Arc<Ordered>,
        now: Time,
    ) -> Result<Reply, Refusal> {
        let Self { by, dataset, columns, not_after, manifest, slices } = self;
        // The keys of both may have been withdrawn while the file was fetched.
        let signed = manifest.as_bytes().to_vec();
        serving.authority(now, |known| {
            known.still(by)?;
            SignedManifest::open(signed, known, by.party()).map(drop)
        })?;
        open.audit.check_grant(by.party())?;
        accept(serving, open, slices, now)?;
        open.audit.admit_grant(by.party())?;
        let digest = manifest.digest();
        open.vault.open(dataset, Held { manifest, table, not_after });
        let dataset = dataset.to_owned();
        let granted = Event::Granted { dataset, manifest: digest, not_after };
        open.audit.append(now, Readers::All, granted);
        Ok(Reply::Granted { columns, not_after })
    }
}

/// The manifest of a grant, which its owner must have signed.
pub(crate) fn open_manifest(
    serving: &Serving,
    dataset: &str,
    bytes: Vec<u8>,
    party: &str,
    now: Time,
) -> Result<SignedManifest, Refusal> {
    let opened = serving.authority(now, |known| SignedManifest::open(bytes, known, party));
    opened.map_err(|error| match error {
        KeyError::Unfit { why: KeyFlaw::OtherParty { .. }, .. }
        | KeyError::Malformed
        | KeyError::Stranger => {
            Refusal::BadGrant { dataset: dataset.to_owned(), why: GrantFlaw::Signature }
        }
        unfit => unfit.into(),
    })
}

/// The dataset called `name`, which must belong to `party`.
pub(crate) fn owned<'c>(
    contract: &'c Contract,
    name: &str,
    party: &str,
) -> Result<&'c Dataset, Refusal> {
    let found = contract.datasets.get(name);
    found.filter(|dataset| dataset.owner == party).ok_or_else(|| {
        let owner = found.map(|dataset| dataset.owner.clone());
        let name = name.chars().take(64).collect();
        Refusal::NotPermitted { what: Asked::Dataset, name, owner }
    })
}

/// Refuses keys of other columns than those that the contract's analyses use.
pub(crate) fn check_columns(
    dataset: &str,
    granted: &[String],
    contract: &Contract,
) -> Result<(), GrantFlaw> {
    let used = contract.used_columns(dataset).into_iter();
    let used = used.map(|column| column.name.as_str());
    let used: BTreeSet<&str> = used.chain([FOOTER]).collect();
    let granted: BTreeSet<&str> = granted.iter().map(String::as_str).collect();
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
    let recipient = &open.keys.recipient;
    let names_opt_outs = manifest.opt_outs.is_some();
    let handed = binding.open(recipient, &grant.columns, names_opt_outs, &grant.keys);
    handed
        .map_err(|_| GrantFlaw::Keys)
        .and_then(|handed| Opened::of(handed, manifest, contract, (&grant.dataset, binding.owner)))
}

/// What opens a file, and who is taken out of it.
pub(crate) struct Opened {
    keys: BTreeMap<String, DataKey>,
    out: TakenOut,
}

impl Opened {
    /// Takes what was handed over for the dataset called `name`, whose owner has the root key `owner`. The salt must be the
    /// contract's, and the list of opt-outs the one that the manifest names, which the root key signed; where it names
    /// none, there must be none.
    pub(crate) fn of(
        handed: Handed,
        manifest: &Manifest,
        contract: &Contract,
        (name, owner): (&str, &PublicKey),
    ) -> Result<Self, GrantFlaw> {
        let Handed { keys, salt, opt_outs } = handed;
        if salt.digest() != contract.bucket_salt {
            return Err(GrantFlaw::Salt);
        }
        let out = match (opt_outs, manifest.opt_outs) {
            (Some(signed), Some(named)) => {
                let list = OptOuts::open(&signed, owner, &manifest.lineage);
                let list = list.ok().filter(|list| list.named() == named);
                let mut kinds = contract.match_keys(name);
                kinds.sort();
                kinds.dedup();
                list.ok_or(GrantFlaw::OptOuts)?.tags(&kinds, &salt)
            }
            (None, None) => TakenOut::nobody(),
            _ => return Err(GrantFlaw::OptOuts),
        };
        Ok(Self { keys, out })
    }
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
    open.standing.stop(&name);
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
