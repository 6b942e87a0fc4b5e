//! A partner signs its own lies: its file, its manifest and its keys are whatever it likes. Each lie
//! is refused at the edge, and the other party's room goes on as if nothing had been said.

#![cfg(test)]
#![expect(clippy::as_conversions, reason = "a forger's integers need no care")]

#[path = "hostile_partner/contracts.rs"]
mod contracts;
#[path = "hostile_partner/forge.rs"]
mod forge;
#[path = "hostile_partner/stage.rs"]
mod stage;

use arrow::{
    array::{Array, ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array},
    datatypes::Field,
};
use client::grant::GrantError;
use forge::{Column, Forged, Struct};
use parquet::{
    basic::Encoding,
    file::properties::{EnabledStatistics, WriterVersion},
};
use protocol::{
    grant::Grant,
    manifest::{Manifest, ManifestError},
    message::{Body, Reply},
    refusal::{GrantFlaw, Limit, Refusal},
    sealed::Declared,
};
use stage::{Stage, bad, plain, write};
use std::{sync::Arc, time::Duration};
use tests::{JOB, exposures, sales};

/// Without this every refusal below could be for a reason that no test names.
#[tokio::test]
async fn an_honest_file_of_either_forger_is_accepted() {
    let mut stage = Stage::set().await;
    let forged = stage.forged().write();
    let written = stage.written(|_| {}, |properties| properties);
    let padded = Stage::with_gap(&written, 64);
    for file in [forged, written, padded] {
        let reply = stage.offer(&file, |_| {}).await;
        assert!(matches!(reply, Reply::Granted { .. }), "{reply:?}");
    }
}

#[tokio::test]
async fn refuses_a_file_that_lies_about_its_rows() {
    let mut stage = Stage::set().await;
    for rows in [0, 1, PADDED - 1, PADDED + 1, 1280, i64::MAX, -1] {
        stage.refuses("rows of the file", |f| f.rows = rows).await;
        stage.refuses("rows of the group", |f| f.group_rows = rows).await;
        stage.refuses("both", |f| (f.rows, f.group_rows) = (rows, rows)).await;
        stage.refuses("values of a column", |f| f.column("spend").values = rows).await;
        stage.refuses("values of a page", |f| f.column("spend").page_values = rows).await;
    }
    stage.refuses("no row group", |f| f.groups = 0).await;
    stage.refuses("the same rows twice", |f| f.groups = 2).await;
    stage.refuses("a page of fewer rows", |f| cut(f.column("spend"), 1023)).await;
    let two_groups = stage.written(|_| {}, |p| p.set_max_row_group_row_count(Some(512)));
    stage.refuses_file("two row groups", &two_groups).await;
    let fewer = |columns: &mut Vec<(Field, ArrayRef)>| {
        for (_, array) in columns {
            *array = array.slice(0, 1000);
        }
    };
    let file = stage.written(fewer, |properties| properties);
    stage.refuses_file("fewer rows in every column", &file).await;
    // The file is honest; the manifest is not.
    let rows = |rows| move |manifest: &mut Manifest| manifest.declared.rows = rows;
    for (claimed, flaw) in [
        (0, GrantFlaw::Manifest(ManifestError::Declared)),
        (400, GrantFlaw::Manifest(ManifestError::Declared)),
        (1025, GrantFlaw::Manifest(ManifestError::Declared)),
        (u64::MAX, GrantFlaw::Manifest(ManifestError::Declared)),
        (1 << 32, GrantFlaw::Manifest(ManifestError::Declared)),
        (1 << 20, GrantFlaw::Manifest(ManifestError::Size)),
    ] {
        stage.refuses_manifest("rows of the manifest", flaw, rows(claimed)).await;
    }
    stage.goes_on().await;
}

