//! The room of all vectors: two parties, an instance, their keys and what they signed.

use attestation_verifier::receipt::{Statement, user_data_for};
use protocol::{
    contract::Contract,
    delegation::{Authority, Delegate, Delegation, KeyKind},
    digest::Digest,
    grant::{Binding, Grant},
    hpke::{RecipientKey, RecipientSecret},
    job::{Job, JobId, JobName, question_from_toml},
    key::DataKey,
    loss::{Loss, Rho},
    manifest::{Manifest, SignedManifest},
    merkle,
    policy::{self, Admitted},
    salt::BucketSalt,
    sealed::{self, Declared, FOOTER},
    sign::{PublicKey, SigningKey},
    slice::Slice,
    time::Time,
};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

pub(super) const CONTRACT: &str = include_str!("../../../tests/vectors/contract-v2/contract.toml");
/// 2026-11-23, 12:00 UTC.
pub(super) const NOW: Time = Time(1_795_435_200_000);

pub(super) fn publisher() -> SigningKey {
    signing(1)
}

pub(super) fn retailer() -> SigningKey {
    signing(2)
}

/// Signs receipts.
pub(super) fn receipts() -> SigningKey {
    signing(3)
}

/// A key that a party delegated, for 90 days from [`NOW`] on.
pub(super) fn delegate(party: &str, kind: KeyKind) -> Delegate {
    let (root, seed) = if party == "publisher" { (publisher(), 1) } else { (retailer(), 2) };
    let key = signing(seed + if kind == KeyKind::Service { 0x50 } else { 0x60 });
    let delegation = Delegation {
        kind,
        name: format!("{kind}-1"),
        key: key.public(),
        from: NOW,
        until: NOW.plus_seconds(90 * 86_400),
    };
    Delegate::by(&root, key, &delegation).unwrap()
}

/// Signs grants, manifests, slices and requests.
pub(super) fn service(party: &str) -> Delegate {
    delegate(party, KeyKind::Service)
}

/// Signs jobs.
pub(super) fn analyst() -> Delegate {
    delegate("publisher", KeyKind::Analyst)
}

pub(super) fn salt() -> BucketSalt {
    BucketSalt::take(&mut [0x5a; BucketSalt::LEN])
}

fn signing(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap()
}

pub(super) fn recipient(seed: u8) -> RecipientSecret {
    RecipientSecret::from_bytes(&[seed; RecipientSecret::LEN]).unwrap()
}

/// The secret that grants are sealed to.
pub(super) fn instance_secret() -> RecipientSecret {
    recipient(3)
}

pub(super) fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

pub(super) fn contract() -> Contract {
    let contract = Contract::parse(CONTRACT.as_bytes()).unwrap();
    let keys = |name: &str| -> (PublicKey, RecipientKey) {
        let party = &contract.parties[name];
        (party.root_key, party.recipient_key.clone())
    };
    assert_eq!(keys("publisher"), (publisher().public(), recipient(1).public()));
    assert_eq!(keys("retailer"), (retailer().public(), recipient(2).public()));
    contract
}

pub(super) fn statement() -> Vec<u8> {
    let tls = b"the instance's TLS key, as SubjectPublicKeyInfo".to_vec();
    Statement {
        contract: *contract().digest.as_bytes(),
        hpke: instance_secret().public().to_vec(),
        receipt: *receipts().public().as_bytes(),
        tls,
    }
    .encode()
}

pub(super) fn instance() -> Digest {
    Digest::from(user_data_for(&statement()))
}

