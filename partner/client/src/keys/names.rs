//! What the files of a party's keys are called.

use protocol::delegation::KeyKind;

/// File with the 32-byte seed of a delegated key.
#[must_use]
pub fn key_file(kind: KeyKind) -> String {
    format!("{kind}.key")
}

/// File with the delegation of a key, beside it.
#[must_use]
pub fn delegation_file(kind: KeyKind) -> String {
    format!("{kind}.delegation")
}
