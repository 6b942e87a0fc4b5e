//! How phone numbers are written inside a country, and what is not dialled from abroad.
//!
//! Sources: ITU-T's list of dialling procedures (national and international prefixes) and the national
//! numbering plans that ITU-T collects under E.164. The table was held against libphonenumber's metadata.

use super::IdentityError;
use std::{borrow::Cow, fmt, ops::RangeInclusive, str::FromStr};

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
    /// One of these, which must be there.
    Must(&'static [&'static str]),
    /// One of these, which may be there.
    May(&'static [&'static str]),
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
        let (prefixes, may_lack) = match *trunk {
            Trunk::Must(prefixes) => (prefixes, false),
            Trunk::May(prefixes) => (prefixes, true),
            Trunk::Nothing | Trunk::Kept => (&[][..], true),
        };
        let fits = |number: &str| {
            (*least..=*most).contains(&number.len())
                && (*trunk == Trunk::Kept || !number.starts_with('0'))
        };
        if let Some(number) = only_reading(digits, prefixes, may_lack, fits) {
            return Ok(format!("{code}{number}"));
        }
        // Longer than any number of the country, so that it begins with the country's code.
        let coded = digits.strip_prefix(code).filter(|_| digits.len() > *most);
        let number = coded.and_then(|number| only_reading(number, prefixes, true, fits));
        number.map(|number| format!("{code}{number}")).ok_or(IdentityError::National)
    }
}

/// `digits` without one of `prefixes`, or as they are if a prefix `may_lack`; none unless exactly one of
/// these readings fits.
fn only_reading<'d>(
    digits: &'d str,
    prefixes: &[&str],
    may_lack: bool,
    fits: impl Fn(&str) -> bool,
) -> Option<&'d str> {
    let whole = Some(digits).filter(|_| may_lack);
    let without = prefixes.iter().filter_map(|prefix| digits.strip_prefix(prefix));
    let mut readings = whole.into_iter().chain(without).filter(|number| fits(number));
    let first = readings.next();
    first.filter(|_| readings.next().is_none())
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
        || PLANS.iter().any(|plan| plan.code == code && plan.prefixes.contains(&"0"))
}

/// `digits`, a calling code and a number, without the trunk prefix of the country if it stands between
/// the two: `49 0171 ..`, `36 06 30 ..`, `7 8 912 ..`.
///
/// # Errors
///
/// [`IdentityError::NoSuchNumber`] and [`IdentityError::ZeroBehindCode`] where it is not known what
/// belongs to the number. What has no calling code is left as it is.
pub(super) fn without_trunk_prefix(digits: &str) -> Result<Cow<'_, str>, IdentityError> {
    let Some((code, number)) = digits.split_at_checked(calling_code_digits(digits)) else {
        return Ok(digits.into());
    };
    if let Some(plan) = PLANS.iter().find(|plan| plan.code == code) {
        let keeps_zero = TRUNK_KEPT.contains(&code);
        let fits = |number: &str| {
            plan.digits.contains(&number.len()) && (keeps_zero || !number.starts_with('0'))
        };
        return match only_reading(number, plan.prefixes, true, fits) {
            Some(whole) if whole == number => Ok(digits.into()),
            Some(number) => Ok(format!("{code}{number}").into()),
            None => Err(IdentityError::NoSuchNumber),
        };
    }
    if !number.starts_with('0') || TRUNK_KEPT.contains(&code) {
        return Ok(digits.into());
    }
    match number.strip_prefix('0').filter(|number| !number.starts_with('0')) {
        Some(number) if TRUNK_ZERO.contains(&code) => Ok(format!("{code}{number}").into()),
        _ => Err(IdentityError::ZeroBehindCode),
    }
}

/// How many digits the calling code has that `digits` begin with: calling codes are free of prefixes.
fn calling_code_digits(digits: &str) -> usize {
    match digits.as_bytes() {
        [b'1' | b'7', ..] => 1,
        [first, second, ..] if TWO_DIGITS.contains(&[*first, *second]) => 2,
        _ => 3,
    }
}

/// Numbers of a calling code whose trunk prefix is not one zero, or whose zero has more behind it.
struct Plan {
    code: &'static str,
    /// What is dialled before a number inside the country; what was, too, where it still is written.
    prefixes: &'static [&'static str],
    /// How many digits the numbers have: so many that with a prefix there are always too many.
    digits: RangeInclusive<usize>,
}

const fn plan(
    code: &'static str,
    prefixes: &'static [&'static str],
    digits: RangeInclusive<usize>,
) -> Plan {
    Plan { code, prefixes, digits }
}

static PLANS: [Plan; 11] = [
    // Russia and Kazakhstan.
    plan("7", &["8"], 10..=10),
    // Hungary. No number begins with 0.
    plan("36", &["06"], 8..=9),
    // Mexico: until 2019 with 1 behind the code of a mobile phone.
    plan("52", &["01", "044", "045", "1"], 10..=10),
    // Argentina and Brazil: what may stand behind the zero, for mobile phones or a carrier, is refused.
    plan("54", &["0"], 10..=11),
    plan("55", &["0"], 8..=11),
    // Lithuania: 8 until 2024, 0 now.
    plan("370", &["8", "0"], 8..=8),
    // Belarus: 8 (029) 123-45-67.
    plan("375", &["80", "8", "0"], 9..=9),
    // Tajikistan, where numbers may begin with 0.
    plan("992", &["8"], 9..=9),
    // Turkmenistan.
    plan("993", &["8"], 8..=8),
    // Georgia: 8 until 2011, 0 now.
    plan("995", &["0", "8"], 9..=9),
    // Uzbekistan.
    plan("998", &["8"], 9..=9),
];

