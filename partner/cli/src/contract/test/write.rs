//! Writes tests that hold a contract to what it is now.

use super::{
    file::{self, AnswerTest, JobTest, Tests},
    run::{self, Bench},
};
use crate::{
    contract::facts::{self, Parts},
    failure::Failure,
    files,
};
use protocol::{
    contract::{Contract, Terms},
    job::question_from_toml,
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Tests of everything that the contract agrees to, and of each job in `jobs`: it is answered as it is now, and refused to every
/// party that may not ask it or not read its answer. The paths are seen from `folder`.
pub(super) async fn tests(
    bench: &Bench,
    jobs: &[PathBuf],
    folder: &Path,
) -> Result<Tests, Failure> {
    let contract = bench.contract();
    let mut tests = Tests {
        ends_by: Some(contract.expires.to_string()),
        jobs: Vec::new(),
        agreed: agreed(bench),
    };
    for path in jobs {
        let (analysis, terms) = permitted(contract, path)?;
        let text = files::read_text(path)?;
        let file = seen_from(folder, path);
        let of = |name: String, analyst: &str, receiver: &str| JobTest {
            name,
            file: file.clone(),
            analyst: analyst.to_owned(),
            receivers: vec![receiver.to_owned()],
            set: BTreeMap::new(),
            add: BTreeMap::new(),
            refused: None,
            answered: None,
        };
        let (Some(analyst), Some(receiver)) = (terms.analysts.first(), terms.receivers.first())
        else {
            continue;
        };
        let shown = file.display();
        for asks in &terms.analysts {
            let name = format!(
                "{asks} may ask {shown} for {receiver}, and people are protected as agreed"
            );
            let mut test = of(name, asks, receiver);
            // The contract's own floor is looked at, and not the job's.
            test.set = least_floor(&text);
            let job = file::job(folder, &test)?;
            let answered = bench.ask(&test, &job).await?;
            test.answered = Some(AnswerTest {
                shown_from: Some(answered.result.shown_from()),
                people_noise_sd: run::noise(&answered),
                charged: run::charges(&answered),
            });
            tests.jobs.push(test);
        }
        for stranger in contract.parties.keys() {
            if !terms.analysts.contains(stranger) {
                let mut test =
                    of(format!("{stranger} may not ask \"{analysis}\""), stranger, receiver);
                test.refused = Some(said(bench, &test, folder).await?);
                tests.jobs.push(test);
            }
            if !terms.receivers.contains(stranger) {
                let name = format!("{stranger} may not read an answer of \"{analysis}\"");
                let mut test = of(name, analyst, stranger);
                test.refused = Some(said(bench, &test, folder).await?);
                tests.jobs.push(test);
            }
        }
    }
    Ok(tests)
}

/// What the contract says to a job that it refuses.
async fn said(bench: &Bench, test: &JobTest, folder: &Path) -> Result<String, Failure> {
    let job = file::job(folder, test)?;
    match bench.ask(test, &job).await {
        Err(why) => Ok(why.to_string()),
        Ok(_) => Err(Failure::no(format!("{}: but the job was answered", test.name))),
    }
}

fn permitted<'c>(contract: &'c Contract, job: &Path) -> Result<(String, &'c Terms), Failure> {
    let text = files::read_text(job)?;
    let (analysis, _) =
        question_from_toml(&text, contract).map_err(|why| files::named(job, why))?;
    let unknown = || files::named(job, "the contract does not have its analysis");
    let terms = contract.analyses.get(&analysis).ok_or_else(unknown)?;
    Ok((analysis, terms))
}

/// The least floor that a job may ask for, where it asks for one.
fn least_floor(job: &str) -> BTreeMap<String, toml::Value> {
    let Ok(table) = toml::from_str::<toml::Table>(job) else { return BTreeMap::new() };
    let asks = table.iter().filter(|(_, kind)| {
        let privacy = kind.get("privacy").and_then(|privacy| privacy.get("min_cell"));
        privacy.is_some()
    });
    asks.map(|(kind, _)| (format!("{kind}.privacy.min_cell"), 1.into())).collect()
}

/// All that the contract says, but for its end, which `ends_by` has.
fn agreed(bench: &Bench) -> Parts {
    let mut parts = bench.says().clone();
    if let Some(head) = parts.get_mut(facts::HEAD) {
        head.remove(facts::END);
    }
    parts
}

/// `path` as it is written in a file in `folder`.
fn seen_from(folder: &Path, path: &Path) -> PathBuf {
    let whole = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let path = whole(path);
    path.strip_prefix(whole(folder)).map(Path::to_owned).unwrap_or(path)
}
