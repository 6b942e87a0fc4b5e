//! Amounts of budgets as people read them: nothing is said to be more than it is, and no price less.

use custody::BudgetLine;
use protocol::{loss::Loss, refusal::WhichBudget};

/// The period of a budget, as somebody says it who is in it.
pub(super) fn whose(kind: WhichBudget) -> &'static str {
    match kind {
        WhichBudget::Day => "today's",
        WhichBudget::Week => "this week's",
        WhichBudget::Month => "this month's",
        _ => "the contract's",
    }
}

/// A loss of a budget as its epsilon, rounded down.
pub(super) fn epsilon(loss: &Loss, line: &BudgetLine) -> String {
    let epsilon = loss.rho().epsilon(line.delta);
    // What was charged as an epsilon comes back a little below it.
    format!("{:.3}", ((epsilon + 1e-9) * 1e3).floor() / 1e3)
}

/// A share in whole percent, rounded up: what is taken is never said to be less than it is.
pub(super) fn share_up(part: &Loss, whole: &Loss) -> String {
    format!("{:.0} %", (percent(part, whole) - 1e-9).ceil())
}

/// A part of a budget in percent.
pub(super) fn percent(part: &Loss, whole: &Loss) -> f64 {
    let whole = whole.rho().value();
    if whole > 0.0 { 100.0 * (part.rho().value() / whole) } else { 0.0 }
}

/// A share in whole percent, rounded down: what is left is never said to be more than it is.
pub(super) fn share(part: &Loss, whole: &Loss) -> String {
    format!("{:.0} %", percent(part, whole).floor())
}
