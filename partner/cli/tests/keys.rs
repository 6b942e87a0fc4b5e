//! `glovebox keys` as a person calls it.

#![expect(clippy::unwrap_used, reason = "a test says what failed by its name")]

use std::{fs, path::Path, process::Command};

/// Runs a command that must end with `code`, and returns what it says: results, then talk.
fn says(dir: &Path, code: i32, line: &str) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_glovebox"));
    let output = command.current_dir(dir).args(line.split_whitespace()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let (out, talk) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{line}\n{out}\n{talk}");
    (out, talk)
}

#[test]
fn keys_are_shown_delegated_anew_withdrawn_and_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    says(at, 0, "init --dir p --name publisher");
    let (shown, _) = says(at, 0, "keys show --dir p");
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert!(shown.contains("\"service\", from ") && !shown.contains("ends in"), "{shown}");
    says(at, 0, "keys delegate --kind analyst --name ana --days 5 --dir p");
    let (shown, _) = says(at, 0, "keys show --dir p");
    assert!(shown.contains("\"ana\", from ") && shown.contains("ends in 4 days"), "{shown}");

    // Withdrawn it is set aside, and another one takes its place.
    let key = |shown: &str| {
        let line = shown.lines().find(|line| line.starts_with("service")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    let (withdrawn, talk) = says(at, 0, "keys withdraw --kind service --dir p");
    assert!(withdrawn.contains(&key(&shown)) && talk.contains("glovebox keys tell"), "{talk}");
    assert_eq!(fs::read_dir(at.join("p/withdrawals")).unwrap().count(), 1);
    // What is done next is said at once, and wherever the key is missed.
    let next = "glovebox keys new --kind service --dir p`, then `glovebox keys delegate --kind service --dir p";
    assert!(talk.contains(next), "{talk}");
    let (_, talk) = says(at, 2, "keys delegate --kind service --dir p");
    for words in ["no p/service.key", "keys new --kind service", "keys delegate --kind service"] {
        assert!(talk.contains(words), "{words}: {talk}");
    }
    says(at, 0, "keys new --kind service --dir p");
    says(at, 2, "keys new --kind service --dir p");
    // A key that waits for its delegation hides no other, nor what is withdrawn.
    let (waiting, _) = says(at, 0, "keys show --dir p");
    assert!(
        waiting.contains("  not delegated yet") && waiting.contains("\"ana\", from "),
        "{waiting}"
    );
    assert!(waiting.contains("root ") && waiting.contains("1 withdrawn in all"), "{waiting}");
    // The old one is not delegated again, and a root key never.
    let delegate =
        |key: &str| format!("keys delegate --kind service --key {key} -o old.delegation --dir p");
    let (_, talk) = says(at, 1, &delegate(&key(&shown)));
    assert!(talk.contains("was withdrawn, for ever"), "{talk}");
    let root = shown.split_whitespace().nth(1).unwrap();
    let (_, talk) = says(at, 1, &delegate(root));
    assert!(talk.contains("a root key is not delegated"), "{talk}");
    assert!(!at.join("old.delegation").exists());
    says(at, 0, "keys delegate --kind service --dir p");
    let (again, _) = says(at, 0, "keys show --dir p");
    assert_ne!(key(&again), key(&shown));
    assert!(again.contains("1 withdrawn in all") && !again.contains("WITHDRAWN"), "{again}");
    // By its name from a folder that keeps the key all the same.
    says(at, 0, &format!("keys withdraw --key {} --dir p", key(&again)));
    let (shown, _) = says(at, 0, "keys show --dir p");
    assert!(shown.contains("  WITHDRAWN"), "{shown}");
}

#[test]
fn a_root_key_can_lie_elsewhere_and_delegate_the_keys_of_other_machines() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    says(at, 0, "init --dir p --name publisher");
    fs::create_dir(at.join("safe")).unwrap();
    fs::rename(at.join("p/root.key"), at.join("safe/root.key")).unwrap();
    let (shown, _) = says(at, 0, "keys show --dir p");
    assert!(shown.contains("  kept elsewhere"), "{shown}");
    let (_, talk) = says(at, 2, "keys delegate --kind service --dir p");
    assert!(talk.contains("there is no p/root.key"), "{talk}");
    let (key, _) = says(at, 0, "keys new --kind analyst --dir ana");
    let key = key.trim();
    let (shown, _) = says(at, 0, "keys show --dir ana");
    assert!(shown.contains(&format!("{key}  not delegated yet")), "{shown}");
    let delegate = format!(
        "keys delegate --kind analyst --name ana --key {key} --dir safe -o ana/analyst.delegation"
    );
    says(at, 0, &delegate);
    let (shown, _) = says(at, 0, "keys show --dir ana");
    assert!(shown.contains(key) && shown.contains("\"ana\""), "{shown}");
    // A delegation of another key beside it is not taken for its own.
    fs::copy(at.join("p/analyst.delegation"), at.join("ana/analyst.delegation")).unwrap();
    let (_, talk) = says(at, 2, "keys show --dir ana");
    assert!(talk.contains("does not delegate the analyst key beside it"), "{talk}");
}

#[test]
fn a_withdrawn_key_is_shown_as_such_and_never_delegated_again() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    says(at, 0, "init --dir p --name publisher");
    let (shown, _) = says(at, 0, "keys show --dir p");
    let line = shown.lines().find(|line| line.starts_with("analyst")).unwrap();
    let key = line.split_whitespace().nth(1).unwrap();
    says(at, 0, &format!("keys withdraw --key {key} --dir p"));
    let (shown, _) = says(at, 0, "keys show --dir p");
    for (line, withdrawn) in shown.lines().zip([false, false, true]) {
        assert_eq!(line.ends_with("  WITHDRAWN"), withdrawn, "{shown}");
    }
    let again = format!("keys delegate --kind analyst --key {key} --dir p -o again.delegation");
    let (_, talk) = says(at, 1, &again);
    assert!(talk.contains("was withdrawn, for ever") && !at.join("again.delegation").exists());
    says(at, 1, "keys delegate --kind analyst --dir p");
    fs::remove_dir_all(at.join("p/withdrawals")).unwrap();
    let (_, talk) = says(at, 1, "keys tell 127.0.0.1:1 --contract c.signed --dir p");
    assert!(talk.contains("no withdrawal in p/withdrawals: nothing was told"), "{talk}");
}

/// Whoever stands in another folder is told which one was looked in, and what to do.
#[test]
fn a_folder_without_keys_is_named_and_no_single_key_is_missed() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let (_, talk) = says(at, 2, "keys show");
    let folder = at.canonicalize().unwrap();
    assert!(talk.contains(&format!("{} is no party's folder", folder.display())), "{talk}");
    assert!(talk.contains("--dir") && talk.contains("glovebox init"), "{talk}");
}
