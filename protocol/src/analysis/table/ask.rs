//! Reads a question about groups from a job's TOML.

use super::{
    question::{Filter, GroupBy, Statistic, TableMeasure, TableQuestion},
    raw::{RawMeasure, RawTable},
};
use crate::{
    analysis::{
        Scope, filters,
        table::uses::Listed,
        toml::{
            RawFilter, SPLIT, TemplateError, check_names, clamp, millionths, split, units, value,
        },
    },
    contract::{ColumnRef, Contract, Role},
    loss::{Delta, Epsilon},
    units::Scale,
};

/// The question.
pub(super) fn question(raw: &RawTable, scope: &Scope<'_>) -> Result<TableQuestion, TemplateError> {
    let privacy = raw.privacy.as_ref().ok_or(TemplateError::Missing("table.privacy"))?;
    let asked = ListedColumns::new("table", scope)?;
    let mut group_by = Vec::new();
    for name in &raw.group_by {
        group_by.push(asked.group(name)?);
    }
    check_names("table.measure.name", raw.measures.iter().map(|measure| &measure.name))?;
    let mut measures = Vec::new();
    for measure in &raw.measures {
        let read = asked.measure(measure)?;
        if let Some(bins) = &measure.bins {
            group_by.push(asked.bins(bins, &read)?);
        }
        measures.push(read);
    }
    let cells_per_person = asked.cells_per_person(raw.cells_per_person)?;
    let labels = group_by.iter().any(|group| asked.is_label(group));
    let selection_delta = match (privacy.selection_delta, labels) {
        (None, false) => 0,
        (Some(delta), true) => Delta::new(delta)
            .map_err(|e| value("table.privacy.selection_delta", delta, e.to_string()))?
            .into(),
        (found, _) => {
            let expected = "groups whose values are private need it, and no others";
            let found = found.map_or("left out".to_owned(), |delta| delta.to_string());
            return Err(value("table.privacy.selection_delta", found, expected));
        }
    };
    Ok(TableQuestion {
        group_by,
        rows: raw.rows.iter().map(|row| asked.filter(row)).collect::<Result<_, _>>()?,
        measures,
        cells_per_person,
        confidence: millionths("table.confidence", raw.confidence.unwrap_or(0.95))?,
        epsilon: Epsilon::new(privacy.epsilon)
            .map_err(|e| value("table.privacy.epsilon", privacy.epsilon, e.to_string()))?,
        delta: Delta::new(privacy.delta)
            .map_err(|e| value("table.privacy.delta", privacy.delta, e.to_string()))?,
        selection_delta,
        split: split("table.privacy.split", privacy.split.as_ref(), SPLIT)?,
        min_cell: privacy.min_cell.unwrap_or(0).max(scope.contract.min_cell),
    })
}

/// The columns that the contract lets a question name.
pub(in crate::analysis) struct ListedColumns<'c> {
    /// Kind of the question.
    kind: &'static str,
    pub(in crate::analysis) listed: Listed<'c>,
    contract: &'c Contract,
}

impl<'c> ListedColumns<'c> {
    /// The terms of a table, for a question of this kind.
    pub(in crate::analysis) fn new(
        kind: &'static str,
        scope: &Scope<'c>,
    ) -> Result<Self, TemplateError> {
        let listed = Listed::of(scope.terms).ok_or(TemplateError::OneKind)?;
        Ok(Self { kind, listed, contract: scope.contract })
    }

    /// The column written `text`, if it is one of `allowed`, and its role.
    pub(in crate::analysis) fn column(
        &self,
        field: &str,
        text: &str,
        allowed: &[ColumnRef],
    ) -> Result<(ColumnRef, &'c Role), TemplateError> {
        filters::column(field, text, allowed, self.contract)
    }

    fn group(&self, text: &str) -> Result<GroupBy, TemplateError> {
        let field = "table.group_by";
        if text == "matched" {
            return match self.listed.joined {
                Some(_) => Ok(GroupBy::Matched),
                None => Err(value(field, text, "the contract's analysis joins no dataset")),
            };
        }
        Ok(GroupBy::Column(self.column(field, text, self.listed.group_by)?.0))
    }

    fn is_label(&self, group: &GroupBy) -> bool {
        let GroupBy::Column(named) = group else { return false };
        self.contract.column(named).is_some_and(|column| column.role == Role::Label)
    }

    pub(in crate::analysis) fn filter(&self, raw: &RawFilter) -> Result<Filter, TemplateError> {
        filters::filter(self.kind, raw, self.listed.filters, self.contract)
    }

    pub(in crate::analysis) fn measure(
        &self,
        raw: &RawMeasure,
    ) -> Result<TableMeasure, TemplateError> {
        let kind = self.kind;
        let field = |key: &str| format!("{kind}.measure \"{}\": {key}", raw.name);
        let scale = if raw.statistic == Statistic::Rows {
            let datasets = std::iter::once(self.listed.population).chain(self.listed.joined);
            if !datasets.clone().any(|dataset| dataset == raw.column) {
                let names = datasets.collect::<Vec<_>>().join(" or ");
                let expected = format!("rows are counted of a dataset: {names}");
                return Err(value(&field("column"), &raw.column, expected));
            }
            Scale::WHOLE
        } else {
            let allowed = self.listed.measures;
            let (_, role) = self.column(&field("column"), &raw.column, allowed)?;
            match (raw.statistic, role) {
                (Statistic::Sum, Role::Measure(scale)) => *scale,
                (Statistic::Distinct, Role::Group(_) | Role::Label) => Scale::WHOLE,
                (Statistic::Sum, _) => {
                    return Err(value(
                        &field("column"),
                        &raw.column,
                        "a sum needs a measure column",
                    ));
                }
                _ => {
                    let expected = "distinct values are counted of a group or label column";
                    return Err(value(&field("column"), &raw.column, expected));
                }
            }
        };
        let clamp = clamp(&field, raw.cap_per_user, raw.floor_per_user, scale)?;
        if clamp.is_signed() && raw.statistic != Statistic::Sum {
            let expected = "only a sum can be below 0";
            return Err(value(&field("floor_per_user"), clamp.least(), expected));
        }
        Ok(TableMeasure {
            name: raw.name.clone(),
            column: raw.column.clone(),
            statistic: raw.statistic,
            clamp,
            squares: raw.spread.unwrap_or(false),
            scale,
        })
    }

    pub(in crate::analysis) fn cells_per_person(
        &self,
        asked: Option<u32>,
    ) -> Result<u32, TemplateError> {
        let (asked, most) = (asked.unwrap_or(1), self.listed.cells_per_person);
        if (1..=most).contains(&asked) {
            return Ok(asked);
        }
        let expected = format!("the contract allows 1 to {most}");
        Err(value(&format!("{}.cells_per_person", self.kind), asked, expected))
    }

    fn bins(&self, bins: &[f64], measure: &TableMeasure) -> Result<GroupBy, TemplateError> {
        let field = format!("table.measure \"{}\": bins", measure.name);
        let edges = bins.iter().map(|edge| units(&field, *edge, measure.scale));
        let edges = edges.collect::<Result<Vec<_>, _>>()?;
        if edges.is_empty() || edges.len() > MAX_BINS || !edges.is_sorted_by(|a, b| a < b) {
            let expected = format!("expected 1 to {MAX_BINS} ascending edges");
            return Err(value(&field, format!("{bins:?}"), expected));
        }
        Ok(GroupBy::Bins { measure: measure.name.clone(), edges })
    }
}

const MAX_BINS: usize = 1000;
