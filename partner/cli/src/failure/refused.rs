//! A failure for programs: which rule refused, whose rule it is, what is left, what would pass.

use super::Failure;
use client::job::Unpaid;
use protocol::{
    loss::{Delta, Loss},
    refusal::Refusal,
};
use rehearsal::RehearsalError;
use serde_json::{Value, json};
use std::error::Error;

/// A question that no budget of the contract ever pays for.
///
/// Remedy: ask with the epsilon that would pass, which `--json` names, or agree on a new contract.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub(crate) struct OverBudget {
    /// Why, in words.
    pub(crate) text: String,
    /// Name of the dataset.
    pub(crate) dataset: String,
    /// Its owner.
    pub(crate) owner: String,
    /// What the data is used for.
    pub(crate) purpose: String,
    /// The largest ε of such a question that the budget pays for, at the question's δ; 0 for none.
    pub(crate) passing: f64,
}

impl Failure {
    /// The failure as a document has it.
    pub(crate) fn as_json(&self) -> Value {
        let refused = self.cause().and_then(refused);
        let kind = match (self, &refused) {
            (_, Some(_)) => "refused",
            (Self::No(_), None) => "no",
            _ => "unclear",
        };
        let Refused { rule, owner, dataset, purpose, cost, left, would_pass } =
            refused.unwrap_or_default();
        json!({
            "kind": kind, "text": self.to_string(), "rule": rule, "owner": owner, "dataset": dataset,
            "purpose": purpose, "cost": cost, "left": left, "would_pass": would_pass,
        })
    }

    /// What there is to say of a refusal beside its sentence, for people: the rule, whose it is, what is left and what would pass.
    pub(crate) fn details(&self) -> Vec<(&'static str, String)> {
        let Some(refused) = self.cause().and_then(refused) else { return Vec::new() };
        let Refused { rule, owner, dataset, purpose, cost, left, would_pass } = refused;
        let of = match (dataset, purpose) {
            (Some(dataset), Some(purpose)) => Some(format!("{dataset}, for {purpose}")),
            (dataset, _) => dataset,
        };
        let words = |value: Option<Value>| value.as_ref().map(in_words);
        let details = [
            ("rule", rule),
            ("owner", owner),
            ("dataset", of),
            ("cost", words(cost)),
            ("left", words(left)),
            ("would pass", words(would_pass)),
        ];
        details.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
    }

    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::No(cause) | Self::Unclear(cause) => Some(cause.as_ref()),
            Self::Read { .. } | Self::Write { .. } | Self::Output(_) => None,
        }
    }
}

/// What a program is told of a refusal.
#[derive(Default)]
struct Refused {
    /// The rule that refused, by its name in protocol/spec/refusals.md.
    rule: Option<String>,
    owner: Option<String>,
    dataset: Option<String>,
    purpose: Option<String>,
    cost: Option<Value>,
    left: Option<Value>,
    would_pass: Option<Value>,
}

impl Refused {
    fn over_budget(dataset: &str, owner: &str, purpose: &str, passing: f64) -> Self {
        Self {
            rule: Some("over_budget".to_owned()),
            owner: Some(owner.to_owned()),
            dataset: Some(dataset.to_owned()),
            purpose: Some(purpose.to_owned()),
            would_pass: epsilon(passing),
            ..Self::default()
        }
    }

    /// A job for which its owner prepaid too little, and has no custody that could be asked.
    fn unpaid(unpaid: &Unpaid) -> Self {
        let delta = Some(unpaid.budget.delta);
        Self {
            rule: Some("needs_slice".to_owned()),
            owner: Some(unpaid.owner.clone()),
            dataset: Some(unpaid.dataset.clone()),
            purpose: Some(unpaid.purpose.clone()),
            cost: Some(loss(&unpaid.cost, delta)),
            left: Some(loss(&unpaid.left, delta)),
            would_pass: epsilon(unpaid.passing()),
        }
    }
}

