//! Numbers: exact decimals in units of the contract's scale.

use super::{Reading, Reason};
use crate::DecimalSign;

/// How an owner writes numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style<'a> {
    pub(super) sign: DecimalSign,
    pub(super) currency: Option<&'a str>,
    pub(super) round: bool,
}

impl<'a> Style<'a> {
    pub(super) fn new(reading: &'a Reading) -> Self {
        let currency = reading.currency.as_deref();
        Self { sign: reading.decimal_sign, currency, round: reading.round }
    }
}

/// Decimal text: a sign, digits, a point, and perhaps an exponent.
pub(super) fn decimal(text: &str, scale: u8, style: Style<'_>) -> Result<i64, Reason> {
    let text = without_currency(text, style.currency);
    let (negative, text) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    // "-€5" and "€-5" both occur.
    let text = without_currency(text, style.currency);
    let (text, exponent) = match text.split_once(['e', 'E']) {
        Some((text, exponent)) => (text, signed(exponent).ok_or(Reason::NotANumber)?),
        None => (text, 0),
    };
    let (whole, part) = match style.sign {
        DecimalSign::Comma => with_comma(text)?,
        sign => {
            let signs: &[char] = if sign == DecimalSign::Either { &['.', ','] } else { &['.'] };
            let (whole, part) = text.split_once(signs).unwrap_or((text, ""));
            (whole.to_owned(), part)
        }
    };
    if whole.len() + part.len() == 0 || !all_digits(&whole) || !all_digits(part) {
        return Err(Reason::NotANumber);
    }
    let magnitude = units(&format!("{whole}{part}"), whole.len(), exponent, scale, style.round)?;
    Ok(if negative { -magnitude } else { magnitude })
}

/// What is wrong with `text`, which is not a number.
pub(super) fn why_not(text: &str, scale: u8, style: Style<'_>) -> Reason {
    let mark = |c: char| c.is_alphabetic() || c.is_whitespace() || SYMBOLS.contains(c);
    let number = text.strip_prefix(['-', '+']).unwrap_or(text);
    let bare = number.trim_matches(mark);
    if bare != number && decimal(bare, scale, style) != Err(Reason::NotANumber) {
        return Reason::Marked;
    }
    match style.sign {
        DecimalSign::Point => Reason::NotANumber,
        DecimalSign::Comma => Reason::NotADecimal {
            expected: "digits with a decimal comma and perhaps points or blanks between thousands, as \
                       --decimal comma says",
        },
        DecimalSign::Either => Reason::NotADecimal {
            expected: "digits with a decimal point or comma and nothing between thousands, as \
                       --decimal either says",
        },
    }
}

/// `digits`, whose point is after the first `point` and `exponent` more, in units of 10^-`scale`.
///
/// More decimals are refused, unless they are what a binary float leaves of a decimal: within 10^-9
/// of a whole unit.
fn units(digits: &str, point: usize, exponent: i64, scale: u8, round: bool) -> Result<i64, Reason> {
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Ok(0);
    }
    let zeros = digits.len() - significant.len();
    let signed = |length: usize| i64::try_from(length).map_err(|_| Reason::TooLarge);
    let kept = signed(point)? - signed(zeros)? + exponent + i64::from(scale);
    if kept > MOST_DIGITS {
        return Err(Reason::TooLarge);
    }
    let (kept_digits, cut) = match usize::try_from(kept) {
        Ok(kept) => {
            let padded = format!("{significant:0<kept$}");
            let (kept, cut) = padded.split_at_checked(kept).unwrap_or((&padded, ""));
            (kept.to_owned(), cut.to_owned())
        }
        Err(_) => {
            let zeros = usize::try_from(kept.unsigned_abs().min(MOST_ZEROS)).unwrap_or_default();
            (String::new(), format!("{}{significant}", "0".repeat(zeros)))
        }
    };
    let up = u8::from(rounds_up(&cut, scale, round)?);
    let mut units = 0_i64;
    for byte in kept_digits.bytes() {
        let next = units.checked_mul(10).and_then(|tens| tens.checked_add(i64::from(byte - b'0')));
        units = next.ok_or(Reason::TooLarge)?;
    }
    units.checked_add(up.into()).ok_or(Reason::TooLarge)
}

