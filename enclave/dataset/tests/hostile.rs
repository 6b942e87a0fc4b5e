//! A partner's file may be hostile: it is opened as written or refused, and nothing else happens.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test may fail by panicking")]

use arrow::{
    array::{ArrayRef, AsArray, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch},
    datatypes::{DataType, Field, Int32Type, Int64Type, Schema},
};
use bytes::Bytes;
use dataset::{OpenError, Table};
use parquet::{
    arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions},
    basic::{Compression, Encoding},
    encryption::encrypt::FileEncryptionProperties,
    file::properties::{
        EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion,
    },
};
use protocol::{
    contract::{Contract, Dataset, draft},
    hpke::RecipientSecret,
    key::DataKey,
    manifest::{Manifest, ManifestError},
    merkle,
    salt::BucketSalt,
    sealed::{self, Declared, FOOTER, FileError, Flaw, NO_TAG, Tag},
    sign::SigningKey,
};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};
use zeroize::Zeroizing;

/// The dataset of all tests; made once, for its party's keys take long.
fn dataset() -> Dataset {
    static MADE: LazyLock<Dataset> = LazyLock::new(make_dataset);
    MADE.clone()
}

/// An e-mail address, a group of two, a number.
fn make_dataset() -> Dataset {
    let seed = Zeroizing::new(vec![1; 32]);
    let root = SigningKey::from_seed(&seed).unwrap().public();
    let recipient = RecipientSecret::from_bytes(&seed).unwrap().public();
    let head = draft::Head {
        name: "c",
        expires: "2027-12-31T00:00:00Z",
        purposes: &["p"],
        bucket_salt: BucketSalt::take(&mut [0x5a; BucketSalt::LEN]).digest(),
    };
    let party =
        draft::Party { name: "a", root_key: &root, recipient_key: &recipient, custody: None };
    let budget = draft::Budget {
        purpose: "p",
        legal_basis: "consent",
        period: "month",
        epsilon: 1.0,
        lifetime_epsilon: 2.0,
    };
    let pcr = "ab".repeat(48);
    let build = draft::Build("b", [&pcr; 3]);
    let text = format!(
        "{head}{party}[[dataset]]\nname = \"d\"\nowner = \"a\"\nlineage = \"l\"\n\
         [[dataset.column]]\nname = \"email\"\nrole = \"match_key\"\nkind = \"email\"\n\
         [[dataset.column]]\nname = \"arm\"\nrole = \"group\"\ndomain = [\"x\", \"y\"]\n\
         [[dataset.column]]\nname = \"spend\"\nrole = \"measure\"\n{budget}\
         [[dataset]]\nname = \"e\"\nowner = \"a\"\nlineage = \"m\"\n\
         [[dataset.column]]\nname = \"email\"\nrole = \"match_key\"\nkind = \"email\"\n\
         [[dataset.column]]\nname = \"spend\"\nrole = \"measure\"\n{budget}\
         [[analysis]]\nname = \"lift\"\nkind = \"lift\"\npurpose = \"p\"\nassignment = \"d\"\narm = \"arm\"\n\
         outcome = \"e\"\nmeasures = [\"spend\"]\nanalysts = [\"a\"]\nreceivers = [\"a\"]\n{build}"
    );
    Contract::parse(text.as_bytes()).unwrap().datasets["d"].clone()
}

fn keys() -> BTreeMap<String, DataKey> {
    let names = [FOOTER, "email", "arm", "spend"];
    names
        .iter()
        .zip(1..)
        .map(|(name, byte)| ((*name).to_owned(), DataKey::take(&mut [byte; 32])))
        .collect()
}

fn key(name: &str) -> Vec<u8> {
    keys()[name].expose().to_vec()
}

fn tags(tags: impl Iterator<Item = Tag>) -> ArrayRef {
    Arc::new(FixedSizeBinaryArray::try_from_iter(tags).unwrap())
}

fn binary<const N: usize>(value: [u8; N]) -> FixedSizeBinaryArray {
    FixedSizeBinaryArray::try_from_iter(std::iter::repeat_n(value, 1024)).unwrap()
}

/// What a hostile writer may choose.
struct Writer {
    fields: Vec<Field>,
    columns: Vec<ArrayRef>,
    properties: WriterPropertiesBuilder,
    prefix: Vec<u8>,
}

