//! Phone numbers: E.164, from the spellings that stand for one number only.

use super::{
    IdentityError,
    country::{self, Country},
};
use std::borrow::Cow;

/// Whether `text` is a number in E.164 already: nearly all are written so, and there is nothing to take out of them.
pub(super) fn is_normalised(text: &str) -> bool {
    let digits = text.strip_prefix('+').filter(|digits| all_digits(digits));
    digits.is_some_and(|digits| matches!(checked(digits), Ok(Cow::Borrowed(_))))
}

/// E.164: a plus sign, country code and number, at most 15 digits. Separators go, and so does the
/// trunk prefix behind a country code that has one; a missing country code is not guessed, but may be
/// said with `country`. `text` is unwrapped already.
pub(super) fn normalised(text: &str, country: Option<Country>) -> Result<String, IdentityError> {
    if text.chars().any(|c| c.is_numeric() && !c.is_ascii()) {
        return Err(IdentityError::Digits);
    }
    let text = without_float_tail(text)?;
    let compact: String = text.chars().filter(|c| !is_separator(*c)).collect();
    if compact.chars().any(|c| !matches!(c, '+' | '(' | ')' | '0'..='9')) {
        return Err(IdentityError::Phone);
    }
    let dialled = without_bracketed_zero(&compact, country)?;
    let digits = match (dialled.strip_prefix('+'), country) {
        (Some(digits), _) => digits.to_owned(),
        (None, Some(country)) => country.international(&dialled)?,
        (None, None) => return Err(IdentityError::Phone),
    };
    Ok(format!("+{}", checked(&digits)?))
}

/// The country code and the number of these digits, which may have a trunk prefix between.
fn checked(digits: &str) -> Result<Cow<'_, str>, IdentityError> {
    if !could_be_number(digits) {
        return Err(IdentityError::Phone);
    }
    let digits = country::without_trunk_prefix(digits)?;
    if digits.strip_prefix(ITALY).is_some_and(|number| !number.starts_with(['0', '3'])) {
        return Err(IdentityError::Italian);
    }
    if !is_plausible(&digits) {
        return Err(IdentityError::Phone);
    }
    Ok(digits)
}

fn is_separator(c: char) -> bool {
    c.is_whitespace() || matches!(c, '-' | '.' | '/' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

/// `text` without brackets, and without the `(0)` that is dialled inside a country only.
fn without_bracketed_zero(text: &str, country: Option<Country>) -> Result<String, IdentityError> {
    let plain = |text: &str| text.replace(['(', ')'], "");
    let Some((before, number)) = text.split_once("(0)") else { return Ok(plain(text)) };
    let before = plain(before);
    let code = match (before.strip_prefix('+'), country) {
        (Some(code), _) => code.to_owned(),
        // As dialled inside the country.
        (None, Some(_)) if before.is_empty() => return Ok(format!("0{}", plain(number))),
        (None, Some(country)) => country.international(&before).unwrap_or(before),
        (None, None) => return Err(IdentityError::Phone),
    };
    if country::has_trunk_zero(&code) && !number.contains("(0)") {
        Ok(format!("+{code}{}", plain(number)))
    } else {
        Err(IdentityError::Trunk)
    }
}

/// The digits of a number that was stored as a float: `491711234567.0` and `4.91711234567e+11`.
fn without_float_tail(text: &str) -> Result<String, IdentityError> {
    if let Some((mantissa, exponent)) = text.split_once(['e', 'E']) {
        let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
        let (first, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if !all_digits(first) || !all_digits(exponent) {
            return Err(IdentityError::Phone);
        }
        // With fewer decimals than the exponent says, the last digits are rounded away.
        let complete = all_digits(decimals) && exponent.parse() == Ok(decimals.len());
        return if complete { Ok(format!("{first}{decimals}")) } else { Err(IdentityError::Float) };
    }
    let tail = text.split_once('.').filter(|(whole, tail)| {
        all_digits(whole.strip_prefix('+').unwrap_or(whole)) && all_digits(tail)
    });
    Ok(match tail {
        Some((whole, tail)) if tail.bytes().all(|byte| byte == b'0') => whole.to_owned(),
        _ => text.to_owned(),
    })
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether these are digits that begin with a calling code, which never has a zero in front. There may be
/// a trunk prefix too many among them.
fn could_be_number(digits: &str) -> bool {
    digits.len() >= FEWEST_DIGITS
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && !digits.starts_with('0')
}

fn is_plausible(digits: &str) -> bool {
    let known = could_be_number(digits) && digits.len() <= MOST_DIGITS;
    // North America: ten digits, and no area begins with 0 or 1.
    let american = digits
        .strip_prefix('1')
        .is_none_or(|number| number.len() == 10 && !number.starts_with(['0', '1']));
    known && american
}

/// Italy's calling code. A landline there begins with 0, which is part of the number and often lost, and a
/// mobile phone with 3; what begins otherwise is a service and nobody's.
const ITALY: &str = "39";
/// With its calling code, a number has at least so many; fewer are left by a mistake more often.
const FEWEST_DIGITS: usize = 8;
/// E.164.
const MOST_DIGITS: usize = 15;
