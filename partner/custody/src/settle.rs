//! Settles with closed instances: loss that an instance did not spend comes back, once.

use super::{
    accounts::{Account, Kind, budget_period, generation_of, limits, stored},
    error::LedgerError,
    ledger::{Ledger, is_accounted},
    lineages,
    restore::{Restore, pending},
};
use client::{close::Closing, room::Instance};
use protocol::{
    canonical,
    contract::{Contract, Dataset},
    digest::Digest,
    loss::{Delta, Loss},
    receipt,
    time::Time,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// What a closing credited.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Credited {
    /// The credits, by account.
    pub credits: Vec<Credit>,
    /// True if this closing was credited before, and nothing was added now.
    pub before: bool,
}

/// What came back on one account of an instance.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Credit {
    /// Name of the dataset.
    pub dataset: String,
    /// What the data is used for.
    pub purpose: String,
    /// Period of the budget.
    pub period: String,
    /// What was handed out.
    pub granted: Loss,
    /// What came back of it.
    pub credited: Loss,
}

/// A budget that no closing tells of: it is taken as spent.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct WrittenOff {
    /// Name of the dataset.
    pub dataset: String,
    /// What the data is used for.
    pub purpose: String,
    /// Period of the budget.
    pub period: String,
    /// The loss that was written off.
    pub loss: Loss,
    /// δ at which ε is stated.
    pub delta: Delta,
}

/// What to assume of slices that a restored ledger has forgotten and no closing tells of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "either the owner knows or it does not")]
pub enum Rest {
    /// Nothing: the owner vouches that the closings are complete.
    Nothing,
    /// Everything: every budget since the backup may be used up, and is written off.
    WriteOff,
}

impl Ledger {
    /// Credits what the closed instance did not spend. A second call credits nothing.
    ///
    /// What the instance was granted is taken from this ledger, and what it spent from its closing,
    /// so no more than what is outstanding can come back.
    ///
    /// # Errors
    ///
    /// [`LedgerError::UnknownInstance`], [`LedgerError::OtherClosing`]; [`LedgerError::Restored`]
    /// also if the instance was granted more than this ledger knows of.
    pub fn credit(
        &mut self,
        closing: &Closing,
        contract: &Contract,
        party: &str,
        now: Time,
    ) -> Result<Credited, LedgerError> {
        self.witness(closing.instance(), contract, party, &closing.body().accounts)?;
        self.change(|tx| {
            is_accounted(tx, contract.digest)?;
            settle(tx, closing, now)
        })
    }

    /// Checks that this ledger knows of everything that an instance says it was granted.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Restored`] if the instance was granted more: this ledger has forgotten
    /// something, or another copy of it hands out slices too. It then stops until it is accounted
    /// for.
    pub fn witness(
        &mut self,
        instance: &Instance,
        contract: &Contract,
        party: &str,
        accounts: &[receipt::Account],
    ) -> Result<(), LedgerError> {
        for (account, _, said) in owned(instance.digest(), contract, party, accounts) {
            if !said.granted.fits(&account.granted(self.db())?) {
                self.distrust()?;
                break;
            }
        }
        self.check()
    }

    /// Lets a restored ledger hand out slices under `contract` again, and under no other that is
    /// not accounted for: takes over what `closings` say was granted,
    /// credits what they did not spend, and assumes `rest` of everything else. With
    /// [`Rest::WriteOff`] every instance without a closing is over for this ledger too. Returns what
    /// was written off.
    ///
    /// # Errors
    ///
    /// [`LedgerError::NotRestored`] if there is nothing to account for; [`LedgerError`] if the files
    /// cannot be used, or a closing contradicts an earlier one.
    pub fn accounted(
        &mut self,
        closings: &[Closing],
        contract: &Contract,
        party: &str,
        rest: Rest,
        now: Time,
    ) -> Result<Vec<WrittenOff>, LedgerError> {
        self.exclusively(|tx, counter| {
            let written_off = account_for(tx, counter, closings, contract, party, rest, now)?;
            let known = generation_of(tx)?;
            let counter = if counter == u64::MAX { known } else { counter };
            Ok((written_off, known.max(counter).saturating_add(1)))
        })
    }

    /// What [`Ledger::accounted`] would write off. Changes nothing.
    ///
    /// # Errors
    ///
    /// As [`Ledger::accounted`].
    pub fn would_write_off(
        &mut self,
        closings: &[Closing],
        contract: &Contract,
        party: &str,
        now: Time,
    ) -> Result<Vec<WrittenOff>, LedgerError> {
        self.without_a_trace(|tx, counter| {
            account_for(tx, counter, closings, contract, party, Rest::WriteOff, now)
        })
    }
}

