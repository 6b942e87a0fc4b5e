//! Writes files that are whole or absent, even after a power cut. `object_store` does not call
//! fsync.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// The outcome of a [`put`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Put {
    /// The bytes are kept, by this call or an earlier one.
    Stored,
    /// Other bytes are kept under this name.
    Conflict,
}

/// Writes `name` below `root` unless it exists. The file is on disk when this returns.
///
/// # Errors
///
/// What the file system says; then `name` is as it was before.
pub(crate) fn put(root: &Path, scratch: &Path, name: &str, bytes: &[u8]) -> io::Result<Put> {
    let target = prepare(root, name)?;
    let temporary = write_aside(scratch, bytes)?;
    // Unlike a rename, a link never replaces what is there already.
    let linked = fs::hard_link(&temporary, &target);
    fs::remove_file(&temporary)?;
    match linked {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => return Err(cause),
        _ => {}
    }
    let put = if holds(&target, bytes)? { Put::Stored } else { Put::Conflict };
    sync_up_to(root, &target)?;
    Ok(put)
}

/// Writes `name` in `directory`, in place of what is there. The file is on disk when this returns.
///
/// # Errors
///
/// What the file system says; then `name` is as it was before.
pub(crate) fn replace(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let target = directory.join(name);
    // What a program left there that was killed is written over.
    let temporary = directory.join(format!("{name}.new"));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, &target)?;
    sync_parent(&target)
}

/// Moves a whole file to `name` below `root`, on the same file system. The file is on disk when
/// this returns.
///
/// # Errors
///
/// What the file system says.
pub(crate) fn adopt(root: &Path, name: &str, file: &File, path: &Path) -> io::Result<()> {
    let target = prepare(root, name)?;
    file.sync_all()?;
    fs::rename(path, &target)?;
    sync_up_to(root, &target)?;
    sync_parent(path)
}

/// Bytes that files below `directory` may still take, if this user writes them.
///
/// # Errors
///
/// What the file system says.
pub(crate) fn free_bytes(directory: &Path) -> io::Result<u64> {
    let found = rustix::fs::statvfs(directory)?;
    Ok(found.f_bavail.saturating_mul(found.f_frsize))
}

/// Removes a file, if there is one.
///
/// # Errors
///
/// What the file system says.
pub(crate) fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        _ => Ok(()),
    }
}

/// Makes the entries of the directory that holds `path` durable.
///
/// # Errors
///
/// What the file system says.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

fn prepare(root: &Path, name: &str) -> io::Result<PathBuf> {
    let target = root.join(name);
    fs::create_dir_all(target.parent().unwrap_or(root))?;
    Ok(target)
}

fn write_aside(scratch: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let name = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let path = scratch.join(name);
    let mut file = File::create_new(&path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    match written {
        Ok(()) => Ok(path),
        Err(cause) => {
            remove_if_there(&path)?;
            Err(cause)
        }
    }
}

fn holds(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    Ok(fs::metadata(path)?.len() == length && fs::read(path)? == bytes)
}

/// Every directory from the file's own up to `root` may have a new entry.
fn sync_up_to(root: &Path, target: &Path) -> io::Result<()> {
    target
        .ancestors()
        .skip(1)
        .take_while(|directory| directory.starts_with(root))
        .try_for_each(|directory| File::open(directory)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_may_be_put_again_and_others_may_not() {
        let dir = tempfile::tempdir().unwrap();
        let (root, scratch) = (dir.path().join("blobs"), dir.path().join("tmp"));
        fs::create_dir_all(&scratch).unwrap();
        let name = "results/job/result";
        assert_eq!(put(&root, &scratch, name, b"first").unwrap(), Put::Stored);
        assert_eq!(put(&root, &scratch, name, b"first").unwrap(), Put::Stored);
        assert_eq!(put(&root, &scratch, name, b"other").unwrap(), Put::Conflict);
        assert_eq!(fs::read(root.join(name)).unwrap(), b"first");
        assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "leaves nothing aside");
    }

    #[test]
    fn of_many_writers_of_one_name_exactly_one_wins() {
        let dir = tempfile::tempdir().unwrap();
        let (root, scratch) = (dir.path().join("blobs"), dir.path().join("tmp"));
        fs::create_dir_all(&scratch).unwrap();
        let wins = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8_u8)
                .map(|n| {
                    let (root, scratch) = (&root, &scratch);
                    scope.spawn(move || put(root, scratch, "closings/a", &[n; 100_000]).unwrap())
                })
                .collect();
            let outcomes = writers.into_iter().map(|writer| writer.join().unwrap());
            outcomes.filter(|put| *put == Put::Stored).count()
        });
        assert_eq!(wins, 1);
        let kept = fs::read(root.join("closings/a")).unwrap();
        assert!(kept.len() == 100_000 && kept.iter().all(|byte| *byte == kept[0]));
    }
}
