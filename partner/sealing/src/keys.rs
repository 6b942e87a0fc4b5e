//! The file of column keys, which never leaves the owner.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use client::files;
use protocol::{key::DataKey, merkle::Root};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Reads the keys that [`super::seal()`] or a script with pyarrow wrote. Others must not be able to.
///
/// # Errors
///
/// [`KeysError`].
pub fn read_keys(path: &Path) -> Result<BTreeMap<String, DataKey>, KeysError> {
    read(path).map(|(keys, _)| keys)
}

/// Reads the keys of the sealed file whose Merkle root is `root`.
///
/// # Errors
///
/// [`KeysError::OtherFile`] if they say that they are those of another one; else as [`read_keys`].
pub fn read_keys_of(root: &Root, path: &Path) -> Result<BTreeMap<String, DataKey>, KeysError> {
    match read(path)? {
        (_, Some(found)) if found != root.to_string() => {
            Err(KeysError::OtherFile { path: path.to_owned(), expected: root.to_string() })
        }
        (keys, _) => Ok(keys),
    }
}

/// The Merkle root of the sealed file that the keys in `path` say they open; none in a file that says nothing of it.
///
/// # Errors
///
/// As [`read_keys`].
pub fn sealed_file_of(path: &Path) -> Result<Option<String>, KeysError> {
    read(path).map(|(_, sealed)| sealed)
}

/// The keys, and the root of the sealed file that they say they open.
fn read(path: &Path) -> Result<(BTreeMap<String, DataKey>, Option<String>), KeysError> {
    let at = || path.to_owned();
    let bytes = files::read_private(path)
        .map_err(|cause| KeysError::Io { path: at(), cause })?
        .map_err(|mode| KeysError::Open { path: at(), mode })?;
    let malformed = || KeysError::Malformed { path: at() };
    let file: File = serde_json::from_slice(&bytes).map_err(|_| malformed())?;
    if file.format != FORMAT {
        return Err(malformed());
    }
    let keys = file.keys.into_iter().map(|(column, text)| {
        let bytes = Zeroizing::new(BASE64.decode(text.as_bytes()).map_err(|_| malformed())?);
        let mut key = bytes.as_slice().try_into().map_err(|_| malformed())?;
        Ok((column, DataKey::take(&mut key)))
    });
    Ok((keys.collect::<Result<_, _>>()?, file.sealed))
}

/// The file's bytes, for the keys of the sealed file whose Merkle root is `root`.
pub(super) fn to_json(keys: &BTreeMap<String, DataKey>, root: Option<&Root>) -> Zeroizing<Vec<u8>> {
    let text = |key: &DataKey| Zeroizing::new(BASE64.encode(key.expose()));
    let keys = keys.iter().map(|(column, key)| (column.clone(), text(key))).collect();
    let file = File { format: FORMAT.to_owned(), sealed: root.map(Root::to_string), keys };
    let mut json = Zeroizing::new(Vec::with_capacity(4096));
    serde_json::to_writer_pretty(&mut *json, &file).expect("invariant: names and text encode");
    json.push(b'\n');
    json
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    /// Merkle root of the file that the keys open; a script need not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sealed: Option<String>,
    keys: BTreeMap<String, Zeroizing<String>>,
}

/// Why a file of keys cannot be read.
///
/// Remedy: give the .keys file that was written beside the sealed file, with mode 600.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The file system.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// Others may read it.
    #[error("{} has mode {mode:03o}, expected 600: others may read it", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Keys of another sealed file.
    #[error(
        "{}: these are the keys of another sealed file, not of the one with the root {expected} that the \
         manifest names: give the .keys file that was written beside it",
        path.display()
    )]
    OtherFile {
        /// The file.
        path: PathBuf,
        /// Root that the manifest names.
        expected: String,
    },
    /// Not the format.
    #[error("{}: expected {FORMAT}: JSON of base64 keys of 32 bytes", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

const FORMAT: &str = "glovebox-keys-v1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_the_bytes_of_the_vector() {
        let vector = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/sealed-v2");
        let bytes = std::fs::read(vector.join("sales.keys")).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sales.keys");
        files::create_private(&path, &bytes).unwrap();
        let keys = read_keys(&path).unwrap();
        assert_eq!(keys.len(), 7);
        assert_eq!(*to_json(&keys, None), bytes);
    }
}
