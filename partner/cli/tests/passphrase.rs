//! The passphrase of a root key, as a person on a terminal and a script without one use it.

#![expect(clippy::unwrap_used, reason = "a test says what failed by its name")]

use std::{
    fs,
    io::{Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
};

/// Runs a command without a terminal, which must end with `code`, and returns all that it says.
fn says(dir: &Path, code: i32, line: &str) -> String {
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(env!("CARGO_BIN_EXE_glovebox")).stdin(Stdio::null());
    let output = command.current_dir(dir).args(line.split_whitespace()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert_eq!(output.status.code(), Some(code), "{line}\n{said}");
    said
}

/// Runs a command on a terminal, where each question is answered in turn, and returns all that the terminal showed.
fn on_terminal(dir: &Path, code: i32, line: &str, answers: &[(&str, &str)]) -> String {
    let mut command = Command::new("script");
    let line = format!("{} {line}", env!("CARGO_BIN_EXE_glovebox"));
    command.args(["--quiet", "--return", "--flush", "--command", &line, "/dev/null"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).current_dir(dir);
    let mut running = command.spawn().unwrap();
    let mut keys = running.stdin.take().unwrap();
    let mut screen = running.stdout.take().unwrap();
    let mut shown = Vec::new();
    for (question, answer) in answers {
        let mut asked = Vec::new();
        while !String::from_utf8_lossy(&asked).contains(question) {
            let mut byte = [0];
            assert_eq!(screen.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&asked));
            asked.extend(byte);
        }
        shown.append(&mut asked);
        keys.write_all(answer.as_bytes()).unwrap();
        keys.flush().unwrap();
    }
    screen.read_to_end(&mut shown).unwrap();
    drop(keys);
    let shown = String::from_utf8(shown).unwrap();
    assert_eq!(running.wait().unwrap().code(), Some(code), "{line}\n{shown}");
    shown
}

fn private(path: &Path, text: &str) {
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

#[test]
fn a_script_names_files_and_nobody_is_asked_without_a_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    private(&at.join("one"), "three blind mice\nnot read\n");
    private(&at.join("two"), "four and twenty blackbirds");
    private(&at.join("short"), "mice\n");
    let refused = says(at, 2, "init --dir p --name publisher --passphrase-file short");
    assert!(refused.contains("at least 12 characters"), "{refused}");
    let refused = says(at, 2, "init --dir p --name publisher --passphrase");
    assert!(refused.contains("no terminal can be asked") && refused.contains("--passphrase-file"));
    assert!(!at.join("p/root.key").exists());
    says(at, 0, "init --dir p --name publisher --passphrase-file one");
    let shown = says(at, 0, "keys show --dir p");
    assert!(shown.contains("  under a passphrase"), "{shown}");
    assert!(!fs::read_to_string(at.join("p/party.toml")).unwrap().contains("mice"));

    // What a stopped change left is spoken of.
    private(&at.join("p/root.key.new"), "left");
    assert!(says(at, 0, "keys show --dir p").contains("p/root.key.new is what a stopped"));

    // What needs the root key says what is missing and what to do; nothing is written.
    let before = fs::read(at.join("p/service.delegation")).unwrap();
    let delegate = "keys delegate --kind service --dir p";
    let refused = says(at, 2, delegate);
    assert!(refused.contains("p/root.key is under a passphrase, and no terminal can be asked"));
    assert!(refused.contains("--passphrase-file"), "{refused}");
    let refused = says(at, 2, &format!("{delegate} --passphrase-file two"));
    assert_eq!(refused.trim(), "glovebox: the passphrase does not open p/root.key");
    fs::set_permissions(at.join("one"), fs::Permissions::from_mode(0o640)).unwrap();
    let refused = says(at, 2, &format!("{delegate} --passphrase-file one"));
    assert!(refused.contains("can be read by others (mode 640)"), "{refused}");
    assert!(refused.contains("choose another passphrase"), "{refused}");
    fs::set_permissions(at.join("one"), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(fs::read(at.join("p/service.delegation")).unwrap(), before);
    says(at, 0, &format!("{delegate} --passphrase-file one"));
    assert_ne!(fs::read(at.join("p/service.delegation")).unwrap(), before);

    // Changed, removed, and set again.
    let change = "keys passphrase --dir p --passphrase-file one";
    says(at, 2, &format!("{change} --new-passphrase-file short"));
    let changed = says(at, 0, &format!("{change} --new-passphrase-file two"));
    assert!(changed.contains("under the new passphrase") && changed.contains("delete them"));
    assert!(!at.join("p/root.key.new").exists());
    says(at, 2, &format!("{change} --remove"));
    says(at, 0, "keys passphrase --dir p --passphrase-file two --remove");
    let shown = says(at, 0, "keys show --dir p");
    assert!(shown.contains("  under no passphrase (`glovebox keys passphrase`"), "{shown}");
    assert_eq!(fs::metadata(at.join("p/root.key")).unwrap().len(), 32);
    says(at, 1, "keys passphrase --dir p --remove");
    let refused = says(at, 2, &format!("{delegate} --passphrase-file one"));
    assert!(refused.contains("p/root.key is under no passphrase"), "{refused}");
    let refused = says(at, 2, change);
    assert!(refused.contains("name the file of the new passphrase with --new-passphrase-file"));
    // Who makes a party is asked for a passphrase only if one is wanted.
    assert!(!says(at, 0, "init --help").contains("[default: asked"));
    says(at, 0, "keys passphrase --dir p --new-passphrase-file one");
    says(at, 0, "keys withdraw --kind analyst --dir p --passphrase-file one");
}

#[test]
fn a_person_is_asked_on_the_terminal_which_shows_nothing_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let at = dir.path();
    let words = "three blind mice\r";
    let twice = |second| [("New passphrase for p/root.key: ", words), ("The same again,", second)];
    let init = "init --dir p --name publisher --passphrase";
    let shown = on_terminal(at, 2, init, &twice("three blind rats\r"));
    assert!(shown.contains("the two passphrases differ"), "{shown}");
    assert!(!at.join("p/root.key").exists());
    let shown = on_terminal(at, 0, init, &twice(words));
    assert!(!shown.contains("mice"), "{shown}");
    assert!(fs::metadata(at.join("p/root.key")).unwrap().len() > 100);
    let delegate = "keys delegate --kind service --name ana --dir p";
    let ask = "Passphrase of p/root.key: ";
    let shown = on_terminal(at, 2, delegate, &[(ask, "some other words\r")]);
    assert!(shown.contains("the passphrase does not open p/root.key"), "{shown}");
    // Ctrl-C: nothing is signed, and the terminal shows again what is typed.
    let shown = on_terminal(at, 2, delegate, &[(ask, "three\u{3}")]);
    assert!(shown.contains("stopped on the terminal: nothing was done"), "{shown}");
    let shown = on_terminal(at, 0, delegate, &[(ask, words)]);
    assert!(shown.contains("service \"ana\" until") && !shown.contains("mice"), "{shown}");
}
