//! Parts of the sentences of refusals.

use super::{Asked, Debit, Limit};
use crate::loss::{Delta, Epsilon, Loss};
use crate::units::Scale;

/// An amount with the decimals of its column.
pub(super) fn amount(units: u64, scale: Scale) -> String {
    let decimals = scale.decimals();
    let digits = format!("{units:0>width$}", width = decimals + 1);
    match digits.split_at_checked(digits.len() - decimals) {
        Some((whole, rest)) if !rest.is_empty() => format!("{whole}.{rest}"),
        _ => digits,
    }
}

/// The allowed range of a number. It excludes a number that was refused, even if that is 0.
pub(super) fn allowed(limit: Limit, most: u64) -> String {
    match limit.least() {
        0 => format!("at most {most} is allowed"),
        least => format!("expected {least} to {most}"),
    }
}

pub(super) fn drawable(largest: Option<u64>, scale: Scale, least: Option<Epsilon>) -> String {
    let cap =
        largest.map(|largest| format!("at this epsilon the cap can be {}", amount(largest, scale)));
    let epsilon = least.map(|least| format!("for this cap epsilon must be {least} or more"));
    let all: Vec<_> = cap.into_iter().chain(epsilon).collect();
    if all.is_empty() { "ask for less".to_owned() } else { all.join(", ") }
}

pub(super) fn so_must(others: &[String]) -> String {
    if others.is_empty() { String::new() } else { format!(", and that of {}", others.join(", ")) }
}

pub(super) fn not_permitted(what: Asked, name: &str, owner: Option<&str>) -> String {
    match what {
        Asked::Dataset if owner == Some(name) => format!(
            "the question uses no dataset of \"{name}\": only the owners of its datasets decide about it"
        ),
        Asked::Dataset => {
            let owned = owner.map_or(String::new(), |owner| format!(": it belongs to \"{owner}\""));
            format!(
                "under the contract \"{name}\" is not a dataset of the party that names it{owned}"
            )
        }
        Asked::Closing => format!(
            "\"{name}\" owns no dataset under the contract, and only owners close an instance"
        ),
        Asked::Window => format!(
            "the contract names no date column for \"{name}\", so its jobs can have no window{}",
            owner_rule(owner)
        ),
        Asked::Floor => format!(
            "under the contract questions that read \"{name}\" show nothing of fewer people than a floor of its own{}, and \
             this question has no head counts that could be held to it: ask for a table, or leave the column out",
            owner_rule(owner)
        ),
        what => format!("the contract permits no {what} \"{name}\"{}", owner_rule(owner)),
    }
}

pub(super) fn owner_rule(owner: Option<&str>) -> String {
    owner.map_or(String::new(), |owner| format!(" (a rule of {owner})"))
}

pub(super) fn spent_on(debits: &[Debit], returned: &Loss) -> String {
    let words = debits.iter().map(|debit| format!("{debit} (rho {:.6})", debit.loss.rho().value()));
    let mut words = words.collect::<Vec<_>>().join(", ");
    if words.is_empty() {
        return words;
    }
    words.insert_str(0, "; it went to ");
    if !returned.is_zero() {
        words += &format!(", less rho {:.6} that came back at closings", returned.rho().value());
    }
    words
}

pub(super) fn room(cost: &Loss, left: &Loss, delta: Delta) -> String {
    let (rho, rest) = (cost.rho().value(), left.rho().value());
    let epsilon = left.rho().passing(delta);
    if cost.delta() > left.delta() && epsilon > 0.0 {
        let [cost, left] = [cost.delta(), left.delta()].map(in_full);
        format!(
            "selecting groups, or a cap on what drawn steps lose, costs a delta of {cost}, {left} is left; epsilon \
             {epsilon:.3} with at most {left} of it, or without groups whose values are private and without a dense model, \
             would pass (rho {rest:.6})"
        )
    } else if epsilon > 0.0 {
        format!(
            "this costs rho {rho:.6}, {rest:.6} is left; epsilon {epsilon:.3} at delta {delta} would pass"
        )
    } else {
        format!("this costs rho {rho:.6}, nothing is left")
    }
}

/// A δ in units of 10⁻¹⁵ as a number.
pub(super) fn in_full(delta: u64) -> String {
    Delta::try_from(delta).map_or_else(|_| "0".to_owned(), |delta| delta.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_below_the_range_is_not_told_that_so_much_is_allowed() {
        assert_eq!(allowed(Limit::Outcomes, 16), "expected 1 to 16");
        assert_eq!(allowed(Limit::Share, 999_999), "expected 1 to 999999");
        assert_eq!(allowed(Limit::Job, 65_536), "at most 65536 is allowed");
    }
}
