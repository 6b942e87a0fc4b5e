//! Files that wait for a person: which very file it is, and whether the person has accepted it.

use super::kept;
use crate::{failure::Failure, files};
use client::store::root_of;
use protocol::merkle::Root;
use std::{
    fs::File,
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// What is written down of the watched file of one dataset in one room, where the service alone writes.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    held: PathBuf,
    accepted: PathBuf,
}

impl Marks {
    pub(crate) fn of(dir: &Path, room: &str, dataset: &str) -> Self {
        let path = |end: &str| kept(dir, &format!("{room}.{dataset}.{end}"));
        Self { held: path(HELD), accepted: path("accepted") }
    }

    /// The file with this root waits for a person.
    pub(super) fn hold(&self, root: Root) -> Result<(), Failure> {
        files::write_private(&self.held, root.to_string().as_bytes())
    }

    /// Whether `file` is the one that a person has accepted, and its root: that counts once.
    pub(super) fn take_accepted(&self, file: &Path) -> Result<Option<Root>, Failure> {
        let Some(accepted) = read(&self.accepted)? else { return Ok(None) };
        std::fs::remove_file(&self.accepted).map_err(Failure::writing(&self.accepted))?;
        let root = root(file)?;
        Ok((accepted == root.to_string()).then_some(root))
    }

    /// Lets the service take the held `file` after all: the very one that it held.
    pub(crate) fn accept(&self, file: &Path) -> Result<(), Failure> {
        let [held, refused, ready] = [HELD, REFUSED, READY].map(|end| files::with_end(file, end));
        let (found, file) = (root(file), file.display());
        if !held.exists() {
            return Err(Failure::no(if refused.exists() {
                format!(
                    "{file} was refused and not held, so nobody can accept it as it is: the journal says why \
                     (`glovebox journal`). Mend it, and make {file}.{READY} again"
                )
            } else {
                format!("{file} is not held: nothing was changed")
            }));
        }
        let Some(expected) = read(&self.held)? else {
            return Err(Failure::no(format!(
                "nothing says which file was held as {file} in this room: nothing was accepted. Name the room with --room, or make \
                 {file}.{READY} to have it looked at as a new file"
            )));
        };
        let found = found?.to_string();
        if expected != found {
            return Err(Failure::no(format!(
                "{file} is another file than the one that was held: nothing was accepted. To have it looked at as a new file, \
                 make {file}.{READY}"
            )));
        }
        files::write_private(&self.accepted, found.as_bytes())?;
        std::fs::rename(&held, &ready).map_err(Failure::writing(&ready))
    }
}

/// What tells a file from one that was written in its place or over it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Stamp {
    device: u64,
    inode: u64,
    bytes: u64,
    written: (i64, i64),
}

impl Stamp {
    pub(super) fn of(path: &Path) -> Result<Self, Failure> {
        let found = std::fs::metadata(path).map_err(Failure::reading(path))?;
        Ok(Self {
            device: found.dev(),
            inode: found.ino(),
            bytes: found.len(),
            written: (found.mtime(), found.mtime_nsec()),
        })
    }
}

/// The root of a file, as it is now.
pub(super) fn root(path: &Path) -> Result<Root, Failure> {
    let read = File::open(path).and_then(|mut file| root_of(&mut file));
    read.map(|(root, _)| root).map_err(Failure::reading(path))
}

/// What a mark says, if there is one.
fn read(mark: &Path) -> Result<Option<String>, Failure> {
    match std::fs::read_to_string(mark) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(Failure::reading(mark)(cause)),
    }
}

/// What stands beside a file that is ready to be taken, while it is taken, and once it was.
pub(super) const READY: &str = "ready";
pub(super) const TAKING: &str = "taking";
pub(super) const TAKEN: &str = "taken";
/// A person decides about it.
pub(super) const HELD: &str = "held";
/// It cannot be sealed as it is.
pub(super) const REFUSED: &str = "refused";

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_very_file_that_was_held_is_accepted_once_in_its_room_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sales.csv");
        let held = files::with_end(&file, HELD);
        let [spring, autumn] =
            ["spring", "autumn"].map(|room| Marks::of(dir.path(), room, "sales"));
        let hold = |text: &str| {
            fs::write(&file, text).unwrap();
            fs::write(&held, "").unwrap();
            spring.hold(root(&file).unwrap()).unwrap();
        };
        let refused = spring.accept(&file).unwrap_err().to_string();
        assert!(refused.contains("is not held"), "{refused}");

        hold("one");
        fs::write(&file, "two").unwrap();
        let refused = spring.accept(&file).unwrap_err().to_string();
        assert!(refused.contains("another file than the one that was held"), "{refused}");
        assert!(held.exists());
        autumn.accept(&file).unwrap_err();

        hold("one");
        spring.accept(&file).unwrap();
        assert!(!held.exists() && files::with_end(&file, READY).exists());
        assert_eq!(autumn.take_accepted(&file).unwrap(), None);
        assert_eq!(spring.take_accepted(&file).unwrap(), Some(root(&file).unwrap()));
        assert_eq!(spring.take_accepted(&file).unwrap(), None);

        // Replaced after it was accepted: then it is another file again.
        hold("one");
        spring.accept(&file).unwrap();
        let before = Stamp::of(&file).unwrap();
        fs::write(dir.path().join("new"), "two").unwrap();
        fs::rename(dir.path().join("new"), &file).unwrap();
        assert_ne!(Stamp::of(&file).unwrap(), before);
        assert_eq!(spring.take_accepted(&file).unwrap(), None);

        fs::write(files::with_end(&file, REFUSED), "").unwrap();
        fs::remove_file(files::with_end(&file, READY)).unwrap();
        let refused = spring.accept(&file).unwrap_err().to_string();
        assert!(refused.contains("was refused and not held"), "{refused}");
    }
}
