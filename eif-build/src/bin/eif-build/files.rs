//! Reads and writes whole files.

use crate::failure::Failure;
use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf, absolute},
};

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|cause| Failure::Read { path: path.to_owned(), cause })
}

/// Refuses `paths` of which [`write`] would lose one: the same file twice, or one that is written
/// where another one is prepared.
pub(crate) fn apart(paths: &[&Path]) -> Result<(), Failure> {
    let mut taken = BTreeSet::new();
    for path in paths.iter().map(|path| path.to_path_buf()) {
        for path in [beside(&path), path] {
            if !taken.insert(place(&path)) {
                return Err(Failure::SamePlace { path });
            }
        }
    }
    Ok(())
}

/// Renaming replaces a link, so the last part of a path is its own.
fn place(path: &Path) -> PathBuf {
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    match (path.parent().and_then(|folder| folder.canonicalize().ok()), path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Writes each of `files` beside its name, then removes `stale`, then renames: there is never half
/// a file under a name, and either no name is touched or only a failing rename can stop it.
pub(crate) fn write(files: &[(&Path, &[u8])], stale: &Path) -> Result<(), Failure> {
    let fresh: Vec<PathBuf> = files.iter().map(|(path, _)| beside(path)).collect();
    let written = write_all(files, &fresh, stale);
    if written.is_err() {
        for path in &fresh {
            // The failure above is what matters; this file may not exist.
            let _best_effort = fs::remove_file(path);
        }
    }
    written
}

fn write_all(files: &[(&Path, &[u8])], fresh: &[PathBuf], stale: &Path) -> Result<(), Failure> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        |cause| Failure::Write { path, cause }
    };
    for ((path, bytes), fresh) in files.iter().zip(fresh) {
        fs::write(fresh, bytes).map_err(failed(path))?;
    }
    match fs::remove_file(stale) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed(stale)(cause)),
        _ => {}
    }
    for ((path, _), fresh) in files.iter().zip(fresh) {
        fs::rename(fresh, path).map_err(failed(path))?;
    }
    Ok(())
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}
