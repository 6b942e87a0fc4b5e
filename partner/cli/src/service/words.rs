//! The rules of a service, as sentences.

use super::rules::{GrantRule, RoomRules, SERVICE, WatchRule};
use crate::words::counted;
use protocol::{contract::Contract, page::number};

impl RoomRules {
    /// Everything that the service does in this room, and on what conditions.
    pub(crate) fn words(&self, contract: &Contract, stopped: &[String]) -> Vec<String> {
        if contract.digest != self.contract {
            return vec![format!(
                "UNATTENDED: NOTHING. The rules in {SERVICE} are for the contract {}, and this room has another one.",
                self.contract.short()
            )];
        }
        let head = "Unattended, `glovebox party serve` does this in the room, under this contract and no other:";
        let mut words = vec![head.to_owned()];
        words.extend(self.grants.iter().map(|rule| self.of_grant(rule)));
        words.extend(self.listen.iter().map(|address| {
            format!(
                "It countersigns jobs at {address}, each for the price that it derives itself, as long as the contract permits \
                 the job and the budget lasts."
            )
        }));
        words.extend(self.watches.iter().map(WatchRule::words));
        words.extend(self.results.iter().map(|folder| {
            format!(
                "It fetches the results that this party receives into {}, each with its page and its receipt, which it checks.",
                folder.display()
            )
        }));
        words.extend(self.close_idle_minutes.map(|minutes| {
            let minutes = counted(minutes, "minute", "minutes");
            format!("It closes the room, FOR EVERY PARTY, when no job was answered for {minutes}.")
        }));
        if words.len() == 1 {
            words.push("Nothing but watching it.".to_owned());
        }
        for dataset in stopped {
            words.push(format!(
                "A person has STOPPED \"{dataset}\": it is not granted unattended until `glovebox party resume {dataset}`."
            ));
        }
        words
    }

    fn of_grant(&self, rule: &GrantRule) -> String {
        let until = rule.until.map(|until| format!(", until {}", number::moment(until)));
        let instances = counted(
            self.instances,
            "instance at one time that has",
            "instances at one time that have",
        );
        format!(
            "It hands the keys of \"{}\" to an instance that it has verified, of the build {}, {}{}; for {} at a time, \
             which it renews. They are in at most {instances} neither closed nor expired. It never grants \
             to a build that this party has withdrawn, and takes back what such an instance has.",
            rule.dataset,
            rule.builds.iter().map(|build| format!("\"{build}\"")).collect::<Vec<_>>().join(" or "),
            rule.hours,
            until.unwrap_or_default(),
            counted(rule.minutes, "minute", "minutes"),
        )
    }
}

impl WatchRule {
    fn words(&self) -> String {
        let file = self.file.display();
        let reading = match self.reading.as_slice() {
            [] => String::new(),
            words => format!(" It reads the table with {}.", words.join(" ")),
        };
        let rows = self.rows.map_or_else(
            || "the next size of a public grid above the rows that there are, so that growth shows when it passes one".to_owned(),
            |rows| counted(rows, "row", "rows"),
        );
        let of_one = self.rows_per_person.map_or_else(
            || "the next size above the most that one has".to_owned(),
            |rows| format!("at most {}", counted(rows, "row", "rows")),
        );
        format!(
            "It seals {file} as a new version of \"{}\" and uploads it, when {file}.ready appears. It refuses the file above {} of \
             bad rows, and holds it for a person if sealed rows, people, keys of several people, values of a column or consents \
             differ from the version before by more than {} %. The first version is compared with nothing.{reading} It declares, for anybody to see, {rows}, and of one person {of_one}.",
            self.dataset, self.max_rejected, self.max_change_percent
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::service::rules::Rules;

    const ALL: &str = r#"
        [[room]]
        name = "spring"
        contract = "DIGEST"
        instances = 3
        listen = "127.0.0.1:7501"
        results = "results/spring"
        close_idle_minutes = 120
        [[room.grant]]
        dataset = "sales"
        builds = ["v1", "v2"]
        hours = "06:00-22:00"
        until = "2027-03-31T00:00:00Z"
        minutes = 5
        [[room.watch]]
        dataset = "sales"
        file = "incoming/sales.csv"
        max_rejected = "0.5"
        max_change_percent = 7
        reading = ["--country", "DE"]
        rows = 5000
        rows_per_person = 64
    "#;

    #[test]
    fn every_rule_is_said_with_every_figure_in_it() {
        let sample = include_str!("../../../../protocol/src/analysis/lift/sample/contract.toml");
        let contract = rehearsal::with_throw_away_keys(sample).unwrap().unwrap();
        let rules =
            |digest: &str| -> Rules { toml::from_str(&ALL.replace("DIGEST", digest)).unwrap() };
        let ours = rules(&contract.digest.to_string());
        let words = ours.rooms[0].words(&contract, &["visits".to_owned()]).join("\n");
        for said in [
            "this contract and no other",
            "\"sales\"",
            "\"v1\" or \"v2\"",
            "from 06:00 to 22:00 UTC",
            "until 2027-03-31 00:00:00 UTC",
            "for 5 minutes at a time",
            "3 instances",
            "countersigns jobs at 127.0.0.1:7501",
            "incoming/sales.csv.ready",
            "0.5 %",
            "more than 7 %",
            "with --country DE",
            "for anybody to see, 5000 rows",
            "of one person at most 64 rows",
            "into results/spring",
            "FOR EVERY PARTY, when no job was answered for 120 minutes",
            "STOPPED \"visits\"",
        ] {
            assert!(words.contains(said), "{said}: {words}");
        }
        let other = rules(&"ab".repeat(48));
        let words = other.rooms[0].words(&contract, &[]);
        assert!(words.len() == 1 && words[0].contains("NOTHING"), "{words:?}");
    }
}
