//! Takes keys that AWS KMS unwraps for this very build, from a grant that its owner signed for any instance of the contract.
//!
//! The host relays a document to KMS and brings its answer, and neither is believed: what the answer opens must be signed
//! by the dataset's owner, for this contract and this build.

use crate::{
    entropy,
    grant::{self, Granted, Opened},
    link::{self, HostError},
    session::{Open, Serving, State},
    vault::is_over,
};
use ::kms::{EnvelopeError, KeyError as RequestKeyError, RequestKey};
use nsm::NsmError;
use protocol::{
    canonical::ParseError,
    delegation::{Authorised, KeyError},
    digest::Digest,
    grant::Handed,
    key::DataKey,
    kms_grant::{KmsGrant, KmsGrantError, SealedFor, SealedGrant},
    manifest::SignedManifest,
    refusal::{GrantFlaw, Refusal},
    time::Time,
};
use zeroize::Zeroizing;

/// Takes the grant in `bytes`, which the host offers. What does not succeed is said on the console: no party asked for it.
pub(crate) async fn take(serving: &Serving, bytes: &[u8]) {
    // The host offers it again, so nothing waits here.
    let Ok(_one) = serving.unwrapping.try_lock() else { return };
    match unwrap(serving, bytes).await {
        Ok(None) => {}
        Ok(Some(dataset)) => tracing::info!(%dataset, "its keys came by AWS KMS"),
        Err(why) => tracing::warn!("no keys were taken by AWS KMS: {why}"),
    }
}

/// Opens the dataset of a grant, and names it; `None` if it is open by this grant already, or was taken back.
async fn unwrap(serving: &Serving, bytes: &[u8]) -> Result<Option<String>, KmsError> {
    let sealed = SealedGrant::parse(bytes)?;
    let (contract, dataset) = (&serving.contract, sealed.dataset.as_str());
    if sealed.contract != contract.digest {
        return Err(KmsError::OtherContract { found: sealed.contract });
    }
    let owner = contract.datasets.get(dataset).map(|found| found.owner.as_str());
    let owner = owner.ok_or(KmsError::NoDataset)?;
    let file = Digest::of_file(bytes);
    {
        let now = serving.now().map_err(KmsError::refused)?;
        let State::Open(open) = &*serving.state.lock().await else { return Ok(None) };
        if !open.standing.wants(dataset, file, now) {
            return Ok(None);
        }
    }
    let of = SealedFor { contract: contract.digest, dataset };
    let data_key = data_key(serving, &sealed).await?;
    let signed = sealed.open_grant(&data_key, of)?;
    let now = serving.now().map_err(KmsError::refused)?;
    let opened = serving.authority(now, |known| known.open_of::<KmsGrant>(&signed, owner));
    let (grant, by) = opened.map_err(KmsError::Signature)?;
    let manifest = check(serving, &grant, of, &by, now)?;
    let secrets = sealed.open_secrets(&data_key, of, &grant)?;
    // Not longer than an instance would keep any grant, nor than anything that it rests on.
    let ends = [grant.until, manifest.until(), by.until(), contract.expires];
    let not_after = ends.into_iter().fold(now.plus_seconds(LONGEST_SECONDS), Time::min);
    if is_over(not_after, now) {
        return Err(KmsError::Over { until: not_after });
    }
    let opt_outs = sealed.open_opt_outs(&data_key, of)?;
    let handed = Handed { keys: secrets.keys, salt: secrets.salt, opt_outs };
    let root = contract.parties.get(owner).map(|party| party.root_key);
    let root = root.ok_or_else(|| KmsError::refused(Refusal::Stranger))?;
    let (columns, what) = (grant.columns.clone(), manifest.manifest().clone());
    let granted = Granted { by: &by, dataset, columns, not_after, manifest, slices: &[] };
    let opened = |open: &mut Open| {
        // Its owner may have taken it back while KMS was asked.
        if open.standing.is_stopped(dataset) {
            return Err(GrantFlaw::Time);
        }
        Opened::of(handed, &what, contract, (dataset, &root))
    };
    granted.open(serving, opened, now).await.map_err(KmsError::refused)?;
    let State::Open(open) = &mut *serving.state.lock().await else { return Ok(None) };
    open.standing.took(dataset, file, not_after);
    serving.record(open).await.map_err(KmsError::refused)?;
    Ok(Some(dataset.to_owned()))
}

