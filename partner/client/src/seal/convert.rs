//! From a value of the owner's table to a value of a sealed column. Nothing is guessed.

use protocol::{
    contract::{Column, Role},
    identity::{self, Identifier, IdentityError},
    sealed::{self, MISSING, Values},
    text,
};
use std::collections::BTreeMap;
use time::{Date, Month};

/// A value as the owner's table has it.
#[derive(Clone, Copy)]
pub(super) enum Cell<'a> {
    Missing,
    Text(&'a str),
    /// Text that is not UTF-8.
    Garbled,
    Whole(i64),
    Real(f64),
    /// In units of 10^-scale.
    Decimal {
        units: i128,
        scale: i8,
    },
    /// Days since 1970-01-01.
    Day(i32),
    Bool(bool),
}

/// A value of a sealed column.
#[derive(Clone, Copy)]
pub(super) enum Value {
    Key([u8; 32]),
    Code(i32),
    Number(i64),
}

/// Converts the values of one column.
pub(super) struct Converter<'a> {
    /// Column in the contract.
    pub(super) column: &'a Column,
    codes: BTreeMap<&'a str, i32>,
}

impl<'a> Converter<'a> {
    pub(super) fn new(column: &'a Column) -> Self {
        let domain = match &column.role {
            Role::Group(domain) => domain.as_slice(),
            _ => &[],
        };
        let codes = domain.iter().map(String::as_str).zip(0..).collect();
        Self { column, codes }
    }

    /// An empty column of the right type; none if the column is never sealed.
    pub(super) fn values(&self) -> Option<Values> {
        Some(match sealed::physical(self.column)? {
            sealed::Physical::Key => Values::Keys(Vec::new()),
            sealed::Physical::Number => Values::Numbers(Vec::new()),
            _ => Values::Codes(Vec::new()),
        })
    }

    pub(super) fn is_key(&self) -> bool {
        matches!(self.column.role, Role::MatchKey(_))
    }

    /// The sealed value of `cell`.
    pub(super) fn convert(&self, cell: Cell<'_>) -> Result<Value, Reason> {
        let cell = match cell {
            Cell::Garbled => return Err(Reason::NotUtf8),
            // No field that is sealed has line breaks; an unclosed quote would swallow many rows.
            Cell::Text(text) if text.contains(['\n', '\r']) => return Err(Reason::LineBreak),
            Cell::Text(text) if text.trim().is_empty() => Cell::Missing,
            Cell::Text(text) => Cell::Text(text.trim()),
            other => other,
        };
        match &self.column.role {
            Role::MatchKey(kind) => match_key(*kind, cell),
            Role::Group(_) => self.group(cell).map(Value::Code),
            Role::Label => label(cell).map(Value::Key),
            Role::Measure(scale) | Role::Feature(scale) => number(cell, *scale).map(Value::Number),
            Role::Date => day(cell).map(Value::Code),
            Role::Consent => consent(cell).map(Value::Code),
            _ => Err(Reason::Kind),
        }
    }

    fn group(&self, cell: Cell<'_>) -> Result<i32, Reason> {
        let number;
        let text = match cell {
            Cell::Missing => return Ok(MISSING),
            Cell::Text(text) => text,
            Cell::Bool(true) => "true",
            Cell::Bool(false) => "false",
            Cell::Whole(whole) => {
                number = whole.to_string();
                &number
            }
            _ => return Err(Reason::Kind),
        };
        self.codes.get(text).copied().ok_or_else(|| self.not_in_domain())
    }

    fn not_in_domain(&self) -> Reason {
        let Role::Group(domain) = &self.column.role else { return Reason::Kind };
        let known: Vec<_> = domain.iter().take(NAMED_VALUES).cloned().collect();
        Reason::NotInDomain { more: domain.len() - known.len(), known }
    }
}

/// Text of at most 32 bytes, zero-padded.
fn label(cell: Cell<'_>) -> Result<[u8; 32], Reason> {
    let number;
    let text = match cell {
        Cell::Missing => "",
        Cell::Text(text) => text,
        Cell::Whole(whole) => {
            number = whole.to_string();
            &number
        }
        _ => return Err(Reason::Kind),
    };
    if text::hidden(text).is_some() {
        return Err(Reason::Label);
    }
    let mut bytes = [0; 32];
    let place = bytes.get_mut(..text.len()).ok_or(Reason::Label)?;
    place.copy_from_slice(text.as_bytes());
    Ok(bytes)
}

fn match_key(kind: Identifier, cell: Cell<'_>) -> Result<Value, Reason> {
    let text = match cell {
        Cell::Missing => "",
        Cell::Text(text) => text,
        _ => return Err(Reason::Kind),
    };
    let key = identity::match_key(kind, text).map_err(Reason::Identifier)?;
    Ok(Value::Key(*key.as_bytes()))
}

