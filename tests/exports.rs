//! A room taken along as files: what a stranger finds out who has exports of it, and neither keys nor the room.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use protocol::loss::Loss;
use serde_json::Value;
use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;
use tests::{
    processes::{Site, files},
    running::program,
};

/// Another machine: it has the exports, a copy of the contract, and the root of the simulated module.
struct Stranger {
    folder: TempDir,
    copies: Cell<u32>,
}

/// What a check said.
struct Verdict {
    code: Option<i32>,
    result: Value,
    words: String,
}

impl Stranger {
    /// Takes the exports in `folders` along, by the name of each party.
    fn with(site: &Site, exports: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for party in exports {
            copy(&site.path(&format!("{party}-export")), &folder.path().join(party));
        }
        fs::copy(site.path("contract.toml.signed"), folder.path().join("own.signed")).unwrap();
        let root = site.path("host/simulated-ca/root.der");
        fs::copy(root, folder.path().join("root.der")).unwrap();
        Self { folder, copies: Cell::new(0) }
    }

    fn run(&self, line: &str) -> std::process::Output {
        let mut command = Command::new(program("glovebox"));
        command.env_clear().current_dir(&self.folder).args(line.split_whitespace());
        command.output().unwrap()
    }

    fn check(&self, exports: &str) -> Verdict {
        let said = self.run(&format!(
            "room check {exports} --contract own.signed --danger-root root.der --json"
        ));
        let document: Value = serde_json::from_slice(&said.stdout).unwrap();
        let words = format!("{}\n{}", document["text"], document["error"]);
        Verdict { code: said.status.code(), result: document["result"].clone(), words }
    }

    /// What is said of a copy of the publisher's export in which something was done, beside the retailer's.
    fn check_after(&self, act: impl FnOnce(&Path)) -> Verdict {
        let name = format!("copy-{}", self.copies.replace(self.copies.get() + 1));
        let copied = self.folder.path().join(&name);
        copy(&self.folder.path().join("publisher"), &copied);
        act(&copied);
        self.check(&format!("{name} retailer"))
    }
}

impl Verdict {
    fn outcomes(&self) -> BTreeMap<&str, &str> {
        let questions = self.result["jobs"].as_array().unwrap().iter();
        questions
            .map(|question| {
                (question["job"].as_str().unwrap(), question["outcome"].as_str().unwrap())
            })
            .collect()
    }

