use super::*;
use protocol::{
    contract::{Contract, draft},
    delegation::{Authority, Delegate, Delegation, KeyKind},
    hpke::RecipientSecret,
    identity::{self, Identifier},
    salt::BucketSalt,
    sealed::{self, Declared, NO_TAG, Tag, Tagger, Values},
    sign::SigningKey,
    time::Time,
};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use std::{fmt::Write as _, fs, sync::Arc};
use zeroize::Zeroizing;

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&Zeroizing::new(vec![seed; 32])).unwrap()
}

/// The service key of the party whose root key has the seed `seed`.
pub(super) fn service(seed: u8) -> Delegate {
    let key = signing_key(seed + 100);
    let (kind, name) = (KeyKind::Service, "service".to_owned());
    let (from, until) = (Time(0), Time(u64::MAX));
    let delegation = Delegation { kind, name, key: key.public(), from, until };
    Delegate::by(&signing_key(seed), key, &delegation).unwrap()
}

fn salt() -> BucketSalt {
    BucketSalt::take(&mut [0x5a; BucketSalt::LEN])
}

/// A publisher's contract with a retailer whose dataset `sales` has a column of every role.
pub(super) fn contract() -> Contract {
    Contract::parse(contract_text().as_bytes()).unwrap()
}

fn contract_text() -> String {
    let recipient =
        |seed| RecipientSecret::generate(&mut ChaCha20Rng::from_seed([seed; 32])).public();
    let head = draft::Head {
        name: "lift",
        expires: "2027-12-31T00:00:00Z",
        purposes: &["measurement"],
        bucket_salt: salt().digest(),
    };
    let mut text = format!("{head}min_cell = 50\n");
    for (name, seed) in [("publisher", 1), ("retailer", 2)] {
        let (root, recipient) = (signing_key(seed).public(), recipient(seed));
        let party =
            draft::Party { name, root_key: &root, recipient_key: &recipient, custody: None };
        text += &party.to_string();
    }
    let budget = draft::Budget {
        purpose: "measurement",
        legal_basis: "consent",
        period: "month",
        epsilon: 4.0,
        lifetime_epsilon: 20.0,
    };
    let datasets = [
        (
            "exposures",
            "publisher",
            vec!["email match_key kind=email", "arm group domain=mens,none", "history never"],
        ),
        (
            "sales",
            "retailer",
            vec![
                "email match_key kind=email",
                "phone match_key kind=phone",
                "tier group domain=gold,basic",
                "spend measure scale=2",
                "recency feature scale=1",
                "day date",
                "agreed consent",
                "note never",
            ],
        ),
    ];
    for (name, owner, columns) in datasets {
        writeln!(text, "[[dataset]]\nname = \"{name}\"\nowner = \"{owner}\"\nlineage = \"{name}\"")
            .unwrap();
        for column in columns {
            let words: Vec<_> = column.split(' ').collect();
            writeln!(text, "[[dataset.column]]\nname = \"{}\"\nrole = \"{}\"", words[0], words[1])
                .unwrap();
            match words.get(2).and_then(|word| word.split_once('=')) {
                Some(("kind", kind)) => writeln!(text, "kind = \"{kind}\"").unwrap(),
                Some(("domain", values)) => {
                    writeln!(text, "domain = {:?}", values.split(',').collect::<Vec<_>>()).unwrap();
                }
                Some((other, value)) => writeln!(text, "{other} = {value}").unwrap(),
                None => {}
            }
        }
        text += &budget.to_string();
    }
    text.push_str(
        "[[analysis]]\nname = \"lift\"\nkind = \"lift\"\npurpose = \"measurement\"\n\
         assignment = \"exposures\"\narm = \"arm\"\noutcome = \"sales\"\nmeasures = [\"spend\"]\n\
         date = \"day\"\nanalysts = [\"publisher\"]\nreceivers = [\"publisher\"]\n",
    );
    let pcr = "ab".repeat(48);
    text += &draft::Build("test", [&pcr; 3]).to_string();
    text
}

