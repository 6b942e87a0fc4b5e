//! A sealed file, written by a second writer that knows only the page of the format.
//!
//! Whoever seals draws keys, nonces and the order of rows; here they are fixed.

mod writer;

use super::{Folder, covers, kinds, room};
use crate::{
    delegation::Authority,
    key::DataKey,
    manifest::Manifest,
    merkle,
    sealed::{self, FOOTER, Physical, SealedColumn, Values},
};
use std::collections::BTreeMap;
use writer::{ROWS, Writer};

kinds!(PHYSICAL, physical: Physical {
    Physical::Key => "key",
    Physical::Code => "code",
    Physical::Number => "number",
});

#[test]
fn a_sealed_file_has_the_bytes_it_had() {
    let mut folder = Folder::open("sealed-v1");
    let contract = room::contract();
    let dataset = &contract.datasets["panel"];
    let layout = sealed::layout(dataset);
    covers(PHYSICAL, layout.iter().map(|column| physical(&column.physical)));
    let (keys, values) = (keys(&layout), values());
    let prefix = sealed::aad_prefix(&dataset.lineage, 1, 0, &[5; 16]);
    let made = Writer::new(&keys, &prefix).file(&layout, &plain(&values));
    let manifest = Manifest {
        lineage: dataset.lineage.clone(),
        version: 1,
        root: merkle::root_of(&made),
        size: u64::try_from(made.len()).unwrap(),
        rows: ROWS,
        columns: layout,
        aad_prefix: prefix,
    };
    let owner = room::service("publisher");
    let bytes = folder.file("panel.manifest", &owner.sign(&manifest));
    let authority = Authority::at(&contract, room::NOW);
    assert_eq!(authority.open::<Manifest>(&bytes).unwrap().0, manifest);
    let file = folder.file("panel.sealed", &made);
    assert_eq!(sealed::open(&file, &manifest, dataset, &keys).unwrap(), values);
    folder.file("panel.keys", key_file(&keys).as_bytes());
    folder.digests(&[("panel.sealed", manifest.root)]);
    folder.finish();
}

fn keys(layout: &[SealedColumn]) -> BTreeMap<String, DataKey> {
    let names = layout.iter().map(|column| column.name.as_str()).chain([FOOTER]);
    let numbered = names.zip(1..);
    numbered.map(|(name, byte)| (name.to_owned(), DataKey::take(&mut [byte; 32]))).collect()
}

/// As an owner keeps them.
fn key_file(keys: &BTreeMap<String, DataKey>) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let keys = keys.iter().map(|(name, key)| (name.clone(), STANDARD.encode(key.expose()).into()));
    let keys: serde_json::Map<_, _> = keys.collect();
    let file = serde_json::json!({"format": "glovebox-keys-v1", "keys": keys});
    serde_json::to_string_pretty(&file).unwrap() + "\n"
}

/// As Parquet's plain encoding has them.
fn plain(values: &BTreeMap<String, Values>) -> BTreeMap<String, Vec<u8>> {
    let plain = |values: &Values| match values {
        Values::Keys(values) => values.concat(),
        Values::Codes(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Values::Numbers(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    };
    values.iter().map(|(name, values)| (name.clone(), plain(values))).collect()
}

/// A thousand people between 10 and 109.9 years old, and padding in between.
fn values() -> BTreeMap<String, Values> {
    let mut columns = (Vec::new(), Vec::new(), Vec::new());
    for row in 0..ROWS {
        let person = row % 128 < 125;
        let uid = *merkle::leaf_hash(&row.to_le_bytes()).0.first_chunk().unwrap();
        columns.0.push(i32::from(person));
        columns.1.push(if person { uid } else { [0; 32] });
        columns.2.push(if person { i64::try_from(100 + row % 1000).unwrap() } else { 0 });
    }
    let (row, uid, age) = columns;
    [
        (sealed::ROW.to_owned(), Values::Codes(row)),
        ("uid".to_owned(), Values::Keys(uid)),
        ("age".to_owned(), Values::Numbers(age)),
    ]
    .into()
}
