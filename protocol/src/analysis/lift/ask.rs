//! Reads a lift question from a job's TOML.

mod covariate;

use super::{
    question::{Alternative, Breakdown, Cost, Covariate, Lift, Multiplicity, Outcome, OutcomeKind},
    raw::{RawAssignment, RawBreakdowns, RawCost, RawCovariates, RawLift, RawOutcome, RawWindow},
};
use crate::{
    analysis::{
        Scope, filters,
        lift::uses::Listed,
        margin::MarginScale,
        rules::column_role,
        toml::{
            TemplateError, allows, check_names, clamp, day, millionths, split, stranger, value,
        },
    },
    contract::{ColumnRef, Contract, Role},
    loss::{Delta, Epsilon},
    proof::Split,
    tally::{Clamp, MAX_WEIGHT},
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
    let breakdown = lift.breakdowns.as_ref().map(|raw| raw.columns(analysis, contract, assignment));
    let breakdown = breakdown.transpose()?;
    let exposed = assignment.exposed(analysis, name)?;
    let privacy = lift.privacy.as_ref().ok_or(TemplateError::Missing("lift.privacy"))?;
    let share = test_share(assignment)?;
    let confidence = millionths("lift.confidence", lift.confidence.unwrap_or(0.95))?;
    if outcomes.iter().any(|outcome| outcome.margin.is_some()) && confidence.value() <= 0.5 {
        let expected = "expected more than 0.5, since an outcome has a margin";
        return Err(value("lift.confidence", confidence.value(), expected));
    }
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
        breakdown,
        exposed,
        covariate: lift.covariate(analysis, contract)?,
        confidence,
        alternative: lift.alternative.unwrap_or(Alternative::TwoSided),
        multiplicity: lift.multiplicity.unwrap_or(Multiplicity::None),
        cost: lift.cost.as_ref().map(RawCost::fixed).transpose()?,
        epsilon: Epsilon::new(privacy.epsilon)
            .map_err(|e| value("lift.privacy.epsilon", privacy.epsilon, e.to_string()))?,
        delta: Delta::new(privacy.delta)
            .map_err(|e| value("lift.privacy.delta", privacy.delta, e.to_string()))?,
        split: split("lift.privacy.split", privacy.split.as_ref(), SPLIT)?,
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
        let is_other = |name: &&str| ![covariate::CUPED, "diff_in_means"].contains(name);
        let estimator = self.estimator.as_deref().filter(is_other);
        only("lift.estimator", estimator, "diff_in_means\" or \"cuped");
        if let Some(covariates) = &self.covariates {
            only("lift.covariates.missing", covariates.missing.as_deref(), "zero");
        }
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
                "lift.covariates.strata",
                self.covariates.as_ref().is_some_and(|covariates| covariates.strata.is_some()),
            ),
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

impl RawAssignment {
    /// The column that tells who was reached, if it is asked for and the contract names it for this.
    fn exposed(&self, analysis: &Listed<'_>, name: &str) -> Result<Option<String>, TemplateError> {
        let Some(column) = &self.exposure_column else { return Ok(None) };
        let expected = match analysis.exposed {
            Some(listed) if listed == column => return Ok(Some(column.clone())),
            Some(listed) => {
                format!("the contract's analysis \"{name}\" lists \"{listed}\" for this")
            }
            None => format!(
                "the contract's analysis \"{name}\" does not say which column tells who was reached (exposed): leave it out"
            ),
        };
        Err(value("lift.assignment.exposure_column", text::quoted(column), expected))
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

impl RawBreakdowns {
    /// The columns, if the contract lists them for this.
    fn columns(
        &self,
        analysis: &Listed<'_>,
        contract: &Contract,
        assignment: &RawAssignment,
    ) -> Result<Breakdown, TemplateError> {
        let names = |columns: &[ColumnRef]| -> Vec<String> {
            columns.iter().map(|listed| listed.column.clone()).collect()
        };
        let listed = names(analysis.segments);
        for (at, column) in self.dimensions.iter().enumerate() {
            let field = "lift.breakdowns.dimensions";
            if !listed.contains(column) {
                let expected = if listed.is_empty() {
                    "the contract's analysis lists no segments".to_owned()
                } else {
                    allows(listed.iter().cloned())
                };
                return Err(value(field, text::quoted(column), expected));
            }
            if self.dimensions.iter().take(at).any(|other| other == column) {
                return Err(value(field, text::quoted(column), "expected to be named once"));
            }
        }
        let creatives: Vec<_> =
            [Some(analysis.arm), analysis.creative].into_iter().flatten().collect();
        if let Some(column) = &self.creative {
            let field = "lift.breakdowns.creative";
            if !creatives.contains(&column.as_str()) {
                let allowed = creatives.iter().map(|column| (*column).to_owned());
                return Err(value(field, text::quoted(column), allows(allowed)));
            }
            if self.dimensions.contains(column) {
                let expected = "expected a column that is not among the dimensions";
                return Err(value(field, text::quoted(column), expected));
            }
        }
        if self.dimensions.is_empty() && self.creative.is_none() {
            let expected = "expected columns of segments, or creative";
            return Err(value("lift.breakdowns.dimensions", "none", expected));
        }
        self.check_number(analysis, contract, assignment)?;
        Ok(Breakdown { segments: self.dimensions.clone(), creative: self.creative.clone() })
    }

    /// Refuses more segments and creatives than the job itself says there may be.
    fn check_number(
        &self,
        analysis: &Listed<'_>,
        contract: &Contract,
        assignment: &RawAssignment,
    ) -> Result<(), TemplateError> {
        let Some(most) = self.max_cells else { return Ok(()) };
        let values = |column: &String| match column_role(contract, analysis.assignment, column) {
            Some(Role::Group(domain)) => domain.len(),
            _ => 1,
        };
        let creatives = self.creative.as_ref().map(|column| match column == analysis.arm {
            true => assignment.test.len(),
            false => values(column),
        });
        let parts = self.dimensions.iter().map(values).chain(creatives);
        let found = parts.fold(1_usize, usize::saturating_mul);
        if u32::try_from(found).is_ok_and(|found| found <= most) {
            return Ok(());
        }
        let expected = format!("the segments and creatives of this job are {found}");
        Err(value("lift.breakdowns.max_cells", most, expected))
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
    let weight = raw.weight.unwrap_or(kind.weight());
    if !(1..=MAX_WEIGHT).contains(&weight) {
        let expected = "expected a whole number from 1 to 1000";
        return Err(value(&field("weight"), weight, expected));
    }
    let margin = raw.margin.as_ref().map(|margin| margin.margin(&field("margin"))).transpose()?;
    let (name, column) = (raw.name.clone(), column.clone());
    let outcome = Outcome { name, column, kind, clamp, scale, weight, margin };
    check_margin(&outcome).map_err(|expected| {
        let found = margin.map_or(0.0, |margin| margin.value());
        value(&field("margin.absolute"), found, expected)
    })?;
    Ok(outcome)
}

/// Says what does not make sense in the margin of an outcome.
pub(super) fn check_margin(outcome: &Outcome) -> Result<(), &'static str> {
    let Some(margin) = outcome.margin else { return Ok(()) };
    let is_share = outcome.kind == OutcomeKind::Binary && margin.scale == MarginScale::Absolute;
    if is_share && margin.value() >= 1.0 {
        return Err("expected less than 1: 0.01 is one percentage point of a share of people");
    }
    margin.check()
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

/// Head counts and squares need little; the rest is for sums.
const SPLIT: Split = Split { n: 50, sum: 900, products: 50 };
