//! From a sealed file, of which an owner has granted some columns, to Arrow arrays in memory.
//!
//! The file is a partner's and may be hostile to everybody else in the room. It meets one small
//! reader, [`protocol::sealed::open`], and neither a Parquet nor a Thrift library.

use arrow::{
    array::{Array, ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array},
    buffer::Buffer,
};
use bytes::Bytes;
use protocol::{
    contract::{Dataset, Role},
    key::DataKey,
    manifest::Manifest,
    sealed::{self, FileError, MISSING, ROW, Values},
};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Opens `file`, which must be the one that `manifest` speaks of, and decrypts the granted columns.
/// `keys` must hold those of [`sealed::FOOTER`] and [`sealed::ROW`]. `file` is let go of before this
/// returns.
///
/// # Shapes and units
///
/// As many values in each column as the manifest has rows: match keys are `FixedSizeBinary(32)`,
/// codes, days and consent `Int32`, numbers `Int64` in units of the column's scale; nothing is
/// null. Padding is still there and told by [`sealed::ROW`].
///
/// # Privacy
///
/// Whether a file opens does not depend on a value. A code outside the column's domain, a day
/// before 1970, a consent or a row mark that is neither yes nor no becomes missing, no or padding:
/// an owner who writes such values hurts only its own data.
///
/// # Errors
///
/// [`OpenError`].
pub fn open(
    file: Bytes,
    manifest: &Manifest,
    dataset: &Dataset,
    keys: &BTreeMap<String, DataKey>,
) -> Result<Table, OpenError> {
    let mut columns = BTreeMap::new();
    for (name, mut values) in sealed::open(&file, manifest, dataset, keys)? {
        if let Values::Codes(codes) = &mut values {
            tame(&name, dataset, codes);
        }
        let array = array(values).ok_or_else(|| OpenError::Type { column: name.clone() })?;
        columns.insert(name, array);
    }
    Ok(Table { columns, rows: manifest.rows })
}

/// The granted columns of one dataset, in the clear. `Debug` prints no value.
///
/// It is in the enclave's memory and nowhere else, and gone with the instance. The arrays are
/// Arrow's and are not wiped when they are dropped: what ends their life is that the enclave's
/// memory is given back to nobody before the hypervisor has cleared it.
#[derive(Clone)]
pub struct Table {
    columns: BTreeMap<String, ArrayRef>,
    rows: u64,
}

impl Table {
    /// The columns by name.
    #[must_use]
    pub fn columns(&self) -> &BTreeMap<String, ArrayRef> {
        &self.columns
    }

    /// The column called `name`, if it was granted.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&ArrayRef> {
        self.columns.get(name)
    }

    /// Rows with padding.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let types: BTreeMap<_, _> =
            self.columns.iter().map(|(name, array)| (name, array.data_type())).collect();
        f.debug_struct("Table").field("rows", &self.rows).field("columns", &types).finish()
    }
}

/// Why a dataset does not open. Nothing in it depends on a value.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file, its manifest and the keys do not go together.
    #[error("{0}")]
    File(#[from] FileError),
    /// A column of a type that this build does not know.
    #[error("{column} is of a type that this build cannot hold")]
    Type {
        /// The column.
        column: String,
    },
}

/// Turns codes that mean nothing into ones that count for nothing.
fn tame(name: &str, dataset: &Dataset, codes: &mut [i32]) {
    let (most, instead) = match dataset.column(name).map(|column| &column.role) {
        _ if name == ROW => (1, 0),
        Some(Role::Group(domain)) => (i32::try_from(domain.len()).unwrap_or(0) - 1, MISSING),
        Some(Role::Consent) => (1, MISSING),
        _ => (i32::MAX, MISSING),
    };
    for code in codes.iter_mut().filter(|code| !(0..=most).contains(*code)) {
        *code = instead;
    }
}

fn array(values: Values) -> Option<ArrayRef> {
    Some(match values {
        Values::Keys(keys) => {
            let bytes = Buffer::from_vec(keys.into_flattened());
            Arc::new(FixedSizeBinaryArray::try_new(32, bytes, None).ok()?)
        }
        Values::Codes(codes) => Arc::new(Int32Array::from(codes)),
        Values::Numbers(numbers) => Arc::new(Int64Array::from(numbers)),
        _ => return None,
    })
}
