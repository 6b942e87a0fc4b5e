//! `service.toml`: every rule that a party's service follows.

use super::modes;
use crate::{
    failure::Failure,
    profile,
    reading::{self, ReadingArgs},
};
use protocol::{contract::Contract, digest::Digest, time::Time};
use serde::{Deserialize, Deserializer, de};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    str::FromStr,
};

/// What a party's service does unattended.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rules {
    /// Seconds between two looks at a room.
    #[serde(default = "every")]
    pub(crate) every_seconds: u64,
    #[serde(rename = "room")]
    pub(crate) rooms: Vec<RoomRules>,
}

/// What it does in one room.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoomRules {
    /// Name of the room in the folder.
    pub(crate) name: String,
    /// Digest of the contract that the rules are for: under another one, nothing is done.
    #[serde(deserialize_with = "parsed")]
    pub(crate) contract: Digest,
    /// In how many instances that have neither closed nor expired the party's keys may be at one time.
    #[serde(default = "instances")]
    pub(crate) instances: usize,
    /// Where to countersign jobs; nowhere if left out.
    pub(crate) listen: Option<String>,
    /// The folder for results that the party receives; none are fetched if left out.
    pub(crate) results: Option<PathBuf>,
    /// After how many minutes without an answer the room is closed; never if left out.
    pub(crate) close_idle_minutes: Option<u64>,
    #[serde(default, rename = "grant")]
    pub(crate) grants: Vec<GrantRule>,
    #[serde(default, rename = "watch")]
    pub(crate) watches: Vec<WatchRule>,
}

/// What is granted, to which builds, and when.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GrantRule {
    pub(crate) dataset: String,
    /// Names of builds in the contract.
    pub(crate) builds: Vec<String>,
    /// The hours of the day, in UTC.
    #[serde(default, deserialize_with = "parsed")]
    pub(crate) hours: Hours,
    /// When the rule ends.
    #[serde(default, deserialize_with = "parsed_if_there")]
    pub(crate) until: Option<Time>,
    /// For how many minutes keys are granted at a time.
    #[serde(default = "longest")]
    pub(crate) minutes: u64,
}

/// A file whose new versions are sealed and uploaded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WatchRule {
    pub(crate) dataset: String,
    /// The table: it is taken when `FILE.ready` appears beside it.
    pub(crate) file: PathBuf,
    /// Above this percentage of bad rows nothing is sealed.
    #[serde(default, deserialize_with = "parsed")]
    pub(crate) max_rejected: sealing::Share,
    /// By how many percent rows, people, keys or consent may differ from the version before; beyond, a person decides.
    #[serde(default = "max_change")]
    pub(crate) max_change_percent: u64,
    /// How the table is written: the options of `glovebox seal`, word by word.
    #[serde(default)]
    pub(crate) reading: Vec<String>,
    /// Rows and the most rows of one person to declare, for anybody to see; as many as there are if left out.
    pub(crate) rows: Option<u64>,
    pub(crate) rows_per_person: Option<u64>,
}

impl WatchRule {
    /// How the table is read.
    pub(crate) fn options(&self) -> Result<sealing::Options, Failure> {
        if self.reading.iter().any(|word| word.starts_with("--max-rejected")) {
            return Err(Failure::unclear(
                "max_rejected has a key of its own: take it out of reading",
            ));
        }
        let mut options = ReadingArgs::of_words(&self.reading)?.options(None)?;
        options.max_rejected = self.max_rejected;
        (options.rows, options.rows_per_person) = (self.rows, self.rows_per_person);
        Ok(options)
    }
}

/// A refusal of sealing, which advises options of `glovebox seal`, and where they stand in the rules.
pub(crate) fn advised(refusal: &str) -> String {
    let ends = |letter: char| !letter.is_ascii_lowercase() && letter != '-';
    let options = refusal.split(ends).filter_map(|word| word.strip_prefix("--"));
    let options: BTreeSet<&str> = options.filter(|option| !option.is_empty()).collect();
    let reading = reading::names();
    let places = options.into_iter().map(|option| match option {
        "max-rejected" | "rows" | "rows-per-person" => {
            format!("--{option} is the key {}", option.replace('-', "_"))
        }
        option if reading.iter().any(|name| name == option) => {
            format!("--{option} stands in `reading`")
        }
        option => format!("--{option} is for `glovebox seal` by hand"),
    });
    let places: Vec<String> = places.collect();
    match places.as_slice() {
        [] => refusal.to_owned(),
        places => format!("{refusal}\nIn {SERVICE}: {}.", places.join(", ")),
    }
}

