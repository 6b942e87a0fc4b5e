//! Whose budgets pay for a question, and what is left of those that this party knows.

use super::{
    amounts::{epsilon, share, whose},
    desk::PartyDesk,
};
use crate::failure::Failure;
use client::clock;
use custody::BudgetLine;
use protocol::{
    contract::{Dataset, Period, Terms},
    loss::Loss,
    page::{Block, Section, Text, Topic, number::moment},
    refusal::{Refusal, WhichBudget},
};

/// A dataset that pays.
pub(super) struct Payer<'d> {
    pub(super) name: String,
    pub(super) dataset: &'d Dataset,
    pub(super) purpose: String,
    /// What the party's own ledger says of it; `None` of another owner's, whose ledger nobody else looks into.
    pub(super) line: Option<BudgetLine>,
}

/// Those of `names` that the contract lists, for this purpose.
pub(super) fn of<'d>(
    desk: &'d PartyDesk,
    names: &[&str],
    purpose: &str,
) -> Result<Vec<Payer<'d>>, Failure> {
    let lines = match desk.ledger()? {
        Some(ledger) => ledger.report(&desk.contract, &desk.party, clock::now())?.budgets,
        None => Vec::new(),
    };
    let payers = names.iter().filter_map(|name| {
        let dataset = desk.contract.datasets.get(*name)?;
        let line = |line: &&BudgetLine| line.dataset == *name && line.purpose == purpose;
        let line = lines.iter().find(line).cloned();
        Some(Payer { name: (*name).to_owned(), dataset, purpose: purpose.to_owned(), line })
    });
    Ok(payers.collect())
}

/// Who pays for a question of `analysis`, before one is filled in.
pub(super) fn section(desk: &PartyDesk, analysis: &str) -> Result<Section, Failure> {
    let terms = desk.contract.analyses.get(analysis);
    let names: Vec<_> = terms.into_iter().flat_map(Terms::datasets).collect();
    let purpose = terms.map_or("", |terms| terms.purpose.as_str());
    let payers = of(desk, &names, purpose)?;
    let list = Block::List(payers.iter().map(Payer::words).collect());
    let note = "Each dataset that a question reads is charged its whole epsilon.";
    let section = Section::new(Topic::Cost, "Who pays, and what is left".into());
    Ok(section.with(list).with(Block::Note(note.into())))
}

impl Payer<'_> {
    /// Whose it is, and what is left.
    pub(super) fn words(&self) -> Text {
        match &self.line {
            Some(line) => self.named().and(format!(
                ": epsilon {} of {} is left of {} budget ({}), until {}",
                epsilon(&line.remaining, line),
                epsilon(&line.allowed, line),
                whose(line.kind),
                share(&line.remaining, &line.allowed),
                moment(line.period_ends),
            )),
            None => self.named().and(": ").with(self.elsewhere()),
        }
    }

    /// The dataset and its owner.
    pub(super) fn named(&self) -> Text {
        let owner = Text::quoted(&self.name).and(" of ").quote(&self.dataset.owner);
        if self.line.is_some() { owner.and(" (this party)") } else { owner }
    }

    /// What is known of a budget that another ledger keeps.
    pub(super) fn elsewhere(&self) -> Text {
        let owner = &self.dataset.owner;
        let budget = self.dataset.budgets.get(&self.purpose).map(|budget| {
            let span = match budget.period {
                Period::Day => "every day",
                Period::Week => "every week",
                Period::Month => "every month",
                _ => "for the whole contract",
            };
            format!(
                "its budget is epsilon {} {span}; how much of it is left, only ",
                budget.epsilon
            )
        });
        let budget = budget.unwrap_or_else(|| "it has no budget for this; ".to_owned());
        Text::fixed(budget).quote(owner).and(" knows, whose custody says so when it is asked")
    }

    /// What the ledger would say to a question of this cost, in the words in which it would: nothing if it pays.
    pub(super) fn refusal(&self, cost: &Loss) -> Option<Refusal> {
        let line = self.line.as_ref().filter(|line| !cost.fits(&line.remaining))?;
        let for_life = !cost.fits(&line.lifetime_remaining);
        Some(Refusal::BudgetExhausted {
            dataset: self.name.clone(),
            owner: self.dataset.owner.clone(),
            purpose: self.purpose.clone(),
            budget: if for_life { WhichBudget::Lifetime } else { line.kind },
            cost: cost.clone(),
            left: line.remaining.clone(),
            delta: line.delta,
            debits: line.debits.clone(),
            returned: line.returned.clone(),
        })
    }
}