/// Whether the digits behind the last unit make one more of it.
fn rounds_up(cut: &str, scale: u8, round: bool) -> Result<bool, Reason> {
    if cut.bytes().all(|digit| digit == b'0') {
        return Ok(false);
    }
    let noise = usize::from(NOISE_DECIMALS.saturating_sub(scale).max(1));
    let first = cut.get(..noise).filter(|_| cut.len() > noise).unwrap_or("1");
    if first.bytes().all(|digit| digit == b'0') {
        Ok(false)
    } else if first.bytes().all(|digit| digit == b'9') {
        Ok(true)
    } else if round {
        Ok(cut.bytes().next().is_some_and(|digit| digit >= b'5'))
    } else {
        Err(Reason::Decimals { scale })
    }
}

/// Whole part and decimals of a number with a decimal comma and perhaps groups of thousands.
fn with_comma(text: &str) -> Result<(String, &str), Reason> {
    let group = |c: char| matches!(c, '.' | ' ' | '\u{a0}' | '\u{202f}' | '\'');
    if let Some((whole, part)) = text.split_once(',') {
        return Ok((ungrouped(whole, group)?, part));
    }
    match text.split_once('.') {
        // Three decimals, or a thousand.
        Some((whole, part))
            if part.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0') =>
        {
            Err(Reason::Ambiguous)
        }
        Some((whole, part)) if !part.contains('.') => Ok((ungrouped(whole, |c| c == ' ')?, part)),
        _ => Ok((ungrouped(text, group)?, "")),
    }
}

/// Digits without what stands between groups of three.
fn ungrouped(text: &str, is_separator: impl Fn(char) -> bool) -> Result<String, Reason> {
    let mut groups = text.split(is_separator);
    let mut digits = groups.next().unwrap_or_default().to_owned();
    let first_fits = digits.len() <= 3 && !digits.is_empty();
    for group in groups {
        if group.len() != 3 || !first_fits {
            return Err(Reason::NotANumber);
        }
        digits.push_str(group);
    }
    Ok(digits)
}

/// `text` without the sign or the code of `currency` at one end.
fn without_currency<'a>(text: &'a str, currency: Option<&str>) -> &'a str {
    let Some(code) = currency else { return text };
    let sign =
        SIGNS.iter().find(|(name, _)| name.eq_ignore_ascii_case(code)).map(|(_, sign)| *sign);
    for mark in [Some(code), sign].into_iter().flatten() {
        let front = text.get(..mark.len()).filter(|front| front.eq_ignore_ascii_case(mark));
        if front.is_some() {
            return text.get(mark.len()..).unwrap_or_default().trim_start();
        }
        let end = text.len().saturating_sub(mark.len());
        if text.get(end..).is_some_and(|back| back.eq_ignore_ascii_case(mark)) {
            return text.get(..end).unwrap_or_default().trim_end();
        }
    }
    text
}

