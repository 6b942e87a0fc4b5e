//! The lists of opt-outs that an owner has made: one private file for each, signed by its root key.
//!
//! The newest list of a lineage goes with every grant. Earlier ones are kept, since logs and receipts name them.

use crate::files;
use protocol::{
    digest::Digest,
    opt_outs::{NamedOptOuts, OptOutError, OptOuts},
    sign::PublicKey,
};
use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// A list that is kept in a party's folder.
#[derive(Clone)]
#[non_exhaustive]
pub struct KeptOptOuts {
    /// Where it is.
    pub path: PathBuf,
    /// What it says.
    pub list: OptOuts,
    /// The list as the root key signed it.
    pub signed: Vec<u8>,
}

impl fmt::Debug for KeptOptOuts {
    /// Says which list it is, and not who is on it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (path, list) = (&self.path, &self.list);
        let kept = &mut f.debug_struct("KeptOptOuts");
        kept.field("path", path).field("list", list).finish_non_exhaustive()
    }
}

/// The newest list for the people of `lineage` in the party's `directory`, if its root key `root` ever signed one.
///
/// # Errors
///
/// [`OptOutsError`]: if it is not known who is on the list, nothing is granted.
pub fn newest(
    directory: &Path,
    root: &PublicKey,
    lineage: &str,
) -> Result<Option<KeptOptOuts>, OptOutsError> {
    let newest = newest_file(directory, lineage)?;
    newest.map(|path| read(path, root, lineage)).transpose()
}

/// The file of the newest list for the people of `lineage`, whatever is in it: who looks often need not read it.
///
/// # Errors
///
/// [`OptOutsError::Io`].
pub fn newest_file(directory: &Path, lineage: &str) -> Result<Option<PathBuf>, OptOutsError> {
    Ok(paths(directory, lineage)?.pop())
}

/// Every list for the people of `lineage`, the oldest first.
///
/// # Errors
///
/// As [`newest`].
pub fn all(
    directory: &Path,
    root: &PublicKey,
    lineage: &str,
) -> Result<Vec<KeptOptOuts>, OptOutsError> {
    let paths = paths(directory, lineage)?.into_iter();
    paths.map(|path| read(path, root, lineage)).collect()
}

/// The signed list that a manifest of `lineage` names.
///
/// # Errors
///
/// [`OptOutsError::Missing`], or as [`newest`].
pub fn named_by(
    directory: &Path,
    root: &PublicKey,
    lineage: &str,
    named: &NamedOptOuts,
) -> Result<Vec<u8>, OptOutsError> {
    let found = read(path(directory, lineage, named.number), root, lineage);
    match found {
        Ok(kept) if kept.list.named() == *named => Ok(kept.signed),
        Err(OptOutsError::Io { cause, .. }) if cause.kind() != io::ErrorKind::NotFound => {
            let path = path(directory, lineage, named.number);
            Err(OptOutsError::Io { path, cause })
        }
        Ok(_) | Err(OptOutsError::Io { .. }) => {
            Err(OptOutsError::Missing { folder: directory.join(FOLDER) })
        }
        Err(why) => Err(why),
    }
}

/// Keeps a list that `root` signed, where its owner alone can read it; says where.
///
/// # Errors
///
/// [`OptOutsError`]; a list that is kept already is an error.
pub fn keep(
    directory: &Path,
    root: &PublicKey,
    lineage: &str,
    signed: &[u8],
) -> Result<PathBuf, OptOutsError> {
    let folder = directory.join(FOLDER);
    let list = OptOuts::open(signed, root, lineage)
        .map_err(|cause| OptOutsError::Unusable { path: folder.clone(), cause })?;
    let path = path(directory, lineage, list.number());
    files::create_folder(&folder)
        .and_then(|()| files::create_private(&path, signed))
        .map_err(|cause| OptOutsError::Io { path: path.clone(), cause })?;
    Ok(path)
}

fn read(path: PathBuf, root: &PublicKey, lineage: &str) -> Result<KeptOptOuts, OptOutsError> {
    let signed = match files::read_private(&path) {
        Ok(Ok(signed)) => signed.to_vec(),
        Ok(Err(mode)) => return Err(OptOutsError::Exposed { path, mode }),
        Err(cause) => return Err(OptOutsError::Io { path, cause }),
    };
    match OptOuts::open(&signed, root, lineage) {
        Ok(list) => Ok(KeptOptOuts { path, list, signed }),
        Err(cause) => Err(OptOutsError::Unusable { path, cause }),
    }
}

