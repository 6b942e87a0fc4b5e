//! Measures the engine: `cargo run --release -p engine --example rows_per_second FOLDER`.
//!
//! `beside_duckdb.py` writes the rows, runs this, and asks DuckDB the same questions of the same rows. A line has
//! processor seconds of all threads, which the kernel counts in hundredths, and the most memory there was until then.
#![expect(clippy::print_stdout, reason = "figures for people are this program's purpose")]
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a benchmark may fail loudly")]

#[path = "../../../tests/support/room.rs"]
#[expect(dead_code, unreachable_pub, reason = "shared by several tests")]
mod room;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch};
use arrow::buffer::Buffer;
use engine::Ordered;
use protocol::contract::{Contract, Role};
use protocol::identity::Identifier;
use protocol::loss::Rho;
use protocol::opt_outs::TakenOut;
use protocol::proof::{self, Proven, Request, Split};
use protocol::tally::{
    Clamp, Dimension, Measure, Population, Product, Quantity, Side, Table, Tally,
};
use protocol::units::Scale;

#[tokio::main]
async fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let folder = Path::new(&folder);
    let contract = contract();
    for (order, name) in
        [("mixed", "intake of rows in any order"), ("sorted", "intake of rows in order")]
    {
        let start = processor_seconds();
        let tables = tables(folder, order, &contract);
        let read = processor_seconds();
        let tables = tables.map(|(name, rows)| {
            let mut intake = Ordered::intake(
                &contract,
                name,
                rows.num_rows().try_into().unwrap(),
                TakenOut::nobody(),
            )
            .unwrap();
            intake.add(&rows).unwrap();
            drop(rows);
            Arc::new(intake.finish().unwrap())
        });
        let intake = processor_seconds() - read;
        println!(
            "{name}: {intake:.3} s, without {:.3} s to read the files; {} MiB",
            read - start,
            peak_mib()
        );
        for (name, proven) in questions() {
            let tables = &tables[..proven.tally().tables.len()];
            let start = processor_seconds();
            for _ in 0..TIMES {
                engine::run(&proven, tables).await.unwrap();
            }
            let seconds = (processor_seconds() - start) / f64::from(TIMES);
            println!("{name}: {seconds:.3} s; {} MiB", peak_mib());
        }
    }
}

fn questions() -> [(&'static str, Proven); 5] {
    let channel =
        Dimension::Group { side: Side::POPULATION, column: "channel".to_owned(), values: 8 };
    let arm = Dimension::Arm { column: "arm".to_owned(), test: vec![0], control: vec![1] };
    let store = |most| {
        let dimensions = vec![Dimension::Label { side: Side::JOINED, column: "store".to_owned() }];
        tally(2, dimensions, vec![sum(Side::JOINED, "value")], most)
    };
    let seen = Measure {
        side: Side::POPULATION,
        of: Quantity::Rows,
        rows: Vec::new(),
        clamp: Clamp::up_to(1000).unwrap(),
    };
    let spent = sum(Side::POPULATION, "cost");
    [
        ("overlap", tally(2, vec![Dimension::Matched], Vec::new(), 1)),
        ("reach", tally(1, vec![channel], vec![seen, spent], 8)),
        ("lift", tally(2, vec![arm, Dimension::Matched], vec![sum(Side::JOINED, "value")], 1)),
        ("1000 labels, 1 each", store(1)),
        ("1000 labels, 8 each", store(8)),
    ]
}

fn sum(side: Side, column: &str) -> Measure {
    let of = Quantity::Sum { column: column.to_owned() };
    Measure { side, of, rows: Vec::new(), clamp: Clamp::up_to(50_000).unwrap() }
}

/// A tally of one or both datasets, with the squares of its last measure if that is of sales.
fn tally(
    tables: usize,
    dimensions: Vec<Dimension>,
    measures: Vec<Measure>,
    cells_per_person: u32,
) -> Proven {
    let named = ["exposures", "sales"].iter().take(tables);
    let named = named.map(|name| Table { dataset: (*name).to_owned(), rows: Vec::new() });
    let has_squares = measures.last().is_some_and(|measure| measure.side == Side::JOINED);
    let tally = Tally {
        population: Population::First,
        tables: named.collect(),
        dimensions,
        measures,
        products: has_squares.then(|| Product::square(0)).into_iter().collect(),
        cells_per_person,
        ids_per_person: 1,
        contrast: None,
        weights: Vec::new(),
        spread: Vec::new(),
        program: None,
    };
    let split = Split { n: 200, sum: 500, products: 300 };
    let rho = Rho(10_000_000_000);
    let request = Request { rho, split, threshold: 50, selection_delta: 1_000_000 };
    let proof = tally.prove(&request).unwrap();
    proof::check(tally, proof, 50).unwrap()
}

/// The usual contract, with the columns of these rows.
fn contract() -> Contract {
    let mut contract = room::contract();
    let key = || ("key", Role::MatchKey(Identifier::Hashed));
    let values =
        |names: &[&str]| Role::Group(names.iter().map(|name| (*name).to_owned()).collect());
    let channels = ["tv", "web", "app", "audio", "print", "mail", "search", "other"];
    for (name, dataset) in &mut contract.datasets {
        let one = dataset.columns[0].clone();
        let columns = if name == "exposures" {
            vec![
                key(),
                ("channel", values(&channels)),
                ("arm", values(&["test", "control"])),
                ("day", Role::Date),
                ("cost", Role::Measure(Scale::WHOLE)),
            ]
        } else {
            vec![
                key(),
                ("store", Role::Label),
                ("day", Role::Date),
                ("value", Role::Measure(Scale::WHOLE)),
            ]
        };
        let columns = columns.into_iter().map(|(name, role)| {
            let mut column = one.clone();
            (column.name, column.role) = (name.to_owned(), role);
            column
        });
        dataset.columns = columns.collect();
    }
    contract
}

/// Each table with its name, as `beside_duckdb.py` wrote it in this order of rows.
fn tables(folder: &Path, order: &str, contract: &Contract) -> [(&'static str, RecordBatch); 2] {
    ["exposures", "sales"].map(|table| {
        let columns = contract.datasets[table].columns.iter().map(|column| {
            let name = column.name.as_str();
            let file = folder.join(format!("{order}.{table}.{name}"));
            let bytes = Buffer::from_vec(fs::read(file).unwrap());
            let values: ArrayRef = match column.role {
                Role::MatchKey(_) => Arc::new(FixedSizeBinaryArray::new(16, bytes, None)),
                Role::Label => Arc::new(FixedSizeBinaryArray::new(32, bytes, None)),
                Role::Measure(_) => Arc::new(Int64Array::new(bytes.into(), None)),
                _ => Arc::new(Int32Array::new(bytes.into(), None)),
            };
            (name, values)
        });
        (table, RecordBatch::try_from_iter(columns).unwrap())
    })
}

/// Of all threads there were.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

const TIMES: u32 = 10;
