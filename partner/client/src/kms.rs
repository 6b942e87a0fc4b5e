//! Grants that AWS KMS hands over: an owner seals one under a data key, and has KMS wrap that key for one contract and dataset.

use crate::{
    clock,
    grant::{GrantError, named_list, own_dataset, released},
    http::{Http, HttpError},
    keys::{self, Identity, IdentityError},
    salts::{self, SaltError},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use hyper::{Request, StatusCode};
use protocol::{
    contract::{Build, Contract},
    digest::Digest,
    key::DataKey,
    kms_grant::{KmsGrant, SealedFor, SealedGrant, Secrets, context},
    manifest::SignedManifest,
    time::Time,
};
use rand_core::Rng;
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};
use zeroize::Zeroizing;

/// What is granted by KMS, and until when.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a caller names all of it")]
pub struct Standing<'a> {
    /// The contract.
    pub contract: &'a Contract,
    /// The dataset's name in it.
    pub dataset: &'a str,
    /// The version.
    pub manifest: &'a SignedManifest,
    /// The builds of the contract that may have the keys.
    pub builds: &'a [Build],
    /// From this time on no instance takes the grant. `None` for the latest time that its keys allow.
    pub until: Option<Time>,
}

/// A grant for the operator to keep.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Made {
    /// The sealed grant.
    pub sealed: SealedGrant,
    /// Columns that it grants.
    pub columns: Vec<String>,
    /// From this time on no instance takes the grant.
    pub until: Time,
}

/// Seals a grant under a fresh data key, which the KMS key `key` wraps. The data key passes through the program at `proxy`, which signs
/// requests to KMS.
///
/// # Errors
///
/// [`KmsError`] naming what does not fit, or what KMS says.
pub async fn seal(
    identity: &Identity,
    of: Standing<'_>,
    keys: &BTreeMap<String, DataKey>,
    (proxy, key): (SocketAddr, &str),
) -> Result<Made, KmsError> {
    let Standing { contract, dataset, manifest, builds, until } = of;
    own_dataset(contract, dataset, identity.party_in(contract)?)?;
    let service = identity.service()?;
    let ends = [contract.expires, service.delegation().until, manifest.until()];
    let until = ends.into_iter().fold(until.unwrap_or(contract.expires), Time::min);
    if until <= clock::now() {
        return Err(GrantError::Over { not_after: until }.into());
    }
    let salt = salts::named_by(identity.directory(), contract)?;
    let opt_outs = named_list(manifest.manifest(), identity)?;
    let secrets = Secrets { keys: released(contract, dataset, keys)?, salt };
    let columns: Vec<String> = secrets.keys.keys().cloned().collect();
    let signed = service.sign(&KmsGrant {
        contract: contract.digest,
        dataset: dataset.to_owned(),
        builds: registers(builds)?,
        manifest: manifest.as_bytes().to_vec(),
        columns: columns.clone(),
        secrets: secrets.digest(),
        until,
    });
    let mut fresh = Zeroizing::new([0; DataKey::LEN]);
    keys::generator()?.fill_bytes(fresh.as_mut());
    let data_key = DataKey::take(&mut fresh);
    let wrapped = wrap(proxy, key, &data_key, context(contract.digest, dataset)).await?;
    let sealed_for = SealedFor { contract: contract.digest, dataset };
    let sealed = sealed_for.seal(&data_key, (key, wrapped), &signed, &secrets, opt_outs.as_deref());
    Ok(Made { sealed, columns, until })
}

/// PCR0 to PCR2 of each build.
fn registers(builds: &[Build]) -> Result<Vec<[Digest; 3]>, KmsError> {
    let of = |build: &Build| {
        let [Some(zero), Some(one), Some(two)] = [0, 1, 2].map(|index: u8| build.pcrs.get(&index))
        else {
            return Err(KmsError::Registers { build: build.name.clone() });
        };
        Ok([zero, one, two].map(|pcr| Digest::from(*pcr.as_bytes())))
    };
    let all: BTreeSet<_> = builds.iter().map(of).collect::<Result<_, KmsError>>()?;
    Ok(all.into_iter().collect())
}

/// Has KMS encrypt the data key, which no call gives back but to an enclave.
async fn wrap(
    proxy: SocketAddr,
    key: &str,
    data_key: &DataKey,
    context: BTreeMap<String, String>,
) -> Result<Vec<u8>, KmsError> {
    if !proxy.ip().is_loopback() {
        return Err(KmsError::Elsewhere { address: proxy });
    }
    let plaintext = Zeroizing::new(BASE64.encode(data_key.expose()));
    let question = Question { key_id: key, plaintext: &plaintext, encryption_context: context };
    let body = serde_json::to_vec(&question).map_err(|_| KmsError::Answer)?;
    let request = Request::post("/")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "TrentService.Encrypt");
    let mut http = Http::plain(proxy.to_string());
    let answer = http.send_as(request, Bytes::from(body), MOST_ANSWER).await?;
    if answer.status != StatusCode::OK {
        let said: Declined = serde_json::from_slice(&answer.body).unwrap_or_default();
        let (status, kind) = (answer.status.as_u16(), said.kind.chars().take(100).collect());
        return Err(KmsError::Declined { status, kind });
    }
    let wrapped: Wrapped = serde_json::from_slice(&answer.body).map_err(|_| KmsError::Answer)?;
    BASE64.decode(wrapped.ciphertext_blob).map_err(|_| KmsError::Answer)
}

/// `Encrypt` (AWS KMS API reference).
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'a> {
    key_id: &'a str,
    plaintext: &'a str,
    encryption_context: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wrapped {
    ciphertext_blob: String,
}

#[derive(Default, Deserialize)]
struct Declined {
    #[serde(rename = "__type", default)]
    kind: String,
}

/// Why no grant for KMS is made.
///
/// Remedy: let a program on this machine sign requests to KMS (aws-sigv4-proxy, say), with credentials that may call kms:Encrypt with this key under the
/// contract's and the dataset's context; `glovebox kms example` prints such a policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KmsError {
    /// Another machine would see the data key.
    #[error(
        "found {address} for KMS, expected a loopback address: the data key passes through what listens there"
    )]
    Elsewhere {
        /// The address.
        address: SocketAddr,
    },
    /// A build of the contract lacks a register.
    #[error(
        "the contract does not name PCR0, PCR1 and PCR2 of the build \"{build}\", and a grant for KMS needs all three"
    )]
    Registers {
        /// Its name.
        build: String,
    },
    /// The program that signs does not answer.
    #[error("the program that signs requests to KMS: {0}")]
    Http(#[from] HttpError),
    /// KMS declined.
    #[error("KMS answered with status {status} {kind}")]
    Declined {
        /// The HTTP status.
        status: u16,
        /// What KMS calls it.
        kind: String,
    },
    /// The answer is none of KMS.
    #[error("the answer has no CiphertextBlob: it is not that of KMS")]
    Answer,
    /// The dataset, its files or its owner do not fit.
    #[error(transparent)]
    Grant(#[from] GrantError),
    /// This party's keys cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// This party's bucket salt cannot be used.
    #[error(transparent)]
    Salt(#[from] SaltError),
}

/// A wrapped key has some hundred bytes.
const MOST_ANSWER: usize = 16 << 10;
