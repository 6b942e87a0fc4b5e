//! What is left of the party's budgets, and what they were spent on, entry by entry.

use super::{
    amounts::{epsilon, percent, share, whose},
    desk::PartyDesk,
    payers,
};
use crate::{
    budget::{
        one_job,
        remaining::{latest, remaining},
    },
    failure::Failure,
    people,
    words::counted,
};
use client::clock;
use custody::{BudgetLine, EntryKind, EntryLine};
use protocol::{
    contract::Contract,
    job::JobName,
    loss::Loss,
    page::{
        Banner, Block, Change, Course, Page, Row, Section, Severity, Statement, Table, Text, Topic,
        number::moment,
    },
    refusal::WhichBudget,
    time::Time,
};

pub(super) fn page(desk: &PartyDesk) -> Result<Page, Failure> {
    let contract = &desk.contract;
    let mut page = Page {
        about: "Budget".into(),
        title: "What is left".into(),
        subtitle: Text::fixed("Budgets of ")
            .quote(&desk.party)
            .and(" by its own ledger. A budget bounds what anybody can learn of one person."),
        ..Page::default()
    };
    let now = clock::now();
    let Some(ledger) = desk.ledger()? else {
        let text = "This folder has no ledger: it is an analyst's. What a question costs, and whether its owners would pay, is said \
                    when it is priced.";
        page.answer.push(Statement::whole(text.into()));
        page.sections.extend(of_others(desk)?);
        return Ok(page);
    };
    let report = ledger.report(contract, &desk.party, now)?;
    if report.restored {
        page.banners.push(Banner {
            severity: Severity::Stop,
            headline: "This ledger is a restored backup.".into(),
            reasons: vec![
                "It hands out nothing until `glovebox custody accounted` has taken in the closings since then."
                    .into(),
            ],
        });
    }
    if report.budgets.is_empty() {
        let text = Text::quoted(&desk.party);
        let text = text.and(" owns no dataset under this contract, and so has no budget.");
        page.answer.push(Statement::whole(text));
    }
    for line in &report.budgets {
        page.answer.push(in_a_sentence(line));
        page.sections.push(section(line, contract, &ledger.entries(contract, line)?, now));
    }
    page.sections.extend(of_others(desk)?);
    let people = report.people.iter().flat_map(|line| {
        let overlaps = people::about_overlaps(line);
        std::iter::once(people::words(line)).chain(overlaps)
    });
    let people: Vec<_> = people.map(Text::fixed).collect();
    if !people.is_empty() {
        let section = Section::new(Topic::People, "What its people have lost so far".into());
        page.sections.push(section.with(Block::List(people)));
    }
    Ok(page)
}

/// The datasets of other owners that pay for this party's questions.
fn of_others(desk: &PartyDesk) -> Result<Option<Section>, Failure> {
    let mut words = Vec::new();
    for terms in desk.contract.analyses.values() {
        let names: Vec<_> = terms.datasets().collect();
        if terms.analysts.contains(&desk.party) {
            let payers = payers::of(desk, &names, &terms.purpose)?;
            let others = payers.iter().filter(|payer| payer.dataset.owner != desk.party);
            words.extend(others.map(|payer| {
                Text::quoted(&payer.name)
                    .and(" of ")
                    .quote(&payer.dataset.owner)
                    .and(", for ")
                    .quote(&payer.purpose)
                    .and(": ")
                    .with(payer.elsewhere())
            }));
        }
    }
    words.dedup();
    let heading = "Other owners\u{2019} budgets that this party\u{2019}s questions take from";
    let section = Section::new(Topic::Notes, heading.into());
    Ok((!words.is_empty()).then(|| section.with(Block::List(words))))
}

/// What is left, as somebody says it who plans.
fn in_a_sentence(line: &BudgetLine) -> Statement {
    let name = Text::quoted(&line.dataset).and(" for ").quote(&line.purpose).and(":");
    let left = share(&line.remaining, &line.allowed);
    let [rest, all] = [&line.remaining, &line.allowed].map(|loss| epsilon(loss, line));
    let whose = whose(line.kind);
    let text = Text::fixed(format!("{left} of {whose} budget is left, epsilon {rest} of {all}"));
    let (cost, like) = match latest(line).next() {
        Some(job) => {
            (Some(job.proof.cost.clone()), Text::fixed(" like “").quote(&job.analysis).and("”"))
        }
        None => (one_job(line.delta), " of epsilon 1".into()),
    };
    let times = cost.and_then(|cost| line.remaining.times(&cost)).unwrap_or(0);
    let text = match times {
        0 => text.and(": not enough for another question"),
        times => {
            text.and(format!(": enough for {}", counted(times, "more question", "more questions")))
        }
    };
    let text = text.with(like);
    let life = share(&line.lifetime_remaining, &line.lifetime_allowed);
    let ends = moment(line.period_ends);
    let text = text.and(match line.kind {
        WhichBudget::Contract => format!(". The contract ends {ends}."),
        _ => format!(". It is filled again {ends}."),
    });
    let text = text.and(format!(" For life, {life} is left."));
    Statement { name: Some(name), text }
}

