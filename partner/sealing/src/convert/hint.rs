//! Which option would read the values that were refused. An option is named and never taken: what a value means, its owner says.

use super::{Cell, Converter, Reading, Reason, Value};
use crate::DecimalSign;
use protocol::{contract::Role, text::in_shell};
use std::collections::BTreeMap;

/// How many refused values of a column each option would read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Hints {
    /// Values with which the options were tried.
    tried: u64,
    by_option: BTreeMap<String, u64>,
}

impl Hints {
    /// Counts a value of `converter` that was refused for `reason`.
    pub(crate) fn add(&mut self, converter: &Converter<'_>, cell: Cell<'_>, reason: &Reason) {
        let is_day = matches!(converter.column.role, Role::Date);
        let may_be_read = match reason {
            Reason::NotADay | Reason::NotADayOf { .. } | Reason::TimeOfDay => is_day,
            Reason::NotANumber
            | Reason::NotADecimal { .. }
            | Reason::Marked
            | Reason::Ambiguous
            | Reason::Decimals { .. } => true,
            _ => false,
        };
        if !may_be_read || self.tried >= MOST_TRIED {
            return;
        }
        self.tried += 1;
        let options = if is_day { days(converter.reading) } else { numbers(converter.reading) };
        for (option, reading) in options {
            let other = Converter::new(converter.column, &reading);
            let mut value = Value::NONE;
            if other.convert(cell, &mut value).is_ok() {
                *self.by_option.entry(option).or_default() += 1;
            }
        }
    }

    /// Adds what was counted of the rows behind these.
    pub(crate) fn extend(&mut self, behind: Self) {
        self.tried += behind.tried;
        for (option, read) in behind.by_option {
            *self.by_option.entry(option).or_default() += read;
        }
    }

    /// The shortest options that would read the most of these values, how many that is, and of how many that were tried.
    pub(crate) fn best(&self) -> Option<(Vec<&str>, u64, u64)> {
        let most = *self.by_option.values().max()?;
        let best = self.by_option.iter().filter(|(_, read)| **read == most);
        let best: Vec<_> = best.map(|(option, _)| option.as_str()).collect();
        let words = |option: &str| option.matches("--").count();
        let fewest = best.iter().map(|option| words(option)).min()?;
        let best = best.into_iter().filter(|option| words(option) == fewest).collect();
        Some((best, most, self.tried))
    }
}

/// Ways to write a day beside the usual one, as an option names them.
fn days(reading: &Reading) -> Vec<(String, Reading)> {
    let formats = DAYS.iter().filter_map(|text| Some((text, text.parse().ok()?)));
    let with = |(text, format): (&&str, _)| {
        let reading = Reading { dates: vec![format], ..reading.clone() };
        (format!("--date {}", in_shell(text)), reading)
    };
    formats.map(with).collect()
}

/// Ways to write a number beside the one that was said.
fn numbers(reading: &Reading) -> Vec<(String, Reading)> {
    let mut ways = Vec::new();
    let signs = [(reading.decimal_sign, ""), (DecimalSign::Comma, "--decimal comma")];
    for (decimal_sign, sign) in signs {
        let currencies = CURRENCIES.map(Some).into_iter().chain([None]);
        for code in currencies {
            for round in [reading.round, true] {
                let currency = code.map(str::to_owned).or_else(|| reading.currency.clone());
                let way = Reading { decimal_sign, currency, round, ..reading.clone() };
                let marked = code.map(|code| format!("--currency {code}")).unwrap_or_default();
                let rounds = if round && !reading.round { "--round" } else { "" };
                let options: Vec<_> = [sign, &marked, rounds]
                    .into_iter()
                    .filter(|option| !option.is_empty())
                    .collect();
                if !options.is_empty() {
                    ways.push((options.join(" "), way));
                }
            }
        }
    }
    ways
}

const DAYS: [&str; 15] = [
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y.%m.%d",
    "%Y%m%d",
    "%d.%m.%y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d %b %Y",
    "%b %d, %Y",
    "%Y-%m-%d %H:%M:%S",
    "%s",
];
const CURRENCIES: [&str; 4] = ["EUR", "USD", "GBP", "CHF"];
/// With so many values of a part of the table options are tried: each is read in every way there is.
const MOST_TRIED: u64 = 200;
