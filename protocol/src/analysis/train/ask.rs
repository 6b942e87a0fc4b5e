//! Reads a training from a job's TOML.

use super::{
    MOST_EDGES,
    question::Train,
    raw::{RawFeature, RawLabel, RawTrain, RawTrainPrivacy},
    scores,
    settings::{Settings, share},
    uses::Listed,
};
use crate::{
    analysis::{
        Scope, rules,
        toml::{TemplateError, millionths, scaled, stranger, units, value},
    },
    contract::{ColumnRef, Contract, Role},
    learning::{self, FEATURES, dense},
    loss::{Delta, Epsilon, Rho},
    tally::{Binned, Dense, Ends, Feature, HeldOut, Label, Learnt, Loss, Program, Side},
    units::Scale,
};

/// The question.
pub(super) fn question(raw: &RawTrain, scope: &Scope<'_>) -> Result<Train, TemplateError> {
    let listed = Listed::of(scope.terms).ok_or(TemplateError::OneKind)?;
    let privacy = raw.privacy.as_ref().ok_or(TemplateError::Missing("train.privacy"))?;
    let epsilon = Epsilon::new(privacy.epsilon)
        .map_err(|e| value("train.privacy.epsilon", privacy.epsilon, e.to_string()))?;
    let delta = Delta::new(privacy.delta)
        .map_err(|e| value("train.privacy.delta", privacy.delta, e.to_string()))?;
    let dense = dense(raw, privacy, delta)?;
    let asking = Asking { listed, contract: scope.contract, is_dense: dense.is_some() };
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
    refuse_features(&features, raw, &label)?;
    let of_feature = |feature: &Feature| feature.of.bins().max(feature.of.numbers());
    let bins = features.iter().map(of_feature).sum::<u64>();
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
        held_out: held_out(raw, loss, rho, dense.is_some())?,
        label,
        dense,
    };
    check_size(&program)?;
    let by_rule = Settings::by_rule(&program, rho);
    let settings = raw.settings.as_ref().map_or(Ok(by_rule), |raw| by_rule.named(raw))?;
    settings.set(&mut program);
    if program.plan().overshoots() {
        let [rate, momentum] = [settings.rate(), settings.momentum()];
        let most = 2.0 * (1.0 + momentum) / rate;
        let expected =
            format!("expected less than {most} at this rate: weights would grow without end");
        return Err(value("train.settings.ridge", settings.ridge(), expected));
    }
    let confidence = millionths("train.confidence", raw.confidence.unwrap_or(0.95))?;
    Ok(Train { program, confidence, epsilon, delta })
}

/// Refuses a feature that is the label, or is there twice.
fn refuse_features(
    features: &[Feature],
    raw: &RawTrain,
    label: &Label,
) -> Result<(), TemplateError> {
    for (at, (feature, raw)) in features.iter().zip(&raw.features).enumerate() {
        let expected = if feature.is_label(label) {
            "it is the label itself: expected what is known of people before"
        } else if features.iter().take(at).any(|earlier| earlier == feature) {
            "it is there twice, which costs more noise and teaches nothing: leave one out"
        } else {
            continue;
        };
        return Err(value("train.feature", raw.source(), expected));
    }
    Ok(())
}

/// What makes a model dense, if it is to be: who is drawn, settings decide.
fn dense(
    raw: &RawTrain,
    privacy: &RawTrainPrivacy,
    delta: Delta,
) -> Result<Option<Dense>, TemplateError> {
    match raw.model.as_deref() {
        None | Some("additive") => {
            let only = "expected it left out: only a dense model has it";
            if let Some(hidden) = &raw.hidden {
                return Err(value("train.hidden", format!("{hidden:?}"), only));
            }
            if let Some(found) = privacy.sampling_delta {
                return Err(value("train.privacy.sampling_delta", found, only));
            }
            return Ok(None);
        }
        Some("dense") => {}
        Some(other) => {
            return Err(value("train.model", other, "expected \"additive\" or \"dense\""));
        }
    }
    let hidden = raw.hidden.clone().unwrap_or_default();
    let is_within = |width: &u32| (1..=dense::WIDTH).contains(width);
    if hidden.len() > dense::LAYERS || !hidden.iter().all(is_within) {
        let (layers, width) = (dense::LAYERS, dense::WIDTH);
        let expected = format!("expected at most {layers} widths of hidden layers, 1 to {width}");
        return Err(value("train.hidden", format!("{hidden:?}"), expected));
    }
    let delta = match privacy.sampling_delta {
        Some(found) => Delta::new(found)
            .map_err(|e| value("train.privacy.sampling_delta", found, e.to_string()))?,
        // A thousandth, which is at most the largest and at least one unit.
        None => Delta::try_from((u64::from(delta) / 1000).max(1)).unwrap_or(delta),
    };
    Ok(Some(Dense { hidden, sampled: dense::CERTAIN, seed: 0, delta }))
}

/// Refuses a network that is too large, by how large it is.
fn check_size(program: &Program) -> Result<(), TemplateError> {
    let Some(plan) = program.plan().dense() else { return Ok(()) };
    if plan.inputs > dense::INPUTS {
        let expected = format!("expected features of at most {} numbers together", dense::INPUTS);
        return Err(value("train.feature", format!("{} numbers", plan.inputs), expected));
    }
    let weights = plan.weights();
    if weights > dense::WEIGHTS {
        let expected = format!("expected at most {} weights; this has {weights}", dense::WEIGHTS);
        return Err(value("train.hidden", format!("{:?}", plan.hidden), expected));
    }
    Ok(())
}

