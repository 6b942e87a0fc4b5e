//! A file for rows that memory has no room for: encrypted under a key that is nowhere else.

use super::SealError;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};
use zeroize::Zeroize;

/// A file without a name, which the system removes when this process ends, however it ends. What is in it opens under a
/// key that is in this process alone.
pub(super) struct Spill {
    path: PathBuf,
    file: File,
    key: LessSafeKey,
    end: AtomicU64,
    chunks: AtomicU64,
}

/// What was put into the file at one time.
pub(super) struct Chunk {
    number: u64,
    at: u64,
    length: usize,
}

impl Chunk {
    /// Its bytes in the file, which are a few more than were put into it.
    pub(super) fn length(&self) -> usize {
        self.length
    }
}

impl Spill {
    /// Opens a new file at `path`, which is gone again from there before anything is in it.
    pub(super) fn create(path: &Path) -> Result<Self, SealError> {
        let failed = |cause| SealError::Io { path: path.to_owned(), cause };
        // One that was killed in between left an empty file.
        match fs::remove_file(path) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed(cause)),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create_new(true).mode(0o600);
        let file = options.open(path).map_err(failed)?;
        fs::remove_file(path).map_err(failed)?;
        let mut secret = [0; 32];
        SystemRandom::new().fill(&mut secret).map_err(|_| SealError::Randomness)?;
        let key = UnboundKey::new(&AES_256_GCM, &secret).map_err(|_| SealError::Randomness);
        secret.zeroize();
        let key = LessSafeKey::new(key?);
        let (end, chunks) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { path: path.to_owned(), file, key, end, chunks })
    }

    /// Puts `bytes` into the file, and leaves nothing of them behind.
    pub(super) fn put(&self, bytes: &mut Vec<u8>) -> Result<Chunk, SealError> {
        // Each number is given once, on whichever thread.
        let number = self.chunks.fetch_add(1, Ordering::Relaxed);
        let sealed = self.key.seal_in_place_append_tag(nonce(number), Aad::empty(), bytes);
        sealed.map_err(|_| self.failed(io::Error::other("rows cannot be encrypted")))?;
        let length = bytes.len();
        let at = u64::try_from(length).unwrap_or(u64::MAX);
        let at = self.end.fetch_add(at, Ordering::Relaxed);
        self.file.write_all_at(bytes, at).map_err(|cause| self.failed(cause))?;
        bytes.clear();
        Ok(Chunk { number, at, length })
    }

    /// Appends what was put into the file as `chunk` to `bytes`.
    pub(super) fn take(&self, chunk: &Chunk, bytes: &mut Vec<u8>) -> Result<(), SealError> {
        let start = bytes.len();
        bytes.resize(start + chunk.length, 0);
        let sealed = bytes.get_mut(start..).unwrap_or_default();
        let read = self.file.read_exact_at(sealed, chunk.at);
        read.map_err(|cause| self.failed(cause))?;
        let plain = self.key.open_in_place(nonce(chunk.number), Aad::empty(), sealed);
        let altered = || self.failed(io::Error::other("rows that were set aside were altered"));
        let length = plain.map_err(|_| altered())?.len();
        bytes.truncate(start + length);
        Ok(())
    }

    fn failed(&self, cause: io::Error) -> SealError {
        SealError::Io { path: self.path.clone(), cause }
    }
}

/// Chunks are numbered, and the key is of this file alone.
fn nonce(number: u64) -> Nonce {
    let mut bytes = [0; 12];
    if let Some(place) = bytes.last_chunk_mut() {
        *place = number.to_be_bytes();
    }
    Nonce::assume_unique_for_key(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_aside_comes_back_and_is_nowhere_to_be_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sales.sealed.spill");
        fs::write(&path, b"left by another").unwrap();
        let spill = Spill::create(&path).unwrap();
        let secret = b"ann@example.com".repeat(100);
        let chunks = [(); 3].map(|()| spill.put(&mut secret.clone()).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no name in the folder");
        let length = spill.file.metadata().unwrap().len();
        let mut on_disk = vec![0; usize::try_from(length).unwrap()];
        spill.file.read_exact_at(&mut on_disk, 0).unwrap();
        assert!(on_disk.len() > 3 * secret.len());
        assert!(!on_disk.windows(7).any(|window| window == b"example"));
        for chunk in chunks.iter().rev() {
            let mut back = Vec::new();
            spill.take(chunk, &mut back).unwrap();
            assert_eq!(back, secret);
        }
        spill.file.write_all_at(b"x", 20).unwrap();
        let error = spill.take(&chunks[0], &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("altered"), "{error}");
    }
}