fn number(cell: Cell<'_>, scale: u8) -> Result<i64, Reason> {
    match cell {
        Cell::Missing => Err(Reason::Empty),
        Cell::Text(text) => decimal(text, scale),
        Cell::Whole(whole) => rescale(whole.into(), 0, scale),
        Cell::Decimal { units, scale: from } => rescale(units, from, scale),
        Cell::Real(real) => real_number(real, scale),
        _ => Err(Reason::Kind),
    }
}

/// Exact decimal text: a sign, digits, and a point with at most `scale` decimals that count.
fn decimal(text: &str, scale: u8) -> Result<i64, Reason> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, text.get(1..).unwrap_or_default()),
        Some(b'+') => (false, text.get(1..).unwrap_or_default()),
        _ => (false, text),
    };
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + part.len() == 0 || !all_digits(whole) || !all_digits(part) {
        return Err(Reason::NotANumber);
    }
    let part = part.trim_end_matches('0');
    if part.len() > usize::from(scale) {
        return Err(Reason::Decimals { scale });
    }
    let zeros = usize::from(scale) - part.len();
    let mut units = 0_i64;
    for byte in whole.bytes().chain(part.bytes()).chain(std::iter::repeat_n(b'0', zeros)) {
        let digit = i64::from(byte - b'0');
        let next = units.checked_mul(10).and_then(|tens| tens.checked_add(digit));
        units = next.ok_or(Reason::TooLarge)?;
    }
    Ok(if negative { -units } else { units })
}

/// `units` of 10^-`from` in units of 10^-`to`, exactly.
fn rescale(units: i128, from: i8, to: u8) -> Result<i64, Reason> {
    let shift = i32::from(to) - i32::from(from);
    let factor = 10_i128.checked_pow(shift.unsigned_abs()).ok_or(Reason::TooLarge)?;
    let rescaled = if shift >= 0 {
        units.checked_mul(factor).ok_or(Reason::TooLarge)?
    } else if units % factor == 0 {
        units / factor
    } else {
        return Err(Reason::Decimals { scale: to });
    };
    rescaled.try_into().map_err(|_| Reason::TooLarge)
}

/// A binary float that stands for a decimal: the nearest decimal must be within 10^-9 of it.
fn real_number(real: f64, scale: u8) -> Result<i64, Reason> {
    if !real.is_finite() {
        return Err(Reason::NotANumber);
    }
    let text = format!("{real:.*}", usize::from(scale));
    let nearest: f64 = text.parse().map_err(|_| Reason::NotANumber)?;
    if (nearest - real).abs() > FLOAT_TOLERANCE {
        return Err(Reason::Decimals { scale });
    }
    decimal(&text, scale)
}

/// Days since 1970-01-01. Earlier ones are refused: -1 stands for a missing day.
fn day(cell: Cell<'_>) -> Result<i32, Reason> {
    let day = match cell {
        Cell::Missing => return Ok(MISSING),
        Cell::Text(text) => calendar_day(text).ok_or(Reason::NotADay)?,
        Cell::Day(day) => day,
        _ => return Err(Reason::Kind),
    };
    if day < 0 { Err(Reason::DayBefore1970) } else { Ok(day) }
}

fn calendar_day(text: &str) -> Option<i32> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *text.as_bytes() else { return None };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_u16, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + u16::from(byte - b'0'))
        })
    };
    let month = Month::try_from(u8::try_from(number(&[m1, m2])?).ok()?).ok()?;
    let day = u8::try_from(number(&[d1, d2])?).ok()?;
    let year = i32::from(number(&[y1, y2, y3, y4])?);
    let date = Date::from_calendar_date(year, month, day).ok()?;
    Some(date.to_julian_day() - EPOCH_JULIAN_DAY)
}

fn consent(cell: Cell<'_>) -> Result<i32, Reason> {
    let is = |text: &str, words: [&str; 3]| words.iter().any(|w| text.eq_ignore_ascii_case(w));
    match cell {
        Cell::Missing => Ok(MISSING),
        Cell::Bool(agreed) => Ok(agreed.into()),
        Cell::Whole(0) => Ok(0),
        Cell::Whole(1) => Ok(1),
        Cell::Text(text) if is(text, ["true", "1", "yes"]) => Ok(1),
        Cell::Text(text) if is(text, ["false", "0", "no"]) => Ok(0),
        _ => Err(Reason::NotYesOrNo),
    }
}

