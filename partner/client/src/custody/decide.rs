//! Whether one job gets its slices: everything is derived here again, nothing is taken on trust.

use super::{
    asked::JobAsked,
    ledger::{Asked, For, Ledger, LedgerError},
};
use crate::room::Instance;
use protocol::{
    contract::Contract,
    digest::Digest,
    job::Job,
    loss::{Delta, Epsilon, Loss, Rho},
    manifest::{Manifest, SignedManifest},
    policy,
    refusal::{self, Refusal},
    sign::{Envelope, Signed, SigningKey},
    slice::{Slice, SliceReply, SliceRequest},
    time::Time,
};
use std::collections::BTreeMap;

/// The party whose ledger it is.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a caller names all of it")]
pub struct Owner<'a> {
    /// Its name in the contract.
    pub party: &'a str,
    /// Signs slices.
    pub key: &'a SigningKey,
    /// The one contract that is served.
    pub contract: &'a Contract,
}

/// Decides on `request` for a job on `instance`, which the caller believes, and cuts the slices unless
/// it only asks.
///
/// # Errors
///
/// [`LedgerError`] for what is wrong on our side; a refusal is a [`SliceReply`].
pub fn decide(
    ledger: &mut Ledger,
    owner: &Owner<'_>,
    instance: &Instance,
    request: &SliceRequest,
    now: Time,
) -> Result<SliceReply, LedgerError> {
    match slices(ledger, owner, instance, request, now) {
        Ok(None) => Ok(SliceReply::WouldGrant {}),
        Ok(Some(slices)) => {
            let slices = slices.iter().map(|slice| owner.key.sign(slice).into()).collect();
            Ok(SliceReply::Granted { slices })
        }
        Err(LedgerError::Refused(refusal)) => Ok(SliceReply::Refused(*refusal)),
        Err(fault) => Err(fault),
    }
}

fn slices(
    ledger: &mut Ledger,
    owner: &Owner<'_>,
    instance: &Instance,
    request: &SliceRequest,
    now: Time,
) -> Result<Option<Vec<Slice>>, LedgerError> {
    let refused = |refusal| LedgerError::Refused(Box::new(refusal));
    let contract = owner.contract;
    let (job, analyst) = read_job(contract, &request.job).map_err(LedgerError::Refused)?;
    if job.instance != instance.digest() || instance.contract() != contract.digest {
        return Err(refused(Refusal::Elsewhere));
    }
    let manifests =
        read_manifests(contract, &job, &request.manifests).map_err(LedgerError::Refused)?;
    let admitted = policy::admit(contract, &job, analyst, &manifests, now).map_err(refused)?;
    let ours = |name: &&str| contract.datasets.get(*name).is_some_and(|d| d.owner == owner.party);
    let datasets: Vec<&str> = admitted.datasets().iter().map(String::as_str).filter(ours).collect();
    if datasets.is_empty() {
        return Err(refused(Refusal::NotPermitted {
            what: refusal::Asked::Dataset,
            name: owner.party.to_owned(),
            owner: Some(owner.party.to_owned()),
        }));
    }
    let asked = Asked {
        contract,
        instance,
        datasets: &datasets,
        purpose: admitted.purpose(),
        cost: admitted.cost(),
        what_for: For::Job(JobAsked { digest: job.earmark(analyst), analyst, admitted: &admitted }),
    };
    if request.only_asks {
        return ledger.would_grant(&asked, now).map(|()| None);
    }
    ledger.grant(&asked, now).map(Some)
}

/// The job and the party that signed it.
pub(crate) fn read_job<'c>(
    contract: &'c Contract,
    bytes: &[u8],
) -> Result<(Job, &'c str), Box<Refusal>> {
    let envelope = Envelope::parse(bytes).map_err(|_| Refusal::Malformed)?;
    let signer = envelope.claimed_signer();
    let analyst = contract.party_of(&signer).ok_or(Refusal::Stranger)?;
    let job: Job = envelope.verify(&signer).map_err(|_| Refusal::Stranger)?;
    if job.contract == contract.digest {
        Ok((job, analyst))
    } else {
        Err(Refusal::Elsewhere.into())
    }
}

/// The manifests that the job names, each signed by its dataset's owner and fit for it.
pub(crate) fn read_manifests<B: AsRef<[u8]>>(
    contract: &Contract,
    job: &Job,
    signed: &[B],
) -> Result<BTreeMap<String, SignedManifest>, Box<Refusal>> {
    let mut manifests = BTreeMap::new();
    for (name, digest) in &job.datasets {
        let named = |bytes: &&B| Digest::of(Manifest::TAG, bytes.as_ref()) == *digest;
        let dataset = contract.datasets.get(name).ok_or(Refusal::Malformed)?;
        let owner = contract.parties.get(&dataset.owner).ok_or(Refusal::Internal)?;
        // A manifest that is missing is named by the policy.
        let Some(bytes) = signed.iter().find(named) else { continue };
        let manifest = SignedManifest::open(bytes.as_ref().to_vec(), &owner.signing_key)
            .map_err(|_| Refusal::Malformed)?;
        manifest.manifest().check(dataset).map_err(|_| Refusal::Malformed)?;
        manifests.insert(name.clone(), manifest);
    }
    Ok(manifests)
}

/// Cuts a slice that the instance may spend without asking, so that the prepaid loss of this
/// dataset, purpose and period is `epsilon` *in total*: asking again adds nothing. With
/// `selection_delta` it also pays for groups whose values are private, up to that δ in total.
///
/// # Errors
///
/// [`LedgerError::Refused`] past a budget, or if the party has no such dataset or purpose.
pub fn prepay(
    ledger: &mut Ledger,
    owner: &Owner<'_>,
    instance: &Instance,
    (dataset, purpose): (&str, &str),
    epsilon: Epsilon,
    selection_delta: Option<Delta>,
    now: Time,
) -> Result<Vec<u8>, LedgerError> {
    let refused = |what, name: &str| {
        let (name, owner) = (name.to_owned(), Some(owner.party.to_owned()));
        LedgerError::Refused(Box::new(Refusal::NotPermitted { what, name, owner }))
    };
    let contract = owner.contract;
    let found = contract.datasets.get(dataset).filter(|found| found.owner == owner.party);
    let found = found.ok_or_else(|| refused(refusal::Asked::Dataset, dataset))?;
    let budget = found.budgets.get(purpose);
    let budget = budget.ok_or_else(|| refused(refusal::Asked::Purpose, purpose))?;
    if instance.contract() != contract.digest {
        return Err(LedgerError::Refused(Box::new(Refusal::Elsewhere)));
    }
    if now >= contract.expires {
        let expired = contract.expires;
        return Err(LedgerError::Refused(Box::new(Refusal::ContractExpired { expired })));
    }
    let cost = Loss::zcdp(Rho::from_epsilon(epsilon, budget.delta))
        .with_delta(selection_delta.map_or(0, u64::from));
    let asked = Asked {
        contract,
        instance,
        datasets: &[dataset],
        purpose,
        cost: &cost,
        what_for: For::Prepaid,
    };
    let slices = ledger.grant(&asked, now)?;
    slices.first().map(|slice| owner.key.sign(slice)).ok_or(LedgerError::Corrupt)
}
