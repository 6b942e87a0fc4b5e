//! How phone numbers are written inside a country, and which calling codes have a trunk zero.

use super::IdentityError;
use std::{fmt, str::FromStr};

/// A country whose national phone numbers can be written in E.164 by a simple rule.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Country(&'static Rule);

#[derive(Debug, Eq, PartialEq)]
struct Rule {
    /// ISO 3166-1 alpha-2.
    name: &'static str,
    /// Calling code.
    code: &'static str,
    /// What is dialled inside the country before a number, and not from outside.
    trunk: Trunk,
    /// What is dialled before a calling code.
    abroad: &'static str,
    /// Fewest and most digits of a number without trunk prefix.
    digits: (usize, usize),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Trunk {
    /// A zero that must be there.
    Zero,
    /// A one that may be there.
    One,
    /// There is none, and numbers do not begin with a zero.
    Nothing,
    /// There is none; a zero in front is part of the number.
    Kept,
}

impl Country {
    /// The number in E.164 without plus sign, if `digits` are a number as it is dialled in this
    /// country, or one with this country's calling code that can be nothing else.
    pub(super) fn international(self, digits: &str) -> Result<String, IdentityError> {
        let Rule { code, trunk, abroad, digits: (least, most), .. } = self.0;
        if let Some(international) = digits.strip_prefix(abroad) {
            return Ok(international.to_owned());
        }
        let national = match trunk {
            Trunk::Zero => digits.strip_prefix('0'),
            Trunk::One => Some(digits.strip_prefix('1').unwrap_or(digits)),
            Trunk::Nothing => Some(digits).filter(|digits| !digits.starts_with('0')),
            Trunk::Kept => Some(digits),
        };
        let zero = |number: &str| number.starts_with('0') && *trunk != Trunk::Kept;
        let fits = |number: &&str| (*least..=*most).contains(&number.len()) && !zero(number);
        if let Some(number) = national.filter(fits) {
            return Ok(format!("{code}{number}"));
        }
        // Longer than any number of the country, so that it begins with the country's code.
        let coded = digits.strip_prefix(code).filter(|_| digits.len() > *most);
        let coded = coded.map(|number| match trunk {
            Trunk::Zero => number.strip_prefix('0').unwrap_or(number),
            _ => number,
        });
        let number = coded.filter(fits).ok_or(IdentityError::National)?;
        Ok(format!("{code}{number}"))
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        let found = RULES.iter().find(|rule| rule.name.eq_ignore_ascii_case(text));
        found.map(Self).ok_or(UnknownCountry)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name)
    }
}

/// A country whose rule is not known here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct UnknownCountry;

impl fmt::Display for UnknownCountry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected one of ")?;
        for (at, rule) in RULES.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { ", " }, rule.name)?;
        }
        f.write_str("; for other countries write numbers with + and country code")
    }
}

impl std::error::Error for UnknownCountry {}

/// Whether numbers behind the calling code `code` have a trunk zero inside the country, and never
/// begin with a zero themselves.
pub(super) fn has_trunk_zero(code: &str) -> bool {
    TRUNK_ZERO.contains(&code)
}

/// The number without a trunk zero behind its calling code.
pub(super) fn without_trunk_zero(digits: &str) -> Option<String> {
    (1..=3).find_map(|len| {
        let (code, number) = digits.split_at_checked(len)?;
        let number = number.strip_prefix('0').filter(|_| has_trunk_zero(code))?;
        Some(format!("{code}{number}"))
    })
}

const fn rule(
    name: &'static str,
    code: &'static str,
    trunk: Trunk,
    abroad: &'static str,
    digits: (usize, usize),
) -> Rule {
    Rule { name, code, trunk, abroad, digits }
}

static RULES: [Rule; 26] = [
    rule("AT", "43", Trunk::Zero, "00", (7, 13)),
    rule("AU", "61", Trunk::Zero, "0011", (9, 9)),
    rule("BE", "32", Trunk::Zero, "00", (8, 9)),
    rule("CA", "1", Trunk::One, "011", (10, 10)),
    rule("CH", "41", Trunk::Zero, "00", (9, 9)),
    rule("CZ", "420", Trunk::Nothing, "00", (9, 9)),
    rule("DE", "49", Trunk::Zero, "00", (6, 11)),
    rule("DK", "45", Trunk::Nothing, "00", (8, 8)),
    rule("ES", "34", Trunk::Nothing, "00", (9, 9)),
    rule("FI", "358", Trunk::Zero, "00", (6, 11)),
    rule("FR", "33", Trunk::Zero, "00", (9, 9)),
    rule("GB", "44", Trunk::Zero, "00", (9, 10)),
    rule("IE", "353", Trunk::Zero, "00", (7, 9)),
    rule("IN", "91", Trunk::Zero, "00", (10, 10)),
    rule("IT", "39", Trunk::Kept, "00", (6, 11)),
    rule("JP", "81", Trunk::Zero, "010", (9, 10)),
    rule("NL", "31", Trunk::Zero, "00", (9, 9)),
    rule("NO", "47", Trunk::Nothing, "00", (8, 8)),
    rule("NZ", "64", Trunk::Zero, "00", (8, 10)),
    rule("PL", "48", Trunk::Nothing, "00", (9, 9)),
    rule("PT", "351", Trunk::Nothing, "00", (9, 9)),
    rule("SE", "46", Trunk::Zero, "00", (7, 10)),
    rule("SK", "421", Trunk::Zero, "00", (9, 9)),
    rule("US", "1", Trunk::One, "011", (10, 10)),
    rule("UK", "44", Trunk::Zero, "00", (9, 10)),
    rule("ZA", "27", Trunk::Zero, "00", (9, 9)),
];

/// Calling codes of countries with the trunk prefix 0, by ITU-T's list of dialling procedures.
/// Italy (39) and San Marino (378) are not here: their zero is part of the number.
const TRUNK_ZERO: [&str; 62] = [
    "20", "27", "31", "32", "33", "40", "41", "43", "44", "46", "49", "51", "54", "55", "60", "61",
    "62", "63", "64", "66", "81", "82", "84", "86", "90", "91", "92", "94", "95", "98", "212",
    "213", "233", "234", "249", "251", "254", "255", "256", "260", "263", "353", "355", "358",
    "359", "373", "374", "380", "381", "382", "383", "385", "386", "387", "389", "421", "880",
    "886", "966", "971", "972", "977",
];
