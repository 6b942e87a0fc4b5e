//! Names that cannot be taken for each other.

use super::{Flaw, Page, Parsed};
use std::collections::BTreeMap;
use toml::Spanned;

/// Things by name; no two names look alike.
pub(super) struct Named<'a, T> {
    page: &'a Page<'a>,
    pub(super) things: BTreeMap<String, T>,
}

impl<'a, T> Named<'a, T> {
    pub(super) fn new(page: &'a Page<'a>) -> Self {
        Self { page, things: BTreeMap::new() }
    }

    pub(super) fn insert(&mut self, name: &Spanned<String>, thing: T) -> Parsed<()> {
        let text = self.page.name(name)?;
        if let Some(first) = self.things.keys().find(|other| alike(other, &text)) {
            let flaw = Flaw::Duplicate { first: first.clone(), second: text };
            return Err(self.page.flaw(name.span(), flaw));
        }
        self.things.insert(text, thing);
        Ok(())
    }
}

/// Whether a person could take one name for the other.
pub(super) fn alike(a: &str, b: &str) -> bool {
    let skeleton = |text: &str| {
        let plain: String = text
            .chars()
            .filter(|c| !matches!(c, '-' | '_'))
            .map(|c| match c {
                '0' => 'o',
                '1' | 'i' => 'l',
                '5' => 's',
                c => c,
            })
            .collect();
        plain.replace("rn", "m").replace("vv", "w")
    };
    skeleton(a) == skeleton(b)
}
