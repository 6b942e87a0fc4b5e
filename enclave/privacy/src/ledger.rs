//! The instance's ledger: what the owners handed to this instance, and what jobs spent of it.
//!
//! Nitro has no sealed storage, so this ledger lives and dies with the instance. The owner's custody
//! keeps the ledger of record and hands out slices.

use std::collections::{BTreeMap, BTreeSet};

use protocol::contract::{Budget, Contract};
use protocol::job::JobName;
use protocol::loss::Loss;
use protocol::policy::Admitted;
use protocol::receipt::{Account, Charge};
use protocol::refusal::Refusal;
use protocol::slice::Slice;
use protocol::time::Time;

/// The accounts of one instance, by dataset, purpose and period.
///
/// # Privacy
///
/// Every amount is a [`Loss`], obeyed at every Rényi order. Nothing here depends on a row.
#[derive(Debug, Default)]
pub struct Ledger {
    accounts: BTreeMap<Key, Balance>,
}

impl Ledger {
    /// A ledger without accounts: a new instance may spend nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Accepts a slice. What one job was handed, and what was prepaid, each count once, as the
    /// largest slice seen. So a replay adds nothing, in whatever order slices arrive.
    ///
    /// The caller has verified that the owner of the dataset signed the slice, and for this
    /// instance; the rest is checked here.
    ///
    /// # Errors
    ///
    /// [`Refusal::BadSlice`] for a slice of another contract, dataset, purpose or period, for one that
    /// is over, and for one of nothing, or past the number of jobs that an account may pay for.
    pub fn accept(&mut self, slice: &Slice, contract: &Contract, now: Time) -> Result<(), Refusal> {
        let budget = budget(contract, &slice.dataset, &slice.purpose).ok_or(Refusal::BadSlice)?;
        let current = slice.period == budget.period.of(now) && now < slice.not_after;
        if slice.contract != contract.digest || !current {
            return Err(Refusal::BadSlice);
        }
        let key = Key::new(&slice.dataset, &slice.purpose, &slice.period);
        if let Some(job) = slice.job {
            let balance = self.accounts.get(&key);
            let room = balance.is_none_or(|balance| {
                balance.jobs.contains_key(&job) || balance.jobs.len() < MOST_JOBS
            });
            if slice.granted.is_zero() || !room {
                return Err(Refusal::BadSlice);
            }
        }
        self.accounts.entry(key).or_default().accept(slice);
        Ok(())
    }

    /// What the account of this slice would have been granted in total with it.
    #[must_use]
    pub fn granted_with(&self, slice: &Slice) -> Loss {
        let key = Key::new(&slice.dataset, &slice.purpose, &slice.period);
        let Some(balance) = self.accounts.get(&key) else { return slice.granted.clone() };
        let known = balance.grant(slice.job).map_or_else(Loss::zero, |grant| grant.granted.clone());
        balance.granted.minus(&known).plus(&known.max(&slice.granted))
    }

    /// Charges every dataset of the job its whole cost, or none of them. The job is paid from what
    /// was handed over for it alone, otherwise from what was prepaid.
    ///
    /// # Errors
    ///
    /// [`Refusal::NeedsSlice`] for the first dataset that cannot pay, and the owners of the others.
    pub fn pay(
        &mut self,
        admitted: Admitted,
        contract: &Contract,
        now: Time,
    ) -> Result<Paid, Refusal> {
        let (job, cost) = (admitted.name(), admitted.cost().clone());
        let keys = self.affordable(&admitted, contract, now)?;
        let mut charges = Vec::new();
        for (key, owner) in keys {
            let balance = self.accounts.entry(key.clone()).or_default();
            balance.spend(job, &cost, now);
            let Key { dataset, purpose, .. } = key;
            let charge = Charge { dataset, owner, purpose, loss: cost.clone() };
            charges.push(Charged { charge, remaining: balance.prepaid.remaining(now) });
        }
        Ok(Paid { admitted, charges })
    }

