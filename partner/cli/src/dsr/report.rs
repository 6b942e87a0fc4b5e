//! What is known of one person in one room, for the owner and for whoever answers the person.

use super::{
    answers::{LogEnd, OpenGrant, ReadAnswer, Seen},
    versions::FoundVersion,
};
use crate::{failure::Failure, say, words::counted};
use protocol::{job::JobName, page::number, text::in_shell, time::Time};
use sealing::PersonRows;

/// One room.
pub(super) struct RoomReport {
    room: String,
    own: Vec<String>,
    versions: Vec<FoundVersion>,
    seen: Seen,
    now: Time,
}

/// Since when no answer counts the person, as far as logs and receipts go.
struct Since<'a> {
    /// The last answer that contains them, or may.
    last: &'a ReadAnswer,
    /// The first one after it.
    first: Option<(&'a JobName, &'a ReadAnswer)>,
}

impl RoomReport {
    pub(super) fn new(
        room: String,
        own: Vec<String>,
        versions: Vec<FoundVersion>,
        seen: Seen,
        now: Time,
    ) -> Self {
        Self { room, own, versions, seen, now }
    }

    /// The newest version of each of the party's datasets.
    fn newest(&self) -> impl Iterator<Item = &FoundVersion> {
        self.own.iter().filter_map(|name| self.versions.iter().rfind(|v| v.dataset == *name))
    }

    /// Grants that have not ended.
    fn open(&self) -> impl Iterator<Item = &OpenGrant> {
        self.seen.granted.iter().filter(|grant| grant.not_after > self.now)
    }

    /// Whether the person is in a version that is the newest or granted.
    pub(super) fn counts(&self) -> bool {
        let in_newest = self.newest().any(|version| version.counting().is_ok_and(|rows| rows > 0));
        in_newest || self.open().any(|grant| grant.contains == Some(true))
    }

    /// Whether the answer to [`Self::counts`] rests on everything that it needs.
    pub(super) fn is_told(&self) -> bool {
        let all_sealed = self.own.iter().all(|name| self.newest().any(|v| v.dataset == *name));
        // Without a log nobody knows which version is granted: an old one may be.
        let in_none =
            || self.versions.iter().all(|v| v.person.as_ref().is_ok_and(|found| found.rows == 0));
        all_sealed
            && (!self.seen.logs.is_empty() || in_none())
            && self.newest().all(|version| version.counting().is_ok())
            && self.open().all(|grant| grant.contains.is_some())
            && self.seen.unread.is_empty()
    }

    /// The answers in the order of time.
    fn answers(&self) -> Vec<(&JobName, &ReadAnswer)> {
        let mut answers: Vec<_> = self.seen.answers.iter().collect();
        answers.sort_by_key(|(_, answer)| answer.time);
        answers
    }

