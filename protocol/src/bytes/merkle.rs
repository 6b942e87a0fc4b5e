//! Merkle trees with RFC 9162 hashing under SHA-384: over the blocks of a blob and over a log.
//!
//! A leaf is `SHA-384(0x00 ‖ entry)` and a node `SHA-384(0x01 ‖ left ‖ right)`; the left subtree of n
//! entries holds the largest power of two below n. A blob's entries are the SHA-256 of its blocks of
//! [`BLOCK_LEN`] bytes, the last of which may be shorter: processors have instructions for SHA-256, and a
//! sealed file is hashed whole before anything in it is believed. The two prefixes make the root say how
//! many entries there are, so a blob's length needs no other proof.
//!
//! Source: RFC 9162, section 2.1, <https://www.rfc-editor.org/rfc/rfc9162#section-2.1>.

use ring::digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// Bytes in one block of a blob; the last block of a blob may be shorter.
pub const BLOCK_LEN: usize = 64 * 1024;

/// The root of a Merkle tree; for a blob also its name.
///
/// Text (display, parsing, JSON, TOML) is 96 lowercase hex digits; CBOR is a byte string.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Root(pub [u8; 48]);

/// Computes the root of a blob that arrives piece by piece, in memory O(log n).
pub struct MerkleBuilder {
    block: digest::Context,
    filled: usize,
    blocks: Peaks,
}

impl MerkleBuilder {
    /// A builder that has seen no byte.
    #[must_use]
    pub fn new() -> Self {
        Self { block: block_context(), filled: 0, blocks: Peaks::default() }
    }

    /// Takes the next bytes; how the blob is cut into pieces does not matter.
    pub fn update(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let (now, later) = rest.split_at(rest.len().min(BLOCK_LEN - self.filled));
            self.block.update(now);
            self.filled += now.len();
            if self.filled == BLOCK_LEN {
                self.close_block();
            }
            rest = later;
        }
    }

    /// The root over all bytes taken.
    #[must_use]
    pub fn finish(mut self) -> Root {
        if self.filled > 0 {
            self.close_block();
        }
        self.blocks.root()
    }

    fn close_block(&mut self) {
        let block = std::mem::replace(&mut self.block, block_context());
        self.blocks.push(leaf_hash(block.finish().as_ref()));
        self.filled = 0;
    }
}

impl Default for MerkleBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MerkleBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MerkleBuilder").field("blocks", &self.blocks.count).finish_non_exhaustive()
    }
}

/// The root of a blob that is in memory.
#[must_use]
pub fn root_of(blob: &[u8]) -> Root {
    let mut builder = MerkleBuilder::new();
    builder.update(blob);
    builder.finish()
}

/// The root of a tree of which only the leaf hashes are at hand, as when blocks are checked one by one.
#[must_use]
pub fn root_of_leaves(leaves: &[Root]) -> Root {
    let mut peaks = Peaks::default();
    leaves.iter().for_each(|leaf| peaks.push(*leaf));
    peaks.root()
}

/// The hash of one entry: an entry of a log, or the SHA-256 of a block of a blob.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Root {
    let mut context = leaf_context();
    context.update(entry);
    Root::from_digest(context.finish())
}

/// An append-only log, in memory O(log n): whoever has the leaves has its root at every size.
#[derive(Clone, Debug, Default)]
pub struct MerkleLog {
    peaks: Peaks,
}

impl MerkleLog {
    /// An empty log.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an entry whose hash is `leaf` ([`leaf_hash`]).
    pub fn append(&mut self, leaf: Root) {
        self.peaks.push(leaf);
    }

    /// The number of entries so far, and the root over them; of none the hash of nothing.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { size: self.peaks.count, root: self.peaks.root() }
    }
}

/// The root and size of a log at some moment.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// Number of entries.
    pub size: u64,
    /// Root over them.
    pub root: Root,
}

/// Roots of the full subtrees of a growing tree, largest first: one per set bit of `count`.
#[derive(Clone, Debug, Default)]
struct Peaks {
    roots: Vec<Root>,
    count: u64,
}

impl Peaks {
    fn push(&mut self, leaf: Root) {
        self.count += 1;
        let mut merged = leaf;
        for _ in 0..self.count.trailing_zeros() {
            let Some(left) = self.roots.pop() else { break };
            merged = node(&left, &merged);
        }
        self.roots.push(merged);
    }

    fn root(&self) -> Root {
        let joined = self.roots.iter().rev().copied().reduce(|right, left| node(&left, &right));
        joined.unwrap_or_else(|| Root::from_digest(digest::digest(&digest::SHA384, &[])))
    }
}

fn node(left: &Root, right: &Root) -> Root {
    let mut context = digest::Context::new(&digest::SHA384);
    context.update(&[NODE]);
    context.update(&left.0);
    context.update(&right.0);
    Root::from_digest(context.finish())
}

fn block_context() -> digest::Context {
    digest::Context::new(&digest::SHA256)
}

fn leaf_context() -> digest::Context {
    let mut context = digest::Context::new(&digest::SHA384);
    context.update(&[LEAF]);
    context
}

impl Root {
    fn from_digest(digest: digest::Digest) -> Self {
        let mut root = [0; 48];
        root.copy_from_slice(digest.as_ref());
        Self(root)
    }
}

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({self})")
    }
}

impl FromStr for Root {
    type Err = InvalidRoot;

    fn from_str(text: &str) -> Result<Self, InvalidRoot> {
        let mut root = [0; 48];
        let lowercase = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        match hex::decode_to_slice(text, &mut root) {
            Ok(()) if lowercase => Ok(Self(root)),
            _ => Err(InvalidRoot { length: text.len() }),
        }
    }
}

/// A text that names no root.
///
/// Remedy: copy the whole root, 96 lowercase hexadecimal digits.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("found {length} characters that are not a root, expected 96 lowercase hex digits")]
pub struct InvalidRoot {
    /// Bytes of the text.
    pub length: usize,
}

impl Serialize for Root {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            serializer.serialize_bytes(&self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Root {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
        } else {
            serde_bytes::ByteArray::deserialize(deserializer).map(|bytes| Self(bytes.into_array()))
        }
    }
}

const LEAF: u8 = 0x00;
const NODE: u8 = 0x01;

#[cfg(test)]
mod tests;
