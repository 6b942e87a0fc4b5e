//! Figures and flags as people read them.

pub(crate) mod choice;
pub(crate) mod danger;
pub(crate) mod groups;
pub(crate) mod lift;
pub(crate) mod order;

use crate::say;
use protocol::{
    contract::Contract,
    job::{Alternative, Multiplicity, OutcomeKind},
    loss::{Delta, Loss},
    receipt::Delivery,
    result::{DERIVED, LiftResult, NEAR_DUPLICATE, OutcomeResult, SAME_FIGURES},
    tally::Cell,
    time::Time,
};

/// A whole number with thousands separated by commas.
pub(crate) fn whole(number: i64) -> String {
    let digits = grouped(&number.unsigned_abs().to_string());
    if number < 0 { format!("-{digits}") } else { digits }
}

/// Who was sealed how many answers to whose jobs.
pub(crate) fn delivery(delivery: &Delivery) -> String {
    let Delivery { asked_by, receiver, charged, free } = delivery;
    format!("to {receiver}, for jobs of {asked_by}: {charged} charged, {free} for nothing")
}

/// Digits in groups of three.
fn grouped(digits: &str) -> String {
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How the figures of one outcome are written: a share in percent, or an amount; with as many
/// decimals as its standard error supports.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    share: bool,
    decimals: usize,
}

impl Scale {
    /// The scale that fits `outcome`.
    pub(crate) fn of(outcome: &OutcomeResult) -> Self {
        let share = outcome.kind == OutcomeKind::Binary;
        let error = outcome.diff_in_means.as_ref().map_or(0.01, |diff| diff.se);
        let unit = if share { error * 100.0 } else { error };
        Self { share, decimals: decimals(unit) }
    }

    /// A level, such as the mean of an arm.
    pub(crate) fn level(self, number: f64) -> String {
        let shown = format!("{:.*}", self.decimals, self.in_shown_units(number));
        if self.share { format!("{shown} %") } else { shown }
    }

    /// A difference of levels, with its sign and without its unit.
    pub(crate) fn bare_change(self, number: f64) -> String {
        format!("{:+.*}", self.decimals, self.in_shown_units(number))
    }

    /// A number in the units that are shown: percent for a share.
    pub(crate) fn in_shown_units(self, number: f64) -> f64 {
        if self.share { number * 100.0 } else { number }
    }

    /// The unit of a difference: percentage points for a share.
    pub(crate) fn unit_of_change(self) -> &'static str {
        if self.share { "pp" } else { "" }
    }

    /// A difference of levels; shares differ by percentage points.
    pub(crate) fn change(self, number: f64) -> String {
        let text = format!("{} {}", self.bare_change(number), self.unit_of_change());
        text.trim_end().to_owned()
    }

    /// An interval of differences; an end that is not there is infinite.
    pub(crate) fn interval(self, ends: [Option<f64>; 2]) -> String {
        between(ends, |end| self.bare_change(end))
    }
}

/// A relative change in percent.
pub(crate) fn percent(number: f64) -> String {
    let number = number * 100.0;
    if number.abs() < 100.0 { format!("{number:+.1} %") } else { format!("{number:+.0} %") }
}

/// `a to b`; an end that is not there is infinite.
pub(crate) fn between(ends: [Option<f64>; 2], show: impl Fn(f64) -> String) -> String {
    match ends {
        [Some(low), Some(high)] => format!("{} to {}", show(low), show(high)),
        [Some(low), None] => format!("above {}", show(low)),
        [None, Some(high)] => format!("below {}", show(high)),
        [None, None] => "unbounded".to_owned(),
    }
}

