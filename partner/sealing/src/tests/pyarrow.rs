//! pyarrow reads what we seal, and we take what pyarrow seals. The scripts are those of the spec.

use super::*;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

/// Runs a script of `tests/pyarrow`; it must be there, for a skipped test would promise too much.
fn python(script: &str, stem: &Path, input: &Value) -> Vec<u8> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/pyarrow").join(script);
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut child = Command::new(&python)
        .arg(script)
        .arg(stem)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|e| {
            panic!("{python}: {e}; this test needs Python with pyarrow ({INSTALL})")
        });
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!errors.contains("No module named 'pyarrow'"), "pyarrow is missing: {INSTALL}");
    assert!(output.status.success(), "{errors}");
    output.stdout
}

#[test]
fn pyarrow_reads_a_sealed_file_with_the_owners_keys() {
    let desk = Desk::new();
    let input =
        desk.table("Ann@Example.com,,gold,29.99,-1.5,2024-02-29,yes,\n,+14155550123,,0,0,,,\n");
    let sealed = desk.seal(&input, &Options::default()).unwrap();
    let stem = sealed.files.sealed.with_extension("");
    let mut read: Value = serde_json::from_slice(&python("read.py", &stem, &Value::Null)).unwrap();
    let rows = read["rows"].as_array_mut().unwrap();
    rows.sort_by_key(|row| row["spend"].as_i64());
    let tag = |kind, text| BASE64.encode(tag(kind, text));
    use Identifier::{Email, Phone};
    let expected = json!({ "padded": 1024, "rows": [
        { "email": tag(Email, ""), "phone": tag(Phone, "+14155550123"), "tier": -1,
          "spend": 0, "recency": 0, "day": -1, "agreed": -1 },
        { "email": tag(Email, "ann@example.com"), "phone": tag(Phone, ""), "tier": 0,
          "spend": 2999, "recency": -15, "day": 19_782, "agreed": 1 },
    ]});
    assert_eq!(read, expected);
}

/// Rows for `seal.py`: all columns of `sales`, with `change` made to the first row. Identifiers are in the clear.
fn rows(change: impl Fn(&mut Value)) -> Value {
    let row = |n: usize| {
        json!({ "email": format!("p{n}@example.com"), "phone": null, "tier": 1, "spend": 5, "recency": -1, "day": 3,
                "agreed": 1 })
    };
    let mut rows: Vec<_> = (0..1501).map(|n| row(n / 2)).collect();
    change(&mut rows[0]);
    let names = ["email", "phone", "tier", "spend", "recency", "day", "agreed"];
    let kinds = ["email", "phone", "code", "number", "number", "code", "code"];
    let layout: Vec<_> = names.into_iter().zip(kinds).collect();
    json!({ "layout": layout, "rows": rows, "salt": BASE64.encode(salt().expose()) })
}

fn adopted(desk: &Desk, rows: &Value) -> Result<Sealed, SealError> {
    let stem = desk.path("sales");
    python("seal.py", &stem, rows);
    adopted_again(desk)
}

/// What `seal` makes of the same table is the same: whoever is in it stands in the same row.
#[test]
fn a_file_made_with_pyarrow_alone_is_adopted_and_opens_to_what_seal_writes() {
    let desk = Desk::new();
    let sealed = adopted(&desk, &rows(|_| {})).unwrap();
    assert_eq!((sealed.count.rows, sealed.count.most_rows, sealed.padded), (1501, 2, 1536));
    let manifest = sealed.manifest.manifest();
    assert_eq!((manifest.version, manifest.aad_prefix.len()), (4, 0));
    let keys = read_keys(&sealed.files.keys).unwrap();
    let file = fs::read(&sealed.files.sealed).unwrap();
    let columns = sealed::open(&file, manifest, &desk.contract.datasets["sales"], &keys).unwrap();
    let row = |n: usize| format!("p{n}@example.com,,basic,0.05,-0.1,1970-01-04,yes,\n");
    let table = desk.table(&(0..1501).map(|n| row(n / 2)).collect::<String>());
    let own = desk.in_memory(&table).unwrap();
    assert_eq!(own.manifest.manifest().declared, manifest.declared);
    assert_eq!(desk.open(&own), columns);
    assert!(matches!(adopted_again(&desk), Err(SealError::Exists { .. })));
}

