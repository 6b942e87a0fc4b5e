//! Reads a lift question from a job's TOML.

use super::{
    question::{Alternative, Cost, Lift, Multiplicity, Outcome, OutcomeKind},
    raw::{RawAssignment, RawCost, RawLift, RawOutcome, RawWindow},
};
use crate::{
    analysis::{
        Scope, filters,
        lift::uses::Listed,
        toml::{TemplateError, check_names, clamp, day, millionths, split, stranger, value},
    },
    contract::{Contract, Role},
    loss::{Delta, Epsilon},
    tally::Clamp,
    text,
    time::Time,
    units::Millionths,
};

/// The question that the TOML asks.
pub(super) fn question(lift: &RawLift, scope: &Scope<'_>) -> Result<Lift, TemplateError> {
    let Scope { contract, name, .. } = *scope;
    let analysis = &Listed::of(scope.terms).ok_or(TemplateError::OneKind)?;
    lift.refuse_what_is_not_offered()?;
    let assignment = lift.assignment.as_ref().ok_or(TemplateError::Missing("lift.assignment"))?;
    let column = assignment.column.as_deref();
    if let Some(column) = column.filter(|column| *column != analysis.arm) {
        let expected =
            format!("the contract's analysis \"{name}\" compares the arms of \"{}\"", analysis.arm);
        return Err(value("lift.assignment.column", column, expected));
    }
    check_arms(assignment, analysis, contract)?;
    let outcomes = outcomes(&lift.outcomes, analysis, contract)?;
    if lift.window.is_some() && analysis.date.is_none() {
        let expected =
            format!("the contract's analysis \"{name}\" has no date column: leave it out");
        return Err(value("lift.window", "given", expected));
    }
    let privacy = lift.privacy.as_ref().ok_or(TemplateError::Missing("lift.privacy"))?;
    let share = test_share(assignment)?;
    Ok(Lift {
        expected_test_share: share,
        srm_flag_p: millionths(
            "lift.assignment.srm_flag_p",
            assignment.srm_flag_p.unwrap_or(0.001),
        )?,
        test: assignment.test.clone(),
        control: assignment.control.clone(),
        window: lift.window.as_ref().map(RawWindow::days).transpose()?,
        outcomes,
        confidence: millionths("lift.confidence", lift.confidence.unwrap_or(0.95))?,
        alternative: lift.alternative.unwrap_or(Alternative::TwoSided),
        multiplicity: lift.multiplicity.unwrap_or(Multiplicity::None),
        cost: lift.cost.as_ref().map(RawCost::fixed).transpose()?,
        epsilon: Epsilon::new(privacy.epsilon)
            .map_err(|e| value("lift.privacy.epsilon", privacy.epsilon, e.to_string()))?,
        delta: Delta::new(privacy.delta)
            .map_err(|e| value("lift.privacy.delta", privacy.delta, e.to_string()))?,
        split: split("lift.privacy.split", privacy.split.as_ref())?,
        min_cell: privacy.min_cell.unwrap_or(0).max(contract.min_cell),
        registered_at: lift
            .registered_at
            .as_deref()
            .map(|text| {
                let expected = "expected a time in UTC such as 2026-11-01T00:00:00Z";
                text.parse::<Time>().map_err(|_| value("lift.registered_at", text, expected))
            })
            .transpose()?,
    })
}

