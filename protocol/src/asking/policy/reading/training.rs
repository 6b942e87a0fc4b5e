//! What a training reads.

use super::{Reader, all_values};
use crate::{
    analysis::uses::Reading,
    contract::Role,
    refusal::Refusal,
    tally::{Binned, Ends, Feature, Label, Learnt, Program},
};

/// Refuses a training that learns from anything, or learns anything, that is not listed for it. Its other fields are
/// public figures, which read nothing.
pub(super) fn check(reader: &Reader<'_>, program: &Program) -> Result<(), Refusal> {
    let Program {
        features,
        label,
        loss: _,
        people: _,
        steps: _,
        clip: _,
        rate: _,
        momentum: _,
        ridge: _,
        averaged: _,
        held_out: _,
        dense: _,
    } = program;
    features.iter().try_for_each(|feature| check_feature(reader, feature))?;
    check_label(reader, label)
}

fn check_feature(reader: &Reader<'_>, feature: &Feature) -> Result<(), Refusal> {
    let Feature { side, of } = feature;
    match of {
        Binned::Value { column, values } => {
            let (named, role) = reader.column(*side, column, Reading::Feature)?;
            reader.demand(&named, all_values(role) == Some(*values))
        }
        Binned::Total { column, edges } => {
            let (named, role) = reader.column(*side, column, Reading::Feature)?;
            reader.demand(&named, matches!(role, Role::Measure(_) | Role::Feature(_)))?;
            // A bin beyond the cap would tell apart those whose totals are larger.
            let farthest = edges.iter().map(|edge| edge.unsigned_abs()).max();
            reader.cap(&named, farthest.unwrap_or(0))
        }
        Binned::TotalBetween { column, ends: Ends { lower, upper } } => {
            let (named, role) = reader.column(*side, column, Reading::Feature)?;
            reader.demand(&named, matches!(role, Role::Measure(_) | Role::Feature(_)))?;
            reader.cap(&named, lower.unsigned_abs().max(upper.unsigned_abs()))
        }
        Binned::Rows { edges: _ } | Binned::RowsBetween { ends: _ } => {
            reader.rows(*side, Reading::Feature)
        }
    }
}

fn check_label(reader: &Reader<'_>, label: &Label) -> Result<(), Refusal> {
    let Label { side, of, cap } = label;
    match of {
        Learnt::Found | Learnt::Rows => reader.rows(*side, Reading::Label),
        Learnt::OneOf { column, codes } => {
            let (named, role) = reader.column(*side, column, Reading::Label)?;
            reader.codes(&named, role, codes)
        }
        Learnt::Sum { column } => {
            let (named, role) = reader.column(*side, column, Reading::Label)?;
            reader.demand(&named, matches!(role, Role::Measure(_)))?;
            reader.cap(&named, u64::from(*cap))
        }
    }
}
