//! Reads analyses by what each kind declares, without knowing any kind.

mod floors;

use super::{
    Agreed, Flaw, Named, Page, Parsed, later,
    raw::{RawAnalysis, RawValue},
};
use crate::{
    analysis::{
        self, sections,
        uses::{Amount, Lists, Section, Use},
    },
    contract::{ColumnRef, Dataset, Role, RoleKind, Terms},
    limits,
    tally::Rule,
};
use std::{collections::BTreeMap, ops::Range};
use toml::Spanned;

/// The parts of the contract that an analysis may refer to.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) agreed: Agreed<'a>,
    pub(super) datasets: &'a BTreeMap<String, Dataset>,
}

/// Reads all analyses of a contract.
pub(super) fn analyses(
    page: &Page<'_>,
    raw: Vec<RawAnalysis>,
    known: Known<'_>,
) -> Parsed<BTreeMap<String, Terms>> {
    let mut analyses = Named::new(page);
    for analysis in raw {
        let listing = Listing::read(page, &analysis, known.datasets)?;
        let purpose = page.one_of(&analysis.purpose, known.agreed.purposes.iter(), "purpose")?;
        for (_, dataset) in &listing.datasets {
            if !known.datasets.get(dataset).is_some_and(|d| d.budgets.contains_key(&purpose)) {
                let flaw = Flaw::NoBudget { dataset: dataset.clone(), purpose };
                return Err(page.flaw(analysis.name.span(), flaw));
            }
        }
        let party =
            |name: &Spanned<String>| page.one_of(name, known.agreed.parties.keys(), "party");
        let analysts = page.each(&analysis.analysts, "analyst", party)?;
        let receivers = page.each(&analysis.receivers, "receiver", party)?;
        let floors = listing.floors(&analysis.min_cells, known.agreed.min_cell)?;
        let sensitive = listing.sensitive(&analysis)?;
        let Listing { section, datasets, columns, cells_per_person, rules, window_days, .. } =
            listing;
        let terms = Terms {
            purpose,
            analysts,
            receivers,
            cells_per_person,
            rules,
            window_days,
            floors,
            sensitive,
            section,
            datasets,
            columns,
        };
        analyses.insert(&analysis.name, terms)?;
    }
    Ok(analyses.things)
}

/// What an analysis has listed so far under the keys of its kind.
struct Listing<'a> {
    page: &'a Page<'a>,
    known: &'a BTreeMap<String, Dataset>,
    section: &'static Section,
    datasets: Vec<(&'static str, String)>,
    columns: BTreeMap<&'static str, Vec<ColumnRef>>,
    cells_per_person: u32,
    rules: Vec<Rule>,
    window_days: u32,
}

impl<'a> Listing<'a> {
    fn read(
        page: &'a Page<'a>,
        raw: &RawAnalysis,
        known: &'a BTreeMap<String, Dataset>,
    ) -> Parsed<Self> {
        let kind = raw.kind.get_ref();
        let section = analysis::section(kind).ok_or_else(|| {
            let known = sections().map(|section| section.kind).collect();
            page.flaw(raw.kind.span(), Flaw::Kind { found: kind.clone(), known })
        })?;
        for (key, value) in &raw.others {
            if section.under(key).is_none() {
                return Err(page.flaw(value.span(), foreign(key, section)));
            }
        }
        let (datasets, columns) = (Vec::new(), BTreeMap::new());
        let (rules, window_days) = (Vec::new(), 0);
        let mut listing = Self {
            page,
            known,
            section,
            datasets,
            columns,
            cells_per_person: 1,
            rules,
            window_days,
        };
        for used in section.uses {
            match raw.others.iter().find(|(key, _)| key == used.key) {
                Some((_, value)) => listing.add(used, value)?,
                None if used.amount.may_be_none() => {}
                None => {
                    let flaw = Flaw::Missing(used.noun);
                    return Err(page.flaw(raw.name.span(), flaw));
                }
            }
        }
        Ok(listing)
    }