impl RawLift {
    /// Refuses every field that asks for something this build does not do, in one message.
    fn refuse_what_is_not_offered(&self) -> Result<(), TemplateError> {
        let mut fields = Vec::new();
        let mut only = |field: &str, found: Option<&str>, offered: &str| {
            if let Some(found) = found
                && found != offered
            {
                fields.push(format!("{field} = \"{found}\" (offered: \"{offered}\")"));
            }
        };
        only("lift.level", self.level.as_deref(), "user");
        only("lift.design", self.design.as_deref(), "itt");
        only("lift.estimator", self.estimator.as_deref(), "diff_in_means");
        if let Some(assignment) = &self.assignment {
            only("lift.assignment.unit", assignment.unit.as_deref(), "user");
        }
        if let Some(cost) = &self.cost {
            only("lift.cost.kind", cost.kind.as_deref(), "fixed");
        }
        if let Some(window) = &self.window {
            only("lift.window.anchor", window.anchor.as_deref(), "assignment");
        }
        if let Some(privacy) = &self.privacy {
            only("lift.privacy.mechanism", privacy.mechanism.as_deref(), "discrete_gaussian");
            only("lift.privacy.privacy_unit", privacy.privacy_unit.as_deref(), "user");
            only("lift.privacy.neighbour", privacy.neighbour.as_deref(), "add_remove");
        }
        for outcome in &self.outcomes {
            only("lift.outcome.cap_source", outcome.cap_source.as_deref(), "declared");
        }
        if self.version.is_some_and(|version| version != 1) {
            fields.push("lift.version (offered: 1)".to_owned());
        }
        if self.privacy.as_ref().is_some_and(|p| p.n_public == Some(true)) {
            fields.push("lift.privacy.n_public = true (head counts always get noise)".to_owned());
        }
        let assignment = self.assignment.as_ref();
        for (field, asked) in [
            (
                "lift.assignment.opportunity_column",
                assignment.is_some_and(|a| a.opportunity_column.is_some()),
            ),
            (
                "lift.assignment.exposure_column",
                assignment.is_some_and(|a| a.exposure_column.is_some()),
            ),
            ("lift.covariates", self.covariates.is_some()),
            ("lift.breakdowns", self.breakdowns.is_some()),
            ("lift.geo", self.geo.is_some()),
            ("lift.export", self.export.is_some()),
        ] {
            if asked {
                fields.push(format!("{field} (leave it out)"));
            }
        }
        if fields.is_empty() { Ok(()) } else { Err(TemplateError::NotOffered { fields }) }
    }
}

impl RawWindow {
    fn days(&self) -> Result<(i32, i32), TemplateError> {
        let first = day("lift.window.start", &self.start)?;
        let end = day("lift.window.end", &self.end)?;
        let cooldown = i32::try_from(self.cooldown_days.unwrap_or(0)).ok().filter(|d| *d <= 366);
        let cooldown = cooldown.ok_or_else(|| {
            value(
                "lift.window.cooldown_days",
                self.cooldown_days.unwrap_or(0),
                "expected at most 366",
            )
        })?;
        if end < first {
            return Err(value("lift.window.end", &self.end, "expected a day not before the start"));
        }
        Ok((first, end + cooldown))
    }
}

impl RawCost {
    fn fixed(&self) -> Result<Cost, TemplateError> {
        let scaled = (self.total * 1e6).round();
        if !(0.0..=9e15).contains(&scaled) {
            let expected = "expected an amount from 0 to 9000000000";
            return Err(value("lift.cost.total", self.total, expected));
        }
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "checked to lie in 0..2^53"
        )]
        let millionths = scaled as u64;
        let currency = self.currency.clone().unwrap_or_else(|| "USD".to_owned());
        if currency.len() != 3 || !currency.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(value(
                "lift.cost.currency",
                currency,
                "expected three capitals such as USD",
            ));
        }
        Ok(Cost { millionths, currency })
    }
}

/// Checks that each arm names values of the contract's domain, that no value is in both arms, and
/// that shares are for existing values.
fn check_arms(
    assignment: &RawAssignment,
    analysis: &Listed<'_>,
    contract: &Contract,
) -> Result<(), TemplateError> {
    let dataset = contract.datasets.get(analysis.assignment);
    let domain = match dataset.and_then(|d| d.column(analysis.arm)).map(|c| &c.role) {
        Some(Role::Group(domain)) => domain.as_slice(),
        _ => &[],
    };
    let column = format!("{}.{}", analysis.assignment, analysis.arm);
    let mut seen: Vec<&String> = Vec::new();
    for (field, arm) in [
        ("lift.assignment.test", &assignment.test),
        ("lift.assignment.control", &assignment.control),
    ] {
        if arm.is_empty() {
            let known = text::quoted_list(domain);
            let expected = format!("expected at least one of the values of {column}: {known}");
            return Err(value(field, "empty", expected));
        }
        for name in arm {
            if !domain.contains(name) {
                return Err(stranger(field, name, &column, domain));
            }
            if seen.contains(&name) {
                let expected = "expected to be named once: the arms must not overlap";
                return Err(value(field, text::quoted(name), expected));
            }
            seen.push(name);
        }
    }
    let mut shares = assignment.expected_share.iter().flat_map(|shares| shares.keys());
    match shares.find(|name| !domain.contains(name)) {
        Some(name) => Err(stranger("lift.assignment.expected_share", name, &column, domain)),
        None => Ok(()),
    }
}

