//! What this format requires anew, and what it refuses by name until a build obeys it.

use super::{super::parse::later, *};
use crate::text::Hidden;

#[test]
fn a_field_of_a_later_feature_is_refused_by_its_name() {
    let page = include_str!("../../../spec/contract-v2.md");
    for (table, fields) in [
        ("contract = 2", later::CONTRACT),
        ("[[dataset]]", later::DATASET),
        ("[[analysis]]", later::ANALYSIS),
    ] {
        for (field, feature) in fields {
            assert!(page.contains(&format!("`{field}`")), "{field}");
            let text = edit(table, table, &format!("{table}\n{field} = 1"));
            refused(&text, &format!("{field} = 1"), &Flaw::Later { field, feature });
        }
    }
    let text = edit("[[dataset]]", "[[dataset]]", "[[dataset]]\nfresh_within_days = 7");
    let said = parse(&text).unwrap_err().to_string();
    let expected = "`fresh_within_days` is for a feature that is not in this build (how old the newest version \
                    may be): leave it out, since nothing would obey it";
    assert!(said.ends_with(expected), "{said}");
}

#[test]
fn those_who_must_have_rebuilt_an_image_sign_a_manifest_that_each_build_names() {
    let keys = [1, 2].map(|seed| signing_key(seed).public().to_string());
    let signers = |keys: &str| {
        edit("contract = 2", "contract = 2", &format!("contract = 2\nbuild_signers = [{keys}]"))
    };
    let manifest = format!("[[build]]\nmanifest = \"{}\"", "cd".repeat(48));
    let named = |text: &str| text.replacen("[[build]]", &manifest, 1);
    let both = format!("\"{}\", \"{}\"", keys[0], keys[1]);
    let contract = parse(&named(&signers(&both))).unwrap();
    assert_eq!(contract.build_signers.len(), 2);
    assert_eq!(contract.builds[0].manifest.unwrap().to_string(), "cd".repeat(48));
    let alone = parse(&named(&sample())).unwrap();
    assert!(alone.build_signers.is_empty() && alone.builds[0].manifest.is_some());
    refused(&signers(&both), "name = \"build-1\"", &Flaw::NoManifest("build-1".to_owned()));
    refused(&named(&signers("")), "build_signers", &Flaw::Missing("key of a builder"));
    let twice = format!("\"{0}\", \"{0}\"", keys[0]);
    let error = parse(&named(&signers(&twice))).unwrap_err();
    assert!(matches!(error.flaw, Flaw::Duplicate { .. }), "{error}");
    let error = parse(&named(&signers("\"ab\""))).unwrap_err();
    assert!(matches!(error.flaw, Flaw::Value { what: "build_signers", .. }), "{error}");
}

#[test]
fn a_dataset_says_how_old_its_list_of_opt_outs_may_be() {
    let with = |days: &str| {
        edit("[[dataset]]", "[[dataset]]", &format!("[[dataset]]\nopt_outs_within_days = {days}"))
    };
    let days = |text: &str| {
        let contract = parse(text).unwrap();
        contract
            .datasets
            .values()
            .filter_map(|dataset| dataset.opt_outs_within_days)
            .collect::<Vec<_>>()
    };
    assert_eq!(days(&sample()), Vec::<u32>::new());
    assert_eq!(days(&with("30")), [30]);
    for found in ["0", "367", "-1"] {
        let expected = "1 to 366 (no list is needed if left out)";
        let flaw = Flaw::Range { what: "opt_outs_within_days", found: found.to_owned(), expected };
        refused(&with(found), "opt_outs_within_days", &flaw);
    }
}

#[test]
fn a_field_that_no_build_will_have_is_merely_unknown() {
    for section in analysis::sections() {
        section.keys().for_each(|key| assert_eq!(later::feature(key), None, "{key}"));
    }
    assert_eq!(later::feature("surprise"), None);
}

#[test]
fn every_budget_says_on_what_legal_basis_its_data_are_used() {
    let basis = "legal_basis = \"consent\"";
    refused_by_toml(&edit(basis, basis, ""), "[[dataset.budget]]", "missing field `legal_basis`");
    let long = "x".repeat(201);
    for found in ["", "  ", "ok", &long] {
        let text = edit(basis, "\"consent\"", &format!("\"{found}\""));
        let error = parse(&text).unwrap_err();
        assert!(matches!(error.flaw, Flaw::Range { what: "legal_basis", .. }), "{error}");
    }
    let text = edit(basis, "\"consent\"", "\"consent\\nof nobody\"");
    assert!(matches!(parse(&text).unwrap_err().flaw, Flaw::Hidden(Hidden { .. })));
    let text = edit(basis, "\"consent\"", "\" Art. 6 (1) f, balanced in März 2026 \"");
    let found = &parse(&text).unwrap().datasets["exposures"].legal_basis["measurement"];
    assert_eq!(found, "Art. 6 (1) f, balanced in März 2026");
}

#[test]
fn the_digest_of_the_bucket_salt_is_needed_and_has_48_bytes() {
    let digest = salt().digest().to_string();
    let text = edit("bucket_salt", &format!("bucket_salt = \"{digest}\"\n"), "");
    assert!(parse(&text).unwrap_err().to_string().contains("missing field `bucket_salt`"));
    let error = parse(&edit("bucket_salt", &digest, "00")).unwrap_err();
    assert!(matches!(error.flaw, Flaw::Value { what: "bucket_salt", .. }), "{error}");
}

#[test]
fn a_contract_may_permit_some_regions_and_permits_every_one_if_it_says_nothing() {
    let with =
        |regions: &str| edit("purposes", "purposes", &format!("regions = {regions}\npurposes"));
    assert!(parse(&sample()).unwrap().regions.is_empty());
    let found = parse(&with("[\"eu-west-1\", \"eu-central-1\"]")).unwrap().regions;
    let names: Vec<_> = found.iter().map(|region| region.as_str()).collect();
    assert_eq!(names, ["eu-west-1", "eu-central-1"], "in the order in which they are written");

    let at = "regions = ";
    refused(&with("[]"), at, &Flaw::Missing("region"));
    let twice = [("eu-west-1", "eu-west-1")].map(|(a, b)| duplicate(a, b));
    refused(&with("[\"eu-west-1\", \"eu-west-1\"]"), at, &twice[0]);
    let many: Vec<_> = (1..=17).map(|number| format!("\"eu-west-{number}\"")).collect();
    let found = "17".to_owned();
    let flaw = Flaw::Range { what: "the number of regions", found, expected: "at most 16" };
    refused(&with(&format!("[{}]", many.join(", "))), at, &flaw);
    for odd in ["", "Frankfurt", "EU-CENTRAL-1", "eu-central", "eu-central-1a", "eu-central-1 "] {
        let error = parse(&with(&format!("[\"{odd}\"]"))).unwrap_err();
        assert!(matches!(error.flaw, Flaw::Value { what: "regions", .. }), "{odd}: {error}");
    }
    refused_by_toml(
        &edit("purposes", "purposes", "region = \"eu-west-1\"\npurposes"),
        "region = ",
        "unknown field `region`",
    );
}
