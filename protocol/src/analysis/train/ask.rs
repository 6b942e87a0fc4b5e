//! Reads a training from a job's TOML.

use super::{
    MOST_EDGES,
    question::Train,
    raw::{RawFeature, RawLabel, RawSettings, RawTrain},
    uses::Listed,
};
use crate::{
    analysis::{
        Scope, rules,
        toml::{TemplateError, millionths, scaled, stranger, thousandths, units, value, whole},
    },
    contract::{ColumnRef, Contract, Role},
    learning::{self, FEATURES, QUANTA, Settings},
    loss::{Delta, Epsilon, Rho},
    tally::{Binned, Feature, HeldOut, Label, Learnt, Loss, Program, Side},
    units::Scale,
};

/// The question.
pub(super) fn question(raw: &RawTrain, scope: &Scope<'_>) -> Result<Train, TemplateError> {
    let listed = Listed::of(scope.terms).ok_or(TemplateError::OneKind)?;
    let asking = Asking { listed, contract: scope.contract };
    let privacy = raw.privacy.as_ref().ok_or(TemplateError::Missing("train.privacy"))?;
    let epsilon = Epsilon::new(privacy.epsilon)
        .map_err(|e| value("train.privacy.epsilon", privacy.epsilon, e.to_string()))?;
    let delta = Delta::new(privacy.delta)
        .map_err(|e| value("train.privacy.delta", privacy.delta, e.to_string()))?;
    let label = raw.label.as_ref().ok_or(TemplateError::Missing("train.label"))?;
    let label = asking.label(label)?;
    if !(1..=MOST_PEOPLE).contains(&raw.people) {
        let expected = format!(
            "expected about how many people there are, 1 to {MOST_PEOPLE}: a figure that is public, such as the rows that \
             an owner declares"
        );
        return Err(value("train.people", raw.people, expected));
    }
    let features = raw.features.iter().map(|feature| asking.feature(feature));
    let features = features.collect::<Result<Vec<_>, _>>()?;
    if !(1..=FEATURES).contains(&features.len()) {
        let expected = format!("expected 1 to {FEATURES} [[train.feature]]");
        return Err(value("train.feature", features.len(), expected));
    }
    for (feature, raw) in features.iter().zip(&raw.features) {
        if feature.is_label(&label) {
            let text = raw.column.as_ref().or(raw.rows_of.as_ref()).cloned().unwrap_or_default();
            let expected = "it is the label itself: expected what is known of people before";
            return Err(value("train.feature", text, expected));
        }
    }
    let bins = features.iter().map(|feature| feature.of.bins()).sum::<u64>();
    if raw.people < bins {
        let expected =
            format!("expected at least as many people as the features have bins ({bins})");
        return Err(value("train.people", raw.people, expected));
    }
    let loss = loss(raw.loss.as_deref(), &label)?;
    let rho = Rho::from_epsilon(epsilon, delta).value();
    let mut program = Program {
        features,
        loss,
        people: raw.people,
        steps: 0,
        clip: 0,
        rate: 0,
        momentum: 0,
        ridge: 0,
        averaged: 0,
        held_out: held_out(raw.held_out, loss)?,
        label,
    };
    let by_rule = learning::rule(program.trained_on(), program.features.len(), rho);
    let (settings, ridge) = settings(raw.settings.as_ref(), by_rule)?;
    program.ridge = ridge;
    (program.steps, program.clip, program.averaged) =
        (settings.steps, settings.clip, settings.averaged);
    program.rate = Program::rate_of(settings.rate)
        .ok_or_else(|| value("train.settings.rate", settings.rate, RATE))?;
    program.momentum = share("train.settings.momentum", settings.momentum, 999)?;
    if program.plan().overshoots() {
        let most = 2.0 * (1.0 + settings.momentum) / settings.rate;
        let found = f64::from(ridge) / 1e9;
        let expected =
            format!("expected less than {most} at this rate: weights would grow without end");
        return Err(value("train.settings.ridge", found, expected));
    }
    let confidence = millionths("train.confidence", raw.confidence.unwrap_or(0.95))?;
    Ok(Train { program, confidence, epsilon, delta })
}

struct Asking<'t> {
    listed: Listed<'t>,
    contract: &'t Contract,
}

impl<'t> Asking<'t> {
    fn side(&self, field: &str, dataset: &str) -> Result<Side, TemplateError> {
        let mut sides = (0..).map(Side).zip(self.listed.datasets());
        let found = sides.find(|(_, name)| *name == dataset);
        found.map(|(side, _)| side).ok_or_else(|| {
            let known: Vec<_> = self.listed.datasets().collect();
            value(field, dataset, format!("expected one of {}", known.join(", ")))
        })
    }

