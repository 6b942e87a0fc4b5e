//! The layout of a sealed file: which columns, of which physical type, in the order of which people.
//!
//! Rows stand in buckets by their person's [`Tag`], as many in each bucket as the owner's [`Declared`] sizes
//! say. Every column has a fixed width, no nulls and plain encoding without compression, so that the size of
//! the file says what was declared, and nothing else. `spec/sealed-v2.md` has the whole format, for writers in
//! other languages.

mod file;
mod module;
mod order;
mod shape;
mod tag;
mod thrift;

use crate::{
    contract::{Column, Dataset, Role},
    digest::Digest,
};
use serde::{Deserialize, Serialize};

pub use file::{FileError, Flaw, Reader, Values, claimed_rows, open};
pub use order::{Arranged, arrange};
pub use shape::{Declared, MAX_ROWS, Shape, padded};
pub use tag::{NO_TAG, TAG_LEN, Tag, Tagger};

/// What a sealed column holds, physically.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Physical {
    /// 16 bytes: the tag of a match key, or all zeros for none. Arrow `FixedSizeBinary(16)`.
    Tag,
    /// 32 bytes: a text, or all zeros for none. Arrow `FixedSizeBinary(32)`.
    Label,
    /// A 32-bit integer: a code, a day, a yes or no. Arrow `Int32`.
    Code,
    /// A 64-bit integer: a number in units of its scale. Arrow `Int64`.
    Number,
}

impl Physical {
    /// Bytes a value takes.
    #[must_use]
    pub fn width(self) -> u64 {
        match self {
            Self::Tag => 16,
            Self::Label => 32,
            Self::Code => 4,
            Self::Number => 8,
        }
    }
}

/// A column of a sealed file.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SealedColumn {
    /// Name; also the name of its key.
    pub name: String,
    /// Type.
    pub physical: Physical,
}

/// The columns of `dataset` once sealed, in the contract's order.
#[must_use]
pub fn layout(dataset: &Dataset) -> Vec<SealedColumn> {
    let columns = dataset.sealed_columns().filter_map(|column| {
        physical(column).map(|physical| SealedColumn { name: column.name.clone(), physical })
    });
    columns.collect()
}

/// The type of `column` once sealed; none if it never leaves.
#[must_use]
pub fn physical(column: &Column) -> Option<Physical> {
    match column.role {
        Role::MatchKey(_) => Some(Physical::Tag),
        Role::Label => Some(Physical::Label),
        Role::Group(_) | Role::Date | Role::Consent => Some(Physical::Code),
        Role::Measure(_) | Role::Feature(_) => Some(Physical::Number),
        Role::Person | Role::Never => None,
    }
}

/// The AAD prefix of one file: a hash over what the file is, with 16 random bytes.
#[must_use]
pub fn aad_prefix(lineage: &str, version: u64, file: u32, random: &[u8; 16]) -> Vec<u8> {
    #[derive(Serialize)]
    struct Parts<'a>(&'a str, u64, u32, &'a [u8; 16]);
    let parts = crate::canonical::to_vec(&Parts(lineage, version, file, random));
    let digest = Digest::of("glovebox sealed-v2 aad", &parts);
    digest.as_bytes().get(..32).unwrap_or_default().to_vec()
}

/// The key metadata of a sealed column: the JSON of Parquet's key tools, in which
/// `masterKeyID` names the column (or [`FOOTER`]). The wrapped key says nothing: keys travel in
/// grants.
#[must_use]
pub fn key_metadata(column: &str) -> Vec<u8> {
    let footer = column == FOOTER;
    let mut json = serde_json::json!({
        "keyMaterialType": "PKMT1",
        "internalStorage": true,
        "isFooterKey": footer,
        "masterKeyID": column,
        "doubleWrapping": false,
        "wrappedDEK": "granted",
    });
    if footer && let Some(fields) = json.as_object_mut() {
        fields.insert("kmsInstanceID".to_owned(), "glovebox".into());
        fields.insert("kmsInstanceURL".to_owned(), "DEFAULT".into());
    }
    json.to_string().into_bytes()
}

/// The column that key metadata names; none for anything else.
#[must_use]
pub fn named_key(metadata: &[u8]) -> Option<String> {
    if metadata.len() > 4096 {
        return None;
    }
    let json: serde_json::Value = serde_json::from_slice(metadata).ok()?;
    Some(json.get("masterKeyID")?.as_str()?.to_owned())
}

/// The name of the footer's key.
pub const FOOTER: &str = "glovebox_footer";
/// The code of a value that is missing from a group, date or consent column.
pub const MISSING: i32 = -1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_metadata_names_its_column() {
        assert_eq!(named_key(&key_metadata("email")).as_deref(), Some("email"));
        assert_eq!(named_key(b"{}"), None);
        assert_eq!(named_key(b"\xff"), None);
    }
}