impl Writer {
    /// As an honest one has it: 1,024 rows, the last 24 of which are padding.
    fn honest() -> Self {
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("email", tags((0..1024).map(|n| if n < 1000 { [9; 16] } else { NO_TAG }))),
            ("arm", Arc::new(Int32Array::from_iter_values((0..1024).map(|n| n % 2)))),
            ("spend", Arc::new(Int64Array::from_iter_values(0..1024))),
        ];
        let fields =
            columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), false));
        Self {
            fields: fields.collect(),
            columns: columns.into_iter().map(|(_, array)| array).collect(),
            properties: WriterProperties::builder()
                .set_compression(Compression::UNCOMPRESSED)
                .set_encoding(Encoding::PLAIN)
                .set_dictionary_enabled(false)
                .set_statistics_enabled(EnabledStatistics::None)
                .set_offset_index_disabled(true),
            prefix: vec![5; 32],
        }
    }

    fn column(mut self, at: usize, name: &str, array: impl arrow::array::Array + 'static) -> Self {
        self.fields[at] = Field::new(name, array.data_type().clone(), false);
        self.columns[at] = Arc::new(array);
        self
    }

    fn write(self) -> Vec<u8> {
        self.write_with(|column| (key(column), sealed::key_metadata(column)))
    }

    fn write_with(self, keyed: impl Fn(&str) -> (Vec<u8>, Vec<u8>)) -> Vec<u8> {
        let mut encryption = FileEncryptionProperties::builder(key(FOOTER))
            .with_footer_key_metadata(sealed::key_metadata(FOOTER))
            .with_aad_prefix(self.prefix)
            .with_aad_prefix_storage(true);
        for field in &self.fields {
            let (key, metadata) = keyed(field.name());
            encryption = encryption.with_column_key_and_metadata(field.name(), key, metadata);
        }
        let properties =
            self.properties.with_file_encryption_properties(encryption.build().unwrap());
        let options = ArrowWriterOptions::new()
            .with_properties(properties.build())
            .with_skip_arrow_metadata(true);
        let schema = Arc::new(Schema::new(self.fields));
        let mut writer =
            ArrowWriter::try_new_with_options(Vec::new(), schema.clone(), options).unwrap();
        writer.write(&RecordBatch::try_new(schema, self.columns).unwrap()).unwrap();
        writer.into_inner().unwrap()
    }
}

/// The manifest that a hostile owner signs for `file`: true of its bytes, whatever they are.
fn manifest(file: &[u8]) -> Manifest {
    Manifest {
        lineage: "l".to_owned(),
        version: 1,
        root: merkle::root_of(file),
        size: u64::try_from(file.len()).unwrap(),
        declared: Declared::of(1024),
        columns: sealed::layout(&dataset()),
        opt_outs: None,
        aad_prefix: vec![5; 32],
    }
}

fn open(file: Vec<u8>) -> Result<Table, OpenError> {
    let manifest = manifest(&file);
    dataset::open(Bytes::from(file), &manifest, &dataset(), &keys())
}

#[track_caller]
fn refused(file: Vec<u8>, expected: impl Into<FileError>) {
    assert_eq!(open(file).unwrap_err(), OpenError::File(expected.into()));
}

fn wrong_key(column: &str) -> FileError {
    FileError::Key { column: column.to_owned() }
}

#[test]
fn opens_what_an_honest_owner_wrote_and_shows_no_value() {
    let table = open(Writer::honest().write()).unwrap();
    assert_eq!((table.rows(), table.columns().len()), (1024, 3));
    let spend = table.column("spend").unwrap().as_primitive::<Int64Type>();
    assert_eq!(spend.values().to_vec(), (0..1024).collect::<Vec<i64>>());
    assert_eq!(table.column("email").unwrap().as_fixed_size_binary().value(7), [9; 16]);
    assert!(!format!("{table:?}").contains("1023"));
}

