//! Reads a [`Contract`] from TOML, and refuses one that is not consistent.

mod analysis;
mod builds;
mod claims;
mod column;
mod flaw;
pub(in crate::contract) mod later;
mod named;
mod raw;

use super::{
    Budget, CUSTODY_ADDRESS, Column, Contract, CustodyAddress, Dataset, MAX_LIFETIME_EPSILON,
    Party, Period, Role, RoleKind, TAG, VERSION, is_name,
};
use crate::{
    digest::Digest,
    hpke::RecipientKey,
    loss::{Delta, Epsilon},
    sign::PublicKey,
    text,
};
use analysis::Known;
use attestation_verifier::Region;
use named::{Named, alike};
use raw::{RawBudget, RawContract, RawDataset, RawParty, RawPeriod};
use std::{collections::BTreeMap, fmt, ops::Range, str::FromStr};
use toml::Spanned;

pub use flaw::{ContractError, Flaw};

pub(super) fn contract(bytes: &[u8]) -> Result<Contract, ContractError> {
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let before = bytes.get(..e.valid_up_to()).unwrap_or_default();
        let line = 1 + before.iter().filter(|&&b| b == b'\n').count();
        ContractError { line, flaw: Flaw::Syntax("the text is not UTF-8".to_owned()) }
    })?;
    let page = Page { text };
    page.no_hidden_character()?;
    let raw: RawContract = toml::from_str(text).map_err(|e| page.misshapen(&e))?;
    page.contract(raw)
}

/// What the whole contract says that its datasets and analyses refer to.
#[derive(Clone, Copy)]
struct Agreed<'a> {
    parties: &'a BTreeMap<String, Party>,
    purposes: &'a [String],
    min_cell: u32,
}

/// The text of a contract, to find the line of an error.
struct Page<'a> {
    text: &'a str,
}

type Parsed<T> = Result<T, ContractError>;

