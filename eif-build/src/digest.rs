//! Digests of files.

use ring::digest::{SHA384, digest};

/// SHA-384, in hexadecimal: how inputs are named in a build manifest.
#[must_use]
pub fn sha384(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA384, bytes))
}
