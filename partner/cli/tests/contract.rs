//! `glovebox` as a person calls it, as far as no room is needed.

#![expect(clippy::unwrap_used, reason = "a test says what failed by its name")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};
use tempfile::TempDir;

fn glovebox(dir: &Path, line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glovebox"));
    command.current_dir(dir).args(line.split_whitespace()).output().unwrap()
}

/// Runs a command that must end with `code`, and returns what it says: results, then talk.
fn says(dir: &Path, code: i32, line: &str) -> (String, String) {
    let output = glovebox(dir, line);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, talk) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{line}\n{out}\n{talk}");
    (out, talk)
}

/// Two parties and a contract that nobody has signed.
fn parties() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    says(dir.path(), 0, "init --dir p --name publisher --custody http://localhost:7501");
    says(dir.path(), 0, "init --dir r --name retailer");
    let pcr = "ab".repeat(48);
    let pcrs = format!("{{\"pcrs\":{{\"0\":\"{pcr}\",\"1\":\"{pcr}\",\"2\":\"{pcr}\"}}}}");
    fs::write(dir.path().join("pcrs.json"), pcrs).unwrap();
    let new = "contract new --name room --party p/party.toml --party r/party.toml --pcrs pcrs.json";
    says(dir.path(), 0, new);
    dir
}

#[test]
fn never_overwrites_a_key_or_a_contract() {
    let dir = parties();
    let key = fs::read(dir.path().join("p/signing.key")).unwrap();
    says(dir.path(), 1, "init --dir p --name publisher");
    assert_eq!(fs::read(dir.path().join("p/signing.key")).unwrap(), key);
    let new =
        "contract new --name other --party p/party.toml --party r/party.toml --pcrs pcrs.json";
    says(dir.path(), 2, new);
}

#[test]
fn a_contract_gathers_the_signature_of_every_party() {
    let dir = parties();
    let (_, talk) = says(dir.path(), 0, "contract sign contract.toml --dir p");
    assert!(talk.contains("still to sign: retailer"), "{talk}");
    let (page, _) = says(dir.path(), 0, "contract show contract.toml.signed");
    assert!(page.contains("publisher: signed") && page.contains("retailer: NOT SIGNED"), "{page}");
    // The other one signs what it was sent; signing the same TOML once more changes nothing.
    let (_, talk) = says(dir.path(), 0, "contract sign contract.toml.signed --dir r");
    assert!(talk.contains("every party has signed"), "{talk}");
    let (_, talk) = says(dir.path(), 0, "contract sign contract.toml --dir p");
    assert!(talk.contains("every party has signed"), "{talk}");
    says(dir.path(), 0, "contract diff contract.toml contract.toml.signed");
}

#[test]
fn a_stranger_cannot_sign() {
    let dir = parties();
    says(dir.path(), 0, "init --dir s --name publisher");
    let (_, talk) = says(dir.path(), 1, "contract sign contract.toml --dir s");
    assert!(talk.contains("no party"), "{talk}");
}

#[test]
fn signatures_of_another_text_are_not_taken_over() {
    let dir = parties();
    says(dir.path(), 0, "contract sign contract.toml --dir p");
    let path = dir.path().join("contract.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("min_cell = 50", "min_cell = 10")).unwrap();
    let (_, talk) = says(dir.path(), 1, "contract sign contract.toml --dir r");
    assert!(talk.contains("another text"), "{talk}");
    let (changes, _) = says(dir.path(), 1, "contract diff contract.toml.signed contract.toml");
    assert_eq!(changes.trim(), "the smallest arm shown: 50, now 10");
}

#[test]
fn shows_what_one_person_can_lose_through_each_dataset_and_all() {
    let dir = parties();
    let (page, _) = says(dir.path(), 0, "contract show contract.toml");
    for text in [
        "through \"exposures\": epsilon 20.00 at delta 1e-6",
        "through \"sales\": epsilon 20.00 at delta 1e-6",
        "through all of them: epsilon 30.86 at delta 1e-6",
        "its key is never granted",
    ] {
        assert!(page.contains(text), "no {text} in\n{page}");
    }
}

#[test]
fn refuses_a_contract_by_line_and_reason() {
    let dir = parties();
    let text = fs::read_to_string(dir.path().join("contract.toml")).unwrap();
    fs::write(dir.path().join("low.toml"), text.replace("min_cell = 50", "min_cell = 9")).unwrap();
    let (_, talk) = says(dir.path(), 1, "contract show low.toml");
    assert!(talk.contains("line 6: min_cell is 9, expected 10"), "{talk}");
}

#[test]
fn an_unsigned_contract_opens_no_room() {
    let dir = parties();
    let (_, talk) = says(dir.path(), 2, "verify https://127.0.0.1:1 --contract contract.toml");
    assert!(talk.contains("not signed yet"), "{talk}");
    says(dir.path(), 0, "contract sign contract.toml --dir p");
    let (_, talk) =
        says(dir.path(), 1, "verify https://127.0.0.1:1 --contract contract.toml.signed");
    assert!(talk.contains("not signed by retailer"), "{talk}");
    says(dir.path(), 0, "contract sign contract.toml --dir r");
    let (out, talk) =
        says(dir.path(), 2, "verify https://127.0.0.1:1 --contract contract.toml.signed");
    assert!(out.is_empty() && talk.contains("nobody listens"), "{out}{talk}");
}
