//! `make demo`, and then a stranger who believes nobody looks at what it left.

use serde_json::Value;
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tests::{
    processes::{files, rho_of},
    running::{program, simulated_demo},
};

#[test]
fn the_demo_leaves_a_result_that_a_stranger_can_check() {
    let folder = tempfile::tempdir().unwrap();
    let room = folder.path();
    let began = Instant::now();
    demo(room);
    let took = began.elapsed();
    assert!(took < Duration::from_mins(1), "the demo took {} s", took.as_secs());

    the_result_is_plausible(room);
    the_small_verifier_tells_true_from_false(room);
    the_partners_program_tells_true_from_false(room);
    nothing_that_left_an_owner_can_be_read(room);
    the_report_needs_nobody_else(room);
    keys_are_for_their_owner_alone(room);
    both_were_charged_for_one_job(room);
    the_result_travels(room);
}

fn demo(room: &Path) {
    let said = simulated_demo(room);
    for file in
        ["report.html", "result.json", "receipt.cbor", "released.cbor", "contract.toml.signed"]
    {
        assert!(room.join(file).exists(), "{file} is missing");
    }
    let loud = said.matches("SIMULATED").count();
    assert!(loud > 5, "a simulated room says so at every step");
}

/// Against the figures of the open file (`tests/vectors/lift-v1`), with room for the noise: six of
/// its standard deviations, which it exceeds twice in a billion runs.
fn the_result_is_plausible(room: &Path) {
    let result: Value = serde_json::from_slice(&read(room, "result.json")).unwrap();
    assert_eq!(result["format"], "glovebox-result-v2");
    assert_eq!(result["noise"], true);
    assert_eq!(result["contract_name"], "hillstrom");
    assert_eq!(result["purpose"], "measurement");
    let answer = &result["answer"]["lift"];
    assert_eq!(answer["test"][0], "mens");
    assert_eq!(answer["control"][0], "none");
    let outcomes = answer["outcomes"].as_array().unwrap();
    let names: Vec<_> = outcomes.iter().map(|outcome| &outcome["name"]).collect();
    assert_eq!(names, ["visit", "conversion", "spend"]);
    for (index, ate) in [(0, 0.076_589_6), (1, 0.006_805), (2, 0.769_827)] {
        let outcome = &outcomes[index];
        let number = |field: &str| outcome["diff_in_means"][field].as_f64().unwrap();
        let noise = number("se_mechanism");
        assert!(noise > 0.0, "there is no noise on {}", outcome["name"]);
        assert!((number("ate") - ate).abs() < 6.0 * noise, "{outcome}");
        assert!(number("se") > number("se_sampling"), "the interval knows of the noise");
        for (arm, people) in [("n_t", 21_307.0), ("n_c", 21_306.0)] {
            assert!((number(arm) - people).abs() < 6.0 * 15.0, "{outcome}");
        }
        let [low, high] = [0, 1].map(|end| outcome["diff_in_means"]["ci"][end].as_f64().unwrap());
        assert!(low < number("ate") && number("ate") < high, "{outcome}");
    }
    assert_eq!(answer["sample_ratio"]["failed"], false);
}

fn the_small_verifier_tells_true_from_false(room: &Path) {
    let check = |receipt: &str, result: &str, contract: &str, build: &str, root: &str| {
        let line = format!(
            "receipt {receipt} {result} --contract {contract} --build {build} --danger-root {root}"
        );
        run(room, "attestation-verifier", &line)
    };
    let root = "host/simulated-ca/root.der";
    let good = check("receipt.cbor", "result.json", "contract.toml", "build.json", root);
    assert_eq!(good, Some(0));
    let good = check("receipt.cbor", "result.json", "contract.toml.signed", "build.json", root);
    assert_eq!(good, Some(0), "the text in the signed file is the contract");

    let text = read(room, "contract.toml");
    write(room, "other.toml", &[&text[..], b"\n# one comment more\n"].concat());
    write(room, "other.json", &changed(&read(room, "result.json")));
    write(room, "other.cbor", &changed(&read(room, "receipt.cbor")));
    write(room, "short.cbor", &read(room, "receipt.cbor")[..1000]);
    let build = String::from_utf8(read(room, "build.json")).unwrap();
    let digit = build.find("\":\"").or_else(|| build.find("\": \"")).unwrap();
    let digit = digit + build[digit + 1..].find(|c: char| c.is_ascii_hexdigit()).unwrap() + 1;
    let other = if &build[digit..=digit] == "0" { "1" } else { "0" };
    let build = format!("{}{other}{}", &build[..digit], &build[digit + 1..]);
    write(room, "other-build.json", build.as_bytes());

    for (receipt, result, contract, build) in [
        ("receipt.cbor", "result.json", "other.toml", "build.json"),
        ("receipt.cbor", "result.json", "contract.toml", "other-build.json"),
        ("receipt.cbor", "other.json", "contract.toml", "build.json"),
        ("other.cbor", "result.json", "contract.toml", "build.json"),
        ("short.cbor", "result.json", "contract.toml", "build.json"),
    ] {
        let code = check(receipt, result, contract, build, root);
        assert_eq!(code, Some(1), "{receipt} {result} {contract} {build}");
    }
    let missing = check("no.cbor", "result.json", "contract.toml", "build.json", root);
    assert_eq!(missing, Some(2));
    let aws = "receipt receipt.cbor result.json --contract contract.toml --build build.json";
    assert_eq!(run(room, "attestation-verifier", aws), Some(1), "AWS signed nothing here");
}

