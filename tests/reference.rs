//! The whole room with its noise off, against figures that somebody else computed.

use protocol::result::{DiffInMeans, LiftResult, OutcomeResult, RelativeLift};
use rehearsal::Rehearsal;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};
use tests::repository;

/// `tests/vectors/lift-v1/hillstrom.json`, made by `make.py` beside it.
#[derive(Deserialize)]
struct Vectors {
    holm_mens_visit_conversion_spend: [f64; 3],
    economics_mens: Economics,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    test: Vec<String>,
    control: Vec<String>,
    outcome: String,
    cap: Option<f64>,
    level: f64,
    expected: Figures,
}

#[derive(Deserialize)]
struct Figures {
    n_t: i64,
    n_c: i64,
    mean_t: f64,
    mean_c: f64,
    ate: f64,
    se: f64,
    df: f64,
    t: f64,
    p: f64,
    ci: [f64; 2],
    rel_lift: f64,
    fieller_g: f64,
    ci_fieller: [f64; 2],
}

#[derive(Deserialize)]
struct Economics {
    cost: f64,
    incremental_conversions: f64,
    incremental_conversions_ci: [f64; 2],
    incremental_value: f64,
    incremental_value_ci: [f64; 2],
    iroas: f64,
    iroas_ci: [f64; 2],
}

#[tokio::test]
async fn try_with_noise_off_reproduces_the_reference() {
    let vectors = vectors();
    // Every arm and level is one job; it has all outcomes of its cases.
    let mut jobs: BTreeMap<(String, String), Vec<&Case>> = BTreeMap::new();
    for case in &vectors.cases {
        jobs.entry((case.test.join(" "), case.level.to_string())).or_default().push(case);
    }
    assert_eq!(jobs.len(), 6);
    for cases in jobs.values() {
        let result = rehearse(&template(cases), false).await;
        assert!(!result.noise);
        assert_eq!(result.answer.outcomes.len(), cases.len());
        for (case, outcome) in cases.iter().zip(&result.answer.outcomes) {
            let what = format!("{:?} {} {:?}", case.test, case.outcome, case.cap);
            case.expected.agree(&what, case.level, outcome);
        }
    }
}

/// The jobs that the repository ships, as a person would try them.
#[tokio::test]
async fn the_shipped_job_reproduces_the_references_adjusted_p_values_and_economics() {
    let vectors = vectors();
    let template = std::fs::read_to_string(data("lift.toml")).unwrap();
    let result = rehearse(&template, false).await;
    for (outcome, expected) in
        result.answer.outcomes.iter().zip(vectors.holm_mens_visit_conversion_spend)
    {
        let found = outcome.diff_in_means.as_ref().unwrap().p_adjusted.unwrap();
        same(&outcome.name, found, expected);
    }
    assert!(!result.answer.sample_ratio.failed);
    assert!(result.flags.is_empty(), "{:?}", result.flags);
    // The reference's intervals are of one outcome each; those beside adjusted p-values are wider.
    let adjusted = "multiplicity = \"holm\"";
    assert!(template.contains(adjusted));
    let result = rehearse(&template.replace(adjusted, "multiplicity = \"none\""), false).await;
    let [visit, conversion, spend] = result.answer.outcomes.as_slice() else { panic!() };
    let expected = vectors.economics_mens;
    let found = |outcome: &OutcomeResult| outcome.economics.clone().unwrap();
    same("cost", found(visit).cost, expected.cost);
    same("conversions", found(conversion).incremental.unwrap(), expected.incremental_conversions);
    let ends = found(conversion).incremental_ci.unwrap();
    interval("conversions", ends, expected.incremental_conversions_ci);
    same("value", found(spend).incremental.unwrap(), expected.incremental_value);
    interval("value", found(spend).incremental_ci.unwrap(), expected.incremental_value_ci);
    same("iroas", found(spend).iroas.unwrap(), expected.iroas);
    interval("iroas", found(spend).iroas_ci.unwrap(), expected.iroas_ci);
}

