//! The accountants against published implementations: `tests/vectors/accounting-v1`.

#![cfg(test)]

use protocol::accounting::{Mechanism, gaussian, pld, rdp, zcdp};
use serde_json::Value;

#[test]
fn training_runs_agree_with_two_other_accountants() {
    let mut seen = 0;
    for case in cases("sgm") {
        let (rate, sigma, delta) = (real(&case, "q"), real(&case, "sigma"), real(&case, "delta"));
        let steps = case["steps"].as_u64().unwrap();
        let run = [(Mechanism::subsampled_gaussian(sigma, rate).unwrap(), steps)];
        let floor = real(&case, "eps_prv_lower").max(case["eps_exact"].as_f64().unwrap_or(0.0));

        let tight = pld::epsilon(&run, delta).unwrap();
        let (published, name) = (real(&case, "eps_pld_pess"), &case["id"]);
        assert!(tight >= floor, "{name}: {tight} is below {floor}");
        assert!(tight <= published * 1.001, "{name}: {tight}, {published}");
        let comparable = pld::epsilon_on_reference_grid(&run, delta).unwrap();
        let close = (comparable / published - 1.0).abs() < 1e-3;
        assert!(close && comparable >= floor, "{name}: {comparable}, {published}");

        let ledger = rdp::epsilon(&run, delta).unwrap();
        let published = real(&case, "eps_rdp");
        assert!(ledger >= tight && ledger <= 1.01 * published, "{name}: {ledger}, {published}");
        seen += 1;
    }
    assert_eq!(seen, 22);
}

#[test]
fn laplace_compositions_agree_with_another_accountant() {
    let mut seen = 0;
    for case in cases("laplace_composition") {
        let it = Mechanism::laplace(1.0 / real(&case, "eps_each")).unwrap();
        let run = [(it, case["count"].as_u64().unwrap())];
        let found = pld::epsilon(&run, real(&case, "delta")).unwrap();
        let (published, below) = (real(&case, "eps_pld_pess"), real(&case, "eps_pld_opt"));
        assert!(
            found >= below && (found / published - 1.0).abs() < 1e-3,
            "{}: {found}",
            case["id"]
        );
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn calibrated_gaussians_agree_to_nine_digits_and_are_rounded_up() {
    let mut seen = 0;
    for case in cases("gaussian") {
        let found = gaussian::sigma(real(&case, "eps"), real(&case, "delta"), 1.0).unwrap();
        let exact: f64 = case["sigma_analytic"].as_str().unwrap().parse().unwrap();
        assert!(found >= exact && found <= exact * (1.0 + 1e-9), "{}: {found}", case["id"]);
        seen += 1;
    }
    assert_eq!(seen, 9);
}

#[test]
fn zcdp_agrees_with_the_tight_conversion() {
    let mut seen = 0;
    for case in cases("zcdp") {
        let rho = case["rhos"].as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).sum();
        let found = zcdp::epsilon(rho, real(&case, "delta")).unwrap();
        let published = real(&case, "eps_cks");
        assert!((found - published).abs() < 1e-6, "{}: {found}, {published}", case["id"]);
        seen += 1;
    }
    assert_eq!(seen, 10);
}

/// Rare batches: the largest losses are thousands of times the step that the common ones ask for.
#[test]
fn rare_batches_are_accounted_to_a_thousandth() {
    let mut seen = [0; 2];
    for case in low_rates() {
        let (run, delta, published) = (run(&case), real(&case, "delta"), real(&case, "eps_rdp"));
        let ledger = rdp::epsilon(&run, delta).unwrap();
        assert!(ledger <= published * (1.0 + 1e-6), "{case}: {ledger}");
        if let Some(published) = case["eps_pld_pess"].as_f64() {
            let tight = pld::epsilon(&run, delta).unwrap();
            assert!((tight / published - 1.0).abs() < 1e-3 && tight < ledger, "{case}: {tight}");
            let comparable = pld::epsilon_on_reference_grid(&run, delta).unwrap();
            let published = real(&case, "eps_pld_pess_reference_step");
            // Where losses are rarest the shorter grid of ours counts too, by about a hundredth.
            let close = (comparable / published - 1.0).abs() < 0.013;
            assert!(close && comparable >= tight * (1.0 - 1e-3), "{case}: {comparable}");
            seen[0] += 1;
        }
        if let Some(exact) = case["eps_exact"].as_f64() {
            let tight = pld::epsilon(&run, delta).unwrap();
            assert!(tight >= exact && tight <= exact * 1.001, "{case}: {tight}");
            seen[1] += 1;
        }
    }
    assert_eq!(seen, [9, 4]);
}

/// Where δ² ≥ 1 - exp(-D), dp_accounting says 0, and so do we.
#[test]
fn a_loss_below_its_delta_in_total_variation_is_none() {
    let none = low_rates().into_iter().filter(|case| real(case, "eps_rdp") <= 0.0);
    let found: Vec<f64> =
        none.map(|case| rdp::epsilon(&run(&case), real(&case, "delta")).unwrap()).collect();
    assert_eq!(found, [0.0, 0.0]);
}

#[test]
fn laplaces_together_never_lose_more_than_their_sum() {
    for (each, count, delta) in
        [(0.01, 1, 1e-15), (0.01, 2, 1e-15), (1e-6, 1, 1e-29), (3.0, 2, 1e-20)]
    {
        let run = [(Mechanism::laplace(1.0 / each).unwrap(), count)];
        let most = each * real_count(count);
        let found = pld::epsilon(&run, delta).unwrap();
        assert!(found <= most * (1.0 + 1e-13) && found >= most * (1.0 - 1e-5), "{each}: {found}");
    }
}

fn real_count(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

fn run(case: &Value) -> [(Mechanism, u64); 1] {
    let step = Mechanism::subsampled_gaussian(real(case, "sigma"), real(case, "q")).unwrap();
    [(step, case["steps"].as_u64().unwrap())]
}

fn low_rates() -> Vec<Value> {
    let text = include_str!("vectors/accounting-v1/low_rates.json");
    let vectors: Value = serde_json::from_str(text).unwrap();
    vectors["cases"].as_array().unwrap().clone()
}

fn cases(kind: &str) -> Vec<Value> {
    let vectors: Value =
        serde_json::from_str(include_str!("vectors/accounting-v1/accounting.json")).unwrap();
    let all = vectors["cases"].as_array().unwrap();
    all.iter().filter(|case| case["kind"] == kind).cloned().collect()
}

fn real(case: &Value, name: &str) -> f64 {
    case[name].as_f64().unwrap()
}