const fn rule(
    name: &'static str,
    code: &'static str,
    trunk: Trunk,
    abroad: &'static str,
    digits: (usize, usize),
) -> Rule {
    Rule { name, code, trunk, abroad, digits }
}

const ZERO: Trunk = Trunk::Must(&["0"]);
const ONE: Trunk = Trunk::May(&["1"]);
const EIGHT: Trunk = Trunk::May(&["8"]);

static RULES: [Rule; 41] = [
    rule("AT", "43", ZERO, "00", (7, 13)),
    rule("AU", "61", ZERO, "0011", (9, 9)),
    rule("BE", "32", ZERO, "00", (8, 9)),
    rule("BG", "359", ZERO, "00", (7, 9)),
    rule("BY", "375", Trunk::Must(&["80", "8", "0"]), "810", (9, 9)),
    rule("CA", "1", ONE, "011", (10, 10)),
    rule("CH", "41", ZERO, "00", (9, 9)),
    rule("CZ", "420", Trunk::Nothing, "00", (9, 9)),
    rule("DE", "49", ZERO, "00", (6, 11)),
    rule("DK", "45", Trunk::Nothing, "00", (8, 8)),
    rule("EE", "372", Trunk::Nothing, "00", (7, 8)),
    rule("ES", "34", Trunk::Nothing, "00", (9, 9)),
    rule("FI", "358", ZERO, "00", (6, 11)),
    rule("FR", "33", ZERO, "00", (9, 9)),
    rule("GB", "44", ZERO, "00", (9, 10)),
    rule("GR", "30", Trunk::Nothing, "00", (10, 10)),
    rule("HR", "385", ZERO, "00", (8, 9)),
    rule("HU", "36", Trunk::Must(&["06"]), "00", (8, 9)),
    rule("IE", "353", ZERO, "00", (7, 9)),
    rule("IN", "91", ZERO, "00", (10, 10)),
    rule("IT", "39", Trunk::Kept, "00", (6, 11)),
    rule("JP", "81", ZERO, "010", (9, 10)),
    rule("KZ", "7", EIGHT, "810", (10, 10)),
    rule("LT", "370", Trunk::May(&["8", "0"]), "00", (8, 8)),
    rule("LV", "371", Trunk::Nothing, "00", (8, 8)),
    rule("MX", "52", Trunk::May(&["01", "044", "045"]), "00", (10, 10)),
    rule("NL", "31", ZERO, "00", (9, 9)),
    rule("NO", "47", Trunk::Nothing, "00", (8, 8)),
    rule("NZ", "64", ZERO, "00", (8, 10)),
    rule("PL", "48", Trunk::Nothing, "00", (9, 9)),
    rule("PT", "351", Trunk::Nothing, "00", (9, 9)),
    rule("RO", "40", ZERO, "00", (9, 9)),
    rule("RU", "7", EIGHT, "810", (10, 10)),
    rule("SE", "46", ZERO, "00", (7, 10)),
    rule("SI", "386", ZERO, "00", (8, 8)),
    rule("SK", "421", ZERO, "00", (9, 9)),
    rule("TR", "90", ZERO, "00", (10, 10)),
    rule("UA", "380", ZERO, "00", (9, 9)),
    rule("UK", "44", ZERO, "00", (9, 10)),
    rule("US", "1", ONE, "011", (10, 10)),
    rule("ZA", "27", ZERO, "00", (9, 9)),
];

/// Calling codes of countries with the trunk prefix 0, whose numbers never begin with a zero.
const TRUNK_ZERO: [&str; 91] = [
    "20", "27", "31", "32", "33", "40", "41", "43", "44", "46", "49", "51", "53", "58", "60", "61",
    "62", "63", "64", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95", "98",
    "211", "212", "213", "218", "231", "232", "233", "234", "243", "249", "251", "252", "254",
    "255", "256", "260", "261", "262", "263", "264", "265", "291", "353", "355", "358", "359",
    "373", "374", "377", "380", "381", "382", "383", "385", "386", "387", "389", "421", "590",
    "593", "594", "595", "596", "598", "855", "856", "880", "886", "961", "962", "963", "964",
    "966", "967", "970", "971", "972", "977", "994", "996",
];

/// Calling codes of countries without a trunk prefix where a zero in front is part of the number:
/// Italy, Côte d'Ivoire, Burkina Faso, Niger, Benin, Congo, San Marino, New Caledonia, Tajikistan.
const TRUNK_KEPT: [&str; 9] = ["39", "225", "226", "227", "229", "242", "378", "687", "992"];

/// Calling codes of two digits. 1 and 7 are alone, all others have three.
const TWO_DIGITS: [[u8; 2]; 44] = [
    *b"20", *b"27", *b"30", *b"31", *b"32", *b"33", *b"34", *b"36", *b"39", *b"40", *b"41", *b"43",
    *b"44", *b"45", *b"46", *b"47", *b"48", *b"49", *b"51", *b"52", *b"53", *b"54", *b"55", *b"56",
    *b"57", *b"58", *b"60", *b"61", *b"62", *b"63", *b"64", *b"65", *b"66", *b"81", *b"82", *b"84",
    *b"86", *b"90", *b"91", *b"92", *b"93", *b"94", *b"95", *b"98",
];