    /// What any job may still spend now on `dataset` for `purpose`: the unspent part of what was
    /// prepaid.
    #[must_use]
    pub fn remaining(&self, contract: &Contract, dataset: &str, purpose: &str, now: Time) -> Loss {
        budget(contract, dataset, purpose).map_or_else(Loss::zero, |budget| {
            self.remaining_of(&Key::new(dataset, purpose, &budget.period.of(now)), now)
        })
    }

    /// Every account, also of periods that are over. The instance signs them when it closes.
    #[must_use]
    pub fn accounts(&self) -> Vec<Account> {
        let account = |(key, balance): (&Key, &Balance)| Account {
            dataset: key.dataset.clone(),
            purpose: key.purpose.clone(),
            period: key.period.clone(),
            granted: balance.granted.clone(),
            spent: balance.spent.clone(),
        };
        self.accounts.iter().map(account).collect()
    }

    /// The account and the owner of each dataset, if all of them can pay.
    fn affordable(
        &self,
        admitted: &Admitted,
        contract: &Contract,
        now: Time,
    ) -> Result<Vec<(Key, String)>, Refusal> {
        let cost = admitted.cost();
        let mut keys: Vec<(Key, String)> = Vec::new();
        let mut lacking: Vec<(Key, String)> = Vec::new();
        for name in admitted.datasets() {
            let dataset = contract.datasets.get(name).ok_or(Refusal::Internal)?;
            let budget = dataset.budgets.get(admitted.purpose()).ok_or(Refusal::Internal)?;
            let key = Key::new(name, admitted.purpose(), &budget.period.of(now));
            // Two charges to the same account would each pass the check, and together overdraw it.
            if keys.iter().any(|(other, _)| *other == key) {
                return Err(Refusal::Internal);
            }
            let pays = |balance: &Balance| balance.source(admitted.name(), cost, now).is_some();
            let account = (key.clone(), dataset.owner.clone());
            if !self.accounts.get(&key).is_some_and(pays) {
                lacking.push(account.clone());
            }
            keys.push(account);
        }
        let mut lacking = lacking.into_iter();
        let Some((key, owner)) = lacking.next() else { return Ok(keys) };
        let others: BTreeSet<_> =
            lacking.map(|(_, other)| other).filter(|other| *other != owner).collect();
        let (left, cost) = (self.remaining_of(&key, now), cost.clone());
        let (dataset, others) = (key.dataset, others.into_iter().collect());
        Err(Refusal::NeedsSlice { dataset, owner, cost, left, others })
    }

    fn remaining_of(&self, key: &Key, now: Time) -> Loss {
        self.accounts.get(key).map_or_else(Loss::zero, |balance| balance.prepaid.remaining(now))
    }
}

/// A question that has been paid for. Releasing uses it up: it is neither `Clone` nor `Copy`, and
/// only [`Ledger::pay`] makes one.
///
/// ```compile_fail,E0382
/// fn twice(paid: privacy::Paid, one: privacy::Raw, other: privacy::Raw) {
///     let mut noise = privacy::sampler::Exact::from_seed([7; 32]);
///     let _ = one.release(paid, &mut noise);
///     let _ = other.release(paid, &mut noise);
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn copies<T: Clone>(_: &T) {}
/// fn keep(paid: &privacy::Paid) {
///     copies(paid);
/// }
/// ```
///
/// ```compile_fail,E0451
/// fn forged(admitted: protocol::policy::Admitted) -> privacy::Paid {
///     privacy::Paid { admitted, charges: Vec::new() }
/// }
/// ```
#[derive(Debug)]
#[must_use = "budget was spent on this"]
pub struct Paid {
    admitted: Admitted,
    charges: Vec<Charged>,
}

impl Paid {
    /// The question, its noise and its cost.
    #[must_use]
    pub fn admitted(&self) -> &Admitted {
        &self.admitted
    }

