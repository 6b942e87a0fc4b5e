//! From a value of the owner's table to a value of a sealed column. Nothing is guessed.

mod day;
mod hint;
mod number;
mod plain;
mod reason;

use super::reading::{NO, Reading, YES};
use number::Style;
use protocol::{
    contract::{Column, Role},
    identity::{self, Identifier, MatchKey},
    sealed::{MISSING, TAG_LEN, Tag},
    text,
};
use ring::digest;
use std::{borrow::Cow, collections::BTreeMap};

pub use day::{DateFormat, InvalidFormat};
pub(super) use hint::Hints;
pub use reason::Reason;

/// A value as the owner's table has it.
#[derive(Clone, Copy)]
pub(super) enum Cell<'a> {
    Missing,
    Text(&'a str),
    /// Text that is not UTF-8.
    Garbled,
    Bytes(&'a [u8]),
    Whole(i64),
    Real(f64),
    Real32(f32),
    /// In units of 10^-scale.
    Decimal {
        units: i128,
        scale: i8,
    },
    /// A decimal beyond 128 bits.
    TooWide,
    /// Days since 1970-01-01.
    Day(i32),
    /// Time since 1970-01-01, in units of which a day has `per_day`.
    Clock {
        value: i64,
        per_day: i64,
    },
    Bool(bool),
}

/// A value of a sealed column.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Value {
    Key(MatchKey),
    Label([u8; 32]),
    Code(i32),
    Number(i64),
    /// What stands for the owner's own name for a person.
    Person(Tag),
}

impl Value {
    /// No match key.
    pub(super) const NONE: Self = Self::Key(MatchKey::NONE);

    /// Whether it stands for an empty field.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Key(key) => *key == MatchKey::NONE,
            Self::Label(label) => *label == [0; 32],
            Self::Code(code) => *code == MISSING,
            Self::Number(_) | Self::Person(_) => false,
        }
    }
}

/// Converts the values of one column.
pub(super) struct Converter<'a> {
    /// Column in the contract.
    pub(super) column: &'a Column,
    reading: &'a Reading,
    /// What the owner says that an empty field stands for.
    empty: Option<&'a str>,
    codes: BTreeMap<&'a str, i32>,
    /// Codes by value in lower case, where it stands for one value only.
    lower_case: BTreeMap<String, Option<i32>>,
}

impl<'a> Converter<'a> {
    pub(super) fn new(column: &'a Column, reading: &'a Reading) -> Self {
        let domain = match &column.role {
            Role::Group(domain) => domain.as_slice(),
            _ => &[],
        };
        let codes: BTreeMap<_, _> = domain.iter().map(String::as_str).zip(0..).collect();
        let mut lower_case: BTreeMap<String, Option<i32>> = BTreeMap::new();
        for (value, code) in &codes {
            let known = lower_case.entry(value.to_lowercase()).or_insert(Some(*code));
            if *known != Some(*code) {
                *known = None;
            }
        }
        let empty = reading.empty.get(&column.name).map(String::as_str);
        Self { column, reading, empty, codes, lower_case }
    }

    pub(super) fn is_key(&self) -> bool {
        matches!(self.column.role, Role::MatchKey(_))
    }

    pub(super) fn is_consent(&self) -> bool {
        matches!(self.column.role, Role::Consent)
    }

    /// Whether `text` is a value of this column and of few others: an empty field and a label are not.
    pub(super) fn reads(&self, text: &str) -> bool {
        let says_nothing =
            identity::says_none(text) || matches!(self.column.role, Role::Label | Role::Person);
        let mut value = Value::NONE;
        !says_nothing && self.convert(Cell::Text(text), &mut value).is_ok() && !value.is_empty()
    }

    /// Makes `value` the sealed value of `cell`. It is written where it stays: to copy values that were just written costs a
    /// tenth of all sealing.
    pub(super) fn convert(&self, cell: Cell<'_>, value: &mut Value) -> Result<(), Reason> {
        let cell = match self.tidied(cell)? {
            Cell::Missing => self.empty.map_or(Cell::Missing, Cell::Text),
            other => other,
        };
        match &self.column.role {
            Role::MatchKey(kind) => *value = Value::Key(self.match_key(*kind, cell)?),
            Role::Group(_) => *value = Value::Code(self.group(cell)?),
            Role::Label => *value = Value::Label(label(cell)?),
            Role::Measure(scale) | Role::Feature(scale) => {
                *value = Value::Number(self.number(cell, (*scale).into())?);
            }
            Role::Date => {
                let none = matches!(cell, Cell::Text(text) if identity::says_none(text));
                let cell = if none { Cell::Missing } else { cell };
                *value = Value::Code(day::day(cell, &self.reading.dates)?);
            }
            Role::Consent => *value = Value::Code(self.consent(cell)?),
            Role::Person => *value = Value::Person(person(cell)?),
            _ => return Err(Reason::Kind),
        }
        Ok(())
    }

