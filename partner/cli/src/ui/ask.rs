//! What a question would cost, and what would refuse it, before anything is signed.

use super::desk::{PartyDesk, said};
use crate::{failure::Failure, job::price, words};
use ::ui::Priced;
use client::clock;
use protocol::page::{
    Banner, Block, Page, Section, Severity, Statement, Text, Topic, number::moment,
};

pub(super) fn priced(desk: &PartyDesk, job: &str) -> Result<Priced, Text> {
    let asked =
        price::Priced::of(desk.contract.clone(), job, None, None).map_err(|why| said(&why))?;
    let left = left(desk, &asked).map_err(|why| said(&why))?;
    let refused = asked.unpayable().map(|over| Text::quoted(over.to_string())).into_iter();
    let refused: Vec<_> = refused.chain(left.missing).collect();
    let may_be_asked = refused.is_empty();
    let headline = "This would be refused, so it cannot be asked.".into();
    let banner = Banner { severity: Severity::Stop, headline, reasons: refused };
    let (datasets, purpose) = asked.charges();
    let owners = datasets.iter().map(|name| Text::quoted(*name));
    let delta = datasets.first().and_then(|name| words::delta_of(&desk.contract, name, purpose));
    let price = words::charge(asked.cost(), delta);
    let sentence = Text::fixed(format!("It costs {price}, charged to "))
        .with(Text::list(owners, " and "))
        .and(" for ")
        .quote(purpose)
        .and(".");
    let mut section = Section::new(Topic::Cost, "Price, and how exact the answer will be".into());
    section.blocks = asked.words(&[]).blocks();
    let mut sections = vec![section];
    if !left.words.is_empty() {
        let section = Section::new(Topic::Notes, "What is left of this party's budgets".into());
        sections.insert(0, section.with(Block::List(left.words)));
    }
    let page = Page {
        about: "Price".into(),
        title: "What it would cost".into(),
        doubts: if may_be_asked { Vec::new() } else { vec![banner] },
        answer: vec![Statement::whole(sentence)],
        sections,
        ..Page::default()
    };
    Ok(Priced { page, may_be_asked })
}

/// What the party's own ledger has for a question.
#[derive(Default)]
struct Left {
    words: Vec<Text>,
    /// Why it does not pay.
    missing: Vec<Text>,
}

fn left(desk: &PartyDesk, asked: &price::Priced) -> Result<Left, Failure> {
    let mut left = Left::default();
    let Some(ledger) = desk.ledger()? else { return Ok(left) };
    let (datasets, purpose) = asked.charges();
    let report = ledger.report(&desk.contract, &desk.party, clock::now())?;
    let charged = |line: &&custody::BudgetLine| {
        line.purpose == *purpose && datasets.contains(&line.dataset.as_str())
    };
    for line in report.budgets.iter().filter(charged) {
        let rest = words::charge(&line.remaining, Some(line.delta));
        let name = Text::quoted(&line.dataset);
        let text = name.clone().and(format!(": {rest} is left of the budget of {}", line.period));
        if asked.cost().fits(&line.remaining) {
            let times = line.remaining.times(asked.cost()).unwrap_or(0);
            left.words.push(text.and(format!(", enough for {times} such questions.")));
        } else {
            let until = moment(line.period_ends);
            let why = format!(": {rest} is left until {until}, which is not enough.");
            left.missing.push(Text::fixed("the budget of ").with(name).and(why));
        }
    }
    Ok(left)
}
