//! Reads the columns of a dataset.

use super::{Column, Flaw, Page, Parsed, Role, RoleKind, named::alike, raw::RawColumn};
use crate::{text, units::Scale};
use std::ops::Range;
use toml::Spanned;

impl Page<'_> {
    /// The columns of a dataset: names that differ, at least one match key, and at most one name for a person.
    pub(super) fn columns(
        &self,
        raw: Vec<RawColumn>,
        dataset: Range<usize>,
        min_cell: u32,
    ) -> Parsed<Vec<Column>> {
        let mut columns: Vec<Column> = Vec::new();
        for column in raw {
            let name = column.name.get_ref().clone();
            if let Some(first) = columns.iter().find(|c| alike(&c.name, &name)) {
                let flaw = Flaw::Duplicate { first: first.name.clone(), second: name };
                return Err(self.flaw(column.name.span(), flaw));
            }
            let (span, column) = (column.role.span(), self.column(column, min_cell)?);
            let is_person = |known: &&Column| known.role == Role::Person;
            if let Some(first) = columns.iter().find(is_person).filter(|_| is_person(&&column)) {
                let flaw = Flaw::SecondPerson { first: first.name.clone(), second: column.name };
                return Err(self.flaw(span, flaw));
            }
            columns.push(column);
        }
        if !columns.iter().any(|c| matches!(c.role, Role::MatchKey(_))) {
            return Err(self.flaw(dataset, Flaw::Missing("match_key column")));
        }
        Ok(columns)
    }

    fn column(&self, raw: RawColumn, min_cell: u32) -> Parsed<Column> {
        let name = self.name(&raw.name)?;
        let wrong = |expected| {
            Err(self.flaw(raw.role.span(), Flaw::Column { column: name.clone(), expected }))
        };
        if name.starts_with(RESERVED) {
            return wrong("names that begin with \"glovebox_\" are the format's own");
        }
        let cap = raw.cap;
        let role = match (*raw.role.get_ref(), raw.kind, raw.domain, raw.scale) {
            (RoleKind::MatchKey, Some(kind), None, None) => Role::MatchKey(kind),
            (RoleKind::MatchKey, ..) => {
                return wrong("a match_key needs kind = \"email\", \"phone\" or \"hashed\"");
            }
            (RoleKind::Group, None, Some(domain), None) => {
                let values = self.values(domain)?;
                if !(2..=1_000).contains(&values.len()) {
                    return wrong("a group needs a domain of 2 to 1000 values");
                }
                Role::Group(values)
            }
            (RoleKind::Group, ..) => {
                return wrong("a group needs domain = [\"..\", ..], all its values");
            }
            (role @ (RoleKind::Measure | RoleKind::Feature), None, None, scale) => {
                match (role, Scale::new(scale.unwrap_or(0))) {
                    (RoleKind::Measure, Some(scale)) => Role::Measure(scale),
                    (_, Some(scale)) => Role::Feature(scale),
                    (_, None) => return wrong(OF_A_NUMBER),
                }
            }
            (RoleKind::Measure | RoleKind::Feature, ..) => return wrong(OF_A_NUMBER),
            (RoleKind::Label, None, None, None) => Role::Label,
            (RoleKind::Date, None, None, None) => Role::Date,
            (RoleKind::Consent, None, None, None) => Role::Consent,
            (RoleKind::Person, None, None, None) => Role::Person,
            (RoleKind::Never, None, None, None) => Role::Never,
            (
                RoleKind::Label
                | RoleKind::Date
                | RoleKind::Consent
                | RoleKind::Person
                | RoleKind::Never,
                ..,
            ) => {
                return wrong("this role has no kind, domain or scale");
            }
        };
        let cap = match (cap, &role) {
            (None, _) => None,
            (Some(cap), Role::Measure(scale)) => Some(self.cap(&cap, *scale)?),
            (Some(_), _) => return wrong("only a measure has a cap"),
        };
        let is_read = matches!(
            role,
            Role::Group(_) | Role::Label | Role::Measure(_) | Role::Date | Role::Feature(_)
        );
        if (raw.min_cell.is_some() || raw.sensitive) && !is_read {
            return wrong(OF_WHAT_IS_READ);
        }
        if raw.min_cell.is_some() && matches!(role, Role::Feature(_)) {
            return wrong("a feature has no min_cell: only models read it, and they show no cells");
        }
        let floor = raw.min_cell.as_ref().map(|found| self.floor(found, min_cell)).transpose()?;
        Ok(Column { name, role, cap, min_cell: floor, is_sensitive: raw.sensitive })
    }

    /// The values of a group's public list, of which no two look the same.
    fn values(&self, domain: Vec<Spanned<String>>) -> Parsed<Vec<String>> {
        let mut values: Vec<String> = Vec::new();
        for value in domain {
            let text = value.get_ref().trim().to_owned();
            // Of all of it: some of what is hidden counts as a space that is trimmed away.
            if let Some(found) = text::hidden(value.get_ref()) {
                return Err(self.flaw(value.span(), Flaw::Hidden(found)));
            }
            if text.is_empty() || text.len() > 64 {
                return Err(self.range(&value, "a value of the domain", "1 to 64 characters"));
            }
            let same = |known: &&String| text::drawn(known) == text::drawn(&text);
            if let Some(first) = values.iter().find(same) {
                let flaw = Flaw::Duplicate { first: first.clone(), second: text };
                return Err(self.flaw(value.span(), flaw));
            }
            values.push(text);
        }
        Ok(values)
    }

    /// The most that one person's total may count as, in units of the last decimal.
    fn cap(&self, cap: &Spanned<f64>, scale: Scale) -> Parsed<u64> {
        let units = scale.units_of(*cap.get_ref()).and_then(|units| u64::try_from(units).ok());
        units.filter(|units| *units > 0).ok_or_else(|| {
            self.range(
                cap,
                "cap",
                "an amount above 0, with at most the decimals of the column's scale",
            )
        })
    }
}

/// What a column of numbers must say about them.
const OF_A_NUMBER: &str = "a number has a scale (decimals) of 0 to 6 and nothing else";
/// Which columns have a floor of their own, or are sensitive.
const OF_WHAT_IS_READ: &str = "only a group, label, measure or date has a min_cell, and only these and a feature are sensitive, since questions \
                               read nothing else of a column";
/// Prefix of columns that a sealed file has beside those of the contract.
const RESERVED: &str = "glovebox_";