    /// Since when no answer counts the person; `None` if none ever did.
    fn since(&self) -> Option<Since<'_>> {
        let answers = self.answers();
        let at = answers.iter().rposition(|(_, answer)| answer.contains != Some(false))?;
        let (_, last) = answers.get(at)?;
        let first = answers.get(at.saturating_add(1)).copied();
        Some(Since { last, first })
    }

    pub(super) fn print(&self) -> Result<(), Failure> {
        say::result(format_args!("Room \"{}\"", say::name(&self.room)))?;
        if self.own.is_empty() {
            return say::result(
                "  This party owns no dataset in it, so nobody is in one of its sealed files.",
            );
        }
        for name in self.own.iter().filter(|name| self.newest().all(|v| v.dataset != **name)) {
            say::result(format_args!("  {name}: no sealed file of it is in this folder"))?;
        }
        self.versions
            .iter()
            .try_for_each(|version| say::result(format_args!("  {}", sealed(version))))?;
        self.open().try_for_each(|grant| {
            say::result(format_args!(
                "  {} is granted to the instance {} until {}, version {}: {}",
                grant.dataset,
                grant.instance.short(),
                number::moment(grant.not_after),
                grant.manifest.short(),
                if grant.contains == Some(true) {
                    "STILL COUNTED there"
                } else {
                    has(grant.contains)
                }
            ))
        })?;
        say::result("  Answers that read this party's data:")?;
        for (job, answer) in self.answers() {
            say::result(format_args!("    {}", line(job, answer)))?;
        }
        say::result(format_args!("  {}", self.since_which_job()))?;
        self.seen.logs.iter().try_for_each(|log| say::result(format_args!("    {}", ends(log))))?;
        for (path, why) in &self.seen.unread {
            say::result(format_args!(
                "  NOT READ: {}: {}",
                say::name(path.display()),
                say::name(why)
            ))?;
        }
        self.steps().iter().try_for_each(|step| say::result(format_args!("  {step}")))
    }

    fn since_which_job(&self) -> String {
        let as_far = if self.seen.logs.is_empty() {
            "This folder keeps no audit log, so answers may be missing here: `glovebox audit list` gets the log."
        } else {
            "As far as the logs go, which `glovebox audit check` holds against receipts and closings:"
        };
        let said = match self.since() {
            None if self.seen.answers.is_empty() => "No answer is known.".to_owned(),
            None => "No answer contains the person.".to_owned(),
            Some(Since { last, first: Some((job, first)) }) => format!(
                "From job {} of {} on no answer counts the person; the last one that does, or may, is of {}.",
                job.short(),
                number::moment(first.time),
                number::moment(last.time)
            ),
            Some(Since { last, first: None }) => format!(
                "The last answer, of {}, contains the person or may: nothing was answered since.",
                number::moment(last.time)
            ),
        };
        format!("{said} {as_far}")
    }

    /// What is left to do, in the order in which it has to be done.
    fn steps(&self) -> Vec<String> {
        let holds =
            |version: &&FoundVersion| version.person.as_ref().is_ok_and(|person| person.rows > 0);
        let mut steps = Vec::new();
        for version in self.newest().filter(holds) {
            let name = &version.dataset;
            let is_open =
                |grant: &&OpenGrant| grant.dataset == *name && grant.contains == Some(true);
            if version.counting() != Ok(0) {
                steps.push(format!(
                    "To do: put the person on the list of opt-outs, with every identifier that is known, and grant {name} again: glovebox \
                     optout add --from FILE --dataset {name}; then glovebox grant {name}. From then on no job counts them."
                ));
                steps.push(format!(
                    "To do at once, to stop {name} until then: glovebox grant {name} --revoke"
                ));
            } else if self.open().any(|grant| is_open(&grant)) {
                steps.push(format!(
                    "To do: grant {name} again, since an instance has an older list of opt-outs, or none: glovebox grant {name}"
                ));
            }
            steps.push(format!(
                "To do when {name} is sealed next: take the person out of the table, too, since the sealed file still has their rows: glovebox seal \
                 TABLE --dataset {name}; then upload and grant it. An instance that was granted a newer version takes no older one."
            ));
        }
        let newest: Vec<_> = self.newest().map(|version| &version.manifest).collect();
        let old = self.versions.iter().filter(holds);
        for version in old.filter(|version| !newest.contains(&&version.manifest)) {
            let stem = version.stem.display().to_string();
            steps.push(format!(
                "To do: have the host delete the old version, and remove its keys so that nobody can grant it again: glovebox delete {}; then \
                 overwrite {}",
                in_shell(&format!("{stem}.sealed")),
                in_shell(&format!("{stem}.keys"))
            ));
        }
        steps
    }

    pub(super) fn as_json(&self) -> serde_json::Value {
        let versions = self.versions.iter().map(|version| {
            let found = version.person.as_ref();
            serde_json::json!({
                "dataset": version.dataset, "version": version.number, "manifest": version.manifest, "stem": version.stem,
                "rows": found.ok().map(|person| person.rows), "refused_rows": found.ok().map(|person| person.refused),
                "why_not": found.err(), "counting_rows": version.counting().ok(),
                "opt_outs": version.listed.last().map(|list| list.made.to_string()),
            })
        });
        let answers = self.answers().into_iter().map(|(job, answer)| {
            serde_json::json!({
                "job": job.to_string(), "time": answer.time.to_string(), "analyst": answer.analyst, "analysis": answer.analysis,
                "question": answer.kind, "receivers": answer.receivers, "contains": answer.contains, "is_model": answer.is_model,
                "folder": answer.folder,
            })
        });
        let granted = self.open().map(|grant| {
            serde_json::json!({
                "dataset": grant.dataset, "manifest": grant.manifest, "instance": grant.instance,
                "not_after": grant.not_after.to_string(), "contains": grant.contains,
            })
        });
        let logs = self.seen.logs.iter().map(|log| {
            serde_json::json!({
                "instance": log.instance, "entries": log.entries, "time": log.time.map(|time| time.to_string()),
                "closed": log.is_closed,
            })
        });
        let since = self.since();
        let first = since.as_ref().and_then(|since| since.first).map(|(job, _)| job.to_string());
        serde_json::json!({
            "room": self.room, "counts": self.counts(), "told": self.is_told(),
            "versions": versions.collect::<Vec<_>>(), "answers": answers.collect::<Vec<_>>(),
            "granted": granted.collect::<Vec<_>>(), "logs": logs.collect::<Vec<_>>(),
            "last_counted": since.map(|since| since.last.time.to_string()), "not_counted_from_job": first,
            "not_read": self.seen.unread.iter().map(|(path, _)| path).collect::<Vec<_>>(), "steps": self.steps(),
        })
    }
}