struct Desk {
    directory: tempfile::TempDir,
    contract: Contract,
}

impl Desk {
    fn new() -> Self {
        Self { directory: tempfile::tempdir().unwrap(), contract: contract() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn table(&self, rows: &str) -> PathBuf {
        let path = self.path("sales.csv");
        fs::write(&path, format!("{HEADER}{rows}")).unwrap();
        path
    }

    fn seal(&self, input: &Path, options: &Options) -> Result<Sealed, SealError> {
        self.seal_to(input, &self.path("sales.v1"), options)
    }

    fn seal_to(&self, input: &Path, stem: &Path, options: &Options) -> Result<Sealed, SealError> {
        let (owner, salt) = (service(2), salt());
        seal(input, &self.version(&owner, &salt), stem, options, &mut |_, _| {})
    }

    fn in_memory(&self, input: &Path) -> Result<InMemory, SealError> {
        self.in_memory_with(input, &Options::default())
    }

    fn in_memory_with(&self, input: &Path, options: &Options) -> Result<InMemory, SealError> {
        let (owner, salt) = (service(2), salt());
        in_memory(input, &self.version(&owner, &salt), options, &mut |_, _| {})
    }

    fn adopt(&self, file: &Path, keys: &Path, options: &Options) -> Result<Sealed, SealError> {
        let (owner, salt) = (service(2), salt());
        let version = Version { number: 4, ..self.version(&owner, &salt) };
        adopt(file, keys, &version, options)
    }

    fn version<'a>(&'a self, owner: &'a Delegate, salt: &'a BucketSalt) -> Version<'a> {
        Version { contract: &self.contract, dataset: "sales", owner, salt, number: 1 }
    }

