//! What a person has stopped: the service grants none of it, whatever its rules say.

use crate::{failure::Failure, files};
use protocol::digest::Digest;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// The datasets that are stopped, by contract.
pub(crate) fn read(dir: &Path) -> Result<BTreeMap<String, Vec<String>>, Failure> {
    let path = path(dir);
    if !path.exists() {
        return Ok(BTreeMap::new());
    }
    serde_json::from_slice(&files::read(&path)?).map_err(|why| {
        Failure::unclear(format!("{}: {why}: nothing is granted unattended", path.display()))
    })
}

/// Whether `dataset` is stopped under `contract`.
pub(crate) fn has(dir: &Path, contract: Digest, dataset: &str) -> Result<bool, Failure> {
    let stopped = read(dir)?;
    Ok(stopped.get(&contract.to_string()).is_some_and(|all| all.iter().any(|one| one == dataset)))
}

/// Stops or lets go on; says whether that was new.
pub(crate) fn set(
    dir: &Path,
    contract: Digest,
    dataset: &str,
    stopped: bool,
) -> Result<bool, Failure> {
    let mut all = read(dir)?;
    let listed = all.entry(contract.to_string()).or_default();
    let was = listed.iter().any(|one| one == dataset);
    if was == stopped {
        return Ok(false);
    }
    listed.retain(|one| one != dataset);
    if stopped {
        listed.push(dataset.to_owned());
    }
    let path = path(dir);
    let text = serde_json::to_vec_pretty(&all).map_err(Failure::unclear)?;
    client::files::replace_private(&path, &text).map_err(Failure::writing(&path))?;
    Ok(true)
}

fn path(dir: &Path) -> PathBuf {
    dir.join(STOPPED)
}

/// The list of what is stopped.
pub(super) const STOPPED: &str = "stopped.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stopped_stays_so_until_it_is_let_go_on() {
        let dir = tempfile::tempdir().unwrap();
        let [one, two] = [Digest::of("test", b"1"), Digest::of("test", b"2")];
        assert!(set(dir.path(), one, "sales", true).unwrap());
        assert!(!set(dir.path(), one, "sales", true).unwrap());
        assert!(has(dir.path(), one, "sales").unwrap());
        assert!(
            !has(dir.path(), one, "visits").unwrap() && !has(dir.path(), two, "sales").unwrap()
        );
        assert!(set(dir.path(), one, "sales", false).unwrap());
        assert!(!has(dir.path(), one, "sales").unwrap());
        // A list that cannot be read stops everything.
        std::fs::write(path(dir.path()), "[").unwrap();
        assert!(has(dir.path(), one, "sales").is_err());
    }
}
