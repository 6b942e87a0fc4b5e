//! A sealed file, written by a second writer that knows only the page of the format.
//!
//! Whoever seals draws keys and nonces; here they are fixed.

mod writer;

use super::{Folder, covers, kinds, room};
use crate::{
    delegation::Authority,
    identity::{Identifier, match_key},
    key::DataKey,
    manifest::Manifest,
    merkle,
    sealed::{self, Declared, FOOTER, NO_TAG, Physical, SealedColumn, Tag, Tagger, Values},
};
use std::collections::BTreeMap;
use writer::{ROWS, Writer};

kinds!(PHYSICAL, physical: Physical {
    Physical::Tag => "tag",
    Physical::Label => "label",
    Physical::Code => "code",
    Physical::Number => "number",
});

#[test]
fn a_sealed_file_has_the_bytes_it_had() {
    let mut folder = Folder::open("sealed-v2");
    let contract = room::contract();
    let dataset = &contract.datasets["sales"];
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
        declared: Declared::of(ROWS),
        columns: layout,
        aad_prefix: prefix,
        opt_outs: None,
    };
    let owner = room::service("retailer");
    let bytes = folder.file("sales.manifest", &owner.sign(&manifest));
    let authority = Authority::at(&contract, room::NOW);
    assert_eq!(authority.open::<Manifest>(&bytes).unwrap().0, manifest);
    let file = folder.file("sales.sealed", &made);
    assert_eq!(sealed::open(&file, &manifest, dataset, &keys).unwrap(), values);
    folder.file("sales.keys", key_file(&keys).as_bytes());
    folder.digests(&[("sales.sealed", manifest.root)]);
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
        Values::Tags(values) => values.concat(),
        Values::Labels(values) => values.concat(),
        Values::Codes(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Values::Numbers(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
    };
    values.iter().map(|(name, values)| (name.clone(), plain(values))).collect()
}

/// A thousand people, a third of whom have a phone and no address, in the order of their tags; and padding.
fn values() -> BTreeMap<String, Values> {
    let tagger = Tagger::new(&room::salt());
    let tag = |kind, text: String| tagger.tag(kind, &match_key(kind, &text).unwrap());
    let mut people: Vec<_> = (0..1000_u32)
        .map(|n| match n % 3 {
            0 => (NO_TAG, tag(Identifier::Phone, format!("+1415555{n:04}")), n),
            _ => (tag(Identifier::Email, format!("p{n}@example.com")), NO_TAG, n),
        })
        .collect();
    people.sort_by_key(|(email, phone, _)| if *email == NO_TAG { *phone } else { *email });
    let rows = usize::try_from(ROWS).unwrap();
    let padded = |of: &dyn Fn(u32) -> i64| {
        let mut values: Vec<_> = people.iter().map(|(.., n)| of(*n)).collect();
        values.resize(rows, 0);
        Values::Numbers(values)
    };
    let tags = |tags: Vec<Tag>| [tags, vec![NO_TAG; rows - people.len()]].concat();
    let mut shops: Vec<[u8; 32]> = people.iter().map(|(.., n)| shop(*n)).collect();
    shops.resize(rows, [0; 32]);
    let mut days: Vec<i32> = people.iter().map(|(.., n)| i32::try_from(*n).unwrap() - 1).collect();
    days.resize(rows, 0);
    [
        ("email", Values::Tags(tags(people.iter().map(|person| person.0).collect()))),
        ("phone", Values::Tags(tags(people.iter().map(|person| person.1).collect()))),
        ("visit", padded(&|n| i64::from(n % 2))),
        ("spend", padded(&|n| i64::from(n) * 2999)),
        ("bought", Values::Codes(days)),
        ("shop", Values::Labels(shops)),
    ]
    .map(|(name, values)| (name.to_owned(), values))
    .into()
}

/// Every tenth row has none.
fn shop(n: u32) -> [u8; 32] {
    let mut label = [0; 32];
    let text = if n.is_multiple_of(10) { String::new() } else { format!("shop {}", n % 7) };
    label[..text.len()].copy_from_slice(text.as_bytes());
    label
}
