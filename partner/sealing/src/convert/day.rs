//! Days: dates of the calendar, midnights, and the formats that an owner names.

use super::{Cell, Reason};
use protocol::sealed::MISSING;
use std::{ops::RangeInclusive, str::FromStr};
use time::{Date, Month};

/// Days since 1970-01-01. Earlier ones are refused: -1 stands for a missing day.
pub(super) fn day(cell: Cell<'_>, formats: &[DateFormat]) -> Result<i32, Reason> {
    let number;
    let day = match cell {
        Cell::Missing => return Ok(MISSING),
        Cell::Text(text) => written(text, formats)?,
        Cell::Whole(whole) => {
            number = whole.to_string();
            written(&number, formats)?
        }
        Cell::Day(day) => day,
        Cell::Clock { value, per_day } => {
            if value.rem_euclid(per_day) != 0 {
                return Err(Reason::TimeOfDay);
            }
            i32::try_from(value.div_euclid(per_day)).map_err(|_| Reason::NotADay)?
        }
        _ => return Err(Reason::Kind),
    };
    if day < 0 { Err(Reason::DayBefore1970) } else { Ok(day) }
}

/// The day that is written as YYYY-MM-DD or in one of `formats`; all that fit must agree.
fn written(text: &str, formats: &[DateFormat]) -> Result<i32, Reason> {
    let named = formats.iter().filter_map(|format| format.day(text));
    let mut flaw = Reason::NotADay;
    let plain = calendar_day(text).map_err(|reason| flaw = reason).ok();
    let mut days = named.chain(plain);
    let first = days.next().ok_or_else(|| match flaw {
        Reason::NotADay if !formats.is_empty() => {
            let formats: Vec<_> = formats.iter().map(|format| format.text.as_str()).collect();
            Reason::NotADayOf { formats: formats.join(" or ") }
        }
        flaw => flaw,
    })?;
    if days.all(|day| day == first) { Ok(first) } else { Err(Reason::AmbiguousDay) }
}

/// YYYY-MM-DD, alone or with a midnight that has no zone.
fn calendar_day(text: &str) -> Result<i32, Reason> {
    let (date, clock) = text.split_at_checked(10).ok_or(Reason::NotADay)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date.as_bytes() else {
        return Err(Reason::NotADay);
    };
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0_i32, |number, byte| {
            byte.is_ascii_digit().then(|| number * 10 + i32::from(byte - b'0'))
        })
    };
    let [year, month, day] = [number(&[y1, y2, y3, y4]), number(&[m1, m2]), number(&[d1, d2])];
    let day = year.zip(month).zip(day).and_then(|((year, month), day)| days(year, month, day));
    let day = day.ok_or(Reason::NotADay)?;
    if clock.is_empty() {
        return Ok(day);
    }
    let clock = clock.strip_prefix([' ', 'T']).ok_or(Reason::NotADay)?;
    if !clock.starts_with(|c: char| c.is_ascii_digit()) || !clock.contains(':') {
        return Err(Reason::NotADay);
    }
    if clock.contains(['Z', 'z', '+', '-']) || clock.contains(char::is_alphabetic) {
        return Err(Reason::Zone);
    }
    let (time, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let midnight = matches!(time, "00:00" | "00:00:00" | "0:00" | "0:00:00")
        && fraction.bytes().all(|byte| byte == b'0');
    if midnight { Ok(day) } else { Err(Reason::TimeOfDay) }
}

/// Days since 1970-01-01 of a date of the calendar.
fn days(year: i32, month: i32, day: i32) -> Option<i32> {
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    let date = Date::from_calendar_date(year, month, u8::try_from(day).ok()?).ok()?;
    Some(date.to_julian_day() - EPOCH_JULIAN_DAY)
}

/// How a day is written: `%Y`, `%y`, `%m`, `%d`, `%b` or `%B` (English names), `%H`, `%M`, `%S`, and
/// everything else as it stands; or `%s`, seconds since 1970 in UTC (from 1973 on).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DateFormat {
    pieces: Vec<Piece>,
    /// As it was given.
    text: String,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Piece {
    Year,
    ShortYear,
    Month,
    MonthName,
    Day,
    /// A number that does not matter, up to this one.
    Clock(i32),
    Seconds,
    Exactly(char),
}

