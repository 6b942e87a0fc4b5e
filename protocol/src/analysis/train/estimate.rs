//! The model that follows from the released sums, and what held-out people say of it.

mod judged;

use judged::are_alike;
pub(super) use judged::{Reading, judged};

use super::{
    answer::{
        Judged, LabelSum, Reads, TrainAnswer, TrainedBin, TrainedFeature, TrainedNetwork,
        TrainedSettings,
    },
    question::Train,
    settings::Settings,
};
use crate::{
    analysis::Scope,
    contract::{ColumnRef, Role},
    learning::{
        Descent, Model, QUANTA,
        dense::{self, CLIP},
    },
    loss::Rho,
    proof::{Proven, Sigma, Sums},
    released::Trained,
    tally::{Binned, Dense, Feature, Label, Learnt, Loss, Plan, Program, Tally},
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
    let model = Made::of(program, trained)?;
    let reader = Reader { tally, scope };
    let sd = |sigma: Sigma| if trained.noise { sigma.value() } else { 0.0 };
    let alpha = 1.0 - asked.confidence.value();
    let unit = reader.label_unit(&program.label);
    let label_sum = steps.everybody().zip(trained.label).map(|([figure, _], label)| {
        let (value, noise_sd) = (real(label), sd(figure.sigma));
        let half = normal_upper_quantile(alpha / 2.0) * noise_sd;
        let ci = [value - half, value + half].map(|end| end.max(0.0) * unit);
        LabelSum { value: value * unit, noise_sd: noise_sd * unit, ci }
    });
    let rho = Rho::from_epsilon(asked.epsilon, asked.delta).value();
    let judged = match (&program.held_out, &trained.scores, &steps.scores) {
        (Some(held), Some(scores), Some(figure)) => {
            let least = i64::from(proven.proof().threshold);
            let noise = sd(figure.sigma);
            let reading = Reading { noise, alpha, least };
            Some(judged(held, &scores.0, model.zero(), reading)?)
        }
        _ => None,
    };
    let (judged, is_off) = judged.map_or((None, false), |(judged, is_off)| (Some(judged), is_off));
    let flags = flags(program, trained, judged.as_ref(), is_off, rho);
    let settings = Settings::of(program);
    let mut weights = model.weights();
    let features = program.features.iter();
    let asks = |name: &&str| scope.contract.asks_consent(name);
    let answer = TrainAnswer {
        counted: format!("people of {}", tally.datasets().next().unwrap_or_default()),
        learns: reader.learns(&program.label)?,
        loss: program.loss,
        cap: f64::from(program.label.cap) * unit,
        confidence: asked.confidence.value(),
        people: program.people,
        by_rule: settings == Settings::by_rule(program, rho),
        settings: TrainedSettings {
            steps: program.steps,
            batch: program.dense.as_ref().map(Dense::chance),
            clip: f64::from(program.clip) / f64::from(QUANTA),
            rate: settings.rate(),
            momentum: settings.momentum(),
            ridge: settings.ridge(),
            averaged: program.averaged,
            step_noise_sd: match steps.sums {
                Sums::Everybody { step, .. } => sd(step.sigma) / f64::from(QUANTA),
                Sums::Drawn(drawn) => sd(drawn.sigma) / f64::from(CLIP),
            },
            seed: program.dense.as_ref().map(|dense| dense.seed),
        },
        label_sum,
        intercept: model.intercept(),
        features: features
            .map(|feature| reader.feature(feature, weights.as_mut()))
            .collect::<Option<_>>()?,
        network: model.network(),
        judged,
        consent_from: tally.datasets().filter(asks).map(str::to_owned).collect(),
    };
    Some((answer, flags))
}

/// What can mislead.
fn flags(
    program: &Program,
    trained: &Trained,
    judged: Option<&Judged>,
    is_off: bool,
    rho: f64,
) -> Vec<String> {
    let labels = trained.label.map(real);
    let people = f64::from(program.label.cap) * real_of(program.trained_on());
    let signal = |labels: f64| labels * (2.0 * rho / real_of(count(program.features.len()))).sqrt();
    let is_weak = labels.is_some_and(|labels| signal(labels) < WEAK);
    let is_one = |labels: f64| !(LEAST_MEAN..=1.0 - LEAST_MEAN).contains(&(labels / people));
    let flags = [
        ("weak_signal", trained.noise && program.loss == Loss::Logistic && is_weak),
        ("one_label", labels.is_some_and(is_one)),
        // A dense model releases no sum of labels, so that only people who were held out tell of them.
        ("label_unchecked", labels.is_none() && judged.is_none()),
        ("label_shown", program.is_label_shown()),
        ("judged_by_few", judged.is_some_and(|judged| judged.auc.is_none())),
        ("scores_alike", judged.is_some_and(are_alike)),
        ("miscalibrated", is_off),
    ];
    let raised = flags.iter().filter(|(_, raised)| *raised);
    raised.map(|(name, _)| (*name).to_owned()).collect()
}

