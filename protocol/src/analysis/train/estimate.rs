//! The model that follows from the released sums, and what held-out people say of it.

mod judged;

pub(super) use judged::{Reading, judged};

use super::{
    answer::{LabelSum, Reads, TrainAnswer, TrainedBin, TrainedFeature, TrainedSettings},
    question::Train,
};
use crate::{
    analysis::Scope,
    contract::{ColumnRef, Role},
    learning::{self, Descent, Model, QUANTA},
    proof::{Proven, Sigma},
    released::Trained,
    tally::{Binned, Feature, Label, Learnt, Loss, Program, Tally},
    units::Scale,
};
use statistics::special::normal_upper_quantile;

/// The model, and flags of what can mislead; none if the sums are not those of the training.
///
/// # Privacy
///
/// Costs nothing: a function of released sums, job and contract.
pub(super) fn answer(
    asked: &Train,
    trained: &Trained,
    proven: &Proven,
    scope: &Scope<'_>,
) -> Option<(TrainAnswer, Vec<String>)> {
    let (tally, program) = (proven.tally(), &asked.program);
    let steps = proven.proof().steps()?;
    let model = model(program, trained)?;
    let reader = Reader { tally, scope };
    let sd = |sigma: Sigma| if trained.noise { sigma.value() } else { 0.0 };
    let alpha = 1.0 - asked.confidence.value();
    let (unit, plan) = (reader.label_unit(&program.label), program.plan());
    let (value, noise_sd) = (real(trained.label), sd(steps.label.sigma));
    let half = normal_upper_quantile(alpha / 2.0) * noise_sd;
    let label_sum = LabelSum {
        value: value * unit,
        noise_sd: noise_sd * unit,
        ci: [value - half, value + half].map(|end| end.max(0.0) * unit),
    };
    let rho = proven.proof().cost.rho().value();
    let judged = match (&program.held_out, &trained.scores, &steps.scores) {
        (Some(held), Some(scores), Some(figure)) => {
            let least = i64::from(proven.proof().threshold);
            let (noise, alpha) = (sd(figure.sigma), alpha);
            Some(judged(held, &scores.0, &model, Reading { noise, alpha, least })?)
        }
        _ => None,
    };
    let mean = value / (real(i64::from(plan.cap)) * real_of(plan.people));
    let signal = value * (2.0 * rho / real_of(count(program.features.len()))).sqrt();
    let flags = [
        ("weak_signal", trained.noise && program.loss == Loss::Logistic && signal < WEAK),
        ("one_label", !(LEAST_MEAN..=1.0 - LEAST_MEAN).contains(&mean)),
        ("label_shown", program.is_label_shown()),
        ("judged_by_few", judged.as_ref().is_some_and(|judged| judged.auc.is_none())),
    ];
    let flags = flags.iter().filter(|(_, raised)| *raised).map(|(name, _)| (*name).to_owned());
    let mut weights = model.weights.iter().copied();
    let features = program.features.iter();
    let asks = |name: &&str| scope.contract.asks_consent(name);
    let answer = TrainAnswer {
        counted: format!("people of {}", tally.datasets().next().unwrap_or_default()),
        learns: reader.learns(&program.label)?,
        loss: program.loss,
        cap: f64::from(plan.cap) * unit,
        confidence: asked.confidence.value(),
        people: program.people,
        by_rule: is_by_rule(program, rho),
        settings: TrainedSettings {
            steps: plan.steps,
            clip: f64::from(plan.clip) / f64::from(QUANTA),
            rate: plan.rate,
            momentum: plan.momentum,
            ridge: plan.ridge,
            averaged: plan.averaged,
            step_noise_sd: sd(steps.step.sigma) / f64::from(QUANTA),
        },
        label_sum,
        intercept: model.intercept,
        features: features
            .map(|feature| reader.feature(feature, &mut weights))
            .collect::<Option<_>>()?,
        judged,
        consent_from: tally.datasets().filter(asks).map(str::to_owned).collect(),
    };
    Some((answer, flags.collect()))
}

/// Whether nothing was chosen by hand.
fn is_by_rule(program: &Program, rho: f64) -> bool {
    let rule = learning::rule(program.trained_on(), program.features.len(), rho);
    let Program { steps, clip, averaged, momentum, ridge, .. } = *program;
    (rule.steps, rule.clip, rule.averaged) == (steps, clip, averaged)
        && Program::rate_of(rule.rate) == Some(program.rate)
        && (f64::from(momentum) - rule.momentum * 1000.0).abs() < 0.5
        && ridge == 0
}

