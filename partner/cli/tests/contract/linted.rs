//! What a valid contract says for nothing, or too weakly.

use super::{parties, says};
use std::fs;

#[test]
fn what_a_contract_says_for_nothing_is_found() {
    let dir = parties();
    let path = dir.path().join("contract.toml");
    let text = fs::read_to_string(&path).unwrap();
    let lint = |text: &str, code| {
        fs::write(&path, text).unwrap();
        says(dir.path(), code, "contract lint contract.toml").0
    };
    for what in ["lint contract.toml", "test contract.toml", "diff contract.toml contract.toml"] {
        fs::write(&path, "name = \"x\"\n").unwrap();
        let (_, talk) = says(dir.path(), 2, &format!("contract {what}"));
        assert!(talk.contains("this is no contract"), "{what}: {talk}");
    }
    // The example has a column for no analysis, and says so where it stands.
    let found = lint(&text, 1);
    assert_eq!(found.lines().count(), 1, "{found}");
    assert!(found.contains("no analysis reads \"recency\" (feature)"), "{found}");
    let tidy = text.replace("role = \"feature\"               # sealed; no analysis below uses it, so its key is not granted\nscale = 0\n", "role = \"never\"\n");
    assert_ne!(tidy, text);
    assert_eq!(lint(&tidy, 0), "");
    let delta = "lifetime_epsilon = 20.0        # .. and for ever, under every contract";
    for (from, to, said) in [
        ("min_cell = 50 ", "min_cell = 10 ", "A floor of 10 is lower"),
        (
            "purposes = [\"measurement\"]",
            "regions = [\"eu-central-1\", \"eu-centrl-1\"]\npurposes = [\"measurement\"]",
            "Region \"eu-centrl-1\": no region of AWS had this name",
        ),
        (
            "purposes = [\"measurement\"]",
            "purposes = [\"measurement\", \"research\"]",
            "no analysis reads it for \"research\", so no job can use this budget",
        ),
        (
            delta,
            "lifetime_epsilon = 20.0\nselection_delta = 1e-6",
            "no job can use the budget's selection_delta",
        ),
        (
            "# What they did.\n[[dataset]]\nname = \"sales\"\nowner = \"retailer\"\nlineage = \"sales\"\n",
            "[[dataset]]\nname = \"sales\"\nowner = \"retailer\"\nlineage = \"sales\"\n\n[[dataset.column]]\nname = \"agreed\"\n\
             role = \"consent\"\n",
            "asks for consent in the outcome data only",
        ),
    ] {
        let mut worse = tidy.replacen(from, to, 1);
        assert_ne!(worse, tidy, "{from}");
        if said.contains("research") {
            let budget = "[[dataset.budget]]\npurpose = \"research\"\nlegal_basis = \"consent\"\nperiod = \"month\"\nepsilon = 1.0\n\
                lifetime_epsilon = 2.0\ndelta = 1e-6\n\n";
            worse = worse.replacen("# What they did.\n", &format!("{budget}# What they did.\n"), 1);
        }
        let found = lint(&worse, 1);
        assert!(found.contains(said), "{said}: {found}");
        assert_eq!(found.lines().count(), 1, "{found}");
    }
}

/// The table is looked at before anybody has made a key.
#[test]
fn a_table_is_checked_against_a_contract_without_keys() {
    let dir = tempfile::tempdir().unwrap();
    let sample = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../protocol/src/analysis/lift/sample");
    for file in ["contract.toml", "sales.csv"] {
        fs::copy(sample.join(file), dir.path().join(file)).unwrap();
    }
    let check = "seal sales.csv --check --contract contract.toml --dataset sales";
    let (found, _) = says(dir.path(), 0, check);
    assert!(found.contains("filled") && found.contains("100.0 %"), "{found}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "something was written");
}