#[tokio::test]
async fn refuses_a_file_that_lies_about_its_sizes() {
    let mut stage = Stage::set().await;
    for off in [-1, 1, -40, 1 << 40, i64::from(i32::MIN), i64::from(i32::MAX)] {
        stage.refuses("bytes of a chunk", |f| f.column("spend").compressed_off = off).await;
        stage.refuses("where a chunk is", |f| f.column("spend").offset_off = off).await;
        stage
            .refuses("sealed bytes of a page", |f| f.column("spend").page_compressed_off = off)
            .await;
        stage.refuses("bytes of a page", |f| f.column("spend").page_uncompressed += off).await;
    }
    let more = |f: &mut Forged| f.column("spend").uncompressed_off = 51;
    stage.refuses("more bytes than are there", more).await;
    stage.refuses("a page that is longer than it says", |f| f.column("spend").page.push(0)).await;

    let honest = stage.honest.file.to_vec();
    let at = honest.len() - 8;
    let lengths = [0, 1, u32::MAX, i32::MAX as u32, honest.len() as u32, honest.len() as u32 - 12];
    for length in lengths {
        let mut file = honest.clone();
        file[at..at + 4].copy_from_slice(&length.to_le_bytes());
        stage.refuses_file("length of the footer", &file).await;
    }
    for magic in [0, honest.len() - 4] {
        let mut file = honest.clone();
        file[magic..magic + 4].copy_from_slice(b"PAR1");
        stage.refuses_file("a file with a plaintext footer", &file).await;
    }
    let mut longer = honest.clone();
    longer.splice(at..at, [0; 7]);
    stage.refuses_file("bytes between footer and length", &longer).await;
    stage.refuses_file("bytes after the end", &[&honest[..], b"more"].concat()).await;
    let mut blocks: Vec<_> = honest.chunks(1 << 12).collect();
    blocks.swap(2, 5);
    stage.refuses_file("blocks in another order", &blocks.concat()).await;

    let too_short = GrantFlaw::Manifest(ManifestError::Size);
    for size in [0, 1, 4096, 1 << 40, u64::MAX] {
        stage.refuses_manifest("size of the manifest", too_short, |m| m.size = size).await;
    }
    stage.refuses_manifest("shorter than it is", GrantFlaw::Altered, |m| m.size -= 1).await;
    stage.refuses_manifest("longer than it is", GrantFlaw::Altered, |m| m.size += 1).await;
    stage.goes_on().await;
}

#[tokio::test]
async fn refuses_a_file_that_lies_about_its_schema() {
    let mut stage = Stage::set().await;
    stage.refuses("a column less", |f| drop(f.columns.pop())).await;
    stage.refuses("a column more", |f| f.columns.push(f.columns[1].clone())).await;
    stage.refuses("columns in another order", |f| f.columns.swap(2, 3)).await;
    stage.refuses("another name", |f| f.column("spend").name = "Spend".to_owned()).await;
    stage
        .refuses("one column's pages under another's key", |f| {
            f.column("spend").key = "bought".to_owned();
        })
        .await;
    stage.refuses("a footer under a column's name", |f| f.footer_key = "spend".to_owned()).await;
    for physical in [0, 1, 4, 5, 6, 7, 8, -1] {
        stage.refuses("another type", |f| f.column("spend").physical = physical).await;
    }
    stage.refuses("another width", |f| f.column("email").length = Some(32)).await;
    stage.refuses("a width of 2 GiB", |f| f.column("email").length = Some(i32::MAX.into())).await;
    for repetition in [1, 2] {
        stage.refuses("nulls or lists", |f| f.column("spend").repetition = repetition).await;
    }

    type Edit = fn(&mut Vec<(Field, ArrayRef)>);
    let edits: [(&str, Edit); 7] = [
        ("no such column", |columns| drop(columns.remove(3))),
        ("an extra column", |columns| {
            let (field, array) = columns[2].clone();
            columns.push((field.with_name("extra"), array));
        }),
        ("a renamed column", |columns| columns[2].0 = columns[2].0.clone().with_name("spent")),
        ("a column that may be null", |columns| {
            columns[2].0 = columns[2].0.clone().with_nullable(true);
        }),
        ("a column full of nulls", |columns| {
            let (field, array) = &mut columns[2];
            *field = field.clone().with_nullable(true);
            *array = Arc::new(Int64Array::new_null(array.len()));
        }),
        ("numbers of another width", |columns| narrow(&mut columns[2])),
        ("match keys of another width", |columns| {
            let short = FixedSizeBinaryArray::try_from_iter((0..1024).map(|_| [7_u8; 32])).unwrap();
            let name = columns[0].0.name().clone();
            columns[0] = (Field::new(name, short.data_type().clone(), false), Arc::new(short));
        }),
    ];
    for (what, edit) in edits {
        let file = stage.written(edit, |properties| properties);
        stage.refuses_file(what, &file).await;
    }
    let clear = write(&stage.columns(), plain());
    stage.refuses_file("a file in the clear", &clear).await;

    let columns = GrantFlaw::Manifest(ManifestError::Columns);
    stage.refuses_manifest("fewer columns", columns, |m| drop(m.columns.pop())).await;
    stage.refuses_manifest("other columns", columns, |m| m.columns.swap(1, 2)).await;
    let lineage = GrantFlaw::Manifest(ManifestError::Lineage);
    stage
        .refuses_manifest("another lineage", lineage, |m| m.lineage = "exposures".to_owned())
        .await;
    let prefix = GrantFlaw::Manifest(ManifestError::Prefix);
    stage.refuses_manifest("a short prefix", prefix, |m| m.aad_prefix.truncate(31)).await;
    stage.refuses_manifest("another prefix", GrantFlaw::Layout, |m| m.aad_prefix[0] ^= 1).await;
    stage.refuses_manifest("no prefix", GrantFlaw::Layout, |m| m.aad_prefix.clear()).await;
    stage.goes_on().await;
}

