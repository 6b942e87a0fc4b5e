//! Receipts over whatever result: what a room that reckons wrongly, or lies, would attest with its own keys.

use super::{
    counted::{Counted, job, seal},
    sample::{Sample, delegate},
};
use attestation_verifier::receipt::{
    BodyKind, Statement, encode, nonce_for, payload, signing_input, user_data_for,
};
use client::{
    receipt_check::{self, Checked, ReceiptError, ReceiptFiles},
    trust::Trust,
};
use nsm::{Nsm, Simulated};
use privacy::sampler::Exact;
use protocol::{
    canonical,
    contract::Contract,
    delegation::KeyKind,
    digest::Digest,
    job::JobId,
    manifest::SignedManifest,
    merkle::Root,
    policy::admit,
    receipt::{Charge, ReceiptBody, output},
    released::Released,
    result::JobResult,
    sign::SigningKey,
};
use serde_bytes::ByteBuf;
use std::{collections::BTreeMap, fs, path::Path, sync::Arc};
use zeroize::Zeroizing;

/// What attests for a sample's build, and the sample's data as they were sealed.
pub(crate) struct Attester {
    pub(crate) module: Arc<Simulated>,
    manifests: BTreeMap<String, SignedManifest>,
}

/// A room that has answered a sample's job, and attests whatever it is told to.
pub(crate) struct Forger {
    module: Arc<Simulated>,
    statement: Vec<u8>,
    key: SigningKey,
    contract: Contract,
    released: Vec<u8>,
    /// All that a receipt says, but for the result.
    body: ReceiptBody,
    /// What an honest room answers.
    pub(crate) honest: JobResult,
}

impl Forger {
    pub(crate) fn new(sample: &Sample) -> Self {
        Self::drawn(&Self::attester(sample), sample, 5, |_| {})
    }

    /// What attests for the sample's build, with data that are sealed once.
    pub(crate) fn attester(sample: &Sample) -> Attester {
        let counted = Counted::new(sample);
        let (contract, datasets) = (&counted.contract, counted.admitted.datasets());
        let manifest = |name: &String| seal(contract, name, &sample.rows(name)).unwrap().manifest;
        Attester {
            module: Arc::new(Simulated::throw_away(contract.builds[0].pcrs.clone()).unwrap()),
            manifests: datasets.iter().map(|name| (name.clone(), manifest(name))).collect(),
        }
    }

    /// A room that draws its noise from `seed`, tampers with what leaves, and attests that and all that follows from it.
    pub(crate) fn drawn(
        Attester { module, manifests }: &Attester,
        sample: &Sample,
        seed: u8,
        tamper: impl FnOnce(&mut Released),
    ) -> Self {
        let counted = Counted::new(sample);
        let (module, contract) = (Arc::clone(module), counted.contract.clone());
        let key = SigningKey::from_seed(&Zeroizing::new(vec![3; 32])).unwrap();
        let statement = Statement {
            contract: *contract.digest.as_bytes(),
            hpke: vec![7; Statement::HPKE_LEN],
            receipt: *key.public().as_bytes(),
            tls: b"no connection is made with it".to_vec(),
        };
        let statement = statement.encode();
        let asked = counted.admitted.job();
        let time = client::clock::now();
        let mut job = job(&contract, &asked.analysis, asked.question.clone(), manifests);
        job.instance = Digest::from(user_data_for(&statement));
        job.not_after = time.plus_seconds(60);
        job.id = JobId([seed; 16]);
        let analyst = &contract.analyses[&asked.analysis].analysts[0];
        let admitted = admit(&contract, &job, analyst, manifests, time).unwrap();
        let mut noise = Exact::from_seed([seed; 32]);
        let release = counted.release(admitted.proven(), &counted.in_order(), &mut noise);
        let mut released = release.released().clone();
        tamper(&mut released);
        let left = BTreeMap::new();
        let honest = JobResult::new(&contract, &admitted, "analyst", &released, &left, time);
        let charge = |dataset: &String| Charge {
            dataset: dataset.clone(),
            owner: contract.datasets[dataset].owner.clone(),
            purpose: admitted.purpose().to_owned(),
            loss: admitted.cost().clone(),
        };
        let manifest = |name: &String| ByteBuf::from(manifests[name].as_bytes().to_vec());
        let released = released.to_bytes();
        let body = ReceiptBody {
            contract: contract.digest,
            output: output(b""),
            job: delegate(&contract, analyst, KeyKind::Analyst).sign(&job),
            manifests: admitted.datasets().iter().map(manifest).collect(),
            tally: admitted.proven().tally().clone(),
            proof: admitted.proven().proof().clone(),
            charged: admitted.datasets().iter().map(charge).collect(),
            released: Released::digest(&released),
            time,
            audit_size: 2,
            audit_root: Root([0; 48]),
        };
        let honest = honest.unwrap();
        Self { module, statement, key, contract, released, body, honest }
    }

    /// What whoever holds a receipt of `result`, the result and the released figures finds.
    pub(crate) fn check(&self, result: &[u8]) -> Result<Checked, ReceiptError> {
        let trust = Trust::danger(self.module.root()).unwrap();
        let beside = ReceiptFiles { result: Some(result), released: Some(&self.released) };
        receipt_check::check(&self.contract, &self.receipt(result), beside, &trust)
    }

    /// Writes what an opened result has into `folder`.
    pub(crate) fn write(&self, folder: &Path) {
        let result = self.honest.to_json().unwrap();
        fs::create_dir_all(folder).unwrap();
        fs::write(folder.join("receipt.cbor"), self.receipt(&result)).unwrap();
        fs::write(folder.join("released.cbor"), &self.released).unwrap();
        fs::write(folder.join("result.json"), result).unwrap();
    }

    /// The receipt of `result`.
    fn receipt(&self, result: &[u8]) -> Vec<u8> {
        let body = ReceiptBody { output: output(result), ..self.body.clone() };
        let body = canonical::to_vec(&body);
        let (user_data, nonce) =
            (user_data_for(&self.statement), nonce_for(BodyKind::Receipt, &body));
        let document = self.module.attest(Some(&user_data), Some(&nonce)).unwrap();
        let payload = payload(BodyKind::Receipt, &body, &document, &self.statement);
        let signature = self.key.sign_raw(&signing_input(&payload));
        encode(&payload, signature.as_slice().try_into().unwrap())
    }
}