fn the_partners_program_tells_true_from_false(room: &Path) {
    let parties = "--party publisher/party.toml --party retailer/party.toml";
    for line in [
        &format!("contract new --name another {parties} --pcrs build.json -o another.toml"),
        "contract sign another.toml --dir publisher",
        "contract sign another.toml.signed --dir retailer",
        &format!("contract new --name hillstrom {parties} --pcrs other-build.json -o build.toml"),
        "contract sign build.toml --dir publisher",
        "contract sign build.toml.signed --dir retailer",
    ] {
        assert_eq!(run(room, "glovebox", line), Some(0), "{line}");
    }
    let root = "--danger-root host/simulated-ca/root.der";
    for (line, code) in [
        (format!("receipt.cbor result.json --contract contract.toml.signed {root}"), 0),
        (format!("receipt.cbor --contract contract.toml.signed {root}"), 0),
        (format!("receipt.cbor result.json --contract another.toml.signed {root}"), 1),
        (format!("receipt.cbor result.json --contract build.toml.signed {root}"), 1),
        (format!("receipt.cbor other.json --contract contract.toml.signed {root}"), 1),
        (format!("other.cbor result.json --contract contract.toml.signed {root}"), 1),
        (format!("short.cbor result.json --contract contract.toml.signed {root}"), 1),
        ("receipt.cbor result.json --contract contract.toml.signed".to_owned(), 1),
        (format!("no.cbor result.json --contract contract.toml.signed {root}"), 2),
        (format!("receipt.cbor result.json --contract contract.toml {root}"), 0),
    ] {
        assert_eq!(run(room, "glovebox", &format!("receipt check {line}")), Some(code), "{line}");
    }
}

/// The addresses of the demo all end in `@example.` or `@gmail.`, in every spelling; names of arms
/// and the like would show too, if a page were in the clear.
fn nothing_that_left_an_owner_can_be_read(room: &Path) {
    let mut searched = files(&room.join("host"));
    assert!(searched.len() > 5, "the host keeps datasets, results and a closing");
    searched.extend(
        ["exposures.sealed", "sales.sealed", "host.log", "custody.log"]
            .map(|name| (room.join(name), read(room, name))),
    );
    for (path, bytes) in searched {
        let bytes = bytes.to_ascii_lowercase();
        for word in [&b"@example."[..], b"@gmail.", b"womens", b"diff_in_means"] {
            let found = bytes.windows(word.len()).any(|window| window == word);
            assert!(!found, "{} in {}", String::from_utf8_lossy(word), path.display());
        }
    }
    let plain = fs::read_to_string(room.join("publisher/party.toml")).unwrap();
    assert!(plain.contains("publisher"), "the search would find what is there");
}

fn the_report_needs_nobody_else(room: &Path) {
    let page = String::from_utf8(read(room, "report.html")).unwrap();
    assert!(page.contains("<svg"), "there is no plot");
    assert!(page.contains("SIMULATED"));
    for outside in ["src=", "href=\"http", "href='http", "url(", "@import", "<link", "<script"] {
        assert!(!page.contains(outside), "the report refers to something outside: {outside}");
    }
}

fn keys_are_for_their_owner_alone(room: &Path) {
    let mut keys = 0;
    for path in files(room).into_keys() {
        let end = path.extension().unwrap_or_default();
        if end == "key" || end == "keys" {
            let mode = fs::metadata(&path).unwrap().permissions();
            assert_eq!(mode.mode() & 0o777, Permissions::from_mode(0o600).mode(), "{path:?}");
            keys += 1;
        }
    }
    assert!(keys >= 6, "two parties with two keys and a dataset each");
}

