//! What each program says of its version and of the commit that it was built from.

use crate::architecture::sources;
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

#[test]
fn every_program_says_its_version_and_its_commit_or_that_it_knows_none() {
    let version = env!("CARGO_PKG_VERSION");
    for name in ["glovebox", "glovebox-host", "attestation-verifier", "eif-build"] {
        let said = asked(name, &["--version"]);
        let rest = said.strip_prefix(&format!("{name} {version} (")).unwrap_or_else(|| {
            panic!("{name} --version says {said:?}");
        });
        let inside = rest.split(')').next().unwrap();
        let (commit, build) = inside.rsplit_once(", ").unwrap();
        assert!(commit == "unknown commit" || commit.starts_with("commit "), "{said}");
        assert!(["debug build", "release build"].contains(&build), "{said}");
    }
}

/// The image would be another one at each commit, whatever it changes.
#[test]
fn the_enclave_says_its_version_and_carries_no_commit() {
    let said = asked("glovebox-enclave", &["--version"]);
    let head = concat!("glovebox-enclave ", env!("CARGO_PKG_VERSION"), "\nNo commit is part of ");
    assert!(said.starts_with(head), "{said}");
    let enclave = tests::running::program("glovebox-enclave");
    for words in [&["--version", "x"][..], &["--commit"], &["-V"]] {
        let refused = Command::new(&enclave).args(words).output().unwrap();
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{words:?}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("takes no arguments but --version"), "{said}");
    }
    // Whatever is linked into the image may not read the variable that carries the commit.
    let root = tests::repository("");
    let manifest: toml::Table =
        fs::read_to_string(root.join("Cargo.toml")).unwrap().parse().unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    let files = members.iter().flat_map(|member| sources(&root.join(member.as_str().unwrap())));
    let reads = ["option_env", "!("].concat();
    let mut readers: Vec<String> = files
        .filter(|file| fs::read_to_string(file).unwrap().contains(&reads))
        .map(|file| file.strip_prefix(&root).unwrap().display().to_string())
        .collect();
    readers.sort();
    let programs = [
        "attestation-verifier/src/bin/attestation-verifier/main.rs",
        "eif-build/src/bin/eif-build/main.rs",
        "host/src/main.rs",
        "partner/cli/src/main.rs",
    ];
    assert_eq!(readers, programs);
}

#[test]
fn the_commit_of_a_checkout_of_an_archive_and_of_a_copy_is_told_apart() {
    let folder = TempDir::new().unwrap();
    let checkout = folder.path().join("checkout");
    fs::create_dir_all(checkout.join("eif-build")).unwrap();
    for file in ["eif-build/commit.sh", "eif-build/archived-commit", ".gitattributes"] {
        fs::copy(tests::repository(file), checkout.join(file)).unwrap();
    }
    assert_eq!(commit_of(&checkout), "unknown", "neither a history nor an archive");
    git(&checkout, &["init", "--quiet"]);
    assert_eq!(commit_of(&checkout), "unknown", "a history without a commit");
    git(&checkout, &["add", "."]);
    git(&checkout, &["commit", "--quiet", "-m", "one"]);
    let commit = git(&checkout, &["rev-parse", "HEAD"]);
    assert_eq!(commit_of(&checkout), commit);
    fs::write(checkout.join("another"), "").unwrap();
    assert_eq!(commit_of(&checkout), format!("{commit} with changes"));

    // A copy without its history says nothing of the repository that it lies in.
    let copy = checkout.join("copy");
    fs::create_dir_all(copy.join("eif-build")).unwrap();
    for file in ["commit.sh", "archived-commit"] {
        let file = Path::new("eif-build").join(file);
        fs::copy(checkout.join(&file), copy.join(&file)).unwrap();
    }
    assert_eq!(commit_of(&copy), "unknown");

    let archive = folder.path().join("archive");
    fs::create_dir(&archive).unwrap();
    let packed = folder.path().join("sources.tar").display().to_string();
    git(&checkout, &["archive", "-o", &packed, "HEAD"]);
    let unpacked = Command::new("tar").arg("-xf").arg(&packed).current_dir(&archive).status();
    assert!(unpacked.unwrap().success());
    assert_eq!(commit_of(&archive), format!("{commit}, by its archive"));
}

fn asked(name: &str, words: &[&str]) -> String {
    let said = Command::new(tests::running::program(name)).args(words).output().unwrap();
    assert!(said.status.success(), "{name}: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap()
}

fn commit_of(sources: &Path) -> String {
    let said = Command::new("sh").arg(sources.join("eif-build/commit.sh")).output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().trim_end().to_owned()
}

fn git(folder: &Path, words: &[&str]) -> String {
    let said = Command::new("git")
        .args(["-c", "user.name=test", "-c", "user.email=test@example.org"])
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(said.status.success(), "{words:?}: {}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8(said.stdout).unwrap().trim_end().to_owned()
}