#[tokio::test]
async fn refuses_a_file_that_brings_statistics() {
    let mut stage = Stage::set().await;
    let statistics = Struct::new().structure(12, Struct::new().integer(3, 0)).end();
    let statistics = &statistics[..statistics.len() - 1];
    // Field 12 after field 9 has the header's delta 3; here it is told from the start.
    let header = [&[(3 << 4) | 12], &statistics[1..]].concat();
    stage.refuses("statistics of a column", |f| f.column("spend").more = header).await;
    for level in [EnabledStatistics::Chunk, EnabledStatistics::Page] {
        let file = stage.written(|_| {}, |properties| properties.set_statistics_enabled(level));
        stage.refuses_file("statistics", &file).await;
    }
    let file = stage.written(|_| {}, |p| p.set_offset_index_disabled(false));
    stage.refuses_file("an index of pages", &file).await;
    let file = stage.written(|_| {}, |p| p.set_bloom_filter_enabled(true));
    stage.refuses_file("Bloom filters", &file).await;
    stage.goes_on().await;
}

#[tokio::test]
async fn refuses_a_file_that_is_compressed_or_encoded() {
    let mut stage = Stage::set().await;
    for codec in [1, 2, 3, 4, 5, 6, 7, -1] {
        stage.refuses("a codec", |f| f.column("spend").codec = codec).await;
    }
    for encoding in [1, 2, 3, 4, 5, 6, 7, 8, 9, -1] {
        stage.refuses("an encoding", |f| f.column("spend").encoding = encoding).await;
    }
    for kind in [1, 2, 3, 4, -1] {
        stage.refuses("another kind of page", |f| f.column("spend").page_kind = kind).await;
    }
    let file = stage.written(|_| {}, |properties| properties.set_dictionary_enabled(true));
    stage.refuses_file("dictionaries", &file).await;
    let file = stage.written(|_| {}, |p| p.set_writer_version(WriterVersion::PARQUET_2_0));
    stage.refuses_file("data pages of version 2", &file).await;
    let spend = || parquet::schema::types::ColumnPath::from("spend");
    for encoding in [Encoding::DELTA_BINARY_PACKED, Encoding::BYTE_STREAM_SPLIT] {
        let file = stage.written(|_| {}, |p| p.set_column_encoding(spend(), encoding));
        stage.refuses_file("an encoding of the writer", &file).await;
    }
    stage.goes_on().await;
}

