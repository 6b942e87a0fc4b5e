//! The party's own datasets: what was sealed last, how good it was, and what waits for a person.

use super::{desk::PartyDesk, room::manifest};
use crate::{
    counted,
    failure::Failure,
    files,
    service::memory::{SealedVersion, Versions},
    version::{self, Later},
};
use protocol::{
    contract::Dataset,
    manifest::Manifest,
    page::{Block, Page, Row, Section, Table, Term, Text, Topic, number::whole},
};
use std::path::Path;

pub(super) fn page(desk: &PartyDesk) -> Result<Page, Failure> {
    let mut page = Page {
        about: "Data".into(),
        title: "This party's data".into(),
        subtitle:
            "What a grant hands over to the enclave. Exact counts are shown here and to nobody else."
                .into(),
        ..Page::default()
    };
    let versions = match desk.common.room_name() {
        "" => Versions::default(),
        room => Versions::read(&desk.common.dir, room)?,
    };
    let own = desk.contract.datasets.iter().filter(|(_, dataset)| dataset.owner == desk.party);
    for (name, dataset) in own {
        let mut section = Section::new(Topic::People, Text::quoted(name));
        let watched = versions.0.get(name);
        let sealed_by_service = |version: &SealedVersion| desk.common.dir.join(&version.stem);
        let stem = watched.map_or_else(|| desk.common.stem(name), sealed_by_service);
        section.blocks.extend(sealed(&stem));
        section.blocks.extend(later(desk, (name, dataset), &stem));
        section.blocks.push(quality(&stem, watched));
        page.sections.push(section);
    }
    if page.sections.is_empty() {
        let text = Text::quoted(&desk.party).and(" owns no dataset under this contract.");
        page.sections
            .push(Section::new(Topic::People, "Nothing".into()).with(Block::Paragraph(text)));
    }
    Ok(page)
}

/// The manifest of the version that is granted.
fn granted(stem: &Path) -> Option<Manifest> {
    manifest(&files::read(&files::with_end(stem, "manifest")).ok()?)
}

/// Says that a later version lies in the folder, which a grant does not hand over by itself.
fn later(desk: &PartyDesk, (name, dataset): (&str, &Dataset), stem: &Path) -> Option<Block> {
    let than = granted(stem)?.version;
    let Later { stem: later, manifest } = Later::than(than, dataset, stem, &desk.common)?;
    let text = Text::fixed("A later version than this one lies in ")
        .quote(later.display())
        .and(format!(
            ": {}. Until it is named, no grant hands it over: ",
            version::in_words(&manifest)
        ))
        .and(version::grant_command(name, Some(&later), &desk.common.dir));
    Some(Block::Note(text))
}

/// What the manifest says of the version.
fn sealed(stem: &Path) -> Vec<Block> {
    let Some(manifest) = granted(stem) else {
        let path = files::with_end(stem, "manifest");
        let text = Text::fixed("Nothing was sealed here yet: there is no ").quote(path.display());
        return vec![Block::Paragraph(text.and("."))];
    };
    let term =
        |name: &'static str, text: String| Term { name: name.into(), text: Text::fixed(text) };
    let count = |number: u64| whole(i64::try_from(number).unwrap_or(i64::MAX));
    let declared = manifest.declared;
    vec![Block::Terms(vec![
        term("Version", manifest.version.to_string()),
        term(
            "Declared",
            format!(
                "room for {} rows, and at most {} of one person",
                count(declared.rows),
                count(declared.rows_per_person)
            ),
        ),
        term("Size", format!("{} bytes sealed", count(manifest.size))),
        term("Manifest", manifest.digest().to_string()),
    ])]
}

/// How good the rows were when they were sealed.
fn quality(stem: &Path, watched: Option<&SealedVersion>) -> Block {
    let figures =
        watched.map(|version| version.figures.clone()).filter(|figures| !figures.is_empty());
    let figures = figures.unwrap_or_else(|| counted::of(stem));
    if figures.is_empty() {
        let text = "How good its rows were is not written down here: `glovebox seal` says it when it seals.";
        return Block::Note(text.into());
    }
    let row = |(name, count): (String, u64)| {
        let figure = whole(i64::try_from(count).unwrap_or(i64::MAX));
        Row::new(Text::fixed(name), vec![Text::fixed(figure)])
    };
    Block::Table(Table {
        names: vec!["At sealing".into()],
        figures: vec!["Count".into()],
        rows: figures.into_iter().map(row).collect(),
        bars: None,
    })
}
