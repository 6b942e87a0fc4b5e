//! Chosen places, for tests of what is shown.

use protocol::result::{CHOICE_FORMAT, ChoiceResult, LiftResult, PERMUTE_AND_FLIP, PrivacyReport};

/// The 95 % point of spend.
pub(crate) fn quantile() -> ChoiceResult {
    choice(
        "sales.spend of each person",
        Some(0.95),
        &["10.00", "50.00", "100.00", "200.00", "500.00"],
        "100.00",
    )
}

/// The arm with the most people.
pub(crate) fn fullest() -> ChoiceResult {
    ChoiceResult {
        people_off: 21.9,
        ..choice("exposures.arm", None, &["mens", "womens", "none"], "mens")
    }
}

fn choice(of: &str, quantile: Option<f64>, offered: &[&str], chosen: &str) -> ChoiceResult {
    let LiftResult {
        noise, contract, contract_name, job, asked_by, purpose, time, privacy, ..
    } = super::result();
    ChoiceResult {
        format: CHOICE_FORMAT.to_owned(),
        noise,
        contract,
        contract_name,
        job,
        asked_by,
        analysis: "reach".to_owned(),
        purpose,
        time,
        counted: "people of exposures, joined with sales".to_owned(),
        of: of.to_owned(),
        quantile,
        offered: offered.iter().map(|&it| it.to_owned()).collect(),
        chosen: chosen.to_owned(),
        people_off: 62.7,
        privacy: PrivacyReport { mechanism: PERMUTE_AND_FLIP.to_owned(), ..privacy },
        flags: Vec::new(),
    }
}
