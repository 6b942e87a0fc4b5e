//! What an owner without a known custody has not paid, and how far what it prepaid goes.

use crate::clock;
use protocol::{
    contract::{Budget, Contract},
    loss::{Delta, Epsilon, Loss},
    policy::Admitted,
    receipt::Account,
};

/// A job that the owner of a dataset would have to countersign: what it prepaid does not suffice, and no custody of it is known.
///
/// Remedy: ask for less, or have the owner run the `glovebox grant` that the text names; of an owner who runs a custody, name it with
/// `--custody`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{}", self.words())]
#[non_exhaustive]
pub struct Unpaid {
    /// The owner.
    pub owner: String,
    /// Its dataset that lacks most.
    pub dataset: String,
    /// What the data would be used for.
    pub purpose: String,
    /// The period of the budget, by its name.
    pub period: String,
    /// What the job costs.
    pub cost: Loss,
    /// What the owner has handed to this instance in the period.
    pub granted: Loss,
    /// What of it is left.
    pub left: Loss,
    /// The contract's budget, at whose δ every ε is stated.
    pub budget: Budget,
}

impl Unpaid {
    /// What `owner` has not paid of a job, by the `accounts` of the instance: of its dataset that lacks most.
    pub(super) fn of(
        owner: &str,
        contract: &Contract,
        admitted: &Admitted,
        accounts: &[Account],
    ) -> Option<Self> {
        let purpose = admitted.purpose();
        let unpaid = admitted.datasets().iter().filter_map(|name| {
            let dataset = contract.datasets.get(name).filter(|dataset| dataset.owner == owner)?;
            let budget = dataset.budgets.get(purpose)?;
            let period = budget.period.of(clock::now());
            let is_this = |account: &&Account| {
                account.dataset == *name && account.purpose == purpose && account.period == period
            };
            let account = accounts.iter().find(is_this);
            let granted = account.map_or_else(Loss::zero, |account| account.granted.clone());
            let left = account.map_or_else(Loss::zero, |account| granted.minus(&account.spent));
            Some(Self {
                owner: owner.to_owned(),
                dataset: name.clone(),
                purpose: purpose.to_owned(),
                period,
                cost: admitted.cost().clone(),
                granted,
                left,
                budget: budget.clone(),
            })
        });
        unpaid.min_by_key(|unpaid| unpaid.left.rho())
    }

    /// The largest ε that what is left pays for; 0 for none.
    #[must_use]
    pub fn passing(&self) -> f64 {
        if self.cost.delta() > self.left.delta() {
            0.0
        } else {
            self.left.rho().passing(self.budget.delta)
        }
    }

    fn words(&self) -> String {
        let Self { owner, dataset, purpose, .. } = self;
        let epsilon = |loss: &Loss| loss.rho().epsilon(self.budget.delta);
        let cost = epsilon(&self.cost);
        let prepaid = if self.granted.is_zero() {
            format!(
                "{owner} has prepaid nothing on \"{dataset}\" for {purpose}, and this costs epsilon {cost:.3}"
            )
        } else {
            format!(
                "{owner} prepaid epsilon {:.3} on \"{dataset}\" for {purpose} ({}); epsilon {:.3} is left of it, and this costs {cost:.3}",
                epsilon(&self.granted),
                self.period,
                self.left.rho().passing(self.budget.delta)
            )
        };
        let selects = in_full(self.cost.delta()).filter(|_| self.cost.delta() > self.left.delta());
        let selects = selects.map_or_else(String::new, |cost| {
            let left = in_full(self.left.delta()).unwrap_or_else(|| "nothing".to_owned());
            format!(", and a selection delta of {cost}, of which {left} is left")
        });
        let passes = match self.passing() {
            passing if passing > 0.0 => format!("; up to epsilon {passing:.3} passes"),
            _ => String::new(),
        };
        format!(
            "{prepaid}{selects}{passes}. {} No custody of {owner} is known that could countersign: if it runs one, name \
                 it with `--custody {owner}=http://host:port`",
            self.remedy()
        )
    }

    /// The command by which the owner would pay, if the contract allows that much.
    fn remedy(&self) -> String {
        let Self { owner, dataset, purpose, .. } = self;
        let whole = self.granted.plus(&self.cost.minus(&self.left));
        let asked = whole.rho().asked_as(self.budget.delta);
        let Some(asked) = asked.filter(|_| whole.fits(&self.budget.per_period())) else {
            return format!(
                "{owner} can prepay no more than the contract allows in this period, epsilon {}.",
                self.budget.epsilon
            );
        };
        let delta = in_full(whole.delta());
        let delta =
            delta.map(|delta| format!(" --prepay-selection-delta {delta}")).unwrap_or_default();
        format!(
            "{owner} pays for it with `glovebox grant {dataset} --prepay {}{delta} --purpose {purpose}`, which is in all and not in addition.",
            rounded_up(asked).min(self.budget.epsilon).max(asked)
        )
    }
}

/// An ε of three decimals that is not smaller, if a job may name that.
fn rounded_up(epsilon: Epsilon) -> Epsilon {
    let thousandths = u64::from(epsilon).div_ceil(1000);
    Epsilon::try_from(thousandths.saturating_mul(1000)).unwrap_or(epsilon)
}

/// A δ in units of 10⁻¹⁵ as a number; none for 0.
fn in_full(delta: u64) -> Option<String> {
    Delta::try_from(delta).ok().map(|delta| delta.to_string())
}
