//! The verdicts of a larger collection, for whoever has one.
#![cfg(test)]

use std::path::Path;

use attestation_verifier::{Document, Expected, Pcr, danger, explain::Claims};
use serde_json::Value;

/// Documents without a clear licence are not in the repository; here they count too.
#[test]
#[ignore = "reads a collection that is not in the repository: GLOVEBOX_GATHERED=FOLDER"]
fn agrees_with_every_gathered_verdict() {
    let home = std::env::var_os("GLOVEBOX_GATHERED").expect("GLOVEBOX_GATHERED names the folder");
    let home = Path::new(&home);
    let manifest = std::fs::read(home.join("manifest.json")).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let mut judged = 0;
    let read = |file: &str| std::fs::read(home.join(file)).unwrap();
    let test_root = danger::root_from_der(&read("negative/synthetic/test_root.der")).unwrap();
    for list in ["real", "negative_peer", "negative_derived", "negative_synthetic"] {
        let entries = manifest[list].as_array().unwrap();
        assert!(!entries.is_empty(), "{list}");
        for entry in entries {
            let file = entry["file"].as_str().unwrap();
            let bytes = read(file);
            let verdict = Document::parse(&bytes).is_ok_and(|document| {
                let mut expected = Expected::build(Claims::of(&document).pcrs.clone());
                if entry["trust_root"] == "test_root" {
                    expected = expected.root(test_root.clone());
                }
                if list == "real" {
                    if entry["debug_mode_pcr0_zero"] == true {
                        expected = expected.allow_debug();
                    }
                    let named = entry["pcrs_nonzero"].as_object().unwrap();
                    for (index, value) in named {
                        let value: Pcr = value.as_str().unwrap().parse().unwrap();
                        assert_eq!(Claims::of(&document).pcrs[&index.parse().unwrap()], value);
                    }
                }
                document.verify_archived(&expected).is_ok()
            });
            match entry["expected"].as_str() {
                None => assert_eq!(verdict, list == "real", "{file}"),
                // "ACCEPT or documented refusal": SPEC.md says which.
                Some(text) if text.contains("refusal") || text.contains("policy") => continue,
                Some(text) => assert_eq!(verdict, text.starts_with("ACCEPT"), "{file}"),
            }
            judged += 1;
        }
    }
    assert!(judged >= 100, "only {judged} verdicts were compared");
}