fn sealed(version: &FoundVersion) -> String {
    let person = match &version.person {
        Ok(PersonRows { rows: 0, .. }) => "the person is not in it".to_owned(),
        Ok(PersonRows { rows, refused: 0, .. }) => {
            format!("IN IT, {}", counted(*rows, "row", "rows"))
        }
        Ok(PersonRows { rows, refused, .. }) => {
            format!("IN IT, {}, {refused} of them without consent", counted(*rows, "row", "rows"))
        }
        Err(why) => format!("CANNOT BE TOLD: {}", say::name(why)),
    };
    let list = match (version.listed.last(), version.counting()) {
        (Some(list), Ok(0)) if version.person.as_ref().is_ok_and(|found| found.rows > 0) => {
            format!(
                "; taken out by the list of opt-outs of {}, once it is granted",
                number::moment(list.made)
            )
        }
        (Some(list), Ok(left)) if left > 0 => {
            format!("; the list of opt-outs of {} leaves {left} of them", number::moment(list.made))
        }
        _ => String::new(),
    };
    format!(
        "{} version {} (manifest {}, {}): {person}{list}",
        version.dataset,
        version.number,
        version.manifest.short(),
        version.stem.display()
    )
}

fn line(job: &JobName, answer: &ReadAnswer) -> String {
    let what = if answer.is_model == Some(true) { ", a model" } else { "" };
    let receivers: Vec<String> = answer.receivers.iter().map(say::name).collect();
    let at = answer.folder.as_ref().map_or_else(String::new, |at| format!(", in {}", at.display()));
    format!(
        "{}  {} ({}{what}), asked by {}, read by {}, job {}{at}: {}",
        number::moment(answer.time),
        say::name(&answer.analysis),
        answer.kind,
        say::name(&answer.analyst),
        receivers.join(", "),
        job.short(),
        has(answer.contains)
    )
}

/// Whether something contains the person, in words.
fn has(contains: Option<bool>) -> &'static str {
    match contains {
        Some(true) => "CONTAINS the person",
        Some(false) => "does not contain the person",
        None => "CANNOT BE TOLD: the version that it read is not in this folder with its keys",
    }
}

fn ends(log: &LogEnd) -> String {
    let end = match (log.is_closed, log.time) {
        (true, _) => "to its closing: nothing follows".to_owned(),
        (false, Some(time)) => format!("to what it told {}", number::moment(time)),
        (false, None) => "as far as it was got".to_owned(),
    };
    format!(
        "the log of instance {}, {}, {end}",
        log.instance.short(),
        counted(log.entries, "entry", "entries")
    )
}