/// Hours of a day in UTC, from the first minute to before the second; over midnight if the second is smaller.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Hours(Option<(u64, u64)>);

impl Hours {
    /// Whether `now` lies in these hours.
    pub(crate) fn hold(self, now: Time) -> bool {
        let minute = now.0 / 60_000 % DAY;
        match self.0 {
            None => true,
            Some((from, to)) if from < to => (from..to).contains(&minute),
            Some((from, to)) => minute >= from || minute < to,
        }
    }

    /// When these hours end, if they hold at `now` and do end.
    pub(crate) fn end(self, now: Time) -> Option<Time> {
        let (_, to) = self.0.filter(|_| self.hold(now))?;
        let minutes = now.0 / 60_000;
        let ahead = (to + DAY - minutes % DAY) % DAY;
        let ahead = if ahead == 0 { DAY } else { ahead };
        Some(Time((minutes + ahead) * 60_000))
    }
}

impl FromStr for Hours {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let minute = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            let two = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
            let (hour, minute) = (two(hour) && two(minute)).then_some((hour, minute))?;
            let (hour, minute): (u64, u64) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60).then_some(hour * 60 + minute)
        };
        let hours = text.split_once('-').and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
        match hours {
            Some((from, to)) if from != to => Ok(Self(Some((from, to)))),
            _ => Err(format!("found hours \"{text}\", expected such as 06:00-22:00, in UTC")),
        }
    }
}

impl std::fmt::Display for Hours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            None => f.write_str("at any hour"),
            Some((from, to)) => write!(
                f,
                "from {:02}:{:02} to {:02}:{:02} UTC",
                from / 60,
                from % 60,
                to / 60,
                to % 60
            ),
        }
    }
}

impl Rules {
    /// The rules of a folder, if it has any. Only its owner may be able to write them, and what else decides: they hand out
    /// keys.
    pub(crate) fn read(dir: &Path) -> Result<Option<Self>, Failure> {
        let path = dir.join(SERVICE);
        if std::fs::metadata(&path).is_err() {
            return Ok(None);
        }
        modes::check(dir, &path)?;
        let rules: Self = profile::read_toml(&path)?;
        rules.check().map_err(|why| Failure::unclear(format!("{}: {why}", path.display())))?;
        for room in &rules.rooms {
            modes::check_room(dir, &room.name)?;
        }
        Ok(Some(rules))
    }

    fn check(&self) -> Result<(), String> {
        if !(1..=300).contains(&self.every_seconds) {
            return Err(format!("every_seconds: found {}, expected 1 to 300", self.every_seconds));
        }
        let mut names = BTreeSet::new();
        for room in &self.rooms {
            if !names.insert(room.name.as_str()) {
                return Err(format!("the room \"{}\" stands there twice: take one out", room.name));
            }
            room.check().map_err(|why| format!("room \"{}\": {why}", room.name))?;
            if self.every_seconds > room.pause() {
                return Err(format!(
                    "every_seconds: found {}, expected at most {}: what is granted in the room \"{}\" would end between two looks",
                    self.every_seconds,
                    room.pause(),
                    room.name
                ));
            }
        }
        Ok(())
    }
}

impl RoomRules {
    fn check(&self) -> Result<(), String> {
        if !(1..=16).contains(&self.instances) {
            return Err(format!("instances: found {}, expected 1 to 16", self.instances));
        }
        if self.close_idle_minutes == Some(0) {
            return Err("close_idle_minutes: found 0, expected at least 1".to_owned());
        }
        let twice = |names: Vec<&str>| {
            let mut seen = BTreeSet::new();
            names.into_iter().find(|name| !seen.insert(*name)).map(str::to_owned)
        };
        let granted = self.grants.iter().map(|rule| rule.dataset.as_str()).collect();
        let watched = self.watches.iter().map(|rule| rule.dataset.as_str()).collect();
        if let Some(dataset) = twice(granted).or_else(|| twice(watched)) {
            return Err(format!(
                "the dataset \"{dataset}\" has two rules of one kind: take one out"
            ));
        }
        for rule in &self.watches {
            rule.options().map_err(|why| format!("watch of {}: {why}", rule.dataset))?;
        }
        for rule in &self.grants {
            if !(1..=LONGEST_MINUTES).contains(&rule.minutes) {
                return Err(format!(
                    "grant of {}: minutes: found {}, expected 1 to {LONGEST_MINUTES}: what is granted unattended ends soon \
                     and is renewed",
                    rule.dataset, rule.minutes
                ));
            }
            if rule.builds.is_empty() {
                return Err(format!("grant of {}: builds: name one at least", rule.dataset));
            }
        }
        Ok(())
    }

