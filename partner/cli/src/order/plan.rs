//! Works out when the runs of an order are, and which days each is about. Nobody else needs a calendar.

use crate::failure::Failure;
use jiff::{
    ToSpan,
    civil::{Date, DateTime},
    tz::TimeZone,
};
use protocol::{limits, time::Time};
use serde::{Deserialize, Deserializer, de};
use std::{path::PathBuf, str::FromStr};

/// The table `[order]`, as an analyst writes it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    pub(crate) name: String,
    /// The job, seen from the order's file.
    pub(crate) job: PathBuf,
    schedule: String,
    time_zone: String,
    #[serde(deserialize_with = "parsed")]
    from: Date,
    runs: usize,
    period: Option<Period>,
    #[serde(default = "hour", deserialize_with = "parsed")]
    starting_deadline: Span,
    #[serde(default)]
    catch_up: CatchUp,
    #[serde(default = "two")]
    pub(crate) attempts: u8,
    pub(crate) receivers: Option<Vec<String>>,
}

/// The days that a run is about: the last whole period before its own day.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Period {
    Day,
    Week,
    Month,
}

/// What happens to runs that could not begin in time.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum CatchUp {
    #[default]
    None,
    Last,
    All,
}

/// Seconds, written as `90m`, `6h` or `1d`.
#[derive(Clone, Copy, Debug)]
struct Span(u64);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
        let found = units.into_iter().find_map(|(end, seconds)| {
            let number: u64 = text.strip_suffix(end)?.parse().ok()?;
            number.checked_mul(seconds).filter(|span| (1..=86_400).contains(span))
        });
        found.map(Self).ok_or_else(|| {
            format!("found \"{text}\", expected a span such as 90m, 6h or 1d, at most a day")
        })
    }
}

/// A run: when it may begin, and the first and last day that it is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Planned {
    pub(crate) at: Time,
    pub(crate) until: Time,
    days: Option<(Date, Date)>,
}

impl Planned {
    /// The job's text with this run's days.
    pub(crate) fn fill(&self, text: &str) -> Result<String, Failure> {
        let Some((first, last)) = self.days else {
            if text.contains(FIRST) || text.contains(LAST) {
                return Err(Failure::unclear(format!(
                    "the job has {FIRST} or {LAST}, and the order has no `period`: expected day, week or month"
                )));
            }
            return Ok(text.to_owned());
        };
        Ok(text.replace(FIRST, &first.to_string()).replace(LAST, &last.to_string()))
    }
}

impl Plan {
    /// Reads the file of an order.
    pub(crate) fn read(text: &str) -> Result<Self, Failure> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            order: Plan,
        }
        let file: File = toml::from_str(text).map_err(Failure::unclear)?;
        Ok(file.order)
    }

    /// All runs, in the order of time.
    pub(crate) fn runs(&self) -> Result<Vec<Planned>, Failure> {
        if !(1..=limits::RUNS).contains(&self.runs) {
            return Err(Failure::unclear(format!(
                "runs: found {}, expected 1 to {}",
                self.runs,
                limits::RUNS
            )));
        }
        let zone = TimeZone::get(&self.time_zone).map_err(|why| {
            Failure::unclear(format!(
                "time_zone: {why}; expected a name of the IANA database, such as Europe/Berlin"
            ))
        })?;
        let instants = self.instants(&zone)?;
        let mut runs = Vec::new();
        for (index, (at, day)) in instants.iter().take(self.runs).enumerate() {
            let deadline = at.plus_seconds(self.starting_deadline.0);
            let next = instants.get(index + 1).map_or(Time(u64::MAX), |(next, _)| *next);
            let until = match self.catch_up {
                CatchUp::None => deadline.min(at.plus_seconds(ON_TIME_SECONDS)),
                CatchUp::Last => deadline.min(next),
                CatchUp::All => deadline,
            };
            let days = self.period.map(|period| period.before(*day)).transpose()?;
            runs.push(Planned { at: *at, until, days });
        }
        Ok(runs)
    }

    /// The instants of all runs and of the one after them, each with its local day.
    ///
    /// The calendar is that of local clocks, whatever the zone does with them: what a local time is as an instant is decided
    /// for each by itself. So no day is lost to a local time that there is not, and none has a run twice.
    fn instants(&self, zone: &TimeZone) -> Result<Vec<(Time, Date)>, Failure> {
        let fields = self.schedule.split_whitespace().count();
        if fields != 5 {
            return Err(Failure::unclear(format!(
                "schedule: found {fields} fields in \"{}\", expected 5: minute, hour, day of month, month and day of \
                 week, such as 0 6 * * MON",
                self.schedule
            )));
        }
        let expression = format!("{} UTC", self.schedule);
        let clock = cronexpr::parse_crontab(&expression)
            .map_err(|why| Failure::unclear(format!("schedule: {why}")))?;
        let before = self.from.to_datetime(jiff::civil::Time::midnight());
        let before = before.checked_sub(1.minute()).map_err(Failure::unclear)?;
        let before = before.to_zoned(TimeZone::UTC).map_err(Failure::unclear)?;
        let times = clock.iter_after(cronexpr::MakeTimestamp(before.timestamp()));
        let mut instants: Vec<(Time, Date)> = Vec::new();
        for local in times.map_err(Failure::unclear)? {
            let local = local.map_err(|why| Failure::unclear(format!("schedule: {why}")))?;
            let at = instant(local.datetime(), zone)?;
            if instants.last().is_none_or(|(last, _)| at > *last) {
                instants.push((at, local.date()));
            }
            if instants.len() > self.runs {
                break;
            }
        }
        Ok(instants)
    }
}

