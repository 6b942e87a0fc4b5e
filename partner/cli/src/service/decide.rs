//! Whether a dataset is granted now: decided from rules, clock and what is known, without asking anybody.

use super::{
    memory::{Kept, Sent},
    rules::{GrantRule, LONGEST_MINUTES},
};
use crate::words::counted;
use protocol::{digest::Digest, time::Time};
use std::fmt;

/// What is known when a rule is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'a> {
    pub(crate) now: Time,
    /// The instance that was verified.
    pub(crate) instance: Digest,
    /// Its build, by the contract's name.
    pub(crate) build: &'a str,
    /// Whether the party has withdrawn this build.
    pub(crate) withdrawn: bool,
    /// Whether a person has stopped the dataset.
    pub(crate) stopped: bool,
    /// When the instance says that it will drop the keys, if it has them.
    pub(crate) open_until: Option<Time>,
    /// Whether it has the newest version that the party sealed.
    pub(crate) newest: bool,
    /// The instances that were handed keys in this room and have not closed.
    pub(crate) kept: &'a [Kept],
    /// In how many of them keys may be at one time.
    pub(crate) most: usize,
}

/// What to do about one dataset.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    /// Grant it, or grant it again, until this time.
    Grant { until: Time, renewed: bool },
    /// Nothing: it is open for long enough.
    Open,
    /// Not granted, nor renewed.
    Held(Why),
    /// What is open is taken back.
    TakeBack(Why),
}

/// Why a dataset is not granted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Why {
    Withdrawn,
    OtherBuild { found: String },
    Stopped,
    OutOfHours,
    Ended { until: Time },
    Instances { most: usize, next: Time },
    TakenBack,
    Unanswered { until: Time },
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Withdrawn => f.write_str("its build was withdrawn"),
            Self::OtherBuild { found } => write!(f, "the rule does not name its build \"{found}\""),
            Self::Stopped => f.write_str("a person stopped it (glovebox party resume lets it go on)"),
            Self::OutOfHours => f.write_str("it is outside of the rule's hours"),
            Self::Ended { until } => write!(f, "the rule ended at {until}"),
            Self::Instances { most, next } => write!(
                f,
                "keys are in {} neither closed nor expired; the next expires at {next}",
                counted(*most, "instance that has", "instances that have")
            ),
            Self::TakenBack => f.write_str(
                "the instance dropped the keys before their time: somebody took the grant back (glovebox party resume lets \
                 it go on)",
            ),
            Self::Unanswered { until } => write!(
                f,
                "the instance was sent keys until {until}, did not answer, and does not have them: they are not sent again \
                 before that, since somebody may have taken them back"
            ),
        }
    }
}

/// Decides about the dataset of `rule`.
pub(crate) fn decide(rule: &GrantRule, known: &Known<'_>) -> Decision {
    let now = known.now;
    let taken_back = |why: Why| match known.open_until {
        Some(_) => Decision::TakeBack(why),
        None => Decision::Held(why),
    };
    let ours = known.kept.iter().find(|kept| kept.instance == known.instance);
    let sent = ours.and_then(|kept| kept.datasets.get(&rule.dataset));
    let ends = |why: Why| match known.open_until {
        Some(open) if sent.is_some_and(|sent| is_the_services(open, sent)) => {
            Decision::TakeBack(why)
        }
        _ => Decision::Held(why),
    };
    if known.withdrawn {
        return taken_back(Why::Withdrawn);
    }
    if known.stopped {
        // A person who stops a dataset means all of it, whoever granted it.
        return taken_back(Why::Stopped);
    }
    if !rule.builds.iter().any(|build| build == known.build) {
        return ends(Why::OtherBuild { found: known.build.to_owned() });
    }
    if let Some(until) = rule.until
        && now >= until
    {
        return ends(Why::Ended { until });
    }
    if !rule.hours.hold(now) {
        return ends(Why::OutOfHours);
    }
    if let (None, Some(sent)) = (known.open_until, sent)
        && let Some(why) = missing(sent, now)
    {
        return Decision::Held(why);
    }
    let others = known.kept.iter().filter(|kept| kept.instance != known.instance);
    let mut ends_of_others: Vec<Time> =
        others.filter_map(|kept| kept.last()).filter(|last| *last > now).collect();
    ends_of_others.sort();
    if ends_of_others.len() >= known.most {
        let next = ends_of_others.first().copied().unwrap_or(now);
        return Decision::Held(Why::Instances { most: known.most, next });
    }
    let minutes = rule.minutes.min(LONGEST_MINUTES);
    let mut until = now.plus_seconds(minutes * 60);
    for end in [rule.until, rule.hours.end(now)].into_iter().flatten() {
        until = until.min(end);
    }
    match known.open_until {
        // It is renewed when two thirds are left, so that two looks may fail.
        Some(open) if known.newest && open.0 >= now.0 + (until.0 - now.0) * 2 / 3 => Decision::Open,
        Some(open) if known.newest && open >= until => Decision::Open,
        open => Decision::Grant { until, renewed: open.is_some() },
    }
}