    fn add(&mut self, used: &'static Use, value: &Spanned<RawValue>) -> Parsed<()> {
        let span = value.span();
        match (used.lists, used.amount, value.get_ref()) {
            (Lists::Dataset, Amount::One | Amount::Optional, RawValue::Text(name)) => {
                let dataset = self.dataset(&Spanned::new(span, name.clone()))?;
                self.joins(&dataset, value.span())?;
                self.datasets.push((used.key, dataset));
            }
            (Lists::Dataset, amount, RawValue::List(names)) if amount.is_list() => {
                self.united(used, names, span)?;
            }
            (Lists::CellsPerPerson, _, RawValue::Whole(number)) => {
                let found = Spanned::new(span, *number);
                self.cells_per_person = self.page.whole(Some(&found), used.key, 1, 1..=16)?;
            }
            (Lists::WindowDays, _, RawValue::Whole(number)) => {
                let found = Spanned::new(span, *number);
                self.window_days = self.page.whole(Some(&found), used.key, 0, 0..=366)?;
            }
            (Lists::Rules, _, RawValue::List(names)) => {
                self.rules = self.rules(names)?;
                self.enough(used, self.rules.len(), span)?;
            }
            (
                Lists::Columns { of, roles },
                Amount::One | Amount::Optional,
                RawValue::Text(name),
            ) => {
                let name = Spanned::new(span, name.clone());
                let columns = vec![self.column(used, of, roles, &name)?];
                self.columns.insert(used.key, columns);
            }
            (
                Lists::Columns { of, roles },
                Amount::Several | Amount::TwoOrMore | Amount::Any,
                RawValue::List(names),
            ) => {
                let columns = self.columns(used, of, roles, names)?;
                self.enough(used, columns.len(), span)?;
                self.columns.insert(used.key, columns);
            }
            (_, _, other) => return Err(self.page.flaw(span, of_another_type(used, other))),
        }
        Ok(())
    }

    /// Reads a dataset that the analysis does not list yet.
    fn dataset(&self, name: &Spanned<String>) -> Parsed<String> {
        let dataset = self.page.one_of(name, self.known.keys(), "dataset")?;
        if self.datasets.iter().any(|(_, before)| *before == dataset) {
            let (first, second) = (dataset.clone(), dataset);
            return Err(self.page.flaw(name.span(), Flaw::Duplicate { first, second }));
        }
        Ok(dataset)
    }

    /// Checks that people of the first dataset can be found in this one.
    fn joins(&self, dataset: &str, span: Range<usize>) -> Parsed<()> {
        match self.datasets.first() {
            Some((_, population))
                if !joinable(self.known.get(population), self.known.get(dataset)) =>
            {
                Err(self.page.flaw(span, Flaw::NoCommonKey))
            }
            _ => Ok(()),
        }
    }

    /// Checks datasets whose people may be counted together. A job names some of them and one kind
    /// of key, so each dataset must share a kind of key with another one, and not all need share
    /// the same.
    fn united(
        &mut self,
        used: &'static Use,
        names: &[Spanned<String>],
        span: Range<usize>,
    ) -> Parsed<()> {
        for name in names {
            let dataset = self.dataset(name)?;
            self.datasets.push((used.key, dataset));
        }
        self.enough(used, names.len(), span.clone())?;
        if self.datasets.len() > limits::TABLES {
            let (what, found) = ("the number of datasets", self.datasets.len().to_string());
            return Err(self.page.flaw(span, Flaw::Range { what, found, expected: MOST_DATASETS }));
        }
        for name in names.iter().filter(|_| names.len() > 1) {
            let other = |other: &&Spanned<String>| other.get_ref() != name.get_ref();
            let dataset = |name: &Spanned<String>| self.known.get(name.get_ref());
            if !names.iter().filter(other).any(|other| joinable(dataset(name), dataset(other))) {
                return Err(self.page.flaw(name.span(), Flaw::NoCommonKey));
            }
        }
        Ok(())
    }

    /// Reads rules by which outcomes are credited to exposures, each once.
    fn rules(&self, names: &[Spanned<String>]) -> Parsed<Vec<Rule>> {
        let mut rules = Vec::new();
        for name in names {
            let known = Rule::ALL.map(|rule| rule.name().to_owned());
            let named = self.page.one_of(name, known.iter(), "model of attribution")?;
            let rule = Rule::named(&named).filter(|rule| !rules.contains(rule));
            let twice = || Flaw::Duplicate { first: named.clone(), second: named.clone() };
            rules.push(rule.ok_or_else(|| self.page.flaw(name.span(), twice()))?);
        }
        Ok(rules)
    }