fn account_for(
    tx: &Transaction<'_>,
    counter: u64,
    closings: &[Closing],
    contract: &Contract,
    party: &str,
    rest: Rest,
    now: Time,
) -> Result<Vec<WrittenOff>, LedgerError> {
    let restored = generation_of(tx)? < counter;
    let unaccounted = !pending(tx, contract.digest)?.is_empty();
    if !restored && !unaccounted {
        return Err(LedgerError::NotRestored { contract: contract.digest });
    }
    // If the ledger is no longer restored, another contract was accounted for first, after the same
    // backup.
    if restored {
        // This comes before anything is added: it records what the backup knew last.
        Restore::begin(tx, now)?;
    }
    for closing in closings {
        take_over(tx, closing, contract, party, now)?;
        match settle(tx, closing, now) {
            // The contract that was accounted for first wrote it off, and its rest stays lost.
            Err(LedgerError::WrittenOff { .. }) if !restored => {}
            settled => drop(settled?),
        }
    }
    let mut written_off = Vec::new();
    for restore in pending(tx, contract.digest)? {
        if rest == Rest::WriteOff {
            written_off.extend(write_off(tx, contract, party, &restore, restored, now)?);
        }
        restore.accounted(tx, contract.digest)?;
    }
    lineages::note_what_was_cut(tx, contract, party, now)?;
    Ok(written_off)
}

fn settle(tx: &Transaction<'_>, closing: &Closing, now: Time) -> Result<Credited, LedgerError> {
    let instance = closing.instance().digest();
    let id = instance.as_bytes().as_slice();
    let stored_closing: Option<Option<Vec<u8>>> = tx
        .query_row("SELECT closing FROM instances WHERE instance = ?1", [id], |row| row.get(0))
        .optional()?;
    let before = match stored_closing {
        None => return Err(LedgerError::UnknownInstance { instance }),
        Some(None) => false,
        Some(Some(bytes)) if bytes == closing.as_bytes() => true,
        Some(Some(bytes)) if bytes.is_empty() => return Err(LedgerError::WrittenOff { instance }),
        Some(Some(_)) => return Err(LedgerError::OtherClosing { instance }),
    };
    let mut credits = Vec::new();
    for row in accounts_of(tx, instance)? {
        let account = &row.account;
        let granted = account.granted(tx)?;
        let same = |said: &&receipt::Account| {
            said.dataset == account.dataset
                && said.purpose == account.purpose
                && said.period == account.period
        };
        let said = closing.body().accounts.iter().filter(same);
        let spent = said.fold(Loss::zero(), |sum, said| sum.plus(&said.spent));
        let credited = granted.minus(&spent);
        if !before {
            tx.execute(
                "INSERT INTO credits (instance, dataset, lineage, purpose, period, budget_period, \
                 loss, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    id,
                    account.dataset,
                    row.lineage,
                    account.purpose,
                    account.period,
                    row.budget_period,
                    canonical::to_vec(&credited),
                    stored(now.0),
                ],
            )?;
        }
        credits.push(Credit {
            dataset: account.dataset.clone(),
            purpose: account.purpose.clone(),
            period: account.period.clone(),
            granted,
            credited,
        });
    }
    if !before {
        tx.execute(
            "UPDATE instances SET closing = ?2 WHERE instance = ?1",
            params![id, closing.as_bytes()],
        )?;
    }
    Ok(Credited { credits, before })
}

/// An account of an instance, and the budgets that it draws on.
pub(super) struct AccountRow {
    pub(super) account: Account,
    pub(super) lineage: String,
    pub(super) budget_period: String,
}