/// The files of the lists of `lineage`, in the order of their numbers.
fn paths(directory: &Path, lineage: &str) -> Result<Vec<PathBuf>, OptOutsError> {
    let folder = directory.join(FOLDER);
    let io = |cause| OptOutsError::Io { path: folder.clone(), cause };
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(io(cause)),
    };
    let begins = begin(lineage);
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(io)?.path();
        let is_one = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| {
            name.starts_with(&begins) && name.ends_with(&format!(".{EXTENSION}"))
        });
        if is_one {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Where the list of this number is. Names sort as numbers do.
fn path(directory: &Path, lineage: &str, number: u64) -> PathBuf {
    directory.join(FOLDER).join(format!("{}{number:020}.{EXTENSION}", begin(lineage)))
}

/// How the names of all lists of a lineage begin: any text can be a lineage, and not the name of a file.
fn begin(lineage: &str) -> String {
    let digest = Digest::of("glovebox lineage v1", lineage.as_bytes()).to_string();
    format!("{}-", digest.chars().take(16).collect::<String>())
}

/// Why a list of opt-outs is not read or kept.
///
/// Remedy: bring back the file as `glovebox optout add` wrote it, for its owner alone (chmod 600); nothing is granted
/// while it is not known who opted out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OptOutsError {
    /// The file is not a list of these people.
    #[error("{path}: {cause}; bring back the file as `glovebox optout add` wrote it")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: OptOutError,
    },
    /// The list that a manifest names is not there.
    #[error(
        "the list of opt-outs that the manifest names is not in {folder}: bring it there from the machine where \
         `glovebox optout add` was run"
    )]
    Missing {
        /// The folder of lists.
        folder: PathBuf,
    },
    /// Others may read the file.
    #[error("{path} can be read by others (mode {mode:o}): run `chmod 600 {path}`")]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Reading or writing.
    #[error("reading or writing {path}: {cause}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// The folder of lists in a party's folder.
pub const FOLDER: &str = "opt-outs";
/// How the name of such a file ends.
pub const EXTENSION: &str = "optouts";

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::{
        identity::{Identifier, match_key},
        sign::SigningKey,
    };
    use std::os::unix::fs::PermissionsExt;
    use zeroize::Zeroizing;

    fn root(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap()
    }

    fn list(lineage: &str, number: u64) -> Vec<u8> {
        let keys = [match_key(Identifier::Email, "ann@example.com").unwrap()].into();
        root(1).sign(&OptOuts::new(lineage, number, [3; 32], &keys).unwrap())
    }

    #[test]
    fn the_newest_list_is_read_and_every_other_can_be_named() {
        let dir = tempfile::tempdir().unwrap();
        let (dir, public) = (dir.path(), root(1).public());
        assert!(newest(dir, &public, "people").unwrap().is_none());
        for number in [9, 10, 1_000_000_000_000] {
            let path = keep(dir, &public, "people", &list("people", number)).unwrap();
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        keep(dir, &public, "others", &list("others", 77)).unwrap();
        let kept = newest(dir, &public, "people").unwrap().unwrap();
        let (printed, bytes) = (format!("{kept:?}"), format!("{:?}", kept.signed));
        assert!(printed.contains("1000000000000") && !printed.contains(&bytes[1..40]), "{printed}");
        assert_eq!(kept.list.number(), 1_000_000_000_000);
        let numbers: Vec<_> =
            all(dir, &public, "people").unwrap().iter().map(|kept| kept.list.number()).collect();
        assert_eq!(numbers, [9, 10, 1_000_000_000_000]);
        let first = OptOuts::open(&list("people", 9), &public, "people").unwrap().named();
        assert_eq!(named_by(dir, &public, "people", &first).unwrap(), list("people", 9));
        for other in [NamedOptOuts { number: 8, ..first }, NamedOptOuts { places: 256, ..first }] {
            let missing = named_by(dir, &public, "people", &other).unwrap_err();
            assert!(matches!(missing, OptOutsError::Missing { .. }), "{missing}");
        }
    }

    #[test]
    fn refuses_a_list_of_another_key_and_one_that_others_can_read() {
        let dir = tempfile::tempdir().unwrap();
        let (dir, public) = (dir.path(), root(1).public());
        let other = keep(dir, &root(2).public(), "people", &list("people", 1)).unwrap_err();
        assert!(matches!(other, OptOutsError::Unusable { cause: OptOutError::Signature, .. }));
        let path = keep(dir, &public, "people", &list("people", 1)).unwrap();
        let twice = keep(dir, &public, "people", &list("people", 1)).unwrap_err();
        assert!(matches!(twice, OptOutsError::Io { .. }), "{twice}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let exposed = newest(dir, &public, "people").unwrap_err();
        assert!(matches!(exposed, OptOutsError::Exposed { mode: 0o644, .. }), "{exposed}");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"spoilt").unwrap();
        assert!(matches!(newest(dir, &public, "people"), Err(OptOutsError::Unusable { .. })));
    }
}