/// What an enclave reads, which never has more than one bucket decrypted.
#[test]
fn buckets_are_the_parts_of_the_whole() {
    let file = Writer::honest().write();
    let whole = open(file.clone()).unwrap();
    let (manifest, dataset) = (manifest(&file), dataset());
    let buckets = dataset::buckets(&file, &manifest, &dataset, &keys()).unwrap();
    let buckets: Vec<_> = buckets.map(Result::unwrap).collect();
    assert_eq!(buckets.iter().map(Table::rows).sum::<u64>(), whole.rows());
    let mut before = 0;
    for bucket in &buckets {
        for (name, values) in whole.columns() {
            let found = bucket.column(name).unwrap();
            assert_eq!(&values.slice(before, found.len()), found, "{name}");
        }
        before += usize::try_from(bucket.rows()).unwrap();
    }
    let other = Manifest { root: merkle::root_of(b"other"), ..manifest };
    assert!(dataset::buckets(&file, &other, &dataset, &keys()).is_err());
}

#[test]
fn decrypts_only_the_granted_columns() {
    let file = Writer::honest().write();
    let mut some = keys();
    some.remove("email");
    let table = dataset::open(file.clone().into(), &manifest(&file), &dataset(), &some).unwrap();
    assert_eq!(table.columns().keys().collect::<Vec<_>>(), ["arm", "spend"]);
    let mut less = keys();
    less.remove(FOOTER);
    let opened = dataset::open(file.clone().into(), &manifest(&file), &dataset(), &less);
    let missing = FileError::MissingKey { column: FOOTER.to_owned() };
    assert_eq!(opened.unwrap_err(), OpenError::File(missing));
    let mut more = keys();
    more.insert("history".to_owned(), DataKey::take(&mut [9; 32]));
    let opened = dataset::open(file.clone().into(), &manifest(&file), &dataset(), &more);
    let strange = FileError::StrangeKey { column: "history".to_owned() };
    assert_eq!(opened.unwrap_err(), OpenError::File(strange));
}

#[test]
fn refuses_swapped_keys_and_columns_sealed_under_others_keys() {
    let file = Writer::honest().write();
    let mut swapped = keys();
    swapped.insert("arm".to_owned(), DataKey::take(&mut [4; 32]));
    let opened = dataset::open(file.clone().into(), &manifest(&file), &dataset(), &swapped);
    assert_eq!(opened.unwrap_err(), OpenError::File(wrong_key("arm")));
    let crossed = |column: &str| {
        let other = if column == "arm" { "spend" } else { column };
        (key(other), sealed::key_metadata(column))
    };
    refused(Writer::honest().write_with(crossed), wrong_key("arm"));
    let misnamed = |column: &str| {
        (key(column), sealed::key_metadata(if column == "arm" { "spend" } else { column }))
    };
    refused(Writer::honest().write_with(misnamed), Flaw::Encryption);
}

#[test]
fn refuses_bytes_that_are_not_the_manifests() {
    let file = Writer::honest().write();
    let good = manifest(&file);
    let open = |file: &[u8], manifest: &Manifest| {
        dataset::open(Bytes::copy_from_slice(file), manifest, &dataset(), &keys()).unwrap_err()
    };
    let mut flipped = file.clone();
    flipped[1000] ^= 1;
    assert_eq!(open(&flipped, &good), OpenError::File(FileError::Root));
    let short = FileError::Size { found: good.size - 1, expected: good.size };
    assert_eq!(open(&file[1..], &good), OpenError::File(short));
    let other = Manifest { aad_prefix: vec![6; 32], ..good.clone() };
    assert_eq!(open(&file, &other), OpenError::File(Flaw::Prefix.into()));
    let none = Manifest { aad_prefix: vec![], ..good.clone() };
    assert_eq!(open(&file, &none), OpenError::File(Flaw::Prefix.into()));
    let rows = Manifest { declared: Declared::of(1280), ..good.clone() };
    assert_eq!(open(&file, &rows), OpenError::File(FileError::Manifest(ManifestError::Size)));
}