pub(super) fn accounts_of(
    db: &Connection,
    instance: Digest,
) -> Result<Vec<AccountRow>, LedgerError> {
    let mut statement = db.prepare(
        "SELECT DISTINCT dataset, purpose, period, lineage, budget_period FROM slices \
         WHERE instance = ?1 ORDER BY 1, 2, 3",
    )?;
    let rows = statement.query_map([instance.as_bytes().as_slice()], |row| {
        Ok(AccountRow {
            account: Account {
                instance,
                dataset: row.get(0)?,
                purpose: row.get(1)?,
                period: row.get(2)?,
            },
            lineage: row.get(3)?,
            budget_period: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The accounts that draw on datasets of `party`.
fn owned<'a>(
    instance: Digest,
    contract: &'a Contract,
    party: &'a str,
    accounts: &'a [receipt::Account],
) -> impl Iterator<Item = (Account, &'a Dataset, &'a receipt::Account)> {
    accounts.iter().filter_map(move |said| {
        let dataset = contract.datasets.get(&said.dataset).filter(|d| d.owner == party)?;
        let account = Account {
            instance,
            dataset: said.dataset.clone(),
            purpose: said.purpose.clone(),
            period: said.period.clone(),
        };
        Some((account, dataset, said))
    })
}

/// Raises this ledger's accounts to what the closed instance was granted.
fn take_over(
    tx: &Transaction<'_>,
    closing: &Closing,
    contract: &Contract,
    party: &str,
    now: Time,
) -> Result<(), LedgerError> {
    let instance = closing.instance();
    add_instance(tx, instance.digest(), contract.digest, instance.as_bytes(), now)?;
    let accounts = &closing.body().accounts;
    for (account, dataset, said) in owned(instance.digest(), contract, party, accounts) {
        let known = account.granted(tx)?;
        let missing = said.granted.minus(&known);
        if !missing.is_zero() {
            let Some(budget) = dataset.budgets.get(&account.purpose) else { continue };
            let shared = budget_period(budget.period, contract.digest, &account.period);
            let row =
                AccountRow { account, lineage: dataset.lineage.clone(), budget_period: shared };
            let granted = known.plus(&missing);
            add_slice(tx, &row, Kind::Found, contract.digest, (&missing, &granted), now)?;
        }
    }
    Ok(())
}

/// Uses up every budget of `party` in every period that the backup may have forgotten. If the
/// backup knew nothing, that is everything for life.
fn write_off(
    tx: &Transaction<'_>,
    contract: &Contract,
    party: &str,
    restore: &Restore,
    begins: bool,
    now: Time,
) -> Result<Vec<WrittenOff>, LedgerError> {
    let mut all = Vec::new();
    let generation = generation_of(tx)?;
    let nobody = Digest::of("glovebox custody write-off v1", &generation.to_be_bytes());
    add_instance(tx, nobody, contract.digest, &[], now)?;
    // What an open instance gave back may have been handed out again without this ledger knowing.
    // So nothing of an instance that was open then may be credited after this.
    let met = if begins { i64::MAX } else { stored(restore.until.0) };
    tx.execute(
        "UPDATE instances SET closing = x'' WHERE closing IS NULL AND first_seen <= ?1 \
         OR instance = ?2",
        params![met, nobody.as_bytes().as_slice()],
    )?;
    let datasets = contract.datasets.iter().filter(|(_, dataset)| dataset.owner == party);
    for (name, dataset) in datasets {
        for (purpose, budget) in &dataset.budgets {
            let mut done: Option<String> = None;
            for day in restore.since.day()..=restore.until.day() {
                let period = budget.period.of(Time(day.saturating_mul(86_400_000)));
                if done.as_ref() == Some(&period) {
                    continue;
                }
                let shared = budget_period(budget.period, contract.digest, &period);
                let key = (dataset.lineage.as_str(), purpose.as_str());
                let [in_period, for_life, in_all] = limits(tx, budget, key, &shared)?
                    .map(|(_, allowed, used)| allowed.minus(&used));
                let for_life = for_life.min(&in_all);
                let loss = if restore.everything { for_life } else { in_period.min(&for_life) };
                let account = Account {
                    instance: nobody,
                    dataset: name.clone(),
                    purpose: purpose.clone(),
                    period: period.clone(),
                };
                let row =
                    AccountRow { account, lineage: dataset.lineage.clone(), budget_period: shared };
                add_slice(tx, &row, Kind::WrittenOff, contract.digest, (&loss, &loss), now)?;
                done = Some(period.clone());
                if !loss.is_zero() {
                    let (dataset, purpose) = (name.clone(), purpose.clone());
                    all.push(WrittenOff { dataset, purpose, period, loss, delta: budget.delta });
                }
            }
        }
    }
    Ok(all)
}

fn add_instance(
    tx: &Transaction<'_>,
    instance: Digest,
    contract: Digest,
    statement: &[u8],
    now: Time,
) -> Result<(), LedgerError> {
    tx.execute(
        "INSERT OR IGNORE INTO instances (instance, contract, statement, first_seen) \
         VALUES (?1, ?2, ?3, ?4)",
        params![
            instance.as_bytes().as_slice(),
            contract.as_bytes().as_slice(),
            statement,
            stored(now.0),
        ],
    )?;
    Ok(())
}

fn add_slice(
    tx: &Transaction<'_>,
    row: &AccountRow,
    kind: Kind,
    contract: Digest,
    (loss, granted): (&Loss, &Loss),
    now: Time,
) -> Result<(), LedgerError> {
    tx.execute(
        "INSERT INTO slices (instance, contract, dataset, lineage, purpose, period, budget_period, \
         kind, loss, granted, time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            row.account.instance.as_bytes().as_slice(),
            contract.as_bytes().as_slice(),
            row.account.dataset,
            row.lineage,
            row.account.purpose,
            row.account.period,
            row.budget_period,
            kind.name(),
            canonical::to_vec(loss),
            canonical::to_vec(granted),
            stored(now.0),
        ],
    )?;
    Ok(())
}
