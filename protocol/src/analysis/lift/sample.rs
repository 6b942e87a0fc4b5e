//! A result with the figures of the Hillstrom experiment, for tests of what is shown.

use super::Cell;
use crate::{
    digest::Digest,
    job::{Alternative, Multiplicity, OutcomeKind},
    result::{
        ArmResult, CellCount, ChargeReport, DiffInMeans, Economics, FORMAT, LiftAnswer, LiftResult,
        MatchRate, MatchRates, NoiseSd, OutcomeResult, PrivacyReport, RelativeLift, ReleasedAs,
        SampleRatio,
    },
    time::Time,
};

/// Men's e-mail against none; spend has no relative lift, which the experiment did not.
#[must_use]
pub fn result() -> LiftResult {
    LiftResult {
        format: FORMAT.to_owned(),
        noise: true,
        contract: Digest::of("sample", b"contract"),
        contract_name: "hillstrom".to_owned(),
        job: "0123456789abcdef0123456789abcdef".to_owned(),
        asked_by: "publisher".to_owned(),
        analyst_key: "ana".to_owned(),
        analysis: "lift".to_owned(),
        purpose: "measurement".to_owned(),
        time: Time(1_795_435_200_000),
        answer: answer(),
        privacy: PrivacyReport {
            mechanism: "discrete_gaussian".to_owned(),
            unit: "everything that one person has in all datasets: all rows of up to 1 identifier"
                .to_owned(),
            epsilon: 1.0,
            delta: 1e-6,
            selection_delta: 0.0,
            rho: 0.024_356,
            min_cell: 50,
            charged: [("exposures", "publisher"), ("sales", "retailer")]
                .map(|(dataset, owner)| ChargeReport {
                    dataset: dataset.to_owned(),
                    owner: owner.to_owned(),
                    rho: 0.024_356,
                    rho_left_in_instance: Some(0.0),
                })
                .to_vec(),
        },
        matched_by: Vec::new(),
        flags: Vec::new(),
    }
}

fn answer() -> LiftAnswer {
    let cells = [Some(21_307), Some(-4), Some(21_306), Some(9), Some(2), Some(21_387), Some(-7)];
    let cells = Cell::ALL.into_iter().zip(cells);
    LiftAnswer {
        registered_at: None,
        estimand: "Difference in the mean per person between the people assigned to the test arm \
                   and those assigned to the control arm, among those found in both datasets."
            .to_owned(),
        test: vec!["mens".to_owned()],
        control: vec!["none".to_owned()],
        confidence: 0.95,
        alternative: Alternative::TwoSided,
        multiplicity: Multiplicity::Holm,
        cells: cells.map(|(cell, n)| CellCount { cell, n, noise_sd: 11.97 }).collect(),
        sample_ratio: SampleRatio {
            expected_test_share: 0.5,
            chi2: Some(0.00002),
            p: Some(0.9961),
            flag_p: 0.001,
            failed: false,
        },
        match_rates: Some(MatchRates {
            test: MatchRate { rate: 1.0, ci: [0.9985, 1.0] },
            control: MatchRate { rate: 0.9996, ci: [0.9982, 1.0] },
            p: 0.7213,
            flag_p: 0.001,
            differs: false,
        }),
        consent_rates: None,
        outcomes: vec![visit(), conversion(), spend()],
        breakdown: None,
    }
}

#[expect(clippy::disallowed_methods, reason = "a result made by hand, which nobody derives again")]
fn diff(means: [f64; 2], errors: [f64; 2], ends: [f64; 2], p: f64) -> DiffInMeans {
    let [mean_t, mean_c] = means;
    let [se_sampling, se_mechanism] = errors;
    DiffInMeans {
        n_t: 21_307,
        n_c: 21_306,
        mean_t,
        mean_c,
        ate: mean_t - mean_c,
        se: se_sampling.hypot(se_mechanism),
        se_sampling,
        se_mechanism,
        df: None,
        t: Some((mean_t - mean_c) / se_sampling.hypot(se_mechanism)),
        p: Some(p),
        p_adjusted: Some(p),
        ci_level: 1.0 - 0.05 / 3.0,
        ci: Some(ends.map(Some)),
        ci_method: "normal_with_noise".to_owned(),
    }
}

fn outcome(name: &str, kind: OutcomeKind, diff: DiffInMeans) -> OutcomeResult {
    OutcomeResult {
        name: name.to_owned(),
        column: name.to_owned(),
        kind,
        cap: 1.0,
        floor: 0.0,
        bias_note: None,
        released_as: ReleasedAs::Arms,
        test: Some(ArmResult { n: 21_303, sum: 0.0, sum_noise_sd: 11.3, sum_sq: None, mean: None }),
        control: Some(ArmResult {
            n: 21_315,
            sum: 0.0,
            sum_noise_sd: 11.3,
            sum_sq: None,
            mean: None,
        }),
        margin: None,
        late: None,
        cuped: None,
        minimum_detectable: Some(diff.se * 2.8),
        diff_in_means: Some(diff),
        relative_lift: None,
        economics: None,
        noise_sd: NoiseSd { n: 11.97, sum_sq: None },
        flags: Vec::new(),
    }
}

fn visit() -> OutcomeResult {
    let diff = diff(
        [0.182_756_840_474_961_27, 0.106_167_276_823_430_02],
        [0.003_385_887, 0.000_4],
        [0.069_953, 0.083_226],
        5.7e-112,
    );
    let relative_lift = Some(RelativeLift {
        rel_lift: Some(0.721_404_616_781_399),
        ci_few_events: None,
        ci_fieller: Some([Some(0.640_927), Some(0.806_9)]),
        fieller_g: Some(0.001),
    });
    OutcomeResult { relative_lift, ..outcome("visit", OutcomeKind::Binary, diff) }
}

fn conversion() -> OutcomeResult {
    let diff = diff(
        [0.012_531_093, 0.005_726_086],
        [0.000_920_872, 0.000_3],
        [0.004_906_8, 0.008_703_1],
        1.5e-13,
    );
    let relative_lift = Some(RelativeLift {
        rel_lift: Some(1.188_421_876),
        ci_few_events: None,
        ci_fieller: Some([Some(0.779_533), Some(1.738_9)]),
        fieller_g: Some(0.03),
    });
    OutcomeResult { relative_lift, ..outcome("conversion", OutcomeKind::Binary, diff) }
}

fn spend() -> OutcomeResult {
    let diff =
        diff([1.422_616_511, 0.652_789_355], [0.145_246_56, 0.339], [0.047_1, 1.492_6], 0.0368);
    let relative_lift = Some(RelativeLift {
        rel_lift: None,
        ci_fieller: None,
        ci_few_events: None,
        fieller_g: None,
    });
    let economics = Some(Economics {
        cost: 1065.35,
        currency: "USD".to_owned(),
        incremental: Some(16_402.7),
        incremental_ci: Some([Some(1003.6), Some(31_803.0)]),
        iroas: Some(15.396_543),
        iroas_ci: Some([Some(0.942), Some(29.852)]),
        cost_per_incremental: None,
        cost_per_incremental_ci: None,
    });
    OutcomeResult {
        cap: 499.0,
        relative_lift,
        economics,
        bias_note: Some("values above 499 per person count as 499".to_owned()),
        flags: vec!["control_near_zero".to_owned()],
        noise_sd: NoiseSd { n: 11.97, sum_sq: Some(4_212_000.0) },
        ..outcome("spend", OutcomeKind::Value, diff)
    }
}