/// If it did not, the two tests above would say nothing about a room with noise.
#[tokio::test]
async fn the_same_job_with_noise_says_so_and_has_other_figures() {
    let template = std::fs::read_to_string(data("any.toml")).unwrap();
    let (exact, noisy) = (rehearse(&template, false).await, rehearse(&template, true).await);
    assert!(noisy.noise && !exact.noise);
    let n = |result: &LiftResult| result.answer.outcomes[0].test.as_ref().unwrap().n;
    assert_eq!(n(&exact), 42_694);
    let sums = |r: &LiftResult| {
        r.answer.outcomes.iter().map(|o| o.test.clone().unwrap().sum).collect::<Vec<_>>()
    };
    assert_ne!(sums(&exact), sums(&noisy));
    let mechanism =
        |r: &LiftResult| r.answer.outcomes[0].diff_in_means.clone().unwrap().se_mechanism;
    assert!(mechanism(&exact) == 0.0 && mechanism(&noisy) > 0.0);
}

impl Figures {
    fn agree(&self, what: &str, level: f64, found: &OutcomeResult) {
        let DiffInMeans { n_t, n_c, mean_t, mean_c, ate, se, df, t, p, ci, ci_level, .. } =
            found.diff_in_means.clone().unwrap();
        assert_eq!((n_t, n_c), (self.n_t, self.n_c), "{what}");
        let RelativeLift { rel_lift, ci_fieller, fieller_g, .. } =
            found.relative_lift.clone().unwrap();
        for (name, found, expected) in [
            ("mean_t", mean_t, self.mean_t),
            ("mean_c", mean_c, self.mean_c),
            ("ate", ate, self.ate),
            ("se", se, self.se),
            ("df", df.unwrap(), self.df),
            ("t", t.unwrap(), self.t),
            ("p", p.unwrap(), self.p),
            ("level", ci_level, level),
            ("rel_lift", rel_lift.unwrap(), self.rel_lift),
            ("fieller_g", fieller_g.unwrap(), self.fieller_g),
        ] {
            same(&format!("{what} {name}"), found, expected);
        }
        interval(&format!("{what} ci"), ci.unwrap(), self.ci);
        interval(&format!("{what} ci_fieller"), ci_fieller.unwrap(), self.ci_fieller);
        assert!(found.flags.is_empty(), "{what}: {:?}", found.flags);
    }
}

fn same(what: &str, found: f64, expected: f64) {
    let off = (found - expected).abs() / expected.abs();
    assert!(off <= RELATIVE, "{what}: found {found:e}, expected {expected:e}");
}

fn interval(what: &str, found: [Option<f64>; 2], expected: [f64; 2]) {
    for (found, expected) in found.into_iter().zip(expected) {
        same(what, found.unwrap(), expected);
    }
}

fn template(cases: &[&Case]) -> String {
    let first = cases.first().unwrap();
    let mut text = format!(
        "[lift]\nversion = 1\nconfidence = {}\n[lift.assignment]\ncolumn = \"arm\"\n\
         test = {:?}\ncontrol = {:?}\n[lift.privacy]\nepsilon = 1.0\ndelta = 1e-6\n",
        first.level, first.test, first.control
    );
    for (index, case) in cases.iter().enumerate() {
        let kind = match case.cap {
            None => "type = \"binary\"".to_owned(),
            Some(cap) => format!("type = \"value\"\ncap_per_user = {cap:?}"),
        };
        let Case { outcome, .. } = case;
        text.push_str(&format!(
            "[[lift.outcome]]\nname = \"{outcome}-{index}\"\ncolumn = \"{outcome}\"\n{kind}\n"
        ));
    }
    text
}

async fn rehearse(job: &str, noise: bool) -> LiftResult {
    let contract = std::fs::read_to_string(vector("contract.toml")).unwrap();
    let files = [("exposures", "publisher.csv"), ("sales", "retailer.csv")];
    let files = files.map(|(name, file)| (name.to_owned(), data(file))).into();
    let mut rehearsal = Rehearsal::new(&contract, job, &files);
    rehearsal.noise = noise;
    let done = rehearsal.run(&mut |_| {}).await.unwrap();
    assert!(
        done.sealed.iter().all(|sealed| sealed.count.rows == 64_000 && sealed.padded == 65_536)
    );
    done.result.of().unwrap()
}

fn vectors() -> Vectors {
    serde_json::from_slice(&std::fs::read(vector("hillstrom.json")).unwrap()).unwrap()
}

fn vector(file: &str) -> PathBuf {
    repository("tests/vectors/lift-v1").join(file)
}

fn data(file: &str) -> PathBuf {
    repository("tests/data/hillstrom").join(file)
}

/// Of the expected figure.
const RELATIVE: f64 = 1e-9;