fn both_were_charged_for_one_job(room: &Path) {
    for party in ["publisher", "retailer"] {
        let line = format!("budget --dir {party} --contract contract.toml.signed --json");
        let said = command(room, "glovebox", &line).output().unwrap();
        let budget: Value = serde_json::from_slice(&said.stdout).unwrap();
        let budget = &budget["result"];
        let used = budget["budgets"][0]["used_rho"].as_f64().unwrap();
        let price = rho_of(1.0);
        assert!((used - price).abs() < 1e-9, "{party}: {used} used, the job cost {price}");
        assert_eq!(budget["instances"][0]["state"], "closed");
    }
}

/// What one company gives to another, or takes into a notebook and onto a slide.
fn the_result_travels(room: &Path) {
    let trust = "--contract contract.toml --danger-root host/simulated-ca/root.der";
    let said = |line: &str, code: i32| {
        let output = command(room, "glovebox", line)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{line}: {talk}");
        (output.stdout, talk)
    };
    // Figures, for whatever reads tables; the same in every format and with every reader.
    for format in ["csv", "parquet", "json"] {
        said(&format!("result export . -o taken.{format} {trust}"), 0);
        let (streamed, talk) = said(&format!("result export . --format {format} {trust}"), 0);
        assert_eq!(streamed, read(room, &format!("taken.{format}")), "{format}");
        assert!(talk.contains("every figure was derived again"), "{talk}");
    }
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("pyarrow/figures.py");
    let reads = Command::new(python).arg(script).arg(room.join("taken")).output().unwrap();
    let talk = String::from_utf8_lossy(&reads.stderr);
    assert!(reads.status.success(), "{talk}");
    let figures: Vec<Value> = serde_json::from_slice(&reads.stdout).unwrap();
    let result: Value = serde_json::from_slice(&read(room, "result.json")).unwrap();
    let visit = &result["answer"]["lift"]["outcomes"][0]["diff_in_means"];
    let change = figures
        .iter()
        .find(|figure| figure[0] == "difference_in_means" && figure[1][0][1] == "visit");
    let [low, high] = [0, 1].map(|end| visit["ci"][end].clone());
    let change = change.unwrap();
    for (at, expected) in (2..).zip([&visit["ate"], &low, &high, &visit["se"]]) {
        let [found, expected] = [&change[at], expected].map(|number| number.as_f64().unwrap());
        assert!((found - expected).abs() < 1e-12, "{change}: {expected}");
    }

    // A picture, with whose it is.
    said(&format!("result export . --plot taken.svg {trust}"), 0);
    let svg = String::from_utf8(read(room, "taken.svg")).unwrap();
    for part in ["SIMULATED", "Change per person", "SHA-256 of the receipt", "class=\"ci\""] {
        assert!(svg.contains(part), "{part}: {svg}");
    }
    assert!(!svg.contains("href") && !svg.contains("<script"), "{svg}");
    // Nothing is written over: a slip of the keys does not cost a result.
    let kept = read(room, "result.json");
    for line in [
        "export . -o result.json --format csv".to_owned(),
        "export . --plot taken.svg".to_owned(),
        "show result.json receipt.cbor --html taken.svg".to_owned(),
    ] {
        let (_, talk) = said(&format!("result {line} {trust}"), 2);
        assert!(talk.contains("exists already, and nothing is written over it"), "{line}: {talk}");
    }
    assert_eq!((read(room, "result.json"), read(room, "taken.svg")), (kept, svg.into_bytes()));
    let (_, talk) = said(&format!("result export . --plot slide.png {trust}"), 2);
    assert!(talk.contains("ends in .svg"), "{talk}");
    let (_, talk) = said(&format!("result export . -o figures.xlsx {trust}"), 2);
    assert!(talk.contains("end in .csv, .parquet or .json"), "{talk}");

    // Somebody else's result, which is shown if its receipt holds and not otherwise.
    let (page, _) = said(&format!("result show result.json receipt.cbor released.cbor {trust}"), 0);
    assert!(String::from_utf8_lossy(&page).contains("Asked by publisher"));
    // A result and its receipt are told apart, whichever comes first.
    let (turned, _) =
        said(&format!("result show receipt.cbor result.json released.cbor {trust}"), 0);
    assert_eq!(turned, page);
    said(&format!("receipt check result.json receipt.cbor {trust}"), 0);
    let (_, talk) = said(&format!("receipt check result.json {trust}"), 2);
    assert!(talk.contains("is a result and no receipt"), "{talk}");
    for (line, flaw) in [
        ("other.json receipt.cbor", "the receipt of another result"),
        ("result.json other.cbor", "the receipt does not hold"),
        ("result.json receipt.cbor publisher/party.toml", "are not those of the receipt"),
    ] {
        let (page, talk) = said(&format!("result show {line} --html theirs.html {trust}"), 1);
        assert!(talk.contains(flaw), "{line}: {talk}");
        assert!(!String::from_utf8_lossy(&page).contains("Asked by"), "{line}");
    }
    assert!(!room.join("theirs.html").exists());
    let tampered = room.join("tampered");
    fs::create_dir(&tampered).unwrap();
    fs::copy(room.join("receipt.cbor"), tampered.join("receipt.cbor")).unwrap();
    fs::copy(room.join("other.json"), tampered.join("result.json")).unwrap();
    said(&format!("result export tampered -o tampered.csv {trust}"), 1);
    assert!(!room.join("tampered.csv").exists());
    a_dispute_is_one_file(room, &said);
}

