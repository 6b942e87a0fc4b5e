//! What the party's service did, the latest first.

use super::desk::PartyDesk;
use crate::{failure::Failure, service::journal::Journal};
use protocol::page::{Block, Page, Row, Section, Table, Text, Topic};

pub(super) fn page(desk: &PartyDesk) -> Result<Page, Failure> {
    let mut page = Page {
        about: "Journal".into(),
        title: "Journal".into(),
        subtitle: "The latest first, each with its reason.".into(),
        ..Page::default()
    };
    let journal = Journal::of(&desk.common.dir);
    if !journal.exists() {
        let text = "No service has run in this folder, so nothing was done unattended: `glovebox party serve` runs one.";
        let section = Section::new(Topic::Notes, "Nothing yet".into());
        page.sections.push(section.with(Block::Paragraph(text.into())));
        return Ok(page);
    }
    let entries = journal.read(None)?;
    let all = entries.len();
    let rows = entries.into_iter().rev().take(LATEST).map(|entry| match entry {
        Ok(entry) => Row {
            names: vec![
                Text::quoted(entry.time),
                Text::quoted(entry.room),
                Text::quoted(entry.did),
            ],
            remark: Some(Text::quoted(entry.why)),
            ..Row::default()
        },
        Err(torn) => Row {
            names: vec!["Not readable".into()],
            remark: Some(Text::quoted(torn)),
            ..Row::default()
        },
    });
    let table = Table {
        names: vec!["When".into(), "Room".into(), "Did".into()],
        figures: vec!["To what, and why".into()],
        rows: rows.collect(),
        bars: None,
    };
    let mut section = Section::new(Topic::Figures, "Entries".into()).with(Block::Table(table));
    if all > LATEST {
        let text = format!("The latest {LATEST} of {all}: `glovebox journal` prints all of them.");
        section = section.with(Block::Note(Text::fixed(text)));
    }
    page.sections.push(section);
    Ok(page)
}

/// How many entries one screen has.
const LATEST: usize = 200;
