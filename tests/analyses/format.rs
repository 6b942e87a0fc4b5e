//! The bytes of a sample: its job, its tally, its result and its page, as they were.

use super::{
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
    assert!(found == made, "{}: {}\n{HOW}", path.display(), differs(&found, made));
}

/// The first place where what was `found` is not what is `made`: by its path if both are JSON, else by its line.
pub(crate) fn differs(found: &[u8], made: &[u8]) -> String {
    let json = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).ok();
    let by_path = json(found).zip(json(made)).and_then(|(found, made)| by_path(&found, &made, ""));
    if let Some(path) = by_path {
        return path;
    }
    let (Ok(found), Ok(made)) = (str::from_utf8(found), str::from_utf8(made)) else {
        let same = found.iter().zip(made).take_while(|(found, made)| found == made).count();
        return format!("it differs from byte {same} on");
    };
    let (mut found, mut made) = (found.lines(), made.lines());
    for at in 1.. {
        match (found.next(), made.next()) {
            (None, None) => break,
            (one, other) if one == other => {}
            (one, other) => {
                let [one, other] = [one, other].map(|line| line.unwrap_or("(nothing)"));
                return format!("line {at} is\n{one}\nand should be\n{other}");
            }
        }
    }
    "the end of a line differs".to_owned()
}

fn by_path(found: &Value, made: &Value, path: &str) -> Option<String> {
    if found == made {
        return None;
    }
    let below = match (found, made) {
        (Value::Object(found), Value::Object(made)) => {
            let mut names: Vec<_> = found.keys().chain(made.keys()).collect();
            names.sort_unstable();
            let value = |all: &serde_json::Map<String, Value>, name: &str| {
                all.get(name).cloned().unwrap_or(Value::Null)
            };
            let mut all = names.into_iter().map(|name| {
                by_path(&value(found, name), &value(made, name), &format!("{path}/{name}"))
            });
            all.find_map(|it| it)
        }
        (Value::Array(found), Value::Array(made)) if found.len() == made.len() => {
            let mut all = found.iter().zip(made).enumerate();
            all.find_map(|(at, (found, made))| by_path(found, made, &format!("{path}/{at}")))
        }
        (Value::Array(found), Value::Array(made)) => {
            let (found, made) = (found.len(), made.len());
            Some(format!("{path} has {found} entries and should have {made}"))
        }
        _ => None,
    };
    below.or_else(|| Some(format!("{path} is {found} and should be {made}")))
}

#[test]
fn what_differs_is_named_by_its_first_line_or_path() {
    let page = differs(b"one\ntwo\nthree\n", b"one\n2\n3\n");
    assert_eq!(page, "line 2 is\ntwo\nand should be\n2");
    assert_eq!(differs(b"one\n", b"one\ntwo\n"), "line 2 is\n(nothing)\nand should be\ntwo");
    let json = differs(br#"{"a":[{"b":1},{"b":2}]}"#, br#"{"a":[{"b":1},{"b":3}]}"#);
    assert_eq!(json, "/a/1/b is 2 and should be 3");
    assert_eq!(differs(b"[1]", b"[1,2]"), " has 1 entries and should have 2");
    assert_eq!(differs(&[0xff, 1], &[0xff, 2]), "it differs from byte 1 on");
}

/// In the order of their names.
const FILES: [&str; 5] = ["digests.txt", "job.cbor", "page.txt", "result.json", "tally.cbor"];

pub(crate) fn blessing() -> bool {
    env::var_os("GLOVEBOX_BLESS").is_some_and(|value| value == "1")
}

pub(crate) const HOW: &str = "if it changes on purpose: make analyses BLESS=1, and \
                              name the change in CHANGELOG.md";