struct Asking<'t> {
    listed: Listed<'t>,
    contract: &'t Contract,
    is_dense: bool,
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
        match (&raw.column, &raw.rows_of) {
            (Some(text), None) => {
                let (side, named, role) =
                    self.column("train.feature.column", text, self.listed.features)?;
                let column = named.column.clone();
                let of = match role {
                    Role::Group(domain) => {
                        only_values(raw, text)?;
                        let values = u32::try_from(domain.len()).unwrap_or(u32::MAX);
                        if values >= learning::BINS {
                            let expected =
                                format!("expected at most {} values", learning::BINS - 1);
                            return Err(value("train.feature.column", text, expected));
                        }
                        Binned::Value { column, values }
                    }
                    Role::Measure(scale) | Role::Feature(scale) => match self.ends(raw, *scale)? {
                        Some(ends) => Binned::TotalBetween { column, ends },
                        None => Binned::Total { column, edges: self.edges(raw, *scale)? },
                    },
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
                let of = match self.ends(raw, Scale::WHOLE)? {
                    Some(ends) => Binned::RowsBetween { ends },
                    None => Binned::Rows { edges: self.edges(raw, Scale::WHOLE)? },
                };
                Ok(Feature { side, of })
            }
            _ => Err(value(
                "train.feature",
                if raw.column.is_some() { "column and rows_of" } else { "without a source" },
                "expected either column or rows_of",
            )),
        }
    }

    /// Edges between the bins of a number.
    fn edges(&self, raw: &RawFeature, scale: Scale) -> Result<Vec<i64>, TemplateError> {
        let field = "train.feature.edges";
        let expected = || {
            let or = if self.is_dense {
                "; or, since the model is dense, between = [lowest, highest] instead"
            } else {
                ""
            };
            format!(
                "expected 1 to {MOST_EDGES} ascending numbers for {}: public ones, not chosen by looking{or}",
                raw.source()
            )
        };
        let given = raw.edges.as_ref().ok_or_else(|| value(field, "left out", expected()))?;
        let all =
            given.iter().map(|edge| units(field, *edge, scale)).collect::<Result<Vec<_>, _>>()?;
        if (1..=MOST_EDGES).contains(&all.len()) && all.is_sorted_by(|a, b| a < b) {
            return Ok(all);
        }
        Err(value(field, format!("{given:?}"), expected()))
    }

    /// Between what a number is, if the job says so.
    fn ends(&self, raw: &RawFeature, scale: Scale) -> Result<Option<Ends>, TemplateError> {
        let field = "train.feature.between";
        let Some([lower, upper]) = raw.between else { return Ok(None) };
        let found = format!("[{lower}, {upper}]");
        if !self.is_dense {
            let expected =
                "expected edges: an additive model has bins, and model = \"dense\" has numbers";
            return Err(value(field, found, expected));
        }
        if raw.edges.is_some() {
            return Err(value(field, found, "expected either edges or between"));
        }
        let ends = Ends { lower: units(field, lower, scale)?, upper: units(field, upper, scale)? };
        if ends.lower >= ends.upper {
            return Err(value(field, found, "expected two public numbers, the lower one first"));
        }
        Ok(Some(ends))
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

/// Refuses bins and ends of a column that has values.
fn only_values(raw: &RawFeature, text: &str) -> Result<(), TemplateError> {
    let (field, found) = match (&raw.edges, &raw.between) {
        (Some(edges), _) => ("train.feature.edges", format!("{edges:?}")),
        (None, Some(ends)) => ("train.feature.between", format!("{ends:?}")),
        (None, None) => return Ok(()),
    };
    Err(value(field, found, format!("{text} has values and no edges: leave them out")))
}

fn capped(cap: Option<f64>, scale: Scale) -> Result<u32, TemplateError> {
    let cap = cap.ok_or_else(|| value("train.label.cap", "left out", CAP))?;
    let units = scaled("train.label.cap", cap, scale)?;
    if units > 1_000_000 { Err(value("train.label.cap", cap, CAP)) } else { Ok(units) }
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

fn held_out(
    raw: &RawTrain,
    loss: Loss,
    rho: f64,
    is_dense: bool,
) -> Result<Option<HeldOut>, TemplateError> {
    let Some(share) = raw.held_out else { return Ok(None) };
    if loss != Loss::Logistic {
        let expected = "left out: only a logistic model is judged by people who are held out";
        return Err(value("train.held_out", share, expected));
    }
    let share = self::share("train.held_out", share, 500)?;
    if share == 0 {
        return Err(value("train.held_out", 0, "expected 0.001 to 0.5, or nothing"));
    }
    Ok(Some(HeldOut {
        share,
        edges: scores::edges(is_dense, scores::step(raw.people, share, rho)),
    }))
}

const CAP: &str = "expected the largest label that counts as it is, 1 to 1000000 units";
const LOSSES: &str = "expected \"logistic\", \"squared\" or \"poisson\"";
const MOST_PEOPLE: u64 = 1 << 40;
