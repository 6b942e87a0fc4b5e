//! `glovebox contract test`: does a contract still permit what it must, and refuse what it must?

mod file;
mod run;
mod write;

use crate::{document, failure::Failure, files, say};
use file::Tests;
use run::Bench;
use serde::Serialize;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Test a contract: which jobs it must permit and which it must refuse, on made-up rows in a simulated room
///
/// The tests are in a file beside the contract, CONTRACT.tests.toml. --write makes one from the contract as it is, with the jobs
/// that are given: keep it, edit it, and run it on every draft. It holds all that the contract says: whoever adds a party, a reader,
/// an analysis or a build, or changes a number, a role or a word turns a test red, which names the change; only an earlier end is
/// let pass. Signed or not, with keys or without. Exit code: 0 all pass, 1 one does not, 2 not a contract or not tests.
#[derive(Debug, clap::Args)]
pub(crate) struct Test {
    /// The contract, signed or not; throw-away keys and builds replace its own, which may be missing
    contract: PathBuf,

    /// The file of tests [default: CONTRACT.tests.toml, without .signed]
    #[arg(long, value_name = "FILE")]
    tests: Option<PathBuf>,

    /// Write the file of tests from the contract as it is now
    #[arg(long)]
    write: bool,

    /// With --write, the TOML of a job that must be answered; once for each
    #[arg(long = "job", value_name = "FILE", requires = "write")]
    jobs: Vec<PathBuf>,
}

impl Test {
    pub(crate) async fn run(&self) -> Result<ExitCode, Failure> {
        let (text, _) = files::contract_text(&self.contract)?;
        let text = String::from_utf8(text).map_err(Failure::unclear)?;
        let path = self.tests.clone().unwrap_or_else(|| beside(&self.contract));
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        say::note(
            "SIMULATED: made-up rows, throw-away keys and a simulated enclave, in this process.",
        );
        let bench = Bench::new(&text).map_err(Failure::unanswered)?;
        if self.write {
            return self.write(&bench, &path, folder).await;
        }
        let outcomes = bench.run(&Tests::read(&path)?, folder).await?;
        let red = outcomes.iter().filter(|outcome| outcome.flaw.is_some()).count();
        let all = outcomes.iter().map(|outcome| Shown {
            test: &outcome.name,
            passes: outcome.flaw.is_none(),
            why: outcome.flaw.as_deref(),
        });
        document::fields(&serde_json::json!({"tests": all.collect::<Vec<_>>()}))?;
        for outcome in &outcomes {
            match &outcome.flaw {
                None => say::result(format_args!("passes  {}", outcome.name))?,
                Some(why) => say::result(format_args!("FAILS   {}\n        {why}", outcome.name))?,
            }
        }
        if red == 0 {
            say::note(format_args!("All {} tests pass.", outcomes.len()));
            return Ok(ExitCode::SUCCESS);
        }
        Err(Failure::no(format!(
            "{red} of {} tests of {} fail: the contract is not what {} says",
            outcomes.len(),
            self.contract.display(),
            path.display()
        )))
    }

    async fn write(&self, bench: &Bench, path: &Path, folder: &Path) -> Result<ExitCode, Failure> {
        if path.exists() {
            let path = path.display();
            return Err(Failure::unclear(format!(
                "{path} exists already, and nothing is written over it: name another file with --tests"
            )));
        }
        let tests = write::tests(bench, &self.jobs, folder).await?;
        let text = toml::to_string_pretty(&tests).map_err(Failure::unclear)?;
        files::write(path, format!("{HEAD}\n{text}").as_bytes())?;
        document::fields(&serde_json::json!({"file": path}))?;
        say::result(path.display())?;
        if self.jobs.is_empty() {
            say::note(
                "No job was given with --job, so nothing says yet who may ask what, from how many people on it is shown and with how \
                 much noise.",
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A test in a document.
#[derive(Serialize)]
struct Shown<'a> {
    test: &'a str,
    passes: bool,
    why: Option<&'a str>,
}

/// The file of tests beside a contract: that of `spring.toml` and of `spring.toml.signed` is `spring.tests.toml`.
fn beside(contract: &Path) -> PathBuf {
    let name = contract.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(".signed").unwrap_or(&name);
    let stem = name.strip_suffix(".toml").unwrap_or(name);
    contract.with_file_name(format!("{stem}.tests.toml"))
}

const HEAD: &str = "# What this contract must say, permit and refuse: `glovebox contract test` compares it with [agreed], fact by fact, and\n\
    # runs each [[job]] in a simulated room, on made-up rows. Each says what must happen: answered, with what must hold of\n\
    # it, or refused, in words that contain these. `set` says what the job's file says otherwise, by the path of a field\n\
    # that it has, and `add` what it does not say.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_has_one_file_of_tests_before_and_after_it_is_signed() {
        for name in ["a/spring.toml", "a/spring.toml.signed", "a/spring.signed"] {
            assert_eq!(beside(Path::new(name)), Path::new("a/spring.tests.toml"), "{name}");
        }
    }
}