    /// What each dataset was charged.
    #[must_use]
    pub fn charges(&self) -> &[Charged] {
        &self.charges
    }

    /// What this instance may still spend on each dataset for the purpose.
    #[must_use]
    pub fn remaining(&self) -> BTreeMap<String, Loss> {
        let remaining = self
            .charges
            .iter()
            .map(|charged| (charged.charge.dataset.clone(), charged.remaining.clone()));
        remaining.collect()
    }
}

/// A charge, and what the account has after it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Charged {
    /// What the dataset was charged.
    pub charge: Charge,
    /// What this instance may still spend on the dataset for the purpose, after the charge.
    pub remaining: Loss,
}

/// The name of an account.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Key {
    dataset: String,
    purpose: String,
    period: String,
}

impl Key {
    fn new(dataset: &str, purpose: &str, period: &str) -> Self {
        let [dataset, purpose, period] = [dataset, purpose, period].map(str::to_owned);
        Self { dataset, purpose, period }
    }
}

/// One account: what may be spent on anything, and what each job may spend.
#[derive(Debug)]
struct Balance {
    prepaid: Grant,
    /// The jobs' own grants, by name. A grant is kept after it was spent, so that a replay adds
    /// nothing.
    jobs: BTreeMap<JobName, Grant>,
    /// The sum of all grants.
    granted: Loss,
    spent: Loss,
}

impl Default for Balance {
    fn default() -> Self {
        let (prepaid, jobs) = (Grant::default(), BTreeMap::new());
        Self { prepaid, jobs, granted: Loss::zero(), spent: Loss::zero() }
    }
}

#[derive(Clone, Debug)]
struct Grant {
    granted: Loss,
    spent: Loss,
    /// End of the slice that was granted last. What remains of it ends then.
    not_after: Time,
}

impl Default for Grant {
    fn default() -> Self {
        Self { granted: Loss::zero(), spent: Loss::zero(), not_after: Time(0) }
    }
}

impl Grant {
    fn remaining(&self, now: Time) -> Loss {
        if now < self.not_after { self.granted.minus(&self.spent) } else { Loss::zero() }
    }
}

impl Balance {
    fn accept(&mut self, slice: &Slice) {
        let grant = match slice.job {
            Some(job) => self.jobs.entry(job).or_default(),
            None => &mut self.prepaid,
        };
        if !slice.granted.fits(&grant.granted) {
            let larger = grant.granted.max(&slice.granted);
            self.granted = self.granted.minus(&grant.granted).plus(&larger);
            grant.granted = larger;
            grant.not_after = slice.not_after;
        }
    }

    fn grant(&self, job: Option<JobName>) -> Option<&Grant> {
        job.map_or(Some(&self.prepaid), |job| self.jobs.get(&job))
    }

    /// Where `cost` of this job is paid from: the job's own grant, otherwise what was prepaid.
    fn source(&self, job: JobName, cost: &Loss, now: Time) -> Option<Option<JobName>> {
        let pays = |of: &Option<JobName>| {
            self.grant(*of).is_some_and(|grant| cost.fits(&grant.remaining(now)))
        };
        [Some(job), None].into_iter().find(pays)
    }

    fn spend(&mut self, job: JobName, cost: &Loss, now: Time) {
        let grant = match self.source(job, cost, now) {
            Some(Some(job)) => self.jobs.get_mut(&job),
            Some(None) => Some(&mut self.prepaid),
            None => None,
        };
        if let Some(grant) = grant {
            grant.spent = grant.spent.plus(cost);
            self.spent = self.spent.plus(cost);
        }
    }
}

fn budget<'c>(contract: &'c Contract, dataset: &str, purpose: &str) -> Option<&'c Budget> {
    contract.datasets.get(dataset)?.budgets.get(purpose)
}

/// Jobs that one account pays for in one life of an instance, which keeps fewer answers.
const MOST_JOBS: usize = 1 << 13;
