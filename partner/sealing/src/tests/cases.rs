//! Files as other people's programs write them (`tests/data/intake`, made up): each is read to the
//! figures that it stands for, joined with an ordinary file of the other party.

use super::{
    super::{input, prepare},
    *,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/intake")
}

/// The contract of the cases, with match keys called `name`, of a kind.
fn contract_of(name: &str, kind: &str, dated: bool) -> Contract {
    let mut text = fs::read_to_string(folder().join("contract.toml")).unwrap();
    text = text.replace("name = \"email\"", &format!("name = \"{name}\""));
    text = text.replace("kind = \"email\"", &format!("kind = \"{kind}\""));
    if !dated {
        text = text.replace("[[dataset.column]]\nname = \"day\"\nrole = \"date\"\n", "");
        text = text.replace("date = \"day\"\n", "");
    }
    Contract::parse(text.as_bytes()).unwrap()
}

fn read(contract: &Contract, dataset: &str, path: &Path) -> (BTreeMap<String, Values>, Count) {
    let dataset = &contract.datasets[dataset];
    let rejects = output::Rejects::reserve(None).unwrap();
    let options = Options::default();
    let salt = salt();
    let into = prepare::Into { salt: &salt, spill: None };
    let prepared = prepare::prepare(path, dataset, into, &options, &rejects, &mut |_, _| {});
    let prepared = prepared.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let layout = sealed::layout(dataset);
    let mut columns: Vec<_> =
        layout.iter().map(|column| Values::with_capacity(column.physical, 0)).collect();
    for part in prepared.store.into_parts() {
        part.unwrap().records().for_each(|record| append(record, &mut columns));
    }
    let names = layout.into_iter().map(|column| column.name);
    (names.zip(columns).collect(), prepared.count)
}

/// Appends the columns of `record` to those of a table.
fn append(record: &[u8], columns: &mut [Values]) {
    let mut rest = &record[sealed::TAG_LEN..];
    for column in columns {
        match column {
            Values::Tags(tags) => tags.push(taken(&mut rest)),
            Values::Labels(labels) => labels.push(taken(&mut rest)),
            Values::Codes(codes) => codes.push(i32::from_le_bytes(taken(&mut rest))),
            Values::Numbers(numbers) => numbers.push(i64::from_le_bytes(taken(&mut rest))),
            _ => panic!("expected no other type"),
        }
    }
    assert!(rest.is_empty());
}

/// Splits the first `N` bytes off.
fn taken<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (first, behind) = rest.split_first_chunk().unwrap();
    *rest = behind;
    *first
}

/// What test and control spent, by the join of both files, in cents.
fn spent(contract: &Contract, key: &str, case: &str, file: &str) -> [i64; 2] {
    let (people, _) = read(contract, "exposures", &folder().join(case).join("exposures.csv"));
    let (sales, count) = read(contract, "sales", &folder().join(case).join(file));
    assert_eq!((count.rows, count.rejected), (24, 0), "{case}/{file}");
    let (people_keys, sales_keys) = (tags(&people[key]), tags(&sales[key]));
    let mut spent = [0; 2];
    for (key, arm) in people_keys.iter().zip(codes(&people["arm"])) {
        let place = sales_keys.iter().position(|other| other == key);
        spent[usize::try_from(*arm).unwrap()] +=
            place.map_or(0, |place| numbers(&sales["spend"])[place]);
    }
    spent
}

#[test]
fn the_same_people_are_found_however_their_addresses_came() {
    let contract = contract_of("email", "email", false);
    let both = [12 * 1000; 2];
    assert_eq!(spent(&contract, "email", "emails-with-hidden-characters", "sales.csv"), both);
    let contract = contract_of("phone", "phone", false);
    assert_eq!(spent(&contract, "phone", "phones-with-trunk-zero", "sales.csv"), both);
    let contract = contract_of("id", "hashed", false);
    assert_eq!(spent(&contract, "id", "hashed-in-hexadecimal", "sales.csv"), both);
}

#[test]
fn numbers_are_what_they_stand_for() {
    let contract = contract_of("email", "email", false);
    assert_eq!(spent(&contract, "email", "csv-exponents", "sales.csv"), [1_870_100; 2]);
    // Multiples of 29.99, from one to nine.
    let units = |from: i64| (from..from + 12).map(|n| (n % 9 + 1) * 2999).sum::<i64>();
    let expected = [units(0), units(12)];
    for file in ["sales.csv", "sales.parquet"] {
        assert_eq!(spent(&contract, "email", "csv-float-artefacts", file), expected, "{file}");
    }
}

#[test]
fn files_are_read_whatever_wrote_them() {
    let contract = contract_of("email", "email", false);
    let both = [12 * 1050; 2];
    for (case, file) in [
        ("csv-sep-line", "sales.csv"),
        ("csv-sep-line", "sales-semicolon.csv"),
        ("csv-utf16-without-mark", "sales.csv"),
        ("parquet-gzip", "sales.gzip.parquet"),
        ("parquet-gzip", "sales.brotli.parquet"),
        ("parquet-gzip", "sales.lz4.parquet"),
        ("parquet-folder", "sales"),
    ] {
        assert_eq!(spent(&contract, "email", case, file), both, "{case}/{file}");
    }
}

#[test]
fn days_that_are_written_as_midnight_are_days() {
    let contract = contract_of("email", "email", true);
    let case = folder().join("dates-as-timestamps");
    for file in
        ["sales.csv", "sales.date64.feather", "sales.int96.parquet", "sales.timestamp.parquet"]
    {
        let (sales, count) = read(&contract, "sales", &case.join(file));
        assert_eq!((count.rows, count.rejected), (24, 0), "{file}");
        assert_eq!(codes(&sales["day"]), [20_731; 24], "{file}");
    }
}

/// A table with an error in it is refused, whatever the error: nothing panics.
#[test]
fn a_file_that_was_cut_off_is_an_error() {
    let contract = contract_of("email", "email", true);
    let case = folder().join("dates-as-timestamps");
    let desk = Desk::new();
    for file in ["sales.date64.feather", "sales.int96.parquet", "sales.timestamp.parquet"] {
        let bytes = fs::read(case.join(file)).unwrap();
        for length in (8..bytes.len()).step_by(97) {
            let path = desk.path("cut");
            fs::write(&path, &bytes[..length]).unwrap();
            let dataset = &contract.datasets["sales"];
            let reading = Reading::default();
            let read = input::Input::open(&path, dataset, &reading)
                .and_then(|input| input.rows(&mut |_, _| Ok(()), &mut |_, _| {}));
            assert!(read.is_err(), "{file} cut at {length}");
        }
    }
}