    /// Grants no longer than until `end`, when the contract is over.
    pub(crate) fn end_with(&mut self, end: Time) {
        for rule in &mut self.grants {
            rule.until = Some(rule.until.map_or(end, |until| until.min(end)));
        }
    }

    /// Seconds from one visit to the next: well before the shortest grant is over.
    pub(crate) fn pause(&self) -> u64 {
        let shortest = self.grants.iter().map(|rule| rule.minutes).min();
        shortest.unwrap_or(LONGEST_MINUTES).saturating_mul(15).min(60)
    }

    /// Whether the rules fit the room's contract: they are for this one and no other, and name what it has.
    pub(crate) fn fit(&self, contract: &Contract, party: &str) -> Result<(), Failure> {
        if contract.digest != self.contract {
            return Err(Failure::no(format!(
                "the rules for the room \"{}\" are for the contract {}, and the room has {}: nothing is done in it. Look \
                 at what changed (glovebox contract diff), then write the new digest into {SERVICE}",
                self.name,
                self.contract.short(),
                contract.digest.short()
            )));
        }
        let granted = self.grants.iter().map(|rule| &rule.dataset);
        for dataset in granted.chain(self.watches.iter().map(|rule| &rule.dataset)) {
            client::grant::own_dataset(contract, dataset, party)?;
        }
        for name in self.grants.iter().flat_map(|rule| &rule.builds) {
            if !contract.builds.iter().any(|build| build.name == *name) {
                let known: Vec<_> =
                    contract.builds.iter().map(|build| build.name.as_str()).collect();
                return Err(Failure::no(format!(
                    "the rules for the room \"{}\" name the build \"{name}\", and its contract has {}: name one of these",
                    self.name,
                    known.join(", ")
                )));
            }
        }
        Ok(())
    }
}

fn parsed<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<T, D::Error>
where
    T::Err: std::fmt::Display,
{
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}

fn parsed_if_there<'de, D: Deserializer<'de>, T: FromStr>(
    deserializer: D,
) -> Result<Option<T>, D::Error>
where
    T::Err: std::fmt::Display,
{
    parsed(deserializer).map(Some)
}

fn every() -> u64 {
    10
}

fn instances() -> usize {
    2
}

fn longest() -> u64 {
    LONGEST_MINUTES
}

fn max_change() -> u64 {
    20
}

