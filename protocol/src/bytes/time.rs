//! Time as a number that is passed in: this crate has no clock.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Milliseconds since 1970-01-01T00:00:00Z; written as RFC 3339 in UTC, to the second.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Time(pub u64);

impl Time {
    /// The time so many seconds later, at most the end of time.
    #[must_use]
    pub fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1000)))
    }

    /// Whole days since 1970-01-01, UTC.
    #[must_use]
    pub fn day(self) -> u64 {
        self.0 / 86_400_000
    }

    /// Year, month and day of month in UTC.
    ///
    /// Source: the civil calendar algorithm of Howard Hinnant, "chrono-compatible low-level date
    /// algorithms", `civil_from_days`.
    #[must_use]
    pub fn date(self) -> (u64, u64, u64) {
        let z = self.day() + 719_468;
        let era = z / 146_097;
        let doe = z % 146_097;
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + u64::from(month <= 2);
        (year, month, day)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date();
        let second = self.0 / 1000 % 86_400;
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")
    }
}

impl FromStr for Time {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let invalid = || InvalidTime { text: text.chars().take(40).collect() };
        let shape = text.len() == 20 && text.is_ascii() && text.ends_with('Z');
        let part = |range: std::ops::Range<usize>| -> Option<u64> {
            let digits = text.get(range)?;
            digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?
        };
        let fields = shape.then(|| {
            Some((
                part(0..4)?,
                part(5..7)?,
                part(8..10)?,
                part(11..13)?,
                part(14..16)?,
                part(17..19)?,
            ))
        });
        let (year, month, day, h, m, s) = fields.flatten().ok_or_else(invalid)?;
        if year < 1970 || !(1..=12).contains(&month) || h > 23 || m > 59 || s > 59 || day == 0 {
            return Err(invalid());
        }
        let time = Self((days(year, month, day) * 86_400 + h * 3600 + m * 60 + s) * 1000);
        // Only the canonical spelling of a real instant survives the round trip.
        if time.to_string() == text { Ok(time) } else { Err(invalid()) }
    }
}

/// Days from 1970-01-01 to a civil date.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year / 400;
    let yoe = year % 400;
    let mp = if month > 2 { month - 3 } else { month + 9 };
    let doy = (153 * mp + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    (era * 146_097 + doe).saturating_sub(719_468)
}

/// A time in a file that people read: as text, to the second. For `#[serde(with = "time::as_text")]`.
pub mod as_text {
    use super::Time;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the time as [`Time`] prints it.
    ///
    /// # Errors
    ///
    /// What the serializer says.
    pub fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    /// Reads what [`serialize`] wrote.
    ///
    /// # Errors
    ///
    /// Whatever is not such a text.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// The text is not a time.
///
/// Remedy: write the time in UTC in the form that is shown.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("found \"{text}\", expected a time in UTC such as 2026-11-01T00:00:00Z")]
pub struct InvalidTime {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_calendar() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2026-11-23T12:00:00Z", 1_795_435_200),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(text.parse(), Ok(Time(seconds * 1000)), "{text}");
            assert_eq!(Time(seconds * 1000).to_string(), text);
        }
    }

    #[test]
    fn refuses_what_is_no_instant() {
        for text in [
            "2026-02-30T00:00:00Z",
            "2026-11-23",
            "2026-11-23T24:00:00Z",
            "",
            "2026-1a-01T00:00:00Z",
        ] {
            text.parse::<Time>().unwrap_err();
        }
    }
}
