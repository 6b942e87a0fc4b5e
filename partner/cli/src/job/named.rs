//! A job as a command names it: by its whole name, or by as many digits as other commands print.

use crate::{audit, common_args::Common, failure::Failure, files, result_files, say};
use client::{audit::KeptLog, job::Resubmission};
use protocol::{audit::Event, contract::Contract, job::JobName};
use std::{collections::BTreeSet, fmt, path::Path, str::FromStr};

/// The name of a job, or its first digits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum JobWord {
    Whole(JobName),
    /// At least as many as tell it from others by eye, in small letters.
    Digits(String),
}

impl FromStr for JobWord {
    type Err = NoJobWord;

    fn from_str(text: &str) -> Result<Self, NoJobWord> {
        if let Ok(name) = text.parse() {
            return Ok(Self::Whole(name));
        }
        let digits = text.to_ascii_lowercase();
        let short = (SHORTEST..WHOLE).contains(&digits.len());
        let is_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        if short && is_hex { Ok(Self::Digits(digits)) } else { Err(NoJobWord) }
    }
}

impl fmt::Display for JobWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(name) => name.fmt(f),
            Self::Digits(digits) => f.write_str(digits),
        }
    }
}

/// The text is neither the name of a job nor the beginning of one.
///
/// Remedy: give the digits that `glovebox job submit` or `glovebox audit list` printed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("expected the name of a job, which has 64 hex digits, or the first 8 or more of them")]
pub(crate) struct NoJobWord;

impl JobWord {
    /// The job that is meant, of all that the party's folder knows: those that it submitted, whose results it opened, and of which its
    /// audit logs tell. A whole name is taken even if the folder knows nothing of it.
    pub(crate) fn among_known(
        &self,
        common: &Common,
        contract: &Contract,
    ) -> Result<JobName, Failure> {
        let digits = match self {
            Self::Whole(name) => return Ok(*name),
            Self::Digits(digits) => digits,
        };
        let known = submitted(&common.dir).chain(opened(&common.dir)).chain(told(common, contract));
        let like: BTreeSet<_> = known.filter(|job| job.to_string().starts_with(digits)).collect();
        let mut like = like.into_iter();
        match (like.next(), like.count()) {
            (Some(job), 0) => Ok(job),
            (Some(_), others) => Err(Failure::unclear(format!(
                "{} jobs begin with {digits}: give more digits",
                others.saturating_add(1)
            ))),
            (None, _) => Err(Failure::unclear(format!(
                "{} knows no job that begins with {digits}: `glovebox audit list` and `glovebox job status` list those of the room; all 64 \
                 digits name one that the folder does not know",
                say::name(common.dir.display())
            ))),
        }
    }
}

/// A job that is submitted again: as [`JobWord`], or by an id that was chosen for it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum AgainWord {
    Job(JobWord),
    Chosen(Resubmission),
}

impl FromStr for AgainWord {
    type Err = client::job::InvalidAgain;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(again) => Ok(Self::Chosen(again)),
            Err(invalid) => text.parse().map(Self::Job).map_err(|NoJobWord| invalid),
        }
    }
}

impl AgainWord {
    pub(crate) fn among_known(&self, common: &Common) -> Result<Resubmission, Failure> {
        match self {
            Self::Chosen(again) => Ok(*again),
            Self::Job(word) => {
                Ok(Resubmission::Name(word.among_known(common, &common.contract()?)?))
            }
        }
    }
}

fn submitted(dir: &Path) -> impl Iterator<Item = JobName> + use<> {
    let jobs = files::find(&dir.join("jobs"), "job").unwrap_or_default().into_iter();
    jobs.filter_map(|path| path.file_stem()?.to_str()?.parse().ok())
}

fn opened(dir: &Path) -> impl Iterator<Item = JobName> + use<> {
    let results = result_files::folders(&dir.join(result_files::RESULTS)).unwrap_or_default();
    results.into_iter().filter_map(|folder| result_files::asked_of(&folder)?.parse().ok())
}

fn told(common: &Common, contract: &Contract) -> impl Iterator<Item = JobName> {
    let logs =
        files::find(&common.dir.join(audit::FOLDER), "audit").unwrap_or_default().into_iter();
    let logs =
        logs.filter_map(|path| KeptLog::from_bytes(&files::read(&path).ok()?, contract).ok());
    logs.flat_map(|kept| {
        let job = |event| match event {
            Event::Answered { job, .. } => Some(job),
            _ => None,
        };
        kept.log().texts().filter_map(|entry| job(entry.event)).collect::<Vec<_>>()
    })
}

/// Digits with which a job must be named at least: fewer would be a guess.
const SHORTEST: usize = 8;
/// Digits of a whole name.
const WHOLE: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{self, RoomProfile};

    #[test]
    fn a_job_is_found_by_the_digits_that_other_commands_print() {
        let dir = tempfile::tempdir().unwrap();
        let sample = include_str!("../../../../protocol/src/analysis/lift/sample/contract.toml");
        let contract = rehearsal::with_throw_away_keys(sample).unwrap().unwrap();
        std::fs::create_dir_all(dir.path().join(profile::ROOMS)).unwrap();
        let room = "url = \"https://room.example:7443\"\ncontract = \"spring.signed\"\n";
        std::fs::write(profile::room_file(dir.path(), "spring"), room).unwrap();
        let known: RoomProfile = profile::named(dir.path(), "spring").unwrap();
        let common = Common::of_room(dir.path(), known);
        let [one, other] = ["ab12cd34".repeat(8), format!("ab12cd34{}", "0".repeat(56))];
        let jobs = dir.path().join("jobs");
        std::fs::create_dir(&jobs).unwrap();
        std::fs::write(jobs.join(format!("{one}.job")), "").unwrap();
        let result = dir.path().join("results/spring");
        std::fs::create_dir_all(&result).unwrap();
        std::fs::write(result.join("receipt.cbor"), "").unwrap();
        let named = |text: &str| {
            let word: JobWord = text.parse().map_err(|NoJobWord| "no word".to_owned())?;
            let found = word.among_known(&common, &contract).map_err(|why| why.to_string())?;
            Ok::<_, String>(found.to_string())
        };
        assert_eq!(named("AB12CD34").unwrap(), one);
        std::fs::write(result.join("asked.json"), format!("{{\"job\": \"{other}\"}}")).unwrap();
        assert!(named("ab12cd34").unwrap_err().contains("2 jobs begin with ab12cd34"));
        assert_eq!(named("ab12cd34ab12").unwrap(), one);
        assert_eq!(named("ab12cd340000").unwrap(), other);
        assert!(named("ffffffff").unwrap_err().contains("knows no job that begins with ffffffff"));
        assert_eq!(named(&"f".repeat(64)).unwrap(), "f".repeat(64));
        for text in ["ab12", "ab12cd3x", &"a".repeat(65)] {
            assert_eq!(named(text).unwrap_err(), "no word", "{text}");
        }
    }
}
