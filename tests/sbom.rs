//! The bills of materials that `make sbom` writes: what they list is what is linked, and their form is CycloneDX's.

use serde_json::Value;
use std::{
    collections::BTreeSet,
    env, fs,
    path::Path,
    process::{Command, Output},
    sync::LazyLock,
};
use tempfile::TempDir;

/// All bills, written once.
static BILLS: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let done = sbom(&[folder.path().to_str().unwrap()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    folder
});

#[test]
fn the_enclave_s_bill_lists_the_crates_of_tcb_txt_and_no_other() {
    let bill = bill("glovebox-enclave");
    let crates = components(&bill)
        .into_iter()
        .filter(|component| reference(component).starts_with("crate:"));
    let mut listed: BTreeSet<String> = crates
        .map(|component| {
            format!(
                "{} v{}",
                component["name"].as_str().unwrap(),
                component["version"].as_str().unwrap()
            )
        })
        .collect();
    // The program itself is what the bill is of.
    listed.insert(concat!("enclave v", env!("CARGO_PKG_VERSION")).to_owned());
    let linked: BTreeSet<String> = include_str!("tcb.txt").lines().map(str::to_owned).collect();
    assert_eq!(listed, linked);
}

#[test]
fn what_cargo_does_not_know_is_listed_with_its_version() {
    let image = bill("image");
    let pins = fs::read_to_string(tests::repository("eif-build/kernel/pins")).unwrap();
    let pin = |name: &str| {
        let line = pins.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        line.unwrap().to_owned()
    };
    for (part, version) in [
        ("kernel", pin("KERNEL_VERSION")),
        ("c:glibc", pin("LIBC_VERSION")),
        ("c:libgcc", pin("GCC_VERSION")),
        ("rust:std", "1.95.0".to_owned()),
        ("program:init", env!("CARGO_PKG_VERSION").to_owned()),
        ("program:glovebox-enclave", env!("CARGO_PKG_VERSION").to_owned()),
    ] {
        assert_eq!(find(&image, part)["version"], version, "{part}");
    }
    let digests = find(&image, "kernel")["properties"].to_string();
    for name in ["KERNEL_SOURCE_SHA256", "KERNEL_PATCH_SHA256"] {
        assert!(digests.contains(&pin(name)), "{name}");
    }
    // C inside of crates is listed below the crate that brings it, and only where it is linked.
    let native = |bill: &Value, name: &str| {
        let inside = components(bill).into_iter().filter(|component| component["name"] == name);
        inside
            .filter_map(|component| component["components"][0]["name"].as_str().map(str::to_owned))
            .next()
    };
    let party = bill("glovebox");
    assert_eq!(native(&image, "ring").as_deref(), Some("BoringSSL, as ring carries it"));
    assert_eq!(native(&party, "libsqlite3-sys").as_deref(), Some("SQLite"));
    assert_eq!(native(&party, "zstd-sys").as_deref(), Some("Zstandard"));
    for absent in ["libsqlite3-sys", "zstd-sys", "rusqlite", "parquet"] {
        assert!(
            !components(&image).iter().any(|component| component["name"] == absent),
            "{absent}"
        );
    }
    // Nobody's crate of this name on crates.io is meant.
    let ours = find(&image, &format!("crate:protocol@{}", env!("CARGO_PKG_VERSION"))).clone();
    assert!(ours["purl"].is_null() && ours["hashes"].is_null(), "{ours}");
}

#[test]
fn each_edge_leads_to_a_part_of_the_bill_and_each_part_is_reached() {
    for entry in fs::read_dir(BILLS.path()).unwrap() {
        let path = entry.unwrap().path();
        let bill: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let main = reference(&bill["metadata"]["component"]).to_owned();
        let parts = components(&bill);
        let parts: BTreeSet<&str> = parts.iter().map(|part| reference(part)).collect();
        let edges = bill["dependencies"].as_array().unwrap();
        let leads = edges.iter().flat_map(|edge| edge["dependsOn"].as_array().unwrap());
        let reached: BTreeSet<&str> = leads.map(|lead| lead.as_str().unwrap()).collect();
        assert!(!parts.contains(main.as_str()), "{path:?}");
        assert_eq!(reached, parts, "{path:?}");
        for from in edges.iter().map(|edge| edge["ref"].as_str().unwrap()) {
            assert!(from == main || parts.contains(from), "{path:?}: {from}");
        }
    }
}

#[test]
fn the_documents_are_valid_and_the_same_from_the_same_sources() {
    let again = TempDir::new().unwrap();
    assert!(sbom(&[again.path().to_str().unwrap()]).status.success());
    let mut words = vec!["--validate".to_owned()];
    for entry in fs::read_dir(BILLS.path()).unwrap() {
        let path = entry.unwrap().path();
        let twin = again.path().join(path.file_name().unwrap());
        assert_eq!(fs::read(&path).unwrap(), fs::read(twin).unwrap(), "{path:?}");
        words.push(path.display().to_string());
    }
    assert_eq!(words.len(), 9, "seven programs and the image: {words:?}");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = sbom(&words);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));

    let mut wrong = bill("init");
    wrong["components"][0]["type"] = "crate".into();
    let path = again.path().join("wrong.json");
    fs::write(&path, wrong.to_string()).unwrap();
    let done = sbom(&["--validate", path.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && said.contains("is not CycloneDX 1.6"), "{said}");
}

/// A crate that compiles C is not passed over because nobody has heard of it.
#[test]
fn refuses_a_linked_crate_whose_c_nobody_described() {
    let script = fs::read_to_string(tests::repository("eif-build/sbom.py")).unwrap();
    let without = script.replacen("\"ring\": lambda", "\"another\": lambda", 1);
    assert_ne!(script, without);
    let folder = TempDir::new().unwrap();
    let root = format!("ROOT = Path({:?})", tests::repository("").display().to_string());
    let without = without.replacen("ROOT = Path(__file__).resolve().parent.parent", &root, 1);
    assert!(without.contains(&root));
    let path = folder.path().join("sbom.py");
    fs::write(&path, without).unwrap();
    let done = Command::new(python()).arg(&path).arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && said.contains("sbom: ring "), "{said}");
    assert!(said.contains("describe it in NATIVE of eif-build/sbom.py"), "{said}");
}

fn sbom(words: &[&str]) -> Output {
    let script = tests::repository("eif-build/sbom.py");
    Command::new(python()).arg(script).args(words).env("CARGO", env!("CARGO")).output().unwrap()
}

fn python() -> String {
    env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

fn bill(name: &str) -> Value {
    let path: &Path = BILLS.path();
    serde_json::from_slice(&fs::read(path.join(format!("{name}.cdx.json"))).unwrap()).unwrap()
}

fn components(bill: &Value) -> Vec<&Value> {
    bill["components"].as_array().unwrap().iter().collect()
}

fn reference(component: &Value) -> &str {
    component["bom-ref"].as_str().unwrap()
}

fn find<'a>(bill: &'a Value, part: &str) -> &'a Value {
    let found = components(bill).into_iter().find(|component| reference(component) == part);
    found.unwrap_or_else(|| panic!("no {part}"))
}