/// The file with the rules.
pub(crate) const SERVICE: &str = "service.toml";
/// The longest that keys are granted unattended, in minutes.
pub(crate) const LONGEST_MINUTES: u64 = 15;
const DAY: u64 = 24 * 60;

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt};

    fn read(text: &str, mode: u32) -> Result<Option<Rules>, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(SERVICE);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Rules::read(dir.path())
    }

    fn room(more: &str) -> String {
        format!("[[room]]\nname = \"spring\"\ncontract = \"{}\"\n{more}", "ab".repeat(48))
    }

    fn refused(more: &str) -> String {
        read(&room(more), 0o600).unwrap_err().to_string()
    }

    const GRANT: &str = "[[room.grant]]\ndataset = \"sales\"\nbuilds = [\"v1\"]\n";

    const WATCH: &str = "[[room.watch]]\ndataset = \"sales\"\nfile = \"sales.csv\"\n";

    #[test]
    fn a_table_is_read_as_its_rule_says() {
        let more = "reading = [\"--map\", \"Mail=email\", \"--country\", \"DE\"]\nrows = 5000\n";
        let rules = read(&room(&format!("{WATCH}{more}")), 0o600).unwrap().unwrap();
        let options = rules.rooms[0].watches[0].options().unwrap();
        assert_eq!(options.reading.map, ["Mail=email"]);
        assert!(options.reading.country.is_some());
        assert_eq!((options.rows, options.max_rejected), (Some(5000), sealing::Share::default()));
    }

    #[test]
    fn a_refusal_says_where_its_advice_stands_in_the_rules() {
        let said = advised(
            "2 of 9 rows are bad, more than 1 % (--max-rejected): --map \"a=b\" or --cut-rows",
        );
        assert!(
            said.ends_with(
                "\nIn service.toml: --cut-rows is for `glovebox seal` by hand, --map stands in `reading`, --max-rejected is \
                 the key max_rejected."
            ),
            "{said}"
        );
        assert_eq!(advised("no such file -- none"), "no such file -- none");
    }

    #[test]
    fn a_rule_ends_with_its_contract_or_before() {
        let end: Time = "2027-01-01T00:00:00Z".parse().unwrap();
        for (until, expected) in [
            ("", end),
            ("until = \"2026-12-24T12:00:00Z\"\n", "2026-12-24T12:00:00Z".parse().unwrap()),
            ("until = \"2027-03-31T00:00:00Z\"\n", end),
        ] {
            let mut rules = read(&room(&format!("{GRANT}{until}")), 0o600).unwrap().unwrap();
            rules.rooms[0].end_with(end);
            assert_eq!(rules.rooms[0].grants[0].until, Some(expected), "{until}");
        }
    }

    #[test]
    fn nothing_is_done_that_is_not_written() {
        let rules = read(&room(""), 0o600).unwrap().unwrap();
        let room = &rules.rooms[0];
        assert!(room.grants.is_empty() && room.watches.is_empty() && room.listen.is_none());
        assert!(room.results.is_none() && room.close_idle_minutes.is_none());
        assert_eq!((room.instances, rules.every_seconds), (2, 10));
        assert!(Rules::read(tempfile::tempdir().unwrap().path()).unwrap().is_none());
    }

    #[test]
    fn rules_that_others_may_write_are_not_followed() {
        assert!(read(&room(GRANT), 0o644).is_ok());
        for mode in [0o620, 0o602, 0o666] {
            let refused = read(&room(GRANT), mode).unwrap_err().to_string();
            assert!(refused.contains("may be written by others"), "{refused}");
        }
    }

    #[test]
    fn refuses_what_would_hand_out_more_than_is_meant() {
        for (more, words) in [
            (&*format!("{GRANT}minutes = 16\n"), "expected 1 to 15"),
            (&format!("{GRANT}minutes = 0\n"), "expected 1 to 15"),
            (&format!("{GRANT}hours = \"6-22\"\n"), "expected such as 06:00-22:00"),
            (&format!("{GRANT}hours = \"06:00-06:00\"\n"), "expected such as 06:00-22:00"),
            (&format!("{GRANT}hours = \"06:00-24:00\"\n"), "expected such as 06:00-22:00"),
            (&format!("{GRANT}until = \"tomorrow\"\n"), "tomorrow"),
            (&format!("{GRANT}{GRANT}"), "two rules of one kind"),
            (&format!("{GRANT}any = true\n"), "any"),
            ("[[room.grant]]\ndataset = \"sales\"\n", "builds"),
            ("[[room.grant]]\ndataset = \"sales\"\nbuilds = []\n", "name one at least"),
            ("instances = 0\n", "expected 1 to 16"),
            (&format!("{WATCH}reading = [\"--mop\", \"a=b\"]\n"), "--mop"),
            (&format!("{WATCH}reading = [\"--max-rejected\", \"50\"]\n"), "a key of its own"),
            (&format!("{WATCH}{WATCH}"), "two rules of one kind"),
            ("close_idle_minutes = 0\n", "at least 1"),
            (&room(""), "stands there twice"),
        ] {
            let refused = refused(more);
            assert!(refused.contains(words), "{more}: {refused}");
        }
        let other = room("").replace("ab", "zz");
        assert!(read(&other, 0o600).is_err(), "a contract is named by its whole digest");
    }

    #[test]
    fn hours_end_also_over_midnight() {
        let at = |text: &str| format!("2026-11-23T{text}:00Z").parse::<Time>().unwrap();
        let day: Hours = "06:00-22:00".parse().unwrap();
        assert!(day.hold(at("06:00")) && day.hold(at("21:59")));
        assert!(!day.hold(at("22:00")) && !day.hold(at("05:59")));
        assert_eq!(day.end(at("21:50")), Some(at("22:00")));
        assert_eq!(day.end(at("22:00")), None);
        let night: Hours = "22:00-06:00".parse().unwrap();
        assert!(night.hold(at("23:00")) && night.hold(at("00:00")) && !night.hold(at("06:00")));
        assert_eq!(night.end(at("05:00")), Some(at("06:00")));
        assert_eq!(night.end(at("23:00")), Some(at("06:00").plus_seconds(86_400)));
        assert_eq!(Hours::default().end(at("05:00")), None);
    }
}