/// The manifest of a dataset whose file has as few bytes as one can have.
pub(super) fn manifest(dataset: &str) -> (Manifest, Delegate) {
    let contract = contract();
    let found = &contract.datasets[dataset];
    let columns = sealed::layout(found);
    let width: u64 = columns.iter().map(|column| column.physical.width()).sum();
    let declared = Declared::of(1000);
    let aad_prefix = sealed::aad_prefix(&found.lineage, 7, 0, &[5; 16]);
    let manifest = Manifest {
        lineage: found.lineage.clone(),
        version: 7,
        root: merkle::root_of(dataset.as_bytes()),
        size: width * declared.shape().rows(),
        declared,
        columns,
        aad_prefix,
        opt_outs: None,
    };
    manifest.check(found).unwrap();
    (manifest, service(&found.owner))
}

pub(super) fn signed_manifest(dataset: &str) -> SignedManifest {
    let (manifest, owner) = manifest(dataset);
    let contract = contract();
    let of = &contract.datasets[dataset].owner;
    SignedManifest::open(owner.sign(&manifest), &Authority::at(&contract, NOW), of).unwrap()
}

pub(super) fn manifests() -> BTreeMap<String, SignedManifest> {
    ["exposures", "sales"].map(|name| (name.to_owned(), signed_manifest(name))).into()
}

pub(super) fn column_keys() -> BTreeMap<String, DataKey> {
    let contract = contract();
    let used = contract.used_columns("exposures");
    let names = used.iter().map(|column| column.name.as_str()).chain([FOOTER]);
    names.zip(1..).map(|(name, byte)| (name.to_owned(), DataKey::take(&mut [byte; 32]))).collect()
}

pub(super) fn binding<'a>(owner: &'a PublicKey, manifest: &SignedManifest) -> Binding<'a> {
    Binding {
        contract: contract().digest,
        instance: instance(),
        owner,
        dataset: "exposures",
        manifest: manifest.digest(),
        not_after: NOW.plus_seconds(86_400),
    }
}

pub(super) fn grant() -> Grant {
    grant_with(&signed_manifest("exposures"), None)
}

/// The grant of `exposures` by this manifest.
pub(super) fn grant_with(manifest: &SignedManifest, opt_outs: Option<&[u8]>) -> Grant {
    let owner = publisher().public();
    let binding = binding(&owner, manifest);
    let recipient = instance_secret().public();
    let (columns, keys) =
        binding.seal(&recipient, &column_keys(), &salt(), opt_outs, &mut rng(4)).unwrap();
    Grant {
        dataset: binding.dataset.to_owned(),
        manifest: manifest.as_bytes().to_vec(),
        columns,
        keys,
        not_after: binding.not_after,
    }
}

pub(super) fn job(text: &str, id: u8) -> Job {
    let contract = contract();
    let (analysis, question) = question_from_toml(text, &contract).unwrap();
    let mut receivers = contract.analyses[&analysis].receivers.clone();
    receivers.sort();
    let read = policy::datasets(&contract, &analysis, &question).unwrap();
    let manifests = manifests().into_iter().filter(|(name, _)| read.contains(name));
    Job {
        contract: contract.digest,
        instance: instance(),
        id: JobId([id; 16]),
        not_after: NOW.plus_seconds(3600),
        analysis,
        question,
        datasets: manifests.map(|(name, manifest)| (name, manifest.digest())).collect(),
        receivers,
        decision: None,
        checks: None,
    }
}

/// What the policy makes of a job of the publisher.
pub(super) fn admitted(job: &Job) -> Admitted {
    policy::admit(&contract(), job, "publisher", &manifests(), NOW).unwrap()
}

/// A slice for `job`, or what was prepaid.
pub(super) fn slice(job: Option<&Job>) -> Slice {
    Slice {
        contract: contract().digest,
        instance: instance(),
        dataset: "sales".to_owned(),
        purpose: "measurement".to_owned(),
        granted: job.map_or_else(loss, |job| admitted(job).cost().clone()),
        period: "2026-11-23".to_owned(),
        not_after: Time(1_795_478_400_000),
        job: job.map(|job| JobName::of("publisher", job)),
    }
}

pub(super) fn loss() -> Loss {
    Loss::zcdp(Rho(17_000_000_000)).with_delta(100_000_000)
}