/// Whether a grant that is open until `open` is the service's, which `sent` it last, whether or not the host let the answer
/// through. What a person granted by hand for longer ends when that person said.
pub(super) fn is_the_services(open: Time, sent: &Sent) -> bool {
    open.0 <= sent.until.0.saturating_add(MINUTE_MS)
}

/// Why nothing is sent to an instance that does not have what it was sent.
fn missing(sent: &Sent, now: Time) -> Option<Why> {
    let ahead = |until: Time| until.0 > now.0.saturating_add(MINUTE_MS);
    if ahead(sent.confirmed) {
        return Some(Why::TakenBack);
    }
    (sent.unanswered && ahead(sent.until)).then_some(Why::Unanswered { until: sent.until })
}

/// Two clocks may differ by so much.
const MINUTE_MS: u64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn rule() -> GrantRule {
        GrantRule {
            dataset: "sales".to_owned(),
            builds: vec!["v1".to_owned()],
            hours: "06:00-22:00".parse().unwrap(),
            until: Some(at("2026-12-24T12:00:00Z")),
            minutes: 15,
        }
    }

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn instance(number: u8) -> Digest {
        Digest::of("test", &[number])
    }

    fn kept(number: u8, until: Time) -> Kept {
        let sent = Sent { until, confirmed: until, unanswered: false };
        Kept { instance: instance(number), datasets: BTreeMap::from([("sales".to_owned(), sent)]) }
    }

    fn known<'a>(now: Time, kept: &'a [Kept]) -> Known<'a> {
        Known {
            now,
            instance: instance(1),
            build: "v1",
            withdrawn: false,
            stopped: false,
            open_until: None,
            newest: true,
            kept,
            most: 2,
        }
    }

    #[test]
    fn grants_for_a_quarter_of_an_hour_and_renews_before_it_ends() {
        let noon = at("2026-12-01T12:00:00Z");
        let until = noon.plus_seconds(900);
        let decided = decide(&rule(), &known(noon, &[]));
        assert_eq!(decided, Decision::Grant { until, renewed: false });
        let kept = [kept(1, until)];
        for (seconds, renewed) in [(0, false), (290, false), (310, true), (800, true)] {
            let now = noon.plus_seconds(seconds);
            let decided = decide(&rule(), &Known { open_until: Some(until), ..known(now, &kept) });
            let again = Decision::Grant { until: now.plus_seconds(900), renewed: true };
            assert_eq!(decided, if renewed { again } else { Decision::Open }, "{seconds}");
        }
        // A new version does not wait.
        let now = noon.plus_seconds(10);
        let newer = Known { open_until: Some(until), newest: false, ..known(now, &kept) };
        assert!(matches!(decide(&rule(), &newer), Decision::Grant { renewed: true, .. }));
    }

    #[test]
    fn a_grant_ends_with_the_hours_and_with_the_rule() {
        let decided = decide(&rule(), &known(at("2026-12-01T21:50:00Z"), &[]));
        let until = at("2026-12-01T22:00:00Z");
        assert_eq!(decided, Decision::Grant { until, renewed: false });
        // What is granted to the end is not granted again and again.
        let kept = [kept(1, until)];
        for now in ["2026-12-01T21:50:10Z", "2026-12-01T21:59:50Z"] {
            let decided =
                decide(&rule(), &Known { open_until: Some(until), ..known(at(now), &kept) });
            assert_eq!(decided, Decision::Open, "{now}");
        }
        let decided = decide(&rule(), &known(at("2026-12-24T11:55:00Z"), &[]));
        let until = at("2026-12-24T12:00:00Z");
        assert_eq!(decided, Decision::Grant { until, renewed: false });
        let over = known(at("2026-12-24T12:00:00Z"), &[]);
        assert_eq!(decide(&rule(), &over), Decision::Held(Why::Ended { until }));
        let night = known(at("2026-12-01T22:00:00Z"), &[]);
        assert_eq!(decide(&rule(), &night), Decision::Held(Why::OutOfHours));
    }

    #[test]
    fn what_is_open_is_taken_back_once_it_would_not_be_granted() {
        let noon = at("2026-12-01T12:00:00Z");
        let kept = [kept(1, noon.plus_seconds(900))];
        let open = Known { open_until: Some(noon.plus_seconds(900)), ..known(noon, &kept) };
        let past = at("2026-12-01T23:00:00Z");
        for (known, why) in [
            (Known { withdrawn: true, ..open }, Why::Withdrawn),
            (Known { stopped: true, ..open }, Why::Stopped),
            (Known { build: "v2", ..open }, Why::OtherBuild { found: "v2".to_owned() }),
            (Known { now: past, ..open }, Why::OutOfHours),
        ] {
            assert_eq!(decide(&rule(), &known), Decision::TakeBack(why.clone()));
            let closed = Known { open_until: None, ..known };
            assert_eq!(decide(&rule(), &closed), Decision::Held(why));
        }
        // What a person granted by hand is left to that person, unless its build is withdrawn or a person stops it.
        let by_hand = Known { now: past, kept: &[], ..open };
        assert_eq!(decide(&rule(), &by_hand), Decision::Held(Why::OutOfHours));
        let stopped = Known { stopped: true, ..by_hand };
        assert_eq!(decide(&rule(), &stopped), Decision::TakeBack(Why::Stopped));
        let withdrawn = Known { withdrawn: true, ..by_hand };
        assert_eq!(decide(&rule(), &withdrawn), Decision::TakeBack(Why::Withdrawn));
        // So it is if the service had granted it before.
        for (seconds, is_ours) in [(60, true), (61, false), (86_400, false)] {
            let longer = Some(noon.plus_seconds(900 + seconds));
            let other = Known { build: "v2", open_until: longer, ..open };
            let why = Why::OtherBuild { found: "v2".to_owned() };
            let expected = if is_ours { Decision::TakeBack(why) } else { Decision::Held(why) };
            assert_eq!(decide(&rule(), &other), expected, "{seconds}");
            for (known, why) in [
                (Known { withdrawn: true, ..other }, Why::Withdrawn),
                (Known { stopped: true, ..other }, Why::Stopped),
            ] {
                assert_eq!(decide(&rule(), &known), Decision::TakeBack(why));
            }
        }
    }

    #[test]
    fn twenty_instances_of_a_host_get_the_keys_of_two() {
        let noon = at("2026-12-01T12:00:00Z");
        let [soon, later] = [noon.plus_seconds(300), noon.plus_seconds(600)];
        let two = [kept(2, later), kept(3, soon)];
        let held = Decision::Held(Why::Instances { most: 2, next: soon });
        assert_eq!(decide(&rule(), &known(noon, &two)), held);
        // The next one that expires makes room, so two kills shut nobody out for long.
        let decided = decide(&rule(), &known(soon, &two));
        assert!(matches!(decided, Decision::Grant { renewed: false, .. }));
        // An instance that has keys goes on having them.
        let three = [kept(1, noon.plus_seconds(30)), kept(2, later)];
        let open = Known { open_until: Some(noon.plus_seconds(30)), ..known(noon, &three) };
        assert!(matches!(decide(&rule(), &open), Decision::Grant { renewed: true, .. }));
    }

    #[test]
    fn what_somebody_took_back_is_not_given_again() {
        let noon = at("2026-12-01T12:00:00Z");
        let before = [kept(1, noon.plus_seconds(600))];
        assert_eq!(decide(&rule(), &known(noon, &before)), Decision::Held(Why::TakenBack));
        // What has expired was not taken back.
        let before = [kept(1, noon)];
        assert!(matches!(decide(&rule(), &known(noon, &before)), Decision::Grant { .. }));
    }

    #[test]
    fn a_grant_whose_answer_was_cut_is_taken_back_and_not_given_again_before_its_end() {
        let noon = at("2026-12-01T12:00:00Z");
        let until = noon.plus_seconds(600);
        let lost = Sent { until, confirmed: Time(0), unanswered: true };
        let mut sent = [kept(1, until)];
        sent[0].datasets.insert("sales".to_owned(), lost);
        let cut = known(noon, &sent);
        let stopped = Known { open_until: Some(until), stopped: true, ..cut };
        assert_eq!(decide(&rule(), &stopped), Decision::TakeBack(Why::Stopped));
        assert_eq!(decide(&rule(), &cut), Decision::Held(Why::Unanswered { until }));
        let over = Known { now: until, ..cut };
        assert!(matches!(decide(&rule(), &over), Decision::Grant { .. }));
        // So it is if the service ended while it took them back.
        let mut memory = sent.clone();
        memory[0].datasets.insert("sales".to_owned(), Sent { confirmed: Time(0), ..lost });
        assert_eq!(
            decide(&rule(), &known(noon, &memory)),
            Decision::Held(Why::Unanswered { until })
        );
        // A service that crashed before it sent them sends them when it is back.
        let mut crashed = sent.clone();
        crashed[0].datasets.insert("sales".to_owned(), Sent { unanswered: false, ..lost });
        assert!(matches!(decide(&rule(), &known(noon, &crashed)), Decision::Grant { .. }));
    }
}