    fn open(&self, sealed: &InMemory) -> BTreeMap<String, Values> {
        let dataset = &self.contract.datasets["sales"];
        sealed::open(&sealed.file, sealed.manifest.manifest(), dataset, &sealed.keys).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn codes(values: &Values) -> &[i32] {
    let Values::Codes(codes) = values else { panic!("expected codes") };
    codes
}

fn tags(values: &Values) -> &[Tag] {
    let Values::Tags(tags) = values else { panic!("expected tags") };
    tags
}

/// The tag of an identifier in the room of these tests.
fn tag(kind: Identifier, text: &str) -> Tag {
    Tagger::new(&salt()).tag(kind, &identity::match_key(kind, text).unwrap())
}

/// Which rows of `sales` are no padding.
fn real(columns: &BTreeMap<String, Values>) -> Vec<usize> {
    let [email, phone] = ["email", "phone"].map(|name| tags(&columns[name]));
    (0..email.len()).filter(|row| email[*row] != NO_TAG || phone[*row] != NO_TAG).collect()
}

fn numbers(values: &Values) -> &[i64] {
    let Values::Numbers(numbers) = values else { panic!("expected numbers") };
    numbers
}

#[test]
fn a_sealed_table_opens_to_what_it_was() {
    let desk = Desk::new();
    let input = desk.table(
        "Ann@Example.com,,gold,29.99,-1.5,2024-02-29,yes,\"a note,\nof two lines\"\n\
         ,+1 (415) 555-0123,,0,0,,,\n",
    );
    let sealed = desk.in_memory(&input).unwrap();
    assert_eq!((sealed.count.rows, sealed.padded), (2, 1024));
    let columns = desk.open(&sealed);
    let rows = real(&columns);
    assert_eq!(rows, [0, 1]);
    let ann = *rows.iter().find(|at| numbers(&columns["spend"])[**at] == 2999).unwrap();
    let other = *rows.iter().find(|at| **at != ann).unwrap();
    let emails = tags(&columns["email"]);
    assert_eq!((emails[ann], emails[other]), (tag(Identifier::Email, "ann@example.com"), NO_TAG));
    let row = |at: usize| {
        let codes = ["tier", "day", "agreed"].map(|name| codes(&columns[name])[at]);
        (codes, numbers(&columns["recency"])[at])
    };
    assert_eq!(row(ann), ([0, 19_782, 1], -15));
    assert_eq!(row(other), ([-1, -1, -1], 0));
    assert!(!columns.contains_key("note"));
}

#[test]
fn rows_stand_in_the_order_of_tags_with_padding_behind_them() {
    let desk = Desk::new();
    let rows = (0..600).map(|n| format!("p{n}@example.com,,gold,{n},0,,1,\n"));
    let input = desk.table(&rows.collect::<String>());
    let reversed: String =
        (0..600).rev().map(|n| format!("p{n}@example.com,,gold,{n},0,,1,\n")).collect();
    let [one, two] = [input, desk.table(&reversed)].map(|input| desk.in_memory(&input).unwrap());
    assert_ne!(one.file, two.file, "other keys");
    let [one, two] = [&one, &two].map(|sealed| desk.open(sealed));
    assert_eq!(one, two, "whatever order the table has");
    assert_eq!(real(&one), (0..600).collect::<Vec<_>>());
    assert!(tags(&one["email"])[..600].is_sorted());
    assert_eq!(numbers(&one["spend"]).iter().sum::<i64>(), 100 * 599 * 600 / 2);
    assert!(numbers(&one["spend"])[600..].iter().all(|spend| *spend == 0));
}

#[test]
fn the_size_of_a_file_says_only_how_many_rows_it_was_padded_to() {
    let desk = Desk::new();
    let few = desk.table("a@example.com,,gold,1,1,,1,\n");
    let few = desk.in_memory(&few).unwrap().file.len();
    let rows = (0..1000)
        .map(|n| format!("p{n}@example.com,+14155550123,basic,{n}.99,{n},2024-01-01,no,x\n"));
    let many = desk.table(&rows.collect::<String>());
    assert_eq!(desk.in_memory(&many).unwrap().file.len(), few);
}

#[test]
fn bad_rows_are_counted_and_named_by_line_and_never_quoted() {
    let desk = Desk::new();
    let secret = "CANARY";
    let mut rows = "ok@example.com,,gold,1,1,,1,\"two\nlines\"\r\n\r\n".to_owned();
    rows.push_str(&format!("{secret},,gold,1,1,,1,\r\n"));
    rows.push_str(&format!("ok@example.com,,{secret},1,1,,1,\r\nok@example.com,,gold\r\n"));
    for _ in 0..12 {
        rows.push_str(&format!(",,gold,1,1,,1,{secret}\n"));
    }
    rows.push_str(&format!("ok@example.com,,gold,{secret},1,,{secret},\n"));
    let input = desk.path("sales.csv");
    fs::write(&input, format!("\u{feff}{HEADER}{rows}")).unwrap();
    let error = desk.seal(&input, &Options::default()).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(!text.contains(secret), "{text}");
    let SealError::BadRows { count, total, .. } = error else { panic!("{error}") };
    assert_eq!((count.rejected, count.no_identifier, total, count.first.len()), (16, 12, 17, 10));
    let named: Vec<_> = count.first.iter().take(4).map(ToString::to_string).collect();
    assert_eq!(
        named,
        [
            "line 5, email: not an e-mail address (expected name@example.com)",
            "line 6, tier: not in the contract's list, expected one of gold, basic",
            "line 7: found 3 fields, the header has 8",
            "line 8: no identifier: every match key is empty",
        ]
    );
    assert_eq!(desk.names(), ["sales.csv"]);
}

#[test]
fn what_was_written_opens_with_the_keys_and_nothing_is_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    let input = desk.table("a@example.com,,gold,1,1,,1,\n");
    let sealed = desk.seal(&input, &Options::default()).unwrap();
    let root = sealed.manifest.manifest().root;
    let keys = read_keys_of(&root, &sealed.files.keys).unwrap();
    let other = read_keys_of(&protocol::merkle::root_of(b"another"), &sealed.files.keys);
    let error = other.unwrap_err().to_string();
    assert!(error.contains("these are the keys of another sealed file"), "{error}");
    let manifest = fs::read(&sealed.files.manifest).unwrap();
    let manifest =
        SignedManifest::open(manifest, &Authority::at_any_time(&desk.contract), "retailer")
            .unwrap();
    let file = fs::read(&sealed.files.sealed).unwrap();
    let dataset = &desk.contract.datasets["sales"];
    assert!(sealed::open(&file, manifest.manifest(), dataset, &keys).is_ok());
    assert_eq!(fs::metadata(&sealed.files.keys).unwrap().permissions().mode() & 0o777, 0o600);
    for path in [&sealed.files.sealed, &sealed.files.manifest, &sealed.files.keys] {
        let before = fs::read(path).unwrap();
        let again = desk.seal(&input, &Options::default());
        assert!(matches!(again, Err(SealError::Exists { .. })));
        assert_eq!(fs::read(path).unwrap(), before);
    }
    fs::set_permissions(&sealed.files.keys, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(read_keys(&sealed.files.keys), Err(KeysError::Open { mode: 0o644, .. })));
}

#[test]
fn refuses_other_columns_than_the_contracts() {
    let desk = Desk::new();
    let input = desk.path("sales.csv");
    fs::write(&input, "email,phone,tier,spend,recency,day,income,email\n").unwrap();
    let error = desk.in_memory(&input).unwrap_err();
    let SealError::Columns { missing, unknown, twice, .. } = error else { panic!("{error}") };
    assert_eq!(
        (missing, unknown, twice),
        (vec!["agreed".into()], vec!["income".into()], vec!["email".into()])
    );
}

#[test]
fn refuses_an_owner_who_is_not_the_owner() {
    let desk = Desk::new();
    let input = desk.table("a@example.com,,gold,1,1,,1,\n");
    let options = Options::default();
    let sealed = in_memory(&input, &desk.version(&service(1), &salt()), &options, &mut |_, _| {});
    assert!(matches!(sealed, Err(SealError::Owner { .. })));
    let sealed = in_memory(
        &input,
        &Version { dataset: "other", ..desk.version(&service(2), &salt()) },
        &options,
        &mut |_, _| {},
    );
    assert!(matches!(sealed, Err(SealError::Dataset { .. })));
}

#[test]
fn parquet_and_arrow_seal_to_the_same_values_as_csv() {
    use arrow::{array::*, datatypes::*};
    use arrow_ipc::writer;
    use parquet::basic::Compression;
    let desk = Desk::new();
    let text = |values: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
    let tier: DictionaryArray<Int8Type> = [Some("gold"), None].into_iter().collect();
    let spend = Decimal128Array::from(vec![29_990, 0]).with_precision_and_scale(9, 3).unwrap();
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("email", text(vec![Some("ann@example.com"), None])),
        ("phone", text(vec![None, Some("+14155550123")])),
        ("tier", Arc::new(tier)),
        ("spend", Arc::new(spend)),
        ("recency", Arc::new(Float64Array::from(vec![-1.5, 0.0]))),
        ("day", Arc::new(Date32Array::from(vec![Some(19_782), None]))),
        ("agreed", Arc::new(BooleanArray::from(vec![Some(true), None]))),
    ];
    let batch =
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
            .unwrap();
    let create = |name: &str| fs::File::create(desk.path(name)).unwrap();
    let mut file = writer::FileWriter::try_new(create("a.arrow"), &batch.schema()).unwrap();
    file.write(&batch).and_then(|()| file.finish()).unwrap();
    let mut stream = writer::StreamWriter::try_new(create("a.arrows"), &batch.schema()).unwrap();
    stream.write(&batch).and_then(|()| stream.finish()).unwrap();
    let zstd = Compression::ZSTD(parquet::basic::ZstdLevel::default());
    let gzip = Compression::GZIP(parquet::basic::GzipLevel::default());
    let brotli = Compression::BROTLI(parquet::basic::BrotliLevel::default());
    for (name, compression) in [
        ("snappy.parquet", Compression::SNAPPY),
        ("zstd.parquet", zstd),
        ("gzip.parquet", gzip),
        ("brotli.parquet", brotli),
        ("lz4.parquet", Compression::LZ4_RAW),
        ("old-lz4.parquet", Compression::LZ4),
    ] {
        let properties =
            parquet::file::properties::WriterProperties::builder().set_compression(compression);
        let mut parquet = parquet::arrow::ArrowWriter::try_new(
            create(name),
            batch.schema(),
            Some(properties.build()),
        )
        .unwrap();
        parquet.write(&batch).unwrap();
        parquet.close().unwrap();
    }
    let csv =
        desk.table("ann@example.com,,gold,29.99,-1.5,2024-02-29,yes,\n,+14155550123,,0,0,,,\n");
    let all: Vec<_> = [
        "a.arrow",
        "a.arrows",
        "snappy.parquet",
        "zstd.parquet",
        "gzip.parquet",
        "brotli.parquet",
        "lz4.parquet",
        "old-lz4.parquet",
    ]
    .map(|name| desk.path(name))
    .into();
    let sorted = |path: &Path| {
        let columns = desk.open(&desk.in_memory(path).unwrap());
        let mut rows: Vec<_> = (0..1024)
            .map(|at| {
                let code = |name: &str| codes(&columns[name])[at];
                let key = |name: &str| tags(&columns[name])[at];
                let number = |name: &str| numbers(&columns[name])[at];
                (
                    ["tier", "day", "agreed"].map(code),
                    ["email", "phone"].map(key),
                    ["spend", "recency"].map(number),
                )
            })
            .collect();
        rows.sort_unstable();
        rows
    };
    let expected = sorted(&csv);
    for path in all {
        assert_eq!(sorted(&path), expected, "{}", path.display());
    }
}

