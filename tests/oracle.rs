//! DuckDB counts the worked samples' files in SQL of its own, and finds what Glovebox says without noise.

use std::{path::Path, process::Command};

use tests::running::Process;

#[test]
fn duckdb_finds_the_reach_of_the_sample() {
    agrees("reach", &["video", "display"]);
}

#[test]
fn duckdb_finds_the_overlaps_of_the_sample() {
    agrees("overlap", &["customers", "members", "viewers"]);
}

#[test]
fn duckdb_finds_the_arms_and_outcomes_of_the_sample() {
    agrees("lift", &["exposures", "sales"]);
}

#[test]
fn duckdb_credits_the_purchases_of_the_sample_to_the_same_channels() {
    agrees("attribution", &["exposures", "sales"]);
}

fn agrees(kind: &str, datasets: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sample = here.join("../protocol/src/analysis").join(kind).join("sample");
    let file = |name: &str| sample.join(name).display().to_string();
    let (contract, job) = (file("contract.toml"), file("job.toml"));
    let mut line = format!("try --contract {contract} --job {job} --noise off --output answer");
    for dataset in datasets {
        line.push_str(&format!(" --data {dataset}={}", file(&format!("{dataset}.csv"))));
    }
    let said = Process::start("glovebox", &line, folder.path(), &folder.path().join("log")).end();
    assert_eq!(said.code, Some(0), "{said:?}");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let oracle = Command::new(python)
        .arg(here.join("duckdb/count.py"))
        .args([kind, &sample.display().to_string()])
        .arg(folder.path().join("answer/result.json"))
        .output()
        .unwrap();
    let [differs, failed] =
        [oracle.stdout, oracle.stderr].map(|text| String::from_utf8(text).unwrap());
    assert!(oracle.status.success(), "{differs}{failed}");
}
