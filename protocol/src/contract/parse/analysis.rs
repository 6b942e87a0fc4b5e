//! What may be asked: one function for each kind of question.

use super::{
    Flaw, Named, Page, Parsed,
    raw::{RawAnalysis, RawKind},
};
use crate::contract::{
    Analysis, ColumnRef, Dataset, LiftTemplate, Party, Role, TableTemplate, Template,
};
use std::collections::BTreeMap;
use toml::Spanned;

/// What an analysis may refer to.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    pub(super) parties: &'a BTreeMap<String, Party>,
    pub(super) datasets: &'a BTreeMap<String, Dataset>,
    pub(super) purposes: &'a [String],
}

/// All analyses of a contract.
pub(super) fn analyses(
    page: &Page<'_>,
    raw: Vec<RawAnalysis>,
    known: Known<'_>,
) -> Parsed<BTreeMap<String, Analysis>> {
    let mut analyses = Named::new(page);
    for analysis in raw {
        let template = match analysis.kind {
            RawKind::Lift => Template::Lift(page.lift(&analysis, known.datasets)?),
            RawKind::Table => Template::Table(page.table(&analysis, known.datasets)?),
        };
        let purpose = page.one_of(&analysis.purpose, known.purposes.iter(), "purpose")?;
        for dataset in template.datasets() {
            if !known.datasets.get(dataset).is_some_and(|d| d.budgets.contains_key(&purpose)) {
                let flaw = Flaw::NoBudget { dataset: dataset.to_owned(), purpose };
                return Err(page.flaw(analysis.name.span(), flaw));
            }
        }
        let party = |name: &Spanned<String>| page.one_of(name, known.parties.keys(), "party");
        let analysts = page.each(&analysis.analysts, "analyst", party)?;
        let receivers = page.each(&analysis.receivers, "receiver", party)?;
        analyses.insert(&analysis.name, Analysis { purpose, template, analysts, receivers })?;
    }
    Ok(analyses.things)
}