/// A local time as an instant: as much later as clocks are put forward where there is no such time, and the earlier of two.
fn instant(local: DateTime, zone: &TimeZone) -> Result<Time, Failure> {
    let at = zone.to_zoned(local).map_err(Failure::unclear)?.timestamp();
    let at = u64::try_from(at.as_millisecond());
    at.map(Time).map_err(|_| Failure::unclear(format!("from: {local} is before 1970")))
}

impl Period {
    /// The first and last day of the last whole period before `day`.
    fn before(self, day: Date) -> Result<(Date, Date), Failure> {
        let days = match self {
            Self::Day => day.yesterday().map(|before| (before, before)),
            Self::Week => {
                let weekday = i64::from(day.weekday().to_monday_zero_offset());
                let monday = day.checked_sub((weekday + 7).days());
                monday.and_then(|monday| Ok((monday, monday.checked_add(6.days())?)))
            }
            Self::Month => day
                .first_of_month()
                .yesterday()
                .map(|before| (before.first_of_month(), before.last_of_month())),
        };
        days.map_err(Failure::unclear)
    }
}

fn parsed<'de, T: FromStr<Err: std::fmt::Display>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

fn hour() -> Span {
    Span(3600)
}

fn two() -> u8 {
    2
}

const FIRST: &str = "{first}";
const LAST: &str = "{last}";
/// How late a run may be that is not made up for.
const ON_TIME_SECONDS: u64 = 15 * 60;

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(schedule: &str, zone: &str, from: &str, runs: usize, more: &str) -> Plan {
        let text = format!(
            "[order]\nname = \"weekly\"\njob = \"job.toml\"\nschedule = \"{schedule}\"\ntime_zone = \"{zone}\"\n\
             from = \"{from}\"\nruns = {runs}\n{more}"
        );
        Plan::read(&text).unwrap()
    }

    fn instants(schedule: &str, zone: &str, from: &str, runs: usize) -> Vec<String> {
        let runs = plan(schedule, zone, from, runs, "").runs().unwrap();
        runs.iter().map(|run| run.at.to_string()).collect()
    }

    /// Offsets: New York is UTC-5 and from 2026-03-08, 02:00 on UTC-4, until 2026-11-01, 02:00.
    #[test]
    fn a_local_time_that_there_is_not_is_a_run_as_much_later() {
        let found = instants("30 2 * * *", "America/New_York", "2026-03-07", 3);
        // 02:30 EST; 03:30 EDT, since 02:30 is skipped; 02:30 EDT.
        assert_eq!(found, ["2026-03-07T07:30:00Z", "2026-03-08T07:30:00Z", "2026-03-09T06:30:00Z"]);
    }

    #[test]
    fn a_local_time_that_comes_twice_is_one_run() {
        let found = instants("30 1 * * *", "America/New_York", "2026-10-31", 3);
        // 01:30 EDT twice over: the second day is the one with two.
        assert_eq!(found, ["2026-10-31T05:30:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"]);
    }

    /// Berlin: UTC+1, from 2026-03-29 on UTC+2, until 2026-10-25.
    #[test]
    fn a_weekly_run_keeps_its_local_hour() {
        let found = instants("0 6 * * MON", "Europe/Berlin", "2026-10-19", 2);
        assert_eq!(found, ["2026-10-19T04:00:00Z", "2026-10-26T05:00:00Z"]);
        let found = instants("0 6 * * MON", "Europe/Berlin", "2026-03-23", 2);
        assert_eq!(found, ["2026-03-23T05:00:00Z", "2026-03-30T04:00:00Z"]);
    }

    /// Lord Howe puts its clocks forward by 30 minutes: from UTC+10:30 to UTC+11 on 2026-10-04, 02:00.
    #[test]
    fn half_an_hour_of_daylight_saving_and_none() {
        let found = instants("15 2 * * *", "Australia/Lord_Howe", "2026-10-03", 3);
        assert_eq!(found, ["2026-10-02T15:45:00Z", "2026-10-03T15:45:00Z", "2026-10-04T15:15:00Z"]);
        let found = instants("30 2 * * *", "Asia/Kolkata", "2026-03-08", 2);
        assert_eq!(found, ["2026-03-07T21:00:00Z", "2026-03-08T21:00:00Z"]);
    }

    /// Each minute of a day on which clocks change: no instant twice, none before the one before it.
    #[test]
    fn runs_grow_whatever_clocks_do() {
        for (zone, day) in [("America/New_York", "2026-03-08"), ("America/New_York", "2026-11-01")]
        {
            let runs = plan("*/30 * * * *", zone, day, 60, "").runs().unwrap();
            assert!(runs.windows(2).all(|two| two[0].at < two[1].at && two[0].until > two[0].at));
        }
    }

    #[test]
    fn a_run_is_about_the_whole_period_before_it() {
        let days = |schedule, from, more| {
            let run = plan(schedule, "Europe/Berlin", from, 1, more).runs().unwrap()[0];
            run.fill("{first}..{last}").unwrap()
        };
        // 2026-12-07 is a Monday, in the 50th week.
        assert_eq!(
            days("0 6 * * MON", "2026-12-07", "period = \"week\""),
            "2026-11-30..2026-12-06"
        );
        assert_eq!(
            days("0 6 * * WED", "2026-12-07", "period = \"week\""),
            "2026-11-30..2026-12-06"
        );
        assert_eq!(
            days("0 6 * * SUN", "2026-12-07", "period = \"week\""),
            "2026-11-30..2026-12-06"
        );
        assert_eq!(days("0 6 * * *", "2027-01-01", "period = \"day\""), "2026-12-31..2026-12-31");
        assert_eq!(days("0 6 1 * *", "2027-03-01", "period = \"month\""), "2027-02-01..2027-02-28");
        assert_eq!(days("0 6 * * *", "2028-03-15", "period = \"month\""), "2028-02-01..2028-02-29");
        // The day is the local one: Monday, 00:30 in Berlin is Sunday in UTC.
        assert_eq!(
            days("30 0 * * MON", "2026-12-07", "period = \"week\""),
            "2026-11-30..2026-12-06"
        );
        let none = plan("0 6 * * *", "Europe/Berlin", "2026-12-07", 1, "").runs().unwrap()[0];
        assert!(none.fill("{first}").unwrap_err().to_string().contains("has no `period`"));
        assert_eq!(none.fill("as it is").unwrap(), "as it is");
    }

    #[test]
    fn how_late_a_run_may_be_follows_from_what_is_made_up_for() {
        let late = |more: &str| {
            let text = format!("starting_deadline = \"6h\"\n{more}");
            let run = plan("0 * * * *", "Europe/Berlin", "2026-12-07", 2, &text).runs().unwrap()[0];
            (run.until.0 - run.at.0) / 60_000
        };
        assert_eq!(late(""), 15);
        assert_eq!(late("catch_up = \"last\""), 60);
        assert_eq!(late("catch_up = \"all\""), 360);
        let run = plan("0 6 * * *", "Europe/Berlin", "2026-12-07", 1, "catch_up = \"last\"");
        let run = run.runs().unwrap()[0];
        assert_eq!(run.until.0 - run.at.0, 3_600_000, "an hour where nothing is said");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_was_expected() {
        let refused = |schedule: &str, zone: &str, more: &str| {
            plan(schedule, zone, "2026-12-07", 3, more).runs().unwrap_err().to_string()
        };
        assert!(refused("0 6 * *", "Europe/Berlin", "").contains("expected 5"));
        assert!(refused("0 6 * * MON Asia/Tokyo", "Europe/Berlin", "").contains("expected 5"));
        assert!(refused("0 25 * * *", "Europe/Berlin", "").starts_with("schedule: "));
        assert!(refused("0 6 31 2 *", "Europe/Berlin", "").starts_with("schedule: "));
        assert!(refused("0 6 * * *", "Europe/Atlantis", "").contains("IANA"));
        for more in [
            "starting_deadline = \"2d\"",
            "starting_deadline = \"6\"",
            "catch_up = \"some\"",
            "x = 1",
        ] {
            let text = format!(
                "[order]\nname = \"w\"\njob = \"j\"\nschedule = \"0 6 * * *\"\ntime_zone = \"UTC\"\n\
                 from = \"2026-12-07\"\nruns = 1\n{more}"
            );
            assert!(Plan::read(&text).is_err(), "{more}");
        }
    }
}
