//! Decides whether one job gets its slices: everything is derived again here, nothing is taken on
//! trust.

use super::{
    error::LedgerError,
    jobs::DerivedJob,
    ledger::{Demand, Ledger, SliceUse},
    runs::RunDemand,
};
use client::{clock, job::OwnCustody, room::Instance};
use protocol::{
    contract::Contract,
    delegation::{Authority, Delegate, Withdrawn},
    digest::Digest,
    job::SignedJob,
    loss::{Delta, Epsilon, Loss, Rho},
    manifest::{Manifest, SignedManifest},
    opt_outs::NamedOptOuts,
    order::Run,
    policy::{self, Admitted},
    receipt::Account,
    refusal::{self, Refusal},
    slice::{Slice, SliceReply, SliceRequest},
    time::Time,
};
use std::{collections::BTreeMap, error::Error};

/// The party whose ledger it is.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a caller names all of it")]
pub struct Owner<'a> {
    /// The party's name in the contract.
    pub party: &'a str,
    /// A service key of the party, which signs slices.
    pub key: &'a Delegate,
    /// Keys that are no longer believed.
    pub withdrawn: &'a Withdrawn,
    /// The one contract that is served.
    pub contract: &'a Contract,
}

/// Decides on `request` for a job on `instance`, which the caller believes. Cuts the slices, unless
/// the request only asks whether it would.
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
    match Derived::of(owner, instance, request, now) {
        Ok(derived) => {
            let slices = derived.slices(ledger, None, now);
            derived.reply(slices)
        }
        Err(refusal) => Ok(SliceReply::Refused(*refusal)),
    }
}

/// Decides on the run of an order in `instance`, which the caller believes, for its own service: nobody asks a custody for the
/// slices of a run. `newest` has the newest version that the owner has sealed of each of its datasets. Cuts the slices, unless
/// it `only_asks` whether it would.
///
/// # Errors
///
/// [`LedgerError`] for what is wrong on our side; a refusal is a [`SliceReply`].
pub fn decide_run(
    ledger: &mut Ledger,
    owner: &Owner<'_>,
    instance: &Instance,
    run: &Bringing<'_>,
    only_asks: bool,
    now: Time,
) -> Result<SliceReply, LedgerError> {
    let authority = Authority::at(owner.contract, now).without(owner.withdrawn);
    let opened = Run::open(&authority, run.bytes.to_vec()).map_err(Box::new);
    let derived = opened.and_then(|signed| {
        let ordered = signed.run().cloned().ok_or(Refusal::Malformed)?;
        ordered.check_time(now)?;
        let derived = Derived::admit(owner, instance, &signed, run.manifests, only_asks, now)?;
        ordered.check_price(derived.admitted.cost())?;
        Ok((signed, ordered, derived))
    });
    match derived {
        Ok((signed, ordered, derived)) => {
            let run = RunDemand {
                contract: owner.contract,
                party: owner.party,
                job: &signed,
                run: &ordered,
                versions: &derived.versions,
                newest: run.newest,
            };
            let slices = derived.slices(ledger, Some(&run), now);
            derived.reply(slices)
        }
        Err(refusal) => Ok(SliceReply::Refused(*refusal)),
    }
}

/// A run that an owner's service is about to bring to an instance.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a caller names all of it")]
pub struct Bringing<'a> {
    /// The bytes of the run.
    pub bytes: &'a [u8],
    /// The signed manifests of its datasets.
    pub manifests: &'a [serde_bytes::ByteBuf],
    /// The newest version that the owner has sealed of each of its datasets.
    pub newest: &'a BTreeMap<String, Digest>,
}

impl OwnCustody for Ledger {
    fn witness(
        &mut self,
        owner: &str,
        contract: &Contract,
        instance: &Instance,
        accounts: &[Account],
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        Ok(Self::witness(self, instance, contract, owner, accounts)?)
    }

    fn decide(
        &mut self,
        owner: &str,
        key: &Delegate,
        contract: &Contract,
        instance: &Instance,
        request: &SliceRequest,
        withdrawn: &Withdrawn,
    ) -> Result<SliceReply, Box<dyn Error + Send + Sync>> {
        let owner = Owner { party: owner, key, contract, withdrawn };
        Ok(decide(self, &owner, instance, request, clock::now())?)
    }
}

/// A request that the contract permits, with all that follows from it without the ledger.
pub(super) struct Derived<'a> {
    owner: Owner<'a>,
    instance: &'a Instance,
    admitted: Admitted,
    opt_outs: BTreeMap<String, NamedOptOuts>,
    /// The versions without their lists of opt-outs.
    versions: BTreeMap<String, Digest>,
    only_asks: bool,
}

