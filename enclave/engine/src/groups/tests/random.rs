//! Random tallies over random tables: one answer, however rows come and are shared out, and whoever counts them.

use std::io::Write;
use std::process::Command;

use arrow::array::RecordBatch;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use protocol::sealed::TAG_LEN;

use super::*;

/// In how many buckets a table comes.
const BUCKETS: [u32; 4] = [0, 1, 3, 6];
/// Threads, and ranges of keys.
const SHARES: [(usize, usize); 4] = [(1, 1), (2, 5), (8, 37), (8, 1000)];

/// A dozen of them; 200 with `GLOVEBOX_TEST_FULL=1`.
#[test]
#[expect(clippy::disallowed_methods, reason = "make test says which Python has DuckDB")]
fn random_tallies_have_one_answer_that_the_meaning_and_duckdb_have_too() {
    let full = std::env::var_os("GLOVEBOX_TEST_FULL").is_some();
    let wanted = if full { 200 } else { 12 };
    let mut runner = TestRunner::deterministic();
    let mut drawn = || {
        let drawn = (room::tables(), room::tally(64..65)).new_tree(&mut runner);
        drawn.unwrap().current()
    };
    let mut cases = tempfile::NamedTempFile::new().unwrap();
    let (mut found, mut cells) = (0, 0);
    while found < wanted {
        let (tables, tally) = drawn();
        let (expected, fits) = meaning(&tally, &meant(&tally, &tables));
        // Of whose cells some are left out, which ones is for the engine to say.
        if !fits || expected.is_empty() {
            continue;
        }
        for come in come(&tables) {
            let batches: Vec<_> = come.iter().map(Vec::as_slice).take(tally.tables.len()).collect();
            let tables = ordered(&batches);
            for (threads, parts) in SHARES {
                let counted = named(&tally, &run_with(&tally, &tables, threads, parts).unwrap());
                assert_eq!(counted, expected, "{threads} threads, {parts} ranges: {tally:?}");
            }
        }
        writeln!(cases, "{}", case(&tally, &tables, &expected)).unwrap();
        (found, cells) = (found + 1, cells + expected.len());
    }
    assert!(cells > wanted, "{cells} cells");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/duckdb/tally.py");
    let said = Command::new(python).arg(script).arg(cases.path()).output().unwrap();
    let [differs, failed] =
        [said.stdout, said.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(said.status.success(), "{differs}{failed}");
    assert_eq!(differs, format!("{wanted} tallies, 0 differ\n"));
}

/// The tables as they are; from back to front in pieces; and as sealed files have them, in buckets of one size.
fn come(tables: &[Vec<Row>]) -> Vec<Vec<Vec<RecordBatch>>> {
    let as_they_are = tables.iter().map(|rows| vec![table(rows)]).collect();
    let pieces = |rows: &Vec<Row>| {
        let rows: Vec<_> = rows.iter().rev().cloned().collect();
        rows.chunks(7).map(table).chain([table(&[])]).collect()
    };
    let pieces = tables.iter().map(pieces).collect();
    let sealed = BUCKETS.map(|bits| {
        (0..).map(Side).zip(tables).map(|(side, rows)| buckets(side, rows, bits)).collect()
    });
    [as_they_are, pieces].into_iter().chain(sealed).collect()
}

/// The rows by the first bits of their people's tags, in the order of these, with padding behind.
fn buckets(side: Side, rows: &[Row], bits: u32) -> Vec<RecordBatch> {
    let tag = |row: &Row| {
        let keys =
            if side == Side::JOINED { [row.phone, row.email] } else { [row.email, row.phone] };
        keys.into_iter().find(|key| *key != 0).map_or([0; TAG_LEN], room::tag)
    };
    let is_anybodys = |row: &&Row| row.row != 0 && tag(row) != [0; TAG_LEN];
    let mut sorted: Vec<_> = rows.iter().filter(is_anybodys).cloned().collect();
    sorted.sort_by_key(tag);
    let mut all = vec![Vec::new(); 1 << bits];
    for row in sorted {
        all[usize::from(tag(&row)[0]) >> (u8::BITS - bits)].push(row);
    }
    let capacity = all.iter().map(Vec::len).max().unwrap_or(0) + 1;
    let padding = Row { row: 0, ..row(0, 0, 0) };
    all.iter_mut().for_each(|rows| rows.resize(capacity, padding.clone()));
    all.iter().map(|rows| table(rows)).collect()
}

/// What DuckDB is asked, and what the engine answered.
fn case(tally: &Tally, tables: &[Vec<Row>], answer: &Answer) -> serde_json::Value {
    let mut rows = Vec::new();
    for ((side, _), table) in tally.sides().zip(tables) {
        let table = table.iter().filter(|row| row.row != 0);
        rows.extend(table.filter_map(|row| {
            let (kind, key) = row.id(tally, side)?;
            let who = format!("{}{key}", if kind == 'e' { "email" } else { "phone" });
            let group = Some(row.group).filter(|code| (0..3).contains(code));
            let label = Some(hex(&row.label())).filter(|_| row.label != 0);
            let day = Some(row.day).filter(|day| *day != MISSING);
            Some(serde_json::json!([side.0, who, row.agreed == 1, group, label, row.number, day]))
        }));
    }
    let place = |place: &Place| match place {
        Place::Index(place) => format!("i{place}"),
        Place::Label(text) if *text == [0; 32] => "l".to_owned(),
        Place::Label(text) => format!("l{}", hex(text)),
    };
    let cells = answer.iter().map(|(name, (people, sums, products))| {
        let name = name.as_ref().map(|name| name.iter().map(place).collect::<Vec<_>>());
        let figures = [*people].into_iter().chain(sums.iter().chain(products).copied());
        let figures = figures.map(serde_json::Value::from);
        [serde_json::json!(name)].into_iter().chain(figures).collect::<serde_json::Value>()
    });
    serde_json::json!({ "tally": tally, "rows": rows, "answer": cells.collect::<Vec<_>>() })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
