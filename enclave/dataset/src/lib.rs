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
    sealed::{self, FileError, MISSING, Physical, Reader, Values},
};
use std::{collections::BTreeMap, fmt, sync::Arc};

/// Opens `file`, which must be the one that `manifest` speaks of, and decrypts the granted columns.
/// `keys` must hold that of [`sealed::FOOTER`]. `file` is let go of before this returns.
///
/// # Shapes and units
///
/// As many values in each column as the manifest's buckets have rows: tags of match keys are
/// `FixedSizeBinary(16)`, labels `FixedSizeBinary(32)`, codes, days and consent `Int32`, numbers `Int64` in units of
/// the column's scale; nothing is null. Rows are in the order of their people's tags inside each bucket, and buckets
/// in the order of tags; padding, whose tags are all zero, stands behind the rows of each bucket. Whoever's keys are
/// granted, all of the dataset's match keys are.
///
/// # Privacy
///
/// Whether a file opens does not depend on a value. A code outside the column's domain, a day
/// before 1970 or a consent that is neither yes nor no becomes missing or no, and a row in a bucket that is not its
/// person's becomes padding: an owner who writes such values hurts only its own data.
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
    let mut buckets = buckets(&file, manifest, dataset, keys)?;
    let shape = buckets.reader.shape();
    let rows = usize::try_from(shape.rows()).map_err(|_| OpenError::Rows)?;
    let granted = manifest.columns.iter().filter(|column| keys.contains_key(&column.name));
    let granted = granted.map(|column| (column.name.clone(), Gathered::new(column.physical, rows)));
    let mut columns: BTreeMap<_, _> = granted.collect();
    while let Some(bucket) = buckets.next_values() {
        for (name, values) in bucket? {
            let column = columns.get_mut(&name).ok_or_else(|| strange(&name))?;
            column.append(values).ok_or_else(|| strange(&name))?;
        }
    }
    let columns = columns.into_iter().map(|(name, gathered)| {
        let array = gathered.into_array().ok_or_else(|| strange(&name))?;
        Ok((name, array))
    });
    Ok(Table { columns: columns.collect::<Result<_, OpenError>>()?, rows: shape.rows() })
}

/// Opens `file` as [`open`] does, for one bucket after another, so that no more than one is decrypted at a time.
///
/// # Errors
///
/// [`OpenError`]; so for each bucket.
pub fn buckets<'f>(
    file: &'f [u8],
    manifest: &Manifest,
    dataset: &'f Dataset,
    keys: &BTreeMap<String, DataKey>,
) -> Result<Buckets<'f>, OpenError> {
    Ok(Buckets { reader: Reader::open(file, manifest, dataset, keys)?, dataset, next: 0 })
}

/// The buckets of a file, in their order: tables of the granted columns.
#[derive(Debug)]
pub struct Buckets<'f> {
    reader: Reader<'f>,
    dataset: &'f Dataset,
    next: u16,
}

impl Buckets<'_> {
    fn next_values(&mut self) -> Option<Result<BTreeMap<String, Values>, OpenError>> {
        let (number, shape) = (self.next, self.reader.shape());
        if number >= shape.buckets() {
            return None;
        }
        self.next += 1;
        let bucket = self.reader.bucket(number).map(|mut bucket| {
            for (name, values) in &mut bucket {
                if let Values::Codes(codes) = values {
                    tame(name, self.dataset, codes);
                }
            }
            sealed::arrange(&mut bucket, self.dataset, shape, number);
            bucket
        });
        Some(bucket.map_err(OpenError::File))
    }
}

impl Iterator for Buckets<'_> {
    type Item = Result<Table, OpenError>;

    fn next(&mut self) -> Option<Self::Item> {
        let bucket = self.next_values()?;
        let rows = self.reader.shape().capacity();
        Some(bucket.and_then(|bucket| {
            let columns = bucket.into_iter().map(|(name, values)| {
                let array = array(values).ok_or_else(|| strange(&name))?;
                Ok((name, array))
            });
            Ok(Table { columns: columns.collect::<Result<_, OpenError>>()?, rows })
        }))
    }
}

fn strange(column: &str) -> OpenError {
    OpenError::Type { column: column.to_owned() }
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
    /// More rows than this machine can number.
    #[error("the file has more rows than this machine can hold")]
    Rows,
    /// A column of a type that this build does not know.
    #[error("{column} is of a type that this build cannot hold")]
    Type {
        /// The column.
        column: String,
    },
}

/// Turns codes that mean nothing into ones that count for nothing.
fn tame(name: &str, dataset: &Dataset, codes: &mut [i32]) {
    let most = match dataset.column(name).map(|column| &column.role) {
        Some(Role::Group(domain)) => i32::try_from(domain.len()).unwrap_or(0) - 1,
        Some(Role::Consent) => 1,
        _ => i32::MAX,
    };
    for code in codes.iter_mut().filter(|code| !(0..=most).contains(*code)) {
        *code = MISSING;
    }
}

/// One column, bucket after bucket.
enum Gathered {
    Tags(Vec<u8>),
    Labels(Vec<u8>),
    Codes(Vec<i32>),
    Numbers(Vec<i64>),
}

impl Gathered {
    /// An empty column with room for `rows`.
    fn new(physical: Physical, rows: usize) -> Self {
        match physical {
            Physical::Tag => Self::Tags(Vec::with_capacity(rows.saturating_mul(TAG_WIDTH))),
            Physical::Code => Self::Codes(Vec::with_capacity(rows)),
            Physical::Number => Self::Numbers(Vec::with_capacity(rows)),
            _ => Self::Labels(Vec::with_capacity(rows.saturating_mul(LABEL_WIDTH))),
        }
    }

    /// None if the values are of another type.
    fn append(&mut self, values: Values) -> Option<()> {
        match (self, values) {
            (Self::Tags(all), Values::Tags(tags)) => all.extend_from_slice(tags.as_flattened()),
            (Self::Labels(all), Values::Labels(labels)) => {
                all.extend_from_slice(labels.as_flattened());
            }
            (Self::Codes(all), Values::Codes(codes)) => all.extend_from_slice(&codes),
            (Self::Numbers(all), Values::Numbers(numbers)) => all.extend_from_slice(&numbers),
            _ => return None,
        }
        Some(())
    }

    fn into_array(self) -> Option<ArrayRef> {
        Some(match self {
            Self::Tags(bytes) => Arc::new(fixed(16, bytes)?),
            Self::Labels(bytes) => Arc::new(fixed(32, bytes)?),
            Self::Codes(codes) => Arc::new(Int32Array::from(codes)),
            Self::Numbers(numbers) => Arc::new(Int64Array::from(numbers)),
        })
    }
}

fn array(values: Values) -> Option<ArrayRef> {
    Some(match values {
        Values::Tags(tags) => Arc::new(fixed(16, tags.into_flattened())?),
        Values::Labels(labels) => Arc::new(fixed(32, labels.into_flattened())?),
        Values::Codes(codes) => Arc::new(Int32Array::from(codes)),
        Values::Numbers(numbers) => Arc::new(Int64Array::from(numbers)),
        _ => return None,
    })
}

fn fixed(width: i32, bytes: Vec<u8>) -> Option<FixedSizeBinaryArray> {
    FixedSizeBinaryArray::try_new(width, Buffer::from_vec(bytes), None).ok()
}

const TAG_WIDTH: usize = 16;
const LABEL_WIDTH: usize = 32;