impl Page<'_> {
    fn flaw(&self, span: Range<usize>, flaw: Flaw) -> ContractError {
        let before = self.text.as_bytes().get(..span.start).unwrap_or_default();
        ContractError { line: 1 + before.iter().filter(|&&b| b == b'\n').count(), flaw }
    }

    fn misshapen(&self, error: &toml::de::Error) -> ContractError {
        let span = error.span().unwrap_or(0..0);
        let value = self.text.get(span.start..).unwrap_or_default();
        self.flaw(span, shape(error.message(), value))
    }

    /// Comments are checked too: a signer reads the text in an editor, which obeys bidirectional
    /// controls.
    fn no_hidden_character(&self) -> Parsed<()> {
        let body = self.text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(self.text);
        let mark = self.text.len() - body.len();
        let mut letters = body.char_indices();
        let found = letters.find(|(_, c)| !matches!(c, '\n' | '\r' | '\t') && text::is_hidden(*c));
        match found.and_then(|(at, c)| Some((at, text::hidden(c.encode_utf8(&mut [0; 4]))?))) {
            Some((at, found)) => Err(self.flaw(mark + at..mark + at, Flaw::Hidden(found))),
            None => Ok(()),
        }
    }

    fn contract(&self, raw: RawContract) -> Parsed<Contract> {
        if *raw.contract.get_ref() != VERSION {
            return Err(self.range(&raw.contract, "contract (the format's version)", "2"));
        }
        let purposes = self.names(&raw.purposes, "purpose")?;
        let parties = self.parties(raw.parties, raw.contract.span())?;
        let claims = raw
            .datasets
            .iter()
            .filter_map(|dataset| Some((dataset.name.get_ref().clone(), dataset.claims.clone()?)));
        let claims = claims.collect();
        let min_cell = self.whole(raw.min_cell.as_ref(), "min_cell", 50, 10..=1_000_000)?;
        let agreed = Agreed { parties: &parties, purposes: &purposes, min_cell };
        let datasets = self.datasets(raw.datasets, agreed, raw.contract.span())?;
        let known = Known { agreed, datasets: &datasets };
        let analyses = analysis::analyses(self, raw.analyses, known)?;
        claims::check(self, &claims, &datasets, &analyses)?;
        let (builds, build_signers) =
            builds::builds(self, &raw.builds, raw.build_signers.as_ref())?;
        for (found, what) in [(analyses.is_empty(), "analysis"), (builds.is_empty(), "build")] {
            if found {
                return Err(self.flaw(raw.contract.span(), Flaw::Missing(what)));
            }
        }
        Ok(Contract {
            digest: Digest::of(TAG, self.text.as_bytes()),
            name: self.name(&raw.name)?,
            expires: self.value(&raw.expires, "expires")?,
            min_cell,
            ids_per_person: self.whole(raw.ids_per_person.as_ref(), "ids_per_person", 1, 1..=10)?,
            jobs_per_day: self.whole(raw.jobs_per_day.as_ref(), "jobs_per_day", 100, 1..=10_000)?,
            supersedes: raw
                .supersedes
                .as_ref()
                .map(|digest| self.value(digest, "supersedes"))
                .transpose()?,
            bucket_salt: self.value(&raw.bucket_salt, "bucket_salt")?,
            purposes,
            parties,
            datasets,
            analyses,
            regions: raw.regions.as_ref().map_or(Ok(Vec::new()), |list| self.regions(list))?,
            builds,
            build_signers,
        })
    }

    /// The regions that a contract permits: a list that is there names one at least, each once.
    fn regions(&self, list: &Spanned<Vec<Spanned<String>>>) -> Parsed<Vec<Region>> {
        let mut regions = Vec::new();
        for name in list.get_ref() {
            let region: Region = self.value(name, "regions")?;
            if regions.contains(&region) {
                let [first, second] = [region.to_string(), region.to_string()];
                return Err(self.flaw(name.span(), Flaw::Duplicate { first, second }));
            }
            regions.push(region);
        }
        match (regions.len(), list.get_ref().len()) {
            (1..=MAX_REGIONS, _) => Ok(regions),
            (0, _) => Err(self.flaw(list.span(), Flaw::Missing("region"))),
            (_, found) => {
                let (what, found) = ("the number of regions", found.to_string());
                Err(self.flaw(list.span(), Flaw::Range { what, found, expected: "at most 16" }))
            }
        }
    }

    fn parties(&self, raw: Vec<RawParty>, whole: Range<usize>) -> Parsed<BTreeMap<String, Party>> {
        let mut parties: Named<'_, Party> = Named::new(self);
        for party in raw {
            let root_key: PublicKey = self.value(&party.root_key, "root_key")?;
            let recipient_key: RecipientKey = self.value(&party.recipient_key, "recipient_key")?;
            for (name, other) in &parties.things {
                if other.root_key == root_key {
                    let span = party.root_key.span();
                    return Err(self.flaw(span, Flaw::SharedKey(name.clone())));
                }
                if other.recipient_key == recipient_key {
                    let span = party.recipient_key.span();
                    return Err(self.flaw(span, Flaw::SharedKey(name.clone())));
                }
            }
            let custody = match &party.custody {
                None => None,
                Some(text) => match text.get_ref().parse::<CustodyAddress>() {
                    Ok(address) => Some(address),
                    Err(_) => return Err(self.range(text, "custody", CUSTODY_ADDRESS)),
                },
            };
            parties.insert(&party.name, Party { root_key, recipient_key, custody })?;
        }
        if parties.things.is_empty() {
            return Err(self.flaw(whole, Flaw::Missing("party")));
        }
        Ok(parties.things)
    }

    fn datasets(
        &self,
        raw: Vec<RawDataset>,
        agreed: Agreed<'_>,
        whole: Range<usize>,
    ) -> Parsed<BTreeMap<String, Dataset>> {
        let Agreed { parties, purposes, min_cell } = agreed;
        let mut datasets = Named::new(self);
        for dataset in raw {
            let owner = self.one_of(&dataset.owner, parties.keys(), "party")?;
            let lineage = self.name(dataset.lineage.as_ref().unwrap_or(&dataset.name))?;
            let columns = self.columns(dataset.columns, dataset.name.span(), min_cell)?;
            let claims = dataset.claims.as_ref();
            let claims = claims::read(self, claims, dataset.name.get_ref(), &columns)?;
            let (mut budgets, mut legal_basis) = (BTreeMap::new(), BTreeMap::new());
            let (mut per_period, mut for_life) = (0, 0);
            for budget in dataset.budgets {
                let purpose = self.one_of(&budget.purpose, purposes.iter(), "purpose")?;
                if budgets.contains_key(&purpose) {
                    let flaw = Flaw::Duplicate { first: purpose.clone(), second: purpose };
                    return Err(self.flaw(budget.purpose.span(), flaw));
                }
                let parsed = self.budget(&budget)?;
                within(&mut per_period, parsed.epsilon, MAX_EPSILON)
                    .and_then(|()| {
                        within(&mut for_life, parsed.lifetime_epsilon, MAX_LIFETIME_EPSILON)
                    })
                    .ok_or_else(|| self.flaw(budget.purpose.span(), Flaw::TooMuchInAll))?;
                legal_basis.insert(purpose.clone(), self.legal_basis(&budget.legal_basis)?);
                budgets.insert(purpose, parsed);
            }
            let owned = |d: &Dataset| d.owner == owner && d.lineage == lineage;
            if let Some((first, _)) = datasets.things.iter().find(|(_, d)| owned(d)) {
                let flaw = Flaw::Duplicate { first: first.clone(), second: lineage };
                return Err(self.flaw(dataset.name.span(), flaw));
            }
            let dataset_of = Dataset {
                owner,
                lineage,
                columns,
                claims,
                opt_outs_within_days: self.days_of_opt_outs(&dataset.opt_outs_within_days)?,
                budgets,
                legal_basis,
            };
            datasets.insert(&dataset.name, dataset_of)?;
        }
        if datasets.things.is_empty() {
            return Err(self.flaw(whole, Flaw::Missing("dataset")));
        }
        Ok(datasets.things)
    }

    fn days_of_opt_outs(&self, days: &Option<Spanned<i64>>) -> Parsed<Option<u32>> {
        let what = "opt_outs_within_days";
        let days = days.as_ref().map(|days| self.whole(Some(days), what, 0, 1..=366));
        days.transpose()
    }

    fn budget(&self, raw: &RawBudget) -> Parsed<Budget> {
        let real = |number: &Spanned<f64>, what, most: u64| {
            let invalid = |reason: String| self.flaw(number.span(), Flaw::Value { what, reason });
            let found = number.get_ref();
            let epsilon =
                Epsilon::new(*found).map_err(|e| invalid(format!("found {found}, {e}")))?;
            if u64::from(epsilon) > most * 1_000_000 {
                return Err(invalid(format!("found {epsilon}, this build allows at most {most}")));
            }
            Ok(epsilon)
        };
        let epsilon = real(&raw.epsilon, "epsilon", MAX_EPSILON)?;
        let lifetime_epsilon =
            real(&raw.lifetime_epsilon, "lifetime_epsilon", MAX_LIFETIME_EPSILON)?;
        if lifetime_epsilon < epsilon {
            let found = lifetime_epsilon.to_string();
            let expected = "at least the epsilon of one period";
            let flaw = Flaw::Range { what: "lifetime_epsilon", found, expected };
            return Err(self.flaw(raw.lifetime_epsilon.span(), flaw));
        }
        let delta = |number: &Spanned<f64>, what| {
            let invalid = |reason: String| self.flaw(number.span(), Flaw::Value { what, reason });
            let found = number.get_ref();
            Delta::new(*found).map_err(|e| invalid(format!("found {found}, {e}")))
        };
        let selection_delta = raw.selection_delta.as_ref();
        let selection_delta =
            selection_delta.map(|number| delta(number, "selection_delta")).transpose()?;
        let selection_delta = selection_delta.map_or(0, u64::from);
        let delta = delta(&raw.delta, "delta")?;
        let period = match raw.period {
            RawPeriod::Day => Period::Day,
            RawPeriod::Week => Period::Week,
            RawPeriod::Month => Period::Month,
            RawPeriod::Contract => Period::Contract,
        };
        Ok(Budget::new(period, [epsilon, lifetime_epsilon], delta, selection_delta))
    }

    /// Free text on one line. Hidden characters were refused before, except those that end a line.
    fn legal_basis(&self, found: &Spanned<String>) -> Parsed<String> {
        let text = found.get_ref().trim();
        if let Some(hidden) = text::hidden(text) {
            return Err(self.flaw(found.span(), Flaw::Hidden(hidden)));
        }
        if !LEGAL_BASIS.contains(&text.chars().count()) {
            return Err(self.range(
                found,
                "legal_basis",
                "3 to 200 characters, such as \"consent\"",
            ));
        }
        Ok(text.to_owned())
    }

    /// Each element of a list that must not be empty and must not name anything twice.
    fn each(
        &self,
        list: &Spanned<Vec<Spanned<String>>>,
        what: &'static str,
        parse: impl Fn(&Spanned<String>) -> Parsed<String>,
    ) -> Parsed<Vec<String>> {
        let mut parsed: Vec<String> = Vec::new();
        for item in list.get_ref() {
            let name = parse(item)?;
            if let Some(first) = parsed.iter().find(|other| alike(other, &name)) {
                let flaw = Flaw::Duplicate { first: first.clone(), second: name };
                return Err(self.flaw(item.span(), flaw));
            }
            parsed.push(name);
        }
        if parsed.is_empty() {
            return Err(self.flaw(list.span(), Flaw::Missing(what)));
        }
        Ok(parsed)
    }

    fn names(
        &self,
        list: &Spanned<Vec<Spanned<String>>>,
        what: &'static str,
    ) -> Parsed<Vec<String>> {
        self.each(list, what, |name| self.name(name))
    }

    fn name(&self, name: &Spanned<String>) -> Parsed<String> {
        let text = name.get_ref();
        if is_name(text) {
            Ok(text.clone())
        } else {
            Err(self.flaw(name.span(), Flaw::Name(text::beginning(text))))
        }
    }

    fn one_of<'n>(
        &self,
        name: &Spanned<String>,
        names: impl Iterator<Item = &'n String>,
        what: &'static str,
    ) -> Parsed<String> {
        let known: Vec<_> = names.cloned().collect();
        if known.contains(name.get_ref()) {
            return Ok(name.get_ref().clone());
        }
        let flaw = Flaw::NoSuch { what, name: text::beginning(name.get_ref()), known };
        Err(self.flaw(name.span(), flaw))
    }

    fn value<T: FromStr<Err: fmt::Display>>(
        &self,
        text: &Spanned<String>,
        what: &'static str,
    ) -> Parsed<T> {
        text.get_ref().parse().map_err(|e: T::Err| {
            self.flaw(text.span(), Flaw::Value { what, reason: e.to_string() })
        })
    }

    fn range<T: fmt::Display>(
        &self,
        found: &Spanned<T>,
        what: &'static str,
        expected: &'static str,
    ) -> ContractError {
        let shown = text::beginning(&found.get_ref().to_string());
        let flaw = Flaw::Range { what, found: shown, expected };
        self.flaw(found.span(), flaw)
    }

    fn whole(
        &self,
        found: Option<&Spanned<i64>>,
        what: &'static str,
        default: u32,
        allowed: std::ops::RangeInclusive<u32>,
    ) -> Parsed<u32> {
        let Some(found) = found else { return Ok(default) };
        let expected = match what {
            "min_cell" => "10 to 1000000 (50 if left out)",
            "jobs_per_day" => "1 to 10000 (100 if left out)",
            "cells_per_person" => "1 to 16 (1 if left out)",
            "window_days" => "0 to 366",
            "opt_outs_within_days" => "1 to 366 (no list is needed if left out)",
            _ => "1 to 10 (1 if left out)",
        };
        let number = u32::try_from(*found.get_ref()).ok().filter(|n| allowed.contains(n));
        number.ok_or_else(|| self.range(found, what, expected))
    }
}