#[tokio::test]
async fn refuses_a_bomb_without_using_memory() {
    let mut stage = Stage::set().await;
    reset_peak();
    let before = peak_kib();
    let gigabytes = i64::from(i32::MAX);
    stage
        .refuses("64 KiB of zstd that are 2 GiB of zeros", |f| {
            let column = f.column("spend");
            column.codec = 6;
            column.page = zstd_bomb();
            (column.page_uncompressed, column.page_values) = (gigabytes, 1 << 28);
        })
        .await;
    stage
        .refuses("a run of 2^28 equal codes", |f| {
            let column = f.column("spend");
            (column.encoding, column.page) = (8, vec![1, 0x80, 0x80, 0x80, 0x80, 0x04, 0]);
            (column.page_values, column.values) = (1 << 28, 1 << 28);
        })
        .await;
    for huge in [gigabytes, 1 << 40, i64::MAX] {
        stage.refuses("a huge page", |f| f.column("spend").page_uncompressed = huge).await;
        stage
            .refuses("huge numbers of values", |f| {
                let column = f.column("spend");
                (column.values, column.page_values, column.page_uncompressed) = (huge, huge, huge);
            })
            .await;
        stage
            .refuses("huge numbers of rows", |f| {
                (f.rows, f.group_rows) = (huge, huge);
                f.columns.iter_mut().for_each(|column| column.values = huge);
            })
            .await;
    }
    stage
        .refuses("pages of nothing", |f| {
            let column = f.column("spend");
            (column.page, column.page_values, column.page_uncompressed) = (Vec::new(), 0, 0);
        })
        .await;
    stage.refuses("many row groups", |f| f.groups = 20).await;
    let footers = [
        ("a schema without end", Struct::new().integer(1, 1).endless_list(2).end()),
        ("row groups without end", Struct::new().integer(1, 1).endless_list(4).end()),
        ("structs in structs", [&[0x1c][..], &[0x1c; 60_000]].concat()),
        ("lists in lists", [&[0x79][..], &[0x19; 60_000]].concat()),
        ("nothing", Vec::new()),
        ("fields without end", vec![0x16; 60_000]),
    ];
    for (what, footer) in footers {
        stage.refuses(what, |f| f.footer = Some(footer)).await;
    }
    // Dozens of MiB by the manifest, and the host has KiB.
    stage
        .refuses_manifest("a large dataset", GrantFlaw::Altered, |m| {
            m.declared = Declared::of(1 << 20);
            m.size = size_of(m);
        })
        .await;
    // More than the instance would ever hold.
    let file = stage.honest.file.to_vec();
    let reply = stage.offer(&file, |m| {
        m.declared = Declared::of(1 << 31);
        m.size = size_of(m);
    });
    let reply = reply.await;
    let over = matches!(reply, Reply::Refused(Refusal::OverLimit { limit: Limit::Memory, .. }));
    assert!(over, "{reply:?}");
    let grown = peak_kib().saturating_sub(before);
    assert!(grown < 256 * 1024, "{grown} KiB more");
    stage.goes_on().await;
}

/// Rows may hold anything: what they hold must not be told by a refusal, and harms nobody.
#[tokio::test]
async fn values_outside_every_domain_open_and_a_job_runs() {
    let mut stage = Stage::set().await;
    for fill in [[0xff; 8], [0x80; 8], i64::MAX.to_le_bytes(), i64::MIN.to_le_bytes()] {
        let mut forged = stage.forged();
        for column in &mut forged.columns {
            let length = column.page.len();
            column.page = fill.iter().copied().cycle().take(length).collect();
        }
        // Everybody is a person who spent all that a number can say.
        let keys = stage.forged().column("email").page.clone();
        forged.column("email").page = keys;
        let reply = stage.offer(&forged.write(), |_| {}).await;
        assert!(matches!(reply, Reply::Granted { .. }), "{reply:?}");
        let slice = stage.parties.slice(&stage.room, "sales");
        let slice = stage.parties.retailer.sign(&slice).unwrap();
        let prepared = stage.parties.prepare(&mut stage.room, JOB).await;
        let job = prepared.as_bytes().to_vec();
        let body = Body::Job { job, slices: vec![slice.into()] };
        let reply = stage.room.request(&stage.parties.publisher, body).await.unwrap();
        assert!(matches!(reply, Reply::Result { sealed: Some(_), .. }), "{reply:?}");
    }
}