fn signed(exponent: &str) -> Option<i64> {
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let short = (1..=4).contains(&digits.len()) && all_digits(digits);
    if short { exponent.strip_prefix('+').unwrap_or(exponent).parse().ok() } else { None }
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `units` of 10^-`from` in units of 10^-`to`.
pub(super) fn rescale(units: i128, from: i8, to: u8, style: Style<'_>) -> Result<i64, Reason> {
    let shift = i32::from(to) - i32::from(from);
    let factor = 10_i128.checked_pow(shift.unsigned_abs()).ok_or(Reason::TooLarge)?;
    let rescaled = if shift >= 0 {
        units.checked_mul(factor).ok_or(Reason::TooLarge)?
    } else if units % factor == 0 {
        units / factor
    } else if style.round {
        let half = if units < 0 { -(factor / 2) } else { factor / 2 };
        units.checked_add(half).ok_or(Reason::TooLarge)? / factor
    } else {
        return Err(Reason::Decimals { scale: to });
    };
    rescaled.try_into().map_err(|_| Reason::TooLarge)
}

/// A binary float that stands for a decimal: the nearest decimal must be within 10^-9 of it, and the
/// next float nearer than the next decimal.
pub(super) fn real(real: f64, scale: u8, style: Style<'_>) -> Result<i64, Reason> {
    if !real.is_finite() {
        return Err(Reason::NotANumber);
    }
    // What is rounded is the shortest decimal that is this float, as text has it.
    let text =
        if style.round { real.to_string() } else { format!("{real:.*}", usize::from(scale)) };
    let nearest: f64 = text.parse().map_err(|_| Reason::NotANumber)?;
    let units = decimal(&text, scale, Style { round: style.round, ..Style::default() })?;
    if (nearest - real).abs() > FLOAT_TOLERANCE && !style.round {
        return Err(Reason::Decimals { scale });
    }
    if (real.next_up() - real).abs() >= unit(scale) && units != 0 && scale > 0 {
        return Err(Reason::FloatTooLarge);
    }
    Ok(units)
}

/// A float of 32 bits, which has some seven digits: the decimal must have no other float as near.
pub(super) fn real32(real: f32, scale: u8, style: Style<'_>) -> Result<i64, Reason> {
    if !real.is_finite() {
        return Err(Reason::NotANumber);
    }
    let text =
        if style.round { real.to_string() } else { format!("{real:.*}", usize::from(scale)) };
    let units = decimal(&text, scale, Style { round: style.round, ..Style::default() })?;
    let whole = scale == 0 && real.abs() <= LARGEST_WHOLE;
    if f64::from((real.next_up() - real).abs()) >= unit(scale) && units != 0 && !whole {
        return Err(Reason::FloatTooLarge);
    }
    let nearest: f32 = text.parse().map_err(|_| Reason::NotANumber)?;
    if nearest.to_bits() == real.to_bits() || units == 0 && real.abs() < f32::EPSILON || style.round
    {
        Ok(units)
    } else {
        Err(Reason::Decimals { scale })
    }
}

/// 10^-`scale`.
fn unit(scale: u8) -> f64 {
    10_f64.powi(-i32::from(scale))
}

/// 2^24: up to here every whole number is a float of 32 bits.
const LARGEST_WHOLE: f32 = 16_777_216.0;
const FLOAT_TOLERANCE: f64 = 1e-9;
/// The decimals up to which digits count, as [`FLOAT_TOLERANCE`] has it.
const NOISE_DECIMALS: u8 = 9;
/// More than 64 bits have.
const MOST_DIGITS: i64 = 20;
/// Zeros behind the point that are written out: more change nothing.
const MOST_ZEROS: u64 = 32;
/// Signs of currencies.
const SYMBOLS: &str = "€$£¥₹₽₩₺₴₫฿¢";
const SIGNS: [(&str, &str); 8] = [
    ("EUR", "€"),
    ("USD", "$"),
    ("GBP", "£"),
    ("JPY", "¥"),
    ("PLN", "zł"),
    ("SEK", "kr"),
    ("NOK", "kr"),
    ("DKK", "kr"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str, scale: u8) -> Result<i64, Reason> {
        decimal(text, scale, Style::default())
    }

    #[test]
    fn decimals_are_exact_and_nothing_is_guessed() {
        let accepted = [
            ("0", 0),
            ("-0.5", -50),
            ("+3", 300),
            ("29.99", 2999),
            ("1.2300", 123),
            (".5", 50),
            ("3e3", 300_000),
            ("1e+05", 10_000_000),
            ("2.5E+2", 25_000),
            ("5e-1", 50),
            ("-125e-2", -125),
            ("0e99", 0),
            ("0.000000000e5", 0),
            ("239.92000000000002", 23_992),
            ("0.30000000000000004", 30),
            ("89.96999999999998", 8_997),
            ("0.99999999999", 100),
            ("9.999999999999e1", 10_000),
        ];
        for (text, units) in accepted {
            assert_eq!(plain(text, 2), Ok(units), "{text}");
        }
        for text in [
            "", ".", "-", "1,000", "12,50", "0x10", "inf", "1 0", "--1", "١", "1e", "e5", "1e5.0",
            "1e+-5", "1e99999", "€5", "(5)", "5-",
        ] {
            assert_eq!(plain(text, 2), Err(Reason::NotANumber), "{text}");
        }
        for text in ["0.001", "1e-3", "29.995", "29.9900001", "0.0000001"] {
            assert_eq!(plain(text, 2), Err(Reason::Decimals { scale: 2 }), "{text}");
        }
        for text in ["92233720368547758.08", "1e17", "1e4000"] {
            assert_eq!(plain(text, 2), Err(Reason::TooLarge), "{text}");
        }
        assert_eq!(plain("92233720368547758.07", 2), Ok(i64::MAX));
        assert_eq!(plain("1.0000000001", 0), Ok(1));
        assert_eq!(plain("1.00000001", 0), Err(Reason::Decimals { scale: 0 }));
    }

    #[test]
    fn a_decimal_comma_is_read_where_it_was_said() {
        let style = Style { sign: DecimalSign::Comma, currency: Some("EUR"), round: false };
        for (text, units) in [
            ("12,50", 1250),
            ("-12,5", -1250),
            ("12.50", 1250),
            ("12", 1200),
            ("1.234,56", 123_456),
            ("1.234.567", 123_456_700),
            ("1 234,56", 123_456),
            ("0.125e1", 125),
            ("€12.50", 1250),
            ("12.50 EUR", 1250),
            ("eur 12,50", 1250),
            ("-€5", -500),
            ("€-5", -500),
        ] {
            assert_eq!(decimal(text, 2, style), Ok(units), "{text}");
        }
        assert_eq!(decimal("1.250", 2, style), Err(Reason::Ambiguous));
        let either = Style { sign: DecimalSign::Either, ..Style::default() };
        for (text, units) in [("12,50", 1250), ("12.50", 1250), ("1.250", 125), ("1,250", 125)] {
            assert_eq!(decimal(text, 2, either), Ok(units), "{text}");
        }
        assert_eq!(decimal("1.250,00", 2, either), Err(Reason::NotANumber));
        for text in ["1,2,3", "12.34,5", "1.23.456", "$5", "12,5O", "1234.567,00"] {
            assert_eq!(decimal(text, 2, style), Err(Reason::NotANumber), "{text}");
        }
    }

    #[test]
    fn numbers_are_rounded_only_where_it_was_said() {
        let style = Style { round: true, ..Style::default() };
        for (text, units) in [("29.995", 3000), ("29.994", 2999), ("-0.005", -1), ("0.004", 0)] {
            assert_eq!(decimal(text, 2, style), Ok(units), "{text}");
        }
        assert_eq!(rescale(-12_345, 3, 2, style), Ok(-1235));
        assert_eq!(real(29.994, 2, style), Ok(2999));
        // As text is, though the nearest double is below 1.005.
        for (double, single, text) in
            [(1.005, 1.005, "1.005"), (-2.675, -2.675, "-2.675"), (0.125, 0.125, "0.125")]
        {
            assert_eq!(real(double, 2, style), decimal(text, 2, style), "{text}");
            assert_eq!(real32(single, 2, style), decimal(text, 2, style), "{text}");
        }
        assert_eq!(real(1.005, 2, style), Ok(101));
    }

    #[test]
    fn what_is_no_number_is_refused_for_what_is_wrong_with_it() {
        let comma = Style { sign: DecimalSign::Comma, ..Style::default() };
        for text in ["€12,50", "12,50 EUR", "-$5", "1.234,56zł"] {
            assert_eq!(why_not(text, 2, comma), Reason::Marked, "{text}");
        }
        let words = why_not("1,2,3", 2, comma).to_string();
        assert!(words.contains("decimal comma") && words.contains("as --decimal comma"), "{words}");
        assert_eq!(why_not("1,2 EUR", 2, Style::default()), Reason::NotANumber);
        assert_eq!(why_not("x", 2, Style::default()), Reason::NotANumber);
    }

    #[test]
    fn floats_count_only_where_they_stand_for_a_decimal() {
        let style = Style::default();
        assert_eq!(real(29.99, 2, style), Ok(2999));
        assert_eq!(real(-0.1, 2, style), Ok(-10));
        assert_eq!(real(0.1 + 0.2, 1, style), Ok(3));
        assert_eq!(real(f64::from(29.99_f32), 2, style), Err(Reason::Decimals { scale: 2 }));
        assert_eq!(real(0.005, 2, style), Err(Reason::Decimals { scale: 2 }));
        assert_eq!(real(f64::NAN, 2, style), Err(Reason::NotANumber));
        assert_eq!(real(1e300, 0, style), Err(Reason::TooLarge));
        assert_eq!(real(1e15, 2, style), Err(Reason::FloatTooLarge));
        assert_eq!(real32(29.99, 2, style), Ok(2999));
        assert_eq!(real32(-0.1, 2, style), Ok(-10));
        assert_eq!(real32(16_777_216.0, 0, style), Ok(16_777_216));
        assert_eq!(real32(29.995, 2, style), Err(Reason::Decimals { scale: 2 }));
        assert_eq!(real32(1_234_567.9, 2, style), Err(Reason::FloatTooLarge));
        assert_eq!(real32(0.0, 2, style), Ok(0));
    }

    #[test]
    fn arrow_decimals_are_rescaled_exactly() {
        let style = Style::default();
        assert_eq!(rescale(12_345, 3, 2, style), Err(Reason::Decimals { scale: 2 }));
        assert_eq!(rescale(12_340, 3, 2, style), Ok(1_234));
        assert_eq!(rescale(5, -2, 1, style), Ok(5_000));
        assert_eq!(rescale(i128::MAX, 0, 6, style), Err(Reason::TooLarge));
    }
}