impl DateFormat {
    /// The day that `text` is in this format.
    fn day(&self, text: &str) -> Option<i32> {
        let mut rest = text;
        let (mut year, mut month, mut day) = (None, None, None);
        for (at, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Seconds => {
                    let digits = rest.strip_suffix(".0").unwrap_or(rest);
                    // Shorter ones are days such as 20240305.
                    // Longer ones are milliseconds.
                    let long = SECONDS_DIGITS.contains(&digits.len());
                    let seconds: i64 = digits.parse().ok().filter(|_| long)?;
                    return i32::try_from(seconds.div_euclid(86_400)).ok();
                }
                Piece::Exactly(c) => rest = rest.strip_prefix(*c)?,
                Piece::MonthName => {
                    let name = MONTHS.iter().position(|name| {
                        let letters = rest.get(..3);
                        letters.is_some_and(|letters| name.starts_with(&letters.to_lowercase()))
                    })?;
                    let full = MONTHS.get(name)?.len();
                    let whole = rest
                        .get(..full)
                        .filter(|text| Some(&text.to_lowercase().as_str()) == MONTHS.get(name));
                    rest = rest.get(whole.map_or(3, str::len)..)?;
                    month = Some(i32::try_from(name).ok()? + 1);
                }
                Piece::Year => year = Some(number(&mut rest, 4, 4)?),
                Piece::ShortYear => {
                    let short = number(&mut rest, 2, 2)?;
                    year = Some(if short < 69 { 2000 + short } else { 1900 + short });
                }
                Piece::Month => month = Some(number(&mut rest, self.least_digits(at), 2)?),
                Piece::Day => day = Some(number(&mut rest, self.least_digits(at), 2)?),
                Piece::Clock(most) => {
                    number(&mut rest, self.least_digits(at), 2).filter(|number| number <= most)?;
                }
            }
        }
        if rest.is_empty() { days(year?, month?, day?) } else { None }
    }

    /// Digits that a number must have: both, where another number follows at once.
    fn least_digits(&self, at: usize) -> usize {
        let beside = |at: Option<usize>| {
            let piece = at.and_then(|at| self.pieces.get(at));
            piece.is_some_and(|piece| !matches!(piece, Piece::Exactly(_) | Piece::MonthName))
        };
        if beside(at.checked_add(1)) || beside(at.checked_sub(1)) { 2 } else { 1 }
    }
}

/// A number of `least` to `most` digits at the start of `rest`, which moves behind it.
fn number(rest: &mut &str, least: usize, most: usize) -> Option<i32> {
    let digits = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (found, behind) = rest.split_at_checked(digits).filter(|_| digits >= least)?;
    *rest = behind;
    found.parse().ok()
}

impl FromStr for DateFormat {
    type Err = InvalidFormat;

    fn from_str(text: &str) -> Result<Self, InvalidFormat> {
        let (mut pieces, mut chars) = (Vec::new(), text.chars());
        while let Some(c) = chars.next() {
            let piece = match c {
                '%' => match chars.next() {
                    Some('Y') => Piece::Year,
                    Some('y') => Piece::ShortYear,
                    Some('m') => Piece::Month,
                    Some('b' | 'B' | 'h') => Piece::MonthName,
                    Some('d' | 'e') => Piece::Day,
                    Some('H') => Piece::Clock(23),
                    Some('M') => Piece::Clock(59),
                    Some('S') => Piece::Clock(60),
                    Some('s') => Piece::Seconds,
                    Some('%') => Piece::Exactly('%'),
                    _ => return Err(InvalidFormat),
                },
                other => Piece::Exactly(other),
            };
            pieces.push(piece);
        }
        let count = |wanted: &[Piece]| pieces.iter().filter(|piece| wanted.contains(piece)).count();
        let calendar = [
            count(&[Piece::Year, Piece::ShortYear]),
            count(&[Piece::Month, Piece::MonthName]),
            count(&[Piece::Day]),
        ];
        let seconds = pieces == [Piece::Seconds];
        let whole = calendar == [1, 1, 1] && count(&[Piece::Seconds]) == 0;
        if seconds || whole {
            Ok(Self { pieces, text: text.to_owned() })
        } else {
            Err(InvalidFormat)
        }
    }
}