/// What is wrong with a row. No variant holds a value: values may be secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Fields are missing, or there are too many.
    #[error("found {found} fields, the header has {expected}")]
    Fields {
        /// Fields of the row.
        found: usize,
        /// Fields of the header.
        expected: usize,
    },
    /// Bytes that are no text.
    #[error("not UTF-8")]
    NotUtf8,
    /// A line break inside a field.
    #[error("a line break inside a field, perhaps an unclosed quote")]
    LineBreak,
    /// No identifier of its kind.
    #[error("{0}")]
    Identifier(#[source] IdentityError),
    /// No match key has a value.
    #[error("no identifier: every match key is empty")]
    NoIdentifier,
    /// Not in the group's domain.
    #[error("not in the contract's list, expected one of {}{}", known.join(", "), and_more(*more))]
    NotInDomain {
        /// The first values of the domain, which is public.
        known: Vec<String>,
        /// How many there are beside them.
        more: usize,
    },
    /// No text that fits into a sealed column.
    #[error("longer than 32 bytes, or with a character that cannot be seen")]
    Label,
    /// No number where one is needed.
    #[error("empty, expected a number")]
    Empty,
    /// Not a plain decimal number.
    #[error("not a number (expected digits with a decimal point, no separators, no exponent)")]
    NotANumber,
    /// More decimals than the contract says.
    #[error("more than {scale} decimals, the contract's scale")]
    Decimals {
        /// The most decimals.
        scale: u8,
    },
    /// Beyond 64 bits.
    #[error("too large for 64 bits in units of the contract's scale")]
    TooLarge,
    /// Not a day of the calendar.
    #[error("not a day (expected YYYY-MM-DD)")]
    NotADay,
    /// A day that cannot be told from a missing one.
    #[error("a day before 1970-01-01")]
    DayBefore1970,
    /// Neither yes nor no.
    #[error("neither yes nor no (expected true, false, yes, no, 1 or 0)")]
    NotYesOrNo,
    /// A value of a kind that the role has no use for.
    #[error("a value of another kind than the column's role needs")]
    Kind,
}

fn and_more(more: usize) -> String {
    if more == 0 { String::new() } else { format!(" and {more} more") }
}

/// Values of a domain that are named.
const NAMED_VALUES: usize = 8;
/// 1970-01-01.
const EPOCH_JULIAN_DAY: i32 = 2_440_588;
const FLOAT_TOLERANCE: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_nothing_is_guessed() {
        let accepted =
            [("0", 0), ("-0.5", -50), ("+3", 300), ("29.99", 2999), ("1.2300", 123), (".5", 50)];
        for (text, units) in accepted {
            assert_eq!(decimal(text, 2), Ok(units), "{text}");
        }
        for text in ["", ".", "-", "1,000", "1e3", "0x10", "NaN", "inf", "1 0", "--1", "١"] {
            assert_eq!(decimal(text, 2), Err(Reason::NotANumber), "{text}");
        }
        assert_eq!(decimal("0.001", 2), Err(Reason::Decimals { scale: 2 }));
        assert_eq!(decimal("92233720368547758.08", 2), Err(Reason::TooLarge));
        assert_eq!(decimal("92233720368547758.07", 2), Ok(i64::MAX));
    }

    #[test]
    fn floats_count_only_where_they_stand_for_a_decimal() {
        assert_eq!(real_number(29.99, 2), Ok(2999));
        assert_eq!(real_number(-0.1, 2), Ok(-10));
        assert_eq!(real_number(0.1 + 0.2, 1), Ok(3));
        assert_eq!(real_number(f64::from(29.99_f32), 2), Err(Reason::Decimals { scale: 2 }));
        assert_eq!(real_number(0.005, 2), Err(Reason::Decimals { scale: 2 }));
        assert_eq!(real_number(f64::NAN, 2), Err(Reason::NotANumber));
        assert_eq!(real_number(1e300, 0), Err(Reason::TooLarge));
    }

    #[test]
    fn arrow_decimals_are_rescaled_exactly() {
        assert_eq!(rescale(12_345, 3, 2), Err(Reason::Decimals { scale: 2 }));
        assert_eq!(rescale(12_340, 3, 2), Ok(1_234));
        assert_eq!(rescale(5, -2, 1), Ok(5_000));
        assert_eq!(rescale(i128::MAX, 0, 6), Err(Reason::TooLarge));
    }

    #[test]
    fn days_are_those_of_the_calendar_from_1970() {
        assert_eq!(day(Cell::Text("1970-01-01")), Ok(0));
        assert_eq!(day(Cell::Text("2008-03-20")), Ok(13_958));
        assert_eq!(day(Cell::Text("1969-12-31")), Err(Reason::DayBefore1970));
        for text in ["2008-3-20", "2023-02-29", "20080320", "2008-03-20 00:00", "20/03/2008"] {
            assert_eq!(day(Cell::Text(text)), Err(Reason::NotADay), "{text}");
        }
    }

    #[test]
    fn a_line_break_is_no_part_of_a_value() {
        let contract = crate::seal::tests::contract();
        for column in &contract.datasets["sales"].columns {
            let converted = Converter::new(column).convert(Cell::Text("a@b.c\nd"));
            assert!(matches!(converted, Err(Reason::LineBreak)));
        }
    }
}