/// The refusal that `error` is, or that caused it.
fn refused(error: &(dyn Error + 'static)) -> Option<Refused> {
    let mut causes = std::iter::successors(Some(error), |cause| (*cause).source());
    causes.find_map(|cause| {
        if let Some(refusal) = cause.downcast_ref::<Refusal>() {
            return Some(said(refusal));
        }
        if let Some(refusal) = cause.downcast_ref::<Box<Refusal>>() {
            return Some(said(refusal));
        }
        if let Some(unpaid) = cause.downcast_ref::<Box<Unpaid>>() {
            return Some(Refused::unpaid(unpaid));
        }
        if let Some(over) = cause.downcast_ref::<OverBudget>() {
            let OverBudget { dataset, owner, purpose, passing, .. } = over;
            return Some(Refused::over_budget(dataset, owner, purpose, *passing));
        }
        match cause.downcast_ref::<RehearsalError>()? {
            RehearsalError::OverBudget { dataset, owner, purpose, passing, .. } => {
                Some(Refused::over_budget(dataset, owner, purpose, *passing))
            }
            _ => None,
        }
    })
}

/// What an instance or a custody says in its refusal.
fn said(refusal: &Refusal) -> Refused {
    let rule = Some(refusal.kind());
    let named = |name: &String| Some(name.clone());
    match refusal {
        Refusal::BudgetExhausted { dataset, owner, purpose, cost, left, delta, .. } => Refused {
            rule,
            owner: named(owner),
            dataset: named(dataset),
            purpose: named(purpose),
            cost: Some(loss(cost, Some(*delta))),
            left: Some(loss(left, Some(*delta))),
            would_pass: epsilon(left.rho().passing(*delta)),
        },
        Refusal::NeedsSlice { dataset, owner, cost, left, .. } => Refused {
            rule,
            owner: named(owner),
            dataset: named(dataset),
            cost: Some(loss(cost, None)),
            left: Some(loss(left, None)),
            ..Refused::default()
        },
        Refusal::OverLimit { limit, found, most } => Refused {
            rule,
            cost: Some(json!({"limit": limit.to_string(), "found": found})),
            would_pass: Some(json!({"least": limit.least(), "most": most})),
            ..Refused::default()
        },
        Refusal::Undrawable { largest, least, .. } => Refused {
            rule,
            would_pass: Some(json!({
                "cap_units": largest, "least_epsilon": least.map(protocol::loss::Epsilon::value),
            })),
            ..Refused::default()
        },
        Refusal::TooManyJobs { purpose, most, next, .. } => Refused {
            rule,
            purpose: named(purpose),
            left: Some(json!({"jobs": 0, "of": most})),
            would_pass: Some(json!({"from": next.to_string()})),
            ..Refused::default()
        },
        Refusal::NotPermitted { owner, .. } => {
            Refused { rule, owner: owner.clone(), ..Refused::default() }
        }
        Refusal::KeyWithheld { dataset, owner }
        | Refusal::OtherVersion { dataset, owner }
        | Refusal::OlderOptOuts { dataset, owner }
        | Refusal::OldOptOuts { dataset, owner, .. }
        | Refusal::CountersignedBefore { dataset, owner, .. } => {
            Refused { rule, owner: named(owner), dataset: named(dataset), ..Refused::default() }
        }
        Refusal::Opening { dataset } | Refusal::BadGrant { dataset, .. } => {
            Refused { rule, dataset: named(dataset), ..Refused::default() }
        }
        Refusal::NotBelieved { owner } => {
            Refused { rule, owner: named(owner), ..Refused::default() }
        }
        _ => Refused { rule, ..Refused::default() },
    }
}

/// The parts of a value as people read them, without those that are nothing; of a loss its epsilon, or else its rho.
fn in_words(value: &Value) -> String {
    let Some(parts) = value.as_object() else { return value.to_string() };
    let is_loss = parts.contains_key("rho");
    let has_epsilon = parts.get("epsilon").is_some_and(|epsilon| !epsilon.is_null());
    let is_said = |name: &str| match name {
        "delta" => !is_loss,
        "rho" => !has_epsilon,
        _ => true,
    };
    let said = parts.iter().filter(|(name, value)| {
        let nothing =
            value.is_null() || (is_loss && *name != "epsilon" && value.as_f64() == Some(0.0));
        is_said(name) && !nothing
    });
    let words = said.map(|(name, value)| {
        let name = name.replace('_', " ");
        match (value.as_f64(), value.as_str()) {
            (Some(number), _) if value.is_f64() => format!("{name} {}", shortened(number)),
            (_, Some(text)) => format!("{name} {text}"),
            _ => format!("{name} {value}"),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

/// A number that is never said to be more than it is: to three decimals, or as it is where that is nothing. What was charged as
/// an epsilon comes back a little below it.
fn shortened(number: f64) -> String {
    if number.abs() < 0.001 {
        number.to_string()
    } else {
        format!("{:.3}", ((number + 1e-6) * 1e3).floor() / 1e3)
    }
}

/// A loss by its ρ, and by its ε where the δ is known.
fn loss(loss: &Loss, delta: Option<Delta>) -> Value {
    let rho = loss.rho();
    json!({
        "rho": rho.value(),
        "epsilon": delta.map(|delta| rho.epsilon(delta)),
        "delta": delta.map(Delta::value),
        "selection_delta": Delta::try_from(loss.delta()).map_or(0.0, Delta::value),
    })
}

/// What ε would pass; nothing if none does.
fn epsilon(passing: f64) -> Option<Value> {
    (passing > 0.0).then(|| json!({"epsilon": passing}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use client::job::JobError;

    #[test]
    fn a_refusal_is_found_below_what_passes_it_on() {
        let refusal = Refusal::KeyWithheld { dataset: "sales".into(), owner: "shop".into() };
        let declined = JobError::Declined { owner: "shop".into(), refusal: Box::new(refusal) };
        let told = Failure::from(RehearsalError::Job(declined)).as_json();
        let expected = [("kind", "refused"), ("rule", "key_withheld"), ("owner", "shop")];
        for (field, value) in expected {
            assert_eq!(told[field], value, "{told}");
        }
        assert!(told["text"].as_str().unwrap().contains("glovebox grant"), "{told}");
    }

    fn exhausted(cost: Loss, left: Loss, delta: Delta) -> Refusal {
        Refusal::BudgetExhausted {
            dataset: "sales".into(),
            owner: "shop".into(),
            purpose: "measurement".into(),
            budget: protocol::refusal::WhichBudget::Lifetime,
            cost,
            left,
            delta,
            debits: Vec::new(),
            returned: Loss::zero(),
        }
    }

    #[test]
    fn what_would_pass_is_an_epsilon_that_the_rest_pays_for() {
        let delta = Delta::new(1e-6).unwrap();
        let cost = |epsilon| {
            let epsilon = protocol::loss::Epsilon::new(epsilon).unwrap();
            Loss::zcdp(protocol::loss::Rho::from_epsilon(epsilon, delta))
        };
        let refusal = exhausted(cost(2.0), cost(0.5), delta);
        let told = Failure::no(refusal).as_json();
        assert_eq!(told["would_pass"]["epsilon"], 0.5, "{told}");
        assert!((told["cost"]["epsilon"].as_f64().unwrap() - 2.0).abs() < 1e-6, "{told}");
        let details = Failure::no(exhausted(cost(2.0), cost(0.5), delta)).details();
        let expected = [
            ("rule", "budget_exhausted"),
            ("owner", "shop"),
            ("dataset", "sales, for measurement"),
            ("would pass", "epsilon 0.500"),
        ];
        for (name, text) in expected {
            assert!(details.contains(&(name, text.to_owned())), "{details:?}");
        }
    }

    #[test]
    fn what_is_no_refusal_names_no_rule() {
        let told = Failure::unclear("which job is meant?").as_json();
        assert_eq!((&told["kind"], &told["rule"]), (&json!("unclear"), &Value::Null));
    }
}
