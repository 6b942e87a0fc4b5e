use super::*;
use crate::ColumnCount;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use std::collections::{BTreeMap, BTreeSet};

/// A person's head, two e-mail addresses, a phone number and the number of the row.
const WIDTH: usize = 4 * TAG_LEN + 8;

fn keys(has_person: bool, columns: usize) -> Keys {
    let key = |column, kind| Key { column, at: TAG_LEN * (column + 1), kind };
    let mut keys =
        vec![key(0, Identifier::Email), key(1, Identifier::Phone), key(2, Identifier::Email)];
    keys.truncate(columns);
    Keys { width: WIDTH, has_person, keys }
}

/// The tag of this number; 0 stands for no key.
fn tag(number: u8) -> Tag {
    let mut tag = [number; TAG_LEN];
    if number > 0 {
        tag[0] = number.wrapping_mul(101);
    }
    tag
}

fn record(head: Tag, keys: [u8; 3], row: u64) -> Vec<u8> {
    let [email, phone, other] = keys.map(tag);
    [&head[..], &email, &phone, &other, &row.to_le_bytes()].concat()
}

/// The tag at place `at` of a record, of which the first is the head.
fn at(record: &[u8], at: usize) -> Tag {
    record[at * TAG_LEN..].first_chunk().copied().unwrap()
}

fn cleaned(
    records: &[Vec<u8>],
    keys: &Keys,
    memory: &Memory,
    held: usize,
) -> (Vec<Vec<u8>>, Count) {
    let mut count = Count { rows: records.len().try_into().unwrap(), ..Count::default() };
    count.columns.resize_with(3, ColumnCount::default);
    let mut store = Store::new(WIDTH, held, memory.place.clone());
    records.iter().for_each(|record| store.add(record).unwrap());
    let store = clean(store, keys, memory, &mut count).unwrap();
    let parts: Vec<_> = store.into_parts().map(|part| part.unwrap().concat()).collect();
    let mut rows: Vec<_> =
        parts.iter().flat_map(|part| part.chunks_exact(WIDTH)).map(<[u8]>::to_vec).collect();
    rows.sort_by_key(|record| record[4 * TAG_LEN..].to_vec());
    (rows, count)
}

/// The same by maps over the whole table.
fn expected(records: &[Vec<u8>], has_person: bool) -> Vec<Vec<u8>> {
    let mut holders: BTreeMap<Tag, BTreeSet<Tag>> = BTreeMap::new();
    for record in records {
        for place in 1..4 {
            holders.entry(at(record, place)).or_default().insert(at(record, 0));
        }
    }
    let mut rows = Vec::new();
    for record in records {
        let head = at(record, 0);
        let of_kind = |places: &[usize]| {
            let mut found: BTreeMap<Tag, usize> = BTreeMap::new();
            for other in records.iter().filter(|other| at(other, 0) == head) {
                for place in places {
                    *found.entry(at(other, *place)).or_default() += 1;
                }
            }
            found.remove(&NO_TAG);
            if !has_person && found.contains_key(&head) {
                return head;
            }
            found.retain(|tag, _| holders[tag].len() == 1);
            let most = found.values().max();
            found.iter().find(|(_, rows)| Some(*rows) == most).map_or(NO_TAG, |(tag, _)| *tag)
        };
        let (email, phone) = (of_kind(&[1, 3]), of_kind(&[2]));
        let first = if email == NO_TAG { phone } else { email };
        if first != NO_TAG {
            let head = if has_person { first } else { head };
            rows.push([&head[..], &email, &phone, &NO_TAG, &record[4 * TAG_LEN..]].concat());
        }
    }
    rows
}

/// Rows of few people with few keys, so that many are shared.
fn table(rng: &mut ChaCha20Rng, has_person: bool, columns: usize) -> Vec<Vec<u8>> {
    let mut below = |most: u64| u8::try_from(rng.next_u64() % most).unwrap();
    let mut records = Vec::new();
    for row in 0..u64::from(below(30) + 1) {
        let mut keys = [below(5), 100 + below(5), below(9)];
        if keys[1] == 100 {
            keys[1] = 0;
        }
        keys[columns..].fill(0);
        let first = keys.into_iter().find(|key| *key > 0);
        let Some(first) = first else { continue };
        let head = if has_person { tag(200 + below(6)) } else { tag(first) };
        records.push(record(head, keys, row));
    }
    records
}

#[test]
fn a_person_has_one_key_of_a_kind_and_no_two_people_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let aside = |rows, keys| Memory { place: Some(folder.path().join("spill")), rows, keys };
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let (mut lost, mut left) = (0, 0);
    for round in 0..200 {
        // With one column of each kind, and with two of one.
        let (has_person, columns) = (round % 2 == 0, 2 + usize::from(round % 4 < 2));
        let keys = keys(has_person, columns);
        let records = table(&mut rng, has_person, columns);
        let expected = expected(&records, has_person);
        if expected.is_empty() {
            continue;
        }
        let (found, count) = cleaned(&records, &keys, &Memory::usual(None), usize::MAX);
        assert_eq!(found, expected, "{round}");
        assert_eq!(count.rows, u64::try_from(found.len()).unwrap());
        assert_eq!(count.rows + count.keyless_rows, u64::try_from(records.len()).unwrap());
        assert!(has_person || count.keyless_rows == 0, "who is known by a key keeps it");
        lost += count.columns[0].shared_keys;
        left += count.keyless_people;
        // Each key is of one person, who has the same ones in all rows.
        let mut of = BTreeMap::new();
        for row in &found {
            for place in [1, 2] {
                let key = at(row, place);
                assert!(key == NO_TAG || *of.entry(key).or_insert(at(row, 0)) == at(row, 0));
            }
        }
        for memory in [aside(0, 0), aside(200, 500)] {
            for held in [0, 300, usize::MAX] {
                assert_eq!(cleaned(&records, &keys, &memory, held), (found.clone(), count.clone()));
            }
        }
    }
    assert!(lost > 30 && left > 6, "{lost} {left}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// A call centre's number in every row takes no memory for each of them.
#[test]
fn a_key_that_very_many_have_is_noticed_early() {
    let mut held = Held::new(&Memory::usual(None));
    for person in 0..5_000_u32 {
        let mut head = tag(1);
        head[..4].copy_from_slice(&person.to_be_bytes());
        held.add(&tag(7), &head).unwrap();
    }
    let parts = held.store.into_parts();
    assert_eq!(parts.map(|part| part.unwrap().concat().len()).sum::<usize>(), 2 * TAG_LEN);
    assert_eq!(held.shared, HashSet::from([tag(7)]));
}