    /// The kinds of the findings on items with this in their names.
    fn kinds(&self, item: &str) -> Vec<&str> {
        let findings = self.result["findings"].as_array().unwrap().iter();
        let of = findings.filter(|found| found["item"].as_str().unwrap().contains(item));
        of.map(|found| found["kind"].as_str().unwrap()).collect()
    }
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in files(from) {
        let path = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn export(site: &Site, party: &str) {
    let folder = site.path(&format!("{party}-export"));
    if folder.exists() {
        fs::remove_dir_all(folder).unwrap();
    }
    site.ok(&format!("room export UNDER --dir {party} -o {party}-export"));
}

/// Three paid questions; then the room is closed and both parties have what they can have of it.
#[test]
fn a_stranger_finds_every_paid_question_derives_the_answers_and_names_what_was_tampered_with() {
    let mut site = Site::open();
    site.grant();
    for question in 0..3 {
        site.ok(&site.submit_of(question));
    }
    site.open_result(0, "publisher");
    site.open_result(1, "publisher");
    site.ok("verify ROOM UNDER --save --dir publisher");
    // Paid, and its answer in no export: that is said, and is no verdict of "all holds".
    export(&site, "publisher");
    let open = Stranger::with(&site, &["publisher"]).check("publisher");
    let third = site.job_name(2).unwrap();
    assert_eq!(open.code, Some(2), "{}", open.words);
    assert_eq!(open.outcomes()[third.as_str()], "unknown");
    assert_eq!(open.kinds(&third), ["unanswered"], "{}", open.words);
    assert_eq!(open.result["not_complete_for"], serde_json::json!(["retailer"]));

    site.open_result(2, "publisher");
    site.ok("close ROOM UNDER --dir retailer --yes");
    site.ok("custody settle ROOM UNDER --dir publisher");
    for party in ["publisher", "retailer"] {
        site.ok(&format!("audit list ROOM UNDER --dir {party}"));
        export(&site, party);
    }
    no_secret_left(&site);
    let jobs: Vec<String> = (0..3).map(|question| site.job_name(question).unwrap()).collect();
    let stranger = Stranger::with(&site, &["publisher", "retailer"]);
    // Nothing of the room is left.
    site.stop_host();
    drop(site);

    let whole = stranger.check("publisher retailer");
    assert_eq!(whole.code, Some(0), "{}", whole.words);
    assert_eq!(whole.result["complete_for"], serde_json::json!(["publisher", "retailer"]));
    assert_eq!(whole.result["jobs"].as_array().unwrap().len(), 3, "{}", whole.words);
    for job in &jobs {
        assert_eq!(whole.outcomes()[job.as_str()], "derived", "{}", whole.words);
    }
    let charged = whole.result["jobs"][0]["charged"].as_array().unwrap();
    assert_eq!(charged.len(), 2, "{charged:?}");
    // The retailer has no answer of its own, but its log and its ledger.
    let alone = stranger.check("retailer");
    assert_eq!(alone.code, Some(2), "{}", alone.words);
    assert!(alone.outcomes().values().all(|outcome| *outcome == "unknown"), "{}", alone.words);
    // An old receipt is checked from the export alone, too.
    let at = format!("publisher/results/{}", jobs[0]);
    let said = stranger.run(&format!(
        "receipt check {at}/receipt.cbor {at}/result.json {at}/released.cbor \
         --contract publisher/contract.signed --danger-root root.der"
    ));
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    each_tampering_is_named(&stranger, &jobs);
}

fn each_tampering_is_named(stranger: &Stranger, jobs: &[String]) {
    let result = |copy: &Path, job: usize| copy.join("results").join(&jobs[job]);
    // One figure of one answer: that answer is named, and the two others are derived all the same.
    let figure = stranger.check_after(|copy| {
        let path = result(copy, 1).join("result.json");
        let text = fs::read_to_string(&path).unwrap();
        let at = text.find("\"cells\"").unwrap();
        let digit = at + text[at..].find(|c: char| ('1'..='8').contains(&c)).unwrap();
        let next = char::from(text.as_bytes()[digit] + 1);
        fs::write(&path, format!("{}{next}{}", &text[..digit], &text[digit + 1..])).unwrap();
    });
    assert_eq!(figure.code, Some(1), "{}", figure.words);
    assert_eq!(figure.kinds(&jobs[1]), ["changed", "not_believed"], "{}", figure.words);
    assert!(figure.kinds(&jobs[0]).is_empty() && figure.kinds(&jobs[2]).is_empty());
    let swapped = stranger.check_after(|copy| {
        let [one, other] = [0, 2].map(|job| result(copy, job).join("released.cbor"));
        let bytes = fs::read(&one).unwrap();
        fs::copy(&other, &one).unwrap();
        fs::write(&other, bytes).unwrap();
    });
    for job in [0, 2] {
        assert_eq!(swapped.kinds(&jobs[job]), ["changed", "not_believed"], "{}", swapped.words);
    }
    let missing = stranger.check_after(|copy| {
        fs::remove_file(result(copy, 0).join("released.cbor")).unwrap();
    });
    assert_eq!((missing.code, missing.kinds(&jobs[0])), (Some(1), vec!["missing"]));
    let added = stranger.check_after(|copy| fs::write(copy.join("note.txt"), "trust me").unwrap());
    assert_eq!((added.code, added.kinds("note.txt")), (Some(1), vec!["added"]));
    let other_signature = stranger.check_after(|copy| {
        let theirs = stranger.folder.path().join("retailer/export.signature");
        fs::copy(theirs, copy.join("export.signature")).unwrap();
    });
    assert_eq!(other_signature.kinds("export.json"), ["changed"], "{}", other_signature.words);
    let contract = stranger.check_after(|copy| cut(&copy.join("contract.signed")));
    assert_eq!(contract.kinds("contract.signed"), ["not_believed", "changed"]);
    let document = stranger.check_after(|copy| {
        fs::read_dir(copy.join("documents")).unwrap().for_each(|kept| cut(&kept.unwrap().path()));
    });
    assert_eq!(document.kinds(".document"), ["changed", "not_believed"], "{}", document.words);
    let log = stranger.check_after(|copy| {
        fs::read_dir(copy.join("audit")).unwrap().for_each(|log| cut(&log.unwrap().path()));
    });
    assert_eq!(log.kinds(".audit"), ["changed", "not_believed"], "{}", log.words);

    // Who writes the list anew cannot sign it, and is found out by what enclaves attested.
    let taken_out = stranger.check_after(|copy| {
        edit_ledger(copy, |slices| {
            slices.retain(|slice| slice["job"].as_str() != Some(&jobs[1]));
        });
        as_if_exported(copy);
    });
    assert_eq!(taken_out.code, Some(1), "{}", taken_out.words);
    assert_eq!(taken_out.kinds("export.json"), ["unsigned"]);
    let says = ["contradiction"; 3];
    assert_eq!(
        taken_out.kinds(&format!("job {}", jobs[1])),
        says,
        "receipt and both logs: {}",
        taken_out.words
    );
    assert_eq!(
        taken_out.kinds("the ledger of publisher"),
        ["contradiction"; 2],
        "closing and credit"
    );
    let cheaper = stranger.check_after(|copy| {
        edit_ledger(copy, |slices| {
            let slice = slices.iter_mut().find(|slice| slice["job"] == jobs[2].as_str()).unwrap();
            let rho = slice["rho"].as_str().unwrap().replacen('1', "0", 1);
            slice["rho"] = rho.into();
        });
        as_if_exported(copy);
    });
    assert_eq!(cheaper.kinds("ledger.json"), ["not_believed"], "{}", cheaper.words);
    let for_nothing = stranger.check_after(|copy| {
        edit_ledger(copy, |slices| {
            let slice = slices.iter_mut().find(|slice| slice["job"] == jobs[2].as_str()).unwrap();
            slice["loss"] = serde_json::to_value(Loss::zero()).unwrap();
            slice["rho"] = "0.000000000000".into();
        });
        as_if_exported(copy);
    });
    let kinds = for_nothing.kinds(&format!("job {}", jobs[2]));
    assert!(
        !kinds.is_empty() && kinds.iter().all(|kind| *kind == "contradiction"),
        "{}",
        for_nothing.words
    );
    let hidden = stranger.check_after(|copy| {
        fs::remove_dir_all(result(copy, 1)).unwrap();
        as_if_exported(copy);
    });
    assert_eq!((hidden.code, hidden.kinds(&jobs[1])), (Some(2), vec!["unanswered"]));
    assert_eq!(hidden.outcomes()[jobs[1].as_str()], "unknown", "{}", hidden.words);
}

fn cut(path: &Path) {
    let bytes = fs::read(path).unwrap();
    fs::write(path, &bytes[..bytes.len() - 7]).unwrap();
}

fn edit_ledger(export: &Path, edit: impl FnOnce(&mut Vec<Value>)) {
    let path = export.join("ledger.json");
    let mut ledger: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let before = ledger.to_string();
    edit(ledger["slices"].as_array_mut().unwrap());
    assert_ne!(ledger.to_string(), before, "nothing was edited");
    fs::write(&path, ledger.to_string()).unwrap();
}

/// Writes the list of an export anew, as somebody does who has no key.
fn as_if_exported(export: &Path) {
    let path = export.join("export.json");
    let mut list: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let there = files(export);
    let listed = list["files"].as_array_mut().unwrap();
    listed.retain(|file| there.contains_key(&export.join(file["path"].as_str().unwrap())));
    for file in listed {
        let bytes = &there[&export.join(file["path"].as_str().unwrap())];
        file["sha256"] = client::files::sha256(bytes).into();
        file["bytes"] = bytes.len().into();
    }
    fs::write(&path, list.to_string()).unwrap();
    fs::remove_file(export.join("export.signature")).unwrap();
}

/// Nothing that is secret in a party's folder is in an export: neither as it is, nor in digits, nor in letters.
fn no_secret_left(site: &Site) {
    for party in ["publisher", "retailer"] {
        let folder = site.path(party);
        let secrets = secrets(&folder);
        let exported = files(&site.path(&format!("{party}-export")));
        let kinds = [".sealed", ".keys", ".key", ".salt", ".sqlite", ".csv"];
        for path in exported.keys() {
            let name = path.to_string_lossy();
            assert!(!kinds.iter().any(|kind| name.ends_with(kind)), "{name}");
        }
        // Root, recipient, service and analyst key, the salt, and a key for each of five or more columns.
        assert!(secrets.len() >= 10, "{:?}", secrets.keys());
        for (name, secret) in &secrets {
            assert!(secret.len() >= 16, "{name}");
            for form in [secret.clone(), hex::encode(secret).into(), BASE64.encode(secret).into()] {
                let holds = |bytes: &Vec<u8>| bytes.windows(form.len()).any(|part| part == form);
                let found = exported.iter().find(|(_, bytes)| holds(bytes));
                assert!(found.is_none(), "{name} is in {:?}", found.map(|(path, _)| path));
            }
        }
    }
}

/// Every secret of a party's folder, by where it is.
fn secrets(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for (path, bytes) in files(folder) {
        let name = path.strip_prefix(folder).unwrap().display().to_string();
        let end = path.extension().map(PathBuf::from).unwrap_or_default();
        match end.to_str().unwrap() {
            "keys" => {
                let json: Value = serde_json::from_slice(&bytes).unwrap();
                for (column, key) in json["keys"].as_object().unwrap() {
                    let key = BASE64.decode(key.as_str().unwrap()).unwrap();
                    found.insert(format!("{name}: {column}"), key);
                }
            }
            "key" | "salt" => drop(found.insert(name, bytes)),
            _ if name == "people/key" => drop(found.insert(name, bytes)),
            _ => {}
        }
    }
    found
}
