//! Results, as their receivers read them.

use super::{Folder, room};
use crate::{
    analysis::{Answer, lift::Cell},
    job::{Alternative, Multiplicity, OutcomeKind},
    result::{
        ArmResult, BreakdownResult, CellCount, ChargeReport, ChoiceAnswer, ChoiceResult,
        CountRange, DiffInMeans, Economics, Estimate, FORMAT, Heterogeneity, JobResult, LeftOut,
        LiftAnswer, LiftResult, MatchRate, MatchRates, MatchedShare, MeasureEstimate, NoiseSd,
        OtherCells, OtherTotal, OutcomeResult, PartResult, PrivacyReport, RelativeLift, ReleasedAs,
        SampleRatio, SegmentRatio, SpreadEstimate, TableAnswer, TableCell, TableResult,
    },
};

#[test]
fn results_have_the_bytes_they_had() {
    let mut folder = Folder::open("result-v2");
    let results =
        [lift().map(Answer::Lift), table().map(Answer::Table), choice().map(Answer::Choice)];
    let kind = |result: &JobResult| result.answer.kind();
    for result in &results {
        let file = format!("{}.json", kind(result));
        let bytes = folder.file(&file, &result.to_json().unwrap());
        let read = JobResult::from_json(&bytes).unwrap();
        assert_eq!((&read, read.to_json().unwrap()), (result, bytes), "{file}");
    }
    folder.finish();
}

fn privacy() -> PrivacyReport {
    let charge = ChargeReport {
        dataset: "sales".to_owned(),
        owner: "retailer".to_owned(),
        rho: 0.017,
        rho_left_in_instance: Some(0.0),
    };
    PrivacyReport {
        mechanism: "discrete_gaussian".to_owned(),
        unit: "person".to_owned(),
        epsilon: 1.0,
        delta: 1e-6,
        selection_delta: 1e-7,
        rho: 0.017,
        min_cell: 60,
        charged: vec![charge],
    }
}

fn lift() -> LiftResult {
    let arm = |n: i64, sum: f64| ArmResult {
        n,
        sum,
        sum_noise_sd: 3.25,
        sum_sq: Some(sum),
        mean: Some(0.125),
    };
    let outcome = OutcomeResult {
        name: "visit".to_owned(),
        column: "visit".to_owned(),
        kind: OutcomeKind::Binary,
        cap: 1.0,
        floor: 0.0,
        bias_note: None,
        released_as: ReleasedAs::Arms,
        test: Some(arm(1000, 125.0)),
        control: Some(arm(1016, 63.5)),
        diff_in_means: Some(DiffInMeans {
            n_t: 1000,
            n_c: 1016,
            mean_t: 0.125,
            mean_c: 0.0625,
            ate: 0.0625,
            se: 0.015625,
            se_sampling: 0.015,
            se_mechanism: 0.004375,
            df: Some(1999.5),
            t: Some(4.0),
            p: Some(6.25e-5),
            p_adjusted: Some(1.25e-4),
            ci_level: 0.9,
            ci: Some([Some(0.03125), None]),
            ci_method: "welch_t".to_owned(),
        }),
        relative_lift: Some(RelativeLift {
            rel_lift: Some(1.0),
            ci_fieller: Some([Some(0.5), None]),
            ci_few_events: None,
            fieller_g: Some(0.0625),
        }),
        margin: None,
        late: None,
        cuped: None,
        minimum_detectable: Some(0.04),
        economics: Some(Economics {
            cost: 1065.35,
            currency: "EUR".to_owned(),
            incremental: Some(62.5),
            incremental_ci: Some([Some(31.25), None]),
            iroas: None,
            iroas_ci: None,
            cost_per_incremental: Some(17.0456),
            cost_per_incremental_ci: Some([None, Some(34.0912)]),
        }),
        noise_sd: NoiseSd { n: 4.5, sum_sq: Some(3.25) },
        flags: vec!["few_events".to_owned()],
    };
    let cells = Cell::ALL.map(|cell| CellCount { cell, n: Some(1000), noise_sd: 4.5 });
    let answer = LiftAnswer {
        registered_at: Some(room::NOW),
        estimand: "intention to treat".to_owned(),
        test: vec!["mens".to_owned()],
        control: vec!["none".to_owned()],
        confidence: 0.9,
        alternative: Alternative::Greater,
        multiplicity: Multiplicity::Holm,
        cells: cells.into(),
        sample_ratio: SampleRatio {
            expected_test_share: 0.5,
            chi2: Some(0.127),
            p: Some(0.72),
            flag_p: 0.01,
            failed: false,
        },
        match_rates: Some(MatchRates {
            test: MatchRate { rate: 0.75, ci: [0.71875, 0.78125] },
            control: MatchRate { rate: 0.5, ci: [0.46875, 0.53125] },
            p: 1.25e-9,
            flag_p: 0.001,
            differs: true,
        }),
        consent_rates: None,
        breakdown: Some(breakdown(&outcome)),
        outcomes: vec![outcome],
    };
    JobResult {
        format: FORMAT.to_owned(),
        noise: true,
        contract: room::contract().digest,
        contract_name: "golden".to_owned(),
        job: "01".repeat(32),
        asked_by: "publisher".to_owned(),
        analyst_key: "ana".to_owned(),
        analysis: "lift".to_owned(),
        purpose: "measurement".to_owned(),
        time: room::NOW,
        privacy: privacy(),
        matched_by: Vec::new(),
        flags: vec!["near_duplicate: of an earlier question".to_owned()],
        answer,
    }
}