    /// `cell` without what a person does not see at its ends, and without a spreadsheet's quotes.
    fn tidied<'c>(&self, cell: Cell<'c>) -> Result<Cell<'c>, Reason> {
        let text = match cell {
            Cell::Garbled => return Err(Reason::NotUtf8),
            Cell::Bytes(bytes) if self.is_hashed() && bytes.len() == 32 => return Ok(cell),
            Cell::Bytes(bytes) => std::str::from_utf8(bytes).map_err(|_| Reason::NotUtf8)?,
            Cell::Text(text) if plain::is_tidy(text) => return Ok(cell),
            Cell::Text(text) => text,
            Cell::Real(real) if real.is_nan() => return Ok(Cell::Missing),
            Cell::Real32(real) if real.is_nan() => return Ok(Cell::Missing),
            other => return Ok(other),
        };
        // No field that is sealed has line breaks; an unclosed quote would swallow many rows.
        if text.contains(['\n', '\r']) {
            return Err(Reason::LineBreak);
        }
        let mut text = trimmed(text);
        if let Some(inner) = text.strip_prefix("=\"").and_then(|text| text.strip_suffix('"')) {
            text = trimmed(inner);
        }
        if !matches!(self.column.role, Role::Label) {
            text = text.strip_prefix('\'').unwrap_or(text);
        }
        Ok(if text.is_empty() { Cell::Missing } else { Cell::Text(text) })
    }

    fn is_hashed(&self) -> bool {
        matches!(self.column.role, Role::MatchKey(Identifier::Hashed))
    }

    fn match_key(&self, kind: Identifier, cell: Cell<'_>) -> Result<MatchKey, Reason> {
        let key = match cell {
            Cell::Missing => return Ok(MatchKey::NONE),
            Cell::Text(text) => identity::match_key_in(kind, text, self.reading.country),
            Cell::Bytes(bytes) => identity::match_key_of_bytes(bytes),
            other => {
                let text = name(other).ok_or(Reason::Kind)?;
                identity::match_key_in(kind, &text, self.reading.country)
            }
        };
        key.map_err(Reason::Identifier)
    }

    fn group(&self, cell: Cell<'_>) -> Result<i32, Reason> {
        if matches!(cell, Cell::Missing) {
            return Ok(MISSING);
        }
        let text = name(cell).ok_or(Reason::Kind)?;
        let exact = |text: &str| self.codes.get(text).copied();
        let folded = || self.lower_case.get(&text.to_lowercase()).copied().flatten();
        // Whole numbers that were stored as floats.
        let whole = || exact(whole_number(&text)?);
        match exact(&text).or_else(folded).or_else(whole) {
            Some(code) => Ok(code),
            None if identity::says_none(&text) => Ok(MISSING),
            None => Err(self.not_in_domain()),
        }
    }

    fn not_in_domain(&self) -> Reason {
        let Role::Group(domain) = &self.column.role else { return Reason::Kind };
        let known: Vec<_> = domain.iter().take(NAMED_VALUES).cloned().collect();
        Reason::NotInDomain { more: domain.len() - known.len(), known }
    }

    fn number(&self, cell: Cell<'_>, scale: u8) -> Result<i64, Reason> {
        let style = Style::new(self.reading);
        if let Cell::Text(text) = cell
            && let Some(units) = plain::number(text, scale, style)
        {
            return Ok(units);
        }
        match cell {
            Cell::Missing => Err(Reason::Empty),
            Cell::Text(text) if identity::says_none(text) => match self.empty {
                Some(empty) if empty != text => number::decimal(empty, scale, style),
                _ => Err(Reason::Empty),
            },
            Cell::Text(text) => {
                number::decimal(text, scale, style).map_err(|reason| match reason {
                    Reason::NotANumber => number::why_not(text, scale, style),
                    reason => reason,
                })
            }
            Cell::Whole(whole) => number::rescale(whole.into(), 0, scale, style),
            Cell::Decimal { units, scale: from } => number::rescale(units, from, scale, style),
            Cell::TooWide => Err(Reason::TooLarge),
            Cell::Real(real) => number::real(real, scale, style),
            Cell::Real32(real) => number::real32(real, scale, style),
            Cell::Bool(is) => number::rescale(is.into(), 0, scale, style),
            _ => Err(Reason::Kind),
        }
    }

    fn consent(&self, cell: Cell<'_>) -> Result<i32, Reason> {
        if matches!(cell, Cell::Missing) {
            return Ok(MISSING);
        }
        let text = name(cell).ok_or(Reason::Kind)?;
        let text = whole_number(&text).unwrap_or(&text);
        let among = |words: &[String]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
        let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(text));
        // The owner's words never say otherwise than the usual ones: Reading::check_words.
        match (among(&self.reading.yes), among(&self.reading.no)) {
            (true, false) => Ok(1),
            (false, true) => Ok(0),
            (true, true) => Err(Reason::NotYesOrNo),
            _ if is(&YES) => Ok(1),
            _ if is(&NO) => Ok(0),
            _ if identity::says_none(text) => Ok(MISSING),
            _ => Err(Reason::NotYesOrNo),
        }
    }
}

