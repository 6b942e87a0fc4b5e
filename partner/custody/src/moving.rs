//! Moves a ledger to another place, once: the old one refuses for ever, and only the place that it was moved to can take it.
//!
//! A copy of a ledger would hand out the same budget twice. So the new place makes a secret first and shows its digest, the old ledger
//! writes that digest as its last change, and only a folder with that secret takes what it leaves, and uses the secret up.

use super::{
    accounts::{generation_of, stored},
    database::{DATABASE, connect, is_of, prepare},
    error::LedgerError,
    generation::Generation,
    ledger::Ledger,
    moved::{LedgerMove, MARK, moved, must_be_here, row},
};
use client::{
    files,
    keys::{Identity, random},
};
use protocol::{digest::Digest, time::Time};
use rusqlite::params;
use std::{
    io,
    path::{Path, PathBuf},
};

/// A ledger that was taken.
#[derive(Debug)]
#[non_exhaustive]
pub struct Arrived {
    /// The ledger, which hands out again.
    pub ledger: Ledger,
    /// Its number of changes when it was moved.
    pub generation: u64,
}

/// Makes `directory` the place that a ledger may be moved to, and gives the name of the place. Asking again gives the same
/// name, until a ledger has arrived.
///
/// # Errors
///
/// [`LedgerError::Exists`] where a ledger is that was not moved away.
pub fn expect_ledger(directory: &Path) -> Result<Digest, LedgerError> {
    refuse_ledger(directory)?;
    if let Some(name) = place(directory)? {
        return Ok(name);
    }
    let path = directory.join(SECRET);
    let secret = random::<32>().map_err(|why| LedgerError::Keys(Box::new(why)))?;
    files::create_private(&path, &secret).map_err(|cause| LedgerError::Io { path, cause })?;
    Ok(Digest::of(TAG, &secret))
}

/// Takes the ledger in `file` into the folder of `identity`, which must be the place that it was moved to. The secret of the place
/// is used up.
///
/// # Errors
///
/// [`LedgerError::NotExpected`], [`LedgerError::NotMoved`], [`LedgerError::OtherPlace`], [`LedgerError::OtherKeys`]; or
/// [`LedgerError::Exists`]. Then nothing was changed.
pub fn take_ledger(identity: &Identity, file: &Path) -> Result<Arrived, LedgerError> {
    let directory = identity.directory();
    let place = place(directory)?.ok_or(LedgerError::NotExpected)?;
    refuse_ledger(directory)?;
    let at = |path: &Path| {
        let path = path.to_owned();
        move |cause| LedgerError::Io { path, cause }
    };
    let bytes = std::fs::read(file).map_err(at(file))?;
    let arriving = directory.join(ARRIVING);
    let journal = directory.join(format!("{ARRIVING}-journal"));
    // What a take that was stopped left is not of this file: SQLite would roll it back into it.
    remove(&journal)?;
    files::replace_private(&arriving, &bytes).map_err(at(&arriving))?;
    let taken = take(identity, (&arriving, file), place);
    if taken.is_err() {
        // What was wrong is said; a file that is left would be replaced.
        let _ = std::fs::remove_file(&arriving);
    }
    let generation = taken?;
    let path = directory.join(DATABASE);
    std::fs::rename(&arriving, &path).map_err(at(&path))?;
    remove(&journal)?;
    [MARK, SECRET].iter().try_for_each(|used| remove(&directory.join(used)))?;
    Ok(Arrived { ledger: Ledger::open(identity)?, generation })
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> Result<(), LedgerError> {
    match std::fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
            Err(LedgerError::Io { path: path.to_owned(), cause })
        }
        _ => Ok(()),
    }
}

