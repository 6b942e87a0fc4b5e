//! Builds that a party believes no more, kept once in its folder for every command.

mod error;

use crate::{files, keys::is_party};
use attestation_verifier::Pcr;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, io, path::Path};

pub use error::WithdrawnError;

/// The builds on the list in `directory`; none where no list is kept since no party lives there.
///
/// # Errors
///
/// [`WithdrawnError`] if there should be a list and it cannot be read: whoever believes enclaves then must
/// believe none.
pub fn read(directory: &Path) -> Result<Option<Vec<BTreeMap<u8, Pcr>>>, WithdrawnError> {
    let path = directory.join(WITHDRAWN);
    let at = |cause| WithdrawnError::Io { path: path.clone(), cause };
    let bytes = match files::read_at_most(&path, MOST_BYTES) {
        Ok(bytes) => bytes,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            let party = std::fs::metadata(directory).map(|_| is_party(directory));
            return match party.and_then(|exists| exists).map_err(at)? {
                true => Err(WithdrawnError::Missing { path }),
                false => Ok(None),
            };
        }
        Err(cause) => return Err(at(cause)),
    };
    let malformed = |reason: String| WithdrawnError::Malformed { path: path.clone(), reason };
    let list: List = serde_json::from_slice(&bytes).map_err(|why| malformed(why.to_string()))?;
    let builds = list.withdrawn.into_iter().map(|build| {
        let pcrs = build.pcrs.into_iter().map(|(index, hex)| {
            let number = index.parse::<u8>().ok().filter(|number| number.to_string() == index);
            let number = number.ok_or_else(|| malformed(format!("found register {index:?}")))?;
            let pcr =
                hex.parse().map_err(|_| malformed(format!("register {index} has no value")))?;
            Ok((number, pcr))
        });
        let pcrs = pcrs.collect::<Result<BTreeMap<u8, Pcr>, _>>()?;
        if pcrs.is_empty() {
            Err(malformed("a build has no register".to_owned()))
        } else {
            Ok(pcrs)
        }
    });
    Ok(Some(builds.collect::<Result<_, _>>()?))
}

/// Puts `build` on the list, durably; says whether it was not there before.
///
/// # Errors
///
/// [`WithdrawnError`].
pub fn withdraw(directory: &Path, build: &BTreeMap<u8, Pcr>) -> Result<bool, WithdrawnError> {
    let mut builds = read(directory)?.unwrap_or_default();
    if builds.contains(build) {
        return Ok(false);
    }
    builds.push(build.clone());
    write(directory, &builds)?;
    Ok(true)
}

/// Begins an empty list, unless there is one.
///
/// # Errors
///
/// [`WithdrawnError::Io`].
pub fn begin(directory: &Path) -> Result<(), WithdrawnError> {
    let path = directory.join(WITHDRAWN);
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => write(directory, &[]),
        Err(cause) => Err(WithdrawnError::Io { path, cause }),
    }
}

fn write(directory: &Path, builds: &[BTreeMap<u8, Pcr>]) -> Result<(), WithdrawnError> {
    let path = directory.join(WITHDRAWN);
    let build = |pcrs: &BTreeMap<u8, Pcr>| Build {
        pcrs: pcrs.iter().map(|(index, pcr)| (index.to_string(), pcr.to_string())).collect(),
    };
    let list = List { withdrawn: builds.iter().map(build).collect() };
    let malformed = |reason: serde_json::Error| WithdrawnError::Malformed {
        path: path.clone(),
        reason: reason.to_string(),
    };
    let mut text = serde_json::to_vec_pretty(&list).map_err(malformed)?;
    text.push(b'\n');
    files::replace(&path, &text).map_err(|cause| WithdrawnError::Io { path, cause })
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct List {
    withdrawn: Vec<Build>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Build {
    pcrs: BTreeMap<String, String>,
}

/// The list, beside the keys.
pub const WITHDRAWN: &str = "withdrawn.json";

/// Bytes of the list.
const MOST_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Identity;

    fn build(value: u8) -> BTreeMap<u8, Pcr> {
        BTreeMap::from([(0, hex::encode([value; 48]).parse().unwrap())])
    }

    #[test]
    fn keeps_what_was_withdrawn_once_and_in_order() {
        let dir = tempfile::tempdir().unwrap();
        Identity::create(dir.path(), "retailer", None).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(Vec::new()));
        for (value, new) in [(1, true), (2, true), (1, false)] {
            assert_eq!(withdraw(dir.path(), &build(value)).unwrap(), new);
        }
        assert_eq!(read(dir.path()).unwrap(), Some(vec![build(1), build(2)]));
        begin(dir.path()).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(vec![build(1), build(2)]));
    }

    #[test]
    fn refuses_a_party_whose_list_is_missing_or_not_wholly_understood() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None, "no party lives here");
        read(&dir.path().join("nowhere")).unwrap_err();
        Identity::create(dir.path(), "retailer", None).unwrap();
        let path = dir.path().join(WITHDRAWN);
        let pcr = "ab".repeat(48);
        for text in [
            "",
            "[]",
            "{\"withdrawn\": [{}]}",
            "{\"withdrawn\": [{\"pcrs\": {}}]}",
            "{\"withdrawn\": [{\"pcrs\": {\"0\": \"ab\"}}]}",
            &format!("{{\"withdrawn\": [{{\"pcrs\": {{\"+0\": \"{pcr}\"}}}}]}}"),
            &format!("{{\"withdrawn\": [{{\"pcrs\": {{\"0\": \"{pcr}\"}}}}], \"more\": 1}}"),
        ] {
            std::fs::write(&path, text).unwrap();
            let refused = read(dir.path()).unwrap_err();
            assert!(matches!(refused, WithdrawnError::Malformed { .. }), "{text}: {refused}");
        }
        std::fs::remove_file(&path).unwrap();
        let missing = read(dir.path()).unwrap_err();
        assert!(matches!(missing, WithdrawnError::Missing { .. }), "{missing}");
        std::fs::create_dir(&path).unwrap();
        assert!(matches!(read(dir.path()).unwrap_err(), WithdrawnError::Io { .. }));
    }
}