/// The whole of each arm, where it is shown: its people, and the s.d. of the noise on them.
pub(crate) fn arms(result: &LiftResult) -> Vec<(&'static str, i64, f64)> {
    let found =
        |arm: fn(&OutcomeResult) -> Option<i64>| result.answer.outcomes.iter().find_map(arm);
    let noise = |of: [Cell; 2]| {
        let cells = result.answer.cells.iter().filter(|it| of.contains(&it.cell));
        cells.map(|it| it.noise_sd * it.noise_sd).sum::<f64>().sqrt()
    };
    let test = found(|it| Some(it.test.as_ref()?.n));
    let control = found(|it| Some(it.control.as_ref()?.n));
    [
        ("test, all", test, [Cell::TestMatched, Cell::TestUnmatched]),
        ("control, all", control, [Cell::ControlMatched, Cell::ControlUnmatched]),
    ]
    .into_iter()
    .filter_map(|(name, n, cells)| Some((name, n?, noise(cells))))
    .collect()
}

/// Why a row of people may say that it is withheld.
pub(crate) fn why_withheld(result: &LiftResult) -> String {
    format!("withheld: the arm has fewer than {} people, after noise", result.privacy.min_cell)
}

/// A p-value.
pub(crate) fn p_value(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

/// A p-value in a sentence: `p = 0.0368` or `p < 0.0001`.
pub(crate) fn p_is(p: f64) -> String {
    let text = p_value(p);
    if text.starts_with('<') { format!("p {text}") } else { format!("p = {text}") }
}

/// A confidence level: `95 %`.
pub(crate) fn level(confidence: f64) -> String {
    let percent = confidence * 100.0;
    let text = format!("{percent:.2}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A loss as it is charged to a budget: its ε at the budget's δ, and its ρ for who asks.
pub(crate) fn charge(loss: &Loss, delta: Option<Delta>) -> String {
    let rho = loss.rho();
    match delta {
        Some(delta) => format!("epsilon {:.3} (rho {:.6})", rho.epsilon(delta), rho.value()),
        None => format!("rho {:.6}", rho.value()),
    }
}

/// δ of a budget, if the contract has it.
pub(crate) fn delta_of(contract: &Contract, dataset: &str, purpose: &str) -> Option<Delta> {
    Some(contract.datasets.get(dataset)?.budgets.get(purpose)?.delta)
}

/// A time to the second, for people.
pub(crate) fn moment(time: Time) -> String {
    time.to_string().replace('T', " ").replace('Z', " UTC")
}

/// A standard deviation, an amount or other size, to three significant digits at least.
pub(crate) fn size(number: f64) -> String {
    let (sign, number) = if number < 0.0 { ("-", -number) } else { ("", number) };
    let decimals = decimals(number);
    let text =
        if number >= 1e12 { format!("{number:.2e}") } else { format!("{number:.decimals$}") };
    let text = if decimals == 0 && number < 1e12 { grouped(&text) } else { text };
    format!("{sign}{text}")
}

/// What p-values are against, in words.
pub(crate) fn alternative(alternative: Alternative) -> &'static str {
    match alternative {
        Alternative::Greater => "one-sided: is the test arm larger?",
        Alternative::Less => "one-sided: is the test arm smaller?",
        _ => "two-sided",
    }
}

/// How p-values are adjusted, in a word or two.
pub(crate) fn adjustment(multiplicity: Multiplicity) -> Option<&'static str> {
    match multiplicity {
        Multiplicity::Holm => Some("Holm"),
        Multiplicity::Bh => Some("Benjamini-Hochberg"),
        _ => None,
    }
}

/// The p-value to show: adjusted if the job asks so.
pub(crate) fn shown_p(outcome: &OutcomeResult) -> Option<f64> {
    let diff = outcome.diff_in_means.as_ref()?;
    diff.p_adjusted.or(diff.p)
}

/// What an outcome is, in words; its cap is in its note.
pub(crate) fn outcome_kind(outcome: &OutcomeResult) -> String {
    match outcome.kind {
        OutcomeKind::Binary => format!("share of people with any \"{}\"", outcome.column),
        _ => format!("mean of \"{}\" per person", outcome.column),
    }
}

/// With a capital first letter, as sentences and headings of a page have it.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Every flag of a result, each with the sentence that explains it.
pub(crate) fn flags(result: &LiftResult) -> Vec<String> {
    let whole = result.flags.iter().map(|flag| explain(flag));
    let each = result.answer.outcomes.iter().flat_map(|outcome| {
        outcome.flags.iter().map(move |flag| format!("{}: {}", outcome.name, explain(flag)))
    });
    whole.chain(each).collect()
}

/// A figure with as many decimals as its error supports; with four at most if it has none.
pub(crate) fn figure(number: f64, error: f64) -> String {
    let decimals = decimals(error).saturating_sub(1);
    let exact = || format!("{number:.4}").trim_end_matches('0').trim_end_matches('.').to_owned();
    let shown = if error > 0.0 { format!("{number:.decimals$}") } else { exact() };
    let (sign, digits) = shown.strip_prefix('-').map_or(("", shown.as_str()), |rest| ("-", rest));
    let sign = if digits.contains(|digit| matches!(digit, '1'..='9')) { sign } else { "" };
    match digits.split_once('.') {
        Some((whole, part)) => format!("{sign}{}.{part}", grouped(whole)),
        None => format!("{sign}{}", grouped(digits)),
    }
}

pub(crate) fn explain(flag: &str) -> String {
    if let Some(job) = flag.strip_prefix(NEAR_DUPLICATE) {
        return format!(
            "it asks what job {} asked, of other versions of the data or with one condition changed. Together \
             they say more than each alone, at the price of both; the noise is made for that. The owners \
             whose custody countersigned it see this too.",
            say::name(job)
        );
    }
    if let Some(job) = flag.strip_prefix(SAME_FIGURES) {
        return format!(
            "it asks of the same people what job {} had asked: these are that job's figures, with the \
             same noise, and nothing was paid again. Both together say no more than one of them.",
            say::name(job)
        );
    }
    if let Some(view) = flag.strip_prefix(DERIVED) {
        return format!(
            "derived at home from the released figures, at {}: nothing was paid for it, and no receipt is about \
             it. What is attested is result.json.",
            say::name(view.replace('=', " "))
        );
    }
    if let Some(sentence) = lift::explain(flag) {
        return sentence.to_owned();
    }
    let sentence = match flag {
        "truncated" => "only the largest groups are shown: there are too many for one result.",
        "all_withheld" => "no group has enough people to be shown.",
        "consent_with_outcome" => {
            return danger::consent_with_outcome("consent is asked in the outcome data only");
        }
        "match_keys_unused" => {
            return danger::match_keys_unused(
                "a person is known by the first identifier that a row has, and the two datasets have others in \
                 common that this leaves unused",
            );
        }
        other => return format!("{other} (a flag that this version does not know)."),
    };
    sentence.to_owned()
}

/// Decimals that show three significant digits of `unit`, at most six.
fn decimals(unit: f64) -> usize {
    let mut unit = unit;
    let mut decimals = 0;
    while unit < 100.0 && unit > 0.0 && decimals < MOST_DECIMALS {
        unit *= 10.0;
        decimals += 1;
    }
    decimals
}

const MOST_DECIMALS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_numbers_as_people_do() {
        assert_eq!(whole(1_234_567), "1,234,567");
        assert_eq!(whole(-12), "-12");
        assert_eq!(whole(100), "100");
        assert_eq!(level(0.95), "95 %");
        assert_eq!(level(0.995), "99.5 %");
        assert_eq!(p_value(1.5e-13), "< 0.0001");
        assert_eq!(percent(0.7214), "+72.1 %");
        assert_eq!(percent(1.188), "+119 %");
        assert_eq!(between([Some(1.0), None], |x| x.to_string()), "above 1");
        assert_eq!(between([None, None], |x| x.to_string()), "unbounded");
        assert_eq!(size(12.345), "12.3");
        assert_eq!(size(-16_402.7), "-16,403");
        assert_eq!(size(0.0), "0");
        assert_eq!(p_is(0.0368), "p = 0.0368");
        assert_eq!(figure(-1234.567, 260.0), "-1,235");
        assert_eq!(figure(-0.04, 3.0), "0.0");
        assert_eq!(figure(-1234.5, 0.0), "-1,234.5");
    }
}