    /// Checks that a list has as many things as its kind needs.
    fn enough(&self, used: &Use, found: usize, span: Range<usize>) -> Parsed<()> {
        match used.amount.least() {
            least if found >= least => Ok(()),
            least if found == 0 && least == 1 => {
                Err(self.page.flaw(span, Flaw::Missing(used.noun)))
            }
            least => {
                let flaw = Flaw::TooFew { what: used.noun, found, least };
                Err(self.page.flaw(span, flaw))
            }
        }
    }

    fn columns(
        &self,
        used: &Use,
        of: Option<&str>,
        roles: &[RoleKind],
        names: &[Spanned<String>],
    ) -> Parsed<Vec<ColumnRef>> {
        let mut columns = Vec::new();
        for name in names {
            let column = self.column(used, of, roles, name)?;
            if columns.contains(&column) {
                let (first, second) = (name.get_ref().clone(), name.get_ref().clone());
                return Err(self.page.flaw(name.span(), Flaw::Duplicate { first, second }));
            }
            columns.push(column);
        }
        Ok(columns)
    }

    /// Reads a column of one of the analysis' datasets, in one of these roles.
    fn column(
        &self,
        used: &Use,
        of: Option<&str>,
        roles: &[RoleKind],
        name: &Spanned<String>,
    ) -> Parsed<ColumnRef> {
        let named = match of {
            Some(key) => {
                self.datasets.iter().find(|(known, _)| *known == key).map(|(_, dataset)| {
                    ColumnRef { dataset: dataset.clone(), column: name.get_ref().clone() }
                })
            }
            None => name.get_ref().parse().ok(),
        };
        let is_ours =
            |named: &ColumnRef| self.datasets.iter().any(|(_, dataset)| *dataset == named.dataset);
        let has_role = |named: &ColumnRef| {
            let column =
                self.known.get(&named.dataset).and_then(|known| known.column(&named.column));
            column.is_some_and(|column| roles.contains(&column.role.kind()))
        };
        named.filter(|named| is_ours(named) && has_role(named)).ok_or_else(|| {
            let whole = name.get_ref().parse::<ColumnRef>().ok();
            if let (Some(of), Some(whole)) =
                (of, whole.filter(|whole| is_ours(whole) && has_role(whole)))
            {
                let alone = format!("write `{}` alone: it is a column of the {of}", whole.column);
                return self.page.flaw(name.span(), Flaw::Syntax(alone));
            }
            let flaw = Flaw::Unknown { what: used.expected(), name: name.get_ref().clone() };
            self.page.flaw(name.span(), flaw)
        })
    }
}

/// The error for a key that this kind of analysis does not have, and that would not be obeyed.
fn foreign(key: &str, section: &'static Section) -> Flaw {
    let keys: Vec<_> = section.keys().collect();
    if let Some((field, feature)) = later::feature(key) {
        return Flaw::Later { field, feature };
    }
    match sections().find_map(|other| other.under(key)) {
        Some(other) => Flaw::OtherKind { key: other.key, kind: section.kind, keys },
        None => Flaw::Syntax(format!(
            "unknown field `{key}`, expected one of `name`, `kind`, `purpose`, `analysts`, `receivers`, \
             `min_cells`, `sensitive`, `{}`",
            keys.join("`, `")
        )),
    }
}

fn of_another_type(used: &Use, found: &RawValue) -> Flaw {
    let expected = match (used.lists, used.amount.is_list()) {
        (Lists::CellsPerPerson | Lists::WindowDays, _) => "a whole number",
        (_, true) => "a list of texts in quotes",
        (_, false) => "text in quotes",
    };
    Flaw::Syntax(format!("{}: found {}, expected {expected}", used.key, found.noun()))
}

/// Whether a match key of one dataset can equal one of the other. It is not known what a hashed key
/// was made from, so it joins only with hashed ones.
fn joinable(one: Option<&Dataset>, other: Option<&Dataset>) -> bool {
    let kinds = |dataset: Option<&Dataset>| {
        let columns = dataset.map(|d| d.columns.iter()).into_iter().flatten();
        let kinds = columns.filter_map(|column| match column.role {
            Role::MatchKey(kind) => Some(kind),
            _ => None,
        });
        kinds.collect::<Vec<_>>()
    };
    let (one, other) = (kinds(one), kinds(other));
    one.iter().any(|kind| other.contains(kind))
}

/// [`limits::TABLES`] in words.
const MOST_DATASETS: &str = "at most 8 in one analysis";

const _: () = assert!(limits::TABLES == 8);
