//! A room that `beside_duckdb.py` drives: `room CONTRACT FOLDER`, with one command in JSON on each line of the standard input.
//!
//! | Command | Does |
//! |---|---|
//! | `{"seal": {"dataset": .., "table": .., "rows_per_person": ..}}` | seals a table into FOLDER |
//! | `{"open": {}}` | ends the room, if there is one, and opens another one of the same contract, without noise |
//! | `{"grant": {"dataset": ..}}` | fetches, verifies, decrypts and orders what was sealed |
//! | `{"ask": {"job": ..}}` | answers the job |
//!
//! Each is answered with one line: the processor seconds of all threads (host, client and enclave are in this process), the most
//! memory there was meanwhile and what was found. Nothing that is sealed here can be used.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a measurement speaks to the program that drives it, and may fail by panicking"
)]

use protocol::released::{Place, Released};
use rehearsal::{Agreement, Sealed, Stage};
use sealing::Options;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, BufRead},
    path::PathBuf,
};

#[tokio::main]
async fn main() {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (contract, folder) = (arguments.next().unwrap(), arguments.next().unwrap());
    let agreement = Agreement::new(&fs::read_to_string(contract).unwrap()).unwrap();
    let mut room = Room { agreement: &agreement, folder, sealed: BTreeMap::new(), stage: None };
    for line in io::stdin().lock().lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let (command, given) = line.as_object().unwrap().iter().next().unwrap();
        forget_peak();
        let before = seconds();
        let found = room.obey(command, given).await;
        let cpu = seconds() - before;
        println!("{}", json!({ "cpu": cpu, "peak_mib": peak_mib(), "found": found }));
    }
}

struct Room<'a> {
    agreement: &'a Agreement,
    folder: PathBuf,
    sealed: BTreeMap<String, Sealed>,
    stage: Option<Stage<'a>>,
}

impl Room<'_> {
    async fn obey(&mut self, command: &str, given: &Value) -> Value {
        let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap().to_owned();
        match command {
            "seal" => {
                let mut options = Options::default();
                options.rows_per_person = given.get("rows_per_person").and_then(Value::as_u64);
                let (dataset, table) = (text("dataset"), PathBuf::from(text("table")));
                let output = self.folder.join(&dataset);
                let sealed = self.agreement.seal_to_disk(&dataset, &table, &output, &options);
                let sealed = sealed.unwrap();
                let bytes = fs::metadata(output.with_extension("sealed")).unwrap().len();
                let rows = sealed.dataset.count.rows;
                let found =
                    json!({ "rows": rows, "padded": sealed.dataset.padded, "bytes": bytes });
                self.sealed.insert(dataset, sealed);
                found
            }
            "open" => {
                self.stage = None;
                self.stage = Some(self.agreement.open(false).await.unwrap());
                Value::Null
            }
            "grant" => {
                let sealed = self.sealed.get(&text("dataset")).unwrap();
                self.stage.as_mut().unwrap().grant(sealed).await.unwrap();
                Value::Null
            }
            "ask" => {
                let answered = self.stage.as_mut().unwrap().ask(&text("job")).await.unwrap();
                cells(&Released::from_bytes(&answered.released).unwrap())
            }
            _ => panic!("there is no command {command}"),
        }
    }
}

/// Each cell that is shown: its places, its people, sums and products.
fn cells(released: &Released) -> Value {
    let Released::Figures(figures) = released else { return Value::Null };
    let cells = figures.cells.iter().map(|cell| {
        let places = cell.name.iter().map(|place| match place {
            Place::Index(place) => *place,
            Place::Label(_) => u32::MAX,
        });
        let totals = &cell.totals;
        json!([places.collect::<Vec<_>>(), totals.people, totals.sums, totals.products])
    });
    cells.collect()
}

/// Processor seconds of all threads there were, which the kernel tells in hundredths.
fn seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    fields.map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum()
}

/// Has the kernel count the most memory from now on.
fn forget_peak() {
    fs::write("/proc/self/clear_refs", "5").unwrap();
}

fn peak_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
