//! Reads the floors of an analysis, and which sensitive columns it may use.

use super::{Listing, Page, Parsed};
use crate::contract::{
    ColumnRef, Floor,
    parse::{
        Flaw,
        raw::{RawAnalysis, RawFloor},
    },
};
use std::collections::BTreeSet;
use toml::Spanned;

impl Page<'_> {
    /// A floor above the `least` one, which holds anyway.
    pub(in crate::contract::parse) fn floor(
        &self,
        found: &Spanned<i64>,
        least: u32,
    ) -> Parsed<u32> {
        let people = u32::try_from(*found.get_ref()).ok();
        let people = people.filter(|people| *people > least && *people <= MOST);
        let expected = "more than the contract's own min_cell, and at most 1000000";
        people.ok_or_else(|| self.range(found, "min_cell", expected))
    }
}

impl Listing<'_> {
    /// The floors of questions that read several columns together.
    pub(super) fn floors(&self, raw: &[RawFloor], least: u32) -> Parsed<Vec<Floor>> {
        raw.iter().map(|floor| self.floor(floor, least)).collect()
    }

    fn floor(&self, raw: &RawFloor, least: u32) -> Parsed<Floor> {
        let mut columns = BTreeSet::new();
        for name in raw.columns.get_ref() {
            let column = self.listed(name)?;
            if !columns.insert(column) {
                return Err(self.twice(name));
            }
        }
        if columns.is_empty() {
            return Err(self.page.flaw(raw.columns.span(), Flaw::Missing("column")));
        }
        Ok(Floor { columns, people: self.page.floor(&raw.min_cell, least)? })
    }

    /// The sensitive columns that the analysis names, which must be all of those that it lists.
    pub(super) fn sensitive(&self, raw: &RawAnalysis) -> Parsed<Vec<ColumnRef>> {
        let mut named = Vec::new();
        for name in &raw.sensitive {
            let column = self.listed(name)?;
            if !self.is_sensitive(&column) {
                let flaw = Flaw::NotSensitive(column.to_string());
                return Err(self.page.flaw(name.span(), flaw));
            }
            if named.contains(&column) {
                return Err(self.twice(name));
            }
            named.push(column);
        }
        for (key, value) in &raw.others {
            let listed = self.columns.get(key.as_str()).into_iter().flatten();
            let mut forgotten =
                listed.filter(|column| self.is_sensitive(column) && !named.contains(column));
            if let Some(column) = forgotten.next() {
                let (column, key) = (column.to_string(), key.clone());
                return Err(self.page.flaw(value.span(), Flaw::Sensitive { column, key }));
            }
        }
        Ok(named)
    }

    fn is_sensitive(&self, named: &ColumnRef) -> bool {
        let dataset = self.known.get(&named.dataset);
        dataset
            .and_then(|dataset| dataset.column(&named.column))
            .is_some_and(|column| column.is_sensitive)
    }

    /// A column that the analysis lists under some key.
    fn listed(&self, name: &Spanned<String>) -> Parsed<ColumnRef> {
        let mut listed = self.columns.values().flatten();
        let found = listed.find(|column| column.to_string() == *name.get_ref());
        found.cloned().ok_or_else(|| {
            let listed = self.columns.values().flatten().map(ToString::to_string);
            let known: BTreeSet<_> = listed.collect();
            let (name, span) = (crate::text::beginning(name.get_ref()), name.span());
            let known = known.into_iter().collect();
            self.page.flaw(span, Flaw::NotListed { name, known })
        })
    }

    fn twice(&self, name: &Spanned<String>) -> crate::contract::ContractError {
        let (first, second) = (name.get_ref().clone(), name.get_ref().clone());
        self.page.flaw(name.span(), Flaw::Duplicate { first, second })
    }
}

/// The largest floor that a contract may set.
const MOST: u32 = 1_000_000;