fn section(line: &BudgetLine, contract: &Contract, entries: &[EntryLine], now: Time) -> Section {
    let heading = Text::quoted(&line.dataset).and(" for ").quote(&line.purpose);
    let mut section = Section::new(Topic::Cost, heading);
    section.blocks.push(Block::Table(amounts(line)));
    section.blocks.push(Block::Note(in_rho(line)));
    let current: Vec<_> = entries.iter().filter(|entry| entry.in_period).collect();
    if current.is_empty() {
        let text = format!("Nothing was taken of the budget of {} yet.", line.period);
        section.blocks.push(Block::Paragraph(Text::fixed(text)));
    } else {
        section.blocks.push(Block::Course(course(line, &current, now)));
        section.blocks.push(Block::Table(ledger(line, &current)));
        let note = "Shares are of rho, in which losses add up. The percentage used after the last entry is what the ledger says \
                    was used.";
        section.blocks.push(Block::Note(note.into()));
    }
    section
        .blocks
        .push(Block::Heading("What it was spent on, and what the rest is enough for".into()));
    let words = remaining(line, contract).blocks();
    if words.is_empty() {
        section.blocks.push(Block::Paragraph("Nothing was asked of it yet.".into()));
    }
    section.blocks.extend(words);
    section
}

/// What was allowed and is left, of the period and for life.
fn amounts(line: &BudgetLine) -> Table {
    let row = |name: Text, [allowed, left]: [&Loss; 2]| {
        let figures = vec![
            Text::fixed(share(left, allowed)),
            Text::fixed(epsilon(left, line)),
            Text::fixed(epsilon(allowed, line)),
        ];
        Row::new(name, figures)
    };
    let period = [&line.allowed, &line.remaining];
    let life = [&line.lifetime_allowed, &line.lifetime_remaining];
    Table {
        names: vec!["Budget".into()],
        figures: ["Left", "Epsilon left", "Epsilon in all"].map(Text::from).into(),
        rows: vec![row(Text::fixed(&line.period), period), row("for life".into(), life)],
        bars: None,
    }
}

/// The same in rho, in which losses add up.
fn in_rho(line: &BudgetLine) -> Text {
    let rho = |loss: &Loss| format!("{:.6}", loss.rho().value());
    Text::fixed(format!(
        "In rho, in which losses add up: {} of {} was used in {}, and {} of {} for life.",
        rho(&line.used),
        rho(&line.allowed),
        line.period,
        rho(&line.lifetime_used),
        rho(&line.lifetime_allowed),
    ))
}

/// The running sum after each entry, by the ledger's own addition.
fn sums<'e>(entries: &'e [&'e EntryLine]) -> impl Iterator<Item = (&'e EntryLine, Loss)> {
    let (mut taken, mut back) = (Loss::zero(), Loss::zero());
    entries.iter().map(move |entry| {
        if entry.kind.is_return() {
            back = back.plus(&entry.loss);
        } else {
            taken = taken.plus(&entry.loss);
        }
        (*entry, taken.minus(&back))
    })
}

fn course(line: &BudgetLine, entries: &[&EntryLine], now: Time) -> Course {
    let changes: Vec<_> = sums(entries)
        .map(|(entry, used)| Change { time: entry.time, amount: percent(&used, &line.allowed) })
        .collect();
    let first = entries.first().map_or(now, |entry| entry.time);
    let end = now.max(entries.last().map_or(now, |entry| entry.time));
    let left = share(&line.remaining, &line.allowed);
    Course {
        title: Text::fixed(format!("How much of the budget of {} was used", line.period)),
        words: Text::fixed(format!(
            "{} entries since {}; {left} is left now. The table below has every one.",
            entries.len(),
            moment(first)
        )),
        changes,
        // A step that begins at the edge would not be seen.
        span: [Time(first.0.saturating_sub(end.0.saturating_sub(first.0) / 20 + 1000)), end],
        most: 100.0,
        line: "100 %: all of it".into(),
    }
}

/// Every entry, with what was used after it.
fn ledger(line: &BudgetLine, entries: &[&EntryLine]) -> Table {
    let rows = sums(entries).map(|(entry, used)| {
        let sign = if entry.kind.is_return() { "-" } else { "" };
        let loss = entry.loss.rho();
        let cost = Text::fixed(format!("{sign}{:.3}", loss.epsilon(line.delta)));
        let remark = Some(Text::fixed(format!("rho {sign}{:.6}", loss.value())));
        let used = Text::fixed(format!("{:.2} %", percent(&used, &line.allowed)));
        let nothing = entry.kind.is_return() && entry.loss.is_zero();
        let what =
            if nothing { "a closing: all of it had been spent".into() } else { what(&entry.kind) };
        let names = vec![Text::fixed(moment(entry.time)), what];
        Row { names, figures: vec![cost, used], remark, ..Row::default() }
    });
    Table {
        names: vec!["When".into(), "For".into()],
        figures: vec!["Epsilon taken".into(), "Used after it".into()],
        rows: rows.collect(),
        bars: None,
    }
}

fn what(kind: &EntryKind) -> Text {
    match kind {
        EntryKind::Job { name, analyst, analysis, decision, checks } => {
            let digits = |name: &JobName| name.to_string().chars().take(12).collect::<String>();
            let text = Text::fixed("“")
                .quote(analysis)
                .and("” asked by ")
                .quote(analyst)
                .and(format!(" (job {}..)", digits(name)));
            let text = match decision {
                Some(decision) => text.and(", to decide “").quote(decision).and("”"),
                None => text,
            };
            match checks {
                Some(checked) => text.and(format!(", as a check of job {}..", digits(checked))),
                None => text,
            }
        }
        EntryKind::Prepaid => "handed over for jobs to come".into(),
        EntryKind::Found => "found in a closing after a backup was restored".into(),
        EntryKind::WrittenOff => "written off after a backup was restored".into(),
        EntryKind::Returned => "came back at a closing: it had not been spent".into(),
        _ => "for something that this version does not know".into(),
    }
}