    fn column(
        &self,
        field: &str,
        text: &str,
        listed: &'t [ColumnRef],
    ) -> Result<(Side, &'t ColumnRef, &'t Role), TemplateError> {
        let named = listed.iter().find(|column| column.to_string() == text);
        let found = named.and_then(|named| Some((named, self.contract.column(named)?)));
        let Some((named, column)) = found else {
            let known: Vec<_> = listed.iter().map(ToString::to_string).collect();
            let known = if known.is_empty() {
                "the contract lists none".to_owned()
            } else {
                known.join(", ")
            };
            return Err(value(
                field,
                text,
                format!("expected one of the columns listed for it: {known}"),
            ));
        };
        Ok((self.side(field, &named.dataset)?, named, &column.role))
    }

    fn feature(&self, raw: &RawFeature) -> Result<Feature, TemplateError> {
        let edges = |scale| edges(raw.edges.as_deref(), scale);
        match (&raw.column, &raw.rows_of) {
            (Some(text), None) => {
                let (side, named, role) =
                    self.column("train.feature.column", text, self.listed.features)?;
                let column = named.column.clone();
                let of = match role {
                    Role::Group(domain) => {
                        if let Some(edges) = &raw.edges {
                            let expected =
                                format!("{text} has values and no edges: leave them out");
                            return Err(value(
                                "train.feature.edges",
                                format!("{edges:?}"),
                                expected,
                            ));
                        }
                        let values = u32::try_from(domain.len()).unwrap_or(u32::MAX);
                        if values >= learning::BINS {
                            let expected =
                                format!("expected at most {} values", learning::BINS - 1);
                            return Err(value("train.feature.column", text, expected));
                        }
                        Binned::Value { column, values }
                    }
                    Role::Measure(scale) | Role::Feature(scale) => {
                        Binned::Total { column, edges: edges(*scale)? }
                    }
                    _ => {
                        return Err(value(
                            "train.feature.column",
                            text,
                            "expected a group or a number",
                        ));
                    }
                };
                Ok(Feature { side, of })
            }
            (None, Some(dataset)) => {
                let side = self.side("train.feature.rows_of", dataset)?;
                Ok(Feature { side, of: Binned::Rows { edges: edges(Scale::WHOLE)? } })
            }
            _ => Err(value(
                "train.feature",
                if raw.column.is_some() { "column and rows_of" } else { "without a source" },
                "expected either column or rows_of",
            )),
        }
    }

    fn label(&self, raw: &RawLabel) -> Result<Label, TemplateError> {
        let joined = |field: &str, dataset: &str| {
            // Everybody has rows in the population.
            let joined = self.listed.joined.filter(|joined| *joined == dataset);
            joined.map(|_| Side::JOINED).ok_or_else(|| {
                let known = self.listed.joined.unwrap_or("none: the contract joins no dataset");
                value(field, dataset, format!("expected the joined dataset ({known})"))
            })
        };
        let RawLabel { column, values, found_in, rows_of, cap } = raw;
        match (column, found_in, rows_of) {
            (Some(text), None, None) => self.of_column(text, values.as_deref(), *cap),
            (None, Some(dataset), None) if values.is_none() && cap.is_none() => {
                let side = joined("train.label.found_in", dataset)?;
                Ok(Label { side, of: Learnt::Found, cap: 1 })
            }
            (None, None, Some(dataset)) if values.is_none() => {
                let side = joined("train.label.rows_of", dataset)?;
                Ok(Label { side, of: Learnt::Rows, cap: capped(*cap, Scale::WHOLE)? })
            }
            _ => {
                let expected = "expected column with values, column with cap, rows_of with cap, or found_in alone";
                let given = [
                    ("column", column.is_some()),
                    ("values", values.is_some()),
                    ("found_in", found_in.is_some()),
                    ("rows_of", rows_of.is_some()),
                    ("cap", cap.is_some()),
                ];
                let given = given.iter().filter(|(_, is_given)| *is_given).map(|(key, _)| *key);
                let given = given.collect::<Vec<_>>().join(", ");
                let found = if given.is_empty() { "empty".to_owned() } else { given };
                Err(value("train.label", found, expected))
            }
        }
    }

    fn of_column(
        &self,
        text: &str,
        values: Option<&[String]>,
        cap: Option<f64>,
    ) -> Result<Label, TemplateError> {
        let (side, named, role) = self.column("train.label.column", text, self.listed.labels)?;
        let column = named.column.clone();
        match (role, values, cap) {
            (Role::Group(domain), Some(values), None) if !values.is_empty() => {
                let mut codes = rules::places(domain, values)
                    .map_err(|found| stranger("train.label.values", found, text, domain))?;
                codes.sort_unstable();
                codes.dedup();
                Ok(Label { side, of: Learnt::OneOf { column, codes }, cap: 1 })
            }
            (Role::Measure(scale), None, _) => {
                Ok(Label { side, of: Learnt::Sum { column }, cap: capped(cap, *scale)? })
            }
            (Role::Group(_), ..) => {
                let expected =
                    "expected values beside it, those that are learnt as yes, and no cap";
                Err(value("train.label.column", text, expected))
            }
            _ => Err(value("train.label.column", text, "expected cap beside it, and no values")),
        }
    }
}