/// Makes the arriving database, a copy of `file`, one of this place, and the counter beside it; gives its last generation elsewhere.
fn take(
    identity: &Identity,
    (arriving, file): (&Path, &Path),
    place: Digest,
) -> Result<u64, LedgerError> {
    let not_one = |why| match why {
        LedgerError::Database(cause)
            if cause.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) =>
        {
            LedgerError::NotMoved
        }
        LedgerError::OtherFormat { .. } => LedgerError::NotMoved,
        LedgerError::OtherKeys { .. } => LedgerError::OtherKeys { path: file.to_owned() },
        why => why,
    };
    let mut db = connect(arriving).map_err(not_one)?;
    is_of(&db, arriving, &identity.root_key()).map_err(not_one)?;
    prepare(&db)?;
    let found = row(&db)?.ok_or(LedgerError::NotMoved)?;
    if found.destination != place {
        return Err(LedgerError::OtherPlace { found: found.destination, expected: place });
    }
    let generation = generation_of(&db)?;
    let next = generation.saturating_add(1);
    let counter = Generation::open(identity.directory())?;
    counter.lock()?;
    let taken = (|| {
        // Where this ledger was before, it was younger.
        let before = counter.read()?;
        if before != Generation::LOST && before > next {
            return Err(LedgerError::Restored { found: next, expected: before });
        }
        let tx = db.transaction()?;
        tx.execute(
            "INSERT INTO arrivals (destination, generation, time) VALUES (?1, ?2, ?3)",
            params![place.as_bytes().as_slice(), stored(generation), stored(found.time.0)],
        )?;
        tx.execute("DELETE FROM moved", [])?;
        tx.execute("UPDATE generation SET n = ?1", [stored(next)])?;
        tx.commit()?;
        Ok(counter.write(next)?)
    })();
    counter.unlock()?;
    taken.map(|()| generation)
}

impl Ledger {
    /// Moves this ledger to `destination`, and writes what that place takes into `file`. Its last change is on disk before the
    /// file is written; it hands out nothing from then on, whatever backup of it is put back here. The same again writes the file
    /// again.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Moved`] if it was moved elsewhere; [`LedgerError::Restored`] for a restored backup.
    pub fn move_to(
        &mut self,
        destination: Digest,
        file: &Path,
        now: Time,
    ) -> Result<u64, LedgerError> {
        let before = self.moved()?;
        if let Some(LedgerMove { destination: to, time }) =
            before.filter(|moved| moved.destination != destination)
        {
            return Err(LedgerError::Moved { to, time });
        }
        let (path, directory) = (self.path(), self.directory());
        if before.is_none() {
            self.locked(|tx, counter| {
                let known = generation_of(tx)?;
                if known < counter {
                    return Err(LedgerError::Restored { found: known, expected: counter });
                }
                must_be_here(tx, &directory)?;
                tx.execute(
                    "INSERT INTO moved (destination, time) VALUES (?1, ?2)",
                    params![destination.as_bytes().as_slice(), stored(now.0)],
                )?;
                Ok(((), known.saturating_add(1)))
            })?;
        }
        let at = |path: &Path| {
            let path = path.to_owned();
            move |cause| LedgerError::Io { path, cause }
        };
        // A backup that is put back here has no such row.
        let mark = directory.join(MARK);
        files::replace_private(&mark, destination.to_string().as_bytes()).map_err(at(&mark))?;
        let bytes = std::fs::read(&path).map_err(at(&path))?;
        files::create_private(file, &bytes).map_err(at(file))?;
        generation_of(self.db())
    }

    /// Where this ledger went, if it was moved.
    ///
    /// # Errors
    ///
    /// [`LedgerError`] if the files cannot be read.
    pub fn moved(&self) -> Result<Option<LedgerMove>, LedgerError> {
        moved(self.db(), &self.directory())
    }
}

/// The name of the place, if it expects a ledger.
fn place(directory: &Path) -> Result<Option<Digest>, LedgerError> {
    let path = directory.join(SECRET);
    let exposed = |mode| {
        let why = format!("others can read it (mode {mode:o}), expected 600");
        LedgerError::Io { path: path.clone(), cause: io::Error::other(why) }
    };
    match files::read_private(&path) {
        Ok(found) => Ok(Some(Digest::of(TAG, &found.map_err(exposed)?))),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(LedgerError::Io { path, cause }),
    }
}

/// Refuses a folder with a ledger that was not moved away.
fn refuse_ledger(directory: &Path) -> Result<(), LedgerError> {
    let path: PathBuf = directory.join(DATABASE);
    let there = path.try_exists().map_err(|cause| LedgerError::Io { path: path.clone(), cause })?;
    if !there {
        return Ok(());
    }
    let db = connect(&path)?;
    prepare(&db)?;
    if moved(&db, directory)?.is_some() { Ok(()) } else { Err(LedgerError::Exists { path }) }
}

/// The secret of a place that expects a ledger.
const SECRET: &str = "custody.expects";
/// The database that is being taken.
const ARRIVING: &str = "custody.arriving";
const TAG: &str = "glovebox ledger place v1";