/// The owner signs a new manifest for each altered file, so that only the reader is in the way. What
/// key metadata says beside the column's name is in the clear and nobody reads it.
#[test]
fn a_flipped_bit_is_refused_or_changes_nothing_and_every_truncation_is_refused() {
    let file = Writer::honest().write();
    let honest = open(file.clone()).unwrap();
    let mut harmless = 0;
    let last = file.len() - 1;
    let near_ends = (0..400).chain(last - 1500..=last);
    for at in near_ends.chain((400..last - 1500).step_by(97)) {
        let mut altered = file.clone();
        altered[at] ^= 1 << (at % 8);
        match open(altered) {
            Ok(table) => {
                assert_eq!(table.columns(), honest.columns(), "byte {at}");
                harmless += 1;
            }
            Err(error) => assert!(matches!(error, OpenError::File(_)), "byte {at}: {error}"),
        }
    }
    assert!(harmless < sealed::key_metadata(FOOTER).len(), "{harmless} bytes may change");
    for length in (0..2000).chain((2000..file.len()).step_by(61)) {
        assert!(open(file[..length].to_vec()).is_err(), "{length} bytes");
        assert!(open(file[length + 1..].to_vec()).is_err(), "without the first {length}");
    }
}

#[test]
fn refuses_other_columns_types_rows_and_nulls() {
    let wider = Writer::honest().column(1, "arm", Int64Array::from_iter_values(0..1024));
    refused(wider.write(), Flaw::Schema);
    let renamed = Writer::honest().column(1, "group", Int32Array::from_iter_values(0..1024));
    refused(
        renamed
            .write_with(|c| (key(if c == "group" { "arm" } else { c }), sealed::key_metadata(c))),
        Flaw::Schema,
    );
    let shorter = Writer::honest().column(0, "email", binary([9; 17]));
    refused(shorter.write(), Flaw::Schema);
    let mut optional = Writer::honest();
    optional.fields[2] = Field::new("spend", DataType::Int64, true);
    refused(optional.write(), Flaw::Schema);
    let mut fewer = Writer::honest();
    fewer.columns = fewer.columns.iter().map(|array| array.slice(0, 1020)).collect();
    refused(fewer.write(), Flaw::Rows);
    let mut groups = Writer::honest();
    groups.properties = groups.properties.set_max_row_group_row_count(Some(512));
    refused(groups.write(), Flaw::Metadata);
}

#[test]
fn refuses_bombs_compression_dictionaries_statistics_and_indexes() {
    let with = |change: fn(WriterPropertiesBuilder) -> WriterPropertiesBuilder| {
        let mut writer = Writer::honest();
        writer.properties = change(writer.properties);
        writer.write()
    };
    refused(with(|p| p.set_statistics_enabled(EnabledStatistics::Chunk)), Flaw::Column);
    refused(
        with(|p| {
            p.set_encoding(Encoding::DELTA_BINARY_PACKED)
                .set_column_encoding("email".into(), Encoding::PLAIN)
        }),
        FileError::Manifest(ManifestError::Size),
    );
    refused(with(|p| p.set_column_encoding("arm".into(), Encoding::BYTE_STREAM_SPLIT)), Flaw::Page);
    refused(with(|p| p.set_writer_version(WriterVersion::PARQUET_2_0)), Flaw::Page);
    refused(with(|p| p.set_offset_index_disabled(false)), Flaw::Metadata);
    refused(with(|p| p.set_column_bloom_filter_enabled("arm".into(), true)), Flaw::Column);
    // Four million rows that compress to nothing, or repeat one entry of a dictionary, have no room
    // in a file whose size its manifest must justify; padded with junk they meet the next check.
    let small = with(|p| p.set_dictionary_enabled(true));
    refused(small.clone(), FileError::Manifest(ManifestError::Size));
    refused(stuffed(small), Flaw::Column);
}

/// Puts junk before the footer until the size is that of an honest file.
fn stuffed(mut file: Vec<u8>) -> Vec<u8> {
    let footer = u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().unwrap());
    let at = file.len() - 8 - usize::try_from(footer).unwrap();
    file.splice(at..at, vec![0; 60_000]);
    file
}

