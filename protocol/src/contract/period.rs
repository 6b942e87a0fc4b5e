//! How often a budget is filled again.

use crate::time::Time;

/// How often a budget is filled again, in UTC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Period {
    /// Every day.
    Day,
    /// Every week, from Monday.
    Week,
    /// Every calendar month.
    Month,
    /// Never: one budget for the contract.
    Contract,
}

impl Period {
    /// The name of the period that `now` lies in; equal names share a budget.
    #[must_use]
    pub fn of(self, now: Time) -> String {
        let (year, month, day) = now.date();
        match self {
            Self::Day => format!("{year:04}-{month:02}-{day:02}"),
            // 1970-01-01 was a Thursday; weeks are counted from Monday 1969-12-29.
            Self::Week => format!("week-{}", (now.day() + 3) / 7),
            Self::Month => format!("{year:04}-{month:02}"),
            Self::Contract => "contract".to_owned(),
        }
    }

    /// When the period that `now` lies in ends. Slices end then.
    #[must_use]
    pub fn end(self, now: Time, contract_expires: Time) -> Time {
        let day = |day: u64| Time(day.saturating_mul(86_400_000));
        let end = match self {
            Self::Day => day(now.day() + 1),
            Self::Week => day(((now.day() + 3) / 7 + 1) * 7 - 3),
            Self::Month => {
                let name = self.of(now);
                let next = (1..=31).map(|n| day(now.day() + n)).find(|&t| self.of(t) != name);
                next.unwrap_or(contract_expires)
            }
            Self::Contract => contract_expires,
        };
        end.min(contract_expires)
    }
}
