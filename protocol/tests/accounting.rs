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
        assert!((tight / published - 1.0).abs() < 1e-3, "{name}: {tight}, {published}");

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

fn cases(kind: &str) -> Vec<Value> {
    let vectors: Value =
        serde_json::from_str(include_str!("vectors/accounting-v1/accounting.json")).unwrap();
    let all = vectors["cases"].as_array().unwrap();
    all.iter().filter(|case| case["kind"] == kind).cloned().collect()
}

fn real(case: &Value, name: &str) -> f64 {
    case[name].as_f64().unwrap()
}