#[tokio::test]
async fn a_bad_grant_leaves_the_other_partys_room_as_it_was() {
    let mut stage = Stage::set().await;
    let (publisher, retailer) = (&stage.parties.publisher, &stage.parties.retailer);
    let before = stage.room.status(publisher).await.unwrap();
    let body = Body::Status {};
    // Someone else's dataset, granted by the retailer.
    let people = stage.parties.seal("exposures", &exposures(PEOPLE), 2);
    let denied = client::grant::grant(
        &mut stage.room,
        retailer,
        "exposures",
        &people.manifest,
        &people.keys,
        None,
        Vec::new(),
    );
    let denied = denied.await.unwrap_err();
    assert!(matches!(denied, GrantError::NotOurs { ref owner, .. } if owner == "publisher"));
    // A dataset whose file never came, a grant that is over, one without end, one of nothing.
    let never = stage.parties.seal("sales", &sales(PEOPLE), 3);
    let denied = stage.parties.grant(&mut stage.room, "sales", &never).await.unwrap_err();
    assert!(refusal(denied) == bad_refusal(GrantFlaw::Missing));
    for (what, flaw) in [
        (Tamper::Over, GrantFlaw::Time),
        (Tamper::Endless, GrantFlaw::TooLong),
        (Tamper::Columns, GrantFlaw::Columns),
        (Tamper::Manifest, GrantFlaw::Signature),
        (Tamper::Keys, GrantFlaw::Keys),
    ] {
        let grant = tampered(&stage, what);
        let body = Body::Grant { grant, slices: Vec::new() };
        let reply = stage.room.request(&stage.parties.retailer, body).await.unwrap();
        assert_eq!(reply, bad(flaw), "{what:?}");
    }
    stage.refuses("a bad file", |f| f.rows += 1).await;
    let after = stage.room.request(&stage.parties.publisher, body).await.unwrap();
    let Reply::Status(after) = after else { panic!("{after:?}") };
    assert_eq!((after.datasets, after.accounts), (before.datasets, before.accounts));
    stage.goes_on().await;
}

#[derive(Clone, Copy, Debug)]
enum Tamper {
    Over,
    Endless,
    Columns,
    Manifest,
    Keys,
}

/// A grant of the honest dataset, tampered with by its own sender.
fn tampered(stage: &Stage, what: Tamper) -> Grant {
    let to = stage.parties.to(&stage.room, "sales");
    let (manifest, keys) = (&stage.honest.manifest, &stage.honest.keys);
    let now = client::clock::now();
    let mut generator = client::keys::generator().unwrap();
    let mut seal = |not_after| to.seal("sales", manifest, keys, not_after, &mut generator).unwrap();
    let mut grant = seal(now.plus_seconds(60));
    match what {
        Tamper::Over => return seal(protocol::time::Time(now.0 - 1000)),
        Tamper::Endless => return seal(now.plus_seconds(48 * 3600)),
        Tamper::Columns => drop(grant.columns.pop()),
        Tamper::Manifest => grant.manifest = stage.parties.publisher.sign(&stage.manifest).unwrap(),
        Tamper::Keys => grant.not_after = now.plus_seconds(61),
    }
    grant
}

fn refusal(error: GrantError) -> Refusal {
    let GrantError::Refused(refusal) = error else { panic!("{error}") };
    *refusal
}

fn bad_refusal(why: GrantFlaw) -> Refusal {
    Refusal::BadGrant { dataset: "sales".to_owned(), why }
}

fn cut(column: &mut Column, rows: i64) {
    column.page.truncate(rows as usize * 8);
    (column.page_values, column.page_uncompressed) = (rows, rows * 8);
}

fn narrow(column: &mut (Field, ArrayRef)) {
    let numbers = column.1.as_any().downcast_ref::<Int64Array>().unwrap();
    let short: Int32Array = numbers.values().iter().map(|v| Some(*v as i32)).collect();
    *column = (Field::new(column.0.name(), short.data_type().clone(), false), Arc::new(short));
}

/// One zstd frame of 16,384 blocks that each repeat one byte 131,072 times (RFC 8878, 3.1.1.2).
fn zstd_bomb() -> Vec<u8> {
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x38];
    for block in 0..16_384_u32 {
        let last = u32::from(block == 16_383);
        let header = (131_072 << 3) | (1 << 1) | last;
        frame.extend_from_slice(&header.to_le_bytes()[..3]);
        frame.push(0);
    }
    frame
}

/// The most memory that this process has had, in KiB, since the last reset.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
}

const PEOPLE: u32 = 400;
/// Rows of every file here, after padding.
/// What a file of this manifest has at least.
fn size_of(manifest: &Manifest) -> u64 {
    let width: u64 = manifest.columns.iter().map(|column| column.physical.width()).sum();
    width * manifest.shape().rows()
}

const PADDED: i64 = 1024;
const QUICK: Duration = Duration::from_secs(10);