/// The weights that the steps give, in turn.
fn model(program: &Program, trained: &Trained) -> Option<Model> {
    let plan = program.plan();
    let bins = plan.bins();
    let steps = trained.steps.len();
    if u32::try_from(steps).ok() != Some(plan.steps) {
        return None;
    }
    let mut descent = Descent::start(plan, trained.label);
    for sums in &trained.steps {
        if sums.0.len() != bins {
            return None;
        }
        descent.step(&sums.0);
    }
    descent.model()
}

struct Reader<'a> {
    tally: &'a Tally,
    scope: &'a Scope<'a>,
}

impl Reader<'_> {
    fn role(&self, dataset: &str, column: &str) -> Option<&Role> {
        let named = ColumnRef::new(dataset, column);
        self.scope.contract.column(&named).map(|column| &column.role)
    }

    fn scale(&self, dataset: &str, column: &str) -> Scale {
        match self.role(dataset, column) {
            Some(Role::Measure(scale) | Role::Feature(scale)) => *scale,
            _ => Scale::WHOLE,
        }
    }

    /// One unit of the label, in units of its column.
    fn label_unit(&self, label: &Label) -> f64 {
        match &label.of {
            Learnt::Sum { column } => {
                1.0 / self.scale(self.tally.dataset(label.side), column).units_per_one()
            }
            Learnt::Found | Learnt::OneOf { .. } | Learnt::Rows => 1.0,
        }
    }

    fn learns(&self, label: &Label) -> Option<String> {
        let dataset = self.tally.dataset(label.side);
        Some(match &label.of {
            Learnt::Found => format!("has a row in {dataset}"),
            Learnt::Rows => format!("rows in {dataset}"),
            Learnt::Sum { column } => format!("sum of {dataset}.{column}"),
            Learnt::OneOf { column, codes } => {
                let Some(Role::Group(domain)) = self.role(dataset, column) else { return None };
                let value = |code: &i32| domain.get(usize::try_from(*code).ok()?);
                let values = codes.iter().filter_map(value).cloned().collect::<Vec<_>>();
                format!("{dataset}.{column} is {}", values.join(" or "))
            }
        })
    }

    fn feature(
        &self,
        feature: &Feature,
        weights: &mut impl Iterator<Item = f64>,
    ) -> Option<TrainedFeature> {
        let dataset = self.tally.dataset(feature.side).to_owned();
        let (column, reads, scale, edges) = match &feature.of {
            Binned::Value { column, .. } => (Some(column), Reads::OnlyValue, Scale::WHOLE, &[][..]),
            Binned::Total { column, edges } => {
                (Some(column), Reads::Total, self.scale(&dataset, column), edges.as_slice())
            }
            Binned::Rows { edges } => (None, Reads::Rows, Scale::WHOLE, edges.as_slice()),
        };
        let names = match (&feature.of, column.and_then(|column| self.role(&dataset, column))) {
            (Binned::Value { .. }, Some(Role::Group(domain))) => domain.clone(),
            (Binned::Value { .. }, _) => return None,
            _ => ranges(edges, scale),
        };
        let mut weight = || weights.next();
        let none = if reads == Reads::OnlyValue { "(none or several)" } else { "(not found)" };
        let first = TrainedBin { name: none.to_owned(), weight: weight()? };
        let others = names.into_iter().map(|name| Some(TrainedBin { name, weight: weight()? }));
        let bins = std::iter::once(Some(first)).chain(others).collect::<Option<_>>()?;
        Some(TrainedFeature {
            column: column.cloned(),
            reads,
            decimals: scale.into(),
            edges: edges.iter().map(|edge| real(*edge) / scale.units_per_one()).collect(),
            bins,
            dataset,
        })
    }
}

/// What bins between these edges are called.
fn ranges(edges: &[i64], scale: Scale) -> Vec<String> {
    let decimals = scale.decimals();
    let shown = |edge: &i64| format!("{:.decimals$}", real(*edge) / scale.units_per_one());
    let below = edges.first().map(|first| format!("below {}", shown(first)));
    let middle = edges.windows(2).filter_map(|pair| {
        let [from, to] = pair else { return None };
        Some(format!("{} to below {}", shown(from), shown(to)))
    });
    let above = edges.last().map(|last| format!("{} and above", shown(last)));
    below.into_iter().chain(middle).chain(above).collect()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "an estimate")]
fn real(number: i64) -> f64 {
    number as f64
}

#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "an estimate")]
fn real_of(number: u64) -> f64 {
    number as f64
}

/// Below so many labels of 1, times √(2ρ/features), a model is hardly better than chance.
const WEAK: f64 = 20.0;
/// A mean label closer to 0 or 1 starts as if it were this.
const LEAST_MEAN: f64 = 1e-3;