/// The data key of a grant, unwrapped by KMS to a key that is made for this one question.
async fn data_key(serving: &Serving, sealed: &SealedGrant) -> Result<DataKey, KmsError> {
    let mut generator = entropy::generator(serving.nsm.as_ref())?;
    // It takes a while, and the thread serves others.
    let made = tokio::task::spawn_blocking(move || {
        let key = RequestKey::generate(&mut generator);
        key.map(|key| (key, generator))
    });
    let (key, mut generator) = made.await.map_err(|_| RequestKeyError::NotMade)??;
    let document = serving.nsm.attest_key(&key.public_der())?;
    let answer = link::unwrap(serving.host.as_ref(), sealed, document).await?;
    let opened = key.open(&answer, &mut generator)?;
    let mut bytes: Zeroizing<[u8; DataKey::LEN]> = Zeroizing::default();
    if opened.len() != bytes.len() {
        return Err(KmsError::DataKey { found: opened.len() });
    }
    bytes.copy_from_slice(&opened);
    Ok(DataKey::take(&mut bytes))
}

/// Checks every field of a grant that its owner signed against this very enclave.
fn check(
    serving: &Serving,
    grant: &KmsGrant,
    of: SealedFor<'_>,
    by: &Authorised,
    now: Time,
) -> Result<SignedManifest, KmsError> {
    let contract = &serving.contract;
    if grant.contract != of.contract {
        return Err(KmsError::OtherContract { found: grant.contract });
    }
    if grant.dataset != of.dataset {
        return Err(KmsError::OtherDataset);
    }
    let own = [0, 1, 2]
        .map(|index: u8| serving.pcrs.get(&index).map(|pcr| Digest::from(*pcr.as_bytes())));
    if !grant.builds.iter().any(|build| build.map(Some) == own) {
        return Err(KmsError::OtherBuild);
    }
    if is_over(grant.until, now) {
        return Err(KmsError::Over { until: grant.until });
    }
    let dataset = grant::owned(contract, of.dataset, by.party()).map_err(KmsError::refused)?;
    let manifest = grant.manifest.clone();
    let manifest = grant::open_manifest(serving, of.dataset, manifest, by.party(), now);
    let manifest = manifest.map_err(KmsError::refused)?;
    let bad = |why| KmsError::refused(Refusal::BadGrant { dataset: of.dataset.to_owned(), why });
    manifest.manifest().check(dataset).map_err(|why| bad(GrantFlaw::Manifest(why)))?;
    grant::check_columns(of.dataset, &grant.columns, contract).map_err(bad)?;
    Ok(manifest)
}

/// Why no keys are taken by AWS KMS. Nothing was opened, and the host may offer the grant again.
///
/// Remedy: give the host the file that `glovebox grant --kms` wrote for this contract and this build; whether KMS answers is in the host's log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum KmsError {
    /// The file is no sealed grant.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// It is for another contract.
    #[error("the grant is for the contract {found}, which is not this instance's")]
    OtherContract {
        /// Its contract.
        found: Digest,
    },
    /// The contract has no such dataset.
    #[error("the grant is for a dataset that the contract does not have")]
    NoDataset,
    /// What was opened is for another dataset than the file says.
    #[error("the grant that was opened is for another dataset than its file says")]
    OtherDataset,
    /// It does not name this build.
    #[error("the grant names other builds than this one: its owner makes it anew")]
    OtherBuild,
    /// Its time is over.
    #[error("the grant was over at {until}: its owner makes it anew")]
    Over {
        /// Its end.
        until: Time,
    },
    /// The owner did not sign it.
    #[error("the grant that KMS unwrapped is not signed by the dataset's owner: {0}")]
    Signature(#[source] KeyError),
    /// The module does not answer.
    #[error("{0}")]
    Nsm(#[from] NsmError),
    /// There is no key for the request.
    #[error("{0}")]
    RequestKey(#[from] RequestKeyError),
    /// The host brought no answer of KMS.
    #[error("{0}")]
    Host(#[from] HostError),
    /// The answer does not open.
    #[error("{0}")]
    Envelope(#[from] EnvelopeError),
    /// What it opens is no data key.
    #[error("KMS unwrapped {found} bytes, expected a data key of 32")]
    DataKey {
        /// How many bytes it unwrapped.
        found: usize,
    },
    /// The data key does not open the grant.
    #[error("{0}")]
    Grant(#[from] KmsGrantError),
    /// It is refused as any grant would be.
    #[error("{0}")]
    Refused(#[source] Box<Refusal>),
}

impl KmsError {
    fn refused(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// How long an instance keeps what KMS handed over, in seconds: a day.
const LONGEST_SECONDS: u64 = 24 * 3600;