fn outcomes(
    raw: &[RawOutcome],
    analysis: &Listed<'_>,
    contract: &Contract,
) -> Result<Vec<Outcome>, TemplateError> {
    if raw.is_empty() {
        return Err(TemplateError::Missing("[lift.outcome]"));
    }
    check_names("lift.outcome.name", raw.iter().map(|outcome| &outcome.name))?;
    raw.iter().map(|raw| outcome(raw, analysis, contract)).collect()
}

fn outcome(
    raw: &RawOutcome,
    analysis: &Listed<'_>,
    contract: &Contract,
) -> Result<Outcome, TemplateError> {
    let column = raw.column.as_ref().unwrap_or(&raw.name);
    let field = |name: &str| format!("lift.outcome \"{}\": {name}", raw.name);
    let (dataset, measures) = (analysis.outcome, analysis.measures);
    let scale = filters::scale_of(&field("column"), column, dataset, measures, contract)?;
    let clamp = match (raw.r#type, raw.max_events_per_user, raw.cap_per_user) {
        // Events are whole numbers, whatever decimals their column has.
        (OutcomeKind::Binary, None, None) => Clamp::ONE,
        (OutcomeKind::Count, Some(0), None) => {
            let expected = "expected a whole number from 1";
            return Err(value(&field("max_events_per_user"), 0, expected));
        }
        (OutcomeKind::Count, Some(most), None) => {
            let field = |_: &str| field("max_events_per_user");
            clamp(&field, f64::from(most), None, scale)?
        }
        (OutcomeKind::Count, ..) => {
            return Err(value(
                &field("max_events_per_user"),
                "not given",
                "a count needs it, and no cap_per_user",
            ));
        }
        (OutcomeKind::Value, None, Some(cap)) => clamp(&field, cap, raw.floor_per_user, scale)?,
        (OutcomeKind::Value, ..) => {
            return Err(value(
                &field("cap_per_user"),
                raw.cap_per_user.map_or("not given".to_owned(), |cap| cap.to_string()),
                "a value needs it, and no max_events_per_user: the cap bounds a person's total",
            ));
        }
        (OutcomeKind::Binary, ..) => {
            return Err(value(&field("type"), "binary", "a binary outcome has no cap"));
        }
    };
    if raw.floor_per_user.is_some() && raw.r#type != OutcomeKind::Value {
        let expected = "only the total of a value can be below 0";
        return Err(value(&field("floor_per_user"), "given", expected));
    }
    let kind = raw.r#type;
    Ok(Outcome { name: raw.name.clone(), column: column.clone(), kind, clamp, scale })
}

/// The share of the test arm among the people of both, in millionths.
fn test_share(assignment: &RawAssignment) -> Result<Millionths, TemplateError> {
    let field = "lift.assignment.expected_share";
    let share = |value: &String| match &assignment.expected_share {
        None => Some(1.0),
        Some(shares) => shares.get(value).copied(),
    };
    let sum = |values: &[String]| -> Option<f64> { values.iter().map(share).sum() };
    let (test, control) = (sum(&assignment.test), sum(&assignment.control));
    let (Some(test), Some(control)) = (test, control) else {
        return Err(value(
            field,
            "incomplete",
            "expected a share for every value of test and control",
        ));
    };
    let fraction = test / (test + control);
    if !(test > 0.0 && control > 0.0 && fraction.is_finite()) {
        return Err(value(field, "not positive", "expected shares above 0"));
    }
    millionths(field, fraction)
}
