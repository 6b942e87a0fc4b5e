//! Files that must be private, or on disk before anything else happens.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Makes a folder for its owner alone, and the folders above it that are missing.
///
/// # Errors
///
/// What the file system says.
pub fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a new file that only its owner may read.
///
/// # Errors
///
/// What the file system says; an existing file is an error.
pub fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    sync_parent(path)
}

/// Replaces a file as a whole. The new file is on disk once this returns.
///
/// # Errors
///
/// What the file system says.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    sync_parent(path)
}

/// Replaces a file by one that only its owner may read, whatever lies where it is written first; durable once this
/// returns.
///
/// # Errors
///
/// What the file system says; the file is then what it was.
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let fresh = written_first(path);
    match std::fs::remove_file(&fresh) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
        _ => {}
    }
    let done = create_private(&fresh, bytes).and_then(|()| std::fs::rename(&fresh, path));
    if done.is_err() {
        // Nothing can be done about what cannot be removed either; what is said is why it was not replaced.
        std::fs::remove_file(&fresh).unwrap_or_default();
    }
    done?;
    sync_parent(path)
}

/// What [`replace_private`] writes before it takes the place of `path`; whoever is stopped may leave it.
#[must_use]
pub fn written_first(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// Reads a file that nobody but its owner may read. If others may read it, its mode is returned.
///
/// # Errors
///
/// What the file system says.
pub fn read_private(path: &Path) -> io::Result<Result<Zeroizing<Vec<u8>>, u32>> {
    let mut file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Ok(Err(mode));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(64));
    read_open(&mut file, MOST_BYTES, &mut bytes)?;
    Ok(Ok(bytes))
}

/// Reads the bytes of `path` if there are at most `most`: a file from others may have any size.
///
/// # Errors
///
/// [`io::ErrorKind::FileTooLarge`] before anything is read if the file says its size; else what the file
/// system says.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    read_open(&mut File::open(path)?, most, &mut bytes)?;
    Ok(bytes)
}

fn read_open(file: &mut File, most: u64, bytes: &mut Vec<u8>) -> io::Result<()> {
    let too_large = |found: &str| {
        let why = format!("found {found} bytes, expected a file of at most {most}");
        io::Error::new(io::ErrorKind::FileTooLarge, why)
    };
    let size = file.metadata()?.len();
    if size > most {
        return Err(too_large(&size.to_string()));
    }
    // A pipe has no size, and a file may grow.
    file.take(most.saturating_add(1)).read_to_end(bytes)?;
    match u64::try_from(bytes.len()) {
        Ok(read) if read <= most => Ok(()),
        _ => Err(too_large("more")),
    }
}

/// SHA-256 of `bytes`, as `sha256sum` prints it.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex::encode(ring::digest::digest(&ring::digest::SHA256, bytes))
}

fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Largest file of keys that is read, in bytes: many times what a thousand columns need.
const MOST_BYTES: u64 = 1 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_the_size_that_it_may_have() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        std::fs::write(&path, "1234").unwrap();
        assert_eq!(read_at_most(&path, 4).unwrap(), b"1234");
        let refused = read_at_most(&path, 3).unwrap_err();
        assert_eq!(refused.to_string(), "found 4 bytes, expected a file of at most 3");
        // It has no size, and no end.
        let refused = read_at_most(Path::new("/dev/zero"), 1 << 16).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
    }
}