/// The error for a text of the wrong shape, about which the TOML parser says `message` where `value` begins.
fn shape(message: &str, value: &str) -> Flaw {
    if message == "missing field `contract`" {
        return Flaw::Syntax(format!(
            "this is no contract: expected `contract = {VERSION}` in its head; a party.toml is handed to `glovebox \
             contract new`, and a job to `glovebox job`"
        ));
    }
    let unknown = message.strip_prefix("unknown field `").and_then(|rest| rest.split_once('`'));
    match unknown.and_then(|(field, _)| later::feature(field)) {
        Some((field, feature)) => Flaw::Later { field, feature },
        None => Flaw::Syntax(text::plain_toml(message, value)),
    }
}

/// Adds `epsilon` to a sum of millionths that may reach `most`.
fn within(sum: &mut u64, epsilon: Epsilon, most: u64) -> Option<()> {
    *sum += u64::from(epsilon);
    (*sum <= most * 1_000_000).then_some(())
}

/// Largest ε that this build accepts for one dataset and period, over all purposes.
const MAX_EPSILON: u64 = 20;
/// The most regions that one contract permits.
const MAX_REGIONS: usize = 16;
/// Allowed lengths of a legal basis, in characters.
const LEGAL_BASIS: std::ops::RangeInclusive<usize> = 3..=200;
const BYTE_ORDER_MARK: char = '\u{feff}';