fn breakdown(outcome: &OutcomeResult) -> BreakdownResult {
    let part = |segment: &str, outcomes: Vec<OutcomeResult>| PartResult {
        segment: vec![segment.to_owned()],
        creative: Some("mens".to_owned()),
        withheld: outcomes.is_empty(),
        outcomes,
    };
    let ratio = |segment: &str, chi2: Option<f64>| SegmentRatio {
        segment: vec![segment.to_owned()],
        sample_ratio: SampleRatio {
            expected_test_share: 0.5,
            chi2,
            p: chi2.map(|_| 0.22),
            flag_p: 0.01,
            failed: false,
        },
    };
    BreakdownResult {
        segments: vec!["region".to_owned()],
        creative: Some("arm".to_owned()),
        comparisons: 3,
        parts: vec![part("north", vec![outcome.clone()]), part("south", Vec::new())],
        differences: vec![Heterogeneity {
            outcome: outcome.name.clone(),
            q: Some(3.5),
            df: Some(1),
            p: Some(0.0614),
        }],
        sample_ratios: vec![ratio("north", Some(1.5)), ratio("south", None)],
        left_out: LeftOut { test: Some(120), control: None },
    }
}

fn table() -> TableResult {
    let estimate = |value: f64| Estimate { value, noise_sd: 4.5, ci: [value - 8.0, value + 8.0] };
    let cell = |names: &[&str]| TableCell {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        people: estimate(120.0),
        measures: vec![MeasureEstimate {
            name: "spent".to_owned(),
            cap: 99.5,
            floor: -20.5,
            total: estimate(1500.0),
            mean: estimate(12.5),
            spread: Some(SpreadEstimate { value: 2.25, ci: [0.0, 4.5] }),
        }],
    };
    let answer = TableAnswer {
        counted: "people in exposures".to_owned(),
        group_by: ["matched", "exposures.arm"].map(str::to_owned).into(),
        cells_per_person: 2,
        confidence: 0.9,
        cells: vec![cell(&["yes", "mens"])],
        shown_from: 50,
        other: Some(OtherCells {
            people_at_least: 31,
            measures: vec![OtherTotal { name: "spent".to_owned(), total: estimate(420.5) }],
        }),
        withheld_cells: CountRange { n: 9, noise_sd: 2.5, ci: [4, 14] },
        withheld_without_value: Some(2),
        no_consent: Some(CountRange { n: 57, noise_sd: 4.5, ci: [43, 65] }),
        consent_from: vec!["sales".to_owned()],
        matched: Some(MatchedShare {
            share: 0.25,
            ci: [0.21875, 0.28125],
            share_with_refusers: Some(0.5),
        }),
    };
    JobResult {
        format: FORMAT.to_owned(),
        noise: true,
        contract: room::contract().digest,
        contract_name: "golden".to_owned(),
        job: "04".repeat(32),
        asked_by: "publisher".to_owned(),
        analyst_key: "ana".to_owned(),
        analysis: "groups".to_owned(),
        purpose: "measurement".to_owned(),
        time: room::NOW,
        privacy: privacy(),
        matched_by: Vec::new(),
        flags: Vec::new(),
        answer,
    }
}

fn choice() -> ChoiceResult {
    let answer = ChoiceAnswer {
        counted: "people in exposures".to_owned(),
        of: "sales.spend".to_owned(),
        quantile: Some(0.9),
        offered: ["1.00", "2.50", "10.00", "100.00"].map(str::to_owned).into(),
        chosen: "10.00".to_owned(),
        people_off: 12.5,
    };
    JobResult {
        format: FORMAT.to_owned(),
        noise: true,
        contract: room::contract().digest,
        contract_name: "golden".to_owned(),
        job: "05".repeat(32),
        asked_by: "publisher".to_owned(),
        analyst_key: "ana".to_owned(),
        analysis: "groups".to_owned(),
        purpose: "measurement".to_owned(),
        time: room::NOW,
        privacy: privacy(),
        matched_by: Vec::new(),
        flags: Vec::new(),
        answer,
    }
}