/// An auditor has the file and the root, and nothing else.
fn a_dispute_is_one_file(room: &Path, said: &impl Fn(&str, i32) -> (Vec<u8>, String)) {
    let root = "--danger-root host/simulated-ca/root.der";
    said(&format!("dispute write . --contract contract.toml.signed {root}"), 0);
    let (_, talk) = said(&format!("dispute write . --contract contract.toml.signed {root}"), 2);
    assert!(talk.contains("exists already"), "{talk}");
    let (_, talk) = said(&format!("dispute write . -o x --contract contract.toml {root}"), 2);
    assert!(talk.contains("is not signed yet"), "{talk}");
    let (page, talk) = said(&format!("dispute check dispute.json {root}"), 0);
    let page = String::from_utf8_lossy(&page).into_owned();
    assert!(talk.contains("derived again from the figures"), "{talk}");
    for part in
        ["Asked: publisher", "exposures of publisher, version", "Withheld: None", "visit was"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(page.contains("WARNING: the contract, with its parties"), "{page}");
    assert!(talk.contains("no list of withdrawn builds was read"), "{talk}");
    let own = "--contract contract.toml";
    let (page, talk) = said(&format!("dispute check dispute.json {own} --dir publisher {root}"), 0);
    let page = String::from_utf8_lossy(&page).into_owned();
    assert!(page.contains("The contract is your own, contract.toml") && !page.contains("WARNING"));
    assert!(!talk.contains("no list of withdrawn builds"), "{talk}");
    let (_, talk) = said(&format!("dispute check dispute.json --withdrawn build.json {root}"), 1);
    assert!(talk.contains("withdrawn") && !talk.contains("derived again"), "{talk}");
    let (_, talk) = said(&format!("dispute check dispute.json --contract another.toml {root}"), 1);
    assert!(talk.contains("it is about contract"), "{talk}");
    // Whatever is changed in it, the answer is not derived.
    let case: Value = serde_json::from_slice(&read(room, "dispute.json")).unwrap();
    for part in ["contract", "receipt", "released", "result", "format"] {
        let mut changed = case.clone();
        let text = changed[part].as_str().unwrap().to_owned();
        let at = text.len() / 2;
        let other = if text.as_bytes()[at] == b'0' { "1" } else { "0" };
        changed[part] = format!("{}{other}{}", &text[..at], &text[at + 1..]).into();
        write(room, "changed.json", &serde_json::to_vec(&changed).unwrap());
        let (page, talk) = said(&format!("dispute check changed.json {root}"), 1);
        assert!(!String::from_utf8_lossy(&page).contains("visit was"), "{part}: {talk}");
    }
    let (_, talk) = said("dispute check dispute.json", 1);
    assert!(talk.contains("root"), "{talk}");
}

fn command(room: &Path, name: &str, line: &str) -> Command {
    let mut command = Command::new(program(name));
    command.args(line.split_whitespace()).current_dir(room).stdin(Stdio::null());
    command
}

/// Exit code of a program.
fn run(room: &Path, name: &str, line: &str) -> Option<i32> {
    command(room, name, line).output().unwrap().status.code()
}

fn read(room: &Path, name: &str) -> Vec<u8> {
    fs::read(room.join(name)).unwrap()
}

fn write(room: &Path, name: &str, bytes: &[u8]) {
    fs::write(room.join(name), bytes).unwrap();
}

/// With one bit flipped in the middle.
fn changed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    bytes
}
