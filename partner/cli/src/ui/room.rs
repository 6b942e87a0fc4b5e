//! Who is believed and why, until when versions are granted, and what the room holds.

use super::{desk::PartyDesk, results::checks};
use crate::{failure::Failure, party::show, profile, verify, words};
use client::{
    check::Line,
    room::{Room, RoomError},
};
use protocol::{
    canonical,
    contract::Contract,
    delegation::Delegated,
    manifest::Manifest,
    message::Status,
    page::{
        Banner, Block, Page, Row, Section, Severity, Statement, Table, Term, Text, Topic,
        number::{moment, whole},
    },
};
use std::time::Duration;
use tokio::time::timeout;

pub(super) fn page(desk: &PartyDesk) -> Result<Page, Failure> {
    let mut page = Page {
        about: "Room".into(),
        title: Text::fixed("Room “").quote(desk.common.room_name()).and("”"),
        subtitle: Text::fixed("At ")
            .and(desk.common.address()?)
            .and(", under the contract “")
            .quote(&desk.contract.name)
            .and("”."),
        ..Page::default()
    };
    match desk.waiting.block_on(timeout(PATIENCE, visit(desk))) {
        Err(_) => page.doubts.push(nobody("it did not answer within 20 seconds".to_owned())),
        Ok(Err(error)) => {
            let checked = error.checks();
            let why = error.to_string();
            // If nobody answered, that says nothing about an enclave, and neither do the checks.
            match Failure::from(error) {
                Failure::No(told) => page.doubts.push(not_believed(&told.to_string())),
                _ => {
                    page.doubts.push(nobody(why));
                    page.sections.push(agreed(desk)?);
                    return Ok(page);
                }
            }
            page.sections.extend(why_believed(&checked));
        }
        Ok(Ok(visited)) => {
            let build =
                Text::fixed("Believed: an enclave of the build “").quote(visited.room.build());
            let when = format!("”, {}.", moment(visited.at));
            match &visited.over {
                None => page.answer.push(Statement::whole(build.and(when))),
                Some(why) => page.doubts.push(not_believed(&format!(
                    "the enclave is what it should be, but {why}; send it nothing before that is mended"
                ))),
            }
            if let Ok(status) = &visited.status {
                page.sections.extend(holds(status, &desk.contract));
            }
            page.sections.extend(why_believed(visited.room.checks()));
        }
    }
    page.sections.insert(0, agreed(desk)?);
    Ok(page)
}

struct Visited {
    room: Room,
    at: protocol::time::Time,
    over: Option<String>,
    status: Result<Status, RoomError>,
}

async fn visit(desk: &PartyDesk) -> Result<Visited, RoomError> {
    let address = desk.common.address().map_err(|_| RoomError::Protocol { what: "an address" })?;
    let mut room = Room::connect(address, &desk.contract, &desk.trust, &[]).await?;
    let at = protocol::time::Time(room.believed().timestamp().as_millis());
    let over = verify::is_over(&desk.common, &room, &desk.contract, &desk.trust).await;
    let status = room.status(&desk.identity).await;
    Ok(Visited { room, at, over, status })
}

fn nobody(why: String) -> Banner {
    Banner {
        severity: Severity::Warning,
        headline: "Nobody answers, so nothing is known of the enclave.".into(),
        reasons: vec![Text::quoted(why)],
    }
}

fn not_believed(why: &str) -> Banner {
    Banner {
        severity: Severity::Stop,
        headline: "NOT BELIEVED.".into(),
        reasons: vec![Text::quoted(why)],
    }
}

/// What this party agreed to.
fn agreed(desk: &PartyDesk) -> Result<Section, Failure> {
    let mut section = Section::new(Topic::Asked, "What this party agrees to here".into());
    let name = desk.common.room_name();
    if !name.is_empty() {
        let profile = profile::named(&desk.common.dir, name)?;
        section.blocks = show::room(&profile, &desk.contract, &desk.party).blocks();
    }
    Ok(section)
}

fn why_believed(lines: &[Line]) -> Option<Section> {
    let section = Section::new(Topic::Receipt, "Why it is believed, or not".into());
    (!lines.is_empty()).then(|| section.with(checks(lines)))
}

/// What the instance holds, as it says itself.
fn holds(status: &Status, contract: &Contract) -> Vec<Section> {
    let open = |name: &String| status.datasets.iter().find(|open| open.dataset == *name);
    let rows = contract.datasets.iter().map(|(name, dataset)| {
        let names = vec![Text::quoted(name), Text::quoted(&dataset.owner)];
        match open(name) {
            Some(found) => {
                let manifest = manifest(&found.manifest);
                let version = manifest.as_ref().map(|manifest| manifest.version.to_string());
                let rows = manifest
                    .as_ref()
                    .and_then(|manifest| i64::try_from(manifest.declared.rows).ok());
                let unknown = || protocol::page::UNKNOWN.to_owned();
                let figures = vec![
                    Text::fixed(version.unwrap_or_else(unknown)),
                    Text::fixed(rows.map_or_else(unknown, whole)),
                    Text::fixed(moment(found.not_after)),
                ];
                Row { names, figures, ..Row::default() }
            }
            None => {
                let remark = Some("Not open: its grant has expired, or was never made.".into());
                Row { names, remark, ..Row::default() }
            }
        }
    });
    let table = Table {
        names: vec!["Dataset".into(), "Owner".into()],
        figures: vec!["Version".into(), "Declared rows".into(), "Granted until".into()],
        rows: rows.collect(),
        bars: None,
    };
    let datasets = Section::new(Topic::People, "What the enclave may read".into());
    let mut sections = vec![datasets.with(Block::Table(table))];
    let accounts = status.accounts.iter().map(|account| {
        let delta = words::delta_of(contract, &account.dataset, &account.purpose);
        let names = [&account.dataset, &account.purpose, &account.period].map(Text::quoted);
        let figures =
            [&account.granted, &account.spent].map(|loss| Text::fixed(words::charge(loss, delta)));
        Row { names: names.into(), figures: figures.into(), ..Row::default() }
    });
    let accounts = Table {
        names: vec!["Dataset".into(), "For".into(), "Period".into()],
        figures: vec!["Handed over".into(), "Spent".into()],
        rows: accounts.collect(),
        bars: None,
    };
    let mut budget = Section::new(Topic::Cost, "What it was handed of budgets".into());
    if accounts.rows.is_empty() {
        budget = budget.with(Block::Paragraph("Nothing yet.".into()));
    } else {
        budget = budget.with(Block::Table(accounts));
    }
    sections.push(budget);
    sections.push(answered(status));
    sections
}

fn answered(status: &Status) -> Section {
    let section = Section::new(Topic::Notes, "What it answered".into());
    let jobs = status
        .jobs
        .iter()
        .map(|answered| Text::fixed(format!("job {} of ", answered.job)).quote(&answered.asked_by));
    let jobs: Vec<_> = jobs.collect();
    let audit = Term {
        name: "Audit log".into(),
        text: Text::fixed(format!("{} entries, root {}", status.audit_size, status.audit_root)),
    };
    let section = match jobs.as_slice() {
        [] => section.with(Block::Paragraph("No job yet.".into())),
        _ => section.with(Block::List(jobs)),
    };
    section.with(Block::Terms(vec![audit]))
}

/// What a manifest says. Its signature was checked by the enclave, which the page trusts for the rest of this list, too.
pub(super) fn manifest(signed: &[u8]) -> Option<Manifest> {
    canonical::from_slice(Delegated::parse(signed).ok()?.payload()).ok()
}

/// How long the room is waited for.
const PATIENCE: Duration = Duration::from_secs(20);
