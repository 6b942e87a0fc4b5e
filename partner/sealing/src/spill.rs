//! A file for rows that memory has no room for: encrypted under a key that is nowhere else.

use super::SealError;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use zeroize::Zeroize;

/// A file without a name, which the system removes when this process ends, however it ends. What is in it opens under a
/// key that is in this process alone.
pub(super) struct Spill {
    path: PathBuf,
    file: File,
    key: LessSafeKey,
    end: u64,
    chunks: u64,
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
        Ok(Self { path: path.to_owned(), file, key, end: 0, chunks: 0 })
    }

    /// Puts `bytes` into the file, and leaves nothing of them behind.
    pub(super) fn put(&mut self, bytes: &mut Vec<u8>) -> Result<Chunk, SealError> {
        let (number, at) = (self.chunks, self.end);
        let sealed = self.key.seal_in_place_append_tag(nonce(number), Aad::empty(), bytes);
        sealed.map_err(|_| self.failed(io::Error::other("rows cannot be encrypted")))?;
        let written = self.file.seek(SeekFrom::Start(at));
        let written = written.and_then(|_| self.file.write_all(bytes));
        written.map_err(|cause| self.failed(cause))?;
        let length = bytes.len();
        bytes.clear();
        self.chunks += 1;
        self.end += u64::try_from(length).unwrap_or_default();
        Ok(Chunk { number, at, length })
    }

    /// Appends what was put into the file as `chunk` to `bytes`.
    pub(super) fn take(&mut self, chunk: &Chunk, bytes: &mut Vec<u8>) -> Result<(), SealError> {
        let mut sealed = vec![0; chunk.length];
        let read = self.file.seek(SeekFrom::Start(chunk.at));
        let read = read.and_then(|_| self.file.read_exact(&mut sealed));
        read.map_err(|cause| self.failed(cause))?;
        let plain = self.key.open_in_place(nonce(chunk.number), Aad::empty(), &mut sealed);
        let altered = || self.failed(io::Error::other("rows that were set aside were altered"));
        bytes.extend_from_slice(plain.map_err(|_| altered())?);
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
        let mut spill = Spill::create(&path).unwrap();
        let secret = b"ann@example.com".repeat(100);
        let chunks = [(); 3].map(|()| spill.put(&mut secret.clone()).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no name in the folder");
        let mut on_disk = Vec::new();
        spill.file.seek(SeekFrom::Start(0)).unwrap();
        spill.file.read_to_end(&mut on_disk).unwrap();
        assert!(on_disk.len() > 3 * secret.len());
        assert!(!on_disk.windows(7).any(|window| window == b"example"));
        for chunk in chunks.iter().rev() {
            let mut back = Vec::new();
            spill.take(chunk, &mut back).unwrap();
            assert_eq!(back, secret);
        }
        spill.file.seek(SeekFrom::Start(20)).unwrap();
        spill.file.write_all(b"x").unwrap();
        let error = spill.take(&chunks[0], &mut Vec::new()).unwrap_err();
        assert!(error.to_string().contains("altered"), "{error}");
    }
}