impl<'a> Derived<'a> {
    pub(super) fn of(
        owner: &Owner<'a>,
        instance: &'a Instance,
        request: &SliceRequest,
        now: Time,
    ) -> Result<Self, Box<Refusal>> {
        let authority = Authority::at(owner.contract, now).without(owner.withdrawn);
        let signed = SignedJob::open(&authority, request.job.clone())?;
        Self::admit(owner, instance, &signed, &request.manifests, request.only_asks, now)
    }

    fn admit(
        owner: &Owner<'a>,
        instance: &'a Instance,
        signed: &SignedJob,
        manifests: &[serde_bytes::ByteBuf],
        only_asks: bool,
        now: Time,
    ) -> Result<Self, Box<Refusal>> {
        let (contract, party) = (owner.contract, owner.party);
        let authority = Authority::at(contract, now).without(owner.withdrawn);
        // Nothing may be debited for a slice that no instance would accept.
        authority.of(owner.key).map_err(Refusal::from)?;
        let job = signed.job();
        if job.instance != instance.digest() || instance.contract() != contract.digest {
            return Err(Refusal::Elsewhere.into());
        }
        let manifests = job.read_manifests(&authority, manifests)?;
        let admitted = policy::admit(contract, job, signed.analyst(), &manifests, now)?;
        let ours = |name: &String| contract.datasets.get(name).is_some_and(|d| d.owner == party);
        if !admitted.datasets().iter().any(ours) {
            let (name, owner) = (party.to_owned(), Some(party.to_owned()));
            let what = refusal::Asked::Dataset;
            return Err(Refusal::NotPermitted { what, name, owner }.into());
        }
        let version = |(name, signed): (&String, &SignedManifest)| {
            let sealed = Manifest { opt_outs: None, ..signed.manifest().clone() };
            (name.clone(), sealed.digest())
        };
        let versions = manifests.iter().map(version).collect();
        let named = manifests.into_iter();
        let named = named.filter_map(|(name, signed)| Some((name, signed.manifest().opt_outs?)));
        let opt_outs = named.collect();
        Ok(Self { owner: *owner, instance, admitted, opt_outs, versions, only_asks })
    }

    /// The slices that the ledger hands out; none if it was only asked whether it would.
    pub(super) fn slices(
        &self,
        ledger: &mut Ledger,
        run: Option<&RunDemand<'_>>,
        now: Time,
    ) -> Result<Option<Vec<Slice>>, LedgerError> {
        let (contract, party, admitted) = (self.owner.contract, self.owner.party, &self.admitted);
        let ours = |name: &&str| contract.datasets.get(*name).is_some_and(|d| d.owner == party);
        let datasets: Vec<&str> =
            admitted.datasets().iter().map(String::as_str).filter(ours).collect();
        let asked = Demand {
            contract,
            instance: self.instance,
            datasets: &datasets,
            purpose: admitted.purpose(),
            cost: admitted.cost(),
            slice_use: SliceUse::Job(DerivedJob {
                name: admitted.name(),
                analyst: admitted.analyst(),
                admitted,
                opt_outs: &self.opt_outs,
            }),
        };
        match (run, self.only_asks) {
            (None, true) => ledger.would_grant(&asked, now).map(|()| None),
            (None, false) => ledger.grant(&asked, now).map(Some),
            (Some(run), true) => ledger.would_grant_run(&asked, run, now).map(|()| None),
            (Some(run), false) => ledger.grant_run(&asked, run, now).map(Some),
        }
    }

    /// The custody's answer.
    pub(super) fn reply(
        &self,
        slices: Result<Option<Vec<Slice>>, LedgerError>,
    ) -> Result<SliceReply, LedgerError> {
        match slices {
            Ok(None) => Ok(SliceReply::WouldGrant {}),
            Ok(Some(slices)) => {
                let signed = slices.iter().map(|slice| self.owner.key.sign(slice).into());
                Ok(SliceReply::Granted { slices: signed.collect() })
            }
            Err(LedgerError::Refused(refusal)) => Ok(SliceReply::Refused(*refusal)),
            Err(fault) => Err(fault),
        }
    }
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
        let owner = match what {
            refusal::Asked::Dataset => {
                owner.contract.datasets.get(name).map(|found| found.owner.clone())
            }
            _ => Some(owner.party.to_owned()),
        };
        let name = name.to_owned();
        LedgerError::Refused(Box::new(Refusal::NotPermitted { what, name, owner }))
    };
    let contract = owner.contract;
    let good = Authority::at(contract, now).without(owner.withdrawn).of(owner.key);
    good.map_err(|why| LedgerError::Refused(Box::new(why.into())))?;
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
    let asked = Demand {
        contract,
        instance,
        datasets: &[dataset],
        purpose,
        cost: &cost,
        slice_use: SliceUse::Prepaid,
    };
    let slices = ledger.grant(&asked, now)?;
    slices.first().map(|slice| owner.key.sign(slice)).ok_or(LedgerError::Corrupt)
}
