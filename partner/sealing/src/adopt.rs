//! Takes in a file that was sealed elsewhere, for example with pyarrow alone.

mod flaw;

use super::{Count, Files, Options, SealError, Sealed, keys, output, owned, sign};
pub use flaw::AdoptFlaw;
use protocol::{
    contract::{Contract, Dataset, Role},
    delegation::Delegate,
    manifest::Manifest,
    merkle,
    sealed::{self, MISSING, ROW, Values},
};
use std::{collections::BTreeMap, io, path::Path};

/// Opens `file` just as the enclave will, then signs a manifest for it as version `version` of
/// `dataset`. `file` must have a name that ends in `.sealed`; the manifest goes beside it, and the
/// keys too unless `keys` is that file already.
///
/// # Errors
///
/// [`SealError`]; then no file was written.
pub fn adopt(
    file: &Path,
    keys: &Path,
    contract: &Contract,
    dataset: &str,
    owner: &Delegate,
    version: u64,
    options: &Options,
) -> Result<Sealed, SealError> {
    let dataset = owned(contract, dataset, owner)?;
    let stem = file.with_extension("");
    let io = |cause| SealError::Io { path: file.to_owned(), cause };
    if output::with_end(&stem, output::SEALED) != file {
        let cause = io::Error::other("expected a name that ends in .sealed");
        return Err(io(cause));
    }
    let column_keys = keys::read_keys(keys).map_err(SealError::Keys)?;
    let bytes = std::fs::read(file).map_err(io)?;
    let rows = sealed::claimed_rows(&bytes, &column_keys).map_err(SealError::File)?;
    let manifest = Manifest {
        lineage: dataset.lineage.clone(),
        version,
        root: merkle::root_of(&bytes),
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        rows,
        columns: sealed::layout(dataset),
        aad_prefix: Vec::new(),
    };
    let values = sealed::open(&bytes, &manifest, dataset, &column_keys).map_err(SealError::File)?;
    let mut seen = Vec::new();
    for (column, key) in &column_keys {
        // A key that opens two columns would grant both.
        if seen.contains(&key) {
            return Err(SealError::Adopt(AdoptFlaw::SharedKey { column: column.clone() }));
        }
        seen.push(key);
    }
    let count = check(dataset, &values).map_err(SealError::Adopt)?;
    let columns: Vec<_> =
        dataset.sealed_columns().filter_map(|column| values.get(&column.name)).collect();
    options.examine(dataset, columns.into_iter())?;
    let manifest = sign(contract, &dataset.owner, &manifest, owner)?;
    let files = Files {
        sealed: file.to_owned(),
        manifest: output::with_end(&stem, output::MANIFEST),
        keys: output::with_end(&stem, output::KEYS),
        rejects: None,
    };
    output::create(&files.manifest, manifest.as_bytes())?;
    if files.keys != keys {
        output::create(&files.keys, &keys::to_json(&column_keys, Some(&manifest.manifest().root)))
            .inspect_err(|_| {
                // The first error says more than one from cleaning up.
                let _ = std::fs::remove_file(&files.manifest);
            })?;
    }
    Ok(Sealed { padded: rows, count, manifest, files })
}

/// Every value must be one that sealing could have written.
fn check(dataset: &Dataset, values: &BTreeMap<String, Values>) -> Result<Count, AdoptFlaw> {
    let codes = |name: &str| match values.get(name) {
        Some(Values::Codes(codes)) => Ok(codes.as_slice()),
        _ => Err(AdoptFlaw::Missing { column: name.to_owned() }),
    };
    let marks = codes(ROW)?;
    within(ROW, marks, 0, 1)?;
    let mut identified = vec![false; marks.len()];
    for column in dataset.sealed_columns() {
        let most = match &column.role {
            Role::MatchKey(_) => {
                let Some(Values::Keys(keys)) = values.get(&column.name) else {
                    return Err(AdoptFlaw::Missing { column: column.name.clone() });
                };
                for (known, key) in identified.iter_mut().zip(keys) {
                    *known |= *key != [0; 32];
                }
                continue;
            }
            Role::Group(domain) => i32::try_from(domain.len()).unwrap_or(i32::MAX) - 1,
            Role::Consent => 1,
            Role::Date => i32::MAX,
            _ if values.contains_key(&column.name) => continue,
            _ => return Err(AdoptFlaw::Missing { column: column.name.clone() }),
        };
        within(&column.name, codes(&column.name)?, MISSING, most)?;
    }
    let keyed = dataset.columns.iter().any(|c| matches!(c.role, Role::MatchKey(_)));
    let nobody = marks.iter().zip(&identified).filter(|(mark, known)| **mark == 1 && !**known);
    let nobody = u64::try_from(nobody.count()).unwrap_or(u64::MAX);
    if keyed && nobody > 0 {
        return Err(AdoptFlaw::NoIdentifier { rows: nobody });
    }
    let rows = marks.iter().filter(|mark| **mark == 1).count();
    match u64::try_from(rows) {
        Ok(0) | Err(_) => Err(AdoptFlaw::Empty),
        Ok(rows) => Ok(Count { rows, ..Count::default() }),
    }
}

fn within(column: &str, codes: &[i32], least: i32, most: i32) -> Result<(), AdoptFlaw> {
    let bad = codes.iter().filter(|code| !(least..=most).contains(code)).count();
    if bad == 0 {
        return Ok(());
    }
    let rows = u64::try_from(bad).unwrap_or(u64::MAX);
    Err(AdoptFlaw::Range { column: column.to_owned(), rows, least, most })
}