fn adopted_again(desk: &Desk) -> Result<Sealed, SealError> {
    let [file, keys] = ["sales.sealed", "sales.keys"].map(|name| desk.path(name));
    desk.adopt(&file, &keys, &Options::default())
}

/// Seals `table` as `sales` with the recipe for DuckDB.
fn with_duckdb(desk: &Desk, table: &Path, declared: &str, columns: &str) -> Output {
    let salt_file = desk.path("salt");
    fs::write(&salt_file, salt().expose()).unwrap();
    let recipe =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../recipes/with_duckdb.py").canonicalize();
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let mut command = Command::new(python);
    command.arg(recipe.unwrap()).args([table, &salt_file, &desk.path("sales")]).arg(declared);
    command.args(columns.split(' ')).output().unwrap()
}

/// What `glovebox seal` refuses, a recipe does not round, cut or guess at either.
#[test]
fn a_recipe_refuses_what_it_would_have_to_guess() {
    let long = "a".repeat(33);
    for (role, good, bad, expected) in [
        ("label", "\u{e9}a".repeat(10), long, "at most 32 bytes"),
        ("label", "a b".to_owned(), "a\u{200b}b".to_owned(), "invisible"),
        ("measure:2", "-1.500".to_owned(), "1.005".to_owned(), "at most 2 decimals"),
        ("measure:2", "7".to_owned(), "1e2".to_owned(), "no exponent"),
        ("feature:0", "12".to_owned(), "12.5".to_owned(), "at most 0 decimals"),
        ("measure:0", "0".to_owned(), String::new(), "never nothing"),
        ("date", "2026-04-03".to_owned(), "03/04/2026".to_owned(), "written YYYY-MM-DD"),
        ("date", String::new(), "2026-02-30".to_owned(), "written YYYY-MM-DD"),
        ("date", "1970-01-01".to_owned(), "1969-12-31".to_owned(), "from 1970-01-01 on"),
        ("consent", "Yes".to_owned(), "maybe".to_owned(), "expected one of yes, y"),
        ("group:a|b", "b".to_owned(), "c".to_owned(), "expected one of a, b"),
    ] {
        let desk = Desk::new();
        let table = desk.path("plain.csv");
        let seal = |values: [&str; 2]| {
            let [one, other] = values;
            fs::write(&table, format!("email,it\np@x.org,{one}\nq@x.org,{other}\n")).unwrap();
            with_duckdb(&desk, &table, "64", &format!("email=email it={role}"))
        };
        let output = seal([&good, &bad]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{role}: {bad}");
        assert!(errors.contains("column it: ") && errors.contains(expected), "{role}: {errors}");
        assert!(!desk.path("sales.keys").exists() && !desk.path("sales.sealed").exists());
        let output = seal([&good, &good]);
        assert!(output.status.success(), "{role}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_recipe_writes_over_no_sealed_file() {
    let desk = Desk::new();
    let table = desk.path("plain.csv");
    fs::write(&table, "email,spend\np@x.org,1\n").unwrap();
    let seal = || with_duckdb(&desk, &table, "64", "email=email spend=measure:2");
    let files = || ["sales.sealed", "sales.keys"].map(|name| fs::read(desk.path(name)).ok());
    assert!(seal().status.success());
    let first = files();
    assert!(first.iter().all(Option::is_some) && !desk.path("sales.sealed.partial").exists());
    for kept in [["sales.sealed", "sales.keys"].as_slice(), &["sales.sealed"], &["sales.keys"]] {
        for (name, bytes) in ["sales.sealed", "sales.keys"].iter().zip(&first) {
            let _ = fs::remove_file(desk.path(name));
            if kept.contains(name) {
                fs::write(desk.path(name), bytes.as_ref().unwrap()).unwrap();
            }
        }
        let before = files();
        let output = seal();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && errors.contains("is there already"), "{errors}");
        assert!(files() == before, "{kept:?}");
    }
}

/// A table that outgrows one machine's `seal` is sealed where it is: DuckDB makes tags and sorts, pyarrow writes.
#[test]
fn what_duckdb_sorts_and_pyarrow_writes_is_what_seal_writes() {
    let desk = Desk::new();
    let row = |n: usize| {
        let person = n / 2;
        let (email, phone) = match person % 7 {
            0 => (String::new(), format!("+4917{:08}", 10_000 + person)),
            _ => (format!(" P.{person}+x@Gmail.com"), String::new()),
        };
        format!("{email},{phone},gold,{n}.25,-0.{},2024-02-29,no,\n", n % 10)
    };
    let rows: String = (0..3000).map(row).collect();
    let table = desk.table(&rows);
    let columns = "email=email phone=phone tier=group:gold|basic spend=measure:2 recency=measure:1 day=date agreed=consent";
    let output = with_duckdb(&desk, &table, "300000x64", columns);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let options = Options { rows: Some(300_000), rows_per_person: Some(64), ..Options::default() };
    let [file, keys] = ["sales.sealed", "sales.keys"].map(|name| desk.path(name));
    let sealed = desk.adopt(&file, &keys, &options).unwrap();
    let own = desk.in_memory_with(&table, &options).unwrap();
    assert!(sealed.manifest.manifest().shape().buckets() > 1);
    let (columns, keys) = (desk.open(&own), read_keys(&sealed.files.keys).unwrap());
    let bytes = fs::read(&sealed.files.sealed).unwrap();
    let manifest = sealed.manifest.manifest();
    let dataset = &desk.contract.datasets["sales"];
    let found = sealed::open(&bytes, manifest, dataset, &keys).unwrap();
    assert_eq!(by_person(&found), by_person(&columns));
}

/// All rows, those of one person in one order: the format says none.
fn by_person(columns: &BTreeMap<String, Values>) -> Vec<Vec<String>> {
    let column = |name: &str| -> Vec<String> {
        match &columns[name] {
            Values::Tags(tags) => tags.iter().map(hex::encode).collect(),
            Values::Codes(codes) => codes.iter().map(ToString::to_string).collect(),
            Values::Numbers(numbers) => numbers.iter().map(ToString::to_string).collect(),
            _ => panic!("no such column"),
        }
    };
    let names = ["email", "phone", "tier", "spend", "recency", "day", "agreed"];
    let columns = names.map(column);
    let rows = (0..columns[0].len()).map(|at| columns.iter().map(|c| c[at].clone()).collect());
    let mut rows: Vec<Vec<String>> = rows.collect();
    rows.sort();
    rows
}

#[test]
fn refuses_to_adopt_what_the_enclave_would_not_count() {
    let code = |column: &'static str, code: i32| rows(move |row| row[column] = code.into());
    for (given, column) in
        [(code("tier", 2), "tier"), (code("agreed", 2), "agreed"), (code("day", -2), "day")]
    {
        let error = adopted(&Desk::new(), &given).unwrap_err();
        let SealError::Adopt(AdoptFlaw::Range { column: found, rows: 1, .. }) = &error else {
            panic!("{error}")
        };
        assert_eq!(found, column);
    }
    let mut nobody = rows(|_| {});
    nobody["rows"].as_array_mut().unwrap().iter_mut().for_each(|row| row["email"] = Value::Null);
    let error = adopted(&Desk::new(), &nobody).unwrap_err();
    assert!(matches!(error, SealError::Adopt(AdoptFlaw::Empty)), "{error}");
    let mut one = rows(|_| {});
    let all = one["rows"].as_array_mut().unwrap().iter_mut().take(65);
    all.for_each(|row| row["email"] = "p0@example.com".into());
    let error = adopted(&Desk::new(), &one).unwrap_err();
    assert!(matches!(error, SealError::Adopt(AdoptFlaw::Declared { most: 65.., .. })), "{error}");
}

#[test]
fn refuses_to_adopt_with_another_files_keys() {
    let desk = Desk::new();
    adopted(&desk, &rows(|_| {})).unwrap();
    let other = Desk::new();
    adopted(&other, &rows(|_| {})).unwrap();
    fs::remove_file(desk.path("sales.manifest")).unwrap();
    fs::copy(other.path("sales.keys"), desk.path("sales.keys")).unwrap();
    assert!(matches!(adopted_again(&desk), Err(SealError::File(sealed::FileError::Key { .. }))));
}

const INSTALL: &str =
    "python3 -m venv .venv && .venv/bin/pip install pyarrow, then PYTHON=.venv/bin/python3";
