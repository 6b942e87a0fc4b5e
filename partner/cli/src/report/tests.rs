use super::*;
use crate::sample;

fn provenance() -> Provenance {
    Provenance {
        simulated: true,
        asked_by: "publisher".to_owned(),
        receivers: vec!["publisher".to_owned(), "retailer".to_owned()],
        output: Digest::of("sample", b"output"),
        root: "UNTRUSTED root 0011".to_owned(),
        registers: (0..3).map(|index| (index, "ab".repeat(48))).collect(),
        attested: "2026-11-23 12:00:00 UTC".to_owned(),
        contract_file: "contract.toml.signed".to_owned(),
        danger_root: Some("root.pem".to_owned()),
    }
}

#[test]
fn says_what_was_asked_and_how_to_check_it() {
    let page = page(&JobResult::Lift(sample::result()), &provenance()).unwrap();
    if let Ok(path) = std::env::var("GLOVEBOX_SAMPLE_REPORT") {
        std::fs::write(path, &page).unwrap();
    }
    for text in [
        "SIMULATED",
        "Asked by publisher for measurement",
        "+7.659 pp",
        "polygon class=\"arrow\"",
        "glovebox receipt check receipt.cbor result.json --contract contract.toml.signed --danger-root root.pem",
        "What this does not say",
        "</html>",
    ] {
        assert!(page.contains(text), "no {text}");
    }
    assert!(page.contains(&Digest::of("sample", b"output").to_string()));
}

#[test]
fn nothing_comes_from_outside_and_nothing_runs() {
    let page = page(&JobResult::Lift(sample::result()), &provenance()).unwrap();
    for text in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(text), "found {text}");
    }
}

#[test]
fn text_from_elsewhere_cannot_become_markup() {
    let hostile = "<img src=x onerror=alert(1)>'\"&</title></svg></style>".to_owned();
    let mut result = sample::result();
    let strings = [
        &mut result.contract_name,
        &mut result.analysis,
        &mut result.purpose,
        &mut result.estimand,
        &mut result.job,
        &mut result.privacy.mechanism,
        &mut result.privacy.unit,
    ];
    strings.into_iter().for_each(|text| text.clone_from(&hostile));
    result.test = vec![hostile.clone()];
    result.control = vec![hostile.clone()];
    result.flags = vec![hostile.clone()];
    for outcome in &mut result.outcomes {
        outcome.name.clone_from(&hostile);
        outcome.column.clone_from(&hostile);
        outcome.bias_note = Some(hostile.clone());
        outcome.flags = vec![hostile.clone()];
        if let Some(money) = &mut outcome.economics {
            money.currency.clone_from(&hostile);
        }
    }
    for charge in &mut result.privacy.charged {
        charge.dataset.clone_from(&hostile);
        charge.owner.clone_from(&hostile);
    }
    let from = Provenance {
        asked_by: hostile.clone(),
        receivers: vec![hostile.clone()],
        root: hostile.clone(),
        contract_file: hostile.clone(),
        danger_root: Some(hostile.clone()),
        attested: hostile.clone(),
        ..provenance()
    };
    let page = page(&JobResult::Lift(result), &from).unwrap();
    assert!(!page.contains("<img"), "markup got through");
    assert_eq!(page.matches("</title>").count(), 3);
    assert_eq!(page.matches("</svg>").count(), 2);
    assert_eq!(page.matches("</style>").count(), 1);
}

#[test]
fn a_result_without_any_estimate_still_makes_a_page() {
    let mut result = sample::result();
    for outcome in &mut result.outcomes {
        outcome.diff_in_means = None;
        outcome.relative_lift = None;
        outcome.flags = vec!["withheld".to_owned()];
    }
    let page = page(&JobResult::Lift(result), &provenance()).unwrap();
    assert!(!page.contains("<svg"));
    assert!(page.contains("could not be estimated"));
}
