//! The results that were opened into the party's folder, each after its receipt was checked again.

use super::desk::{PartyDesk, said};
pub(super) use crate::result_files::RESULTS;
use crate::{
    failure::Failure,
    result::given::{Given, GivenFiles, Unbelieved},
};
use ::ui::Link;
use client::check::{Line, Outcome};
use protocol::page::{
    Banner, Block, Page, Row, Section, Severity, Table, Text, Topic, number::moment,
};
use std::{
    io,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Every result, the newest first. A receipt that does not hold is said in the list already.
pub(super) fn links(desk: &PartyDesk) -> Result<Vec<Link>, Failure> {
    let mut folders = folders(&desk.common.dir.join(RESULTS))?;
    folders.sort_by_key(|(_, _, written)| std::cmp::Reverse(*written));
    let links = folders.into_iter().map(|(name, folder, _)| {
        let files = GivenFiles::of(&folder);
        match Given::believed(&files, &desk.common, &desk.trust) {
            Ok(given) => {
                let page = given.result.page(&given.from);
                let when = moment(given.checked.body.time);
                let words = page.about.and(format!(", {when}, asked by "));
                Link { name, words: words.quote(given.from.asked_by), stop: None }
            }
            Err(_) => {
                let stop = Some("NOT BELIEVED: its receipt does not hold.".into());
                Link { words: Text::fixed("Folder ").quote(&name), name, stop }
            }
        }
    });
    Ok(links.collect())
}

/// One result, and below it what its receipt is about. Nothing of a result is shown whose receipt does not hold.
pub(super) fn page(desk: &PartyDesk, name: &str) -> Result<Page, Text> {
    let known = folders(&desk.common.dir.join(RESULTS)).map_err(|why| said(&why))?;
    let folder = known.into_iter().find(|(known, ..)| known == name).map(|(_, folder, _)| folder);
    let folder =
        folder.ok_or_else(|| Text::fixed("this party's folder has no result of that name"))?;
    match Given::believed(&GivenFiles::of(&folder), &desk.common, &desk.trust) {
        Ok(given) => Ok(with_receipt(&given)),
        Err(Unbelieved::Other(why)) => Err(said(&why)),
        Err(Unbelieved::Receipt(error)) => {
            let banner = Banner {
                severity: Severity::Stop,
                headline:
                    "NOT BELIEVED. The receipt does not hold, so nothing of the result is shown."
                        .into(),
                reasons: vec![Text::quoted(error.to_string())],
            };
            let checks = checks(error.checks());
            Ok(Page {
                about: "Result that is not believed".into(),
                banners: vec![banner],
                title: "A result that is not believed".into(),
                subtitle: Text::fixed("In the folder ").quote(folder.display()),
                sections: vec![Section::new(Topic::Receipt, "Checks".into()).with(checks)],
                ..Page::default()
            })
        }
    }
}

fn with_receipt(given: &Given) -> Page {
    let mut page = given.result.page(&given.from);
    let about = Section::new(Topic::Notes, "What the receipt is about".into());
    page.sections.push(about.with(Block::Terms(given.checked.words(&given.contract))));
    let held = Section::new(Topic::Receipt, "Why it is believed".into());
    let held = held.with(Block::Paragraph(Text::fixed(given.what_holds())));
    page.sections.push(held.with(checks(&given.checked.checks)));
    page
}

/// Checks as a table.
pub(super) fn checks(checks: &[Line]) -> Block {
    let row = |line: &Line| {
        let outcome = if line.outcome == Outcome::Failed {
            line.outcome.to_string().to_uppercase()
        } else {
            line.outcome.to_string()
        };
        let title = if line.words.is_empty() {
            Text::fixed(&line.title)
        } else {
            Text::fixed(&line.title).and(": ").quote(&line.words)
        };
        Row {
            names: vec![Text::fixed(line.number), title],
            figures: vec![Text::fixed(outcome)],
            ..Row::default()
        }
    };
    Block::Table(Table {
        names: vec!["Check".into(), "What must hold".into()],
        figures: vec!["Outcome".into()],
        rows: checks.iter().map(row).collect(),
        bars: None,
    })
}

/// The folders of results: each by its name, and when its receipt was written.
fn folders(results: &Path) -> Result<Vec<(String, PathBuf, SystemTime)>, Failure> {
    let entries = match std::fs::read_dir(results) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(Failure::reading(results)(cause)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let folder = entry.map_err(Failure::reading(results))?.path();
        let name = folder.file_name().and_then(|name| name.to_str());
        let written =
            std::fs::metadata(folder.join("receipt.cbor")).and_then(|metadata| metadata.modified());
        // A name that would have to be written otherwise in an address is not one of ours.
        let plain =
            |name: &&str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if let (Some(name), Ok(written)) = (name.filter(plain), written) {
            found.push((name.to_owned(), folder.clone(), written));
        }
    }
    Ok(found)
}
