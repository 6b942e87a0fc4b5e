//! A folder of part files, as clusters write it: one table in several files.

use super::{super::SealError, Part, source};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// The files of the table at `path`: itself, or all in the folder in the order of their names,
/// without those that begin with `_` or `.`, which are marks and not parts.
pub(super) fn parts(path: &Path) -> Result<Vec<Part>, SealError> {
    let failed = |cause| SealError::Io { path: path.to_owned(), cause };
    if source::is_standard_input(path) {
        return Ok(vec![Part { path: path.to_owned(), name: None, size: 0 }]);
    }
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_dir() {
        return Ok(vec![Part { path: path.to_owned(), name: None, size: metadata.len() }]);
    }
    let entries = fs::read_dir(path).map_err(failed)?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>();
    let mut parts = Vec::new();
    for path in paths.map_err(failed)? {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let Some(name) = name.filter(|name| !name.starts_with(['_', '.'])) else { continue };
        let metadata =
            fs::metadata(&path).map_err(|cause| SealError::Io { path: path.clone(), cause })?;
        if metadata.is_dir() {
            return Err(SealError::FolderInFolder { path });
        }
        parts.push(Part { path, name: Some(name), size: metadata.len() });
    }
    parts.sort_by(|one, other| one.name.cmp(&other.name));
    let mut first = None;
    for part in &parts {
        let kind = source::kind(&part.path, &source::head_of(&part.path)?)?;
        if !first.get_or_insert(kind).is_like(kind) {
            return Err(SealError::Mixed { path: part.path.clone() });
        }
    }
    Ok(parts)
}