/// A text that is not a format of days.
///
/// Remedy: write how days stand in the table, with year, month and day in it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[error("expected year, month and day such as %d.%m.%Y (also %y, %b, %H, %M, %S), or %s alone")]
pub struct InvalidFormat;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Seconds since 1970 have at least so many digits from 1973 on.
const SECONDS_DIGITS: RangeInclusive<usize> = 9..=10;
/// 1970-01-01.
const EPOCH_JULIAN_DAY: i32 = 2_440_588;

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str, formats: &[&str]) -> Result<i32, Reason> {
        let formats: Vec<_> = formats.iter().map(|format| format.parse().unwrap()).collect();
        day(Cell::Text(text), &formats)
    }

    #[test]
    fn days_are_those_of_the_calendar_from_1970() {
        assert_eq!(text("1970-01-01", &[]), Ok(0));
        for same in
            ["2008-03-20", "2008-03-20 00:00:00", "2008-03-20T00:00", "2008-03-20 00:00:00.000"]
        {
            assert_eq!(text(same, &[]), Ok(13_958), "{same}");
        }
        assert_eq!(text("1969-12-31", &[]), Err(Reason::DayBefore1970));
        for other in
            ["2008-3-20", "2023-02-29", "20080320", "20/03/2008", "2008-03-20x", "2008-03-200"]
        {
            assert_eq!(text(other, &[]), Err(Reason::NotADay), "{other}");
        }
        assert_eq!(text("2008-03-20 08:15:00", &[]), Err(Reason::TimeOfDay));
        assert_eq!(text("2008-03-20 00:00:00.001", &[]), Err(Reason::TimeOfDay));
        for zoned in
            ["2008-03-20T00:00:00Z", "2008-03-20 00:00:00+00:00", "2008-03-20 00:00:00 UTC"]
        {
            assert_eq!(text(zoned, &[]), Err(Reason::Zone), "{zoned}");
        }
    }

    #[test]
    fn a_midnight_is_a_day_and_another_time_is_not() {
        for per_day in [86_400, 86_400_000, 86_400_000_000, 86_400_000_000_000_i64] {
            let clock = |value| day(Cell::Clock { value, per_day }, &[]);
            assert_eq!(clock(per_day * 13_958), Ok(13_958));
            assert_eq!(clock(per_day * 13_958 + 1), Err(Reason::TimeOfDay));
            assert_eq!(clock(-per_day), Err(Reason::DayBefore1970));
        }
    }

    #[test]
    fn formats_are_read_as_they_were_named() {
        for (written, format) in [
            ("20.03.2008", "%d.%m.%Y"),
            ("20.3.08", "%d.%m.%y"),
            ("3/20/2008", "%m/%d/%Y"),
            ("20080320", "%Y%m%d"),
            ("20-Mar-2008", "%d-%b-%Y"),
            ("March 20, 2008", "%B %d, %Y"),
            ("20.03.2008 23:59", "%d.%m.%Y %H:%M"),
            ("1206000000", "%s"),
        ] {
            assert_eq!(text(written, &[format]), Ok(13_958), "{written}");
        }
        assert_eq!(day(Cell::Whole(20_080_320), &["%Y%m%d".parse().unwrap()]), Ok(13_958));
        assert_eq!(text("2008-03-20", &["%d.%m.%Y"]), Ok(13_958));
        assert_eq!(text("03.04.2008", &["%d.%m.%Y", "%m.%d.%Y"]), Err(Reason::AmbiguousDay));
        assert_eq!(text("20.03.2008", &["%d.%m.%Y", "%m.%d.%Y"]), Ok(13_958));
        for other in ["20.03.2008 ", "32.03.2008", "20.13.2008", "20.03.208", "20.03.2008 24:00"] {
            assert!(text(other, &["%d.%m.%Y", "%d.%m.%Y %H:%M"]).is_err(), "{other}");
        }
        for format in ["", "%d.%m", "%q", "%d.%m.%Y %s", "%d%d%m%Y", "%"] {
            assert_eq!(format.parse::<DateFormat>(), Err(InvalidFormat), "{format}");
        }
    }
}