impl Page<'_> {
    fn lift(
        &self,
        raw: &RawAnalysis,
        datasets: &BTreeMap<String, Dataset>,
    ) -> Parsed<LiftTemplate> {
        self.none_of(
            raw,
            &[
                ("population", spans(&raw.population)),
                ("joined", spans(&raw.joined)),
                ("group_by", spans(&raw.group_by)),
                ("filters", spans(&raw.filters)),
                ("cells_per_person", spans(&raw.cells_per_person)),
            ],
        )?;
        let assignment = self.needed(raw, &raw.assignment, "assignment dataset")?;
        let outcome = self.needed(raw, &raw.outcome, "outcome dataset")?;
        let (at, assignment) = (outcome, self.one_of(assignment, datasets.keys(), "dataset")?);
        let outcome = self.one_of(outcome, datasets.keys(), "dataset")?;
        self.joins(at, &assignment, &outcome, datasets)?;
        let column = |name: &Spanned<String>, dataset: &str, what, is: fn(&Role) -> bool| {
            let found = datasets.get(dataset).and_then(|d| d.column(name.get_ref()));
            match found.filter(|column| is(&column.role)) {
                Some(column) => Ok(column.name.clone()),
                None => Err(self.unknown(name, what)),
            }
        };
        let measure = |name: &Spanned<String>| {
            column(name, &outcome, "measure column", |role| matches!(role, Role::Measure(_)))
        };
        let is_group = |role: &Role| matches!(role, Role::Group(_));
        let is_date = |role: &Role| *role == Role::Date;
        let arm = self.needed(raw, &raw.arm, "arm column")?;
        let arm = column(arm, &assignment, "group column", is_group)?;
        let date = raw.date.as_ref();
        let date = date.map(|name| column(name, &outcome, "date column", is_date)).transpose()?;
        let measures = self.needed(raw, &raw.measures, "measure")?;
        let measures = self.each(measures, "measure", measure)?;
        Ok(LiftTemplate { assignment, arm, outcome, measures, date })
    }

    fn table(
        &self,
        raw: &RawAnalysis,
        datasets: &BTreeMap<String, Dataset>,
    ) -> Parsed<TableTemplate> {
        self.none_of(
            raw,
            &[
                ("assignment", spans(&raw.assignment)),
                ("arm", spans(&raw.arm)),
                ("outcome", spans(&raw.outcome)),
                ("date", spans(&raw.date)),
            ],
        )?;
        let population = self.needed(raw, &raw.population, "population dataset")?;
        let population = self.one_of(population, datasets.keys(), "dataset")?;
        let joined = raw.joined.as_ref().map(|at| {
            let joined = self.one_of(at, datasets.keys(), "dataset")?;
            self.joins(at, &population, &joined, datasets).map(|()| joined)
        });
        let joined = joined.transpose()?;
        let column = |text: &Spanned<String>, what, is: fn(&Role) -> bool| {
            let named =
                text.get_ref().parse::<ColumnRef>().map_err(|_| self.unknown(text, what))?;
            let ours =
                named.dataset == population || joined.as_deref() == Some(named.dataset.as_str());
            let found = datasets.get(&named.dataset).filter(|_| ours);
            match found.and_then(|d| d.column(&named.column)).filter(|column| is(&column.role)) {
                Some(_) => Ok(named),
                None => Err(self.unknown(text, what)),
            }
        };
        let columns =
            |list: &Option<Spanned<Vec<Spanned<String>>>>, what, is: fn(&Role) -> bool| {
                let mut columns = Vec::new();
                for text in list.as_ref().map(Spanned::get_ref).into_iter().flatten() {
                    let named = column(text, what, is)?;
                    if columns.contains(&named) {
                        let (first, second) = (text.get_ref().clone(), text.get_ref().clone());
                        return Err(self.flaw(text.span(), Flaw::Duplicate { first, second }));
                    }
                    columns.push(named);
                }
                Ok(columns)
            };
        let group = "group or label column (written dataset.column)";
        let group_by =
            columns(&raw.group_by, group, |it| matches!(it, Role::Group(_) | Role::Label))?;
        let filter = "group, measure or date column (written dataset.column)";
        let is_filter = |it: &Role| matches!(it, Role::Group(_) | Role::Measure(_) | Role::Date);
        let filters = columns(&raw.filters, filter, is_filter)?;
        let measure = "measure, group or label column (written dataset.column)";
        let is_measure = |it: &Role| matches!(it, Role::Measure(_) | Role::Group(_) | Role::Label);
        let measures = columns(&raw.measures, measure, is_measure)?;
        let cells = raw.cells_per_person.as_ref();
        let cells_per_person = self.whole(cells, "cells_per_person", 1, 1..=16)?;
        Ok(TableTemplate { population, joined, group_by, filters, measures, cells_per_person })
    }

    /// Two datasets, in which the same people can be found.
    fn joins(
        &self,
        at: &Spanned<String>,
        one: &str,
        other: &str,
        datasets: &BTreeMap<String, Dataset>,
    ) -> Parsed<()> {
        if one == other {
            let (first, second) = (one.to_owned(), other.to_owned());
            return Err(self.flaw(at.span(), Flaw::Duplicate { first, second }));
        }
        if joinable(datasets.get(one), datasets.get(other)) {
            Ok(())
        } else {
            Err(self.flaw(at.span(), Flaw::NoCommonKey))
        }
    }

    fn needed<'r, T>(
        &self,
        raw: &RawAnalysis,
        given: &'r Option<Spanned<T>>,
        what: &'static str,
    ) -> Parsed<&'r Spanned<T>> {
        given.as_ref().ok_or_else(|| self.flaw(raw.name.span(), Flaw::Missing(what)))
    }

    /// Keys of the other kind of analysis must not be there: they would not be obeyed.
    fn none_of(
        &self,
        raw: &RawAnalysis,
        keys: &[(&'static str, Option<std::ops::Range<usize>>)],
    ) -> Parsed<()> {
        let kind = match raw.kind {
            RawKind::Lift => "lift",
            RawKind::Table => "table",
        };
        match keys.iter().find_map(|(key, span)| Some((*key, span.clone()?))) {
            Some((key, span)) => Err(self.flaw(span, Flaw::OtherKind { key, kind })),
            None => Ok(()),
        }
    }
}

fn spans<T>(given: &Option<Spanned<T>>) -> Option<std::ops::Range<usize>> {
    given.as_ref().map(Spanned::span)
}

/// True if a match key of one dataset can equal one of the other. What a hashed one was made of is not
/// known here, so it joins with hashed ones only.
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
