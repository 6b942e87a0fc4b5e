//! Numbers and times as people read them.

use crate::time::Time;

/// A whole number with thousands separated by commas.
#[must_use]
pub fn whole(number: i64) -> String {
    let digits = grouped(&number.unsigned_abs().to_string());
    if number < 0 { format!("-{digits}") } else { digits }
}

/// A number with a fixed number of decimals, and thousands separated by commas.
#[must_use]
pub fn fixed(number: f64, decimals: usize) -> String {
    let text = format!("{:.decimals$}", number.abs());
    let sign = if number < 0.0 { "-" } else { "" };
    match text.split_once('.') {
        Some((whole, rest)) => format!("{sign}{}.{rest}", grouped(whole)),
        None => format!("{sign}{}", grouped(&text)),
    }
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

/// A relative change in percent.
#[must_use]
pub fn percent(number: f64) -> String {
    let number = number * 100.0;
    if number.abs() < 100.0 { format!("{number:+.1} %") } else { format!("{number:+.0} %") }
}

/// A range as `a to b`. An end that is `None` is infinite.
pub fn between(ends: [Option<f64>; 2], show: impl Fn(f64) -> String) -> String {
    match ends {
        [Some(low), Some(high)] => format!("{} to {}", show(low), show(high)),
        [Some(low), None] => format!("above {}", show(low)),
        [None, Some(high)] => format!("below {}", show(high)),
        [None, None] => "unbounded".to_owned(),
    }
}

/// A p-value.
#[must_use]
pub fn p_value(p: f64) -> String {
    if p < 0.0001 { "< 0.0001".to_owned() } else { format!("{p:.4}") }
}

/// A p-value in a sentence: `p = 0.0368` or `p < 0.0001`.
#[must_use]
pub fn p_is(p: f64) -> String {
    let text = p_value(p);
    if text.starts_with('<') { format!("p {text}") } else { format!("p = {text}") }
}

/// A confidence level: `95 %`.
#[must_use]
pub fn level(confidence: f64) -> String {
    let percent = confidence * 100.0;
    let text = format!("{percent:.2}");
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

/// A time to the second, for people.
#[must_use]
pub fn moment(time: Time) -> String {
    time.to_string().replace('T', " ").replace('Z', " UTC")
}

/// A standard deviation, an amount or another size, with at least three significant digits.
#[must_use]
pub fn size(number: f64) -> String {
    let (sign, number) = if number < 0.0 { ("-", -number) } else { ("", number) };
    let decimals = decimals(number);
    // Of a smaller number six decimals are not three digits, and perhaps none.
    let is_small = number > 0.0 && number < 1e-4;
    let text = match () {
        () if number >= 1e12 || is_small => format!("{number:.2e}"),
        () if decimals == 0 => grouped(&format!("{number:.0}")),
        () => format!("{number:.decimals$}"),
    };
    format!("{sign}{text}")
}

/// A bound that was asked for. A whole one, such as that of a count, has no decimals.
#[must_use]
pub fn bound(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e12 { figure(number, 0.0) } else { size(number) }
}

/// The text with a capital first letter, as sentences and headings of a page have it.
#[must_use]
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A figure with as many decimals as its error supports; with four at most if it has no error.
#[must_use]
pub fn figure(number: f64, error: f64) -> String {
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

/// Decimals that show three significant digits of `unit`, at most six.
pub(crate) fn decimals(unit: f64) -> usize {
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
        assert_eq!(
            [1e-7, -0.000_012_34, 0.000_123_4].map(size),
            ["1.00e-7", "-1.23e-5", "0.000123"]
        );
        assert_eq!([3.0, 1_500.0, -2.0, 0.0].map(bound), ["3", "1,500", "-2", "0"]);
        assert_eq!(bound(2.5), "2.50");
        assert_eq!(p_is(0.0368), "p = 0.0368");
        assert_eq!(figure(-1234.567, 260.0), "-1,235");
        assert_eq!(figure(-0.04, 3.0), "0.0");
        assert_eq!(figure(-1234.5, 0.0), "-1,234.5");
    }
}
