//! Files, read and written whole.

use crate::failure::Failure;
use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    fs::read(path).map_err(|cause| Failure::Read { path: path.to_owned(), cause })
}

/// Writes each of `files` beside its name, then removes `stale`, then renames: there is never half
/// a file under a name, and either no name is touched or only a failing rename can stop it.
pub(crate) fn write(files: &[(&Path, &[u8])], stale: &Path) -> Result<(), Failure> {
    let fresh: Vec<PathBuf> = files.iter().map(|(path, _)| beside(path)).collect();
    let written = write_all(files, &fresh, stale);
    if written.is_err() {
        for path in &fresh {
            // The failure above is what matters; this one may not exist.
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