/// A value that names something, as text: whole numbers in full, and truth as a word.
fn name(cell: Cell<'_>) -> Option<Cow<'_, str>> {
    Some(match cell {
        Cell::Text(text) => text.into(),
        Cell::Bool(true) => "true".into(),
        Cell::Bool(false) => "false".into(),
        Cell::Whole(whole) => whole.to_string().into(),
        Cell::Real(real) if real.fract() == 0.0 && real.abs() < LARGEST_WHOLE => {
            format!("{real:.0}").into()
        }
        Cell::Real32(real) if real.fract() == 0.0 && real.abs() < LARGEST_WHOLE_32 => {
            format!("{real:.0}").into()
        }
        Cell::Decimal { units, scale } => {
            let factor = 10_i128.checked_pow(u32::from(scale.unsigned_abs()))?;
            let whole = if scale < 0 { units.checked_mul(factor)? } else { units / factor };
            if scale > 0 && units % factor != 0 {
                return None;
            }
            whole.to_string().into()
        }
        _ => return None,
    })
}

/// The digits of `1.0`.
fn whole_number(text: &str) -> Option<&str> {
    let (whole, zeros) = text.split_once('.')?;
    let digits = !whole.is_empty() && whole.bytes().all(|byte| byte.is_ascii_digit());
    (digits && !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0')).then_some(whole)
}

/// `text` without blanks and invisible characters at its ends.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || identity::is_hidden(c))
}

/// Text of at most 32 bytes, zero-padded.
fn label(cell: Cell<'_>) -> Result<[u8; 32], Reason> {
    if matches!(cell, Cell::Missing) {
        return Ok([0; 32]);
    }
    let text = name(cell).ok_or(Reason::Kind)?;
    if text::hidden(&text).is_some() {
        return Err(Reason::Label);
    }
    let mut bytes = [0; 32];
    let place = bytes.get_mut(..text.len()).ok_or(Reason::Label)?;
    place.copy_from_slice(text.as_bytes());
    Ok(bytes)
}

/// What stands for the owner's own name for a person while the table is in the owner's hands.
fn person(cell: Cell<'_>) -> Result<Tag, Reason> {
    let is_missing = matches!(cell, Cell::Missing);
    if is_missing || matches!(cell, Cell::Text(text) if identity::says_none(text)) {
        return Err(Reason::NoPerson);
    }
    let text = name(cell).ok_or(Reason::Kind)?;
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(b"glovebox person v1\0");
    context.update(text.as_bytes());
    let hash = context.finish();
    hash.as_ref().first_chunk::<TAG_LEN>().copied().ok_or(Reason::Kind)
}

/// Values of a domain that are named.
const NAMED_VALUES: usize = 8;
/// 2^53 and 2^24: up to here every whole number is a float.
const LARGEST_WHOLE: f64 = 9_007_199_254_740_992.0;
const LARGEST_WHOLE_32: f32 = 16_777_216.0;

#[cfg(test)]
mod tests;
