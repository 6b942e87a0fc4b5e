//! Takes in a file that was sealed elsewhere, for example with pyarrow alone.

mod flaw;

use super::{Count, Files, Options, SealError, Sealed, Version, keys, output, sign};
use client::people::Sketch;
pub use flaw::AdoptFlaw;
use protocol::{
    contract::{Dataset, Role},
    manifest::Manifest,
    merkle,
    sealed::{self, Declared, MISSING, NO_TAG, Reader, Values},
};
use std::{collections::BTreeMap, io, path::Path};

/// Opens `file` just as the enclave will, then signs a manifest for it. `file` must have a name that ends in
/// `.sealed`; the manifest goes beside it, and the keys too unless `keys` is that file already.
///
/// The file must have the buckets that follow from what `options` declare; where they say no number of rows, from
/// the number that has just as many rows as the file.
///
/// # Errors
///
/// [`SealError`]; then no file was written.
pub fn adopt(
    file: &Path,
    keys: &Path,
    version: &Version<'_>,
    options: &Options,
) -> Result<Sealed, SealError> {
    let dataset = version.dataset()?;
    let stem = file.with_extension("");
    let io = |cause| SealError::Io { path: file.to_owned(), cause };
    if output::with_end(&stem, output::SEALED) != file {
        let cause = io::Error::other("expected a name that ends in .sealed");
        return Err(io(cause));
    }
    let column_keys = keys::read_keys(keys).map_err(SealError::Keys)?;
    let bytes = std::fs::read(file).map_err(io)?;
    let rows = sealed::claimed_rows(&bytes, &column_keys).map_err(SealError::File)?;
    let declared = declared(rows, options).map_err(SealError::Adopt)?;
    let manifest = Manifest {
        lineage: dataset.lineage.clone(),
        version: version.number,
        root: merkle::root_of(&bytes),
        size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        declared,
        columns: sealed::layout(dataset),
        aad_prefix: Vec::new(),
        opt_outs: None,
    };
    let reader = Reader::open(&bytes, &manifest, dataset, &column_keys).map_err(SealError::File)?;
    let mut seen = Vec::new();
    for (column, key) in &column_keys {
        // A key that opens two columns would grant both.
        if seen.contains(&key) {
            return Err(SealError::Adopt(AdoptFlaw::SharedKey { column: column.clone() }));
        }
        seen.push(key);
    }
    let (count, people) = read(&reader, dataset, declared)?;
    options.examine(Some(&people))?;
    let manifest = sign(version, dataset, &manifest)?;
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

/// Reads every bucket, whose values must be ones that sealing could have written.
fn read(
    reader: &Reader<'_>,
    dataset: &Dataset,
    declared: Declared,
) -> Result<(Count, Sketch), SealError> {
    let (mut count, mut people) = (Count::default(), Sketch::default());
    for number in 0..reader.shape().buckets() {
        let mut bucket = reader.bucket(number).map_err(SealError::File)?;
        check(dataset, &bucket).map_err(SealError::Adopt)?;
        add_people(&mut people, dataset, &bucket);
        let arranged = sealed::arrange(&mut bucket, dataset, reader.shape(), number);
        if arranged.strays > 0 {
            let rows = arranged.strays;
            return Err(SealError::Adopt(AdoptFlaw::Strays { rows, bucket: number }));
        }
        count.rows += arranged.rows;
        count.most_rows = count.most_rows.max(arranged.most);
    }
    if count.rows == 0 {
        return Err(SealError::Adopt(AdoptFlaw::Empty));
    }
    if count.most_rows > declared.rows_per_person || count.rows > declared.rows {
        let (rows, most) = (count.rows, count.most_rows);
        return Err(SealError::Adopt(AdoptFlaw::Declared { rows, most, declared }));
    }
    Ok((count, people))
}

/// What the owner declares of a file of so many rows.
fn declared(rows: u64, options: &Options) -> Result<Declared, AdoptFlaw> {
    let of_one = options.rows_per_person.unwrap_or(Declared::of(0).rows_per_person);
    let mut declared = Declared::at_least(options.rows.unwrap_or(0), of_one);
    let is_open = options.rows.is_none();
    while is_open && declared.is_valid() && declared.shape().rows() != rows {
        declared = Declared::at_least(declared.rows + 1, of_one);
    }
    let fits = declared.is_valid() && declared.shape().rows() == rows;
    if fits { Ok(declared) } else { Err(AdoptFlaw::Size { rows }) }
}

/// Adds the people of a bucket, of whom there are tags alone.
fn add_people(people: &mut Sketch, dataset: &Dataset, bucket: &BTreeMap<String, Values>) {
    for column in dataset.sealed_columns() {
        if let (Role::MatchKey(kind), Some(Values::Tags(tags))) =
            (&column.role, bucket.get(&column.name))
        {
            people.add_tags(*kind, tags.iter().filter(|tag| **tag != NO_TAG));
        }
    }
}

/// Every value must be one that sealing could have written.
fn check(dataset: &Dataset, values: &BTreeMap<String, Values>) -> Result<(), AdoptFlaw> {
    for column in dataset.sealed_columns() {
        let found = values.get(&column.name);
        let most = match &column.role {
            Role::Group(domain) => i32::try_from(domain.len()).unwrap_or(i32::MAX) - 1,
            Role::Consent => 1,
            Role::Date => i32::MAX,
            _ if found.is_some() => continue,
            _ => return Err(AdoptFlaw::Missing { column: column.name.clone() }),
        };
        let Some(Values::Codes(codes)) = found else {
            return Err(AdoptFlaw::Missing { column: column.name.clone() });
        };
        within(&column.name, codes, MISSING, most)?;
    }
    Ok(())
}

fn within(column: &str, codes: &[i32], least: i32, most: i32) -> Result<(), AdoptFlaw> {
    let bad = codes.iter().filter(|code| !(least..=most).contains(code)).count();
    if bad == 0 {
        return Ok(());
    }
    let rows = u64::try_from(bad).unwrap_or(u64::MAX);
    Err(AdoptFlaw::Range { column: column.to_owned(), rows, least, most })
}
