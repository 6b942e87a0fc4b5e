//! Policies of KMS keys, as their owner has them looked at.

use super::{parties, says};
use std::fs;

#[test]
fn the_printed_policy_passes_and_every_other_answer_has_its_exit_code() {
    let dir = parties();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    let (policy, _) = says(dir.path(), 0, "kms example --contract contract.toml");
    write("policy.json", &policy);
    let (found, talk) = says(dir.path(), 0, "kms lint policy.json --contract contract.toml");
    assert_eq!(found, "");
    for said in ["Nothing was found.", "glovebox-key-administrator may put", "Grants on the key"] {
        assert!(talk.contains(said), "{talk}");
    }
    // Of a contract with other digits, builds and datasets.
    let (made_up, _) = says(dir.path(), 0, "kms example");
    write("made-up.json", &made_up);
    says(dir.path(), 0, "kms lint made-up.json");
    let (found, _) = says(dir.path(), 1, "kms lint made-up.json --contract contract.toml");
    assert!(found.contains("which is not of this contract"), "{found}");
    let (one, _) = says(dir.path(), 0, "kms example --contract contract.toml --dataset sales");
    assert!(!one.contains("exposures"), "{one}");
    let (_, talk) = says(dir.path(), 1, "kms example --contract contract.toml --dataset sale");
    assert!(talk.contains("name one of exposures, sales with --dataset"), "{talk}");
}

#[test]
fn a_grant_on_the_key_is_found_and_what_is_no_policy_is_told_apart_from_a_bad_one() {
    let dir = parties();
    let write = |name: &str, text: &str| fs::write(dir.path().join(name), text).unwrap();
    let (policy, _) = says(dir.path(), 0, "kms example");
    write("policy.json", &policy);
    write("none.json", r#"{"Grants": [], "Truncated": false}"#);
    let (_, talk) = says(dir.path(), 0, "kms lint policy.json --grants none.json");
    assert!(!talk.contains("Grants on the key"), "{talk}");
    write("one.json", r#"{"Grants": [{"GrantId": "0c23", "Operations": ["Decrypt"]}]}"#);
    let (found, _) = says(dir.path(), 1, "kms lint policy.json --grants one.json");
    assert!(found.starts_with("- Grant 0c23: a service of AWS may call Decrypt"), "{found}");
    write("cut.json", r#"{"Grants": [], "Truncated": true}"#);
    let (_, talk) = says(dir.path(), 2, "kms lint policy.json --grants cut.json");
    assert!(talk.contains("cut off"), "{talk}");
    write("bad.json", "{\"Statement\": [");
    let (_, talk) = says(dir.path(), 2, "kms lint bad.json");
    assert!(talk.contains("this is no JSON that can be read in one way"), "{talk}");
    says(dir.path(), 2, "kms lint elsewhere.json");
    says(dir.path(), 2, "kms lint policy.json --contract policy.json");
    says(dir.path(), 2, "kms example --contract policy.json");
}
