//! Contracts in the party's folder that it has not signed yet.

use super::desk::PartyDesk;
use crate::{
    contract::{compared, outline},
    failure::Failure,
    files::{self, Paper},
    profile,
};
use ::ui::Link;
use client::clock;
use protocol::{
    contract::Contract,
    page::{Banner, Block, Page, Section, Severity, Text, Topic, number::moment},
};
use std::{collections::BTreeMap, path::PathBuf};

/// A contract that waits for this party's signature.
pub(super) struct Draft {
    pub(super) path: PathBuf,
    pub(super) paper: Paper,
    /// The contract that it replaces, or that the folder's room has.
    pub(super) before: Option<Contract>,
}

impl Draft {
    /// What it changes in the contract before it, a sentence for each; none without such a contract.
    pub(super) fn changes(&self) -> Option<Vec<String>> {
        Some(compared(self.before.as_ref()?, &self.paper.contract))
    }
}

/// Every contract of the folder that lists this party and that it has not signed, by the name of its file. Of a text
/// and the file with its signatures, the signatures.
pub(super) fn all(desk: &PartyDesk) -> Result<BTreeMap<String, Draft>, Failure> {
    let dir = &desk.common.dir;
    let mut found: BTreeMap<String, Draft> = BTreeMap::new();
    for entry in std::fs::read_dir(dir).map_err(Failure::reading(dir))? {
        let path = entry.map_err(Failure::reading(dir))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
            continue;
        };
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if !plain || !(name.ends_with(".toml") || name.ends_with(".signed")) {
            continue;
        }
        // Signatures are gathered beside the text, and whoever has added one to them is done.
        if files::with_end(&path, "signed").exists() {
            continue;
        }
        // Whatever else is in the folder is no contract.
        let Ok(paper) = Paper::read(&path) else { continue };
        let root = desk.identity.root_key();
        let lists = paper.contract.party_of(&root).is_some();
        if lists && !paper.signers.contains(&root) && paper.contract.digest != desk.contract.digest
        {
            let before = before(desk, &paper.contract)?;
            found.insert(name, Draft { path, paper, before });
        }
    }
    Ok(found)
}

/// The contract that `contract` names as its predecessor, if a room of the folder has it; else that of the room.
fn before(desk: &PartyDesk, contract: &Contract) -> Result<Option<Contract>, Failure> {
    let named = predecessor(desk, contract)?;
    Ok(named.or_else(|| Some(desk.contract.clone())))
}

/// The contract that `contract` names as its predecessor, if a room of the folder has it.
pub(super) fn predecessor(
    desk: &PartyDesk,
    contract: &Contract,
) -> Result<Option<Contract>, Failure> {
    let Some(before) = contract.supersedes else { return Ok(None) };
    for name in profile::names(&desk.common.dir)? {
        let path = profile::named(&desk.common.dir, &name)?.contract;
        let known = Paper::read(&path).map(|paper| paper.contract);
        if let Some(known) = known.ok().filter(|known| known.digest == before) {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

pub(super) fn links(desk: &PartyDesk) -> Result<Vec<Link>, Failure> {
    let links = all(desk)?.into_iter().map(|(name, draft)| {
        let contract = &draft.paper.contract;
        let words = Text::fixed("“").quote(&contract.name).and("” in ").quote(&name);
        let words = words.and(format!(", until {}", moment(contract.expires)));
        let stop = (contract.expires <= clock::now()).then(|| Text::fixed("It is over."));
        Link { name, words, stop }
    });
    Ok(links.collect())
}

pub(super) fn page(desk: &PartyDesk, name: &str) -> Result<(Page, String), Failure> {
    let draft = all(desk)?.remove(name).ok_or_else(|| {
        Failure::unclear(
            "there is no such contract to sign: the screen “Contract” lists those that are",
        )
    })?;
    let contract = &draft.paper.contract;
    let mut page = Page {
        about: "Contract to sign".into(),
        title: Text::fixed("To sign: “").quote(&contract.name).and("”"),
        subtitle: Text::fixed("The file ").quote(name).and(format!(", digest {}", contract.digest)),
        ..Page::default()
    };
    page.doubts.push(Banner {
        severity: Severity::Notice,
        headline: "This party has not signed it.".into(),
        reasons: vec!["Nothing holds under it before every party has signed.".into()],
    });
    if let (Some(before), Some(changes)) = (&draft.before, draft.changes()) {
        page.sections.push(changed(before, changes));
    }
    page.sections.extend(outline(&draft.paper, clock::now()).sections());
    Ok((page, contract.digest.to_string()))
}

/// What a contract changes in the one before it.
pub(super) fn changed(before: &Contract, changes: Vec<String>) -> Section {
    let heading = Text::fixed("What it changes in “").quote(&before.name);
    let heading = heading.and(format!("” ({})", before.digest.short()));
    let section = Section::new(Topic::Notes, heading);
    if changes.is_empty() {
        return section.with(Block::Paragraph("Nothing that has a meaning.".into()));
    }
    section.with(Block::List(changes.into_iter().map(Text::quoted).collect()))
}
