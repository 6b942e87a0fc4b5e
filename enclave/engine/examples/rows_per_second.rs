//! Measures the engine: `cargo run --release -p engine --example rows_per_second [MILLION ROWS]`.
//!
//! Ratios are to a public table by arm and match, so that figures of a noisy machine can be compared.
#![expect(clippy::print_stdout, reason = "figures for people are this program's purpose")]
#![expect(clippy::unwrap_used, reason = "a benchmark may fail loudly")]

#[path = "../../../tests/support/room.rs"]
#[expect(unreachable_pub, reason = "shared by several tests")]
mod room;

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, FixedSizeBinaryArray, Int32Array, Int64Array, RecordBatch};
use protocol::contract::{Contract, Role};
use protocol::job::{Lift, OutcomeKind};
use protocol::loss::Rho;
use protocol::proof::{self, Proven, Request, Split};
use protocol::tally::{
    Clamp, Dimension, Measure, Population, Product, Quantity, Side, Table, Tally,
};

#[tokio::main]
async fn main() {
    let millions = std::env::args().nth(1).and_then(|number| number.parse().ok()).unwrap_or(1);
    let rows = millions * 1_000_000;
    let contract = contract();
    let (exposures, sales) = (exposures(rows), sales(rows));
    println!("two tables of {rows} rows; half of the people are in both");
    let outcomes = vec![
        room::outcome("visit", OutcomeKind::Binary, 1, 0),
        room::outcome("spend", OutcomeKind::Value, 10_000, 2),
    ];
    let lift = Lift { window: Some((0, 20)), ..room::lift(outcomes) };
    let lift = room::admitted(&contract, lift, 1024).proven().clone();
    let matched = vec![arm(), Dimension::Matched];
    let stores = vec![arm(), Dimension::Label { side: Side::JOINED, column: "store".to_owned() }];
    let mut seconds = Vec::new();
    for (name, proven) in [
        ("groups, public", groups(matched, 1)),
        ("lift, two outcomes", lift),
        ("groups, 1000 labels, 1 cell each", groups(stores.clone(), 1)),
        ("groups, 1000 labels, 8 cells each", groups(stores, 8)),
    ] {
        let start = Instant::now();
        engine::run(&proven, &contract, &[&exposures, &sales]).await.unwrap();
        seconds.push((name, start.elapsed().as_secs_f64()));
    }
    let both = 2.0 * f64::from(rows);
    let first = seconds.first().map_or(1.0, |(_, seconds)| *seconds);
    for (name, seconds) in seconds {
        let rate = both / seconds / 1e6;
        println!("{name}: {rate:.2} million rows/s, {:.2} times as long", seconds / first);
    }
}

fn arm() -> Dimension {
    Dimension::Group { side: Side::POPULATION, column: "arm".to_owned(), values: 3 }
}

/// People, spend and its squares.
fn groups(dimensions: Vec<Dimension>, cells_per_person: u32) -> Proven {
    let table = |dataset: &str| Table { dataset: dataset.to_owned(), rows: Vec::new() };
    let of = Quantity::Sum { column: "spend".to_owned() };
    let tally = Tally {
        population: Population::First,
        tables: vec![table("exposures"), table("sales")],
        dimensions,
        measures: vec![Measure {
            side: Side::JOINED,
            of,
            rows: Vec::new(),
            clamp: Clamp::up_to(10_000).unwrap(),
        }],
        products: vec![Product::square(0)],
        cells_per_person,
        ids_per_person: 1,
    };
    let split = Split { n: 200, sum: 500, products: 300 };
    let rho = Rho(10_000_000_000);
    let request = Request { rho, split, threshold: 50, selection_delta: 1_000_000 };
    let proof = tally.prove(&request).unwrap();
    proof::check(tally, proof, 50).unwrap()
}

/// The usual contract, with a label in place of a measure.
fn contract() -> Contract {
    let mut contract = room::contract();
    let columns = contract.datasets.values_mut().flat_map(|dataset| &mut dataset.columns);
    for column in columns.filter(|column| column.name == "conversion") {
        (column.name, column.role) = ("store".to_owned(), Role::Label);
    }
    contract
}

fn exposures(rows: u32) -> Vec<RecordBatch> {
    let table = RecordBatch::try_from_iter([
        ("glovebox_row", codes(rows, |_| 1)),
        ("email", bytes(rows, spread)),
        ("phone", bytes(rows, |_| 0)),
        ("arm", codes(rows, |row| row % 3)),
        ("agreed", codes(rows, |_| 1)),
    ]);
    vec![table.unwrap()]
}

/// Four rows for each person.
fn sales(rows: u32) -> Vec<RecordBatch> {
    let table = RecordBatch::try_from_iter([
        ("glovebox_row", codes(rows, |_| 1)),
        ("phone", bytes(rows, |_| 0)),
        ("email", bytes(rows, |row| spread(row % (rows / 4) * 2 + rows / 2))),
        ("visit", numbers(rows, |row| row % 2)),
        ("store", bytes(rows, |row| spread(row / 7 % 1000))),
        ("spend", numbers(rows, |row| row % 20_000)),
        ("bought", codes(rows, |row| row % 30)),
        ("agreed", codes(rows, |_| 1)),
    ]);
    vec![table.unwrap()]
}

/// Never 0.
fn spread(number: u32) -> u64 {
    (u64::from(number) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn bytes(rows: u32, of: impl Fn(u32) -> u64) -> ArrayRef {
    let value = |row| Some([of(row).to_be_bytes(); 4].concat());
    let values = (0..rows).map(value);
    Arc::new(FixedSizeBinaryArray::try_from_sparse_iter_with_size(values, 32).unwrap())
}

fn codes(rows: u32, of: impl Fn(u32) -> u32) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values((0..rows).map(|row| i32::try_from(of(row)).unwrap())))
}

fn numbers(rows: u32, of: impl Fn(u32) -> u32) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values((0..rows).map(|row| i64::from(of(row)))))
}
