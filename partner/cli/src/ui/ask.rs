//! What a question would cost, and what would refuse it, before anything is signed.

use super::{
    amounts::{epsilon, share_up, whose},
    desk::{PartyDesk, reasons, said},
    payers::{self, Payer},
};
use crate::{failure::Failure, job::price, words::counted};
use ::ui::Priced;
use protocol::{
    page::{
        Banner, Block, Page, Row, Section, Severity, Statement, Table, Text, Topic,
        number::{moment, size},
    },
    refusal::WhichBudget,
};

pub(super) fn priced(desk: &PartyDesk, job: &str) -> Result<Priced, Vec<Text>> {
    let asked =
        price::Priced::of(desk.contract.clone(), job, None, None).map_err(|why| reasons(&why))?;
    let (datasets, purpose) = asked.charges();
    let payers = payers::of(desk, &datasets, purpose).map_err(|why| vec![said(&why)])?;
    let never = asked.unpayable().map(Failure::no);
    let now = payers.iter().filter_map(|payer| payer.refusal(asked.cost())).map(Failure::no);
    // What no budget ever pays for, none pays for now.
    let refused: Vec<Failure> = match never {
        Some(never) => vec![never],
        None => now.collect(),
    };
    let may_be_asked = refused.is_empty();
    let headline = "This would be refused, so it cannot be asked.".into();
    let reasons = refused.iter().flat_map(reasons).collect();
    let banner = Banner { severity: Severity::Stop, headline, reasons };
    let (steps, table) = steps(desk, job, &asked, &payers);
    let mut sections = Vec::new();
    if !table.rows.is_empty() {
        let heading = "What each epsilon takes, and how exact the answer then is";
        let note = "Of each figure: within how much of it the answer is, with 95 % probability. Noise alone; who is in the data is chance, \
                    too. A question takes a share of what is left that grows with the square of its epsilon.";
        let section = Section::new(Topic::Cost, heading.into()).with(Block::Table(table));
        sections.push(section.with(Block::Note(note.into())));
    }
    let mut details = Section::new(Topic::Notes, "In detail".into());
    details.blocks = asked.words(&[]).blocks();
    sections.push(details);
    let page = Page {
        about: "Price".into(),
        title: "What it would cost".into(),
        doubts: if may_be_asked { Vec::new() } else { vec![banner] },
        answer: payers.iter().map(|payer| pays(payer, &asked)).collect(),
        sections,
        ..Page::default()
    };
    Ok(Priced { page, may_be_asked, steps })
}

/// What one dataset pays, beside what it has.
fn pays(payer: &Payer<'_>, asked: &price::Priced) -> Statement {
    let cost = asked.cost();
    let pays = format!("pays epsilon {}", asked.epsilon());
    let text = match &payer.line {
        Some(line) if cost.fits(&line.remaining) => {
            let left = line.remaining.minus(cost);
            let more = match left.times(cost).unwrap_or(0) {
                0 => "not enough for another such question".to_owned(),
                more => {
                    let words = "more such questions";
                    format!("enough for {}", counted(more, "more such question", words))
                }
            };
            Text::fixed(format!(
                "{pays} of the {} that is left of {} budget, {} of it. Then {} is left, {more}.",
                epsilon(&line.remaining, line),
                whose(line.kind),
                share_up(cost, &line.remaining),
                epsilon(&left, line),
            ))
        }
        Some(line) => {
            let until = match line.kind {
                WhichBudget::Contract => format!("The contract ends {}.", moment(line.period_ends)),
                _ => format!("It is filled again {}.", moment(line.period_ends)),
            };
            Text::fixed(format!(
                "would have to pay epsilon {}, and {} is left of {} budget. {until}",
                asked.epsilon(),
                epsilon(&line.remaining, line),
                whose(line.kind),
            ))
        }
        None => Text::fixed(pays).and(", too: ").with(payer.elsewhere()).and("."),
    };
    Statement { name: Some(payer.named().and(":")), text }
}

/// The same question at other epsilons: those that can be chosen, and a table of what each takes.
fn steps(
    desk: &PartyDesk,
    job: &str,
    asked: &price::Priced,
    payers: &[Payer<'_>],
) -> (Vec<String>, Table) {
    let own = asked.epsilon().value();
    let mut all: Vec<f64> = STEPS.into_iter().filter(|step| (step - own).abs() > 1e-9).collect();
    all.push(own);
    all.sort_by(f64::total_cmp);
    let mut table = Table {
        names: vec!["Epsilon".into()],
        figures: payers
            .iter()
            .filter(|payer| payer.line.is_some())
            .map(|payer| Text::fixed("Of what is left of ").quote(&payer.name))
            .collect(),
        ..Table::default()
    };
    let figures: Vec<_> = asked.within().into_iter().take(FIGURES).map(|(name, _)| name).collect();
    table.figures.extend(figures.iter().map(|name| name.clone().and(", \u{b1}")));
    let mut steps = Vec::new();
    for step in all {
        let is_own = (step - own).abs() <= 1e-9;
        let Some(at) = price_at(desk, job, step) else { continue };
        let fits = |payer: &Payer<'_>| payer.refusal(at.cost()).is_none();
        let is_offered = is_own || (payers.iter().all(fits) && at.unpayable().is_none());
        if !is_offered {
            continue;
        }
        let lines = payers.iter().filter_map(|payer| payer.line.as_ref());
        let shares = lines.map(|line| match at.cost().fits(&line.remaining) {
            true => Text::fixed(share_up(at.cost(), &line.remaining)),
            false => "more than all".into(),
        });
        let within = at.within().into_iter().take(FIGURES);
        let within = within.map(|(_, within)| Text::fixed(size(within)));
        let figures = shares.chain(within).collect();
        let remark = is_own.then(|| "as filled in".into());
        table.rows.push(Row { names: vec![Text::fixed(at.epsilon())], figures, remark, bar: None });
        if !is_own {
            steps.push(at.epsilon().to_string());
        }
    }
    (steps, table)
}

/// The same question at another epsilon; nothing if it is none there.
fn price_at(desk: &PartyDesk, job: &str, epsilon: f64) -> Option<price::Priced> {
    let mut table: toml::Table = job.parse().ok()?;
    let (_, asked) = table.iter_mut().find(|(name, _)| *name != "job")?;
    let privacy = asked.as_table_mut()?.get_mut("privacy")?.as_table_mut()?;
    privacy.insert("epsilon".to_owned(), epsilon.into());
    let job = toml::to_string(&table).ok()?;
    price::Priced::of(desk.contract.clone(), &job, None, None).ok()
}

/// The epsilons that a question is priced at beside its own.
const STEPS: [f64; 7] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
/// How many figures the table of steps has.
const FIGURES: usize = 3;
