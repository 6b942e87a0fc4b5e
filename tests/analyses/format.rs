//! The bytes of a sample: its job, its tally, its result and its page, as they were.

use crate::{
    counted::{Counted, page_of},
    sample::Sample,
};
use page::terminal;
use protocol::{analysis::KINDS, canonical, result::JobResult};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};
use tests::repository;

#[test]
fn a_sample_has_the_bytes_it_had() {
    for sample in Sample::all() {
        let counted = Counted::new(&sample);
        let result = counted.result();
        let folder = repository("tests/vectors/analyses").join(sample.name());
        let job = counted.admitted.job();
        let digests = format!(
            "contract {}\njob {}\ntally {}\n",
            counted.contract.digest,
            counted.admitted.name(),
            counted.proven().proof().tally
        );
        let page = terminal::whole(&page_of(&result)).unwrap();
        for (file, made) in [
            ("digests.txt", digests.into_bytes()),
            ("job.cbor", canonical::to_vec(job)),
            ("tally.cbor", canonical::to_vec(counted.proven().tally())),
            ("result.json", result.to_json().unwrap()),
            ("page.txt", page.into_bytes()),
        ] {
            same(&folder.join(file), &made);
        }
    }
}

#[test]
fn there_are_bytes_of_kinds_alone() {
    let names = |folder: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let folder = repository("tests/vectors/analyses");
    let kinds: BTreeSet<_> = KINDS.iter().map(|kind| kind.kind.to_owned()).collect();
    let strange: Vec<_> = names(&folder).difference(&kinds).cloned().collect();
    assert!(strange.is_empty(), "no kind is called {strange:?}");
    for kind in names(&folder) {
        let strange: Vec<_> = names(&folder.join(&kind)).into_iter().collect();
        assert_eq!(strange, FILES, "{kind}");
    }
}

#[test]
fn a_result_is_read_as_it_was_written_and_refuses_an_unknown_field_at_every_level() {
    for sample in Sample::all() {
        let name = sample.name();
        let result = Counted::new(&sample).result();
        let json = result.to_json().unwrap();
        let read = JobResult::from_json(&json).unwrap();
        let whole: Value = serde_json::from_slice(&json).unwrap();
        let again: Value = serde_json::from_slice(&read.to_json().unwrap()).unwrap();
        assert_eq!(without_digits(again), without_digits(whole.clone()), "{name}");
        let mut objects = Vec::new();
        walk(&whole, "", &mut objects);
        assert!(objects.iter().any(|path| path.starts_with("/answer/")), "{name}: {objects:?}");
        for path in objects {
            let mut changed = whole.clone();
            let object = changed.pointer_mut(&path).and_then(Value::as_object_mut).unwrap();
            object.insert("unknown".to_owned(), Value::Null);
            let changed = serde_json::to_vec(&changed).unwrap();
            assert!(JobResult::from_json(&changed).is_err(), "{name}: a field more in {path:?}");
        }
    }
}

/// The same with every number so short that reading and writing it does not change a digit.
fn without_digits(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => fields.values_mut().for_each(|it| *it = without_digits(it.take())),
        Value::Array(all) => all.iter_mut().for_each(|it| *it = without_digits(it.take())),
        Value::Number(number) => value = format!("{:.12e}", number.as_f64().unwrap()).into(),
        _ => {}
    }
    value
}

/// Where there are objects in `value`.
fn walk(value: &Value, path: &str, objects: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            objects.push(path.to_owned());
            fields.iter().for_each(|(name, it)| walk(it, &format!("{path}/{name}"), objects));
        }
        Value::Array(all) => {
            all.iter().enumerate().for_each(|(at, it)| walk(it, &format!("{path}/{at}"), objects));
        }
        _ => {}
    }
}

fn same(path: &PathBuf, made: &[u8]) {
    if blessing() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, made).unwrap();
    }
    let found = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}; {HOW}", path.display()));
    assert!(found == made, "{} differs; {HOW}", path.display());
}

/// In the order of their names.
const FILES: [&str; 5] = ["digests.txt", "job.cbor", "page.txt", "result.json", "tally.cbor"];

pub(crate) fn blessing() -> bool {
    env::var_os("GLOVEBOX_BLESS").is_some_and(|value| value == "1")
}

pub(crate) const HOW: &str = "if it changes on purpose: make analyses BLESS=1, and \
                              name the change in CHANGELOG.md";
