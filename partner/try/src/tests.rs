//! Rooms in which not every dataset of an analysis is read.

use super::*;
use std::path::Path;

const FOLDER: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../protocol/src/analysis/overlap/sample");
/// The sample lists three datasets; this job compares two of them.
const JOB: &str = "[overlap]\nby = \"email\"\ndatasets = [\"viewers\", \"customers\"]\n\
                   [overlap.privacy]\nepsilon = 1.0\ndelta = 1e-6\n";

#[tokio::test]
async fn a_job_that_leaves_a_dataset_out_neither_reads_nor_charges_it() {
    let folder = Path::new(FOLDER);
    let contract = std::fs::read_to_string(folder.join("contract.toml")).unwrap();
    let names = ["customers", "members", "viewers"];
    let data = names.map(|name| (name.to_owned(), folder.join(format!("{name}.csv"))));
    let data = BTreeMap::from(data);
    let rehearsal = Rehearsal { noise: false, ..Rehearsal::new(&contract, JOB, &data) };
    let found = rehearsal.run(&mut |_| {}).await.unwrap();
    let charged = found.result.privacy.charged.iter().map(|charge| charge.dataset.as_str());
    assert_eq!(charged.collect::<Vec<_>>(), ["customers", "viewers"]);
    let json: serde_json::Value = serde_json::from_slice(&found.result_bytes).unwrap();
    let pair = &json["answer"]["overlap"]["pairs"][0];
    assert_eq!(pair["datasets"], serde_json::json!(["customers", "viewers"]));
    let rows = |name: &str| std::fs::read_to_string(&data[name]).unwrap();
    assert_eq!(pair["both"]["value"], in_both(&rows("customers"), &rows("viewers")));
}

/// What was sealed once can be granted to one room after another, wherever the file is, and each answers several jobs.
#[tokio::test]
async fn rooms_of_one_agreement_answer_alike() {
    let (samples, folder) = (Path::new(FOLDER), tempfile::tempdir().unwrap());
    let contract = std::fs::read_to_string(samples.join("contract.toml")).unwrap();
    let agreement = Agreement::new(&contract).unwrap();
    let (mut on_disk, mut in_memory) = (Vec::new(), Vec::new());
    for name in ["customers", "viewers"] {
        let (table, output) = (samples.join(format!("{name}.csv")), folder.path().join(name));
        let options = Options::default();
        on_disk.push(agreement.seal_to_disk(name, &table, &output, &options).unwrap());
        in_memory.push(agreement.seal(name, &table, &options).unwrap());
    }
    let mut released = Vec::new();
    for sealed in [&on_disk, &in_memory, &on_disk] {
        let mut stage = agreement.open(false).await.unwrap();
        for file in sealed {
            stage.grant(file).await.unwrap();
        }
        // At another price it is another question, which is not answered from memory.
        for job in [JOB, &JOB.replace("1.0", "0.5")] {
            released.push(stage.ask(job).await.unwrap().released);
        }
    }
    assert!(released.iter().all(|found| *found == released[0]));
    let strange = agreement.seal("sales", &samples.join("viewers.csv"), &Options::default());
    let why = strange.unwrap_err().to_string();
    assert!(why.contains("customers, members, viewers"), "{why}");
}

/// Everybody bought in both weeks in every region, of which one counts: which one follows from the salt, and that was another each time.
#[tokio::test]
async fn without_noise_the_same_files_have_the_same_figures() {
    let sample = Path::new(FOLDER).join("../../geo/sample");
    let contract = std::fs::read_to_string(sample.join("contract.toml")).unwrap();
    let job = std::fs::read_to_string(sample.join("job.toml")).unwrap();
    assert!(job.contains("cells_per_person = 2"), "{job}");
    let job = job.replace("cells_per_person = 2", "cells_per_person = 1");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("orders.csv");
    let mut rows = std::fs::read_to_string(sample.join("orders.csv")).unwrap();
    let head = rows.lines().next().unwrap().to_owned();
    assert_eq!(head, "email,region,bought,spend,agreed");
    let mut spend = 0;
    for person in 0..300 {
        for region in ["north", "south", "east", "west", "harbour"] {
            for week in ["2026-07-06", "2026-09-07"] {
                spend = (spend + 37) % 50;
                let row = format!("often{person}@example.org,{region},{week},{spend}.00,yes\n");
                rows.push_str(&row);
            }
        }
    }
    std::fs::write(&file, rows).unwrap();
    let data = BTreeMap::from([("orders".to_owned(), file)]);
    let mut found = Vec::new();
    for _ in 0..2 {
        let rehearsal = Rehearsal { noise: false, ..Rehearsal::new(&contract, &job, &data) };
        let done = rehearsal.run(&mut |_| {}).await.unwrap();
        found.push((done.released, serde_json::to_string(&done.result.answer).unwrap()));
    }
    assert_eq!(found[0], found[1]);
}

/// E-mail addresses in both files, of customers who agreed on every row.
fn in_both(customers: &str, viewers: &str) -> usize {
    let mut agreed = BTreeMap::new();
    for row in customers.lines().skip(1) {
        let fields: Vec<_> = row.split(',').collect();
        *agreed.entry(fields[0]).or_insert(true) &= fields[3] == "yes";
    }
    let viewers: Vec<_> = viewers.lines().skip(1).collect();
    let is_in =
        |(email, agreed): &(&&str, &bool)| **agreed && !email.is_empty() && viewers.contains(email);
    agreed.iter().filter(is_in).count()
}

/// A sample has no keys, so that its parties, salt and build are put in before the parser sees it: it speaks of the user's
/// mistake, by the line in the user's file.
#[test]
fn a_mistake_in_a_contract_without_keys_is_told_by_its_own_line() {
    let sample = std::fs::read_to_string(Path::new(FOLDER).join("contract.toml")).unwrap();
    for (from, to, said) in [
        ("role = \"match_key\"", "role = \"match\"", "found `match`"),
        ("role = \"match_key\"", "role = \"match_key\"\ncolour = 1", "colour"),
        ("period = \"month\"", "period = \"year\"", "year"),
        ("epsilon = 4.0", "epsilon = 400.0", "epsilon"),
        ("min_cell = 20", "min_cell = 1", "min_cell is 1"),
    ] {
        assert!(sample.contains(from), "no {from}");
        let text = sample.replacen(from, to, 1);
        let at = text[..text.find(to).unwrap()].lines().count() + to.lines().count();
        let why = with_throw_away_keys(&text).unwrap_err().to_string();
        assert!(why.contains(&format!("line {at}: ")) && why.contains(said), "{at} {said}: {why}");
    }
}