#[test]
fn a_footer_that_claims_to_be_huge_is_refused_before_it_is_read() {
    let mut file = Writer::honest().write();
    let at = file.len() - 8;
    file[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
    refused(file, Flaw::FooterLength);
}

/// Re-encrypts the first page header of the first column after `change`.
fn with_page_header(change: impl Fn(&mut Vec<u8>)) -> Vec<u8> {
    let mut file = Writer::honest().write();
    let prefix = [&[0x18, 32], [5; 32].as_slice(), &[0x18, 8]].concat();
    let at =
        file.windows(prefix.len()).rposition(|window| window == prefix).unwrap() + prefix.len();
    let aad = [&[5; 32], &file[at..at + 8], &[4, 0, 0, 0, 0, 0, 0]].concat();
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key("email")).unwrap());
    let length = usize::try_from(u32::from_le_bytes(file[4..8].try_into().unwrap())).unwrap();
    let nonce = || Nonce::try_assume_unique_for_key(&file[8..20]).unwrap();
    let mut sealed = file[20..8 + length].to_vec();
    let mut header = cipher.open_in_place(nonce(), Aad::from(&aad), &mut sealed).unwrap().to_vec();
    let before = header.len();
    change(&mut header);
    assert_eq!(header.len(), before, "the test keeps every offset as it was");
    cipher.seal_in_place_append_tag(nonce(), Aad::from(&aad), &mut header).unwrap();
    file.splice(20..8 + length, header);
    file
}

/// A page header of 1,024 values of 16 bytes: `15 00` type, `15 80 80 02` uncompressed, `15 c0 80 02`
/// compressed, `2c 15 80 10` values, `15 00` encoding.
#[test]
fn refuses_pages_that_lie_about_their_values() {
    assert!(open(with_page_header(|_| {})).is_ok());
    let replace = |from: &'static [u8], to: &'static [u8]| {
        with_page_header(move |header| {
            let at = header.windows(from.len()).position(|window| window == from).unwrap();
            header.splice(at..at + from.len(), to.iter().copied());
        })
    };
    for (what, from, to) in [
        ("more values", &[0x2c, 0x15, 0x80, 0x10][..], &[0x2c, 0x15, 0x82, 0x10][..]),
        ("fewer values", &[0x2c, 0x15, 0x80, 0x10], &[0x2c, 0x15, 0xfe, 0x0f]),
        ("negative values", &[0x2c, 0x15, 0x80, 0x10], &[0x2c, 0x15, 0x81, 0x10]),
        ("another size", &[0x15, 0x80, 0x80, 0x02], &[0x15, 0x82, 0x80, 0x02]),
        ("a dictionary page", &[0x15, 0x00, 0x15, 0x80], &[0x15, 0x04, 0x15, 0x80]),
        ("a dictionary encoding", &[0x80, 0x10, 0x15, 0x00], &[0x80, 0x10, 0x15, 0x10]),
    ] {
        let opened = open(replace(from, to));
        assert_eq!(opened.unwrap_err(), OpenError::File(Flaw::Page.into()), "{what}");
    }
}

#[test]
fn values_that_mean_nothing_count_for_nothing() {
    let arms = (0..1024).map(|n| [0, 1, 2, -1, i32::MIN, i32::MAX][n % 6]);
    let writer = Writer::honest().column(1, "arm", Int32Array::from_iter_values(arms));
    let table = open(writer.write()).unwrap();
    let first =
        |name: &str| table.column(name).unwrap().as_primitive::<Int32Type>().values()[..6].to_vec();
    assert_eq!(first("arm"), [0, 1, -1, -1, -1, -1]);
}

/// The rows of a file of two buckets, in any order and in whatever bucket: (tag, arm).
fn bucket(capacity: usize, rows: &[(Tag, i32)]) -> RecordBatch {
    let mut rows = rows.to_vec();
    rows.resize(capacity, (NO_TAG, 0));
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("email", tags(rows.iter().map(|row| row.0))),
        ("arm", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.1)))),
        ("spend", Arc::new(Int64Array::from(vec![0; capacity]))),
    ];
    let fields =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), false));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns.into_iter().map(|(_, array)| array).collect()).unwrap()
}

/// What a file of two buckets declares.
fn two_buckets() -> Declared {
    let declared = Declared::at_least(300_000, 64);
    assert_eq!(declared.shape().buckets(), 2);
    declared
}