/// What was trained, as the released sums make it.
enum Made {
    Additive(Model),
    /// A dense model's plan and weights.
    Dense(dense::Plan, Vec<f64>),
}

impl Made {
    /// None if the sums are not those of the training.
    fn of(program: &Program, trained: &Trained) -> Option<Self> {
        let plan = program.plan();
        let entries = plan.entries();
        let is_whole = u32::try_from(trained.steps.len()).ok() == Some(program.steps)
            && trained.steps.iter().all(|sums| sums.0.len() == entries);
        match (plan, trained.label) {
            (Plan::Additive(plan), Some(label)) if is_whole => {
                let mut descent = Descent::start(plan, label);
                trained.steps.iter().for_each(|sums| descent.step(&sums.0));
                descent.model().map(Self::Additive)
            }
            (Plan::Dense(plan), None) if is_whole => {
                let mut descent = dense::Descent::start(plan);
                trained.steps.iter().for_each(|sums| descent.step(&sums.0));
                let plan = descent.plan().clone();
                descent.model().map(|model| Self::Dense(plan, model.weights))
            }
            _ => None,
        }
    }

    /// The score of everybody before any feature.
    fn intercept(&self) -> f64 {
        match self {
            Self::Additive(model) => model.intercept,
            Self::Dense(plan, weights) => dense::Network::new(plan, weights).score(&[]).into(),
        }
    }

    /// The score above which bins of scores lie.
    fn zero(&self) -> f64 {
        match self {
            Self::Additive(model) => model.intercept,
            Self::Dense(..) => 0.0,
        }
    }

    /// The weights of bins, in turn; none of a dense model.
    fn weights(&self) -> Box<dyn Iterator<Item = Option<f64>>> {
        match self {
            Self::Additive(model) => Box::new(model.weights.clone().into_iter().map(Some)),
            Self::Dense(..) => Box::new(std::iter::repeat(None)),
        }
    }

    fn network(&self) -> Option<TrainedNetwork> {
        match self {
            Self::Additive(_) => None,
            Self::Dense(plan, weights) => {
                Some(TrainedNetwork { hidden: plan.hidden.clone(), weights: weights.clone() })
            }
        }
    }
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
        weights: &mut dyn Iterator<Item = Option<f64>>,
    ) -> Option<TrainedFeature> {
        let dataset = self.tally.dataset(feature.side).to_owned();
        let (column, reads, edges) = match &feature.of {
            Binned::Value { column, .. } => (Some(column), Reads::OnlyValue, &[][..]),
            Binned::Total { column, edges } => (Some(column), Reads::Total, edges.as_slice()),
            Binned::TotalBetween { column, .. } => (Some(column), Reads::Total, &[][..]),
            Binned::Rows { edges } => (None, Reads::Rows, edges.as_slice()),
            Binned::RowsBetween { .. } => (None, Reads::Rows, &[][..]),
        };
        let scale = column.map_or(Scale::WHOLE, |column| self.scale(&dataset, column));
        let one = scale.units_per_one();
        let bins = if feature.of.ends().is_some() {
            Vec::new()
        } else {
            let names = match column.and_then(|column| self.role(&dataset, column)) {
                Some(Role::Group(domain)) => domain.clone(),
                None | Some(Role::Measure(_) | Role::Feature(_)) => ranges(edges, scale),
                Some(_) => return None,
            };
            let none = match reads {
                Reads::OnlyValue => "(none or several)",
                Reads::Total | Reads::Rows => "(not found)",
            };
            let all = std::iter::once(none.to_owned()).chain(names);
            let bins = all.map(|name| Some(TrainedBin { name, weight: weights.next()? }));
            bins.collect::<Option<_>>()?
        };
        Some(TrainedFeature {
            column: column.cloned(),
            reads,
            decimals: scale.into(),
            edges: edges.iter().map(|edge| real(*edge) / one).collect(),
            between: feature
                .of
                .ends()
                .map(|ends| [ends.lower, ends.upper].map(real).map(|end| end / one)),
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