#[test]
fn refuses_arrow_types_that_would_have_to_be_guessed() {
    use arrow::array::*;
    use arrow_ipc::writer;
    let desk = Desk::new();
    let text: ArrayRef = Arc::new(StringArray::from(vec!["a@example.com"]));
    let time = TimestampNanosecondArray::from(vec![0]).with_timezone("+00:00");
    let time: ArrayRef = Arc::new(time);
    let names = ["email", "phone", "tier", "spend", "recency", "agreed"].map(|n| (n, text.clone()));
    let batch = RecordBatch::try_from_iter(names.into_iter().chain([("day", time)])).unwrap();
    let path = desk.path("a.arrow");
    let mut file =
        writer::FileWriter::try_new(fs::File::create(&path).unwrap(), &batch.schema()).unwrap();
    file.write(&batch).and_then(|()| file.finish()).unwrap();
    let error = desk.in_memory(&path).unwrap_err();
    assert!(matches!(&error, SealError::Type { column, .. } if column == "day"), "{error}");
}

#[test]
fn refuses_files_that_are_no_table() {
    let desk = Desk::new();
    for (name, bytes) in [
        ("a.csv", b"".as_slice()),
        ("a.parquet", b"email,phone"),
        ("b.csv", b"PK\x03\x04"),
        ("zeros.csv", b"email,phone\0\0\0,spend"),
        ("c", b"PARE...."),
    ] {
        let path = desk.path(name);
        fs::write(&path, bytes).unwrap();
        assert!(matches!(desk.in_memory(&path), Err(SealError::Format { .. })), "{name}");
    }
    let empty = desk.table("");
    assert!(matches!(desk.in_memory(&empty), Err(SealError::Empty { rejected: 0 })));
}

mod cases;
mod cleaned;
mod declared;
mod files;
mod mended;
mod pyarrow;
mod quotes;
mod totals;
mod words;

const HEADER: &str = "email,phone,tier,spend,recency,day,agreed,note\n";