fn capped(cap: Option<f64>, scale: Scale) -> Result<u32, TemplateError> {
    let cap = cap.ok_or_else(|| value("train.label.cap", "left out", CAP))?;
    let units = scaled("train.label.cap", cap, scale)?;
    if units > 1_000_000 { Err(value("train.label.cap", cap, CAP)) } else { Ok(units) }
}

fn edges(raw: Option<&[f64]>, scale: Scale) -> Result<Vec<i64>, TemplateError> {
    let field = "train.feature.edges";
    let expected = || {
        format!("expected 1 to {MOST_EDGES} ascending numbers: public ones, not chosen by looking")
    };
    let raw = raw.ok_or_else(|| value(field, "left out", expected()))?;
    let all = raw.iter().map(|edge| units(field, *edge, scale)).collect::<Result<Vec<_>, _>>()?;
    if (1..=MOST_EDGES).contains(&all.len()) && all.is_sorted_by(|a, b| a < b) {
        return Ok(all);
    }
    Err(value(field, format!("{raw:?}"), expected()))
}

fn loss(raw: Option<&str>, label: &Label) -> Result<Loss, TemplateError> {
    let usual = match label.of {
        Learnt::Found | Learnt::OneOf { .. } => Loss::Logistic,
        Learnt::Rows => Loss::Poisson,
        Learnt::Sum { .. } => Loss::Squared,
    };
    let found = match raw {
        None => usual,
        Some("logistic") => Loss::Logistic,
        Some("squared") => Loss::Squared,
        Some("poisson") => Loss::Poisson,
        Some(_) => return Err(value("train.loss", raw.unwrap_or_default(), LOSSES)),
    };
    if found == Loss::Logistic && label.cap != 1 {
        let expected = "a label with more than two values: expected \"squared\" or \"poisson\"";
        return Err(value("train.loss", "logistic", expected));
    }
    Ok(found)
}

fn held_out(raw: Option<f64>, loss: Loss) -> Result<Option<HeldOut>, TemplateError> {
    let Some(share) = raw else { return Ok(None) };
    if loss != Loss::Logistic {
        let expected = "left out: only a logistic model is judged by people who are held out";
        return Err(value("train.held_out", share, expected));
    }
    let share = self::share("train.held_out", share, 500)?;
    if share == 0 {
        return Err(value("train.held_out", 0, "expected 0.001 to 0.5, or nothing"));
    }
    Ok(Some(HeldOut { share, edges: SCORE_EDGES.to_vec() }))
}

/// The settings by the rule, but for those that the job names; and the ridge.
fn settings(
    raw: Option<&RawSettings>,
    by_rule: Settings,
) -> Result<(Settings, u32), TemplateError> {
    let mut settings = by_rule;
    let Some(raw) = raw else { return Ok((settings, 0)) };
    if let Some(steps) = raw.steps {
        if !(1..=learning::STEPS).contains(&steps) {
            let expected = format!("expected 1 to {}", learning::STEPS);
            return Err(value("train.settings.steps", steps, expected));
        }
        settings.steps = steps;
        settings.averaged = steps.div_ceil(2);
    }
    if let Some(clip) = raw.clip {
        let quanta = whole((clip * f64::from(QUANTA)).floor(), QUANTA).filter(|quanta| *quanta > 0);
        let expected = "expected a share of the cap, up to 1";
        settings.clip = quanta.ok_or_else(|| value("train.settings.clip", clip, expected))?;
    }
    if let Some(rate) = raw.rate {
        if !(rate > 0.0 && rate <= 100.0) {
            return Err(value("train.settings.rate", rate, RATE));
        }
        settings.rate = rate;
    }
    settings.momentum = raw.momentum.unwrap_or(settings.momentum);
    if let Some(averaged) = raw.averaged {
        if !(1..=settings.steps).contains(&averaged) {
            let expected = format!("expected 1 to {}, of the last steps", settings.steps);
            return Err(value("train.settings.averaged", averaged, expected));
        }
        settings.averaged = averaged;
    }
    let ridge = raw.ridge.unwrap_or(0.0);
    let ridge = whole(ridge * 1e9, 1_000_000_000)
        .ok_or_else(|| value("train.settings.ridge", ridge, "expected 0 to 1"))?;
    Ok((settings, ridge))
}

/// A share from 0 to `most` thousandths.
fn share(field: &str, share: f64, most: u32) -> Result<u32, TemplateError> {
    thousandths(share, most).ok_or_else(|| {
        let most = f64::from(most) / 1000.0;
        value(field, share, format!("expected 0 to {most}, in whole thousandths"))
    })
}

/// Edges between bins of scores, in units of 2⁻¹⁶ above the intercept: -3, -2.25, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2.25, 3.
const SCORE_EDGES: [i32; 11] =
    [-196_608, -147_456, -98_304, -65_536, -32_768, 0, 32_768, 65_536, 98_304, 147_456, 196_608];
const CAP: &str = "expected the largest label that counts as it is, 1 to 1000000 units";
const LOSSES: &str = "expected \"logistic\", \"squared\" or \"poisson\"";
const RATE: &str = "expected a rate above 0, up to 100";
const MOST_PEOPLE: u64 = 1 << 40;
