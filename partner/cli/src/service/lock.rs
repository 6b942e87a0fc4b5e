//! One service in a party's folder at a time.

use super::{folder, kept};
use crate::failure::Failure;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    thread::sleep,
    time::Duration,
};

/// Makes sure that no other service runs in this folder, until the file is dropped: two would each have keys in as many
/// instances as one may.
pub(crate) fn take(dir: &Path) -> Result<File, Failure> {
    let (folder, path) = (folder(dir), kept(dir, LOCK));
    client::files::create_folder(&folder).map_err(Failure::writing(&folder))?;
    let options =
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let file = options.map_err(Failure::writing(&path))?;
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // A command may only look whether a service runs.
            Err(TryLockError::WouldBlock) => sleep(PAUSE),
            Err(TryLockError::Error(cause)) => return Err(Failure::writing(&path)(cause)),
        }
    }
    Err(Failure::no(format!(
        "another service runs in {}: two would hand out twice what the rules say",
        dir.display()
    )))
}

/// Whether a service runs in this folder now.
pub(crate) fn is_taken(dir: &Path) -> Result<bool, Failure> {
    let path = kept(dir, LOCK);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(cause) => return Err(Failure::reading(&path)(cause)),
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(false),
        Err(TryLockError::WouldBlock) => Ok(true),
        Err(TryLockError::Error(cause)) => Err(Failure::reading(&path)(cause)),
    }
}

/// The file that is locked.
const LOCK: &str = "lock";
const TRIES: u32 = 10;
const PAUSE: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whether_a_service_runs_is_known_and_two_never_do() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!is_taken(dir.path()).unwrap());
        let first = take(dir.path()).unwrap();
        assert!(is_taken(dir.path()).unwrap());
        let refused = take(dir.path()).unwrap_err().to_string();
        assert!(refused.contains("another service runs in"), "{refused}");
        drop(first);
        assert!(!is_taken(dir.path()).unwrap());
        take(dir.path()).unwrap();
    }
}