fn of_buckets(buckets: &[&[(Tag, i32)]]) -> Vec<u8> {
    let capacity = usize::try_from(two_buckets().shape().capacity()).unwrap();
    let honest = Writer::honest();
    let mut encryption = FileEncryptionProperties::builder(key(FOOTER))
        .with_footer_key_metadata(sealed::key_metadata(FOOTER))
        .with_aad_prefix(honest.prefix)
        .with_aad_prefix_storage(true);
    for name in ["email", "arm", "spend"] {
        let metadata = sealed::key_metadata(name);
        encryption = encryption.with_column_key_and_metadata(name, key(name), metadata);
    }
    let properties = honest.properties.set_max_row_group_row_count(Some(capacity));
    let properties = properties.with_file_encryption_properties(encryption.build().unwrap());
    let options = ArrowWriterOptions::new()
        .with_properties(properties.build())
        .with_skip_arrow_metadata(true);
    let schema = bucket(1, &[]).schema();
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options).unwrap();
    for rows in buckets {
        writer.write(&bucket(capacity, rows)).and_then(|()| writer.flush()).unwrap();
    }
    writer.into_inner().unwrap()
}

fn open_buckets(file: &[u8]) -> Result<Table, OpenError> {
    let manifest = Manifest { declared: two_buckets(), ..manifest(file) };
    dataset::open(Bytes::copy_from_slice(file), &manifest, &dataset(), &keys())
}

/// The rows of two people in each bucket.
fn people() -> [Vec<(Tag, i32)>; 2] {
    [[1, 2], [0x81, 0x82]].map(|people| people.map(|person| ([person; 16], 1)).into())
}

/// Arms of the first rows of each bucket.
fn arms(table: &Table, rows: usize) -> [Vec<i32>; 2] {
    let arms = table.column("arm").unwrap().as_primitive::<Int32Type>();
    let (first, second) = arms.values().split_at(arms.len() / 2);
    [first, second].map(|bucket| bucket[..rows].to_vec())
}

#[test]
fn a_bucket_that_is_not_sorted_is_sorted_and_a_row_in_another_bucket_is_padding() {
    let [first, second] = people();
    let sorted = open_buckets(&of_buckets(&[&first, &second])).unwrap();
    let reversed: [Vec<_>; 2] = [&first, &second].map(|rows| rows.iter().rev().copied().collect());
    let padding_first = [vec![(NO_TAG, 0)], reversed[0].clone()].concat();
    let other = open_buckets(&of_buckets(&[&padding_first, &reversed[1]])).unwrap();
    assert_eq!(sorted.columns(), other.columns());
    // A person of the second bucket in the first, and one of the first in the second.
    let strays = [[first.clone(), vec![([0x90; 16], 1)]], [second.clone(), vec![([3; 16], 1)]]];
    let [one, two] = strays.map(|rows| rows.concat());
    let strayed = open_buckets(&of_buckets(&[&one, &two])).unwrap();
    assert_eq!(sorted.column("email"), strayed.column("email"));
    assert_eq!(arms(&strayed, 4), [[1, 1, 1, 0]; 2].map(Vec::from), "padding says nothing");
}

/// An instance opens what the owner signed for, so the manifest is true of each of these files.
#[test]
fn a_lost_a_swapped_and_an_old_bucket_are_refused() {
    let [first, second] = people();
    let file = of_buckets(&[&first, &second]);
    let lost = of_buckets(&[&first]);
    assert_eq!(
        open_buckets(&stuffed_to(lost, file.len())).unwrap_err(),
        OpenError::File(Flaw::Rows.into())
    );
    // Both buckets have the same length: the pages are between the magic and the footer.
    let footer = u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().unwrap());
    let end = file.len() - 8 - usize::try_from(footer).unwrap();
    let half = (end - 4) / 2;
    let swapped = [&file[..4], &file[4 + half..end], &file[4..4 + half], &file[end..]].concat();
    assert_eq!(open_buckets(&swapped).unwrap_err(), OpenError::File(wrong_key("email")));
    // The same rows, columns and keys, sealed another time.
    let newer = of_buckets(&[&first, &second]);
    let old = [&newer[..4 + half], &file[4 + half..end], &newer[end..]].concat();
    assert_eq!(open_buckets(&old).unwrap_err(), OpenError::File(wrong_key("email")));
    assert!(open_buckets(&newer).is_ok());
}

/// Puts junk before the footer until the file has this length.
fn stuffed_to(mut file: Vec<u8>, length: usize) -> Vec<u8> {
    let footer = u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().unwrap());
    let at = file.len() - 8 - usize::try_from(footer).unwrap();
    let missing = length - file.len();
    file.splice(at..at, vec![0; missing]);
    file
}
